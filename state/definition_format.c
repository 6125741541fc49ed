/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/definition_internal.h"

#include <stddef.h>

/* Format 1, as data/apps.schema.json has it. */

static const char *const kinds[] = { "desktop",   "service", "cli",
				     "container", "virtual", NULL };
const char *const definition_roles[] = { "config", "data", "state", "cache", NULL };
static const char *const scopes[] = { "user", "system", NULL };
const char *const definition_saves[] = { "always", "never", NULL };
static const char *const policies[] = { "none", "online", "freeze", "stop",
					"ask",  "refuse", NULL };
static const char *const dump_times[] = { "save", "restore", NULL };
static const char *const restore_targets[] = { "exact", "same-major", "same-or-newer",
					       "any", NULL };

static const struct shape match_shape[] = {
	{ .key = "deb", .type = SHAPE_STRINGS },
	{ .key = "rpm", .type = SHAPE_STRINGS },
	{ .key = "pacman", .type = SHAPE_STRINGS },
	{ .key = "flatpak", .type = SHAPE_STRINGS },
	{ .key = "snap", .type = SHAPE_STRINGS },
	{ .key = "appstream", .type = SHAPE_STRINGS },
	{ .key = "exec", .type = SHAPE_STRINGS },
	{ .key = NULL },
};

static const struct shape at_shape[] = {
	{ .key = "native", .type = SHAPE_STRING },
	{ .key = "flatpak", .type = SHAPE_STRING },
	{ .key = "snap", .type = SHAPE_STRING },
	{ .key = NULL },
};

static const struct shape tree_shape[] = {
	{ .key = "name", .type = SHAPE_STRING, .required = true },
	{ .key = "role", .type = SHAPE_STRING, .words = definition_roles },
	{ .key = "scope", .type = SHAPE_STRING, .required = true, .words = scopes },
	{ .key = "required", .type = SHAPE_BOOL },
	{ .key = "save", .type = SHAPE_STRING, .words = definition_saves },
	{ .key = "at", .type = SHAPE_OBJECT, .required = true, .shape = at_shape },
	{ .key = "exclude", .type = SHAPE_STRINGS },
	{ .key = "sqlite", .type = SHAPE_STRINGS },
	{ .key = NULL },
};

static const struct shape quiesce_shape[] = {
	{ .key = "policy", .type = SHAPE_STRING, .words = policies },
	{ .key = "units", .type = SHAPE_STRINGS },
	{ .key = "user_units", .type = SHAPE_STRINGS },
	{ .key = "scopes", .type = SHAPE_STRINGS },
	{ .key = "timeout", .type = SHAPE_NUMBER },
	{ .key = NULL },
};

static const struct shape dump_shape[] = {
	{ .key = "name", .type = SHAPE_STRING, .required = true },
	{ .key = "exec", .type = SHAPE_STRINGS, .required = true },
	{ .key = "user", .type = SHAPE_STRING, .or_null = true },
	{ .key = "output", .type = SHAPE_STRING },
	{ .key = "restore", .type = SHAPE_STRINGS },
	{ .key = "when", .type = SHAPE_STRING, .words = dump_times },
	{ .key = NULL },
};

static const struct shape owner_shape[] = {
	{ .key = "user", .type = SHAPE_STRING, .or_null = true },
	{ .key = "group", .type = SHAPE_STRING, .or_null = true },
	{ .key = NULL },
};

static const struct shape data_version_shape[] = {
	{ .key = "file", .type = SHAPE_STRING, .required = true },
	{ .key = "key", .type = SHAPE_STRING },
	{ .key = NULL },
};

static const struct shape compat_shape[] = {
	{ .key = "data_version",
	  .type = SHAPE_OBJECT,
	  .or_null = true,
	  .shape = data_version_shape },
	{ .key = "restore_to", .type = SHAPE_STRING, .words = restore_targets },
	{ .key = NULL },
};

static const struct shape rewrite_shape[] = {
	{ .key = "files", .type = SHAPE_STRINGS, .required = true },
	{ .key = "kind", .type = SHAPE_STRING, .required = true },
	{ .key = NULL },
};

static const struct shape hints_shape[] = {
	{ .key = "typical_size", .type = SHAPE_STRING },
	{ .key = "max_auto_size", .type = SHAPE_STRING },
	{ .key = "important", .type = SHAPE_BOOL },
	{ .key = NULL },
};

const struct shape definition_format[] = {
	{ .key = "format", .type = SHAPE_NUMBER, .required = true },
	{ .key = "id", .type = SHAPE_STRING, .required = true },
	{ .key = "name", .type = SHAPE_STRING },
	{ .key = "kind", .type = SHAPE_STRING, .words = kinds },
	{ .key = "match", .type = SHAPE_OBJECT, .shape = match_shape },
	{ .key = "trees", .type = SHAPE_OBJECTS, .required = true, .shape = tree_shape },
	{ .key = "quiesce", .type = SHAPE_OBJECT, .shape = quiesce_shape },
	{ .key = "dump", .type = SHAPE_OBJECTS, .shape = dump_shape },
	{ .key = "owner", .type = SHAPE_OBJECT, .or_null = true, .shape = owner_shape },
	{ .key = "compat", .type = SHAPE_OBJECT, .or_null = true, .shape = compat_shape },
	{ .key = "machine_specific", .type = SHAPE_STRINGS },
	{ .key = "rewrite", .type = SHAPE_OBJECTS, .shape = rewrite_shape },
	{ .key = "secrets", .type = SHAPE_BOOL },
	{ .key = "hints", .type = SHAPE_OBJECT, .shape = hints_shape },
	{ .key = "doc", .type = SHAPE_STRING, .or_null = true },
	{ .key = "generated", .type = SHAPE_BOOL },
	{ .key = NULL },
};
