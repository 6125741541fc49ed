/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_VERB_H
#define SETASIDE_CLI_VERB_H

/*
 * verb: what can be done: one struct for each verb, defined in cmd_<verb>.c, all of them
 * in the table of verb.c.  Dispatch, checks of operands, help and completion are made
 * from it.
 */

#include <stddef.h>

#include "backend/base/error.h"
#include "cli/options.h"

struct cli;

struct verb {
	const char *name;
	const char *alias;    /* or NULL */
	const char *operands; /* "SET [APP...]", or "" */
	size_t min_operands, max_operands;
	const char *summary;     /* one line, for the list of verbs */
	const char *description; /* paragraphs; an empty line between two */
	const char *progress;    /* "saving"; NULL where it shows none */
	bool makes_store;        /* where there is none yet */
	struct option_table options;
	/* Puts the answer into cli->out and returns the exit status, or -1. */
	int (*run)(struct cli *cli, struct err *err);
};

#define VERB_ANY ((size_t)-1) /* max_operands: as many as one likes */

/* In the order of the list. */
size_t verb_count(void);
const struct verb *verb_at(size_t i);

/* By name or alias.  ERR_USAGE, with a hint at what may have been meant. */
int verb_find(const char *name, const struct verb **ret, struct err *err);
/* ERR_USAGE where there are too few or too many operands. */
int verb_check_operands(const struct verb *verb, size_t n, const char *const *operands,
			struct err *err);

extern const struct verb cmd_apps, cmd_check, cmd_doctor, cmd_estimate, cmd_export,
	cmd_forget, cmd_help, cmd_import, cmd_keep, cmd_restore, cmd_save, cmd_saved,
	cmd_show, cmd_undo, cmd_users;

#endif
