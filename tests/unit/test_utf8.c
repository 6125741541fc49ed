/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/utf8.h"

#include <string.h>

#include "tests/unit/support.h"

START_TEST(every_code_point_survives)
{
	char text[UTF8_MAX];

	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		uint32_t back = 0;
		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		size_t n = utf8_encode(c, text);
		if (utf8_decode(text, n, &back) != n || back != c)
			ck_abort_msg("U+%04X came back as U+%04X", c, back);
		if (n > 1 && utf8_decode(text, n - 1, &back) != 0)
			ck_abort_msg("U+%04X was decoded although it was cut", c);
	}
}

END_TEST

static const char *const ill_formed[] = {
	"\200",
	"\277",
	"\300\200",
	"\301\277",
	"\302",
	"\302\100",
	"\340\200\200",
	"\340\237\277",
	"\355\240\200",
	"\355\277\277",
	"\342\202",
	"\342\050\241",
	"\360\200\200\200",
	"\360\217\277\277",
	"\364\220\200\200",
	"\365\200\200\200",
	"\360\237\230",
	"\376",
	"\377",
};

START_TEST(ill_formed_text_is_refused)
{
	uint32_t c = 7;

	ck_assert_uint_eq(utf8_decode(ill_formed[_i], strlen(ill_formed[_i]), &c), 0);
	ck_assert_uint_eq(c, 7);
}

END_TEST

START_TEST(nothing_is_read_of_nothing)
{
	uint32_t c;

	ck_assert_uint_eq(utf8_decode("x", 0, &c), 0);
	ck_assert_uint_eq(utf8_decode("\0", 1, &c), 1);
	ck_assert_uint_eq(c, 0);
}

END_TEST

Suite *suite_utf8(void)
{
	Suite *s = suite_create("utf8");
	TCase *tc = support_tcase(s, "utf8");

	tcase_add_test(tc, every_code_point_survives);
	tcase_add_loop_test(tc, ill_formed_text_is_refused, 0,
			    (int)(sizeof(ill_formed) / sizeof(ill_formed[0])));
	tcase_add_test(tc, nothing_is_read_of_nothing);
	return s;
}
