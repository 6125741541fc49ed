/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/deflate.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/support_gzip.h"

static const struct deflate_codec *const codecs[] = {
	&deflate_zlib,
#ifdef HAVE_DEFLATE_ISAL
	&deflate_isal,
#endif
#if defined(HAVE_DEFLATE_LIBDEFLATE) || defined(HAVE_LIBDEFLATE)
	&deflate_libdeflate,
#endif
};

#define N_CODECS ((int)(sizeof(codecs) / sizeof(codecs[0])))

/* Compresses with one codec and level; returns the length. */
static size_t compress(const struct deflate_codec *codec, enum gzip_level level,
		       const char *in, size_t n, char *out, size_t cap)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	void *c = codec->compressor_new(level, &err);

	ck_assert_ok_ptr(c, &err);
	size_t size = codec->compress(c, in, n, out, cap);
	/* Again, with the same object: nothing of the last block may be left in it. */
	char *second = malloc(cap + 1);
	ck_assert_ptr_nonnull(second);
	ck_assert_uint_eq(codec->compress(c, in, n, second, cap), size);
	ck_assert_int_eq(memcmp(out, second, size), 0);
	free(second);
	codec->compressor_free(c);
	return size;
}

static bool decompress(const struct deflate_codec *codec, const char *in, size_t n,
		       char *out, size_t out_n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	void *d = codec->decompressor_new(&err);

	ck_assert_ok_ptr(d, &err);
	bool result = codec->decompress(d, in, n, out, out_n);
	codec->decompressor_free(d);
	return result;
}

START_TEST(deflate_every_codec_reads_every_codec)
{
	static const size_t sizes[] = { 0, 1, 2, 100, 65536, 300001 };
	const struct deflate_codec *writer = codecs[_i];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (int kind = SUPPORT_RANDOM; kind <= SUPPORT_MIXED; kind++) {
			enum gzip_level level = i % 2 ? GZIP_SMALL : GZIP_FAST;
			size_t n = sizes[i], cap = n + 1024;
			char *in = support_data((enum support_data)kind, n, 1 + i);
			char *out = malloc(cap), *back = malloc(n + 1);

			size_t size = compress(writer, level, in, n, out, cap);
			ck_assert_uint_gt(size, 0);
			for (int k = 0; k < N_CODECS; k++) {
				ck_assert(decompress(codecs[k], out, size, back, n));
				ck_assert_int_eq(memcmp(in, back, n), 0);
			}
			free(in);
			free(out);
			free(back);
		}
	}
}

END_TEST

/* Where its memory lies must not show: a stream is compressed by several. */
START_TEST(deflate_gives_the_same_bytes_with_every_compressor)
{
	enum {
		COMPRESSORS = 1000,
		SIZE = 400
	};
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char *in = support_data(SUPPORT_RANDOM, SIZE, 7), first[4 * SIZE], out[4 * SIZE];
	void *compressors[COMPRESSORS];
	size_t size = 0;

	/* What the stream begins with comes again, from each of the first places. */
	for (size_t i = 0; i < 4; i++)
		memcpy(in + 100 + 50 * i, in + i, 12);
	for (size_t i = 0; i < COMPRESSORS; i++) {
		compressors[i] = codecs[_i]->compressor_new(GZIP_FAST, &err);
		ck_assert_ok_ptr(compressors[i], &err);
		size_t n = codecs[_i]->compress_part(compressors[i], in, SIZE, out,
						     sizeof(out) / 2);
		n += codecs[_i]->compress(compressors[i], in, SIZE, out + n,
					  sizeof(out) - n);
		if (i == 0) {
			size = n;
			memcpy(first, out, n);
		}
		ck_assert_uint_eq(n, size);
		ck_assert_int_eq(memcmp(out, first, n), 0);
	}
	for (size_t i = 0; i < COMPRESSORS; i++)
		codecs[_i]->compressor_free(compressors[i]);
	free(in);
}

END_TEST

/* Whatever a part ends with, what follows it begins at a byte. */
START_TEST(deflate_parts_are_of_one_stream)
{
	static const size_t sizes[] = { 1, 2, 3, 100, 16384, 300001 };

	enum {
		N = sizeof(sizes) / sizeof(sizes[0])
	};
	_cleanup_(err_clear) struct err err = ERR_INIT;
	enum gzip_level level = _i % 2 ? GZIP_SMALL : GZIP_FAST;
	const struct deflate_codec *writer = codecs[_i / 2];
	size_t n = 0, size = 0, cap = 4 * 320000;
	char *in = malloc(cap), *out = malloc(cap), *back = malloc(cap);
	void *c = writer->compressor_new(level, &err);

	ck_assert_ok_ptr(c, &err);
	for (size_t i = 0; i < 4 * N; i++) {
		char *data =
			support_data((enum support_data)(i % 4), sizes[i % N], 1 + i);
		bool last = i == 4 * N - 1;
		size_t made = (last ? writer->compress : writer->compress_part)(
			c, data, sizes[i % N], out + size, cap - size);

		ck_assert_uint_gt(made, 0);
		memcpy(in + n, data, sizes[i % N]);
		n += sizes[i % N];
		size += made;
		free(data);
	}
	writer->compressor_free(c);
	for (int k = 0; k < N_CODECS; k++) {
		ck_assert(decompress(codecs[k], out, size, back, n));
		ck_assert_int_eq(memcmp(in, back, n), 0);
	}
	free(in);
	free(out);
	free(back);
}

