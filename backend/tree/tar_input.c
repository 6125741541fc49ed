/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/tar_input.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* What a source is asked for at once. */
#define PIECE_MAX ((size_t)1 << 20)

int tar_input_cut(const struct tar_input *in, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "archive is cut short after %" PRIu64 " bytes",
		       in->offset + in->n);
}

ssize_t tar_input_peek(struct tar_input *in, const uint8_t **ret, struct err *err)
{
	if (in->n == 0) {
		const void *piece = NULL;
		ssize_t n = in->source(in->ctx, &piece, PIECE_MAX, err);

		if (n <= 0)
			return n;
		in->p = piece;
		in->n = (size_t)n;
	}
	*ret = in->p;
	return (ssize_t)in->n;
}

void tar_input_take(struct tar_input *in, size_t n)
{
	assert(n <= in->n);
	in->p += n;
	in->n -= n;
	in->offset += n;
}

int tar_input_block(struct tar_input *in, const uint8_t **ret, struct err *err)
{
	const uint8_t *p;
	ssize_t n = tar_input_peek(in, &p, err);

	if (n <= 0)
		return (int)n;
	if (n >= (ssize_t)TAR_BLOCK) {
		tar_input_take(in, TAR_BLOCK);
		*ret = p;
		return 1;
	}
	if (tar_input_read(in, in->block, TAR_BLOCK, err) < 0)
		return -1;
	*ret = in->block;
	return 1;
}

int tar_input_read(struct tar_input *in, void *out, size_t n, struct err *err)
{
	uint8_t *to = out;

	while (n > 0) {
		const uint8_t *p;
		ssize_t got = tar_input_peek(in, &p, err);

		if (got < 0)
			return -1;
		if (got == 0)
			return tar_input_cut(in, err);
		if ((size_t)got > n)
			got = (ssize_t)n;
		memcpy(to, p, (size_t)got);
		tar_input_take(in, (size_t)got);
		to += got;
		n -= (size_t)got;
	}
	return 0;
}

/* Passes over what of n bytes lies behind the last piece, as far as that can be
 * done without reading it. */
static int skip_unread(struct tar_input *in, uint64_t *n, struct err *err)
{
	uint64_t skipped = 0;

	if (!in->skip || *n <= in->n)
		return 0;
	if (in->skip(in->ctx, *n - in->n, &skipped, err) < 0)
		return -1;
	if (skipped == 0)
		return 0;
	/* The piece at hand comes before them, and goes too. */
	*n -= in->n + skipped;
	in->offset += in->n + skipped;
	in->n = 0;
	return 0;
}

int tar_input_skip(struct tar_input *in, uint64_t n, struct err *err)
{
	if (skip_unread(in, &n, err) < 0)
		return -1;
	while (n > 0) {
		const uint8_t *p;
		ssize_t got = tar_input_peek(in, &p, err);

		if (got < 0)
			return -1;
		if (got == 0)
			return tar_input_cut(in, err);
		if ((uint64_t)got > n)
			got = (ssize_t)n;
		tar_input_take(in, (size_t)got);
		n -= (uint64_t)got;
	}
	return 0;
}
