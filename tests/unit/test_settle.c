/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/settle.h"

#include "tests/unit/support.h"

/* NULL: a setting that is not there. */
static int64_t settle_of(const char *expire, const char *writeback)
{
	support_mkdir(support_dirfd(), "vm", 0755);
	if (expire)
		support_file(support_dirfd(), "vm/dirty_expire_centisecs", 0644, expire);
	if (writeback)
		support_file(support_dirfd(), "vm/dirty_writeback_centisecs", 0644,
			     writeback);
	return settle_read(support_path("vm"));
}

static const struct {
	const char *expire, *writeback;
	int64_t settle;
} cases[] = {
	{ "3000\n", "500\n", 42 },
	{ "3000", "500", 42 },
	{ "60000\n", "60000\n", 1802 },
	/* Rounded up. */
	{ "1\n", "1\n", 3 },
	{ "50\n", "25\n", 3 },
	{ "51\n", "25\n", 4 },
	{ "0\n", "100\n", 4 },
	{ "2147483647\n", "2147483647\n", 64424512 },
	/* Nobody looks. */
	{ "3000\n", "0\n", SETTLE_NEVER },
	/* What makes no sense is not trusted. */
	{ "-1\n", "500\n", SETTLE_NEVER },
	{ "3000\n", "-1\n", SETTLE_NEVER },
	{ "2147483648\n", "500\n", SETTLE_NEVER },
	{ "99999999999999999999999999\n", "500\n", SETTLE_NEVER },
	{ "3000\n", "500 500\n", SETTLE_NEVER },
	{ "3000\n\n", "500\n", SETTLE_NEVER },
	{ "\n", "500\n", SETTLE_NEVER },
	{ "", "500\n", SETTLE_NEVER },
	/* What cannot be read. */
	{ NULL, "500\n", SETTLE_UNKNOWN_SEC },
	{ "3000\n", NULL, SETTLE_UNKNOWN_SEC },
	{ NULL, NULL, SETTLE_UNKNOWN_SEC },
};

#define N_CASES ((int)(sizeof(cases) / sizeof(cases[0])))

START_TEST(settle_time_covers_the_write_back)
{
	ck_assert_int_eq(settle_of(cases[_i].expire, cases[_i].writeback),
			 cases[_i].settle);
}

END_TEST

START_TEST(settle_time_without_a_directory_is_a_guess)
{
	ck_assert_int_eq(settle_read(support_path("nowhere")), SETTLE_UNKNOWN_SEC);
	support_file(support_dirfd(), "file", 0644, "");
	ck_assert_int_eq(settle_read(support_path("file")), SETTLE_UNKNOWN_SEC);
}

END_TEST

START_TEST(settle_time_of_this_kernel_is_never_too_short)
{
	int64_t settle = settle_read(SETTLE_DIR);

	ck_assert(settle == SETTLE_NEVER || settle >= 2);
}

END_TEST

Suite *suite_settle(void)
{
	Suite *s = suite_create("settle");
	TCase *tc = support_tcase(s, "settle");

	tcase_add_loop_test(tc, settle_time_covers_the_write_back, 0, N_CASES);
	tcase_add_test(tc, settle_time_without_a_directory_is_a_guess);
	tcase_add_test(tc, settle_time_of_this_kernel_is_never_too_short);
	return s;
}
