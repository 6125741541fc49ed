/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/links.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/support.h"

static struct stat file(dev_t dev, ino_t ino, nlink_t nlink)
{
	return (struct stat){ .st_dev = dev, .st_ino = ino, .st_nlink = nlink };
}

static const char *find(struct links *l, const struct stat *st)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const char *path = NULL;

	ck_assert_ok(links_find(l, st, &path, &err), &err);
	return path;
}

START_TEST(a_file_is_known_until_its_last_name)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(links_done) struct links l = LINKS_INIT;
	struct stat st = file(1, 10, 3), other_dev = file(2, 10, 3);

	ck_assert_ptr_null(find(&l, &st));
	links_met(&l, &st);
	ck_assert_ok(links_add(&l, &st, "a/b", &err), &err);
	ck_assert_str_eq(find(&l, &st), "a/b");
	ck_assert_ptr_null(find(&l, &other_dev));
	links_met(&l, &st);
	ck_assert_str_eq(find(&l, &st), "a/b");
	links_met(&l, &st);
	ck_assert_ptr_null(find(&l, &st));
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
		ck_assert_str_eq(find(&l, &st), path);
		links_met(&l, &st);
		ck_assert_ptr_null(find(&l, &st));
	}
	ck_assert_uint_eq(l.n, 500);
	ck_assert_uint_le(l.cap, 2048);
	for (unsigned i = 19500; i < 20000; i++) {
		struct stat st = file(i % 3, i * 5, 2);

		snprintf(path, sizeof(path), "%u", i);
		ck_assert_str_eq(find(&l, &st), path);
	}
}

END_TEST

START_TEST(files_beyond_memory_are_found_in_the_file)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd =
		openat(support_dirfd(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct spill spill = { .fd = fd, .memory = 20000 };
	_cleanup_(links_done) struct links l = LINKS_INIT;
	char path[64];

	l.spill = &spill;
	for (unsigned i = 0; i < 10000; i++) {
		struct stat st = file(i % 3, i * 5, 3);

		snprintf(path, sizeof(path), "directory/of/file/%u", i);
		ck_assert_ptr_null(find(&l, &st));
		ck_assert_ok(links_add(&l, &st, path, &err), &err);
	}
	ck_assert_uint_lt(l.n, 500);
	ck_assert_uint_gt(spill.end, 10000 * 32);
	for (unsigned i = 0; i < 10000; i++) {
		struct stat st = file(i % 3, i * 5, 3), other = file(i % 3, i * 5 + 1, 3);

		snprintf(path, sizeof(path), "directory/of/file/%u", i);
		for (int k = 0; k < 2; k++) {
			ck_assert_str_eq(find(&l, &st), path);
			links_met(&l, &st);
		}
		ck_assert_ptr_null(find(&l, &other));
	}
	/* A file that is cut short is an error, not a file without links. */
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	{
		struct stat st = file(1, 5, 3);
		const char *found = NULL;

		ck_assert_fails(links_find(&l, &st, &found, &err), &err, ERR_IO,
				"its file is cut short");
	}
}

END_TEST

Suite *suite_links(void)
{
	Suite *s = suite_create("links");
	TCase *tc = support_tcase(s, "links");

	tcase_add_test(tc, a_file_is_known_until_its_last_name);
	tcase_add_test(tc, many_files_come_and_go);
	tcase_add_test(tc, files_beyond_memory_are_found_in_the_file);
	return s;
}
