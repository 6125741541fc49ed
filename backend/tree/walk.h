/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_WALK_H
#define SETASIDE_TREE_WALK_H

/*
 * walk: a directory tree in a fixed order, by descriptors.
 *
 * Depth first, the names of one directory in byte order, a directory before what is in
 * it. No link is followed, no name is resolved but one component at a time relative to
 * the directory it was listed in (openat2, O_NOFOLLOW, never across a mount). Depth is
 * not limited by descriptors (a window of WALK_WINDOW open directories is kept; what
 * was closed is re-opened from its child or from the root and its identity compared)
 * nor by PATH_MAX.  Memory: the names of the directories on the current path (of a large
 * one a part of them, with walk_options.spill).  Access
 * times are left alone where the caller may ask for that (his own files).
 *
 * 	walk_open -> walk_next ... (walk_skip) ... -> walk_close
 *
 * What somebody else changes meanwhile: a name that vanished since it was listed is
 * passed over; what appears later may be missed; an object is what it was when it was
 * opened or looked at.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/observer.h"
#include "backend/base/spill.h"

/* Directories that are open at one time, at most, and with open_files regular files:
 * those that follow one another in a directory are opened together, so that reading
 * them ahead can be begun. */
#define WALK_WINDOW 16
#define WALK_AHEAD  16

enum walk_what {
	WALK_DIR,   /* a directory, before its entries */
	WALK_LEAVE, /* the same directory, after its entries */
	WALK_OTHER, /* anything else */
	WALK_ERROR, /* cannot be looked at, opened or read: `problem` says why */
	WALK_MOUNT, /* something is mounted here: not entered */
};

struct walk_item {
	enum walk_what what;
	/* Below the root, behind the base if one was given; of a root without base: "".
	 */
	const char *path;
	const char *name; /* last component; "" for the root */
	int dirfd;        /* of the directory that holds it; for the root: the root */
	/* WALK_DIR, WALK_LEAVE: the directory itself, O_RDONLY; WALK_OTHER with
	 * open_files: a regular file, O_RDONLY; else -1. */
	int fd;
	unsigned depth;            /* 0 for the root */
	bool entered;              /* WALK_ERROR: see below */
	bool has_st;               /* always, but for some WALK_ERROR and WALK_MOUNT */
	struct stat st;            /* from fd where there is one */
	uint64_t mount_id;         /* valid with st */
	const struct err *problem; /* WALK_ERROR */
};

/*
 * WALK_ERROR comes in two kinds.  Not `entered`: a name that cannot be looked at or
 * opened; if has_st tells a directory, its entries are left out, and neither WALK_DIR
 * nor WALK_LEAVE comes.  `entered`: a directory whose WALK_DIR came before cannot be
 * read to its end, or was moved away while it was closed (fd is -1 then, in its
 * WALK_LEAVE too, and so is dirfd in the items that need it); the names that can be
 * reached follow, then WALK_LEAVE.
 */

struct walk_options {
	const char *base; /* put in front of all paths, with a slash; NULL: nothing */
	bool open_files;  /* open regular files for reading instead of looking at them */
	/* Asked for each name before it is touched (not for the root): true leaves it
	 * out, with all below it.  is_dir: as far as the directory says, else looked up
	 * before. */
	bool (*leave_out)(void *ctx, const char *path, const char *name, unsigned depth,
			  bool is_dir);
	/* With open_files: told of a file as soon as it is open, perhaps some files
	 * before its item comes (if it comes: the name may have vanished by then).  May
	 * be NULL. */
	void (*opened)(void *ctx, int fd);
	void *ctx;
	struct spill *spill; /* borrowed: for directories whose names do not
		        * fit into memory; or NULL */
};

struct walk;

/* Borrows rootfd (a directory, O_RDONLY) until walk_close(); moves its file position. */
int walk_open(int rootfd, const struct observer *observer, struct walk **ret,
	      struct err *err);
/* The same with options; base is copied. */
int walk_open_with(int rootfd, const struct walk_options *options,
		   const struct observer *observer, struct walk **ret, struct err *err);

/* 1: *ret is valid until the next call (its descriptors too: do not close them); 0: the
 * end; -1: the walk cannot go on (no memory, cancelled, our own want of descriptors). */
int walk_next(struct walk *w, const struct walk_item **ret, struct err *err);
/* After WALK_DIR: do not go in (WALK_LEAVE is not reported either). */
void walk_skip(struct walk *w);
void walk_close(struct walk *w);
CLEANUP_FUNC(struct walk *, walk_close);

/* Whether an error is ours (memory, descriptors, cancelled) and not the object's: then
 * the next object fares no better. */
bool walk_error_is_ours(const struct err *err);

#endif
