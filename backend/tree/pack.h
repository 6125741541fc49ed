/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_PACK_H
#define SETASIDE_TREE_PACK_H

/*
 * pack: trees into one tar stream.
 *
 * One pass: each file is read once, straight into the stream's buffer.  Trees come in
 * the order given, what is in them in byte order of the names.  Hard links are kept
 * within one archive, across its trees: a file, symbolic link, FIFO or device comes
 * once, its other names are links to the first; sparse files are read by their extents;
 * sockets and what is mounted below a tree are left out and counted.  Memory: the names
 * of the directories on the current path, what has names that have not all been met,
 * the map of one sparse file, one buffer of PACK_SMALL bytes.  Of the first two what is
 * beyond some megabytes goes into a file, where there is one (`spill`).
 *
 * A file that changes while it is read: when its data are at most PACK_SMALL bytes it
 * is read again, at most three times; a larger one is taken once, with exactly the
 * bytes its header says (cut or filled with zeros); still changed: reported.  "Changed"
 * is size, mtime or ctime.
 *
 * What cannot be opened or read (EACCES, EPERM, EIO, ...) is skipped and reported; of a
 * directory that cannot be read its own entry is kept.  A large file whose reading
 * fails in the middle is filled with zeros and reported as skipped.  What vanished is
 * nothing.  Want of memory or descriptors of our own, cancellation and failures of
 * sink, report or owners end the pack.
 *
 * pack_estimate() walks the same way and reads nothing: what could not be opened counts
 * as if it could, attributes are not counted.  Both take the trees' fingerprint, and of
 * unchanged trees the same one.
 */

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/error.h"
#include "backend/base/observer.h"
#include "backend/base/spill.h"
#include "backend/tree/exclude.h"
#include "backend/tree/fingerprint.h"
#include "backend/tree/owners.h"

#define PACK_SMALL ((uint64_t)1 << 20)

/* Raised whenever the same trees come to give another stream: what an older version has
 * packed is then not taken for what this one would. */
#define PACK_VERSION 1

/* Where the stream goes: gzip_writer_* have this shape. */
struct pack_sink {
	/* The room may be asked for again, and something written there, before it is
	 * advanced. */
	int (*room)(void *ctx, void **ret, size_t *ret_n, struct err *err);
	int (*advance)(void *ctx, size_t n, struct err *err);
	void *ctx;
};

/* Functions may be NULL: only counted. */
struct pack_report {
	/* why: one line; path: archive path. */
	int (*skipped)(void *ctx, const char *path, const char *why, struct err *err);
	int (*changed)(void *ctx, const char *path, struct err *err);
	void *ctx;
};

/* Borrowed.  Of a directory that is the root of a mount, `lost+found` is left out. */
struct pack_tree {
	const char *path; /* archive path of its root: "common/profile", "7", "common" */
	int fd; /* directory O_RDONLY, or file O_RDONLY; its position may move */
	bool is_file;
};

struct pack_options {
	/* Put an entry `common/` first, with mtime 0 (format.md: 0755 root, or 0700 the
	 * user). */
	bool synthetic_common;
	uint32_t common_mode, common_uid, common_gid;
	const struct exclude *exclude; /* NULL: nothing */
	/* Names of staging and aside trees that the journal knows, in the order of
	 * strcmp(): there may be as many as there are apps, and each entry is looked up
	 * among them.  They are made up of random letters: an entry below a tree that
	 * bears one is left out with all below it, at whatever depth (another app's tree
	 * may lie in this one). */
	const char *const *aside_names;
	size_t n_aside_names;
	struct spill *spill; /* borrowed: for what does not fit into memory; or NULL */
};

struct pack_counts {
	uint64_t bytes;     /* bytes of the tar stream */
	uint64_t allocated; /* file system space that unpacking needs (entry_allocated) */
	uint64_t entries;   /* inodes that unpacking makes */
	uint64_t data;      /* bytes of data extents of regular files, each inode once */
	uint64_t sockets, mounts; /* left out */
	uint64_t skipped, changed;
	/* Of what was walked: trees, names, `common/`; not of the patterns and names that
	 * left something out.  Of use where nothing was skipped or changed. */
	struct fingerprint_value fingerprint;
};

/* Writes the stream with its end (1,024 zero bytes).  `report` may be NULL. */
int pack_run(const struct pack_tree *trees, size_t n_trees,
	     const struct pack_options *options, struct owners *owners,
	     const struct pack_sink *sink, const struct pack_report *report,
	     const struct observer *observer, struct pack_counts *ret, struct err *err);

/* Counts without reading; skips are not reported.  `owners` as for pack_run(). */
int pack_estimate(const struct pack_tree *trees, size_t n_trees,
		  const struct pack_options *options, struct owners *owners,
		  const struct observer *observer, struct pack_counts *ret,
		  struct err *err);

#endif
