/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/gzip.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/fd.h"
#include "backend/base/le.h"
#include "backend/gzip_internal.h"
#include "tests/unit/support.h"
#include "tests/unit/support_gzip.h"

#define FNAME    8
#define FCOMMENT 16
#define FHCRC    2
#define FEXTRA   4

/* Appends a member of ours. */
static void add_own(struct buf *out, const char *data, size_t n)
{
	_cleanup_(buf_done) struct buf member = support_compress(GZIP_FAST, 1, data, n);
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(buf_add(out, member.data, member.len, &err), &err);
}

/* Appends a member as others write it, with these header flags and one stored block. */
static void add_foreign(struct buf *out, unsigned flags, const char *data, size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char head[16] = { 0x1f, (char)0x8b, 8, (char)flags, 1, 2, 3, 4, 0, 3 };
	char number[8];
	size_t begin = out->len;

	ck_assert_uint_lt(n, 65536);
	ck_assert_ok(buf_add(out, head, 10, &err), &err);
	if (flags & FEXTRA)
		ck_assert_ok(buf_add(out, "\6\0XY\2\0ab", 8, &err), &err);
	if (flags & FNAME)
		ck_assert_ok(buf_add(out, "a name", 7, &err), &err);
	if (flags & FCOMMENT)
		ck_assert_ok(buf_add(out, "a comment", 10, &err), &err);
	if (flags & FHCRC) {
		le_put16(number,
			 (uint16_t)gzip_crc32(0, out->data + begin, out->len - begin));
		ck_assert_ok(buf_add(out, number, 2, &err), &err);
	}
	number[0] = 1;
	le_put16(number + 1, (uint16_t)n);
	le_put16(number + 3, (uint16_t)~n);
	ck_assert_ok(buf_add(out, number, 5, &err), &err);
	ck_assert_ok(buf_add(out, data, n, &err), &err);
	le_put32(number, gzip_crc32(0, data, n));
	le_put32(number + 4, (uint32_t)n);
	ck_assert_ok(buf_add(out, number, 8, &err), &err);
}

/* The stream inflates to that text, with one thread and with several. */
static void check_text(const struct buf *stream, const char *text, size_t n)
{
	for (unsigned threads = 1; threads <= 3; threads++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(buf_done) struct buf out = BUF_INIT;

		ck_assert_ok(
			support_inflate(threads, stream->data, stream->len, &out, &err),
			&err);
		ck_assert_uint_eq(out.len, n);
		if (n > 0)
			ck_assert_int_eq(memcmp(out.data, text, n), 0);
	}
}

/* The stream is refused with that message, with one thread and with several. */
static void check_refused(const struct buf *stream, size_t n, const char *part)
{
	for (unsigned threads = 1; threads <= 2; threads++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(buf_done) struct buf out = BUF_INIT;

		ck_assert_fails(support_inflate(threads, stream->data, n, &out, &err),
				&err, ERR_CORRUPT, part);
	}
}

START_TEST(gzip_reads_every_kind_of_header)
{
	for (unsigned flags = 0; flags < 32; flags += 2) {
		_cleanup_(buf_done) struct buf stream = BUF_INIT;

		add_foreign(&stream, flags, "hello, ", 7);
		add_foreign(&stream, flags | 1, "world", 5); /* FTEXT */
		check_text(&stream, "hello, world", 12);
	}
}

END_TEST

START_TEST(gzip_reads_members_of_all_origins_in_one_stream)
{
	_cleanup_(buf_done) struct buf stream = BUF_INIT;

	add_foreign(&stream, FNAME, "one ", 4);
	add_own(&stream, "two ", 4);
	add_own(&stream, "", 0);
	add_foreign(&stream, 0, "", 0);
	add_foreign(&stream, FHCRC, "three ", 6);
	add_own(&stream, "four", 4);
	check_text(&stream, "one two three four", 18);
	add_foreign(&stream, 0, "", 0);
	check_text(&stream, "one two three four", 18);
}

END_TEST

