/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/recovery_internal.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/stamp.h"
#include "state/pool.h"
#include "state/restores.h"
#include "state/retention.h"

static const struct recovery_words dropped = {
	"had changed nothing yet and was dropped",
	"has changed nothing yet and would be dropped",
};
static const struct recovery_words completed = {
	"was interrupted and was completed",
	"was interrupted and would be completed",
};
static const struct recovery_words put_back = {
	"was interrupted and was put back",
	"was interrupted and would be put back",
};
static const struct recovery_words cleaned = {
	"the rest of what it had moved aside was removed",
	"the rest of what it moved aside would be removed",
};

struct settling {
	struct recovering *v;
	const struct db_restore *row;
	struct db_item_list items;
	struct pool pool;
	struct restore_options options;
	struct db_journal journal;
};

/* The journal's next state, once what it stands for is done. */
static int advance(struct settling *t, enum journal_state state, struct err *err)
{
	if (!recovery_acts(t->v))
		return 0;
	return t->journal.journal.advance(t->journal.journal.ctx, state, err);
}

/* A restore that had not begun to swap: it never happened. An undo's aside trees are
 * those of the restore that it was to undo, and stay with it. */
static int drop(struct settling *t, struct err *err)
{
	if (t->row->kind == DB_RESTORE &&
	    restore_abandon(t->items.items, t->items.n, &t->options, err) < 0)
		return -1;
	if (!recovery_acts(t->v))
		return 0;
	return db_restore_drop(t->v->session->db, t->row->id, err);
}

/* One that had begun to swap: forward; if an item cannot, all back. */
static int go_on(struct settling *t, const struct recovery_words **ret_words,
		 struct err *err)
{
	_cleanup_(err_clear) struct err why = ERR_INIT;

	if (restore_forward(t->items.items, t->items.n, &t->options, &why) == 0) {
		if (t->row->kind == DB_UNDO &&
		    restore_remove_parents(t->items.items, t->items.n, &t->options, err) <
			    0)
			return -1;
		*ret_words = &completed;
		return advance(t, JOURNAL_RESTORED, err);
	}
	/* What is missing for now (a home, a file system) may come back. */
	if (!err_is(&why, ERR_CHANGED))
		return err_move(err, &why);
	if (restore_backward(t->items.items, t->items.n, &t->options, err) < 0 ||
	    advance(t, t->row->kind == DB_UNDO ? JOURNAL_LINKING : JOURNAL_PREPARING,
		    err) < 0)
		return -1;
	*ret_words = &put_back;
	/* What a look finds is still as it is before going back, and so
	 * says nothing of this. */
	return recovery_acts(t->v) ? drop(t, err) : 0;
}

/* Keep or expiry: the rest of what rests aside. */
static int go_on_cleaning(struct settling *t, struct err *err)
{
	if (restore_clean(t->items.items, t->items.n, t->row->kind == DB_UNDO,
			  &t->options, NULL, err) < 0)
		return -1;
	return advance(t, JOURNAL_CLOSED, err);
}

/* By the state that the journal tells. */
static int settle(struct settling *t, const struct recovery_words **ret_words,
		  struct err *err)
{
	switch (t->row->state) {
	case JOURNAL_PREPARING:
	case JOURNAL_LINKING:
		*ret_words = &dropped;
		return drop(t, err);
	case JOURNAL_SWAPPING:
		return go_on(t, ret_words, err);
	case JOURNAL_CLEANING:
		*ret_words = &cleaned;
		return go_on_cleaning(t, err);
	case JOURNAL_RESTORED:
	case JOURNAL_CLOSED:
		break;
	}
	return 0;
}

