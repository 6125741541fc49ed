/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_RESTORES_H
#define SETASIDE_RESTORES_H

/*
 * restores: what restore, undo, keep and recovery share.  Not installed.
 */

#include "backend/base/strings.h"
#include "backend/restore.h"
#include "state/session_internal.h"

/* Entries of which something was left out: said, and counted unless minor. */
struct restore_noting {
	struct session *session;
	uint64_t notes;
};

struct apply_report restore_apply_report(struct restore_noting *n);
struct carry_report restore_carry_report(struct restore_noting *n);

/* Locks of apps and target paths, held until restore_unlock().  An app has the lock of
 * its name here, also where the set calls it NAME.native. */
struct restore_locks {
	struct lock_key *keys;
	size_t n;
	struct strings names;
};

/* ERR_BUSY: held, or an unfinished restore stands on one of the paths.  Either list may
 * be empty: a restore has its apps' locks before it looks for their targets. */
int restore_lock(struct session *s, const struct strings *apps,
		 const struct strings *paths, struct restore_locks *ret, struct err *err);
/* The apps' locks alone (names joined by spaces), without waiting: ERR_BUSY where a
 * living operation has one of them. */
int restore_try_lock_apps(struct session *s, const char *apps, enum lock_mode mode,
			  struct restore_locks *ret, struct err *err);
void restore_unlock(struct session *s, struct restore_locks *l);

/* ERR_REFUSED where a restore was made in another root: its paths would be
 * somebody else's here. */
int restore_check_root(struct session *s, const struct db_restore *r, struct err *err);

/* Appends the names of all staging and aside trees that the journal
 * knows: nobody's data. */
int restore_aside_names(struct session *s, struct strings *ret, struct err *err);

/* ERR_REFUSED naming the process that has something open below one of the paths (below
 * the root); `verb` is what can be forced. */
int restore_check_use(struct session *s, const struct strings *paths, const char *verb,
		      struct err *err);

/* A restore or undo that can be undone or kept; 0: the newest.  ERR_NOT_FOUND. */
int restore_find(struct session *s, uint64_t id, struct db_restore *ret, struct err *err);

/* Appends the names that restore_join_apps() joined. */
int restore_split_apps(const char *joined, struct strings *ret, struct err *err);
/* The names joined by single spaces; caller frees. */
char *restore_join_apps(const struct strings *apps, struct err *err);

/* The items that a restore is told by, here and in snapd's form: entries of a mount
 * point are told by the mount point; of the parents that were made for a tree only
 * the last is `created`, as snapd has it, whose Revert removes all that is listed
 * with whatever is in it. */
bool restore_lists_created(const struct journal_item *items, size_t n, size_t i);
bool restore_lists_moved(const struct journal_item *item);

/* Paths as on this machine: what became live, and what rests aside.  `undo`: made parents
 * are not among the created. */
int restore_report_items(struct session *s, const struct journal_item *items, size_t n,
			 bool undo, struct strings *ret_created,
			 struct strings *ret_moved, struct err *err);
/* Of the created: what there is something to be moved aside for. */
int restore_report_replaced(struct session *s, const struct journal_item *items, size_t n,
			    struct strings *ret, struct err *err);

#endif
