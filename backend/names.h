/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_NAMES_H
#define SETASIDE_NAMES_H

/*
 * names: the grammar of what stands in file names, member names and metadata (format.md).
 *
 * What came from elsewhere is believed to be a name only after it passed here.  The
 * functions keep the prefix of snapshot, whose metadata the names come from.
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"

/*
 * The longest app name.  A temporary file name is ".NAME.tmp.xxxxxxxxx", so NAME itself
 * may have 240 bytes, of which a set number takes 16, a revision 20, and the marks in
 * between 7; what remains is the version's, cut where it is too long.
 */
#define NAMES_FILE_MAX 240
#define NAMES_APP_MAX  190

/* [A-Za-z0-9][A-Za-z0-9._+-]*: a snap's instance name, a flatpak's ID, a definition's. */
bool snapshot_app_is_legal(const char *app);

/* "x1" or "42": a number from 1 to 2^63-1 without leading zero, "x" in front for a
 * local one. */
bool snapshot_revision_is_legal(const char *revision);

/* 1 to 255 bytes of UTF-8 without control characters and `/`, not "." or "..", no leading
 * `-`.  Whether such a user exists is another question. */
bool snapshot_user_is_legal(const char *user);

/* A tree of a definition: [a-z0-9-]{1,32}. */
bool snapshot_tree_is_legal(const char *tree);

/* A member name that metadata may list: an archive's, or one that is kept and ignored. */
bool snapshot_member_is_legal(const char *member);

/* A path inside an archive: relative, no `..`, no empty component. */
bool snapshot_path_is_legal(const char *path);

/* Appends a version as it stands in a file name, at most `max` (1 or more) bytes. */
int snapshot_version_for_name(struct buf *out, const char *version, size_t max,
			      struct err *err);

#endif
