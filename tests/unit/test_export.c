/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/export.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/json.h"
#include "tests/unit/support.h"
#include "tests/unit/support_tar.h"

#define BLOCK     512
#define HASH_TEXT "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

/* 2026-11-21T07:11:55.5+01:00 */
static const struct stamp date = { 1795241515, 500000000, 60 };

/* The bytes 0 to 31. */
static const uint8_t *hash(void)
{
	static uint8_t bytes[DIGEST_SHA256_SIZE];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	return bytes;
}

static struct export *new_export(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct export *x = NULL;

	ck_assert_ok(export_new(hash(), &date, &x, &err), &err);
	return x;
}

static void add(struct export *x, const char *name, uint64_t size)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(export_add(x, name, size, &err), &err);
}

static void finish(struct export *x)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(export_finish(x, &err), &err);
}

/* The stream, the zips being `n` letters z each. */
static void assemble(const struct export *x, size_t zips, size_t n, struct tar_bytes *to)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (size_t i = 0; i <= zips; i++) {
		size_t size = 0;
		const void *p = export_part(x, i, &size);

		ck_assert_ok(buf_add(&to->buf, p, size, &err), &err);
		for (size_t k = 0; i < zips && k < n; k++)
			ck_assert_ok(buf_add_byte(&to->buf, 'z', &err), &err);
	}
}

START_TEST(export_is_content_zips_and_manifest)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(export_freep) struct export *x = new_export();

	add(x, "3_hello_1_x1.zip", 5);
	add(x, "3_world_1_x1.zip", 5);
	finish(x);
	assemble(x, 2, 5, &t);
	ck_assert_uint_eq(t.buf.len, export_size(x));
	ck_assert_tar_reads(
		&t, "0 content.json 0600 0:0 -:- 1795241515.000000000 63\n"
		    "  0+{\"content-hash\":\"" HASH_TEXT "\"}\n"
		    "0 3_hello_1_x1.zip 0600 0:0 -:- 1795241515.000000000 5\n  0+zzzzz\n"
		    "0 3_world_1_x1.zip 0600 0:0 -:- 1795241515.000000000 5\n  0+zzzzz\n"
		    "0 export.json 0600 0:0 -:- 1795241515.000000000 97\n"
		    "  0+{\"format\":1,\"date\":\"2026-11-21T07:11:55.5+01:00\","
		    "\"files\":[\"3_hello_1_x1.zip\",\"3_world_1_x1.zip\"]}\n");
}

END_TEST

START_TEST(export_ends_with_two_zero_blocks_and_no_padding)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(export_freep) struct export *x = new_export();
	static const char zeros[2 * BLOCK];

	add(x, "3_hello_1_x1.zip", 1);
	finish(x);
	assemble(x, 1, 1, &t);
	/* Headers and data of three members, each in a block of its own. */
	ck_assert_uint_eq(t.buf.len, 8 * BLOCK);
	ck_assert_mem_eq(t.buf.data + 6 * (size_t)BLOCK, zeros, sizeof(zeros));
	ck_assert_int_ne(t.buf.data[5 * BLOCK], '\0');
}

END_TEST

START_TEST(size_is_that_of_the_bytes_whatever_the_zips_have)
{
	static const size_t sizes[] = { 0, 1, 511, 512, 513, 1023, 1024, 10000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		for (size_t zips = 0; zips < 4; zips++) {
			_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
			_cleanup_(export_freep) struct export *x = new_export();
			char name[64];

			for (size_t k = 0; k < zips; k++) {
				snprintf(name, sizeof(name), "1_app%zu_1_x1.zip", k);
				add(x, name, sizes[i]);
			}
			finish(x);
			assemble(x, zips, sizes[i], &t);
			ck_assert_uint_eq(t.buf.len, export_size(x));
			ck_assert_uint_eq(t.buf.len % BLOCK, 0);
		}
	}
}

END_TEST

START_TEST(equal_sets_and_dates_give_equal_bytes)
{
	_cleanup_(tar_bytes_done) struct tar_bytes a = TAR_BYTES, b = TAR_BYTES;

	for (int i = 0; i < 2; i++) {
		_cleanup_(export_freep) struct export *x = new_export();

		add(x, "3_hello_1_x1.zip", 700);
		finish(x);
		assemble(x, 1, 700, i ? &b : &a);
	}
	ck_assert_uint_eq(a.buf.len, b.buf.len);
	ck_assert_mem_eq(a.buf.data, b.buf.data, a.buf.len);
}

