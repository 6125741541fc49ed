/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/plan.h"

#include <linux/capability.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/names.h"
#include "state/flatpak.h"
#include "state/operation/unread.h"
#include "state/restores.h"
#include "state/settle.h"

/* A hint names trees up to about so many bytes. */
#define TREE_NAMES_MAX 200

/* System data has mixed owners: nobody, with the right to read. */
static const struct identity system_packer = {
	.kind = IDENTITY_NOBODY_WITH,
	.caps = IDENTITY_CAP(CAP_DAC_READ_SEARCH),
};

static void archive_done(struct plan_archive *a)
{
	for (size_t i = 0; a->paths && i < a->n_trees; i++)
		free(a->paths[i]);
	free(a->paths);
	free(a->trees);
	free(a->member);
	*a = (struct plan_archive){ 0 };
}

static void app_done(struct plan_app *a)
{
	for (size_t i = 0; i < a->n_archives; i++)
		archive_done(&a->archives[i]);
	free(a->archives);
	strings_done(&a->exclude);
	*a = (struct plan_app){ 0 };
}

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->n_apps; i++)
		app_done(&p->apps[i]);
	free(p->apps);
	for (size_t i = 0; i < p->n_owners; i++) {
		worker_free(p->owners[i].packer);
		user_done(&p->owners[i].user);
		free(p->owners[i].groups);
	}
	free(p->owners);
	strings_done(&p->empty);
	unread_list_done(&p->unread);
	strings_done(&p->leave_out);
	*p = (struct plan){ 0 };
}

/* ---- Owners ---- */

/* Appends an owner; `user` NULL is the system. */
static int add_owner(struct plan *p, const struct user *user, struct err *err)
{
	struct plan_owner *grown =
		alloc_resize(p->owners, p->n_owners + 1, sizeof(*grown), err);
	struct plan_owner *o;

	if (!grown)
		return -1;
	p->owners = grown;
	o = &grown[p->n_owners];
	*o = (struct plan_owner){ 0 };
	user_init(&o->user);
	if (user && user_copy(user, &o->user, err) < 0)
		return -1;
	p->n_owners++;
	return 0;
}

/* A name that cannot be a member's name cannot be saved; it is named. */
static int add_user(struct plan *p, const struct user *user, struct err *err)
{
	for (size_t i = 0; i < p->n_owners; i++)
		if (p->owners[i].user.name && p->owners[i].user.uid == user->uid)
			return 0;
	if (!snapshot_user_is_legal(user->name)) {
		observer_warn(p->session->observer, user->name,
			      "left out: no snapshot can record this user's name");
		p->problems++;
		return 0;
	}
	return add_owner(p, user, err);
}

/* Those that the caller named. */
static int add_named_users(struct plan *p, const struct scope *scope, struct err *err)
{
	struct session *s = p->session;

	for (size_t i = 0; i < scope->n_users; i++) {
		_cleanup_(user_done) struct user u;

		user_init(&u);
		if (users_find(s->users, scope->users[i], &u, err) < 0)
			return -1;
		if (!s->is_root && u.uid != s->self.uid)
			return err_set(err, ERR_DENIED, "only root can act for user %s",
				       q(u.name));
		if (add_user(p, &u, err) < 0)
			return -1;
	}
	return 0;
}

/* Those that the mode takes when nobody is named. */
static int add_default_users(struct plan *p, struct err *err)
{
	struct session *s = p->session;
	struct user_list list = { 0 };
	int r = 0;

	if (!s->places.system || !s->is_root)
		return add_user(p, &s->self, err);
	if (users_persons(s->users, &list, err) < 0)
		return -1;
	for (size_t i = 0; r == 0 && i < list.n; i++)
		r = add_user(p, &list.users[i], err);
	user_list_done(&list);
	return r;
}

