/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_REMOVE_H
#define SETASIDE_TREE_REMOVE_H

/*
 * remove: a tree goes, by descriptors.
 *
 * Iterative, depth not limited by descriptors or PATH_MAX; no link is followed, names are
 * only ever used in the directory that they were listed in (reached by descriptor; one
 * that was closed meanwhile is found again through its child's "..", and compared).  What
 * is mounted in the tree is never entered: ERR_BUSY names it; a mount is told by its id.
 * Directories without rights for their owner are given them first.  Names that appear
 * meanwhile are removed as well; names that vanish are a success.  A failure leaves the
 * rest as it is; running again goes on.  Nothing is synced.
 *
 * Errors say which path, relative to what was to be removed: ERR_BUSY, ERR_DENIED,
 * ERR_CHANGED (a directory was moved away under our feet), ERR_INTERRUPTED, ERR_IO.
 */

#include <stdint.h>

#include "backend/base/error.h"
#include "backend/base/observer.h"

/* Removes parentfd/name, one component, whatever it is; a missing one is a success. */
int remove_tree_at(int parentfd, const char *name, const struct observer *observer,
		   struct err *err);

/* The same, but only what has one of two inode numbers (0: none); else ERR_CHANGED.  A
 * directory is looked at as it was opened, before anything in it is touched.  For who
 * acts in a directory whose owner may put something else there at any time; it needs the
 * right to read the tree's top. */
int remove_known_at(int parentfd, const char *name, const uint64_t known[2],
		    const struct observer *observer, struct err *err);

/* Removes all that is in the directory (O_RDONLY; its position changes), but not
 * itself. */
int remove_contents(int dirfd, const struct observer *observer, struct err *err);

#endif
