/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/sys.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h> /* renameat2 */
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "backend/base/fault.h"

/*
 * Each call is one fault point: fault_change() if it changes what other processes can
 * see or what a crash leaves, fault_call() if not.
 */

/* The point of an open: creating and truncating change something. */
static bool open_fails(uint64_t flags)
{
	return flags & (O_CREAT | O_TRUNC) ? fault_change() : fault_call();
}

int sys_openat(int dirfd, const char *name, int flags, mode_t mode)
{
	return open_fails((uint64_t)flags) ? -1
					   : openat(dirfd, name, flags | O_CLOEXEC, mode);
}

int sys_openat2(int dirfd, const char *name, uint64_t flags, mode_t mode,
		uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC,
				.mode = mode,
				.resolve = resolve };

	if (open_fails(flags))
		return -1;
	return (int)syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
}

int sys_close(int fd)
{
	bool fails = fault_call();
	int errnum = errno;
	int r = close(fd);

	/* As in life: the descriptor is gone even where close reports an error. */
	if (!fails)
		return r;
	errno = errnum;
	return -1;
}

void sys_close_best_effort(int fd)
{
	int errnum = errno;

	close(fd);
	errno = errnum;
}

ssize_t sys_read(int fd, void *p, size_t n)
{
	return fault_call() ? -1 : read(fd, p, fault_length(n));
}

ssize_t sys_write(int fd, const void *p, size_t n)
{
	return fault_change() ? -1 : write(fd, p, fault_length(n));
}

ssize_t sys_pread(int fd, void *p, size_t n, off_t offset)
{
	return fault_call() ? -1 : pread(fd, p, fault_length(n), offset);
}

ssize_t sys_pwrite(int fd, const void *p, size_t n, off_t offset)
{
	return fault_change() ? -1 : pwrite(fd, p, fault_length(n), offset);
}

ssize_t sys_writev(int fd, const struct iovec *iov, int n)
{
	if (fault_change())
		return -1;
	/* A short one writes a part of the first element only. */
	if (n > 0 && fault_length(iov[0].iov_len) < iov[0].iov_len)
		return write(fd, iov[0].iov_base, iov[0].iov_len / 2);
	return writev(fd, iov, n);
}

off_t sys_lseek(int fd, off_t offset, int whence)
{
	return fault_call() ? -1 : lseek(fd, offset, whence);
}

int sys_ftruncate(int fd, off_t length)
{
	return fault_change() ? -1 : ftruncate(fd, length);
}

int sys_fallocate(int fd, int mode, off_t offset, off_t length)
{
	return fault_change() ? -1 : fallocate(fd, mode, offset, length);
}

int sys_madvise(void *p, size_t n, int advice)
{
	return fault_call() ? -1 : madvise(p, n, advice);
}

int sys_clone_range(int fd, int from, off_t offset, off_t n)
{
	struct file_clone_range range = {
		.src_fd = from,
		.src_offset = (uint64_t)offset,
		.src_length = (uint64_t)n,
		.dest_offset = (uint64_t)offset,
	};

	return fault_change() ? -1 : ioctl(fd, FICLONERANGE, &range);
}

int sys_fsync(int fd)
{
	return fault_change() ? -1 : fsync(fd);
}

int sys_sync_file_range(int fd, off_t offset, off_t n, unsigned flags)
{
	return fault_call() ? -1 : sync_file_range(fd, offset, n, flags);
}

int sys_syncfs(int fd)
{
	return fault_change() ? -1 : syncfs(fd);
}

int sys_posix_fadvise(int fd, off_t offset, off_t length, int advice)
{
	if (fault_call())
		return -1;

	int errnum = posix_fadvise(fd, offset, length, advice);
	if (errnum == 0)
		return 0;
	errno = errnum;
	return -1;
}

int sys_fstat(int fd, struct stat *st)
{
	return fault_call() ? -1 : fstat(fd, st);
}

int sys_fstatat(int dirfd, const char *name, struct stat *st, int flags)
{
	return fault_call() ? -1 : fstatat(dirfd, name, st, flags);
}

int sys_faccessat(int dirfd, const char *name, int mode, int flags)
{
	return fault_call() ? -1 : faccessat(dirfd, name, mode, flags);
}

int sys_statx(int dirfd, const char *name, int flags, unsigned mask, struct statx *stx)
{
	return fault_call() ? -1 : statx(dirfd, name, flags, mask, stx);
}

int sys_fstatvfs(int fd, struct statvfs *st)
{
	return fault_call() ? -1 : fstatvfs(fd, st);
}

int sys_fstatfs(int fd, struct statfs *st)
{
	return fault_call() ? -1 : fstatfs(fd, st);
}

