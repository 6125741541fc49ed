/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_DB_H
#define SETASIDE_DB_H

/*
 * db: what is remembered between runs, in SQLite (state.db beside the directory of
 * snapshots).
 *
 * The zips are the truth about data, this database about everything else: sets and
 * their state, the last set number, the journal of restores, who holds which lock, and
 * a cache of what the zips say.
 *
 * Durability: WAL, synchronous FULL, BEGIN IMMEDIATE for each write; every function that
 * changes something is durable when it returns 0, unless it was called between db_begin()
 * and db_commit() (then it is so after the commit).  Holders and cache are not
 * made durable.
 *
 * Rules for callers: one thread at a time; a child that was forked must not touch the
 * connection; nobody opens state.db by other means in a process that holds a connection
 * (closing that descriptor would drop SQLite's locks).
 *
 * Failures that any function may report: ERR_BUSY (another process writes for too long),
 * ERR_CORRUPT (the file is damaged), ERR_NO_SPACE, ERR_DENIED (opened for reading, or the
 * medium is read-only), ERR_IO.  Others are named at the function.
 *
 * Strings in structs that a function fills belong to the struct: x_done() frees them.
 * Times are seconds since 1970; 0 in an `expires` means never.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/base/buf.h"
#include "backend/base/cleanup.h"
#include "backend/base/digest.h"
#include "backend/base/error.h"
#include "backend/journal.h"
#include "backend/store.h"

#define DB_FILE "state.db"

struct db;

enum db_mode {
	/* Never created nor migrated; only cache and holders are written, if possible. */
	DB_READ,
	DB_WRITE, /* created (0600) or migrated as needed */
	/* Like DB_READ, but no byte is written at all, not beside it either: it is seen
	 * as it was when it was opened, or at the last db_look_again().  What others
	 * write meanwhile may make it look damaged.  (On a read-only file system
	 * DB_READ is the same.) */
	DB_LOOK,
};

/*
 * Opens state.db in the directory dirfd (borrowed during the call; a duplicate is kept).
 * `dir` is its path, for messages only.
 *
 * ERR_NOT_FOUND (DB_READ): there is none, or it is still empty.  ERR_CORRUPT: damaged,
 * or not a database of ours.  ERR_UNSUPPORTED: written by a newer setaside, or
 * (DB_READ) by an older one whose database only a writer may migrate.  ERR_DENIED: not
 * readable, not writable (DB_WRITE), or it or the directory belongs to someone else
 * than the caller or root.  After any of these a reader can still list from the zips.
 */
int db_open(int dirfd, const char *dir, enum db_mode mode, struct db **ret,
	    struct err *err);
/* Sees what was written since; after a failure it must be closed. */
int db_look_again(struct db *db, struct err *err);
void db_close(struct db *db);
CLEANUP_FUNC(struct db *, db_close);
/* False where not even the cache can be written. */
bool db_is_writable(const struct db *db);

/* Reads all of it and checks its structure: for doctor.  ERR_CORRUPT with what is wrong
 * first. */
int db_check(struct db *db, struct err *err);

/* Renames a damaged database, with its -wal and -shm, to state.db.damaged-xxxxxxxxx and
 * syncs the directory; the caller holds the commit lock and has no connection open.
 * The new name of state.db (caller frees) in *ret_name.  ERR_NOT_FOUND. */
int db_put_aside(int dirfd, char **ret_name, struct err *err);

/*
 * Several changes as one: all or none.  Not nested.  db_rollback() after a commit or
 * without a begin does nothing, so it may stand in every clean-up.
 */
int db_begin(struct db *db, struct err *err);
int db_commit(struct db *db, struct err *err);
void db_rollback(struct db *db);

/* What is read between the two is of one moment, and comes faster: best effort, and
 * nothing may be written meanwhile.  Within db_begin() they do nothing. */
void db_read_begin_best_effort(struct db *db);
/* Returns whether it was begun. */
bool db_read_end(struct db *db);

/* ---- Sets ---- */

enum db_set_state {
	DB_SET_SAVING,
	DB_SET_IMPORTING,
	DB_SET_COMPLETE,
	DB_SET_FORGETTING
};

enum db_set_origin {
	DB_SET_SAVED,
	DB_SET_IMPORTED,
	DB_SET_FOUND
};

const char *db_set_state_name(enum db_set_state state);    /* "saving", ... */
const char *db_set_origin_name(enum db_set_origin origin); /* "saved", ... */

