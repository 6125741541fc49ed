/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operand.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"

#define LINKS_MAX 40 /* as the kernel has it */

/* What a call that opened nothing says. */
static int fail(const char *path, struct err *err)
{
	err_errno(err, "cannot open %s", q(path));
	if (err->sys_errno == EINTR)
		return err_reclassify(err, ERR_INTERRUPTED);
	/* A file that is missing is no set that is not there. */
	return err_is(err, ERR_NOT_FOUND) ? err_reclassify(err, ERR_IO) : -1;
}

/* Where a link leads that may be followed: NULL with an empty err where the
 * kernel must follow it. */
static char *read_link(const char *path, struct err *err)
{
	_cleanup_close_ int fd = sys_openat(AT_FDCWD, path, O_PATH | O_NOFOLLOW, 0);
	const char *slash = strrchr(path, '/');
	char target[PATH_MAX];
	struct statfs fs;
	struct stat st;
	ssize_t n;

	if (fd < 0 || sys_fstat(fd, &st) < 0 || sys_fstatfs(fd, &fs) < 0) {
		err_errno(err, "cannot look at %s", q(path));
		return NULL;
	}
	if (fs.f_type == PROC_SUPER_MAGIC)
		return NULL;
	if (st.st_uid != 0) {
		err_set(err, ERR_REFUSED, "%s is a symbolic link of another user",
			q(path));
		err_hint(err, "name the file that it leads to");
		return NULL;
	}
	n = sys_readlinkat(fd, "", target, sizeof(target) - 1);
	if (n < 0) {
		err_errno(err, "cannot read the link %s", q(path));
		return NULL;
	}
	target[n] = '\0';
	if (target[0] == '/' || !slash)
		return alloc_strdup(target, err);
	return alloc_printf(err, "%.*s%s", (int)(slash + 1 - path), path, target);
}

/* As root: one link after the other. */
static int open_carefully(const char *path, struct err *err)
{
	_cleanup_free_ char *at = alloc_strdup(path, err);

	for (int i = 0; at && i < LINKS_MAX; i++) {
		int fd = sys_openat(AT_FDCWD, at, O_RDONLY | O_NOFOLLOW, 0);
		char *next;

		if (fd >= 0)
			return fd;
		if (errno != ELOOP)
			return fail(path, err);
		next = read_link(at, err);
		if (!next && !err_is(err, ERR_NONE))
			return -1;
		if (!next) {
			fd = sys_openat(AT_FDCWD, at, O_RDONLY, 0);
			return fd < 0 ? fail(path, err) : fd;
		}
		free(at);
		at = next;
	}
	return at ? err_errnum(err, ELOOP, "cannot open %s", q(path)) : -1;
}

int operand_open(const char *path, struct err *err)
{
	int fd;

	if (geteuid() == 0)
		return open_carefully(path, err);
	fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	return fd < 0 ? fail(path, err) : fd;
}
