/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Files that a caller named: whose links are followed.
 */

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "state/operand.h"
#include "tests/unit/support.h"

/* Opens the file of the test's directory and compares its first byte; or the error. */
static int open_operand(const char *name, struct err *err)
{
	int fd = operand_open(support_path(name), err);
	char byte = 0;

	if (fd < 0)
		return -1;
	ck_assert_int_eq(read(fd, &byte, 1), 1);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(fd);
	return byte;
}

START_TEST(file_is_opened_directly_and_through_links_of_ones_own)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int d = support_dirfd();

	support_file(d, "dir/file", 0600, "f");
	support_symlink(d, "dir/relative", "file");
	support_symlink(d, "twice", "dir/relative");
	support_symlink(d, "way", "dir");
	ck_assert_int_eq(open_operand("dir/file", &err), 'f');
	ck_assert_int_eq(open_operand("dir/relative", &err), 'f');
	ck_assert_int_eq(open_operand("twice", &err), 'f');
	ck_assert_int_eq(open_operand("way/relative", &err), 'f');
}

END_TEST

START_TEST(links_of_the_kernel_are_followed)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char path[64], byte;
	int ends[2], fd;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(write(ends[1], "p", 1), 1);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	fd = operand_open(path, &err);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(read(fd, &byte, 1), 1);
	ck_assert_int_eq(byte, 'p');
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

END_TEST

START_TEST(links_of_others_do_not_choose_what_root_opens)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int d = support_dirfd();

	if (geteuid() != 0) {
		support_skip("only root opens with more rights than others");
		return;
	}
	support_file(d, "file", 0600, "f");
	support_symlink(d, "theirs", "file");
	support_symlink(d, "ours", "theirs");
	ck_assert_int_eq(fchownat(d, "theirs", 65534, 65534, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert_fails(open_operand("theirs", &err), &err, ERR_REFUSED,
			"is a symbolic link of another user");
	ck_assert_fails(open_operand("ours", &err), &err, ERR_REFUSED,
			"theirs\" is a symbolic link of another user");
}

END_TEST

START_TEST(what_cannot_be_opened_is_named)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	support_symlink(support_dirfd(), "round", "round");
	/* A missing file is no set that is not there. */
	ck_assert_fails(open_operand("missing", &err), &err, ERR_IO,
			"missing\": No such file");
	ck_assert_fails(open_operand("round", &err), &err, ERR_IO, "Too many levels");
}

END_TEST

Suite *suite_operand(void)
{
	Suite *s = suite_create("operand");
	TCase *tc = support_tcase(s, "operand");

	tcase_add_test(tc, file_is_opened_directly_and_through_links_of_ones_own);
	tcase_add_test(tc, links_of_the_kernel_are_followed);
	tcase_add_test(tc, links_of_others_do_not_choose_what_root_opens);
	tcase_add_test(tc, what_cannot_be_opened_is_named);
	return s;
}
