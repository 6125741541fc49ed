/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/options.h"

#include <stdio.h>
#include <string.h>

#include "backend/base/strings.h"
#include "backend/base/suggest.h"
#include "cli/arguments.h"
#include "tests/unit/support.h"

struct values {
	bool deep, quiet;
	const char *name, *note;
	struct strings exclude, users;
};

/* clang-format off */
#define SPEC(name_, letter_, type_, value_, field_, help_) \
	{ (name_), (letter_), (type_), (value_), (help_),  \
	  offsetof(struct values, field_) }
/* clang-format on */

static const struct option_spec own_specs[] = {
	SPEC("deep", 0, OPTION_FLAG, NULL, deep, "look deeper"),
	SPEC("name", 0, OPTION_TEXT, "N", name, "what it is called"),
	SPEC("note", 0, OPTION_NOTE, "TEXT", note, "a note"),
	SPEC("exclude", 0, OPTION_LIST, "PATTERN", exclude, "what is left out"),
	SPEC("users", 0, OPTION_WORDS, "U,...", users,
	     "a help text that is so long that it has to go on in a second line"),
};

static const struct option_spec common_specs[] = {
	SPEC("quiet", 'q', OPTION_FLAG, NULL, quiet, "say less"),
};

static const struct option_table own = OPTION_TABLE(own_specs);
static const struct option_table common = OPTION_TABLE(common_specs);
static const struct option_table *const tables[] = { &own, &common };

static struct values values;
static const char *operands[16];
static size_t n_operands;

static void reset(void)
{
	strings_done(&values.exclude);
	strings_done(&values.users);
	memset(&values, 0, sizeof(values));
	n_operands = 0;
}

/* The words of a line as arguments of the program; they stay until the next call. */
static struct options arguments_of(const char *line)
{
	static char room[256];
	static char *argv[17];
	int argc = 0;

	ck_assert_uint_lt(strlen(line) + sizeof("setaside"), sizeof(room));
	snprintf(room, sizeof(room), "setaside %s", line);
	for (char *at = room; at; argc++) {
		ck_assert_int_lt(argc, 16);
		argv[argc] = strsep(&at, " ");
	}
	return (struct options){
		.argc = argc, .argv = argv, .tables = tables, .n_tables = 2
	};
}

static int parse(const char *line, struct err *err)
{
	struct options o = arguments_of(line);

	reset();
	return options_parse(&o, &values, operands, &n_operands, err);
}

START_TEST(options_and_operands_mix)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(parse("save --deep git -q ssh", &err), &err);
	ck_assert(values.deep && values.quiet);
	ck_assert_uint_eq(n_operands, 3);
	ck_assert_str_eq(operands[0], "save");
	ck_assert_str_eq(operands[1], "git");
	ck_assert_str_eq(operands[2], "ssh");
	reset();
}

END_TEST

START_TEST(two_dashes_end_the_options)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(parse("a -- --deep -- -", &err), &err);
	ck_assert(!values.deep);
	ck_assert_uint_eq(n_operands, 4);
	ck_assert_str_eq(operands[1], "--deep");
	ck_assert_str_eq(operands[2], "--");
	ck_assert_str_eq(operands[3], "-");
}

END_TEST

START_TEST(a_single_dash_is_an_operand)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(parse("-", &err), &err);
	ck_assert_uint_eq(n_operands, 1);
}

END_TEST

START_TEST(values_stand_in_either_place)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(parse("--name a --note=--deep", &err), &err);
	ck_assert_str_eq(values.name, "a");
	ck_assert_str_eq(values.note, "--deep");
	ck_assert_ok(parse("--note= --name=a=b", &err), &err);
	ck_assert_str_eq(values.note, "");
	ck_assert_str_eq(values.name, "a=b");
	/* A value may look like an option, and even like the end of them. */
	ck_assert_ok(parse("--note -- --deep", &err), &err);
	ck_assert_str_eq(values.note, "--");
	ck_assert(values.deep);
}

END_TEST

START_TEST(the_last_value_counts_and_lists_grow)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(
		parse("--name=a --name=b --exclude=x,y --exclude z --users=a,b --users=c",
		      &err),
		&err);
	ck_assert_str_eq(values.name, "b");
	ck_assert_uint_eq(values.exclude.n, 2);
	ck_assert_str_eq(values.exclude.items[0], "x,y");
	ck_assert_uint_eq(values.users.n, 3);
	ck_assert_str_eq(values.users.items[1], "b");
	ck_assert_str_eq(values.users.items[2], "c");
	reset();
}

END_TEST

static const struct {
	const char *argument, *message;
} bad[] = {
	{ "--dep", "unknown option \"--dep\"" },
	{ "--dee", "unknown option \"--dee\"" },
	{ "--deep=1", "option \"--deep\" takes no value" },
	{ "--unknown=x\ny", "unknown option \"--unknown\"" },
	{ "-x", "unknown option \"-x\"" },
	{ "-qq", "unknown option \"-qq\"" },
	{ "--name", "option \"--name\" needs a value: N" },
	{ "--name=", "option \"--name\" has an empty value" },
	{ "--exclude=", "option \"--exclude\" has an empty value" },
	{ "--users=a,,b", "option \"--users\" has an empty item in its value \"a,,b\"" },
	{ "--users=a,", "option \"--users\" has an empty item" },
	{ "--users=,", "option \"--users\" has an empty item" },
};

START_TEST(bad_options_are_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char line[64];

	snprintf(line, sizeof(line), "save %s", bad[_i].argument);
	ck_assert_fails(parse(line, &err), &err, ERR_USAGE, bad[_i].message);
	reset();
}

END_TEST

