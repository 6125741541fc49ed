/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/inventory.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "state/operation/plan.h"

static void app_done(struct inventory_app *a)
{
	for (size_t i = 0; i < a->n_archives; i++)
		free(a->archives[i].member);
	free(a->archives);
	strings_done(&a->users);
	free(a->name);
	free(a->version);
	free(a->revision);
	free(a->summary);
	*a = (struct inventory_app){ 0 };
}

void inventory_done(struct inventory *i)
{
	for (size_t k = 0; k < i->n; k++)
		app_done(&i->apps[k]);
	free(i->apps);
	strings_done(&i->empty);
	*i = (struct inventory){ 0 };
}

/* The archives of one app. */
static int copy_archives(const struct plan_app *from, struct inventory_app *a,
			 struct err *err)
{
	a->archives = alloc_zero(from->n_archives, sizeof(*a->archives), err);
	if (!a->archives)
		return -1;
	for (size_t i = 0; i < from->n_archives; i++) {
		const struct plan_archive *p = &from->archives[i];

		a->archives[i].member = alloc_strdup(p->member, err);
		if (!a->archives[i].member)
			return -1;
		a->n_archives++;
		a->archives[i].size = p->counts.data;
		a->size += p->counts.data;
		if (p->save.user && strings_add(&a->users, p->save.user, err) < 0)
			return -1;
	}
	return 0;
}

/* One app of the plan. */
static int copy_app(const struct plan_app *from, struct inventory_app *ret,
		    struct err *err)
{
	const struct catalog_app *app = from->app;
	struct inventory_app a = { .packaging = packaging_name(app->packaging) };

	a.name = alloc_strdup(app->name, err);
	a.version = a.name ? alloc_strdup(app->version, err) : NULL;
	a.revision = a.version ? alloc_strdup(app->revision, err) : NULL;
	a.summary = a.revision ? alloc_strdup(app->summary, err) : NULL;
	if (!a.summary || copy_archives(from, &a, err) < 0) {
		app_done(&a);
		return -1;
	}
	*ret = a;
	return 0;
}

/* qsort: by name, then packaging. */
static int by_name(const void *a, const void *b)
{
	const struct inventory_app *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : strcmp(x->packaging, y->packaging);
}

int setaside_inventory(struct session *s, const struct scope *scope,
		       struct inventory *ret, struct err *err)
{
	_cleanup_(plan_done) struct plan plan = { 0 };
	_cleanup_(inventory_done) struct inventory out = { 0 };
	struct session_env env;

	session_unshield(s);
	session_env_init(s, LOCK_KEY_COMMIT, false, &env);
	if (plan_build(s, scope, &env, &plan, err) < 0)
		return -1;
	out.apps = alloc_zero(plan.n_apps + 1, sizeof(*out.apps), err);
	if (!out.apps || strings_add_all(&out.empty, &plan.empty, err) < 0)
		return -1;
	for (size_t i = 0; i < plan.n_apps; i++) {
		if (copy_app(&plan.apps[i], &out.apps[i], err) < 0)
			return -1;
		out.n++;
		out.size += out.apps[i].size;
	}
	out.problems = plan.problems;
	qsort(out.apps, out.n, sizeof(*out.apps), by_name);
	*ret = out;
	out = (struct inventory){ 0 };
	return 0;
}

int setaside_users(struct session *s, struct user_list *ret, struct err *err)
{
	struct user_list one = { 0 };

	if (s->places.system && s->is_root)
		return users_persons(s->users, ret, err);
	one.users = alloc_zero(1, sizeof(*one.users), err);
	if (!one.users || user_copy(&s->self, &one.users[0], err) < 0) {
		free(one.users);
		return -1;
	}
	one.n = 1;
	*ret = one;
	return 0;
}
