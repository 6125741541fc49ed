/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "backend/base/alloc.h"
#include "state/db_internal.h"

#define WAIT_MS 200

/* Rows for all locks, within a transaction. */
static int put_rows(struct db *db, const int64_t *locks, size_t n,
		    const struct db_holder *holder, bool alone, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (alone && db_run(db, "DELETE FROM holders WHERE lock = ?",
				    DB_ARGS(DB_INT(locks[i])), NULL, err) < 0)
			return -1;
		if (db_run(db, "INSERT OR REPLACE INTO holders VALUES (?, ?, ?, ?)",
			   DB_ARGS(DB_INT(locks[i]), DB_INT(holder->pid),
				   DB_INT(holder->start), DB_TEXT(holder->verb)),
			   NULL, err) < 0)
			return -1;
	}
	return 0;
}

/* Takes the rows of one process away, within a transaction. */
static int drop_rows(struct db *db, const int64_t *locks, size_t n,
		     const struct db_holder *holder, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (db_run(db,
			   "DELETE FROM holders WHERE lock = ? AND pid = ? AND start = ?",
			   DB_ARGS(DB_INT(locks[i]), DB_INT(holder->pid),
				   DB_INT(holder->start)),
			   NULL, err) < 0)
			return -1;
	}
	return 0;
}

void db_holder_put_best_effort(struct db *db, const int64_t *locks, size_t n,
			       const struct db_holder *holder, bool alone)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	bool own;

	if (!db_relax_begin(db, WAIT_MS))
		return;
	if (db_enter(db, &own, &ignored) == 0)
		(void)db_leave(db, own, put_rows(db, locks, n, holder, alone, &ignored),
			       &ignored);
	db_relax_end(db);
}

void db_holder_drop_best_effort(struct db *db, const int64_t *locks, size_t n,
				const struct db_holder *holder)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	bool own;

	if (!db_relax_begin(db, WAIT_MS))
		return;
	if (db_enter(db, &own, &ignored) == 0)
		(void)db_leave(db, own, drop_rows(db, locks, n, holder, &ignored),
			       &ignored);
	db_relax_end(db);
}

/* A row of holders. */
static int read_holder(sqlite3_stmt *stmt, struct db_holder *holder, struct err *err)
{
	holder->pid = (pid_t)sqlite3_column_int64(stmt, 0);
	holder->start = (uint64_t)sqlite3_column_int64(stmt, 1);
	return db_column_str(stmt, 2, &holder->verb, err);
}

int db_holders(struct db *db, int64_t lock, struct db_holder **ret, size_t *ret_n,
	       struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	struct db_holder *list = NULL;
	size_t n = 0, cap = 0;
	int r;

	if (db_query(db, &stmt, "SELECT pid, start, verb FROM holders WHERE lock = ?",
		     DB_ARGS(DB_INT(lock)), err) < 0)
		return -1;
	while ((r = db_row(db, stmt, err)) > 0) {
		if (alloc_grow(&list, n, &cap, sizeof(*list), err) < 0)
			goto fail;
		list[n++] = (struct db_holder){ 0, 0, NULL };
		if (read_holder(stmt, &list[n - 1], err) < 0)
			goto fail;
	}
	if (r < 0)
		goto fail;
	*ret = list;
	*ret_n = n;
	return 0;

fail:
	db_holders_done(list, n);
	return -1;
}

void db_holders_done(struct db_holder *holders, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(holders[i].verb);
	free(holders);
}
