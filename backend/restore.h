/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_RESTORE_H
#define SETASIDE_RESTORE_H

/*
 * restore: archives of a set become live trees, all of them or none.
 *
 *	restore_plan	resolves every target, names everything that will be made;
 *			changes nothing
 *	restore_prepare	journal `preparing`; parents and staging trees made; their
 *			inodes in the journal; archives unpacked and verified; excluded
 *			live files carried over; file systems synced
 *	restore_commit	journal `swapping` (the commit point); names exchanged;
 *			journal `restored`
 *	restore_abandon	before the commit point: staging trees and made parents go
 *
 * Order:
 *	1. journal `preparing`: all names that will be made
 *	2. missing parents, outermost first, each synced into its own; staging
 *	   trees beside the targets
 *	3. journal again: inode numbers of the staging trees
 *	4. archives unpacked and verified; excluded live files carried over; each file
 *	   system of a target synced (syncfs)
 *	5. all is looked at once more; journal `swapping` with all inode
 *	   numbers: the commit point
 *	6. item by item: names exchanged (worker/swap.h), the
 *	   directory synced before the next
 *	7. journal `restored`; then it is answered
 *
 * Recovery, with the apps' locks held and no worker alive: `preparing` is abandoned,
 * staging trees and made parents that are empty go, then the row; `swapping` goes forward
 * (restore_forward), told by inode numbers, and if one item cannot because something else
 * is there, all items go back (restore_backward) and it is abandoned; if something is
 * missing for now it stays pending, and is named.  Each step may be repeated.
 *
 * An undo has an id and a row of its own, its items are the restore's, turned round:
 *	1. journal `linking`
 *	2. excluded live files carried into what rests aside, and synced;
 *	   repeating it harms nothing
 *	3. journal `swapping`: the commit point, and from here what rests
 *	   aside belongs to the undo
 *	4. as 6 above; made parents that are empty go
 *	5. journal `restored`
 * Recovery: `linking` is dropped and nothing removed, since what rests aside is the
 * restore's; `swapping` goes on as above.
 *
 * Keep and expiry: row `cleaning` (the commit point), what rests aside removed and its
 * directory synced, row `closed`.  Recovery goes forward.
 *
 * backend knows neither users nor processes: workers come from callbacks.
 */

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/observer.h"
#include "backend/base/strings.h"
#include "backend/journal.h"
#include "backend/tree/apply.h"
#include "backend/worker/swapper.h"

/* A tree of an archive and where it is to live. */
struct restore_tree {
	const char *tree; /* archive path: "common/profile", "7" */
	const char *path; /* absolute below the root */
	bool is_file;
	bool optional; /* the archive may not hold it: then what is live stays */
	const struct strings
		*patterns; /* excludes in force at the save, anchored at its top */
};

struct restore_archive {
	const char *app;
	const char *member;
	const char *user;     /* NULL: system data */
	const char *revision; /* top of the archive beside "common" */
	unsigned flags;       /* enum apply_flags */
	struct worker *reader;
	uint64_t handle;
	uint64_t allocated, entries; /* what unpacking needs */
	uint64_t size; /* of the member, as its zip says: its part of the progress */
	const struct strings *snapd; /* run-time excludes */
	const struct strings *paths; /* archive paths that were skipped */
	struct restore_tree *trees;
	size_t n_trees;
};

/* Where workers come from; they stay their owner's.  The observer (NULL: nobody) may
 * cancel the start of one that is not there yet. */
struct restore_workers {
	/* One that acts in directories of uid; user NULL: for system data. */
	int (*swapper)(void *ctx, const char *user, uint32_t uid, uint32_t gid,
		       const struct observer *observer, struct worker **ret,
		       struct err *err);
	/* For an archive: *ret_applier is NULL where the unpacker
	 * itself makes the files. */
	int (*unpacker)(void *ctx, const char *user, const struct observer *observer,
			struct worker **ret_unpacker, struct worker **ret_applier,
			struct err *err);
	void *ctx;
};

/* The swapper that acts on an item itself. */
int restore_item_swapper(const struct restore_workers *workers,
			 const struct journal_item *item, const struct observer *observer,
			 struct worker **ret, struct err *err);