enum db_file_state {
	DB_FILE_PLANNED, /* may exist: belongs to a set that is not complete */
	DB_FILE_PRESENT, /* part of a complete set; missing on disk: it was lost */
	DB_FILE_GOING,   /* is being forgotten */
};

struct db_file {
	char *name; /* file name in the store */
	char *app;  /* as the snapshot names it; NULL: not known */
	enum db_file_state state;
};

struct db_set {
	uint64_t id;
	enum db_set_state state;
	enum db_set_origin origin;
	char *name, *note, *reason; /* or NULL */
	bool automatic, pinned;
	int64_t created, expires;
	struct db_file *files; /* by name, in byte order */
	size_t n_files;
};

struct db_set_list {
	struct db_set *sets; /* by number */
	size_t n;
};

void db_set_init(struct db_set *set);
void db_set_done(struct db_set *set);
void db_set_list_done(struct db_set_list *list);

/* Adds a file to a set in memory; copies the strings. */
int db_set_add_file(struct db_set *set, const char *name, const char *app,
		    enum db_file_state state, struct err *err);

/*
 * The next set number: one more than the highest ever given out or (`highest_on_disk`,
 * see store_list()) found.  Never given again, once committed; ERR_NO_SPACE past
 * 2^53-1.  Under the commit lock, so that no file with the number can appear meanwhile.
 */
int db_number_take(struct db *db, uint64_t highest_on_disk, uint64_t *ret,
		   struct err *err);
/* The highest number given out so far; 0: none. */
int db_number_last(struct db *db, uint64_t *ret, struct err *err);

/* Inserts a set with its files, and raises the last number to its id.  ERR_EXISTS: the
 * id or the name is taken. */
int db_set_insert(struct db *db, const struct db_set *set, struct err *err);
/* ERR_NOT_FOUND. *ret is initialised by the call. */
int db_set_get(struct db *db, uint64_t id, struct db_set *ret, struct err *err);
/* Whether the set is there, complete, and has the file, which is not going. */
int db_set_has_file(struct db *db, uint64_t id, const char *name, bool *ret,
		    struct err *err);
int db_set_by_name(struct db *db, const char *name, struct db_set *ret, struct err *err);
int db_sets(struct db *db, struct db_set_list *ret, struct err *err);
/* A list of one, or of none. */
int db_set_list_one(struct db *db, uint64_t id, struct db_set_list *ret, struct err *err);
/* Complete ones that were saved here and are automatic, not pinned, and whose time has
 * come; but none of which a restore can still be undone and has not expired itself.  What
 * puts off a set's time, or makes it stay, is done with a lock of the set: so the answer
 * stays true for who holds it exclusively. */
int db_sets_expired(struct db *db, int64_t now, struct db_set_list *ret, struct err *err);
int db_set_is_expired(struct db *db, uint64_t id, int64_t now, bool *ret,
		      struct err *err);

/* Adds a planned file to a set that is not complete; `app` may be NULL.  ERR_EXISTS: it
 * has one of that name. */
int db_set_plan_file(struct db *db, uint64_t id, const char *name, const char *app,
		     struct err *err);
/* The commit point of a save or an import: planned files are present from now on. */
int db_set_complete(struct db *db, uint64_t id, struct err *err);
/* Removes the row and its files' rows; the number stays used.  A missing one is a
 * success. */
int db_set_delete(struct db *db, uint64_t id, struct err *err);

/* NULL takes the text away.  ERR_EXISTS: the name is another set's. All: ERR_NOT_FOUND.
 * */
int db_set_rename(struct db *db, uint64_t id, const char *name, struct err *err);
int db_set_put_note(struct db *db, uint64_t id, const char *note, struct err *err);
int db_set_pin(struct db *db, uint64_t id, bool pinned, struct err *err);
int db_set_expire(struct db *db, uint64_t id, int64_t expires, struct err *err);
/* Makes it a person's: no longer automatic, never expires. */
int db_set_adopt(struct db *db, uint64_t id, struct err *err);

/*
 * Forgetting: first the files that go are noted (n 0: all) and the set is `forgetting`;
 * then the caller removes them; then db_set_forgotten() drops their rows.  If files are
 * left the set is complete again, else (*ret_gone true) it is deleted.  A set that goes
 * whole gives its name free at once.  ERR_NOT_FOUND: no such set or file in it.
 */
