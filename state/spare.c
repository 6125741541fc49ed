/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/spare.h"

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/base/fd.h"
#include "backend/base/sys.h"

/* Is there so much room for this process? */
static bool has_room(int dirfd, uint64_t size)
{
	struct statvfs v;

	return sys_fstatvfs(dirfd, &v) < 0 ||
	       (uint64_t)(geteuid() == 0 ? v.f_bfree : v.f_bavail) * v.f_frsize >= size;
}

void spare_make_best_effort(int dirfd)
{
	/* It may be there without its blocks: whoever made it was killed. */
	_cleanup_close_ int fd = sys_openat(
		dirfd, SPARE_FILE, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0 || sys_fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_blocks * 512 >= SPARE_SIZE)
		return;
	if (!has_room(dirfd, 2 * SPARE_SIZE) || sys_fallocate(fd, 0, 0, SPARE_SIZE) < 0)
		(void)sys_unlinkat(dirfd, SPARE_FILE, 0);
}

bool spare_give_up(int dirfd)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;

	if (sys_unlinkat(dirfd, SPARE_FILE, 0) < 0)
		return false;
	/* A file system may free blocks no sooner than this is on the disk. */
	(void)fd_sync(dirfd, &ignored);
	return true;
}

bool spare_is_needed(int dirfd)
{
	return !has_room(dirfd, SPARE_SIZE);
}
