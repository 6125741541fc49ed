/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_NEW_SET_H
#define SETASIDE_NEW_SET_H

/*
 * new_set: a set on its way into the store, saved or imported; all or nothing.
 *
 *	new_set_init(&n, session, state, origin) new_set_begin(&n, plan, ctx, err)
 *	number, lock, row and planned names; marker ... snapshots are written
 *	under their planned names ... new_set_complete(&n, also, ctx, err)
 *	the commit point new_set_done(&n)
 *
 * Order:
 *	1. under the commit lock: number and row (`saving` or `importing`), with the names
 *	   of the files that are known by now, in one transaction; then .last-set
 *	2. marker, file and directory synced; whoever reads without the
 *	   database waits for its end
 *	3. each file: its name in the row before it is made;
 *	   written and synced, then named
 *	4. directory synced
 *	5. row `complete`: the commit point
 *	6. marker removed, directory synced
 *
 * A set that is not complete is listed by nobody.  Recovery, with the set's lock held:
 * before 5 the files of the row go, then (directory synced) the marker, then the row,
 * which is why each step may be repeated; after 5 the marker goes.  A marker without a
 * row (its database was lost) takes the files of its number along.  A number stays used.
 * A failure on the way does what recovery does.  Not installed.
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

/* ERR_USAGE, or ERR_EXISTS with the other set: a name that is none, or is
 * taken.  NULL is right. */
int new_set_check_name(struct session *s, const char *name, struct err *err);

/* Adds to the row, whose number is known by now, what depends on
 * it; NULL: nothing does. */
typedef int (*new_set_plan)(void *ctx, struct db_set *row, struct err *err);
int new_set_begin(struct new_set *n, new_set_plan plan, void *ctx, struct err *err);

/* One more file is going to appear: noted durably before it does. */
int new_set_add_file(struct new_set *n, const char *file, const char *app,
		     struct err *err);

/* From here on the operation finishes in spite of a signal; what fails after the commit
 * is only warned of, and done by the next run.  `also` (NULL: nothing) records in the
 * same transaction what else is to be known of the set. */
int new_set_complete(struct new_set *n, new_set_plan also, void *ctx, struct err *err);

/* Removes a set that is not complete, and frees; what cannot be removed is warned of, and
 * goes at the next run. */
void new_set_done(struct new_set *n);

/* Removes one that never became complete: files, then marker, then
 * row.  Its lock is held. */
int new_set_remove(struct session *s, const struct db_set *row, struct err *err);

#endif
