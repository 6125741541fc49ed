/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_LINKS_H
#define SETASIDE_TREE_LINKS_H

/*
 * links: files with several names, met so far; symbolic links, FIFOs and devices are such
 * too.
 *
 * Only files whose link count is above one are put in, and each goes when its last
 * name has been met: memory follows the links that are open, not the tree.  Files that
 * have names elsewhere stay in to the end, at some hundred bytes each.  Where there
 * are too many for memory all go into a hash table in a file (spill.h), where they
 * stay, and memory begins anew.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/base/spill.h"

struct link {
	dev_t dev;
	ino_t ino;
	uint64_t left; /* names that may still come */
	char *path;    /* of the first; NULL: the slot is free */
};

struct links {
	struct link *slots; /* a power of two of them, or NULL */
	size_t n, cap;
	size_t path_bytes;   /* of all paths in memory */
	struct spill *spill; /* borrowed, or NULL */
	/* In the file: a power of two of slots, of which n_spilled are in use. */
	uint64_t table, table_cap, n_spilled;
	struct buf found; /* the path that was found there last */
};

#define LINKS_INIT                                                                       \
 {                                                                                       \
  .slots = NULL                                                                          \
 }

void links_done(struct links *l);

/* The path under which the file was met first, or NULL.  Valid until the next call. */
int links_find(struct links *l, const struct stat *st, const char **ret, struct err *err);

/* Puts a file in with its first path (copied). */
int links_add(struct links *l, const struct stat *st, const char *path, struct err *err);

/* One more name of a file that links_find() knows has been met. */
void links_met(struct links *l, const struct stat *st);

/* links_spill.c, for links.c: looks in the file; *ret stays NULL
 * where it is not there. */
int links_find_spilled(struct links *l, dev_t dev, ino_t ino, const char **ret,
		       struct err *err);
/* Moves all from memory into the file. */
int links_spill(struct links *l, struct err *err);

/* Where a file would like to be in a table of `cap` (a power of two): inode
 * numbers of neighbours differ little, so they are multiplied apart (by 2^64
 * over the golden ratio). */
static inline uint64_t links_home(uint64_t cap, dev_t dev, ino_t ino)
{
	uint64_t key =
		((uint64_t)ino ^ (uint64_t)dev << 32) * UINT64_C(0x9E3779B97F4A7C15);

	return (key >> 32 | key << 32) & (cap - 1);
}

#endif
