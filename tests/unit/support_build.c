/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The builders of support.h. */

#define ck_assert_sys(call, path)                                                        \
 ck_assert_msg((call) >= 0, "%s: %s: %s", #call, (path), strerror(errno))

/* Makes the directories that lead to a path. */
static void make_parents(int dirfd, const char *path)
{
	char *copy = strdup(path);

	ck_assert_ptr_nonnull(copy);
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(dirfd, copy, 0755) < 0)
			ck_assert_msg(errno == EEXIST, "%s: %s", copy, strerror(errno));
		*slash = '/';
	}
	free(copy);
}

void support_mkdir(int dirfd, const char *path, mode_t mode)
{
	make_parents(dirfd, path);
	ck_assert_sys(mkdirat(dirfd, path, mode), path);
	ck_assert_sys(fchmodat(dirfd, path, mode, 0), path);
}

/* Makes an empty file and opens it. */
static int make_file(int dirfd, const char *path, mode_t mode)
{
	make_parents(dirfd, path);
	int fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_sys(fd, path);
	ck_assert_sys(fchmod(fd, mode), path);
	return fd;
}

void support_file(int dirfd, const char *path, mode_t mode, const char *content)
{
	support_file_n(dirfd, path, mode, content, strlen(content));
}

void support_file_n(int dirfd, const char *path, mode_t mode, const void *p, size_t n)
{
	int fd = make_file(dirfd, path, mode);

	ck_assert_msg(write(fd, p, n) == (ssize_t)n, "%s: %s", path, strerror(errno));
	/* A write takes set-id bits away. */
	ck_assert_sys(fchmod(fd, mode), path);
	ck_assert_sys(close(fd), path);
}

void support_sparse(int dirfd, const char *path, uint64_t size, uint64_t offset, size_t n)
{
	int fd = make_file(dirfd, path, 0644);
	char *data = malloc(n + 1);

	ck_assert_ptr_nonnull(data);
	for (size_t i = 0; i < n; i++)
		data[i] = (char)('a' + i % 26);
	ck_assert_sys(ftruncate(fd, (off_t)size), path);
	ck_assert_msg(pwrite(fd, data, n, (off_t)offset) == (ssize_t)n, "%s: %s", path,
		      strerror(errno));
	free(data);
	ck_assert_sys(close(fd), path);
}

void support_symlink(int dirfd, const char *path, const char *target)
{
	make_parents(dirfd, path);
	ck_assert_sys(symlinkat(target, dirfd, path), path);
}

void support_link(int dirfd, const char *path, const char *existing)
{
	make_parents(dirfd, path);
	ck_assert_sys(linkat(dirfd, existing, dirfd, path, 0), path);
}

void support_node(int dirfd, const char *path, mode_t mode, dev_t dev)
{
	make_parents(dirfd, path);
	ck_assert_sys(mknodat(dirfd, path, mode, dev), path);
	ck_assert_sys(fchmodat(dirfd, path, mode & 07777, 0), path);
}

void support_owner(int dirfd, const char *path, uid_t uid, gid_t gid)
{
	ck_assert_sys(fchownat(dirfd, path, uid, gid, AT_SYMLINK_NOFOLLOW), path);
}

void support_mtime(int dirfd, const char *path, int64_t sec, long nsec)
{
	struct timespec ts[2] = { { .tv_nsec = UTIME_OMIT }, { sec, nsec } };

	ck_assert_sys(utimensat(dirfd, path, ts, AT_SYMLINK_NOFOLLOW), path);
}

bool support_xattr(int dirfd, const char *path, const char *name, const void *p, size_t n)
{
	int fd = openat(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

	ck_assert_sys(fd, path);
	int r = fsetxattr(fd, name, p, n, 0), errnum = errno;
	close(fd);
	if (r < 0 && (errnum == EOPNOTSUPP || errnum == EPERM)) {
		support_skip_for(name, "extended attributes cannot be set here");
		return false;
	}
	ck_assert_msg(r == 0, "%s: %s: %s", path, name, strerror(errnum));
	return true;
}

/* Removes what is in a directory, which is made accessible first. */
static void remove_contents(int fd, const char *path)
{
	DIR *dir;

	(void)fchmod(fd, 0700);
	dir = fdopendir(fd);
	ck_assert_msg(dir != NULL, "%s: %s", path, strerror(errno));
	for (const struct dirent *e; (e = readdir(dir));) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			support_remove_tree(dirfd(dir), e->d_name);
	}
	closedir(dir);
}

void support_remove_tree(int dirfd, const char *path)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dirfd, path, flags);

	if (fd < 0 && errno == EACCES && fchmodat(dirfd, path, 0700, 0) == 0)
		fd = openat(dirfd, path, flags);
	if (fd < 0) {
		ck_assert_sys(unlinkat(dirfd, path, 0), path);
		return;
	}
	remove_contents(fd, path);
	ck_assert_sys(unlinkat(dirfd, path, AT_REMOVEDIR), path);
}

double support_held_in_memory(int fd, off_t from, size_t n)
{
	size_t pages = n / (size_t)sysconf(_SC_PAGESIZE), held = 0;
	void *p = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, from);
	_cleanup_free_ unsigned char *in_core = calloc(pages, 1);

	ck_assert_ptr_ne(p, MAP_FAILED);
	ck_assert_ptr_nonnull(in_core);
	ck_assert_int_eq(mincore(p, n, in_core), 0);
	munmap(p, n);
	for (size_t i = 0; i < pages; i++)
		held += in_core[i] & 1;
	return (double)held / (double)pages;
}
