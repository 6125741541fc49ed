/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CONTENTS_H
#define SETASIDE_CONTENTS_H

/*
 * contents: which sets have a content hash: an index in the database, so that looking for
 * one costs the same in a small store and in a large one.
 *
 * The index is a cache of the zips.  A set whose files are others than when it was read
 * (names, inodes, sizes, times) is read again; one that was just completed, or lost an
 * app, is read when the index is asked next.  Not installed.
 */

#include <stdint.h>

#include "state/db.h"
#include "state/session_internal.h"

/* Compares the files of all sets with what the index was made of: one look at
 * the directory.  Once for each operation is enough: what setaside itself
 * changes, the index hears of. */
int contents_refresh(struct session *s, struct err *err);

/* The sets with this hash, in either form, as far as the index knows, by number; caller
 * frees with db_ids_done().  Whoever acts upon it reads the set. */
int contents_find(struct session *s, const uint8_t hash[DIGEST_SHA256_SIZE],
		  struct db_ids *ret, struct err *err);

/* The sets whose hash cannot be known, since a snapshot of theirs is broken. */
int contents_broken(struct session *s, struct db_ids *ret, struct err *err);

/* A set was completed just now, with these files and this content hash in both forms.
 * Best effort: what is not noted is read when it is needed. */
void contents_note_best_effort(struct session *s, const struct db_set *set,
			       const uint8_t hash[DIGEST_SHA256_SIZE],
			       const uint8_t alternate[DIGEST_SHA256_SIZE]);

/* The set is to be read anew. */
int contents_forget(struct session *s, uint64_t set, struct err *err);

#endif
