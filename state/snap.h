/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_SNAP_H
#define SETASIDE_SNAP_H

/*
 * snap: which snaps are here, at which revision, and what snapd remembers of them.
 *
 * Candidates are the directories of /var/snap and the mounts below /snap (or
 * /var/lib/snapd/snap) that have a `current` link.  The revision is what `current` names: the
 * mount's, else that of /var/snap/NAME, else snapd's record, else the highest number
 * among the directories of /var/snap/NAME.  What lies in homes only, a worker finds
 * (catalog_add_home_snap()).
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/observer.h"

struct snap {
	char *name; /* with its instance key: "hello_x" */
	char *revision;
	char *snap_id; /* NULL: side-loaded, or snapd's record cannot be read */
	char *conf;    /* canonical JSON object, or NULL */
};

struct snap_list {
	struct snap *snaps; /* by name */
	size_t n, cap;
};

#define SNAP_LIST_INIT { NULL, 0, 0 }

/* snapd's grammar: [a-z0-9-] with a letter, at most 40, and an instance key `_[a-z0-9]{1,10}`. */
bool snap_name_is_legal(const char *name);

/* What /var/lib/snapd/state.json holds of snaps and their configuration. */
struct snap_state;

/* Missing, or not for the caller's eyes: an empty state.  ERR_CORRUPT where it is no JSON. */
int snap_state_load(int rootfd, struct snap_state **ret, struct err *err);
void snap_state_free(struct snap_state *s);
CLEANUP_FUNC(struct snap_state *, snap_state_free);

/* Borrowed, NULL where unknown: the current revision; the id of that revision; its
 * configuration. */
const char *snap_state_revision(const struct snap_state *s, const char *name);
const char *snap_state_id(const struct snap_state *s, const char *name, const char *revision);
const char *snap_state_conf(const struct snap_state *s, const char *name);

/* All candidates with a revision, with id and configuration from `state`. */
int snap_list_read(int rootfd, const struct snap_state *state, const struct observer *observer,
		   struct snap_list *ret, struct err *err);
void snap_list_done(struct snap_list *l);

/*
 * The files of a mounted snap's own description, below NAME/REVISION/meta: *ret_snap_yaml and
 * *ret_snapshots_yaml are descriptors of regular files (the caller closes them), -1 where there
 * is none.  No link is followed inside the snap.  Returns 1, or 0 where the snap is not
 * mounted (both are then -1).  Only opened here: parsing is for a process without rights.
 */
int snap_open_meta(int rootfd, const char *name, const char *revision, int *ret_snap_yaml,
		   int *ret_snapshots_yaml, struct err *err);

#endif
