/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/places.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/base/strings.h"
#include "backend/store.h"
#include "state/rooted.h"

#define SYSTEM_STORE  LOCALSTATEDIR "/lib/setaside"
#define SYSTEM_CONFIG SYSCONFDIR "/setaside"
#define SNAPSHOTS     "/snapshots"
#define NAMES_MAX     ((size_t)1 << 20)

void places_dir_done(struct places_dir *d)
{
	free(d->path);
	*d = (struct places_dir){ NULL, false };
}

void places_done(struct places *p)
{
	/* Without a name of the root nothing was opened: the object may be all zero. */
	if (p->root && p->root_fd >= 0)
		sys_close_best_effort(p->root_fd);
	free(p->root);
	places_dir_done(&p->snapshots);
	places_dir_done(&p->database);
	places_dir_done(&p->config);
	free(p->user_definitions);
	*p = (struct places){ .root_fd = -1 };
}

/* ---- Finding ---- */

/* A copy of a path without slashes at its end; "/" becomes "". */
static char *without_slashes(const char *path, struct err *err)
{
	size_t n = strlen(path);

	while (n > 0 && path[n - 1] == '/')
		n--;
	return alloc_strndup(path, n, err);
}

/* The other root, or "/". */
static int open_root(struct places *p, const char *root, struct err *err)
{
	if (root && !*root)
		return err_set(err, ERR_USAGE, "the root directory has an empty name");
	p->root_fd = -1;
	p->root = without_slashes(root ? root : "/", err);
	if (!p->root)
		return -1;
	p->other_root = *p->root != '\0';
	p->root_fd = sys_openat(AT_FDCWD, p->other_root ? p->root : "/",
				O_PATH | O_DIRECTORY, 0);
	if (p->root_fd >= 0)
		return 0;
	err_errno(err, "cannot open root directory %s", q(root));
	/* "Not found" is said of sets, apps and users in it. */
	return err_is(err, ERR_NOT_FOUND) ? err_reclassify(err, ERR_IO) : -1;
}

/* A value of the environment that counts. */
static bool counts(const char *path)
{
	return path && path[0] == '/';
}

/* The directory that a variable names, or its default below the home; *ret is NULL where
 * neither is known. */
static int find_base(const char *xdg, const char *home, const char *below, char **ret,
		     struct err *err)
{
	_cleanup_free_ char *base = NULL;

	*ret = NULL;
	if (!counts(xdg) && !counts(home))
		return 0;
	base = without_slashes(counts(xdg) ? xdg : home, err);
	if (!base)
		return -1;
	*ret = alloc_printf(err, "%s%s/setaside", base, counts(xdg) ? "" : below);
	return *ret ? 0 : -1;
}

/* Where the configuration lies. */
static int find_config(struct places *p, const struct places_request *r, struct err *err)
{
	p->config.in_root = true;
	if (p->system) {
		p->config.path = alloc_strdup(SYSTEM_CONFIG, err);
		return p->config.path ? 0 : -1;
	}
	if (find_base(r->xdg_config_home, r->home, "/.config", &p->config.path, err) < 0)
		return -1;
	if (!p->config.path)
		return 0;
	p->user_definitions = alloc_printf(err, "%s/apps.d", p->config.path);
	return p->user_definitions ? 0 : -1;
}

/* The store of the mode. */
static int find_default(struct places *p, const struct places_request *r, struct err *err)
{
	p->database.in_root = true;
	if (p->system) {
		p->database.path = alloc_strdup(SYSTEM_STORE, err);
		return p->database.path ? 0 : -1;
	}
	if (find_base(r->xdg_data_home, r->home, "/.local/share", &p->database.path,
		      err) < 0)
		return -1;
	if (p->database.path)
		return 0;
	err_set(err, ERR_USAGE, "neither HOME nor XDG_DATA_HOME is an absolute path");
	return err_hint(err, "set HOME, or name a store with --store");
}

