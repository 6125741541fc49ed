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
#include "tests/unit/support_snapshot.h"

/* A set of one zip and this member besides. */
static void assert_member_refused(struct tar_item item, const char *why)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	support_content(&t);
	tar_add(&t, item);
	tar_file(&t, "1_a.zip", "1");
	support_manifest(&t, "\"1_a.zip\"");
	tar_end(&t);
	ck_assert_import_refused(&t, ERR_CORRUPT, why);
}

START_TEST(what_is_no_regular_file_is_refused)
{
	const char *why = "member \"1_x.zip\": it is no regular file";

	assert_member_refused((struct tar_item){ .name = "1_x.zip", .type = '5' }, why);
	assert_member_refused((struct tar_item){ .name = "1_x.zip/", .type = '0' }, why);
	assert_member_refused(
		(struct tar_item){ .name = "1_x.zip", .type = '1', .link = "1_a.zip" },
		why);
	assert_member_refused((struct tar_item){ .name = "1_x.zip",
						 .type = '2',
						 .link = "/etc/passwd" },
			      why);
	assert_member_refused(
		(struct tar_item){ .name = "1_x.zip", .type = '3', .major = 1 }, why);
	assert_member_refused(
		(struct tar_item){ .name = "1_x.zip", .type = '4', .major = 8 }, why);
	assert_member_refused((struct tar_item){ .name = "1_x.zip", .type = '6' }, why);
	assert_member_refused((struct tar_item){ .name = "export.json", .type = '5' },
			      "member \"export.json\": it is no regular file");
	assert_member_refused((struct tar_item){ .name = "content.json", .type = '6' },
			      "member \"content.json\": it is no regular file");
}

END_TEST

START_TEST(sparse_files_are_refused)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_pax(&t, 'x', "GNU.sparse.major", "1", "GNU.sparse.minor", "0",
		"GNU.sparse.name", "1_x.zip", "GNU.sparse.realsize", "900000", NULL);
	tar_header(&t, (struct tar_item){ .name = "x", .type = '0', .size = 512 + 6 });
	tar_data(&t, "1\n4096\n6\n", 9);
	tar_data(&t, "abcdef", 6);
	support_manifest(&t, "\"1_x.zip\"");
	tar_end(&t);
	ck_assert_import_refused(&t, ERR_CORRUPT,
				 "member \"1_x.zip\": it is no regular file");
}

END_TEST

START_TEST(types_that_tar_does_not_know_are_damage)
{
	assert_member_refused((struct tar_item){ .name = "label", .type = 'V' },
			      "entry of an unknown type \"V\"");
	assert_member_refused((struct tar_item){ .name = "1_x.zip", .type = 'M' },
			      "entry of an unknown type \"M\"");
}

END_TEST

START_TEST(names_that_lead_elsewhere_are_refused)
{
	static const char *const illegal[] = { "../1_x.zip",   "/1_x.zip",
					       "a/../1_x.zip", "..",
					       "./../1_x.zip", "a//1_x.zip" };

	for (size_t i = 0; i < sizeof(illegal) / sizeof(*illegal); i++)
		assert_member_refused(
			(struct tar_item){ .name = illegal[i], .type = '0' },
			"illegal path");
	assert_member_refused((struct tar_item){ .name = "a/1_x.zip", .type = '0' },
			      "member \"a/1_x.zip\": it lies in a directory");
	assert_member_refused((struct tar_item){ .name = "a/export.json", .type = '0' },
			      "member \"a/export.json\": it lies in a directory");
}

END_TEST

START_TEST(names_that_no_snapshot_has_are_refused)
{
	static const char *const unnamed[] = { "x.zip", ".zip", "zip", "readme",
					       "Content.json" };
	static const char *const others[] = { "1_x",         "1_x.ZIP", "1_x.zip ",
					      "1_x.zip.txt", "_",       "1_importing" };
	char why[200];

	for (size_t i = 0; i < sizeof(unnamed) / sizeof(*unnamed); i++) {
		snprintf(why, sizeof(why),
			 "member \"%s\": it is not named as a snapshot is", unnamed[i]);
		assert_member_refused(
			(struct tar_item){ .name = unnamed[i], .type = '0' }, why);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		snprintf(why, sizeof(why), "member \"%s\": its name does not end in .zip",
			 others[i]);
		assert_member_refused((struct tar_item){ .name = others[i], .type = '0' },
				      why);
	}
}

