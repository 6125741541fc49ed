/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_SAVE_INTERNAL_H
#define SETASIDE_SAVE_INTERNAL_H

/*
 * What save's parts share: save (one snapshot), save_declare (what a packer is told, and
 * estimates), save_held (archives that an older zip holds).
 */

#include "backend/save.h"

struct save_declared {
	int (*tree)(void *ctx, const struct save_tree *t,
		    const struct packer_found *found, struct err *err);
	int (*problem)(void *ctx, const struct save_tree *t, const struct err *why,
		       struct err *err);
	void *ctx;
	struct fingerprint *fingerprint; /* takes in all that is declared */
};

/* Tells the packer all about an archive; `d` hears what each tree turned out to be. */
int save_declare(const struct save_archive *a, char *const *exclude, size_t n_exclude,
		 const struct save_options *options, const struct save_declared *d,
		 struct err *err);
/* The end of that: what the packer found by its walk.  `clean`:
 * nothing was in the way. */
int save_print_final(struct fingerprint *f, const struct pack_counts *counts,
		     int64_t settle, bool clean, struct save_print *ret, struct err *err);

/* Reading the bytes of an archive from an older zip. */
struct save_held_reader {
	const struct save_held *held;
	uint64_t done;
	uint32_t crc;
};

/* Up to n bytes; 0 at the end, where the CRC-32 was right.  ERR_CORRUPT: the
 * older zip is damaged. */
ssize_t save_held_read(struct save_held_reader *r, void *p, size_t n, struct err *err);
/* What the older zip says of the archive. */
int save_held_describe(const struct save_held *h, struct snapshot_archive *to,
		       struct err *err);
/* Where the archives are just what one older zip begins with: its members
 * (caller frees); else NULL. */
int save_held_beginning(const struct save_archive *archives, size_t n,
			struct zip_member **ret, struct err *err);

#endif
