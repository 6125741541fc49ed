/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/spare.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "tests/unit/support.h"

/* Bytes that the file takes, or -1. */
static long allocated(void)
{
	struct stat st;

	if (fstatat(support_dirfd(), SPARE_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	return (long)st.st_blocks * 512;
}

START_TEST(a_spare_is_made_whole_and_given_up)
{
	spare_make_best_effort(support_dirfd());
	ck_assert_int_ge(allocated(), SPARE_SIZE);
	spare_make_best_effort(support_dirfd());
	ck_assert_int_ge(allocated(), SPARE_SIZE);
	ck_assert(spare_give_up(support_dirfd()));
	ck_assert_int_eq(allocated(), -1);
	ck_assert(!spare_give_up(support_dirfd()));
}

END_TEST

START_TEST(what_has_its_name_is_not_written_to)
{
	ck_assert_int_eq(symlinkat("elsewhere", support_dirfd(), SPARE_FILE), 0);
	spare_make_best_effort(support_dirfd());
	ck_assert_int_ne(faccessat(support_dirfd(), "elsewhere", F_OK, 0), 0);
	ck_assert_int_eq(unlinkat(support_dirfd(), SPARE_FILE, 0), 0);
	ck_assert_int_eq(mkfifoat(support_dirfd(), SPARE_FILE, 0600), 0);
	spare_make_best_effort(support_dirfd());
	ck_assert_int_eq(allocated(), 0);
}

END_TEST

START_TEST(a_spare_without_its_blocks_gets_them)
{
	int fd =
		openat(support_dirfd(), SPARE_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(allocated(), 0);
	spare_make_best_effort(support_dirfd());
	ck_assert_int_ge(allocated(), SPARE_SIZE);
}

END_TEST

#ifdef ENABLE_FAULTS
START_TEST(a_spare_that_cannot_be_whole_is_not_made)
{
	for (uint64_t n = 1; n <= 2; n++) {
		fault_arm(&(struct fault_plan){ FAULT_CHANGE, FAULT_ONCE, n, ENOSPC });
		spare_make_best_effort(support_dirfd());
		ck_assert(fault_disarm());
		ck_assert_int_eq(allocated(), -1);
	}
}

END_TEST
#endif

Suite *suite_spare(void)
{
	Suite *s = suite_create("spare");
	TCase *tc = support_tcase(s, "spare");

	tcase_add_test(tc, a_spare_is_made_whole_and_given_up);
	tcase_add_test(tc, what_has_its_name_is_not_written_to);
	tcase_add_test(tc, a_spare_without_its_blocks_gets_them);
#ifdef ENABLE_FAULTS
	tcase_add_test(tc, a_spare_that_cannot_be_whole_is_not_made);
#endif
	return s;
}
