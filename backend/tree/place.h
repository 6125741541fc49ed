/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_PLACE_H
#define SETASIDE_TREE_PLACE_H

/*
 * place: where a tree really lies.
 *
 * The path to a tree may hold links (/home -> /var/home, dotfiles), the last component
 * too; it is resolved here, one component at a time, below a root directory as in a
 * chroot (absolute links begin at that root, ".." does not leave it), by whoever owns
 * it:
 *  - PLACE_USER: with the rights of the calling process (a worker that is the user):
 *    the kernel's checks are the protection;
 *  - PLACE_SYSTEM: for a process with more rights than those who could write on the
 *    way.  A link is followed only if it is root's, in a directory that is root's and
 *    writable by root alone (sticky is not enough), with nothing but such directories
 *    above it.  A directory of another owner may be passed, but only as the last steps:
 *    from it on no link is followed and every directory must be his; parent_st tells
 *    who he is.  A process without rights of its own to protect uses PLACE_USER for
 *    system trees, too.
 *
 * What cannot be resolved so is an error, never an empty tree.  A tree that is not
 * there is none: `exists` is false; if what is missing is what a link on the way points
 * to, `dangling` is true (a disk that is not mounted, perhaps: a save should say
 * so, a restore may make it).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "backend/base/error.h"

enum place_trust {
	PLACE_USER,
	PLACE_SYSTEM
};

struct place {
	/* Of the directory that holds it: O_RDONLY, or O_PATH where it may be searched,
	 * but not read; -1 where it does not exist. */
	int parent;
	/* The same of the deepest directory that does exist, where parent does not;
	 * else -1. It lacks the last component of missing[0]. */
	int above;
	char *name;     /* last component of the resolved path */
	char *resolved; /* absolute, below the root, no links in it */
	bool exists;    /* st is valid */
	bool dangling;
	struct stat st;                     /* of the tree itself (never a link) */
	struct stat parent_st;              /* of parent, else of above */
	uint64_t mount_id, parent_mount_id; /* differ: the tree is a mount point */
	char **missing; /* parents that do not exist, outermost first, absolute */
	size_t n_missing;
};

/* clang-format off */
#define PLACE_INIT { .parent = -1, .above = -1 }
/* clang-format on */

/* `rootfd` is a directory, O_PATH or O_RDONLY ("/" or --root), borrowed for the call;
 * `path` is absolute.  On success place_done() releases *ret.  ERR_USAGE: not absolute,
 * or too long; ERR_REFUSED: a link or directory that is not trusted, the root itself,
 * ".." below what is missing; ERR_DENIED, ERR_IO (a file on the way); ERR_CORRUPT: more
 * than 40 links. */
int place_resolve(int rootfd, const char *path, enum place_trust trust, struct place *ret,
		  struct err *err);

/* Opens the tree: a directory O_RDONLY, a file O_RDONLY|O_NONBLOCK; the caller closes
 * it. ERR_CHANGED where it is another one than place_resolve() saw, ERR_UNSUPPORTED
 * where it is neither, ERR_NOT_FOUND where it does not exist. */
int place_open(const struct place *p, struct err *err);
void place_done(struct place *p);

#endif
