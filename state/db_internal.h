/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_DB_INTERNAL_H
#define SETASIDE_DB_INTERNAL_H

/*
 * db_internal: what the files of db share: the connection, statements, writes.
 *
 * A statement is prepared with its arguments bound by db_query(), stepped by db_row(),
 * and finalised by its cleanup attribute.  What only changes something goes through
 * db_run().
 *
 * Every change stands between db_enter() and db_leave(), which make a transaction of
 * their own where the caller has not begun one:
 *
 *	if (db_enter(db, &own, err) < 0)
 *		return -1;
 *	return db_leave(db, own, change(db, ..., err), err);
 */

#include <sqlite3.h>

#include "state/db.h"

#define DB_BUSY_MS      10000 /* how long a write waits for those of others */
#define DB_VFS_NAME_MAX 48
#define DB_PATH_MAX     48
/* Of 32 KiB each, for 4096 pages of the log. */
#define DB_LOOK_PARTS_MAX 64

struct db {
	sqlite3 *handle;
	sqlite3_vfs vfs; /* SQLite's own, but for the paths: see db_vfs.c */
	char vfs_name[DB_VFS_NAME_MAX];
	char path[DB_PATH_MAX]; /* through /proc/self/fd */
	int dirfd;
	char *name; /* for messages */
	bool writable;
	bool look; /* see db_look.c */
	sqlite3_io_methods
		methods; /* of the database's file, but for the index of the log */
	const sqlite3_io_methods *base_methods; /* what they were */
	void *look_parts[DB_LOOK_PARTS_MAX];    /* of that index */
	bool in_transaction;                    /* between db_begin() and db_commit() */
	bool reading; /* between db_read_begin_best_effort() and db_read_end() */
	sqlite3_stmt *cache_get;
};

/* db_vfs.c */
int db_vfs_register(struct db *db, struct err *err);
void db_vfs_unregister(struct db *db);
/* Gives the file a copy of its methods, to be changed: db->methods. */
void db_vfs_own_methods(struct db *db, sqlite3_file *file);
/* The connection to which a file with such methods belongs. */
struct db *db_vfs_connection(sqlite3_file *file);

/* db_index.c: the index that connections share, without holes. */
void db_index_fill(struct db *db, sqlite3_file *file);

/* db_look.c: xOpen of a connection that only looks. */
int db_look_open(struct db *db, sqlite3_file *file, const char *name, int flags,
		 int *ret_flags);

#ifdef ENABLE_FAULTS
/* db_faults.c: SQLite's memory (before it is started), calls, and the syncs of a file
 * just opened, as points of backend/base/fault.h. */
void db_faults_memory(void);
void db_faults_calls(sqlite3_vfs *vfs);
void db_faults_sync(sqlite3_file *file);
#endif

/* db_schema.c: ERR_NOT_FOUND: the file is empty (for DB_READ). */
int db_schema_prepare(struct db *db, enum db_mode mode, struct err *err);

/* ---- db_query.c ---- */

enum db_arg_type {
	DB_ARG_INT,
	DB_ARG_TEXT,
	DB_ARG_BLOB
};

struct db_arg {
	enum db_arg_type type;
	int64_t i;
	const void *p; /* NULL is SQL's NULL */
	size_t n;
};

#define DB_INT(v)                                                                        \
 {                                                                                       \
  DB_ARG_INT, (int64_t)(v), NULL, 0                                                      \
 }
#define DB_TEXT(s)                                                                       \
 {                                                                                       \
  DB_ARG_TEXT, 0, (s), 0                                                                 \
 }
#define DB_BLOB(p, n)                                                                    \
 {                                                                                       \
  DB_ARG_BLOB, 0, (p), (n)                                                               \
 }
/* A string of any bytes, stored as a blob. */
#define DB_BYTES(s)                                                                      \
 {                                                                                       \
  DB_ARG_BLOB, 0, (s), (s) ? strlen(s) : 0                                               \
 }

#define DB_ARGS(...)                                                                     \
 (const struct db_arg[]){ __VA_ARGS__ },                                                 \
	 sizeof((const struct db_arg[]){ __VA_ARGS__ }) / sizeof(struct db_arg)
#define DB_NO_ARGS NULL, 0

static inline void db_stmt_done(sqlite3_stmt **stmt)
{
	sqlite3_finalize(*stmt);
	*stmt = NULL;
}

#define _cleanup_stmt_ _cleanup_(db_stmt_done)

/* The one adapter from SQLite's result codes; returns -1. */
int db_fail(struct db *db, int rc, struct err *err);

/* Strings and blobs of the arguments must live until the statement is finalised. */
int db_query(struct db *db, sqlite3_stmt **ret, const char *sql,
	     const struct db_arg *args, size_t n, struct err *err);
int db_bind(struct db *db, sqlite3_stmt *stmt, const struct db_arg *args, size_t n,
	    struct err *err);
/* 1 a row, 0 the end, -1. */
int db_row(struct db *db, sqlite3_stmt *stmt, struct err *err);
/* Runs a statement that gives no rows; *ret_changed (may be NULL): how many rows it
 * changed. */
int db_run(struct db *db, const char *sql, const struct db_arg *args, size_t n,
	   uint64_t *ret_changed, struct err *err);
/* The integer in the first column of the first row; 0 where there is none. */
int db_scalar(struct db *db, const char *sql, const struct db_arg *args, size_t n,
	      int64_t *ret, struct err *err);

/* A copy of a text or blob column as a string; NULL for SQL's NULL. */
int db_column_str(sqlite3_stmt *stmt, int column, char **ret, struct err *err);
/* The index of a column's text among n names; ERR_CORRUPT if it is none of them. */
int db_column_enum(struct db *db, sqlite3_stmt *stmt, int column,
		   const char *const *names, size_t n, unsigned *ret, struct err *err);

int db_enter(struct db *db, bool *ret_own, struct err *err);
int db_leave(struct db *db, bool own, int result, struct err *err);

/* db_sets.c */
const char *db_file_state_name(enum db_file_state state);
/* ERR_NOT_FOUND, with the one text for it. */
int db_no_such_set(uint64_t id, struct err *err);

/* db_restores.c */
int db_no_such_restore(uint64_t id, struct err *err);
/* Within a transaction. */
int db_items_replace(struct db *db, uint64_t id, const struct journal_item *items,
		     size_t n, struct err *err);

/* Writes that may be lost, and that give way: no sync, and at most `wait_ms` for others.
 * False where nothing can be written.  Each true is followed by db_relax_end(). */
bool db_relax_begin(struct db *db, int wait_ms);
void db_relax_end(struct db *db);

#endif
