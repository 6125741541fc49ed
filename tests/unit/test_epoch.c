/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/epoch.h"

#include <check.h>
#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/support_snapshot.h"

/* An epoch as JSON, in one of three buffers in turn. */
static const char *written(const struct snapshot_epoch *e)
{
	static char texts[3][512];
	static unsigned next;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct json_writer w = JSON_WRITER(&out, &err);
	char *text = texts[next++ % 3];

	snapshot_epoch_write(e, &w);
	ck_assert_ok(json_end(&w), &err);
	ck_assert_uint_lt(out.len, sizeof(texts[0]));
	memcpy(text, out.data, out.len + 1);
	return text;
}

/* Reads the JSON text of an epoch; -1 with err where it is refused. */
static int read_epoch(const char *text, struct snapshot_epoch *ret, struct err *err)
{
	_cleanup_(json_freep) struct json *value = support_json(text);

	return snapshot_epoch_from_json(value, ret, err);
}

static const struct {
	const char *json, *written;
} accepted[] = {
	{ "null", "{\"read\":[0],\"write\":[0]}" },
	{ "\"\"", "{\"read\":[0],\"write\":[0]}" },
	{ "\"0\"", "{\"read\":[0],\"write\":[0]}" },
	{ "\"5\"", "{\"read\":[5],\"write\":[5]}" },
	{ "\"1*\"", "{\"read\":[0,1],\"write\":[1]}" },
	{ "\"3*\"", "{\"read\":[2,3],\"write\":[3]}" },
	{ "\"\\u0033*\"", "{\"read\":[2,3],\"write\":[3]}" },
	{ "\"4294967295*\"",
	  "{\"read\":[4294967294,4294967295],\"write\":[4294967295]}" },
	{ "{}", "{\"read\":[0],\"write\":[0]}" },
	{ "{\"other\":7}", "{\"read\":[0],\"write\":[0]}" },
	{ "{\"read\":[4,9]}", "{\"read\":[4,9],\"write\":[9]}" },
	{ "{\"write\":[1,3]}", "{\"read\":[1,3],\"write\":[1,3]}" },
	{ "{\"write\":[1,3],\"read\":[1,2,3]}", "{\"read\":[1,2,3],\"write\":[1,3]}" },
	{ "{\"read\":[0,1,2,3,4,5,6,7,8,4294967295]}",
	  "{\"read\":[0,1,2,3,4,5,6,7,8,4294967295],\"write\":[4294967295]}" },
};

START_TEST(epoch_takes_every_form_and_writes_one)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snapshot_epoch e, again;

	ck_assert_ok(read_epoch(accepted[_i].json, &e, &err), &err);
	ck_assert_str_eq(written(&e), accepted[_i].written);
	ck_assert_ok(read_epoch(accepted[_i].written, &again, &err), &err);
	ck_assert_str_eq(written(&again), accepted[_i].written);
}

END_TEST

static const struct {
	const char *json, *message;
} refused[] = {
	{ "\"0*\"", "would read what came before 0" },
	{ "\"*\"", "\"*\" is no epoch" },
	{ "\"00\"", "\"00\" is no epoch" },
	{ "\"01\"", "\"01\" is no epoch" },
	{ "\"-1\"", "\"-1\" is no epoch" },
	{ "\"+1\"", "\"+1\" is no epoch" },
	{ "\" 1\"", "\" 1\" is no epoch" },
	{ "\"1 \"", "\"1 \" is no epoch" },
	{ "\"1**\"", "\"1**\" is no epoch" },
	{ "\"1.0\"", "\"1.0\" is no epoch" },
	{ "\"4294967296\"", "is no epoch" },
	{ "\"99999999999\"", "is no epoch" },
	{ "\"1\\u0000\"", "holds a NUL" },
	{ "5", "neither a string nor an object" },
	{ "true", "neither a string nor an object" },
	{ "[1]", "neither a string nor an object" },
	{ "{\"read\":null}", "\"read\" is no list" },
	{ "{\"read\":[]}", "\"read\" is no list" },
	{ "{\"write\":[]}", "\"write\" is no list" },
	{ "{\"read\":1}", "\"read\" is no list" },
	{ "{\"read\":\"1\"}", "\"read\" is no list" },
	{ "{\"read\":[\"1\"]}", "\"read\" is no list" },
	{ "{\"read\":[null]}", "\"read\" is no list" },
	{ "{\"read\":[1.0]}", "\"read\" is no list" },
	{ "{\"read\":[1e1]}", "\"read\" is no list" },
	{ "{\"read\":[-0]}", "\"read\" is no list" },
	{ "{\"read\":[-1]}", "\"read\" is no list" },
	{ "{\"read\":[4294967296]}", "\"read\" is no list" },
	{ "{\"read\":[1,1]}", "do not increase" },
	{ "{\"read\":[2,1]}", "do not increase" },
	{ "{\"write\":[1,2,2]}", "do not increase" },
	{ "{\"read\":[1],\"write\":[2]}", "cannot read what it writes" },
	{ "{\"read\":[0,1,2,3,4,5,6,7,8,9,10]}", "more than 10 numbers" },
	{ "{\"read\":[0],\"write\":[0,1,2,3,4,5,6,7,8,9,10]}", "more than 10 numbers" },
};

