/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_RESTORE_H
#define SETASIDE_OPERATION_RESTORE_H

/*
 * restore, undo, keep: a set's trees become live; that is taken back; it is made final.
 *
 * Order and recovery: backend/restore.h and backend/journal.h.  What a restore moves
 * aside stays until `keep` or until it expires (config keep-for; operation/expiry.h).
 */

#include "backend/base/strings.h"
#include "backend/restore_state.h"
#include "state/operation/scope.h"
#include "state/session.h"

struct restore_request {
	uint64_t set;
	struct scope scope;
	const char *revision; /* of a snap: the current one, where the caller
			   * knows better; or NULL */
	bool dry_run;         /* the outcome says what would be done; id is 0 */
	bool force; /* in spite of open files, and of what cannot be carried over */
	bool trust; /* set-id bits, capabilities and devices of a set
		     * that was not saved here */
	const char *const *map_users; /* "OLD=NEW" */
	size_t n_map_users;
};

/* An archive that was left out. */
struct restore_skip {
	char *app;
	char *user; /* or NULL: system data */
	char *why;
	bool unknown; /* there is no such user here: a mapping would help */
};

struct restore_outcome {
	uint64_t id, set; /* id 0: planned, or nothing was there to be done */
	uint64_t undid;   /* of an undo: the restore or undo that it took back; else 0 */
	bool redone;      /* of an undo: the data of the set is live again */
	struct strings apps;           /* of which something was restored */
	struct strings created, moved; /* paths as on this machine; made parents
		        * with a slash at the end */
	struct strings replaced;       /* of a plan: what of `created` is there now */
	struct restore_skip *skipped;
	size_t n_skipped;
	/* entries of which something was left out; any skip or note: done in part */
	uint64_t notes;
	bool unsettled; /* could be recorded or synced only in part:
			 * the next run settles it */
};

/* ERR_NOT_FOUND, ERR_CORRUPT (broken or damaged), ERR_NO_SPACE, ERR_BUSY (lock, mount
 * below), ERR_REFUSED (open files, epoch, owner that cannot be mapped, another packaging,
 * a device), ERR_INTERRUPTED: the live data is as before. */
int setaside_restore(struct session *s, const struct restore_request *request,
		     struct restore_outcome *ret, struct err *err);

/* `restore` 0: the last one that is neither undone nor kept.  An undo is itself
 * a restore with an id. */
int setaside_undo(struct session *s, uint64_t restore, bool force,
		  struct restore_outcome *ret, struct err *err);
void restore_outcome_done(struct restore_outcome *o);

/* What a restore did to one app, in snapd's form (backend/restore_state.h): paths
 * below the root, and the app's configuration from before.  ERR_NOT_FOUND: no such
 * restore, or it is closed. */
int setaside_restore_state(struct session *s, uint64_t restore, const char *app,
			   struct restore_state *ret, struct err *err);

struct keep_outcome {
	uint64_t id;
	struct strings removed; /* paths as on this machine */
};

int setaside_keep(struct session *s, uint64_t restore, struct keep_outcome *ret,
		  struct err *err);
void keep_outcome_done(struct keep_outcome *o);

#endif
