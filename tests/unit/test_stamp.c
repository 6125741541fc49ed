/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/stamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/support.h"

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const struct {
	const char *text;
	int64_t sec;
	uint32_t nsec;
	int offset;
	const char *written; /* NULL: as read */
} times[] = {
	{ "1970-01-01T00:00:00Z", 0, 0, 0, NULL },
	{ "2026-03-04T05:06:07.123456789Z", 1772600767, 123456789, 0, NULL },
	{ "2019-01-02T03:04:05+01:00", 1546394645, 0, 60, NULL },
	{ "2021-12-31T23:59:59.5-07:30", 1641022199, 500000000, -450, NULL },
	{ "2000-02-29T12:00:00+00:00", 951825600, 0, 0, "2000-02-29T12:00:00Z" },
	{ "2000-02-29T12:00:00-00:00", 951825600, 0, 0, "2000-02-29T12:00:00Z" },
	{ "1969-12-31T23:59:59.000000001Z", -1, 1, 0, NULL },
	{ "0001-01-01T00:00:00Z", -62135596800, 0, 0, NULL },
	{ "0000-01-01T00:00:00+23:59", -62167305540, 0, 1439, NULL },
	{ "9999-12-31T23:59:59.999999999-23:59", 253402387139, 999999999, -1439, NULL },
	{ "2038-01-19T03:14:08Z", 2147483648, 0, 0, NULL },
	{ "1900-03-01T00:00:00Z", -2203891200, 0, 0, NULL },
	{ "2020-01-01T00:00:00.1000Z", 1577836800, 100000000, 0,
	  "2020-01-01T00:00:00.1Z" },
	{ "2020-01-01T00:00:00.0Z", 1577836800, 0, 0, "2020-01-01T00:00:00Z" },
	{ "2020-01-01T00:00:00.1234567899Z", 1577836800, 123456789, 0,
	  "2020-01-01T00:00:00.123456789Z" },
};

START_TEST(times_are_read_and_written)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const char *text = times[_i].text;
	char out[STAMP_TEXT_MAX];
	struct stamp s;

	ck_assert_ok(stamp_parse(text, strlen(text), &s, &err), &err);
	ck_assert_int_eq(s.sec, times[_i].sec);
	ck_assert_uint_eq(s.nsec, times[_i].nsec);
	ck_assert_int_eq(s.offset, times[_i].offset);
	stamp_format(&s, out);
	ck_assert_str_eq(out, times[_i].written ? times[_i].written : text);
}

END_TEST

static const char *const bad_times[] = {
	"",
	"2020",
	"2020-01-01",
	"2020-01-01T00:00:00",
	"2020-01-01 00:00:00Z",
	"2020-01-01t00:00:00Z",
	"2020-01-01T00:00:00z",
	"2020-00-01T00:00:00Z",
	"2020-13-01T00:00:00Z",
	"2020-01-00T00:00:00Z",
	"2020-01-32T00:00:00Z",
	"2021-02-29T00:00:00Z",
	"1900-02-29T00:00:00Z",
	"2020-04-31T00:00:00Z",
	"2020-01-01T24:00:00Z",
	"2020-01-01T00:60:00Z",
	"2020-01-01T00:00:60Z",
	"2020-01-01T00:00:00.Z",
	"2020-01-01T00:00:00,5Z",
	"2020-01-01T00:00:00+0100",
	"2020-01-01T00:00:00+24:00",
	"2020-01-01T00:00:00+01:60",
	"2020-01-01T00:00:00+1:00",
	"2020-01-01T00:00:00Zx",
	"2020-01-01T00:00:00Z ",
	" 2020-01-01T00:00:00Z",
	"+020-01-01T00:00:00Z",
	"12020-01-01T00:00:00Z",
	"2020-1-01T00:00:00Z",
	"2020-01-01T0:00:00Z",
};

START_TEST(other_times_are_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct stamp s = { 7, 7, 7 };
	const char *bad = bad_times[_i];

	ck_assert_fails(stamp_parse(bad, strlen(bad), &s, &err), &err, ERR_CORRUPT,
			"is not an RFC 3339 time");
	ck_assert_int_eq(s.sec, 7);
}

END_TEST

START_TEST(calendar_agrees_with_the_c_library)
{
	char mine[STAMP_TEXT_MAX], theirs[STAMP_TEXT_MAX];

	/* A step that meets all months, leap years and hours: years 0 to 9999. */
	for (int64_t sec = -62167219200; sec <= 253402300799; sec += 7654321) {
		struct stamp s = { sec, 0, 0 }, back;
		_cleanup_(err_clear) struct err err = ERR_INIT;
		struct tm tm;
		time_t t = sec;
		ck_assert_ptr_nonnull(gmtime_r(&t, &tm));
		snprintf(theirs, sizeof(theirs), "%04d-%02d-%02dT%02d:%02d:%02dZ",
			 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
			 tm.tm_min, tm.tm_sec);
		stamp_format(&s, mine);
		ck_assert_str_eq(mine, theirs);
		ck_assert_ok(stamp_parse(mine, strlen(mine), &back, &err), &err);
		ck_assert_int_eq(back.sec, sec);
	}
}

