/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/spill.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/buf.h"
#include "backend/tree/path_set.h"
#include "backend/tree/walk.h"
#include "tests/unit/support.h"

/* A file without a name, for more than `memory` bytes. */
static struct spill open_spill(size_t memory)
{
	struct spill s = { .fd = openat(support_dirfd(), ".",
					O_TMPFILE | O_RDWR | O_CLOEXEC, 0600),
			   .memory = memory };

	ck_assert_int_ge(s.fd, 0);
	return s;
}

START_TEST(regions_follow_one_another)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct spill s = open_spill(10), none = SPILL_NONE;
	uint64_t a, b;
	char text[4] = "xxx";

	ck_assert(spill_wants(&s, 11) && !spill_wants(&s, 10));
	ck_assert(!spill_wants(&none, SIZE_MAX) && !spill_wants(NULL, SIZE_MAX));
	ck_assert_ok(spill_take(&s, 100, &a, &err), &err);
	ck_assert_ok(spill_take(&s, 3, &b, &err), &err);
	ck_assert_uint_eq(b, a + 100);
	ck_assert_ok(spill_put(&s, b, "abc", 3, &err), &err);
	ck_assert_ok(spill_get(&s, b, text, 3, &err), &err);
	ck_assert_str_eq(text, "abc");
	ck_assert_ok(spill_get(&s, a, text, 3, &err), &err);
	ck_assert_mem_eq(text, "\0\0\0", 3);
	/* Only what lies at the end can be given back. */
	spill_give_back(&s, a, b);
	ck_assert_uint_eq(s.end, 103);
	spill_give_back(&s, a, s.end);
	ck_assert_uint_eq(s.end, 0);
	ck_assert_fails(spill_get(&s, b, text, 3, &err), &err, ERR_IO, "cut short");
	err_clear(&err);
	ck_assert_fails(spill_take(&s, UINT64_MAX - 5, &a, &err), &err, ERR_NO_SPACE,
			"no room");
	close(s.fd);
}

END_TEST

/* Names of the walk over `dir`, in its order. */
static void walk_all(int dir, struct spill *spill, struct buf *ret)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(walk_closep) struct walk *w = NULL;
	const struct walk_options options = { .open_files = true, .spill = spill };
	const struct walk_item *item;
	int r;

	ck_assert_ok(walk_open_with(dir, &options, NULL, &w, &err), &err);
	while ((r = walk_next(w, &item, &err)) > 0)
		ck_assert_ok(
			buf_printf(ret, &err, "%d %s\n", (int)item->what, item->path),
			&err);
	ck_assert_int_eq(r, 0);
}

START_TEST(large_directories_are_walked_in_the_same_order)
{
	_cleanup_(buf_done) struct buf expected = BUF_INIT, got = BUF_INIT;
	struct spill s = open_spill(3000);
	_cleanup_close_ int dir = -1;
	char name[300];

	support_mkdir(support_dirfd(), "d", 0755);
	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "d/%d-%0*d", i * 7919 % 600,
			 i % 9 == 0 ? 200 : 3, i);
		if (i % 100 == 50) {
			/* One that is large, too, while the one above is not through. */
			support_mkdir(support_dirfd(), name, 0755);
			for (int k = 0; k < 200; k++) {
				char below[320];

				snprintf(below, sizeof(below), "%s/%d", name, k);
				support_file(support_dirfd(), below, 0644, "");
			}
		} else {
			support_file(support_dirfd(), name, 0644, "");
		}
	}
	dir = openat(support_dirfd(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	walk_all(dir, NULL, &expected);
	walk_all(dir, &s, &got);
	ck_assert_str_eq(got.data, expected.data);
	/* All of it was given back. */
	ck_assert_uint_eq(s.end, 0);
	close(s.fd);
}

END_TEST

START_TEST(failing_file_ends_the_walk)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(walk_closep) struct walk *w = NULL;
	_cleanup_close_ int dir = -1, file = -1;
	struct spill s = { .memory = 3000 };
	const struct walk_options options = { .spill = &s };
	const struct walk_item *item;
	char name[32];

	/* Nothing can be put there. */
	support_file(support_dirfd(), "file", 0400, "");
	file = openat(support_dirfd(), "file", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(file, 0);
	s.fd = file;
	support_mkdir(support_dirfd(), "d", 0755);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		support_file(support_dirfd(), name, 0644, "");
	}
	dir = openat(support_dirfd(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_ok(walk_open_with(dir, &options, NULL, &w, &err), &err);
	ck_assert_int_eq(walk_next(w, &item, &err), 1);
	/* It is not the directory that cannot be read. */
	ck_assert_fails(walk_next(w, &item, &err), &err, ERR_IO,
			"no room for what does not fit into memory");
}

END_TEST

START_TEST(path_set_goes_on_in_the_file)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct spill s = open_spill(16384);
	_cleanup_(path_set_freep) struct path_set *set = NULL;
	enum path_kind kind;
	char path[32];

	ck_assert_ok(path_set_new(&s, &set, &err), &err);
	for (int i = 0; i < 20000; i++) {
		size_t n = (size_t)snprintf(path, sizeof(path), "some/path/%d", i);

		ck_assert_int_eq(
			path_set_add(set, path, n, i % 2 ? PATH_DIR : PATH_OTHER, &err),
			1);
	}
	ck_assert_uint_gt(s.end, 0);
	for (int i = 0; i < 20000; i++) {
		size_t n = (size_t)snprintf(path, sizeof(path), "some/path/%d", i);

		ck_assert_ok(path_set_find(set, path, n, &kind, &err), &err);
		ck_assert_int_eq(kind, i % 2 ? PATH_DIR : PATH_OTHER);
		ck_assert_int_eq(path_set_add(set, path, n, PATH_DIR, &err), 0);
	}
	ck_assert_ok(path_set_find(set, "other", 5, &kind, &err), &err);
	ck_assert_int_eq(kind, PATH_UNKNOWN);
	ck_assert_int_eq(ftruncate(s.fd, 0), 0);
	ck_assert_fails(path_set_find(set, "other", 5, &kind, &err), &err, ERR_IO,
			"cut short");
	close(s.fd);
}

END_TEST

Suite *suite_spill(void)
{
	Suite *s = suite_create("spill");
	TCase *tc = support_tcase(s, "spill");

	tcase_add_test(tc, regions_follow_one_another);
	tcase_add_test(tc, large_directories_are_walked_in_the_same_order);
	tcase_add_test(tc, failing_file_ends_the_walk);
	tcase_add_test(tc, path_set_goes_on_in_the_file);
	return s;
}
