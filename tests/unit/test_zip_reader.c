/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/zip.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/le.h"
#include "backend/deflate.h"
#include "backend/gzip.h"
#include "tests/unit/support.h"
#include "tests/unit/support_gzip.h"
#include "tests/unit/support_zip.h"

START_TEST(zip_reads_what_snapd_wrote)
{
	static const char *const files[] = { "snapd/3_hello_2.10_7.zip",
					     "snapd/3_notes-app_v1.33~rc1+git_x2.zip",
					     "snapd/4_hello_2.10_7.zip" };
	static const size_t counts[] = { 5, 5, 4 };

	for (int i = 0; i < 3; i++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(zip_reader_freep) struct zip_reader *r = NULL;
		_cleanup_(buf_done) struct buf meta = BUF_INIT;
		int fd = open(support_fixture(files[i]), O_RDONLY | O_CLOEXEC);

		ck_assert_ok(zip_reader_new(fd, 100, &r, &err), &err);
		ck_assert_uint_eq(zip_reader_count(r), counts[i]);
		for (size_t k = 0; k < counts[i]; k++) {
			ck_assert_ok(zip_reader_open(r, k, &err), &err);
			ck_assert_ok(zip_reader_close(r, &err), &err);
		}
		ck_assert_str_eq(zip_reader_member(r, 0)->name, "archive.tgz");
		ssize_t at = zip_reader_find(r, "meta.json");
		ck_assert_int_ge(at, 0);
		ck_assert_ok(zip_reader_slurp(r, (size_t)at, 4096, &meta, &err), &err);
		ck_assert_int_eq(strncmp(meta.data, "{\"set\":", 7), 0);
		close(fd);
	}
}

END_TEST

/* A gzip_source over the open member. */
static ssize_t read_member(void *ctx, void *p, size_t n, struct err *err)
{
	return zip_reader_read(ctx, p, n, err);
}

START_TEST(zip_members_are_gzip_streams)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(zip_reader_freep) struct zip_reader *r = NULL;
	int fd = open(support_fixture("snapd/3_hello_2.10_7.zip"), O_RDONLY | O_CLOEXEC);

	ck_assert_ok(zip_reader_new(fd, 100, &r, &err), &err);
	for (size_t i = 0; i < 3; i++) {
		_cleanup_(gzip_reader_freep) struct gzip_reader *gz = NULL;
		const void *p;
		size_t total = 0;
		ssize_t n;

		ck_assert_ok(zip_reader_open(r, i, &err), &err);
		ck_assert_ok(gzip_reader_new(2, read_member, r, &gz, &err), &err);
		while ((n = gzip_reader_next(gz, &p, GZIP_BLOCK, &err)) > 0) {
			/* A tar: the first entry's name. */
			ck_assert(total > 0 || strncmp(p, "7/", 2) == 0 ||
				  strncmp(p, "common/", 7) == 0);
			total += (size_t)n;
		}
		ck_assert_ok(n, &err);
		ck_assert_uint_ge(total, 10240);
		ck_assert_uint_eq(total % 512, 0);
	}
	close(fd);
}

END_TEST

START_TEST(zip_slurp_has_a_limit)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(zip_reader_freep) struct zip_reader *r = NULL;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	static const struct support_zip_input input = { "meta.json", ZIP_DEFLATED,
							"abcdef", 6 };
	int fd = support_zip_create("t.zip");

	support_zip_write(fd, &input, 1, 0);
	ck_assert_ok(zip_reader_new(fd, 1, &r, &err), &err);
	ck_assert_fails(zip_reader_slurp(r, 0, 5, &out, &err), &err, ERR_CORRUPT,
			"member \"meta.json\": 6 bytes, 5 are allowed");
	ck_assert_uint_eq(out.len, 0);
	close(fd);
}

END_TEST

/* Makes a zip of one deflated member by hand, with sizes and CRC-32 as given. */
static void make_deflated(struct support_zip *z, const char *deflated, size_t n,
			  uint32_t size, uint32_t crc)
{
	char *text = calloc(n + 1, 1);
	memset(text, 'x', n);
	const struct support_zip_spec s = { .name = "d", .data = text };

	support_zip_make(z, &s, 1);
	free(text);
	memcpy(z->bytes.data + z->data[0], deflated, n);
	support_zip_put16(z, z->local[0] + 8, 8);
	support_zip_put32(z, z->local[0] + 14, crc);
	support_zip_put32(z, z->local[0] + 22, size);
	support_zip_put16(z, z->central[0] + 10, 8);
	support_zip_put32(z, z->central[0] + 16, crc);
	support_zip_put32(z, z->central[0] + 24, size);
}

