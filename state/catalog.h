/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CATALOG_H
#define SETASIDE_CATALOG_H

/*
 * catalog: which apps there are, of which packaging, version and revision, and where
 * their data would lie.
 *
 *	catalog_new(&options, &catalog, &err);		what the system has
 *	catalog_add_home_flatpak(catalog, ...);		what workers found in homes
 *	catalog_add_home_snap(catalog, ...);
 *	catalog_lookup(catalog, "git", is_here, ctx, &app, &err);
 *
 * It yields candidates: whether a tree exists is found out by whoever may look (the
 * parent for system trees, a worker for those of a user); an app is here when one of its
 * trees exists. Nothing below a home is opened.
 *
 * Apps and trees are borrowed: valid until the next catalog_add_*() or catalog_free().
 *
 * Trees of a native or flatpak app have archive paths common/<name>; a snap has up to
 * four: its revision and "common", system and user each.  They are in the order of an
 * archive: those of system scope first, each scope by archive path in byte order.  `path`
 * is absolute for system scope; for user scope it begins with "~/", or is absolute where
 * the caller's XDG variables lead out of the home (user mode only).  System mode uses the
 * variables' defaults.
 *
 * Exclude patterns are anchored at the tree's top, for exclude_add_below(x, archive_path,
 * pattern); so are snapd's, taken apart by tree.  A tree that snapd's patterns take whole
 * is left out.
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/observer.h"
#include "backend/base/strings.h"
#include "backend/snap_yaml.h"
#include "backend/snapshot.h"
#include "state/definition.h"
#include "state/places.h"

struct catalog_tree {
	char *name;         /* "profile"; snaps: "7", "common" */
	char *archive_path; /* "common/profile"; snaps: "7", "common" */
	char *path;
	bool user_scope;
	bool required;
	enum tree_role role;
	struct strings exclude;
};

struct catalog_app {
	char *name; /* definition's id, flatpak ID, snap's instance name */
	enum packaging packaging;
	char *version;  /* as the packaging says it; "" where unknown */
	char *revision; /* "x1", or the snap's */
	char *summary;  /* may be "" */
	char *snap_id;  /* "setaside-native", "setaside-flatpak", the snap's, or NULL */
	struct snapshot_epoch epoch;
	char *conf;     /* snaps: canonical JSON object, or NULL */
	bool installed; /* a package, deployment or mount of it is known */
	struct catalog_tree *trees;
	size_t n_trees, cap_trees;
	bool home_only; /* known from homes alone */
};

/* For catalog_options.read_snap_meta: parses, in the process without rights, one of the
 * two files (the other is -1) into *ret, which is initialised.  Descriptors are
 * borrowed.  ERR_CORRUPT and ERR_UNSUPPORTED leave that file unknown, with a warning;
 * other failures fail the catalog. */
typedef int catalog_read_snap_meta(void *ctx, int snap_yaml_fd, int snapshots_yaml_fd,
				   struct snap_meta *ret, struct err *err);

struct catalog_options {
	const struct places *places; /* borrowed as long as the catalog lives */
	const char *data_dir;        /* see definitions.h; or NULL */
	/* Where snapd is asked if its record is not for the caller's eyes.  NULL: where
	 * it listens, and not at all for another root. */
	const char *snapd_socket;
	/* User mode only.  The caller's home, absolute, as the root sees it, and
	 * variables: NULL, or a relative path, stands for the default. */
	const char *home;
	const char *xdg_config_home, *xdg_data_home, *xdg_state_home, *xdg_cache_home;
	/* NULL: what snaps say of themselves is not read. */
	catalog_read_snap_meta *read_snap_meta;
	void *read_ctx;
	const struct observer *observer; /* warnings; NULL: nobody */
};

struct catalog;

/* Strings of `options` are copied; read_snap_meta and observer are kept. */
int catalog_new(const struct catalog_options *options, struct catalog **ret,
		struct err *err);
void catalog_free(struct catalog *c);
CLEANUP_FUNC(struct catalog *, catalog_free);

/*
 * Names that a user's worker listed: hostile.  Returns 1 where the catalog changed, 0
 * where it did not (known already, or no legal name: then it is nobody's data), -1.
 * version and summary may be NULL.  Of a snap that is in no system directory the highest
 * revision of all homes counts.
 */
int catalog_add_home_flatpak(struct catalog *c, const char *id, const char *version,
			     const char *summary, struct err *err);
int catalog_add_home_snap(struct catalog *c, const char *name, const char *revision,
			  struct err *err);

/* All, sorted by name, then packaging. */
size_t catalog_count(const struct catalog *c);
/* How many definitions could not be read: what they would say is missing. */
size_t catalog_unread(const struct catalog *c);
const struct catalog_app *catalog_at(const struct catalog *c, size_t i);

/*
 * By NAME or PACKAGING:NAME.  Where two packagings have the name, those count that
 * is_here() says yes to (NULL: all do); if none does, the first.  ERR_NOT_FOUND;
 * ERR_USAGE with a hint where it is ambiguous; ERR_CORRUPT where its definition is wrong.
 */
int catalog_lookup(const struct catalog *c, const char *name,
		   bool (*is_here)(void *ctx, const struct catalog_app *app), void *ctx,
		   const struct catalog_app **ret, struct err *err);

#endif
