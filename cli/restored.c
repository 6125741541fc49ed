/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/restored.h"

#include <inttypes.h>

#include "backend/base/cleanup.h"
#include "cli/json_outcome.h"
#include "cli/say.h"
#include "cli/text.h"

/* All that was asked for was left out. */
static bool restored_nothing(const struct restore_outcome *o)
{
	return o->id == 0 && o->apps.n == 0;
}

/* Only a restore has operands behind the first one. */
static void write_plan(struct text *t, struct cli *cli, const struct restore_outcome *o)
{
	say_set(t, "Would restore ", o->set, cli->operands + 1, cli->n_operands - 1,
		".\n");
	say_paths(t, "Would be created", &o->created);
	say_paths(t, "Would be moved aside", &o->moved);
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
		write_plan(&t, cli, o);
	} else if (!cli->args.quiet) {
		if (cli_command(cli, "undo", o->id, &undo, err) < 0)
			return -1;
		write_deed(&t, cli, o, undo.data);
	}
	return text_end(&t);
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

	for (size_t i = 0; i < o->n_skipped; i++)
		observer_warn(&cli->observer, o->skipped[i].user, "left out: %s",
			      o->skipped[i].why);
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
	if (cli->args.json ? json_outcome_restore(o, &cli->out, err) < 0
			   : write_text(cli, o, err) < 0)
		return -1;
	return o->n_skipped > 0 || o->notes > 0 || o->unsettled ? STATUS_PART
								: STATUS_DONE;
}
