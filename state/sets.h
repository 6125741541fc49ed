/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_SETS_H
#define SETASIDE_SETS_H

/*
 * sets: what is in the store, as a person sees it: sets of snapshots with all that zips
 * and database say of them.
 *
 * Zips are opened by the reader process; what they said is remembered in the database as
 * long as the file does not change.  A broken snapshot is listed with its reason, a lost
 * one (in the database, not on disk) likewise; sets that are not complete are not shown.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/error.h"
#include "backend/snapshot.h"
#include "backend/store.h"
#include "state/session.h"

struct set_snapshot {
	char *file;            /* name in the store */
	struct snapshot *meta; /* never NULL: of a broken file what could be learnt; the
		       * number is the file name's */
	char *broken;          /* why it can be neither restored nor trusted, or NULL */
	enum err_kind
		broken_kind; /* ERR_CORRUPT and ERR_UNSUPPORTED: the file itself; others:
			      * it cannot be read now */
	bool missing;        /* in the database, not on disk */
	uint8_t hashes[2][DIGEST_SHA256_SIZE]; /* content hash in both forms
				       * (snapshot.h), unless broken */
};

struct set {
	uint64_t id;
	char *name, *note, *reason; /* or NULL */
	const char *origin;         /* "saved", "imported", "found" */
	bool automatic, pinned;
	int64_t expires;   /* seconds since 1970; 0: never, as configured now */
	struct stamp time; /* the earliest of its snapshots */
	uint64_t size;
	char content_hash[2 * DIGEST_SHA256_SIZE + 1]; /* "" where a snapshot is broken */
	uint8_t hashes[2][DIGEST_SHA256_SIZE]; /* the same, in both forms; then zero */
	struct set_snapshot *snapshots;        /* by app */
	size_t n;
};

struct set_list {
	struct set *sets; /* by number */
	size_t n;
};

/* All sets. */
int sets_list(struct session *s, struct set_list *ret, struct err *err);
void sets_list_done(struct set_list *list);
/* Tells a person (observer, a note) where there is a system store
 * that only root can read. */
void sets_mention_system_store(struct session *s);

/* Calls `each` for every set in the order of their numbers, one in memory at a time; -1
 * ends it.  It leaves the session alone.  What it is given is valid during the call. */
int sets_pass(struct session *s,
	      int (*each)(void *ctx, const struct set *set, struct err *err), void *ctx,
	      struct err *err);

/* SET as a person types it: digits only are a number; else a name; else a prefix (3
 * characters or more) of a content hash.  ERR_NOT_FOUND; ERR_USAGE: ambiguous, the hint
 * lists the candidates. */
int sets_resolve(const struct set_list *list, const char *text, const struct set **ret,
		 struct err *err);
/* One set by number; *ret is to be cleared with set_done(). */
int sets_get(struct session *s, uint64_t id, struct set *ret, struct err *err);
void set_done(struct set *set);

/* One file of the store by its name, whatever its set's state: with the set number given,
 * or 0 for that of the name.  A broken one opens with its reason.  ERR_NOT_FOUND. */
int sets_open_file(struct session *s, const char *file, uint64_t set,
		   struct set_snapshot *ret, struct err *err);
void set_snapshot_done(struct set_snapshot *snapshot);
/* Broken by what is in the file (or by its absence), and so for good. */
bool set_snapshot_is_damaged(const struct set_snapshot *snapshot);

/* Calls `each` for every snapshot of the complete sets, by set, then app, reading one set
 * at a time; `each` returns 0 to go on, 1 to stop (which is no failure), -1 on failure.
 * What it is given is valid during the call. */
int sets_each(struct session *s,
	      int (*each)(void *ctx, const struct set *set,
			  const struct set_snapshot *snapshot, struct err *err),
	      void *ctx, struct err *err);

/* The highest set number ever given out or found; 0: none. */
int sets_last_number(struct session *s, uint64_t *ret, struct err *err);

/* The snapshot of an app (as it is named in the set), or NULL. */
const struct set_snapshot *set_find(const struct set *set, const char *app);

/* A set's name: 1 to 64 of [A-Za-z0-9._+-], beginning with a letter or digit, not digits
 * alone; ERR_USAGE. */
int sets_check_name(const char *name, struct err *err);
/* A note: UTF-8 without control characters, at most 1000 bytes. */
int sets_check_note(const char *note, struct err *err);

#endif
