/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/asides.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/base/stamp.h"
#include "backend/restore_state.h"
#include "state/operation/plan.h"
#include "state/restores.h"
#include "state/session_internal.h"

/* Whatever tree it is packed as: only its size is asked for. */
#define ARCHIVE_PATH "common"

#define HINT                                                                             \
 "it may be the only copy of older data; another store, another user's or snapd may"     \
 " know it all the same: compare it with what is live (diff -r), then move it back"      \
 " (mv) or remove it (rm -r)"

struct aside {
	char *path; /* below the root */
	const char *app;
	size_t owner; /* in the plan */
	bool gone, counted;
	uint64_t size;
};

struct looking {
	struct session *session;
	struct plan plan;
	struct session_env env;
	struct aside *found;
	size_t n, cap;
	size_t owner;        /* who looks now */
	size_t first;        /* of those that were found for him */
	struct strings more; /* who has too many */
	const char *app;     /* for whose sake */
};

static void looking_done(struct looking *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->found[i].path);
	free(l->found);
	strings_done(&l->more);
	plan_done(&l->plan);
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_found(const struct looking *l, const char *path)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->found[i].path, path) == 0)
			return true;
	return false;
}

/* This owner has more than are named. */
static int note_more(struct looking *l, struct err *err)
{
	const char *user = l->plan.owners[l->owner].user.name;
	_cleanup_free_ char *who = user ? alloc_printf(err, "user %s", q(user))
					: alloc_strdup("system data", err);

	if (!who)
		return -1;
	return strings_has(&l->more, who) ? 0 : strings_add(&l->more, who, err);
}

/* packer_asides()'s receiver.  A user's packer may say anything: what is no
 * such name is nothing. */
static int take(void *ctx, const char *path, struct err *err)
{
	struct looking *l = ctx;
	const char *name = last_component(path);
	struct aside *a;

	if (path[0] != '/' ||
	    (restore_state_live_length(name) == 0 && !restore_state_is_staging(name)) ||
	    is_found(l, path))
		return 0;
	if (l->n - l->first == ASIDES_MAX)
		return note_more(l, err);
	if (alloc_grow(&l->found, l->n, &l->cap, sizeof(*l->found), err) < 0)
		return -1;
	a = &l->found[l->n];
	*a = (struct aside){ .app = l->app, .owner = l->owner };
	a->path = alloc_strdup(path, err);
	if (!a->path)
		return -1;
	l->n++;
	return 0;
}

/* A problem with one path is said, and the rest is looked at.  A
 * worker that died ends all. */
static int pass_over(struct looking *l, const struct plan_owner *o, const char *path,
		     struct err *err)
{
	if (err_is(err, ERR_INTERRUPTED) || err_is(err, ERR_NOMEM) || !o->packer ||
	    !worker_is_alive(o->packer))
		return -1;
	observer_warn(l->session->observer, path, "%s", err_message(err));
	err_clear(err);
	return 0;
}

/* Where the trees of one owner's part of an app would lie.  A snap's directory holds
 * nothing but its data, so there those of other revisions count, too. */
static int look_for_app(struct looking *l, const struct catalog_app *app, struct err *err)
{
	struct plan_owner *o = &l->plan.owners[l->owner];
	bool user = o->user.name != NULL;

	l->app = app->name;
	for (size_t i = 0; i < app->n_trees; i++) {
		const struct catalog_tree *t = &app->trees[i];
		_cleanup_free_ char *path = NULL;

		if (t->user_scope != user)
			continue;
		path = session_expand(t->path, o->user.home, err);
		if (!path || plan_packer(&l->plan, o, err) < 0)
			return -1;
		if (packer_asides(o->packer, path, user, app->packaging == PACKAGING_SNAP,
				  take, l, l->session->observer, err) < 0 &&
		    pass_over(l, o, path, err) < 0)
			return -1;
	}
	return 0;
}

static int look_for_all(struct looking *l, const struct catalog *c, struct err *err)
{
	for (l->owner = 0; l->owner < l->plan.n_owners; l->owner++) {
		l->first = l->n;
		for (size_t i = 0; i < catalog_count(c); i++)
			if (observer_check(l->session->observer, err) < 0 ||
			    look_for_app(l, catalog_at(c, i), err) < 0)
				return -1;
	}
	return 0;
}

