/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_INVENTORY_H
#define SETASIDE_OPERATION_INVENTORY_H

/*
 * inventory: what can be saved here: apps with the users who have
 * data, and how much it is.
 */

#include <stdint.h>

#include "backend/base/error.h"
#include "backend/base/strings.h"
#include "state/operation/scope.h"
#include "state/session.h"
#include "state/users.h"

struct inventory_archive {
	char *member;  /* "archive.tgz", "user/alice.tgz" */
	uint64_t size; /* bytes of data extents */
};

struct inventory_app {
	char *name, *version, *revision, *summary;
	const char *packaging; /* "native", "flatpak", "snap" */
	struct strings users;  /* with data, by name; system data is not among them */
	struct inventory_archive *archives;
	size_t n_archives;
	uint64_t size;
};

struct inventory {
	/* by name, then packaging; only those that have data here */
	struct inventory_app *apps;
	size_t n;
	struct strings empty; /* named in the scope, without data here */
	uint64_t size, problems;
};

/* ERR_NOT_FOUND: no such app or user. */
int setaside_inventory(struct session *s, const struct scope *scope,
		       struct inventory *ret, struct err *err);
void inventory_done(struct inventory *i);

/* The users whose data the session's mode takes by default. */
int setaside_users(struct session *s, struct user_list *ret, struct err *err);

#endif