START_TEST(an_unknown_option_is_met_with_a_near_one)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_int_eq(parse("--exlcude=a", &err), -1);
	ck_assert_str_eq(err.hint, "did you mean \"--exclude\"?");
	err_clear(&err);
	ck_assert_int_eq(parse("--completely-other", &err), -1);
	ck_assert_ptr_null(err.hint);
}

END_TEST

START_TEST(the_verb_is_found_behind_values)
{
	struct options o = arguments_of("--name x --unknown --users=y save git");

	ck_assert_str_eq(options_first_operand(&o), "save");
	o = arguments_of("-- --deep");
	ck_assert_str_eq(options_first_operand(&o), "--deep");
	o = arguments_of("--name");
	ck_assert_ptr_null(options_first_operand(&o));
}

END_TEST

START_TEST(a_flag_is_not_seen_in_a_value)
{
	struct options o = arguments_of("--name --deep x");

	ck_assert(!options_has_flag(&o, "deep"));
	o = arguments_of("--unknown --deep");
	ck_assert(options_has_flag(&o, "deep"));
	o = arguments_of("-- --deep");
	ck_assert(!options_has_flag(&o, "deep"));
}

END_TEST

START_TEST(help_is_made_from_the_table)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct text t = TEXT(&out, &err);

	options_help(&own, &t);
	options_help(&common, &t);
	ck_assert_ok(text_end(&t), &err);
	ck_assert_str_eq(
		out.data,
		"  --deep                  look deeper\n"
		"  --name N                what it is called\n"
		"  --note TEXT             a note\n"
		"  --exclude PATTERN       what is left out\n"
		"  --users U,...           a help text that is so long that it has "
		"to go on in a\n"
		"                          second line\n"
		"  -q, --quiet             say less\n");
}

END_TEST

/* ---- The arguments of the program ---- */

START_TEST(wait_takes_seconds_and_durations)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = { { NULL, -1 },    { "0", 0 },
		      { "10", 10000 }, { "2m", 120000 },
		      { "no", 0 },     { "9000000000000000", 9000000000000000000 } };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int64_t ms;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arguments a = { .wait = cases[i].text };
		ck_assert_ok(arguments_wait(&a, &ms, &err), &err);
		ck_assert_int_eq(ms, cases[i].ms);
	}
}

END_TEST

START_TEST(wait_refuses_what_is_no_time)
{
	static const char *const cases[] = {
		"",
		"-1",
		"1.5",
		"x",
		"10x",
		"99999999999999999999",
		"99999999999999999",
		"111111111111111111111111111111111111111111111111111111"
	};
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int64_t ms;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arguments a = { .wait = cases[i] };
		ck_assert_fails(arguments_wait(&a, &ms, &err), &err, ERR_USAGE,
				"option \"--wait\": ");
	}
}

END_TEST

START_TEST(arguments_that_contradict_each_other_are_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct arguments both = { .system = true, .user = true };
	struct arguments reason = { .reason = "upgrade" };

	ck_assert_fails(arguments_check(&both, &err), &err, ERR_USAGE,
			"exclude each other");
	ck_assert_fails(arguments_check(&reason, &err), &err, ERR_USAGE,
			"option \"--reason\" needs \"--auto\"");
	reason.automatic = true;
	ck_assert_ok(arguments_check(&reason, &err), &err);
}

END_TEST

/* ---- What was meant ---- */

static const char *nearest(const char *given)
{
	static const char *const words[] = { "save", "saved", "restore", "list" };
	struct suggest s = SUGGEST(given);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		suggest_offer(&s, words[i]);
	return s.best ? s.best : "";
}

START_TEST(a_near_word_is_suggested)
{
	ck_assert_str_eq(nearest("sve"), "save");   /* left out */
	ck_assert_str_eq(nearest("saave"), "save"); /* added */
	ck_assert_str_eq(nearest("sabe"), "save");  /* changed */
	ck_assert_str_eq(nearest("svae"), "save");  /* exchanged */
	ck_assert_str_eq(nearest("restroe"), "restore");
	ck_assert_str_eq(nearest("rstoer"), "restore");
	ck_assert_str_eq(nearest("lits"), "list");
}

END_TEST

START_TEST(a_far_word_is_not_suggested)
{
	ck_assert_str_eq(nearest(""), "");
	ck_assert_str_eq(nearest("x"), "");
	ck_assert_str_eq(nearest("export"), "");
	ck_assert_str_eq(nearest("sa"), "");
	ck_assert_str_eq(nearest("lllllllllllllllllllllllllllllllllllllllllllllllist"),
			 "");
}

END_TEST

Suite *suite_cli_options(void)
{
	Suite *s = suite_create("cli_options");
	TCase *tc = support_tcase(s, "parse");

	tcase_add_test(tc, options_and_operands_mix);
	tcase_add_test(tc, two_dashes_end_the_options);
	tcase_add_test(tc, a_single_dash_is_an_operand);
	tcase_add_test(tc, values_stand_in_either_place);
	tcase_add_test(tc, the_last_value_counts_and_lists_grow);
	tcase_add_loop_test(tc, bad_options_are_refused, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tc, an_unknown_option_is_met_with_a_near_one);
	tcase_add_test(tc, the_verb_is_found_behind_values);
	tcase_add_test(tc, a_flag_is_not_seen_in_a_value);
	tcase_add_test(tc, help_is_made_from_the_table);
	tc = support_tcase(s, "arguments");
	tcase_add_test(tc, wait_takes_seconds_and_durations);
	tcase_add_test(tc, wait_refuses_what_is_no_time);
	tcase_add_test(tc, arguments_that_contradict_each_other_are_refused);
	tc = support_tcase(s, "suggest");
	tcase_add_test(tc, a_near_word_is_suggested);
	tcase_add_test(tc, a_far_word_is_not_suggested);
	return s;
}
