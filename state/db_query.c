/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"
#include "state/db_internal.h"

/* The kind of an I/O or open failure, by the errno behind it. */
static enum err_kind kind_of_system(int sys_errno)
{
	return sys_errno ? err_kind_of_errno(sys_errno) : ERR_IO;
}

/* What the caller can do about a result code. */
static enum err_kind kind_of(int rc, int sys_errno)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return ERR_BUSY;
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	case SQLITE_FULL:
	case SQLITE_TOOBIG:
		return ERR_NO_SPACE;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return ERR_DENIED;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return kind_of_system(sys_errno);
	case SQLITE_CONSTRAINT:
		return rc == SQLITE_CONSTRAINT_UNIQUE ||
				       rc == SQLITE_CONSTRAINT_PRIMARYKEY
			       ? ERR_EXISTS
			       : ERR_CORRUPT;
	case SQLITE_ERROR:
		/* A pragma that is read as a table hides what failed within it.  Else:
		 * the statements are fixed, the tables must be other ones. */
		return sys_errno ? kind_of_system(sys_errno) : ERR_CORRUPT;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
	case SQLITE_SCHEMA:
	case SQLITE_MISMATCH:
		return ERR_CORRUPT;
	default:
		return ERR_IO;
	}
}

/* SQLite tries a file that it cannot make once more for reading alone: of a
 * full disk nothing but ENOENT is left.  The errno of making another file;
 * EIO: that could be made. */
static int why_not_made(const struct db *db)
{
	_cleanup_close_ int fd = sys_openat(db->dirfd, ".", O_TMPFILE | O_RDWR, 0600);

	return fd < 0 && (errno == ENOSPC || errno == EDQUOT) ? errno : EIO;
}

int db_fail(struct db *db, int rc, struct err *err)
{
	const char *text = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc);
	int sys_errno = db->handle ? sqlite3_system_errno(db->handle) : 0;
	enum err_kind kind;

	if ((rc & 0xff) == SQLITE_CANTOPEN && sys_errno == ENOENT && db->writable)
		sys_errno = why_not_made(db);
	kind = kind_of(rc, sys_errno);
	if (kind == ERR_NOMEM)
		return err_nomem(err);
	if (kind == ERR_BUSY)
		return err_set(err, kind, "database %s is busy", q(db->name));
	if (kind == kind_of_system(sys_errno) && sys_errno)
		return err_errnum(err, sys_errno, "database %s: %s", q(db->name), text);
	return err_set(err, kind, "database %s: %s", q(db->name), text);
}

int db_bind(struct db *db, sqlite3_stmt *stmt, const struct db_arg *args, size_t n,
	    struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct db_arg *a = &args[i];
		int at = (int)i + 1, rc;

		if (a->type == DB_ARG_INT)
			rc = sqlite3_bind_int64(stmt, at, a->i);
		else if (!a->p)
			rc = sqlite3_bind_null(stmt, at);
		else if (a->type == DB_ARG_TEXT)
			rc = sqlite3_bind_text(stmt, at, a->p, -1, SQLITE_STATIC);
		else
			rc = sqlite3_bind_blob64(stmt, at, a->p, a->n, SQLITE_STATIC);
		if (rc != SQLITE_OK)
			return db_fail(db, rc, err);
	}
	return 0;
}

int db_query(struct db *db, sqlite3_stmt **ret, const char *sql,
	     const struct db_arg *args, size_t n, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);

	if (rc != SQLITE_OK)
		return db_fail(db, rc, err);
	if (db_bind(db, stmt, args, n, err) < 0)
		return -1;
	*ret = TAKE_PTR(stmt);
	return 0;
}

int db_row(struct db *db, sqlite3_stmt *stmt, struct err *err)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : db_fail(db, rc, err);
}

int db_run(struct db *db, const char *sql, const struct db_arg *args, size_t n,
	   uint64_t *ret_changed, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r;

	if (db_query(db, &stmt, sql, args, n, err) < 0)
		return -1;
	/* Some pragmas answer with a row, which is of no interest here. */
	while ((r = db_row(db, stmt, err)) > 0)
		;
	if (r < 0)
		return -1;
	if (ret_changed)
		*ret_changed = (uint64_t)sqlite3_changes64(db->handle);
	return 0;
}

