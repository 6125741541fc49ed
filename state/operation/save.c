/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/save.h"

#include <string.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/json.h"
#include "backend/base/quote.h"
#include "backend/gzip.h"
#include "state/new_set.h"
#include "state/operation/held.h"
#include "state/operation/plan.h"
#include "state/operation/unread.h"
#include "state/retention.h"
#include "state/rooted.h"

/* A set on its way. */
struct saving {
	struct session *session;
	const struct save_request *request;
	struct plan plan;
	struct session_env env;
	struct stamp time;
	char *host, *machine_id;
	struct new_set set;
	struct snapshot **metas; /* one for each app of the plan */
	struct lock_key *locks;  /* the apps' */
	size_t n_locks, n_taken;
	struct meter meter;
	uint64_t skipped, changed;
	struct held held;
	struct strings apps;         /* of a dry run */
	struct save_result *results; /* one for each app of the plan that was saved */
	size_t n_results;
	struct save_unchanged *unchanged;
	size_t n_unchanged;
	uint64_t *adopted; /* sets that become a person's; of n_unchanged at most */
	size_t n_adopted;
	bool extended;
};

static void unchanged_done(struct save_unchanged *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i].app);
	free(list);
}

void save_outcome_done(struct save_outcome *o)
{
	if (o->has_set)
		set_done(&o->set);
	strings_done(&o->apps);
	strings_done(&o->empty);
	unread_list_done(&o->unread);
	unchanged_done(o->unchanged, o->n_unchanged);
	*o = (struct save_outcome){ 0 };
}

/* A set that is not complete goes, then memory and locks. */
static void saving_done(struct saving *v)
{
	new_set_done(&v->set);
	held_done(&v->held);
	strings_done(&v->apps);
	unchanged_done(v->unchanged, v->n_unchanged);
	free(v->adopted);
	for (size_t i = 0; i < v->n_results; i++)
		save_result_done(&v->results[i]);
	free(v->results);
	for (size_t i = 0; v->metas && i < v->plan.n_apps; i++)
		snapshot_free(v->metas[i]);
	free(v->metas);
	if (v->n_taken > 0)
		locks_drop_all(v->session->locks, v->locks, v->n_taken);
	free(v->locks);
	free(v->host);
	free(v->machine_id);
	plan_done(&v->plan);
}

/* ---- What stands in the metadata ---- */

/* The first line of a small file below the root; NULL where there is none. */
static int read_line(struct session *s, const char *path, char **ret, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	size_t n;

	*ret = NULL;
	if (rooted_read_file(s->places.root_fd, path, 4096, &text, err) < 0) {
		err_clear(err); /* it only describes */
		return 0;
	}
	n = text.data ? strcspn(text.data, "\n") : 0;
	if (n == 0 || !quote_is_clean(text.data, n))
		return 0;
	*ret = alloc_strndup(text.data, n, err);
	return *ret ? 0 : -1;
}

/* Where and when. */
static int describe(struct saving *v, struct err *err)
{
	char name[256] = "";

	if (stamp_now(&v->time, err) < 0 ||
	    read_line(v->session, "/etc/machine-id", &v->machine_id, err) < 0)
		return -1;
	if (v->session->places.other_root)
		return read_line(v->session, "/etc/hostname", &v->host, err);
	if (gethostname(name, sizeof(name) - 1) == 0 && name[0]) {
		v->host = alloc_strdup(name, err);
		return v->host ? 0 : -1;
	}
	return 0;
}

/* Copies an optional string into the metadata. */
static int put(char **to, const char *from, struct err *err)
{
	if (!from)
		return 0;
	free(*to);
	*to = alloc_strdup(from, err);
	return *to ? 0 : -1;
}

/* Whether a set would hold a snap and a native app of one name. */
static bool clashes(const struct plan *p, const struct catalog_app *app)
{
	for (size_t i = 0; i < p->n_apps; i++)
		if (p->apps[i].app != app && strcmp(p->apps[i].app->name, app->name) == 0)
			return app->packaging == PACKAGING_NATIVE;
	return false;
}

/* The run-time excludes. */
static int put_excludes(struct snapshot *m, const struct strings *exclude,
			struct err *err)
{
	if (exclude->n == 0)
		return 0;
	m->exclude = alloc_zero(exclude->n, sizeof(*m->exclude), err);
	for (size_t i = 0; m->exclude && i < exclude->n; i++, m->n_exclude++) {
		m->exclude[i] = alloc_strdup(exclude->items[i], err);
		if (!m->exclude[i])
			return -1;
	}
	return m->exclude ? 0 : -1;
}

