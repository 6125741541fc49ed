/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_INFLATE_H
#define SETASIDE_INFLATE_H

/*
 * inflate: a compressed stream of unknown origin and length, piece by piece.
 *
 * Internal to gzip and zip.  Always zlib: the slowest of the three libraries, and the
 * strictest about wrong streams.
 *
 *	inflater_new(INFLATE_GZIP, &i, err);
 *	while (inflater_run(i, &in, &n_in, &out, &n_out, err) == 1)
 *		...	// take what was made, give more input or room
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"

enum inflate_format {
	INFLATE_RAW,  /* deflate alone */
	INFLATE_GZIP, /* one gzip member: header (with its CRC) and trailer are checked */
};

struct inflater;

/* ERR_NOMEM. */
int inflater_new(enum inflate_format format, struct inflater **ret, struct err *err);
/* Ready for another stream. */
void inflater_reset(struct inflater *i);
/* Goes on until the input or the room is used up, or the stream ends; moves the four on
 * by what was used and made.  1: more to come; 0: the stream has ended, what is left of
 * the input is not its own; -1: ERR_CORRUPT, saying what is wrong. */
int inflater_run(struct inflater *i, const void **in, size_t *n_in, void **out,
		 size_t *n_out, struct err *err);
/* Where in a whole raw stream, which is right, the header of its last block begins, and
 * where the stream ends, in bits.  False if it is not such a stream.  Afterwards the
 * object is to be reset. */
bool inflater_find_last_block(struct inflater *i, const void *in, size_t n,
			      uint64_t *ret_begin, uint64_t *ret_end);
void inflater_free(struct inflater *i);
CLEANUP_FUNC(struct inflater *, inflater_free);

/* zlib's allocator, over backend/base/alloc. */
void *inflater_zalloc(void *opaque, unsigned items, unsigned size);
void inflater_zfree(void *opaque, void *p);

#endif
