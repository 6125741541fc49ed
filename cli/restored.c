/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/restored.h"

#include <inttypes.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "cli/json_outcome.h"
#include "cli/say.h"
#include "cli/text.h"

/* All that was asked for was left out. */
static bool restored_nothing(const struct restore_outcome *o)
{
	return o->id == 0 && o->apps.n == 0;
}

/* Only a restore has operands behind the first one.  The names that old trees will have
 * aside are not known before. */
static int write_plan(struct text *t, struct cli *cli, const struct restore_outcome *o)
{
	_cleanup_(strings_done) struct strings created = STRINGS_INIT;

	for (size_t i = 0; i < o->created.n; i++)
		if (!strings_has(&o->replaced, o->created.items[i]) &&
		    strings_add(&created, o->created.items[i], t->err) < 0)
			return -1;
	say_set(t, "Would restore ", o->set, cli->operands + 1, cli->n_operands - 1,
		".\n");
	say_paths(t, "Would be replaced (the old ones stay aside)", &o->replaced);
	say_paths(t, "Would be created", &created);
	return 0;
}

/* What was done, and the command that takes it back. */
static void write_deed(struct text *t, struct cli *cli, const struct restore_outcome *o,
		       const char *undo)
{
	size_t n_apps = cli->n_operands > 1 ? cli->n_operands - 1 : 0;
	const char *back = "To go back";

	if (o->redone) {
		say_set(t, "Redid the restore of ", o->set, NULL, 0, "");
		text_printf(t, " (undid undo %" PRIu64 ").\n", o->undid);
	} else if (o->undid > 0) {
		say_set(t, "Undid the restore of ", o->set, NULL, 0, ".\n");
		back = "To go forward again";
	} else {
		say_set(t, "Restored ", o->set, cli->operands + 1, n_apps, ".\n");
	}
	text_printf(t, "%s: %s\n", back, undo);
}

static int write_text(struct cli *cli, const struct restore_outcome *o, struct err *err)
{
	_cleanup_(buf_done) struct buf undo = BUF_INIT;
	struct text t = TEXT(&cli->out, err);

	if (restored_nothing(o)) {
		if (cli->args.dry_run || !cli->args.quiet)
			text_printf(&t, "Nothing %s restored.\n",
				    cli->args.dry_run ? "would be" : "was");
	} else if (cli->args.dry_run) {
		if (write_plan(&t, cli, o) < 0)
			return -1;
	} else if (!cli->args.quiet) {
		if (cli_command(cli, "undo", o->id, &undo, err) < 0)
			return -1;
		write_deed(&t, cli, o, undo.data);
	}
	return text_end(&t);
}

/* Whether two archives are told of in one line: of the same user, for the same reason. */
static bool same_skip(const struct restore_skip *a, const struct restore_skip *b)
{
	return strcmp(a->user ? a->user : "", b->user ? b->user : "") == 0 &&
	       strcmp(a->why, b->why) == 0;
}

/* Whether the archives that are told of with number i are those of all apps, of several
 * that there are. */
static bool skips_all(const struct restore_outcome *o, size_t i)
{
	if (o->apps.n > 0)
		return false;
	for (size_t k = 0; k < o->n_skipped; k++) {
		bool has = false;

		for (size_t m = 0; !has && m < o->n_skipped; m++)
			has = same_skip(&o->skipped[i], &o->skipped[m]) &&
			      strcmp(o->skipped[k].app, o->skipped[m].app) == 0;
		if (!has)
			return false;
	}
	return true;
}

/* The apps of the archives that are told of with number i: ` of apps "a", "b"`. */
static void write_skipped_apps(struct text *t, const struct restore_outcome *o, size_t i)
{
	size_t n = 0;

	for (size_t k = i; k < o->n_skipped; k++)
		n += same_skip(&o->skipped[i], &o->skipped[k]);
	if (n > 1 && skips_all(o, i)) {
		text_printf(t, " of all apps");
		return;
	}
	text_printf(t, n == 1 ? " of app " : " of apps ");
	for (size_t k = i; k < o->n_skipped; k++) {
		if (!same_skip(&o->skipped[i], &o->skipped[k]))
			continue;
		text_printf(t, k > i ? ", " : "");
		text_quoted(t, o->skipped[k].app);
	}
}

/* A line for each user and reason. */
static int warn_skipped(struct cli *cli, const struct restore_outcome *o, struct err *err)
{
	for (size_t i = 0; i < o->n_skipped; i++) {
		_cleanup_(buf_done) struct buf line = BUF_INIT;
		struct text t = TEXT(&line, err);
		bool told = false;

		for (size_t k = 0; !told && k < i; k++)
			told = same_skip(&o->skipped[k], &o->skipped[i]);
		if (told)
			continue;
		text_printf(&t, o->skipped[i].user ? "data" : "system data");
		write_skipped_apps(&t, o, i);
		text_printf(&t, " left out: %s", o->skipped[i].why);
		if (text_end(&t) < 0)
			return -1;
		observer_warn(&cli->observer, o->skipped[i].user, "%s", line.data);
	}
	return 0;
}

/* What can be done for a user whom nobody here is. */
static void hint_unknown(struct cli *cli, const struct restore_outcome *o)
{
	for (size_t i = 0; i < o->n_skipped; i++) {
		if (!o->skipped[i].unknown)
			continue;
		observer_note(&cli->observer, "hint",
			      "--map-user %s=NAME gives the data to a user who is here",
			      o->skipped[i].user);
		return;
	}
}

/* Each archive that was left out, and that something is still to be done. */
static int warn(struct cli *cli, const struct restore_outcome *o, struct err *err)
{
	_cleanup_(buf_done) struct buf doctor = BUF_INIT;

	if (warn_skipped(cli, o, err) < 0)
		return -1;
	hint_unknown(cli, o);
	if (!o->unsettled)
		return 0;
	if (cli_command(cli, "doctor", 0, &doctor, err) < 0)
		return -1;
	observer_warn(&cli->observer, NULL,
		      "restore %" PRIu64 " is not settled yet: the next command that "
		      "writes does it, as does: %s",
		      o->id, doctor.data);
	return 0;
}

int restored_answer(struct cli *cli, const struct restore_outcome *o, struct err *err)
{
	if (warn(cli, o, err) < 0)
		return -1;
	if (cli->args.json
		    ? json_outcome_restore(o, cli->args.dry_run, &cli->out, err) < 0
		    : write_text(cli, o, err) < 0)
		return -1;
	return o->n_skipped > 0 || o->notes > 0 || o->unsettled ? STATUS_PART
								: STATUS_DONE;
}
