/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_XDG_H
#define SETASIDE_XDG_H

/*
 * xdg: the base directories that the paths of definitions may begin with.
 *
 * $XDG_CONFIG_HOME/, $XDG_DATA_HOME/, $XDG_STATE_HOME/, $XDG_CACHE_HOME/.  A variable
 * that is not set, not absolute, or holds "..", stands for its default below ~.
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/error.h"

struct xdg {
	const char *home; /* NULL: values below it are not recognised as ~/ */
	const char *config_home, *data_home, *state_home, *cache_home; /* NULL: default */
};

/* Length of the prefix "~/" or "$XDG_..._HOME/" of path, 0 where it has none. */
size_t xdg_prefix(const char *path);

/* path with its variable put in: "~/..." or, where the variable leads out of the home,
 * absolute. What has no such variable is copied.  `x` may be NULL: defaults. Caller
 * frees. */
char *xdg_expand(const struct xdg *x, const char *path, struct err *err);

/* Components that are not empty, "." or "..", with single slashes between; "" is not. */
bool xdg_is_clean(const char *relative);

#endif
