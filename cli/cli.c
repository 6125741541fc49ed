/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/quote.h"
#include "cli/signals.h"
#include "cli/text.h"

/* struct observer.event */
static void on_event(void *ctx, const struct event *event)
{
	struct cli *cli = ctx;

	switch (event->kind) {
	case EVENT_WARNING:
		progress_clear(&cli->progress);
		report_line("warning", event->object, event->text);
		return;
	case EVENT_NOTE:
		if (cli->args.quiet)
			return;
		progress_clear(&cli->progress);
		report_line(NULL, event->object, event->text);
		return;
	case EVENT_PROGRESS:
		progress_update(&cli->progress, event);
		return;
	}
}

void cli_init(struct cli *cli)
{
	*cli = (struct cli){ .out = BUF_INIT };
	cli->observer = (struct observer){ on_event, cli, signals_cancel() };
}

void cli_done(struct cli *cli)
{
	session_close(cli->session);
	progress_clear(&cli->progress);
	arguments_done(&cli->args);
	buf_done(&cli->out);
}

/* What the environment says; empty is as good as not set. */
static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] != '\0' ? value : NULL;
}

/* The same for what decides which program and which files are trusted: not to be had from
 * whoever starts us with other rights than his own. */
static const char *trusted_variable(const char *name)
{
	const char *value = secure_getenv(name);

	return value && value[0] != '\0' ? value : NULL;
}

/* The store that was named, or NULL. */
static const char *named_store(const struct cli *cli)
{
	return cli->args.store ? cli->args.store : variable("SETASIDE_STORE");
}

/* An option with its value, if it has one. */
static void write_option(struct text *t, const char *option, const char *value)
{
	if (!value)
		return;
	text_printf(t, " %s ", option);
	text_shell(t, value);
}

/* What lies in a store that cannot be written can be had by another one. */
static int hint_read_only(const struct cli *cli, struct err *err)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	_cleanup_(buf_done) struct buf command = BUF_INIT;
	struct text t = TEXT(&command, &ignored);

	if (err->sys_errno != EROFS || cli->verb->makes_store || !named_store(cli) ||
	    cli_command(cli, "export SET - |", 0, &command, &ignored) < 0)
		return -1;
	text_printf(&t, " setaside");
	write_option(&t, "--root", cli->args.root);
	text_printf(&t, " import -");
	if (text_end(&t) < 0)
		return -1;
	return err_hint(err, "copy its sets into a store that can be written: %.*s",
			(int)command.len, command.data);
}

void cli_warn_read_only(struct cli *cli)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;

	if (session_check_writable(cli->session, &problem) == 0)
		return;
	observer_warn(&cli->observer, NULL, "it could not be done now: %s",
		      err_message(&problem));
	(void)hint_read_only(cli, &problem);
	if (problem.hint)
		observer_note(&cli->observer, "hint", "%s", problem.hint);
}

int cli_open(struct cli *cli, enum session_access access, struct err *err)
{
	const struct arguments *a = &cli->args;
	struct session_options o = {
		.mode = a->system ? SESSION_SYSTEM
			: a->user ? SESSION_USER
				  : SESSION_AUTO,
		.access = access,
		.existing = !cli->verb->makes_store,
		.root = a->root,
		.store = named_store(cli),
		.verb = cli->verb->name,
		.worker = trusted_variable("SETASIDE_WORKER"),
		.data_dir = trusted_variable("SETASIDE_DATADIR"),
		.home = variable("HOME"),
		.xdg_config_home = variable("XDG_CONFIG_HOME"),
		.xdg_data_home = variable("XDG_DATA_HOME"),
		.xdg_state_home = variable("XDG_STATE_HOME"),
		.xdg_cache_home = variable("XDG_CACHE_HOME"),
		.observer = &cli->observer,
	};

	if (arguments_wait(a, &o.wait_ms, err) < 0)
		return -1;
	progress_init(&cli->progress, a->quiet || a->json ? NULL : cli->verb->progress);
	return session_open(&o, &cli->session, err) < 0 ? hint_read_only(cli, err) : 0;
}

void cli_commit(struct cli *cli, bool by_a_person, uint64_t used_set)
{
	cli->committed = true;
	cli->by_a_person = by_a_person;
	cli->used_set = used_set;
}

int cli_command(const struct cli *cli, const char *verb, uint64_t number, struct buf *ret,
		struct err *err)
{
	struct text t = TEXT(ret, err);

	text_printf(&t, "setaside");
	if (cli->args.system || cli->args.user)
		text_printf(&t, cli->args.system ? " --system" : " --user");
	write_option(&t, "--root", cli->args.root);
	write_option(&t, "--store", named_store(cli));
	text_printf(&t, " %s", verb);
	if (number > 0)
		text_printf(&t, " %" PRIu64, number);
	return text_end(&t);
}

struct scope cli_scope(const struct cli *cli, size_t first)
{
	const struct arguments *a = &cli->args;

	return (struct scope){
		.apps = cli->operands + first,
		.n_apps = cli->n_operands - first,
		.users = (const char *const *)a->users.items,
		.n_users = a->users.n,
		.no_system = a->no_system,
		.exclude = (const char *const *)a->exclude.items,
		.n_exclude = a->exclude.n,
	};
}

int cli_resolve_set(struct cli *cli, const char *text, uint64_t *ret, struct err *err)
{
	_cleanup_(sets_list_done) struct set_list list = { NULL, 0 };
	const struct set *set;

	if (sets_list(cli->session, &list, err) < 0 ||
	    sets_resolve(&list, text, &set, err) < 0)
		return -1;
	*ret = set->id;
	return 0;
}

int cli_restore_number(const struct cli *cli, uint64_t *ret, struct err *err)
{
	const char *text = cli->n_operands > 0 ? cli->operands[0] : "0";
	uint64_t n = 0;

	if (cli->n_operands > 0 && text[strspn(text, "0")] == '\0')
		return err_set(err, ERR_USAGE, "%s is no restore number: they begin at 1",
			       q(text));
	for (const char *p = text; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return err_set(err, ERR_USAGE, "%s is no restore number",
				       q(text));
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
			return err_set(err, ERR_NOT_FOUND, "there is no restore %s",
				       text);
	}
	*ret = n;
	return 0;
}
