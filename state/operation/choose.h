/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_CHOOSE_H
#define SETASIDE_OPERATION_CHOOSE_H

/*
 * choose: what of a set a scope means.  Not installed.
 *
 * Users are named as the snapshot names them: they need not exist here.  As snapd does, naming
 * users takes the system data too, unless no_system says otherwise.
 */

#include "state/operation/scope.h"
#include "state/sets.h"

/* The snapshots of the named apps, or all; *ret is an array that the caller frees.  ERR_NOT_FOUND: the
 * set has no such app, or no data of a named user in what was chosen. */
int choose_snapshots(const struct set *set, const struct scope *scope,
		     const struct set_snapshot ***ret, size_t *ret_n, struct err *err);

/* Is this member ("archive.tgz", "user/alice.tgz") wanted? */
bool choose_archive(const struct scope *scope, const char *member);

#endif
