/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "state/db_internal.h"

/* One UPDATE or DELETE; tells how many rows it changed. */
static int change(struct db *db, const char *sql, uint64_t a, uint64_t b, uint64_t *ret,
		  struct err *err)
{
	return db_run(db, sql, DB_ARGS(DB_INT(a), DB_INT(b)), ret, err);
}

/* The aside trees become those of undo `id`. */
static int take_over(struct db *db, uint64_t id, uint64_t undoes, struct err *err)
{
	uint64_t changed;

	if (change(db,
		   "UPDATE restores SET state = 'closed', undone_by = ?1"
		   " WHERE id = ?2 AND state = 'restored' AND undone_by = 0",
		   id, undoes, &changed, err) < 0)
		return -1;
	if (!changed)
		return err_set(err, ERR_REFUSED, "restore %llu can no longer be undone",
			       (unsigned long long)undoes);
	return 0;
}

/* The aside trees are those of the undone restore again. */
static int give_back(struct db *db, uint64_t id, uint64_t undoes, struct err *err)
{
	return change(db,
		      "UPDATE restores SET state = 'restored', undone_by = 0"
		      " WHERE id = ?2 AND undone_by = ?1",
		      id, undoes, NULL, err);
}

/* What an undo's change of state means for the restore that it undoes. */
static int pass_on(struct db *db, const struct db_restore *undo, enum journal_state state,
		   struct err *err)
{
	if (state == JOURNAL_SWAPPING && undo->state != JOURNAL_SWAPPING)
		return take_over(db, undo->id, undo->undoes, err);
	if (undo->state == JOURNAL_SWAPPING &&
	    (state == JOURNAL_PREPARING || state == JOURNAL_LINKING ||
	     state == JOURNAL_CLOSED))
		return give_back(db, undo->id, undo->undoes, err);
	if (state == JOURNAL_RESTORED)
		return db_items_replace(db, undo->undoes, NULL, 0, err);
	return 0;
}

/* Sets the state, and does what goes with it, within a transaction. */
static int set_state(struct db *db, uint64_t id, enum journal_state state,
		     struct err *err)
{
	_cleanup_(db_restore_done) struct db_restore r;

	db_restore_init(&r);
	if (db_restore_get(db, id, &r, err) < 0)
		return -1;
	if (r.kind == DB_UNDO && pass_on(db, &r, state, err) < 0)
		return -1;
	if (state == JOURNAL_CLOSED && db_items_replace(db, id, NULL, 0, err) < 0)
		return -1;
	return db_run(db, "UPDATE restores SET state = ? WHERE id = ?",
		      DB_ARGS(DB_TEXT(journal_state_name(state)), DB_INT(id)), NULL, err);
}

int db_restore_advance(struct db *db, uint64_t id, enum journal_state state,
		       struct err *err)
{
	bool own;

	if (db_enter(db, &own, err) < 0)
		return -1;
	return db_leave(db, own, set_state(db, id, state, err), err);
}

/* Items, then state: the state may have to take the items away. */
static int put_items(struct db *db, uint64_t id, const struct journal_item *items,
		     size_t n, enum journal_state state, struct err *err)
{
	if (db_items_replace(db, id, items, n, err) < 0)
		return -1;
	return set_state(db, id, state, err);
}

/* journal.put */
static int put(void *ctx, const struct journal_item *items, size_t n,
	       enum journal_state state, struct err *err)
{
	const struct db_journal *j = ctx;
	bool own;

	if (db_enter(j->db, &own, err) < 0)
		return -1;
	return db_leave(j->db, own, put_items(j->db, j->id, items, n, state, err), err);
}

/* journal.advance */
static int advance(void *ctx, enum journal_state state, struct err *err)
{
	const struct db_journal *j = ctx;

	return db_restore_advance(j->db, j->id, state, err);
}

void db_journal_init(struct db_journal *j, struct db *db, uint64_t id)
{
	*j = (struct db_journal){ { put, advance, j }, db, id };
}

/* ---- Other ends of a restore ---- */

/* A change of one restore by (value, id), as a transaction; ERR_NOT_FOUND if it hits
 * none. */
static int change_one(struct db *db, const char *sql, uint64_t value, uint64_t id,
		      struct err *err)
{
	uint64_t changed;
	bool own;
	int r;

	if (db_enter(db, &own, err) < 0)
		return -1;
	r = change(db, sql, value, id, &changed, err);
	if (r == 0 && !changed)
		r = db_no_such_restore(id, err);
	return db_leave(db, own, r, err);
}

int db_restore_clean(struct db *db, uint64_t id, bool kept, struct err *err)
{
	return change_one(db,
			  "UPDATE restores SET state = 'cleaning', kept = ?"
			  " WHERE id = ? AND state = 'restored' AND undone_by = 0",
			  kept, id, err);
}

int db_restore_drop(struct db *db, uint64_t id, struct err *err)
{
	bool own;

	if (db_enter(db, &own, err) < 0)
		return -1;
	return db_leave(db, own,
			db_run(db,
			       "DELETE FROM restores WHERE id = ?"
			       " AND state IN ('preparing', 'linking')",
			       DB_ARGS(DB_INT(id)), NULL, err),
			err);
}