int db_set_forget(struct db *db, uint64_t id, const char *const *names, size_t n,
		  struct err *err);
int db_set_forgotten(struct db *db, uint64_t id, bool *ret_gone, struct err *err);

/* ---- The content of sets (contents.h) ---- */

struct db_ids {
	uint64_t *ids; /* ascending */
	size_t n;
};

void db_ids_done(struct db_ids *ids);

/* Complete sets that were put with this hash, in either form. */
int db_contents_find(struct db *db, const uint8_t hash[DIGEST_SHA256_SIZE],
		     struct db_ids *ret, struct err *err);
/* Complete sets that were not put yet; with `read` also those that
 * were put without a hash. */
int db_contents_without_hash(struct db *db, bool read, struct db_ids *ret,
			     struct err *err);
/* What a complete set holds: `files` (a SHA-256) tells what it was read from, NULL:
 * it is to be read; `hash` and `alternate` are its content hash in both forms;
 * `hash` NULL: it has none. */
int db_contents_put(struct db *db, uint64_t id, const uint8_t *files, const uint8_t *hash,
		    const uint8_t *alternate, struct err *err);

struct db_contents {
	uint64_t set;
	uint8_t files[DIGEST_SHA256_SIZE];
};

/* All that were put, by number; caller frees. */
int db_contents_files(struct db *db, struct db_contents **ret, size_t *ret_n,
		      struct err *err);

/*
 * What the trees of the archives of a set made here looked like (backend/save.h).
 *
 * Put in the transaction that completes the set, so that it is recorded with it; gone as
 * soon as its file is forgotten.
 */
struct db_fingerprint {
	const char *app, *member; /* the snapshot's name, "user/alice.tgz" */
	const uint8_t *digest;    /* DIGEST_SHA256_SIZE bytes */
	const char *packing;      /* how it was compressed; to look for: NULL is any */
	/* To put: the zip: set, name, ino, size, mtime. */
	const struct store_file *file;
};

struct db_held_list {
	struct store_file *files; /* set, name, ino, size, mtime as they were put */
	size_t n;
};

/* All strings and the digest are borrowed during the call. */
int db_fingerprint_put(struct db *db, const struct db_fingerprint *f, struct err *err);
/* The files of complete sets that were saved here and hold such an archive,
 * newest set first, the first few.  Whether a file is still the one that was put
 * is for the caller to see. */
int db_fingerprint_find(struct db *db, const struct db_fingerprint *f,
			struct db_held_list *ret, struct err *err);
void db_held_list_done(struct db_held_list *list);
/* A file was found damaged: forgets what its archives looked like, and their likes in
 * other sets, which may share its blocks.  Best effort: who checks may be a reader. */
void db_fingerprint_drop_best_effort(struct db *db, uint64_t set, const char *file);

/* ---- Restores and undos ---- */

enum db_restore_kind {
	DB_RESTORE,
	DB_UNDO
};

struct db_restore {
	uint64_t id; /* given by the database, never again */
	enum db_restore_kind kind;
	uint64_t set; /* what was restored; of an undo: that of the restore it undoes */
	uint64_t undoes;    /* the restore that this one undoes; 0 */
	uint64_t undone_by; /* the undo to which the aside trees belong now; 0 */
	enum journal_state state;
	bool kept; /* made final by a person */
	int64_t created, expires;
	char *apps;   /* names, separated by single spaces */
	char *store;  /* path of a store that is not this database's; else NULL */
	char *root;   /* paths are below it; NULL: the root that the database lies in */
	void *detail; /* the caller's own: what an undo needs without the set */
	size_t detail_size;
};

struct db_restore_list {
	struct db_restore *restores; /* by id */
	size_t n;
};

struct db_item_list {
	struct journal_item *items; /* in their order */
	size_t n;
};

void db_restore_init(struct db_restore *r);
void db_restore_done(struct db_restore *r);
void db_restore_list_done(struct db_restore_list *list);
void db_item_list_done(struct db_item_list *list);

/* Inserts it; id, state (preparing), undone_by and kept of `r` are not looked at. */
int db_restore_insert(struct db *db, const struct db_restore *r, uint64_t *ret_id,
		      struct err *err);
int db_restore_get(struct db *db, uint64_t id, struct db_restore *ret, struct err *err);
int db_restores(struct db *db, struct db_restore_list *ret, struct err *err);
/* Preparing, linking, swapping, cleaning: what a crash left, or what runs now. */
int db_restores_unfinished(struct db *db, struct db_restore_list *ret, struct err *err);
/* Restored, and their time has come. */
int db_restores_expired(struct db *db, int64_t now, struct db_restore_list *ret,
			struct err *err);
