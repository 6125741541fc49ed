/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_GZIP_INTERNAL_H
#define SETASIDE_GZIP_INTERNAL_H

/*
 * What gzip's writer and reader share: the form of our members (format.md, "Our gzip
 * members"), and how many threads there are.
 */

#include "backend/deflate.h"

#define GZIP_THREADS_MAX 8u

#define GZIP_MEMBER_HEADER  24u
#define GZIP_MEMBER_TRAILER 8u
/* The shortest deflate stream has 2 bytes; what would pass the stored form is stored. */
#define GZIP_STORED_PIECE 65535u
#define GZIP_STORED_MAX                                                                  \
 (GZIP_BLOCK + 5 * ((GZIP_BLOCK + GZIP_STORED_PIECE - 1) / GZIP_STORED_PIECE))
#define GZIP_MEMBER_MIN ((size_t)GZIP_MEMBER_HEADER + 2 + GZIP_MEMBER_TRAILER)
#define GZIP_MEMBER_MAX (GZIP_MEMBER_HEADER + GZIP_STORED_MAX + GZIP_MEMBER_TRAILER)

/* The number of threads to use where `asked` were asked for: 1 to GZIP_THREADS_MAX. */
unsigned gzip_threads(unsigned asked);

/* Makes a member of at most GZIP_BLOCK bytes; `out` has room for GZIP_MEMBER_MAX. */
size_t gzip_member_encode(const struct deflate_codec *codec, void *compressor,
			  const uint8_t *in, size_t n, uint8_t *out);

/* The length of the member that begins with these n bytes, 0 if it is not one of ours:
 * any other header than the one we write, or a length that no block of ours can have. */
size_t gzip_member_length(const uint8_t *p, size_t n);

/* True if they begin a member that has our subfield in an extra field of another form:
 * one wrong bit there could make all that follows, whole members too, a part of it. */
bool gzip_member_is_broken(const uint8_t *p, size_t n);

/* Inflates a whole member of ours, whose length was read from it, into at most GZIP_BLOCK
 * bytes.  ERR_CORRUPT unless the deflate stream fills it and the trailer is right. */
int gzip_member_decode(const struct deflate_codec *codec, void *decompressor,
		       const uint8_t *p, size_t n, uint8_t *out, size_t *ret_n,
		       struct err *err);

#endif
