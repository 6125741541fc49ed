/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_FLATPAK_H
#define SETASIDE_FLATPAK_H

/*
 * flatpak: apps of the system's installation, /var/lib/flatpak/app.
 *
 * Those of a person's installation (~/.local/share/flatpak/app) and those of which only
 * data is left (~/.var/app) lie in homes: their owner's packer finds them and reads their
 * versions (packer_flatpak()), see catalog_add_home_flatpak().
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/error.h"
#include "backend/base/observer.h"

struct flatpak_app {
	char *id;
	char *version, *summary; /* NULL where unknown */
};

struct flatpak_list {
	struct flatpak_app *apps; /* by id */
	size_t n, cap;
};

#define FLATPAK_LIST_INIT                                                                \
 {                                                                                       \
  NULL, 0, 0                                                                             \
 }

/* Elements of [A-Za-z0-9_-] joined by dots, at least two, not over 255 bytes. */
bool flatpak_id_is_legal(const char *id);

/* A missing installation is an empty list; an app whose `deploy` file cannot be read has
 * no version, and a warning. */
int flatpak_list_read(int rootfd, const struct observer *observer,
		      struct flatpak_list *ret, struct err *err);
void flatpak_list_done(struct flatpak_list *l);

#endif
