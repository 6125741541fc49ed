/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Several archives in one stream (tar_reader_allow_more). */

#include "backend/tree/tar_read.h"

#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/support_tar.h"

#define BLOCK 512

/* A line for each entry, "--" for each end behind which another archive is announced,
 * "." for the last one. */
static int read_many(struct tar_bytes *t, struct buf *out, struct err *err)
{
	_cleanup_(tar_reader_freep) struct tar_reader *r = NULL;
	const struct entry *e;
	bool more;
	int got;

	ck_assert_ok(tar_reader_new(tar_bytes_source, t, &r, err), err);
	tar_reader_allow_more(r);
	do {
		while ((got = tar_read_next(r, &e, err)) > 0) {
			ck_assert(!tar_reader_has_more(r));
			ck_assert_ok(buf_printf(out, err, "%s %u\n", e->path, e->uid),
				     err);
		}
		if (got < 0)
			return -1;
		more = tar_reader_has_more(r);
		ck_assert_ok(buf_printf(out, err, more ? "--\n" : ".\n"), err);
	} while (more);
	/* The end stays the end. */
	ck_assert_int_eq(tar_read_next(r, &e, err), 0);
	ck_assert(!tar_reader_has_more(r));
	return 0;
}

static const size_t chunks[] = { 0, 100000, 513, 512, 511, 7 };
#define N_CHUNKS (sizeof(chunks) / sizeof(*chunks))

static void assert_reads(struct tar_bytes *t, const char *expected)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (size_t i = 0; i < N_CHUNKS; i++) {
		_cleanup_(buf_done) struct buf out = BUF_INIT;

		tar_bytes_rewind(t, chunks[i]);
		ck_assert_ok(read_many(t, &out, &err), &err);
		ck_assert_str_eq(out.data, expected);
	}
}

/* It reads as `expected` until it is refused. */
static void assert_refused(struct tar_bytes *t, const char *expected, const char *why)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (size_t i = 0; i < N_CHUNKS; i++) {
		_cleanup_(buf_done) struct buf out = BUF_INIT;

		tar_bytes_rewind(t, chunks[i]);
		ck_assert_fails(read_many(t, &out, &err), &err, ERR_CORRUPT, why);
		ck_assert_str_eq(out.data ? out.data : "", expected);
	}
}

static void zeros(struct tar_bytes *t, size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (size_t i = 0; i < n; i++)
		ck_assert_ok(buf_add_byte(&t->buf, '\0', &err), &err);
}

START_TEST(archives_follow_one_another)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_file(&t, "a", "data that nobody reads");
	tar_end(&t);
	tar_dir(&t, "b");
	tar_file(&t, "b/c", "");
	tar_end(&t);
	tar_file(&t, "d", "x");
	tar_end(&t);
	assert_reads(&t, "a 0\n--\nb 0\nb/c 0\n--\nd 0\n.\n");
}

END_TEST

START_TEST(padding_of_whole_blocks_lies_between_and_behind_archives)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_file(&t, "a", "1");
	tar_end(&t);
	zeros(&t, 17 * (size_t)BLOCK);
	tar_file(&t, "b", "2");
	tar_end(&t);
	zeros(&t, 3 * (size_t)BLOCK);
	assert_reads(&t, "a 0\n--\nb 0\n.\n");
}

END_TEST

START_TEST(archive_may_be_empty)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_end(&t);
	assert_reads(&t, ".\n");
	tar_file(&t, "a", "1");
	tar_end(&t);
	assert_reads(&t, "--\na 0\n.\n");
}

END_TEST

START_TEST(global_header_ends_with_its_archive)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_pax(&t, 'g', "uid", "5", "uname", "eve", NULL);
	tar_file(&t, "a", "1");
	tar_file(&t, "b", "1");
	tar_end(&t);
	tar_add(&t, (struct tar_item){ .name = "c", .type = '0', .uid = 7 });
	tar_pax(&t, 'g', "uid", "6", NULL);
	tar_file(&t, "d", "1");
	tar_end(&t);
	tar_pax(&t, 'x', "uid", "8", NULL);
	tar_file(&t, "e", "1");
	tar_file(&t, "f", "1");
	tar_end(&t);
	assert_reads(&t, "a 5\nb 5\n--\nc 7\nd 6\n--\ne 8\nf 0\n.\n");
}

