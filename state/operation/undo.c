/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/restore.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/restore_attrs.h"
#include "state/operation/restore_detail.h"
#include "state/pool.h"
#include "state/restores.h"
#include "state/retention.h"

/* An undo on its way: the exchange of a restore, made again. */
struct undoing {
	struct session *session;
	struct db_restore undone;
	struct db_item_list before; /* the restore's items */
	struct journal_item *items; /* ours: reversed, with old and new exchanged */
	size_t n, cap;
	struct restore_detail detail;
	struct strings apps;
	struct pool pool;
	struct restore_noting noting;
	struct carry_report carry_report;
	struct restore_options options;
	struct restore_locks locks;
	uint64_t id;
	bool redoes; /* the data of the set becomes live again */
	bool committed, unsettled;
	struct restore_outcome outcome;
};

static void undoing_done(struct undoing *u)
{
	for (size_t i = 0; i < u->n; i++)
		journal_item_done(&u->items[i]);
	free(u->items);
	restore_outcome_done(&u->outcome);
	db_item_list_done(&u->before);
	db_restore_done(&u->undone);
	restore_detail_done(&u->detail);
	strings_done(&u->apps);
	pool_done(&u->pool);
	restore_unlock(u->session, &u->locks);
}

/* ---- Which one ---- */

int restore_find(struct session *s, uint64_t id, struct db_restore *ret, struct err *err)
{
	struct db_restore r;

	if (id == 0) {
		if (db_restore_last_undoable(s->db, ret, err) == 0)
			return 0;
		if (!err_is(err, ERR_NOT_FOUND))
			return -1;
		return err_wrap(err, "nothing to undo or keep");
	}
	if (db_restore_get(s->db, id, &r, err) < 0)
		return -1;
	if (r.state == JOURNAL_RESTORED && r.undone_by == 0) {
		*ret = r;
		return 0;
	}
	if (r.undone_by != 0)
		err_set(err, ERR_NOT_FOUND, "restore %llu was undone by %llu",
			(unsigned long long)id, (unsigned long long)r.undone_by);
	else
		err_set(err, ERR_NOT_FOUND, "what restore %llu moved aside is gone",
			(unsigned long long)id);
	db_restore_done(&r);
	return -1;
}

/* A later restore of the same data must go first. */
static int check_later(struct undoing *u, struct err *err)
{
	struct db_restore later;
	int r = db_restore_obstacle(u->session->db, u->undone.id, &later, err);

	if (r <= 0)
		return r;
	err_set(err, ERR_REFUSED,
		"restore %llu, later than %llu, stands on the same data",
		(unsigned long long)later.id, (unsigned long long)u->undone.id);
	err_hint(err, "undo or keep %llu first", (unsigned long long)later.id);
	db_restore_done(&later);
	return -1;
}

/* Whether this goes forward: taking back an undo of a restore does, and so does every
 * other one of a chain of undos. */
static int find_direction(struct undoing *u, struct err *err)
{
	enum db_restore_kind kind = u->undone.kind;
	uint64_t undoes = u->undone.undoes;

	while (kind == DB_UNDO) {
		struct db_restore before;

		if (db_restore_get(u->session->db, undoes, &before, err) < 0)
			return -1;
		u->redoes = !u->redoes;
		kind = before.undoes < undoes ? before.kind : DB_RESTORE;
		undoes = before.undoes;
		db_restore_done(&before);
	}
	return 0;
}

/* ---- Items ---- */

/* Back to front, with what was new as the old and the other way round. */
static int turn_items(struct undoing *u, struct err *err)
{
	for (size_t i = u->before.n; i > 0; i--) {
		const struct journal_item *from = &u->before.items[i - 1];
		struct journal_item *to;
		void *turned;
		size_t size;

		if (alloc_grow(&u->items, u->n, &u->cap, sizeof(*u->items), err) < 0)
			return -1;
		to = &u->items[u->n];
		if (journal_item_copy(from, to, err) < 0)
			return -1;
		u->n++;
		to->old_ino = from->new_ino;
		to->new_ino = from->old_ino;
		if (from->kind != JOURNAL_MOUNT || from->attrs_size == 0)
			continue;
		if (restore_attrs_turn(from->attrs, from->attrs_size, &turned, &size,
				       err) < 0)
			return -1;
		free(to->attrs);
		to->attrs = turned;
		to->attrs_size = size;
	}
	return 0;
}

/* An entry of a mount point that no item tells of. */
struct newer {
	struct undoing *undoing;
	const struct journal_item *mount;
	const struct strings *leave_out;
};

/* swapper_list's receiver: what came into a mount point since the
 * restore goes aside with it. */
