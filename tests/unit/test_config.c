/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "tests/unit/support.h"

#define DAY (24 * 60 * 60)

/* What was warned of, one line each. */
static char warnings[1024];

static void hear(void *ctx, const struct event *event)
{
	size_t n = strlen(warnings);

	(void)ctx;
	ck_assert_int_eq(event->kind, EVENT_WARNING);
	snprintf(warnings + n, sizeof(warnings) - n, "%s: %s\n", event->object,
		 event->text);
}

static const struct observer observer = { .event = hear };

/* Parses a text over the defaults. */
static struct config parse(const char *text)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct config c;

	config_init(&c);
	warnings[0] = '\0';
	ck_assert_ok(config_parse(text, strlen(text), "FILE", &observer, &c, &err), &err);
	return c;
}

/* The text is refused, and nothing of it is taken. */
static void refuse(const char *text, size_t len, enum err_kind kind, const char *part)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct config c, before;

	config_init(&c);
	config_init(&before);
	ck_assert_fails(config_parse(text, len, "FILE", &observer, &c, &err), &err, kind,
			part);
	ck_assert_int_eq(c.keep_for, before.keep_for);
	ck_assert_int_eq(c.wait, before.wait);
	ck_assert_int_eq(c.compress, before.compress);
}

/* Loads DIR/etc of the test's directory. */
static int load(bool system, struct config *c, struct err *err)
{
	config_init(c);
	warnings[0] = '\0';
	return config_load(support_dirfd(), "/etc", "ETC", system, &observer, c, err);
}

START_TEST(defaults_are_as_documented)
{
	struct config c = parse("");

	ck_assert_int_eq(c.keep_for, 7 * DAY);
	ck_assert_int_eq(c.automatic_retention, 31 * DAY);
	ck_assert_int_eq(c.reserve.kind, CONFIG_RESERVE_DEFAULT);
	ck_assert_int_eq(c.compress, CONFIG_FAST);
	ck_assert_int_eq(c.wait, 10);
	ck_assert_int_eq(c.settle, CONFIG_SETTLE_DERIVED);
}

END_TEST

START_TEST(every_key_is_read)
{
	struct config c = parse("# a comment\n"
				"\n"
				"keep-for = 2w\n"
				"\t automatic-retention\t=  24h \t\n"
				"   # another\n"
				"reserve=500M\n"
				"compress = small\n"
				"settle = 2s\n"
				"wait = 90m");

	ck_assert_int_eq(c.keep_for, 14 * DAY);
	ck_assert_int_eq(c.automatic_retention, DAY);
	ck_assert_int_eq(c.reserve.kind, CONFIG_RESERVE_BYTES);
	ck_assert_uint_eq(c.reserve.amount, (uint64_t)500 << 20);
	ck_assert_int_eq(c.compress, CONFIG_SMALL);
	ck_assert_int_eq(c.settle, 2);
	ck_assert_int_eq(c.wait, 5400);
	ck_assert_str_eq(warnings, "");
}

END_TEST

START_TEST(no_and_never_mean_for_ever)
{
	struct config c = parse(
		"keep-for = no\nautomatic-retention = never\nwait = no\nsettle = no\n");

	ck_assert_int_eq(c.keep_for, -1);
	ck_assert_int_eq(c.automatic_retention, -1);
	ck_assert_int_eq(c.wait, 0);
	ck_assert_int_eq(c.settle, -1);
}

END_TEST

START_TEST(later_lines_win)
{
	ck_assert_int_eq(parse("wait = 1s\nwait = 2s\n").wait, 2);
}

END_TEST

START_TEST(reserve_may_be_percent)
{
	struct config c = parse("reserve = 99%");

	ck_assert_int_eq(c.reserve.kind, CONFIG_RESERVE_PERCENT);
	ck_assert_uint_eq(c.reserve.amount, 99);
	ck_assert_uint_eq(parse("reserve = 0%").reserve.amount, 0);
	ck_assert_uint_eq(parse("reserve = 5000000").reserve.amount, 5000000);
}

END_TEST

START_TEST(unknown_key_is_a_warning)
{
	struct config c = parse("wait = 3s\n\nkeep-fro = 1d\n");

	ck_assert_int_eq(c.wait, 3);
	ck_assert_str_eq(warnings, "FILE: line 3: there is no setting \"keep-fro\"\n");
}

END_TEST

