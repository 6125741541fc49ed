/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/exclude.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"

static struct exclude *x;

static void setup(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(exclude_new(&x, &err), &err);
}

static void teardown(void)
{
	exclude_free(x);
	x = NULL;
}

/* Patterns, and whether they match a path: D directories, F files, - neither. */
static const struct {
	const char *pattern, *path;
	char matches;
} cases[] = {
	{ "a", "a", 'B' },
	{ "a", "ab", '-' },
	{ "a", "b/a", '-' },
	{ "a", "a/b", '-' }, /* its parent was asked before */
	{ "a/", "a", 'D' },
	{ "a/b", "a/b", 'B' },
	{ "a/b/", "a/b", 'D' },
	{ "*", "a", 'B' },
	{ "*", ".a", 'B' },
	{ "*", "a/b", '-' },
	{ "a/*", "a/b", 'B' },
	{ "a/*", "a", '-' },
	{ "a/*/c", "a/b/c", 'B' },
	{ "a/*/c", "a/b/b/c", '-' },
	{ "*.log", "x.log", 'B' },
	{ "*.log", ".log", 'B' },
	{ "*.log", "x.log.1", '-' },
	{ "x*y*z", "xyz", 'B' },
	{ "x*y*z", "x__y_yy__z", 'B' },
	{ "x*y*z", "x__z", '-' },
	{ "a?[b]\\c", "a?[b]\\c", 'B' },
	{ "a?", "ab", '-' },
	{ "a/**", "a", '-' },
	{ "a/**", "a/b", 'B' },
	{ "a/**", "a/b/c", 'B' },
	{ "**", "a", 'B' },
	{ "**/", "a/b", 'D' },
	{ "**/b", "b", 'B' },
	{ "**/b", "a/b", 'B' },
	{ "**/b", "a/a/b", 'B' },
	{ "**/b", "a/a/bb", '-' },
	{ "a/**/b", "a/b", 'B' },
	{ "a/**/b", "a/x/y/b", 'B' },
	{ "a/**/b", "a/b/b", 'B' },
	{ "a/**/b", "x/b", '-' },
	{ "a/**/b/*/c", "a/b/x/b/y/c", 'B' },
	{ "a/**/b/*/c", "a/b/x/b/c", '-' },
	{ "a/**/**/b", "a/b", 'B' },
	{ "a/**/*.tmp", "a/x/y.tmp", 'B' },
	{ "**/c/**", "a/c", '-' },
	{ "**/c/**", "a/c/d", 'B' },
	{ "\xff*", "\xff\xfe", 'B' },
};

START_TEST(patterns_match_what_the_manual_says)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const char *path = cases[_i].path;

	ck_assert_ok(exclude_add(x, cases[_i].pattern, &err), &err);
	ck_assert_msg(exclude_matches(x, path, true) ==
			      (strchr("BD", cases[_i].matches) != NULL),
		      "directory %s, pattern %s", path, cases[_i].pattern);
	ck_assert_msg(exclude_matches(x, path, false) == (cases[_i].matches == 'B'),
		      "file %s, pattern %s", path, cases[_i].pattern);
}

END_TEST

START_TEST(any_of_several_patterns_suffices)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert(!exclude_matches(x, "a", false));
	ck_assert_uint_eq(exclude_count(x), 0);
	ck_assert_ok(exclude_add(x, "a/b", &err), &err);
	ck_assert_ok(exclude_add(x, "c", &err), &err);
	ck_assert_ok(exclude_add(x, "**/d", &err), &err);
	ck_assert_uint_eq(exclude_count(x), 3);
	ck_assert(exclude_matches(x, "c", false));
	ck_assert(exclude_matches(x, "a/b", false));
	ck_assert(exclude_matches(x, "a/x/y/d", false));
	ck_assert(!exclude_matches(x, "a", true));
}

END_TEST

START_TEST(hostile_patterns_are_matched_at_once)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *path = malloc(20002);
	char pattern[402];

	/* Backtracking to every wildcard would take ages. */
	for (size_t i = 0; i < 399; i += 3)
		memcpy(pattern + i, i % 6 ? "**/" : "a*/", 4);
	memcpy(pattern + 399, "b", 2);
	ck_assert_ok(exclude_add(x, pattern, &err), &err);
	ck_assert_ok(exclude_add(x, "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", &err),
		     &err);
	for (size_t i = 0; i < 20000; i += 2)
		memcpy(path + i, "a/", 3);
	path[19999] = '\0';
	ck_assert(!exclude_matches(x, path, false));
	memset(path, 'a', 255);
	path[255] = '\0';
	ck_assert(!exclude_matches(x, path, false));
}

END_TEST

START_TEST(bad_patterns_are_refused)
{
	static const struct {
		const char *pattern, *why;
	} bad[] = {
		{ "", "is empty" },
		{ "/a", "is absolute" },
		{ "a//b", "empty component" },
		{ "a//", "empty component" },
		{ "a/../b", "\"..\"" },
		{ "..", "\"..\"" },
		{ "./a", "\".\"" },
		{ "a/.", "\".\"" },
		{ "a\nb", "control characters" },
		{ "a\177", "control characters" },
		{ "a**", "beside other text" },
		{ "a/**b/c", "beside other text" },
		{ "***", "beside other text" },
	};
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_fails(exclude_add(x, bad[i].pattern, &err), &err, ERR_USAGE,
				bad[i].why);
	ck_assert_uint_eq(exclude_count(x), 0);
}

