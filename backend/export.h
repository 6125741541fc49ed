/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_EXPORT_H
#define SETASIDE_EXPORT_H

/*
 * export: the stream in which a set goes to another machine (format.md, "An export").
 *
 * A tar of content.json, the zips of the set under their file names, and
 * export.json, which comes last and proves that nothing is missing.  Only what lies
 * around the zips is made here, all of it beforehand, so that the size is known
 * before the first byte is written:
 *
 *	part 0, zip 0, part 1, zip 1, ... zip n-1, part n
 *
 * Nothing is read or written: that is the caller's (state/operation/export.h).  Equal
 * zips and dates give equal bytes.  import.h reads it.
 */

#include <stddef.h>
#include <stdint.h>

#include "backend/base/cleanup.h"
#include "backend/base/digest.h"
#include "backend/base/error.h"
#include "backend/base/stamp.h"
#include "backend/snapshot.h"

#define EXPORT_FORMAT   1
#define EXPORT_CONTENT  "content.json" /* the set's content hash */
#define EXPORT_MANIFEST "export.json"  /* the names of the zips */
/* What a reader takes; a writer keeps to it. */
#define EXPORT_ZIPS_MAX     10000u
#define EXPORT_CONTENT_MAX  ((size_t)4 << 10)
#define EXPORT_MANIFEST_MAX ((size_t)4 << 20)
#define EXPORT_METADATA_MAX                                                              \
 ((size_t)64 << 20) /* of all its snapshots, as snapshot_pack() has it */

struct export;

/* `content_hash` is the set's (snapshot_set_hash()), `date` when it is exported. */
int export_new(const uint8_t content_hash[DIGEST_SHA256_SIZE], const struct stamp *date,
	       struct export **ret, struct err *err);
/* The next zip; the name is copied.  ERR_NO_SPACE: more than a reader takes. */
int export_add(struct export *x, const char *name, uint64_t size, struct err *err);
/* Adds the metadata of one more snapshot of a set to *total.  Small zips may hold a
 * lot of it, and all of it is in memory whenever the set is listed: ERR_NO_SPACE
 * over EXPORT_METADATA_MAX. */
int export_count_metadata(const struct snapshot *s, size_t *total, struct err *err);
/* After the last zip; nothing can be added any more. */
int export_finish(struct export *x, struct err *err);
void export_free(struct export *x);
CLEANUP_FUNC(struct export *, export_free);

/* Of all parts and zips, in bytes. */
uint64_t export_size(const struct export *x);
/* Part i of 0 to n, where n is the number of zips; borrowed until export_free(). */
const void *export_part(const struct export *x, size_t i, size_t *ret_size);

#endif
