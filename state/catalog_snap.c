/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/catalog_internal.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/tree/exclude.h"

/* One of the directories that a snap has for its data. */
static const struct directory {
	const char *variable, *parent;
	bool user_scope, common;
} directories[] = {
	{ "$SNAP_DATA", "/var/snap", false, false },
	{ "$SNAP_COMMON", "/var/snap", false, true },
	{ "$SNAP_USER_DATA", "~/snap", true, false },
	{ "$SNAP_USER_COMMON", "~/snap", true, true },
};

#define N_DIRECTORIES (sizeof(directories) / sizeof(*directories))

/* What follows the variable in a pattern: "" for the directory itself; NULL:
 * another's. */
static const char *pattern_below(const char *pattern, const struct directory *d)
{
	size_t n = strlen(d->variable);

	if (strncmp(pattern, d->variable, n) != 0)
		return NULL;
	if (pattern[n] == '\0')
		return "";
	return pattern[n] == '/' ? pattern + n + 1 : NULL;
}

/* Adds the directory as a tree, unless the snap leaves it out as a whole. */
static int add_directory(struct catalog_app *app, const struct directory *d,
			 const struct strings *exclude, struct err *err)
{
	const char *name = d->common ? "common" : app->revision;
	_cleanup_(catalog_tree_done) struct catalog_tree tree = {
		.user_scope = d->user_scope,
		.role = ROLE_DATA,
	};

	for (size_t i = 0; i < exclude->n; i++) {
		const char *below = pattern_below(exclude->items[i], d);

		if (below && *below == '\0')
			return 0;
		if (below && strings_add(&tree.exclude, below, err) < 0)
			return -1;
	}
	if (catalog_set(&tree.name, name, err) < 0 ||
	    catalog_set(&tree.archive_path, name, err) < 0)
		return -1;
	tree.path = alloc_printf(err, "%s/%s/%s", d->parent, app->name, name);
	if (!tree.path)
		return -1;
	return catalog_take_tree(app, &tree, err);
}

/* The patterns that are ones: what a process without rights said is not believed. */
static int check_exclude(const struct catalog *c, const char *name,
			 const struct strings *from, struct strings *ret, struct err *err)
{
	_cleanup_(exclude_freep) struct exclude *scratch = NULL;

	if (exclude_new(&scratch, err) < 0)
		return -1;
	for (size_t i = 0; i < from->n; i++) {
		const char *pattern = from->items[i], *slash = strchr(pattern, '/');

		if (exclude_add_snapd(scratch, pattern, false, "1", err) < 0 ||
		    (slash && exclude_add(scratch, slash + 1, err) < 0)) {
			if (!err_is(err, ERR_USAGE))
				return -1;
			observer_warn(c->observer, name, "%s", err_message(err));
			err_clear(err); /* a pattern less leaves out nothing */
		} else if (strings_add(ret, pattern, err) < 0) {
			return -1;
		}
	}
	return 0;
}

/* Whether an error of reading a snap's description concerns that description alone. */
static bool is_tolerable(const struct err *err)
{
	return err_is(err, ERR_CORRUPT) || err_is(err, ERR_UNSUPPORTED) ||
	       err_is(err, ERR_DENIED) || err_is(err, ERR_NOT_FOUND);
}

/* Warns of such an error and clears it: data can be saved all the same.  Others stay:
 * -1. */
static int tolerate(const struct catalog *c, const char *name, const char *what,
		    struct err *err)
{
	if (!is_tolerable(err))
		return -1;
	observer_warn(c->observer, name, "%s not known: %s", what, err_message(err));
	err_clear(err);
	return 0;
}

/* What one of the two files says; nothing, with a warning, where it is wrong. */
static int read_one(const struct catalog *c, const char *name, int snap_yaml,
		    int snapshots_yaml, struct snap_meta *ret, struct err *err)
{
	if (!c->read_snap_meta || (snap_yaml < 0 && snapshots_yaml < 0))
		return 0;
	if (c->read_snap_meta(c->read_ctx, snap_yaml, snapshots_yaml, ret, err) == 0 &&
	    (!ret->has_epoch || snapshot_epoch_complete(&ret->epoch, err) == 0))
		return 0;
	snap_meta_done(ret);
	return tolerate(c, name,
			snap_yaml < 0 ? "excludes of the snap are"
				      : "version and epoch of the snap are",
			err);
}

/* Fills meta from a mounted snap: 1, or 0 where it is not mounted. */
static int read_meta(const struct catalog *c, const char *name, const char *revision,
		     struct snap_meta *meta, struct err *err)
{
	_cleanup_(snap_meta_done) struct snap_meta patterns = SNAP_META_INIT;
	_cleanup_close_ int snap_yaml = -1;
	_cleanup_close_ int snapshots_yaml = -1;
	int mounted = snap_open_meta(c->places->root_fd, name, revision, &snap_yaml,
				     &snapshots_yaml, err);

	if (mounted < 0)
		return tolerate(c, name, "what the snap says of itself is", err) < 0 ? -1
										     : 1;
	/* One by one: a file that is wrong takes nothing from the other. */
	if (read_one(c, name, snap_yaml, -1, meta, err) < 0 ||
	    read_one(c, name, -1, snapshots_yaml, &patterns, err) < 0)
		return -1;
	strings_done(&meta->exclude);
	meta->exclude = patterns.exclude;
	patterns.exclude = (struct strings)STRINGS_INIT;
	return mounted;
}

int catalog_make_snap(struct catalog *c, const char *name, const char *revision,
		      struct catalog_app **ret, struct err *err)
{
	_cleanup_(catalog_app_freep) struct catalog_app *app = NULL;
	_cleanup_(snap_meta_done) struct snap_meta meta = SNAP_META_INIT;
	_cleanup_(strings_done) struct strings exclude = STRINGS_INIT;
	int mounted = read_meta(c, name, revision, &meta, err);

	if (mounted < 0 || check_exclude(c, name, &meta.exclude, &exclude, err) < 0 ||
	    catalog_app_new(name, PACKAGING_SNAP, revision, meta.version, meta.summary,
			    &app, err) < 0 ||
	    catalog_set(&app->snap_id, snap_state_id(c->snap_state, name, revision),
			err) < 0 ||
	    catalog_set(&app->conf, snap_state_conf(c->snap_state, name), err) < 0)
		return -1;
	app->installed = mounted > 0;
	if (meta.has_epoch)
		app->epoch = meta.epoch;
	for (size_t i = 0; i < N_DIRECTORIES; i++) {
		if (add_directory(app, &directories[i], &exclude, err) < 0)
			return -1;
	}
	*ret = app->n_trees ? TAKE_PTR(app) : NULL;
	return 0;
}
