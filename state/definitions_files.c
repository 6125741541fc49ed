/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/definitions_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/base/strings.h"
#include "backend/base/sys.h"
#include "state/rooted.h"

#define SUFFIX         ".json"
#define DROP_IN_SUFFIX ".json.d"
#define NAMES_MAX      10000

static void entry_done(struct definitions_entry *e)
{
	free(e->id);
	free(e->base.name);
	for (size_t i = 0; i < e->n_drop_ins; i++)
		free(e->drop_ins[i].name);
	free(e->drop_ins);
	*e = (struct definitions_entry){ .id = NULL };
}

void definitions_files_done(struct definitions_files *l)
{
	for (size_t i = 0; i < l->n; i++)
		entry_done(&l->entries[i]);
	free(l->entries);
}

/* ---- Opening, below the root or as the caller's own path */

static int open_dir(const struct definitions_files *l, const struct definitions_dir *dir,
		    const char *path, struct err *err)
{
	int fd;

	if (dir->in_root)
		return rooted_open_dir(l->options->rootfd, path, err);
	fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	return fd < 0 ? err_errno(err, "cannot open %s", q(path)) : fd;
}

static int open_file(const struct definitions_files *l, const struct definitions_dir *dir,
		     const char *path, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (dir->in_root)
		return rooted_open_file(l->options->rootfd, path, err);
	fd = sys_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return err_errno(err, "cannot open %s", q(path));
	if (sys_fstat(fd, &st) < 0)
		return err_errno(err, "cannot examine %s", q(path));
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CORRUPT, "%s is not a regular file", q(path));
	return TAKE_FD(fd);
}

/* Whether a link to /dev/null stands there: 1 or 0. */
static int is_mask(const struct definitions_files *l, const struct definitions_dir *dir,
		   const char *path, struct err *err)
{
	static const char null[] = "/dev/null";
	_cleanup_free_ char *target = NULL;
	char own[sizeof(null)];
	ssize_t n;
	int found;

	if (dir->in_root) {
		found = rooted_read_link(l->options->rootfd, path, &target, err);
		return found <= 0 ? found : strcmp(target, null) == 0;
	}
	n = sys_readlinkat(AT_FDCWD, path, own, sizeof(own));
	return n == (ssize_t)strlen(null) && memcmp(own, null, (size_t)n) == 0;
}

/* Names in a directory of the search path; one that is missing has none. */
static int list_dir(const struct definitions_files *l, const struct definitions_dir *dir,
		    const char *path, struct strings *ret, struct err *err)
{
	_cleanup_close_ int fd = open_dir(l, dir, path, err);

	if (fd < 0 && err_is(err, ERR_NOT_FOUND)) {
		err_clear(err); /* nothing is defined there */
		return 0;
	}
	if (fd < 0 && err_is(err, ERR_DENIED)) {
		observer_warn(l->options->observer, NULL, "%s", err_message(err));
		err_clear(err); /* others define it for whom they want to */
		return 0;
	}
	if (fd < 0)
		return -1;
	if (fd_list_dir(fd, NAMES_MAX, ret, err) < 0)
		return err_wrap(err, "cannot list %s", q(path));
	strings_sort(ret);
	return 0;
}

/* ---- Which files hold */

static struct definitions_entry *find_entry(const struct definitions_files *l,
					    const char *id, size_t n)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strlen(l->entries[i].id) == n && memcmp(l->entries[i].id, id, n) == 0)
			return &l->entries[i];
	}
	return NULL;
}

static int get_entry(struct definitions_files *l, const char *id, size_t n,
		     struct definitions_entry **ret, struct err *err)
{
	struct definitions_entry *e = find_entry(l, id, n);

	if (!e) {
		if (alloc_grow(&l->entries, l->n, &l->cap, sizeof(*l->entries), err) < 0)
			return -1;
		e = &l->entries[l->n];
		*e = (struct definitions_entry){ .id = alloc_strndup(id, n, err) };
		if (!e->id)
			return -1;
		l->n++;
	}
	*ret = e;
	return 0;
}

/* What stands for the file `name` of a directory. */
static int make_file(const struct definitions_files *l, size_t dir, const char *name,
		     struct definitions_file *ret, struct err *err)
{
	const struct definitions_dir *d = &l->dirs[dir];
	_cleanup_free_ char *path = alloc_printf(err, "%s/%s", d->path, name);
	int mask = path ? is_mask(l, d, path, err) : -1;
	char *copy = mask < 0 ? NULL : alloc_strdup(name, err);

	if (!copy)
		return -1;
	*ret = (struct definitions_file){ .dir = dir, .name = copy, .masked = mask > 0 };
	return 0;
}

/* The last component of a file's name. */
static const char *last_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

/* Puts a drop-in into its place by name, instead of one of the same name. */
static int put_drop_in(struct definitions_entry *e, struct definitions_file *c,
		       struct err *err)
{
	size_t at = 0;

	while (at < e->n_drop_ins &&
	       strcmp(last_of(e->drop_ins[at].name), last_of(c->name)) < 0)
		at++;
	if (at < e->n_drop_ins &&
	    strcmp(last_of(e->drop_ins[at].name), last_of(c->name)) == 0) {
		free(e->drop_ins[at].name);
	} else {
		if (alloc_grow(&e->drop_ins, e->n_drop_ins, &e->cap_drop_ins,
			       sizeof(*e->drop_ins), err) < 0)
			return -1;
		memmove(&e->drop_ins[at + 1], &e->drop_ins[at],
			(e->n_drop_ins - at) * sizeof(*e->drop_ins));
		e->n_drop_ins++;
	}
	e->drop_ins[at] = *c;
	c->name = NULL;
	return 0;
}

