/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_LINKS_H
#define SETASIDE_TREE_LINKS_H

/*
 * links: files with several names, met so far; symbolic links, FIFOs and devices are such
 * too.
 *
 * Only files whose link count is above one are put in, and each goes when its last name
 * has been met: memory follows the links that are open, not the tree.  Files that have
 * names elsewhere stay in to the end, at some hundred bytes each.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "backend/base/error.h"

struct link {
	dev_t dev;
	ino_t ino;
	uint64_t left; /* names that may still come */
	char *path;    /* of the first; NULL: the slot is free */
};

struct links {
	struct link *slots; /* a power of two of them, or NULL */
	size_t n, cap;
};

#define LINKS_INIT                                                                       \
 {                                                                                       \
  NULL, 0, 0                                                                             \
 }

void links_done(struct links *l);

/* The path under which the file was met first, or NULL.  Valid until the next call. */
const char *links_find(const struct links *l, const struct stat *st);

/* Puts a file in with its first path (copied). */
int links_add(struct links *l, const struct stat *st, const char *path, struct err *err);

/* One more name of a file that links_find() knows has been met. */
void links_met(struct links *l, const struct stat *st);

#endif
