/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_DEFINITION_H
#define SETASIDE_DEFINITION_H

/*
 * definition: one app, or a drop-in for one, as a file of apps.d describes it.
 *
 * Format 1, strict JSON.  Errors are ERR_CORRUPT and read "FILE:LINE: key: reason" (FILE:
 * ... where there is no line to name); unknown keys are warnings of the same form; a
 * format other than 1 is refused before anything else is looked at.  Keys whose behaviour
 * lies elsewhere (quiesce, dump, compat, ...) are checked for their types and not kept.
 *
 * Rules beyond types: the id is the file's name; a tree's name is [a-z0-9-]{1,32},
 * unique; trees of one packaging never nest; patterns are what exclude_add() takes; a
 * path is absolute (scope system) or begins with ~/ or $XDG_CONFIG_HOME/,
 * $XDG_DATA_HOME/, $XDG_STATE_HOME/, $XDG_CACHE_HOME/ (scope user).  A tree with role
 * "cache" is saved only if it says "save": "always".
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/observer.h"
#include "backend/base/strings.h"

#define DEFINITION_MAX       ((size_t)1 << 20) /* bytes of one file */
#define DEFINITION_ID_MAX    100
#define DEFINITION_TREES_MAX 64

enum packaging {
	PACKAGING_NATIVE,
	PACKAGING_FLATPAK,
	PACKAGING_SNAP
};

#define PACKAGING_N 3

enum tree_role {
	ROLE_CONFIG,
	ROLE_DATA,
	ROLE_STATE,
	ROLE_CACHE
};

struct definition_tree {
	char *name;
	char *file; /* where it was defined, for messages */
	unsigned line;
	enum tree_role role;
	bool user_scope; /* else system */
	bool required;
	bool saved;             /* else it is only named */
	bool addition;          /* of a drop-in: adds patterns to the tree of that name */
	char *at[PACKAGING_N];  /* as written; NULL where the packaging has none */
	struct strings exclude; /* anchored at the tree's top */
};

struct definition {
	char *id;
	char *name;                          /* what people call it, or NULL */
	struct strings deb, pacman, flatpak; /* match */
	struct definition_tree *trees;
	size_t n_trees, cap_trees;
};

int definition_new(const char *id, struct definition **ret, struct err *err);
void definition_free(struct definition *d);
CLEANUP_FUNC(struct definition *, definition_free);
/* Moves *tree to the end of d's; it is empty afterwards. */
int definition_take_tree(struct definition *d, struct definition_tree *tree,
			 struct err *err);
void definition_tree_done(struct definition_tree *tree);
const struct definition_tree *definition_tree(const struct definition *d,
					      const char *name);

enum definition_flags {
	/* A person's own: only user scope, no dump, no units. */
	DEFINITION_USER = 1 << 0,
	/* Only what is to be added; format and id may be left out. */
	DEFINITION_DROP_IN = 1 << 1,
};

/*
 * `file` is the path for messages; `id` what its name says.  Warnings go to `observer`
 * (may be NULL).
 */
int definition_parse(const char *text, size_t len, const char *file, const char *id,
		     unsigned flags, const struct observer *observer,
		     struct definition **ret, struct err *err);

/* Adds a drop-in's lists to d: matches, patterns of trees that d has, trees that it has
 * not; a name replaces.  The rules hold for the sum (ERR_CORRUPT).  On failure d is fit
 * only to be freed. */
int definition_merge(struct definition *d, const struct definition *drop_in,
		     struct err *err);

/* The rules between trees: names are unique, and trees of one packaging never nest. */
int definition_check(const struct definition *d, struct err *err);

/* [A-Za-z0-9][A-Za-z0-9._+-]*, at most DEFINITION_ID_MAX bytes. */
bool definition_id_is_legal(const char *id);

const char *packaging_name(enum packaging p); /* "native", "flatpak", "snap" */
/* The packaging of that name, or -1. */
int packaging_of_name(const char *name, size_t len);
const char *tree_role_name(enum tree_role role);

#endif