/* Restored, neither undone nor kept: the newest.  What `undo` and `keep` take.
 * ERR_NOT_FOUND. */
int db_restore_last_undoable(struct db *db, struct db_restore *ret, struct err *err);

int db_restore_items(struct db *db, uint64_t id, struct db_item_list *ret,
		     struct err *err);
/* Items of all restores that are not closed: whose aside and staging names are ours. */
int db_aside_items(struct db *db, const char *root, struct db_item_list *ret,
		   struct err *err);

/*
 * Restores that stand on a target: swapping or restored, not taken over by an undo.
 * Paths meet where they are the same or one lies below the other.
 *
 * _obstacle: the first restore later than `id` that stands on one of its targets, or on
 * what lies above or below; *ret is initialised.  1 there is one, 0 there is none.
 * _pending: the first unfinished restore (of any id but `except`) that has one of the n
 * absolute paths among its targets in that sense.
 */
int db_restore_obstacle(struct db *db, uint64_t id, struct db_restore *ret,
			struct err *err);
int db_restore_pending(struct db *db, const char *root, const char *const *paths,
		       size_t n, uint64_t except, struct db_restore *ret,
		       struct err *err);

/*
 * The journal of one restore or undo for the backend, as long as the database is open; it
 * stays where it is.
 *
 * Where an undo advances to `swapping` the aside trees become its own in the same
 * transaction: the undone restore is closed, with undone_by set.  Where it goes back
 * from `swapping` (to linking or closed) they become the undone restore's again.  A
 * restore that is closed loses its items; an undone one loses them when the undo is
 * restored.
 */
struct db_journal {
	struct journal journal; /* whose ctx this is */
	struct db *db;
	uint64_t id;
};

void db_journal_init(struct db_journal *j, struct db *db, uint64_t id);

/* The state alone, by the rules above. ERR_NOT_FOUND. */
int db_restore_advance(struct db *db, uint64_t id, enum journal_state state,
		       struct err *err);
/* From restored to cleaning: the commit of `keep` (kept true) or of expiry; final.
 * ERR_NOT_FOUND: it is not restored, or undone. */
int db_restore_clean(struct db *db, uint64_t id, bool kept, struct err *err);
/* One that touched nothing live vanishes.  A missing one is a success. */
int db_restore_drop(struct db *db, uint64_t id, struct err *err);

/* ---- Who holds a lock (locks.h): best effort, not durable ---- */

struct db_holder {
	pid_t pid;
	uint64_t start; /* start time of the process, as /proc/PID/stat has it */
	char *verb;
};

/* Notes `holder` for each of the n locks; with `alone` the rows of others go. */
void db_holder_put_best_effort(struct db *db, const int64_t *locks, size_t n,
			       const struct db_holder *holder, bool alone);
void db_holder_drop_best_effort(struct db *db, const int64_t *locks, size_t n,
				const struct db_holder *holder);
/* All that are noted for a lock; caller frees with db_holders_done(). */
int db_holders(struct db *db, int64_t lock, struct db_holder **ret, size_t *ret_n,
	       struct err *err);
void db_holders_done(struct db_holder *holders, size_t n);

/* ---- What the zips of this store say (snapshot_pack()): best effort, without waiting
 * ---- */

/* True: filled *ret_meta (appended) or, for a broken one, *ret_broken (caller frees). */
bool db_cache_get(struct db *db, const struct store_file *file, struct buf *ret_meta,
		  char **ret_broken);
/* `meta` NULL: broken, because of `broken`.  A file that changed just now is not taken.
 * */
void db_cache_put_best_effort(struct db *db, const struct store_file *file,
			      const void *meta, size_t size, const char *broken);
/* Puts between the two are one transaction; false: the cache cannot be written now, and
 * there is nothing to end.  Much faster for many. */
bool db_cache_begin_best_effort(struct db *db);
void db_cache_end_best_effort(struct db *db);
/* Would a change of the file from now on show in its times?  Asked before it is read:
 * what was read of one that may change unseen is not put. */
bool db_cache_is_settled(const struct store_file *file);
/* Removes what belongs to no file of the list. */
void db_cache_prune_best_effort(struct db *db, const struct store_list *list);

#endif
