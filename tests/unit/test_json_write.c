/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "backend/base/json.h"
#include "tests/unit/support.h"

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

START_TEST(commas_and_colons_are_put)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b, &err);

	json_begin_object(&w);
	json_key(&w, "set");
	json_u64(&w, UINT64_MAX);
	json_key_n(&w, "negative!", 8);
	json_i64(&w, INT64_MIN);
	json_key(&w, "list");
	json_begin_array(&w);
	json_bool(&w, true);
	json_bool(&w, false);
	json_null(&w);
	json_begin_object(&w);
	json_end_object(&w);
	json_begin_array(&w);
	json_end_array(&w);
	json_raw(&w, "1.50", 4);
	json_end_array(&w);
	json_key(&w, "text");
	json_str(&w, "x");
	json_key(&w, "none");
	json_str(&w, NULL);
	json_end_object(&w);
	ck_assert_ok(json_end(&w), &err);
	ck_assert_str_eq(b.data, "{\"set\":18446744073709551615,"
				 "\"negative\":-9223372036854775808,"
				 "\"list\":[true,false,null,{},[],1.50],"
				 "\"text\":\"x\",\"none\":null}");
}

END_TEST

static const struct {
	const char *in, *out;
} strings[] = {
	{ "plain / text'", "plain / text'" },
	{ "\"\\", "\\\"\\\\" },
	{ "\n\r\t", "\\n\\r\\t" },
	{ "\b\f\001\037\177", "\\u0008\\u000c\\u0001\\u001f\177" },
	{ "<a&b>", "\\u003ca\\u0026b\\u003e" },
	{ "\342\200\250\342\200\251\342\200\247", "\\u2028\\u2029\342\200\247" },
	{ "\303\251\360\237\230\200", "\303\251\360\237\230\200" },
	{ "a\377\376b", "a\\ufffd\\ufffdb" },
	{ "\355\240\200", "\\ufffd\\ufffd\\ufffd" },
	{ "\342\202", "\\ufffd\\ufffd" },
	{ "\357\277\275", "\357\277\275" },
};

START_TEST(strings_get_the_escapes_of_go)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b, &err);

	json_begin_object(&w);
	json_key(&w, strings[_i].in);
	json_str(&w, strings[_i].in);
	json_end_object(&w);
	ck_assert_ok(json_end(&w), &err);
	_cleanup_(buf_done) struct buf want = BUF_INIT;
	ck_assert_ok(buf_printf(&want, &err, "{\"%s\":\"%s\"}", strings[_i].out,
				strings[_i].out),
		     &err);
	ck_assert_str_eq(b.data, want.data);
}

END_TEST

START_TEST(nul_bytes_are_written)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b, &err);

	json_str_n(&w, "a\0b", 3);
	ck_assert_ok(json_end(&w), &err);
	ck_assert_str_eq(b.data, "\"a\\u0000b\"");
}

END_TEST

START_TEST(values_are_written_with_sorted_keys)
{
	static const char in[] =
		" { \"b\" : 1.10, \"a\":[ {\"z\":1,\"\\u0000\":2} , 1e400 ], "
		"\"aa\":{}, \"B\" : \"\\u003c\", \"\":-0, \"\303\251\":null }";
	static const char out[] =
		"{\"\":-0,\"B\":\"\\u003c\",\"a\":[{\"\\u0000\":2,\"z\":1},1e400],"
		"\"aa\":{},\"b\":1.10,\"\303\251\":null}";
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT;
	_cleanup_(json_freep) struct json *j = NULL;
	struct json_writer w = JSON_WRITER(&b, &err);

	ck_assert_ok(json_parse(in, sizeof(in) - 1, NULL, &j, &err), &err);
	json_begin_array(&w);
	json_value(&w, j);
	json_value(&w, j->items[0]);
	json_end_array(&w);
	ck_assert_ok(json_end(&w), &err);
	_cleanup_(buf_done) struct buf want = BUF_INIT;
	ck_assert_ok(buf_printf(&want, &err, "[%s,1.10]", out), &err);
	ck_assert_str_eq(b.data, want.data);
}

END_TEST

