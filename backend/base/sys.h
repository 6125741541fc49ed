/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_SYS_H
#define SETASIDE_BASE_SYS_H

/*
 * sys: every system call of backend and state, so that each can be made to fail.
 *
 * Same arguments, results and errno as the call named (EINTR included: callers or
 * fd.h retry).  O_CLOEXEC is added to everything that makes a descriptor.  In builds
 * with --enable-faults each call passes a fault point (backend/base/fault.h); in others
 * these are the calls themselves.
 */

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

/* Files */
int sys_openat(int dirfd, const char *name, int flags, mode_t mode);
/* openat2(2); `resolve` takes RESOLVE_*. */
int sys_openat2(int dirfd, const char *name, uint64_t flags, mode_t mode,
		uint64_t resolve);
int sys_close(int fd);
void sys_close_best_effort(int fd); /* keeps errno */
ssize_t sys_read(int fd, void *p, size_t n);
ssize_t sys_write(int fd, const void *p, size_t n);
ssize_t sys_pread(int fd, void *p, size_t n, off_t offset);
ssize_t sys_pwrite(int fd, const void *p, size_t n, off_t offset);
ssize_t sys_writev(int fd, const struct iovec *iov, int n);
off_t sys_lseek(int fd, off_t offset, int whence);
int sys_ftruncate(int fd, off_t length);
int sys_fallocate(int fd, int mode, off_t offset, off_t length);
int sys_madvise(void *p, size_t n, int advice);
/* FICLONERANGE: `fd` shares the n bytes from `offset` on with `from`, where they stand at
 * the same place.  Both are multiples of the file system's blocks. */
int sys_clone_range(int fd, int from, off_t offset, off_t n);
int sys_fsync(int fd);
int sys_sync_file_range(int fd, off_t offset, off_t n, unsigned flags);
int sys_syncfs(int fd);
int sys_posix_fadvise(int fd, off_t offset, off_t length, int advice); /* -1 and errno */
int sys_fstat(int fd, struct stat *st);
int sys_fstatat(int dirfd, const char *name, struct stat *st, int flags);
int sys_faccessat(int dirfd, const char *name, int mode, int flags);
int sys_statx(int dirfd, const char *name, int flags, unsigned mask, struct statx *stx);
int sys_fstatvfs(int fd, struct statvfs *st);
int sys_fstatfs(int fd, struct statfs *st); /* for its type */
int sys_dup(int fd);                        /* F_DUPFD_CLOEXEC, lowest from 3 */
int sys_fcntl_lock(int fd, int cmd, struct flock *lock); /* F_OFD_SETLK, F_OFD_GETLK */
int sys_fcntl_getfl(int fd);
int sys_fcntl_setfl(int fd, int flags);
int sys_fcntl_setpipe(int fd, int size);
int sys_flock(int fd, int operation);

/* Names */
int sys_mkdirat(int dirfd, const char *name, mode_t mode);
int sys_unlinkat(int dirfd, const char *name, int flags);
int sys_linkat(int olddirfd, const char *oldname, int newdirfd, const char *newname,
	       int flags);
int sys_symlinkat(const char *target, int dirfd, const char *name);
ssize_t sys_readlinkat(int dirfd, const char *name, char *out, size_t n);
int sys_mknodat(int dirfd, const char *name, mode_t mode, dev_t dev);
int sys_renameat2(int olddirfd, const char *oldname, int newdirfd, const char *newname,
		  unsigned flags);
/* getdents64(2): raw records. */
ssize_t sys_getdents(int fd, void *p, size_t n);

/* Attributes */
int sys_fchown(int fd, uid_t uid, gid_t gid);
int sys_fchownat(int dirfd, const char *name, uid_t uid, gid_t gid, int flags);
int sys_fchmod(int fd, mode_t mode);
int sys_fchmodat(int dirfd, const char *name, mode_t mode, int flags);
int sys_futimens(int fd, const struct timespec ts[2]);
int sys_utimensat(int dirfd, const char *name, const struct timespec ts[2], int flags);
ssize_t sys_flistxattr(int fd, char *list, size_t n);
ssize_t sys_fgetxattr(int fd, const char *name, void *value, size_t n);
int sys_fsetxattr(int fd, const char *name, const void *value, size_t n, int flags);
int sys_fremovexattr(int fd, const char *name);
int sys_removexattr(const char *path, const char *name);
ssize_t sys_listxattr(const char *path, char *list, size_t n); /* for /proc/self/fd/N */
ssize_t sys_llistxattr(const char *path, char *list, size_t n);
ssize_t sys_getxattr(const char *path, const char *name, void *value, size_t n);
ssize_t sys_lgetxattr(const char *path, const char *name, void *value, size_t n);
int sys_lsetxattr(const char *path, const char *name, const void *value, size_t n,
		  int flags);
int sys_setxattr(const char *path, const char *name, const void *value, size_t n,
		 int flags);

/* Pipes, sockets, processes */
int sys_pipe2(int fds[2], int flags);
int sys_socketpair(int domain, int type, int protocol, int fds[2]);
int sys_socket(int domain, int type, int protocol);
int sys_connect(int fd, const struct sockaddr *address, socklen_t n);
ssize_t sys_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t sys_recvmsg(int fd, struct msghdr *msg, int flags);
int sys_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
pid_t sys_fork(void);
pid_t sys_waitpid(pid_t pid, int *status, int options);
int sys_kill(pid_t pid, int sig);
ssize_t sys_getrandom(void *p, size_t n, unsigned flags);
int sys_clock_gettime(clockid_t clock, struct timespec *ts);
/* Milliseconds of a clock that only goes forward, or -1. */
int64_t sys_monotonic_ms(void);
int sys_close_range(unsigned first, unsigned last, unsigned flags);

/* Threads */
/* How many processors this thread may run on, at least 1. */
unsigned sys_cpu_count(void);
/* pthread_create(3), with 1 MiB of stack, and with all signals blocked in the new thread:
 * they stay the business of those that were there before.  -1 and errno. */
int sys_thread_start(pthread_t *ret, void *(*run)(void *), void *arg);

/* Identity (the worker's way down; kernel effect on the calling thread only, so call
 * before threads exist) */
int sys_setgroups(size_t n, const gid_t *groups);
int sys_setresgid(gid_t r, gid_t e, gid_t s);
int sys_setresuid(uid_t r, uid_t e, uid_t s);
int sys_setuid(uid_t uid);
/* What a process gives up or takes on for good. */
int sys_getrlimit(int resource, struct rlimit *limit);
int sys_setrlimit(int resource, const struct rlimit *limit);
int sys_chdir(const char *path);
mode_t sys_umask(mode_t mask);
int sys_prctl(int option, unsigned long a, unsigned long b, unsigned long c,
	      unsigned long d);
/* Sets permitted, effective (both `mask`) and an empty inheritable set. */
int sys_capset(uint64_t mask);
/* Effective capabilities of this thread, or -1. */
int sys_capget(uint64_t *ret_effective);

#endif
