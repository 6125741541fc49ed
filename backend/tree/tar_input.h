/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_TAR_INPUT_H
#define SETASIDE_TREE_TAR_INPUT_H

/*
 * tar_input: a window over a stream that comes in pieces of any size.
 *
 * Private to tar_read.  Data is lent, not copied; only a header block that lies across
 * two pieces is put together in `block`.  A stream that ends too early is ERR_CORRUPT.
 */

#include <stdint.h>
#include <sys/types.h>

#include "backend/base/error.h"
#include "backend/tree/tar_read.h"
#include "backend/tree/tar_write.h"

struct tar_input {
	tar_source source;
	tar_skipper skip; /* or NULL */
	void *ctx;
	const uint8_t *p; /* what of the last piece is not taken yet */
	size_t n;
	uint64_t offset; /* bytes taken: for messages */
	uint8_t block[TAR_BLOCK];
};

/* All that is at hand, asking the source where that is nothing; 0 at the end of the
 * stream. */
ssize_t tar_input_peek(struct tar_input *in, const uint8_t **ret, struct err *err);

/* Takes n of the bytes that were last peeked at. */
void tar_input_take(struct tar_input *in, size_t n);

/* The next TAR_BLOCK bytes, valid until the next call.  1; 0 at the end of the stream;
 * -1. */
int tar_input_block(struct tar_input *in, const uint8_t **ret, struct err *err);

/* Copies exactly n bytes out. */
int tar_input_read(struct tar_input *in, void *out, size_t n, struct err *err);

/* Passes over exactly n bytes. */
int tar_input_skip(struct tar_input *in, uint64_t n, struct err *err);

/* ERR_CORRUPT: the stream ended in the middle of something. */
int tar_input_cut(const struct tar_input *in, struct err *err);

#endif
