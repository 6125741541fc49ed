/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/restore.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "state/operation/restore_detail.h"
#include "state/operation/source.h"
#include "state/pool.h"
#include "state/restores.h"
#include "state/retention.h"

/* A restore on its way. */
struct restoring {
	struct session *session;
	const struct restore_request *request;
	struct set set;
	struct source source;
	struct pool pool;
	struct restore_plan plan;
	struct restore_noting noting;
	struct apply_report apply_report;
	struct carry_report carry_report;
	struct restore_options options;
	struct restore_locks apps, targets;
	struct strings asides; /* of other restores */
	struct users_mapping *map;
	size_t n_map;
	uint64_t id;
	bool committed, unsettled;
	struct restore_outcome outcome;
};

void restore_outcome_done(struct restore_outcome *o)
{
	strings_done(&o->apps);
	strings_done(&o->created);
	strings_done(&o->moved);
	strings_done(&o->replaced);
	for (size_t i = 0; i < o->n_skipped; i++) {
		free(o->skipped[i].app);
		free(o->skipped[i].user);
		free(o->skipped[i].why);
	}
	free(o->skipped);
	*o = (struct restore_outcome){ 0 };
}

static void restoring_done(struct restoring *r)
{
	restore_outcome_done(&r->outcome);
	restore_plan_done(&r->plan);
	pool_done(&r->pool);
	source_close(r->session, &r->source);
	restore_unlock(r->session, &r->targets);
	restore_unlock(r->session, &r->apps);
	strings_done(&r->asides);
	set_done(&r->set);
	for (size_t i = 0; i < r->n_map; i++)
		users_mapping_done(&r->map[i]);
	free(r->map);
	r->session->policy = (struct users_policy){ 0 };
}

/* ---- Before anything is changed ---- */

/* "OLD=NEW", where NEW may be a caller without a name. */
static int parse_mapping(struct session *s, const char *text, struct users_mapping *ret,
			 struct err *err)
{
	const char *equals = strchr(text, '=');
	struct user to;

	if (users_mapping_parse(s->users, text, ret, err) == 0)
		return 0;
	if (!err_is(err, ERR_NOT_FOUND) || !equals)
		return -1;
	err_clear(err);
	if (session_user(s, equals + 1, true, &to, err) < 0)
		return -1;
	*ret = (struct users_mapping){
		.from = alloc_strndup(text, (size_t)(equals - text), err), .to = to
	};
	if (!ret->from)
		user_done(&to);
	return ret->from ? 0 : -1;
}

/* How owners of the archives become owners here. */
static int set_policy(struct restoring *r, struct err *err)
{
	const struct restore_request *q = r->request;

	r->map = alloc_zero(q->n_map_users + 1, sizeof(*r->map), err);
	if (!r->map)
		return -1;
	for (size_t i = 0; i < q->n_map_users; i++) {
		if (parse_mapping(r->session, q->map_users[i], &r->map[i], err) < 0)
			return -1;
		r->n_map++;
	}
	r->session->policy = (struct users_policy){
		.numeric_ok = strcmp(r->set.origin, "saved") == 0,
		.map = r->map,
		.n_map = r->n_map,
	};
	return 0;
}

/* Old trees take room, too. */
static int hint_keep(struct session *s, struct err *err)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	struct db_restore last;

	if (!s->db || db_restore_last_undoable(s->db, &last, &ignored) < 0)
		return -1;
	db_restore_done(&last);
	return err_hint(err,
			"%s%s\"keep\" removes the old trees that restores moved aside",
			err->hint ? err->hint : "", err->hint ? "; " : "");
}

/* Each file system has room for what will lie beside the live trees. */
static int check_rooms(struct restoring *r, struct err *err)
{
	for (size_t i = 0; i < r->plan.n_rooms; i++) {
		const struct restore_room *from = &r->plan.rooms[i];
		struct retention_room room = {
			.total = from->space.total_bytes,
			.available = from->space.bytes,
			.counts_inodes = from->space.total_inodes != 0,
			.inodes_total = from->space.total_inodes,
			.inodes_available = from->space.inodes,
		};

		retention_room_compute(&r->session->config.reserve, &room);
		if (retention_check_room(&room, from->bytes, from->inodes, from->path,
					 err) < 0)
			return hint_keep(r->session, err);
	}
	return 0;
}

