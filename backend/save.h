/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_SAVE_H
#define SETASIDE_SAVE_H

/*
 * save: one snapshot, from trees to a finished zip in the store.
 *
 * Each archive is packed and compressed by its packer into a pipe; here the bytes go through
 * SHA3-384 into the zip: one pass, no temporary copy.  The metadata, made of what the
 * archives turned out to be, comes last.  Order: all members, fsync(file), name it
 * (no replace).  The directory's sync, markers and records are the caller's: they belong to the set.
 *
 * On failure or cancellation nothing of the file remains.
 */

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/meter.h"
#include "backend/base/observer.h"
#include "backend/base/strings.h"
#include "backend/gzip.h"
#include "backend/snapshot.h"
#include "backend/store.h"
#include "backend/worker/packer.h"

struct save_tree {
	const char *name;	  /* "profile"; snaps: the revision or "common" */
	const char *archive_path; /* "common/profile" */
	const char *shown_path;	  /* as the definition has it, for the metadata */
	const char *path;	  /* absolute below the root */
	const struct strings *exclude; /* the definition's, anchored at the tree's top */
};

struct save_archive {
	const char *member; /* "archive.tgz", "user/alice.tgz" */
	struct worker *packer;
	struct packer_archive top;
	const char *user; /* NULL: system data */
	uint32_t uid, gid;
	const char *home; /* NULL for system data */
	const struct save_tree *trees;
	size_t n_trees;
	uint64_t bytes; /* of its tar stream, as estimated: its part of the meter */
};

struct save_options {
	enum gzip_level level;
	const char *const *leave_out; /* NULL-terminated names that the restore journal knows */
	const struct observer *observer;
	struct meter *meter; /* each archive is a part of it; NULL: nobody wants to know */
};

/* What a save could not take, beside what stands in the metadata. */
struct save_result {
	uint64_t skipped, changed;
	char *file_name; /* caller frees */
};

/*
 * Writes `meta` (time, snap, revision, version, ... filled; no archives yet) and the archives
 * that have a tree as set `meta->set`.  Run-time excludes are meta->exclude.  On success
 * meta->archives and meta->size are filled in.  ERR_EXISTS if the file name is taken.
 */
int save_snapshot(struct store *store, struct snapshot *meta, const struct save_archive *archives,
		  size_t n, const struct save_options *options, struct save_result *ret,
		  struct err *err);

/* Tells the packer about the archive and asks for its counts; *ret_trees is the number of
 * trees that exist. Trees that cannot be resolved are warned of, and counted in *ret_problems. */
int save_estimate(const struct save_archive *archive, const struct strings *exclude,
		  const struct save_options *options, size_t *ret_trees, size_t *ret_problems,
		  struct pack_counts *ret, struct err *err);

#endif
