/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_FINGERPRINT_H
#define SETASIDE_TREE_FINGERPRINT_H

/*
 * fingerprint: what trees look like from outside, so that
 * unchanged ones need not be read.
 *
 * SHA-256 over everything that decides the bytes of an archive without being content: of
 * each object, in the order of the walk, its archive path, type, inode, mode, owners with
 * their names, link count, device number, size, mtime and ctime in nanoseconds, a link's
 * target.  Content, ACLs and extended attributes stand in it by ctime, which nobody can
 * set.  Device numbers of file systems stay out: they may change with a reboot.
 *
 *	fingerprint_new(owners, &f, err)
 *	fingerprint_add_root()		for each tree
 *	fingerprint_add_entry(), fingerprint_add_text(), ...
 *	fingerprint_final(f, &value, err)
 *
 * Two fingerprints that are equal mean equal trees only if the earlier one was settled:
 * what is written from the moment on when its walk began must get another time.  That
 * is not so
 *  - within one step of a file system's clock: FINGERPRINT_SLACK_SEC, twice the coarsest;
 *  - through a mapping (mmap), while the page is dirty already: the first store into a
 *    clean page is a fault, which gives the file its time, those after it go unseen
 *    until the page has been written back.  How long that takes is the caller's to
 *    know.
 * So the value has an `age`: how long the newest time that was met had passed when the
 * walk began.  It is 0 where that time is still to come, and where a tree lies on a
 * file system whose times say less: one without write-back (tmpfs, hugetlbfs), one
 * whose times are given, or kept, elsewhere (NFS, CIFS, 9p, AFS, Ceph, all of FUSE),
 * one that is stacked on another (overlay, ecryptfs), one that dates a store by its
 * write-back (ZFS).  Believed are those of which it is known: ext2 to ext4, XFS,
 * btrfs, f2fs.
 *
 * What this cannot see: a store into a page that the kernel, under load, has left dirty
 * for longer than it is set to; a clock that jumps forward, so that what was just written
 * looks old, or that is set back and comes to the same nanosecond again; a user who is
 * renamed, in the names of ACLs alone.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "backend/base/cleanup.h"
#include "backend/base/digest.h"
#include "backend/base/error.h"
#include "backend/tree/owners.h"

#define FINGERPRINT_SIZE      DIGEST_SHA256_SIZE
#define FINGERPRINT_SLACK_SEC 2

struct fingerprint_value {
	uint8_t digest[FINGERPRINT_SIZE];
	uint64_t age; /* seconds */
};

struct fingerprint;

/* The walk begins now.  Borrows owners (NULL: no names) until it is freed. */
int fingerprint_new(struct owners *owners, struct fingerprint **ret, struct err *err);
/* The root of a tree, any descriptor: only for its file system, and the age. */
void fingerprint_add_root(struct fingerprint *f, int fd);
/* An object of the tree; fails as owners do. */
int fingerprint_add_entry(struct fingerprint *f, const char *path, const struct stat *st,
			  struct err *err);
/* What else decides: texts (NULL is another text than ""), numbers, bytes. */
int fingerprint_add_text(struct fingerprint *f, const char *text, struct err *err);
int fingerprint_add_number(struct fingerprint *f, uint64_t number, struct err *err);
int fingerprint_add_bytes(struct fingerprint *f, const void *p, size_t n,
			  struct err *err);
/* After that it can only be freed. */
int fingerprint_final(struct fingerprint *f, struct fingerprint_value *ret,
		      struct err *err);
void fingerprint_free(struct fingerprint *f);
CLEANUP_FUNC(struct fingerprint *, fingerprint_free);

/* The rules by themselves: the age of what was changed at `newest`; whether that is
 * settled, for whom everything is after `settle` seconds (negative: nothing ever);
 * whether an f_type is one that is believed. */
uint64_t fingerprint_age(const struct timespec *newest, const struct timespec *begun);
bool fingerprint_is_settled(uint64_t age, int64_t settle);
bool fingerprint_believes(uint32_t fs_type);

#endif
