/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CATALOG_INTERNAL_H
#define SETASIDE_CATALOG_INTERNAL_H

/* catalog_internal: the parts of the catalog that make apps, and the one that keeps
 * them. */

#include "state/catalog.h"
#include "state/definitions.h"
#include "state/packages.h"
#include "state/snap.h"
#include "state/xdg.h"

struct catalog {
	const struct places *places;
	catalog_read_snap_meta *read_snap_meta;
	void *read_ctx;
	const struct observer *observer;
	char *home, *config_home, *data_home, *state_home, *cache_home;
	struct xdg xdg; /* of the above; all NULL in system mode */
	struct definitions *definitions;
	struct snap_state *snap_state;
	struct catalog_app **apps; /* sorted by name, then packaging */
	size_t n, cap;
};

/* Makers: *ret is the caller's (catalog_app_free()); NULL where there is nothing of
 * it. */

int catalog_make_native(struct catalog *c, const struct definition *d,
			const struct packages *packages, struct catalog_app **ret,
			struct err *err);
/* version and summary may be NULL. */
int catalog_make_flatpak(struct catalog *c, const char *id, const char *version,
			 const char *summary, struct catalog_app **ret, struct err *err);
/* Reads the snap's own description where it is mounted. */
int catalog_make_snap(struct catalog *c, const char *name, const char *revision,
		      struct catalog_app **ret, struct err *err);

/* What they are made of. */

/* An app without trees.  What is NULL of version and summary is "". */
int catalog_app_new(const char *name, enum packaging packaging, const char *revision,
		    const char *version, const char *summary, struct catalog_app **ret,
		    struct err *err);
void catalog_app_free(struct catalog_app *app);
CLEANUP_FUNC(struct catalog_app *, catalog_app_free);
/* Moves *tree to its place among the app's; it is empty afterwards. */
int catalog_take_tree(struct catalog_app *app, struct catalog_tree *tree,
		      struct err *err);
void catalog_tree_done(struct catalog_tree *tree);
/* A copy of text into an empty field; NULL leaves it so. */
int catalog_set(char **field, const char *text, struct err *err);

#endif