END_TEST

START_TEST(extreme_times_do_not_overflow)
{
	static const int64_t extremes[] = { INT64_MIN, INT64_MAX, INT64_MIN + 1,
					    253402300800 };
	char out[STAMP_TEXT_MAX];

	for (int i = 0; i < N(extremes); i++) {
		for (int offset = -1439; offset <= 1439; offset += 2878) {
			struct stamp s = { extremes[i], 999999999, (int16_t)offset };
			stamp_format(&s, out);
			ck_assert_uint_lt(strlen(out), STAMP_TEXT_MAX - 1);
			ck_assert_ptr_nonnull(strchr(out, 'T'));
		}
	}
}

END_TEST

START_TEST(now_is_between_two_looks_at_the_clock)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	time_t before = time(NULL);
	struct stamp s;

	ck_assert_ok(stamp_now(&s, &err), &err);
	ck_assert_int_ge(s.sec, before);
	ck_assert_int_le(s.sec, time(NULL));
	ck_assert_uint_lt(s.nsec, 1000000000);
}

END_TEST

START_TEST(now_has_the_local_offset)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct stamp s;

	if (!support_forks()) {
		support_skip("changes the time zone of its process");
		return;
	}
	setenv("TZ", "XYZ-5:45", 1);
	tzset();
	ck_assert_ok(stamp_now(&s, &err), &err);
	ck_assert_int_eq(s.offset, 345);
}

END_TEST

START_TEST(zero_is_one_instant)
{
	struct stamp zero = { -62135596800, 0, 0 }, other = { -62135596800, 1, 0 };
	struct stamp elsewhere = { -62135596800, 0, 60 };

	ck_assert(stamp_is_zero(&zero));
	ck_assert(stamp_is_zero(&elsewhere));
	ck_assert(!stamp_is_zero(&other));
	other = (struct stamp){ 0, 0, 0 };
	ck_assert(!stamp_is_zero(&other));
}

END_TEST

#define SEC  INT64_C(1000000000)
#define MIN  (60 * SEC)
#define HOUR (60 * MIN)
#define DAY  (24 * HOUR)

static const struct {
	int64_t nsec;
	const char *text;
} ages[] = {
	{ INT64_MIN, "0ns" },
	{ -5 * SEC, "0ns" },
	{ 0, "0ns" },
	{ 3, "3.0ns" },
	{ 42, "42ns" },
	{ 36000, "36\302\265s" },
	{ 1500000, "1.5ms" },
	{ 529 * SEC / 1000, "529ms" },
	{ SEC, "1.00s" },
	{ 5155 * SEC / 1000, "5.16s" },
	{ 10 * SEC, "10.0s" },
	{ 594 * SEC / 10, "59.4s" },
	{ 62 * SEC, "1m02s" },
	{ 9 * MIN + 59 * SEC, "9m59s" },
	{ 12 * MIN + 24 * SEC, "12.4m" },
	{ 2 * HOUR + 41 * MIN, "2h41m" },
	{ 9 * HOUR + 5 * MIN, "9h05m" },
	{ 10 * HOUR + 9 * MIN, "10h9m" },
	{ 10 * HOUR + 30 * MIN, "10.5h" },
	{ 30 * HOUR, "1d06h" },
	{ 3 * DAY + 2 * HOUR, "3d02h" },
	{ 25 * DAY + 5 * HOUR, "25d5h" },
	{ 14 * DAY + 21 * HOUR, "14.9d" },
	{ 178 * DAY, "178d" },
	{ 729 * DAY, "729d" },
	{ 365 * 5 * DAY, "5.00y" },
	{ 3652 * DAY + 12 * HOUR, "10.0y" },
	{ INT64_MAX, "292y" },
};

START_TEST(ages_look_like_snapds)
{
	char out[STAMP_TEXT_MAX];

	stamp_format_age(ages[_i].nsec, out);
	ck_assert_str_eq(out, ages[_i].text);
}

END_TEST

