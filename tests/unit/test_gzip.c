/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/gzip.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/fault.h"
#include "backend/base/le.h"
#include "backend/gzip_internal.h"
#include "tests/unit/support.h"
#include "tests/unit/support_gzip.h"

/* Compresses and inflates with so many threads; the bytes have to come back. */
static void check_round_trip(enum gzip_level level, unsigned threads, const char *data,
			     size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf stream = support_compress(level, threads, data, n);
	_cleanup_(buf_done) struct buf back = BUF_INIT;

	ck_assert_ok(support_inflate(threads, stream.data, stream.len, &back, &err),
		     &err);
	ck_assert_uint_eq(back.len, n);
	if (n > 0)
		ck_assert_int_eq(memcmp(back.data, data, n), 0);
}

START_TEST(gzip_returns_what_it_took)
{
	static const size_t sizes[] = { 0,
					1,
					1000,
					GZIP_BLOCK - 1,
					GZIP_BLOCK,
					GZIP_BLOCK + 1,
					3 * GZIP_BLOCK,
					3 * GZIP_BLOCK + 77777 };
	unsigned threads = (unsigned)_i;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (int kind = SUPPORT_RANDOM; kind <= SUPPORT_MIXED; kind++) {
			char *data =
				support_data((enum support_data)kind, sizes[i], 7 + i);
			check_round_trip(GZIP_FAST, threads, data, sizes[i]);
			free(data);
		}
	}
}

END_TEST

START_TEST(gzip_small_returns_what_it_took)
{
	for (int kind = SUPPORT_RANDOM; kind <= SUPPORT_MIXED; kind++) {
		char *data = support_data((enum support_data)kind, GZIP_BLOCK + 4321, 77);

		check_round_trip(GZIP_SMALL, 1, data, GZIP_BLOCK + 4321);
		check_round_trip(GZIP_SMALL, 3, data, GZIP_BLOCK + 4321);
		free(data);
	}
}

END_TEST

START_TEST(gzip_writes_the_same_bytes_with_any_number_of_threads)
{
	size_t n = 9 * GZIP_BLOCK + 12345;
	char *data = support_data(SUPPORT_TEXT, n, 3);
	_cleanup_(buf_done) struct buf one = BUF_INIT;

	/* Some blocks are stored, so that they overtake others. */
	for (size_t i = 1; i < 9; i += 3) {
		char *noise = support_data(SUPPORT_RANDOM, GZIP_BLOCK, i);
		memcpy(data + i * GZIP_BLOCK, noise, GZIP_BLOCK);
		free(noise);
	}
	one = support_compress(GZIP_FAST, 1, data, n);
	for (unsigned threads = 0; threads <= 9; threads += 3) {
		_cleanup_(buf_done) struct buf more =
			support_compress(GZIP_FAST, threads, data, n);
		ck_assert_uint_eq(more.len, one.len);
		ck_assert_int_eq(memcmp(more.data, one.data, one.len), 0);
	}
	free(data);
}

END_TEST

/* Checks the form of all members of a stream; returns their number. */
static size_t check_members(const struct buf *stream, size_t n)
{
	static const char header[] = { 0x1f, (char)0x8b, 8,  4, 0,   0,   0, 0,
				       0,    (char)0xff, 12, 0, 'S', 'A', 8, 0 };
	size_t pos = 0, count = 0;

	while (pos < stream->len) {
		const char *member = stream->data + pos;
		size_t want = n < GZIP_BLOCK ? n : GZIP_BLOCK;

		ck_assert_uint_ge(stream->len - pos, GZIP_MEMBER_MIN);
		ck_assert_int_eq(memcmp(member, header, sizeof(header)), 0);
		uint64_t length = le_get64(member + 16);
		ck_assert_uint_le(length, stream->len - pos);
		ck_assert_uint_eq(le_get32(member + length - 4), want);
		pos += length;
		n -= want;
		count++;
	}
	ck_assert_uint_eq(n, 0);
	return count;
}

