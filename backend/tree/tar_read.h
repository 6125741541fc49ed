/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_TAR_READ_H
#define SETASIDE_TREE_TAR_READ_H

/*
 * tar_read: entries out of a hostile tar stream.
 *
 * Reads v7, ustar, pax (local x and global g headers) and GNU tar: long names (L, K), old
 * GNU sparse (S with continuation blocks), GNU.sparse 0.0, 0.1 and 1.0, base-256 numbers.
 * A plain file whose name ends in a slash is a directory, as v7 has it; type 7 is a plain
 * file.  Names are bytes.
 *
 * ERR_CORRUPT: bad checksums, illegal paths and link targets (entry_path_is_legal; NUL),
 * empty symbolic links, sizes on what has no data, owners out of range, sparse maps that
 * are not sorted, disjoint, inside the real size or do not add up to what is stored,
 * extended headers without an entry or twice for one, over TAR_PAX_MAX bytes; a stream
 * that is cut short, has no end, only a lone zero block, or anything but zeros after its
 * end. ERR_UNSUPPORTED: unknown types, and D M V N (type named), global headers that say
 * more than owners and time.  ERR_NO_SPACE: over the limits of entry.h.  Errors of the
 * source are passed on as they are.  After a failure only tar_reader_free() is allowed.
 *
 * A pax size counts once, for files.  Memory: an entry's path, target and attributes, a
 * sparse map of ENTRY_EXTENTS_MAX extents, one extended header; data are never copied. No
 * recursion.  Which paths are given twice, and whether links and directories make sense,
 * is for the caller to see (unpack).
 *
 *	while ((r = tar_read_next(t, &e, err)) > 0)
 *		while ((n = tar_read_data(t, &offset, &p, err)) > 0) ...
 */

#include <stdint.h>
#include <sys/types.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/tree/entry.h"

/* The next bytes of the stream, without copying: sets *ret, returns their number (1 to
 * max), 0 at the end, -1.  Valid until the next call. */
typedef ssize_t (*tar_source)(void *ctx, const void **ret, size_t max, struct err *err);

struct tar_reader;

/* Borrows ctx until tar_reader_free(). */
int tar_reader_new(tar_source source, void *ctx, struct tar_reader **ret,
		   struct err *err);

/* Passes over up to n bytes of the stream without reading them; *ret is how many it
 * could: they are there. */
typedef int (*tar_skipper)(void *ctx, uint64_t n, uint64_t *ret, struct err *err);

/* What is passed over goes through `skip` first, with the ctx of the source. */
void tar_reader_use_skip(struct tar_reader *t, tar_skipper skip);
/* From now on another archive may follow the end of one and its padding of whole blocks:
 * tar_read_next() returns 0 at the end of each, and after that, where there is one more,
 * goes on with its first entry. */
void tar_reader_allow_more(struct tar_reader *t);
/* After tar_read_next() returned 0: does another archive follow? */
bool tar_reader_has_more(const struct tar_reader *t);

/* 1: *ret is valid until the next call (unread data is passed over); 0: the end, and the
 * source has come to its own (everything was read) unless another archive follows. */
int tar_read_next(struct tar_reader *t, const struct entry **ret, struct err *err);

/* The next data of the current file, at least 1 byte: where it belongs in the file,
 * and the bytes (valid until the next call); 0 at its end, and for what has no data. */
ssize_t tar_read_data(struct tar_reader *t, uint64_t *ret_offset, const void **ret,
		      struct err *err);

void tar_reader_free(struct tar_reader *t);
CLEANUP_FUNC(struct tar_reader *, tar_reader_free);

#endif
