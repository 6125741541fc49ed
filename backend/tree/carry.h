/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_CARRY_H
#define SETASIDE_TREE_CARRY_H

/*
 * carry: excluded and skipped files survive a restore.
 *
 * Every live path that the excludes match (with all below it) is brought into the tree
 * about to become live: files, FIFOs and devices are hard-linked, symbolic links copied,
 * directories made anew with the live one's attributes (one that the new tree already has
 * keeps its own, its time too); parents that the new tree lacks are made likewise;
 * sockets are left out.  What exists in the new tree under that name already is left as
 * it is there; with CARRY_REPLACE (an undo: the tree to come is an old live one) a file
 * makes way for the live one.  What cannot be linked (EXDEV, EPERM, EMLINK) is copied
 * with all its attributes; hard links among those stay links.
 *
 * What cannot be carried at all (an unreadable file that cannot be linked, a directory
 * that cannot be listed, a file where a directory is needed) fails with ERR_REFUSED
 * naming the path; with CARRY_FORCE it is reported and left.  Something mounted where the
 * excludes may match is ERR_BUSY.  Other failures are the system's (ERR_NO_SPACE) or
 * ERR_INTERRUPTED.
 *
 * The live tree is only read.  It is walked only where the excludes may match.  Running
 * it again over a half-done carry goes on where that stopped; a process that is killed in
 * the middle can leave the time of one directory of the new tree changed.  Nothing is
 * synced.
 */

#include <stdint.h>

#include "backend/base/error.h"
#include "backend/base/observer.h"
#include "backend/tree/exclude.h"

enum carry_flags {
	CARRY_FORCE = 1 << 0,
	CARRY_REPLACE = 1 << 1,
};

struct carry_report {
	/* A path (archive path) that was left, and why: one line, valid during the
	 * call. */
	int (*left)(void *ctx, const char *path, const char *why, struct err *err);
	void *ctx;
};

/* `live` and `fresh` are directories O_RDONLY, on one file system as a rule; `path` is
 * the archive path of both.  `fresh` may lie in `live` (a mount point's staging): it
 * is passed over.  *ret_carried counts names that were made. */
int carry_run(int live, int fresh, const char *path, const struct exclude *exclude,
	      unsigned flags, const struct carry_report *report,
	      const struct observer *observer, uint64_t *ret_carried, struct err *err);

#endif
