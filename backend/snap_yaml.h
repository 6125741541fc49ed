/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_SNAP_YAML_H
#define SETASIDE_SNAP_YAML_H

/*
 * snap_yaml: what a snap says of itself in meta/snap.yaml and meta/snapshots.yaml
 * (libyaml).
 *
 * Pure functions on a buffer, for the process without rights: the text is whatever the
 * author of a snap wrote.  Bounded: size, depth and number of nodes; one document.
 * Aliases are never expanded; where a value is read, an alias, an anchor, a tag, or a key
 * given twice is refused.  All failures but want of memory are ERR_CORRUPT, with the line
 * ("line 3: ..."). `ret` is untouched on failure.
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/error.h"
#include "backend/base/strings.h"
#include "backend/epoch.h"

#define SNAP_YAML_MAX         ((size_t)1 << 20) /* bytes of one file */
#define SNAP_YAML_EXCLUDE_MAX 1024              /* patterns of meta/snapshots.yaml */

struct snap_meta {
	char *name, *version, *summary; /* NULL where the file does not say */
	bool has_epoch;                 /* else epoch 0: reads and writes {0} */
	struct snapshot_epoch epoch;
	struct strings exclude; /* patterns as written, each one legal for snapd */
};

#define SNAP_META_INIT                                                                   \
 {                                                                                       \
  NULL, NULL, NULL, false, { { 0 }, { 0 }, 0, 0 }, STRINGS_INIT                          \
 }

void snap_meta_done(struct snap_meta *m);

/* meta/snap.yaml: fills name, version, summary, epoch of `ret`, which has none yet. */
int snap_yaml_parse(const char *text, size_t len, struct snap_meta *ret, struct err *err);

/* meta/snapshots.yaml: replaces ret->exclude.  A pattern that snapd would refuse is
 * ERR_CORRUPT. */
int snap_yaml_parse_exclude(const char *text, size_t len, struct snap_meta *ret,
			    struct err *err);

#endif
