/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_CLI_H
#define SETASIDE_CLI_CLI_H

/*
 * cli: one run of the program, as its verbs see it.
 *
 *	static int run(struct cli *cli, struct err *err)
 *	{
 *		if (cli_open(cli, SESSION_READ, err) < 0)
 *			return -1;
 *		...
 *		return cli->args.json ? write_json(...) : write_text(...);
 *	}
 *
 * A verb writes nothing itself: what it puts into `out` is written when it is done, and
 * closing the session is the program's business.  Warnings, notes and progress of the
 * library go to stderr as they come.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/base/observer.h"
#include "cli/arguments.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/verb.h"
#include "state/operation/scope.h"
#include "state/session.h"
#include "state/sets.h"

struct cli {
	const struct verb *verb;
	struct arguments args;
	const char *const *operands; /* behind the verb */
	size_t n_operands;

	struct session *session; /* NULL until cli_open() */
	struct observer observer;
	struct progress progress;

	struct buf out; /* the answer */
	bool committed; /* something has changed: failing to say so is no failure of it */
	bool by_a_person;  /* when this has answered, what has expired may go */
	uint64_t used_set; /* but not this set; 0: none */
};

void cli_init(struct cli *cli);
void cli_done(struct cli *cli);

/* Opens the session that options and environment describe.  Errors are those of
 * session_open(). */
int cli_open(struct cli *cli, enum session_access access, struct err *err);

/* Of a dry run: what it says would be done cannot be done, as the
 * store cannot be written. */
void cli_warn_read_only(struct cli *cli);

/* The operation has changed something; where a person asked for it, what has expired may
 * go, but not the set that it has made or used (0: it is none that could). */
void cli_commit(struct cli *cli, bool by_a_person, uint64_t used_set);

/* Appends a command that a person can type next: the verb, and the number that it is
 * about (0: none), on the store and root that this one works on. */
int cli_command(const struct cli *cli, const char *verb, uint64_t number, struct buf *ret,
		struct err *err);

/* What the operands from `first` on (apps) and the options say.  Borrowed from cli. */
struct scope cli_scope(const struct cli *cli, size_t first);

/* The number of the set that the operand names.  ERR_NOT_FOUND, ERR_USAGE (ambiguous). */
int cli_resolve_set(struct cli *cli, const char *text, uint64_t *ret, struct err *err);

/* The operand RESTORE: 0 where there is none.  ERR_USAGE. */
int cli_restore_number(const struct cli *cli, uint64_t *ret, struct err *err);

#endif
