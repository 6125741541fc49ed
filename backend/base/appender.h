/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_APPENDER_H
#define SETASIDE_BASE_APPENDER_H

/*
 * appender: long files, written from the beginning to the end, past the page cache.
 *
 * What is long and is read by nobody soon (a snapshot, a database that is restored) is
 * not to push anything out of memory, nor to be copied into fresh pages, which can cost
 * more than all else that is done with it.  Blocks of 1 MiB go to the disk directly
 * (O_DIRECT), by a thread of their own (belt.h), while the next are filled.
 *
 * Direct I/O is used on ext4 and XFS only.  Written in the usual way are: a file of less
 * than a block; blocks that end at a hole; what does not begin or end at a multiple of
 * 4 KiB; and all of it elsewhere, or once a write of that kind has failed.  What is in
 * the page cache then leaves it once it is on the disk (fd_write_past()).
 *
 *	appender_new(&a, err);
 *	appender_begin(a, fd);
 *	while (more)
 *		appender_write(a, p, n, offset, err);
 *	appender_end(a, err);
 *	appender_free(a);
 *
 * Nothing is durable before the caller has synced.  Messages name no object.  The object
 * serves one thread at a time, and one file after the other; after a failure it can only
 * be freed.  Memory: 3 MiB, touched when used.
 */

#include <stddef.h>
#include <stdint.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"

struct appender;

int appender_new(struct appender **ret, struct err *err);
/* `fd` is an empty file, open for writing, to which nobody else writes; it is borrowed,
 * and its flags are changed (F_SETFL), until the end that succeeds, or is abandoned. */
void appender_begin(struct appender *a, int fd);
/* All that was written is in the file, and the flags are as before. */
int appender_end(struct appender *a, struct err *err);
/* Some of it may be; nothing is written to the file any more.  At any time. */
void appender_abandon(struct appender *a);

/* n bytes at `offset`: behind all that was written, with a hole or without one; or other
 * bytes for some of that, and perhaps more behind it. */
int appender_write(struct appender *a, const void *p, size_t n, uint64_t offset,
		   struct err *err);

/* Abandons what was begun. */
void appender_free(struct appender *a);
CLEANUP_FUNC(struct appender *, appender_free);

#endif
