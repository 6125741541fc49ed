/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/json.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/digest.h"
#include "tests/unit/support.h"

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* Parses what must be right. */
static struct json *parse(const char *text, size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct json *j = NULL;

	ck_assert_ok(json_parse(text, n, NULL, &j, &err), &err);
	return j;
}

/* The value as compact text; the caller frees it. */
static char *write_value(const struct json *j, size_t *ret_len)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b, &err);

	json_value(&w, j);
	ck_assert_ok(json_end(&w), &err);
	if (ret_len)
		*ret_len = b.len;
	return buf_steal(&b, &err);
}

START_TEST(tree_holds_what_the_text_says)
{
	static const char text[] = "{ \"a\" : [1, -2.5e3, true, false, null],\n"
				   "  \"b\": {\"c\": \"x\\u0000y\"},\n\n \"\":\"\" }";
	_cleanup_(json_freep) struct json *j = parse(text, sizeof(text) - 1);

	ck_assert_int_eq(j->type, JSON_OBJECT);
	ck_assert_uint_eq(j->n, 3);
	ck_assert_uint_eq(j->line, 1);
	ck_assert_str_eq(j->keys[0], "a");
	ck_assert_str_eq(j->keys[2], "");
	ck_assert_uint_eq(j->key_lens[2], 0);

	const struct json *a = json_get(j, "a");
	ck_assert_int_eq(a->type, JSON_ARRAY);
	ck_assert_uint_eq(a->n, 5);
	ck_assert_str_eq(a->items[1]->text, "-2.5e3");
	ck_assert(a->items[2]->type == JSON_BOOL && a->items[2]->boolean);
	ck_assert(a->items[3]->type == JSON_BOOL && !a->items[3]->boolean);
	ck_assert_int_eq(a->items[4]->type, JSON_NULL);

	const struct json *c = json_get(json_get(j, "b"), "c");
	ck_assert_uint_eq(c->len, 3);
	ck_assert_mem_eq(c->text, "x\0y", 4);
	ck_assert_uint_eq(c->line, 2);
	ck_assert_ptr_null(json_to_str(c));
	ck_assert_uint_eq(json_get(j, "")->line, 4);
	ck_assert_str_eq(json_to_str(json_get(j, "")), "");
}

END_TEST

START_TEST(get_finds_no_null_and_nothing_in_others)
{
	static const char text[] = "{\"a\":null,\"b\":[]}";
	_cleanup_(json_freep) struct json *j = parse(text, sizeof(text) - 1);

	ck_assert_ptr_null(json_get(j, "a"));
	ck_assert_ptr_null(json_get(j, "c"));
	ck_assert_ptr_null(json_get(json_get(j, "b"), "a"));
	ck_assert_ptr_null(json_to_str(j));
}

END_TEST

/* As Go decodes them. */
static const struct {
	const char *in, *out;
} strings[] = {
	{ "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t" },
	{ "\\u0041\\u00e9\\u20AC", "A\303\251\342\202\254" },
	{ "\\ud83d\\ude00", "\360\237\230\200" },
	{ "\\uD83D\\uDE00!", "\360\237\230\200!" },
	{ "\\ud800", "\357\277\275" },
	{ "\\udc00", "\357\277\275" },
	{ "\\ud800x", "\357\277\275x" },
	{ "\\ud800\\n", "\357\277\275\n" },
	{ "\\ud800\\u0041", "\357\277\275A" },
	{ "\\ud800\\ud800", "\357\277\275\357\277\275" },
	{ "\\ud800\\ud83d\\ude00", "\357\277\275\360\237\230\200" },
	{ "\\udc00\\ud800", "\357\277\275\357\277\275" },
	{ "a\377b", "a\357\277\275b" },
	{ "\377\376", "\357\277\275\357\277\275" },
	{ "\300\200", "\357\277\275\357\277\275" },
	{ "\355\240\200", "\357\277\275\357\277\275\357\277\275" },
	{ "\342\202", "\357\277\275\357\277\275" },
	{ "\360\237\230\200\360\237\230",
	  "\360\237\230\200\357\277\275\357\277\275\357\277\275" },
	{ "\177", "\177" },
	{ "\357\277\275", "\357\277\275" },
};

START_TEST(strings_are_decoded_as_go_does)
{
	char text[100];

	/* As a value, and as a key. */
	snprintf(text, sizeof(text), "[\"%s\"]", strings[_i].in);
	_cleanup_(json_freep) struct json *value = parse(text, strlen(text));
	ck_assert_str_eq(value->items[0]->text, strings[_i].out);
	ck_assert_uint_eq(value->items[0]->len, strlen(strings[_i].out));
	snprintf(text, sizeof(text), "{\"%s\":1}", strings[_i].in);
	_cleanup_(json_freep) struct json *object = parse(text, strlen(text));
	ck_assert_str_eq(object->keys[0], strings[_i].out);
}

