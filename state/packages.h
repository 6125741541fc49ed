/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_PACKAGES_H
#define SETASIDE_PACKAGES_H

/*
 * packages: versions of installed native packages.
 *
 * dpkg: var/lib/dpkg/status, read once as a stream, installed packages only.  pacman: the
 * names of the directories in var/lib/pacman/local.  What is missing yields nothing,
 * lines that make no sense are passed over: an unknown version never fails an operation.
 */

#include "backend/base/cleanup.h"
#include "backend/base/error.h"

enum package_system {
	PACKAGE_DEB,
	PACKAGE_PACMAN
};

struct packages;

/* Reads both below rootfd (borrowed).  Only failures of reading itself are errors. */
int packages_load(int rootfd, struct packages **ret, struct err *err);
void packages_free(struct packages *p);
CLEANUP_FUNC(struct packages *, packages_free);

/* Borrowed; NULL where it is not installed. */
const char *packages_version(const struct packages *p, enum package_system system,
			     const char *name);

#endif
