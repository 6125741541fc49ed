/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/zip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "backend/base/le.h"
#include "backend/deflate.h"
#include "backend/gzip.h"
#include "tests/unit/support.h"
#include "tests/unit/support_gzip.h"
#include "tests/unit/support_zip.h"

/* The zip holds exactly these members, in this order. */
static void check_zip(int fd, const struct support_zip_input *inputs, size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(zip_reader_freep) struct zip_reader *r = NULL;

	ck_assert_ok(zip_reader_new(fd, n, &r, &err), &err);
	ck_assert_uint_eq(zip_reader_count(r), n);
	for (size_t i = 0; i < n; i++) {
		const struct zip_member *m = zip_reader_member(r, i);
		_cleanup_(buf_done) struct buf out = BUF_INIT;

		ck_assert_str_eq(m->name, inputs[i].name);
		ck_assert_uint_eq(m->size, inputs[i].n);
		ck_assert_uint_eq(m->crc, gzip_crc32(0, inputs[i].p, inputs[i].n));
		ck_assert_int_eq(zip_reader_find(r, inputs[i].name), (ssize_t)i);
		ck_assert_ok(zip_reader_slurp(r, i, inputs[i].n, &out, &err), &err);
		ck_assert_uint_eq(out.len, inputs[i].n);
		ck_assert_int_eq(memcmp(out.data, inputs[i].p, out.len), 0);
	}
	ck_assert_int_eq(zip_reader_find(r, "no such member"), -1);
}

/* Members of many sizes; the caller frees what they point to. */
static size_t make_inputs(struct support_zip_input *inputs)
{
	static const char *const names[] = {
		"archive.tgz",   "user/alice.tgz", "user/j\xc3\xb6rg.tgz",
		"user/\xff.tgz", "empty",          "meta.json",
		"noise",         "meta.sha3_384"
	};
	static const size_t sizes[] = {
		700001, 262144, 262145, 8192, 0, 100000, 900, 97
	};
	size_t n = sizeof(sizes) / sizeof(sizes[0]);

	for (size_t i = 0; i < n; i++) {
		inputs[i] = (struct support_zip_input){
			.name = names[i],
			.method = i >= 4 ? ZIP_DEFLATED : ZIP_STORED,
			.p = support_data(i == 5 || i == 7 ? SUPPORT_TEXT
							   : SUPPORT_RANDOM,
					  sizes[i], 3 + i),
			.n = sizes[i]
		};
	}
	return n;
}

static void free_inputs(const struct support_zip_input *inputs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)inputs[i].p);
}

START_TEST(zip_returns_what_it_took)
{
	static const size_t pieces[] = { 0, 1000, 77 };
	struct support_zip_input inputs[8];
	size_t n = make_inputs(inputs);

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		int fd = support_zip_create("t.zip");
		support_zip_write(fd, inputs, n, pieces[i]);
		check_zip(fd, inputs, n);
		close(fd);
	}
	free_inputs(inputs, n);
}

END_TEST

START_TEST(zip_stores_what_does_not_shrink)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(zip_reader_freep) struct zip_reader *r = NULL;
	struct support_zip_input inputs[8];
	size_t n = make_inputs(inputs);
	int fd = support_zip_create("t.zip");

	support_zip_write(fd, inputs, n, 0);
	ck_assert_ok(zip_reader_new(fd, n, &r, &err), &err);
	const struct zip_member *text = zip_reader_member(r, 5);
	const struct zip_member *noise = zip_reader_member(r, 6);
	ck_assert_int_eq(text->method, ZIP_DEFLATED);
	ck_assert_uint_lt(text->compressed_size, text->size);
	ck_assert_int_eq(noise->method, ZIP_STORED);
	ck_assert_uint_eq(noise->compressed_size, noise->size);
	close(fd);
	free_inputs(inputs, n);
}

END_TEST

START_TEST(zip_is_read_by_unzip)
{
	struct support_zip_input inputs[8];
	size_t n = make_inputs(inputs);
	int fd = support_zip_create("t.zip");

	support_zip_write(fd, inputs, n, 0);
	close(fd);
	if (support_need_program("unzip")) {
		ck_assert_int_eq(support_shell("unzip -tqq t.zip"), 0);
		support_file_n(support_dirfd(), "a", 0600, inputs[0].p, inputs[0].n);
		ck_assert_int_eq(support_shell("unzip -p t.zip archive.tgz | cmp - a"),
				 0);
	}
	free_inputs(inputs, n);
}