/* The live trees that will be replaced. */
static int live_paths(const struct restore_plan *p, struct strings *ret, struct err *err)
{
	for (size_t i = 0; i < p->n_targets; i++)
		if (strings_add(ret, p->targets[i].place.resolved, err) < 0)
			return -1;
	return 0;
}

/* The apps, before their targets are looked at: nobody restores or
 * undoes them meanwhile. */
static int lock_apps(struct restoring *r, struct err *err)
{
	_cleanup_(strings_done) struct strings none = STRINGS_INIT;

	if (r->request->dry_run)
		return 0;
	return restore_lock(r->session, &r->source.apps, &none, &r->apps, err);
}

/* The targets, which may be other apps' as well. */
static int lock_targets(struct restoring *r, struct err *err)
{
	_cleanup_(strings_done) struct strings paths = STRINGS_INIT, none = STRINGS_INIT;

	if (live_paths(&r->plan, &paths, err) < 0 ||
	    restore_lock(r->session, &none, &paths, &r->targets, err) < 0)
		return -1;
	return restore_aside_names(r->session, &r->asides, err);
}

/* Nobody works in what will be replaced. */
static int check_use(struct restoring *r, struct err *err)
{
	_cleanup_(strings_done) struct strings paths = STRINGS_INIT;

	if (r->request->force)
		return 0;
	for (size_t i = 0; i < r->plan.n_targets; i++)
		if (r->plan.targets[i].place.exists &&
		    strings_add(&paths, r->plan.targets[i].place.resolved, err) < 0)
			return -1;
	return restore_check_use(r->session, &paths, "restore", err);
}

/* What is going to happen, looked at from all sides. */
static int plan(struct restoring *r, struct err *err)
{
	if (sets_get(r->session, r->request->set, &r->set, err) < 0 ||
	    set_policy(r, err) < 0 ||
	    source_open(r->session, &r->set, r->request, &r->source, err) < 0 ||
	    lock_apps(r, err) < 0 ||
	    restore_plan_init(r->source.archives, r->source.n_archives, &r->options,
			      &r->plan, err) < 0 ||
	    check_rooms(r, err) < 0)
		return -1;
	return check_use(r, err);
}

/* ---- The deed ---- */

/* The row, from which the journal hangs. */
static int record(struct restoring *r, struct err *err)
{
	_cleanup_(buf_done) struct buf detail = BUF_INIT;
	_cleanup_free_ char *apps = NULL;
	struct session *s = r->session;
	struct stamp now;
	struct db_restore row;

	if (restore_detail_write(&r->plan, r->source.configs, r->source.n_configs,
				 &detail, err) < 0 ||
	    stamp_now(&now, err) < 0)
		return -1;
	apps = restore_join_apps(&r->source.apps, err);
	if (!apps)
		return -1;
	db_restore_init(&row);
	row.kind = DB_RESTORE;
	row.set = r->request->set;
	row.created = now.sec;
	row.expires = retention_aside_expiry(&s->config, now.sec);
	row.apps = apps;
	row.store = s->places.foreign ? s->store_shown : NULL;
	row.root = s->root_key;
	row.detail = detail.data;
	row.detail_size = detail.len;
	return db_restore_insert(s->db, &row, &r->id, err);
}

/* Before the commit point: nothing of it stays. */
static void abandon(struct restoring *r)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	struct session *s = r->session;

	/* The workers of before may be dead or in the middle of something. */
	session_shield(s);
	r->options.observer = s->observer;
	pool_bind(&r->pool, r->id);
	if (restore_abandon(r->plan.items, r->plan.n_items, &r->options, &problem) < 0 ||
	    db_restore_drop(s->db, r->id, &problem) < 0)
		observer_warn(s->observer, NULL,
			      "the next run removes what restore %llu prepared: %s",
			      (unsigned long long)r->id, err_message(&problem));
}

