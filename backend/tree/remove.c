/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/remove.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/buf.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"
#include "backend/tree/look.h"

#define OPEN_DIR   (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
#define OPEN_MAX   16 /* descriptors at most, the top not counted */
#define LIST_BYTES 32768

/* A directory on the way down.  One that was closed on the way is read from its
 * beginning again, which costs little: most of it is gone. */
struct level {
	char *name; /* in the level above; NULL for the top */
	int fd;     /* -1: closed */
	dev_t dev;
	ino_t ino;
	char *list; /* what getdents gave, or NULL */
	size_t list_n, list_at;
	/* To be read once more: a directory in it was not empty when it should be. */
	bool again;
};

struct removal {
	const struct observer *observer;
	uint64_t mount_id;
	int topfd;
	struct level *levels; /* the top, and those from first_open on are open */
	size_t n, cap;
	size_t first_open;
	bool top_changed; /* since the top was last read from its beginning */
};

/* The path of `name` in the deepest level, for messages; "" if there is no memory for
 * it. */
static const char *describe(const struct removal *r, const char *name, struct buf *path)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;

	for (size_t i = 1; i < r->n; i++) {
		if (buf_add_str(path, r->levels[i].name, &ignored) < 0 ||
		    buf_add_byte(path, '/', &ignored) < 0)
			return "";
	}
	if (name && buf_add_str(path, name, &ignored) < 0)
		return "";
	return path->data ? path->data : "";
}

/* Fails with errno, naming what it is about. */
static int fail(const struct removal *r, const char *name, const char *what,
		struct err *err)
{
	int errnum = errno;
	_cleanup_(buf_done) struct buf path = BUF_INIT;

	return err_errnum(err, errnum, "cannot %s %s", what, q(describe(r, name, &path)));
}

static void close_level(struct removal *r, struct level *l)
{
	if (l->fd >= 0 && l->fd != r->topfd)
		sys_close_best_effort(l->fd);
	l->fd = -1;
	free(l->list);
	l->list = NULL;
	l->list_n = l->list_at = 0;
}

static void pop(struct removal *r)
{
	struct level *l = &r->levels[--r->n];

	close_level(r, l);
	free(l->name);
	if (r->first_open > r->n)
		r->first_open = r->n;
}

static void removal_done(struct removal *r)
{
	while (r->n > 0)
		pop(r);
	free(r->levels);
}

/* Opens a directory, even one that keeps its owner out.  Returns the descriptor or -1 and
 * errno. */
static int open_dir(int dirfd, const char *name)
{
	int fd = sys_openat(dirfd, name, OPEN_DIR, 0);

	if (fd >= 0 || errno != EACCES)
		return fd;
	if (sys_fchmodat(dirfd, name, 0700, AT_SYMLINK_NOFOLLOW) < 0) {
		errno = EACCES;
		return -1;
	}
	return sys_openat(dirfd, name, OPEN_DIR, 0);
}

/* Gives ourselves all rights to a level; false and EACCES if we may not. */
static bool unlock(const struct level *l)
{
	if (sys_fchmod(l->fd, 0700) == 0)
		return true;
	errno = EACCES;
	return false;
}

/* Puts a directory below the deepest level; takes fd. */
static int push(struct removal *r, const char *name, int fd, struct err *err)
{
	_cleanup_close_ int own = fd == r->topfd ? -1 : fd;
	struct level l = { .fd = fd };
	uint64_t mount_id;
	struct stat st;

	if (look_at(fd, "", 0, &st, &mount_id) < 0)
		return fail(r, name, "examine", err);
	if (r->n > 0 && mount_id != r->mount_id) {
		errno = EBUSY;
		return fail(r, name, "remove a mount point,", err);
	}
	l.dev = st.st_dev;
	l.ino = st.st_ino;
	if (alloc_grow(&r->levels, r->n, &r->cap, sizeof(*r->levels), err) < 0)
		return -1;
	if (name) {
		l.name = alloc_strdup(name, err);
		if (!l.name)
			return -1;
	} else {
		r->mount_id = mount_id;
	}
	if (r->n == 0)
		r->first_open = 1;
	else if (r->n - r->first_open >= OPEN_MAX)
		close_level(r, &r->levels[r->first_open++]);
	(void)TAKE_FD(own);
	r->levels[r->n++] = l;
	return 0;
}

