/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "backend/base/alloc.h"
#include "state/operation/keep_internal.h"
#include "state/operation/restore.h"
#include "state/pool.h"
#include "state/restores.h"

void keep_outcome_done(struct keep_outcome *o)
{
	strings_done(&o->removed);
	*o = (struct keep_outcome){ 0 };
}

/* Everything the row has aside goes, then the row is closed. */
static int clean(struct session *s, const struct db_restore *row, struct strings *removed,
		 struct err *err)
{
	struct db_item_list items = { 0 };
	struct restore_options o = { .observer = s->observer };
	struct pool pool;
	int r;

	pool_init(&pool, s);
	pool_bind(&pool, row->id);
	o.workers = &pool.callbacks;
	r = db_restore_items(s->db, row->id, &items, err);
	if (r == 0)
		r = restore_clean(items.items, items.n, row->kind == DB_UNDO, &o, removed,
				  err);
	if (r == 0)
		r = db_restore_advance(s->db, row->id, JOURNAL_CLOSED, err);
	pool_done(&pool);
	db_item_list_done(&items);
	return r;
}

/* Locks of the row's apps: nobody undoes it meanwhile. */
static int lock_row(struct session *s, const struct db_restore *row,
		    struct restore_locks *ret, struct err *err)
{
	_cleanup_(strings_done) struct strings apps = STRINGS_INIT, none = STRINGS_INIT;

	if (restore_split_apps(row->apps, &apps, err) < 0)
		return -1;
	return restore_lock(s, &apps, &none, ret, err);
}

int keep_make_final(struct session *s, const struct db_restore *row, bool kept,
		    struct strings *removed, struct err *err)
{
	struct restore_locks locks = { 0 };
	int r;

	if (lock_row(s, row, &locks, err) < 0)
		return -1;
	r = observer_check(s->observer, err);
	if (r == 0)
		r = db_restore_clean(s->db, row->id, kept, err);
	if (r == 0) {
		session_shield(s);
		r = clean(s, row, removed, err);
		if (r < 0) {
			/* It is final; the next run goes on removing. */
			observer_warn(
				s->observer, NULL,
				"the next run removes the rest of what restore %llu moved"
				" aside: %s",
				(unsigned long long)row->id, err_message(err));
			err_clear(err);
			r = 0;
		}
	}
	restore_unlock(s, &locks);
	return r;
}

/* Paths as on this machine.  The data is gone, whether or not all can be named. */
static void show_removed(struct session *s, const struct strings *removed,
			 struct strings *ret)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;

	for (size_t i = 0; i < removed->n; i++) {
		char *shown = session_shown_path(s, removed->items[i], &problem);

		if (shown && strings_take(ret, shown, &problem) == 0)
			continue;
		free(shown);
		observer_warn(s->observer, NULL,
			      "not all that was removed can be named: %s",
			      err_message(&problem));
		return;
	}
}

int setaside_keep(struct session *s, uint64_t restore, struct keep_outcome *ret,
		  struct err *err)
{
	struct keep_outcome o = { 0 };
	_cleanup_(strings_done) struct strings removed = STRINGS_INIT;
	struct db_restore row;
	int r;

	session_unshield(s);
	if (restore_find(s, restore, &row, err) < 0)
		return -1;
	o.id = row.id;
	r = restore_check_root(s, &row, err);
	if (r == 0)
		r = keep_make_final(s, &row, true, &removed, err);
	if (r == 0)
		show_removed(s, &removed, &o.removed);
	db_restore_done(&row);
	if (r < 0) {
		keep_outcome_done(&o);
		return -1;
	}
	*ret = o;
	return 0;
}
