/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_SESSION_H
#define SETASIDE_SESSION_H

/*
 * session: a store, its database, and everything an operation needs, opened once.
 *
 *	session_open(&options, &session, &err);
 *	setaside_save(session, &request, &outcome, &err);	state/operation/...
 *	session_close(session);
 *
 * Opening for writing makes what is missing and recovers, under locks, what a
 * crash left (state/recovery.h); opening for reading changes nothing but the
 * cache.  On a read-only store, or without a usable database, a reader lists from
 * the zips and says so (observer).
 *
 * One thread at a time.  Workers die with the thread that started them
 * (PR_SET_PDEATHSIG), and some stay for later calls: any thread that has called must live
 * until the session is closed, so one out of a pool that ends idle threads will not do.
 *
 * The environment is the caller's to read: nothing here looks at it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/observer.h"

enum session_mode {
	SESSION_AUTO, /* system for root, user for everyone else */
	SESSION_SYSTEM,
	SESSION_USER,
};

enum session_access {
	SESSION_READ,   /* saved, show, check, apps, estimate */
	SESSION_WRITE,  /* creates, recovers: save, restore, undo, keep, forget */
	SESSION_DOCTOR, /* like WRITE, but recovery is left to the caller */
	SESSION_LOOK,   /* like READ, but no byte changes, not even in the
		       * cache: doctor's dry run */
};

struct session_options {
	enum session_mode mode;
	enum session_access access;
	const char *root;   /* another root directory, or NULL */
	const char *store;  /* another store, or NULL */
	const char *verb;   /* who holds locks, for others' messages: "save" */
	const char *worker; /* path of setaside-worker, or NULL: where it is installed */
	const char *data_dir; /* definitions that are shipped, or NULL:
			   * where they are installed */
	/* A store that is not there is not made: ERR_NOT_FOUND, but for DOCTOR,
	 * which then looks alone. */
	bool existing;
	int64_t wait_ms; /* for locks; -1: as configured */
	/* The environment's, or NULL; relative ones count as unset. */
	const char *home, *xdg_config_home, *xdg_data_home, *xdg_state_home,
		*xdg_cache_home;
	const struct observer *observer; /* kept until session_close() */
};

struct session;

/* ERR_USAGE, ERR_DENIED (a plain user and system mode), ERR_NOT_FOUND (--root,
 * or the store of a reader: then there are no snapshots), ERR_BUSY,
 * ERR_CORRUPT, ERR_UNSUPPORTED. */
int session_open(const struct session_options *options, struct session **ret,
		 struct err *err);
void session_close(struct session *s);
CLEANUP_FUNC(struct session *, session_close);

/* The directory of snapshots as on this machine. */
const char *session_store_path(const struct session *s);
bool session_is_system(const struct session *s);
/* Another's store, opened read-only: save, forget, import are ERR_REFUSED there. */
bool session_is_foreign(const struct session *s);
/* A dry run's question: could a writer write here, or where the store would
 * be made?  ERR_DENIED. */
int session_check_writable(const struct session *s, struct err *err);
/* Notes that the store which the caller named is not there. */
void session_mention_no_store(const struct session *s);

#endif
