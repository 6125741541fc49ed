/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/db.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "state/db_internal.h"

#define RANDOM_LENGTH 9

/* A stranger's database is not parsed with the caller's rights. */
static int check_owner(const struct stat *st, const char *what, struct err *err)
{
	if (st->st_uid == geteuid() || st->st_uid == 0)
		return 0;
	return err_set(err, ERR_DENIED, "%s belongs to another user (%u)", q(what),
		       (unsigned)st->st_uid);
}

/* The file as it is; ERR_NOT_FOUND. */
static int examine(struct db *db, struct stat *ret, struct err *err)
{
	if (sys_fstatat(db->dirfd, DB_FILE, ret, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return err_set(err, ERR_NOT_FOUND, "there is no database %s",
				       q(db->name));
		return err_errno(err, "cannot examine database %s", q(db->name));
	}
	if (!S_ISREG(ret->st_mode))
		return err_set(err, ERR_CORRUPT, "database %s is not a regular file",
			       q(db->name));
	return check_owner(ret, db->name, err);
}

/* An empty file with the right mode, which SQLite would not give it. */
static int create(struct db *db, struct err *err)
{
	int fd = sys_openat(db->dirfd, DB_FILE, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
			    0600);

	/* Another process was faster: just as well.  It must not be opened here, since
	 * closing it would take away the locks that a connection of this process has. */
	if (fd < 0 && errno == EEXIST)
		return 0;
	if (fd < 0)
		return err_errno(err, "cannot create database %s", q(db->name));
	return fd_close(&fd, err) < 0 ? err_wrap(err, "database %s", q(db->name)) : 0;
}

/* Makes sure that there is a file that may be opened. */
static int find_file(struct db *db, enum db_mode mode, struct err *err)
{
	struct stat st;

	if (sys_fstat(db->dirfd, &st) < 0)
		return err_errno(err, "cannot examine the directory of %s", q(db->name));
	if (check_owner(&st, db->name, err) < 0)
		return err_wrap(err, "directory of the database");
	if (examine(db, &st, err) == 0)
		return 0;
	if (mode != DB_WRITE || !err_is(err, ERR_NOT_FOUND))
		return -1;
	err_clear(err);
	if (create(db, err) < 0)
		return -1;
	return examine(db, &st, err);
}

/* On a read-only file system nothing can be made that a WAL database needs beside it. */
static bool is_on_read_only(struct db *db)
{
	struct statvfs vfs;

	return sys_fstatvfs(db->dirfd, &vfs) == 0 && vfs.f_flag & ST_RDONLY;
}

/* SQLite has opened for reading what it could not open for writing, whatever the
 * reason.  (The file is not opened here to learn it: closing it would drop the locks
 * of other connections.) */
static int not_writable(const struct db *db, struct err *err)
{
	bool allowed = sys_faccessat(db->dirfd, DB_FILE, W_OK,
				     AT_EACCESS | AT_SYMLINK_NOFOLLOW) == 0;

	return err_set(err, allowed ? ERR_IO : ERR_DENIED,
		       "database %s cannot be written", q(db->name));
}

/* Opens the connection; what fails here is told by the handle, too. */
static int connect_file(struct db *db, enum db_mode mode, struct err *err)
{
	int rc;

	snprintf(db->path, sizeof(db->path), "/proc/self/fd/%d/" DB_FILE, db->dirfd);
	db->look = mode == DB_LOOK || (mode == DB_READ && is_on_read_only(db));
	/* Where the file cannot be written SQLite opens it for reading by itself. */
	rc = sqlite3_open_v2(db->path, &db->handle,
			     db->look ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE,
			     db->vfs_name);
	if (rc != SQLITE_OK)
		return db_fail(db, rc, err);
	db->writable = sqlite3_db_readonly(db->handle, "main") == 0;
	if (mode == DB_WRITE && !db->writable)
		return not_writable(db, err);
	return 0;
}

/* All of opening, into a zeroed object. */
static int open_into(struct db *db, int dirfd, const char *dir, enum db_mode mode,
		     struct err *err)
{
	db->name = alloc_printf(err, "%s/" DB_FILE, dir);
	if (!db->name)
		return -1;
	db->dirfd = sys_dup(dirfd);
	if (db->dirfd < 0)
		return err_errno(err, "cannot open database %s", q(db->name));
	if (find_file(db, mode, err) < 0 || db_vfs_register(db, err) < 0 ||
	    connect_file(db, mode, err) < 0)
		return -1;
	return db_schema_prepare(db, mode, err);
}

int db_open(int dirfd, const char *dir, enum db_mode mode, struct db **ret,
	    struct err *err)
{
	_cleanup_(db_closep) struct db *db = alloc_zero(1, sizeof(*db), err);

	if (!db)
		return -1;
	db->dirfd = -1;
	if (open_into(db, dirfd, dir, mode, err) < 0)
		return -1;
	*ret = TAKE_PTR(db);
	return 0;
}

/* Ends the connection, if there is one. */
static void disconnect(struct db *db)
{
	if (!db->handle)
		return;
	db_rollback(db);
	sqlite3_finalize(db->cache_get);
	db->cache_get = NULL;
	assert(sqlite3_next_stmt(db->handle, NULL) == NULL);
	sqlite3_close(db->handle);
	db->handle = NULL;
}

int db_look_again(struct db *db, struct err *err)
{
	if (!db->look)
		return 0;
	disconnect(db);
	if (connect_file(db, DB_LOOK, err) < 0)
		return -1;
	return db_schema_prepare(db, DB_LOOK, err);
}

void db_close(struct db *db)
{
	if (!db)
		return;
	disconnect(db);
	db_vfs_unregister(db);
	if (db->dirfd >= 0)
		sys_close_best_effort(db->dirfd);
	free(db->name);
	free(db);
}

bool db_is_writable(const struct db *db)
{
	return db->writable;
}

int db_check(struct db *db, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	const char *text;
	int r;

	if (db_query(db, &stmt, "PRAGMA integrity_check(1)", DB_NO_ARGS, err) < 0)
		return -1;
	r = db_row(db, stmt, err);
	if (r < 0)
		return -1;
	text = r ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
	if (!text || strcmp(text, "ok") != 0)
		return err_set(err, ERR_CORRUPT, "database %s is damaged: %s",
			       q(db->name), text ? text : "no answer");
	return 0;
}

/* Renames one file of the database; a missing one is no error. */
static int rename_aside(int dirfd, const char *suffix, const char *random,
			struct err *err)
{
	char from[64], to[64];

	snprintf(from, sizeof(from), DB_FILE "%s", suffix);
	snprintf(to, sizeof(to), DB_FILE ".damaged-%s%s", random, suffix);
	if (sys_renameat2(dirfd, from, dirfd, to, RENAME_NOREPLACE) < 0 &&
	    errno != ENOENT)
		return err_errno(err, "cannot rename %s", q(from));
	return 0;
}

int db_put_aside(int dirfd, char **ret_name, struct err *err)
{
	_cleanup_free_ char *name = NULL;
	char random[RANDOM_LENGTH + 1];
	struct stat st;

	if (sys_fstatat(dirfd, DB_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "cannot examine " DB_FILE);
	if (fd_random_name(random, RANDOM_LENGTH, err) < 0)
		return -1;
	name = alloc_printf(err, DB_FILE ".damaged-%s", random);
	if (!name)
		return -1;
	/* The database itself last: a new one must never meet an old -wal. */
	if (rename_aside(dirfd, "-shm", random, err) < 0 ||
	    rename_aside(dirfd, "-wal", random, err) < 0 ||
	    rename_aside(dirfd, "", random, err) < 0 || fd_sync(dirfd, err) < 0)
		return -1;
	*ret_name = TAKE_PTR(name);
	return 0;
}
