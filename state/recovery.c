/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/recovery.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/base/stamp.h"
#include "state/new_set.h"
#include "state/pool.h"
#include "state/restores.h"
#include "state/retention.h"
#include "state/session_internal.h"
#include "state/sets.h"

void recovery_item_done(struct recovery_item *item)
{
	free(item->object);
	free(item->what);
	free(item->hint);
	free(item->app);
	free(item->user);
	*item = (struct recovery_item){ .size = -1 };
}

void recovery_report_done(struct recovery_report *r)
{
	struct recovery_item *lists[] = { r->repaired, r->left };
	size_t counts[] = { r->n_repaired, r->n_left };

	for (size_t l = 0; l < 2; l++) {
		for (size_t i = 0; i < counts[l]; i++)
			recovery_item_done(&lists[l][i]);
		free(lists[l]);
	}
	*r = (struct recovery_report){ 0 };
}

struct recovering {
	struct session *session;
	struct recovery_report report;
};

/* Adds to one of the two lists; takes `object`. */
static int add(struct recovery_item **list, size_t *n, char *object, const char *what,
	       struct err *err)
{
	struct recovery_item *grown = NULL;
	char *copied = object ? alloc_strdup(what, err) : NULL;

	if (copied)
		grown = alloc_resize(*list, *n + 1, sizeof(*grown), err);
	if (!grown) {
		free(object);
		free(copied);
		return -1;
	}
	*list = grown;
	grown[(*n)++] = (struct recovery_item){ .object = object, .what = copied, .size = -1 };
	return 0;
}

/* Something was put right. */
static int repaired(struct recovering *v, char *object, const char *what, struct err *err)
{
	if (object)
		observer_note(v->session->observer, NULL, "%s: %s", object, what);
	return add(&v->report.repaired, &v->report.n_repaired, object, what, err);
}

/* Something could not be put right now: named, and the next run tries again. */
static int left(struct recovering *v, char *object, struct err *why, struct err *err)
{
	int r;

	if (object)
		observer_warn(v->session->observer, NULL, "%s is not settled: %s", object,
			      err_message(why));
	r = add(&v->report.left, &v->report.n_left, object, err_message(why), err);
	err_clear(why);
	return r;
}

/* What says that this run itself cannot go on. */
static bool is_final(const struct err *e)
{
	return err_is(e, ERR_INTERRUPTED) || err_is(e, ERR_NOMEM);
}

static char *set_object(uint64_t id, struct err *err)
{
	return alloc_printf(err, "set %llu", (unsigned long long)id);
}

static char *restore_object(const struct db_restore *r, struct err *err)
{
	return alloc_printf(err, "%s %llu", r->kind == DB_UNDO ? "undo" : "restore",
			    (unsigned long long)r->id);
}

/* Takes a lock without waiting: 1, or 0 where a living operation holds it. */
static int try_lock(struct session *s, struct lock_key key, struct err *err)
{
	struct lock_wait wait = { 0, s->observer };

	if (locks_take(s->locks, key, LOCK_EXCLUSIVE, &wait, err) == 0)
		return 1;
	if (!err_is(err, ERR_BUSY))
		return -1;
	err_clear(err);
	return 0;
}

/* ---- Sets ---- */

/* A set that was being forgotten, or some of its apps: what was to go goes. */
static int finish_forgetting(struct session *s, const struct db_set *set, struct err *err)
{
	bool gone;

	for (size_t i = 0; i < set->n_files; i++)
		if (set->files[i].state == DB_FILE_GOING &&
		    store_remove(s->store, set->files[i].name, err) < 0)
			return -1;
	if (store_sync(s->store, err) < 0 || store_unmark(s->store, set->id, err) < 0)
		return -1;
	return db_set_forgotten(s->db, set->id, &gone, err);
}

#define SET_REMOVED "was not complete and was removed"

/* The row as it is now that the lock is held: until then its holder may have finished what
 * looked unfinished when the rows were read.  1, or 0 where nothing is left to do. */
static int reread_set(struct session *s, uint64_t id, struct db_set *ret, struct err *err)
{
	if (db_set_get(s->db, id, ret, err) == 0)
		return ret->state != DB_SET_COMPLETE;
	if (!err_is(err, ERR_NOT_FOUND))
		return -1;
	err_clear(err); /* its holder removed it */
	return 0;
}

/* One set whose row is not complete. */
static int recover_set(struct recovering *v, uint64_t id, struct err *err)
{
	struct session *s = v->session;
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	_cleanup_(db_set_done) struct db_set set;
	bool forgetting;
	int r = try_lock(s, LOCK_KEY_SET(id), err);

	db_set_init(&set);
	if (r <= 0)
		return r;
	r = reread_set(s, id, &set, &problem);
	forgetting = set.state == DB_SET_FORGETTING;
	if (r > 0 && (forgetting ? finish_forgetting(s, &set, &problem)
				 : new_set_remove(s, &set, &problem)) < 0)
		r = -1;
	locks_drop(s->locks, LOCK_KEY_SET(id));
	if (r == 0)
		return 0;
	if (r < 0 && is_final(&problem))
		return err_move(err, &problem);
	if (r < 0)
		return left(v, set_object(id, err), &problem, err);
	return repaired(v, set_object(id, err),
			forgetting ? "the rest of it was removed" : SET_REMOVED, err);
}

