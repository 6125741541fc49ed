/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/links.h"

#include <stdio.h>

#include "tests/unit/support.h"

static struct stat file(dev_t dev, ino_t ino, nlink_t nlink)
{
	return (struct stat){ .st_dev = dev, .st_ino = ino, .st_nlink = nlink };
}

START_TEST(a_file_is_known_until_its_last_name)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(links_done) struct links l = LINKS_INIT;
	struct stat st = file(1, 10, 3), other_dev = file(2, 10, 3);

	ck_assert_ptr_null(links_find(&l, &st));
	links_met(&l, &st);
	ck_assert_ok(links_add(&l, &st, "a/b", &err), &err);
	ck_assert_str_eq(links_find(&l, &st), "a/b");
	ck_assert_ptr_null(links_find(&l, &other_dev));
	links_met(&l, &st);
	ck_assert_str_eq(links_find(&l, &st), "a/b");
	links_met(&l, &st);
	ck_assert_ptr_null(links_find(&l, &st));
	ck_assert_uint_eq(l.n, 0);
}

END_TEST

START_TEST(many_files_come_and_go)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(links_done) struct links l = LINKS_INIT;
	char path[32];

	/* Taking out must never lose one that was put behind it. */
	for (unsigned i = 0; i < 20000; i++) {
		struct stat st = file(i % 3, i * 5, 2);

		snprintf(path, sizeof(path), "%u", i);
		ck_assert_int_eq(links_add(&l, &st, path, &err), 0);
		if (i < 500)
			continue;
		st = file((i - 500) % 3, (i - 500) * 5, 2);
		snprintf(path, sizeof(path), "%u", i - 500);
		ck_assert_str_eq(links_find(&l, &st), path);
		links_met(&l, &st);
		ck_assert_ptr_null(links_find(&l, &st));
	}
	ck_assert_uint_eq(l.n, 500);
	ck_assert_uint_le(l.cap, 2048);
	for (unsigned i = 19500; i < 20000; i++) {
		struct stat st = file(i % 3, i * 5, 2);

		snprintf(path, sizeof(path), "%u", i);
		ck_assert_str_eq(links_find(&l, &st), path);
	}
}

END_TEST

Suite *suite_links(void)
{
	Suite *s = suite_create("links");
	TCase *tc = support_tcase(s, "links");

	tcase_add_test(tc, a_file_is_known_until_its_last_name);
	tcase_add_test(tc, many_files_come_and_go);
	return s;
}
