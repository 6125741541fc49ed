/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/quote.h"
#include "cli/cli.h"
#include "cli/json_set.h"
#include "cli/set_table.h"
#include "cli/text.h"
#include "state/operation/save.h"

static const struct option_spec options[] = {
	ARGUMENT_USERS,
	ARGUMENT_NO_SYSTEM,
	ARGUMENT("exclude", OPTION_LIST, exclude, "PATTERN",
		 "leave out what matches TREE/PATTERN, or for a snap "
		 "$SNAP_COMMON/PATTERN and the like; may be given more than once"),
	ARGUMENT("name", OPTION_TEXT, name, "N",
		 "a name for the set, to be used like its number"),
	ARGUMENT("note", OPTION_NOTE, note, "TEXT", "what you want to remember of it"),
	ARGUMENT_FLAG("auto", automatic, "let the set expire by itself"),
	ARGUMENT("reason", OPTION_TEXT, reason, "TEXT", "why it is made, with --auto"),
	ARGUMENT("compress", OPTION_TEXT, compress, "HOW",
		 "fast: quickly; small: no larger than gzip -6 makes it; without it what "
		 "the configuration says, else fast"),
	ARGUMENT_FLAG("if-changed", if_changed,
		      "leave out apps that a set holds just as they are, and name it"),
	ARGUMENT_FLAG("force-read", force_read,
		      "read all files, those that look unchanged too"),
	ARGUMENT_DRY_RUN("only say how much there is to save, and whether there is room"),
};

/* Which sets hold what was not saved again. */
static int write_unchanged(struct cli *cli, const struct save_outcome *o, struct err *err)
{
	struct text t = TEXT(&cli->out, err);

	for (size_t i = 0; i < o->n_unchanged; i++)
		text_printf(&t, "%s has not changed since set %" PRIu64 ".\n",
			    o->unchanged[i].app, o->unchanged[i].set);
	return text_end(&t);
}

static int write_text(struct cli *cli, const struct save_outcome *o, struct err *err)
{
	struct text t = TEXT(&cli->out, err);
	char size[STAMP_TEXT_MAX];
	struct stamp now;

	if (cli->args.quiet && !cli->args.dry_run)
		return 0;
	if (write_unchanged(cli, o, err) < 0)
		return -1;
	if (cli->args.dry_run) {
		stamp_format_size(o->estimate, size);
		text_printf(&t, "Would save %s of data.\n", size);
		return text_end(&t);
	}
	if (!o->has_set)
		return 0;
	if (stamp_now(&now, err) < 0)
		return -1;
	return set_table_write(&o->set, 1, &now, &cli->out, err);
}

/* What is not in the answer, or not clear enough from it. */
static int warn(struct cli *cli, const struct save_outcome *o, struct err *err)
{
	_cleanup_(buf_done) struct buf show = BUF_INIT;

	for (size_t i = 0; i < o->empty.n; i++)
		observer_note(&cli->observer, o->empty.items[i], "has no data here");
	if (!o->has_set && o->n_unchanged > 0 && cli->args.name && !cli->args.dry_run)
		observer_note(&cli->observer, NULL,
			      "no set was made, so nothing is named %s",
			      q(cli->args.name));
	if (!o->has_set || (o->skipped == 0 && o->changed == 0))
		return 0;
	if (cli_command(cli, "show", o->set.id, &show, err) < 0)
		return -1;
	observer_warn(&cli->observer, NULL,
		      "set %" PRIu64 " is not complete: %" PRIu64 " left out, %" PRIu64
		      " changed while being read; to see which: %s",
		      o->set.id, o->skipped, o->changed, show.data);
	return 0;
}

/* The value of --compress. */
static int read_compress(const char *value, enum save_compress *ret, struct err *err)
{
	if (!value) {
		*ret = SAVE_COMPRESS_CONFIGURED;
	} else if (strcmp(value, "fast") == 0) {
		*ret = SAVE_COMPRESS_FAST;
	} else if (strcmp(value, "small") == 0) {
		*ret = SAVE_COMPRESS_SMALL;
	} else {
		err_set(err, ERR_USAGE, "option \"--compress\" has an unknown value %s",
			q(value));
		return err_hint(err, "it is \"fast\" or \"small\"");
	}
	return 0;
}

static int run(struct cli *cli, struct err *err)
{
	_cleanup_(save_outcome_done) struct save_outcome o = { .has_set = false };
	struct save_request request = {
		.scope = cli_scope(cli, 0),
		.name = cli->args.name,
		.note = cli->args.note,
		.automatic = cli->args.automatic,
		.reason = cli->args.reason,
		.dry_run = cli->args.dry_run,
		.force_read = cli->args.force_read,
		.if_changed = cli->args.if_changed,
	};

	if (read_compress(cli->args.compress, &request.compress, err) < 0)
		return -1;
	if (cli_open(cli, cli->args.dry_run ? SESSION_READ : SESSION_WRITE, err) < 0 ||
	    setaside_save(cli->session, &request, &o, err) < 0)
		return -1;
	if (o.has_set || o.extended)
		cli_commit(cli, o.has_set && !cli->args.automatic, o.set.id);
	if (warn(cli, &o, err) < 0)
		return -1;
	if (cli->args.json ? json_set_save(&o, cli->args.dry_run, &cli->out, err) < 0
			   : write_text(cli, &o, err) < 0)
		return -1;
	return o.skipped > 0 || o.changed > 0 || o.problems > 0 ? STATUS_PART
								: STATUS_DONE;
}

const struct verb cmd_save = {
	.name = "save",
	.operands = "[APP...]",
	.max_operands = VERB_ANY,
	.summary = "save apps into a new set",
	.description =
		"Saves the data of the apps, or of all that are here, into a new set: "
		"all of them or none.  Root saves the system data and the data of every "
		"user, everyone else their own.\n\n"
		"--exclude takes TREE/PATTERN, where TREE is the name of a tree as "
		"\"show\" lists it, or for snaps a pattern that begins with "
		"$SNAP_DATA, $SNAP_COMMON, $SNAP_USER_DATA or $SNAP_USER_COMMON.  \"*\" "
		"stands for anything but \"/\"; a directory takes all below it.\n\n"
		"A name has 1 to 64 of A-Z, a-z, 0-9 and . _ + -, begins with a letter "
		"or digit and is not digits alone.\n\n"
		"Data that look the same as when they were saved last (names, sizes, "
		"times, owners) are not read again: the new set takes them over from the "
		"old one, if they are compressed there as they would be now.  What was changed "
		"in the last seconds before a save is read again by the next: until the kernel "
		"has written it to the disk (42 seconds, as most are set; \"settle\" in the "
		"configuration) a program may change it through mapped memory without a new "
		"time.  So is what does not lie on ext4, XFS, btrfs or f2fs.  --force-read "
		"reads everything.\n\n"
		"A set made with --auto goes by itself after 31 days, or the time that is "
		"configured (automatic-retention) when it is made: \"doctor\" removes it, or "
		"the next command of a person that changes something; another save with --auto "
		"does not.\n\n"
		"With --if-changed an app that a set holds just as it is now, however it is "
		"compressed there, is not saved again: that set is named instead, and stays "
		"at least as long as the new one would have.  If no app has changed, no set "
		"is made.\n\n"
		"A file that cannot be read is left out and named, as is one that kept "
		"changing while it was read; the status is then 3.",
	.makes_store = true,
	.progress = "saving",
	.options = OPTION_TABLE(options),
	.run = run,
};
