/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The comparison of support.h.  It stops at the first difference. */

#define XATTR_MAX 65536

/* One name of a file that has several. */
struct seen {
	dev_t dev;
	ino_t ino;
	char *path;
};

struct side {
	struct seen *seen;
	size_t n, cap;
};

struct comparison {
	unsigned flags;
	struct side sides[2];
	char *why;
};

/* The directory on both sides, and the path to it for messages. */
struct pair {
	int fd[2];
	const char *path;
};

/* Notes a difference; returns false. */
static bool differs(struct comparison *c, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static bool differs(struct comparison *c, const char *path, const char *fmt, ...)
{
	char *what = NULL;
	va_list ap;

	va_start(ap, fmt);
	ck_assert_int_ge(vasprintf(&what, fmt, ap), 0);
	va_end(ap);
	free(c->why);
	ck_assert_int_ge(asprintf(&c->why, "%s: %s", path, what), 0);
	free(what);
	return false;
}

/* The first path under which a side showed this file; the path itself if it is new. */
static const char *first_path(struct side *s, const struct stat *st, const char *path)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->seen[i].dev == st->st_dev && s->seen[i].ino == st->st_ino)
			return s->seen[i].path;
	}
	if (s->n == s->cap) {
		s->cap = s->cap * 2 + 8;
		s->seen = realloc(s->seen, s->cap * sizeof(*s->seen));
		ck_assert_ptr_nonnull(s->seen);
	}
	s->seen[s->n] = (struct seen){ st->st_dev, st->st_ino, strdup(path) };
	ck_assert_ptr_nonnull(s->seen[s->n].path);
	return s->seen[s->n++].path;
}

static bool compare_links(struct comparison *c, const struct stat st[2], const char *path)
{
	if (S_ISDIR(st[0].st_mode))
		return true;
	if (st[0].st_nlink == 1 && st[1].st_nlink == 1)
		return true;

	const char *a = first_path(&c->sides[0], &st[0], path);
	const char *b = first_path(&c->sides[1], &st[1], path);
	if (strcmp(a, b) == 0)
		return true;
	return differs(c, path, "one file with \"%s\" here, with \"%s\" there", a, b);
}

static bool compare_stat(struct comparison *c, const struct stat st[2], const char *path)
{
	const struct stat *a = &st[0], *b = &st[1];
	bool top = strcmp(path, ".") == 0;

	if ((a->st_mode & S_IFMT) != (b->st_mode & S_IFMT))
		return differs(c, path, "types %06o, %06o", a->st_mode & S_IFMT,
			       b->st_mode & S_IFMT);
	if (a->st_mode != b->st_mode)
		return differs(c, path, "modes %04o, %04o", a->st_mode & 07777,
			       b->st_mode & 07777);
	if (!(c->flags & SUPPORT_NO_OWNER) &&
	    (a->st_uid != b->st_uid || a->st_gid != b->st_gid))
		return differs(c, path, "owners %u:%u, %u:%u", a->st_uid, a->st_gid,
			       b->st_uid, b->st_gid);
	if (!(top && (c->flags & SUPPORT_NO_TOP_TIME)) &&
	    (a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
	     a->st_mtim.tv_nsec != b->st_mtim.tv_nsec))
		return differs(c, path, "mtimes %lld.%09ld, %lld.%09ld",
			       (long long)a->st_mtim.tv_sec, a->st_mtim.tv_nsec,
			       (long long)b->st_mtim.tv_sec, b->st_mtim.tv_nsec);
	if ((S_ISCHR(a->st_mode) || S_ISBLK(a->st_mode)) && a->st_rdev != b->st_rdev)
		return differs(c, path, "devices %llx, %llx",
			       (unsigned long long)a->st_rdev,
			       (unsigned long long)b->st_rdev);
	if (S_ISREG(a->st_mode) && a->st_size != b->st_size)
		return differs(c, path, "sizes %lld, %lld", (long long)a->st_size,
			       (long long)b->st_size);
	return compare_links(c, st, path);
}

static int compare_names(const void *a, const void *b)
{
	char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

struct names {
	char **at;
	size_t n;
};

static void names_add(struct names *names, const char *name)
{
	names->at = realloc(names->at, (names->n + 1) * sizeof(*names->at));
	ck_assert_ptr_nonnull(names->at);
	names->at[names->n] = strdup(name);
	ck_assert_ptr_nonnull(names->at[names->n]);
	names->n++;
}

static void names_sort(struct names *names)
{
	if (names->n > 1)
		qsort(names->at, names->n, sizeof(*names->at), compare_names);
}

static void names_done(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->at[i]);
	free(names->at);
}