int plan_packer(struct plan *p, struct plan_owner *o, struct err *err)
{
	struct identity id = system_packer;

	if (o->packer && worker_is_alive(o->packer))
		return 0;
	worker_free(o->packer);
	o->packer = NULL;
	free(o->groups);
	o->groups = NULL;
	if (o->user.name &&
	    session_identity(p->session, &o->user, &id, &o->groups, err) < 0)
		return -1;
	if (worker_start(&p->env->env, WORKER_PACKER, &id, p->session->observer,
			 &o->packer, err) < 0)
		return -1;
	if (p->leave_out.n == 0 ||
	    packer_leave_out(o->packer, &p->leave_out, p->session->observer, err) == 0)
		return 0;
	/* Nobody may take it for one that knows them. */
	worker_free(o->packer);
	o->packer = NULL;
	return -1;
}

/* All owners, the system first. */
static int find_owners(struct plan *p, const struct scope *scope, struct err *err)
{
	if (p->session->places.system && !scope->no_system && add_owner(p, NULL, err) < 0)
		return -1;
	if (scope->n_users > 0)
		return add_named_users(p, scope, err);
	return add_default_users(p, err);
}

/* ---- What lies in homes that no definition knows ---- */

struct home_listing {
	struct plan *plan;
	struct catalog *catalog;
	struct strings names;
};

/* packer_list's receiver. */
static int collect_name(void *ctx, const char *name, struct err *err)
{
	return strings_add(&((struct home_listing *)ctx)->names, name, err);
}

/* Data of a flatpak, and what the owner's own installation says of it. */
static int add_home_flatpak(struct plan *p, struct plan_owner *o, struct catalog *c,
			    const char *id, struct err *err)
{
	_cleanup_(flatpak_deploy_done) struct flatpak_deploy d = { NULL, NULL };
	_cleanup_free_ char *home = NULL, *path = NULL;

	if (!flatpak_id_is_legal(id))
		return 0;
	home = session_expand("~/.local/share/flatpak/app", o->user.home, err);
	path = home ? alloc_printf(err, "%s/%s/current/active/deploy", home, id) : NULL;
	if (!path)
		return -1;
	if (packer_flatpak(o->packer, path, p->session->observer, &d, err) < 0) {
		if (!worker_is_alive(o->packer) || err_is(err, ERR_NOMEM) ||
		    err_is(err, ERR_INTERRUPTED))
			return -1;
		observer_warn(p->session->observer, id, "%s", err_message(err));
		err_clear(err); /* only the version is not known */
	}
	return catalog_add_home_flatpak(c, id, d.version, d.summary, err);
}

/* ~/.var/app/ID */
static int find_home_flatpaks(struct plan *p, struct plan_owner *o, struct catalog *c,
			      struct err *err)
{
	struct home_listing l = { p, c, STRINGS_INIT };
	_cleanup_free_ char *path = session_expand("~/.var/app", o->user.home, err);
	int r = path ? packer_list(o->packer, path, collect_name, &l,
				   p->session->observer, err)
		     : -1;

	for (size_t i = 0; r >= 0 && i < l.names.n; i++)
		r = add_home_flatpak(p, o, c, l.names.items[i], err);
	strings_done(&l.names);
	return r < 0 ? -1 : 0;
}

/* ~/snap/NAME/current */
static int find_home_snaps(struct plan *p, struct plan_owner *o, struct catalog *c,
			   struct err *err)
{
	struct home_listing l = { p, c, STRINGS_INIT };
	_cleanup_free_ char *path = session_expand("~/snap", o->user.home, err);
	int r = path ? packer_list(o->packer, path, collect_name, &l,
				   p->session->observer, err)
		     : -1;

	for (size_t i = 0; r >= 0 && i < l.names.n; i++) {
		_cleanup_free_ char *link = NULL, *revision = NULL;

		link = alloc_printf(err, "%s/%s/current", path, l.names.items[i]);
		r = link ? packer_link(o->packer, link, p->session->observer, &revision,
				       err)
			 : -1;
		if (r == 0 && revision)
			r = catalog_add_home_snap(c, l.names.items[i], revision, err);
	}
	strings_done(&l.names);
	return r < 0 ? -1 : 0;
}

