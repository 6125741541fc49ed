/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/restore_state.h"

#include <check.h>
#include <string.h>

#include "tests/unit/support.h"

static int parse(const char *text, struct restore_state *ret, struct err *err)
{
	return restore_state_parse(text, strlen(text), ret, err);
}

static const struct {
	const char *text, *written;
} accepted[] = {
	{ "{}", "{}" },
	{ " {\n} ", "{}" },
	{ "{\"done\":false,\"created\":[],\"moved\":[],\"config\":{}}", "{}" },
	{ "{\"done\":null,\"created\":null,\"moved\":null,\"config\":null}", "{}" },
	{ "{\"done\":true}", "{\"done\":true}" },
	{ "{\"future\":[1],\"Created\":[\"/a\"]}", "{}" },
	{ "{\"config\":{\"b\":1.50,\"a\":\"<\"},\"moved\":[\"/m\"],"
	  "\"created\":[\"/c\",\"/b/\"]}",
	  "{\"created\":[\"/c\",\"/b/\"],\"moved\":[\"/m\"],"
	  "\"config\":{\"a\":\"\\u003c\",\"b\":1.50}}" },
	{ "{\"created\":[{\"base64\":\"L2H/\"},\"/\\u00df\"]}",
	  "{\"created\":[{\"base64\":\"L2H/\"},\"/\xc3\x9f\"]}" },
};

START_TEST(restore_state_reads_and_writes_the_keys_of_snapd)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(restore_state_done) struct restore_state s = RESTORE_STATE_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	ck_assert_ok(parse(accepted[_i].text, &s, &err), &err);
	ck_assert_ok(restore_state_write(&s, &out, &err), &err);
	ck_assert_str_eq(out.data, accepted[_i].written);
}

END_TEST

START_TEST(restore_state_keeps_order_and_bytes)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(restore_state_done) struct restore_state s = RESTORE_STATE_INIT;
	_cleanup_(restore_state_done) struct restore_state back = RESTORE_STATE_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	ck_assert_ok(strings_add(&s.created, "/z\xff", &err), &err);
	ck_assert_ok(strings_add(&s.created, "/a\n\"", &err), &err);
	ck_assert_ok(strings_add(&s.created, "/z\xff", &err), &err);
	ck_assert_ok(strings_add(&s.moved, "/z.~123456789~", &err), &err);
	ck_assert_ok(restore_state_write(&s, &out, &err), &err);
	ck_assert_ok(restore_state_parse(out.data, out.len, &back, &err), &err);
	ck_assert(!back.done);
	ck_assert_ptr_null(back.config);
	ck_assert_uint_eq(back.created.n, 3);
	ck_assert_str_eq(back.created.items[0], "/z\xff");
	ck_assert_str_eq(back.created.items[1], "/a\n\"");
	ck_assert_str_eq(back.created.items[2], "/z\xff");
	ck_assert_uint_eq(back.moved.n, 1);
	ck_assert_str_eq(back.moved.items[0], "/z.~123456789~");
}

END_TEST

static const struct {
	const char *text, *message;
} refused[] = {
	{ "", "" },
	{ "[]", "it is no JSON object" },
	{ "null", "it is no JSON object" },
	{ "{} {}", "" },
	{ "{\"done\":1}", "\"done\" is not true or false" },
	{ "{\"done\":\"true\"}", "\"done\" is not true or false" },
	{ "{\"created\":\"/a\"}", "\"created\" is not a list" },
	{ "{\"moved\":{}}", "\"moved\" is not a list" },
	{ "{\"moved\":[\"/a\",1]}", "\"moved\"" },
	{ "{\"moved\":[null]}", "\"moved\"" },
	{ "{\"created\":[\"a\\u0000b\"]}", "\"created\"" },
	{ "{\"created\":[{\"base64\":\"?\"}]}", "\"created\"" },
	{ "{\"config\":[]}", "\"config\" is not an object" },
	{ "{\"config\":\"x\"}", "\"config\" is not an object" },
	{ "{\"moved\":[],\"moved\":[]}", "twice" },
};

