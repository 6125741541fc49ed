/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/definition.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/names.h"
#include "state/xdg.h"

static const char *const packaging_names[PACKAGING_N] = {
	[PACKAGING_NATIVE] = "native",
	[PACKAGING_FLATPAK] = "flatpak",
	[PACKAGING_SNAP] = "snap",
};

const char *packaging_name(enum packaging p)
{
	return packaging_names[p];
}

int packaging_of_name(const char *name, size_t len)
{
	for (int i = 0; i < PACKAGING_N; i++) {
		if (strlen(packaging_names[i]) == len &&
		    memcmp(packaging_names[i], name, len) == 0)
			return i;
	}
	return -1;
}

const char *tree_role_name(enum tree_role role)
{
	static const char *const names[] = {
		[ROLE_CONFIG] = "config",
		[ROLE_DATA] = "data",
		[ROLE_STATE] = "state",
		[ROLE_CACHE] = "cache",
	};

	return names[role];
}

bool definition_id_is_legal(const char *id)
{
	return strlen(id) <= DEFINITION_ID_MAX && snapshot_app_is_legal(id);
}

int definition_new(const char *id, struct definition **ret, struct err *err)
{
	_cleanup_(definition_freep) struct definition *d = alloc_zero(1, sizeof(*d), err);

	if (!d)
		return -1;
	d->id = alloc_strdup(id, err);
	if (!d->id)
		return -1;
	*ret = TAKE_PTR(d);
	return 0;
}

void definition_tree_done(struct definition_tree *tree)
{
	free(tree->name);
	free(tree->file);
	for (size_t i = 0; i < PACKAGING_N; i++)
		free(tree->at[i]);
	strings_done(&tree->exclude);
	*tree = (struct definition_tree){ .name = NULL };
}

void definition_free(struct definition *d)
{
	if (!d)
		return;
	free(d->id);
	free(d->name);
	strings_done(&d->deb);
	strings_done(&d->pacman);
	strings_done(&d->flatpak);
	for (size_t i = 0; i < d->n_trees; i++)
		definition_tree_done(&d->trees[i]);
	free(d->trees);
	free(d);
}

int definition_take_tree(struct definition *d, struct definition_tree *tree,
			 struct err *err)
{
	if (alloc_grow(&d->trees, d->n_trees, &d->cap_trees, sizeof(*tree), err) < 0)
		return -1;
	d->trees[d->n_trees++] = *tree;
	*tree = (struct definition_tree){ .name = NULL };
	return 0;
}

/* The index of the tree of that name; n_trees: none. */
static size_t find_tree(const struct definition *d, const char *name)
{
	size_t i = 0;

	while (i < d->n_trees && strcmp(d->trees[i].name, name) != 0)
		i++;
	return i;
}

const struct definition_tree *definition_tree(const struct definition *d,
					      const char *name)
{
	size_t i = find_tree(d, name);

	return i < d->n_trees ? &d->trees[i] : NULL;
}

/* Whether path is `top` or below it. */
static bool is_within(const char *path, const char *top)
{
	size_t n = strlen(top);

	return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* Whether two trees of one packaging nest, with the variables' defaults. */
static int check_pair(const struct definition_tree *a, const struct definition_tree *b,
		      enum packaging p, struct err *err)
{
	_cleanup_free_ char *path_a = NULL, *path_b = NULL;

	if (!a->at[p] || !b->at[p])
		return 0;
	path_a = xdg_expand(NULL, a->at[p], err);
	path_b = path_a ? xdg_expand(NULL, b->at[p], err) : NULL;
	if (!path_b)
		return -1;
	if (!is_within(path_a, path_b) && !is_within(path_b, path_a))
		return 0;
	return err_set(err, ERR_CORRUPT,
		       "%s:%u: trees.at.%s: %s of tree %s and %s of tree %s nest",
		       b->file, b->line, packaging_name(p), q(b->at[p]), q(b->name),
		       q(a->at[p]), q(a->name));
}

int definition_check(const struct definition *d, struct err *err)
{
	for (size_t i = 0; i < d->n_trees; i++) {
		const struct definition_tree *b = &d->trees[i];

		if (find_tree(d, b->name) != i)
			return err_set(err, ERR_CORRUPT,
				       "%s:%u: trees.name: %s is given twice", b->file,
				       b->line, q(b->name));
		for (size_t j = 0; j < i; j++) {
			for (int p = 0; p < PACKAGING_N; p++) {
				if (check_pair(&d->trees[j], b, (enum packaging)p, err) <
				    0)
					return -1;
			}
		}
	}
	return 0;
}

/* A copy of a drop-in's own tree. */
static int copy_tree(const struct definition_tree *from, struct definition_tree *ret,
		     struct err *err)
{
	ret->name = alloc_strdup(from->name, err);
	ret->file = ret->name ? alloc_strdup(from->file, err) : NULL;
	if (!ret->file)
		return -1;
	ret->line = from->line;
	ret->role = from->role;
	ret->user_scope = from->user_scope;
	ret->required = from->required;
	ret->saved = from->saved;
	for (size_t i = 0; i < PACKAGING_N; i++) {
		if (!from->at[i])
			continue;
		ret->at[i] = alloc_strdup(from->at[i], err);
		if (!ret->at[i])
			return -1;
	}
	return strings_add_all(&ret->exclude, &from->exclude, err);
}

static int merge_tree(struct definition *d, const struct definition_tree *from,
		      struct err *err)
{
	_cleanup_(definition_tree_done) struct definition_tree copy = { .name = NULL };
	size_t i = find_tree(d, from->name);

	if (!from->addition) {
		if (d->n_trees >= DEFINITION_TREES_MAX)
			return err_set(err, ERR_CORRUPT, "%s:%u: trees: more than %d",
				       from->file, from->line, DEFINITION_TREES_MAX);
		return copy_tree(from, &copy, err) < 0 ||
				       definition_take_tree(d, &copy, err) < 0
			       ? -1
			       : 0;
	}
	if (i == d->n_trees)
		return err_set(err, ERR_CORRUPT,
			       "%s:%u: trees.name: there is no tree %s to add to",
			       from->file, from->line, q(from->name));
	return strings_add_all(&d->trees[i].exclude, &from->exclude, err);
}

int definition_merge(struct definition *d, const struct definition *drop_in,
		     struct err *err)
{
	if (drop_in->name) {
		char *name = alloc_strdup(drop_in->name, err);

		if (!name)
			return -1;
		free(d->name);
		d->name = name;
	}
	if (strings_add_all(&d->deb, &drop_in->deb, err) < 0 ||
	    strings_add_all(&d->pacman, &drop_in->pacman, err) < 0 ||
	    strings_add_all(&d->flatpak, &drop_in->flatpak, err) < 0)
		return -1;
	for (size_t i = 0; i < drop_in->n_trees; i++) {
		if (merge_tree(d, &drop_in->trees[i], err) < 0)
			return -1;
	}
	return definition_check(d, err);
}
