/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_CHECK_H
#define SETASIDE_OPERATION_CHECK_H

/*
 * check: every member of a set's snapshots read to its end and compared: sizes, CRC,
 * SHA3-384, the hash of the metadata; deep: also inflated and walked.  Holds the set
 * shared.  From an archive found damaged here, and the like of it in other sets, no
 * save takes anything over.
 */

#include "backend/base/strings.h"
#include "state/operation/scope.h"
#include "state/session.h"

struct check_app {
	char *name;
	bool ok;
	struct strings problems;
};

struct check_outcome {
	uint64_t set;
	struct check_app *apps; /* by name */
	size_t n;
	bool ok; /* all are */
};

/* Damage is an outcome, not an error.  ERR_NOT_FOUND: no such set, app, or user in it. */
int setaside_check(struct session *s, uint64_t set, const struct scope *scope, bool deep,
		   struct check_outcome *ret, struct err *err);
void check_outcome_done(struct check_outcome *o);

#endif