START_TEST(epoch_refuses_what_is_none)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snapshot_epoch e = { { 77 }, { 77 }, 1, 1 };

	ck_assert_fails(read_epoch(refused[_i].json, &e, &err), &err, ERR_CORRUPT,
			refused[_i].message);
	ck_assert_uint_eq(e.read[0], 77);
}

END_TEST

START_TEST(epoch_missing_from_json_is_zero)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snapshot_epoch e;

	ck_assert_ok(snapshot_epoch_from_json(NULL, &e, &err), &err);
	ck_assert_str_eq(written(&e), "{\"read\":[0],\"write\":[0]}");
}

END_TEST

START_TEST(epoch_without_lists_is_written_as_zero)
{
	struct snapshot_epoch e = { { 0 }, { 0 }, 0, 0 };

	ck_assert_str_eq(written(&e), "{\"read\":[0],\"write\":[0]}");
}

END_TEST

START_TEST(epoch_completes_lists_read_elsewhere)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snapshot_epoch e = { { 0 }, { 2, 3 }, 0, 2 };

	ck_assert_ok(snapshot_epoch_complete(&e, &err), &err);
	ck_assert_str_eq(written(&e), "{\"read\":[2,3],\"write\":[2,3]}");
	e.n_read = SNAPSHOT_EPOCH_MAX + 1;
	ck_assert_fails(snapshot_epoch_complete(&e, &err), &err, ERR_CORRUPT,
			"more than 10 numbers");
}

END_TEST

START_TEST(epoch_numbers_are_strict)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	uint32_t n = 5;

	ck_assert_ok(snapshot_epoch_parse_number("4294967295", &n, &err), &err);
	ck_assert_uint_eq(n, UINT32_MAX);
	ck_assert_fails(snapshot_epoch_parse_number("", &n, &err), &err, ERR_CORRUPT,
			"\"\" is no epoch number");
	ck_assert_fails(snapshot_epoch_parse_number("07", &n, &err), &err, ERR_CORRUPT,
			"\"07\" is no epoch number");
	ck_assert_uint_eq(n, UINT32_MAX);
}

END_TEST

static const struct {
	const char *current, *data;
	bool can;
} readers[] = {
	{ "\"0\"", "\"0\"", true },
	{ "\"1\"", "\"0\"", false },
	{ "\"1*\"", "\"0\"", true },
	{ "\"0\"", "\"1*\"", false },
	{ "\"2*\"", "\"0\"", false },
	{ "{\"read\":[0,1,2]}", "{\"read\":[1],\"write\":[1]}", true },
	{ "\"3\"", "{\"read\":[1,3],\"write\":[1,3]}", true },
	{ "\"2\"", "{\"read\":[1,2,3],\"write\":[1,3]}", false },
};

START_TEST(epoch_reads_what_its_read_list_holds)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snapshot_epoch current, data;

	ck_assert_ok(read_epoch(readers[_i].current, &current, &err), &err);
	ck_assert_ok(read_epoch(readers[_i].data, &data, &err), &err);
	ck_assert_int_eq(snapshot_epoch_can_read(&current, &data), readers[_i].can);
}

END_TEST

START_TEST(epoch_without_lists_reads_and_is_read_as_zero)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snapshot_epoch none = { { 0 }, { 0 }, 0, 0 }, zero, one;

	ck_assert_ok(snapshot_epoch_parse("0", &zero, &err), &err);
	ck_assert_ok(snapshot_epoch_parse("1", &one, &err), &err);
	ck_assert(snapshot_epoch_can_read(&none, &zero));
	ck_assert(snapshot_epoch_can_read(&zero, &none));
	ck_assert(snapshot_epoch_can_read(&none, &none));
	ck_assert(!snapshot_epoch_can_read(&none, &one));
	ck_assert(!snapshot_epoch_can_read(&one, &none));
}

END_TEST

#define N_ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

Suite *suite_epoch(void)
{
	Suite *s = suite_create("epoch");
	TCase *tc = support_tcase(s, "epoch");

	tcase_add_loop_test(tc, epoch_takes_every_form_and_writes_one, 0,
			    N_ROWS(accepted));
	tcase_add_loop_test(tc, epoch_refuses_what_is_none, 0, N_ROWS(refused));
	tcase_add_test(tc, epoch_missing_from_json_is_zero);
	tcase_add_test(tc, epoch_without_lists_is_written_as_zero);
	tcase_add_test(tc, epoch_completes_lists_read_elsewhere);
	tcase_add_test(tc, epoch_numbers_are_strict);
	tcase_add_loop_test(tc, epoch_reads_what_its_read_list_holds, 0, N_ROWS(readers));
	tcase_add_test(tc, epoch_without_lists_reads_and_is_read_as_zero);
	return s;
}