START_TEST(gzip_members_have_the_documented_form)
{
	static const struct {
		size_t size, members;
	} cases[] = { { 0, 1 },
		      { 1, 1 },
		      { GZIP_BLOCK, 1 },
		      { GZIP_BLOCK + 1, 2 },
		      { 3 * GZIP_BLOCK, 3 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *data = support_data(SUPPORT_TEXT, cases[i].size, 11);
		_cleanup_(buf_done) struct buf stream =
			support_compress(GZIP_FAST, 2, data, cases[i].size);
		ck_assert_uint_eq(check_members(&stream, cases[i].size),
				  cases[i].members);
		free(data);
	}
}

END_TEST

START_TEST(gzip_stores_what_does_not_shrink)
{
	char *data = support_data(SUPPORT_RANDOM, 2 * GZIP_BLOCK, 13);
	_cleanup_(buf_done) struct buf stream =
		support_compress(GZIP_FAST, 1, data, 2 * GZIP_BLOCK);

	ck_assert_uint_le(stream.len, 2 * GZIP_MEMBER_MAX);
	ck_assert_uint_eq(check_members(&stream, 2 * GZIP_BLOCK), 2);
	free(data);
}

END_TEST

/* Half of a block is text, which shrinks as it does alone; the other half is stored. */
START_TEST(gzip_stores_parts_of_a_block_that_do_not_shrink)
{
	enum gzip_level level = _i ? GZIP_SMALL : GZIP_FAST;
	size_t half = GZIP_BLOCK / 2;
	char *data = support_data(SUPPORT_TEXT, GZIP_BLOCK, 17);
	char *bytes = support_data(SUPPORT_RANDOM, half, 17);
	_cleanup_(buf_done) struct buf text = support_compress(level, 1, data, half),
				       both;

	memcpy(data + half, bytes, half);
	both = support_compress(level, 1, data, GZIP_BLOCK);
	ck_assert_uint_eq(check_members(&both, GZIP_BLOCK), 1);
	ck_assert_uint_le(both.len, text.len + half + 200);
	/* It is there as it is, but for the heads of stored pieces. */
	ck_assert_ptr_nonnull(memmem(both.data, both.len, bytes + half / 2, 4096));
	check_round_trip(level, 2, data, GZIP_BLOCK);
	free(data);
	free(bytes);
}

END_TEST

START_TEST(gzip_is_read_by_gnu_gzip)
{
	size_t n = 2 * GZIP_BLOCK + 999;
	char *data = support_data(SUPPORT_TEXT, n, 17);

	if (!support_need_program("gzip")) {
		free(data);
		return;
	}
	for (size_t k = 0; k <= n; k += n / 2) {
		_cleanup_(buf_done) struct buf stream =
			support_compress(k ? GZIP_FAST : GZIP_SMALL, 2, data, k);
		support_file_n(support_dirfd(), "t.gz", 0600, stream.data, stream.len);
		support_file_n(support_dirfd(), "t", 0600, data, k);
		ck_assert_int_eq(support_shell("gzip -t t.gz"), 0);
		ck_assert_int_eq(support_shell("gzip -dc t.gz | cmp - t"), 0);
	}
	free(data);
}

END_TEST

START_TEST(gzip_is_read_by_python)
{
	size_t n = GZIP_BLOCK + 999;
	char *data = support_data(SUPPORT_TEXT, n, 19);

	if (support_need_program("python3")) {
		_cleanup_(buf_done) struct buf stream =
			support_compress(GZIP_FAST, 2, data, n);
		support_file_n(support_dirfd(), "t.gz", 0600, stream.data, stream.len);
		support_file_n(support_dirfd(), "t", 0600, data, n);
		ck_assert_int_eq(
			support_shell("python3 -c 'import gzip; assert "
				      "gzip.open(\"t.gz\").read() == open(\"t\", "
				      "\"rb\").read()'"),
			0);
	}
	free(data);
}

END_TEST

START_TEST(gzip_small_is_no_larger_than_gzip_6)
{
	size_t n;

	if (!support_need_program("gzip"))
		return;
	char *data = support_read(
		AT_FDCWD, support_fixture("snapd/content-hash-vectors.jsonl"), &n);
	_cleanup_(buf_done) struct buf stream = support_compress(GZIP_SMALL, 1, data, n);
	support_file_n(support_dirfd(), "t", 0600, data, n);
	ck_assert_int_eq(support_shell("gzip -6 t"), 0);
	free(data);
	free(support_read(support_dirfd(), "t.gz", &n));
	ck_assert_uint_le(stream.len, n);
}

END_TEST

START_TEST(gzip_room_is_filled_in_place)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf stream = BUF_INIT;
	_cleanup_(buf_done) struct buf back = BUF_INIT;
	_cleanup_(gzip_writer_freep) struct gzip_writer *w = NULL;
	size_t n = 2 * GZIP_BLOCK + 54321, pos = 0;
	char *data = support_data(SUPPORT_TEXT, n, 23);
	uint64_t state = 99;

	ck_assert_ok(gzip_writer_new(GZIP_FAST, 3, support_collect, &stream, &w, &err),
		     &err);
	while (pos < n) {
		size_t room, part = (size_t)support_random(&state) % 200000;
		void *to;

		ck_assert_ok(gzip_writer_room(w, &to, &room, &err), &err);
		ck_assert_uint_ge(room, 1);
		if (part > room)
			part = room;
		if (part > n - pos)
			part = n - pos;
		memcpy(to, data + pos, part);
		ck_assert_ok(gzip_writer_advance(w, part, &err), &err);
		pos += part;
		ck_assert_uint_eq(gzip_writer_total(w), pos);
	}
	ck_assert_ok(gzip_writer_finish(w, &err), &err);
	ck_assert_uint_eq(check_members(&stream, n), 3);
	ck_assert_ok(support_inflate(1, stream.data, stream.len, &back, &err), &err);
	ck_assert_int_eq(memcmp(back.data, data, n), 0);
	free(data);
}

