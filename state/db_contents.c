/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "state/db_internal.h"

/* Only complete sets count: the row of one that is being forgotten may still be there. */
#define SELECT_IDS                                                                       \
 "SELECT c.set_id FROM contents c JOIN sets s ON s.id = c.set_id"                        \
 " WHERE s.state = 'complete'"

/* All numbers that a statement gives. */
static int take_ids(struct db *db, sqlite3_stmt *stmt, struct db_ids *ret,
		    struct err *err)
{
	_cleanup_(db_ids_done) struct db_ids ids = { NULL, 0 };
	size_t cap = 0;
	int r;

	while ((r = db_row(db, stmt, err)) > 0) {
		if (alloc_grow(&ids.ids, ids.n, &cap, sizeof(*ids.ids), err) < 0)
			return -1;
		ids.ids[ids.n++] = (uint64_t)sqlite3_column_int64(stmt, 0);
	}
	if (r < 0)
		return -1;
	*ret = ids;
	ids = (struct db_ids){ NULL, 0 };
	return 0;
}

void db_ids_done(struct db_ids *ids)
{
	free(ids->ids);
	*ids = (struct db_ids){ NULL, 0 };
}

int db_contents_find(struct db *db, const uint8_t hash[DIGEST_SHA256_SIZE],
		     struct db_ids *ret, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;

	if (db_query(db, &stmt,
		     SELECT_IDS
		     " AND (c.hash = ?1 OR c.alternate = ?1) ORDER BY c.set_id",
		     DB_ARGS(DB_BLOB(hash, DIGEST_SHA256_SIZE)), err) < 0)
		return -1;
	return take_ids(db, stmt, ret, err);
}

int db_contents_without_hash(struct db *db, bool read, struct db_ids *ret,
			     struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;

	if (db_query(db, &stmt,
		     SELECT_IDS " AND c.hash IS NULL AND (?1 OR c.files = x'')"
				" ORDER BY c.set_id",
		     DB_ARGS(DB_INT(read)), err) < 0)
		return -1;
	return take_ids(db, stmt, ret, err);
}

int db_contents_put(struct db *db, uint64_t id, const uint8_t *files, const uint8_t *hash,
		    const uint8_t *alternate, struct err *err)
{
	bool own;

	if (db_enter(db, &own, err) < 0)
		return -1;
	/* A set that went meanwhile has no row, and gets none. */
	return db_leave(
		db, own,
		db_run(db,
		       "UPDATE contents SET files = ifnull(?, x''), hash = ?,"
		       " alternate = ? WHERE set_id = ?",
		       DB_ARGS(DB_BLOB(files, DIGEST_SHA256_SIZE),
			       DB_BLOB(hash, DIGEST_SHA256_SIZE),
			       DB_BLOB(hash ? alternate : NULL, DIGEST_SHA256_SIZE),
			       DB_INT(id)),
		       NULL, err),
		err);
}

int db_contents_files(struct db *db, struct db_contents **ret, size_t *ret_n,
		      struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	_cleanup_free_ struct db_contents *rows = NULL;
	size_t n = 0, cap = 0;
	int r;

	if (db_query(db, &stmt,
		     "SELECT set_id, files FROM contents WHERE files <> x''"
		     " ORDER BY set_id",
		     DB_NO_ARGS, err) < 0)
		return -1;
	while ((r = db_row(db, stmt, err)) > 0) {
		struct db_contents row = { .set = (uint64_t)sqlite3_column_int64(stmt,
										 0) };

		if (sqlite3_column_bytes(stmt, 1) == DIGEST_SHA256_SIZE)
			memcpy(row.files, sqlite3_column_blob(stmt, 1),
			       sizeof(row.files));
		if (alloc_grow(&rows, n, &cap, sizeof(*rows), err) < 0)
			return -1;
		rows[n++] = row;
	}
	if (r < 0)
		return -1;
	*ret = TAKE_PTR(rows);
	*ret_n = n;
	return 0;
}