/* The app's configuration: the caller's, made canonical, or what the catalog found. */
static int put_conf(const struct save_request *r, const struct catalog_app *app,
		    struct snapshot *m, struct err *err)
{
	_cleanup_(json_freep) struct json *object = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER(&text, err);
	const char *given = NULL;

	for (size_t i = 0; i < r->n_confs; i++)
		if (strcmp(r->confs[i].app, app->name) == 0)
			given = r->confs[i].json;
	if (!given)
		return put(&m->conf, app->conf, err);
	if (json_parse(given, strlen(given), NULL, &object, err) < 0)
		return err_wrap(err, "configuration of %s", q(app->name));
	if (object->type != JSON_OBJECT)
		return err_set(err, ERR_USAGE, "the configuration of %s is not an object",
			       q(app->name));
	json_value(&w, object);
	if (json_end(&w) < 0)
		return -1;
	return put(&m->conf, text.data, err);
}

/* The metadata of one app, but for its archives. */
static int make_meta(struct saving *v, const struct plan_app *a, struct snapshot **ret,
		     struct err *err)
{
	_cleanup_(snapshot_freep) struct snapshot *m = NULL;
	const struct catalog_app *app = a->app;
	const struct save_request *r = v->request;
	_cleanup_free_ char *name = NULL;

	name = alloc_printf(err, "%s%s", app->name,
			    clashes(&v->plan, app) ? ".native" : "");
	if (!name || snapshot_new(&m, err) < 0)
		return -1;
	m->time = v->time;
	m->epoch = app->epoch;
	m->has_own = true;
	m->own_auto = r->automatic;
	if (put(&m->snap, name, err) < 0 || put(&m->revision, app->revision, err) < 0 ||
	    put(&m->snap_id, app->snap_id, err) < 0 ||
	    put(&m->summary, app->summary, err) < 0 ||
	    put(&m->version, app->version, err) < 0 || put_conf(r, app, m, err) < 0 ||
	    put(&m->packaging, packaging_name(app->packaging), err) < 0 ||
	    put(&m->host, v->host, err) < 0 ||
	    put(&m->machine_id, v->machine_id, err) < 0 ||
	    put(&m->taken, "online", err) < 0 || put(&m->name, r->name, err) < 0 ||
	    put(&m->note, r->note, err) < 0 || put(&m->reason, r->reason, err) < 0 ||
	    put_excludes(m, &a->exclude, err) < 0)
		return -1;
	*ret = TAKE_PTR(m);
	return 0;
}

/* The metadata of all apps. */
static int make_metas(struct saving *v, struct err *err)
{
	v->metas = alloc_zero(v->plan.n_apps, sizeof(*v->metas), err);
	if (!v->metas)
		return -1;
	for (size_t i = 0; i < v->plan.n_apps; i++)
		if (make_meta(v, &v->plan.apps[i], &v->metas[i], err) < 0)
			return -1;
	return 0;
}

/* ---- Before the first byte ---- */

/* What a person gave. */
static int check_request(struct session *s, const struct save_request *r, struct err *err)
{
	if (r->force_read && r->if_changed)
		return err_set(err, ERR_USAGE,
			       "force_read and if_changed exclude each other");
	if (session_check_own_store(s, "saving", err) < 0 ||
	    (r->note && sets_check_note(r->note, err) < 0) ||
	    (r->reason && sets_check_note(r->reason, err) < 0))
		return -1;
	return new_set_check_name(s, r->name, err);
}

/* There is something, and none of it can be had. */
static int unreadable(const struct save_unread_list *list, struct err *err)
{
	const struct save_unread *first = &list->items[0];

	return err_set(err, first->kind == ERR_DENIED ? ERR_DENIED : ERR_IO,
		       "cannot read the data of %s: %s: %s%s", q(first->app),
		       q(first->path), first->why,
		       list->n > 1 ? "; nor what else there is" : "");
}

/* There must be something to save. */
static int check_plan(const struct saving *v, struct err *err)
{
	if (v->plan.n_apps > 0)
		return 0;
	if (v->plan.unread.n > 0)
		return unreadable(&v->plan.unread, err);
	if (v->plan.empty.n > 0)
		return err_set(err, ERR_NOT_FOUND, "%s has no data here%s",
			       q(v->plan.empty.items[0]),
			       v->plan.empty.n > 1 ? ", nor have the others" : "");
	return err_set(err, ERR_NOT_FOUND, "there is nothing here to save");
}

