/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/cleanup.h"
#include "cli/cli.h"
#include "cli/restored.h"

static const struct option_spec options[] = {
	ARGUMENT_USERS,
	ARGUMENT_NO_SYSTEM,
	ARGUMENT("map-user", OPTION_LIST, map_users, "OLD=NEW",
		 "the data of user OLD of the set becomes that of NEW; may be given more "
		 "than once"),
	ARGUMENT_FLAG("force", force,
		      "even if programs have files open, or files cannot be "
		      "carried over"),
	ARGUMENT_FLAG("trust", trust,
		      "set-id bits, capabilities and devices also of a set that was not "
		      "saved here"),
	ARGUMENT_DRY_RUN("only say what would be done"),
};

static int run(struct cli *cli, struct err *err)
{
	_cleanup_(restore_outcome_done) struct restore_outcome o = { .id = 0 };
	struct restore_request request = {
		.scope = cli_scope(cli, 1),
		.dry_run = cli->args.dry_run,
		.force = cli->args.force,
		.trust = cli->args.trust,
		.map_users = (const char *const *)cli->args.map_users.items,
		.n_map_users = cli->args.map_users.n,
	};

	if (cli_open(cli, request.dry_run ? SESSION_READ : SESSION_WRITE, err) < 0 ||
	    cli_resolve_set(cli, cli->operands[0], &request.set, err) < 0 ||
	    setaside_restore(cli->session, &request, &o, err) < 0)
		return -1;
	if (request.dry_run)
		cli_warn_read_only(cli);
	else
		cli_commit(cli, true, request.set);
	return restored_answer(cli, &o, err);
}

const struct verb cmd_restore = {
	.name = "restore",
	.operands = "SET [APP...]",
	.min_operands = 1,
	.max_operands = VERB_ANY,
	.summary = "put the data of a set back",
	.description =
		"Puts the data of the set, or of the apps in it, in the place of what is "
		"there now.  Everything is unpacked and verified beside it first; then "
		"all of it is exchanged, or nothing.  What was there is moved aside, so "
		"that \"undo\" can put it back, until \"keep\" or until it expires.  "
		"Files that the save left out stay as they are.\n\n"
		"It is refused where the app that is here cannot read the data of the "
		"set, where the set is of another packaging, and, without --force, while "
		"a program has files open there.\n\n"
		"Archives of users who are unknown here, or have no home, are left out "
		"and named; the status is then 3.",
	.progress = "restoring",
	.options = OPTION_TABLE(options),
	.run = run,
};
