/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/swap.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/support.h"

/*
 * A program saves its file, by renaming a new one over it, while the file is swapped.
 * Whatever comes of the swap, the newest is live, or rests where the journal knows it.
 */

#define ASIDE "live.~abcdefghi~"
#define THIRD ASIDE "~"

static unsigned saves; /* bit n - 1: before the nth rename that is watched */

static uint64_t inode(const char *path)
{
	struct stat st;

	if (fstatat(support_dirfd(), path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return st.st_ino;
}

/* What the program does; "saved N" is in its file. */
static void save(int nth)
{
	int d = support_dirfd();
	char text[20];

	if (!(saves & (1u << ((nth - 1) % 32))))
		return;
	snprintf(text, sizeof(text), "saved %d", nth);
	support_file(d, "temporary", 0644, text);
	ck_assert_int_eq(renameat(d, "temporary", d, "live"), 0);
}

/* The file "live", with "old" in it, and aside one with "new". */
static struct swap two_files(void)
{
	int d = support_dirfd();

	support_file(d, "live", 0644, "old");
	support_file(d, ASIDE, 0644, "new");
	return (struct swap){ .parent = d,
			      .name = "live",
			      .aside = ASIDE,
			      .old_ino = inode("live"),
			      .new_ino = inode(ASIDE) };
}

/* What is in it; NULL: it must not exist. */
static void check_file(const char *name, const char *want)
{
	bool exists = support_exists(support_dirfd(), name);
	_cleanup_free_ char *text = NULL;

	ck_assert_msg(exists == (want != NULL), "%s", name);
	if (!want)
		return;
	text = support_read(support_dirfd(), name, NULL);
	ck_assert_str_eq(text, want);
}

static void check_files(const char *live, const char *aside)
{
	check_file("live", live);
	check_file(ASIDE, aside);
	check_file(THIRD, NULL);
}

/* The swap is refused, and says what can be done. */
static void check_refused(const struct swap *s, bool backward)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_int_eq(swap_step(s, backward, &err), -1);
	ck_assert_pstr_eq(err.hint, "try again");
	ck_assert_err(&err, ERR_CHANGED, "\"live\" was replaced");
}

static void check_goes(const struct swap *s, bool backward)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(swap_step(s, backward, &err), &err);
}

START_TEST(what_was_saved_before_the_exchange_stays_live)
{
	struct swap s = two_files();

	saves = 1;
	if (!support_meanwhile(SUPPORT_EXCHANGING, save))
		return;
	check_refused(&s, false);
	check_files("saved 1", "new");
	/* All goes back, and then it can be tried again. */
	check_goes(&s, true);
	check_files("saved 1", "new");
	s.old_ino = inode("live");
	check_goes(&s, false);
	check_files("new", "saved 1");
	support_meanwhile_end();
}

END_TEST

/* Not a single exchange sees live what the look before it saw. */
START_TEST(the_newest_is_live_however_often_it_is_saved)
{
	static const struct {
		unsigned saves;
		const char *live;
	} cases[] = { { 3, "saved 2" }, { 7, "saved 3" }, { 15, "saved 4" } };
	struct swap s = two_files();

	saves = cases[_i].saves;
	if (!support_meanwhile(SUPPORT_EXCHANGING, save))
		return;
	check_refused(&s, false);
	check_file("live", cases[_i].live);
	support_meanwhile_end();
}

END_TEST

START_TEST(who_saves_for_ever_ends_the_swap)
{
	struct swap s = two_files();

	saves = ~0u;
	if (!support_meanwhile(SUPPORT_EXCHANGING, save))
		return;
	check_refused(&s, false);
	support_meanwhile_end();
}

END_TEST

START_TEST(what_was_saved_before_going_back_stays_live)
{
	struct swap s = two_files();

	check_goes(&s, false);
	saves = 1;
	if (!support_meanwhile(SUPPORT_EXCHANGING, save))
		return;
	check_refused(&s, true);
	check_files("saved 1", "old");
	check_goes(&s, false);
	check_files("saved 1", "old");
	support_meanwhile_end();
}

END_TEST

/* A crash between the exchange and the one that puts it right: on the way forward the new
 * one is live, on the way back the old one, and what was saved rests aside. */
START_TEST(a_crash_before_it_is_put_right_loses_nothing)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	bool was_backward = _i & 1, backward = _i & 2;
	struct swap s = two_files();
	int d = s.parent;

	if (_i & 4 && !support_lack(SUPPORT_EXCHANGE))
		return;
	support_file(d, "temporary", 0644, "saved");
	if (!was_backward)
		ck_assert_int_eq(renameat(d, ASIDE, d, "live"), 0);
	ck_assert_int_eq(renameat(d, "temporary", d, ASIDE), 0);
	/* A look tells what will come of it, and changes nothing. */
	if (backward == was_backward) {
		ck_assert_fails(swap_check(&s, backward, &err), &err, ERR_CHANGED,
				"\"live\" was replaced meanwhile");
		check_files(was_backward ? "old" : "new", "saved");
		check_refused(&s, backward);
	} else {
		ck_assert_ok(swap_check(&s, backward, &err), &err);
		check_files(was_backward ? "old" : "new", "saved");
		check_goes(&s, backward);
	}
	check_files("saved", was_backward ? "old" : "new");
	/* What recovery tries next. */
	check_goes(&s, !was_backward);
	check_files("saved", was_backward ? "old" : "new");
}

