/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/cleanup.h"
#include "cli/cli.h"
#include "cli/restored.h"

static const struct option_spec options[] = {
	ARGUMENT_FLAG("force", force,
		      "even if programs have files open, or files cannot be "
		      "carried over"),
};

static int run(struct cli *cli, struct err *err)
{
	_cleanup_(restore_outcome_done) struct restore_outcome o = { .id = 0 };
	uint64_t restore;

	if (cli_restore_number(cli, &restore, err) < 0 ||
	    cli_open(cli, SESSION_WRITE, err) < 0 ||
	    setaside_undo(cli->session, restore, cli->args.force, &o, err) < 0)
		return -1;
	cli_commit(cli, true, o.set);
	return restored_answer(cli, &o, err);
}

const struct verb cmd_undo = {
	.name = "undo",
	.operands = "[RESTORE]",
	.max_operands = 1,
	.summary = "put back what a restore moved aside",
	.description =
		"Puts back what the last restore, or that one, moved aside.  What is "
		"there now is moved aside in turn: an undo is a restore with a number of "
		"its own, and undoing it goes forward again.\n\n"
		"It is refused while a later restore, neither undone nor kept, stands in "
		"the same place.",
	.progress = "undoing",
	.options = OPTION_TABLE(options),
	.run = run,
};
