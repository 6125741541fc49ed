/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/source.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/names.h"
#include "backend/worker/reader.h"
#include "state/operation/choose.h"

#define NATIVE_SUFFIX ".native"

static void archive_done(struct source_archive *a)
{
	for (size_t i = 0; i < a->n_trees; i++) {
		free(a->paths[i]);
		free(a->names[i]);
		strings_done(&a->patterns[i]);
	}
	free(a->paths);
	free(a->names);
	free(a->patterns);
	free(a->user);
	strings_done(&a->snapd);
	strings_done(&a->skipped);
}

void source_close(struct session *s, struct source *src)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;

	for (size_t i = 0;
	     s->reader && worker_is_alive(s->reader) && i < src->n_snapshots; i++)
		if (src->snapshots[i].handle != 0 &&
		    reader_close(s->reader, src->snapshots[i].handle, s->observer,
				 &ignored) < 0)
			err_clear(&ignored); /* it ends with the reader */
	source_done(src);
}

void source_done(struct source *src)
{
	for (size_t i = 0; i < src->n_archives; i++) {
		archive_done(&src->owned[i]);
		free(src->archives[i].trees);
	}
	free(src->owned);
	free(src->archives);
	for (size_t i = 0; i < src->n_snapshots; i++)
		snapshot_free(src->snapshots[i].meta);
	free(src->snapshots);
	for (size_t i = 0; i < src->n_skipped; i++) {
		free(src->skipped[i].app);
		free(src->skipped[i].user);
		free(src->skipped[i].why);
	}
	free(src->skipped);
	free(src->configs);
	strings_done(&src->apps);
	*src = (struct source){ 0 };
}

struct opening {
	struct session *session;
	const struct restore_request *request;
	const struct set *set;
	struct worker *reader;
	struct catalog *catalog;
	struct source *src;
};

/* ---- Which app of this machine ---- */

static enum packaging packaging_of(const struct snapshot *m)
{
	if (m->snap_id && strcmp(m->snap_id, "setaside-native") == 0)
		return PACKAGING_NATIVE;
	if (m->snap_id && strcmp(m->snap_id, "setaside-flatpak") == 0)
		return PACKAGING_FLATPAK;
	return PACKAGING_SNAP;
}

/* The app of that packaging, or NULL. */
static const struct catalog_app *find_app(const struct catalog *c,
					  enum packaging packaging, const char *name,
					  size_t n)
{
	for (size_t i = 0; i < catalog_count(c); i++) {
		const struct catalog_app *app = catalog_at(c, i);

		if (app->packaging == packaging && strlen(app->name) == n &&
		    strncmp(app->name, name, n) == 0)
			return app;
	}
	return NULL;
}

/* A snapshot of one packaging never goes over data of another. */
static int check_packaging(const struct opening *o, const struct snapshot *m,
			   struct err *err)
{
	enum packaging mine = packaging_of(m);

	for (size_t i = 0; i < catalog_count(o->catalog); i++) {
		const struct catalog_app *app = catalog_at(o->catalog, i);

		if (app->packaging != mine && app->installed &&
		    strcmp(app->name, m->snap) == 0) {
			err_set(err, ERR_REFUSED,
				"%s is a %s here, and the snapshot is of a %s app",
				q(m->snap), packaging_name(app->packaging),
				packaging_name(mine));
			return err_hint(err, "install the %s package of it first",
					packaging_name(mine));
		}
	}
	return 0;
}

/* Snaps: the same snap, and data that the current revision can read. */
static int check_snap(const struct catalog_app *app, const struct snapshot *m,
		      struct err *err)
{
	if (app->snap_id && m->snap_id && strcmp(app->snap_id, m->snap_id) != 0)
		return err_set(
			err, ERR_REFUSED,
			"the snap %s here is another one than the one that was saved",
			q(m->snap));
	if (app->installed && !snapshot_epoch_can_read(&app->epoch, &m->epoch))
		return err_set(
			err, ERR_REFUSED,
			"revision %s of the snap %s cannot read data of this snapshot's"
			" epoch",
			app->revision, q(m->snap));
	return 0;
}

