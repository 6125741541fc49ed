/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_TAR_PAX_H
#define SETASIDE_TREE_TAR_PAX_H

/*
 * tar_pax: what a pax extended header says.
 *
 * Private to tar_read.  Records are `LENGTH KEY=VALUE\n`, lengths checked, values any
 * bytes; of a key given twice the last counts.  What is known:
 *
 *	path linkpath size uid gid uname gname mtime
 *	SCHILY.acl.access SCHILY.acl.default SCHILY.xattr.NAME (`%25` and `%3D` in NAME)
 *	GNU.sparse.* 0.0, 0.1 and 1.0
 *
 * All other keys are passed over, as POSIX has it; but a hdrcharset that would need
 * converting, and a global header that says more than owners and time, are
 * ERR_UNSUPPORTED.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/error.h"
#include "backend/tree/entry.h"

#define TAR_PAX_MAX ((size_t)2 << 20) /* bytes of one extended header */

/* What was said, in `e` or beside it. */
enum tar_pax_said {
	TAR_PAX_SIZE = 1 << 0,
	TAR_PAX_UID = 1 << 1,
	TAR_PAX_GID = 1 << 2,
	TAR_PAX_USER = 1 << 3,
	TAR_PAX_GROUP = 1 << 4,
	TAR_PAX_MTIME = 1 << 5,
	TAR_PAX_SPARSE_MAJOR = 1 << 6,
	TAR_PAX_SPARSE_MINOR = 1 << 7,
	TAR_PAX_SPARSE_SIZE = 1 << 8,
	TAR_PAX_SPARSE_COUNT = 1 << 9,
	TAR_PAX_SPARSE_OFFSET = 1 << 10, /* one that waits for its length */
	TAR_PAX_SPARSE_MAP = 1 << 11,
};

struct tar_pax {
	unsigned said;
	struct entry e;    /* owns what it holds; path and target NULL if not said */
	char *sparse_name; /* the path of a sparse file, or NULL */
	uint64_t size;     /* of the data in the archive */
	uint64_t sparse_major, sparse_minor;
	uint64_t sparse_size;  /* of the file, holes included */
	uint64_t sparse_count; /* of offsets with lengths, unless the map came in one */
	uint64_t sparse_pairs; /* that came */
	uint64_t sparse_offset;
};

void tar_pax_init(struct tar_pax *pax);
void tar_pax_done(struct tar_pax *pax);

/* Adds the records of one header; what is there already is overridden. */
int tar_pax_parse(struct tar_pax *pax, bool global, const char *text, size_t n,
		  struct err *err);

#endif
