/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_SOURCE_H
#define SETASIDE_OPERATION_SOURCE_H

/*
 * source: the archives of a set that a restore is about, and where
 * their trees belong here.
 *
 * Rules (format.md, "Meaning"): a snapshot goes to the same packaging of the app; a
 * snap's data goes to the current revision if its epoch can read it; another snap-id
 * refuses; users unknown here or without a home are left out and said so.  Places come
 * from this machine's catalog; the places that a set saved here recorded stand in where
 * its definition is gone, a stranger's never.  Not installed.
 */

#include "backend/restore.h"
#include "state/operation/restore.h"
#include "state/operation/restore_detail.h"
#include "state/session_internal.h"
#include "state/sets.h"

/* What owns the strings that a restore_archive borrows. */
struct source_archive {
	char *user;               /* here, after mapping; NULL: system data */
	char **paths;             /* one for each tree */
	struct strings *patterns; /* likewise */
	char **names;             /* archive paths, likewise */
	size_t n_trees;
	struct strings snapd, skipped;
};

struct source_snapshot {
	struct snapshot *meta;
	uint64_t handle; /* in the reader */
};

struct source {
	struct source_snapshot *snapshots;
	size_t n_snapshots;
	struct restore_archive *archives; /* for restore_plan_init() */
	struct source_archive *owned;     /* one for each */
	size_t n_archives;
	struct strings apps;
	/* the apps' from before; strings are borrowed */
	struct restore_detail_config *configs;
	size_t n_configs;
	struct restore_skip *skipped;
	size_t n_skipped;
	bool trusted;
};

/* Opens the chosen snapshots anew, through the reader.  ERR_CORRUPT: one is broken. */
int source_open(struct session *s, const struct set *set,
		const struct restore_request *request, struct source *ret,
		struct err *err);
void source_done(struct source *src);
/* The same, and the reader lets go of the files. */
void source_close(struct session *s, struct source *src);

#endif
