/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/retention.h"

#include <sys/statvfs.h>

#include "tests/unit/support.h"

#define GIB ((uint64_t)1 << 30)
#define DAY (24 * 60 * 60)

static struct config defaults(void)
{
	struct config c;

	config_init(&c);
	return c;
}

START_TEST(automatic_sets_go_and_others_stay)
{
	struct config c = defaults();

	ck_assert_int_eq(retention_set_expiry(&c, true, 1000), 1000 + 31 * DAY);
	ck_assert_int_eq(retention_set_expiry(&c, false, 1000), 0);
	c.automatic_retention = -1;
	ck_assert_int_eq(retention_set_expiry(&c, true, 1000), 0);
}

END_TEST

START_TEST(aside_trees_stay_as_long_as_configured)
{
	struct config c = defaults();

	ck_assert_int_eq(retention_aside_expiry(&c, 1000), 1000 + 7 * DAY);
	c.keep_for = 0;
	ck_assert_int_eq(retention_aside_expiry(&c, 1000), 1000);
	c.keep_for = -1;
	ck_assert_int_eq(retention_aside_expiry(&c, 1000), 0);
	c.keep_for = INT64_MAX;
	ck_assert_int_eq(retention_aside_expiry(&c, 1000), 0);
}

END_TEST

START_TEST(what_never_expires_is_never_over)
{
	ck_assert(!retention_is_over(0, INT64_MAX));
	ck_assert(!retention_is_over(11, 10));
	ck_assert(retention_is_over(10, 10));
	ck_assert(retention_is_over(9, 10));
}

END_TEST

static const struct {
	struct config_reserve reserve;
	uint64_t total, available, expect_reserve, expect_usable;
} rooms[] = {
	{ { CONFIG_RESERVE_DEFAULT, 0 }, 100 * GIB, 50 * GIB, GIB, 49 * GIB },
	{ { CONFIG_RESERVE_DEFAULT, 0 }, 1000, 500, 50, 450 },
	{ { CONFIG_RESERVE_DEFAULT, 0 }, 20 * GIB, GIB, GIB, 0 },
	{ { CONFIG_RESERVE_DEFAULT, 0 }, 0, 0, 0, 0 },
	{ { CONFIG_RESERVE_DEFAULT, 0 }, UINT64_MAX, UINT64_MAX, GIB, UINT64_MAX - GIB },
	{ { CONFIG_RESERVE_PERCENT, 10 }, 1005, 1005, 100, 905 },
	{ { CONFIG_RESERVE_PERCENT, 99 }, UINT64_MAX, 5, 18262276632972456098u, 0 },
	{ { CONFIG_RESERVE_PERCENT, 0 }, 1000, 10, 0, 10 },
	{ { CONFIG_RESERVE_BYTES, 300 }, 1000, 700, 300, 400 },
	{ { CONFIG_RESERVE_BYTES, UINT64_MAX }, 1000, 700, UINT64_MAX, 0 },
};

#define N_ROOMS (sizeof(rooms) / sizeof(*rooms))

START_TEST(reserve_stays_free)
{
	struct retention_room room = { .total = rooms[_i].total,
				       .available = rooms[_i].available };

	retention_room_compute(&rooms[_i].reserve, &room);
	ck_assert_uint_eq(room.reserve, rooms[_i].expect_reserve);
	ck_assert_uint_eq(room.usable, rooms[_i].expect_usable);
}

END_TEST

START_TEST(inodes_have_a_reserve_of_their_own)
{
	const struct config c = defaults();
	struct retention_room room = { .counts_inodes = true,
				       .inodes_total = 1000,
				       .inodes_available = 60 };

	retention_room_compute(&c.reserve, &room);
	ck_assert_uint_eq(room.inodes_reserve, 50);
	ck_assert_uint_eq(room.inodes_usable, 10);
	room.inodes_total = room.inodes_available = 100000000;
	retention_room_compute(&c.reserve, &room);
	ck_assert_uint_eq(room.inodes_reserve, 65536);
	room.counts_inodes = false;
	retention_room_compute(&c.reserve, &room);
	ck_assert_uint_eq(room.inodes_usable, 0);
}

END_TEST

START_TEST(what_does_not_fit_is_told_with_both_figures)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct retention_room room = { .reserve = 2000,
					     .usable = 5000,
					     .counts_inodes = true,
					     .inodes_usable = 10 };
	struct retention_room endless = room;

	ck_assert_ok(retention_check_room(&room, 5000, 10, "/x", &err), &err);
	ck_assert_fails(
		retention_check_room(&room, 6000, 10, "/x", &err), &err, ERR_NO_SPACE,
		"6.00kB is needed on the file system of \"/x\", 5.00kB may be used "
		"(2.00kB stays free)");
	ck_assert_fails(retention_check_room(&room, 6000, 10, "/x", &err), &err,
			ERR_NO_SPACE, "lower \"reserve\"");
	ck_assert_fails(
		retention_check_room(&room, 5000, 11, "/x", &err), &err, ERR_NO_SPACE,
		"11 inodes are needed on the file system of \"/x\", 10 may be used");
	endless.counts_inodes = false;
	ck_assert_ok(retention_check_room(&endless, 5000, UINT64_MAX, "/x", &err), &err);
}

END_TEST

START_TEST(room_of_a_file_system_is_asked_for)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct config c = defaults();
	struct retention_room room;
	struct statvfs vfs;
	uint64_t total = 0;

	/* Some file systems change their size as they are used, also
	 * between the two looks. */
	for (int tries = 0; tries < 10; tries++) {
		ck_assert_int_eq(statvfs(support_dir(), &vfs), 0);
		ck_assert_ok(retention_room(support_dirfd(), &c.reserve, &room, &err),
			     &err);
		total = (uint64_t)vfs.f_blocks * vfs.f_frsize;
		if (room.total == total)
			break;
	}
	ck_assert_uint_eq(room.total, total);
	ck_assert_uint_le(room.available, room.total);
	ck_assert_uint_le(room.reserve, GIB);
	ck_assert_uint_le(room.usable, room.available);
	ck_assert_int_eq(room.counts_inodes, vfs.f_files != 0);
	ck_assert_fails(retention_room(-1, &c.reserve, &room, &err), &err, ERR_IO,
			"how much room");
}

END_TEST

Suite *suite_retention(void)
{
	Suite *s = suite_create("retention");
	TCase *tc = support_tcase(s, "retention");

	tcase_add_test(tc, automatic_sets_go_and_others_stay);
	tcase_add_test(tc, aside_trees_stay_as_long_as_configured);
	tcase_add_test(tc, what_never_expires_is_never_over);
	tc = support_tcase(s, "room");
	tcase_add_loop_test(tc, reserve_stays_free, 0, N_ROOMS);
	tcase_add_test(tc, inodes_have_a_reserve_of_their_own);
	tcase_add_test(tc, what_does_not_fit_is_told_with_both_figures);
	tcase_add_test(tc, room_of_a_file_system_is_asked_for);
	return s;
}
