/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_NEW_SET_H
#define SETASIDE_NEW_SET_H

/*
 * new_set: a set on its way into the store, saved or imported; all or nothing.
 *
 *	new_set_init(&n, session, state, origin)
 *	new_set_begin(&n, plan, ctx, err)	number, lock, row and planned names; marker
 *	... snapshots are written under their planned names ...
 *	new_set_complete(&n, also, ctx, err)	the commit point
 *	new_set_done(&n)
 *
 * Order: row and number in one commit, .last-set, marker (synced) -> files (synced, then named)
 * -> directory synced -> row `complete` -> marker removed.  A set that is not complete is listed
 * by nobody; after a crash recovery removes its planned names, the marker and the row.  The number
 * stays used.  Not installed.
 */

#include <stdbool.h>

#include "backend/base/error.h"
#include "state/db.h"
#include "state/session_internal.h"

struct new_set {
	struct session *session;
	struct db_set row; /* id, and what the caller put in before new_set_begin() */
	bool locked, recorded, committed;
};

void new_set_init(struct new_set *n, struct session *s, enum db_set_state state,
		  enum db_set_origin origin);

/* ERR_USAGE, or ERR_EXISTS with the other set: a name that is none, or is taken.  NULL is right. */
int new_set_check_name(struct session *s, const char *name, struct err *err);

/* Adds to the row, whose number is known by now, what depends on it; NULL: nothing does. */
typedef int (*new_set_plan)(void *ctx, struct db_set *row, struct err *err);
int new_set_begin(struct new_set *n, new_set_plan plan, void *ctx, struct err *err);

/* One more file is going to appear: noted durably before it does. */
int new_set_add_file(struct new_set *n, const char *file, const char *app, struct err *err);

/* From here on the operation finishes in spite of a signal; what fails after the commit is only
 * warned of, and done by the next run.  `also` (NULL: nothing) records in the same transaction what
 * else is to be known of the set. */
int new_set_complete(struct new_set *n, new_set_plan also, void *ctx, struct err *err);

/* Removes a set that is not complete, and frees; what cannot be removed is warned of, and goes at
 * the next run. */
void new_set_done(struct new_set *n);

/* Removes one that never became complete: files, then marker, then row.  Its lock is held. */
int new_set_remove(struct session *s, const struct db_set *row, struct err *err);

#endif