/* All homes. One that cannot be looked into is named and left out of this. */
static int find_home_apps(struct plan *p, struct catalog *c, struct err *err)
{
	for (size_t i = 0; i < p->n_owners; i++) {
		struct plan_owner *o = &p->owners[i];

		if (!o->user.name)
			continue;
		if (plan_packer(p, o, err) == 0 &&
		    find_home_flatpaks(p, o, c, err) == 0 &&
		    find_home_snaps(p, o, c, err) == 0)
			continue;
		if (err_is(err, ERR_INTERRUPTED) || err_is(err, ERR_NOMEM) ||
		    !o->packer || !worker_is_alive(o->packer))
			return -1;
		observer_warn(p->session->observer, o->user.name, "%s", err_message(err));
		err_clear(err);
		p->problems++;
	}
	return 0;
}

/* ---- Apps ---- */

/* "TREE/PATTERN" of a native app or flatpak as snapd's variables say it; NULL if it is
 * none of this app's trees.  "TREE/X/" is "TREE/X", which goes with all below it. */
static char *native_exclude(const struct catalog_app *app, const char *pattern,
			    bool *ret_known, struct err *err)
{
	*ret_known = false;
	for (size_t i = 0; i < app->n_trees; i++) {
		const struct catalog_tree *t = &app->trees[i];
		size_t n = strlen(t->name), len;

		if (strncmp(pattern, t->name, n) != 0 || pattern[n] != '/')
			continue;
		*ret_known = true;
		len = strlen(pattern);
		if (len > n + 2 && pattern[len - 1] == '/')
			len--;
		return alloc_printf(err, "%s/%.*s",
				    t->user_scope ? "$SNAP_USER_COMMON" : "$SNAP_COMMON",
				    (int)len, pattern);
	}
	return NULL;
}

/* The run-time excludes that are about this app, checked by the rules
 * they are stored under. */
static int app_excludes(struct plan_app *a, const struct scope *scope, bool *used,
			struct err *err)
{
	_cleanup_(exclude_freep) struct exclude *scratch = NULL;

	if (scope->n_exclude > 0 && exclude_new(&scratch, err) < 0)
		return -1;
	for (size_t i = 0; i < scope->n_exclude; i++) {
		const char *pattern = scope->exclude[i];
		_cleanup_free_ char *stored = NULL;
		bool known = pattern[0] == '$';

		if (known)
			stored = alloc_strdup(pattern, err);
		else if (a->app->packaging != PACKAGING_SNAP)
			stored = native_exclude(a->app, pattern, &known, err);
		if (!stored && err->kind != ERR_NONE)
			return -1;
		if (!known)
			continue;
		used[i] = true;
		if (exclude_add_snapd(scratch, stored, true, a->app->revision, err) < 0)
			return pattern[0] == '$' ? -1 : err_wrap(err, "%s", q(pattern));
		if (strings_add(&a->exclude, stored, err) < 0)
			return -1;
	}
	return 0;
}

/* The trees of an app that are this owner's, as an archive to save. */
static int archive_init(struct plan *p, const struct catalog_app *app,
			struct plan_owner *o, struct plan_archive *a, struct err *err)
{
	bool user = o->user.name != NULL;

