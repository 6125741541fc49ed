/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * setaside: arguments in, text or JSON out.
 */
#include <assert.h>
#include <locale.h>
#include <stdlib.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/json_parts.h"
#include "cli/signals.h"
#include "state/operation/expiry.h"

/* ---- Which verb, with which options ---- */

/* The options of all verbs: what is needed to tell the verb from an option's value. */
static int all_tables(const struct option_table ***ret, size_t *ret_n, struct err *err)
{
	size_t n = verb_count();
	const struct option_table **tables = alloc_zero(n + 1, sizeof(const void *), err);

	if (!tables)
		return -1;
	for (size_t i = 0; i < n; i++)
		tables[i] = &verb_at(i)->options;
	tables[n] = &arguments_global;
	*ret = tables;
	*ret_n = n + 1;
	return 0;
}

static int usage_hint(const struct verb *verb, struct err *err)
{
	if (!err_is(err, ERR_USAGE) || err->hint)
		return -1;
	if (verb)
		return err_hint(err, "see \"setaside %s --help\"", verb->name);
	return err_hint(err, "see \"setaside --help\"");
}

/* Fills cli from the arguments; cli->verb stays NULL where only --help or --version is
 * given. */
static int parse(struct cli *cli, struct options o, const char **operands,
		 struct err *err)
{
	const char *name = options_first_operand(&o);
	const struct verb *verb = NULL;
	size_t n;

	if (name && verb_find(name, &verb, err) < 0)
		return usage_hint(NULL, err);
	const struct option_table *tables[] = { &arguments_global,
						verb ? &verb->options : NULL };
	o.verb = verb ? verb->name : NULL;
	o.others = o.tables;
	o.n_others = o.n_tables;
	o.tables = tables;
	o.n_tables = verb ? 2 : 1;
	if (options_parse(&o, &cli->args, operands, &n, err) < 0 ||
	    arguments_check(&cli->args, err) < 0)
		return usage_hint(verb, err);
	cli->verb = verb;
	if (cli->args.help || cli->args.version)
		return 0;
	if (!verb) {
		err_set(err, ERR_USAGE, "no verb given");
		return usage_hint(NULL, err);
	}
	cli->operands = operands + 1;
	cli->n_operands = n - 1;
	if (verb_check_operands(verb, cli->n_operands, cli->operands, err) < 0)
		return usage_hint(verb, err);
	return 0;
}

/* ---- What it does ---- */

static int show_version(struct cli *cli, struct err *err)
{
	struct json_writer w = JSON_WRITER(&cli->out, err);

	if (!cli->args.json)
		return buf_add_str(&cli->out, PACKAGE_STRING "\n", err);
	json_parts_begin(&w);
	json_key(&w, "setaside");
	json_str(&w, PACKAGE_VERSION);
	return json_parts_end(&w);
}

/* The exit status, or -1. */
static int perform(struct cli *cli, const struct options *o, const char **operands,
		   struct err *err)
{
	if (parse(cli, *o, operands, err) < 0)
		return -1;
	if (cli->args.version)
		return show_version(cli, err) < 0 ? -1 : STATUS_DONE;
	if (cli->args.help)
		return help_answer(cli->verb, cli->args.json, &cli->out, err) < 0
			       ? -1
			       : STATUS_DONE;
	return cli->verb->run(cli, err);
}

/* ---- What is said of it ---- */

/* Says why it failed; returns the exit status. */
static int fail(struct cli *cli, const struct options *o, struct err *err)
{
	_cleanup_(err_clear) struct err again = ERR_INIT;

	progress_clear(&cli->progress);
	if (cli->committed) {
		err_wrap(err, "done, but the answer could not be written");
		report_error(err);
		return STATUS_PART;
	}
	report_error(err);
	buf_clear(&cli->out);
	if (options_has_flag(o, "json") &&
	    (report_format_json(&cli->out, err, &again) < 0 ||
	     answer_write(&cli->out, &again) < 0))
		report_error(&again);
	return report_status(err->kind, signals_caught());
}

/* What has expired goes now that there is nobody left who waits. */
static void expire_best_effort(struct cli *cli)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	if (setaside_expire(cli->session, cli->used_set, &err) < 0 &&
	    !err_is(&err, ERR_BUSY) && !err_is(&err, ERR_INTERRUPTED))
		report_line("warning", "what has expired", err_message(&err));
}

static int run(struct cli *cli, const struct options *o, const char **operands)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int status = perform(cli, o, operands, &err);

	assert((status < 0) == !err_is(&err, ERR_NONE));
	if (status >= 0) {
		progress_clear(&cli->progress);
		if (answer_write(&cli->out, &err) < 0)
			status = -1;
	}
	if (status < 0)
		return fail(cli, o, &err);
	if (cli->by_a_person)
		expire_best_effort(cli);
	return status;
}

int main(int argc, char **argv)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ const struct option_table **tables = NULL;
	_cleanup_free_ const char **operands = NULL;
	_cleanup_(cli_done) struct cli cli;
	struct options o = { .argc = argc, .argv = argv };

	answer_prepare();
	/* For widths in tables: whatever the caller's locale, names are UTF-8. */
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	signals_catch();
	cli_init(&cli);
	operands = alloc_zero((size_t)argc + 1, sizeof(const char *), &err);
	if (!operands || all_tables(&tables, &o.n_tables, &err) < 0) {
		report_error(&err);
		return report_status(err.kind, 0);
	}
	o.tables = tables;
	return run(&cli, &o, operands);
}
