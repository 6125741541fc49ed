/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/import.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/fd.h"
#include "tests/unit/support.h"
#include "tests/unit/support_import.h"

START_TEST(parts_come_in_the_order_of_the_stream)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	support_content(&t);
	tar_file(&t, "1_a_1_x1.zip", "first");
	tar_file(&t, "1_b_1_x1.zip", "");
	support_manifest(&t, "\"1_a_1_x1.zip\",\"1_b_1_x1.zip\"");
	tar_end(&t);
	ck_assert_imports(
		&t, "content\nzip 1_a_1_x1.zip 5 first\nzip 1_b_1_x1.zip 0 \nend\n");
}

END_TEST

START_TEST(zips_come_in_any_order_and_with_any_numbers)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	support_content(&t);
	tar_file(&t, "7_z_1_x1.zip", "1");
	tar_file(&t, "01_b_1_x1.zip", "2");
	tar_file(&t, "_.zip", "3");
	tar_file(&t, "x_a.zip", "4");
	support_manifest(&t, "\"_.zip\",\"01_b_1_x1.zip\",\"x_a.zip\",\"7_z_1_x1.zip\"");
	tar_end(&t);
	ck_assert_imports(&t, "content\nzip 7_z_1_x1.zip 1 1\nzip 01_b_1_x1.zip 1 2\n"
			      "zip _.zip 1 3\nzip x_a.zip 1 4\nend\n");
}

END_TEST

START_TEST(content_may_be_missing)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_file(&t, "1_a_1_x1.zip", "1");
	support_manifest(&t, "\"1_a_1_x1.zip\"");
	tar_end(&t);
	ck_assert_imports(&t, "zip 1_a_1_x1.zip 1 1\nend\n");
}

END_TEST

START_TEST(content_may_be_late)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_file(&t, "1_a_1_x1.zip", "1");
	support_content(&t);
	tar_file(&t, "1_b_1_x1.zip", "2");
	support_manifest(&t, "\"1_a_1_x1.zip\",\"1_b_1_x1.zip\"");
	tar_end(&t);
	ck_assert_imports(&t,
			  "zip 1_a_1_x1.zip 1 1\ncontent\nzip 1_b_1_x1.zip 1 2\nend\n");
}

END_TEST

START_TEST(sets_follow_one_another)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	support_export(&t, "1_a_1_x1.zip", "1");
	tar_end(&t); /* padding */
	support_export(&t, "1_a_1_x1.zip", "2");
	support_export(&t, "3_a_1_x1.zip", "3");
	tar_end(&t);
	ck_assert_imports(&t, "content\nzip 1_a_1_x1.zip 1 1\nend\n"
			      "content\nzip 1_a_1_x1.zip 1 2\nend\n"
			      "content\nzip 3_a_1_x1.zip 1 3\nend\n");
}

END_TEST

START_TEST(json_is_read_as_it_is_legally_written)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_file(&t, "content.json",
		 "\n{ \"later\" : [1, {}], \"content-hash\" : \"ERERERERERERERERERERERE"
		 "RERERERERERERERERERE\\u003d\"}  ");
	tar_file(&t, "1_\xc3\xa4.zip", "1");
	tar_file(
		&t, "export.json",
		"{\"files\":[\"1_\\u00e4.zip\"],\"date\":null,\"sizes\":[1],\"format\":1}");
	tar_end(&t);
	ck_assert_imports(&t, "content\nzip 1_\xc3\xa4.zip 1 1\nend\n");
}

END_TEST

START_TEST(date_may_be_missing)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_file(&t, "1_a.zip", "1");
	tar_file(&t, "export.json", "{\"format\":1,\"files\":[\"1_a.zip\"]}");
	tar_end(&t);
	ck_assert_imports(&t, "zip 1_a.zip 1 1\nend\n");
}

END_TEST

START_TEST(any_tar_of_regular_files_will_do)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_pax(&t, 'g', "comment", "made elsewhere", NULL);
	support_content(&t);
	tar_pax(&t, 'x', "path", "1_by_pax.zip", NULL);
	tar_file(&t, "x", "1");
	tar_header(&t,
		   (struct tar_item){ .name = "././@LongLink", .type = 'L', .size = 13 });
	tar_data(&t, "1_by_gnu.zip", 13);
	tar_file(&t, "y", "2");
	tar_add(&t, (struct tar_item){
			    .name = "1_v7.zip", .data = "3", .magic = "\0\0\0\0\0\0\0" });
	support_manifest(&t, "\"1_by_gnu.zip\",\"1_by_pax.zip\",\"1_v7.zip\"");
	for (int i = 0; i < 10; i++)
		tar_end(&t);
	ck_assert_imports(&t, "content\nzip 1_by_pax.zip 1 1\nzip 1_by_gnu.zip 1 2\n"
			      "zip 1_v7.zip 1 3\nend\n");
}

