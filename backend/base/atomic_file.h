/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_ATOMIC_FILE_H
#define SETASIDE_BASE_ATOMIC_FILE_H

/*
 * atomic_file: a file that appears whole and durable, or not at all.
 *
 *	atomic_file_open -> write to atomic_file_fd() -> atomic_file_commit
 *	         \----------------------\--------------> atomic_file_abort
 *
 * Order of commit:
 *	1. fsync(file)
 *	2. its name: linkat from an unnamed O_TMPFILE, or renameat2 NOREPLACE of a
 *	   temp name; rename where replacing is asked for, for which an unnamed
 *	   one gets a temp name first
 *	3. fsync(dir); with ATOMIC_FILE_NO_DIR_SYNC it is the caller's
 * A failed step is not repeated: the file is given up.
 *
 * After a crash: no file, a temp file `.NAME.tmp.xxxxxxxxx` (of a long NAME only its
 * beginning), or the whole file.  Recovery: in the store temp files go at the next
 * opening for writing (state/recovery.h); elsewhere with the next file of that name
 * (ATOMIC_FILE_TIDY).  This module is the only one that publishes files.
 */

#include <sys/types.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"

enum atomic_file_flags {
	ATOMIC_FILE_REPLACE = 1 << 0,     /* an existing name may be replaced */
	ATOMIC_FILE_NO_DIR_SYNC = 1 << 1, /* the caller syncs the directory */
	/* The commit also removes temp files of that name whose writers have died, which
	 * the lock (flock) of a writer with this flag tells. */
	ATOMIC_FILE_TIDY = 1 << 2,
};

struct atomic_file;

/* Borrows dirfd, which must be open for reading, until commit or abort.  `name` is one
 * component (else ERR_USAGE).  `mode` is set whatever the umask says. */
int atomic_file_open(int dirfd, const char *name, mode_t mode, unsigned flags,
		     struct atomic_file **ret, struct err *err);
/* To write to; stays f's. */
int atomic_file_fd(const struct atomic_file *f);
/* Changes the name that it is going to have: what it is may decide. */
int atomic_file_rename(struct atomic_file *f, const char *name, struct err *err);
/* Publishes; frees f in every case.  ERR_EXISTS if the name is taken and REPLACE was not
 * asked for.  On failure nothing of the file remains, and what had the name keeps it; but
 * where REPLACE was done and the directory cannot be synced the new file stays. */
int atomic_file_commit(struct atomic_file *f, struct err *err);
/* Removes all trace; frees f; NULL allowed. */
void atomic_file_abort(struct atomic_file *f);
CLEANUP_FUNC(struct atomic_file *, atomic_file_abort);

#endif