	a->trees = alloc_zero(app->n_trees + 1, sizeof(*a->trees), err);
	a->paths = a->trees ? alloc_zero(app->n_trees + 1, sizeof(*a->paths), err) : NULL;
	if (!a->paths)
		return -1;
	a->member = user ? alloc_printf(err, "user/%s.tgz", o->user.name)
			 : alloc_strdup("archive.tgz", err);
	if (!a->member)
		return -1;
	for (size_t i = 0; i < app->n_trees; i++) {
		const struct catalog_tree *t = &app->trees[i];

		if (t->user_scope != user)
			continue;
		a->paths[a->n_trees] = session_expand(t->path, o->user.home, err);
		if (!a->paths[a->n_trees])
			return -1;
		a->trees[a->n_trees] =
			(struct save_tree){ .name = t->name,
					    .archive_path = t->archive_path,
					    .shown_path = t->path,
					    .path = a->paths[a->n_trees],
					    .exclude = &t->exclude };
		a->n_trees++;
	}
	a->save = (struct save_archive){
		.member = a->member,
		.packer = o->packer,
		.top = { .user = user,
			 .native = app->packaging != PACKAGING_SNAP,
			 .uid = user ? o->user.uid : 0,
			 .gid = user ? o->user.gid : 0,
			 .revision = app->revision },
		.user = o->user.name,
		.uid = user ? o->user.uid : 0,
		.gid = user ? o->user.gid : 0,
		.home = user ? o->user.home : NULL,
		.trees = a->trees,
		.n_trees = a->n_trees,
	};
	(void)p;
	return 0;
}

int plan_note_problem(void *looking, const struct save_archive *a,
		      const struct save_tree *t, const struct err *why, struct err *err)
{
	const struct plan_looking *l = looking;
	struct plan *p = l->plan;
	_cleanup_free_ char *path = session_shown_path(p->session, t->path, err);
	_cleanup_free_ char *whose = NULL;
	int r = path ? unread_add(&p->unread, l->app->name, a->user, path, why, err) : -1;

	if (r <= 0)
		return r;
	whose = save_whose(l->app->name, a->user, err);
	if (!whose)
		return -1;
	observer_warn(p->session->observer, whose, "%s: %s", q(path), err_message(why));
	return 0;
}

/* Looks at one owner's part of an app; an archive that has a tree is kept. */
static int add_archive(struct plan *p, struct plan_app *app, struct plan_owner *o,
		       struct err *err)
{
	struct plan_looking looking = { p, app->app };
	struct save_options options = { .settle = p->settle,
					.observer = p->session->observer,
					.problem = plan_note_problem,
					.problem_ctx = &looking };
	struct plan_archive a = { 0 };
	struct save_estimate estimate = { 0 };
	struct plan_archive *grown;

	if (plan_packer(p, o, err) < 0)
		return -1;
	if (archive_init(p, app->app, o, &a, err) < 0)
		goto fail;
	if (a.n_trees > 0 &&
	    save_estimate(&a.save, &app->exclude, &options, &estimate, err) < 0)
		goto fail;
	a.counts = estimate.counts;
	a.print = estimate.print;
	a.save.bytes = a.counts.bytes;
	p->problems += estimate.problems;
	if (estimate.trees == 0) {
		archive_done(&a);
		return 0;
	}
	grown = alloc_resize(app->archives, app->n_archives + 1, sizeof(*grown), err);
	if (!grown)
		goto fail;
	app->archives = grown;
	grown[app->n_archives++] = a;
	return 0;
fail:
	archive_done(&a);
	return -1;
}

/* All of one app. */
static int build_app(struct plan *p, const struct scope *scope,
		     const struct catalog_app *app, bool *used, struct plan_app *ret,
		     struct err *err)
{
	struct plan_app a = { .app = app };

	if (app_excludes(&a, scope, used, err) < 0)
		goto fail;
	for (size_t i = 0; i < p->n_owners; i++)
		if (add_archive(p, &a, &p->owners[i], err) < 0)
			goto fail;
	*ret = a;
	return 0;
fail:
	app_done(&a);
	return -1;
}

struct here {
	struct plan *plan;
	const struct scope *scope;
	bool *used;
	struct err *err;
};