/* *ret is NULL where it is not known here. */
static int match_app(const struct opening *o, const struct snapshot *m,
		     const struct catalog_app **ret, struct err *err)
{
	enum packaging packaging = packaging_of(m);
	size_t n = strlen(m->snap), suffix = strlen(NATIVE_SUFFIX);

	*ret = find_app(o->catalog, packaging, m->snap, n);
	if (!*ret && packaging == PACKAGING_NATIVE && n > suffix &&
	    strcmp(m->snap + n - suffix, NATIVE_SUFFIX) == 0)
		*ret = find_app(o->catalog, packaging, m->snap, n - suffix);
	if (!*ret && check_packaging(o, m, err) < 0)
		return -1;
	if (packaging != PACKAGING_SNAP)
		return 0;
	if (o->request->revision && !snapshot_revision_is_legal(o->request->revision))
		return err_set(err, ERR_USAGE, "%s is not a revision",
			       q(o->request->revision));
	return *ret ? check_snap(*ret, m, err) : 0;
}

/* ---- Which user ---- */

static int add_skip(struct source *src, const char *app, const char *user, size_t n,
		    const char *why, struct err *err)
{
	struct restore_skip *grown =
		alloc_resize(src->skipped, src->n_skipped + 1, sizeof(*grown), err);
	struct restore_skip s = { 0 };

	if (!grown)
		return -1;
	src->skipped = grown;
	s.app = alloc_strdup(app, err);
	s.user = s.app && user ? alloc_strndup(user, n, err) : NULL;
	s.why = err->kind == ERR_NONE ? alloc_strdup(why, err) : NULL;
	if (!s.why) {
		free(s.app);
		free(s.user);
		return -1;
	}
	grown[src->n_skipped++] = s;
	return 0;
}

/* A user whom nobody here is. */
static int skip_unknown(struct source *src, const char *app, const char *user, size_t n,
			struct err *err)
{
	if (add_skip(src, app, user, n, "there is no such user here", err) < 0)
		return -1;
	src->skipped[src->n_skipped - 1].unknown = true;
	return 0;
}

/* The user whose data this becomes: mapped, or of the same name.  1: found,
 * 0: left out and said. */
static int find_user(struct opening *o, const char *app, const char *name, size_t n,
		     struct user *ret, struct err *err)
{
	const struct users_policy *policy = &o->session->policy;
	_cleanup_free_ char *text = alloc_strndup(name, n, err);
	bool has_home;

	if (!text)
		return -1;
	for (size_t i = 0; i < policy->n_map; i++)
		if (strcmp(policy->map[i].from, text) == 0)
			return user_copy(&policy->map[i].to, ret, err) < 0 ? -1 : 1;
	if (session_user(o->session, text, false, ret, err) < 0) {
		if (!err_is(err, ERR_NOT_FOUND))
			return -1;
		err_clear(err);
		return skip_unknown(o->src, app, name, n, err);
	}
	/* The caller's home is where the session found it. */
	if (!o->session->places.system && ret->uid == o->session->self.uid) {
		user_done(ret);
		return user_copy(&o->session->self, ret, err) < 0 ? -1 : 1;
	}
	if (!o->session->is_root && ret->uid != o->session->self.uid)
		return add_skip(o->src, app, name, n,
				"only root can restore another user's data", err);
	if (users_has_home(o->session->users, ret, &has_home, err) < 0)
		return -1;
	if (has_home)
		return 1;
	return add_skip(o->src, app, name, n, "the user has no home here", err);
}

/* ---- Which trees, and where ---- */

