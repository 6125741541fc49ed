/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/reserve.h"

#include <fcntl.h>
#include <stdint.h>

#include "backend/base/cleanup.h"
#include "backend/base/fd.h"
#include "backend/base/sys.h"

void reserve_make_best_effort(int dirfd)
{
	_cleanup_close_ int fd =
		sys_openat(dirfd, RESERVE_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);

	if (fd >= 0 && sys_fallocate(fd, 0, 0, RESERVE_SIZE) < 0)
		(void)sys_unlinkat(dirfd, RESERVE_FILE, 0);
}

bool reserve_give_up(int dirfd)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;

	if (sys_unlinkat(dirfd, RESERVE_FILE, 0) < 0)
		return false;
	/* A file system may free blocks no sooner than this is on the disk. */
	(void)fd_sync(dirfd, &ignored);
	return true;
}

bool reserve_is_needed(int dirfd)
{
	struct statvfs v;

	return sys_fstatvfs(dirfd, &v) == 0 &&
	       (uint64_t)v.f_bavail * v.f_frsize < RESERVE_SIZE;
}
