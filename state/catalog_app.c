/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/catalog_internal.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"

void catalog_tree_done(struct catalog_tree *t)
{
	free(t->name);
	free(t->archive_path);
	free(t->path);
	strings_done(&t->exclude);
	*t = (struct catalog_tree){ .name = NULL };
}

void catalog_app_free(struct catalog_app *app)
{
	if (!app)
		return;
	free(app->name);
	free(app->version);
	free(app->revision);
	free(app->summary);
	free(app->snap_id);
	free(app->conf);
	for (size_t i = 0; i < app->n_trees; i++)
		catalog_tree_done(&app->trees[i]);
	free(app->trees);
	free(app);
}

int catalog_set(char **field, const char *text, struct err *err)
{
	if (!text)
		return 0;
	*field = alloc_strdup(text, err);
	return *field ? 0 : -1;
}

int catalog_app_new(const char *name, enum packaging packaging, const char *revision,
		    const char *version, const char *summary, struct catalog_app **ret,
		    struct err *err)
{
	_cleanup_(catalog_app_freep) struct catalog_app *app =
		alloc_zero(1, sizeof(*app), err);

	if (!app)
		return -1;
	app->packaging = packaging;
	if (catalog_set(&app->name, name, err) < 0 ||
	    catalog_set(&app->revision, revision, err) < 0 ||
	    catalog_set(&app->version, version ? version : "", err) < 0 ||
	    catalog_set(&app->summary, summary ? summary : "", err) < 0)
		return -1;
	*ret = TAKE_PTR(app);
	return 0;
}

/* Order of two trees: as catalog.h says. */
static int compare_trees(const struct catalog_tree *a, const struct catalog_tree *b)
{
	if (a->user_scope != b->user_scope)
		return a->user_scope ? 1 : -1;
	return strcmp(a->archive_path, b->archive_path);
}

int catalog_take_tree(struct catalog_app *app, struct catalog_tree *tree, struct err *err)
{
	size_t at = app->n_trees;

	if (alloc_grow(&app->trees, app->n_trees, &app->cap_trees, sizeof(*app->trees),
		       err) < 0)
		return -1;
	while (at > 0 && compare_trees(tree, &app->trees[at - 1]) < 0) {
		app->trees[at] = app->trees[at - 1];
		at--;
	}
	app->trees[at] = *tree;
	app->n_trees++;
	*tree = (struct catalog_tree){ .name = NULL };
	return 0;
}
