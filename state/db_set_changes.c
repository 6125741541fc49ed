/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "backend/base/quote.h"
#include "state/db_internal.h"

/* ---- Numbers ---- */

int db_number_last(struct db *db, uint64_t *ret, struct err *err)
{
	int64_t last;

	if (db_scalar(db, "SELECT last FROM numbers WHERE name = 'set'", DB_NO_ARGS,
		      &last, err) < 0)
		return -1;
	*ret = (uint64_t)last;
	return 0;
}

/* Raises the last number; never lowers it. */
static int raise_number(struct db *db, uint64_t number, struct err *err)
{
	return db_run(db, "UPDATE numbers SET last = max(last, ?) WHERE name = 'set'",
		      DB_ARGS(DB_INT(number)), NULL, err);
}

/* db_number_take() within a transaction. */
static int take_number(struct db *db, uint64_t highest, uint64_t *ret, struct err *err)
{
	uint64_t last;

	if (db_number_last(db, &last, err) < 0)
		return -1;
	if (last < highest)
		last = highest;
	if (last >= SNAPSHOT_SET_MAX)
		return err_set(err, ERR_NO_SPACE,
			       "no set number is left: the last one was %llu",
			       (unsigned long long)last);
	if (raise_number(db, last + 1, err) < 0)
		return -1;
	*ret = last + 1;
	return 0;
}

int db_number_take(struct db *db, uint64_t highest_on_disk, uint64_t *ret,
		   struct err *err)
{
	uint64_t number = 0;
	bool own;

	if (db_enter(db, &own, err) < 0 ||
	    db_leave(db, own, take_number(db, highest_on_disk, &number, err), err) < 0)
		return -1;
	*ret = number;
	return 0;
}

/* ---- Inserting ---- */

/* ERR_EXISTS if another set than `id` has the name. */
static int check_name(struct db *db, uint64_t id, const char *name, struct err *err)
{
	int64_t other;

	if (!name)
		return 0;
	if (db_scalar(db, "SELECT id FROM sets WHERE name = ? AND id <> ?",
		      DB_ARGS(DB_TEXT(name), DB_INT(id)), &other, err) < 0)
		return -1;
	if (other)
		return err_set(err, ERR_EXISTS, "snapshot set %lld is named %s already",
			       (long long)other, q(name));
	return 0;
}

/* The row of a file. */
static int insert_file(struct db *db, uint64_t id, const char *name, const char *app,
		       enum db_file_state state, struct err *err)
{
	return db_run(db, "INSERT INTO set_files VALUES (?, ?, ?, ?)",
		      DB_ARGS(DB_INT(id), DB_BYTES(name), DB_TEXT(app),
			      DB_TEXT(db_file_state_name(state))),
		      NULL, err);
}

/* Rows of files. */
static int insert_files(struct db *db, uint64_t id, const struct db_file *files, size_t n,
			struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (insert_file(db, id, files[i].name, files[i].app, files[i].state,
				err) < 0)
			return -1;
	}
	return 0;
}

/* The row of the set itself. */
static int insert_row(struct db *db, const struct db_set *set, struct err *err)
{
	return db_run(
		db,
		"INSERT INTO sets (id, state, origin, name, note, reason, automatic,"
		" pinned, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		DB_ARGS(DB_INT(set->id), DB_TEXT(db_set_state_name(set->state)),
			DB_TEXT(db_set_origin_name(set->origin)), DB_TEXT(set->name),
			DB_TEXT(set->note), DB_TEXT(set->reason), DB_INT(set->automatic),
			DB_INT(set->pinned), DB_INT(set->created), DB_INT(set->expires)),
		NULL, err);
}

/* db_set_insert() within a transaction. */
static int insert_set(struct db *db, const struct db_set *set, struct err *err)
{
	int64_t taken;

	if (db_scalar(db, "SELECT id FROM sets WHERE id = ?", DB_ARGS(DB_INT(set->id)),
		      &taken, err) < 0)
		return -1;
	if (taken)
		return err_set(err, ERR_EXISTS, "there is a snapshot set %llu already",
			       (unsigned long long)set->id);
	if (check_name(db, set->id, set->name, err) < 0 || insert_row(db, set, err) < 0 ||
	    insert_files(db, set->id, set->files, set->n_files, err) < 0)
		return -1;
	return raise_number(db, set->id, err);
}

