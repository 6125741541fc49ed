/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/alloc.h"

#include <stdint.h>
#include <string.h>

#include "tests/unit/support.h"

START_TEST(size_zero_gives_a_unique_pointer)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ void *a = alloc_bytes(0, &err);
	_cleanup_free_ void *b = alloc_zero(0, 0, &err);
	_cleanup_free_ void *c = alloc_resize(NULL, 0, 1, &err);
	_cleanup_free_ void *d = alloc_memdup("", 0, &err);

	ck_assert(a && b && c && d);
	ck_assert(a != b && b != c && c != d && a != c && a != d && b != d);
	ck_assert(err_is(&err, ERR_NONE));
}

END_TEST

START_TEST(zero_is_zeroed)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *p = alloc_zero(100, 3, &err);

	ck_assert_ok_ptr(p, &err);
	for (size_t i = 0; i < 300; i++)
		ck_assert_int_eq(p[i], 0);
}

END_TEST

START_TEST(products_that_overflow_are_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ void *kept = alloc_strdup("kept", &err);

	ck_assert_ptr_null(alloc_zero(SIZE_MAX / 2, 3, &err));
	ck_assert_err(&err, ERR_NOMEM, "out of memory");
	ck_assert_ptr_null(alloc_resize(kept, SIZE_MAX / 2, 3, &err));
	ck_assert_err(&err, ERR_NOMEM, "out of memory");
	ck_assert_str_eq(kept, "kept");
}

END_TEST

START_TEST(grow_keeps_what_is_there)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ unsigned *array = NULL;
	size_t cap = 0, grown = 0;

	for (unsigned i = 0; i < 1000; i++) {
		size_t before = cap;
		ck_assert_ok(alloc_grow(&array, i, &cap, sizeof(*array), &err), &err);
		ck_assert_uint_gt(cap, i);
		grown += cap != before;
		array[i] = i;
	}
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_uint_eq(array[i], i);
	ck_assert_uint_lt(grown, 20);
}

END_TEST

START_TEST(grow_begins_with_eight)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *array = NULL;
	size_t cap = 0;

	ck_assert_ok(alloc_grow(&array, 0, &cap, 1, &err), &err);
	ck_assert_uint_eq(cap, 8);
}

END_TEST

START_TEST(grow_changes_nothing_when_it_fails)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char *array = NULL;
	size_t cap = SIZE_MAX / 2;

	ck_assert_fails(alloc_grow(&array, cap, &cap, 16, &err), &err, ERR_NOMEM,
			"memory");
	ck_assert_ptr_null(array);
	ck_assert_uint_eq(cap, SIZE_MAX / 2);
	cap = SIZE_MAX - 1;
	ck_assert_fails(alloc_grow(&array, cap, &cap, 1, &err), &err, ERR_NOMEM,
			"memory");
	ck_assert_uint_eq(cap, SIZE_MAX - 1);
}

END_TEST

START_TEST(copies_are_equal_and_separate)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char text[] = "some text";
	_cleanup_free_ char *a = alloc_strdup(text, &err);
	_cleanup_free_ char *b = alloc_strndup(text, 4, &err);
	_cleanup_free_ char *c = alloc_strndup(text, 400, &err);
	_cleanup_free_ char *d = alloc_memdup("a\0b", 3, &err);
	_cleanup_free_ char *e = alloc_printf(&err, "%s-%d", text, 7);

	text[0] = 'X';
	ck_assert_str_eq(a, "some text");
	ck_assert_str_eq(b, "some");
	ck_assert_str_eq(c, "some text");
	ck_assert_mem_eq(d, "a\0b", 3);
	ck_assert_str_eq(e, "some text-7");
}

END_TEST

Suite *suite_alloc(void)
{
	Suite *s = suite_create("alloc");
	TCase *tc = support_tcase(s, "alloc");

	tcase_add_test(tc, size_zero_gives_a_unique_pointer);
	tcase_add_test(tc, zero_is_zeroed);
	tcase_add_test(tc, products_that_overflow_are_refused);
	tcase_add_test(tc, grow_keeps_what_is_there);
	tcase_add_test(tc, grow_begins_with_eight);
	tcase_add_test(tc, grow_changes_nothing_when_it_fails);
	tcase_add_test(tc, copies_are_equal_and_separate);
	return s;
}
