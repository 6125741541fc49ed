/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_WORKER_SERVE_AHEAD_H
#define SETASIDE_WORKER_SERVE_AHEAD_H

/*
 * serve_ahead: archives that are hashed in the reader before they are asked for.
 *
 * The hash of one stream takes one processor, whatever there is; those of several
 * archives take them all.  The parent names the archives that it is going to check,
 * threads begin with the first of them, and when the parent asks for one its result is
 * there, or soon: so order, progress and messages are as they are without.
 *
 *	serve_ahead_new(threads, &a, err);
 *	serve_ahead_add(a, file, member, err);		for each
 *	serve_ahead_take(a, file, member, told, ctx, &known, err);
 *	serve_ahead_forget(a, file);			before the file is closed
 *
 * Memory: a block for each archive, and what the hash takes (base/hasher.h) for each of
 * at most SERVE_AHEAD_MAX threads.
 */

#include "backend/base/cleanup.h"
#include "backend/snapshot_file.h"

#define SERVE_AHEAD_MAX 8

struct serve_ahead;

/* `threads` 0: as many as there are processors. */
int serve_ahead_new(unsigned threads, struct serve_ahead **ret, struct err *err);
void serve_ahead_free(struct serve_ahead *a);

/* Borrows file until serve_ahead_forget(); copies member. */
int serve_ahead_add(struct serve_ahead *a, struct snapshot_file *file, const char *member,
		    struct err *err);

/* What became of an archive: as snapshot_file_stream() says.  *ret_known false (and 0):
 * it was not named, or nobody has begun with it, and never will.  While it waits it tells
 * now and then how many bytes were read. */
int serve_ahead_take(struct serve_ahead *a, const struct snapshot_file *file,
		     const char *member, void (*told)(void *ctx, uint64_t bytes),
		     void *ctx, bool *ret_known, struct err *err);

/* Ends what is under way for a file, and drops what is known of it. */
void serve_ahead_forget(struct serve_ahead *a, const struct snapshot_file *file);

#endif
