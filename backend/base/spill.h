/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_SPILL_H
#define SETASIDE_BASE_SPILL_H

/*
 * spill: what does not fit into memory, in a file that has no name.
 *
 * Whoever may open such a file hands its descriptor over; whoever may hold much keeps up
 * to `memory` bytes to itself and puts the rest here, in regions that it takes one after
 * the other.  A region is read as zeros until it is written.  Nothing of it outlives the
 * process.  For one thread at a time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/error.h"

/* What one user keeps in memory before it spills. */
#define SPILL_MEMORY ((size_t)16 << 20)

struct spill {
	int fd;        /* borrowed; -1: there is no file, all has to stay in memory */
	uint64_t end;  /* of the regions that were taken */
	size_t memory; /* SPILL_MEMORY; tests take less */
};

#define SPILL_NONE                                                                       \
 {                                                                                       \
  -1, 0, SPILL_MEMORY                                                                    \
 }

/* Is there such a file, and are these bytes more than should stay in memory?  s may be
 * NULL. */
bool spill_wants(const struct spill *s, size_t bytes);

/* A region of n bytes behind all others. */
int spill_take(struct spill *s, uint64_t n, uint64_t *ret, struct err *err);
/* Gives back what was taken last, from `at` to `end`; where more was taken since, nothing
 * happens. */
void spill_give_back(struct spill *s, uint64_t at, uint64_t end);

/* All n bytes, or -1. */
int spill_put(struct spill *s, uint64_t at, const void *p, size_t n, struct err *err);
int spill_get(struct spill *s, uint64_t at, void *p, size_t n, struct err *err);

#endif
