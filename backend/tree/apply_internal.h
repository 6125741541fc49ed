/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_APPLY_INTERNAL_H
#define SETASIDE_TREE_APPLY_INTERNAL_H

/*
 * apply_internal: what apply.c, apply_hand.c, apply_link.c and makers.c share.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/appender.h"
#include "backend/base/error.h"
#include "backend/tree/apply.h"
#include "backend/tree/attr_apply.h"
#include "backend/tree/dir_stack.h"
#include "backend/tree/entry.h"

/* A target and how far it has come. */
struct apply_tree {
	const struct apply_target *target;
	bool found;
	struct entry *root; /* of a directory: what it gets at the end */
	struct dir_stack dirs;
	bool knows_born;
	struct attr_born born; /* what creating a file gives */
	struct attr_modes modes;
};

/* A file between its entry and the next. */
struct apply_file {
	int fd; /* -1: none */
	bool is_target;
	struct entry *e;
	char *path;
	struct attr_born born;
	uint64_t end; /* of what was written */
	uint64_t got; /* bytes of data */
};

/* A file between its entry and the next that makers are going to make. */
struct apply_handed {
	bool is_open;
	const char *path;
	uint8_t *room; /* for its data */
	size_t size, got;
};

struct apply {
	struct attr_apply attrs;
	struct apply_tree *trees;
	size_t n_trees;
	struct apply_tree *current; /* where the last entry went, or NULL */
	struct apply_file file;
	struct appender *appender; /* of the data of files; NULL until the first */
	struct makers *makers;     /* NULL: all is made as it comes */
	struct apply_handed handed;
	bool passing;  /* the data that follow are of no target */
	bool left_out; /* something was: a link may name it */
};

/* A path of which the last component is split off. */
struct apply_split {
	const char *path; /* below the target */
	size_t dir;       /* bytes of the directory's path */
	const char *name;
};

/* The target that a path belongs to, or NULL. */
struct apply_tree *apply_tree_of(const struct apply *a, const char *path);

/* A path that belongs to the tree, below its root. */
struct apply_split apply_split_path(const struct apply_tree *tree, const char *path);

/* What making an object failed with, from errno; -1. */
int apply_creation_failed(const char *path, struct err *err);

/* Why a directory could not be reached: one that the archive should have made is the
 * archive's fault, not the system's; -1. */
int apply_no_directory(const struct entry *e, struct err *err);

/* Waits for what makers have to do, if anything. */
int apply_wait(struct apply *a, struct err *err);

/* Gives a file to makers.  1; 0: it is not for them; -1. */
int apply_hand(struct apply *a, struct apply_tree *tree, const struct entry *e,
	       struct err *err);
/* Some of its data, or all of it. */
int apply_handed_data(struct apply *a, uint64_t offset, const void *p, size_t n,
		      struct err *err);
int apply_handed_end(struct apply *a, struct err *err);

/* Makes dirfd/name, the hard link e. */
int apply_link(struct apply *a, struct apply_tree *tree, int dirfd, const char *name,
	       const struct entry *e, struct err *err);

/* Makes an open, empty file like the one that the hard link e names.  1; 0: that one
 * is not here, which was reported; -1. */
int apply_fill(struct apply *a, int to, const struct entry *e, struct err *err);

#endif