END_TEST

START_TEST(names_are_copied_and_escaped_in_the_manifest)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(export_freep) struct export *x = new_export();
	char name[] = "3_a\"b\\c<\n_1.zip";

	add(x, name, 0);
	memset(name, 'x', sizeof(name) - 1);
	finish(x);
	assemble(x, 1, 0, &t);
	ck_assert_tar_reads(&t,
			    "0 content.json 0600 0:0 -:- 1795241515.000000000 63\n"
			    "  0+{\"content-hash\":\"" HASH_TEXT "\"}\n"
			    "0 3_a\"b\\c<\n_1.zip 0600 0:0 -:- 1795241515.000000000 0\n"
			    "0 export.json 0600 0:0 -:- 1795241515.000000000 85\n"
			    "  0+{\"format\":1,\"date\":\"2026-11-21T07:11:55.5+01:00\","
			    "\"files\":[\"3_a\\\"b\\\\c\\u003c\\n_1.zip\"]}\n");
}

END_TEST

/* ---- What ustar cannot hold ---- */

#define LONG_NAME                                                                        \
 "3_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"         \
 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb_1_x1.zip"
#define HUGE_NAME "3_huge_1_x1.zip"
#define HUGE_SIZE (((uint64_t)9 << 30) + 1)

/* A file "x.tar" with a long name and one zip of more than 8 GiB, of holes. */
static void make_extreme(void)
{
	_cleanup_(export_freep) struct export *x = new_export();
	static const uint64_t sizes[] = { 0, HUGE_SIZE };
	_cleanup_close_ int fd = -1;
	off_t at = 0;

	add(x, LONG_NAME, sizes[0]);
	add(x, HUGE_NAME, sizes[1]);
	finish(x);
	fd = openat(support_dirfd(), "x.tar", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0600);
	ck_assert_int_ge(fd, 0);
	for (size_t i = 0; i <= 2; i++) {
		size_t n = 0;
		const void *p = export_part(x, i, &n);

		ck_assert_int_eq(pwrite(fd, p, n, at), (ssize_t)n);
		at += (off_t)n + (i < 2 ? (off_t)sizes[i] : 0);
	}
	ck_assert_uint_eq((uint64_t)at, export_size(x));
}

static void assert_output(const char *expected)
{
	_cleanup_free_ char *text = support_read(support_dirfd(), "out", NULL);

	ck_assert_str_eq(text, expected);
}

START_TEST(gnu_tar_lists_long_names_and_large_sizes)
{
	static const char *const argv[] = {
		"tar", "-tvf", "x.tar", "--numeric-owner", "--full-time", "--utc", NULL
	};
	_cleanup_free_ char *text = NULL;

	if (!support_has("tar")) {
		support_skip("there is no tar");
		return;
	}
	make_extreme();
	ck_assert_int_eq(support_run(support_dir(), "out", argv), 0);
	text = support_read(support_dirfd(), "out", NULL);
	ck_assert_ptr_nonnull(strstr(text, "content.json\n"));
	ck_assert_ptr_nonnull(strstr(text, " " LONG_NAME "\n"));
	ck_assert_ptr_nonnull(
		strstr(text, " 9663676417 2026-11-21 06:11:55 " HUGE_NAME "\n"));
	ck_assert_ptr_nonnull(strstr(text, "export.json\n"));
}

END_TEST

START_TEST(python_lists_long_names_and_large_sizes)
{
	static const char *const argv[] = {
		"python3", "-c",
		"import tarfile\n"
		"for m in tarfile.open('x.tar', 'r:'):\n"
		"    print(m.name, m.size, m.isreg(), oct(m.mode), m.mtime)\n",
		NULL
	};

	if (!support_has("python3")) {
		support_skip("there is no python3");
		return;
	}
	make_extreme();
	ck_assert_int_eq(support_run(support_dir(), "out", argv), 0);
	assert_output("content.json 63 True 0o600 1795241515\n" LONG_NAME
		      " 0 True 0o600 1795241515\n" HUGE_NAME
		      " 9663676417 True 0o600 1795241515\n"
		      "export.json 241 True 0o600 1795241515\n");
}

