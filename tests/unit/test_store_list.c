/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/store.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/support.h"
#include "tests/unit/support_store.h"

START_TEST(store_lists_by_set_and_name)
{
	_cleanup_(store_closep) struct store *s = support_store_open(STORE_CREATE);
	_cleanup_(store_list_done) struct store_list l;

	support_store_put("10_a_1_x1.zip");
	support_store_put("9_b_1_x1.zip");
	support_store_put("9_a_1_x1.zip");
	support_store_put("9_B_1_x1.zip");
	support_store_put("1_z_1_x1.zip");
	support_store_list(s, &l);
	ck_assert_str_eq(support_store_names(&l),
			 "1_z_1_x1.zip\n9_B_1_x1.zip\n9_a_1_x1.zip\n"
			 "9_b_1_x1.zip\n10_a_1_x1.zip\n");
	ck_assert_uint_eq(l.highest, 10);
	ck_assert_uint_eq(l.files[4].set, 10);
	ck_assert(!l.last_set_damaged);
}

END_TEST

START_TEST(store_tells_what_it_knows_of_a_file)
{
	_cleanup_(store_closep) struct store *s = support_store_open(STORE_CREATE);
	_cleanup_(store_list_done) struct store_list l;
	struct stat st;

	support_store_put("3_a_1_x1.zip");
	support_mtime(support_dirfd(), "s/3_a_1_x1.zip", -5, 7);
	ck_assert_int_eq(fstatat(store_fd(s), "3_a_1_x1.zip", &st, 0), 0);
	support_store_list(s, &l);
	ck_assert_uint_eq(l.n, 1);
	ck_assert_uint_eq(l.files[0].size, strlen("3_a_1_x1.zip"));
	ck_assert_uint_eq(l.files[0].ino, st.st_ino);
	ck_assert_uint_eq(l.files[0].dev, st.st_dev);
	ck_assert_uint_eq(l.files[0].uid, st.st_uid);
	ck_assert_int_eq(l.files[0].mtime_sec, -5);
	ck_assert_uint_eq(l.files[0].mtime_nsec, 7);
	ck_assert_int_eq(l.files[0].ctime_sec, st.st_ctim.tv_sec);
	ck_assert_uint_eq(l.files[0].ctime_nsec, st.st_ctim.tv_nsec);
}

END_TEST

START_TEST(store_lists_only_regular_files)
{
	_cleanup_(store_closep) struct store *s = support_store_open(STORE_CREATE);
	_cleanup_(store_list_done) struct store_list l;
	int dir = store_fd(s);

	support_store_put("1_a_1_x1.zip");
	support_mkdir(dir, "2_a_1_x1.zip", 0700);
	support_symlink(dir, "3_a_1_x1.zip", "1_a_1_x1.zip");
	support_symlink(dir, "4_a_1_x1.zip", "nowhere");
	support_node(dir, "5_a_1_x1.zip", S_IFIFO | 0600, 0);
	support_node(dir, "6_a_1_x1.zip", S_IFSOCK | 0600, 0);
	support_mkdir(dir, "1_importing", 0700);
	support_symlink(dir, "7_importing", "1_a_1_x1.zip");
	support_store_list(s, &l);
	ck_assert_str_eq(support_store_names(&l), "1_a_1_x1.zip\n");
	/* No number is given out twice, whatever uses it. */
	ck_assert_uint_eq(l.highest, 7);
}

END_TEST

START_TEST(store_lists_odd_names)
{
	_cleanup_(store_closep) struct store *s = support_store_open(STORE_CREATE);
	_cleanup_(store_list_done) struct store_list l;

	support_store_put("1_.zip.zip");
	support_store_put("1_\xff\n.zip");
	support_store_put("1_importing.zip");
	support_store_put("1__.zip");
	support_store_put("1_.zip");
	support_store_put("1_a.ZIP");
	support_store_put("1_a.zip~");
	support_store_put("1_a");
	support_store_put(".1_a.zip");
	support_store_put(".1_a.zip.tmp.abcdefghi");
	support_store_put("_a.zip");
	support_store_put("a_b.zip");
	support_store_put("01_a.zip");
	support_store_put("+1_a.zip");
	support_store_put("-1_a.zip");
	support_store_put(" 1_a.zip");
	support_store_put("0_a.zip");
	support_store_put("0x1_a.zip");
	support_store_put("1a_a.zip");
	support_store_put("9007199254740992_a.zip");
	support_store_put("18446744073709551617_a.zip");
	support_store_put("state.db");
	support_store_list(s, &l);
	ck_assert_str_eq(support_store_names(&l),
			 "1_.zip.zip\n1__.zip\n1_importing.zip\n1_\xff\n.zip\n");
	ck_assert_uint_eq(l.highest, 1);
}

END_TEST

