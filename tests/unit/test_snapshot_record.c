/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/snapshot.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/fault.h"
#include "backend/base/le.h"
#include "tests/unit/support.h"
#include "tests/unit/support_snapshot.h"

/* Where fields of every record stand, and how long the fixed ones are. */
#define TIME_AT   12
#define NSEC_AT   20
#define OFFSET_AT 24
#define SNAP_AT   28

static void pack(const struct snapshot *s, struct buf *out)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(snapshot_pack(s, out, &err), &err);
}

START_TEST(record_brings_everything)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (uint64_t seed = 1; seed <= 400; seed++) {
		_cleanup_(snapshot_done) struct snapshot s, back;
		_cleanup_(buf_done) struct buf out = BUF_INIT;
		const char *what = NULL;

		support_snapshot_random(seed, SUPPORT_ANY, &s);
		snapshot_init(&back);
		pack(&s, &out);
		ck_assert_msg(snapshot_unpack(out.data, out.len, &back, &err) == 0,
			      "seed %d: %s", (int)seed, err_message(&err));
		ck_assert_msg(support_snapshot_equal(&s, &back, &what),
			      "seed %d: %s differs", (int)seed, what);
	}
}

END_TEST

START_TEST(record_of_an_empty_object_reads_as_missing_keys)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s, back;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	snapshot_init(&s);
	snapshot_init(&back);
	pack(&s, &out);
	ck_assert_ok(snapshot_unpack(out.data, out.len, &back, &err), &err);
	ck_assert_str_eq(back.snap, "");
	ck_assert_str_eq(back.revision, "");
	ck_assert_str_eq(back.summary, "");
	ck_assert_str_eq(back.version, "");
	ck_assert_ptr_null(back.conf);
	ck_assert(stamp_is_zero(&back.time));
}

END_TEST

START_TEST(record_is_refused_wherever_it_is_cut)
{
	_cleanup_(snapshot_done) struct snapshot s;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct snapshot back = { .set = 77 };

	support_snapshot_random(7, SUPPORT_ANY, &s);
	pack(&s, &out);
	for (size_t n = 0; n < out.len; n++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		/* Of its own size, so that a read behind it is seen. */
		_cleanup_free_ void *cut = malloc(n ? n : 1);

		memcpy(cut, out.data, n);
		if (snapshot_unpack(cut, n, &back, &err) == 0 || err.kind != ERR_CORRUPT)
			ck_abort_msg("%zu bytes: %s", n, err_message(&err));
	}
	ck_assert_uint_eq(back.set, 77);
}

END_TEST

/* Whatever was unpacked has to be fit for all that may be done with it.  Called too often
 * for an assertion each: Check remembers where every single one stood. */
static bool is_usable(const struct snapshot *s)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct json_writer w = JSON_WRITER(&out, &err);
	uint8_t hash[DIGEST_SHA256_SIZE];

	snapshot_write_json(s, &w);
	if (json_end(&w) < 0)
		return false;
	for (size_t i = 0; i < out.len; i++) {
		if ((uint8_t)out.data[i] < 0x20)
			return false;
	}
	if (snapshot_content_hash(s, true, hash, &err) < 0 ||
	    snapshot_pack(s, &out, &err) < 0)
		return false;
	return snapshot_validate(s, &err) == 0 || err_is(&err, ERR_CORRUPT);
}

/* How a spoiled record was taken; fails the test if it was wrongly. */
static bool is_read(const struct buf *record, int seed, size_t where)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot back;

	snapshot_init(&back);
	if (snapshot_unpack(record->data, record->len, &back, &err) == 0) {
		if (!is_usable(&back))
			ck_abort_msg("seed %d, %zu: cannot be used", seed, where);
		return true;
	}
	if (err.kind != ERR_CORRUPT)
		ck_abort_msg("seed %d, %zu: %s", seed, where, err_message(&err));
	return false;
}