/* catalog_lookup's question: has this packaging of the name data here? */
static bool is_here(void *ctx, const struct catalog_app *app)
{
	struct here *h = ctx;
	struct plan_app a = { 0 };
	bool yes;

	if (h->err->kind != ERR_NONE ||
	    build_app(h->plan, h->scope, app, h->used, &a, h->err) < 0)
		return false;
	yes = a.n_archives > 0;
	app_done(&a);
	return yes;
}

/* Appends an app with data; without, it is `empty` where it was named. */
static int add_app(struct plan *p, const struct scope *scope,
		   const struct catalog_app *app, bool named, bool *used, struct err *err)
{
	struct plan_app a, *grown;

	for (size_t i = 0; i < p->n_apps; i++)
		if (p->apps[i].app == app)
			return 0;
	if (build_app(p, scope, app, used, &a, err) < 0)
		return err_wrap(err, "cannot look at the data of %s", q(app->name));
	if (a.n_archives == 0) {
		app_done(&a);
		return named && !unread_has(&p->unread, app->name) &&
				       !strings_has(&p->empty, app->name)
			       ? strings_add(&p->empty, app->name, err)
			       : 0;
	}
	grown = alloc_resize(p->apps, p->n_apps + 1, sizeof(*grown), err);
	if (!grown) {
		app_done(&a);
		return -1;
	}
	p->apps = grown;
	grown[p->n_apps++] = a;
	return 0;
}

/* The apps of the scope, or all. */
static int find_apps(struct plan *p, const struct scope *scope, struct catalog *c,
		     bool *used, struct err *err)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	struct here h = { p, scope, used, &problem };

	for (size_t i = 0; i < scope->n_apps; i++) {
		const struct catalog_app *app;

		if (catalog_lookup(c, scope->apps[i], is_here, &h, &app, err) < 0)
			return -1;
		if (problem.kind != ERR_NONE)
			return err_move(err, &problem);
		if (add_app(p, scope, app, true, used, err) < 0)
			return -1;
	}
	for (size_t i = 0; scope->n_apps == 0 && i < catalog_count(c); i++) {
		observer_progress(p->session->observer, 0, 0);
		if (observer_check(p->session->observer, err) < 0 ||
		    add_app(p, scope, catalog_at(c, i), false, used, err) < 0)
			return -1;
	}
	return 0;
}

/* The names of the trees that are here, as far as a line of text holds them. */
static int list_trees(const struct plan *p, struct buf *ret, struct err *err)
{
	for (size_t i = 0; i < p->n_apps; i++) {
		const struct catalog_app *app = p->apps[i].app;

		for (size_t k = 0; k < app->n_trees; k++) {
			if (ret->len > TREE_NAMES_MAX)
				return buf_add_str(ret, ", ...", err);
			if (buf_printf(ret, err, "%s%s", ret->len ? ", " : "",
				       q(app->trees[k].name)) < 0)
				return -1;
		}
	}
	return 0;
}

/* An exclude that names no tree of any app was meant otherwise. */
static int check_excludes(const struct plan *p, const struct scope *scope,
			  const bool *used, struct err *err)
{
	for (size_t i = 0; i < scope->n_exclude; i++) {
		_cleanup_(buf_done) struct buf trees = BUF_INIT;

		if (used[i])
			continue;
		if (list_trees(p, &trees, err) < 0)
			return -1;
		err_set(err, ERR_USAGE, "--exclude %s matches no tree of these apps",
			q(scope->exclude[i]));
		return err_hint(
			err,
			"an exclude is TREE/PATTERN with the name of a tree%s%s, or begins"
			" with $SNAP_DATA, $SNAP_COMMON, $SNAP_USER_DATA or"
			" $SNAP_USER_COMMON",
			trees.len ? ": " : "", trees.len ? trees.data : "");
	}
	return 0;
}

void plan_remove_app(struct plan *p, size_t i)
{
	app_done(&p->apps[i]);
	p->n_apps--;
	memmove(&p->apps[i], &p->apps[i + 1], (p->n_apps - i) * sizeof(*p->apps));
}