START_TEST(store_hides_incomplete_sets)
{
	_cleanup_(store_closep) struct store *s = support_store_open(STORE_CREATE);
	_cleanup_(store_list_done) struct store_list l;

	support_store_put("2_a_1_x1.zip");
	support_store_put("2_b_1_x1.zip");
	support_store_put("2_importing");
	support_store_put("1_a_1_x1.zip");
	support_store_put("3_a_1_x1.zip");
	support_store_put("22_a_1_x1.zip");
	support_store_put("40_importing");
	support_store_put("4_importingx");
	support_store_put("importing");
	support_store_put("05_importing");
	support_store_list(s, &l);
	ck_assert_str_eq(support_store_names(&l),
			 "1_a_1_x1.zip\n3_a_1_x1.zip\n22_a_1_x1.zip\n-2\n-40\n");
	ck_assert_uint_eq(l.highest, 40);
}

END_TEST

START_TEST(store_lists_one_set)
{
	_cleanup_(store_closep) struct store *s = support_store_open(STORE_CREATE);
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct store_list l;
	uint64_t highest = 0;

	support_store_put("2_b_1_x1.zip");
	support_store_put("2_a_1_x1.zip");
	support_store_put("22_a_1_x1.zip");
	support_store_put("3_a_1_x1.zip");
	support_store_put("3_importing");
	ck_assert_ok(store_list_set(s, 2, &l, &err), &err);
	ck_assert_str_eq(support_store_names(&l), "2_a_1_x1.zip\n2_b_1_x1.zip\n");
	ck_assert_uint_eq(l.highest, 22);
	store_list_done(&l);
	ck_assert_ok(store_list_set(s, 3, &l, &err), &err);
	ck_assert_str_eq(support_store_names(&l), "-3\n");
	store_list_done(&l);
	ck_assert_ok(store_list_set(s, 4, &l, &err), &err);
	ck_assert_str_eq(support_store_names(&l), "");
	store_list_done(&l);
	ck_assert_ok(store_highest(s, &highest, &err), &err);
	ck_assert_uint_eq(highest, 22);
}

END_TEST

START_TEST(store_without_anything_lists_nothing)
{
	_cleanup_(store_closep) struct store *s = support_store_open(STORE_CREATE);
	_cleanup_(store_list_done) struct store_list l;

	support_store_list(s, &l);
	ck_assert_str_eq(support_store_names(&l), "");
	ck_assert_uint_eq(l.highest, 0);
}

END_TEST

START_TEST(store_lists_what_came_since)
{
	_cleanup_(store_closep) struct store *s = support_store_open(STORE_CREATE);
	_cleanup_(store_list_done) struct store_list first, second;

	support_store_put("1_a_1_x1.zip");
	support_store_list(s, &first);
	support_store_put("2_a_1_x1.zip");
	support_store_list(s, &second);
	ck_assert_uint_eq(first.n, 1);
	ck_assert_uint_eq(second.n, 2);
}

END_TEST

START_TEST(store_lists_ten_thousand_files)
{
	_cleanup_(store_closep) struct store *s = support_store_open(STORE_CREATE);
	_cleanup_(store_list_done) struct store_list l;
	char name[64];

	for (int i = 0; i < 10000; i++) {
		/* 7,919 is prime to 10,000: every number once, in no order. */
		snprintf(name, sizeof(name), "%d_app_1.0_x1.zip", 1 + i * 7919 % 10000);
		int fd = openat(store_fd(s), name,
				O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
		if (fd < 0 || close(fd) < 0)
			ck_abort_msg("cannot create %s", name);
	}
	support_store_list(s, &l);
	ck_assert_uint_eq(l.n, 10000);
	ck_assert_uint_eq(l.highest, 10000);
	for (size_t i = 0; i < l.n; i++) {
		if (l.files[i].set != i + 1)
			ck_abort_msg("file %zu is of set %d", i, (int)l.files[i].set);
	}
}

END_TEST

START_TEST(store_that_cannot_be_read_says_so)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(store_closep) struct store *s = NULL;
	struct store_list l;

	if (!support_become_user())
		return;
	s = support_store_open(STORE_CREATE);
	ck_assert_int_eq(fchmod(store_fd(s), 0), 0);
	ck_assert_fails(store_list(s, &l, &err), &err, ERR_DENIED, "/s\": cannot open");
	ck_assert_int_eq(fchmod(store_fd(s), 0700), 0);
}

END_TEST

Suite *suite_store_list(void)
{
	Suite *s = suite_create("store_list");
	TCase *tc = support_tcase(s, "list");

	tcase_add_test(tc, store_lists_by_set_and_name);
	tcase_add_test(tc, store_tells_what_it_knows_of_a_file);
	tcase_add_test(tc, store_lists_only_regular_files);
	tcase_add_test(tc, store_lists_odd_names);
	tcase_add_test(tc, store_hides_incomplete_sets);
	tcase_add_test(tc, store_lists_one_set);
	tcase_add_test(tc, store_without_anything_lists_nothing);
	tcase_add_test(tc, store_lists_what_came_since);
	tcase_add_test(tc, store_lists_ten_thousand_files);
	tcase_add_test(tc, store_that_cannot_be_read_says_so);
	return s;
}
