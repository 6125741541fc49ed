/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/help.h"

#include <stddef.h>

#include "backend/base/cleanup.h"
#include "cli/arguments.h"
#include "cli/json_parts.h"
#include "cli/text.h"

#define SUMMARY_COLUMN 12

static const char about[] =
	"Saves the data of applications, not of disks: for each app its system data and "
	"the data of each user, into numbered sets of snapshots.  Restores them so that "
	"the restore itself can be undone.";

static const char words[] =
	"SET is a number; or a name; or the beginning of a content hash, 3 characters or "
	"more.\nAPP is a name, or PACKAGING:NAME where two packagings have one of that "
	"name; PACKAGING is snap, flatpak or native.\nRESTORE is the number that a "
	"restore printed; without it, the last one.";

static const char environment[] =
	"SETASIDE_STORE names a store, as --store does.  HOME, XDG_DATA_HOME and "
	"XDG_CONFIG_HOME say where your own store and configuration are.";

/* Status and what it means. */
static const struct {
	const char *status, *meaning;
} statuses[] = {
	{ "0", "done" },
	{ "1", "failed, nothing has changed" },
	{ "2", "usage: an unknown verb or option, a bad name, an ambiguous SET" },
	{ "3", "done in part; the rest is named" },
	{ "4", "no such set, app or user" },
	{ "5", "damaged data or a wrong file" },
	{ "6", "no space, or over a limit" },
	{ "7", "busy: another operation holds it, or something is mounted there" },
	{ "8", "refused: it could be done, but would do harm" },
	{ "129, 130, 143", "ended by a signal, cleaned up" },
};

/* A paragraph, and an empty line behind it. */
static void paragraph(struct text *t, const char *s)
{
	text_wrap(t, s, 0, 0);
	text_printf(t, "\n\n");
}

static void help_program(struct text *t)
{
	text_printf(t, "Usage: setaside [OPTION]... VERB [OPTION]... [OPERAND]...\n\n");
	paragraph(t, about);
	text_printf(t, "Verbs:\n");
	for (size_t i = 0; i < verb_count(); i++) {
		const struct verb *verb = verb_at(i);
		text_printf(t, "  %-*s", SUMMARY_COLUMN - 2, verb->name);
		text_wrap(t, verb->summary, SUMMARY_COLUMN, SUMMARY_COLUMN);
		if (verb->alias)
			text_printf(t, " (alias: %s)", verb->alias);
		text_printf(t, "\n");
	}
	text_printf(t, "\n");
	paragraph(t, words);
	text_printf(t, "Options of all verbs, which may stand anywhere before \"--\":\n");
	options_help(&arguments_global, t);
	text_printf(t, "\nExit status:\n");
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		text_printf(t, "  %-14s %s\n", statuses[i].status, statuses[i].meaning);
	text_printf(t, "\n");
	paragraph(t, environment);
	text_printf(t, "\"setaside help VERB\" says more of a verb.\n");
}

static void help_verb(const struct verb *verb, struct text *t)
{
	text_printf(t, "Usage: setaside %s [OPTION]...%s%s\n", verb->name,
		    verb->operands[0] != '\0' ? " " : "", verb->operands);
	if (verb->alias)
		text_printf(t, "   or: setaside %s ...\n", verb->alias);
	text_printf(t, "\n");
	paragraph(t, verb->description);
	if (verb->options.n > 0) {
		text_printf(t, "Options:\n");
		options_help(&verb->options, t);
		text_printf(t, "\n");
	}
	text_printf(t, "Options of all verbs:\n");
	options_help(&arguments_global, t);
}

int help_write(const struct verb *verb, struct buf *out, struct err *err)
{
	struct text t = TEXT(out, err);

	if (verb)
		help_verb(verb, &t);
	else
		help_program(&t);
	return text_end(&t);
}

int help_answer(const struct verb *verb, bool json, struct buf *out, struct err *err)
{
	_cleanup_(buf_done) struct buf help = BUF_INIT;
	struct json_writer w = JSON_WRITER(out, err);

	if (!json)
		return help_write(verb, out, err);
	if (help_write(verb, &help, err) < 0)
		return -1;
	json_parts_begin(&w);
	json_parts_text(&w, "help", help.data);
	return json_parts_end(&w);
}
