/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_FORGET_H
#define SETASIDE_OPERATION_FORGET_H

/*
 * forget: a set, or some of its apps, goes.
 *
 * Order:
 *	1. marker, synced, where several files go and none stays: who reads without the
 *	   database sees all of the set or nothing
 *	2. row `forgetting` with the names: the commit point; hidden from now on
 *	3. each file unlinked, directory synced
 *	4. marker removed, directory synced
 *	5. row dropped, or, where some apps stay, its names
 *
 * Recovery: before 2 a marker beside a complete row is stale and goes; the set is as it
 * was.  After 2 it goes forward: whatever of 3 to 5 was done may be done again.  Waits
 * for, or is refused by, whoever checks, restores or exports the set.
 */

#include "backend/base/strings.h"
#include "state/session.h"

struct forget_outcome {
	uint64_t set;
	struct strings apps;
};

/* n_apps 0: all of it.  ERR_NOT_FOUND, ERR_BUSY, ERR_REFUSED (another's store). */
int setaside_forget(struct session *s, uint64_t set, const char *const *apps,
		    size_t n_apps, bool dry_run, struct forget_outcome *ret,
		    struct err *err);
void forget_outcome_done(struct forget_outcome *o);

#endif
