/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/recovery_internal.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "state/pool.h"
#include "state/restores.h"

struct settling {
	struct recovering *v;
	const struct db_restore *row;
	struct db_item_list items;
	struct pool pool;
	struct restore_options options;
	struct journal journal;
};

/* A restore that had not begun to swap: it never happened. An undo's aside trees are those of
 * the restore that it was to undo, and stay with it. */
static int drop(struct settling *t, struct err *err)
{
	if (t->row->kind == DB_RESTORE &&
	    restore_abandon(t->items.items, t->items.n, &t->options, err) < 0)
		return -1;
	return db_restore_drop(t->v->session->db, t->row->id, err);
}

/* One that had begun to swap: forward; if an item cannot, all back. */
static int go_on(struct settling *t, const char **ret_what, struct err *err)
{
	_cleanup_(err_clear) struct err why = ERR_INIT;
	struct journal *j = &t->journal;

	if (restore_forward(t->items.items, t->items.n, &t->options, &why) == 0) {
		if (t->row->kind == DB_UNDO &&
		    restore_remove_parents(t->items.items, t->items.n, &t->options, err) < 0)
			return -1;
		*ret_what = "was interrupted and was completed";
		return j->advance(j->ctx, JOURNAL_RESTORED, err);
	}
	/* What is missing for now (a home, a file system) may come back. */
	if (!err_is(&why, ERR_CHANGED))
		return err_move(err, &why);
	if (restore_backward(t->items.items, t->items.n, &t->options, err) < 0 ||
	    j->advance(j->ctx, t->row->kind == DB_UNDO ? JOURNAL_LINKING : JOURNAL_PREPARING,
		       err) < 0)
		return -1;
	*ret_what = "was interrupted and was put back";
	return drop(t, err);
}

/* Keep or expiry: the rest of what rests aside. */
static int go_on_cleaning(struct settling *t, struct err *err)
{
	if (restore_clean(t->items.items, t->items.n, t->row->kind == DB_UNDO, &t->options, NULL,
			  err) < 0)
		return -1;
	return db_restore_advance(t->v->session->db, t->row->id, JOURNAL_CLOSED, err);
}

/* By the state that the journal tells. */
static int settle(struct settling *t, const char **ret_what, struct err *err)
{
	switch (t->row->state) {
	case JOURNAL_PREPARING:
	case JOURNAL_LINKING:
		*ret_what = "had changed nothing yet and was dropped";
		return drop(t, err);
	case JOURNAL_SWAPPING:
		return go_on(t, ret_what, err);
	case JOURNAL_CLEANING:
		*ret_what = "the rest of what it had moved aside was removed";
		return go_on_cleaning(t, err);
	case JOURNAL_RESTORED:
	case JOURNAL_CLOSED:
		break;
	}
	return 0;
}

/* With the stragglers gone and the lock held. */
static int settle_locked(struct recovering *v, const struct db_restore *row, const char **ret_what,
			 struct err *err)
{
	struct session *s = v->session;
	struct settling t = { .v = v, .row = row };
	int r;

	pool_init(&t.pool, s);
	pool_bind(&t.pool, row->id); /* whoever recovers after this run waits for its workers */
	t.options = (struct restore_options){ .workers = &t.pool.callbacks,
					      .observer = s->observer };
	r = db_restore_items(s->db, row->id, &t.items, err);
	if (r == 0)
		r = db_journal(s->db, row->id, &t.journal, err);
	if (r == 0) {
		r = settle(&t, ret_what, err);
		db_journal_done(&t.journal);
	}
	pool_done(&t.pool);
	db_item_list_done(&t.items);
	return r;
}

/* Is it of this root? Those of others wait for whoever opens theirs. */
static bool is_here(const struct session *s, const struct db_restore *row)
{
	if (!s->root_key || !row->root)
		return s->root_key == row->root;
	return strcmp(s->root_key, row->root) == 0;
}

/* settle_locked() by the row as it is now that the locks are held: what was read before, its
 * own process may have brought to an end meanwhile, and then nothing rests for recovery.
 * 1, or 0 where nothing was to be done. */
static int settle_now(struct recovering *v, uint64_t id, const char **ret_what, struct err *err)
{
	_cleanup_(db_restore_done) struct db_restore row;

	db_restore_init(&row);
	if (db_restore_get(v->session->db, id, &row, err) < 0) {
		if (!err_is(err, ERR_NOT_FOUND))
			return -1;
		err_clear(err); /* its process dropped it */
		return 0;
	}
	if (row.state == JOURNAL_RESTORED || row.state == JOURNAL_CLOSED)
		return 0;
	return settle_locked(v, &row, ret_what, err) < 0 ? -1 : 1;
}

static char *restore_object(const struct db_restore *r, struct err *err)
{
	return alloc_printf(err, "%s %llu", r->kind == DB_UNDO ? "undo" : "restore",
			    (unsigned long long)r->id);
}

/* One unfinished restore or undo. Its apps' locks tell whether it lives. */
static int recover_restore(struct recovering *v, const struct db_restore *row, struct err *err)
{
	struct session *s = v->session;
	struct lock_wait wait = session_wait(s);
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	struct restore_locks locks = { 0 };
	const char *what = "";
	int r = restore_try_lock_apps(s, row->apps, &locks, err);

	if (r <= 0)
		return r;
	r = locks_wait_alive(s->locks, LOCK_KEY_ALIVE_RESTORE(row->id), &wait, &problem);
	if (r == 0) {
		/* Nobody starts new ones: that takes the apps' locks, which are held here. */
		locks_drop(s->locks, LOCK_KEY_ALIVE_RESTORE(row->id));
		r = settle_now(v, row->id, &what, &problem);
	}
	restore_unlock(s, &locks);
	if (r == 0)
		return 0;
	if (r < 0 && recovery_is_final(&problem))
		return err_move(err, &problem);
	if (r < 0)
		return recovery_left(v, restore_object(row, err), &problem, err);
	return recovery_repaired(v, restore_object(row, err), what, err);
}

int recovery_restores(struct recovering *v, struct err *err)
{
	struct db_restore_list list = { 0 };
	int r = db_restores_unfinished(v->session->db, &list, err);

	/* Newest first: an undo before what it undoes. */
	for (size_t i = list.n; r >= 0 && i > 0; i--)
		if (is_here(v->session, &list.restores[i - 1]))
			r = recover_restore(v, &list.restores[i - 1], err);
	db_restore_list_done(&list);
	return r < 0 ? -1 : 0;
}
