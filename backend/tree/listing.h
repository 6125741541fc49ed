/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_LISTING_H
#define SETASIDE_TREE_LISTING_H

/*
 * listing: the names in the directories on a walk's current path.
 *
 * A stack: listing_push() puts the names of one directory on top, in byte order;
 * listing_pop() takes them off again.  All share two arrays, so that a walk over many
 * directories allocates only when it is deeper or wider than ever before.
 *
 * Of a directory whose names are too many for memory a part is there at a time: they are
 * sorted in runs, these go into a file (spill.h), and listing_more() puts the next names
 * of all runs in the place of those that were there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/base/spill.h"

struct listing_name {
	uint64_t key;  /* its first eight bytes, big endian: most comparisons end here */
	size_t offset; /* of the name in `text` */
	unsigned char type; /* DT_*, DT_UNKNOWN where the file system does not tell */
};

struct listing {
	struct listing_name *names;
	size_t n, cap;
	struct buf text;     /* the names, each with its NUL */
	char *dirents;       /* what the kernel fills */
	struct spill *spill; /* borrowed, or NULL */
	bool spill_failed;   /* the file did, not the directory: for listing_push() */
};

struct listing_runs;

/* Where a directory's names begin. */
struct listing_mark {
	size_t n, text_len;
	struct listing_runs *runs; /* NULL: all of it is in memory */
};

int listing_init(struct listing *l, struct spill *spill, struct err *err);
void listing_done(struct listing *l);

/* Reads the directory fd from where it stands to its end; "." and ".." are left out, a
 * name that the kernel gives twice comes once.  On failure the names read so far are on
 * the stack too, unless spill_failed says that it was not the directory's. */
int listing_push(struct listing *l, int fd, struct listing_mark *ret, struct err *err);
/* The names that follow, of the directory on top: 1; 0: there are no more, and
 * those before stay; -1. */
int listing_more(struct listing *l, struct listing_mark *mark, struct err *err);
void listing_pop(struct listing *l, struct listing_mark *mark);

/* listing_runs.c, for listing.c: the names from mark->n on, which are
 * in order, become a run. */
int listing_runs_add(struct listing *l, struct listing_mark *mark, struct err *err);
/* The next name of all runs, once: 1 (valid until the next call), 0, -1. */
int listing_runs_next(struct listing_runs *r, const char **ret, unsigned char *ret_type,
		      struct err *err);
void listing_runs_free(struct listing_runs *r);

/* Valid until the next push. */
static inline const char *listing_text(const struct listing *l, size_t i)
{
	return l->text.data + l->names[i].offset;
}

#endif