/* Unlinks a name of the deepest level, giving ourselves the right to if need be.  0,
 * or -1 and errno; what is gone is a success. */
static int unlink_in(struct level *l, const char *name, int flags)
{
	if (sys_unlinkat(l->fd, name, flags) == 0 || errno == ENOENT)
		return 0;
	if (errno != EACCES || !unlock(l))
		return -1;
	return sys_unlinkat(l->fd, name, flags) == 0 || errno == ENOENT ? 0 : -1;
}

/* Goes down into a directory of the deepest level.  One that is gone meanwhile, or is
 * none any more, is done with. */
static int descend(struct removal *r, const char *name, struct err *err)
{
	struct level *l = &r->levels[r->n - 1];
	int fd = open_dir(l->fd, name);

	/* It may be the level itself that lets nobody through. */
	if (fd < 0 && errno == EACCES && unlock(l))
		fd = open_dir(l->fd, name);
	if (fd >= 0)
		return push(r, name, fd, err);
	if (errno == ENOENT ||
	    ((errno == ENOTDIR || errno == ELOOP) && unlink_in(l, name, 0) == 0))
		return 0;
	return fail(r, name, "open", err);
}

/* Whether a level that seems empty is to be read once more.  Some file systems lose
 * their place where names go: what is left shows when its directory cannot be removed;
 * at the top, which stays, it is looked for until nothing more is found. */
static bool read_again(struct removal *r, struct level *l)
{
	bool again = l->again || (r->n == 1 && r->top_changed);

	l->again = false;
	if (r->n == 1)
		r->top_changed = false;
	return again;
}

/* The next name of a level, from its list or the kernel.  1; 0: the directory is
 * empty; -1 and errno. */
static int next_name(struct removal *r, struct level *l, const struct dirent64 **ret)
{
	for (;;) {
		const struct dirent64 *d;
		ssize_t n;

		while (l->list_at < l->list_n) {
			d = (const struct dirent64 *)(const void *)(l->list + l->list_at);
			l->list_at += d->d_reclen;
			if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
				continue;
			*ret = d;
			return 1;
		}
		n = sys_getdents(l->fd, l->list, LIST_BYTES);
		if (n < 0)
			return -1;
		l->list_at = 0;
		l->list_n = (size_t)n;
		if (n > 0)
			continue;
		if (!read_again(r, l))
			return 0;
		if (sys_lseek(l->fd, 0, SEEK_SET) < 0)
			return -1;
	}
}

/* Removes what is in the deepest level up to the next directory, into which it goes.
 * 1: went down; 0: the level is empty; -1. */
static int work(struct removal *r, struct err *err)
{
	struct level *l = &r->levels[r->n - 1];
	const struct dirent64 *d;
	int found;

	if (!l->list) {
		l->list = alloc_bytes(LIST_BYTES, err);
		if (!l->list)
			return -1;
	}
	while ((found = next_name(r, l, &d)) > 0) {
		size_t depth = r->n;

		if (depth == 1)
			r->top_changed = true;
		if (observer_check(r->observer, err) < 0)
			return -1;
		if (d->d_type != DT_DIR) {
			if (unlink_in(l, d->d_name, 0) == 0)
				continue;
			/* Where the file system tells no types, this does. */
			if (errno != EISDIR)
				return fail(r, d->d_name, "remove", err);
		}
		if (descend(r, d->d_name, err) < 0)
			return -1;
		if (r->n > depth)
			return 1;
	}
	return found < 0 ? fail(r, NULL, "read directory", err) : 0;
}

/* Opens the level above the deepest again, if it was closed on the way down: through
 * "..", which is the same directory unless somebody has moved ours. */
static int reopen_above(struct removal *r, struct err *err)
{
	const struct level *l = &r->levels[r->n - 1];
	struct level *above = &r->levels[r->n - 2];
	_cleanup_(buf_done) struct buf path = BUF_INIT;
	uint64_t mount_id;
	struct stat st;

	if (above->fd >= 0)
		return 0;
	above->fd = open_dir(l->fd, "..");
	if (above->fd < 0)
		return fail(r, "..", "open", err);
	r->first_open = r->n - 2;
	if (look_at(above->fd, "", 0, &st, &mount_id) < 0)
		return fail(r, "..", "examine", err);
	if (st.st_dev != above->dev || st.st_ino != above->ino || mount_id != r->mount_id)
		return err_set(err, ERR_CHANGED,
			       "directory %s was moved while it was removed",
			       q(describe(r, NULL, &path)));
	return 0;
}