int db_set_insert(struct db *db, const struct db_set *set, struct err *err)
{
	bool own;

	if (db_enter(db, &own, err) < 0)
		return -1;
	return db_leave(db, own, insert_set(db, set, err), err);
}

/* ---- Changing ---- */

/* One UPDATE of one set, whose id is the last argument. */
static int change_set(struct db *db, uint64_t id, const char *sql,
		      const struct db_arg *args, size_t n, struct err *err)
{
	uint64_t changed;

	if (db_run(db, sql, args, n, &changed, err) < 0)
		return -1;
	return changed ? 0 : db_no_such_set(id, err);
}

/* change_set() as a transaction. */
static int change_alone(struct db *db, uint64_t id, const char *sql,
			const struct db_arg *args, size_t n, struct err *err)
{
	bool own;

	if (db_enter(db, &own, err) < 0)
		return -1;
	return db_leave(db, own, change_set(db, id, sql, args, n, err), err);
}

/* db_set_plan_file() within a transaction. */
static int plan_file(struct db *db, uint64_t id, const char *name, const char *app,
		     struct err *err)
{
	/* The state says who may; the UPDATE that changes nothing finds it out.  (Of the
	 * id it would look through all files that refer to it.) */
	if (change_set(db, id,
		       "UPDATE sets SET created = created WHERE id = ?"
		       " AND state IN ('saving', 'importing')",
		       DB_ARGS(DB_INT(id)), err) < 0)
		return -1;
	return insert_file(db, id, name, app, DB_FILE_PLANNED, err);
}

int db_set_plan_file(struct db *db, uint64_t id, const char *name, const char *app,
		     struct err *err)
{
	bool own;

	if (db_enter(db, &own, err) < 0)
		return -1;
	return db_leave(db, own, plan_file(db, id, name, app, err), err);
}

/* db_set_complete() within a transaction. */
static int complete_set(struct db *db, uint64_t id, struct err *err)
{
	if (change_set(db, id,
		       "UPDATE sets SET state = 'complete' WHERE id = ?"
		       " AND state IN ('saving', 'importing')",
		       DB_ARGS(DB_INT(id)), err) < 0)
		return -1;
	return db_run(db, "UPDATE set_files SET state = 'present' WHERE set_id = ?",
		      DB_ARGS(DB_INT(id)), NULL, err);
}

int db_set_complete(struct db *db, uint64_t id, struct err *err)
{
	bool own;

	if (db_enter(db, &own, err) < 0)
		return -1;
	return db_leave(db, own, complete_set(db, id, err), err);
}

int db_set_delete(struct db *db, uint64_t id, struct err *err)
{
	bool own;

	if (db_enter(db, &own, err) < 0)
		return -1;
	return db_leave(db, own,
			db_run(db, "DELETE FROM sets WHERE id = ?", DB_ARGS(DB_INT(id)),
			       NULL, err),
			err);
}

/* db_set_rename() within a transaction. */
static int rename_set(struct db *db, uint64_t id, const char *name, struct err *err)
{
	if (check_name(db, id, name, err) < 0)
		return -1;
	return change_set(db, id, "UPDATE sets SET name = ? WHERE id = ?",
			  DB_ARGS(DB_TEXT(name), DB_INT(id)), err);
}

int db_set_rename(struct db *db, uint64_t id, const char *name, struct err *err)
{
	bool own;

	if (db_enter(db, &own, err) < 0)
		return -1;
	return db_leave(db, own, rename_set(db, id, name, err), err);
}

int db_set_put_note(struct db *db, uint64_t id, const char *note, struct err *err)
{
	return change_alone(db, id, "UPDATE sets SET note = ? WHERE id = ?",
			    DB_ARGS(DB_TEXT(note), DB_INT(id)), err);
}

