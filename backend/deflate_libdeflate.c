/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/deflate.h"

#if defined(HAVE_DEFLATE_LIBDEFLATE) || defined(HAVE_LIBDEFLATE)

# include <libdeflate.h>
# include <stdlib.h>

# include "backend/base/alloc.h"
# include "backend/base/le.h"
# include "backend/inflate.h"

# define FAST_LEVEL  1
# define SMALL_LEVEL 6 /* .1 to .5 % fewer bytes than gzip -6, our headers included */

struct compressor {
	struct libdeflate_compressor *deflate;
	struct inflater *inflater;
};

static void libdeflate_compressor_free(void *compressor)
{
	struct compressor *c = compressor;

	libdeflate_free_compressor(c->deflate);
	inflater_free(c->inflater);
	free(c);
}

static void *libdeflate_compressor_new(enum gzip_level level, struct err *err)
{
	struct compressor *c = alloc_zero(1, sizeof(*c), err);

	if (!c)
		return NULL;
	c->deflate = libdeflate_alloc_compressor(level == GZIP_FAST ? FAST_LEVEL
								    : SMALL_LEVEL);
	if (!c->deflate)
		err_nomem(err);
	if (!c->deflate || inflater_new(INFLATE_RAW, &c->inflater, err) < 0) {
		libdeflate_compressor_free(c);
		return NULL;
	}
	return c;
}

static size_t libdeflate_compress(void *compressor, const void *in, size_t n, void *out,
				  size_t cap)
{
	return libdeflate_deflate_compress(((struct compressor *)compressor)->deflate, in,
					   n, out, cap);
}

/* The header of an empty stored block: type 0 in three bits, zeros up to the next byte,
 * then the length and its complement. */
# define STORED_BITS   3
# define STORED_LENGTH 4

/*
 * libdeflate makes nothing but whole streams.  The last block of one begins with a bit
 * that says so: where, is found by inflating.  That bit is cleared, and an empty stored
 * block fills the last byte.
 */
static size_t libdeflate_compress_part(void *compressor, const void *in, size_t n,
				       void *out, size_t cap)
{
	struct compressor *c = compressor;
	size_t size = libdeflate_compress(c, in, n, out, cap);
	uint8_t *bytes = out;
	uint64_t begin, end;

	if (size == 0)
		return 0;
	inflater_reset(c->inflater);
	if (!inflater_find_last_block(c->inflater, out, size, &begin, &end) ||
	    (end + 7) / 8 != size)
		return 0;
	size_t whole = (size_t)(end + STORED_BITS + 7) / 8;
	if (whole + STORED_LENGTH > cap)
		return 0;
	bytes[begin / 8] &= (uint8_t) ~(1u << begin % 8);
	if (whole > size)
		bytes[size] = 0;
	le_put16(bytes + whole, 0);
	le_put16(bytes + whole + 2, 0xffff);
	return whole + STORED_LENGTH;
}

static void *libdeflate_decompressor_new(struct err *err)
{
	void *d = libdeflate_alloc_decompressor();

	if (!d)
		err_nomem(err);
	return d;
}

static void libdeflate_decompressor_free(void *decompressor)
{
	libdeflate_free_decompressor(decompressor);
}

static bool libdeflate_decompress(void *decompressor, const void *in, size_t n, void *out,
				  size_t out_n)
{
	size_t used, made;

	return libdeflate_deflate_decompress_ex(decompressor, in, n, out, out_n, &used,
						&made) == LIBDEFLATE_SUCCESS &&
	       used == n && made == out_n;
}

static uint32_t libdeflate_checksum(uint32_t crc, const void *p, size_t n)
{
	/* With NULL it would return the initial value instead. */
	return n > 0 ? libdeflate_crc32(crc, p, n) : crc;
}

const struct deflate_codec deflate_libdeflate = {
	.name = "libdeflate",
	.compressor_new = libdeflate_compressor_new,
	.compressor_free = libdeflate_compressor_free,
	.compress = libdeflate_compress,
	.compress_part = libdeflate_compress_part,
	.parts_pay_from =
		30, /* a part takes a quarter to two thirds longer than a whole stream */
	.decompressor_new = libdeflate_decompressor_new,
	.decompressor_free = libdeflate_decompressor_free,
	.decompress = libdeflate_decompress,
	.crc32 = libdeflate_checksum,
};

#endif