END_TEST

/* A stream of two zips, the first with so many bytes, the second with "next". */
static void put_two_zips(struct tar_bytes *t, size_t size)
{
	_cleanup_free_ char *big = malloc(size + 1);

	ck_assert_ptr_nonnull(big);
	memset(big, 'b', size);
	big[size] = '\0';
	tar_file(t, "1_a.zip", big);
	tar_file(t, "1_b.zip", "next");
	support_manifest(t, "\"1_a.zip\",\"1_b.zip\"");
	tar_end(t);
}

START_TEST(zips_may_be_read_in_part)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(import_freep) struct import *im = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct import_part part;
	const void *p;

	put_two_zips(&t, 3999);
	tar_bytes_rewind(&t, 700);
	ck_assert_ok(import_new(tar_bytes_source, &t, &im, &err), &err);
	ck_assert_int_eq(import_next(im, &part, &err), 1);
	ck_assert_int_gt(import_read(im, &p, &err), 0);
	ck_assert_int_eq(import_next(im, &part, &err), 1);
	ck_assert_str_eq(part.name, "1_b.zip");
	ck_assert_int_gt(import_read(im, &p, &err), 0);
	ck_assert_mem_eq(p, "n", 1);
	ck_assert_int_eq(import_next(im, &part, &err), 1);
	ck_assert_int_eq(part.kind, IMPORT_END);
	ck_assert_int_eq(import_next(im, &part, &err), 0);
}

END_TEST

/* A tar_skipper over struct tar_bytes, one byte less than it is asked for. */
static int skip_bytes(void *ctx, uint64_t n, uint64_t *ret, struct err *err)
{
	struct tar_bytes *t = ctx;

	(void)err;
	*ret = n > 1 && n - 1 <= t->buf.len - t->at ? n - 1 : 0;
	t->at += *ret;
	return 0;
}

/* Bytes that the source gave. */
static size_t given;

static ssize_t counting_source(void *ctx, const void **ret, size_t max, struct err *err)
{
	ssize_t n = tar_bytes_source(ctx, ret, max, err);

	given += (size_t)n;
	return n;
}

START_TEST(what_is_passed_over_is_not_read_where_it_can_be_skipped)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(import_freep) struct import *im = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct import_part part;

	put_two_zips(&t, 99999);
	tar_bytes_rewind(&t, 1000);
	given = 0;
	ck_assert_ok(import_new(counting_source, &t, &im, &err), &err);
	import_use_skip(im, skip_bytes);
	while (import_next(im, &part, &err) > 0 && part.kind != IMPORT_END)
		;
	ck_assert_int_eq(err.kind, ERR_NONE);
	ck_assert_int_eq(part.kind, IMPORT_END);
	ck_assert_int_eq(import_next(im, &part, &err), 0);
	ck_assert_uint_lt(given, 10000);
	/* What cannot be skipped, as it is not there, is missed. */
	import_free(TAKE_PTR(im));
	buf_cut(&t.buf, 50000);
	tar_bytes_rewind(&t, 1000);
	ck_assert_ok(import_new(counting_source, &t, &im, &err), &err);
	import_use_skip(im, skip_bytes);
	ck_assert_int_eq(import_next(im, &part, &err), 1);
	ck_assert_fails(import_next(im, &part, &err), &err, ERR_CORRUPT,
			"archive is cut short after 50000 bytes");
}

END_TEST

/* ---- What snapd wrote ---- */

static void load(const char *name, struct tar_bytes *to)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *bytes = NULL;
	size_t n;

	bytes = support_read(AT_FDCWD, support_fixture(name), &n);
	ck_assert_ok(buf_add(&to->buf, bytes, n, &err), &err);
}

START_TEST(exports_of_snapd_are_read)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(tar_bytes_done) struct tar_bytes three = TAR_BYTES, four = TAR_BYTES,
						   both = TAR_BYTES;
	_cleanup_(buf_done) struct buf got = BUF_INIT;
	const char *const in_3 =
		"other content\nzip 3_notes-app_v1.33~rc1+git_x2.zip 1493 \n"
		"zip 3_hello_2.10_7.zip 3691 \nend\n";

	load("snapd/set3.snapshot", &three);
	ck_assert_ok(support_import_all(&three, false, &got, &err), &err);
	ck_assert_str_eq(got.data, in_3);
	buf_clear(&got);
	load("snapd/set4.snapshot", &four);
	ck_assert_ok(support_import_all(&four, false, &got, &err), &err);
	ck_assert_str_eq(got.data, "other content\nzip 4_hello_2.10_7.zip 3184 \nend\n");
	buf_clear(&got);
	load("snapd/set4.snapshot", &both);
	load("snapd/set3.snapshot", &both);
	ck_assert_ok(support_import_all(&both, false, &got, &err), &err);
	ck_assert_ptr_nonnull(strstr(got.data, "3184 \nend\nother content\nzip 3_notes"));
}

