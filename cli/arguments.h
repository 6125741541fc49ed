/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_ARGUMENTS_H
#define SETASIDE_CLI_ARGUMENTS_H

/*
 * arguments: the values of all options of all verbs, and the options that verbs share.
 *
 * A zeroed object says that nothing was given.  Strings are borrowed from argv.
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/error.h"
#include "backend/base/strings.h"
#include "cli/options.h"

struct arguments {
	/* Options of every verb. */
	bool system, user, json, quiet, help, version;
	const char *store, *root, *wait;
	/* Those of some. */
	struct strings users, exclude, map_users;
	const char *name, *note, *reason, *id, *output, *compress;
	bool no_system, automatic, dry_run, abs_time, deep, force, trust, allow_duplicate;
	bool force_read, if_changed;
};

extern const struct option_table arguments_global;

void arguments_done(struct arguments *a);

/* What options say together: ERR_USAGE where two exclude each other or one needs
 * another. */
int arguments_check(const struct arguments *a, struct err *err);
/* Milliseconds of --wait; -1 if it was not given. ERR_USAGE. */
int arguments_wait(const struct arguments *a, int64_t *ret_ms, struct err *err);

/* clang-format off */
#define ARGUMENT(name_, type_, field_, value_, help_) \
	{ (name_), 0, (type_), (value_), (help_), offsetof(struct arguments, field_) }
#define ARGUMENT_FLAG(name_, field_, help_) \
	ARGUMENT(name_, OPTION_FLAG, field_, NULL, help_)
#define ARGUMENT_USERS                                                                 \
	ARGUMENT("users", OPTION_WORDS, users, "U,...",                                \
		 "only the data of these users, by name or number, and the system data")
#define ARGUMENT_NO_SYSTEM \
	ARGUMENT_FLAG("no-system", no_system, "leave out the system data")
#define ARGUMENT_DRY_RUN(what) ARGUMENT_FLAG("dry-run", dry_run, what)
#define ARGUMENT_ABS_TIME                         \
	ARGUMENT_FLAG("abs-time", abs_time,       \
		      "times as RFC 3339 instead of ages")
/* clang-format on */

#endif
