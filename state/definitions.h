/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_DEFINITIONS_H
#define SETASIDE_DEFINITIONS_H

/*
 * definitions: all definitions that hold here.
 *
 * Search path, later wins: /usr/share/setaside/apps.d, /usr/local/share/setaside/apps.d,
 * the data directory of this installation, /etc/setaside/apps.d, and in user mode the
 * person's own.  A file ID.json replaces those of the same name before it; a link to
 * /dev/null masks them.  ID.json.d/X.json of all directories are drop-ins for whichever
 * ID.json holds, applied in the order of their names, with the same rules of replacing
 * and masking.
 *
 * A definition that cannot be used (syntax, rules, its file or directory not root's or
 * writable by others in system mode; where the caller is not root, his own files are good
 * as well) is a warning and is remembered: definitions_find() says why.  It does not fall
 * back to the one that it replaces.
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/observer.h"
#include "state/definition.h"

/* All is borrowed during the load. */
struct definitions_options {
	int rootfd; /* "/" or --root: the search path lies below it */
	bool system;
	const char *user_dir; /* $XDG_CONFIG_HOME/setaside/apps.d, expanded; NULL: none */
	/* The caller's own path, instead of this installation's; or NULL. */
	const char *data_dir;
	const struct observer *observer; /* warnings; NULL: nobody */
};

struct definitions;

int definitions_load(const struct definitions_options *options, struct definitions **ret,
		     struct err *err);
void definitions_free(struct definitions *d);
CLEANUP_FUNC(struct definitions *, definitions_free);

/* The usable ones, sorted by id. */
size_t definitions_count(const struct definitions *d);
const struct definition *definitions_at(const struct definitions *d, size_t i);

/* How many of those that are remembered as unusable could not even be read:
 * their apps may be here. */
size_t definitions_unread(const struct definitions *d);

/* ERR_NOT_FOUND; ERR_CORRUPT for one that is wrong, with the reason; for one that could
 * not be read, that failure.  *ret is borrowed. */
int definitions_find(const struct definitions *d, const char *id,
		     const struct definition **ret, struct err *err);

/* The one that lists a flatpak ID, or NULL. */
const struct definition *definitions_of_flatpak(const struct definitions *d,
						const char *id);

#endif