END_TEST

START_TEST(names_that_no_file_can_have_are_refused)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	char name[256 + 1]; /* one byte too many */

	memset(name, 'a', sizeof(name));
	memcpy(name, "1_", strlen("1_"));
	memcpy(name + 256 - strlen(".zip"), ".zip", sizeof(".zip"));
	tar_header(&t, (struct tar_item){ .name = "././@LongLink",
					  .type = 'L',
					  .size = sizeof(name) });
	tar_data(&t, name, sizeof(name));
	tar_file(&t, "1_a.zip", "1");
	tar_end(&t);
	ck_assert_import_refused(&t, ERR_CORRUPT, "its name is longer than any file's");
}

END_TEST

START_TEST(names_given_twice_are_refused)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_file(&t, "1_a.zip", "1");
	tar_file(&t, "1_b.zip", "1");
	tar_file(&t, "1_a.zip", "2");
	support_manifest(&t, "\"1_a.zip\",\"1_b.zip\",\"1_a.zip\"");
	tar_end(&t);
	ck_assert_import_refused(&t, ERR_CORRUPT, "\"1_a.zip\" comes twice");
}

END_TEST

START_TEST(one_name_is_taken_in_each_set_anew)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	support_export(&t, "1_a.zip", "1");
	support_content(&t);
	tar_file(&t, "1_a.zip", "1");
	tar_file(&t, "1_a.zip", "1");
	support_manifest(&t, "\"1_a.zip\"");
	tar_end(&t);
	ck_assert_import_refused(&t, ERR_CORRUPT, "\"1_a.zip\" comes twice");
}

END_TEST

START_TEST(more_zips_than_the_limit_are_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(buf_done) struct buf got = BUF_INIT;
	char name[64];

	for (unsigned i = 0; i <= EXPORT_ZIPS_MAX; i++) {
		snprintf(name, sizeof(name), "1_%u.zip", i);
		tar_file(&t, name, "");
	}
	tar_end(&t);
	ck_assert_fails(
		support_import_all(&t, false, &got, &err), &err, ERR_CORRUPT,
		"member \"1_10000.zip\": it is one more than the 10000 that are read");
}

END_TEST

/* ---- content.json ---- */

static void assert_content_refused(const char *text, const char *why)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_file(&t, "content.json", text);
	tar_file(&t, "1_a.zip", "1");
	support_manifest(&t, "\"1_a.zip\"");
	tar_end(&t);
	ck_assert_import_refused(&t, ERR_CORRUPT, "member \"content.json\": ");
	ck_assert_import_refused(&t, ERR_CORRUPT, why);
}

START_TEST(content_that_is_no_hash_is_refused)
{
	assert_content_refused("", "line 1");
	assert_content_refused("{", "line 1");
	assert_content_refused("[]", "it is no object");
	assert_content_refused("null", "it is no object");
	assert_content_refused("{}", "it holds no content-hash");
	assert_content_refused("{\"content-hash\":null}", "it holds no content-hash");
	assert_content_refused("{\"content-hash\":17}", "it holds no content-hash");
	assert_content_refused("{\"Content-Hash\":\"" SUPPORT_CONTENT_HASH "\"}",
			       "it holds no content-hash");
	assert_content_refused("{\"content-hash\":\"\"}", "content-hash is no SHA-256");
	assert_content_refused("{\"content-hash\":\"EREREQ==\"}",
			       "content-hash is no SHA-256");
	assert_content_refused("{\"content-hash\":\"" SUPPORT_CONTENT_HASH "EREREQ==\"}",
			       "content-hash: ");
	assert_content_refused(
		"{\"content-hash\":\"ERERERERERERERERERERERERERERERERERERERERERERERER\"}",
		"content-hash is no SHA-256");
	assert_content_refused(
		"{\"content-hash\":\"ERERERERERERERERERERERERERERERERERERERERERE\"}",
		"content-hash: ");
	assert_content_refused(
		"{\"content-hash\":\"ERERERERERERERERERERERERERERERERERERERERERF=\"}",
		"content-hash: ");
	assert_content_refused(
		"{\"content-hash\":\"ERERERER ERERERERERERERERERERERERERERERERERE=\"}",
		"content-hash: ");
}