int db_set_pin(struct db *db, uint64_t id, bool pinned, struct err *err)
{
	return change_alone(db, id, "UPDATE sets SET pinned = ? WHERE id = ?",
			    DB_ARGS(DB_INT(pinned), DB_INT(id)), err);
}

int db_set_expire(struct db *db, uint64_t id, int64_t expires, struct err *err)
{
	return change_alone(db, id, "UPDATE sets SET expires = ? WHERE id = ?",
			    DB_ARGS(DB_INT(expires), DB_INT(id)), err);
}

int db_set_adopt(struct db *db, uint64_t id, struct err *err)
{
	return change_alone(db, id,
			    "UPDATE sets SET automatic = 0, expires = 0 WHERE id = ?",
			    DB_ARGS(DB_INT(id)), err);
}

/* ---- Forgetting ---- */

/* Notes the files that go. */
static int mark_going(struct db *db, uint64_t id, const char *const *names, size_t n,
		      struct err *err)
{
	if (n == 0)
		return db_run(db, "UPDATE set_files SET state = 'going' WHERE set_id = ?",
			      DB_ARGS(DB_INT(id)), NULL, err);
	for (size_t i = 0; i < n; i++) {
		uint64_t changed;

		if (db_run(db,
			   "UPDATE set_files SET state = 'going'"
			   " WHERE set_id = ? AND name = ?",
			   DB_ARGS(DB_INT(id), DB_BYTES(names[i])), &changed, err) < 0)
			return -1;
		if (!changed)
			return err_set(err, ERR_NOT_FOUND,
				       "snapshot set %llu has no file %s",
				       (unsigned long long)id, q(names[i]));
	}
	return 0;
}

/* db_set_forget() within a transaction. */
static int forget_files(struct db *db, uint64_t id, const char *const *names, size_t n,
			struct err *err)
{
	int64_t left;

	if (change_set(db, id,
		       "UPDATE sets SET state = 'forgetting' WHERE id = ?"
		       " AND state IN ('complete', 'forgetting')",
		       DB_ARGS(DB_INT(id)), err) < 0 ||
	    mark_going(db, id, names, n, err) < 0 ||
	    db_scalar(db,
		      "SELECT count(*) FROM set_files"
		      " WHERE set_id = ? AND state <> 'going'",
		      DB_ARGS(DB_INT(id)), &left, err) < 0)
		return -1;
	if (left)
		return 0;
	return change_set(db, id, "UPDATE sets SET name = NULL WHERE id = ?",
			  DB_ARGS(DB_INT(id)), err);
}

int db_set_forget(struct db *db, uint64_t id, const char *const *names, size_t n,
		  struct err *err)
{
	bool own;

	if (db_enter(db, &own, err) < 0)
		return -1;
	return db_leave(db, own, forget_files(db, id, names, n, err), err);
}

/* db_set_forgotten() within a transaction. */
static int drop_going(struct db *db, uint64_t id, bool *ret_gone, struct err *err)
{
	int64_t left;

	if (db_run(db, "DELETE FROM set_files WHERE set_id = ? AND state = 'going'",
		   DB_ARGS(DB_INT(id)), NULL, err) < 0 ||
	    db_scalar(db, "SELECT count(*) FROM set_files WHERE set_id = ?",
		      DB_ARGS(DB_INT(id)), &left, err) < 0)
		return -1;
	*ret_gone = left == 0;
	return change_set(db, id,
			  left ? "UPDATE sets SET state = 'complete'"
				 " WHERE id = ? AND state = 'forgetting'"
			       : "DELETE FROM sets WHERE id = ? AND state = 'forgetting'",
			  DB_ARGS(DB_INT(id)), err);
}

int db_set_forgotten(struct db *db, uint64_t id, bool *ret_gone, struct err *err)
{
	bool own, gone = false;

	if (db_enter(db, &own, err) < 0 ||
	    db_leave(db, own, drop_going(db, id, &gone, err), err) < 0)
		return -1;
	*ret_gone = gone;
	return 0;
}
