/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/cleanup.h"
#include "cli/cli.h"
#include "cli/json_set.h"
#include "cli/show.h"

static int run(struct cli *cli, struct err *err)
{
	_cleanup_(sets_list_done) struct set_list list = { NULL, 0 };
	const struct set *set;

	if (cli_open(cli, SESSION_READ, err) < 0 ||
	    sets_list(cli->session, &list, err) < 0 ||
	    sets_resolve(&list, cli->operands[0], &set, err) < 0)
		return -1;
	if (cli->args.json ? json_set_show(set, &cli->out, err) < 0
			   : show_write(set, &cli->out, err) < 0)
		return -1;
	return STATUS_DONE;
}

const struct verb cmd_show = {
	.name = "show",
	.operands = "SET",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "show everything known of a set",
	.description =
		"Shows the set with its apps, and of each archive the user, the trees, "
		"what was left out, and the hash.",
	.run = run,
};
