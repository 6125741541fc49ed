/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/snapshot_file.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/support.h"
#include "tests/unit/support_zip.h"
#include "tests/unit/support_zipped.h"

/* More than is read at once. */
#define LONG ((size_t)700 << 10)

/* LONG letters, in which deflate finds something; the caller frees them. */
static char *letters(char first)
{
	char *text = malloc(LONG + 1);

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < LONG; i++)
		text[i] = (char)(first + (char)(i * i % 7));
	text[LONG] = '\0';
	return text;
}

/* snapshot_file_sink */
static int collect(void *ctx, const void *p, size_t n, struct err *err)
{
	return buf_add(ctx, p, n, err);
}

static struct snapshot_file *open_file(int fd)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snapshot_file *f = NULL;
	struct snapshot *meta = NULL;

	ck_assert_ok(snapshot_file_open(fd, &f, &meta, &err), &err);
	ck_assert_ptr_null(meta);
	return f;
}

static struct snapshot_file *open_zipped(const struct support_zipped *z)
{
	_cleanup_(buf_done) struct buf zip = BUF_INIT;

	support_zipped_make(z, &zip);
	return open_file(support_zip_memory(zip.data, zip.len));
}

static void assert_copied(struct snapshot_file *f, const void *bytes, size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf got = BUF_INIT;

	ck_assert_ok(snapshot_file_copy(f, collect, &got, NULL, &err), &err);
	ck_assert_uint_eq(got.len, n);
	ck_assert_mem_eq(got.data, bytes, n);
}

START_TEST(copy_is_byte_for_byte_what_snapd_wrote)
{
	static const char *const files[] = { "snapd/3_hello_2.10_7.zip",
					     "snapd/3_notes-app_v1.33~rc1+git_x2.zip",
					     "snapd/4_hello_2.10_7.zip" };

	for (size_t i = 0; i < 3; i++) {
		const char *path = support_fixture(files[i]);
		_cleanup_(snapshot_file_closep) struct snapshot_file *f =
			open_file(open(path, O_RDONLY | O_CLOEXEC));
		_cleanup_free_ char *bytes = NULL;
		size_t n;

		bytes = support_read(AT_FDCWD, support_fixture(files[i]), &n);
		assert_copied(f, bytes, n);
		/* And once more: nothing is used up. */
		assert_copied(f, bytes, n);
	}
}

END_TEST

START_TEST(copy_is_byte_for_byte_however_archives_are_kept)
{
	_cleanup_free_ char *one = letters('a'), *two = letters('p');

	for (int i = 0; i < 8; i++) {
		const struct support_zipped z = { .app = "app",
						  .system = i & 1 ? one : "",
						  .user = i & 1 ? two : NULL,
						  .method = i & 2 ? ZIP_DEFLATED
								  : ZIP_STORED,
						  .strange = i & 4 };
		_cleanup_(snapshot_file_closep) struct snapshot_file *f = NULL;
		_cleanup_(buf_done) struct buf zip = BUF_INIT;

		support_zipped_make(&z, &zip);
		f = open_file(support_zip_memory(zip.data, zip.len));
		assert_copied(f, zip.data, zip.len);
	}
}

END_TEST

static void assert_refused(const struct support_zipped *z, const char *why)
{
	_cleanup_(snapshot_file_closep) struct snapshot_file *f = open_zipped(z);
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf got = BUF_INIT;

	ck_assert_fails(snapshot_file_copy(f, collect, &got, NULL, &err), &err,
			ERR_CORRUPT, why);
}

START_TEST(copy_finds_a_wrong_hash)
{
	_cleanup_free_ char *one = letters('a'), *two = letters('p');
	struct support_zipped z = { .app = "app", .system = one, .user = two };

	for (int i = 0; i < 2; i++) {
		z.method = i ? ZIP_DEFLATED : ZIP_STORED;
		z.lies_about = "archive.tgz";
		assert_refused(&z, "the SHA3-384 hash of \"archive.tgz\" is wrong");
		z.lies_about = "user/u.tgz";
		assert_refused(&z, "the SHA3-384 hash of \"user/u.tgz\" is wrong");
	}
}

END_TEST