static const struct {
	const char *text;
	enum err_kind kind;
	const char *part;
} bad[] = {
	{ "wait = 1s\nkeep-for = soon\n", ERR_USAGE,
	  "\"FILE\", line 2: keep-for: \"soon\"" },
	{ "keep-for =\n", ERR_USAGE, "line 1: keep-for" },
	{ "keep-for = 7d # a week\n", ERR_USAGE, "keep-for" },
	{ "keep-for = -1d\n", ERR_USAGE, "keep-for" },
	{ "keep-for = 99999999999999999999d\n", ERR_USAGE, "keep-for" },
	{ "automatic-retention = 23h", ERR_USAGE, "\"23h\" is less than 24h" },
	{ "automatic-retention = 0s", ERR_USAGE, "less than 24h" },
	{ "reserve = 100%", ERR_USAGE, "\"100%\" is not between 0% and 99%" },
	{ "reserve = %", ERR_USAGE, "not between 0% and 99%" },
	{ "reserve = 1.5%", ERR_USAGE, "not between 0% and 99%" },
	{ "reserve = much", ERR_USAGE, "\"much\"" },
	{ "compress = best", ERR_USAGE, "\"best\" is neither \"fast\" nor \"small\"" },
	{ "settle = 1s", ERR_USAGE, "line 1: settle: \"1s\" is less than 2s" },
	{ "settle = 42", ERR_USAGE, "settle: \"42\" is not a duration" },
	{ "wait = 9223372036854775807s", ERR_USAGE, "too long" },
	{ "wait = 1s\r\n", ERR_USAGE, "wait" },
	{ "wait\n", ERR_CORRUPT, "\"FILE\", line 1: not of the form KEY = VALUE" },
	{ "[section]\n", ERR_CORRUPT, "line 1: not of the form" },
	{ "= 1s\n", ERR_CORRUPT, "line 1: not of the form" },
	{ "\n\nWait = 1s\n", ERR_CORRUPT, "line 3: not of the form" },
	{ "wa it = 1s\n", ERR_CORRUPT, "not of the form" },
};

#define N_BAD (sizeof(bad) / sizeof(*bad))

START_TEST(bad_lines_are_refused_with_their_place)
{
	refuse(bad[_i].text, strlen(bad[_i].text), bad[_i].kind, bad[_i].part);
}

END_TEST

START_TEST(nul_bytes_are_refused)
{
	refuse("wait = 1s\nwait = 1\0s\n", 21, ERR_CORRUPT,
	       "\"FILE\", line 2: a NUL byte");
}

END_TEST

START_TEST(missing_files_are_no_error)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct config c;

	ck_assert_ok(load(false, &c, &err), &err);
	ck_assert_int_eq(c.wait, 10);
	support_mkdir(support_dirfd(), "etc", 0755);
	ck_assert_ok(load(false, &c, &err), &err);
	ck_assert_int_eq(c.wait, 10);
}

END_TEST

START_TEST(drop_ins_are_read_by_name_after_the_file)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct config c;

	support_file(support_dirfd(), "etc/setaside.conf", 0644,
		     "wait = 1s\nkeep-for = 1d\ncompress = small\n");
	support_file(support_dirfd(), "etc/setaside.conf.d/20.conf", 0644,
		     "wait = 20s\n");
	support_file(support_dirfd(), "etc/setaside.conf.d/10.conf", 0644,
		     "wait = 10m\nkeep-for = 2d\n");
	support_file(support_dirfd(), "etc/setaside.conf.d/30.conf~", 0644, "nonsense");
	support_file(support_dirfd(), "etc/setaside.conf.d/.40.conf", 0644, "nonsense");
	support_file(support_dirfd(), "etc/setaside.conf.d/.conf", 0644, "nonsense");
	ck_assert_ok(load(false, &c, &err), &err);
	ck_assert_int_eq(c.wait, 20);
	ck_assert_int_eq(c.keep_for, 2 * DAY);
	ck_assert_int_eq(c.compress, CONFIG_SMALL);
}

END_TEST

START_TEST(errors_name_the_file)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct config c;

	support_file(support_dirfd(), "etc/setaside.conf", 0644, "wait = 1s\n");
	support_file(support_dirfd(), "etc/setaside.conf.d/a.conf", 0644, "\nwait = x\n");
	ck_assert_fails(load(false, &c, &err), &err, ERR_USAGE,
			"\"ETC/setaside.conf.d/a.conf\", line 2: wait");
	ck_assert_int_eq(c.wait, 10);
}

END_TEST

START_TEST(file_that_is_too_large_is_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct config c;

	support_sparse(support_dirfd(), "etc/setaside.conf", 1 << 20, 0, 1);
	ck_assert_fails(load(false, &c, &err), &err, ERR_NO_SPACE,
			"\"ETC/setaside.conf\": longer than");
}

END_TEST

START_TEST(what_is_no_file_is_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct config c;

	support_node(support_dirfd(), "etc/setaside.conf", S_IFIFO | 0644, 0);
	ck_assert_fails(load(false, &c, &err), &err, ERR_CORRUPT, "not a regular file");
}

END_TEST

