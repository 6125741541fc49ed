/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_SNAP_H
#define SETASIDE_SNAP_H

/*
 * snap: which snaps are here, at which revision, and what snapd remembers of them.
 *
 * Candidates are the directories of /var/snap and the mounts below /snap (or
 * /var/lib/snapd/snap) that have a `current` link.  The revision is what `current` names:
 * the mount's, else that of /var/snap/NAME, else snapd's record, else the highest number
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
};

struct snap_list {
	struct snap *snaps; /* by name */
	size_t n, cap;
};

#define SNAP_LIST_INIT                                                                   \
 {                                                                                       \
  NULL, 0, 0                                                                             \
 }

/* snapd's grammar: [a-z0-9-] with a letter, at most 40, and an instance key
 * `_[a-z0-9]{1,10}`. */
bool snap_name_is_legal(const char *name);

/* Order of two legal revisions by their numbers. */
int snap_revision_compare(const char *a, const char *b);

/* What /var/lib/snapd/state.json holds of snaps and their configuration. */
struct snap_state;

/* Missing, or not for the caller's eyes: an empty state.  ERR_CORRUPT where it is no
 * JSON. */
int snap_state_load(int rootfd, struct snap_state **ret, struct err *err);
int snap_state_new(struct snap_state **ret, struct err *err); /* empty */
void snap_state_free(struct snap_state *s);
CLEANUP_FUNC(struct snap_state *, snap_state_free);

/* Whether the record is there and may not be read: then snapd itself can be asked. */
bool snap_state_is_hidden(const struct snap_state *s);

/*
 * Asks snapd, which answers everyone, for revisions and ids; configurations it tells only
 * root.  `socket` is its path, SNAP_SOCKET.  Where snapd does not run nothing is learned.
 * ERR_CORRUPT: its answer makes no sense; ERR_IO: it does not come.
 */
#define SNAP_SOCKET "/run/snapd.socket"
int snap_state_ask(struct snap_state *s, const char *socket,
		   const struct observer *observer, struct err *err);

/* Adds what snapd's answer says of snaps that are not known yet. */
int snap_state_add_answer(struct snap_state *s, const char *text, size_t len,
			  struct err *err);

/* Borrowed, NULL where unknown: the current revision; the snap's id, of which a
 * side-loaded revision has none; its configuration, a canonical JSON object. */
const char *snap_state_revision(const struct snap_state *s, const char *name);
const char *snap_state_id(const struct snap_state *s, const char *name,
			  const char *revision);
const char *snap_state_conf(const struct snap_state *s, const char *name);

/* All candidates with a revision; one without is left out with a warning. */
int snap_list_read(int rootfd, const struct snap_state *state,
		   const struct observer *observer, struct snap_list *ret,
		   struct err *err);
void snap_list_done(struct snap_list *l);

/*
 * The files of a mounted snap's own description, below NAME/REVISION/meta: *ret_snap_yaml
 * and
 * *ret_snapshots_yaml are descriptors of regular files (the caller closes them), -1 where
 * there is none.  ERR_CORRUPT where one is no plain file inside the snap.  Returns 1, or
 * 0 where the snap is not mounted (both are then -1).  Only opened here: parsing is for a
 * process without rights.
 */
int snap_open_meta(int rootfd, const char *name, const char *revision, int *ret_snap_yaml,
		   int *ret_snapshots_yaml, struct err *err);

#endif
