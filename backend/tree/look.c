/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/look.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

/* The id that is never given again, for which linux/stat.h may be too old (kernel 6.8).
 * Kernels that do not know it give the other. */
#define MASK_MNT_ID_UNIQUE 0x4000U

static struct timespec to_timespec(const struct statx_timestamp *t)
{
	return (struct timespec){ .tv_sec = t->tv_sec, .tv_nsec = (long)t->tv_nsec };
}

int look_at(int dirfd, const char *name, unsigned flags, struct stat *ret,
	    uint64_t *ret_mount_id)
{
	int at = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH;
	struct statx x;

	if (flags & LOOK_CACHED)
		at |= AT_STATX_DONT_SYNC;
	if (sys_statx(dirfd, name, at,
		      STATX_BASIC_STATS | STATX_MNT_ID | MASK_MNT_ID_UNIQUE, &x) < 0)
		return -1;
	*ret = (struct stat){
		.st_dev = makedev(x.stx_dev_major, x.stx_dev_minor),
		.st_ino = x.stx_ino,
		.st_nlink = x.stx_nlink,
		.st_mode = x.stx_mode,
		.st_uid = x.stx_uid,
		.st_gid = x.stx_gid,
		.st_rdev = makedev(x.stx_rdev_major, x.stx_rdev_minor),
		.st_size = (off_t)x.stx_size,
		.st_blksize = x.stx_blksize,
		.st_blocks = (blkcnt_t)x.stx_blocks,
		.st_atim = to_timespec(&x.stx_atime),
		.st_mtim = to_timespec(&x.stx_mtime),
		.st_ctim = to_timespec(&x.stx_ctime),
	};
	if (x.stx_mask & (STATX_MNT_ID | MASK_MNT_ID_UNIQUE))
		*ret_mount_id = x.stx_mnt_id;
	else
		*ret_mount_id = ret->st_dev;
	return 0;
}

bool look_is_mount_root(int fd)
{
	struct statx x;

	return sys_statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, 0, &x) == 0 &&
	       (x.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) &&
	       (x.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}
