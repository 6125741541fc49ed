/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "backend/base/cleanup.h"
#include "cli/cli.h"
#include "cli/json_outcome.h"
#include "cli/text.h"
#include "state/operation/doctor.h"

static const struct option_spec options[] = {
	ARGUMENT_DRY_RUN("only say what is to be repaired, and change nothing at all"),
};

static void write_items(struct text *t, const char *title,
			const struct recovery_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		text_printf(t, "%s: ", title);
		text_foreign(t, items[i].object);
		text_printf(t, ": ");
		text_message(t, items[i].what);
		text_printf(t, "\n");
	}
}

/* What can be done, once for all to which it applies. */
static void write_hints(struct text *t, const struct recovery_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool said = !items[i].hint;

		for (size_t k = 0; k < i && !said; k++)
			said = items[k].hint && strcmp(items[k].hint, items[i].hint) == 0;
		if (said)
			continue;
		text_printf(t, "hint: ");
		text_wrap(t, items[i].hint, strlen("hint: "), 2);
		text_printf(t, "\n");
	}
}

static int write_text(struct cli *cli, const struct recovery_report *r, struct err *err)
{
	struct text t = TEXT(&cli->out, err);

	write_items(&t, cli->args.dry_run ? "to repair" : "repaired", r->repaired,
		    r->n_repaired);
	write_items(&t, "left", r->left, r->n_left);
	write_items(&t, "busy", r->busy, r->n_busy);
	if (!cli->args.quiet)
		write_hints(&t, r->left, r->n_left);
	if (r->n_repaired == 0 && r->n_left == 0 && r->n_busy == 0 && !cli->args.quiet)
		text_printf(&t, "Nothing to repair.\n");
	return text_end(&t);
}

static int run(struct cli *cli, struct err *err)
{
	_cleanup_(recovery_report_done) struct recovery_report report = { .n_left = 0 };
	bool dry_run = cli->args.dry_run;

	if (cli_open(cli, dry_run ? SESSION_LOOK : SESSION_DOCTOR, err) < 0 ||
	    setaside_doctor(cli->session, &report, err) < 0)
		return -1;
	/* What had expired is gone already. */
	if (!dry_run)
		cli_commit(cli, false, 0);
	if (cli->args.json ? json_outcome_doctor(&report, dry_run, &cli->out, err) < 0
			   : write_text(cli, &report, err) < 0)
		return -1;
	return report.n_left > 0 ? STATUS_PART : STATUS_DONE;
}

const struct verb cmd_doctor = {
	.name = "doctor",
	.operands = "",
	.summary = "repair what a crash left",
	.description =
		"Puts right what was interrupted, as every command that writes does "
		"first, but looks at everything, and says what it found, what it did and "
		"what is left to do; if anything is left the status is 3.  That includes old "
		"data beside that of any app which no restore on record has put there, "
		"as after the database was lost: it is named, and never removed.  So is a "
		"snapshot that is broken, or on record and gone, until it is forgotten.  "
		"What has expired is removed: old data that restores moved aside, and whole "
		"automatic sets.\n\n"
		"--dry-run says what is to be repaired and what would be left, and changes "
		"nothing at all.  What another command is working on is named as busy.",
	.progress = "examining",
	.options = OPTION_TABLE(options),
	.run = run,
};