/* Is the store that the caller names snapd's? */
static int look_into(const char *store, bool *ret, struct err *err)
{
	_cleanup_close_ int fd = sys_openat(AT_FDCWD, store, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0 && errno == ENOENT) {
		*ret = false;
		return 0;
	}
	if (fd < 0)
		return err_errno(err, "cannot open store %s", q(store));
	if (places_is_foreign_store(fd, ret, err) < 0)
		return err_wrap(err, "store %s", q(store));
	return 0;
}

/* Snapshots and database. */
static int find_store(struct places *p, const struct places_request *r, struct err *err)
{
	_cleanup_free_ char *store = NULL;

	if (!r->store)
		return find_default(p, r, err);
	if (!*r->store)
		return err_set(err, ERR_USAGE, "the store has an empty name");
	store = without_slashes(r->store, err);
	if (!store || look_into(r->store, &p->foreign, err) < 0)
		return -1;
	if (p->foreign) {
		p->snapshots.path = alloc_strdup(*store ? store : "/", err);
		return p->snapshots.path ? find_default(p, r, err) : -1;
	}
	p->store_given = true;
	p->database.path = TAKE_PTR(store);
	return 0;
}

/* All of it, into a zeroed object. */
static int find_all(struct places *p, const struct places_request *r, struct err *err)
{
	p->system = r->system;
	if (open_root(p, r->root, err) < 0 || find_config(p, r, err) < 0 ||
	    find_store(p, r, err) < 0)
		return -1;
	if (p->snapshots.path)
		return 0;
	p->snapshots.in_root = p->database.in_root;
	p->snapshots.path = alloc_printf(err, "%s" SNAPSHOTS, p->database.path);
	return p->snapshots.path ? 0 : -1;
}

int places_init(const struct places_request *request, struct places *ret, struct err *err)
{
	struct places p = { .root_fd = -1 };

	if (find_all(&p, request, err) < 0) {
		places_done(&p);
		return -1;
	}
	*ret = p;
	return 0;
}

int places_system_store(const struct places *p, struct places_dir *ret, struct err *err)
{
	char *path = alloc_strdup(SYSTEM_STORE SNAPSHOTS, err);

	(void)p; /* the same for every root */
	if (!path)
		return -1;
	*ret = (struct places_dir){ path, true };
	return 0;
}

int places_is_foreign_store(int dirfd, bool *ret, struct err *err)
{
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;

	if (fd_list_dir(dirfd, NAMES_MAX, &names, err) < 0)
		return -1;
	*ret = false;
	for (size_t i = 0; i < names.n && !*ret; i++) {
		struct stat st;

		*ret = store_name_set(names.items[i]) != 0 &&
		       sys_fstatat(dirfd, names.items[i], &st, AT_SYMLINK_NOFOLLOW) ==
			       0 &&
		       S_ISREG(st.st_mode);
	}
	return 0;
}

/* ---- Opening ---- */

char *places_path(const struct places *p, const struct places_dir *d, struct err *err)
{
	return alloc_printf(err, "%s%s", d->in_root ? p->root : "", d->path);
}