START_TEST(zip_refuses_members_that_are_not_what_they_say)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char *text = support_data(SUPPORT_TEXT, 5000, 9), deflated[6000];
	void *c = deflate_zlib.compressor_new(GZIP_FAST, &err);
	size_t n = deflate_zlib.compress(c, text, 5000, deflated, sizeof(deflated));
	uint32_t crc = gzip_crc32(0, text, 5000);

	const struct {
		size_t n;
		uint32_t size, crc;
		const char *message;
	} cases[] = {
		{ n, 5000, crc, NULL },
		{ n, 5000, crc + 1, "member \"d\": wrong checksum" },
		{ n, 4999, gzip_crc32(0, text, 4999), "member \"d\": is larger" },
		{ n, 5001, crc, "member \"d\": is smaller" },
		{ n, UINT32_MAX - 1, crc, "member \"d\": is smaller" },
		{ n, 0, 0, "member \"d\": is larger" },
		{ n + 1, 5000, crc, "something follows its compressed data" },
		{ n - 1, 5000, crc, "cut short" },
		{ 0, 5000, crc, "cut short" },
		{ 0, 0, 0, "cut short" },
	};

	deflate_zlib.compressor_free(c);
	deflated[n] = 0;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(zip_reader_freep) struct zip_reader *r = NULL;
		struct support_zip z;

		make_deflated(&z, deflated, cases[i].n, cases[i].size, cases[i].crc);
		int fd = support_zip_memory(z.bytes.data, z.bytes.len);
		ck_assert_ok(zip_reader_new(fd, 10, &r, &err), &err);
		ck_assert_ok(zip_reader_open(r, 0, &err), &err);
		int result = zip_reader_close(r, &err);
		if (cases[i].message)
			ck_assert_fails(result, &err, ERR_CORRUPT, cases[i].message);
		else
			ck_assert_ok(result, &err);
		close(fd);
		buf_done(&z.bytes);
	}
	free(text);
}

END_TEST

START_TEST(zip_never_hands_out_the_last_byte_of_a_wrong_member)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	static const struct support_zip_spec s = { .name = "a", .data = "alpha" };
	_cleanup_(zip_reader_freep) struct zip_reader *r = NULL;
	struct support_zip z;
	char c;

	support_zip_make(&z, &s, 1);
	z.bytes.data[z.data[0]] ^= 1;
	support_file_n(support_dirfd(), "t.zip", 0600, z.bytes.data, z.bytes.len);
	int fd = open(support_path("t.zip"), O_RDONLY | O_CLOEXEC);
	ck_assert_ok(zip_reader_new(fd, 1, &r, &err), &err);
	ck_assert_ok(zip_reader_open(r, 0, &err), &err);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(zip_reader_read(r, &c, 1, &err), 1);
	ck_assert_fails(zip_reader_read(r, &c, 1, &err), &err, ERR_CORRUPT,
			"member \"a\": wrong checksum");
	/* A file that is cut meanwhile. */
	ck_assert_int_eq(truncate(support_path("t.zip"), 3), 0);
	ck_assert_ok(zip_reader_open(r, 0, &err), &err);
	ck_assert_fails(zip_reader_read(r, &c, 1, &err), &err, ERR_CHANGED, "was cut");
	close(fd);
	buf_done(&z.bytes);
}

END_TEST

/* Reads all of a zip into out, names included. */
static int read_all(const char *p, size_t n, struct buf *out, struct err *err)
{
	_cleanup_(zip_reader_freep) struct zip_reader *r = NULL;
	char piece[4096];

	_cleanup_close_ int fd = support_zip_memory(p, n);
	if (zip_reader_new(fd, 100, &r, err) < 0)
		return -1;
	for (size_t i = 0; i < zip_reader_count(r); i++) {
		const struct zip_member *m = zip_reader_member(r, i);
		ssize_t k;

		if (buf_printf(out, err, "%s %u:", m->name, m->method) < 0 ||
		    zip_reader_open(r, i, err) < 0)
			return -1;
		while ((k = zip_reader_read(r, piece, sizeof(piece), err)) > 0) {
			if (buf_add(out, piece, (size_t)k, err) < 0)
				return -1;
		}
		if (k < 0)
			return -1;
	}
	return 0;
}