START_TEST(gzip_reads_what_gzip_wrote)
{
	_cleanup_(buf_done) struct buf stream = BUF_INIT;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	size_t n = 3 * GZIP_BLOCK + 3, len;
	char *data = support_data(SUPPORT_TEXT, n, 31);

	if (support_need_program("gzip")) {
		support_file_n(support_dirfd(), "named", 0600, data, n);
		ck_assert_int_eq(support_shell("gzip -1 named"), 0);
		char *text = support_read(support_dirfd(), "named.gz", &len);
		ck_assert_ok(buf_add(&stream, text, len, &err), &err);
		free(text);
		check_text(&stream, data, n);
	}
	free(data);
}

END_TEST

START_TEST(gzip_delivers_in_small_pieces)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	size_t n = GZIP_BLOCK + 5000;
	char *data = support_data(SUPPORT_TEXT, n, 37);
	_cleanup_(buf_done) struct buf stream = support_compress(GZIP_FAST, 1, data, n);
	struct support_source source = { .p = stream.data, .n = stream.len, .piece = 7 };
	_cleanup_(gzip_reader_freep) struct gzip_reader *r = NULL;
	char piece[1000];
	ssize_t k;

	ck_assert_ok(gzip_reader_new(2, support_supply, &source, &r, &err), &err);
	while ((k = gzip_reader_read(r, piece, sizeof(piece), &err)) > 0)
		ck_assert_ok(buf_add(&out, piece, (size_t)k, &err), &err);
	ck_assert_ok(k, &err);
	ck_assert_uint_eq(out.len, n);
	ck_assert_int_eq(memcmp(out.data, data, n), 0);
	/* The end stays the end. */
	ck_assert_ok(gzip_reader_read(r, piece, sizeof(piece), &err), &err);
	free(data);
}

END_TEST

/* A gzip_source over a descriptor. */
static ssize_t read_fd(void *ctx, void *p, size_t n, struct err *err)
{
	return fd_read_full(*(int *)ctx, p, n < 3333 ? n : 3333, err);
}

struct feeder {
	int fd;
	const struct buf *stream;
	bool failed;
};

/* Writes the stream into the pipe and ends it. */
static void *feed(void *arg)
{
	struct feeder *f = arg;
	_cleanup_(err_clear) struct err err = ERR_INIT;

	f->failed = fd_write_all(f->fd, f->stream->data, f->stream->len, &err) < 0;
	close(f->fd);
	return NULL;
}

START_TEST(gzip_reads_from_a_pipe)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	size_t n = 5 * GZIP_BLOCK + 1;
	char *data = support_data(SUPPORT_TEXT, n, 41);
	_cleanup_(buf_done) struct buf stream = support_compress(GZIP_FAST, 1, data, n);
	_cleanup_(gzip_reader_freep) struct gzip_reader *r = NULL;
	pthread_t thread;
	const void *p;
	int fds[2];
	ssize_t k;

	ck_assert_int_eq(pipe(fds), 0);
	struct feeder feeder = { .fd = fds[1], .stream = &stream };
	ck_assert_int_eq(pthread_create(&thread, NULL, feed, &feeder), 0);
	ck_assert_ok(gzip_reader_new(3, read_fd, &fds[0], &r, &err), &err);
	while ((k = gzip_reader_next(r, &p, GZIP_BLOCK, &err)) > 0)
		ck_assert_ok(buf_add(&out, p, (size_t)k, &err), &err);
	ck_assert_ok(k, &err);
	ck_assert_uint_eq(out.len, n);
	ck_assert_int_eq(memcmp(out.data, data, n), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert(!feeder.failed);
	close(fds[0]);
	free(data);
}

END_TEST

START_TEST(gzip_refuses_what_is_no_gzip_stream)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *part;
	} cases[] = {
		{ "", 0, "empty" },
		{ "\x1f", 1, "cut short" },
		{ "PK\3\4 and more and more", 22, "incorrect header" },
		{ "\x1f\x8b\x07\0\0\0\0\0\0\3\3\0\0\0\0\0\0\0\0\0", 20, "method" },
		{ "\x1f\x8b\x08\x80\0\0\0\0\0\3\3\0\0\0\0\0\0\0\0\0", 20, "flags" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *bytes = malloc(cases[i].n + 1);
		memcpy(bytes, cases[i].bytes, cases[i].n);
		const struct buf stream = { .data = bytes, .len = cases[i].n };
		check_refused(&stream, stream.len, cases[i].part);
		free(bytes);
	}
}

