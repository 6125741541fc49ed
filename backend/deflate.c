/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/deflate.h"

#if defined(HAVE_DEFLATE_LIBDEFLATE) || defined(HAVE_LIBDEFLATE)
# define BEST_OF_SMALL deflate_libdeflate
#else
# define BEST_OF_SMALL deflate_zlib
#endif

#if defined(HAVE_DEFLATE_ISAL)
# define FASTEST deflate_isal
#else
# define FASTEST BEST_OF_SMALL
#endif

const struct deflate_codec *deflate_compressor(enum gzip_level level)
{
	static const struct deflate_codec *const by_level[] = {
		[GZIP_FAST] = &FASTEST,
		[GZIP_SMALL] = &BEST_OF_SMALL,
	};

	return by_level[level];
}

const struct deflate_codec *deflate_decompressor(void)
{
	/* libdeflate's is the fastest of all where it is here, zlib's the slowest. */
#if defined(HAVE_DEFLATE_LIBDEFLATE) || defined(HAVE_LIBDEFLATE)
	return &deflate_libdeflate;
#else
	return &FASTEST;
#endif
}

const struct deflate_codec *deflate_checksum(void)
{
	return &FASTEST;
}
