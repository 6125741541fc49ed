/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_TAR_WRITE_H
#define SETASIDE_TREE_TAR_WRITE_H

/*
 * tar_write: the headers of a POSIX (pax) tar stream, as format.md ("The archives") has
 * them.
 *
 * Extended headers only where ustar cannot hold a value.  Pax records, in this order
 * where they are needed: GNU.sparse.major, .minor, .name, .realsize (1.0), path,
 * linkpath, size, uid, gid, uname, gname, mtime, SCHILY.acl.access, SCHILY.acl.default,
 * SCHILY.xattr.NAME in the entry's order (in NAME `%` and `=` as %25 and %3D).  Names
 * are raw bytes.  Nothing in a header comes from a clock or from this process: equal
 * entries give equal bytes.  GNU tar 1.34 extracts all of it with status 0 and without
 * a warning.
 *
 * Where an extended header holds a number that ustar's field cannot, the field holds
 * the largest (or smallest) that it can: a reader that knows no pax records then gives
 * a file to nobody who is here, rather than to root.
 */

#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/tree/entry.h"

#define TAR_BLOCK    512u
#define TAR_END_SIZE 1024u /* zero bytes that end an archive */

/* Appends all header blocks of e (for sparse files the map too, which counts as data).
 * After it the caller writes e->stored bytes of data (all extents one after the other)
 * and tar_padding(stored) zero bytes.  e->stored counts for regular files only; a
 * sparse file's is the sum of its extents.  ERR_UNSUPPORTED: a device number that tar
 * cannot hold.  On failure `out` may have grown. */
int tar_write_header(struct buf *out, const struct entry *e, struct err *err);

/* Zero bytes that fill the last block after n bytes of data. */
unsigned tar_padding(uint64_t n);

#endif
