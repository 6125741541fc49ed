/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/strings.h"

#include <string.h>

#include "tests/unit/support.h"

START_TEST(strings_are_copied_taken_and_sorted)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(strings_done) struct strings list = STRINGS_INIT;
	char text[] = "pear";
	char *own = strdup("apple");

	ck_assert_ok(strings_add(&list, text, &err), &err);
	text[0] = 'b';
	ck_assert_ok(strings_add_n(&list, "figment", 3, &err), &err);
	ck_assert_ok(strings_take(&list, own, &err), &err);
	ck_assert_uint_eq(list.n, 3);
	ck_assert_str_eq(list.items[0], "pear");
	ck_assert_ptr_eq(list.items[2], own);
	strings_sort(&list);
	ck_assert_str_eq(list.items[0], "apple");
	ck_assert_str_eq(list.items[1], "fig");
	ck_assert_str_eq(list.items[2], "pear");
	ck_assert(strings_has(&list, "fig"));
	ck_assert(!strings_has(&list, "figment"));
}

END_TEST

START_TEST(strings_of_another_list_are_appended)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(strings_done) struct strings a = STRINGS_INIT;
	_cleanup_(strings_done) struct strings b = STRINGS_INIT;

	for (int i = 0; i < 20; i++)
		ck_assert_ok(strings_add(&b, "x", &err), &err);
	ck_assert_ok(strings_add(&a, "y", &err), &err);
	ck_assert_ok(strings_add_all(&a, &b, &err), &err);
	ck_assert_uint_eq(a.n, 21);
	ck_assert_uint_eq(b.n, 20);
	ck_assert_str_eq(a.items[20], "x");
	strings_done(&a);
	ck_assert_uint_eq(a.n, 0);
	ck_assert(!strings_has(&a, "y"));
}

END_TEST

Suite *suite_strings(void)
{
	Suite *s = suite_create("strings");
	TCase *tc = support_tcase(s, "lists");

	tcase_add_test(tc, strings_are_copied_taken_and_sorted);
	tcase_add_test(tc, strings_of_another_list_are_appended);
	return s;
}
