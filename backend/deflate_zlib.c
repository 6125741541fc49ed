/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/deflate.h"

#include <limits.h>
#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>

#include "backend/base/alloc.h"
#include "backend/inflate.h"

/* Independent blocks cost what level 6 could save: hence one step more, or two. */
#define FAST_LEVEL  1
#define SMALL_LEVEL 8
#define RAW         (-15) /* no header and trailer of zlib's, the largest window */
#define MEM_LEVEL   8

static void *zlib_compressor_new(enum gzip_level level, struct err *err)
{
	z_stream *z = alloc_zero(1, sizeof(*z), err);

	if (!z)
		return NULL;
	z->zalloc = inflater_zalloc;
	z->zfree = inflater_zfree;
	if (deflateInit2(z, level == GZIP_FAST ? FAST_LEVEL : SMALL_LEVEL, Z_DEFLATED,
			 RAW, MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(z);
		err_nomem(err);
		return NULL;
	}
	return z;
}

static void zlib_compressor_free(void *compressor)
{
	(void)deflateEnd(compressor);
	free(compressor);
}

/* deflate()'s answer to all of it at once. */
static int run(z_stream *z, const void *in, size_t n, void *out, size_t cap, int flush)
{
	(void)deflateReset(z);
	z->next_in = in;
	z->avail_in = (uInt)n;
	z->next_out = out;
	z->avail_out = (uInt)cap;
	return deflate(z, flush);
}

static size_t zlib_compress(void *compressor, const void *in, size_t n, void *out,
			    size_t cap)
{
	z_stream *z = compressor;

	return run(z, in, n, out, cap, Z_FINISH) == Z_STREAM_END ? cap - z->avail_out : 0;
}

static size_t zlib_compress_part(void *compressor, const void *in, size_t n, void *out,
				 size_t cap)
{
	z_stream *z = compressor;

	/* With room left nothing of it is still to come. */
	if (run(z, in, n, out, cap, Z_SYNC_FLUSH) != Z_OK || z->avail_in > 0 ||
	    z->avail_out == 0)
		return 0;
	return cap - z->avail_out;
}

static void *zlib_decompressor_new(struct err *err)
{
	z_stream *z = alloc_zero(1, sizeof(*z), err);

	if (!z)
		return NULL;
	z->zalloc = inflater_zalloc;
	z->zfree = inflater_zfree;
	if (inflateInit2(z, RAW) != Z_OK) {
		free(z);
		err_nomem(err);
		return NULL;
	}
	return z;
}

static void zlib_decompressor_free(void *decompressor)
{
	(void)inflateEnd(decompressor);
	free(decompressor);
}

static bool zlib_decompress(void *decompressor, const void *in, size_t n, void *out,
			    size_t out_n)
{
	z_stream *z = decompressor;

	(void)inflateReset(z);
	z->next_in = in;
	z->avail_in = (uInt)n;
	z->next_out = out;
	z->avail_out = (uInt)out_n;
	/* Z_FINISH with all of the output at hand: zlib keeps no window of its own. */
	return inflate(z, Z_FINISH) == Z_STREAM_END && z->avail_in == 0 &&
	       z->avail_out == 0;
}

static uint32_t zlib_crc32(uint32_t crc, const void *p, size_t n)
{
	/* With NULL it would return the initial value instead. */
	return n > 0 ? (uint32_t)crc32_z(crc, p, n) : crc;
}

const struct deflate_codec deflate_zlib = {
	.name = "zlib",
	.compressor_new = zlib_compressor_new,
	.compressor_free = zlib_compressor_free,
	.compress = zlib_compress,
	.compress_part = zlib_compress_part,
	.decompressor_new = zlib_decompressor_new,
	.decompressor_free = zlib_decompressor_free,
	.decompress = zlib_decompress,
	.crc32 = zlib_crc32,
};
