/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/buf.h"

#include <stdint.h>
#include <string.h>

#include "tests/unit/support.h"

START_TEST(text_is_always_terminated)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT;

	ck_assert_ok(buf_add_str(&b, "one", &err), &err);
	ck_assert_str_eq(b.data, "one");
	ck_assert_ok(buf_add_byte(&b, ',', &err), &err);
	ck_assert_ok(buf_printf(&b, &err, " %d %s", 2, "three"), &err);
	ck_assert_str_eq(b.data, "one, 2 three");
	ck_assert_uint_eq(b.len, 12);
	buf_cut(&b, 3);
	ck_assert_str_eq(b.data, "one");
	buf_clear(&b);
	ck_assert_str_eq(b.data, "");
	ck_assert_uint_eq(b.len, 0);
}

END_TEST

START_TEST(bytes_may_be_nul)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT;

	ck_assert_ok(buf_add(&b, "a\0b", 3, &err), &err);
	ck_assert_ok(buf_add(&b, NULL, 0, &err), &err);
	ck_assert_uint_eq(b.len, 3);
	ck_assert_mem_eq(b.data, "a\0b", 4);
}

END_TEST

START_TEST(long_text_grows)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT;

	for (int i = 0; i < 10000; i++)
		ck_assert_ok(buf_printf(&b, &err, "%04d", i), &err);
	ck_assert_uint_eq(b.len, 40000);
	ck_assert_uint_eq(strlen(b.data), 40000);
	ck_assert_mem_eq(b.data + 4 * 1234, "1234", 4);
}

END_TEST

START_TEST(limit_refuses_and_changes_nothing)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT_MAX(5);

	ck_assert_ok(buf_add_str(&b, "1234", &err), &err);
	ck_assert_fails(buf_add_str(&b, "56", &err), &err, ERR_NO_SPACE,
			"longer than 5 bytes");
	ck_assert_fails(buf_printf(&b, &err, "%d", 56), &err, ERR_NO_SPACE,
			"longer than 5");
	ck_assert_str_eq(b.data, "1234");
	ck_assert_ok(buf_add_byte(&b, '5', &err), &err);
	ck_assert_str_eq(b.data, "12345");
	ck_assert_fails(buf_add_byte(&b, '6', &err), &err, ERR_NO_SPACE, "longer than 5");
}

END_TEST

START_TEST(sizes_that_overflow_are_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT;

	ck_assert_ok(buf_add_str(&b, "x", &err), &err);
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX, &err));
	ck_assert_err(&err, ERR_NOMEM, "memory");
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX - 1, &err));
	ck_assert_err(&err, ERR_NOMEM, "memory");
	ck_assert_str_eq(b.data, "x");
}

END_TEST

START_TEST(reserved_room_becomes_text)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT;

	ck_assert_ok(buf_add_str(&b, "ab", &err), &err);
	char *room = buf_reserve(&b, 1000, &err);
	ck_assert_ok_ptr(room, &err);
	ck_assert_str_eq(b.data, "ab");
	memset(room, 'c', 1000);
	buf_advance(&b, 2);
	ck_assert_str_eq(b.data, "abcc");
}

END_TEST

START_TEST(stolen_text_is_the_callers)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT_MAX(100);

	_cleanup_free_ char *nothing = buf_steal(&b, &err);
	ck_assert_str_eq(nothing, "");
	ck_assert_ok(buf_add_str(&b, "text", &err), &err);
	_cleanup_free_ char *text = buf_steal(&b, &err);
	ck_assert_str_eq(text, "text");
	ck_assert_ptr_null(b.data);
	ck_assert_uint_eq(b.len, 0);
	ck_assert_uint_eq(b.max, 100);
	ck_assert_ok(buf_add_str(&b, "next", &err), &err);
	ck_assert_str_eq(b.data, "next");
	ck_assert_str_eq(text, "text");
}

END_TEST

Suite *suite_buf(void)
{
	Suite *s = suite_create("buf");
	TCase *tc = support_tcase(s, "buf");

	tcase_add_test(tc, text_is_always_terminated);
	tcase_add_test(tc, bytes_may_be_nul);
	tcase_add_test(tc, long_text_grows);
	tcase_add_test(tc, limit_refuses_and_changes_nothing);
	tcase_add_test(tc, sizes_that_overflow_are_refused);
	tcase_add_test(tc, reserved_room_becomes_text);
	tcase_add_test(tc, stolen_text_is_the_callers);
	return s;
}
