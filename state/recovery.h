/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_RECOVERY_H
#define SETASIDE_RECOVERY_H

/*
 * recovery: what a crash left, put right; part of every opening for writing.
 *
 * Under the locks of what it touches (what a living operation holds is passed over), after waiting for
 * stragglers (the alive byte):
 *  - sets half saved or imported vanish, forgotten ones go to their end, stale markers and temp files go;
 *  - a restore still preparing is dropped with its staging trees, one that had begun to swap
 *    goes forward, and if one item cannot, all items go back; cleaning goes on;
 *  - an item whose home or file system is missing stays pending and is named;
 *  - a zip that the database does not know becomes a set of origin `found`; a .last-set that was lost, or
 *    is behind the database, is written again.
 * It may be killed itself and runs again; twice in a row changes nothing the second time.
 *
 * What is found is separate from what is done about it: in a session opened with SESSION_LOOK all the same
 * is found and nothing is done, and `repaired` says what would be.  Then locks are shared ones, and held
 * only while rows are read.
 */

#include "backend/base/error.h"
#include "backend/base/strings.h"
#include "state/session.h"

struct recovery_item {
	char *object; /* "set 3", "restore 7", a path */
	char *what;
	char *hint; /* the way out, or NULL */
	/* Of a tree that rests aside, known to no restore on record: whose data it is (user NULL: the system's),
	 * and its bytes of data (-1: not known).  Else app is NULL. */
	char *app, *user;
	int64_t size;
};

struct recovery_report {
	struct recovery_item *repaired, *left;
	size_t n_repaired, n_left;
	struct recovery_item *busy; /* not looked at: a living operation is at work on it */
	size_t n_busy;
};

void recovery_item_done(struct recovery_item *item);
void recovery_report_done(struct recovery_report *r);

/* The part of it that snapd calls abandoned imports: sets that never became complete and whose maker is gone
 * vanish.  *ret_count is how many; what could not be removed is told in *ret_errors. */
int recovery_clean_imports(struct session *s, size_t *ret_count, struct strings *ret_errors,
			   struct err *err);

/* `ret` may be NULL: then what was done is said to the session's observer only. */
int recovery_run(struct session *s, struct recovery_report *ret, struct err *err);

#endif
