/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_BELT_H
#define SETASIDE_BASE_BELT_H

/*
 * belt: a few blocks that one thread fills and another works off, in the same order.
 *
 *	belt_new(size, n, &work, ctx, &b, err);
 *	while (more) {
 *		fill(belt_block(b));
 *		belt_submit(b, err);
 *	}
 *	belt_drain(b, err);
 *	belt_free(b);
 *
 * The belt's thread is started with the first block that is submitted: who submits none
 * has none, and where none can be started the caller does its work in belt_submit().  It
 * blocks all signals.  After a failure of the work nothing more is worked off, and every
 * call that can fail tells of it.  The object serves one caller's thread at a time.
 *
 * Memory: n blocks, which lie at multiples of 4096 and are touched when used.
 */

#include <stddef.h>
#include <stdint.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"

struct belt;

/* Works off the block at p, the i-th of n; how much of it is filled the caller knows. */
typedef int belt_work(void *ctx, unsigned i, uint8_t *p, struct err *err);

/* `size` is a multiple of 4096, n at least 2. */
int belt_new(size_t size, unsigned n, belt_work *work, void *ctx, struct belt **ret,
	     struct err *err);
/* The block to be filled now, and which it is. */
uint8_t *belt_block(const struct belt *b, unsigned *ret_i);
/* It is filled: the next takes its place, once it has been worked off. */
int belt_submit(struct belt *b, struct err *err);
/* Waits until all that was submitted has been worked off. */
int belt_drain(struct belt *b, struct err *err);
/* Ends the thread with the block that it is at, and leaves the others. */
void belt_free(struct belt *b);
CLEANUP_FUNC(struct belt *, belt_free);

#endif
