/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_WORKER_PACKER_H
#define SETASIDE_WORKER_PACKER_H

/*
 * packer: trees looked at and packed by their owner (client side).
 *
 *	packer_begin	  one archive: whose, how its top looks
 *	packer_tree	  for each tree: is it there, where does it really lie
 *	packer_exclude
 *	packer_estimate   how much it is (may be called alone)
 *	packer_pack_begin the compressed stream goes into a pipe:
 *			  worker_wait_readable()...
 *	packer_pack_end	  after the pipe's end: the counts; only this commits the stream
 *
 * The packer remembers the archive between calls; packer_begin starts the next.  Before,
 * and for all archives from then on:
 *
 *	packer_leave_out  names that are ours
 */

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/meter.h"
#include "backend/base/observer.h"
#include "backend/base/strings.h"
#include "backend/flatpak_deploy.h"
#include "backend/gzip.h"
#include "backend/tree/pack.h"
#include "backend/worker/worker.h"

struct packer_archive {
	bool user;   /* a user's: paths are resolved with the packer's own rights */
	bool native; /* the entry `common/` is made here (0700 the user, 0755 root) */
	uint32_t uid, gid;    /* of that entry */
	const char *revision; /* snaps: what $SNAP_DATA stands for */
};

struct packer_found {
	bool exists;
	bool is_file;
	char *resolved; /* absolute below the root; caller frees; NULL
			 * where it does not exist */
};

int packer_begin(struct worker *w, const struct packer_archive *a,
		 const struct observer *observer, struct err *err);

/* Adds the tree at `path` (absolute below the root) under `archive_path`, if it exists.
 * What cannot be resolved or opened fails, and the tree is not part of the archive. */
int packer_tree(struct worker *w, const char *archive_path, const char *path,
		const struct observer *observer, struct packer_found *ret,
		struct err *err);

/* A pattern anchored at the top of tree `archive_path`; NULL: one
 * of snapd's ($SNAP_...). */
int packer_exclude(struct worker *w, const char *archive_path, const char *pattern,
		   const struct observer *observer, struct err *err);

/* Names that are ours (staging, aside): left out wherever they appear, in place
 * of those that were given before.  They do not come into fingerprints, as little
 * as what they leave out. */
int packer_leave_out(struct worker *w, const struct strings *names,
		     const struct observer *observer, struct err *err);

int packer_estimate(struct worker *w, const struct observer *observer,
		    struct pack_counts *ret, struct err *err);

/* Starts packing into `pipe` (borrowed; the caller closes its copy afterwards, so that
 * the end is seen).  From worker_wait*(), `report` hears of what was skipped or
 * changed, and `meter` (NULL: nobody) of the bytes of the tar stream, which
 * packer_estimate() has counted. */
int packer_pack_begin(struct worker *w, int pipe, enum gzip_level level,
		      const struct pack_report *report, struct meter *meter,
		      struct err *err);
int packer_pack_end(struct worker *w, const struct observer *observer,
		    struct pack_counts *ret, struct err *err);

/* The names of the directories in `path`, for each `entry` is called; a
 * missing path has none. */
int packer_list(struct worker *w, const char *path,
		int (*entry)(void *ctx, const char *name, struct err *err), void *ctx,
		const struct observer *observer, struct err *err);
/* Where the link `path` points (caller frees); NULL where there is no such link. */
int packer_link(struct worker *w, const char *path, const struct observer *observer,
		char **ret, struct err *err);

/* What the flatpak's record `path` ("deploy") says; nothing where there is none.  Free
 * with flatpak_deploy_done().  ERR_CORRUPT: it is damaged. */
int packer_flatpak(struct worker *w, const char *path, const struct observer *observer,
		   struct flatpak_deploy *ret, struct err *err);

/* For `entry` the absolute paths below the root of what bears the name of a staging or
 * aside tree and lies where a restore of the tree at `path` puts such: beside it
 * NAME.~xxxxxxxxx~ of its NAME (`any`: of any), in it .~xxxxxxxxx~.  `user` as for
 * packer_begin().  Names alone are looked at; a missing directory has none. */
int packer_asides(struct worker *w, const char *path, bool user, bool any,
		  int (*entry)(void *ctx, const char *path, struct err *err), void *ctx,
		  const struct observer *observer, struct err *err);

/* The protocol of this kind. */
enum packer_type {
	PACKER_BEGIN = 64,
	PACKER_TREE,
	PACKER_EXCLUDE,
	PACKER_LEAVE_OUT, /* whether they are the first, a count and so many names */
	PACKER_ESTIMATE,
	PACKER_PACK,
	PACKER_LIST,
	PACKER_LINK,
	PACKER_ASIDES,
	PACKER_FLATPAK,
	PACKER_SKIPPED, /* worker */
	PACKER_CHANGED, /* worker */
	PACKER_NAME,    /* worker */
};

enum packer_tag {
	PACKER_TAG_USER = 64,
	PACKER_TAG_NATIVE,
	PACKER_TAG_UID,
	PACKER_TAG_GID,
	PACKER_TAG_REVISION,
	PACKER_TAG_ARCHIVE_PATH,
	PACKER_TAG_PATH,
	PACKER_TAG_PATTERN,
	PACKER_TAG_EXISTS,
	PACKER_TAG_IS_FILE,
	PACKER_TAG_RESOLVED,
	PACKER_TAG_LEVEL,
	PACKER_TAG_WHY,
	PACKER_TAG_ANY,
	PACKER_TAG_TEXT,
	PACKER_TAG_COUNT, /* one for each of struct pack_counts, in its order;
			   * how many names follow */
	PACKER_TAG_FINGERPRINT,
	PACKER_TAG_AGE, /* of the newest change, seconds */
	PACKER_TAG_FIRST,
};

/* Names in one record: with the longest of them it stays within WIRE_MAX. */
#define PACKER_NAMES_MAX 128
#define PACKER_PATH_MAX  8192u /* of paths that definitions and homes give */
#define PACKER_WHY_MAX   1024u
#define PACKER_TEXT_MAX  1024u /* of a version or summary; a longer one is none */

#endif
