/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "backend/base/cleanup.h"
#include "cli/cli.h"
#include "cli/json_outcome.h"
#include "cli/text.h"

static int write_text(struct cli *cli, const struct keep_outcome *o, struct err *err)
{
	struct text t = TEXT(&cli->out, err);

	if (cli->args.quiet)
		return 0;
	text_printf(&t, "Restore %" PRIu64 " is final; %zu old %s removed.\n", o->id,
		    o->removed.n, o->removed.n == 1 ? "tree" : "trees");
	return text_end(&t);
}

static int run(struct cli *cli, struct err *err)
{
	_cleanup_(keep_outcome_done) struct keep_outcome o = { .id = 0 };
	uint64_t restore;

	if (cli_restore_number(cli, &restore, err) < 0 ||
	    cli_open(cli, SESSION_WRITE, err) < 0 ||
	    setaside_keep(cli->session, restore, &o, err) < 0)
		return -1;
	cli_commit(cli, true, 0);
	if (cli->args.json ? json_outcome_keep(&o, &cli->out, err) < 0
			   : write_text(cli, &o, err) < 0)
		return -1;
	return STATUS_DONE;
}

const struct verb cmd_keep = {
	.name = "keep",
	.operands = "[RESTORE]",
	.max_operands = 1,
	.summary = "make a restore final",
	.description =
		"Removes what the last restore, or that one, moved aside.  It can then "
		"no longer be undone.  Without \"keep\" this happens by itself when the "
		"time that is configured (keep-for) is over.",
	.run = run,
};
