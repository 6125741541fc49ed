/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_SUPPORT_ROOT_H
#define SETASIDE_TESTS_SUPPORT_ROOT_H

/* support_root: a root with apps in it, below the test's directory, and its catalog. */

#include "backend/base/buf.h"
#include "state/catalog.h"

#define SUPPORT_APPS "etc/setaside/apps.d/"

/* The whole of dpkg's status file. */
void support_install_deb(const char *text);
void support_install_flatpak(const char *id, const char *version);
/* A snap with data; yaml may be NULL: then it is not mounted. */
void support_install_snap(const char *name, const char *revision, const char *yaml,
			  const char *snapshots_yaml);
/* The definition of an app; `rest` follows format and id. */
void support_define(const char *id, const char *rest);

/* Options of system mode; what snaps say is parsed by support_read_snap_meta(). */
struct catalog_options support_catalog_options(struct places *places);
/* Parses here what in real life a process without rights parses.  ctx: an unsigned that
 * counts the calls, or NULL. */
catalog_read_snap_meta support_read_snap_meta;

struct catalog *support_catalog(const struct catalog_options *options);
/* The app of that name, which is there. */
const struct catalog_app *support_find_app(const struct catalog *c, const char *name);
/* A line for each tree: "scope archive_path path [exclude...]".  Valid as long as out. */
const char *support_app_trees(const struct catalog_app *app, struct buf *out);

#endif