/* A small zip of ours, and what it holds. */
static char *small_zip(size_t *ret_n, struct buf *out)
{
	static const struct support_zip_input inputs[] = {
		{ "archive.tgz", ZIP_STORED, "some bytes", 10 },
		{ "meta.json", ZIP_DEFLATED, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", 33 },
		{ "meta.sha3_384", ZIP_DEFLATED, "xyz", 3 }
	};
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int fd = support_zip_create("small.zip");

	support_zip_write(fd, inputs, 3, 0);
	close(fd);
	char *bytes = support_read(support_dirfd(), "small.zip", ret_n);
	ck_assert_ok(read_all(bytes, *ret_n, out, &err), &err);
	return bytes;
}

/* Marks the bytes that may change without notice: versions, times, attributes, the kind
 * of an extra field, and deflate streams, of which several mean the same. */
static void mark_free(const char *zip, size_t n, char *mark)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(zip_reader_freep) struct zip_reader *r = NULL;
	const char *central = zip + le_get32(zip + n - 6);
	int fd = open(support_path("small.zip"), O_RDONLY | O_CLOEXEC);

	memset(mark, 0, n);
	ck_assert_ok(zip_reader_new(fd, 3, &r, &err), &err);
	for (size_t i = 0; i < 3; i++) {
		const struct zip_member *m = zip_reader_member(r, i);
		size_t local = le_get32(central + 42), at = (size_t)(central - zip);

		memset(mark + local + 4, 1, 2);
		memset(mark + local + 10, 1, 4);
		memset(mark + local + 30 + strlen(m->name), 1, 2);
		memset(mark + at + 4, 1, 4);
		memset(mark + at + 12, 1, 4);
		memset(mark + at + 36, 1, 6);
		if (m->method == ZIP_DEFLATED)
			memset(mark + m->offset, 1, (size_t)m->compressed_size);
		central += 46 + strlen(m->name);
	}
	close(fd);
}

START_TEST(zip_finds_every_flipped_bit)
{
	_cleanup_(buf_done) struct buf whole = BUF_INIT;
	size_t n, n_accepted = 0;
	char *zip = small_zip(&n, &whole), *mark = malloc(n);

	mark_free(zip, n, mark);
	for (size_t i = 0; i < n * 8; i++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(buf_done) struct buf out = BUF_INIT;

		zip[i / 8] ^= (char)(1 << i % 8);
		int result = read_all(zip, n, &out, &err);
		zip[i / 8] ^= (char)(1 << i % 8);
		if (result < 0) {
			ck_assert_err(&err, ERR_CORRUPT, "");
			continue;
		}
		n_accepted++;
		ck_assert_uint_eq(out.len, whole.len);
		ck_assert_int_eq(memcmp(out.data, whole.data, out.len), 0);
		ck_assert_msg(mark[i / 8], "bit %zu of byte %zu was missed", i % 8,
			      i / 8);
	}
	ck_assert_uint_gt(n_accepted, 0);
	free(mark);
	free(zip);
}

END_TEST

START_TEST(zip_survives_mutations)
{
	_cleanup_(buf_done) struct buf whole = BUF_INIT;
	uint64_t state = 0x21ff;
	size_t n;
	char *zip = small_zip(&n, &whole), *copy = malloc(n);

	for (int round = 0; round < 3000; round++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(buf_done) struct buf out = BUF_INIT_MAX(1 << 20);

		memcpy(copy, zip, n);
		for (uint64_t i = support_random(&state) % 5; i < 5; i++) {
			uint64_t r = support_random(&state);
			size_t at = (size_t)(r >> 32) % n, len = 1 + (r & 7);
			size_t from = (size_t)(r >> 8) % n;

			if (r & 16 || at + len > n || from + len > n)
				copy[at] = r & 32 ? (char)0xff : (char)(r >> 24);
			else
				memmove(copy + at, copy + from, len);
		}
		if (read_all(copy, n, &out, &err) < 0)
			ck_assert(err_is(&err, ERR_CORRUPT) ||
				  err_is(&err, ERR_NO_SPACE));
	}
	free(copy);
	free(zip);
}

END_TEST

Suite *suite_zip_reader(void)
{
	Suite *s = suite_create("zip_reader");
	TCase *tc = support_tcase(s, "reader");
	tcase_add_test(tc, zip_reads_what_snapd_wrote);
	tcase_add_test(tc, zip_members_are_gzip_streams);
	tcase_add_test(tc, zip_slurp_has_a_limit);
	tcase_add_test(tc, zip_refuses_members_that_are_not_what_they_say);
	tcase_add_test(tc, zip_never_hands_out_the_last_byte_of_a_wrong_member);
	tcase_add_test(tc, zip_finds_every_flipped_bit);
	tcase_add_test(tc, zip_survives_mutations);
	return s;
}
