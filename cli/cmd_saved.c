/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/cleanup.h"
#include "cli/cli.h"
#include "cli/json_set.h"
#include "cli/set_table.h"

static const struct option_spec options[] = {
	ARGUMENT("id", OPTION_TEXT, id, "SET", "only this set"),
	ARGUMENT_ABS_TIME,
};

/* An answer on its way: a line or an object for each set as it comes. */
struct answering {
	bool json;
	size_t n;
	const struct stamp *now; /* NULL: times are written out */
	struct table table;
	struct json_writer writer;
};

/* For sets_pass(). */
static int add(void *ctx, const struct set *set, struct err *err)
{
	struct answering *a = ctx;

	if (a->json)
		json_set_write(&a->writer, set);
	else
		set_table_add(&a->table, set, a->now);
	a->n++;
	return err_is(err, ERR_NONE) ? 0 : -1;
}

static int add_one(struct cli *cli, struct answering *a, struct err *err)
{
	_cleanup_(sets_list_done) struct set_list list = { NULL, 0 };
	const struct set *set;

	if (sets_list(cli->session, &list, err) < 0 ||
	    sets_resolve(&list, cli->args.id, &set, err) < 0)
		return -1;
	return add(a, set, err);
}

static int end(struct cli *cli, struct answering *a, struct err *err)
{
	if (a->json)
		return json_set_saved_end(&a->writer);
	if (a->n == 0)
		return buf_add_str(&cli->out, "No snapshots found.\n", err);
	return table_write(&a->table, &cli->out);
}

static void answering_done(struct answering *a)
{
	table_done(&a->table);
}

static int answer(struct cli *cli, const struct stamp *now, struct err *err)
{
	_cleanup_(answering_done) struct answering a = {
		.json = cli->args.json,
		.now = now,
		.table = TABLE_INIT,
		.writer = JSON_WRITER(&cli->out, err),
	};

	if (a.json)
		json_set_saved_begin(&a.writer);
	else
		set_table_init(&a.table, now, err);
	if (!err_is(err, ERR_NONE))
		return -1;
	if ((cli->args.id ? add_one(cli, &a, err)
			  : sets_pass(cli->session, add, &a, err)) < 0)
		return -1;
	return end(cli, &a, err);
}

static int run(struct cli *cli, struct err *err)
{
	struct stamp now;

	if (cli_open(cli, SESSION_READ, err) < 0 || stamp_now(&now, err) < 0)
		return -1;
	sets_mention_system_store(cli->session);
	session_mention_no_store(cli->session);
	if (answer(cli, cli->args.abs_time ? NULL : &now, err) < 0)
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
		"Notes: \"auto\" for a set that expires by itself; "
		"\"incomplete\" for a snapshot that lacks files which could not be read "
		"(show names them); \"broken\" and why for one that cannot be restored; "
		"and the name of the set.",
	.options = OPTION_TABLE(options),
	.run = run,
};
