/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_DEFINITIONS_INTERNAL_H
#define SETASIDE_DEFINITIONS_INTERNAL_H

/* definitions_internal: which files of the search path hold, and their text. */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "state/definitions.h"

/* A directory of the search path. */
struct definitions_dir {
	const char *path;
	bool in_root; /* else: a path of the caller's */
	bool own;     /* the person's own */
};

#define DEFINITIONS_DIRS_MAX 5

/* A file of the search path that holds, or masks, under its name. */
struct definitions_file {
	size_t dir; /* index into dirs */
	char *name; /* below that directory: "ID.json" or "ID.json.d/X.json" */
	bool masked;
};

/* All that the search path says of one id, before anything is read. */
struct definitions_entry {
	char *id;
	struct definitions_file base; /* name NULL: there are only drop-ins */
	struct definitions_file *drop_ins;
	size_t n_drop_ins, cap_drop_ins;
};

struct definitions_files {
	const struct definitions_options *options;
	struct definitions_dir dirs[DEFINITIONS_DIRS_MAX];
	size_t n_dirs;
	struct definitions_entry *entries;
	size_t n, cap;
};

void definitions_files_done(struct definitions_files *f);

/* Makes the search path and goes through it. */
int definitions_files_collect(struct definitions_files *f, struct err *err);

/* Appends the text of a file.  `shown` is its path for messages.  ERR_CORRUPT where the
 * mode demands more than the owner and rights that it or its directory has. */
int definitions_files_read(const struct definitions_files *f,
			   const struct definitions_file *file, const char *shown,
			   struct buf *ret, struct err *err);

#endif