END_TEST

/* A sink that fails at the nth call. */
static int failing_sink(void *ctx, const void *p, size_t n, struct err *err)
{
	unsigned *left = ctx;

	(void)p;
	(void)n;
	if (*left == 0)
		return err_set(err, ERR_NO_SPACE, "the sink is full");
	--*left;
	return 0;
}

/* Writes until it fails; the number of bytes that were taken by then. */
static uint64_t write_until_failure(struct gzip_writer *w, const char *block,
				    struct err *err)
{
	for (int i = 0; i < 40; i++) {
		if (gzip_writer_write(w, block, GZIP_BLOCK, err) < 0)
			return gzip_writer_total(w);
	}
	ck_assert_int_eq(gzip_writer_finish(w, err), -1);
	return gzip_writer_total(w);
}

START_TEST(gzip_returns_the_errors_of_the_sink)
{
	static const unsigned threads[] = { 1, 2, 8 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char *block = support_data(SUPPORT_ZEROS, GZIP_BLOCK, 1);

	for (int i = 0; i < 3; i++) {
		unsigned left = 3;
		_cleanup_(gzip_writer_freep) struct gzip_writer *w = NULL;

		ck_assert_ok(gzip_writer_new(GZIP_FAST, threads[i], failing_sink, &left,
					     &w, &err),
			     &err);
		uint64_t total = write_until_failure(w, block, &err);
		ck_assert_err(&err, ERR_NO_SPACE, "the sink is full");
		/* Nothing is read on without end while nothing can be delivered: no
		 * more than waits in blocks and in members, four of each beside
		 * those of the threads. */
		ck_assert_uint_le(total, (4 + 2 * (threads[i] + 4)) * GZIP_BLOCK);
		ck_assert_fails(gzip_writer_finish(w, &err), &err, ERR_NO_SPACE,
				"failed before");
	}
	free(block);
}

END_TEST

START_TEST(gzip_finish_returns_the_error_of_the_last_block)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (unsigned threads = 1; threads <= 2; threads++) {
		unsigned left = 0;
		_cleanup_(gzip_writer_freep) struct gzip_writer *w = NULL;

		ck_assert_ok(gzip_writer_new(GZIP_FAST, threads, failing_sink, &left, &w,
					     &err),
			     &err);
		ck_assert_ok(gzip_writer_write(w, "abc", 3, &err), &err);
		ck_assert_fails(gzip_writer_finish(w, &err), &err, ERR_NO_SPACE,
				"the sink is full");
	}
}

END_TEST

START_TEST(gzip_writer_can_be_abandoned)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char *block = support_data(SUPPORT_TEXT, GZIP_BLOCK, 1);

	for (unsigned n = 0; n < 5; n++) {
		/* The sink's goes last: it is in use until the writer is freed. */
		_cleanup_(buf_done) struct buf out = BUF_INIT;
		_cleanup_(gzip_writer_freep) struct gzip_writer *w = NULL;

		ck_assert_ok(
			gzip_writer_new(GZIP_FAST, 2, support_collect, &out, &w, &err),
			&err);
		for (unsigned i = 0; i < n; i++)
			ck_assert_ok(gzip_writer_write(w, block, GZIP_BLOCK - 1, &err),
				     &err);
	}
	free(block);
}

END_TEST