END_TEST

START_TEST(zip_is_read_by_python)
{
	struct support_zip_input inputs[8];
	size_t n = make_inputs(inputs);
	int fd = support_zip_create("t.zip");

	support_zip_write(fd, inputs, n, 0);
	close(fd);
	support_file(support_dirfd(), "t.py", 0600,
		     "import zipfile\n"
		     "z = zipfile.ZipFile('t.zip')\n"
		     "assert z.testzip() is None\n"
		     "i = z.infolist()\n"
		     "assert [m.file_size for m in i[:3]] == [700001, 262144, 262145]\n"
		     "assert i[2].filename == 'user/j\\u00f6rg.tgz'\n"
		     "assert all(m.date_time == (1980, 1, 1, 0, 0, 0) for m in i)\n"
		     "assert z.read('meta.json')\n");
	if (support_need_program("python3"))
		ck_assert_int_eq(support_shell("python3 t.py"), 0);
	free_inputs(inputs, n);
}

END_TEST

START_TEST(zip_has_the_same_bytes_in_every_time_zone)
{
	static const char *const zones[] = { "UTC", "America/New_York", "Asia/Kathmandu",
					     "Australia/Lord_Howe", "XYZ-13:59" };
	static const struct support_zip_input input = { "a", ZIP_STORED, "alpha", 5 };
	_cleanup_free_ char *first = NULL;
	size_t len, first_len = 0;

	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		setenv("TZ", zones[i], 1);
		tzset();
		int fd = support_zip_create("t.zip");
		support_zip_write(fd, &input, 1, 0);
		close(fd);
		char *bytes = support_read(support_dirfd(), "t.zip", &len);
		if (i == 0) {
			first = bytes;
			first_len = len;
			continue;
		}
		ck_assert_uint_eq(len, first_len);
		ck_assert_int_eq(memcmp(bytes, first, len), 0);
		free(bytes);
	}
}

END_TEST

/* A source made of how much another one has given by then. */
struct tail_source {
	const struct support_zip_source *other;
	char text[32];
	bool ended;
};

static int tail_open(void *ctx, struct err *err)
{
	struct tail_source *t = ctx;

	(void)err;
	snprintf(t->text, sizeof(t->text), "%zu bytes", t->other->from.pos);
	return 0;
}

static ssize_t tail_read(void *ctx, void *p, size_t n, struct err *err)
{
	struct tail_source *t = ctx;
	size_t len = t->ended ? 0 : strlen(t->text);

	(void)err;
	ck_assert_uint_ge(n, len);
	memcpy(p, t->text, len);
	t->ended = true;
	return (ssize_t)len;
}

START_TEST(zip_members_may_be_made_of_earlier_ones)
{
	static const struct zip_source_ops tail_ops = { tail_open, tail_read };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(zip_writer_freep) struct zip_writer *w = NULL;
	struct support_zip_source first = { .from = { .p = "abcde", .n = 5 } };
	struct tail_source second = { .other = &first };
	static const struct support_zip_input inputs[] = {
		{ "a", ZIP_STORED, "abcde", 5 }, { "b", ZIP_DEFLATED, "5 bytes", 7 }
	};
	int fd = support_zip_create("t.zip");

	ck_assert_ok(zip_writer_new(fd, &w, &err), &err);
	ck_assert_ok(zip_writer_add(w, "a", ZIP_STORED, &support_zip_ops, &first, &err),
		     &err);
	ck_assert_ok(zip_writer_add(w, "b", ZIP_DEFLATED, &tail_ops, &second, &err),
		     &err);
	ck_assert_ok(zip_writer_finish(w, &err), &err);
	check_zip(fd, inputs, 2);
	close(fd);
}

END_TEST