/* The first name that is in only one of two sorted lists is a difference. */
static bool compare_lists(struct comparison *c, const char *path, const char *what,
			  const struct names lists[2])
{
	const struct names *a = &lists[0], *b = &lists[1];

	for (size_t i = 0; i < a->n || i < b->n; i++) {
		int r = i == a->n ? 1 : i == b->n ? -1 : strcmp(a->at[i], b->at[i]);
		if (r < 0)
			return differs(c, path, "%s \"%s\" only here", what, a->at[i]);
		if (r > 0)
			return differs(c, path, "%s \"%s\" only there", what, b->at[i]);
	}
	return true;
}

/* A path by which attributes of dirfd's entry can be reached. */
static void proc_path(int dirfd, const char *name, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "/proc/self/fd/%d/%s", dirfd, name);
}

static void list_xattrs(int dirfd, const char *name, struct names *ret)
{
	char path[PATH_MAX], *list = malloc(XATTR_MAX);

	ck_assert_ptr_nonnull(list);
	proc_path(dirfd, name, path);
	ssize_t n = llistxattr(path, list, XATTR_MAX);
	ck_assert_msg(n >= 0 || errno == EOPNOTSUPP, "%s: %s", name, strerror(errno));
	for (const char *at = list; n > 0 && at < list + n; at += strlen(at) + 1)
		names_add(ret, at);
	names_sort(ret);
	free(list);
}

static bool compare_xattr_values(struct comparison *c, const struct pair *dirs,
				 const char *name, const char *path, const char *xattr)
{
	char file[PATH_MAX];
	char *values[2];
	ssize_t sizes[2];

	for (int i = 0; i < 2; i++) {
		values[i] = malloc(XATTR_MAX);
		ck_assert_ptr_nonnull(values[i]);
		proc_path(dirs->fd[i], name, file);
		sizes[i] = lgetxattr(file, xattr, values[i], XATTR_MAX);
		ck_assert_msg(sizes[i] >= 0, "%s: %s: %s", path, xattr, strerror(errno));
	}
	bool equal = sizes[0] == sizes[1] &&
		     memcmp(values[0], values[1], (size_t)sizes[0]) == 0;
	free(values[0]);
	free(values[1]);
	return equal || differs(c, path, "values of attribute \"%s\"", xattr);
}

static bool compare_xattrs(struct comparison *c, const struct pair *dirs,
			   const char *name, const char *path)
{
	struct names lists[2] = { { NULL, 0 }, { NULL, 0 } };

	for (int i = 0; i < 2; i++)
		list_xattrs(dirs->fd[i], name, &lists[i]);
	bool equal = compare_lists(c, path, "attribute", lists);
	for (size_t i = 0; equal && i < lists[0].n; i++)
		equal = compare_xattr_values(c, dirs, name, path, lists[0].at[i]);
	names_done(&lists[0]);
	names_done(&lists[1]);
	return equal;
}

/* Compares where data and holes begin. */
static bool compare_extents(struct comparison *c, const int fd[2], const char *path)
{
	off_t at = 0;

	for (int whence = SEEK_DATA;;
	     whence = whence == SEEK_DATA ? SEEK_HOLE : SEEK_DATA) {
		off_t a = lseek(fd[0], at, whence), b = lseek(fd[1], at, whence);
		if (a != b)
			return differs(c, path, "%s after %lld at %lld, %lld",
				       whence == SEEK_DATA ? "data" : "hole",
				       (long long)at, (long long)a, (long long)b);
		if (a < 0)
			return true;
		at = a;
	}
}

static bool compare_bytes(struct comparison *c, const int fd[2], const char *path)
{
	static char blocks[2][65536];
	off_t at = 0;
	ssize_t n;

	do {
		n = pread(fd[0], blocks[0], sizeof(blocks[0]), at);
		ck_assert_msg(n >= 0, "%s: %s", path, strerror(errno));
		if (pread(fd[1], blocks[1], (size_t)n, at) != n)
			return differs(c, path, "contents end at different places");
		for (ssize_t i = 0; i < n; i++) {
			if (blocks[0][i] != blocks[1][i])
				return differs(c, path, "contents from byte %lld",
					       (long long)at + i);
		}
		at += n;
	} while (n > 0);
	return true;
}