START_TEST(links_stay_below_the_root)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct config c;

	support_file(support_dirfd(), "real/my.conf", 0644, "wait = 44s\n");
	support_mkdir(support_dirfd(), "etc", 0755);
	support_symlink(support_dirfd(), "etc/setaside.conf", "/real/my.conf");
	ck_assert_ok(load(false, &c, &err), &err);
	ck_assert_int_eq(c.wait, 44);
}

END_TEST

START_TEST(system_mode_believes_root_alone)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct config c;

	if (!support_need_root())
		return;
	support_file(support_dirfd(), "etc/setaside.conf", 0644, "wait = 1s\n");
	support_file(support_dirfd(), "etc/setaside.conf.d/a.conf", 0664, "wait = 2s\n");
	support_file(support_dirfd(), "etc/setaside.conf.d/b.conf", 0644, "wait = 3s\n");
	support_owner(support_dirfd(), "etc/setaside.conf.d/b.conf", 1234, 0);
	ck_assert_ok(load(true, &c, &err), &err);
	ck_assert_int_eq(c.wait, 1);
	ck_assert_str_eq(warnings,
			 "ETC/setaside.conf.d/a.conf: is ignored: it is not root's, or "
			 "others may write it\n"
			 "ETC/setaside.conf.d/b.conf: is ignored: it is not root's, or "
			 "others may write it\n");
	ck_assert_ok(load(false, &c, &err), &err);
	ck_assert_int_eq(c.wait, 3);
	ck_assert_int_eq(chmod(support_path("etc"), 0777), 0);
	ck_assert_ok(load(true, &c, &err), &err);
	ck_assert_int_eq(c.wait, 10);
	ck_assert_str_eq(warnings,
			 "ETC: is ignored: it is not root's, or others may write it\n");
}

END_TEST

START_TEST(unreadable_file_is_denied)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct config c;

	if (!support_become_user())
		return;
	support_file(support_dirfd(), "etc/setaside.conf", 0000, "wait = 1s\n");
	ck_assert_fails(load(false, &c, &err), &err, ERR_DENIED, "setaside.conf");
}

END_TEST

#ifdef ENABLE_FAULTS

static int work(struct err *e)
{
	struct config c;

	return load(false, &c, e);
}

/* Lets the nth point fail; true if there were that many. */
static bool try_with_fault(enum fault_class points, uint64_t nth)
{
	_cleanup_(err_clear) struct err failure = ERR_INIT;
	bool failed, struck;

	fault_arm(&(struct fault_plan){ points, FAULT_ONCE, nth, EIO });
	failed = work(&failure) < 0;
	struck = fault_disarm();
	/* Best effort may fail without a word, but nothing else does. */
	ck_assert_int_eq(failed, failure.kind != ERR_NONE);
	if (failed)
		ck_assert_err(&failure, points == FAULT_ALLOC ? ERR_NOMEM : ERR_IO, "");
	ck_assert(struck || !failed);
	return struck;
}
#endif

START_TEST(config_survives_every_failure)
{
#ifdef ENABLE_FAULTS
	uint64_t nth;

	support_file(support_dirfd(), "etc/setaside.conf", 0644,
		     "wait = 1s\nreserve = 5%\n");
	support_file(support_dirfd(), "etc/setaside.conf.d/a.conf", 0644, "wait = 2s\n");
	for (nth = 1; try_with_fault(FAULT_ALLOC, nth); nth++)
		;
	ck_assert_uint_gt(nth, 10);
	for (nth = 1; try_with_fault(FAULT_CALL, nth); nth++)
		;
	ck_assert_uint_gt(nth, 10);
#else
	support_skip("built without faults");
#endif
}

END_TEST

Suite *suite_config(void)
{
	Suite *s = suite_create("config");
	TCase *tc = support_tcase(s, "text");

	tcase_add_test(tc, defaults_are_as_documented);
	tcase_add_test(tc, every_key_is_read);
	tcase_add_test(tc, no_and_never_mean_for_ever);
	tcase_add_test(tc, later_lines_win);
	tcase_add_test(tc, reserve_may_be_percent);
	tcase_add_test(tc, unknown_key_is_a_warning);
	tcase_add_loop_test(tc, bad_lines_are_refused_with_their_place, 0, N_BAD);
	tcase_add_test(tc, nul_bytes_are_refused);
	if (!support_need_openat2())
		return s;
	tc = support_tcase(s, "files");
	tcase_add_test(tc, missing_files_are_no_error);
	tcase_add_test(tc, drop_ins_are_read_by_name_after_the_file);
	tcase_add_test(tc, errors_name_the_file);
	tcase_add_test(tc, file_that_is_too_large_is_refused);
	tcase_add_test(tc, what_is_no_file_is_refused);
	tcase_add_test(tc, links_stay_below_the_root);
	tcase_add_test(tc, system_mode_believes_root_alone);
	tcase_add_test(tc, unreadable_file_is_denied);
	tcase_add_test(tc, config_survives_every_failure);
	return s;
}