START_TEST(restore_state_refuses_what_is_none)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct restore_state s = { true, STRINGS_INIT, STRINGS_INIT, NULL };

	ck_assert_fails(parse(refused[_i].text, &s, &err), &err, ERR_CORRUPT,
			refused[_i].message);
	ck_assert(s.done);
}

END_TEST

START_TEST(restore_state_is_empty_after_it_is_done_with)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct restore_state s = RESTORE_STATE_INIT;

	ck_assert_ok(parse("{\"done\":true,\"moved\":[\"/a\"],\"config\":{\"a\":1}}", &s,
			   &err),
		     &err);
	restore_state_done(&s);
	ck_assert(!s.done && s.moved.n == 0 && !s.config);
	restore_state_done(&s);
}

END_TEST

static const struct {
	const char *path;
	size_t length;
} asides[] = {
	{ "/home/a/snap/x/common.~abcXYZ019~", 21 },
	{ "x1.~123456789~", 2 },
	{ "x1.~12345678~", 0 },
	{ "x1.~1234567890~", 0 },
	{ "x1.~12345678-~", 0 },
	{ "x1.~123456789", 0 },
	{ "x1~123456789~", 0 },
	{ "x1.~123456789~/", 0 },
	{ ".~123456789~", 0 },
	{ "/mnt/.~123456789~", 0 },
	{ "/mnt/a/.~123456789~", 0 },
	{ "", 0 },
	{ "x.~123456789~.~abcdefghi~", 13 },
};

START_TEST(restore_state_tells_aside_names)
{
	ck_assert_uint_eq(restore_state_live_length(asides[_i].path), asides[_i].length);
}

END_TEST

START_TEST(restore_state_tells_the_directory_of_a_mount_point)
{
	ck_assert(restore_state_is_staging(".~abcDEF019~"));
	ck_assert(!restore_state_is_staging("x.~abcDEF019~"));
	ck_assert(!restore_state_is_staging("."));
	ck_assert(!restore_state_is_staging(""));
	ck_assert(!restore_state_is_staging(".~abcDEF01~"));
	ck_assert(!restore_state_is_staging(".~abcDEF0199~"));
	ck_assert(!restore_state_is_staging(".~abcDEF019~x"));
	ck_assert(!restore_state_is_staging(".~abcDEF01_~"));
}

END_TEST

START_TEST(restore_state_makes_aside_names_that_differ)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *a = restore_state_aside_name("common", &err);
	_cleanup_free_ char *b = restore_state_aside_name("common", &err);

	ck_assert_ok_ptr(a, &err);
	ck_assert_ok_ptr(b, &err);
	ck_assert_uint_eq(strlen(a), strlen("common.~xxxxxxxxx~"));
	ck_assert_uint_eq(restore_state_live_length(a), strlen("common"));
	ck_assert_str_ne(a, b);
}

END_TEST

#define N_ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

Suite *suite_restore_state(void)
{
	Suite *s = suite_create("restore_state");
	TCase *tc = support_tcase(s, "json");

	tcase_add_loop_test(tc, restore_state_reads_and_writes_the_keys_of_snapd, 0,
			    N_ROWS(accepted));
	tcase_add_test(tc, restore_state_keeps_order_and_bytes);
	tcase_add_loop_test(tc, restore_state_refuses_what_is_none, 0, N_ROWS(refused));
	tcase_add_test(tc, restore_state_is_empty_after_it_is_done_with);

	tc = support_tcase(s, "names");
	tcase_add_loop_test(tc, restore_state_tells_aside_names, 0, N_ROWS(asides));
	tcase_add_test(tc, restore_state_tells_the_directory_of_a_mount_point);
	tcase_add_test(tc, restore_state_makes_aside_names_that_differ);
	return s;
}