END_TEST

/* ---- Limits ---- */

START_TEST(export_holds_as_many_zips_as_a_reader_takes)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(export_freep) struct export *x = new_export();
	char name[64];

	for (unsigned i = 0; i < EXPORT_ZIPS_MAX; i++) {
		snprintf(name, sizeof(name), "1_app%u_1_x1.zip", i);
		add(x, name, 0);
	}
	ck_assert_fails(export_add(x, "1_last_1_x1.zip", 0, &err), &err, ERR_NO_SPACE,
			"an export holds at most 10000 snapshots");
	finish(x);
}

END_TEST

START_TEST(export_of_more_than_a_file_can_hold_is_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(export_freep) struct export *x = new_export();

	ck_assert_fails(export_add(x, "1_a_1_x1.zip", (uint64_t)INT64_MAX + 1, &err),
			&err, ERR_NO_SPACE, "the set is too large for an export");
	add(x, "1_a_1_x1.zip", INT64_MAX - 10);
	ck_assert_fails(export_add(x, "1_b_1_x1.zip", 11, &err), &err, ERR_NO_SPACE,
			"the set is too large for an export");
	ck_assert_fails(export_add(x, "1_b_1_x1.zip", UINT64_MAX, &err), &err,
			ERR_NO_SPACE, "the set is too large for an export");
}

END_TEST

START_TEST(metadata_of_a_set_has_a_limit)
{
	_cleanup_(snapshot_freep) struct snapshot *s = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const size_t long_text = 1 << 20;
	size_t total = 0, before = 0;

	ck_assert_ok(snapshot_new(&s, &err), &err);
	free(s->summary);
	s->summary = alloc_bytes(long_text + 1, &err);
	ck_assert_ptr_nonnull(s->summary);
	memset(s->summary, 'x', long_text);
	s->summary[long_text] = '\0';
	for (int i = 0; i < 63; i++) {
		before = total;
		ck_assert_ok(export_count_metadata(s, &total, &err), &err);
		ck_assert_uint_gt(total, before + long_text);
	}
	before = total;
	ck_assert_fails(export_count_metadata(s, &total, &err), &err, ERR_NO_SPACE,
			"the snapshots have more than 64 MiB of metadata");
	ck_assert_uint_eq(total, before);
}

END_TEST

START_TEST(manifest_over_its_limit_is_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(export_freep) struct export *x = new_export();
	char name[1001];

	memset(name, '<', sizeof(name) - 1); /* six characters each */
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < EXPORT_MANIFEST_MAX / 6000 + 1; i++)
		add(x, name, 0);
	ck_assert_fails(export_finish(x, &err), &err, ERR_NO_SPACE, "");
}

END_TEST

START_TEST(freeing_nothing_is_allowed)
{
	_cleanup_(export_freep) struct export *unfinished = new_export();

	export_free(NULL);
	add(unfinished, "1_a_1_x1.zip", 1);
}

END_TEST

Suite *suite_export(void)
{
	Suite *s = suite_create("export");
	TCase *tc = support_tcase(s, "layout");

	tcase_add_test(tc, export_is_content_zips_and_manifest);
	tcase_add_test(tc, export_ends_with_two_zero_blocks_and_no_padding);
	tcase_add_test(tc, size_is_that_of_the_bytes_whatever_the_zips_have);
	tcase_add_test(tc, equal_sets_and_dates_give_equal_bytes);
	tcase_add_test(tc, names_are_copied_and_escaped_in_the_manifest);
	tcase_add_test(tc, freeing_nothing_is_allowed);

	tc = support_tcase(s, "limits");
	tcase_add_test(tc, gnu_tar_lists_long_names_and_large_sizes);
	tcase_add_test(tc, python_lists_long_names_and_large_sizes);
	tcase_add_test(tc, export_holds_as_many_zips_as_a_reader_takes);
	tcase_add_test(tc, export_of_more_than_a_file_can_hold_is_refused);
	tcase_add_test(tc, metadata_of_a_set_has_a_limit);
	tcase_add_test(tc, manifest_over_its_limit_is_refused);
	return s;
}