START_TEST(record_with_any_bit_flipped_is_read_or_refused)
{
	_cleanup_(snapshot_done) struct snapshot s;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	size_t n_read = 0;

	support_snapshot_random((uint64_t)_i + 1, SUPPORT_ANY, &s);
	pack(&s, &out);
	for (size_t bit = 0; bit < out.len * 8; bit++) {
		out.data[bit / 8] ^= (char)(1 << bit % 8);
		n_read += is_read(&out, _i + 1, bit);
		out.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	ck_assert(n_read > 0 && n_read < out.len * 8);
}

END_TEST

START_TEST(record_with_any_number_made_huge_asks_for_no_memory)
{
	static const uint32_t huge[] = { UINT32_MAX, UINT32_MAX - 1, 1u << 31, 1u << 28 };
	_cleanup_(snapshot_done) struct snapshot s;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	char saved[4];

	support_snapshot_random(5, SUPPORT_ANY, &s);
	pack(&s, &out);
	for (size_t at = 0; at + sizeof(saved) <= out.len; at++) {
		memcpy(saved, out.data + at, sizeof(saved));
		for (size_t i = 0; i < 4; i++) {
			le_put32(out.data + at, huge[i]);
			(void)is_read(&out, 5, at);
		}
		memcpy(out.data + at, saved, sizeof(saved));
	}
}

END_TEST

/* Unpacks the record after `bytes` were written over it at `at`. */
static void spoil(size_t at, const void *bytes, size_t n, const char *message)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct snapshot back;

	support_snapshot_small(&s);
	pack(&s, &out);
	ck_assert_uint_le(at + n, out.len);
	memcpy(out.data + at, bytes, n);
	ck_assert_fails(snapshot_unpack(out.data, out.len, &back, &err), &err,
			ERR_CORRUPT, message);
}

START_TEST(record_is_checked_for_what_others_rely_on)
{
	static const uint8_t year_ten_thousand[] = { 0, 0, 0, 0, 0, 1, 0, 0 };
	static const uint8_t long_ago[] = { 0, 0, 0, 0, 0, 0, 0, 0x80 };
	static const uint8_t billion[] = { 0, 0xca, 0x9a, 0x3b };
	static const uint8_t offset[] = { 0x41, 0x0b, 0, 0 };

	spoil(0, "SNP0", 4, "record of a snapshot: it is none");
	spoil(TIME_AT, year_ten_thousand, 8, "the time is out of range");
	spoil(TIME_AT, long_ago, 8, "the time is out of range");
	spoil(NSEC_AT, billion, 4, "the time is out of range");
	spoil(OFFSET_AT, offset, 4, "the time is out of range");
	spoil(SNAP_AT, "\xff\xff\xff\xff", 4, "a string is missing");
	spoil(SNAP_AT, "\xfe\xff\xff\xff", 4, "cut short");
	spoil(SNAP_AT + 4, "he\0lo", 5, "a string holds a NUL");
}

END_TEST

/* Packs and unpacks an object that no reader would make. */
static void refuse(const struct snapshot *s, const char *message)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct snapshot back;

	pack(s, &out);
	ck_assert_fails(snapshot_unpack(out.data, out.len, &back, &err), &err,
			ERR_CORRUPT, message);
}

START_TEST(record_of_what_no_reader_makes_is_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	struct snapshot_archive *a;

	support_snapshot_small(&s);
	s.conf = strdup("{\"a\":\n1}");
	refuse(&s, "the configuration holds control characters");
	memcpy(s.conf, "\xff", 1);
	s.conf[5] = ' ';
	refuse(&s, "the configuration is no text");
	free(s.conf);
	s.conf = NULL;

	ck_assert_ok(snapshot_add_archive(&s, "user/a.tgz", &a, &err), &err);
	s.archives[1].name[0] = 'A';
	refuse(&s, "the archives are not in order");
	memcpy(s.archives[1].name, "archive.tg", 11);
	s.archives[0].name[10] = '\0';
	refuse(&s, "the archives are not in order");
}

END_TEST

