/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/rooted.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"

/* Names in one directory: more than any system has packages. */
#define NAMES_MAX 100000

static int open_rooted(int rootfd, const char *path, int flags, struct err *err)
{
	int fd = fd_open_in_root(rootfd, path, flags), e = errno;

	if (fd >= 0)
		return fd;
	(void)err_errnum(err, e, "cannot open %s", q(path));
	/* A path that leads through a file names nothing. */
	return e == ENOTDIR ? err_reclassify(err, ERR_NOT_FOUND) : -1;
}

int rooted_open_dir(int rootfd, const char *path, struct err *err)
{
	return open_rooted(rootfd, path, O_RDONLY | O_DIRECTORY, err);
}

int rooted_open_file(int rootfd, const char *path, struct err *err)
{
	_cleanup_close_ int fd =
		open_rooted(rootfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, err);
	struct stat st;

	if (fd < 0)
		return -1;
	if (sys_fstat(fd, &st) < 0)
		return err_errno(err, "cannot examine %s", q(path));
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CORRUPT, "%s is not a regular file", q(path));
	return TAKE_FD(fd);
}

int rooted_read_file(int rootfd, const char *path, size_t max, struct buf *out,
		     struct err *err)
{
	_cleanup_close_ int fd = rooted_open_file(rootfd, path, err);

	if (fd < 0)
		return -1;
	if (fd_read_file(fd, max, out, err) < 0)
		return err_wrap(err, "cannot read %s", q(path));
	return 0;
}

/* Whether the error is that there is nothing for the caller to see. */
static bool is_nothing(const struct err *err)
{
	return err_is(err, ERR_NOT_FOUND) || err_is(err, ERR_DENIED);
}

int rooted_read_link(int rootfd, const char *path, char **ret, struct err *err)
{
	_cleanup_close_ int fd = open_rooted(rootfd, path, O_PATH | O_NOFOLLOW, err);
	char target[PATH_MAX];
	ssize_t n;

	if (fd < 0 && is_nothing(err)) {
		err_clear(err); /* no link of that name */
		return 0;
	}
	if (fd < 0)
		return -1;
	n = sys_readlinkat(fd, "", target, sizeof(target));
	if (n < 0 && (errno == EINVAL || errno == ENOENT))
		return 0; /* there is something else */
	if (n < 0)
		return err_errno(err, "cannot read the link %s", q(path));
	*ret = alloc_strndup(target, (size_t)n, err);
	return *ret ? 1 : -1;
}

int rooted_list(int rootfd, const char *path, struct strings *ret, struct err *err)
{
	_cleanup_close_ int fd = rooted_open_dir(rootfd, path, err);

	if (fd < 0 && is_nothing(err)) {
		err_clear(err); /* has no names */
		return 0;
	}
	if (fd < 0)
		return -1;
	if (fd_list_dir(fd, NAMES_MAX, ret, err) < 0)
		return err_wrap(err, "cannot list %s", q(path));
	strings_sort(ret);
	return 0;
}