int db_scalar(struct db *db, const char *sql, const struct db_arg *args, size_t n,
	      int64_t *ret, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r;

	if (db_query(db, &stmt, sql, args, n, err) < 0)
		return -1;
	r = db_row(db, stmt, err);
	if (r < 0)
		return -1;
	*ret = r ? sqlite3_column_int64(stmt, 0) : 0;
	return 0;
}

int db_column_str(sqlite3_stmt *stmt, int column, char **ret, struct err *err)
{
	const char *p;
	char *copy;

	if (sqlite3_column_type(stmt, column) == SQLITE_NULL) {
		*ret = NULL;
		return 0;
	}
	/* An empty blob is a null pointer, too. */
	p = sqlite3_column_blob(stmt, column);
	copy = alloc_strndup(p ? p : "", (size_t)sqlite3_column_bytes(stmt, column), err);
	if (!copy)
		return -1;
	*ret = copy;
	return 0;
}

int db_column_enum(struct db *db, sqlite3_stmt *stmt, int column,
		   const char *const *names, size_t n, unsigned *ret, struct err *err)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	for (size_t i = 0; text && i < n; i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (unsigned)i;
			return 0;
		}
	}
	return err_set(err, ERR_CORRUPT, "database %s: unknown %s %s", q(db->name),
		       sqlite3_column_name(stmt, column), q(text));
}

/* Gives up a transaction, if there is one.  Even that takes memory, which may be there
 * the second time: what stayed open would be in the way of all that follows. */
static void roll_back(struct db *db)
{
	for (int i = 0; i < 2 && !sqlite3_get_autocommit(db->handle); i++)
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

int db_begin(struct db *db, struct err *err)
{
	if (!db->writable)
		return err_set(err, ERR_DENIED, "database %s cannot be written",
			       q(db->name));
	if (db_run(db, "BEGIN IMMEDIATE", DB_NO_ARGS, NULL, err) < 0)
		return -1;
	db->in_transaction = true;
	return 0;
}

int db_commit(struct db *db, struct err *err)
{
	if (db_run(db, "COMMIT", DB_NO_ARGS, NULL, err) < 0) {
		db_rollback(db);
		return -1;
	}
	db->in_transaction = false;
	return 0;
}

void db_rollback(struct db *db)
{
	db->in_transaction = false;
	roll_back(db);
}

void db_read_begin_best_effort(struct db *db)
{
	if (!db->in_transaction && !db->reading)
		db->reading =
			sqlite3_exec(db->handle, "BEGIN", NULL, NULL, NULL) == SQLITE_OK;
}

bool db_read_end(struct db *db)
{
	bool reading = db->reading;

	if (reading)
		roll_back(db);
	db->reading = false;
	return reading;
}

int db_enter(struct db *db, bool *ret_own, struct err *err)
{
	if (!db->in_transaction) {
		if (db_begin(db, err) < 0)
			return -1;
		*ret_own = true;
		return 0;
	}
	/* SQLite itself rolls back after some failures: what the caller began is gone,
	 * and the rest of it must not be done alone. */
	if (sqlite3_get_autocommit(db->handle))
		return err_set(err, ERR_IO, "database %s: the transaction was given up",
			       q(db->name));
	*ret_own = false;
	return 0;
}

int db_leave(struct db *db, bool own, int result, struct err *err)
{
	if (!own)
		return result;
	if (result < 0) {
		db_rollback(db);
		return -1;
	}
	return db_commit(db, err);
}

bool db_relax_begin(struct db *db, int wait_ms)
{
	if (!db->writable)
		return false;
	/* Within the caller's transaction it is simply part of that: neither can be
	 * changed. */
	if (db->in_transaction)
		return true;
	sqlite3_busy_timeout(db->handle, wait_ms);
	sqlite3_exec(db->handle, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
	return true;
}

void db_relax_end(struct db *db)
{
	if (db->in_transaction)
		return;
	sqlite3_exec(db->handle, "PRAGMA synchronous=FULL", NULL, NULL, NULL);
	sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
}
