/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "backend/base/alloc.h"
#include "state/db_internal.h"

/* More than these need not be looked at: the newest one that is intact is the answer. */
#define LISTED_MAX 32
/* A writer is about to end; if not, the damage will be found again. */
#define DROP_WAIT_MS 1000

void db_held_list_done(struct db_held_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->files[i].name);
	free(list->files);
	*list = (struct db_held_list){ NULL, 0 };
}

/* db_fingerprint_put() within a transaction. */
static int put_row(struct db *db, const struct db_fingerprint *f, struct err *err)
{
	const struct store_file *file = f->file;

	return db_run(
		db,
		"INSERT INTO fingerprints (set_id, file, member, app, fingerprint, packing,"
		" ino, size, mtime_sec, mtime_nsec) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		DB_ARGS(DB_INT(file->set), DB_BYTES(file->name), DB_BYTES(f->member),
			DB_BYTES(f->app), DB_BLOB(f->digest, DIGEST_SHA256_SIZE),
			DB_TEXT(f->packing), DB_INT(file->ino), DB_INT(file->size),
			DB_INT(file->mtime_sec), DB_INT(file->mtime_nsec)),
		NULL, err);
}

int db_fingerprint_put(struct db *db, const struct db_fingerprint *f, struct err *err)
{
	bool own;

	if (db_enter(db, &own, err) < 0)
		return -1;
	return db_leave(db, own, put_row(db, f, err), err);
}

/* The file of a row. */
static int read_row(sqlite3_stmt *stmt, struct store_file *ret, struct err *err)
{
	*ret = (struct store_file){
		.set = (uint64_t)sqlite3_column_int64(stmt, 0),
		.ino = (uint64_t)sqlite3_column_int64(stmt, 2),
		.size = (uint64_t)sqlite3_column_int64(stmt, 3),
		.mtime_sec = sqlite3_column_int64(stmt, 4),
		.mtime_nsec = (uint32_t)sqlite3_column_int64(stmt, 5),
	};
	return db_column_str(stmt, 1, &ret->name, err);
}

int db_fingerprint_find(struct db *db, const struct db_fingerprint *f,
			struct db_held_list *ret, struct err *err)
{
	_cleanup_(db_held_list_done) struct db_held_list list = { NULL, 0 };
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	size_t cap = 0;
	int r;

	if (db_query(
		    db, &stmt,
		    "SELECT p.set_id, p.file, p.ino, p.size, p.mtime_sec, p.mtime_nsec"
		    " FROM fingerprints p JOIN sets s ON s.id = p.set_id"
		    " JOIN set_files f ON f.set_id = p.set_id AND f.name = p.file"
		    " WHERE p.app = ?1 AND p.member = ?2 AND p.fingerprint = ?3"
		    " AND (?4 IS NULL OR p.packing = ?4)"
		    " AND s.state = 'complete' AND s.origin = 'saved' AND f.state = 'present'"
		    " ORDER BY p.set_id DESC LIMIT ?5",
		    DB_ARGS(DB_BYTES(f->app), DB_BYTES(f->member),
			    DB_BLOB(f->digest, DIGEST_SHA256_SIZE), DB_TEXT(f->packing),
			    DB_INT(LISTED_MAX)),
		    err) < 0)
		return -1;
	while ((r = db_row(db, stmt, err)) > 0) {
		if (alloc_grow(&list.files, list.n, &cap, sizeof(*list.files), err) < 0 ||
		    read_row(stmt, &list.files[list.n], err) < 0)
			return -1;
		list.n++;
	}
	if (r < 0)
		return -1;
	*ret = list;
	list = (struct db_held_list){ NULL, 0 };
	return 0;
}

/* db_fingerprint_drop_best_effort() within a transaction. */
static int drop_rows(struct db *db, uint64_t set, const char *file, struct err *err)
{
	return db_run(db,
		      "DELETE FROM fingerprints WHERE (app, member, fingerprint) IN"
		      " (SELECT app, member, fingerprint FROM fingerprints"
		      "  WHERE set_id = ? AND file = ?)",
		      DB_ARGS(DB_INT(set), DB_BYTES(file)), NULL, err);
}

void db_fingerprint_drop_best_effort(struct db *db, uint64_t set, const char *file)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	bool own;

	if (!db_relax_begin(db, DROP_WAIT_MS))
		return;
	if (db_enter(db, &own, &ignored) == 0)
		(void)db_leave(db, own, drop_rows(db, set, file, &ignored), &ignored);
	db_relax_end(db);
}
