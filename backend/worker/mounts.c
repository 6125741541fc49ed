/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/mounts.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/fd.h"

#define MOUNTINFO_MAX ((size_t)16 << 20)

/* Undoes the octal escapes of mountinfo, in place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
		    s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
				       (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* The fifth field of a line, or NULL. */
static char *mount_point(char *line)
{
	char *save = NULL, *field = strtok_r(line, " ", &save);

	for (int i = 0; field && i < 4; i++)
		field = strtok_r(NULL, " ", &save);
	if (field)
		unescape(field);
	return field;
}

/* The path that the kernel has for fd. */
static int path_of(int fd, char out[PATH_MAX], struct err *err)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = sys_readlinkat(AT_FDCWD, link, out, PATH_MAX - 1);
	if (n < 0)
		return err_errno(err, "cannot find the path of a directory");
	out[n] = '\0';
	return 0;
}

int mounts_below(int fd, char **ret, struct err *err)
{
	_cleanup_(buf_done) struct buf info = BUF_INIT;
	_cleanup_close_ int file = -1;
	char path[PATH_MAX], *save = NULL, *line;
	size_t n;

	if (path_of(fd, path, err) < 0)
		return -1;
	n = strcmp(path, "/") == 0 ? 0 : strlen(path);
	file = sys_openat(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY, 0);
	if (file < 0)
		return err_errno(err, "cannot read the mount table");
	if (fd_read_file(file, MOUNTINFO_MAX, &info, err) < 0)
		return err_wrap(err, "cannot read the mount table");
	*ret = NULL;
	for (line = strtok_r(info.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *at = mount_point(line);

		if (at && strncmp(at, path, n) == 0 && at[n] == '/' && at[n + 1]) {
			*ret = alloc_strdup(at, err);
			return *ret ? 0 : -1;
		}
	}
	return 0;
}
