/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "state/operation/save.h"
#include "tests/unit/support.h"
#include "tests/unit/support_gzip.h"
#include "tests/unit/support_world.h"

#define SIZE ((size_t)2 << 20)

/* A set of two apps, whose archives do not shrink. */
static struct session *make_set(struct support_world *w)
{
	_cleanup_free_ char *noise = support_data(SUPPORT_RANDOM, SIZE, 3);
	struct session *s;

	support_world_put("one", noise, SIZE);
	support_world_put("two", noise, SIZE / 2);
	s = support_world_open(w, "store");
	ck_assert_uint_eq(support_world_save(s, NULL), 1);
	return s;
}

/* Turns a bit in the middle of an app's archive. */
static void damage(const char *app)
{
	char path[100], byte;
	int fd;

	snprintf(path, sizeof(path), "store/snapshots/1_%s_0_x1.zip", app);
	fd = openat(support_dirfd(), path, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, SIZE / 3), 1);
	byte ^= 4;
	ck_assert_int_eq(pwrite(fd, &byte, 1, SIZE / 3), 1);
	close(fd);
}

/* Checks the set: a line for each app. */
static char *check(struct session *s, bool deep)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct scope all = { 0 };
	struct buf text = BUF_INIT;
	struct check_outcome o;

	ck_assert_ok(setaside_check(s, 1, &all, deep, &o, &err), &err);
	for (size_t i = 0; i < o.n; i++) {
		ck_assert_ok(buf_printf(&text, &err, "%s:%s", o.apps[i].name,
					o.apps[i].ok ? " ok" : ""),
			     &err);
		for (size_t k = 0; k < o.apps[i].problems.n; k++)
			ck_assert_ok(buf_printf(&text, &err, " %s",
						o.apps[i].problems.items[k]),
				     &err);
		ck_assert_ok(buf_add_str(&text, "\n", &err), &err);
	}
	check_outcome_done(&o);
	return text.data;
}

START_TEST(check_of_several_archives_names_each_that_is_damaged)
{
	static const char wrong[] = " member \"user/tester.tgz\": wrong checksum\n";
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_free_ char *good = NULL, *both = NULL, *again = NULL;
	char expected[200];
	struct session *s;

	if (!support_world_make(&w))
		return;
	s = make_set(&w);
	good = check(s, _i);
	ck_assert_str_eq(good, "one: ok\ntwo: ok\n");
	damage("two");
	both = check(s, _i);
	snprintf(expected, sizeof(expected), "one: ok\ntwo:%s", wrong);
	ck_assert_str_eq(both, expected);
	damage("one");
	again = check(s, _i);
	snprintf(expected, sizeof(expected), "one:%stwo:%s", wrong, wrong);
	ck_assert_str_eq(again, expected);
	session_close(s);
}

END_TEST

START_TEST(check_of_several_archives_hears_a_cancel)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct scope all = { 0 };
	struct check_outcome o;
	struct session *s;

	if (!support_world_make(&w))
		return;
	s = make_set(&w);
	w.cancelled = true;
	ck_assert_fails(setaside_check(s, 1, &all, false, &o, &err), &err,
			ERR_INTERRUPTED, "");
	w.cancelled = false;
	/* The reader may have been killed; the next one is as good. */
	ck_assert_ok(setaside_check(s, 1, &all, false, &o, &err), &err);
	ck_assert(o.ok);
	check_outcome_done(&o);
	session_close(s);
}

END_TEST

Suite *suite_library_check(void)
{
	Suite *s = suite_create("library_check");
	TCase *t = support_tcase(s, "check");

	tcase_add_loop_test(t, check_of_several_archives_names_each_that_is_damaged, 0,
			    2);
	tcase_add_test(t, check_of_several_archives_hears_a_cancel);
	return s;
}