END_TEST

START_TEST(deflate_parts_stay_in_their_room)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char *in = support_data(SUPPORT_TEXT, 500, 5), out[600];
	void *c = codecs[_i]->compressor_new(GZIP_FAST, &err);

	ck_assert_ok_ptr(c, &err);
	size_t size = codecs[_i]->compress_part(c, in, 500, out, sizeof(out));
	ck_assert_uint_gt(size, 0);
	for (size_t cap = 0; cap < size; cap++) {
		memset(out, 'x', sizeof(out));
		ck_assert_uint_eq(codecs[_i]->compress_part(c, in, 500, out, cap), 0);
		for (size_t i = cap; i < sizeof(out); i++)
			ck_assert_int_eq(out[i], 'x');
	}
	codecs[_i]->compressor_free(c);
	free(in);
}

END_TEST

START_TEST(deflate_says_when_there_is_no_room)
{
	char *in = support_data(SUPPORT_RANDOM, 100000, 5);
	char *out = malloc(100000);

	ck_assert_uint_eq(compress(codecs[_i], GZIP_FAST, in, 100000, out, 99999), 0);
	ck_assert_uint_eq(compress(codecs[_i], GZIP_SMALL, in, 100000, out, 0), 0);
	free(in);
	free(out);
}

END_TEST

START_TEST(deflate_decompresses_only_the_exact_lengths)
{
	const struct deflate_codec *codec = codecs[_i];
	char *in = support_data(SUPPORT_TEXT, 5000, 3);
	char out[6000], back[6000];
	size_t size = compress(&deflate_zlib, GZIP_FAST, in, 5000, out, sizeof(out) - 1);

	out[size] = 0;
	ck_assert(decompress(codec, out, size, back, 5000));
	ck_assert(!decompress(codec, out, size, back, 4999));
	ck_assert(!decompress(codec, out, size, back, 5001));
	ck_assert(!decompress(codec, out, size + 1, back, 5000));
	for (size_t n = 0; n < size; n++)
		ck_assert(!decompress(codec, out, n, back, 5000));
	free(in);
}

END_TEST

START_TEST(deflate_checksums_agree)
{
	char *p = support_data(SUPPORT_RANDOM, 70000, 9);
	const struct deflate_codec *codec = codecs[_i];

	ck_assert_uint_eq(codec->crc32(0, "123456789", 9), 0xcbf43926);
	ck_assert_uint_eq(codec->crc32(0, NULL, 0), 0);
	ck_assert_uint_eq(codec->crc32(0x12345678, NULL, 0), 0x12345678);
	for (size_t n = 0; n < 70000; n = n * 2 + 1) {
		uint32_t whole = deflate_zlib.crc32(0, p, n);
		ck_assert_uint_eq(codec->crc32(0, p, n), whole);
		ck_assert_uint_eq(
			codec->crc32(codec->crc32(0, p, n / 3), p + n / 3, n - n / 3),
			whole);
	}
	free(p);
}

END_TEST

START_TEST(deflate_uses_the_library_of_the_build)
{
	const char *name = deflate_compressor(GZIP_FAST)->name;

#if defined(HAVE_DEFLATE_ISAL)
	ck_assert_str_eq(name, "isa-l");
	/* ISA-L has nothing small. */
	ck_assert_str_ne(deflate_compressor(GZIP_SMALL)->name, "isa-l");
#elif defined(HAVE_DEFLATE_LIBDEFLATE)
	ck_assert_str_eq(name, "libdeflate");
#else
	ck_assert_str_eq(name, "zlib");
#endif
	ck_assert_str_eq(gzip_library(), name);
}

END_TEST

Suite *suite_deflate(void)
{
	Suite *s = suite_create("deflate");
	TCase *tc = support_tcase(s, "codecs");

	tcase_add_loop_test(tc, deflate_every_codec_reads_every_codec, 0, N_CODECS);
	tcase_add_loop_test(tc, deflate_gives_the_same_bytes_with_every_compressor, 0,
			    N_CODECS);
	tcase_add_loop_test(tc, deflate_parts_are_of_one_stream, 0, 2 * N_CODECS);
	tcase_add_loop_test(tc, deflate_parts_stay_in_their_room, 0, N_CODECS);
	tcase_add_loop_test(tc, deflate_says_when_there_is_no_room, 0, N_CODECS);
	tcase_add_loop_test(tc, deflate_decompresses_only_the_exact_lengths, 0, N_CODECS);
	tcase_add_loop_test(tc, deflate_checksums_agree, 0, N_CODECS);
	tcase_add_test(tc, deflate_uses_the_library_of_the_build);
	return s;
}
