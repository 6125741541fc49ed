/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_DEFLATE_H
#define SETASIDE_DEFLATE_H

/*
 * deflate: raw deflate of whole blocks, by whichever library was built in.
 *
 * Internal to gzip and zip.  A codec is a table of functions over one library; its
 * compressor and decompressor objects serve one thread at a time and are used again and
 * again.
 *
 * Who does what, by the choice at configure time:
 *
 *	built with   GZIP_FAST   GZIP_SMALL        blocks inflated   CRC-32
 *	ISA-L        ISA-L       libdeflate, zlib  libdeflate, ISA-L ISA-L
 *	libdeflate   libdeflate  libdeflate        libdeflate        libdeflate
 *	zlib         zlib        zlib              zlib              zlib
 *
 * (the first of two, if it is there).  ISA-L has nothing as small as gzip -6, and its
 * level 3 gives other bytes on other kinds of processor; hence the second library beside
 * it (HAVE_LIBDEFLATE).  libdeflate and ISA-L let a few Huffman codes pass that zlib
 * refuses as incomplete; both stay inside their buffers, and the caller's CRC decides.
 *
 * Streams of unknown origin and length are inflate.h's, which is always zlib.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/error.h"
#include "backend/gzip.h"

struct deflate_codec {
	const char *name; /* "isa-l", "libdeflate", "zlib" */

	/* ERR_NOMEM. The caller frees; free takes no NULL. */
	void *(*compressor_new)(enum gzip_level level, struct err *err);
	void (*compressor_free)(void *compressor);
	/* The length of what was written to out, or 0 if it has no room in `cap`. */
	size_t (*compress)(void *compressor, const void *in, size_t n, void *out,
			   size_t cap);
	/* The same, of a stream that goes on at the next byte. */
	size_t (*compress_part)(void *compressor, const void *in, size_t n, void *out,
				size_t cap);
	/* A block made of parts pays if it spares the compressor
	 * so many percent of it. */
	unsigned parts_pay_from;

	void *(*decompressor_new)(struct err *err);
	void (*decompressor_free)(void *decompressor);
	/* True if `in` is one deflate stream that ends with its last byte and gives
	 * exactly out_n bytes; if not, what `out` holds has no meaning. */
	bool (*decompress)(void *decompressor, const void *in, size_t n, void *out,
			   size_t out_n);

	uint32_t (*crc32)(uint32_t crc, const void *p, size_t n);
};

#ifdef HAVE_DEFLATE_ISAL
extern const struct deflate_codec deflate_isal;
#endif
#if defined(HAVE_DEFLATE_LIBDEFLATE) || defined(HAVE_LIBDEFLATE)
extern const struct deflate_codec deflate_libdeflate;
#endif
extern const struct deflate_codec deflate_zlib;

const struct deflate_codec *deflate_compressor(enum gzip_level level);
const struct deflate_codec *deflate_decompressor(void);
const struct deflate_codec *deflate_checksum(void);

#endif