/* There must be room for it: in the store, or where it will be made. */
static int check_room(const struct saving *v, struct err *err)
{
	struct session *s = v->session;
	_cleanup_close_ int above = -1;
	struct retention_room room;

	if (!s->store)
		above = places_open_above(&s->places, &s->places.snapshots, err);
	if ((!s->store && above < 0) ||
	    retention_room(s->store ? store_fd(s->store) : above, &s->config.reserve,
			   &room, err) < 0)
		return -1;
	return retention_check_room(&room, plan_room(&v->plan), v->plan.n_apps + 4,
				    s->store_shown, err);
}

/* Nobody else saves or restores these apps meanwhile. */
static int lock_apps(struct saving *v, struct err *err)
{
	struct lock_wait wait = session_wait(v->session);

	v->locks = alloc_zero(v->plan.n_apps, sizeof(*v->locks), err);
	if (!v->locks)
		return -1;
	for (size_t i = 0; i < v->plan.n_apps; i++)
		v->locks[v->n_locks++] = LOCK_KEY_APP(v->plan.apps[i].app->name);
	if (locks_take_all(v->session->locks, v->locks, v->n_locks, LOCK_EXCLUSIVE, &wait,
			   err) < 0)
		return -1;
	v->n_taken = v->n_locks;
	return 0;
}

/* ---- What need not be read, or saved ---- */

/* What was asked for, else what is configured. */
static enum gzip_level level_of(const struct saving *v)
{
	switch (v->request->compress) {
	case SAVE_COMPRESS_FAST:
		return GZIP_FAST;
	case SAVE_COMPRESS_SMALL:
		return GZIP_SMALL;
	case SAVE_COMPRESS_CONFIGURED:
		break;
	}
	return v->session->config.compress == CONFIG_SMALL ? GZIP_SMALL : GZIP_FAST;
}

/* How archives are compressed: another way gives another archive of the same trees. */
static char *packing_of(const struct saving *v, struct err *err)
{
	return alloc_printf(err, "%s %s", gzip_library(),
			    level_of(v) == GZIP_SMALL ? "small" : "fast");
}

/* Looks for what older sets hold. */
static int find_held(struct saving *v, struct err *err)
{
	_cleanup_free_ char *packing = packing_of(v, err);

	if (!packing)
		return -1;
	if (v->request->force_read || !v->session->db)
		return 0;
	for (size_t i = 0; i < v->plan.n_apps; i++)
		if (held_find(&v->held, &v->plan.apps[i], v->metas[i]->snap, packing,
			      err) < 0)
			return err_wrap(err, "cannot look for older data of %s",
					q(v->metas[i]->snap));
	return 0;
}

/* What was seen may be older than what a restore has put in place meanwhile. */
static void forget_prints(struct saving *v)
{
	for (size_t i = 0; i < v->plan.n_apps; i++)
		for (size_t k = 0; k < v->plan.apps[i].n_archives; k++)
			v->plan.apps[i].archives[k].print.valid = false;
}

/* The i-th app is held by that set: it leaves the plan. */
static int leave_to(struct saving *v, size_t i, uint64_t set, struct err *err)
{
	struct save_unchanged *grown =
		alloc_resize(v->unchanged, v->n_unchanged + 1, sizeof(*grown), err);
	char *app = grown ? alloc_strdup(v->metas[i]->snap, err) : NULL;

	if (grown)
		v->unchanged = grown;
	if (!app)
		return -1;
	grown[v->n_unchanged++] = (struct save_unchanged){ app, set };
	snapshot_free(v->metas[i]);
	plan_remove_app(&v->plan, i);
	memmove(&v->metas[i], &v->metas[i + 1], (v->plan.n_apps - i) * sizeof(*v->metas));
	return 0;
}

/* Takes the apps that a set holds as they are out of the plan. */
static int leave_unchanged(struct saving *v, struct err *err)
{
	const struct scope *scope = &v->request->scope;
	/* Who asks for some of the data is content with a set that has more. */
	bool only = scope->n_users == 0 && !scope->no_system;

	if (!v->request->if_changed || !v->session->db)
		return 0;
	for (size_t i = 0; i < v->plan.n_apps;) {
		uint64_t set;

		if (held_whole(&v->held, &v->plan.apps[i], v->metas[i]->snap,
			       v->metas[i]->conf, only, &set, err) < 0)
			return -1;
		if (set == 0)
			i++;
		else if (leave_to(v, i, set, err) < 0)
			return -1;
	}
	return 0;
}