START_TEST(copy_finds_a_flipped_bit)
{
	_cleanup_free_ char *one = letters('a');
	struct support_zipped z = { .app = "app", .system = one };

	for (int i = 0; i < 2; i++) {
		_cleanup_(snapshot_file_closep) struct snapshot_file *f = NULL;
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(buf_done) struct buf zip = BUF_INIT, got = BUF_INIT;

		z.method = i ? ZIP_DEFLATED : ZIP_STORED;
		support_zipped_make(&z, &zip);
		zip.data[i ? 200 : LONG / 2] ^= 4;
		f = open_file(support_zip_memory(zip.data, zip.len));
		ck_assert_fails(snapshot_file_copy(f, collect, &got, NULL, &err), &err,
				ERR_CORRUPT, "\"archive.tgz\"");
	}
}

END_TEST

START_TEST(copy_finds_that_the_file_was_cut_meanwhile)
{
	_cleanup_free_ char *one = letters('a');
	struct support_zipped z = { .app = "app", .system = one };

	for (int i = 0; i < 8; i++) {
		_cleanup_(snapshot_file_closep) struct snapshot_file *f = NULL;
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(buf_done) struct buf zip = BUF_INIT, got = BUF_INIT;
		size_t cuts[4];
		int fd;

		z.method = i % 2 ? ZIP_DEFLATED : ZIP_STORED;
		support_zipped_make(&z, &zip);
		cuts[0] = 0;
		cuts[1] = 100;
		cuts[2] = zip.len / 2;
		cuts[3] = zip.len - 1;
		fd = support_zip_memory(zip.data, zip.len);
		f = open_file(fd);
		ck_assert_int_eq(ftruncate(fd, (off_t)cuts[i / 2]), 0);
		ck_assert_fails(snapshot_file_copy(f, collect, &got, NULL, &err), &err,
				ERR_CHANGED, "cut");
	}
}

END_TEST

START_TEST(copy_takes_no_more_than_was_there_when_it_was_opened)
{
	_cleanup_(snapshot_file_closep) struct snapshot_file *f = NULL;
	_cleanup_(buf_done) struct buf zip = BUF_INIT;
	int fd;

	support_zipped_make(&(struct support_zipped){ .app = "app", .system = "x" },
			    &zip);
	fd = support_zip_memory(zip.data, zip.len);
	f = open_file(fd);
	ck_assert_int_eq(pwrite(fd, "more", 4, (off_t)zip.len), 4);
	assert_copied(f, zip.data, zip.len);
}

END_TEST

/* The last that was heard. */
static void hear(void *ctx, const struct event *event)
{
	uint64_t *last = ctx;

	ck_assert_int_eq(event->kind, EVENT_PROGRESS);
	ck_assert_uint_ge(event->done, *last);
	*last = event->done;
}

START_TEST(copy_tells_how_far_it_is)
{
	_cleanup_free_ char *one = letters('a');
	const struct support_zipped z = { .app = "app", .system = one };
	_cleanup_(snapshot_file_closep) struct snapshot_file *f = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf zip = BUF_INIT, got = BUF_INIT;
	uint64_t last = 0;
	struct observer observer = { hear, &last, NULL };

	support_zipped_make(&z, &zip);
	f = open_file(support_zip_memory(zip.data, zip.len));
	ck_assert_ok(snapshot_file_copy(f, collect, &got, &observer, &err), &err);
	ck_assert_uint_eq(last, zip.len);
}

END_TEST

START_TEST(copy_can_be_cancelled)
{
	const struct support_zipped z = { .app = "app", .system = "x" };
	_cleanup_(snapshot_file_closep) struct snapshot_file *f = open_zipped(&z);
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf got = BUF_INIT;
	const atomic_bool cancel = true;
	struct observer observer = { NULL, NULL, &cancel };

	ck_assert_fails(snapshot_file_copy(f, collect, &got, &observer, &err), &err,
			ERR_INTERRUPTED, "");
	ck_assert_uint_eq(got.len, 0);
}

END_TEST

/* snapshot_file_sink */
static int refuse(void *ctx, const void *p, size_t n, struct err *err)
{
	(void)ctx;
	(void)p;
	(void)n;
	return err_set(err, ERR_NO_SPACE, "the sink is full");
}