/* The row of a number, or NULL. */
static const struct db_set *find_row(const struct db_set_list *rows, uint64_t id)
{
	for (size_t i = 0; i < rows->n; i++)
		if (rows->sets[i].id == id)
			return &rows->sets[i];
	return NULL;
}

/* Files of a set that has a marker and no row: an import or save whose database is gone, or
 * snapd's. */
static int remove_marked_files(struct session *s, uint64_t id, struct err *err)
{
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;
	_cleanup_close_ int dir = fd_open_dir_at(store_fd(s->store), ".", err);

	if (dir < 0 || fd_list_dir(dir, SIZE_MAX, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (store_name_set(names.items[i]) == id &&
		    store_remove(s->store, names.items[i], err) < 0)
			return -1;
	return store_sync(s->store, err);
}

/* A marker: of a set that is complete it is stale, of one without a row the set goes. */
static int recover_marker(struct recovering *v, uint64_t id, const struct db_set_list *rows,
			  struct err *err)
{
	const struct db_set *row = find_row(rows, id);
	struct session *s = v->session;
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	int r;

	if (row && row->state != DB_SET_COMPLETE)
		return 0; /* its row was dealt with */
	r = try_lock(s, LOCK_KEY_SET(id), err);
	if (r <= 0)
		return r;
	r = row ? 0 : remove_marked_files(s, id, &problem);
	if (r == 0)
		r = store_unmark(s->store, id, &problem);
	locks_drop(s->locks, LOCK_KEY_SET(id));
	if (r < 0)
		return left(v, set_object(id, err), &problem, err);
	return repaired(v, set_object(id, err),
			row ? "a stale marker was removed" : SET_REMOVED, err);
}

/* What was given when the set was saved, as its files tell; a name that is no name, or that
 * another set has by now, is dropped.  Its time to go counts from today: whoever copies
 * an old automatic set here wants to have it. */
static int describe_found(struct session *s, const struct set *set, struct db_set *row,
			  struct err *err)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	struct db_set other;
	struct stamp now;

	if (set->name && sets_check_name(set->name, &ignored) == 0) {
		if (db_set_by_name(s->db, set->name, &other, &ignored) == 0)
			db_set_done(&other);
		else if (!(row->name = alloc_strdup(set->name, err)))
			return -1;
	}
	if ((set->note && !(row->note = alloc_strdup(set->note, err))) ||
	    (set->reason && !(row->reason = alloc_strdup(set->reason, err))) ||
	    stamp_now(&now, err) < 0)
		return -1;
	row->automatic = set->automatic;
	row->expires = retention_set_expiry(&s->config, set->automatic, now.sec);
	return 0;
}

/* A set of which a file cannot be read now may say more of itself the next time. */
static const struct set_snapshot *unreadable(const struct set *set)
{
	for (size_t i = 0; set && i < set->n; i++)
		if (set->snapshots[i].broken && !set_snapshot_is_damaged(&set->snapshots[i]))
			return &set->snapshots[i];
	return NULL;
}

/* A complete set on disk that the database does not know: copied here, snapd's, or of a database that
 * was lost. */
static int adopt_set(struct recovering *v, const struct store_file *files, size_t n,
		     const struct set *set, struct err *err)
{
	_cleanup_(err_clear) struct err why = ERR_INIT;
	const struct set_snapshot *not_now = unreadable(set);
	struct session *s = v->session;
	struct db_set row;
	int r;

	if (not_now) {
		err_set(&why, not_now->broken_kind, "%s", not_now->broken);
		return left(v, set_object(files[0].set, err), &why, err);
	}
	db_set_init(&row);
	row.id = files[0].set;
	row.state = DB_SET_COMPLETE;
	row.origin = DB_SET_FOUND;
	row.created = files[0].mtime_sec;
	r = set ? describe_found(s, set, &row, err) : 0;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = db_set_add_file(&row, files[i].name, NULL, DB_FILE_PRESENT, err);
	if (r == 0)
		r = db_set_insert(s->db, &row, err);
	db_set_done(&row);
	if (r < 0 && err_is(err, ERR_EXISTS)) {
		err_clear(err); /* somebody else was faster */
		return 0;
	}
	return r < 0 ? -1 : repaired(v, set_object(files[0].set, err), "was found in the store", err);
}

static const struct set *find_set(const struct set_list *sets, uint64_t id)
{
	for (size_t i = 0; i < sets->n; i++)
		if (sets->sets[i].id == id)
			return &sets->sets[i];
	return NULL;
}

/* Files of sets without a row; all are read once, when the first is met. */
static int adopt_sets(struct recovering *v, const struct store_list *list,
		      const struct db_set_list *rows, struct err *err)
{
	struct set_list sets = { 0 };
	bool known = false;
	int r = 0;

	for (size_t i = 0, n; r == 0 && i < list->n; i += n) {
		n = 1;
		while (i + n < list->n && list->files[i + n].set == list->files[i].set)
			n++;
		if (find_row(rows, list->files[i].set))
			continue;
		if (!known)
			r = sets_list(v->session, &sets, err);
		known = true;
		if (r == 0)
			r = adopt_set(v, &list->files[i], n,
				      find_set(&sets, list->files[i].set), err);
	}
	sets_list_done(&sets);
	return r;
}

/* Temp files `.NAME.tmp.xxxxxxxxx` of this store, whose writers are gone: under the commit lock no
 * save is between opening and naming one, but for those whose set is locked. */
static bool is_temp(const char *name)
{
	const char *tmp = strstr(name, ".tmp.");

	return name[0] == '.' && tmp && strlen(tmp) == strlen(".tmp.") + 9;
}

/* Removes temp files, if nobody at all saves at this moment. */
static int remove_temps(struct recovering *v, bool any_alive, struct err *err)
{
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;
	struct session *s = v->session;
	_cleanup_close_ int dir = -1;

	if (any_alive)
		return 0;
	dir = fd_open_dir_at(store_fd(s->store), ".", err);
	if (dir < 0 || fd_list_dir(dir, SIZE_MAX, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		char *object;

		if (!is_temp(names.items[i]))
			continue;
		object = alloc_strdup(names.items[i], err);
		if (!object || store_remove(s->store, names.items[i], err) < 0) {
			free(object);
			return -1;
		}
		if (repaired(v, object, "a temporary file was removed", err) < 0)
			return -1;
	}
	return 0;
}

/* Everything about sets, under the commit lock: no number is given out meanwhile. */
static int recover_sets(struct recovering *v, struct err *err)
{
	struct session *s = v->session;
	struct db_set_list rows = { 0 };
	struct store_list list = { 0 };
	bool alive = false;
	int r = db_sets(s->db, &rows, err);

	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		size_t before = v->report.n_repaired + v->report.n_left;

		if (rows.sets[i].state == DB_SET_COMPLETE)
			continue;
		r = recover_set(v, rows.sets[i].id, err);
		alive = alive || v->report.n_repaired + v->report.n_left == before;
	}
	if (r == 0)
		r = store_list(s->store, &list, err);
	/* The numbers of what vanishes stay used. */
	if (r == 0 && list.n_incomplete > 0)
		r = store_put_last_set(s->store, list.highest, err);
	for (size_t i = 0; r == 0 && i < list.n_incomplete; i++)
		r = recover_marker(v, list.incomplete[i], &rows, err);
	if (r == 0)
		r = adopt_sets(v, &list, &rows, err);
	if (r == 0)
		r = remove_temps(v, alive, err);
	store_list_done(&list);
	db_set_list_done(&rows);
	return r;
}

/* ---- Restores ---- */

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
	if (r < 0 && is_final(&problem))
		return err_move(err, &problem);
	if (r < 0)
		return left(v, restore_object(row, err), &problem, err);
	return repaired(v, restore_object(row, err), what, err);
}