END_TEST

START_TEST(a_tree_before_a_pattern_is_literal)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(exclude_add_below(x, "common/t*", "*.c", &err), &err);
	ck_assert(exclude_matches(x, "common/t*/x.c", false));
	ck_assert(!exclude_matches(x, "common/tt/x.c", false));
	ck_assert_fails(exclude_add_below(x, "common/t", "/x", &err), &err, ERR_USAGE,
			"absolute");
}

END_TEST

START_TEST(a_path_is_literal)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(exclude_add_path(x, "common/**/a*\n", &err), &err);
	ck_assert(exclude_matches(x, "common/**/a*\n", false));
	ck_assert(!exclude_matches(x, "common/b/a*\n", false));
	ck_assert(!exclude_matches(x, "common/**/ab\n", false));
	ck_assert_fails(exclude_add_path(x, "a/../b", &err), &err, ERR_USAGE, "no path");
}

END_TEST

START_TEST(what_lies_below_is_foreseen)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert(!exclude_may_match_below(x, ""));
	ck_assert_ok(exclude_add(x, "common/a/b*/c", &err), &err);
	ck_assert_ok(exclude_add(x, "common/z/**/q", &err), &err);
	ck_assert(exclude_may_match_below(x, ""));
	ck_assert(exclude_may_match_below(x, "common"));
	ck_assert(exclude_may_match_below(x, "common/a"));
	ck_assert(exclude_may_match_below(x, "common/a/bb"));
	ck_assert(!exclude_may_match_below(x, "common/a/x"));
	ck_assert(!exclude_may_match_below(x, "common/a/bb/c"));
	ck_assert(!exclude_may_match_below(x, "common/a/bb/d"));
	ck_assert(!exclude_may_match_below(x, "commo"));
	ck_assert(exclude_may_match_below(x, "common/z"));
	ck_assert(exclude_may_match_below(x, "common/z/1/2/3"));
	ck_assert(!exclude_may_match_below(x, "7"));
}

END_TEST

START_TEST(snapd_patterns_go_to_their_archive)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(exclude_add_snapd(x, "$SNAP_DATA/a*", false, "7", &err), &err);
	ck_assert_ok(exclude_add_snapd(x, "$SNAP_COMMON/b", false, "7", &err), &err);
	ck_assert_ok(exclude_add_snapd(x, "$SNAP_USER_DATA/c", false, "7", &err), &err);
	ck_assert_ok(exclude_add_snapd(x, "$SNAP_USER_COMMON", false, "7", &err), &err);
	ck_assert_uint_eq(exclude_count(x), 2);
	ck_assert(exclude_matches(x, "7/ab", false));
	ck_assert(exclude_matches(x, "common/b", false));
	ck_assert(!exclude_matches(x, "7/c", false));

	ck_assert_ok(exclude_add_snapd(x, "$SNAP_USER_DATA/c", true, "7", &err), &err);
	ck_assert_ok(exclude_add_snapd(x, "$SNAP_USER_COMMON", true, "7", &err), &err);
	ck_assert_ok(exclude_add_snapd(x, "$SNAP_DATA/d", true, "7", &err), &err);
	ck_assert_uint_eq(exclude_count(x), 4);
	ck_assert(exclude_matches(x, "7/c", false));
	ck_assert(exclude_matches(x, "common", true));
}

END_TEST

START_TEST(what_snapd_refuses_is_refused)
{
	static const struct {
		const char *pattern, *why;
	} bad[] = {
		{ "a", "directory variable" },
		{ "/x", "directory variable" },
		{ "$SNAP/x", "directory variable" },
		{ "$SNAP_DATAX/x", "directory variable" },
		{ "$SNAP_DATA/", "clean" },
		{ "$SNAP_DATA//x", "clean" },
		{ "$SNAP_DATA/x/", "clean" },
		{ "$SNAP_DATA/./x", "clean" },
		{ "$SNAP_DATA/../x", "clean" },
		{ "$SNAP_DATA/x**", "only the excludes of a definition may" },
		{ "$SNAP_DATA/**/x", "only the excludes of a definition may" },
		{ "$SNAP_DATA/x?", "special to snapd" },
		{ "$SNAP_USER_DATA/x[1]", "special to snapd" },
		{ "$SNAP_DATA/{a,b}", "special to snapd" },
	};
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_fails(exclude_add_snapd(x, bad[i].pattern, false, "7", &err),
				&err, ERR_USAGE, bad[i].why);
	ck_assert_uint_eq(exclude_count(x), 0);
}

END_TEST

Suite *suite_exclude(void)
{
	Suite *s = suite_create("exclude");
	TCase *tc = support_tcase(s, "exclude");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, patterns_match_what_the_manual_says, 0,
			    sizeof(cases) / sizeof(*cases));
	tcase_add_test(tc, any_of_several_patterns_suffices);
	tcase_add_test(tc, hostile_patterns_are_matched_at_once);
	tcase_add_test(tc, bad_patterns_are_refused);
	tcase_add_test(tc, a_tree_before_a_pattern_is_literal);
	tcase_add_test(tc, a_path_is_literal);
	tcase_add_test(tc, what_lies_below_is_foreseen);
	tcase_add_test(tc, snapd_patterns_go_to_their_archive);
	tcase_add_test(tc, what_snapd_refuses_is_refused);
	return s;
}
