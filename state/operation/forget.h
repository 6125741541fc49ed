/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_FORGET_H
#define SETASIDE_OPERATION_FORGET_H

/*
 * forget: a set, or some of its apps, goes.
 *
 * Order: row `forgetting` with the names (hidden from now on) -> marker, where several files go -> each file
 * unlinked -> directory synced -> marker removed -> row dropped.  Recovery goes forward.  Waits for, or is refused
 * by, whoever checks, restores or exports the set.
 */

#include "backend/base/strings.h"
#include "state/session.h"

struct forget_outcome {
	uint64_t set;
	struct strings apps;
};

/* n_apps 0: all of it.  ERR_NOT_FOUND, ERR_BUSY, ERR_REFUSED (another's store). */
int setaside_forget(struct session *s, uint64_t set, const char *const *apps, size_t n_apps,
		    bool dry_run, struct forget_outcome *ret, struct err *err);
void forget_outcome_done(struct forget_outcome *o);

#endif
