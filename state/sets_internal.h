/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_SETS_INTERNAL_H
#define SETASIDE_SETS_INTERNAL_H

/*
 * sets_internal: what the files of sets share.  Not installed.
 *
 * A struct sets_reading lasts as long as one listing: it keeps what was read anew, and
 * writes it to the cache in one go.
 */

#include "backend/base/digest.h"
#include "state/sets.h"

struct sets_news;

struct sets_reading {
	struct session *session;
	struct digest *sha256; /* made when first needed */
	struct buf record;     /* of the cache: used again for each file */
	struct sets_news *news;
	size_t n, cap;
};

/* What a file of the store says, from the cache or through the reader.  The file stays
 * the caller's, and must last until the reading is flushed. */
int sets_read_file(struct sets_reading *r, const struct store_file *f,
		   struct set_snapshot *ret, struct err *err);

/* Replaces an optional string by a copy of n bytes. */
int sets_put_string(char **to, const char *from, size_t n, struct err *err);

/* The snapshot of a file of which only the name is known. */
int sets_guess_meta(const char *file, struct snapshot **ret, struct err *err);

/* The content hash of a set in both forms. */
int sets_hash(struct sets_reading *r, struct set *set, struct err *err);

/* Writes what was read anew to the cache, best effort. */
void sets_reading_flush(struct sets_reading *r);
/* Frees without writing. */
void sets_reading_done(struct sets_reading *r);

#endif