END_TEST

START_TEST(archive_that_follows_may_begin_with_a_long_name)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_end(&t);
	tar_header(&t,
		   (struct tar_item){ .name = "././@LongLink", .type = 'L', .size = 5 });
	tar_data(&t, "long", 5);
	tar_file(&t, "cut", "1");
	tar_end(&t);
	assert_reads(&t, "--\nlong 0\n.\n");
}

END_TEST

START_TEST(one_archive_is_the_end_unless_more_are_allowed)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_file(&t, "a", "1");
	tar_end(&t);
	tar_file(&t, "b", "2");
	tar_end(&t);
	ck_assert_tar_refused(&t, ERR_CORRUPT, "archive goes on after its end");
}

END_TEST

START_TEST(garbage_behind_an_archive_is_damage)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	char garbage[BLOCK];

	memset(garbage, 'g', sizeof(garbage));
	tar_file(&t, "a", "1");
	tar_end(&t);
	tar_data(&t, garbage, sizeof(garbage));
	assert_refused(&t, "a 0\n--\n", "archive is damaged at byte ");
}

END_TEST

START_TEST(part_of_a_block_behind_an_archive_is_a_cut)
{
	static const size_t sizes[] = { 1, 100, 511, 513, 1023 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

		tar_file(&t, "a", "1");
		tar_end(&t);
		zeros(&t, sizes[i]);
		assert_refused(&t, "a 0\n", "archive is cut short after ");
		t.buf.data[t.buf.len - 1] = 'g';
		assert_refused(&t, "a 0\n", "archive is cut short after ");
	}
}

END_TEST

START_TEST(archive_that_follows_is_read_as_strictly)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	size_t end;

	tar_file(&t, "a", "1");
	tar_end(&t);
	tar_file(&t, "../b", "1");
	tar_end(&t);
	assert_refused(&t, "a 0\n--\n", "illegal path \"../b\"");

	end = 4 * (size_t)BLOCK;
	buf_cut(&t.buf, end);
	tar_pax(&t, 'x', "uid", "1", NULL);
	tar_end(&t);
	assert_refused(&t, "a 0\n--\n", "extended header without an entry");

	buf_cut(&t.buf, end);
	tar_file(&t, "b", "1");
	zeros(&t, BLOCK);
	tar_file(&t, "c", "1");
	tar_end(&t);
	assert_refused(&t, "a 0\n--\nb 0\n", "lone zero block");
}

END_TEST

START_TEST(every_cut_of_two_archives_but_between_them_is_refused)
{
	_cleanup_(tar_bytes_done) struct tar_bytes whole = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	size_t between;

	tar_file(&whole, "a", "12345");
	tar_end(&whole);
	between = whole.buf.len;
	tar_pax(&whole, 'x', "uid", "1", NULL);
	tar_file(&whole, "b", "12345");
	tar_end(&whole);
	for (size_t n = 0; n <= whole.buf.len; n++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
		_cleanup_(buf_done) struct buf out = BUF_INIT;

		ck_assert_ok(buf_add(&t.buf, whole.buf.data, n, &err), &err);
		if (n == between || n == whole.buf.len)
			ck_assert_ok(read_many(&t, &out, &err), &err);
		else
			ck_assert_fails(read_many(&t, &out, &err), &err, ERR_CORRUPT,
					"archive is cut short after ");
	}
}

END_TEST

Suite *suite_tar_read_many(void)
{
	Suite *s = suite_create("tar_read_many");
	TCase *tc = support_tcase(s, "many");

	tcase_add_test(tc, archives_follow_one_another);
	tcase_add_test(tc, padding_of_whole_blocks_lies_between_and_behind_archives);
	tcase_add_test(tc, archive_may_be_empty);
	tcase_add_test(tc, global_header_ends_with_its_archive);
	tcase_add_test(tc, archive_that_follows_may_begin_with_a_long_name);
	tcase_add_test(tc, one_archive_is_the_end_unless_more_are_allowed);
	tcase_add_test(tc, garbage_behind_an_archive_is_damage);
	tcase_add_test(tc, part_of_a_block_behind_an_archive_is_a_cut);
	tcase_add_test(tc, archive_that_follows_is_read_as_strictly);
	tcase_add_test(tc, every_cut_of_two_archives_but_between_them_is_refused);
	return s;
}
