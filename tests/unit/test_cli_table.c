/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/table.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/set_table.h"
#include "tests/unit/support.h"

static const char *const titles[] = { "Name", "Size" };

START_TEST(columns_are_as_wide_as_their_widest_cell)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	_cleanup_(table_done) struct table t = TABLE_INIT;

	table_init(&t, titles, 2, &err);
	table_cell(&t, "firefox");
	table_size(&t, 1234567);
	table_cell(&t, "x");
	table_number(&t, UINT64_MAX);
	ck_assert_ok(table_write(&t, &out), &err);
	ck_assert_str_eq(out.data, "Name     Size\n"
				   "firefox  1.23MB\n"
				   "x        18446744073709551615\n");
}

END_TEST

START_TEST(titles_can_be_the_widest)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	_cleanup_(table_done) struct table t = TABLE_INIT;

	table_init(&t, titles, 2, &err);
	table_cell(&t, "x");
	table_cell(&t, "y");
	ck_assert_ok(table_write(&t, &out), &err);
	ck_assert_str_eq(out.data, "Name  Size\nx     y\n");
}

END_TEST

START_TEST(empty_cells_are_dashes)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	_cleanup_(table_done) struct table t = TABLE_INIT;
	struct strings none = STRINGS_INIT;

	table_init(&t, titles, 2, &err);
	table_cell(&t, NULL);
	table_cell(&t, "");
	table_list(&t, &none);
	table_cell(&t, "x");
	ck_assert_ok(table_write(&t, &out), &err);
	ck_assert_str_eq(out.data, "Name  Size\n-     -\n-     x\n");
}

END_TEST

START_TEST(lists_are_joined_by_commas)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	_cleanup_(table_done) struct table t = TABLE_INIT;
	char *names[] = { (char[]){ "alice" }, (char[]){ "bob" } };
	struct strings list = { names, 2, 2 };

	table_init(&t, titles, 2, &err);
	table_list(&t, &list);
	table_cell(&t, "x");
	ck_assert_ok(table_write(&t, &out), &err);
	ck_assert_str_eq(out.data, "Name       Size\nalice,bob  x\n");
}

END_TEST

START_TEST(foreign_cells_are_escaped_before_they_are_measured)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	_cleanup_(table_done) struct table t = TABLE_INIT;

	table_init(&t, titles, 2, &err);
	table_cell(&t, "a\nb\033c");
	table_cell(&t, "\377");
	table_cell(&t, "1234567890");
	table_cell(&t, "\302\233");
	ck_assert_ok(table_write(&t, &out), &err);
	ck_assert_str_eq(out.data, "Name        Size\n"
				   "a\\nb\\x1bc   \\xff\n"
				   "1234567890  \\u{009b}\n");
}

END_TEST

START_TEST(widths_are_those_on_a_terminal)
{
	_cleanup_free_ char *before = strdup(setlocale(LC_CTYPE, NULL));

	if (!setlocale(LC_CTYPE, "C.UTF-8")) {
		support_skip("there is no locale C.UTF-8");
		return;
	}
	ck_assert_uint_eq(table_width(""), 0);
	ck_assert_uint_eq(table_width("abc"), 3);
	ck_assert_uint_eq(table_width("gr\303\274n"), 4);
	/* Two ideographs, twice as wide as letters. */
	ck_assert_uint_eq(table_width("\346\274\242\345\255\227"), 4);
	/* A letter with a combining acute accent. */
	ck_assert_uint_eq(table_width("e\314\201"), 1);
	ck_assert_uint_eq(table_fit("abc", 4), 3);
	ck_assert_uint_eq(table_fit("abc", 2), 2);
	ck_assert_uint_eq(table_fit("\346\274\242\345\255\227", 3), 3);
	ck_assert_uint_eq(table_fit("e\314\201x", 1), 3);
	ck_assert_uint_eq(table_fit("ab\377c", 9), 2);
	setlocale(LC_CTYPE, before);
}

END_TEST

START_TEST(a_table_fails_with_the_first_error)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT_MAX(8);
	_cleanup_(table_done) struct table t = TABLE_INIT;

	table_init(&t, titles, 2, &err);
	table_cell(&t, "x");
	table_cell(&t, "y");
	ck_assert_fails(table_write(&t, &out), &err, ERR_NO_SPACE, "");
}

