/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/cleanup.h"
#include "cli/cli.h"
#include "cli/json_outcome.h"
#include "cli/say.h"
#include "cli/text.h"
#include "state/operation/forget.h"

static const struct option_spec options[] = {
	ARGUMENT_DRY_RUN("only say what would be forgotten"),
};

static int write_text(struct cli *cli, const struct forget_outcome *o, struct err *err)
{
	struct text t = TEXT(&cli->out, err);
	const char *const *apps = cli->operands + 1;
	size_t n_apps = cli->n_operands - 1;

	if (cli->args.dry_run) {
		say_set(&t, "Would forget ", o->set, apps, n_apps, ".\n");
		say_paths(&t, "Would be gone", &o->apps);
	} else if (!cli->args.quiet) {
		say_set(&t, "", o->set, apps, n_apps, " forgotten.\n");
	}
	return text_end(&t);
}

static int run(struct cli *cli, struct err *err)
{
	_cleanup_(forget_outcome_done) struct forget_outcome o = { .set = 0 };
	bool dry_run = cli->args.dry_run;
	uint64_t set;

	if (cli_open(cli, dry_run ? SESSION_READ : SESSION_WRITE, err) < 0 ||
	    cli_resolve_set(cli, cli->operands[0], &set, err) < 0 ||
	    setaside_forget(cli->session, set, cli->operands + 1, cli->n_operands - 1,
			    dry_run, &o, err) < 0)
		return -1;
	if (!dry_run)
		cli_commit(cli, true, set);
	if (cli->args.json ? json_outcome_forget(&o, dry_run, &cli->out, err) < 0
			   : write_text(cli, &o, err) < 0)
		return -1;
	return STATUS_DONE;
}

const struct verb cmd_forget = {
	.name = "forget",
	.operands = "SET [APP...]",
	.min_operands = 1,
	.max_operands = VERB_ANY,
	.summary = "remove a set, or some apps from it",
	.description =
		"Removes the snapshots of the set, or of the apps in it, from the "
		"store.  The data of the apps is not touched.  The number of a set is "
		"never used again.",
	.options = OPTION_TABLE(options),
	.run = run,
};
