/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/cleanup.h"
#include "cli/cli.h"
#include "cli/json_inventory.h"
#include "cli/table.h"

static const struct option_spec options[] = {
	ARGUMENT_USERS,
	ARGUMENT_NO_SYSTEM,
	ARGUMENT("exclude", OPTION_LIST, exclude, "PATTERN",
		 "count without what matches, as for \"save\"; may be given more than "
		 "once"),
};

static int write_text(struct cli *cli, const struct inventory *list, struct err *err)
{
	static const char *const titles[] = { "App", "Packaging", "Archive", "Size" };
	_cleanup_(table_done) struct table t = TABLE_INIT;

	if (list->n == 0)
		return buf_add_str(&cli->out, "No data found.\n", err);
	table_init(&t, titles, sizeof(titles) / sizeof(titles[0]), err);
	for (size_t i = 0; i < list->n; i++) {
		const struct inventory_app *app = &list->apps[i];

		for (size_t k = 0; k < app->n_archives; k++) {
			table_cell(&t, app->name);
			table_cell(&t, app->packaging);
			table_cell(&t, app->archives[k].member);
			table_size(&t, app->archives[k].size);
		}
	}
	table_cell(&t, "Total");
	table_cell(&t, NULL);
	table_cell(&t, NULL);
	table_size(&t, list->size);
	return table_write(&t, &cli->out);
}

static int run(struct cli *cli, struct err *err)
{
	_cleanup_(inventory_done) struct inventory list = { .apps = NULL };
	struct scope scope = cli_scope(cli, 0);

	if (cli_open(cli, SESSION_READ, err) < 0 ||
	    setaside_inventory(cli->session, &scope, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.empty.n; i++)
		observer_note(&cli->observer, list.empty.items[i], "has no data here");
	if (cli->args.json ? json_inventory_estimate(&list, &cli->out, err) < 0
			   : write_text(cli, &list, err) < 0)
		return -1;
	return list.problems > 0 ? STATUS_PART : STATUS_DONE;
}

const struct verb cmd_estimate = {
	.name = "estimate",
	.operands = "[APP...]",
	.max_operands = VERB_ANY,
	.summary = "say how much data a save would take",
	.description =
		"Counts the space of the files that a save of the apps, or of all that "
		"are here, would take: without holes, without what is excluded, and of "
		"several links to one file only the first.  Compressed it is mostly "
		"less.",
	.options = OPTION_TABLE(options),
	.run = run,
};
