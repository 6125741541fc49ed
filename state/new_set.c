/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/new_set.h"

#include "backend/base/quote.h"
#include "state/sets.h"

void new_set_init(struct new_set *n, struct session *s, enum db_set_state state,
		  enum db_set_origin origin)
{
	*n = (struct new_set){ .session = s };
	db_set_init(&n->row);
	n->row.state = state;
	n->row.origin = origin;
}

int new_set_check_name(struct session *s, const char *name, struct err *err)
{
	struct db_set other;

	if (!name)
		return 0;
	if (sets_check_name(name, err) < 0)
		return -1;
	if (!s->db)
		return 0; /* a reader without one only plans */
	if (db_set_by_name(s->db, name, &other, err) < 0) {
		if (!err_is(err, ERR_NOT_FOUND))
			return -1;
		err_clear(err); /* free */
		return 0;
	}
	err_set(err, ERR_EXISTS, "the name %s is that of set %llu", q(name),
		(unsigned long long)other.id);
	db_set_done(&other);
	return -1;
}

/* Under the commit lock: the number, and the row in the same transaction. */
static int record(struct new_set *n, new_set_plan plan, void *ctx, struct err *err)
{
	struct session *s = n->session;
	uint64_t highest;

	if (store_highest(s->store, &highest, err) < 0)
		return -1;
	if (db_begin(s->db, err) < 0)
		return -1;
	if (db_number_take(s->db, highest, &n->row.id, err) < 0 ||
	    (plan && plan(ctx, &n->row, err) < 0) ||
	    db_set_insert(s->db, &n->row, err) < 0 || db_commit(s->db, err) < 0) {
		db_rollback(s->db);
		return -1;
	}
	n->recorded = true;
	return store_put_last_set(s->store, n->row.id, err);
}

int new_set_begin(struct new_set *n, new_set_plan plan, void *ctx, struct err *err)
{
	struct session *s = n->session;
	struct lock_wait wait = session_wait(s);
	int r;

	if (locks_take(s->locks, LOCK_KEY_COMMIT, LOCK_EXCLUSIVE, &wait, err) < 0)
		return -1;
	r = record(n, plan, ctx, err);
	if (r == 0)
		r = locks_take(s->locks, LOCK_KEY_SET(n->row.id), LOCK_EXCLUSIVE, &wait,
			       err);
	n->locked = r == 0;
	locks_drop(s->locks, LOCK_KEY_COMMIT);
	return r < 0 ? -1 : store_mark(s->store, n->row.id, err);
}

int new_set_add_file(struct new_set *n, const char *file, const char *app,
		     struct err *err)
{
	if (db_set_plan_file(n->session->db, n->row.id, file, app, err) < 0)
		return -1;
	return db_set_add_file(&n->row, file, app, DB_FILE_PLANNED, err);
}

/* The commit, with what is recorded together with it. */
static int commit(struct new_set *n, new_set_plan also, void *ctx, struct err *err)
{
	struct db *db = n->session->db;

	if (db_begin(db, err) < 0)
		return -1;
	if (db_set_complete(db, n->row.id, err) == 0 &&
	    (!also || also(ctx, &n->row, err) == 0) && db_commit(db, err) == 0)
		return 0;
	db_rollback(db);
	return -1;
}

int new_set_complete(struct new_set *n, new_set_plan also, void *ctx, struct err *err)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	struct session *s = n->session;

	if (store_sync(s->store, err) < 0 || commit(n, also, ctx, err) < 0)
		return -1;
	n->committed = true;
	session_shield(s);
	if (store_unmark(s->store, n->row.id, &problem) < 0)
		observer_warn(s->observer, NULL,
			      "set %llu is complete; the next run removes its marker: %s",
			      (unsigned long long)n->row.id, err_message(&problem));
	return 0;
}

int new_set_remove(struct session *s, const struct db_set *row, struct err *err)
{
	for (size_t i = 0; i < row->n_files; i++)
		if (store_remove(s->store, row->files[i].name, err) < 0)
			return -1;
	if (store_sync(s->store, err) < 0 || store_unmark(s->store, row->id, err) < 0)
		return -1;
	return db_set_delete(s->db, row->id, err);
}

void new_set_done(struct new_set *n)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;

	if (n->recorded && !n->committed &&
	    new_set_remove(n->session, &n->row, &problem) < 0)
		observer_warn(n->session->observer, NULL,
			      "the next run removes what is left of set %llu: %s",
			      (unsigned long long)n->row.id, err_message(&problem));
	if (n->locked)
		locks_drop(n->session->locks, LOCK_KEY_SET(n->row.id));
	db_set_done(&n->row);
	*n = (struct new_set){ 0 };
}
