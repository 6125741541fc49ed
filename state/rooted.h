/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_ROOTED_H
#define SETASIDE_ROOTED_H

/*
 * rooted: opening what belongs to the system, below "/" or --root.
 *
 * Paths are absolute and resolved as in a chroot: links lead nowhere else.  For
 * directories that are the system's own; never for what lies in a home.  Messages name
 * the object.
 */

#include <stddef.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/base/strings.h"

/* A directory, O_RDONLY.  ERR_NOT_FOUND, also where it is no directory. */
int rooted_open_dir(int rootfd, const char *path, struct err *err);

/* A regular file, O_RDONLY.  ERR_NOT_FOUND; ERR_CORRUPT where it is anything else. */
int rooted_open_file(int rootfd, const char *path, struct err *err);

/* Appends the whole of a regular file; ERR_NO_SPACE where it is larger than max. */
int rooted_read_file(int rootfd, const char *path, size_t max, struct buf *out,
		     struct err *err);

/* Where the link leads, as it says itself: 1 with *ret (caller frees); 0 where there is
 * no link of that name. */
int rooted_read_link(int rootfd, const char *path, char **ret, struct err *err);

/* Appends the names in a directory, in byte order; one that is not there has none. */
int rooted_list(int rootfd, const char *path, struct strings *ret, struct err *err);

#endif