/* What will be answered, before it is true: afterwards nothing may fail any more. */
static int make_outcome(struct restoring *r, struct err *err)
{
	struct restore_outcome *o = &r->outcome;

	/* A plan knows no inodes yet; every tree would be a new one. */
	for (size_t i = 0; r->request->dry_run && i < r->plan.n_items; i++)
		r->plan.items[i].new_ino = UINT64_MAX;
	if (r->request->dry_run &&
	    restore_report_replaced(r->session, r->plan.items, r->plan.n_items,
				    &o->replaced, err) < 0)
		return -1;
	if (r->plan.n_targets > 0 && strings_add_all(&o->apps, &r->source.apps, err) < 0)
		return -1;
	return restore_report_items(r->session, r->plan.items, r->plan.n_items, false,
				    &o->created, &o->moved, err);
}

/* All is unpacked: nothing belonged to an OLD that is not used now. */
static int check_mapped(const struct restoring *r, struct err *err)
{
	for (size_t i = 0; i < r->n_map; i++)
		if (!r->map[i].used)
			return err_set(
				err, ERR_NOT_FOUND, "set %llu has no data of user %s",
				(unsigned long long)r->request->set, q(r->map[i].from));
	return 0;
}

/* From the journal's first word to its last. */
static int run(struct restoring *r, struct err *err)
{
	struct db_journal j;
	int result;

	if (record(r, err) < 0)
		return -1;
	pool_bind(&r->pool, r->id);
	db_journal_init(&j, r->session->db, r->id);
	result = restore_prepare(&r->plan, &j.journal, &r->options, err);
	if (result == 0)
		result = check_mapped(r, err);
	if (result == 0)
		result = make_outcome(r, err);
	if (result == 0)
		result = restore_commit(&r->plan, &j.journal, &r->options, &r->committed,
					err);
	if (!r->committed) {
		abandon(r);
		return -1;
	}
	session_shield(r->session);
	if (result < 0) {
		observer_warn(r->session->observer, NULL,
			      "the next run settles restore %llu: %s",
			      (unsigned long long)r->id, err_message(err));
		err_clear(err);
		r->unsettled = true;
	}
	return 0;
}

/* ---- The answer ---- */

static void answer(struct restoring *r, struct restore_outcome *ret)
{
	*ret = r->outcome;
	r->outcome = (struct restore_outcome){ 0 };
	ret->id = r->id;
	ret->set = r->request->set;
	ret->notes = r->noting.notes;
	ret->unsettled = r->unsettled;
	ret->skipped = TAKE_PTR(r->source.skipped);
	ret->n_skipped = r->source.n_skipped;
	r->source.n_skipped = 0;
}

/* What is said of entries that could not be taken whole. */
static void listen_to(struct restoring *r)
{
	r->noting.session = r->session;
	r->apply_report = restore_apply_report(&r->noting);
	r->carry_report = restore_carry_report(&r->noting);
	r->options = (struct restore_options){ .workers = &r->pool.callbacks,
					       .observer = r->session->observer,
					       .report = &r->apply_report,
					       .carried = &r->carry_report,
					       .leave_out = &r->asides,
					       .force = r->request->force };
}

int setaside_restore(struct session *s, const struct restore_request *request,
		     struct restore_outcome *ret, struct err *err)
{
	_cleanup_(restoring_done) struct restoring r = { .session = s,
							 .request = request };
	int result;

	session_unshield(s);
	pool_init(&r.pool, s);
	listen_to(&r);
	if (session_lock_set(s, request->set, LOCK_SHARED, err) < 0)
		return -1;
	result = plan(&r, err);
	if (result == 0 && !request->dry_run)
		result = lock_targets(&r, err);
	if (result == 0) {
		bool acts = !request->dry_run && r.plan.n_targets > 0;

		result = acts ? run(&r, err) : make_outcome(&r, err);
	}
	if (result == 0)
		answer(&r, ret);
	session_unlock_set(s, request->set);
	return result;
}
