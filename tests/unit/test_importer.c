/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Export streams taken apart by a real reader process. */

#include "backend/worker/importer.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend/base/fd.h"
#include "backend/worker/reader.h"
#include "tests/unit/support.h"
#include "tests/unit/support_import.h"

static struct worker_env env;

/* A reader; NULL, with a SKIP line, where workers cannot run. */
static struct worker *start_reader(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct worker *w = NULL;

	env.program = getenv("SETASIDE_WORKER");
	if (!env.program) {
		support_skip("SETASIDE_WORKER names no worker");
		return NULL;
	}
	env.rootfd = support_dirfd();
	ck_assert_ok(worker_start(&env, WORKER_READER, &reader_identity, NULL, &w, &err),
		     &err);
	return w;
}

/* The stream in a file, to be read from its beginning. */
static int in_memory(const struct tar_bytes *t)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, t->buf.data, t->buf.len, 0), (ssize_t)t->buf.len);
	return fd;
}

/* Copies the zip, `max` bytes a call, and compares. */
static void assert_zip(struct worker *w, uint64_t max, const void *bytes, size_t size)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf got = BUF_INIT;
	_cleanup_close_ int out = memfd_create("zip", MFD_CLOEXEC);
	uint64_t done = 0, n;

	do {
		ck_assert_ok(importer_copy(w, out, max, NULL, &n, &err), &err);
		done += n;
	} while (n > 0);
	ck_assert_uint_eq(done, size);
	ck_assert_int_eq(lseek(out, 0, SEEK_SET), 0);
	ck_assert_ok(fd_read_file(out, (size_t)1 << 20, &got, &err), &err);
	ck_assert_uint_eq(got.len, size);
	ck_assert_mem_eq(got.data, bytes, size);
}

static void assert_next(struct worker *w, struct importer_part *part,
			enum import_kind kind)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_int_eq(importer_next(w, NULL, part, &err), 1);
	ck_assert_int_eq(part->kind, kind);
}

static void assert_end(struct worker *w, struct importer_part *part)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_int_eq(importer_next(w, NULL, part, &err), 0);
	ck_assert_ok(importer_end(w, NULL, &err), &err);
}

/* Everything in snapd's export of set 3. */
static void assert_set_3(struct worker *w, uint64_t max)
{
	static const char *const names[] = { "3_notes-app_v1.33~rc1+git_x2.zip",
					     "3_hello_2.10_7.zip" };
	_cleanup_(importer_part_done) struct importer_part part = { 0 };
	char hex[2 * DIGEST_SHA256_SIZE + 1];

	assert_next(w, &part, IMPORT_CONTENT);
	digest_hex(part.hash, sizeof(part.hash), hex);
	ck_assert_str_eq(
		hex, "fb5f5f6b1cd7b2505def4b3f265e12591c0ec9f60f894ece418d6f2de74021e9");
	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *bytes = NULL;
		char file[100];
		size_t n;

		snprintf(file, sizeof(file), "snapd/%s", names[i]);
		bytes = support_read(AT_FDCWD, support_fixture(file), &n);
		assert_next(w, &part, IMPORT_ZIP);
		ck_assert_str_eq(part.name, names[i]);
		ck_assert_uint_eq(part.size, n);
		assert_zip(w, max, bytes, n);
	}
	assert_next(w, &part, IMPORT_END);
	assert_end(w, &part);
}

START_TEST(file_is_taken_apart)
{
	_cleanup_(worker_freep) struct worker *w = start_reader();
	_cleanup_(err_clear) struct err err = ERR_INIT;
	static const uint64_t slices[] = { UINT64_MAX, 1000, 1 };

	if (!w)
		return;
	for (size_t i = 0; i < 3; i++) {
		_cleanup_close_ int fd = open(support_fixture("snapd/set3.snapshot"),
					      O_RDONLY | O_CLOEXEC);

		ck_assert_ok(importer_begin(w, fd, NULL, &err), &err);
		assert_set_3(w, slices[i]);
	}
}

END_TEST

