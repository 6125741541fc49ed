/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_PACK_INTERNAL_H
#define SETASIDE_TREE_PACK_INTERNAL_H

/*
 * What pack's parts share: pack (the walk), pack_file (regular files), pack_stream
 * (bytes).
 */

#include <sys/stat.h>

#include "backend/base/buf.h"
#include "backend/tree/entry.h"
#include "backend/tree/links.h"
#include "backend/tree/pack.h"

struct packer {
	const struct pack_options *options;
	struct owners *owners;            /* NULL: no names */
	const struct pack_sink *sink;     /* NULL: an estimate */
	const struct pack_report *report; /* may be NULL */
	const struct observer *observer;
	struct pack_counts counts;
	struct fingerprint *fingerprint;
	struct links links;
	/* The entry at hand.  It owns attributes and extents; path, target and names
	 * are lent. */
	struct entry entry;
	struct buf head;       /* its headers */
	struct buf target;     /* of a symbolic link */
	char *side;            /* PACK_SMALL bytes, once they are needed */
	bool leave_lost_found; /* the tree is the root of a mount */
	unsigned advise;       /* so many files are still to be read ahead */
};

/* Begins the entry at hand: forgets attributes and extents, takes what stat says. */
void pack_begin(struct packer *p, enum entry_type type, const char *path,
		const struct stat *st);

/* Fills in the owners' names, after attributes were read (which may ask for names too).
 */
int pack_name_owners(struct packer *p, struct err *err);

/* Makes the headers of the entry at hand in p->head. */
int pack_make_head(struct packer *p, struct err *err);

/* Counts an entry that has been written. */
void pack_count(struct packer *p);

/* Writes the headers of an entry that has no data, and counts it. */
int pack_put_entry(struct packer *p, struct err *err);

/* One more name of what is in the archive: written, 1.  0: nothing here has this inode
 * yet; -1. */
int pack_put_link(struct packer *p, const struct stat *st, const char *path,
		  struct err *err);
/* The entry of `path` was written: whatever other names it has become links to it. */
int pack_note_links(struct packer *p, const struct stat *st, const char *path,
		    struct err *err);

/* Bytes, or zeros, into the stream. */
int pack_put(struct packer *p, const void *data, size_t n, struct err *err);
int pack_put_zeros(struct packer *p, uint64_t n, struct err *err);
/* Room in the stream, and that it has been filled. */
int pack_room(struct packer *p, char **ret, size_t *ret_n, struct err *err);
int pack_advance(struct packer *p, size_t n, struct err *err);

/* Counts and reports an object that is left out. */
int pack_skip(struct packer *p, const char *path, const char *why, struct err *err);
/* The same for a failure, which is cleared; or moves it to err if it is none of the
 * object's, but ours. */
int pack_skip_failed(struct packer *p, const char *path, struct err *problem,
		     struct err *err);

/* A file was opened that will be packed soon: begins to read it, where that pays. */
void pack_read_ahead(struct packer *p, int fd);

/* A regular file that is open, or for an estimate may be (-1: not). */
int pack_file(struct packer *p, int fd, const struct stat *st, const char *path,
	      struct err *err);

#endif
