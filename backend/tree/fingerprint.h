/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_FINGERPRINT_H
#define SETASIDE_TREE_FINGERPRINT_H

/*
 * fingerprint: what trees look like from outside, so that unchanged ones need not be read.
 *
 * SHA-256 over everything that decides the bytes of an archive without being content:
 * of each object, in the order of the walk, its archive path, type, inode, mode, owners with
 * their names, link count, device number, size, mtime and ctime in nanoseconds, a link's
 * target.  Content, ACLs and extended attributes stand in it by ctime, which nobody can set.
 * Device numbers of file systems stay out: they may change with a reboot.
 *
 *	fingerprint_new(owners, &f, err)
 *	fingerprint_add_entry(), fingerprint_add_text(), ...
 *	fingerprint_final(f, &value, err)
 *
 * Two fingerprints that are equal mean equal trees only if the earlier one was `settled`:
 * a file that is written again within one step of its file system's clock keeps its times.
 * So the newest time that was met has to be older, by FINGERPRINT_SLACK_SEC (the coarsest
 * clock of a file system, FAT's, counts in 2 s), than the moment when the walk began; then
 * whatever is written from that moment on gets another time.  A time to come (another
 * machine's clock) is never settled.
 *
 * What this cannot see: bytes written through a mapping (mmap) while its pages are dirty
 * already (until they are written back, some 30 s, or synced; on tmpfs ever): the file gets no
 * new time for them, not even later;
 * a clock that is set back and comes to the same nanosecond again; a server whose clock is
 * more than 2 s behind; a user who is renamed, in the names of ACLs alone.
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
	bool settled;
};

struct fingerprint;

/* The walk begins now.  Borrows owners (NULL: no names) until it is freed. */
int fingerprint_new(struct owners *owners, struct fingerprint **ret, struct err *err);
/* An object of the tree; fails as owners do. */
int fingerprint_add_entry(struct fingerprint *f, const char *path, const struct stat *st,
			  struct err *err);
/* What else decides: texts (NULL is another text than ""), numbers, bytes. */
int fingerprint_add_text(struct fingerprint *f, const char *text, struct err *err);
int fingerprint_add_number(struct fingerprint *f, uint64_t number, struct err *err);
int fingerprint_add_bytes(struct fingerprint *f, const void *p, size_t n, struct err *err);
/* After that it can only be freed. */
int fingerprint_final(struct fingerprint *f, struct fingerprint_value *ret, struct err *err);
void fingerprint_free(struct fingerprint *f);
CLEANUP_FUNC(struct fingerprint *, fingerprint_free);

/* The rule of `settled` by itself. */
bool fingerprint_is_settled(const struct timespec *newest, const struct timespec *begun);

#endif
