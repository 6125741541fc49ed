/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_SAVE_H
#define SETASIDE_OPERATION_SAVE_H

/*
 * save: apps and users into a new set; all or nothing.
 *
 * Order: plan (which trees are there) -> locks of the apps -> which archives an older set
 * holds -> room -> number, row `saving` and planned names (one commit) -> marker, synced
 * -> each snapshot (backend/save.h) -> directory synced -> row `complete` (the commit
 * point) -> marker removed.  Recovery: a set that is not complete vanishes with its
 * files; its number stays used.
 *
 * Trees that look the same as when an older set was saved here (tree/fingerprint.h) are
 * not read: their archives are taken over from that set.  With `if_changed` an app is
 * not saved at all if one set holds just these archives of it, and its configuration;
 * that set then lives at least as long as the new one would have: an automatic one's
 * expiry is put off, and where a person asks it becomes a person's, in the commit of the
 * set that is made, if one is.
 */

#include "backend/base/strings.h"
#include "state/operation/scope.h"
#include "state/sets.h"

/* An app's own configuration, from a caller that knows it. */
struct save_conf {
	const char *app;  /* as the catalog names it */
	const char *json; /* an object */
};

/* How archives are compressed, which any reader of the format can undo. */
enum save_compress {
	SAVE_COMPRESS_CONFIGURED, /* as the configuration says:
				   * fast, if it says nothing */
	SAVE_COMPRESS_FAST,
	SAVE_COMPRESS_SMALL, /* no larger than gzip -6 makes it;
			      * takes some times longer */
};

struct save_request {
	struct scope scope;
	const char *name, *note;       /* or NULL */
	bool automatic;                /* expires by itself */
	const char *reason;            /* of an automatic one, or NULL */
	const struct save_conf *confs; /* instead of what is found here */
	size_t n_confs;
	enum save_compress compress;
	bool dry_run;    /* plans and checks room only: outcome.set stays empty */
	bool force_read; /* whatever older sets hold, everything is read */
	bool if_changed; /* not with force_read: ERR_USAGE */
};

/* An app that was not saved, because a set holds it as it is. */
struct save_unchanged {
	char *app;
	uint64_t set;
};

/* A tree that may hold data and cannot be looked at: what was not saved must not be taken
 * for what is not there. */
struct save_unread {
	char *app;
	char *user; /* NULL: data of the system */
	char *path; /* as on this machine */
	char *why;
	enum err_kind kind; /* of why */
};

struct save_unread_list {
	struct save_unread *items;
	size_t n;
};

struct save_outcome {
	bool has_set;
	struct set set;
	struct strings apps;            /* of a dry run: what would be saved */
	struct strings empty;           /* named apps without data here */
	struct save_unread_list unread; /* trees that could not be looked at */
	struct save_unchanged *unchanged;
	size_t n_unchanged;
	bool extended; /* some of those sets stay longer than they would have */
	uint64_t skipped, changed, problems; /* any: done in part */
	uint64_t estimate;                   /* bytes of data */
};

/* ERR_NOT_FOUND: no such app or user, or none of them has data.  ERR_DENIED, ERR_IO: what
 * they have cannot be read.  ERR_EXISTS: the name is another set's.  ERR_NO_SPACE,
 * ERR_BUSY, ERR_INTERRUPTED: nothing was saved. */
int setaside_save(struct session *s, const struct save_request *request,
		  struct save_outcome *ret, struct err *err);
void save_outcome_done(struct save_outcome *o);

#endif
