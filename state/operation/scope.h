/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_SCOPE_H
#define SETASIDE_OPERATION_SCOPE_H

/*
 * scope: which apps and whose data an operation is about, as the caller says it.
 */

#include <stdbool.h>
#include <stddef.h>

struct scope {
	const char *const *apps; /* NAME or PACKAGING:NAME; none: all that
		       * are here (or in the set) */
	size_t n_apps;
	const char *const *users; /* names or numbers; none: the mode's default */
	size_t n_users;
	bool no_system;             /* leave system data out */
	const char *const *exclude; /* TREE/PATTERN or $SNAP_.../PATTERN; saving only */
	size_t n_exclude;
};

#endif