static const struct {
	uint64_t bytes;
	const char *text;
} sizes[] = {
	{ 0, "0B" },
	{ 123, "123B" },
	{ 999, "999B" },
	{ 1000, "1.00kB" },
	{ 1234, "1.23kB" },
	{ 9994, "9.99kB" },
	{ 9996, "10.0kB" },
	{ 99960, "100kB" },
	{ 882000, "882kB" },
	{ 999499, "999kB" },
	{ 999500, "1.00MB" },
	{ 1100000, "1.10MB" },
	{ 123456789, "123MB" },
	{ 999499999, "999MB" },
	{ 5000000000, "5.00GB" },
	{ UINT64_C(1000000000000), "1.00TB" },
	{ UINT64_C(999500000000000), "1.00PB" },
	{ UINT64_MAX, "18.4EB" },
};

START_TEST(sizes_have_three_digits)
{
	char out[STAMP_TEXT_MAX];

	stamp_format_size(sizes[_i].bytes, out);
	ck_assert_str_eq(out, sizes[_i].text);
}

END_TEST

START_TEST(durations_are_read)
{
	static const struct {
		const char *text;
		int64_t sec;
	} cases[] = { { "10s", 10 },
		      { "90m", 5400 },
		      { "36h", 129600 },
		      { "31d", 2678400 },
		      { "2w", 1209600 },
		      { "0s", 0 },
		      { "no", -1 },
		      { "never", -1 },
		      { "9223372036854775807s", INT64_MAX } };
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (int i = 0; i < N(cases); i++) {
		int64_t got = 0;
		ck_assert_ok(stamp_parse_duration(cases[i].text, &got, &err), &err);
		ck_assert_int_eq(got, cases[i].sec);
	}
}

END_TEST

START_TEST(other_durations_are_refused)
{
	static const char *const bad[] = { "",
					   "10",
					   "s",
					   "10x",
					   "10ss",
					   " 1s",
					   "-1s",
					   "1.5h",
					   "1 h",
					   "never ",
					   "1h30m",
					   "9223372036854775808s",
					   "99999999999999999999s",
					   "999999999999999999w" };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int64_t got = 7;

	for (int i = 0; i < N(bad); i++)
		ck_assert_fails(stamp_parse_duration(bad[i], &got, &err), &err, ERR_USAGE,
				"is not a duration");
	ck_assert_int_eq(got, 7);
}

END_TEST

START_TEST(sizes_are_read)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = { { "0", 0 },
		      { "123", 123 },
		      { "123B", 123 },
		      { "10K", 10240 },
		      { "10k", 10240 },
		      { "10kB", 10000 },
		      { "10KB", 10000 },
		      { "10KiB", 10240 },
		      { "1M", 1048576 },
		      { "1MB", 1000000 },
		      { "1G", 1073741824 },
		      { "2GB", 2000000000 },
		      { "1T", UINT64_C(1) << 40 },
		      { "15E", UINT64_C(15) << 60 },
		      { "18446744073709551615", UINT64_MAX } };
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (int i = 0; i < N(cases); i++) {
		uint64_t got = 7;
		ck_assert_ok(stamp_parse_size(cases[i].text, &got, &err), &err);
		ck_assert_msg(got == cases[i].bytes, "%s", cases[i].text);
	}
}

END_TEST

START_TEST(other_sizes_are_refused)
{
	static const char *const bad[] = { "",
					   "K",
					   "10X",
					   "1.5G",
					   "-1",
					   " 1",
					   "1 K",
					   "10Ki",
					   "10mB",
					   "10Bk",
					   "16E",
					   "18446744073709551616",
					   "99999999999999999999999K" };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	uint64_t got = 7;

	for (int i = 0; i < N(bad); i++)
		ck_assert_fails(stamp_parse_size(bad[i], &got, &err), &err, ERR_USAGE,
				"is not a size");
	ck_assert_uint_eq(got, 7);
}

END_TEST

Suite *suite_stamp(void)
{
	Suite *s = suite_create("stamp");
	TCase *tc = support_tcase(s, "time");

	tcase_add_loop_test(tc, times_are_read_and_written, 0, N(times));
	tcase_add_loop_test(tc, other_times_are_refused, 0, N(bad_times));
	tcase_add_test(tc, calendar_agrees_with_the_c_library);
	tcase_add_test(tc, extreme_times_do_not_overflow);
	tcase_add_test(tc, now_is_between_two_looks_at_the_clock);
	tcase_add_test(tc, now_has_the_local_offset);
	tcase_add_test(tc, zero_is_one_instant);
	tc = support_tcase(s, "people");
	tcase_add_loop_test(tc, ages_look_like_snapds, 0, N(ages));
	tcase_add_loop_test(tc, sizes_have_three_digits, 0, N(sizes));
	tcase_add_test(tc, durations_are_read);
	tcase_add_test(tc, other_durations_are_refused);
	tcase_add_test(tc, sizes_are_read);
	tcase_add_test(tc, other_sizes_are_refused);
	return s;
}