END_TEST

START_TEST(content_with_a_key_twice_is_refused)
{
	assert_content_refused("{\"content-hash\":\"" SUPPORT_CONTENT_HASH
			       "\",\"content-hash\":\"" SUPPORT_CONTENT_HASH "\"}",
			       "line 1");
	assert_content_refused("{\"content-hash\":\"" SUPPORT_CONTENT_HASH "\"}{}",
			       "line 1");
}

END_TEST

START_TEST(content_twice_is_refused)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	support_content(&t);
	tar_file(&t, "1_a.zip", "1");
	support_content(&t);
	support_manifest(&t, "\"1_a.zip\"");
	tar_end(&t);
	ck_assert_import_refused(&t, ERR_CORRUPT,
				 "member \"content.json\": it comes twice");
}

END_TEST

/* n times `piece`. */
static char *repeat(const char *piece, size_t n)
{
	size_t len = strlen(piece);
	char *text = malloc(n * len + 1);

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < n; i++)
		memcpy(text + i * len, piece, len);
	text[n * len] = '\0';
	return text;
}

START_TEST(content_that_is_too_large_or_deep_is_refused)
{
	_cleanup_free_ char *spaces = repeat(" ", EXPORT_CONTENT_MAX + 1);
	_cleanup_free_ char *deep = repeat("{\"a\":", 150);

	assert_content_refused(spaces, "it is larger than 4096 bytes");
	assert_content_refused(deep, "line 1");
}

END_TEST

/* ---- export.json ---- */

static void assert_manifest_refused(enum err_kind kind, const char *text, const char *why)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	support_content(&t);
	tar_file(&t, "1_a.zip", "1");
	tar_file(&t, "export.json", text);
	tar_end(&t);
	ck_assert_import_refused(&t, kind, "member \"export.json\": ");
	ck_assert_import_refused(&t, kind, why);
}

START_TEST(format_that_is_none_is_refused)
{
	static const char *const none[] = {
		"{}",
		"{\"files\":[\"1_a.zip\"]}",
		"{\"format\":null,\"files\":[\"1_a.zip\"]}",
		"{\"format\":\"1\",\"files\":[\"1_a.zip\"]}",
		"{\"format\":1.0,\"files\":[\"1_a.zip\"]}",
		"{\"format\":-1,\"files\":[\"1_a.zip\"]}",
		"{\"format\":true,\"files\":[\"1_a.zip\"]}",
		"{\"format\":18446744073709551617,\"files\":[\"1_a.zip\"]}",
	};

	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		assert_manifest_refused(ERR_CORRUPT, none[i], "it says no format");
}

END_TEST

START_TEST(format_of_a_later_version_is_unsupported)
{
	assert_manifest_refused(ERR_UNSUPPORTED, "{\"format\":2,\"parts\":{}}",
				"this version does not know exports of format 2");
	assert_manifest_refused(ERR_UNSUPPORTED, "{\"format\":0,\"files\":[\"1_a.zip\"]}",
				"this version does not know exports of format 0");
}

END_TEST

