/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/cleanup.h"
#include "cli/cli.h"
#include "cli/json_inventory.h"
#include "cli/table.h"

static int write_text(struct cli *cli, const struct user_list *list, struct err *err)
{
	static const char *const titles[] = { "User", "Uid", "Gid", "Home" };
	_cleanup_(table_done) struct table t = TABLE_INIT;

	table_init(&t, titles, sizeof(titles) / sizeof(titles[0]), err);
	for (size_t i = 0; i < list->n; i++) {
		table_cell(&t, list->users[i].name);
		table_number(&t, list->users[i].uid);
		table_number(&t, list->users[i].gid);
		table_cell(&t, list->users[i].home);
	}
	return table_write(&t, &cli->out);
}

static int run(struct cli *cli, struct err *err)
{
	_cleanup_(user_list_done) struct user_list list = { NULL, 0 };

	if (cli_open(cli, SESSION_READ, err) < 0 ||
	    setaside_users(cli->session, &list, err) < 0)
		return -1;
	if (cli->args.json ? json_inventory_users(&list, &cli->out, err) < 0
			   : write_text(cli, &list, err) < 0)
		return -1;
	return STATUS_DONE;
}

const struct verb cmd_users = {
	.name = "users",
	.operands = "",
	.summary = "list whose data is saved",
	.description =
		"Lists the users whose data a save takes where it is not told otherwise: "
		"for root himself and every person who has a home, for everyone else "
		"himself.",
	.run = run,
};
