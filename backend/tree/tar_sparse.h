/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_TAR_SPARSE_H
#define SETASIDE_TREE_TAR_SPARSE_H

/*
 * tar_sparse: where the data of a sparse file lie, in each way that GNU tar wrote it.
 *
 * Private to tar_read.  All add to e->extents (entry_add_extent: sorted and disjoint,
 * joined where they touch, ENTRY_EXTENTS_MAX at most); tar_sparse_check() has the last
 * word, when size and stored bytes are known.
 */

#include <stddef.h>
#include <stdint.h>

#include "backend/base/error.h"
#include "backend/tree/entry.h"
#include "backend/tree/tar_input.h"

/* Old GNU (type S): descriptors and real size in the header block, then continuation
 * blocks from the stream.  Sets e->size and the extents. */
int tar_sparse_read_old(struct tar_input *in, const uint8_t *block, struct entry *e,
			struct err *err);

/* GNU.sparse 1.0: the map is text at the beginning of the file's data, whole blocks of
 * it. *left, the bytes of data that follow, is lowered by what was read. */
int tar_sparse_read_map(struct tar_input *in, struct entry *e, uint64_t *left,
			struct err *err);

/* GNU.sparse.map 0.1: "offset,length,offset,length". */
int tar_sparse_parse_map(const char *text, size_t n, struct entry *e, struct err *err);

/* The extents lie within e->size and their sum is e->stored. */
int tar_sparse_check(const struct entry *e, struct err *err);

/* Decimal digits only, no sign; false over 64 bits. */
bool tar_sparse_number(const char *text, size_t n, uint64_t *ret);

#endif