END_TEST

static const struct {
	const char *text, *message;
} bad[] = {
	{ "", "line 1, column 1: the text ends too early" },
	{ " \n ", "line 2, column 2: the text ends too early" },
	{ "[1,2", "line 1, column 5: the text ends too early" },
	{ "{\"a\":1,\"b\"", "line 1, column 11: the text ends too early" },
	{ "[1,\n 2,\n x]", "line 3, column 2: invalid char" },
	{ "[1] 2", "line 1, column 5: trailing garbage" },
	{ "{}{}", "line 1, column 3: trailing garbage" },
	{ "1 2", "trailing garbage" },
	{ "01", "trailing garbage" },
	{ "0x10", "trailing garbage" },
	{ "[1,]", "column 4: unallowed token" },
	{ "[,1]", "column 2: unallowed token" },
	{ "[1}", "column 3: after array element" },
	{ "{\"a\":1]", "column 7: after key and value" },
	{ "{\"a\" 1}", "column 6: object key and value must be separated" },
	{ "{a:1}", "column 2: invalid char" },
	{ "{1:1}", "column 2: invalid object key" },
	{ "{\"a\":}", "column 6: unallowed token" },
	{ "tru", "invalid string" },
	{ "nulL", "invalid string" },
	{ "-", "malformed number" },
	{ "1.", "malformed number" },
	{ "1e", "malformed number" },
	{ "+1", "invalid char" },
	{ ".5", "invalid char" },
	{ "NaN", "invalid char" },
	{ "Infinity", "invalid char" },
	{ "'a'", "invalid char" },
	{ "[1]//x", "line 1" },
	{ "[/*x*/1]", "comment" },
	{ "\357\273\277[]", "line 1, column 1: invalid char" },
	{ "\377", "line 1, column 1: invalid char" },
	{ "\"abc", "line 1, column 5: a string has no end" },
	{ "[\"a\n\"]", "line 1, column 4: control character" },
	{ "[\"a\tb\"]", "column 4: control character" },
	{ "\"\\x41\"", "column 2: invalid escape" },
	{ "\"\\u12g4\"", "column 2: invalid escape" },
	{ "\"\\u12", "column 2: invalid escape" },
	{ "\"\\", "column 2: invalid escape" },
	{ "\"\\ud800\\u12\"", "column 8: invalid escape" },
	/* The first fault is named, whichever part of the reader finds it. */
	{ "[x, \"\\q\"]", "line 1, column 2: invalid char" },
	{ "{\"\303\251\":\"\346\227\245\" x}", "line 1, column 10: invalid char" },
	{ "{\"a\":1, \"b\":2,\n  \"a\":3}",
	  "line 2, column 3: key \"a\" is given twice" },
	{ "{\"a\":1,\"\\u0061\":2}", "column 8: key \"a\" is given twice" },
	{ "[{\"x\":{\"k\":1,\"k\":2}}]", "column 14: key \"k\" is given twice" },
	{ "{\"\377\":1,\"\\ud800\":2}", "is given twice" },
};

START_TEST(faults_are_named_with_line_and_column)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct json *j = NULL;

	ck_assert_fails(json_parse(bad[_i].text, strlen(bad[_i].text), NULL, &j, &err),
			&err, ERR_CORRUPT, bad[_i].message);
	ck_assert_ptr_null(j);
}

END_TEST

START_TEST(nul_bytes_outside_strings_are_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct json *j = NULL;

	ck_assert_fails(json_parse("[1]\0", 4, NULL, &j, &err), &err, ERR_CORRUPT,
			"column 4");
	ck_assert_fails(json_parse("[\"\0\"]", 5, NULL, &j, &err), &err, ERR_CORRUPT,
			"column 3: control character");
	ck_assert_fails(json_parse("\0", 1, NULL, &j, &err), &err, ERR_CORRUPT,
			"invalid char");
}

END_TEST

START_TEST(same_key_in_different_objects_is_allowed)
{
	static const char text[] =
		"{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]},\"aa\":3,\"A\":4}";
	_cleanup_(json_freep) struct json *j = parse(text, sizeof(text) - 1);

	ck_assert_uint_eq(j->n, 3);
}

END_TEST

