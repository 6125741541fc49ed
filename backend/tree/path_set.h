/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_PATH_SET_H
#define SETASIDE_TREE_PATH_SET_H

/*
 * path_set: which paths were seen, and what they were, in 12 to 24 bytes each.
 *
 * Paths themselves are not kept, only 62 bits of a keyed hash (SipHash-1-3, a random key
 * for each set, so that nobody can make paths that collide on purpose).  By chance two of
 * a million paths collide once in ten million sets; then the set says of one what is true
 * of the other: a caller that refuses doubles refuses a good archive, and is right when
 * it tries again; a caller that looks for an earlier path finds out when it opens it.
 *
 * A set that is too large for memory goes on in a file (spill.h).
 */

#include <stddef.h>
#include <stdint.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/spill.h"

enum path_kind {
	PATH_UNKNOWN = 0,
	PATH_DIR = 1,
	PATH_OTHER = 2,
};

struct path_set;

/* Borrows `spill`, which may be NULL. */
int path_set_new(struct spill *spill, struct path_set **ret, struct err *err);

/* 1: was added; 0: was there already (and stays as it was); -1. */
int path_set_add(struct path_set *s, const char *path, size_t n, enum path_kind kind,
		 struct err *err);

/* What was added under that path, or PATH_UNKNOWN: into *ret. */
int path_set_find(const struct path_set *s, const char *path, size_t n,
		  enum path_kind *ret, struct err *err);

void path_set_free(struct path_set *s);
CLEANUP_FUNC(struct path_set *, path_set_free);

#endif
