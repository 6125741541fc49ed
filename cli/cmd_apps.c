/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/cleanup.h"
#include "cli/cli.h"
#include "cli/json_inventory.h"
#include "cli/table.h"

static const struct option_spec options[] = {
	ARGUMENT_USERS,
};

static int write_text(struct cli *cli, const struct inventory *list, struct err *err)
{
	static const char *const titles[] = { "App",  "Packaging", "Version", "Rev",
					      "Size", "Users",     "Summary" };
	_cleanup_(table_done) struct table t = TABLE_INIT;

	if (list->n == 0)
		return buf_add_str(&cli->out, "No apps found.\n", err);
	table_init(&t, titles, sizeof(titles) / sizeof(titles[0]), err);
	for (size_t i = 0; i < list->n; i++) {
		const struct inventory_app *app = &list->apps[i];

		table_cell(&t, app->name);
		table_cell(&t, app->packaging);
		table_cell(&t, app->version);
		table_cell(&t, app->revision);
		table_size(&t, app->size);
		table_list(&t, &app->users);
		table_cell(&t, app->summary);
	}
	return table_write(&t, &cli->out);
}

static int run(struct cli *cli, struct err *err)
{
	_cleanup_(inventory_done) struct inventory list = { .apps = NULL };
	struct scope scope = cli_scope(cli, 0);

	if (cli_open(cli, SESSION_READ, err) < 0 ||
	    setaside_inventory(cli->session, &scope, &list, err) < 0)
		return -1;
	if (cli->args.json ? json_inventory_apps(&list, &cli->out, err) < 0
			   : write_text(cli, &list, err) < 0)
		return -1;
	return list.problems > 0 ? STATUS_PART : STATUS_DONE;
}

const struct verb cmd_apps = {
	.name = "apps",
	.operands = "",
	.summary = "list what can be saved here",
	.description =
		"Lists the apps that have data here, of whatever packaging, with the "
		"users whose data it is and what it occupies.",
	.options = OPTION_TABLE(options),
	.run = run,
};
