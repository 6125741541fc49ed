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
#include "cli/text.h"
#include "state/operation/export.h"

static const struct option_spec options[] = {
	{ "output", 'o', OPTION_TEXT, "FILE|-",
	  "where to; all operands are then sets, which go into one stream",
	  offsetof(struct arguments, output) },
	ARGUMENT_FLAG("force", force, "replace a file that is there already"),
};

static bool is_number(const char *text)
{
	return text[strspn(text, "0123456789")] == '\0';
}

/* Which operands are sets, and which is the file. */
static int read_operands(const struct cli *cli, size_t *ret_n_sets, const char **ret_file,
			 struct err *err)
{
	const char *last = cli->operands[cli->n_operands - 1];

	*ret_n_sets = cli->n_operands;
	*ret_file = cli->args.output;
	if (*ret_file)
		return 0;
	if (cli->n_operands == 1) {
		err_set(err, ERR_USAGE, "export needs a file, or - for standard output");
		return err_hint(err, "see \"setaside export --help\"");
	}
	if (cli->n_operands > 2) {
		err_set(err, ERR_USAGE, "export takes one set and a file");
		return err_hint(err, "several sets go into one stream with -o FILE");
	}
	if (is_number(last)) {
		err_set(err, ERR_USAGE, "%s looks like a set, not like a file", q(last));
		return err_hint(err,
				"write ./%s for the file; several sets go into one "
				"stream with -o FILE",
				last);
	}
	*ret_n_sets = 1;
	*ret_file = last;
	return 0;
}

/* What cannot go to standard output. */
static int check_stdout(const struct cli *cli, struct err *err)
{
	if (cli->args.json)
		return err_set(err, ERR_USAGE,
			       "\"--json\" and the export cannot both go to standard "
			       "output");
	if (isatty(STDOUT_FILENO)) {
		err_set(err, ERR_USAGE, "standard output is a terminal");
		return err_hint(err, "name a file, or pipe it somewhere");
	}
	return 0;
}

static bool has_set(const uint64_t *sets, size_t n, uint64_t set)
{
	for (size_t i = 0; i < n; i++)
		if (sets[i] == set)
			return true;
	return false;
}

/* All sets are found before anything is done; the first *n operands name them, and *n
 * becomes how many they are, each once. */
static int resolve(struct cli *cli, size_t *n, uint64_t **ret, struct err *err)
{
	_cleanup_free_ uint64_t *sets = alloc_zero(*n, sizeof(*sets), err);
	_cleanup_(sets_list_done) struct set_list list = { NULL, 0 };
	size_t n_sets = 0;

	if (!sets || sets_list(cli->session, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < *n; i++) {
		const struct set *set;

		if (sets_resolve(&list, cli->operands[i], &set, err) < 0)
			return -1;
		if (!has_set(sets, n_sets, set->id))
			sets[n_sets++] = set->id;
	}
	*n = n_sets;
	*ret = TAKE_PTR(sets);
	return 0;
}

static int to_stdout(struct cli *cli, const uint64_t *sets, size_t n, struct err *err)
{
	_cleanup_(setaside_export_closep) struct exporting *x = NULL;

	if (setaside_export_open(cli->session, sets, n, &x, err) < 0 ||
	    setaside_export_stream(x, STDOUT_FILENO, err) < 0)
		return err_wrap(err, "cannot export to standard output");
	return 0;
}

static int write_text(struct cli *cli, const uint64_t *sets, size_t n, const char *file,
		      uint64_t bytes, struct err *err)
{
	struct text t = TEXT(&cli->out, err);
	char size[STAMP_TEXT_MAX];

	if (cli->args.quiet)
		return 0;
	stamp_format_size(bytes, size);
	if (n == 1)
		say_set(&t, "", sets[0], NULL, 0, " exported to ");
	else
		text_printf(&t, "%zu sets exported to ", n);
	text_quoted(&t, file);
	text_printf(&t, " (%s).\n", size);
	return text_end(&t);
}

static int to_file(struct cli *cli, const uint64_t *sets, size_t n, const char *file,
		   struct err *err)
{
	uint64_t size;

	if (setaside_export_file(cli->session, sets, n, file, cli->args.force, &size,
				 err) < 0)
		return -1;
	cli_commit(cli, true, 0);
	if (cli->args.json)
		return json_outcome_export(sets, n, file, size, &cli->out, err);
	return write_text(cli, sets, n, file, size, err);
}

static int run(struct cli *cli, struct err *err)
{
	_cleanup_free_ uint64_t *sets = NULL;
	const char *file;
	bool is_stdout;
	size_t n;
	int r;

	if (read_operands(cli, &n, &file, err) < 0)
		return -1;
	is_stdout = strcmp(file, "-") == 0;
	if ((is_stdout && check_stdout(cli, err) < 0) ||
	    cli_open(cli, SESSION_READ, err) < 0 || resolve(cli, &n, &sets, err) < 0)
		return -1;
	if (n > 1)
		observer_note(&cli->observer, NULL,
			      "of several sets in one stream snapd imports only the "
			      "first");
	r = is_stdout ? to_stdout(cli, sets, n, err) : to_file(cli, sets, n, file, err);
	return r < 0 ? -1 : STATUS_DONE;
}

const struct verb cmd_export = {
	.name = "export",
	.operands = "SET FILE|-",
	.min_operands = 1,
	.max_operands = VERB_ANY,
	.summary = "write a set into one file, for another machine",
	.description =
		"Writes the set into a file that \"setaside import\" and \"snap "
		"import-snapshot\" read, or to standard output (-), from where it may go "
		"through a pipe: \"setaside export 3 - | ssh HOST setaside import -\".  "
		"The file appears when it is complete; one that is there already is "
		"replaced only with --force.  All hashes are compared on the way.\n\n"
		"Several sets go into one stream with -o: \"setaside export 3 4 -o "
		"FILE\".  A file whose name is digits alone is written ./3.\n\n"
		"The file is readable by you alone; it holds what the apps keep, "
		"passwords and keys too, and is not encrypted.",
	.progress = "exporting",
	.options = OPTION_TABLE(options),
	.run = run,
};
