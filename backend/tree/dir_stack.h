/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_DIR_STACK_H
#define SETASIDE_TREE_DIR_STACK_H

/*
 * dir_stack: the directories from the root of a tree to where something is made.
 *
 * The deepest DIR_STACK_OPEN of them stay open, so that an entry beside the last one
 * needs no look-up.  A directory that was made here gets its attributes when it is left.
 * One that was there already has its time put back when it is left (and what would keep
 * us out of it, or be inherited: mode, default ACL), so that memory is in proportion to
 * depth only.
 *
 * Paths are relative to the root, "" is the root itself, which gets nothing here.
 * With makers, directories may be shared with them (dir_stack_share()): such a one gets
 * its attributes when all that they make in it is there, and makers_wait() tells whether
 * it did.
 *
 * Nothing is followed: each component is opened in the one before with
 * O_NOFOLLOW|O_DIRECTORY; failures have the errno of that (ENOENT, ENOTDIR).
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/tree/attr_apply.h"
#include "backend/tree/makers.h"

#define DIR_STACK_OPEN 24

struct dir_level;

struct dir_stack {
	int rootfd;               /* borrowed */
	const char *top;          /* the root's archive path: for messages */
	struct attr_apply *attrs; /* NULL: see dir_stack_init() */
	struct makers *makers;    /* NULL: nothing is shared */
	struct maker_dir *shared_root;
	struct buf path;          /* of the deepest level */
	struct dir_level *levels; /* those from first_open on are open */
	size_t n, cap;
	size_t first_open;
	size_t n_again; /* levels that were entered again */
	bool knows_born;
	struct attr_born born; /* what mkdir gives here */
};

/* Borrows all.  attrs NULL: nothing is made, only links and finished copies are put
 * in: then nothing of a directory that was there needs to be changed, unless its mode
 * keeps us out.  `makers` may be NULL. */
void dir_stack_init(struct dir_stack *d, int rootfd, const char *top,
		    struct attr_apply *attrs, struct makers *makers);

/* Leaves what is not on the way, goes to the directory that the first n bytes of `path`
 * name, and returns its descriptor (ours, valid until the next call) or -1. */
int dir_stack_enter(struct dir_stack *d, const char *path, size_t n, struct err *err);

/* Makes `name` in the current directory and goes there; e's attributes are kept for
 * later. */
int dir_stack_make(struct dir_stack *d, const char *name, const struct entry *e,
		   struct err *err);

/* The current directory, for makers; valid until it is left. */
int dir_stack_share(struct dir_stack *d, struct maker_dir **ret, struct err *err);

/* Whether the first n bytes of `path` name the current directory. */
bool dir_stack_is_at(const struct dir_stack *d, const char *path, size_t n);

/* A descriptor for the caller to close, O_PATH: the directory that the first n bytes
 * of `path` name, wherever we stand and without leaving it.  -1 with ERR_DENIED where
 * only dir_stack_enter() could get in. */
int dir_stack_reach(const struct dir_stack *d, const char *path, size_t n,
		    struct err *err);

/* Leaves all. */
int dir_stack_leave(struct dir_stack *d, struct err *err);

/* Whether what is made now is owned as what was made before: not where a directory
 * that has got its owner already may hand it on. */
bool dir_stack_are_fresh(const struct dir_stack *d);

/* Closes and frees without setting anything.  The makers have ended before. */
void dir_stack_done(struct dir_stack *d);

#endif