int sys_dup(int fd)
{
	return fault_call() ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

int sys_fcntl_lock(int fd, int cmd, struct flock *lock)
{
	return fault_call() ? -1 : fcntl(fd, cmd, lock);
}

int sys_fcntl_getfl(int fd)
{
	return fault_call() ? -1 : fcntl(fd, F_GETFL);
}

int sys_fcntl_setfl(int fd, int flags)
{
	return fault_call() ? -1 : fcntl(fd, F_SETFL, flags);
}

int sys_fcntl_setpipe(int fd, int size)
{
	return fault_call() ? -1 : fcntl(fd, F_SETPIPE_SZ, size);
}

int sys_flock(int fd, int operation)
{
	return fault_call() ? -1 : flock(fd, operation);
}

int sys_mkdirat(int dirfd, const char *name, mode_t mode)
{
	return fault_change() ? -1 : mkdirat(dirfd, name, mode);
}

int sys_unlinkat(int dirfd, const char *name, int flags)
{
	return fault_change() ? -1 : unlinkat(dirfd, name, flags);
}

int sys_linkat(int olddirfd, const char *oldname, int newdirfd, const char *newname,
	       int flags)
{
	return fault_change() ? -1 : linkat(olddirfd, oldname, newdirfd, newname, flags);
}

int sys_symlinkat(const char *target, int dirfd, const char *name)
{
	return fault_change() ? -1 : symlinkat(target, dirfd, name);
}

ssize_t sys_readlinkat(int dirfd, const char *name, char *out, size_t n)
{
	return fault_call() ? -1 : readlinkat(dirfd, name, out, n);
}

int sys_mknodat(int dirfd, const char *name, mode_t mode, dev_t dev)
{
	return fault_change() ? -1 : mknodat(dirfd, name, mode, dev);
}

int sys_renameat2(int olddirfd, const char *oldname, int newdirfd, const char *newname,
		  unsigned flags)
{
	return fault_change() ? -1
			      : renameat2(olddirfd, oldname, newdirfd, newname, flags);
}

ssize_t sys_getdents(int fd, void *p, size_t n)
{
	return fault_call() ? -1 : getdents64(fd, p, n);
}

int sys_fchown(int fd, uid_t uid, gid_t gid)
{
	return fault_change() ? -1 : fchown(fd, uid, gid);
}

int sys_fchownat(int dirfd, const char *name, uid_t uid, gid_t gid, int flags)
{
	return fault_change() ? -1 : fchownat(dirfd, name, uid, gid, flags);
}

int sys_fchmod(int fd, mode_t mode)
{
	return fault_change() ? -1 : fchmod(fd, mode);
}

int sys_fchmodat(int dirfd, const char *name, mode_t mode, int flags)
{
	return fault_change() ? -1 : fchmodat(dirfd, name, mode, flags);
}

int sys_futimens(int fd, const struct timespec ts[2])
{
	return fault_change() ? -1 : futimens(fd, ts);
}

int sys_utimensat(int dirfd, const char *name, const struct timespec ts[2], int flags)
{
	return fault_change() ? -1 : utimensat(dirfd, name, ts, flags);
}

ssize_t sys_flistxattr(int fd, char *list, size_t n)
{
	return fault_call() ? -1 : flistxattr(fd, list, n);
}

ssize_t sys_fgetxattr(int fd, const char *name, void *value, size_t n)
{
	return fault_call() ? -1 : fgetxattr(fd, name, value, n);
}

int sys_fsetxattr(int fd, const char *name, const void *value, size_t n, int flags)
{
	return fault_change() ? -1 : fsetxattr(fd, name, value, n, flags);
}

int sys_fremovexattr(int fd, const char *name)
{
	return fault_change() ? -1 : fremovexattr(fd, name);
}

int sys_removexattr(const char *path, const char *name)
{
	return fault_change() ? -1 : removexattr(path, name);
}

ssize_t sys_listxattr(const char *path, char *list, size_t n)
{
	return fault_call() ? -1 : listxattr(path, list, n);
}

ssize_t sys_llistxattr(const char *path, char *list, size_t n)
{
	return fault_call() ? -1 : llistxattr(path, list, n);
}

ssize_t sys_getxattr(const char *path, const char *name, void *value, size_t n)
{
	return fault_call() ? -1 : getxattr(path, name, value, n);
}

ssize_t sys_lgetxattr(const char *path, const char *name, void *value, size_t n)
{
	return fault_call() ? -1 : lgetxattr(path, name, value, n);
}

int sys_lsetxattr(const char *path, const char *name, const void *value, size_t n,
		  int flags)
{
	return fault_change() ? -1 : lsetxattr(path, name, value, n, flags);
}

int sys_setxattr(const char *path, const char *name, const void *value, size_t n,
		 int flags)
{
	return fault_change() ? -1 : setxattr(path, name, value, n, flags);
}
