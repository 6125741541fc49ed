/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"
#include "backend/base/stamp.h"
#include "cli/cli.h"
#include "cli/json_outcome.h"
#include "cli/say.h"
#include "cli/set_table.h"
#include "cli/text.h"
#include "state/operation/import.h"

static const struct option_spec options[] = {
	ARGUMENT("name", OPTION_TEXT, name, "N",
		 "a name for the (first) set, to be used like its number"),
	ARGUMENT("note", OPTION_NOTE, note, "TEXT", "what you want to remember of it"),
	ARGUMENT_FLAG("allow-duplicate", allow_duplicate,
		      "import even a set that is here already"),
};

/* All that came. */
struct imported {
	struct import_outcome *sets;
	size_t n, cap;
};

static void imported_done(struct imported *im)
{
	for (size_t i = 0; i < im->n; i++)
		import_outcome_done(&im->sets[i]);
	free(im->sets);
}

/* One set after the other, until the stream ends or fails. */
static int import_all(struct cli *cli, struct importing *from, struct imported *to,
		      struct err *err)
{
	for (;;) {
		struct import_outcome o = { .set = 0 };
		int r = setaside_import_next(from, &o, err);

		if (r < 0 && !err_is(err, ERR_DUPLICATE))
			return -1;
		if (r == 0)
			return 0;
		err_clear(err); /* a set that is here is as good as one that came */
		cli_commit(cli, true, 0);
		if (alloc_grow(&to->sets, to->n, &to->cap, sizeof(*to->sets), err) < 0) {
			import_outcome_done(&o);
			return -1;
		}
		to->sets[to->n++] = o;
	}
}

/* The file, or standard input. */
static int import_from(struct cli *cli, struct imported *to, struct err *err)
{
	_cleanup_(setaside_import_closep) struct importing *im = NULL;
	const struct import_request request = {
		.name = cli->args.name,
		.note = cli->args.note,
		.allow_duplicate = cli->args.allow_duplicate,
	};
	const char *file = cli->operands[0];
	bool is_stdin = strcmp(file, "-") == 0;
	_cleanup_close_ int fd = is_stdin ? -1 : setaside_import_open_file(file, err);
	int r;

	if (!is_stdin && fd < 0)
		return -1;
	if (is_stdin && isatty(STDIN_FILENO)) {
		err_set(err, ERR_USAGE, "standard input is a terminal");
		return err_hint(err, "name a file, or pipe one in");
	}
	r = setaside_import_open(cli->session, is_stdin ? STDIN_FILENO : fd, &request,
				 &im, err);
	if (r == 0)
		r = import_all(cli, im, to, err);
	if (r == 0)
		return 0;
	if (err_is(err, ERR_CORRUPT) && !err->hint)
		err_hint(err, "copy it here or export it again");
	if (is_stdin)
		return err_wrap(err, "cannot import %sfrom standard input",
				to->n > 0 ? "the rest " : "");
	return err_wrap(err, "cannot import %s%s", to->n > 0 ? "the rest of " : "",
			q(file));
}

/* A sentence for each set that came. */
static int write_sentences(struct cli *cli, const struct imported *im, struct err *err)
{
	struct text t = TEXT(&cli->out, err);

	for (size_t i = 0; i < im->n; i++) {
		const struct import_outcome *o = &im->sets[i];

		if (o->duplicate)
			say_set(&t, "This is ", o->set, NULL, 0,
				", which is here already.\n");
		else
			say_set(&t, "Imported as ", o->set, NULL, 0, ".\n");
	}
	return text_end(&t);
}

/* Is the set among them? */
static bool has_set(const struct imported *im, uint64_t id)
{
	for (size_t i = 0; i < im->n; i++)
		if (im->sets[i].set == id)
			return true;
	return false;
}

struct lines {
	const struct imported *im;
	struct table table;
	struct stamp now;
};

/* For sets_pass(). */
static int add_lines(void *ctx, const struct set *set, struct err *err)
{
	struct lines *l = ctx;

	if (has_set(l->im, set->id))
		set_table_add(&l->table, set, &l->now);
	return err_is(err, ERR_NONE) ? 0 : -1;
}

/* One alone is not looked for among all. */
static int add_the_one(struct cli *cli, struct lines *l, struct err *err)
{
	struct set set;
	int r;

	if (sets_get(cli->session, l->im->sets[0].set, &set, err) < 0)
		return -1;
	r = add_lines(l, &set, err);
	set_done(&set);
	return r;
}

static void lines_done(struct lines *l)
{
	table_done(&l->table);
}

/* The sets as they are listed. */
static int write_table(struct cli *cli, const struct imported *im, struct err *err)
{
	_cleanup_(lines_done) struct lines l = { .im = im, .table = TABLE_INIT };
	int r;

	if (stamp_now(&l.now, err) < 0)
		return -1;
	set_table_init(&l.table, &l.now, err);
	if (!err_is(err, ERR_NONE))
		return -1;
	if (im->n == 1)
		r = add_the_one(cli, &l, err);
	else
		r = sets_pass(cli->session, add_lines, &l, err);
	return r < 0 ? -1 : table_write(&l.table, &cli->out);
}

static int write_text(struct cli *cli, const struct imported *im, struct err *err)
{
	if (cli->args.quiet || im->n == 0)
		return 0;
	return write_sentences(cli, im, err) < 0 ? -1 : write_table(cli, im, err);
}

static int run(struct cli *cli, struct err *err)
{
	_cleanup_(imported_done) struct imported im = { NULL, 0, 0 };
	_cleanup_(err_clear) struct err failure = ERR_INIT;
	bool failed;

	if (cli_open(cli, SESSION_WRITE, err) < 0)
		return -1;
	failed = import_from(cli, &im, &failure) < 0;
	if (failed && im.n == 0)
		return err_move(err, &failure);
	if (cli->args.json ? json_outcome_import(im.sets, im.n, failed ? &failure : NULL,
						 &cli->out, err) < 0
			   : write_text(cli, &im, err) < 0)
		return -1;
	if (!failed)
		return STATUS_DONE;
	progress_clear(&cli->progress);
	report_error(&failure);
	return STATUS_PART;
}

const struct verb cmd_import = {
	.name = "import",
	.operands = "FILE|-",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "take a set from a file that export wrote",
	.description =
		"Takes the set, or one after the other where there are several, from a "
		"file that \"setaside export\" or \"snap export-snapshot\" wrote, or "
		"from standard input (-).  A set appears, under a new number, when all of it "
		"has come and been verified; otherwise nothing of it is kept.\n\n"
		"A set that is here already is not stored again: the answer says which "
		"it is, and that one no longer expires.  If a later set of several "
		"fails those before it stay; the status is then 3.\n\n"
		"What other machines wrote is trusted less at a restore: see --trust "
		"there.",
	.makes_store = true,
	.progress = "importing",
	.options = OPTION_TABLE(options),
	.run = run,
};