END_TEST

/* Of part `wanted` the content hash; its zips against the files of the store. */
static void compare_with_store(const char *export, size_t n, const char *const zips[])
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(import_freep) struct import *im = NULL;
	_cleanup_free_ char *hashes =
		support_read(AT_FDCWD, support_fixture("snapd/content-hashes.txt"), NULL);
	char hex[2 * DIGEST_SHA256_SIZE + 1];
	struct import_part part;

	load(export, &t);
	ck_assert_ok(import_new(tar_bytes_source, &t, &im, &err), &err);
	ck_assert_int_eq(import_next(im, &part, &err), 1);
	ck_assert_int_eq(part.kind, IMPORT_CONTENT);
	digest_hex(part.hash, sizeof(part.hash), hex);
	ck_assert_ptr_nonnull(strstr(hashes, hex));
	for (size_t i = 0; i < n; i++) {
		_cleanup_(buf_done) struct buf got = BUF_INIT;
		_cleanup_free_ char *expected = NULL;
		size_t size;
		const void *p;
		ssize_t len;

		ck_assert_int_eq(import_next(im, &part, &err), 1);
		expected = support_read(AT_FDCWD, support_fixture(zips[i]), &size);
		while ((len = import_read(im, &p, &err)) > 0)
			ck_assert_ok(buf_add(&got, p, (size_t)len, &err), &err);
		ck_assert_int_eq(len, 0);
		ck_assert_uint_eq(got.len, size);
		ck_assert_mem_eq(got.data, expected, size);
	}
}

START_TEST(zips_of_snapd_arrive_byte_for_byte)
{
	compare_with_store(
		"snapd/set3.snapshot", 2,
		(const char *const[]){ "snapd/3_notes-app_v1.33~rc1+git_x2.zip",
				       "snapd/3_hello_2.10_7.zip" });
	compare_with_store("snapd/set4.snapshot", 1,
			   (const char *const[]){ "snapd/4_hello_2.10_7.zip" });
}

END_TEST

START_TEST(what_export_lays_out_import_reads)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(export_freep) struct export *x = NULL;
	static const struct stamp date = { 1795241515, 0, 0 };
	uint8_t hash[DIGEST_SHA256_SIZE];
	char name[300], expected[400];

	memset(hash, 0x11, sizeof(hash));
	memset(name, 'n', sizeof(name));
	memcpy(name, "3_", 2);
	memcpy(name + 240, ".zip", 5);
	ck_assert_ok(export_new(hash, &date, &x, &err), &err);
	ck_assert_ok(export_add(x, name, 3, &err), &err);
	ck_assert_ok(export_finish(x, &err), &err);
	for (size_t i = 0; i < 2; i++) {
		size_t n = 0;
		const void *p = export_part(x, i, &n);

		ck_assert_ok(buf_add(&t.buf, p, n, &err), &err);
		if (i == 0)
			ck_assert_ok(buf_add(&t.buf, "zip", 3, &err), &err);
	}
	snprintf(expected, sizeof(expected), "content\nzip %s 3 zip\nend\n", name);
	ck_assert_imports(&t, expected);
}

END_TEST

Suite *suite_import(void)
{
	Suite *s = suite_create("import");
	TCase *tc = support_tcase(s, "takes");

	tcase_add_test(tc, parts_come_in_the_order_of_the_stream);
	tcase_add_test(tc, zips_come_in_any_order_and_with_any_numbers);
	tcase_add_test(tc, content_may_be_missing);
	tcase_add_test(tc, content_may_be_late);
	tcase_add_test(tc, sets_follow_one_another);
	tcase_add_test(tc, json_is_read_as_it_is_legally_written);
	tcase_add_test(tc, date_may_be_missing);
	tcase_add_test(tc, any_tar_of_regular_files_will_do);
	tcase_add_test(tc, zips_may_be_read_in_part);
	tcase_add_test(tc, what_is_passed_over_is_not_read_where_it_can_be_skipped);

	tc = support_tcase(s, "exports");
	tcase_add_test(tc, exports_of_snapd_are_read);
	tcase_add_test(tc, zips_of_snapd_arrive_byte_for_byte);
	tcase_add_test(tc, what_export_lays_out_import_reads);
	return s;
}