/* Brackets of a depth, open and closed. */
static char *nest(size_t depth)
{
	char *text = malloc(2 * depth + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	text[2 * depth] = '\0';
	return text;
}

START_TEST(depth_is_limited)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *fits = nest(100), *over = nest(101);
	struct json_limits limits = { .max_depth = 101 };
	struct json *j = NULL;

	json_free(parse(fits, 200));
	ck_assert_fails(json_parse(over, 202, NULL, &j, &err), &err, ERR_CORRUPT,
			"line 1, column 101: nested too deeply");
	ck_assert_ok(json_parse(over, 202, &limits, &j, &err), &err);
	json_free(j);
}

END_TEST

START_TEST(deep_text_does_not_use_the_stack)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const size_t depth = 1000000;
	_cleanup_free_ char *text = nest(depth);
	struct json_limits limits = { .max_depth = (unsigned)depth };
	struct json *j = NULL;

	ck_assert_ok(json_parse(text, 2 * depth, &limits, &j, &err), &err);
	size_t len;
	_cleanup_free_ char *written = write_value(j, &len);
	ck_assert_uint_eq(len, 2 * depth);
	ck_assert_int_eq(memcmp(written, text, len), 0);
	json_free(j);
	/* Not closed, it is refused and freed as well. */
	ck_assert_fails(json_parse(text, depth + 1, &limits, &j, &err), &err, ERR_CORRUPT,
			"ends too early");
}

END_TEST

START_TEST(size_is_limited)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct json_limits limits = { .max_size = 4 };
	struct json *j = NULL;

	ck_assert_ok(json_parse("[12]", 4, &limits, &j, &err), &err);
	json_free(j);
	j = NULL;
	ck_assert_fails(json_parse("[123]", 5, &limits, &j, &err), &err, ERR_CORRUPT,
			"longer than 4 bytes");
	ck_assert_ptr_null(j);
}

END_TEST

START_TEST(many_values_and_keys_are_read)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT;
	const unsigned n = 20000;

	for (unsigned i = 0; i < n; i++)
		ck_assert_ok(
			buf_printf(&b, &err, "%c\"k%u\":\"%u\\n\"", i ? ',' : '{', i, i),
			&err);
	ck_assert_ok(buf_add_byte(&b, '}', &err), &err);
	_cleanup_(json_freep) struct json *j = parse(b.data, b.len);
	ck_assert_uint_eq(j->n, n);
	ck_assert_str_eq(j->keys[n - 1], "k19999");
	ck_assert_str_eq(j->items[n - 1]->text, "19999\n");
}

END_TEST

START_TEST(long_tokens_are_read)
{
	const size_t n = 100000;
	_cleanup_free_ char *text = malloc(n + 2);

	/* A number at the end of the text, where yajl would have to keep it. */
	memset(text, '7', n);
	_cleanup_(json_freep) struct json *number = parse(text, n);
	ck_assert_uint_eq(number->len, n);
	text[0] = text[n - 1] = '"';
	memset(text + 1, '\377', n - 2);
	_cleanup_(json_freep) struct json *string = parse(text, n);
	ck_assert_uint_eq(string->len, 3 * (n - 2));
}

END_TEST

static const struct {
	const char *text;
	bool is_u64, is_i64;
	uint64_t u64;
	int64_t i64;
} numbers[] = {
	{ "0", true, true, 0, 0 },
	{ "-0", false, true, 0, 0 },
	{ "42", true, true, 42, 42 },
	{ "-42", false, true, 0, -42 },
	{ "9007199254740993", true, true, 9007199254740993, 9007199254740993 },
	{ "9223372036854775807", true, true, INT64_MAX, INT64_MAX },
	{ "9223372036854775808", true, false, UINT64_C(9223372036854775808), 0 },
	{ "-9223372036854775808", false, true, 0, INT64_MIN },
	{ "-9223372036854775809", false, false, 0, 0 },
	{ "18446744073709551615", true, false, UINT64_MAX, 0 },
	{ "18446744073709551616", false, false, 0, 0 },
	{ "184467440737095516150", false, false, 0, 0 },
	{ "1.0", false, false, 0, 0 },
	{ "1e2", false, false, 0, 0 },
	{ "\"1\"", false, false, 0, 0 },
	{ "null", false, false, 0, 0 },
};

START_TEST(integers_are_exact_or_none)
{
	_cleanup_(json_freep) struct json *j =
		parse(numbers[_i].text, strlen(numbers[_i].text));
	uint64_t u64 = 0;
	int64_t i64 = 0;

	ck_assert_int_eq(json_to_u64(j, &u64), numbers[_i].is_u64);
	ck_assert_int_eq(json_to_i64(j, &i64), numbers[_i].is_i64);
	ck_assert(u64 == numbers[_i].u64);
	ck_assert(i64 == numbers[_i].i64);
}

END_TEST

