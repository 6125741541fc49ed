/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_WORKER_SWAPPER_H
#define SETASIDE_WORKER_SWAPPER_H

/*
 * swapper: names made, exchanged and removed by the owner of their
 * directory (client side).
 *
 * It parses nothing.  Parents are given as absolute paths below the root without links in
 * them, with the inode number they must have (0: any); each call resolves them anew
 * (RESOLVE_IN_ROOT, no link followed) and compares.  Every change is synced (the parent
 * directory) when a call returns 0.
 *
 * `observer`, where there is one, may cancel the call (NULL: nobody), which ends the
 * worker: what was asked of it may be done or not.  What comes after a commit point, or
 * puts things in order, has none.
 */

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/observer.h"
#include "backend/base/strings.h"
#include "backend/journal.h"
#include "backend/tree/carry.h"
#include "backend/worker/worker.h"

/* Root's own swapper, for directories that are root's: CHOWN, FOWNER, FSETID,
 * DAC_OVERRIDE, DAC_READ_SEARCH, MKNOD and SETFCAP, since a carry may have to copy. */
extern const struct identity swapper_root_identity;

/* Where a tree lies or would lie. */
struct swapper_place {
	char *resolved; /* the tree, absolute below the root, no links */
	char *parent;   /* its directory, likewise */
	char *name;
	bool exists, is_dir, is_file;
	bool is_mount;     /* the tree is a mount point */
	char *mount_below; /* a mount point further down, or NULL */
	uint64_t ino, parent_ino;
	uint32_t parent_uid, parent_gid; /* owner of the deepest existing parent; of
			     * a mount point: its own */
	struct strings missing;          /* parents that must be made, outermost first */
};

void swapper_place_done(struct swapper_place *p);

/* `user`: resolve with the worker's own rights; else as a system path (tree/place.h). */
int swapper_resolve(struct worker *w, const char *path, bool user,
		    const struct observer *observer, struct swapper_place *ret,
		    struct err *err);

/* Makes a parent directory with exactly this mode, owned by who the worker is; one that
 * exists already by now is ERR_CHANGED. */
int swapper_make_parent(struct worker *w, const char *path, uint32_t mode,
			const struct observer *observer, struct err *err);

/* Makes the staging name beside the target: an empty directory 0700 or an empty
 * file 0600. *ret_fd is open for the unpacker (directory O_RDONLY, file O_RDWR);
 * takes no name that exists. *parent_ino: the inode that `parent` must have, or 0;
 * set to the one it has. */
int swapper_stage(struct worker *w, const char *parent, uint64_t *parent_ino,
		  const char *aside, bool is_file, const struct observer *observer,
		  int *ret_fd, uint64_t *ret_ino, struct err *err);

/* Syncs the file system that holds `parent`. */
int swapper_sync(struct worker *w, const char *parent, const struct observer *observer,
		 struct err *err);

/* Space and inodes free for the worker on the file system of `path`, and how many there
 * are; its device number groups targets.  A file system without a fixed number of
 * inodes has 0 of them. */
struct swapper_space {
	uint64_t device, bytes, total_bytes, inodes, total_inodes;
};

int swapper_space(struct worker *w, const char *path, const struct observer *observer,
		  struct swapper_space *ret, struct err *err);

/* What a carry is to take along. */
struct swapper_rules {
	const struct strings *patterns; /* anchored at the tree's top */
	const struct strings *snapd;    /* snapd's ($SNAP_DATA/...) */
	const struct strings
		*paths;       /* archive paths, taken literally: what was skipped */
	const char *revision; /* what $SNAP_DATA stands for */
	bool user;
};

/* Carries what the rules match from the live tree parent/name into parent/aside
 * (tree/carry.h).  Nothing to do where either is missing or no directory. */
int swapper_carry(struct worker *w, const struct journal_item *item,
		  const struct swapper_rules *rules, unsigned flags,
		  const struct carry_report *report, const struct observer *observer,
		  struct err *err);

/* Inode numbers now behind the two names; 0: nothing there. */
int swapper_look(struct worker *w, const struct journal_item *item,
		 const struct observer *observer, uint64_t *ret_live, uint64_t *ret_aside,
		 struct err *err);

/* One step of the table in journal.h; repeating a done step is a success.
 * ERR_CHANGED where neither the state before nor the one after is found.
 * `backward`: the other way. */
int swapper_swap(struct worker *w, const struct journal_item *item, bool backward,
		 struct err *err);

/* Whether that could be done now, and ERR_CHANGED if not; changes nothing. */
int swapper_check(struct worker *w, const struct journal_item *item, bool backward,
		  struct err *err);

/* The attributes of the directory `item->parent`, packed (caller frees), and
 * set from a packed form. */
int swapper_read_attrs(struct worker *w, const struct journal_item *item,
		       const struct observer *observer, void **ret, size_t *ret_size,
		       struct err *err);
int swapper_apply_attrs(struct worker *w, const struct journal_item *item,
			const void *attrs, size_t size, struct err *err);

/* JOURNAL_MOUNT: the names in the mount point (without the staging directory and
 * lost+found), or, where `aside`, in the staging directory. */
int swapper_list(struct worker *w, const struct journal_item *item, bool aside,
		 int (*entry)(void *ctx, const char *name, uint64_t ino, struct err *err),
		 void *ctx, const struct observer *observer, struct err *err);

/* Removes the tree under the aside name; a missing one is a success. */
int swapper_remove(struct worker *w, const struct journal_item *item,
		   const struct observer *observer, struct err *err);
/* Removes a made parent if it is empty; *ret_removed says. */
int swapper_remove_parent(struct worker *w, const struct journal_item *item,
			  bool *ret_removed, struct err *err);

/* The protocol of this kind. */
enum swapper_type {
	SWAPPER_RESOLVE = 64,
	SWAPPER_MAKE_PARENT,
	SWAPPER_STAGE,
	SWAPPER_SYNC,
	SWAPPER_SPACE,
	SWAPPER_RULE, /* before CARRY, any number */
	SWAPPER_CARRY,
	SWAPPER_LOOK,
	SWAPPER_SWAP,
	SWAPPER_READ_ATTRS,
	SWAPPER_APPLY_ATTRS,
	SWAPPER_LIST,
	SWAPPER_REMOVE,
	SWAPPER_REMOVE_PARENT,
	SWAPPER_LEFT, /* worker: carry_report */
	SWAPPER_NAME, /* worker: of a list */
	SWAPPER_CHECK,
};

enum swapper_tag {
	SWAPPER_TAG_PATH = 64,
	SWAPPER_TAG_PARENT,
	SWAPPER_TAG_NAME,
	SWAPPER_TAG_ASIDE,
	SWAPPER_TAG_TREE,
	SWAPPER_TAG_INO,
	SWAPPER_TAG_OLD,
	SWAPPER_TAG_NEW,
	SWAPPER_TAG_FLAG,
	SWAPPER_TAG_MODE,
	SWAPPER_TAG_OWNER,
	SWAPPER_TAG_NUMBER,
	SWAPPER_TAG_TEXT,
	SWAPPER_TAG_RULE,
	SWAPPER_TAG_ATTRS,
};

enum swapper_rule {
	SWAPPER_RULE_PATTERN,
	SWAPPER_RULE_SNAPD,
	SWAPPER_RULE_PATH
};

#define SWAPPER_PATH_MAX  8192u
#define SWAPPER_ATTRS_MAX 32768u

#endif