END_TEST

/* ---- Sets ---- */

/* Two sets: of one all is known, the other holds what a reader can meet. */
static struct snapshot metas[3];
static struct set_snapshot first[1], second[2];
static struct set sets[2];

static char *text(const char *s)
{
	static char room[32][64];
	static size_t n;
	char *at = room[n++ % 32];

	ck_assert_uint_lt(strlen(s), sizeof(room[0]));
	snprintf(at, sizeof(room[0]), "%s", s);
	return at;
}

static void set_meta(struct snapshot *m, const char *snap, const char *version,
		     const char *revision, int64_t sec, uint64_t size)
{
	snapshot_init(m);
	m->snap = text(snap);
	m->version = text(version);
	m->revision = text(revision);
	m->time = (struct stamp){ .sec = sec, .nsec = 500000000, .offset = 60 };
	m->size = size;
}

static void make_sets(void)
{
	set_meta(&metas[0], "git", "1:2.39.5", "x1", 1700000000, 881923);
	set_meta(&metas[1], "firefox", "", "", 0, 0);
	metas[1].time = (struct stamp){ .sec = INT64_C(-62135596800) };
	set_meta(&metas[2], "ssh", "9.2p1", "x1", -62000000000, 12);
	first[0] = (struct set_snapshot){ .file = text("3_git.zip"), .meta = &metas[0] };
	second[0] = (struct set_snapshot){ .file = text("4_firefox.zip"),
					   .meta = &metas[1],
					   .broken = text("no\nmetadata") };
	second[1] = (struct set_snapshot){ .file = text("4_ssh.zip"), .meta = &metas[2] };
	sets[0] = (struct set){ .id = 3, .snapshots = first, .n = 1 };
	sets[1] = (struct set){ .id = 14,
				.name = text("before-upgrade"),
				.automatic = true,
				.snapshots = second,
				.n = 2 };
}

START_TEST(sets_are_listed_like_those_of_snapd)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct stamp now = { .sec = 1700000000 + 9705, .nsec = 0 };

	make_sets();
	ck_assert_ok(set_table_write(sets, 2, &now, &out, &err), &err);
	ck_assert_str_eq(
		out.data,
		"Set  App      Age    Version   Rev  Size   Notes\n"
		"3    git      2h42m  1:2.39.5  x1   882kB  -\n"
		"14   firefox  -      -         -    -      auto, broken: no\\nmetadata, "
		"before-upgrade\n"
		"14   ssh      292y   9.2p1     x1   12B    auto, before-upgrade\n");
}

END_TEST

START_TEST(sets_can_be_listed_with_times)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	make_sets();
	ck_assert_ok(set_table_write(sets, 1, NULL, &out, &err), &err);
	ck_assert_str_eq(
		out.data,
		"Set  App  Time                         Version   Rev  Size   Notes\n"
		"3    git  2023-11-14T23:13:20.5+01:00  1:2.39.5  x1   882kB  -\n");
}

END_TEST

START_TEST(a_set_from_the_future_has_no_age)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct stamp now = { .sec = 1699999999 };

	make_sets();
	ck_assert_ok(set_table_write(sets, 1, &now, &out, &err), &err);
	ck_assert_ptr_nonnull(strstr(out.data, "git  0ns  1:2.39.5"));
}

END_TEST

Suite *suite_cli_table(void)
{
	Suite *s = suite_create("cli_table");
	TCase *tc = support_tcase(s, "table");

	tcase_add_test(tc, columns_are_as_wide_as_their_widest_cell);
	tcase_add_test(tc, titles_can_be_the_widest);
	tcase_add_test(tc, empty_cells_are_dashes);
	tcase_add_test(tc, lists_are_joined_by_commas);
	tcase_add_test(tc, foreign_cells_are_escaped_before_they_are_measured);
	tcase_add_test(tc, widths_are_those_on_a_terminal);
	tcase_add_test(tc, a_table_fails_with_the_first_error);
	tc = support_tcase(s, "sets");
	tcase_add_test(tc, sets_are_listed_like_those_of_snapd);
	tcase_add_test(tc, sets_can_be_listed_with_times);
	tcase_add_test(tc, a_set_from_the_future_has_no_age);
	return s;
}
