/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_LISTING_H
#define SETASIDE_TREE_LISTING_H

/*
 * listing: the names in the directories on a walk's current path.
 *
 * A stack: listing_push() puts the names of one directory on top, in byte order;
 * listing_pop() takes them off again.  All share two arrays, so that a walk over many
 * directories allocates only when it is deeper or wider than ever before.
 */

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"

struct listing_name {
	uint64_t key;  /* its first eight bytes, big endian: most comparisons end here */
	size_t offset; /* of the name in `text` */
	unsigned char type; /* DT_*, DT_UNKNOWN where the file system does not tell */
};

struct listing {
	struct listing_name *names;
	size_t n, cap;
	struct buf text; /* the names, each with its NUL */
	char *dirents;   /* what the kernel fills */
};

/* Where a directory's names begin. */
struct listing_mark {
	size_t n, text_len;
};

int listing_init(struct listing *l, struct err *err);
void listing_done(struct listing *l);

/* Reads the directory fd from where it stands to its end; "." and ".." are left out, a
 * name that the kernel gives twice comes once.  On failure the names read so far are on
 * the stack too. */
int listing_push(struct listing *l, int fd, struct listing_mark *ret, struct err *err);
void listing_pop(struct listing *l, const struct listing_mark *mark);

/* Valid until the next push. */
static inline const char *listing_text(const struct listing *l, size_t i)
{
	return l->text.data + l->names[i].offset;
}

#endif