/* The swapper for what lies within a tree (to carry files over, to remove what rests
 * aside): the user's own; of system data, whose owners are mixed, root's, whoever owns
 * the directory that the tree lies in. */
int restore_inner_swapper(const struct restore_workers *workers, const char *user,
			  uint32_t uid, uint32_t gid, const struct observer *observer,
			  struct worker **ret, struct err *err);

struct restore_options {
	const struct restore_workers *workers;
	const struct observer *observer;
	const struct apply_report *report;  /* what was left out of entries */
	const struct carry_report *carried; /* what could not be carried over (force) */
	const struct strings
		*leave_out; /* names in mount points that are other restores', or NULL */
	bool force;
	/* For recovery's calls (abandon, forward, backward, clean, remove_parents):
	 * nothing is changed, and what could be seen to fail fails. */
	bool only_look;
};

/* One target of the plan. */
struct restore_target {
	const struct restore_archive *archive;
	const struct restore_tree *tree;
	struct swapper_place place;
	char *aside;
	int fd;       /* staging; -1 before and after */
	uint64_t ino; /* of the staging */
	bool found;   /* the archive held it */
};

/* What a file system must have free. */
struct restore_room {
	uint64_t device;
	const char *path; /* a target on it */
	struct swapper_space space;
	uint64_t bytes, inodes;
};

struct restore_plan {
	const struct restore_archive *archives;
	size_t n_archives;
	struct restore_target *targets;
	size_t n_targets;
	struct restore_room *rooms;
	size_t n_rooms;
	struct strings parents;     /* directories that will be made, outermost first */
	struct journal_item *items; /* as the journal has them */
	size_t n_items, cap_items;
};

/* ERR_BUSY: something is mounted below a target (named).  ERR_REFUSED and others: a
 * target cannot be resolved.  `archives` is borrowed by the plan. */
int restore_plan_init(const struct restore_archive *archives, size_t n,
		      const struct restore_options *options, struct restore_plan *ret,
		      struct err *err);
void restore_plan_done(struct restore_plan *p);

/* On failure the caller calls restore_abandon().  The observer hears
 * of the archives' bytes. */
int restore_prepare(struct restore_plan *p, const struct journal *journal,
		    const struct restore_options *options, struct err *err);
/* Before the commit point it fails like restore_prepare() and *ret_committed stays false
 * (ERR_CHANGED: a target was replaced since the plan); after it goes on in spite of a
 * cancel, and if an item fails, all go back: then *ret_committed is false again.  What
 * cannot be recorded after the last exchange is warned of, and recovery records it. */
int restore_commit(struct restore_plan *p, const struct journal *journal,
		   const struct restore_options *options, bool *ret_committed,
		   struct err *err);

/* For plan and recovery alike: by items as the journal has them. */
int restore_abandon(const struct journal_item *items, size_t n,
		    const struct restore_options *options, struct err *err);
int restore_forward(const struct journal_item *items, size_t n,
		    const struct restore_options *options, struct err *err);
int restore_backward(const struct journal_item *items, size_t n,
		     const struct restore_options *options, struct err *err);
/* Removes what rests aside; of an undo also the parents that the undone restore had made,
 * where they are empty now.  ret_removed may be NULL. */
int restore_clean(const struct journal_item *items, size_t n, bool undo,
		  const struct restore_options *options, struct strings *ret_removed,
		  struct err *err);
/* Removes made parents that are empty, or become so by that. */
int restore_remove_parents(const struct journal_item *items, size_t n,
			   const struct restore_options *options, struct err *err);

/* Gives the items of an undo the inodes that are live now: who uses a tree may have
 * replaced it since.  ERR_CHANGED where what shall come back is not aside any more. */
int restore_refresh(struct journal_item *items, size_t n,
		    const struct restore_options *options, struct err *err);

/* Absolute live path of an item, and that of what rests aside; caller frees. */
char *restore_item_path(const struct journal_item *item, struct err *err);
char *restore_item_aside(const struct journal_item *item, struct err *err);

#endif