START_TEST(record_that_goes_on_is_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct snapshot back;

	support_snapshot_small(&s);
	pack(&s, &out);
	ck_assert_ok(buf_add_byte(&out, '\0', &err), &err);
	ck_assert_fails(snapshot_unpack(out.data, out.len, &back, &err), &err,
			ERR_CORRUPT, "it goes on behind its end");
}

END_TEST

START_TEST(record_has_a_limit)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	_cleanup_free_ void *large = calloc(1, SNAPSHOT_RECORD_MAX + 1);
	struct snapshot back;

	support_snapshot_small(&s);
	free(s.summary);
	s.summary = malloc(SNAPSHOT_RECORD_MAX);
	ck_assert_ptr_nonnull(s.summary);
	memset(s.summary, 'x', SNAPSHOT_RECORD_MAX - 1);
	s.summary[SNAPSHOT_RECORD_MAX - 1] = '\0';
	ck_assert_fails(snapshot_pack(&s, &out, &err), &err, ERR_NO_SPACE,
			"record of a snapshot: longer than 8388608 bytes");
	ck_assert_uint_eq(out.len, 0);
	ck_assert_ptr_nonnull(large);
	ck_assert_fails(snapshot_unpack(large, SNAPSHOT_RECORD_MAX + 1, &back, &err),
			&err, ERR_CORRUPT, "record of a snapshot: too long");
}

END_TEST

START_TEST(record_of_the_largest_lists_fits)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s, back;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	/* The shortest item of a list, as often as meta.json can hold it. */
	snapshot_init(&s);
	snapshot_init(&back);
	buf_add_str(&text, "{\"options\":{\"exclude\":[\"\"", &err);
	while (text.len < SNAPSHOT_META_MAX - 8)
		buf_add_str(&text, ",\"\"", &err);
	ck_assert_ok(buf_add_str(&text, "]}}", &err), &err);
	ck_assert_ok(snapshot_parse(text.data, text.len, &s, &err), &err);
	pack(&s, &out);
	ck_assert_ok(snapshot_unpack(out.data, out.len, &back, &err), &err);
	ck_assert_uint_eq(back.n_exclude, s.n_exclude);
}

END_TEST

#ifdef ENABLE_FAULTS

static int pack_and_unpack(const struct snapshot *s, struct err *err)
{
	_cleanup_(snapshot_done) struct snapshot back;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	snapshot_init(&back);
	if (snapshot_pack(s, &out, err) < 0)
		return -1;
	return snapshot_unpack(out.data, out.len, &back, err);
}

START_TEST(record_reports_the_want_of_memory)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	uint64_t nth;

	support_snapshot_random(9, SUPPORT_ANY, &s);
	for (nth = 1;; nth++) {
		fault_arm(&(struct fault_plan){ FAULT_ALLOC, FAULT_ONCE, nth, 0 });
		int result = pack_and_unpack(&s, &err);
		if (!fault_disarm())
			break;
		ck_assert_int_eq(result, -1);
		ck_assert_err(&err, ERR_NOMEM, "");
	}
	ck_assert_uint_gt(nth, 20);
}

END_TEST

#endif

Suite *suite_snapshot_record(void)
{
	Suite *s = suite_create("snapshot_record");
	TCase *tc = support_tcase(s, "record");

	tcase_add_test(tc, record_brings_everything);
	tcase_add_test(tc, record_of_an_empty_object_reads_as_missing_keys);
	tcase_add_test(tc, record_is_refused_wherever_it_is_cut);
	tcase_add_loop_test(tc, record_with_any_bit_flipped_is_read_or_refused, 0, 6);
	tcase_add_test(tc, record_with_any_number_made_huge_asks_for_no_memory);
	tcase_add_test(tc, record_is_checked_for_what_others_rely_on);
	tcase_add_test(tc, record_of_what_no_reader_makes_is_refused);
	tcase_add_test(tc, record_that_goes_on_is_refused);
	tcase_add_test(tc, record_has_a_limit);
	tcase_add_test(tc, record_of_the_largest_lists_fits);
#ifdef ENABLE_FAULTS
	tcase_add_test(tc, record_reports_the_want_of_memory);
#endif
	return s;
}