END_TEST

START_TEST(gzip_refuses_what_follows_the_last_member)
{
	static const char zeros[512];

	static const struct {
		const char *bytes;
		size_t n;
	} tails[] = { { "x", 1 },    { zeros, 1 },      { zeros, 512 },
		      { "\x1f", 1 }, { "\x1f\x8b", 2 }, { "\x1f\x8b\x08\x04", 4 } };

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(buf_done) struct buf stream = BUF_INIT;

		add_own(&stream, "text", 4);
		ck_assert_ok(buf_add(&stream, tails[i].bytes, tails[i].n, &err), &err);
		check_refused(&stream, stream.len, "gzip member at byte");
	}
}

END_TEST

/* Three members of ours and one of others, small enough to be tried bit by bit. */
static struct buf mixed_stream(struct buf *text, size_t ends[4])
{
	struct buf stream = BUF_INIT;
	struct err err = ERR_INIT;

	for (unsigned i = 0; i < 4; i++) {
		char *data = support_data(SUPPORT_TEXT, 150 + 60 * i, 43 + i);
		if (i == 2)
			add_foreign(&stream, FNAME | FHCRC, data, 150 + 60 * i);
		else
			add_own(&stream, data, 150 + 60 * i);
		ends[i] = stream.len;
		ck_assert_ok(buf_add(text, data, 150 + 60 * i, &err), &err);
		free(data);
	}
	return stream;
}

START_TEST(gzip_finds_every_flipped_bit_that_matters)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	size_t ends[4], member = 0, n_refused = 0;
	_cleanup_(buf_done) struct buf stream = mixed_stream(&text, ends);

	for (size_t i = 0; i < stream.len * 8; i++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(buf_done) struct buf out = BUF_INIT;

		if (i / 8 == ends[member])
			member++;
		stream.data[i / 8] ^= (char)(1 << i % 8);
		ssize_t n = support_inflate(1, stream.data, stream.len, &out, &err);
		stream.data[i / 8] ^= (char)(1 << i % 8);
		if (n < 0) {
			ck_assert_err(&err, ERR_CORRUPT, "");
			n_refused++;
			continue;
		}
		/* Nothing covers some header fields, but contents are never others. */
		ck_assert_uint_eq(out.len, text.len);
		ck_assert_int_eq(memcmp(out.data, text.data, text.len), 0);
		ck_assert_msg(i / 8 < ends[member] - GZIP_MEMBER_TRAILER,
			      "bit %zu of a trailer was not missed", i);
		/* The other's header has a CRC. */
		ck_assert_msg(member != 2 || i / 8 >= ends[1] + 19,
			      "bit %zu of a covered header was not missed", i);
	}
	ck_assert_uint_gt(n_refused, (stream.len - 3 * GZIP_MEMBER_HEADER - 16) * 8);
}

END_TEST

START_TEST(gzip_finds_every_cut)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	size_t ends[4];
	_cleanup_(buf_done) struct buf stream = mixed_stream(&text, ends);

	for (size_t n = 0; n < stream.len; n++) {
		/* What ends with a member is a stream of its own. */
		if (n == 0)
			check_refused(&stream, n, "empty");
		else if (n != ends[0] && n != ends[1] && n != ends[2])
			check_refused(&stream, n, "cut short");
	}
}

END_TEST

START_TEST(gzip_does_not_trust_the_size_in_a_member)
{
	static const uint64_t sizes[] = {
		0,         1, GZIP_MEMBER_MIN - 1, GZIP_MEMBER_MAX + 1, (uint64_t)1 << 32,
		UINT64_MAX
	};
	char *data = support_data(SUPPORT_TEXT, 3000, 47);
	_cleanup_(buf_done) struct buf stream = BUF_INIT;

	add_own(&stream, data, 2000);
	size_t length = stream.len;
	add_own(&stream, data + 2000, 1000);

	/* Sizes that no block can have make it a plain stream. */
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		le_put64(stream.data + 16, sizes[i]);
		check_text(&stream, data, 3000);
	}
	/* Others are held against it. */
	for (size_t n = GZIP_MEMBER_MIN; n < stream.len + 3; n++) {
		if (n == length)
			continue;
		le_put64(stream.data + 16, n);
		check_refused(&stream, stream.len,
			      n <= stream.len ? "gzip member at byte 0" : "cut short");
	}
	le_put64(stream.data + 16, GZIP_MEMBER_MAX);
	check_refused(&stream, stream.len, "cut short");
	free(data);
}

