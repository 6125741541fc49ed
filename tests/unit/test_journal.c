/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/journal.h"

#include <string.h>

#include "tests/unit/support.h"

/* A literal where a struct wants memory of its own. */
#define TEXT(s) ((char[]){ s })

START_TEST(copy_is_equal_and_its_own)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(journal_item_done) struct journal_item copy;
	const struct journal_item item = { .kind = JOURNAL_MOUNT,
					   .app = TEXT("app"),
					   .user = TEXT("user"),
					   .tree = TEXT("common/t"),
					   .parent = TEXT("/p"),
					   .name = TEXT("n"),
					   .aside = TEXT("a"),
					   .uid = 1,
					   .gid = 2,
					   .parent_ino = 3,
					   .old_ino = 4,
					   .new_ino = UINT64_MAX,
					   .attrs = TEXT("\0x"),
					   .attrs_size = 2 };

	ck_assert_ok(journal_item_copy(&item, &copy, &err), &err);
	ck_assert_int_eq(copy.kind, JOURNAL_MOUNT);
	ck_assert_str_eq(copy.app, "app");
	ck_assert_ptr_ne(copy.app, item.app);
	ck_assert_str_eq(copy.user, "user");
	ck_assert_str_eq(copy.tree, "common/t");
	ck_assert_str_eq(copy.parent, "/p");
	ck_assert_str_eq(copy.name, "n");
	ck_assert_str_eq(copy.aside, "a");
	ck_assert_uint_eq(copy.uid, 1);
	ck_assert_uint_eq(copy.gid, 2);
	ck_assert_uint_eq(copy.parent_ino, 3);
	ck_assert_uint_eq(copy.old_ino, 4);
	ck_assert_uint_eq(copy.new_ino, UINT64_MAX);
	ck_assert_uint_eq(copy.attrs_size, 2);
	ck_assert_mem_eq(copy.attrs, "\0x", 2);
}

END_TEST

START_TEST(copy_of_an_empty_item_is_empty)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(journal_item_done) struct journal_item item, copy;

	journal_item_init(&item);
	ck_assert_ok(journal_item_copy(&item, &copy, &err), &err);
	ck_assert_ptr_null(copy.app);
	ck_assert_ptr_null(copy.user);
	ck_assert_ptr_null(copy.aside);
	ck_assert_ptr_null(copy.attrs);
	ck_assert_uint_eq(copy.attrs_size, 0);
	ck_assert_int_eq(copy.kind, JOURNAL_SWAP);
}

END_TEST

START_TEST(every_state_has_its_own_name)
{
	for (int i = JOURNAL_PREPARING; i <= JOURNAL_CLOSED; i++) {
		enum journal_state got = JOURNAL_CLOSED;

		ck_assert(journal_state_parse(journal_state_name((enum journal_state)i),
					      &got));
		ck_assert_int_eq(got, i);
	}
	ck_assert_str_eq(journal_state_name(JOURNAL_SWAPPING), "swapping");
}

END_TEST

START_TEST(other_names_are_no_states)
{
	static const char *const names[] = { "", "swappin", "swapping ", "Closed" };
	enum journal_state got = JOURNAL_LINKING;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		ck_assert(!journal_state_parse(names[i], &got));
	ck_assert_int_eq(got, JOURNAL_LINKING);
}

END_TEST

Suite *suite_journal(void)
{
	Suite *s = suite_create("journal");
	TCase *tc = support_tcase(s, "journal");

	tcase_add_test(tc, copy_is_equal_and_its_own);
	tcase_add_test(tc, copy_of_an_empty_item_is_empty);
	tcase_add_test(tc, every_state_has_its_own_name);
	tcase_add_test(tc, other_names_are_no_states);
	return s;
}
