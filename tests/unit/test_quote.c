/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/quote.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/utf8.h"
#include "tests/unit/support.h"

static const struct {
	const char *in, *out;
} cases[] = {
	{ "plain name", "\"plain name\"" },
	{ "", "\"\"" },
	{ NULL, "(none)" },
	{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
	{ "line\nbreak\ttab", "\"line\\nbreak\\ttab\"" },
	{ "\x1b[31mred\x07\r\x7f", "\"\\x1b[31mred\\x07\\x0d\\x7f\"" },
	{ "caf\303\251 \346\227\245 \360\237\230\200",
	  "\"caf\303\251 \346\227\245 \360\237\230\200\"" },
	{ "\302\233c1", "\"\\u{009b}c1\"" },
	{ "bad \377\300\200", "\"bad \\xff\\xc0\\x80\"" },
	{ "surrogate \355\240\200", "\"surrogate \\xed\\xa0\\x80\"" },
	{ "cut \342\202", "\"cut \\xe2\\x82\"" },
	{ "a\342\200\256b", "\"a\\u{202e}b\"" },
	{ "a\342\201\246b\342\200\217", "\"a\\u{2066}b\\u{200f}\"" },
	{ "\342\200\250\342\200\251", "\"\\u{2028}\\u{2029}\"" },
	{ "zero\342\200\213width\357\273\277", "\"zero\\u{200b}width\\u{feff}\"" },
	{ "tag\363\240\201\201", "\"tag\\u{e0041}\"" },
	{ "soft\302\255", "\"soft\\u{00ad}\"" },
};

START_TEST(dangerous_characters_are_shown)
{
	ck_assert_str_eq(q(cases[_i].in), cases[_i].out);
}

END_TEST

START_TEST(nul_bytes_are_shown)
{
	ck_assert_str_eq(qn("a\0b", 3), "\"a\\x00b\"");
	ck_assert_str_eq(qn("abc", 2), "\"ab\"");
	ck_assert_str_eq(qn(NULL, 5), "(none)");
}

END_TEST

START_TEST(several_in_one_call_do_not_disturb_each_other)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	err_set(&err, ERR_IO, "%s %s %s", q("a"), q("b"), qn("cc", 1));
	ck_assert_str_eq(err_message(&err), "\"a\" \"b\" \"c\"");
}

END_TEST

START_TEST(long_text_keeps_both_ends)
{
	char text[4001];

	memset(text, '-', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(text, "BEGIN", 5);
	memcpy(text + 3995, "THEND", 5);
	const char *quoted = q(text);
	size_t len = strlen(quoted);
	ck_assert_uint_lt(len, QUOTE_MAX);
	ck_assert_uint_gt(len, QUOTE_MAX - 20);
	ck_assert_int_eq(strncmp(quoted, "\"BEGIN-", 7), 0);
	ck_assert_str_eq(quoted + len - 7, "-THEND\"");
	ck_assert_ptr_nonnull(strstr(quoted, "-...-"));
}

END_TEST

START_TEST(what_just_fits_is_not_cut)
{
	char text[QUOTE_MAX];

	memset(text, 'x', sizeof(text));
	text[QUOTE_MAX - 3] = '\0';
	ck_assert_uint_eq(strlen(q(text)), QUOTE_MAX - 1);
	ck_assert_ptr_null(strstr(q(text), "..."));
	text[QUOTE_MAX - 3] = 'x';
	text[QUOTE_MAX - 2] = '\0';
	ck_assert_ptr_nonnull(strstr(q(text), "..."));
}

END_TEST

START_TEST(characters_are_not_cut_in_two)
{
	static const char *const units[] = { "\303\251", "\342\202\254",
					     "\360\237\230\200", "\377", "\342\200\256" };
	static const size_t shown[] = { 2, 3, 4, 4, 8 };
	size_t n = strlen(units[_i]);
	char text[4 * 2000 + 2];

	for (int shift = 0; shift < 2; shift++) {
		memset(text, 'a', (size_t)shift);
		for (size_t i = 0; i < 2000; i++)
			memcpy(text + shift + n * i, units[_i], n);
		const char *quoted = qn(text, 2000 * n + (size_t)shift);
		ck_assert_uint_lt(strlen(quoted), QUOTE_MAX);
		const char *dots = strstr(quoted, "...");
		ck_assert_ptr_nonnull(dots);
		size_t head = (size_t)(dots - quoted) - 1 - (size_t)shift;
		ck_assert_uint_eq(head % shown[_i], 0);
		ck_assert_uint_eq((strlen(dots + 3) - 1) % shown[_i], 0);
	}
}

END_TEST

START_TEST(escape_writes_all_without_quotes)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT, small = BUF_INIT_MAX(4);

	for (int i = 0; i < 1000; i++)
		ck_assert_ok(quote_escape(&b, "a\n\"", 3, &err), &err);
	ck_assert_uint_eq(b.len, 5000);
	ck_assert_mem_eq(b.data, "a\\n\\\"a\\n", 8);
	ck_assert_ok(buf_add_str(&small, "x", &err), &err);
	ck_assert_fails(quote_escape(&small, "\1\2", 2, &err), &err, ERR_NO_SPACE,
			"longer");
	ck_assert_str_eq(small.data, "x");
}

END_TEST

START_TEST(random_bytes_become_clean_utf8)
{
	unsigned seed = 12345;
	char text[300];

	for (int round = 0; round < 500; round++) {
		size_t n = 1 + (size_t)rand_r(&seed) % sizeof(text);
		for (size_t i = 0; i < n; i++)
			text[i] = (char)rand_r(&seed);
		const char *quoted = qn(text, n);
		size_t len = strlen(quoted), used;
		ck_assert_uint_lt(len, QUOTE_MAX);
		for (size_t i = 0; i < len; i += used) {
			uint32_t c;
			used = utf8_decode(quoted + i, len - i, &c);
			ck_assert_uint_gt(used, 0);
			ck_assert(c >= 0x20 && c != 0x7f && !(c >= 0x80 && c <= 0x9f));
		}
	}
}

END_TEST

Suite *suite_quote(void)
{
	Suite *s = suite_create("quote");
	TCase *tc = support_tcase(s, "quote");

	tcase_add_loop_test(tc, dangerous_characters_are_shown, 0,
			    (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, nul_bytes_are_shown);
	tcase_add_test(tc, several_in_one_call_do_not_disturb_each_other);
	tcase_add_test(tc, long_text_keeps_both_ends);
	tcase_add_test(tc, what_just_fits_is_not_cut);
	tcase_add_loop_test(tc, characters_are_not_cut_in_two, 0, 5);
	tcase_add_test(tc, escape_writes_all_without_quotes);
	tcase_add_test(tc, random_bytes_become_clean_utf8);
	return s;
}