/* Feeds one text of the fixture to the digest, as it is written again. */
static void digest_meta(struct digest *d, const struct json *base64)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf meta = BUF_INIT;
	size_t len, again_len;

	ck_assert_ok(digest_unbase64(base64->text, base64->len, &meta, &err), &err);
	_cleanup_(json_freep) struct json *j = parse(meta.data, meta.len);
	ck_assert_ptr_nonnull(json_get(j, "snap"));
	_cleanup_free_ char *text = write_value(j, &len);
	ck_assert_ok(digest_update(d, text, len, &err), &err);
	ck_assert_ok(digest_update(d, "\n", 1, &err), &err);

	_cleanup_(json_freep) struct json *again = parse(text, len);
	_cleanup_free_ char *same = write_value(again, &again_len);
	ck_assert_uint_eq(again_len, len);
	ck_assert_mem_eq(same, text, len);
}

START_TEST(careless_writers_are_read_as_by_go)
{
	/* SHA-256 of what Go's encoding/json writes of all texts of the fixture, read
	 * with UseNumber into an interface{} and each followed by a newline. */
	static const char expected[] =
		"2736e95bf8e610e2aea6056528ed5b8bdf3b58489ae9ec034fefaf4afca06e5a";
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(digest_freep) struct digest *d = NULL;
	uint8_t hash[DIGEST_MAX_SIZE];
	char hex[2 * DIGEST_SHA256_SIZE + 1];
	size_t n = 0, len;
	_cleanup_free_ char *lines = support_read(
		AT_FDCWD, support_fixture("snapd/content-hash-vectors.jsonl"), &len);

	ck_assert_ok(digest_new(DIGEST_SHA256, &d, &err), &err);
	for (char *at = lines, *end; *at; at = end + 1) {
		end = strchr(at, '\n');
		ck_assert_ptr_nonnull(end);
		_cleanup_(json_freep) struct json *line = parse(at, (size_t)(end - at));
		const struct json *metas = json_get(line, "meta");
		for (size_t i = 0; i < metas->n; i++, n++)
			digest_meta(d, metas->items[i]);
	}
	ck_assert_uint_eq(n, 720);
	ck_assert_ok(digest_final(d, hash, &err), &err);
	digest_hex(hash, DIGEST_SHA256_SIZE, hex);
	ck_assert_str_eq(hex, expected);
}

END_TEST

START_TEST(changed_texts_are_read_or_refused)
{
	static const char text[] =
		"{\"a\":[1,-2.5e3,true,null],\"b\\u00e9\\ud800\":{\"c\":"
		"\"\\n\303\251\360\237\230\200\"}}";
	static const char bytes[] = "{}[],:\"\\u0e-.tn\n\1\377\0";
	char copy[sizeof(text)];

	/* Every byte by every one of some others: no crash, and what is read is written
	 * and read again. */
	for (size_t at = 0; at < sizeof(text) - 1; at++) {
		for (size_t k = 0; k < sizeof(bytes); k++) {
			_cleanup_(err_clear) struct err err = ERR_INIT;
			_cleanup_(json_freep) struct json *j = NULL;
			memcpy(copy, text, sizeof(text));
			copy[at] = bytes[k];
			int r = json_parse(copy, sizeof(copy) - 1, NULL, &j, &err);
			if (r < 0) {
				ck_assert_err(&err, ERR_CORRUPT, ", column ");
				continue;
			}
			size_t len;
			_cleanup_free_ char *written = write_value(j, &len);
			json_free(parse(written, len));
		}
	}
}

END_TEST

Suite *suite_json(void)
{
	Suite *s = suite_create("json");
	TCase *tc = support_tcase(s, "parse");

	tcase_add_test(tc, tree_holds_what_the_text_says);
	tcase_add_test(tc, get_finds_no_null_and_nothing_in_others);
	tcase_add_loop_test(tc, strings_are_decoded_as_go_does, 0, N(strings));
	tcase_add_loop_test(tc, faults_are_named_with_line_and_column, 0, N(bad));
	tcase_add_test(tc, nul_bytes_outside_strings_are_refused);
	tcase_add_test(tc, same_key_in_different_objects_is_allowed);
	tcase_add_test(tc, depth_is_limited);
	tcase_add_test(tc, deep_text_does_not_use_the_stack);
	tcase_add_test(tc, size_is_limited);
	tcase_add_test(tc, many_values_and_keys_are_read);
	tcase_add_test(tc, long_tokens_are_read);
	tcase_add_loop_test(tc, integers_are_exact_or_none, 0, N(numbers));
	tcase_add_test(tc, careless_writers_are_read_as_by_go);
	tcase_add_test(tc, changed_texts_are_read_or_refused);
	return s;
}
