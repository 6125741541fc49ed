/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_MAKERS_H
#define SETASIDE_TREE_MAKERS_H

/*
 * makers: threads that make the small files of a tree while the stream goes on.
 *
 * Making a file is all kernel time, and a directory can take in only one at a time; so
 * files are handed over in batches, most often the files of one directory, and a
 * directory is with one thread as long as it has batches there.
 *
 *	makers_new(threads, &m, err);
 *	maker_dir_new(m, fd, true, &dir, err);
 *	while (more) {
 *		makers_begin(m, dir, path, &plan, size, &room, err);
 *		...				// size bytes into room
 *		makers_end(m);
 *	}
 *	maker_dir_leave(dir, path, &plan, err);
 *	makers_wait(m, err);
 *
 * What has been handed over is there after makers_wait() only.  A file that lies in the
 * batch which is being filled is made by the caller's own thread then, and so is all of a
 * short stream, and of any where no thread can be started.
 *
 * Failures: of all that fail the one that stands first in the stream is told, by the next
 * makers_begin() or makers_wait(); what comes behind it in the stream may or may not have
 * been made.  Kinds: those of the system's errors; ERR_CORRUPT where a name is there
 * already.
 *
 * Memory: MAKERS_ROOM for each of 2n + 2 batches of n threads, touched when used.  The
 * threads block all signals.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/tree/attr_apply.h"

#define MAKERS_THREADS_MAX 4
/* What a file and its path may take up. */
#define MAKERS_FILE_MAX ((size_t)128 << 10)
#define MAKERS_PATH_MAX ((size_t)4 << 10)
#define MAKERS_ROOM     ((size_t)256 << 10) /* of a batch */
/* What the directories of all batches, and files, may take of the descriptors. */
#define MAKERS_FDS 192

struct makers;
struct maker_dir;

/* `threads`: at least 1. */
int makers_new(unsigned threads, struct makers **ret, struct err *err);
/* Ends the threads; what they have not made stays unmade.  The directories stay. */
void makers_free(struct makers *m);

/* Begins the file of the last component of `path` (which is the archive's, for messages;
 * both it and plan are copied) in dir.  `size` and `path` are within the limits above.
 * *ret_path is the copy, valid until makers_end(). */
int makers_begin(struct makers *m, struct maker_dir *dir, const char *path,
		 const struct attr_plan *plan, size_t size, uint8_t **ret_room,
		 const char **ret_path, struct err *err);
/* Its bytes are all there.  A file that was begun is forgotten without this. */
void makers_end(struct makers *m);

/* Makes, or waits for, all that was handed over. */
int makers_wait(struct makers *m, struct err *err);
/* The same after the stream has failed: what failed before that takes the place of what
 * err says, also where that is makers_wait()'s with words of the caller's around it. */
void makers_give_up(struct makers *m, struct err *err);

/* A directory for makers_begin().  Takes fd, on success, if it is `owned`, else borrows
 * it until makers_wait(). */
int maker_dir_new(struct makers *m, int fd, bool owned, struct maker_dir **ret,
		  struct err *err);
/* Whether files in it were handed over that are not made yet. */
bool maker_dir_is_busy(const struct maker_dir *d);
/* Takes d: it gets plan when all its files are there, and is closed then.  `path` is for
 * messages. */
int maker_dir_leave(struct maker_dir *d, const char *path, const struct attr_plan *plan,
		    struct err *err);
/* Takes d, which gets nothing. */
void maker_dir_drop(struct maker_dir *d);

#endif