END_TEST

START_TEST(gzip_refuses_a_block_larger_than_ours)
{
	_cleanup_(buf_done) struct buf stream = BUF_INIT;

	add_own(&stream, "abc", 3);
	le_put32(stream.data + stream.len - 4, GZIP_BLOCK + 1);
	check_refused(&stream, stream.len, "1048577 bytes in one block");
	le_put32(stream.data + stream.len - 4, UINT32_MAX);
	check_refused(&stream, stream.len, "in one block");
	le_put32(stream.data + stream.len - 4, 4);
	check_refused(&stream, stream.len, "damaged");
	le_put32(stream.data + stream.len - 4, 3);
	stream.data[stream.len - 5] ^= 1;
	check_refused(&stream, stream.len, "wrong checksum");
}

END_TEST

START_TEST(gzip_passes_over_many_empty_members)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (int own = 0; own < 2; own++) {
		_cleanup_(buf_done) struct buf stream = BUF_INIT;
		_cleanup_(buf_done) struct buf member = BUF_INIT;

		if (own)
			add_own(&member, "", 0);
		else
			add_foreign(&member, 0, "", 0);
		for (int i = 0; i < 50000; i++)
			ck_assert_ok(buf_add(&stream, member.data, member.len, &err),
				     &err);
		add_own(&stream, "end", 3);
		check_text(&stream, "end", 3);
	}
}

END_TEST

/* A gzip_source without an end: one thing, then another again and again. */
struct endless {
	const struct buf *first, *then;
	size_t pos;
};

static ssize_t supply_forever(void *ctx, void *p, size_t n, struct err *err)
{
	struct endless *e = ctx;
	const struct buf *from = e->first ? e->first : e->then;

	(void)err;
	if (n > from->len - e->pos)
		n = from->len - e->pos;
	memcpy(p, from->data + e->pos, n);
	e->pos += n;
	if (e->pos == from->len) {
		e->pos = 0;
		e->first = NULL;
	}
	return (ssize_t)n;
}

START_TEST(gzip_reader_can_be_abandoned)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf stream = BUF_INIT;
	const void *p;

	add_own(&stream, "abc", 3);
	add_foreign(&stream, 0, "", 0);
	for (int i = 0; i < 20; i++) {
		struct endless endless = { .then = &stream };
		_cleanup_(gzip_reader_freep) struct gzip_reader *r = NULL;

		ck_assert_ok(gzip_reader_new(2, supply_forever, &endless, &r, &err),
			     &err);
		for (int k = 0; k < i % 3; k++)
			ck_assert_int_eq(gzip_reader_next(r, &p, 10, &err), 3);
	}
}

END_TEST

START_TEST(gzip_reader_can_be_abandoned_in_empty_members)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf stream = BUF_INIT;
	const void *p;

	/* Enough for two slots, then nothing any more but empty members. */
	char *data = support_data(SUPPORT_ZEROS, 2 * GZIP_BLOCK, 1);
	struct buf full = support_compress(GZIP_FAST, 1, data, 2 * GZIP_BLOCK);
	free(data);
	add_foreign(&stream, 0, "", 0);
	for (unsigned threads = 2; threads <= 3; threads++) {
		struct endless endless = { .first = &full, .then = &stream };
		_cleanup_(gzip_reader_freep) struct gzip_reader *r = NULL;

		ck_assert_ok(gzip_reader_new(threads, supply_forever, &endless, &r, &err),
			     &err);
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(gzip_reader_next(r, &p, GZIP_BLOCK, &err),
					 GZIP_BLOCK);
	}
	buf_done(&full);
}

END_TEST