/* Those that the journal has are its own matter. */
static int drop_known(struct looking *l, struct err *err)
{
	_cleanup_(strings_done) struct strings known = STRINGS_INIT;

	if (restore_aside_names(l->session, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++)
		l->found[i].gone = strings_has(&known, last_component(l->found[i].path));
	return 0;
}

/* How much it is, and whether it is still there. */
static int count(struct looking *l, struct aside *a, struct err *err)
{
	struct plan_owner *o = &l->plan.owners[a->owner];
	struct packer_archive top = { .user = o->user.name != NULL };
	const struct observer *observer = l->session->observer;
	struct packer_found found = { .exists = true };
	struct pack_counts counts = { 0 };
	int r = plan_packer(&l->plan, o, err);

	if (r == 0)
		r = packer_begin(o->packer, &top, observer, err);
	if (r == 0)
		r = packer_tree(o->packer, ARCHIVE_PATH, a->path, observer, &found, err);
	free(found.resolved);
	a->gone = r == 0 && !found.exists;
	if (r == 0 && found.exists)
		r = packer_estimate(o->packer, observer, &counts, err);
	a->counted = r == 0;
	a->size = counts.data;
	return r < 0 ? pass_over(l, o, a->path, err) : 0;
}

/* What is said of one. */
static char *describe(const struct aside *a, const char *user, struct err *err)
{
	char size[STAMP_TEXT_MAX];

	stamp_format_size(a->size, size);
	return alloc_printf(err, "data of %s%s%s%s%s, known to no restore on record here",
			    a->app, user ? " of user " : "", user ? user : "",
			    a->counted ? ", " : "", a->counted ? size : "");
}

/* Appends an item; takes its strings, also where it fails. */
static int append(struct recovery_report *report, struct recovery_item *item,
		  struct err *err)
{
	struct recovery_item *grown =
		alloc_resize(report->left, report->n_left + 1, sizeof(*grown), err);

	if (!grown) {
		recovery_item_done(item);
		return -1;
	}
	report->left = grown;
	grown[report->n_left++] = *item;
	return 0;
}

static int report_one(const struct looking *l, const struct aside *a,
		      struct recovery_report *report, struct err *err)
{
	const char *user = l->plan.owners[a->owner].user.name;
	struct recovery_item item = { .size = a->counted && a->size < INT64_MAX
						      ? (int64_t)a->size
						      : -1 };

	item.object = session_shown_path(l->session, a->path, err);
	item.what = item.object ? describe(a, user, err) : NULL;
	item.hint = item.what ? alloc_strdup(HINT, err) : NULL;
	item.app = item.hint ? alloc_strdup(a->app, err) : NULL;
	item.user = item.app && user ? alloc_strdup(user, err) : NULL;
	if (!item.app || (user && !item.user)) {
		recovery_item_done(&item);
		return -1;
	}
	return append(report, &item, err);
}

/* That not all of somebody's are named. */
static int report_more(const char *who, struct recovery_report *report, struct err *err)
{
	struct recovery_item item = { .size = -1 };

	item.object = alloc_strdup(who, err);
	item.what =
		item.object
			? alloc_strdup("more trees rest aside than are named here", err)
			: NULL;
	if (!item.what) {
		recovery_item_done(&item);
		return -1;
	}
	return append(report, &item, err);
}

int asides_find(struct session *s, struct recovery_report *report, struct err *err)
{
	_cleanup_(looking_done) struct looking l = { .session = s };
	struct scope everything = { .apps = NULL };
	struct catalog *catalog;

	session_env_init(s, LOCK_KEY_COMMIT, false, &l.env);
	if (plan_begin(s, &everything, &l.env, &l.plan, &catalog, err) < 0 ||
	    look_for_all(&l, catalog, err) < 0 || drop_known(&l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++)
		if (!l.found[i].gone && count(&l, &l.found[i], err) < 0)
			return -1;
	for (size_t i = 0; i < l.n; i++)
		if (!l.found[i].gone && report_one(&l, &l.found[i], report, err) < 0)
			return -1;
	for (size_t i = 0; i < l.more.n; i++)
		if (report_more(l.more.items[i], report, err) < 0)
			return -1;
	return 0;
}