START_TEST(errors_of_the_sink_are_passed_on)
{
	const struct support_zipped z = { .app = "app", .system = "x" };
	_cleanup_(snapshot_file_closep) struct snapshot_file *f = open_zipped(&z);
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_fails(snapshot_file_copy(f, refuse, NULL, NULL, &err), &err,
			ERR_NO_SPACE, "the sink is full");
}

END_TEST

/* ---- The hash of the metadata ---- */

/* Opens a snapshot whose meta.sha3_384 is the right hash between two texts. */
static int open_with_hash(const char *before, const char *after, struct err *err)
{
	static const char format[] =
		"{\"set\":1,\"time\":\"2026-11-21T07:11:55Z\",\"snap\":\"a\","
		"\"revision\":\"x1\",\"epoch\":{\"read\":[0],\"write\":[0]},"
		"\"summary\":\"\",\"version\":\"1\",\"sha3-384\":{"
		"\"archive.tgz\":\"%s\"},\"size\":1}\n";
	_cleanup_(buf_done) struct buf meta = BUF_INIT, line = BUF_INIT;
	_cleanup_(snapshot_file_closep) struct snapshot_file *f = NULL;
	_cleanup_(snapshot_freep) struct snapshot *broken = NULL;
	uint8_t hash[DIGEST_MAX_SIZE];
	char hex[DIGEST_SHA3_384_HEX + 1];
	int fd = memfd_create("hash", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_ok(digest_of(DIGEST_SHA3_384, "x", 1, hash, err), err);
	digest_hex(hash, DIGEST_SHA3_384_SIZE, hex);
	ck_assert_ok(buf_printf(&meta, err, format, hex), err);
	ck_assert_ok(digest_of(DIGEST_SHA3_384, meta.data, meta.len, hash, err), err);
	digest_hex(hash, DIGEST_SHA3_384_SIZE, hex);
	ck_assert_ok(buf_printf(&line, err, "%s%s%s", before, hex, after), err);
	support_zip_write(
		fd,
		(const struct support_zip_input[]){
			{ "archive.tgz", ZIP_STORED, "x", 1 },
			{ "meta.json", ZIP_DEFLATED, meta.data, meta.len },
			{ "meta.sha3_384", ZIP_DEFLATED, line.data, line.len } },
		3, 0);
	return snapshot_file_open(fd, &f, &broken, err);
}

START_TEST(blanks_around_the_hash_of_the_metadata_do_not_count)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	static const char *const blanks[] = { "", "\n", " ", "\r\n", "\t \v\f\n" };

	for (size_t i = 0; i < 5; i++)
		for (size_t k = 0; k < 5; k++)
			ck_assert_ok(open_with_hash(blanks[i], blanks[k], &err), &err);
}

END_TEST

START_TEST(anything_else_around_the_hash_of_the_metadata_is_no_hash)
{
	static const char *const others[] = { "0", "x ", " 00", "\n.\n" };

	for (size_t i = 0; i < 8; i++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		const char *other = others[i / 2];

		ck_assert_fails(
			open_with_hash(i % 2 ? other : "", i % 2 ? "" : other, &err),
			&err, ERR_CORRUPT, "meta.sha3_384 is not a hash");
	}
}

END_TEST

Suite *suite_snapshot_file(void)
{
	Suite *s = suite_create("snapshot_file");
	TCase *tc = support_tcase(s, "copy");

	tcase_add_test(tc, copy_is_byte_for_byte_what_snapd_wrote);
	tcase_add_test(tc, copy_is_byte_for_byte_however_archives_are_kept);
	tcase_add_test(tc, copy_finds_a_wrong_hash);
	tcase_add_test(tc, copy_finds_a_flipped_bit);
	tcase_add_test(tc, copy_finds_that_the_file_was_cut_meanwhile);
	tcase_add_test(tc, copy_takes_no_more_than_was_there_when_it_was_opened);
	tcase_add_test(tc, copy_tells_how_far_it_is);
	tcase_add_test(tc, copy_can_be_cancelled);
	tcase_add_test(tc, errors_of_the_sink_are_passed_on);
	tcase_add_test(tc, blanks_around_the_hash_of_the_metadata_do_not_count);
	tcase_add_test(tc, anything_else_around_the_hash_of_the_metadata_is_no_hash);
	return s;
}