START_TEST(gzip_returns_the_errors_of_the_source)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	size_t n = 3 * GZIP_BLOCK;
	char *data = support_data(SUPPORT_TEXT, n, 53);
	_cleanup_(buf_done) struct buf stream = support_compress(GZIP_FAST, 1, data, n);

	for (unsigned threads = 1; threads <= 3; threads++) {
		for (int i = 0; i < 3; i++) {
			/* At the very beginning, within a member, at the end. */
			struct support_source source = { .p = stream.data,
							 .n = stream.len / 2 * (size_t)i,
							 .fail = ERR_CORRUPT };
			_cleanup_(gzip_reader_freep) struct gzip_reader *r = NULL;
			const void *p;
			ssize_t k;

			ck_assert_ok(gzip_reader_new(threads, support_supply, &source, &r,
						     &err),
				     &err);
			do
				k = gzip_reader_next(r, &p, GZIP_BLOCK, &err);
			while (k > 0);
			ck_assert_int_eq(k, -1);
			ck_assert_str_eq(err_message(&err), "the source is tired");
			ck_assert_err(&err, ERR_CORRUPT, "");
			ck_assert_fails(gzip_reader_next(r, &p, 1, &err), &err,
					ERR_CORRUPT, "failed before");
		}
	}
	free(data);
}

END_TEST

START_TEST(gzip_survives_mutations)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	size_t ends[4];
	_cleanup_(buf_done) struct buf stream = mixed_stream(&text, ends);
	uint64_t state = 0x5e7a51de;

	for (int round = 0; round < 3000; round++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(buf_done) struct buf out = BUF_INIT_MAX(8 * GZIP_BLOCK);
		size_t n = stream.len;
		char *copy = malloc(2 * n);

		memcpy(copy, stream.data, n);
		memcpy(copy + n, stream.data, n);
		for (uint64_t i = support_random(&state) % 4; i < 4; i++) {
			uint64_t r = support_random(&state);
			size_t at = (size_t)(r >> 32) % n, from = (size_t)(r >> 8) % n;
			size_t len = (size_t)(r & 31);

			if (r & 32)
				copy[at] = (char)(r >> 16);
			else if (at + len <= n && from + len <= n)
				memmove(copy + at, copy + from, len);
		}
		if (support_random(&state) % 4 == 0)
			n = (size_t)support_random(&state) % (2 * n);
		char *exact = malloc(n + 1); /* its end is watched by the sanitizer */
		memcpy(exact, copy, n);
		if (support_inflate(1 + (unsigned)round % 2, exact, n, &out, &err) < 0)
			ck_assert(err_is(&err, ERR_CORRUPT) ||
				  err_is(&err, ERR_NO_SPACE));
		free(exact);
		free(copy);
	}
}

END_TEST

Suite *suite_gzip_reader(void)
{
	Suite *s = suite_create("gzip_reader");
	TCase *tc = support_tcase(s, "good");

	tcase_add_test(tc, gzip_reads_every_kind_of_header);
	tcase_add_test(tc, gzip_reads_members_of_all_origins_in_one_stream);
	tcase_add_test(tc, gzip_reads_what_gzip_wrote);
	tcase_add_test(tc, gzip_delivers_in_small_pieces);
	tcase_add_test(tc, gzip_reads_from_a_pipe);
	tcase_add_test(tc, gzip_passes_over_many_empty_members);
	tcase_add_test(tc, gzip_reader_can_be_abandoned);
	tcase_add_test(tc, gzip_reader_can_be_abandoned_in_empty_members);
	tc = support_tcase(s, "bad");
	tcase_add_test(tc, gzip_refuses_what_is_no_gzip_stream);
	tcase_add_test(tc, gzip_refuses_what_follows_the_last_member);
	tcase_add_test(tc, gzip_finds_every_flipped_bit_that_matters);
	tcase_add_test(tc, gzip_finds_every_cut);
	tcase_add_test(tc, gzip_does_not_trust_the_size_in_a_member);
	tcase_add_test(tc, gzip_refuses_a_block_larger_than_ours);
	tcase_add_test(tc, gzip_returns_the_errors_of_the_source);
	tcase_add_test(tc, gzip_survives_mutations);
	return s;
}
