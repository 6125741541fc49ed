/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_STORE_H
#define SETASIDE_STORE_H

/*
 * store: a directory of snapshots: names, sets, markers.
 *
 * Knows names only; what is inside a file is the reader's.  A name is
 * `<set>_<app>_<version>_<revision>.zip`; for a reader any `<set>_<something>.zip`
 * counts, and the number in the name outranks the one inside.  `<set>_importing` marks
 * a set that is not complete.  `.last-set` repeats the highest number ever given out.
 *
 * Everything goes through the directory's descriptor, one component at a time, and no
 * link is followed in it.  Locks are the caller's (state/locks.h): nothing here keeps
 * two writers apart.  In a STORE_READ_ONLY store whatever would write is ERR_REFUSED.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/snapshot.h"

#define STORE_LAST_SET ".last-set"

struct store;

enum store_flags {
	STORE_CREATE = 1 << 0,    /* make the directory and its parent (0700) and those
				   * above (0755), durably */
	STORE_READ_ONLY = 1 << 1, /* nothing is ever written: another's store */
};

/* Opens the directory of zips itself (".../snapshots"), which may not be a link; those
 * above may.  ERR_NOT_FOUND where it is missing. */
int store_open(const char *path, unsigned flags, struct store **ret, struct err *err);
/* Takes dirfd (open for reading) on success; `path` is for messages. */
int store_open_fd(int dirfd, const char *path, unsigned flags, struct store **ret,
		  struct err *err);
void store_close(struct store *s);
CLEANUP_FUNC(struct store *, store_close);
/* Both borrowed until store_close(). */
int store_fd(const struct store *s);
const char *store_path(const struct store *s);

struct store_file {
	uint64_t set;
	char *name; /* file name */
	uint32_t uid;
	uint64_t size, dev, ino;
	int64_t mtime_sec, ctime_sec;
	uint32_t mtime_nsec, ctime_nsec;
};

struct store_list {
	/* by set, then name in byte order; sets with a marker left out */
	struct store_file *files;
	size_t n;
	uint64_t *incomplete; /* sets with a marker, ascending */
	size_t n_incomplete;
	/* Highest number in any name or marker, whatever it is a name of, or in
	 * .last-set; 0 for none. */
	uint64_t highest;
	uint64_t last_set;     /* what .last-set says; 0: nothing */
	bool last_set_damaged; /* it holds no number, or cannot be read */
};

/* Reads the directory once.  Only regular files, not links, count as snapshots or
 * markers.  A file that vanishes meanwhile is left out. */
int store_list(struct store *s, struct store_list *ret, struct err *err);
/* The same of one set: only its files are looked at. */
int store_list_set(struct store *s, uint64_t set, struct store_list *ret,
		   struct err *err);
/* Files of one set whose names are known (copied), as store_list_set() would list them,
 * without reading the directory.  ERR_NOT_FOUND: one is not there. */
int store_look_at(struct store *s, uint64_t set, const char *const *names, size_t n,
		  struct store_list *ret, struct err *err);
void store_list_done(struct store_list *l);
/* store_list.highest, by the names alone. */
int store_highest(struct store *s, uint64_t *ret, struct err *err);

/* A descriptor for reading of a regular file; the caller closes it.  ERR_NOT_FOUND;
 * ERR_CORRUPT for anything but a regular file. */
int store_open_file(struct store *s, const char *name, struct err *err);
/* Removes a file (a missing one is a success); syncs nothing. */
int store_remove(struct store *s, const char *name, struct err *err);
int store_sync(struct store *s, struct err *err);

/* Marker of an incomplete set: made and removed durably.  One that is there, or is not,
 * is a success. */
int store_mark(struct store *s, uint64_t set, struct err *err);
int store_unmark(struct store *s, uint64_t set, struct err *err);
/* .last-set: replaced atomically and durably; never lowered.  `set` is
 * 1..SNAPSHOT_SET_MAX. */
int store_put_last_set(struct store *s, uint64_t set, struct err *err);

/* "16_firefox_128.5.0esr-1_x1.zip", at most NAMES_FILE_MAX bytes; caller frees.
 * ERR_CORRUPT where the app's name or the revision is not legal. */
int store_file_name(uint64_t set, const struct snapshot *s, char **ret, struct err *err);
/* The set of "<set>_<something>.zip", else 0. */
uint64_t store_name_set(const char *name);
/* The set of "<set>_importing", else 0. */
uint64_t store_marker_set(const char *name);

#endif