/* A set that stands for one that was not made stays as long as that would have. */
static int extend(struct saving *v, uint64_t id, struct err *err)
{
	struct session *s = v->session;
	bool automatic = v->request->automatic;
	int64_t expires = retention_set_expiry(&s->config, automatic, v->time.sec);
	struct db_set set;
	int r = 0;

	if (db_set_get(s->db, id, &set, err) < 0)
		return -1;
	if (!automatic && (set.automatic || set.expires != 0)) {
		v->adopted[v->n_adopted++] = id;
		v->extended = true;
		r = db_set_adopt(s->db, id, err);
	} else if (set.expires != 0 && (expires == 0 || expires > set.expires)) {
		v->extended = true;
		r = db_set_expire(s->db, id, expires, err);
	}
	db_set_done(&set);
	return r;
}

/* All such sets, most often one for app after app, within a transaction: a save that
 * fails leaves them as they are. */
static int extend_held(struct saving *v, struct err *err)
{
	if (v->n_unchanged == 0)
		return 0;
	v->adopted = alloc_zero(v->n_unchanged, sizeof(*v->adopted), err);
	if (!v->adopted)
		return -1;
	for (size_t i = 0; i < v->n_unchanged; i++)
		if ((i == 0 || v->unchanged[i].set != v->unchanged[i - 1].set) &&
		    extend(v, v->unchanged[i].set, err) < 0)
			return err_wrap(err, "cannot keep set %llu",
					(unsigned long long)v->unchanged[i].set);
	return 0;
}

/* All that there is to do where no app is left to save. */
static int extend_alone(struct saving *v, struct err *err)
{
	struct db *db = v->session->db;

	if (db_begin(db, err) < 0)
		return -1;
	if (extend_held(v, err) == 0 && db_commit(db, err) == 0)
		return 0;
	db_rollback(db);
	return -1;
}

/* What has become of them. */
static void tell_adopted(const struct saving *v)
{
	for (size_t i = 0; i < v->n_adopted; i++)
		observer_note(v->session->observer, NULL, "set %llu no longer expires",
			      (unsigned long long)v->adopted[i]);
}

/* ---- The set itself ---- */

/* new_set_plan: the row, with the names that are going to appear. */
static int make_row(void *ctx, struct db_set *row, struct err *err)
{
	struct saving *v = ctx;
	const struct save_request *r = v->request;

	row->automatic = r->automatic;
	row->created = v->time.sec;
	row->expires =
		retention_set_expiry(&v->session->config, r->automatic, v->time.sec);
	if (put(&row->name, r->name, err) < 0 || put(&row->note, r->note, err) < 0 ||
	    put(&row->reason, r->reason, err) < 0)
		return -1;
	for (size_t i = 0; i < v->plan.n_apps; i++) {
		_cleanup_free_ char *file = NULL;

		v->metas[i]->set = row->id;
		if (store_file_name(row->id, v->metas[i], &file, err) < 0 ||
		    db_set_add_file(row, file, v->metas[i]->snap, DB_FILE_PLANNED, err) <
			    0)
			return -1;
	}
	return 0;
}

/* One app. */
static int save_app(struct saving *v, size_t i, struct err *err)
{
	struct plan_app *a = &v->plan.apps[i];
	_cleanup_free_ struct save_archive *archives = NULL;
	struct session *s = v->session;
	struct plan_looking looking = { &v->plan, a->app };
	struct save_options options = {
		.level = level_of(v),
		.settle = v->plan.settle,
		.observer = s->observer,
		.meter = &v->meter,
		.root = s->places.root,
		.problem = plan_note_problem,
		.problem_ctx = &looking,
	};
	struct save_result *result = &v->results[v->n_results];

	archives = alloc_zero(a->n_archives, sizeof(*archives), err);
	if (!archives || held_open(&v->held, a, err) < 0)
		return -1;
	for (size_t k = 0; k < a->n_archives; k++)
		archives[k] = a->archives[k].save;
	if (save_snapshot(s->store, v->metas[i], archives, a->n_archives, &options,
			  result, err) < 0)
		return -1;
	held_close(&v->held, a);
	v->n_results++;
	v->skipped += result->skipped;
	v->changed += result->changed;
	return 0;
}

/* What a later save compares its trees with. */
static int record_prints(struct saving *v, struct err *err)
{
	_cleanup_free_ char *packing = packing_of(v, err);

	if (!packing)
		return -1;
	for (size_t i = 0; i < v->n_results; i++)
		for (size_t k = 0; k < v->plan.apps[i].n_archives; k++) {
			const struct save_result *r = &v->results[i];
			const struct db_fingerprint f = {
				.app = v->metas[i]->snap,
				.member = v->plan.apps[i].archives[k].member,
				.digest = r->prints[k].digest,
				.packing = packing,
				.file = &r->file,
			};

			if (r->prints[k].valid &&
			    db_fingerprint_put(v->session->db, &f, err) < 0)
				return -1;
		}
	return 0;
}

