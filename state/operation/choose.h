/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_CHOOSE_H
#define SETASIDE_OPERATION_CHOOSE_H

/*
 * choose: what of a set a scope means.  Not installed.
 *
 * Users are named as the snapshot names them: they need not exist here.  As snapd does,
 * naming users takes the system data too, unless no_system says otherwise.
 */

#include "state/operation/scope.h"
#include "state/sets.h"

/* The snapshots of the named apps, or all; *ret is an array that the caller
 * frees.  ERR_NOT_FOUND: the set has no such app, or no data of a named
 * user in what was chosen. */
int choose_snapshots(const struct set *set, const struct scope *scope,
		     const struct set_snapshot ***ret, size_t *ret_n, struct err *err);

/* Has any of them data of that user?  One that is broken may have: who knows what it
 * held. */
bool choose_has_user(const struct set_snapshot *const *list, size_t n, const char *user);
/* -1, ERR_NOT_FOUND: none of them has, with the name that may have been meant. */
int choose_fail_user(const struct set *set, const struct set_snapshot *const *list,
		     size_t n, const char *user, struct err *err);
/* Has any of them system data that is wanted? */
bool choose_has_system(const struct scope *scope, const struct set_snapshot *const *list,
		       size_t n);

/* Is this member ("archive.tgz", "user/alice.tgz") wanted? */
bool choose_archive(const struct scope *scope, const char *member);

#endif
