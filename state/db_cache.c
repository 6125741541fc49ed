/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/strings.h"
#include "state/db_internal.h"

/* Records of another version of this program may be packed in another way. */
#define MAKER PACKAGE_STRING

/* A file that changed less than this before it was looked at may change again without a
 * new time: the clock of file systems moves in steps of some milliseconds. */
#define SETTLED_NSEC 50000000LL

/* What tells that a file is still the one that was read.  The device is left out: its
 * number may change with a reboot. */
#define IDENTITY(f)                                                                      \
 DB_INT((f)->ino), DB_INT((f)->size), DB_INT((f)->mtime_sec), DB_INT((f)->mtime_nsec),   \
	 DB_INT((f)->ctime_sec), DB_INT((f)->ctime_nsec)

/* The statement of db_cache_get(), prepared once for each connection: `saved` runs it
 * for each file. */
static sqlite3_stmt *get_statement(struct db *db, struct err *err)
{
	if (!db->cache_get)
		(void)db_query(
			db, &db->cache_get,
			"SELECT meta, broken FROM cache WHERE name = ? AND maker = ?"
			" AND ino = ? AND size = ? AND mtime_sec = ? AND mtime_nsec = ?"
			" AND ctime_sec = ? AND ctime_nsec = ?",
			DB_NO_ARGS, err);
	return db->cache_get;
}

/* The row of the statement, if there is one. */
static bool take_row(struct db *db, sqlite3_stmt *stmt, struct buf *meta, char **broken,
		     struct err *err)
{
	if (db_row(db, stmt, err) <= 0)
		return false;
	if (sqlite3_column_type(stmt, 0) == SQLITE_NULL)
		return db_column_str(stmt, 1, broken, err) == 0 && *broken;
	return buf_add(meta, sqlite3_column_blob(stmt, 0),
		       (size_t)sqlite3_column_bytes(stmt, 0), err) == 0;
}

bool db_cache_get(struct db *db, const struct store_file *file, struct buf *ret_meta,
		  char **ret_broken)
{
	/* Whatever fails here, the file itself says the same. */
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	sqlite3_stmt *stmt = get_statement(db, &ignored);
	char *broken = NULL;
	bool found;

	if (!stmt)
		return false;
	found = db_bind(db, stmt,
			DB_ARGS(DB_BYTES(file->name), DB_TEXT(MAKER), IDENTITY(file)),
			&ignored) == 0 &&
		take_row(db, stmt, ret_meta, &broken, &ignored);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	if (found && broken)
		*ret_broken = broken;
	return found;
}

bool db_cache_is_settled(const struct store_file *file)
{
	struct timespec now;
	int64_t age;

	/* A time to come is that of another clock, and tells nothing. */
	if (sys_clock_gettime(CLOCK_REALTIME, &now) < 0 || file->ctime_sec > now.tv_sec)
		return false;
	if (file->ctime_sec < now.tv_sec - 1)
		return true;
	age = (now.tv_sec - file->ctime_sec) * 1000000000LL + now.tv_nsec -
	      file->ctime_nsec;
	return age > SETTLED_NSEC;
}

/* The row of a file, within a transaction. */
static int put_row(struct db *db, const struct store_file *file, const void *meta,
		   size_t size, const char *broken, struct err *err)
{
	return db_run(db,
		      "INSERT OR REPLACE INTO cache (name, maker, ino, size, mtime_sec,"
		      " mtime_nsec, ctime_sec, ctime_nsec, meta, broken)"
		      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		      DB_ARGS(DB_BYTES(file->name), DB_TEXT(MAKER), IDENTITY(file),
			      DB_BLOB(meta, size), DB_TEXT(broken)),
		      NULL, err);
}

void db_cache_put_best_effort(struct db *db, const struct store_file *file,
			      const void *meta, size_t size, const char *broken)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	bool own;

	if (!db_cache_is_settled(file) || !db_relax_begin(db, 0))
		return;
	if (db_enter(db, &own, &ignored) == 0)
		(void)db_leave(
			db, own,
			put_row(db, file, meta, size, meta ? NULL : broken, &ignored),
			&ignored);
	db_relax_end(db);
}

bool db_cache_begin_best_effort(struct db *db)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;

	if (db->in_transaction || !db_relax_begin(db, 0))
		return false;
	if (db_begin(db, &ignored) == 0)
		return true;
	db_relax_end(db);
	return false;
}

void db_cache_end_best_effort(struct db *db)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;

	(void)db_commit(db, &ignored);
	db_relax_end(db);
}

/* Order of two names for qsort() and bsearch(). */
static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of a list in byte order; the strings stay the list's. */
static const char **sorted_names(const struct store_list *list, struct err *err)
{
	const char **names = alloc_zero(list->n, sizeof(*names), err);

	if (!names)
		return NULL;
	for (size_t i = 0; i < list->n; i++)
		names[i] = list->files[i].name;
	qsort(names, list->n, sizeof(*names), compare_names);
	return names;
}

/* Appends the names that have a row but no file. */
static int find_stale(struct db *db, const char *const *names, size_t n,
		      struct strings *ret, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int r;

	if (db_query(db, &stmt, "SELECT name FROM cache", DB_NO_ARGS, err) < 0)
		return -1;
	while ((r = db_row(db, stmt, err)) > 0) {
		_cleanup_free_ char *name = NULL;

		if (db_column_str(stmt, 0, &name, err) < 0)
			return -1;
		if (name && !bsearch(&name, names, n, sizeof(*names), compare_names) &&
		    strings_add(ret, name, err) < 0)
			return -1;
	}
	return r;
}

/* Takes rows away, within a transaction. */
static int drop_rows(struct db *db, const struct strings *names, struct err *err)
{
	for (size_t i = 0; i < names->n; i++) {
		if (db_run(db, "DELETE FROM cache WHERE name = ?",
			   DB_ARGS(DB_BYTES(names->items[i])), NULL, err) < 0)
			return -1;
	}
	return 0;
}

void db_cache_prune_best_effort(struct db *db, const struct store_list *list)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	_cleanup_(strings_done) struct strings stale = STRINGS_INIT;
	_cleanup_free_ const char **names = sorted_names(list, &ignored);
	bool own;

	if (!names || find_stale(db, names, list->n, &stale, &ignored) < 0 ||
	    stale.n == 0 || !db_relax_begin(db, 0))
		return;
	if (db_enter(db, &own, &ignored) == 0)
		(void)db_leave(db, own, drop_rows(db, &stale, &ignored), &ignored);
	db_relax_end(db);
}