static int add_entry(void *ctx, const char *name, uint64_t ino, struct err *err)
{
	struct newer *x = ctx;
	struct undoing *u = x->undoing;
	struct journal_item *item;

	if (strings_has(x->leave_out, name))
		return 0;
	for (size_t i = 0; i < u->n; i++)
		if (u->items[i].kind == JOURNAL_SWAP &&
		    strcmp(u->items[i].parent, x->mount->parent) == 0 &&
		    strcmp(u->items[i].name, name) == 0)
			return 0;
	if (alloc_grow(&u->items, u->n, &u->cap, sizeof(*u->items), err) < 0)
		return -1;
	item = &u->items[u->n];
	journal_item_init(item);
	item->kind = JOURNAL_SWAP;
	item->uid = x->mount->uid;
	item->gid = x->mount->gid;
	item->parent_ino = x->mount->parent_ino;
	item->old_ino = ino;
	u->n++;
	item->app = alloc_strdup(x->mount->app, err);
	item->user =
		item->app && x->mount->user ? alloc_strdup(x->mount->user, err) : NULL;
	item->parent = err->kind == ERR_NONE ? alloc_strdup(x->mount->parent, err) : NULL;
	item->name = item->parent ? alloc_strdup(name, err) : NULL;
	item->aside =
		item->name ? alloc_printf(err, "%s/%s", x->mount->aside, name) : NULL;
	item->tree =
		item->aside ? alloc_printf(err, "%s/%s", x->mount->tree, name) : NULL;
	return item->tree ? 0 : -1;
}

/* Of all mount points among the targets. */
static int add_newer(struct undoing *u, struct err *err)
{
	_cleanup_(strings_done) struct strings asides = STRINGS_INIT;
	struct newer x = { .undoing = u, .leave_out = &asides };
	size_t n = u->n;

	if (restore_aside_names(u->session, &asides, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct journal_item mount;
		struct worker *w;
		int r;

		if (u->items[i].kind != JOURNAL_MOUNT)
			continue;
		if (u->pool.callbacks.swapper(&u->pool, u->items[i].user, u->items[i].uid,
					      u->items[i].gid, u->options.observer, &w,
					      err) < 0 ||
		    journal_item_copy(&u->items[i], &mount, err) < 0)
			return -1;
		x.mount = &mount;
		r = swapper_list(w, &mount, false, add_entry, &x, u->options.observer,
				 err);
		journal_item_done(&mount);
		if (r < 0)
			return -1;
	}
	return 0;
}

/* The live paths of all trees, for locks and for who uses them. */
static int live_paths(const struct undoing *u, struct strings *ret, struct err *err)
{
	for (size_t i = 0; i < u->n; i++) {
		char *path;

		if (u->items[i].kind == JOURNAL_PARENT || strchr(u->items[i].aside, '/'))
			continue;
		path = restore_item_path(&u->items[i], err);
		if (!path)
			return -1;
		if (strings_take(ret, path, err) < 0) {
			free(path);
			return -1;
		}
	}
	return 0;
}

/* Again, now that the locks are held: while this waited for them the restore may have
 * been undone or kept, or another one may have come to stand on the same data. */
static int check_again(struct undoing *u, struct err *err)
{
	struct db_restore now;

	if (restore_find(u->session, u->undone.id, &now, err) < 0)
		return -1;
	db_restore_done(&now);
	return check_later(u, err);
}

/* All that must be known and held before anything is written. */
static int plan(struct undoing *u, uint64_t id, bool force, struct err *err)
{
	_cleanup_(strings_done) struct strings paths = STRINGS_INIT;
	struct session *s = u->session;

	if (restore_find(s, id, &u->undone, err) < 0 ||
	    restore_check_root(s, &u->undone, err) < 0 || check_later(u, err) < 0 ||
	    find_direction(u, err) < 0 ||
	    db_restore_items(s->db, u->undone.id, &u->before, err) < 0 ||
	    restore_detail_parse(u->undone.detail, u->undone.detail_size, &u->detail,
				 err) < 0 ||
	    turn_items(u, err) < 0 ||
	    restore_split_apps(u->undone.apps, &u->apps, err) < 0 ||
	    live_paths(u, &paths, err) < 0)
		return -1;
	if (!force && restore_check_use(s, &paths, "undo", err) < 0)
		return -1;
	if (restore_lock(s, &u->apps, &paths, &u->locks, err) < 0 ||
	    check_again(u, err) < 0 ||
	    restore_refresh(u->items, u->n, &u->options, err) < 0)
		return -1;
	return add_newer(u, err);
}

/* ---- The deed ---- */

static int record(struct undoing *u, struct err *err)
{
	struct db_restore row;
	struct stamp now;

	if (stamp_now(&now, err) < 0)
		return -1;
	db_restore_init(&row);
	row.kind = DB_UNDO;
	row.set = u->undone.set;
	row.undoes = u->undone.id;
	row.created = now.sec;
	row.expires = retention_aside_expiry(&u->session->config, now.sec);
	row.apps = u->undone.apps;
	row.store = u->undone.store;
	row.root = u->undone.root;
	row.detail = u->undone.detail;
	row.detail_size = u->undone.detail_size;
	return db_restore_insert(u->session->db, &row, &u->id, err);
}

/* Excluded and skipped live files go along into the tree about to become live again. */
static int carry(struct undoing *u, struct err *err)
{
	for (size_t i = 0; i < u->n; i++) {
		const struct journal_item *item = &u->items[i];
		const struct restore_detail_tree *d =
			restore_detail_find(&u->detail, item);
		struct swapper_rules rules;
		struct worker *w;

		/* A mount point is carried as a whole before its
		 * entries are looked at. */
		if (!d || item->kind == JOURNAL_PARENT || strchr(item->aside, '/'))
			continue;
		if (item->kind == JOURNAL_SWAP &&
		    (item->old_ino == 0 || item->new_ino == 0))
			continue;
		rules = (struct swapper_rules){ &d->patterns, &d->snapd, &d->paths,
						d->revision, item->user != NULL };
		if (restore_inner_swapper(&u->pool.callbacks, item->user, item->uid,
					  item->gid, u->options.observer, &w, err) < 0 ||
		    swapper_carry(w, item, &rules,
				  CARRY_REPLACE | (u->options.force ? CARRY_FORCE : 0),
				  &u->carry_report, u->session->observer, err) < 0 ||
		    swapper_sync(w, item->parent, u->options.observer, err) < 0)
			return err_wrap(err, "cannot carry over what is excluded in %s",
					q(item->parent));
	}
	return 0;
}

/* After the exchange: parents that the restore had made, where they are empty.  It is
 * undone; what fails here recovery does again. */
static void finish(struct undoing *u, const struct journal *journal)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;

	if (restore_remove_parents(u->items, u->n, &u->options, &problem) < 0 ||
	    journal->advance(journal->ctx, JOURNAL_RESTORED, &problem) < 0)
		observer_warn(u->session->observer, NULL,
			      "the next run closes undo %llu: %s",
			      (unsigned long long)u->id, err_message(&problem));
}