char *places_root_path(const struct places *p, struct err *err)
{
	char link[64], target[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", p->root_fd);
	n = sys_readlinkat(AT_FDCWD, link, target, sizeof(target));
	if (n < 0) {
		err_errno(err, "cannot find the path of root directory %s", q(p->root));
		return NULL;
	}
	return alloc_strndup(target, (size_t)n, err);
}

/* Opens a path by the rules of d. */
static int open_path(const struct places *p, const struct places_dir *d, const char *path,
		     struct err *err)
{
	int fd;

	if (d->in_root)
		return rooted_open_dir(p->root_fd, path, err);
	fd = sys_openat(AT_FDCWD, *path ? path : "/", O_RDONLY | O_DIRECTORY, 0);
	return fd < 0 ? err_errno(err, "cannot open directory %s", q(path)) : fd;
}

int places_open(const struct places *p, const struct places_dir *d, struct err *err)
{
	int fd = open_path(p, d, d->path, err);

	if (fd < 0 && d->in_root && p->other_root)
		return err_wrap(err, "in root directory %s", q(p->root));
	return fd;
}

/* A name that is taken by a link that leads nowhere cannot be made. */
static int check_is_free(int fd, const char *name, const char *path, struct err *err)
{
	struct stat st;

	if (sys_fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(err, ERR_IO, "%s in %s leads nowhere", q(name), q(path));
	if (errno != ENOENT)
		return err_errno(err, "cannot examine %s in %s", q(name), q(path));
	return 0;
}

/* Goes up the path, which it shortens, to what is there. */
static int open_nearest(const struct places *p, const struct places_dir *d, char *path,
			struct err *err)
{
	const char *top = path[0] == '/' || !*path ? "/" : ".";
	_cleanup_free_ char *name = NULL;

	for (;;) {
		_cleanup_close_ int fd = open_path(p, d, *path ? path : top, err);
		size_t n = strlen(path), at;

		if (fd >= 0)
			return name && check_is_free(fd, name, *path ? path : top, err) <
						       0
				       ? -1
				       : TAKE_FD(fd);
		if (err->sys_errno != ENOENT || !*path)
			return -1;
		err_clear(err); /* it would be made */
		for (at = n; at > 0 && path[at - 1] != '/'; at--)
			;
		free(name);
		name = alloc_strdup(path + at, err);
		if (!name)
			return -1;
		while (at > 0 && path[at - 1] == '/')
			at--;
		path[at] = '\0';
	}
}

int places_open_above(const struct places *p, const struct places_dir *d, struct err *err)
{
	_cleanup_free_ char *path = without_slashes(d->path, err);
	int fd = path ? open_nearest(p, d, path, err) : -1;

	if (fd < 0 && path && d->in_root && p->other_root)
		return err_wrap(err, "in root directory %s", q(p->root));
	return fd;
}

/* Above the system's store others have to pass; the rest is for its owner alone. */
static mode_t mode_of(const struct places *p, const struct places_dir *d,
		      const char *prefix)
{
	size_t n = p->database.path ? strlen(p->database.path) : 0;

	return p->system && d->in_root && strlen(prefix) < n ? 0755 : 0700;
}

/* Makes `name` in the directory fd, or finds it there. */
static int make_one(int fd, const char *name, mode_t mode, struct err *err)
{
	if (sys_mkdirat(fd, name, mode) < 0) {
		if (errno == EEXIST)
			return 0;
		return err_errno(err, "cannot make directory %s", q(name));
	}
	return fd_sync(fd, err);
}

/* Opens prefix, whose last component is name, after making it where it is missing. */
static int open_or_make(const struct places *p, const struct places_dir *d, int parent,
			const char *prefix, const char *name, struct err *err)
{
	int fd = open_path(p, d, prefix, err);

	if (fd >= 0 || !err_is(err, ERR_NOT_FOUND) || err->sys_errno != ENOENT)
		return fd;
	err_clear(err); /* that is what it is made for */
	if (make_one(parent, name, mode_of(p, d, prefix), err) < 0)
		return -1;
	return open_path(p, d, prefix, err);
}

/* Walks down the path, which it cuts into prefixes. */
static int make_path(const struct places *p, const struct places_dir *d, char *path,
		     struct err *err)
{
	_cleanup_close_ int fd =
		open_path(p, d, path[0] == '/' || !*path ? "/" : ".", err);
	size_t at = strspn(path, "/");

	while (fd >= 0 && path[at]) {
		size_t end = at + strcspn(path + at, "/");
		size_t next = end + strspn(path + end, "/");
		char cut = path[end];
		int below;

		path[end] = '\0';
		below = open_or_make(p, d, fd, path, path + at, err);
		path[end] = cut;
		sys_close_best_effort(fd);
		fd = below;
		at = next;
	}
	return TAKE_FD(fd);
}

int places_make(const struct places *p, const struct places_dir *d, struct err *err)
{
	_cleanup_free_ char *path = alloc_strdup(d->path, err);
	int fd;

	if (!path)
		return -1;
	fd = make_path(p, d, path, err);
	if (fd >= 0)
		return fd;
	/* Nothing was looked for: it could not be made. */
	if (err_is(err, ERR_NOT_FOUND))
		err_reclassify(err, ERR_IO);
	return err_wrap(err, "cannot make directory %s", q(d->path));
}