/* new_set_plan: what stands or falls with the set. */
static int record_more(void *ctx, struct db_set *row, struct err *err)
{
	struct saving *v = ctx;

	(void)row;
	return extend_held(v, err) < 0 ? -1 : record_prints(v, err);
}

/* All apps, then the commit point. */
static int save_apps(struct saving *v, struct err *err)
{
	struct session *s = v->session;

	v->results = alloc_zero(v->plan.n_apps, sizeof(*v->results), err);
	if (!v->results)
		return -1;
	meter_init(&v->meter, s->observer, plan_bytes(&v->plan));
	for (size_t i = 0; i < v->plan.n_apps; i++)
		if (observer_check(s->observer, err) < 0 || save_app(v, i, err) < 0)
			return -1;
	meter_end(&v->meter);
	return new_set_complete(&v->set, record_more, v, err);
}

/* Locks the apps and looks whether what was planned still stands. */
static int lock_and_check(struct saving *v, struct err *err)
{
	bool restored;

	if (lock_apps(v, err) < 0 || plan_find_asides(&v->plan, &restored, err) < 0)
		return -1;
	if (restored)
		forget_prints(v);
	return 0;
}

/* What would be saved. */
static int name_apps(struct saving *v, struct err *err)
{
	for (size_t i = 0; i < v->plan.n_apps; i++)
		if (strings_add(&v->apps, v->metas[i]->snap, err) < 0)
			return -1;
	return 0;
}

/* Everything between the request and the answer. */
static int run(struct saving *v, struct err *err)
{
	const struct save_request *r = v->request;

	session_env_init(v->session, LOCK_KEY_COMMIT, false, &v->env);
	if (check_request(v->session, r, err) < 0 ||
	    plan_build(v->session, &r->scope, &v->env, &v->plan, err) < 0 ||
	    check_plan(v, err) < 0 || describe(v, err) < 0 || make_metas(v, err) < 0 ||
	    (!r->dry_run && lock_and_check(v, err) < 0) || leave_unchanged(v, err) < 0)
		return -1;
	if (v->plan.n_apps == 0)
		return r->dry_run ? 0 : extend_alone(v, err);
	if (find_held(v, err) < 0 ||
	    (r->dry_run && session_check_writable(v->session, err) < 0) ||
	    check_room(v, err) < 0)
		return -1;
	if (r->dry_run)
		return name_apps(v, err);
	if (new_set_begin(&v->set, make_row, v, err) < 0)
		return -1;
	return save_apps(v, err);
}

/* The set as it is listed.  That it cannot be read back now does not undo it. */
static void show_set(struct saving *v, struct save_outcome *o)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;

	o->has_set = true;
	if (sets_get(v->session, v->set.row.id, &o->set, &problem) == 0)
		return;
	observer_warn(v->session->observer, NULL,
		      "set %llu is complete, but cannot be shown: %s",
		      (unsigned long long)v->set.row.id, err_message(&problem));
	o->set = (struct set){ .id = v->set.row.id,
			       .origin = db_set_origin_name(DB_SET_SAVED),
			       .time = v->time,
			       .automatic = v->set.row.automatic };
	o->problems++;
}

/* The answer. */
static void answer(struct saving *v, struct save_outcome *ret)
{
	struct save_outcome o = { .apps = v->apps,
				  .empty = v->plan.empty,
				  .unread = v->plan.unread,
				  .estimate = plan_data(&v->plan),
				  .skipped = v->skipped,
				  .changed = v->changed,
				  .problems = v->plan.problems,
				  .unchanged = v->unchanged,
				  .n_unchanged = v->n_unchanged,
				  .extended = v->extended };

	v->apps = (struct strings)STRINGS_INIT;
	v->plan.empty = (struct strings)STRINGS_INIT;
	v->plan.unread = (struct save_unread_list){ 0 };
	v->unchanged = NULL;
	v->n_unchanged = 0;
	tell_adopted(v);
	if (v->set.committed)
		show_set(v, &o);
	*ret = o;
}

int setaside_save(struct session *s, const struct save_request *request,
		  struct save_outcome *ret, struct err *err)
{
	_cleanup_(saving_done) struct saving v = { .session = s, .request = request };

	session_unshield(s);
	new_set_init(&v.set, s, DB_SET_SAVING, DB_SET_SAVED);
	held_init(&v.held, s);
	if (run(&v, err) < 0)
		return -1;
	answer(&v, ret);
	return 0;
}
