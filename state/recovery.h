/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_RECOVERY_H
#define SETASIDE_RECOVERY_H

/*
 * recovery: what a crash left, put right; part of every opening for writing.
 *
 * Order:
 *	1. rows of sets that are not complete, each under its set's lock
 *	   (state/new_set.h, operation/forget.h)
 *	2. .last-set; markers that are left; temp files, if nobody
 *	   saves; files without a row
 *	3. restores and undos, the newest first, each under its apps' locks and after
 *	   waiting for its stragglers (the alive byte): backend/restore.h
 * What a living operation holds is passed over; each row is read again once its lock is
 * held.  Every change is one that the operation itself would have made next, or takes
 * back in its order: so it may be killed at any point and runs again, and twice in a row
 * changes nothing the second time.
 *
 * What becomes of it:
 *  - sets half saved or imported vanish, forgotten ones go to their end, stale
 *    markers and temp files go;
 *  - a restore still preparing is dropped with its staging trees, one that had begun to
 *    swap goes forward, and if one item cannot, all items go back; cleaning goes on;
 *  - an item whose home or file system is missing stays pending and is named;
 *  - a zip that the database does not know becomes a set of origin `found`; a .last-set
 *    that was lost, or is behind the database, is written again.
 *
 * What is found is separate from what is done about it: in a session opened with
 * SESSION_LOOK all the same is found and nothing is done, and `repaired` says what would
 * be.  Then locks are shared ones, and held only while rows are read.
 */

#include "backend/base/error.h"
#include "backend/base/strings.h"
#include "state/session.h"

struct recovery_item {
	char *object; /* "set 3", "restore 7", a path */
	char *what;
	char *hint; /* the way out, or NULL */
	/* Of a tree that rests aside, known to no restore on record: whose data
	 * it is (user NULL: the system's), and its bytes of data (-1: not
	 * known).  Else app is NULL. */
	char *app, *user;
	int64_t size;
};

struct recovery_report {
	struct recovery_item *repaired, *left;
	size_t n_repaired, n_left;
	/* not looked at: a living operation is at work on it */
	struct recovery_item *busy;
	size_t n_busy;
};

void recovery_item_done(struct recovery_item *item);
void recovery_report_done(struct recovery_report *r);

/* The part of it that snapd calls abandoned imports: sets that never became complete
 * and whose maker is gone vanish.  *ret_count is how many; what could not be removed
 * is told in *ret_errors. */
int recovery_clean_imports(struct session *s, size_t *ret_count,
			   struct strings *ret_errors, struct err *err);

/* `ret` may be NULL: then what was done is said to the session's observer only. */
int recovery_run(struct session *s, struct recovery_report *ret, struct err *err);

#endif
