/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/cleanup.h"
#include "cli/cli.h"
#include "cli/json_set.h"
#include "cli/set_table.h"

static const struct option_spec options[] = {
	ARGUMENT("id", OPTION_TEXT, id, "SET", "only this set"),
	ARGUMENT_ABS_TIME,
};

static int write_text(struct cli *cli, const struct set *sets, size_t n, struct err *err)
{
	struct stamp now;

	if (n == 0)
		return buf_add_str(&cli->out, "No snapshots found.\n", err);
	if (cli->args.abs_time)
		return set_table_write(sets, n, NULL, &cli->out, err);
	if (stamp_now(&now, err) < 0)
		return -1;
	return set_table_write(sets, n, &now, &cli->out, err);
}

static int run(struct cli *cli, struct err *err)
{
	_cleanup_(sets_list_done) struct set_list list = { NULL, 0 };
	const struct set *sets;
	size_t n;

	if (cli_open(cli, SESSION_READ, err) < 0)
		return -1;
	sets_mention_system_store(cli->session);
	if (sets_list(cli->session, &list, err) < 0)
		return -1;
	sets = list.sets;
	n = list.n;
	if (cli->args.id) {
		if (sets_resolve(&list, cli->args.id, &sets, err) < 0)
			return -1;
		n = 1;
	}
	if (cli->args.json ? json_set_saved(sets, n, &cli->out, err) < 0
			   : write_text(cli, sets, n, err) < 0)
		return -1;
	return STATUS_DONE;
}

const struct verb cmd_saved = {
	.name = "saved",
	.alias = "list",
	.operands = "",
	.summary = "list what is saved",
	.description =
		"Lists the sets of the store, one line for each app in a set.\n\n"
		"Notes: \"auto\" for a set that goes by itself when its time has come; "
		"\"broken\" and why for a snapshot that cannot be restored; and the name "
		"of the set.",
	.options = OPTION_TABLE(options),
	.run = run,
};
