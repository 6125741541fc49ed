/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "backend/base/cleanup.h"
#include "cli/cli.h"
#include "cli/json_outcome.h"
#include "cli/say.h"
#include "cli/text.h"
#include "state/operation/check.h"

static const struct option_spec options[] = {
	ARGUMENT_USERS,
	ARGUMENT_FLAG("deep", deep, "also unpack the archives, without writing anything"),
};

static int write_text(struct cli *cli, const struct check_outcome *o, struct err *err)
{
	struct text t = TEXT(&cli->out, err);

	for (size_t i = 0; i < o->n; i++) {
		const struct check_app *app = &o->apps[i];

		for (size_t k = 0; k < app->problems.n; k++) {
			text_foreign(&t, app->name);
			text_printf(&t, ": ");
			text_message(&t, app->problems.items[k]);
			text_printf(&t, "\n");
		}
	}
	if (o->ok && !cli->args.quiet)
		say_set(&t, "", o->set, cli->operands + 1, cli->n_operands - 1,
			" verified successfully.\n");
	return text_end(&t);
}

/* The same on stderr, where the answer may go unread. */
static void say_damaged(struct cli *cli, const struct check_outcome *o)
{
	char object[32], text[80];
	size_t bad = 0;

	for (size_t i = 0; i < o->n; i++)
		bad += !o->apps[i].ok;
	snprintf(object, sizeof(object), "set %" PRIu64, o->set);
	snprintf(text, sizeof(text), "damaged: %zu of %zu snapshots", bad, o->n);
	progress_clear(&cli->progress);
	report_line(NULL, object, text);
}

static int run(struct cli *cli, struct err *err)
{
	_cleanup_(check_outcome_done) struct check_outcome o = { .set = 0 };
	struct scope scope = cli_scope(cli, 1);
	uint64_t set;

	if (cli_open(cli, SESSION_READ, err) < 0 ||
	    cli_resolve_set(cli, cli->operands[0], &set, err) < 0 ||
	    setaside_check(cli->session, set, &scope, cli->args.deep, &o, err) < 0)
		return -1;
	if (cli->args.json ? json_outcome_check(&o, &cli->out, err) < 0
			   : write_text(cli, &o, err) < 0)
		return -1;
	if (o.ok)
		return STATUS_DONE;
	say_damaged(cli, &o);
	return STATUS_DAMAGED;
}

const struct verb cmd_check = {
	.name = "check",
	.alias = "verify",
	.operands = "SET [APP...]",
	.min_operands = 1,
	.max_operands = VERB_ANY,
	.summary = "read a set and compare all hashes",
	.description =
		"Reads every archive of the set, or of the apps in it, to its end and "
		"compares sizes, checksums and hashes.  What is damaged is named; the "
		"status is then 5.",
	.progress = "checking",
	.options = OPTION_TABLE(options),
	.run = run,
};
