/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_TAR_HEADER_H
#define SETASIDE_TREE_TAR_HEADER_H

/*
 * tar_header: the fields of one header block, checked.
 *
 * Private to tar_read.  Blocks are TAR_BLOCK bytes; nothing in them is trusted, no field
 * needs to be terminated.
 */

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/error.h"
#include "backend/tree/entry.h"

enum tar_format {
	TAR_V7,    /* no magic */
	TAR_USTAR, /* POSIX, pax too */
	TAR_GNU,
};

struct tar_header {
	enum tar_format format;
	char type; /* the type flag; v7's NUL reads as '0' */
	uint64_t size;
	uint32_t mode, uid, gid;
	int64_t mtime;
	uint32_t major, minor; /* of devices, else 0 */
};

/* True if the block is all zeros. */
bool tar_header_is_zero(const uint8_t *block);

/* ERR_CORRUPT: wrong checksum, a field that is no number or out of range. */
int tar_header_parse(const uint8_t *block, struct tar_header *ret, struct err *err);

/* Copies of what the block says, for the caller to free.  The name has the prefix in
 * front where the format knows one; *ret is NULL for an owner without a name. */
int tar_header_name(const uint8_t *block, enum tar_format format, char **ret,
		    struct err *err);
int tar_header_link(const uint8_t *block, char **ret, struct err *err);
int tar_header_owner(const uint8_t *block, enum tar_format format, bool group, char **ret,
		     struct err *err);

/* Octal text with blanks around it, or base-256; an empty field is 0. */
bool tar_header_number(const uint8_t *field, size_t n, int64_t *ret);

/* GNU's sparse descriptors: the i-th pair of numbers in a list that begins at `list`; an
 * unused one has an empty second number. */
bool tar_header_sparse(const uint8_t *list, size_t i, struct entry_extent *ret,
		       bool *ret_used);

/* Where old GNU sparse headers keep things. */
#define TAR_SPARSE_AT       386 /* four descriptors in the header block ... */
#define TAR_SPARSE_N        4
#define TAR_SPARSE_MORE_AT  482 /* ... non-zero: continuation blocks follow */
#define TAR_SPARSE_SIZE_AT  483 /* real size, 12 bytes */
#define TAR_SPARSE_MORE_N   21  /* descriptors in a continuation block ... */
#define TAR_SPARSE_AGAIN_AT 504 /* ... non-zero: one more follows */

#endif