START_TEST(zip_returns_the_errors_of_sources)
{
	char *data = support_data(SUPPORT_RANDOM, 300000, 5);

	for (int i = 0; i < 8; i++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(zip_writer_freep) struct zip_writer *w = NULL;
		enum zip_method method = i % 2 ? ZIP_STORED : ZIP_DEFLATED;
		struct support_zip_source good = { .from = { .p = data, .n = 1000 } };
		struct support_zip_source bad = {
			.from = { .p = data,
				  .n = i < 4 ? 0 : 150000u * (i / 2 - 1),
				  .fail = ERR_CHANGED },
			.refuses = i < 2
		};
		int fd = support_zip_create("t.zip");

		ck_assert_ok(zip_writer_new(fd, &w, &err), &err);
		ck_assert_ok(
			zip_writer_add(w, "a", method, &support_zip_ops, &good, &err),
			&err);
		ck_assert_ok(zip_writer_add(w, "b", method, &support_zip_ops, &bad, &err),
			     &err);
		ck_assert_ok(
			zip_writer_add(w, "c", method, &support_zip_ops, &good, &err),
			&err);
		ck_assert_int_eq(zip_writer_finish(w, &err), -1);
		ck_assert_str_eq(err_message(&err),
				 i < 2 ? "the source refuses" : "the source is tired");
		ck_assert_err(&err, i < 2 ? ERR_BUSY : ERR_CHANGED, "");
		close(fd);
	}
	free(data);
}

END_TEST

START_TEST(zip_returns_the_errors_of_the_file)
{
	static const char *const files[] = { "/dev/full", "/dev/null" };
	char *data = support_data(SUPPORT_RANDOM, 600000, 5);

	for (int i = 0; i < 4; i++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(zip_writer_freep) struct zip_writer *w = NULL;
		struct support_zip_source s = { .from = { .p = data,
							  .n = i < 2 ? 10 : 600000 } };
		/* Full, or open for reading only. */
		int fd = open(files[i % 2], i % 2 ? O_RDONLY : O_WRONLY);

		ck_assert_int_ge(fd, 0);
		ck_assert_ok(zip_writer_new(fd, &w, &err), &err);
		ck_assert_ok(
			zip_writer_add(w, "a", ZIP_STORED, &support_zip_ops, &s, &err),
			&err);
		ck_assert_fails(zip_writer_finish(w, &err), &err,
				i % 2 ? ERR_IO : ERR_NO_SPACE, "cannot write");
		close(fd);
	}
	free(data);
}

END_TEST

/* zip_source_ops.read: some MiB, then a failure. */
static ssize_t failing_read(void *ctx, void *p, size_t n, struct err *err)
{
	size_t *left = ctx;

	if (*left == 0)
		return err_set(err, ERR_CORRUPT, "no more");
	n = *left < n ? *left : n;
	memset(p, 'x', n);
	*left -= n;
	return (ssize_t)n;
}

/* A descriptor that is closed may be another file's at once. */
START_TEST(zip_that_failed_leaves_the_descriptor_alone)
{
	static const struct zip_source_ops ops = { NULL, failing_read };

	for (int i = 0; i < 10; i++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(zip_writer_freep) struct zip_writer *w = NULL;
		_cleanup_close_ int fd = support_zip_create("t.zip"),
				    other = support_zip_create("other");
		size_t left = (size_t)3 << 20; /* the third block was filled just now */

		ck_assert_ok(zip_writer_new(fd, &w, &err), &err);
		ck_assert_ok(zip_writer_add(w, "a", ZIP_STORED, &ops, &left, &err), &err);
		ck_assert_fails(zip_writer_finish(w, &err), &err, ERR_CORRUPT, "no more");
		ck_assert_int_eq(fcntl(fd, F_GETFL) & O_DIRECT, 0);
		ck_assert_int_eq(dup3(other, fd, O_CLOEXEC), fd);
		zip_writer_free(TAKE_PTR(w));
		ck_assert_int_eq(lseek(other, 0, SEEK_END), 0);
		ck_assert_int_eq(fcntl(other, F_GETFL) & O_DIRECT, 0);
	}
}

END_TEST