START_TEST(manifest_that_is_no_manifest_is_refused)
{
	_cleanup_free_ char *spaces = repeat(" ", EXPORT_MANIFEST_MAX + 1);
	_cleanup_free_ char *deep = repeat("[", 5000);

	assert_manifest_refused(ERR_CORRUPT, "", "line 1");
	assert_manifest_refused(ERR_CORRUPT, "[1]", "it is no object");
	assert_manifest_refused(ERR_CORRUPT,
				"{\"format\":1,\"format\":1,\"files\":[\"1_a.zip\"]}",
				"line 1");
	assert_manifest_refused(ERR_CORRUPT, "{\"format\":1,\"files\":[\"1_a.zip\"]} x",
				"line 1");
	assert_manifest_refused(ERR_CORRUPT, spaces, "it is larger than 4194304 bytes");
	assert_manifest_refused(ERR_CORRUPT, deep, "line 1");
}

END_TEST

START_TEST(date_that_is_none_is_refused)
{
	assert_manifest_refused(ERR_CORRUPT,
				"{\"format\":1,\"date\":17,\"files\":[\"1_a.zip\"]}",
				"its date is none");
	assert_manifest_refused(
		ERR_CORRUPT,
		"{\"format\":1,\"date\":\"yesterday\",\"files\":[\"1_a.zip\"]}",
		"date: \"yesterday\" is not an RFC 3339 time");
}

END_TEST

START_TEST(files_that_are_no_names_are_refused)
{
	assert_manifest_refused(ERR_CORRUPT, "{\"format\":1}", "it lists no files");
	assert_manifest_refused(ERR_CORRUPT, "{\"format\":1,\"files\":\"1_a.zip\"}",
				"it lists no files");
	assert_manifest_refused(ERR_CORRUPT, "{\"format\":1,\"files\":{\"1_a.zip\":1}}",
				"it lists no files");
	assert_manifest_refused(ERR_CORRUPT, "{\"format\":1,\"files\":[\"1_a.zip\",1]}",
				"it lists what is no name");
	assert_manifest_refused(ERR_CORRUPT, "{\"format\":1,\"files\":[null]}",
				"it lists what is no name");
	assert_manifest_refused(ERR_CORRUPT,
				"{\"format\":1,\"files\":[\"1_a.zip\\u0000\"]}",
				"it lists what is no name");
}

END_TEST

/* Two zips came; these are listed. */
static void assert_list_refused(const char *files, const char *why)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	support_content(&t);
	tar_file(&t, "1_c.zip", "1");
	tar_file(&t, "1_a.zip", "1");
	support_manifest(&t, files);
	tar_end(&t);
	ck_assert_import_refused(&t, ERR_CORRUPT, why);
}

START_TEST(list_must_name_what_came)
{
	assert_list_refused("\"1_a.zip\"", "export.json does not list \"1_c.zip\"");
	assert_list_refused("\"1_c.zip\"", "export.json does not list \"1_a.zip\"");
	assert_list_refused("", "export.json does not list \"1_a.zip\"");
	assert_list_refused("\"1_a.zip\",\"1_b.zip\",\"1_c.zip\"",
			    "export.json lists \"1_b.zip\", which did not come");
	assert_list_refused("\"1_d.zip\",\"1_a.zip\",\"1_c.zip\"",
			    "export.json lists \"1_d.zip\", which did not come");
	assert_list_refused("\"1_c.zip\",\"1_a.zip\",\"1_c.zip\"",
			    "export.json lists \"1_c.zip\", which did not come");
	assert_list_refused("\"1_a.zip\",\"1_C.zip\"",
			    "export.json lists \"1_C.zip\", which did not come");
}

END_TEST

START_TEST(nothing_comes_after_the_manifest)
{
	static const char *const names[] = { "1_b.zip", "content.json", "export.json",
					     "readme" };
	char why[100];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

		tar_file(&t, "1_a.zip", "1");
		support_manifest(&t, "\"1_a.zip\"");
		if (i == 1)
			support_content(&t);
		else if (i == 2)
			support_manifest(&t, "\"1_a.zip\"");
		else
			tar_file(&t, names[i], "1");
		tar_end(&t);
		snprintf(why, sizeof(why), "member \"%s\": it comes after export.json",
			 names[i]);
		ck_assert_import_refused(&t, ERR_CORRUPT, why);
	}
}

