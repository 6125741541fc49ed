/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_EXCLUDE_H
#define SETASIDE_TREE_EXCLUDE_H

/*
 * exclude: patterns over archive paths.
 *
 * A pattern is anchored at the archive's top ("common/profile/X").  `*` never matches
 * `/`; `**`, as a component of its own, does: any number of components, at least one
 * where it is the last ("a/" + "**" matches all below a, not a itself).  All else is
 * literal, names that begin with a dot are like any other.  A trailing slash matches
 * directories only.  What matches a directory takes all below it: that is the caller's
 * doing, who does not descend.
 *
 * Matching takes time in proportion to path times pattern at worst (no backtracking
 * beyond the last wildcard), and compares only the few patterns whose number of
 * components fits.
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"

struct exclude;

int exclude_new(struct exclude **ret, struct err *err);

/* ERR_USAGE: empty, absolute, "." or "..", "//", control bytes, `**` beside other text
 * in a component, longer than ENTRY_PATH_MAX. */
int exclude_add(struct exclude *x, const char *pattern, struct err *err);

/* Adds "<tree>/<pattern>"; `tree` is literal (may hold `*`). */
int exclude_add_below(struct exclude *x, const char *tree, const char *pattern,
		      struct err *err);

/* A path itself (with all below), taken literally, any bytes.  ERR_USAGE where it is no
 * legal archive path. */
int exclude_add_path(struct exclude *x, const char *path, struct err *err);

/* snapd's patterns: `$SNAP_DATA/x`, `$SNAP_COMMON/x` (system archive),
 * `$SNAP_USER_DATA/x`, `$SNAP_USER_COMMON/x` (user archive), or the variable alone;
 * those for the other kind of archive add nothing.  `revision` is the first component
 * that the DATA variables stand for. ERR_USAGE where snapd would refuse it: unknown
 * variable, any of `[]{}?`, `**`, not clean (".", "..", "//", trailing slash). */
int exclude_add_snapd(struct exclude *x, const char *pattern, bool user,
		      const char *revision, struct err *err);

/* Whether this path itself is excluded (its parents were asked before). */
bool exclude_matches(const struct exclude *x, const char *path, bool is_dir);

/* Whether something below this directory could match, the directory itself and its
 * parents being not excluded: else a carrier need not look.  "" is the archive's top. */
bool exclude_may_match_below(const struct exclude *x, const char *dir);

size_t exclude_count(const struct exclude *x);
void exclude_free(struct exclude *x);
CLEANUP_FUNC(struct exclude *, exclude_free);

#endif
