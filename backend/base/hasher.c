/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/hasher.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/belt.h"

#define BLOCK    ((size_t)256 << 10)
#define N_BLOCKS 12u

struct hasher {
	struct digest *digest; /* the belt's, once it has a block */
	struct belt *belt;
	size_t filled; /* of the block at hand */
};

/* belt_work */
static int hash_block(void *ctx, unsigned i, uint8_t *p, struct err *err)
{
	struct hasher *h = ctx;

	(void)i;
	return digest_update(h->digest, p, BLOCK, err);
}

int hasher_new(enum digest_kind kind, struct hasher **ret, struct err *err)
{
	_cleanup_(hasher_freep) struct hasher *h = alloc_zero(1, sizeof(*h), err);

	if (!h || belt_new(BLOCK, N_BLOCKS, hash_block, h, &h->belt, err) < 0 ||
	    digest_new(kind, &h->digest, err) < 0)
		return -1;
	*ret = TAKE_PTR(h);
	return 0;
}

int hasher_update(struct hasher *h, const void *p, size_t n, struct err *err)
{
	const uint8_t *at = p;

	while (n > 0) {
		size_t part = n < BLOCK - h->filled ? n : BLOCK - h->filled;
		unsigned ignored;

		memcpy(belt_block(h->belt, &ignored) + h->filled, at, part);
		h->filled += part;
		at += part;
		n -= part;
		if (h->filled < BLOCK)
			continue;
		h->filled = 0;
		if (belt_submit(h->belt, err) < 0)
			return -1;
	}
	return 0;
}

int hasher_final(struct hasher *h, uint8_t *ret, struct err *err)
{
	unsigned ignored;

	if (belt_drain(h->belt, err) < 0 ||
	    digest_update(h->digest, belt_block(h->belt, &ignored), h->filled, err) < 0)
		return -1;
	return digest_final(h->digest, ret, err);
}

void hasher_free(struct hasher *h)
{
	if (!h)
		return;
	belt_free(h->belt);
	digest_free(h->digest);
	free(h);
}