START_TEST(pipe_is_taken_apart)
{
	_cleanup_(worker_freep) struct worker *w = start_reader();
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *bytes = NULL;
	int p[2];
	size_t n;

	if (!w)
		return;
	bytes = support_read(AT_FDCWD, support_fixture("snapd/set3.snapshot"), &n);
	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	ck_assert_int_eq(write(p[1], bytes, n), (ssize_t)n); /* a pipe holds 64 KiB */
	close(p[1]);
	ck_assert_ok(importer_begin(w, p[0], NULL, &err), &err);
	close(p[0]);
	assert_set_3(w, UINT64_MAX);
}

END_TEST

START_TEST(zips_that_nobody_wants_are_passed_over)
{
	_cleanup_(worker_freep) struct worker *w = start_reader();
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(importer_part_done) struct importer_part part = { 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd = -1;

	if (!w)
		return;
	support_export(&t, "1_a.zip", "one");
	support_export(&t, "1_b.zip", "two");
	fd = in_memory(&t);
	ck_assert_ok(importer_begin(w, fd, NULL, &err), &err);
	assert_next(w, &part, IMPORT_CONTENT);
	assert_next(w, &part, IMPORT_ZIP);
	assert_next(w, &part, IMPORT_END);
	assert_next(w, &part, IMPORT_CONTENT);
	assert_next(w, &part, IMPORT_ZIP);
	ck_assert_str_eq(part.name, "1_b.zip");
	assert_zip(w, 2, "two", 3);
	assert_next(w, &part, IMPORT_END);
	assert_end(w, &part);
}

END_TEST

START_TEST(another_stream_takes_the_place_of_the_first)
{
	_cleanup_(worker_freep) struct worker *w = start_reader();
	_cleanup_(tar_bytes_done) struct tar_bytes one = TAR_BYTES, two = TAR_BYTES;
	_cleanup_(importer_part_done) struct importer_part part = { 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd_one = -1, fd_two = -1;

	if (!w)
		return;
	support_export(&one, "1_a.zip", "one");
	support_export(&two, "1_b.zip", "two");
	fd_one = in_memory(&one);
	fd_two = in_memory(&two);
	ck_assert_ok(importer_begin(w, fd_one, NULL, &err), &err);
	assert_next(w, &part, IMPORT_CONTENT);
	ck_assert_ok(importer_begin(w, fd_two, NULL, &err), &err);
	assert_next(w, &part, IMPORT_CONTENT);
	assert_next(w, &part, IMPORT_ZIP);
	ck_assert_str_eq(part.name, "1_b.zip");
}

END_TEST

START_TEST(nothing_comes_of_no_stream)
{
	_cleanup_(worker_freep) struct worker *w = start_reader();
	_cleanup_(importer_part_done) struct importer_part part = { 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	uint64_t n;

	if (!w)
		return;
	ck_assert_fails(importer_next(w, NULL, &part, &err), &err, ERR_CORRUPT,
			"no stream was begun");
	ck_assert_fails(importer_copy(w, support_dirfd(), 1, NULL, &n, &err), &err,
			ERR_CORRUPT, "no stream was begun");
	ck_assert_fails(importer_end(w, NULL, &err), &err, ERR_CORRUPT,
			"no stream was begun");
	ck_assert(worker_is_alive(w));
}

END_TEST

/* Parts up to the refusal; the reader survives it. */
static void assert_refused(struct worker *w, const struct tar_bytes *t,
			   enum err_kind kind, const char *why)
{
	_cleanup_(importer_part_done) struct importer_part part = { 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd = in_memory(t);
	int r;

	ck_assert_ok(importer_begin(w, fd, NULL, &err), &err);
	while ((r = importer_next(w, NULL, &part, &err)) > 0)
		;
	ck_assert_fails(r, &err, kind, why);
	ck_assert(worker_is_alive(w));
	ck_assert_ok(importer_end(w, NULL, &err), &err);
}

START_TEST(refusals_come_with_kind_and_text)
{
	_cleanup_(worker_freep) struct worker *w = start_reader();
	_cleanup_(tar_bytes_done) struct tar_bytes link = TAR_BYTES, later = TAR_BYTES,
						   cut = TAR_BYTES, date = TAR_BYTES,
						   odd = TAR_BYTES;

	if (!w)
		return;
	tar_add(&link, (struct tar_item){ .name = "1_a.zip", .type = '2', .link = "/x" });
	assert_refused(w, &link, ERR_CORRUPT,
		       "member \"1_a.zip\": it is no regular file");
	tar_file(&later, "export.json", "{\"format\":2}");
	assert_refused(w, &later, ERR_UNSUPPORTED, "exports of format 2");
	support_export(&cut, "1_a.zip", "one");
	buf_cut(&cut.buf, cut.buf.len - 512);
	assert_refused(w, &cut, ERR_CORRUPT, "archive is cut short");
	tar_file(&date, "export.json", "{\"format\":1,\"date\":\"now\",\"files\":[]}");
	assert_refused(w, &date, ERR_CORRUPT, "\"now\" is not an RFC 3339 time");
	tar_file(&odd, "a\x1b[2J\n", "");
	assert_refused(w, &odd, ERR_CORRUPT, "member \"a\\x1b[2J\\n\": it is not named");
}

END_TEST

START_TEST(full_or_broken_output_fails_the_copy)
{
	_cleanup_(worker_freep) struct worker *w = start_reader();
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(importer_part_done) struct importer_part part = { 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd = -1;
	uint64_t n;
	int p[2];

	if (!w)
		return;
	support_export(&t, "1_a.zip", "one");
	fd = in_memory(&t);
	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	close(p[0]);
	ck_assert_ok(importer_begin(w, fd, NULL, &err), &err);
	assert_next(w, &part, IMPORT_CONTENT);
	assert_next(w, &part, IMPORT_ZIP);
	ck_assert_fails(importer_copy(w, p[1], 10, NULL, &n, &err), &err, ERR_IO,
			"Broken pipe");
	close(p[1]);
	ck_assert(worker_is_alive(w));
}

END_TEST

START_TEST(silent_stream_can_be_cancelled)
{
	_cleanup_(worker_freep) struct worker *w = start_reader();
	_cleanup_(importer_part_done) struct importer_part part = { 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const atomic_bool cancel = true;
	struct observer observer = { NULL, NULL, &cancel };
	int p[2];

	if (!w)
		return;
	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	ck_assert_ok(importer_begin(w, p[0], NULL, &err), &err);
	ck_assert_fails(importer_next(w, &observer, &part, &err), &err, ERR_INTERRUPTED,
			"");
	close(p[0]);
	close(p[1]);
}

END_TEST

START_TEST(end_lets_the_stream_go)
{
	_cleanup_(worker_freep) struct worker *w = start_reader();
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int p[2];
	char c;

	if (!w)
		return;
	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	/* The writing end, so that what the reader holds is seen at the other. */
	ck_assert_ok(importer_begin(w, p[1], NULL, &err), &err);
	close(p[1]);
	ck_assert_ok(importer_end(w, NULL, &err), &err);
	ck_assert_int_eq(read(p[0], &c, 1), 0);
	close(p[0]);
}

END_TEST

Suite *suite_importer(void)
{
	Suite *s = suite_create("importer");
	TCase *tc = support_tcase(s, "importer");

	tcase_add_test(tc, file_is_taken_apart);
	tcase_add_test(tc, pipe_is_taken_apart);
	tcase_add_test(tc, zips_that_nobody_wants_are_passed_over);
	tcase_add_test(tc, another_stream_takes_the_place_of_the_first);
	tcase_add_test(tc, nothing_comes_of_no_stream);
	tcase_add_test(tc, refusals_come_with_kind_and_text);
	tcase_add_test(tc, full_or_broken_output_fails_the_copy);
	tcase_add_test(tc, silent_stream_can_be_cancelled);
	tcase_add_test(tc, end_lets_the_stream_go);
	return s;
}
