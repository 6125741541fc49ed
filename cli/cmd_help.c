/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/cleanup.h"
#include "cli/cli.h"
#include "cli/help.h"

static int run(struct cli *cli, struct err *err)
{
	const struct verb *verb = NULL;

	if (cli->n_operands > 0 && verb_find(cli->operands[0], &verb, err) < 0)
		return -1;
	return help_answer(verb, cli->args.json, &cli->out, err) < 0 ? -1 : STATUS_DONE;
}

const struct verb cmd_help = {
	.name = "help",
	.operands = "[VERB]",
	.max_operands = 1,
	.summary = "explain the program, or a verb",
	.description =
		"Says what the program, or the verb, does, and which options it has.",
	.run = run,
};
