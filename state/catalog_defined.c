/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/catalog_internal.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"

#define FLATPAK_DATA "~/.var/app/"

/* Whether path is `top` or below it. */
static bool is_within(const char *path, const char *top)
{
	size_t n = strlen(top);

	return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* The tree of the app whose place is the same, around or within; NULL: none.  A
 * definition has none such, but variables may lead two of its trees to one place. */
static const struct catalog_tree *nesting(const struct catalog_app *app,
					  const struct catalog_tree *tree)
{
	for (size_t i = 0; i < app->n_trees; i++) {
		const struct catalog_tree *t = &app->trees[i];

		if (is_within(t->path, tree->path) || is_within(tree->path, t->path))
			return t;
	}
	return NULL;
}

static int add_defined_tree(const struct catalog *c, struct catalog_app *app,
			    const struct definition_tree *from, const char *at,
			    struct err *err)
{
	_cleanup_(catalog_tree_done) struct catalog_tree tree = {
		.user_scope = from->user_scope,
		.required = from->required,
		.role = from->role,
	};
	const struct catalog_tree *other;

	if (catalog_set(&tree.name, from->name, err) < 0 ||
	    strings_add_all(&tree.exclude, &from->exclude, err) < 0)
		return -1;
	tree.archive_path = alloc_printf(err, "common/%s", from->name);
	tree.path = tree.archive_path ? xdg_expand(&c->xdg, at, err) : NULL;
	if (!tree.path)
		return -1;
	other = nesting(app, &tree);
	if (other) {
		observer_warn(c->observer, app->name,
			      "tree %s is left out: %s is also in tree %s", tree.name,
			      q(tree.path), other->name);
		return 0;
	}
	return catalog_take_tree(app, &tree, err);
}

/* The version of the first of the names that is installed. */
static const char *version_of(const struct packages *packages, enum package_system system,
			      const struct strings *names)
{
	const char *version = NULL;

	for (size_t i = 0; !version && i < names->n; i++)
		version = packages_version(packages, system, names->items[i]);
	return version;
}

int catalog_make_native(struct catalog *c, const struct definition *d,
			const struct packages *packages, struct catalog_app **ret,
			struct err *err)
{
	_cleanup_(catalog_app_freep) struct catalog_app *app = NULL;
	const char *version = version_of(packages, PACKAGE_DEB, &d->deb);

	if (!version)
		version = version_of(packages, PACKAGE_PACMAN, &d->pacman);
	if (catalog_app_new(d->id, PACKAGING_NATIVE, "x1", version, d->name, &app, err) <
		    0 ||
	    catalog_set(&app->snap_id, "setaside-native", err) < 0)
		return -1;
	app->installed = version != NULL;
	for (size_t i = 0; i < d->n_trees; i++) {
		const struct definition_tree *t = &d->trees[i];

		if (t->saved && t->at[PACKAGING_NATIVE] &&
		    add_defined_tree(c, app, t, t->at[PACKAGING_NATIVE], err) < 0)
			return -1;
	}
	*ret = app->n_trees ? TAKE_PTR(app) : NULL;
	return 0;
}

/* Whether a place of a definition belongs to this one of its flatpaks: what lies with
 * another one's data does not. */
static bool is_of_flatpak(const char *at, const char *id)
{
	size_t prefix = strlen(FLATPAK_DATA), n = strlen(id);

	if (strncmp(at, FLATPAK_DATA, prefix) != 0)
		return true;
	return strncmp(at + prefix, id, n) == 0 &&
	       (at[prefix + n] == '\0' || at[prefix + n] == '/');
}

/* What is saved of a flatpak that nothing more is known of. */
static int add_flatpak_data(struct catalog_app *app, struct err *err)
{
	_cleanup_(catalog_tree_done) struct catalog_tree tree = {
		.user_scope = true,
		.role = ROLE_DATA,
	};

	if (catalog_set(&tree.name, "data", err) < 0 ||
	    catalog_set(&tree.archive_path, "common/data", err) < 0 ||
	    strings_add(&tree.exclude, "cache/", err) < 0 ||
	    strings_add(&tree.exclude, ".ld.so/", err) < 0)
		return -1;
	tree.path = alloc_printf(err, FLATPAK_DATA "%s", app->name);
	if (!tree.path)
		return -1;
	return catalog_take_tree(app, &tree, err);
}

/* The trees that a definition gives to the flatpak. */
static int add_flatpak_trees(const struct catalog *c, struct catalog_app *app,
			     const struct definition *d, struct err *err)
{
	for (size_t i = 0; d && i < d->n_trees; i++) {
		const struct definition_tree *t = &d->trees[i];
		const char *at = t->at[PACKAGING_FLATPAK];

		if (t->saved && at && is_of_flatpak(at, app->name) &&
		    add_defined_tree(c, app, t, at, err) < 0)
			return -1;
	}
	return app->n_trees ? 0 : add_flatpak_data(app, err);
}

int catalog_make_flatpak(struct catalog *c, const char *id, const char *version,
			 const char *summary, struct catalog_app **ret, struct err *err)
{
	const struct definition *d = definitions_of_flatpak(c->definitions, id);
	_cleanup_(catalog_app_freep) struct catalog_app *app = NULL;

	if (!summary && d)
		summary = d->name;
	if (catalog_app_new(id, PACKAGING_FLATPAK, "x1", version, summary, &app, err) <
		    0 ||
	    catalog_set(&app->snap_id, "setaside-flatpak", err) < 0 ||
	    add_flatpak_trees(c, app, d, err) < 0)
		return -1;
	*ret = TAKE_PTR(app);
	return 0;
}