END_TEST

START_TEST(what_was_saved_before_the_first_of_three_renames_stays_live)
{
	struct swap s = two_files();

	saves = 1;
	if (!support_lack(SUPPORT_EXCHANGE) ||
	    !support_meanwhile(SUPPORT_NOREPLACING, save))
		return;
	check_refused(&s, false);
	check_files("saved 1", "new");
	check_goes(&s, true);
	check_files("saved 1", "new");
	support_meanwhile_end();
}

END_TEST

START_TEST(what_was_saved_before_the_last_of_three_renames_stays_live)
{
	struct swap s = two_files();

	saves = 4;
	if (!support_lack(SUPPORT_EXCHANGE) ||
	    !support_meanwhile(SUPPORT_NOREPLACING, save))
		return;
	check_goes(&s, false);
	check_files("saved 3", "old");
	support_meanwhile_end();
}

END_TEST

START_TEST(a_crash_with_what_was_saved_under_the_third_name_loses_nothing)
{
	struct swap s = two_files();
	int d = s.parent;

	ck_assert_int_eq(renameat(d, "live", d, "gone"), 0);
	support_file(d, THIRD, 0644, "saved");
	if (_i == 0)
		check_refused(&s, false);
	check_goes(&s, true);
	check_files("saved", "new");
}

END_TEST

/* Entries of a mount point that the snapshot does not have are moved aside. */
START_TEST(what_was_saved_before_it_is_moved_aside_stays_live)
{
	struct swap s = two_files();

	ck_assert_int_eq(unlinkat(s.parent, ASIDE, 0), 0);
	s.new_ino = 0;
	saves = 1;
	if (!support_meanwhile(SUPPORT_NOREPLACING, save))
		return;
	check_refused(&s, false);
	check_files("saved 1", NULL);
	check_goes(&s, true);
	check_files("saved 1", NULL);
	support_meanwhile_end();
}

END_TEST

START_TEST(what_was_saved_before_the_new_one_is_taken_away_stays_live)
{
	struct swap s = two_files();

	ck_assert_int_eq(unlinkat(s.parent, "live", 0), 0);
	s.old_ino = 0;
	check_goes(&s, false);
	check_files("new", NULL);
	saves = 1;
	if (!support_meanwhile(SUPPORT_NOREPLACING, save))
		return;
	check_goes(&s, true);
	check_files("saved 1", NULL);
	support_meanwhile_end();
}

END_TEST

START_TEST(a_crash_with_what_was_moved_aside_loses_nothing)
{
	struct swap s = two_files();
	int d = s.parent;

	/* `old` was to go and was replaced before, or `new` was to go again. */
	if (_i == 0)
		s.new_ino = 0;
	else
		s.old_ino = 0;
	ck_assert_int_eq(renameat(d, "live", d, "gone"), 0);
	ck_assert_int_eq(renameat(d, ASIDE, d, "gone too"), 0);
	support_file(d, ASIDE, 0644, "saved");
	if (_i == 0)
		check_refused(&s, false);
	check_goes(&s, true);
	check_files("saved", NULL);
}

END_TEST

Suite *suite_swap_races(void)
{
	Suite *s = suite_create("swap_races");
	TCase *t = support_tcase(s, "swap_races");

	tcase_add_test(t, what_was_saved_before_the_exchange_stays_live);
	tcase_add_loop_test(t, the_newest_is_live_however_often_it_is_saved, 0, 3);
	tcase_add_test(t, who_saves_for_ever_ends_the_swap);
	tcase_add_test(t, what_was_saved_before_going_back_stays_live);
	tcase_add_loop_test(t, a_crash_before_it_is_put_right_loses_nothing, 0, 8);
	tcase_add_test(t, what_was_saved_before_the_first_of_three_renames_stays_live);
	tcase_add_test(t, what_was_saved_before_the_last_of_three_renames_stays_live);
	tcase_add_loop_test(
		t, a_crash_with_what_was_saved_under_the_third_name_loses_nothing, 0, 2);
	tcase_add_test(t, what_was_saved_before_it_is_moved_aside_stays_live);
	tcase_add_test(t, what_was_saved_before_the_new_one_is_taken_away_stays_live);
	tcase_add_loop_test(t, a_crash_with_what_was_moved_aside_loses_nothing, 0, 2);
	return s;
}