START_TEST(first_failure_is_kept)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT_MAX(10);
	_cleanup_(json_freep) struct json *j = NULL;
	struct json_writer w = JSON_WRITER(&b, &err);

	ck_assert_ok(json_parse("[[1]]", 5, NULL, &j, &err), &err);
	json_begin_array(&w);
	json_str(&w, "0123456789");
	json_u64(&w, 1);
	json_i64(&w, 1);
	json_bytes(&w, "\377", 1);
	json_value(&w, j);
	json_begin_object(&w);
	ck_assert_int_eq(json_end(&w), -1);
	ck_assert_err(&err, ERR_NO_SPACE, "longer than 10 bytes");
	ck_assert_uint_le(b.len, 10);
}

END_TEST

static const struct {
	const char *bytes;
	size_t n;
	const char *json;
} bytes_cases[] = {
	{ "", 0, "\"\"" },
	{ "caf\303\251", 5, "\"caf\303\251\"" },
	{ "a\0b", 3, "\"a\\u0000b\"" },
	{ "\377\0", 2, "{\"base64\":\"/wA=\"}" },
	{ "x\355\240\200", 4, "{\"base64\":\"eO2ggA==\"}" },
};

START_TEST(bytes_survive_whatever_they_are)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT;
	_cleanup_(json_freep) struct json *j = NULL;
	struct json_writer w = JSON_WRITER(&b, &err);
	size_t n = 77;

	json_bytes(&w, bytes_cases[_i].bytes, bytes_cases[_i].n);
	ck_assert_ok(json_end(&w), &err);
	ck_assert_str_eq(b.data, bytes_cases[_i].json);
	ck_assert_ok(json_parse(b.data, b.len, NULL, &j, &err), &err);
	_cleanup_free_ char *back = json_to_bytes(j, &n, &err);
	ck_assert_ok_ptr(back, &err);
	ck_assert_uint_eq(n, bytes_cases[_i].n);
	ck_assert_mem_eq(back, bytes_cases[_i].bytes, n);
}

END_TEST

static const char *const bad_bytes[] = {
	"1",
	"null",
	"[]",
	"{}",
	"{\"base64\":1}",
	"{\"base64\":\"?\"}",
	"{\"base64\":null}",
	"{\"base32\":\"\"}",
	"{\"base64\":\"/w==\",\"more\":1}",
};

START_TEST(other_values_are_no_bytes)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(json_freep) struct json *j = NULL;
	size_t n = 77;

	ck_assert_ok(json_parse(bad_bytes[_i], strlen(bad_bytes[_i]), NULL, &j, &err),
		     &err);
	ck_assert_ptr_null(json_to_bytes(j, &n, &err));
	ck_assert_err(&err, ERR_CORRUPT, "base64");
	ck_assert_uint_eq(n, 77);
}

END_TEST

START_TEST(nul_bytes_need_a_length)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(json_freep) struct json *j = NULL, *plain = NULL;

	ck_assert_ok(json_parse("\"a\\u0000\"", 9, NULL, &j, &err), &err);
	ck_assert_ptr_null(json_to_bytes(j, NULL, &err));
	ck_assert_err(&err, ERR_CORRUPT, "NUL");
	ck_assert_ok(json_parse("\"a\"", 3, NULL, &plain, &err), &err);
	_cleanup_free_ char *back = json_to_bytes(plain, NULL, &err);
	ck_assert_str_eq(back, "a");
}

END_TEST

START_TEST(utf8_is_told_from_bytes)
{
	ck_assert(json_is_utf8("", 0));
	ck_assert(json_is_utf8("a\0\303\251\360\237\230\200", 8));
	ck_assert(!json_is_utf8("\303", 1));
	ck_assert(!json_is_utf8("a\300\200", 3));
	ck_assert(!json_is_utf8("\355\240\200", 3));
}

END_TEST

Suite *suite_json_write(void)
{
	Suite *s = suite_create("json_write");
	TCase *tc = support_tcase(s, "write");

	tcase_add_test(tc, commas_and_colons_are_put);
	tcase_add_loop_test(tc, strings_get_the_escapes_of_go, 0, N(strings));
	tcase_add_test(tc, nul_bytes_are_written);
	tcase_add_test(tc, values_are_written_with_sorted_keys);
	tcase_add_test(tc, first_failure_is_kept);
	tcase_add_loop_test(tc, bytes_survive_whatever_they_are, 0, N(bytes_cases));
	tcase_add_loop_test(tc, other_values_are_no_bytes, 0, N(bad_bytes));
	tcase_add_test(tc, nul_bytes_need_a_length);
	tcase_add_test(tc, utf8_is_told_from_bytes);
	return s;
}
