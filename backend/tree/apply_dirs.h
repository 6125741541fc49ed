/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_APPLY_DIRS_H
#define SETASIDE_TREE_APPLY_DIRS_H

/*
 * apply_dirs: where apply stands in one staging tree.
 *
 * A stack of the directories from the tree's root to where the last entry went.  The
 * deepest APPLY_DIRS_OPEN of them stay open, so that an entry beside the last one needs no
 * look-up.  A directory that was made here gets its attributes when it is left.  One that is
 * entered again after that has its time (and what would keep us out of it or be inherited:
 * mode, default ACL) put back when it is left again; so memory is in proportion to depth only.
 *
 * Private to apply.  Paths are relative to the root, "" is the root itself, which gets nothing
 * here.  Nothing is followed: each component is opened in the one before with
 * O_NOFOLLOW|O_DIRECTORY.
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/tree/attr_apply.h"

#define APPLY_DIRS_OPEN 24

struct apply_level;

struct apply_dirs {
	int rootfd;      /* borrowed */
	const char *top; /* the root's archive path: for messages */
	struct attr_apply *attrs;
	struct buf path;            /* of the deepest level */
	struct apply_level *levels; /* those from first_open on are open */
	size_t n, cap;
	size_t first_open;
	size_t n_again; /* levels that were entered again */
	bool knows_born;
	struct attr_born born; /* what mkdir gives here */
};

void apply_dirs_init(struct apply_dirs *d, int rootfd, const char *top,
		     struct attr_apply *attrs);

/* Leaves what is not on the way, goes to the directory that the first n bytes of `path`
 * name, and returns its descriptor (ours, valid until the next call) or -1.  ERR_CORRUPT
 * where there is none. */
int apply_dirs_enter(struct apply_dirs *d, const char *path, size_t n, struct err *err);

/* Makes `name` in the current directory and goes there; e's attributes are kept for later. */
int apply_dirs_make(struct apply_dirs *d, const char *name, const struct entry *e,
		    struct err *err);

/* Whether the first n bytes of `path` name the current directory. */
bool apply_dirs_is_at(const struct apply_dirs *d, const char *path, size_t n);

/* A descriptor for the caller to close, O_PATH: the directory that the first n bytes of `path`
 * name, wherever we stand and without leaving it.  -1 with ERR_CORRUPT where there is none,
 * ERR_DENIED where only apply_dirs_enter() could get in. */
int apply_dirs_reach(const struct apply_dirs *d, const char *path, size_t n,
		     struct err *err);

/* Leaves all. */
int apply_dirs_leave(struct apply_dirs *d, struct err *err);

/* Whether what is made now is owned as what was made before: not where a directory that has
 * got its owner already may hand it on. */
bool apply_dirs_are_fresh(const struct apply_dirs *d);

/* Closes and frees without setting anything. */
void apply_dirs_done(struct apply_dirs *d);

#endif