END_TEST

START_TEST(stream_without_a_manifest_is_cut_short)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES, empty = TAR_BYTES;

	support_content(&t);
	tar_file(&t, "1_a.zip", "1");
	tar_end(&t);
	ck_assert_import_refused(&t, ERR_CORRUPT,
				 "it is cut short: export.json is missing");
	tar_end(&empty);
	ck_assert_import_refused(&empty, ERR_CORRUPT,
				 "it is cut short: export.json is missing");
}

END_TEST

START_TEST(set_without_snapshots_is_refused)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	support_content(&t);
	support_manifest(&t, "");
	tar_end(&t);
	ck_assert_import_refused(&t, ERR_CORRUPT, "it holds no snapshots");
}

END_TEST

/* ---- Behind the end ---- */

static void put(struct tar_bytes *t, const void *p, size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(buf_add(&t->buf, p, n, &err), &err);
}

START_TEST(stream_that_goes_on_is_refused)
{
	char garbage[600];

	memset(garbage, 'g', sizeof(garbage));
	for (int i = 0; i < 7; i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

		support_export(&t, "1_a.zip", "1");
		switch (i) {
		case 0:
			tar_file(&t, "1_b.zip",
				 "1"); /* an archive that begins otherwise */
			break;
		case 1:
			support_manifest(&t, "\"1_b.zip\"");
			break;
		case 2:
			tar_dir(&t, "content.json");
			break;
		case 3:
			tar_add(&t, (struct tar_item){ .name = "x", .type = 'V' });
			break;
		case 4:
			put(&t, garbage, 512);
			break;
		case 5:
			tar_file(&t, "../content.json", "{}");
			break;
		default:
			tar_pax(&t, 'g', "uid", "1", NULL); /* and no entry */
			break;
		}
		tar_end(&t);
		ck_assert_import_refused(&t, ERR_CORRUPT, "it goes on after its end");
	}
}

END_TEST

START_TEST(part_of_a_block_behind_the_end_is_refused)
{
	static const char piece[100];
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	support_export(&t, "1_a.zip", "1");
	put(&t, piece, sizeof(piece));
	ck_assert_import_refused(&t, ERR_CORRUPT, "cut short");
	t.buf.data[t.buf.len - 1] = 'x';
	ck_assert_import_refused(&t, ERR_CORRUPT, "cut short");
}

END_TEST

START_TEST(second_set_is_read_as_strictly)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	support_export(&t, "1_a.zip", "1");
	support_content(&t);
	tar_file(&t, "1_b.zip", "1");
	tar_end(&t);
	ck_assert_import_refused(&t, ERR_CORRUPT,
				 "it is cut short: export.json is missing");
}

END_TEST

/* ---- Damage ---- */

START_TEST(every_cut_is_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(tar_bytes_done) struct tar_bytes whole = TAR_BYTES;
	size_t between;

	support_export(&whole, "1_a.zip", "12345");
	between = whole.buf.len;
	support_export(&whole, "1_a.zip", "54321");
	for (size_t n = 0; n < whole.buf.len; n++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
		_cleanup_(buf_done) struct buf got = BUF_INIT;

		put(&t, whole.buf.data, n);
		if (n == between) {
			ck_assert_ok(support_import_all(&t, true, &got, &err), &err);
			continue;
		}
		ck_assert_fails(support_import_all(&t, n % 2, &got, &err), &err,
				ERR_CORRUPT, "");
		/* The first set is told of only where its end is proven. */
		ck_assert(!got.data || !strstr(got.data, "end\n") || n > between);
	}
}

END_TEST