/* All of this root. */
static int recover_restores(struct recovering *v, struct err *err)
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

/* Under the commit lock. */
static int recover_sets_locked(struct recovering *v, struct err *err)
{
	struct lock_wait wait = session_wait(v->session);
	int r;

	if (v->session->places.foreign)
		return 0;
	if (locks_take(v->session->locks, LOCK_KEY_COMMIT, LOCK_EXCLUSIVE, &wait, err) < 0)
		return -1;
	r = recover_sets(v, err);
	locks_drop(v->session->locks, LOCK_KEY_COMMIT);
	return r;
}

int recovery_clean_imports(struct session *s, size_t *ret_count, struct strings *ret_errors,
			   struct err *err)
{
	struct recovering v = { .session = s };
	size_t count = 0;
	int r = recover_sets_locked(&v, err);

	for (size_t i = 0; r == 0 && i < v.report.n_repaired; i++)
		count += strcmp(v.report.repaired[i].what, SET_REMOVED) == 0;
	for (size_t i = 0; r == 0 && i < v.report.n_left; i++)
		r = strings_add(ret_errors, v.report.left[i].what, err);
	recovery_report_done(&v.report);
	if (r == 0)
		*ret_count = count;
	return r;
}

int recovery_run(struct session *s, struct recovery_report *ret, struct err *err)
{
	struct recovering v = { .session = s };
	int r = recover_sets_locked(&v, err);

	if (r == 0)
		r = recover_restores(&v, err);
	if (r == 0 && ret)
		*ret = v.report;
	else
		recovery_report_done(&v.report);
	return r;
}