/* Leaves an empty directory and removes it. */
static int ascend(struct removal *r, struct err *err)
{
	_cleanup_free_ char *name = NULL;
	struct level *l = &r->levels[r->n - 1];

	if (reopen_above(r, err) < 0)
		return -1;
	name = TAKE_PTR(l->name);
	pop(r);
	l = &r->levels[r->n - 1];
	if (unlink_in(l, name, AT_REMOVEDIR) == 0)
		return 0;
	/* Something new is in it: it is found when this directory is read again. */
	if (errno == ENOTEMPTY || errno == EEXIST) {
		l->again = true;
		return 0;
	}
	return fail(r, name, "remove", err);
}

int remove_contents(int dirfd, const struct observer *observer, struct err *err)
{
	_cleanup_(removal_done) struct removal r = { .observer = observer,
						     .topfd = dirfd };
	int down;

	if (push(&r, NULL, dirfd, err) < 0)
		return -1;
	if (sys_lseek(dirfd, 0, SEEK_SET) < 0)
		return err_errno(err, "cannot read the directory");
	for (;;) {
		down = work(&r, err);
		if (down < 0)
			return -1;
		if (down > 0)
			continue;
		if (r.n == 1)
			return 0;
		if (ascend(&r, err) < 0)
			return -1;
	}
}

/* Removes what is in the opened directory parentfd/name, and then the name. */
static int remove_opened(int parentfd, const char *name, int fd,
			 const struct observer *observer, struct err *err)
{
	uint64_t mount_id, parent_mount_id;
	struct stat st;

	if (look_at(parentfd, "", 0, &st, &parent_mount_id) < 0 ||
	    look_at(fd, "", 0, &st, &mount_id) < 0)
		return err_errno(err, "cannot examine %s", q(name));
	if (mount_id != parent_mount_id)
		return err_errnum(err, EBUSY, "cannot remove a mount point, %s", q(name));
	if (remove_contents(fd, observer, err) < 0)
		return err_wrap(err, "cannot remove %s", q(name));
	if (sys_unlinkat(parentfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_errno(err, "cannot remove %s", q(name));
	return 0;
}

int remove_tree_at(int parentfd, const char *name, const struct observer *observer,
		   struct err *err)
{
	_cleanup_close_ int fd = -1;

	if (sys_unlinkat(parentfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return err_errno(err, "cannot remove %s", q(name));
	fd = open_dir(parentfd, name);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_errno(err, "cannot open %s", q(name));
	return remove_opened(parentfd, name, fd, observer, err);
}

/* Is it one of those that may go?  The number alone is compared: what has the same on
 * another file system can only be mounted here, and is refused as such (subvolumes have
 * device numbers that differ from their directory's). */
static int check_known(const struct stat *st, const char *name, const uint64_t known[2],
		       struct err *err)
{
	if (st->st_ino == known[0] || st->st_ino == known[1])
		return 0;
	return err_set(err, ERR_CHANGED, "%s was replaced by something else", q(name));
}

int remove_known_at(int parentfd, const char *name, const uint64_t known[2],
		    const struct observer *observer, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (sys_fstatat(parentfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_errno(err, "cannot examine %s", q(name));
	if (check_known(&st, name, known, err) < 0)
		return -1;
	/* What is no directory goes by its name, and so does a directory that is empty by
	 * then: there is no other way.  Whoever may put another there in this moment may
	 * also remove that one himself, and gains nothing by it; what lies in a directory
	 * of somebody else's he may not remove. */
	if (!S_ISDIR(st.st_mode)) {
		if (sys_unlinkat(parentfd, name, 0) < 0 && errno != ENOENT)
			return err_errno(err, "cannot remove %s", q(name));
		return 0;
	}
	/* No rights are given to it before it is known, as they would be by its name. */
	fd = sys_openat(parentfd, name, OPEN_DIR, 0);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(err, "cannot open %s", q(name));
	if (sys_fstat(fd, &st) < 0)
		return err_errno(err, "cannot examine %s", q(name));
	if (check_known(&st, name, known, err) < 0)
		return -1;
	return remove_opened(parentfd, name, fd, observer, err);
}