START_TEST(zip_refuses_members_it_cannot_hold)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(zip_writer_freep) struct zip_writer *w = NULL;
	struct support_zip_source s = { .from = { .p = "abc", .n = 3 } };
	static const struct support_zip_input input = { "a", ZIP_STORED, "abc", 3 };
	char *name = support_data(SUPPORT_TEXT, 70000, 5);
	int fd = support_zip_create("t.zip");

	ck_assert_ok(zip_writer_new(fd, &w, &err), &err);
	ck_assert_fails(zip_writer_finish(w, &err), &err, ERR_USAGE, "without members");
	ck_assert_fails(zip_writer_add(w, "", ZIP_STORED, &support_zip_ops, &s, &err),
			&err, ERR_USAGE, "cannot be named");
	ck_assert_fails(zip_writer_add(w, name, ZIP_STORED, &support_zip_ops, &s, &err),
			&err, ERR_USAGE, "cannot be named");
	ck_assert_ok(zip_writer_add(w, "a", ZIP_STORED, &support_zip_ops, &s, &err),
		     &err);
	ck_assert_fails(zip_writer_add(w, "a", ZIP_STORED, &support_zip_ops, &s, &err),
			&err, ERR_EXISTS, "member \"a\": there is such a member already");
	ck_assert_ok(zip_writer_finish(w, &err), &err);
	check_zip(fd, &input, 1);
	close(fd);
	free(name);
}

END_TEST

#ifdef ENABLE_FAULTS

START_TEST(zip_reports_every_failure_of_the_system)
{
	static const struct support_zip_input input = { "a", ZIP_DEFLATED,
							"aaaaaaaaaaaaaaaaaaaaa", 21 };

	static const enum fault_class classes[] = { FAULT_ALLOC, FAULT_CALL };

	for (int i = 0; i < 2; i++) {
		for (uint64_t nth = 1;; nth++) {
			_cleanup_(err_clear) struct err err = ERR_INIT;
			struct support_zip_source s = { .from = { .p = input.p,
								  .n = input.n } };
			_cleanup_(buf_done) struct buf out = BUF_INIT;
			struct zip_reader *r = NULL;
			struct zip_writer *w = NULL;
			int fd = support_zip_create("t.zip");

			fault_arm(
				&(struct fault_plan){ classes[i], FAULT_ONCE, nth, EIO });
			int result = zip_writer_new(fd, &w, &err);
			if (result == 0)
				result = zip_writer_add(w, "a", ZIP_DEFLATED,
							&support_zip_ops, &s, &err);
			if (result == 0)
				result = zip_writer_finish(w, &err);
			if (result == 0)
				result = zip_reader_new(fd, 1, &r, &err);
			if (result == 0)
				result = zip_reader_slurp(r, 0, 100, &out, &err);
			bool struck = fault_disarm();
			zip_reader_free(r);
			zip_writer_free(w);
			close(fd);
			if (!struck) {
				ck_assert_uint_gt(nth, 3);
				break;
			}
			ck_assert_int_eq(result, -1);
			ck_assert_err(&err, i == 0 ? ERR_NOMEM : ERR_IO, "");
		}
	}
}

END_TEST

START_TEST(zip_goes_on_after_short_transfers)
{
	struct support_zip_input inputs[8];
	size_t n = make_inputs(inputs);

	for (uint64_t nth = 1; nth < 40; nth++) {
		int fd = support_zip_create("t.zip");

		fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_SHORT, nth, 0 });
		support_zip_write(fd, inputs, n, 0);
		check_zip(fd, inputs, n);
		fault_disarm();
		close(fd);
	}
	free_inputs(inputs, n);
}

END_TEST

#endif

Suite *suite_zip(void)
{
	Suite *s = suite_create("zip");
	TCase *tc = support_tcase(s, "writer");

	tcase_add_test(tc, zip_returns_what_it_took);
	tcase_add_test(tc, zip_stores_what_does_not_shrink);
	tcase_add_test(tc, zip_is_read_by_unzip);
	tcase_add_test(tc, zip_is_read_by_python);
	tcase_add_test(tc, zip_has_the_same_bytes_in_every_time_zone);
	tcase_add_test(tc, zip_members_may_be_made_of_earlier_ones);
	tcase_add_test(tc, zip_returns_the_errors_of_sources);
	tcase_add_test(tc, zip_returns_the_errors_of_the_file);
	tcase_add_test(tc, zip_refuses_members_it_cannot_hold);
#ifdef ENABLE_FAULTS
	tcase_add_test(tc, zip_reports_every_failure_of_the_system);
	tcase_add_test(tc, zip_goes_on_after_short_transfers);
#endif

	tc = support_tcase_on_disk(s, "disk");
	tcase_add_test(tc, zip_that_failed_leaves_the_descriptor_alone);
	return s;
}