/* Adds one tree; takes `path`. */
static int add_tree(struct restore_archive *a, struct source_archive *own,
		    const char *tree, char *path, bool is_file, bool optional,
		    char *const *patterns, size_t n_patterns, struct err *err)
{
	size_t i = own->n_trees;

	own->paths[i] = path;
	own->n_trees++;
	own->names[i] = alloc_strdup(tree, err);
	if (!own->names[i])
		return -1;
	for (size_t k = 0; k < n_patterns; k++)
		if (strings_add(&own->patterns[i], patterns[k], err) < 0)
			return -1;
	a->trees[i] = (struct restore_tree){ .tree = own->names[i],
					     .path = path,
					     .is_file = is_file,
					     .optional = optional,
					     .patterns = &own->patterns[i] };
	a->n_trees = own->n_trees;
	return 0;
}

/* The place that this machine gives a tree: the catalog's, else the recorded one of a set
 * that was saved here.  NULL and no error: there is none. */
static char *tree_path(struct opening *o, const struct catalog_app *app, bool user_scope,
		       const struct snapshot_tree *t, const char *home, struct err *err)
{
	for (size_t i = 0; app && i < app->n_trees; i++)
		if (app->trees[i].user_scope == user_scope &&
		    strcmp(app->trees[i].name, t->name) == 0)
			return session_expand(app->trees[i].path, home, err);
	if (o->src->trusted && (t->path[0] == '/' || (user_scope && t->path[0] == '~')))
		return session_expand(t->path, home, err);
	return NULL;
}

/* A native app's or flatpak's trees, as the metadata lists them. */
static int native_trees(struct opening *o, const struct snapshot *m,
			const struct snapshot_archive *from,
			const struct catalog_app *app, const char *home,
			struct restore_archive *a, struct source_archive *own,
			struct err *err)
{
	for (size_t i = 0; i < from->n_trees; i++) {
		const struct snapshot_tree *t = &from->trees[i];
		char *path = tree_path(o, app, a->user != NULL, t, home, err);
		_cleanup_free_ char *name = NULL;

		if (!path && err->kind != ERR_NONE)
			return -1;
		if (!path) {
			err_set(err, ERR_REFUSED,
				"no definition here says where %s of %s belongs",
				q(t->name), q(m->snap));
			return err_hint(err,
					"add a definition of %s, or restore with --trust",
					q(m->snap));
		}
		name = alloc_printf(err, "common/%s", t->name);
		if (!name) {
			free(path);
			return -1;
		}
		if (add_tree(a, own, name, path, t->is_file, false, t->exclude,
			     t->n_exclude, err) < 0)
			return -1;
	}
	return 0;
}

/* A snap's two directories; snapd's archives may lack one. */
static int snap_trees(struct opening *o, const struct snapshot *m,
		      const struct snapshot_archive *from, const struct catalog_app *app,
		      const char *home, struct restore_archive *a,
		      struct source_archive *own, struct err *err)
{
	const char *given = o->request->revision;
	const char *revision = given                   ? given
			       : app && app->installed ? app->revision
						       : m->revision;
	const char *base = a->user ? "~/snap" : "/var/snap";
	const char *tops[2] = { m->revision, "common" };

	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *path = NULL;
		char *const *patterns = NULL;
		size_t n = 0;
		char *full;

