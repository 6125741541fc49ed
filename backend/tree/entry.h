/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_ENTRY_H
#define SETASIDE_TREE_ENTRY_H

/*
 * entry: one file system object as an archive carries it.
 *
 * Paths are archive paths: relative, no leading "./", no trailing slash, components
 * other than "", "." and "..".  First component: the revision or "common".
 *
 * An entry owns every pointer in it, and entry_done() frees them all.  (A producer in a
 * hot loop may lend an entry pointers of its own, as long as it never calls
 * entry_done() on it.) `xattrs` and `extents` grow through the two functions below
 * only, which know how much room their arrays have.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"

enum entry_type {
	ENTRY_FILE,
	ENTRY_DIR,
	ENTRY_SYMLINK,
	ENTRY_HARDLINK, /* target: archive path of an earlier entry, no directory's */
	ENTRY_FIFO,
	ENTRY_CHAR,
	ENTRY_BLOCK,
};

struct entry_extent {
	uint64_t offset, length;
};

struct entry_xattr {
	char *name; /* full name: "user.x", "security.capability" */
	void *value;
	size_t size;
};

struct entry {
	enum entry_type type;
	char *path;
	char *target;  /* SYMLINK, HARDLINK */
	uint32_t mode; /* 07777 bits */
	uint32_t uid, gid;
	char *user, *group; /* names, or NULL */
	struct timespec mtime;
	uint64_t size;   /* FILE: its length, holes included */
	uint64_t stored; /* FILE: data bytes that the archive holds */
	/* FILE: sorted, disjoint data extents; NULL: all data */
	struct entry_extent *extents;
	size_t n_extents;
	bool sparse;           /* extents is meaningful (n_extents may be 0: one hole) */
	uint32_t major, minor; /* CHAR, BLOCK */
	struct entry_xattr *xattrs;
	size_t n_xattrs;
	char *acl_access, *acl_default; /* format.md's text, or NULL */
};

#define ENTRY_PATH_MAX    (256u << 10) /* bytes of a path or target */
#define ENTRY_XATTR_MAX   (64u << 10)  /* bytes of one value: the kernel's limit */
#define ENTRY_XATTRS_MAX  (1u << 20)   /* bytes of all of an entry, with names */
#define ENTRY_EXTENTS_MAX (1u << 20)   /* data extents of one file */
#define ENTRY_SIZE_MAX    ((uint64_t)INT64_MAX) /* bytes of a file */

void entry_init(struct entry *e);
/* Frees what it holds and makes it empty. */
void entry_done(struct entry *e);

/* Adds a copy of name and value.  ERR_NO_SPACE over the limits above. */
int entry_add_xattr(struct entry *e, const char *name, const void *value, size_t size,
		    struct err *err);

/* Adds a data extent behind those that are there and makes e sparse; one that touches
 * the last is joined to it, a length of 0 adds nothing.  `stored` is left alone.
 * ERR_CORRUPT where it overlaps or precedes the last or ends beyond ENTRY_SIZE_MAX;
 * ERR_NO_SPACE over ENTRY_EXTENTS_MAX. */
int entry_add_extent(struct entry *e, uint64_t offset, uint64_t length, struct err *err);

/* File system space that unpacking e takes, the same for packers and unpackers: the 4
 * KiB blocks that its data touches, one for a directory, for a link too long for its
 * inode, for attributes; 0 for a hard link. */
uint64_t entry_allocated(const struct entry *e);

/* True if `path` is a legal archive path as described above, ENTRY_PATH_MAX at most. */
bool entry_path_is_legal(const char *path);

/* True if `path` is `top` itself or below it; with "" as top always. */
bool entry_path_is_below(const char *path, const char *top);

#endif
