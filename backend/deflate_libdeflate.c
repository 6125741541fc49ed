/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/deflate.h"

#if defined(HAVE_DEFLATE_LIBDEFLATE) || defined(HAVE_LIBDEFLATE)

# include <libdeflate.h>

# define FAST_LEVEL  1
# define SMALL_LEVEL 6 /* .1 to .5 % fewer bytes than gzip -6, our headers included */

static void *libdeflate_compressor_new(enum gzip_level level, struct err *err)
{
	void *c = libdeflate_alloc_compressor(level == GZIP_FAST ? FAST_LEVEL
								 : SMALL_LEVEL);

	if (!c)
		err_nomem(err);
	return c;
}

static void libdeflate_compressor_free(void *compressor)
{
	libdeflate_free_compressor(compressor);
}

static size_t libdeflate_compress(void *compressor, const void *in, size_t n, void *out,
				  size_t cap)
{
	return libdeflate_deflate_compress(compressor, in, n, out, cap);
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
	.decompressor_new = libdeflate_decompressor_new,
	.decompressor_free = libdeflate_decompressor_free,
	.decompress = libdeflate_decompress,
	.crc32 = libdeflate_checksum,
};

#endif