		path = alloc_printf(err, "%s/%s/%s", base, m->snap,
				    i == 0 ? revision : tops[1]);
		full = path ? session_expand(path, home, err) : NULL;
		if (!full)
			return -1;
		for (size_t k = 0; k < from->n_trees; k++) {
			if (strcmp(from->trees[k].name, tops[i]) == 0) {
				patterns = from->trees[k].exclude;
				n = from->trees[k].n_exclude;
			}
		}
		if (add_tree(a, own, tops[i], full, false, true, patterns, n, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- Archives ---- */

/* What unpacking needs: recorded, or counted by inflating it once. */
static int find_counts(struct opening *o, const struct snapshot_archive *from,
		       struct restore_archive *a, struct err *err)
{
	struct unpack_counts c;

	a->allocated = from->allocated;
	a->entries = from->entries;
	/* A stranger's own counts are a claim. */
	if (from->has_details && o->src->trusted)
		return 0;
	if (reader_count(o->reader, a->handle, a->member, o->session->observer, &c, err) <
	    0)
		return -1;
	a->allocated = c.allocated;
	a->entries = c.entries;
	return 0;
}

/* Room for one more archive and what it owns. */
static int grow(struct source *src, struct err *err)
{
	struct restore_archive *a =
		alloc_resize(src->archives, src->n_archives + 1, sizeof(*a), err);
	struct source_archive *own;

	if (!a)
		return -1;
	src->archives = a;
	own = alloc_resize(src->owned, src->n_archives + 1, sizeof(*own), err);
	if (!own)
		return -1;
	src->owned = own;
	a[src->n_archives] = (struct restore_archive){ 0 };
	own[src->n_archives] = (struct source_archive){ 0 };
	src->n_archives++;
	return 0;
}

/* Lists that the metadata has of an archive. */
static int copy_lists(const struct snapshot *m, const struct snapshot_archive *from,
		      struct source_archive *own, struct err *err)
{
	for (size_t i = 0; i < m->n_exclude; i++)
		if (strings_add(&own->snapd, m->exclude[i], err) < 0)
			return -1;
	for (size_t i = 0; i < from->n_skipped; i++)
		if (strings_add(&own->skipped, from->skipped[i].path, err) < 0)
			return -1;
	return 0;
}

/* One archive that belongs to `user` here (name NULL: the system). */
static int add_archive(struct opening *o, const struct source_snapshot *from,
		       const struct snapshot_archive *archive,
		       const struct catalog_app *app, const struct user *user,
		       struct err *err)
{
	const struct snapshot *m = from->meta;
	struct source_archive *own;
	struct restore_archive *a;
	size_t most = archive->n_trees + 2;

	if (grow(o->src, err) < 0)
		return -1;
	a = &o->src->archives[o->src->n_archives - 1];
	own = &o->src->owned[o->src->n_archives - 1];
	own->paths = alloc_zero(most, sizeof(*own->paths), err);
	own->names = alloc_zero(most, sizeof(*own->names), err);
	own->patterns = alloc_zero(most, sizeof(*own->patterns), err);
	a->trees = alloc_zero(most, sizeof(*a->trees), err);
	if (!own->paths || !own->names || !own->patterns || !a->trees)
		return -1;
	if (user->name) {
		own->user = alloc_strdup(user->name, err);
		if (!own->user)
			return -1;
	}
	a->app = m->snap;
	a->member = archive->name;
	a->user = own->user;
	a->revision = m->revision;
	a->flags =
		(user->name ? 0 : APPLY_OWNERS) | (o->src->trusted ? APPLY_TRUSTED : 0);
	a->reader = o->reader;
	a->handle = from->handle;
	if (copy_lists(m, archive, own, err) < 0 || find_counts(o, archive, a, err) < 0 ||
	    reader_size(o->reader, a->handle, a->member, o->session->observer, &a->size,
			err) < 0)
		return -1;
	return packaging_of(m) == PACKAGING_SNAP
		       ? snap_trees(o, m, archive, app, user->home, a, own, err)
		       : native_trees(o, m, archive, app, user->home, a, own, err);
}

/* One archive of a snapshot, if it is wanted and has somebody to go to. */
static int consider(struct opening *o, const struct source_snapshot *from,
		    const struct snapshot_archive *archive, const struct catalog_app *app,
		    struct err *err)
{
	_cleanup_(user_done) struct user user;
	const char *name;
	size_t n;
	int r;

	user_init(&user);
	if (!choose_archive(&o->request->scope, archive->name))
		return 0;
	name = snapshot_archive_user(archive->name, &n);
	if (!name) {
		if (!o->session->is_root)
			return add_skip(o->src, from->meta->snap, NULL, 0,
					"only root can restore system data", err);
		return add_archive(o, from, archive, app, &user, err);
	}
	r = find_user(o, from->meta->snap, name, n, &user, err);
	return r <= 0 ? r : add_archive(o, from, archive, app, &user, err);
}

/* An app of which something will be restored. */
static int note_app(struct opening *o, const struct snapshot *m,
		    const struct catalog_app *app, struct err *err)
{
	if (strings_add(&o->src->apps, m->snap, err) < 0)
		return -1;
	if (app && app->conf)
		o->src->configs[o->src->n_configs++] =
			(struct restore_detail_config){ m->snap, app->conf };
	/* Of native data nobody can say: a definition needs no package. */
	if (packaging_of(m) != PACKAGING_NATIVE && (!app || !app->installed))
		observer_note(o->session->observer, m->snap,
			      "is not installed here; its data is restored all the same");
	return 0;
}

/* One snapshot of the set, opened anew. */
static int open_snapshot(struct opening *o, const struct set_snapshot *from,
			 struct err *err)
{
	struct source_snapshot *snap = &o->src->snapshots[o->src->n_snapshots];
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	_cleanup_close_ int fd = -1;
	const struct catalog_app *app;
	size_t n = o->src->n_archives;

	fd = session_open_snapshot(o->session, from->file, &problem);
	if (fd >= 0 && reader_open(o->reader, fd, o->session->observer, &snap->meta,
				   &snap->handle, &problem, err) < 0)
		return -1;
	if (snap->meta)
		o->src->n_snapshots++;
	if (problem.kind != ERR_NONE) {
		err_move(err, &problem);
		return err_wrap(err, "the snapshot of %s is broken", q(from->meta->snap));
	}
	if (match_app(o, snap->meta, &app, err) < 0)
		return -1;
	for (size_t i = 0; i < snap->meta->n_archives; i++)
		if (consider(o, snap, &snap->meta->archives[i], app, err) < 0)
			return -1;
	return o->src->n_archives > n ? note_app(o, snap->meta, app, err) : 0;
}

/* Every OLD of a mapping is a user of the set, before anything is done; where system data
 * is restored only its unpacking shows whose it is. */
static int check_mapped(const struct opening *o, const struct set_snapshot *const *chosen,
			size_t n, struct err *err)
{
	const struct users_policy *policy = &o->session->policy;
	bool system =
		o->session->is_root && choose_has_system(&o->request->scope, chosen, n);

	for (size_t i = 0; i < policy->n_map; i++) {
		struct users_mapping *m = &policy->map[i];

		m->used = choose_has_user(chosen, n, m->from);
		if (!m->used && !system)
			return choose_fail_user(o->set, chosen, n, m->from, err);
	}
	return 0;
}

int source_open(struct session *s, const struct set *set,
		const struct restore_request *request, struct source *ret,
		struct err *err)
{
	_cleanup_free_ const struct set_snapshot **chosen = NULL;
	_cleanup_(source_done) struct source src = { 0 };
	struct opening o = { .session = s, .request = request, .set = set, .src = &src };
	size_t n;

	src.trusted = request->trust || strcmp(set->origin, "saved") == 0;
	if (choose_snapshots(set, &request->scope, &chosen, &n, err) < 0 ||
	    check_mapped(&o, chosen, n, err) < 0 ||
	    session_reader(s, &o.reader, err) < 0 ||
	    session_catalog(s, &o.catalog, err) < 0)
		return -1;
	src.snapshots = alloc_zero(n + 1, sizeof(*src.snapshots), err);
	src.configs = alloc_zero(n + 1, sizeof(*src.configs), err);
	if (!src.snapshots || !src.configs)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (open_snapshot(&o, chosen[i], err) < 0)
			return -1;
	for (size_t i = 0; i < src.n_archives; i++) {
		/* Only now do they stay where they are. */
		src.archives[i].snapd = &src.owned[i].snapd;
		src.archives[i].paths = &src.owned[i].skipped;
	}
	if (src.n_archives == 0 && src.n_skipped == 0)
		return err_set(err, ERR_NOT_FOUND,
			       "set %llu holds nothing of what was asked for",
			       (unsigned long long)set->id);
	*ret = src;
	src = (struct source){ 0 };
	return 0;
}
