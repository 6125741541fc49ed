/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_FD_H
#define SETASIDE_BASE_FD_H

/*
 * fd: whole reads and writes, checked close, small files.
 *
 * Messages name no object: the caller wraps with the file's name.  EINTR is
 * retried, but not on close and sync; a descriptor that is set not to wait is waited for.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/base/strings.h"

int fd_write_all(int fd, const void *p, size_t n, struct err *err);
int fd_pwrite_all(int fd, const void *p, size_t n, uint64_t offset, struct err *err);
/* Of a long file, written up to `at`: lets the disk begin each 8 MiB, while the next are
 * made, so that the sync at the end has little left to wait for.  A hint; *begun (0 at
 * first) is how far that was asked for.  Tells whether it was now. */
bool fd_write_behind(int fd, uint64_t *begun, uint64_t at);
/* Likewise of one that nobody reads soon: what the disk has goes from memory, which
 * others have a use for; but for the last 24 to 32 MiB, and what lies before a hole. */
void fd_write_past(int fd, uint64_t *begun, uint64_t at);

/* Reads what is at hand, up to n bytes; returns the count, 0 at
 * the end of file, or -1. */
ssize_t fd_read_some(int fd, void *p, size_t n, struct err *err);
/* Reads until n bytes or end of file; returns the count or -1. */
ssize_t fd_read_full(int fd, void *p, size_t n, struct err *err);
ssize_t fd_pread_full(int fd, void *p, size_t n, uint64_t offset, struct err *err);

/* Closes a written fd and reports what close says; *fd becomes -1 either way. */
int fd_close(int *fd, struct err *err);

/* fsync; a failure is final: the data may be lost, the file must not be published. */
int fd_sync(int fd, struct err *err);

/* Appends the whole rest of fd, at most `max` bytes (ERR_NO_SPACE beyond); nothing is
 * appended on failure. */
int fd_read_file(int fd, size_t max, struct buf *out, struct err *err);

/* Opens dirfd/name O_RDONLY|O_NOFOLLOW|O_NONBLOCK, insists on a regular file, reads it.
 * ERR_NOT_FOUND where it does not exist, ERR_CORRUPT where it is anything else (a link,
 * a FIFO, ...). */
int fd_read_file_at(int dirfd, const char *name, size_t max, struct buf *out,
		    struct err *err);

/* A fresh descriptor of the directory dirfd/name ("." for dirfd itself), O_RDONLY. */
int fd_open_dir_at(int dirfd, const char *name, struct err *err);

/* Opens a path as in a chroot to rootfd: links on it lead nowhere else, and those of
 * /proc are refused.  What the kernel cannot resolve while something is renamed or
 * mounted anywhere is tried again.  Returns the descriptor, or -1 with errno: what that
 * means the caller says. */
int fd_open_in_root(int rootfd, const char *path, int flags);

/* Is it one component of a path: a name that stays in its directory?  Its length is the
 * file system's business. */
bool fd_is_component(const char *name);

/* Appends the names in a directory but "." and "..", in no order; ERR_NO_SPACE where
 * there are more than max.  Moves the position of fd, which is open for reading. */
int fd_list_dir(int fd, size_t max, struct strings *ret, struct err *err);

/* `n` random characters a-z0-9 and a final NUL into out[n + 1]. */
int fd_random_name(char *out, size_t n, struct err *err);

#endif