/* Whether a name ends so, with something before it that does not begin with a dot. */
static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && name[0] != '.' && strcmp(name + n - m, suffix) == 0;
}

/* ID.json.d of one directory. */
static int add_drop_ins(struct definitions_files *l, size_t dir, const char *name,
			struct err *err)
{
	const struct definitions_dir *d = &l->dirs[dir];
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;
	_cleanup_free_ char *path = alloc_printf(err, "%s/%s", d->path, name);
	struct definitions_entry *e;

	if (!path || list_dir(l, d, path, &names, err) < 0 ||
	    get_entry(l, name, strlen(name) - strlen(DROP_IN_SUFFIX), &e, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *below = NULL;
		struct definitions_file c = { .name = NULL };
		int result;

		if (!has_suffix(names.items[i], SUFFIX))
			continue;
		below = alloc_printf(err, "%s/%s", name, names.items[i]);
		if (!below || make_file(l, dir, below, &c, err) < 0)
			return -1;
		result = put_drop_in(e, &c, err);
		free(c.name);
		if (result < 0)
			return -1;
	}
	return 0;
}

/* ID.json of one directory: it replaces what came before it. */
static int add_base(struct definitions_files *l, size_t dir, const char *name,
		    struct err *err)
{
	struct definitions_file c;
	struct definitions_entry *e;

	if (get_entry(l, name, strlen(name) - strlen(SUFFIX), &e, err) < 0 ||
	    make_file(l, dir, name, &c, err) < 0)
		return -1;
	free(e->base.name);
	e->base = c;
	return 0;
}

static int collect(struct definitions_files *l, size_t dir, struct err *err)
{
	const struct definitions_dir *d = &l->dirs[dir];
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;

	if (list_dir(l, d, d->path, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		const char *name = names.items[i];
		int result = 0;

		if (has_suffix(name, DROP_IN_SUFFIX))
			result = add_drop_ins(l, dir, name, err);
		else if (has_suffix(name, SUFFIX))
			result = add_base(l, dir, name, err);
		if (result < 0)
			return -1;
	}
	return 0;
}

/* Only root, and whoever runs this, may have had a say in what fd is. */
static int check_owner(int fd, const char *what, const char *file, struct err *err)
{
	struct stat st;

	if (sys_fstat(fd, &st) < 0)
		return err_errno(err, "%s: cannot examine %s", file, what);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(err, ERR_CORRUPT, "%s: %s is not owned by root", file,
			       what);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, ERR_CORRUPT,
			       "%s: %s may be written by others than its owner", file,
			       what);
	return 0;
}

/* The directories that a file of system mode lies in: the search path's, the
 * drop-ins'. */
static int check_dirs(const struct definitions_files *l,
		      const struct definitions_dir *dir, const char *name,
		      const char *file, struct err *err)
{
	_cleanup_close_ int top = open_dir(l, dir, dir->path, err);
	_cleanup_close_ int inner = -1;
	_cleanup_free_ char *path = NULL;
	const char *slash = strchr(name, '/');

	if (top < 0 || check_owner(top, "its directory", file, err) < 0)
		return -1;
	if (!slash)
		return 0;
	path = alloc_printf(err, "%s/%.*s", dir->path, (int)(slash - name), name);
	inner = path ? open_dir(l, dir, path, err) : -1;
	return inner < 0 ? -1 : check_owner(inner, "its directory", file, err);
}

int definitions_files_read(const struct definitions_files *l,
			   const struct definitions_file *c, const char *file,
			   struct buf *ret, struct err *err)
{
	const struct definitions_dir *dir = &l->dirs[c->dir];
	_cleanup_free_ char *path = alloc_printf(err, "%s/%s", dir->path, c->name);
	_cleanup_close_ int fd = path ? open_file(l, dir, path, err) : -1;

	if (fd < 0)
		return -1;
	if (l->options->system && (check_owner(fd, "the file", file, err) < 0 ||
				   check_dirs(l, dir, c->name, file, err) < 0))
		return -1;
	if (fd_read_file(fd, DEFINITION_MAX, ret, err) < 0)
		return err_wrap(err, "%s", file);
	return 0;
}

static void add_dir(struct definitions_files *l, const char *path, bool in_root, bool own)
{
	for (size_t i = 0; i < l->n_dirs; i++) {
		if (in_root && l->dirs[i].in_root && strcmp(l->dirs[i].path, path) == 0)
			return;
	}
	l->dirs[l->n_dirs++] = (struct definitions_dir){ path, in_root, own };
}

/* The order is that of definitions.h. */
static void make_search_path(struct definitions_files *l)
{
	const struct definitions_options *o = l->options;

	add_dir(l, "/usr/share/setaside/apps.d", true, false);
	add_dir(l, "/usr/local/share/setaside/apps.d", true, false);
	if (o->data_dir)
		add_dir(l, o->data_dir, false, false);
	else
		add_dir(l, PKGDATADIR "/apps.d", true, false);
	add_dir(l, SYSCONFDIR "/setaside/apps.d", true, false);
	if (!o->system && o->user_dir)
		add_dir(l, o->user_dir, true, true);
}

int definitions_files_collect(struct definitions_files *l, struct err *err)
{
	make_search_path(l);
	for (size_t i = 0; i < l->n_dirs; i++) {
		if (collect(l, i, err) < 0)
			return -1;
	}
	return 0;
}