/* Whether two lists hold the same names in the same order. */
static bool are_same(const struct strings *a, const struct strings *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

/* Those packers that there are; others are told when they are started. */
static int tell_packers(struct plan *p, struct err *err)
{
	for (size_t i = 0; i < p->n_owners; i++) {
		struct worker *w = p->owners[i].packer;

		if (w && worker_is_alive(w) &&
		    packer_leave_out(w, &p->leave_out, p->session->observer, err) < 0)
			return -1;
	}
	return 0;
}

int plan_find_asides(struct plan *p, bool *ret_changed, struct err *err)
{
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;
	bool changed;

	if (restore_aside_names(p->session, &names, err) < 0)
		return -1;
	changed = !are_same(&names, &p->leave_out);
	strings_done(&p->leave_out);
	p->leave_out = names;
	names = (struct strings)STRINGS_INIT;
	if (ret_changed)
		*ret_changed = changed;
	return changed ? tell_packers(p, err) : 0;
}

int plan_begin(struct session *s, const struct scope *scope, struct session_env *env,
	       struct plan *ret, struct catalog **ret_catalog, struct err *err)
{
	_cleanup_(plan_done) struct plan p = { .session = s, .env = env };
	struct catalog *catalog;

	if (find_owners(&p, scope, err) < 0 || session_catalog(s, &catalog, err) < 0 ||
	    find_home_apps(&p, catalog, err) < 0)
		return -1;
	*ret_catalog = catalog;
	*ret = p;
	p = (struct plan){ 0 };
	return 0;
}

/* After how many seconds what was changed is settled. */
static int64_t settle_time(const struct config *c)
{
	return c->settle == CONFIG_SETTLE_DERIVED ? settle_read(SETTLE_DIR) : c->settle;
}

int plan_build(struct session *s, const struct scope *scope, struct session_env *env,
	       struct plan *ret, struct err *err)
{
	_cleanup_(plan_done) struct plan p = { .n_owners = 0 };
	_cleanup_free_ bool *used = alloc_zero(scope->n_exclude + 1, sizeof(*used), err);
	struct catalog *catalog;

	if (!used || plan_begin(s, scope, env, &p, &catalog, err) < 0 ||
	    plan_find_asides(&p, NULL, err) < 0)
		return -1;
	p.settle = settle_time(&s->config);
	if (find_apps(&p, scope, catalog, used, err) < 0 ||
	    check_excludes(&p, scope, used, err) < 0)
		return -1;
	/* They were warned of; who asks for all does not get all. */
	if (scope->n_apps == 0)
		p.problems += catalog_unread(catalog);
	*ret = p;
	p = (struct plan){ 0 };
	return 0;
}

uint64_t plan_data(const struct plan *p)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < p->n_apps; i++)
		for (size_t k = 0; k < p->apps[i].n_archives; k++)
			sum = meter_add(sum, p->apps[i].archives[k].counts.data);
	return sum;
}

uint64_t plan_bytes(const struct plan *p)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < p->n_apps; i++)
		for (size_t k = 0; k < p->apps[i].n_archives; k++)
			sum = meter_add(sum, p->apps[i].archives[k].save.bytes);
	return sum;
}

/* Metadata, directory and headers of one zip. */
#define ZIP_ROOM ((uint64_t)64 << 10)

uint64_t plan_room(const struct plan *p)
{
	uint64_t sum = 0;

	/* Blocks that do not shrink are stored: a little more than
	 * the tar stream at worst. */
	for (size_t i = 0; i < p->n_apps; i++) {
		sum = meter_add(sum, ZIP_ROOM);
		for (size_t k = 0; k < p->apps[i].n_archives; k++) {
			const struct plan_archive *a = &p->apps[i].archives[k];
			uint64_t bytes =
				a->save.held ? a->held.place.size : a->counts.bytes;

			sum = meter_add(sum, meter_add(bytes, bytes / 1000));
		}
	}
	return sum;
}
