/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_SAVE_H
#define SETASIDE_SAVE_H

/*
 * save: one snapshot, from trees to a finished zip in the store.
 *
 * Each archive is packed and compressed by its packer into a pipe; here the bytes
 * go through SHA3-384 into the zip: one pass, no temporary copy.  The metadata,
 * made of what the archives turned out to be, comes last.  Order: all members,
 * fsync(file), name it (no replace).  The directory's sync, markers and records are
 * the caller's: they belong to the set.
 *
 * An archive whose trees are unchanged since an older snapshot need not be packed: where
 * the caller knows such a one (save_held), its bytes are taken over from there.  If all
 * archives are, and that zip begins with them, the beginning is cloned where the file
 * system can.  Bytes that are copied are compared with their CRC-32; where that is wrong
 * the caller is warned that the older set is damaged, and everything is packed anew.
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
#include "backend/zip.h"

struct save_tree {
	const char *name;              /* "profile"; snaps: the revision or "common" */
	const char *archive_path;      /* "common/profile" */
	const char *shown_path;        /* as the definition has it, for the metadata */
	const char *path;              /* absolute below the root */
	const struct strings *exclude; /* the definition's, anchored at the tree's top */
};

/* What an archive was made of, as seen from outside (tree/fingerprint.h): its trees, and
 * all that the caller says of them.  Two that are equal and valid mean the same archive,
 * but for how it is compressed. */
struct save_print {
	uint8_t digest[FINGERPRINT_SIZE];
	/* Settled (tree/fingerprint.h); nothing was skipped, changed or
	 * could not be resolved. */
	bool valid;
};

/* An archive as an older snapshot holds it. */
struct save_held {
	uint64_t set;                        /* of that snapshot, for messages */
	int fd;                              /* its zip; borrowed */
	struct zip_member place;             /* plain */
	const struct snapshot_archive *meta; /* what it says of the archive; borrowed */
	struct save_print print;
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
	const struct save_held *held; /* NULL: it has to be packed */
};

struct save_options {
	enum gzip_level level;
	int64_t settle; /* what was changed so many seconds ago is
			 * settled; negative: never */
	const struct observer *observer;
	/* each archive is a part of it; NULL: nobody wants to know */
	struct meter *meter;
	const char *root; /* in front of paths in warnings, or NULL */
	/* A tree that cannot be looked at; save_estimate() needs it, else
	 * NULL: it is warned of. */
	int (*problem)(void *ctx, const struct save_archive *a, const struct save_tree *t,
		       const struct err *why, struct err *err);
	void *problem_ctx;
};

/* "APP of USER" (NULL: "APP"), as warnings name the data; caller frees. */
char *save_whose(const char *app, const char *user, struct err *err);

/* What a save could not take, beside what stands in the metadata. */
struct save_result {
	uint64_t skipped, changed;
	struct save_print *prints; /* one for each archive; caller frees */
	/* the finished one; caller frees its name.  No ctime: it
	 * gets that with its name */
	struct store_file file;
};

/*
 * Writes `meta` (time, snap, revision, version, ... filled; no archives yet) and the
 * archives that have a tree as set `meta->set`.  Run-time excludes are meta->exclude.  On
 * success meta->archives and meta->size are filled in.  ERR_EXISTS if the file name is
 * taken.  Free *ret with save_result_done().
 */
int save_snapshot(struct store *store, struct snapshot *meta,
		  const struct save_archive *archives, size_t n,
		  const struct save_options *options, struct save_result *ret,
		  struct err *err);

void save_result_done(struct save_result *r);

struct save_estimate {
	size_t trees;    /* that exist; 0: all else is empty */
	size_t problems; /* trees that cannot be resolved */
	struct pack_counts counts;
	struct save_print print;
};

/* Tells the packer about the archive and lets it look. */
int save_estimate(const struct save_archive *archive, const struct strings *exclude,
		  const struct save_options *options, struct save_estimate *ret,
		  struct err *err);

#endif