/* With the stragglers gone and the lock held. */
static int settle_locked(struct recovering *v, const struct db_restore *row,
			 const struct recovery_words **ret_words, struct err *err)
{
	struct session *s = v->session;
	struct settling t = { .v = v, .row = row };
	int r;

	pool_init(&t.pool, s);
	if (recovery_acts(v))
		pool_bind(&t.pool, row->id); /* whoever recovers after this run
				   * waits for its workers */
	t.options = (struct restore_options){ .workers = &t.pool.callbacks,
					      .observer = s->observer,
					      .only_look = !recovery_acts(v) };
	r = db_restore_items(s->db, row->id, &t.items, err);
	db_journal_init(&t.journal, s->db, row->id);
	if (r == 0)
		r = settle(&t, ret_words, err);
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

/* Notes a restore that would be completed, if its time has come. */
static int note_due(struct recovering *v, const struct db_restore *row, struct err *err)
{
	struct stamp now;
	uint64_t *grown;

	if (stamp_now(&now, err) < 0)
		return -1;
	if (!retention_is_over(row->expires, now.sec))
		return 0;
	grown = alloc_resize(v->due.ids, v->due.n + 1, sizeof(*grown), err);
	if (!grown)
		return -1;
	v->due.ids = grown;
	grown[v->due.n++] = row->id;
	return 0;
}

/* settle_locked() by the row as it is now that the locks are held: what was read before,
 * its own process may have brought to an end meanwhile, and then nothing rests for
 * recovery. 1, or 0 where nothing was to be done. */
static int settle_now(struct recovering *v, uint64_t id,
		      const struct recovery_words **ret_words, struct err *err)
{
	_cleanup_(db_restore_done) struct db_restore row;

	db_restore_init(&row);
	if (db_look_again(v->session->db, err) < 0)
		return -1;
	if (db_restore_get(v->session->db, id, &row, err) < 0) {
		if (!err_is(err, ERR_NOT_FOUND))
			return -1;
		err_clear(err); /* its process dropped it */
		return 0;
	}
	if (row.state == JOURNAL_RESTORED || row.state == JOURNAL_CLOSED)
		return 0;
	if (settle_locked(v, &row, ret_words, err) < 0)
		return -1;
	if (!recovery_acts(v) && *ret_words == &completed && note_due(v, &row, err) < 0)
		return -1;
	return 1;
}

static char *restore_object(const struct db_restore *r, struct err *err)
{
	return alloc_printf(err, "%s %llu", r->kind == DB_UNDO ? "undo" : "restore",
			    (unsigned long long)r->id);
}

/* Until no worker of a restore lives: nobody starts new ones, which takes the apps'
 * locks, and those are held here.  Who only looks does not wait: 1, or 0 where there is
 * one, which is noted as busy. */
static int wait_for_workers(struct recovering *v, const struct db_restore *row,
			    struct err *err)
{
	const struct lock_key alive = LOCK_KEY_ALIVE_RESTORE(row->id);
	struct session *s = v->session;
	struct lock_wait wait = session_wait(s);
	_cleanup_(err_clear) struct err busy = ERR_INIT;
	bool is_free;

	if (recovery_acts(v)) {
		if (locks_wait_alive(s->locks, alive, &wait, err) < 0)
			return -1;
		locks_drop(s->locks, alive);
		return 1;
	}
	if (locks_is_free(s->locks, alive, &is_free, err) < 0)
		return -1;
	if (is_free)
		return 1;
	err_set(&busy, ERR_BUSY, "its workers have not ended yet");
	return recovery_busy(v, restore_object(row, err), &busy, err);
}

/* One unfinished restore or undo. Its apps' locks tell whether it lives. */
static int recover_restore(struct recovering *v, const struct db_restore *row,
			   struct err *err)
{
	struct session *s = v->session;
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	struct restore_locks locks = { 0 };
	const struct recovery_words *words = NULL;
	int r;

	if (restore_try_lock_apps(s, row->apps,
				  recovery_acts(v) ? LOCK_EXCLUSIVE : LOCK_SHARED, &locks,
				  &problem) < 0)
		return err_is(&problem, ERR_BUSY)
			       ? recovery_busy(v, restore_object(row, err), &problem, err)
			       : err_move(err, &problem);
	r = wait_for_workers(v, row, &problem);
	if (r > 0)
		r = settle_now(v, row->id, &words, &problem);
	restore_unlock(s, &locks);
	return recovery_tell(v, restore_object(row, err), r, words, &problem, err);
}

int recovery_restores(struct recovering *v, struct err *err)
{
	struct db_restore_list list = { 0 };
	int r;

	if (!v->session->db)
		return 0; /* a look where there is none */
	r = db_restores_unfinished(v->session->db, &list, err);

	/* Newest first: an undo before what it undoes. */
	for (size_t i = list.n; r >= 0 && i > 0; i--)
		if (is_here(v->session, &list.restores[i - 1]))
			r = recover_restore(v, &list.restores[i - 1], err);
	db_restore_list_done(&list);
	return r < 0 ? -1 : 0;
}
