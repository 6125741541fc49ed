/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/opener.h"

#include <errno.h>
#include <fcntl.h>

#include "backend/base/sys.h"
#include "backend/tree/look.h"

/* openat2() for kernels without it: a descriptor on another mount is given back. */
static int open_plain(struct opener *o, int dirfd, const char *name, int flags)
{
	uint64_t mount_id;
	struct stat st;
	int fd = sys_openat(dirfd, name, flags, 0);

	if (fd < 0)
		return -1;
	if (look_at(fd, "", 0, &st, &mount_id) == 0) {
		if (mount_id == o->mount_id)
			return fd;
		errno = EXDEV;
	}
	sys_close_best_effort(fd);
	return -1;
}

static int open_once(struct opener *o, int dirfd, const char *name, int flags)
{
	int fd = -1;

	if (!o->no_openat2) {
		fd = sys_openat2(dirfd, name, (uint64_t)flags, 0,
				 RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
		if (fd < 0 && errno == ENOSYS)
			o->no_openat2 = true;
	}
	return o->no_openat2 ? open_plain(o, dirfd, name, flags) : fd;
}

int opener_open(struct opener *o, int dirfd, const char *name, int flags)
{
	int fd;

	flags |= O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	do {
		fd = open_once(o, dirfd, name, flags | (o->no_noatime ? 0 : O_NOATIME));
		if (fd < 0 && errno == EPERM && !o->no_noatime) {
			fd = open_once(o, dirfd, name, flags);
			o->no_noatime = fd >= 0;
		}
	} while (fd < 0 && errno == EINTR);
	return fd;
}
