/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_IN_USE_H
#define SETASIDE_IN_USE_H

/*
 * in_use: which processes have something open below given directories.
 *
 * Looks through /proc at open files, working and root directories, programs and mapped
 * files, as far as the caller may see: of other people's processes a plain user sees
 * nothing, and then `complete` is false.  Paths are compared as the kernel shows them
 * to this process, also where it appends " (deleted)".  The answer is a snapshot of a
 * moment: it protects from mistakes, not from races.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "backend/base/error.h"
#include "backend/base/observer.h"

struct in_use_process {
	pid_t pid;
	char *program; /* as the kernel names it; any bytes: escape before printing */
	char *path;    /* the first thing found open */
	size_t target; /* index of the target that holds it */
};

struct in_use_list {
	struct in_use_process *processes; /* by pid; one entry for each */
	size_t n;
	bool complete; /* every process could be looked into */
};

/* What the kernel names the processes that look at trees for others of our kind. */
#define IN_USE_WORKER "setaside-worker"

/* targets: absolute paths of directories or files, without links, as this process sees
 * them.  The calling process is left out, as are all workers; its other children, such as
 * an app that it has started, are not. */
int in_use_find(const char *const *targets, size_t n, const struct observer *o,
		struct in_use_list *ret, struct err *err);
void in_use_list_done(struct in_use_list *list);

#endif