/* What will be answered, before it is true: afterwards nothing may fail any more. */
static int make_outcome(struct undoing *u, struct err *err)
{
	struct restore_outcome *o = &u->outcome;

	if (strings_add_all(&o->apps, &u->apps, err) < 0)
		return -1;
	return restore_report_items(u->session, u->items, u->n, true, &o->created,
				    &o->moved, err);
}

/* Carrying, the commit point, the exchange. */
static int exchange(struct undoing *u, const struct journal *journal, struct err *err)
{
	_cleanup_(err_clear) struct err why = ERR_INIT;

	if (journal->put(journal->ctx, u->items, u->n, JOURNAL_LINKING, err) < 0 ||
	    carry(u, err) < 0 || make_outcome(u, err) < 0 ||
	    observer_check(u->session->observer, err) < 0 ||
	    journal->put(journal->ctx, u->items, u->n, JOURNAL_SWAPPING, err) < 0)
		return -1;
	u->committed = true;
	session_shield(u->session);
	u->options.observer = u->session->observer;
	if (restore_forward(u->items, u->n, &u->options, &why) == 0) {
		finish(u, journal);
		return 0;
	}
	if (restore_backward(u->items, u->n, &u->options, err) < 0 ||
	    journal->advance(journal->ctx, JOURNAL_LINKING, err) < 0)
		return err_wrap(err, "%s", err_message(&why));
	u->committed = false;
	return err_move(err, &why);
}

/* From the journal's first word to its last. */
static int run(struct undoing *u, struct err *err)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	struct session *s = u->session;
	struct db_journal j;
	int r;

	if (record(u, err) < 0)
		return -1;
	pool_bind(&u->pool, u->id);
	db_journal_init(&j, s->db, u->id);
	r = exchange(u, &j.journal, err);
	if (!u->committed) {
		/* The aside trees are still the restore's; what was carried
		 * into them does no harm. */
		if (db_restore_drop(s->db, u->id, &ignored) < 0)
			observer_warn(s->observer, NULL,
				      "the next run closes undo %llu: %s",
				      (unsigned long long)u->id, err_message(&ignored));
		return -1;
	}
	if (r < 0) {
		observer_warn(s->observer, NULL, "the next run settles undo %llu: %s",
			      (unsigned long long)u->id, err_message(err));
		err_clear(err);
		u->unsettled = true;
	}
	return 0;
}

/* The answer. */
static void answer(struct undoing *u, struct restore_outcome *ret)
{
	*ret = u->outcome;
	u->outcome = (struct restore_outcome){ 0 };
	ret->id = u->id;
	ret->set = u->undone.set;
	ret->undid = u->undone.id;
	ret->redone = u->redoes;
	ret->notes = u->noting.notes;
	ret->unsettled = u->unsettled;
}

int setaside_undo(struct session *s, uint64_t restore, bool force,
		  struct restore_outcome *ret, struct err *err)
{
	_cleanup_(undoing_done) struct undoing u = { .session = s };

	session_unshield(s);
	db_restore_init(&u.undone);
	pool_init(&u.pool, s);
	u.noting.session = s;
	u.carry_report = restore_carry_report(&u.noting);
	u.options = (struct restore_options){ .workers = &u.pool.callbacks,
					      .observer = s->observer,
					      .carried = &u.carry_report,
					      .force = force };
	if (plan(&u, restore, force, err) < 0 || run(&u, err) < 0)
		return -1;
	answer(&u, ret);
	return 0;
}