START_TEST(flipped_bits_are_refused_or_change_nothing_but_bytes)
{
	_cleanup_(tar_bytes_done) struct tar_bytes whole = TAR_BYTES;
	struct support_random random = { 4 };
	unsigned taken = 0, refused = 0;

	support_export(&whole, "1_a.zip", "12345");
	for (size_t i = 0; i < whole.buf.len; i++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
		_cleanup_(buf_done) struct buf got = BUF_INIT;

		put(&t, whole.buf.data, whole.buf.len);
		t.buf.data[i] ^= (char)(1 << support_random_below(&random, 8));
		if (support_import_all(&t, true, &got, &err) < 0) {
			refused++;
			ck_assert_msg(err_is(&err, ERR_CORRUPT) ||
					      err_is(&err, ERR_UNSUPPORTED),
				      "byte %zu: %s", i, err_message(&err));
			continue;
		}
		taken++;
		ck_assert_msg(strstr(got.data, "zip 1_a.zip 5 ") &&
				      strstr(got.data, "end\n"),
			      "byte %zu: %s", i, got.data);
	}
	/* Both happen: otherwise it shows nothing. */
	ck_assert_uint_gt(taken, 100);
	ck_assert_uint_gt(refused, 1000);
}

END_TEST

static ssize_t broken_source(void *ctx, const void **ret, size_t max, struct err *err)
{
	struct tar_bytes *t = ctx;

	if (t->at >= 1024)
		return err_set(err, ERR_IO, "the line is dead");
	return tar_bytes_source(ctx, ret, max, err);
}

START_TEST(errors_of_the_source_are_passed_on)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(import_freep) struct import *im = NULL;
	struct import_part part;

	support_export(&t, "1_a.zip", "1");
	tar_bytes_rewind(&t, 512);
	ck_assert_ok(import_new(broken_source, &t, &im, &err), &err);
	ck_assert_int_eq(import_next(im, &part, &err), 1);
	ck_assert_fails(import_next(im, &part, &err), &err, ERR_IO, "the line is dead");
}

END_TEST

Suite *suite_import_refuses(void)
{
	Suite *s = suite_create("import_refuses");
	TCase *tc = support_tcase(s, "members");

	tcase_add_test(tc, what_is_no_regular_file_is_refused);
	tcase_add_test(tc, sparse_files_are_refused);
	tcase_add_test(tc, types_that_tar_does_not_know_are_damage);
	tcase_add_test(tc, names_that_lead_elsewhere_are_refused);
	tcase_add_test(tc, names_that_no_snapshot_has_are_refused);
	tcase_add_test(tc, names_that_no_file_can_have_are_refused);
	tcase_add_test(tc, names_given_twice_are_refused);
	tcase_add_test(tc, one_name_is_taken_in_each_set_anew);
	tcase_add_test(tc, more_zips_than_the_limit_are_refused);

	tc = support_tcase(s, "texts");
	tcase_add_test(tc, content_that_is_no_hash_is_refused);
	tcase_add_test(tc, content_with_a_key_twice_is_refused);
	tcase_add_test(tc, content_twice_is_refused);
	tcase_add_test(tc, content_that_is_too_large_or_deep_is_refused);
	tcase_add_test(tc, format_that_is_none_is_refused);
	tcase_add_test(tc, format_of_a_later_version_is_unsupported);
	tcase_add_test(tc, manifest_that_is_no_manifest_is_refused);
	tcase_add_test(tc, date_that_is_none_is_refused);
	tcase_add_test(tc, files_that_are_no_names_are_refused);
	tcase_add_test(tc, list_must_name_what_came);

	tc = support_tcase(s, "end");
	tcase_add_test(tc, nothing_comes_after_the_manifest);
	tcase_add_test(tc, stream_without_a_manifest_is_cut_short);
	tcase_add_test(tc, set_without_snapshots_is_refused);
	tcase_add_test(tc, stream_that_goes_on_is_refused);
	tcase_add_test(tc, part_of_a_block_behind_the_end_is_refused);
	tcase_add_test(tc, second_set_is_read_as_strictly);
	tcase_add_test(tc, every_cut_is_refused);
	tcase_add_test(tc, flipped_bits_are_refused_or_change_nothing_but_bytes);
	tcase_add_test(tc, errors_of_the_source_are_passed_on);
	return s;
}
