/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_SESSION_INTERNAL_H
#define SETASIDE_SESSION_INTERNAL_H

/*
 * session_internal: what operations see of a session.  Not installed.
 */

#include "backend/store.h"
#include "backend/worker/worker.h"
#include "state/catalog.h"
#include "state/config.h"
#include "state/db.h"
#include "state/locks.h"
#include "state/places.h"
#include "state/session.h"
#include "state/users.h"

struct session {
	enum session_access access;
	struct places places;
	struct config config;
	struct users *users;
	struct db *db;       /* NULL: a reader without a usable database */
	struct locks *locks; /* NULL: likewise */
	struct store *store; /* NULL: a reader whose store does not exist yet */
	int spare_fd;        /* the directory in which it is to be made
		       * at the end; -1: nowhere */
	bool db_damaged; /* it was put aside and made anew, or (SESSION_LOOK) would be */
	char *store_shown;
	char *root_key; /* db_restore.root of what happens here; NULL:
			 * the database's own root */
	int64_t wait_ms;
	bool is_root;     /* may act for others */
	struct user self; /* the caller */
	char *worker, *data_dir, *home, *verb;
	char *xdg_config_home, *xdg_data_home, *xdg_state_home, *xdg_cache_home;
	const struct observer *observer; /* the caller's, or `after_commit` */
	struct observer after_commit;
	const struct observer *given; /* the caller's, while it is `after_commit` */

	/* how owners of archives are mapped; operations set it */
	struct users_policy policy;
	struct users_owners owners_ctx;
	struct owner_source owners;

	struct worker *reader;        /* made when first needed */
	struct worker_env reader_env; /* holds no alive byte: it changes nothing */
	struct catalog *catalog;      /* made when first needed */
};

/* May it change things? */
bool session_writes(const struct session *s);
/* Puts a damaged database aside and begins a new one.  `deep`: it is so only to a
 * thorough check, which is made again. */
int session_replace_db(struct session *s, bool deep, struct err *err);

/* Goes on without the database, as a reader does that has none. */
int session_drop_db(struct session *s, struct err *err);

/* The session's reader process, alive. *ret is the session's. */
int session_reader(struct session *s, struct worker **ret, struct err *err);
/* The catalog (system directories only; homes are added by the inventory). */
int session_catalog(struct session *s, struct catalog **ret, struct err *err);

/* What workers of one operation share; `alive` is the operation's alive byte (kind
 * LOCK_ALIVE_*), held by each of them. The object must outlive the workers. */
struct session_env {
	struct session *session;
	struct lock_key alive;
	struct worker_env env;
};

void session_env_init(struct session *s, struct lock_key alive, bool with_alive,
		      struct session_env *ret);
/* From now on the operation finishes in spite of a signal: its commit point is passed. */
void session_shield(struct session *s);
/* Another operation begins (or another set of a stream), which a signal may end again. */
void session_unshield(struct session *s);
struct lock_wait session_wait(const struct session *s);
/* Opens a file that is on record.  ERR_CORRUPT: it is gone, or no regular file. */
int session_open_snapshot(struct session *s, const char *file, struct err *err);
/* The lock of a set.  A reader without a lock file (a read-only store, no database) has
 * every shared lock and no exclusive one: ERR_DENIED. */
int session_lock_set(struct session *s, uint64_t set, enum lock_mode mode,
		     struct err *err);
void session_unlock_set(struct session *s, uint64_t set);
/* Path as on this machine: the other root in front; caller frees. */
char *session_shown_path(const struct session *s, const char *path, struct err *err);
/* ~ expanded: absolute below the root; caller frees. */
char *session_expand(const char *path, const char *home, struct err *err);
/* ERR_REFUSED where the store is another's (snapd's) and `what` would write to it. */
int session_check_own_store(const struct session *s, const char *what, struct err *err);
/* A user by name or, where `by_number`, what a person types (users_find()).  In user mode
 * also the caller whom the user database does not know, by the number.  ERR_NOT_FOUND. */
int session_user(struct session *s, const char *text, bool by_number, struct user *ret,
		 struct err *err);
/* Identity of a user's worker. The groups belong to *ret_groups (caller frees). */
int session_identity(struct session *s, const struct user *user, struct identity *ret,
		     gid_t **ret_groups, struct err *err);

#endif