static bool compare_files(struct comparison *c, const struct pair *dirs, const char *name,
			  const char *path)
{
	int fd[2];

	for (int i = 0; i < 2; i++) {
		fd[i] = openat(dirs->fd[i], name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		ck_assert_msg(fd[i] >= 0, "%s: %s", path, strerror(errno));
	}
	bool equal = compare_bytes(c, fd, path) &&
		     (!(c->flags & SUPPORT_SPARSE) || compare_extents(c, fd, path));
	close(fd[0]);
	close(fd[1]);
	return equal;
}

static bool compare_targets(struct comparison *c, const struct pair *dirs,
			    const char *name, const char *path)
{
	char targets[2][PATH_MAX + 1];

	for (int i = 0; i < 2; i++) {
		ssize_t n = readlinkat(dirs->fd[i], name, targets[i], PATH_MAX);
		ck_assert_msg(n >= 0, "%s: %s", path, strerror(errno));
		targets[i][n] = '\0';
	}
	if (strcmp(targets[0], targets[1]) == 0)
		return true;
	return differs(c, path, "links to \"%s\", \"%s\"", targets[0], targets[1]);
}

static bool compare_dirs(struct comparison *c, const struct pair *dirs);

static bool compare_subdirs(struct comparison *c, const struct pair *dirs,
			    const char *name, const char *path)
{
	struct pair below = { { -1, -1 }, path };

	for (int i = 0; i < 2; i++) {
		below.fd[i] = openat(dirs->fd[i], name,
				     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		ck_assert_msg(below.fd[i] >= 0, "%s: %s", path, strerror(errno));
	}
	bool equal = compare_dirs(c, &below);
	close(below.fd[0]);
	close(below.fd[1]);
	return equal;
}

/* Compares one entry that both directories have. */
static bool compare_entries(struct comparison *c, const struct pair *dirs,
			    const char *name)
{
	struct stat st[2];
	char *path = NULL;
	bool equal;

	if (strcmp(dirs->path, ".") == 0)
		path = strdup(name);
	else
		ck_assert_int_ge(asprintf(&path, "%s/%s", dirs->path, name), 0);
	ck_assert_ptr_nonnull(path);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(fstatat(dirs->fd[i], name, &st[i], AT_SYMLINK_NOFOLLOW),
				 0);
	equal = compare_stat(c, st, path) && compare_xattrs(c, dirs, name, path);
	if (equal && S_ISREG(st[0].st_mode))
		equal = compare_files(c, dirs, name, path);
	else if (equal && S_ISLNK(st[0].st_mode))
		equal = compare_targets(c, dirs, name, path);
	else if (equal && S_ISDIR(st[0].st_mode) && strcmp(name, ".") != 0)
		equal = compare_subdirs(c, dirs, name, path);
	free(path);
	return equal;
}

static void list_names(int dirfd, const char *path, struct names *ret)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	ck_assert_msg(dir != NULL, "%s: %s", path, strerror(errno));
	for (const struct dirent *e; (e = readdir(dir));) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			names_add(ret, e->d_name);
	}
	closedir(dir);
	names_sort(ret);
}

static bool compare_dirs(struct comparison *c, const struct pair *dirs)
{
	struct names lists[2] = { { NULL, 0 }, { NULL, 0 } };

	for (int i = 0; i < 2; i++)
		list_names(dirs->fd[i], dirs->path, &lists[i]);
	bool equal = compare_lists(c, dirs->path, "entry", lists);
	for (size_t i = 0; equal && i < lists[0].n; i++)
		equal = compare_entries(c, dirs, lists[0].at[i]);
	names_done(&lists[0]);
	names_done(&lists[1]);
	return equal;
}

bool support_tree_compare(int a, int b, unsigned flags, char **ret_why)
{
	struct comparison c = { .flags = flags };
	struct pair top = { { a, b }, "." };
	bool equal = compare_entries(&c, &top, ".") && compare_dirs(&c, &top);

	for (int i = 0; i < 2; i++) {
		for (size_t k = 0; k < c.sides[i].n; k++)
			free(c.sides[i].seen[k].path);
		free(c.sides[i].seen);
	}
	*ret_why = c.why;
	return equal;
}

bool support_tree_equal(int a, int b, char **ret_why)
{
	return support_tree_compare(a, b, 0, ret_why);
}