struct signal_check {
	pthread_t caller;
	bool elsewhere, blocked;
};

/* A sink that looks at the signal mask of the thread it is called in. */
static int signal_sink(void *ctx, const void *p, size_t n, struct err *err)
{
	struct signal_check *check = ctx;
	sigset_t set;

	(void)p;
	(void)n;
	(void)err;
	if (pthread_equal(pthread_self(), check->caller))
		return 0;
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	check->elsewhere = true;
	if (!sigismember(&set, SIGINT) || !sigismember(&set, SIGTERM) ||
	    !sigismember(&set, SIGCHLD))
		check->blocked = false;
	return 0;
}

START_TEST(gzip_threads_take_no_signals)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(gzip_writer_freep) struct gzip_writer *w = NULL;
	struct signal_check check = { .caller = pthread_self(), .blocked = true };
	char *block = support_data(SUPPORT_ZEROS, GZIP_BLOCK, 1);
	sigset_t set;

	ck_assert_ok(gzip_writer_new(GZIP_FAST, 2, signal_sink, &check, &w, &err), &err);
	for (int i = 0; i < 4; i++)
		ck_assert_ok(gzip_writer_write(w, block, GZIP_BLOCK, &err), &err);
	ck_assert_ok(gzip_writer_finish(w, &err), &err);
	ck_assert(check.elsewhere);
	ck_assert(check.blocked);
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	ck_assert_int_eq(sigismember(&set, SIGINT), 0);
	free(block);
}

END_TEST

#ifdef ENABLE_FAULTS

START_TEST(gzip_goes_on_without_the_threads_it_cannot_start)
{
	size_t n = 5 * GZIP_BLOCK + 1;
	char *data = support_data(SUPPORT_TEXT, n, 29);

	for (uint64_t nth = 1; nth <= 3; nth++) {
		fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_FROM, nth, EAGAIN });
		check_round_trip(GZIP_FAST, 3, data, n);
		ck_assert(fault_disarm());
	}
	free(data);
}

END_TEST

START_TEST(gzip_reports_the_want_of_memory)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct support_source source = { .p = "", .n = 0 };
	uint64_t nth;

	for (nth = 1;; nth++) {
		_cleanup_(gzip_writer_freep) struct gzip_writer *w = NULL;
		_cleanup_(gzip_reader_freep) struct gzip_reader *r = NULL;

		fault_arm(&(struct fault_plan){ FAULT_ALLOC, FAULT_ONCE, nth, 0 });
		int result =
			gzip_writer_new(GZIP_FAST, 3, support_collect, NULL, &w, &err);
		if (result == 0)
			result = gzip_reader_new(3, support_supply, &source, &r, &err);
		if (!fault_disarm())
			break;
		ck_assert_int_eq(result, -1);
		ck_assert_err(&err, ERR_NOMEM, "memory");
	}
	ck_assert_uint_gt(nth, 4);
}

END_TEST

#endif

Suite *suite_gzip(void)
{
	Suite *s = suite_create("gzip");
	TCase *tc = support_tcase(s, "writer");

	tcase_add_loop_test(tc, gzip_returns_what_it_took, 1, 4);
	tcase_add_test(tc, gzip_small_returns_what_it_took);
	tcase_add_test(tc, gzip_writes_the_same_bytes_with_any_number_of_threads);
	tcase_add_test(tc, gzip_members_have_the_documented_form);
	tcase_add_test(tc, gzip_stores_what_does_not_shrink);
	tcase_add_loop_test(tc, gzip_stores_parts_of_a_block_that_do_not_shrink, 0, 2);
	tcase_add_test(tc, gzip_is_read_by_gnu_gzip);
	tcase_add_test(tc, gzip_is_read_by_python);
	tcase_add_test(tc, gzip_small_is_no_larger_than_gzip_6);
	tcase_add_test(tc, gzip_room_is_filled_in_place);
	tcase_add_test(tc, gzip_returns_the_errors_of_the_sink);
	tcase_add_test(tc, gzip_finish_returns_the_error_of_the_last_block);
	tcase_add_test(tc, gzip_writer_can_be_abandoned);
	tcase_add_test(tc, gzip_threads_take_no_signals);
#ifdef ENABLE_FAULTS
	tcase_add_test(tc, gzip_goes_on_without_the_threads_it_cannot_start);
	tcase_add_test(tc, gzip_reports_the_want_of_memory);
#endif
	return s;
}
