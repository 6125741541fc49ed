/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/buf.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"
#include "backend/tree/look.h"

/* As the kernel has it. */
#define LINKS_MAX 40

#define PATH_TEXT_MAX ((size_t)64 << 10)

/*
 * How far a resolution is.  `done` is the path that was walked, "" or "/a/b", each
 * component a directory that is no link; `cur` is that directory.  What `todo` still
 * asks for begins there.  A ".." and an absolute link begin again at the root, with a
 * new todo: what is trusted is then decided anew, too.
 */
struct resolver {
	int rootfd;
	enum place_trust trust;
	int cur; /* O_PATH */
	struct stat st;
	uint64_t mount_id;
	struct buf done, todo;
	size_t at;      /* in todo */
	size_t said;    /* so much of todo is what links said */
	unsigned links; /* that were followed */
	bool links_ok;  /* PLACE_SYSTEM: only root could have made a link here */
	bool owned;     /* PLACE_SYSTEM: a directory was passed that is not root's ... */
	uid_t owner;    /* ... but his */
};

/* A component of todo, and whether it is the last. */
struct step {
	const char *name;
	bool last;
	bool must_be_dir; /* a slash follows */
};

static void resolver_done(struct resolver *r)
{
	if (r->cur >= 0)
		sys_close_best_effort(r->cur);
	buf_done(&r->done);
	buf_done(&r->todo);
}

void place_done(struct place *p)
{
	if (p->parent >= 0)
		sys_close_best_effort(p->parent);
	if (p->above >= 0)
		sys_close_best_effort(p->above);
	free(p->name);
	free(p->resolved);
	for (size_t i = 0; i < p->n_missing; i++)
		free(p->missing[i]);
	free(p->missing);
	*p = (struct place)PLACE_INIT;
}

/* The path of something in the current directory, for messages: it lives in `done` until
 * buf_cut() takes it off again. */
static int push_name(struct resolver *r, const char *name, struct err *err)
{
	return buf_add_byte(&r->done, '/', err) < 0 ? -1
						    : buf_add_str(&r->done, name, err);
}

/* The current directory's path. */
static const char *here(const struct resolver *r)
{
	return r->done.len ? r->done.data : "/";
}

/* Whether the directory just entered may be passed, and what may be done from here on. */
static int judge_dir(struct resolver *r, struct err *err)
{
	if (r->trust == PLACE_USER)
		return 0;
	if (r->owned && r->st.st_uid != r->owner)
		return err_set(err, ERR_REFUSED,
			       "%s is not of the owner of the directory above it",
			       q(here(r)));
	if (r->st.st_uid != 0) {
		r->owned = true;
		r->owner = r->st.st_uid;
	}
	if (r->st.st_uid != 0 || (r->st.st_mode & (S_IWGRP | S_IWOTH)))
		r->links_ok = false;
	return 0;
}

/* Makes fd, which it takes, the current directory; its name is in `done` already. */
static int enter(struct resolver *r, int fd, struct err *err)
{
	if (r->cur >= 0)
		sys_close_best_effort(r->cur);
	r->cur = fd;
	if (look_at(fd, "", 0, &r->st, &r->mount_id) < 0)
		return err_errno(err, "cannot look at %s", q(here(r)));
	return judge_dir(r, err);
}

/* Begins at the root. */
static int restart(struct resolver *r, struct err *err)
{
	int fd = sys_openat(r->rootfd, ".", O_PATH | O_DIRECTORY, 0);

	if (fd < 0)
		return err_errno(err, "cannot open the root directory");
	buf_clear(&r->done);
	r->links_ok = true;
	r->owned = false;
	return enter(r, fd, err);
}

/* Puts `text` in the place of what was done of todo; what is left follows, behind a slash
 * that is there without it if `slash` is true.  What a link said stays known as such. */
static int replace_todo(struct resolver *r, const char *text, size_t n, bool slash,
			struct err *err)
{
	struct buf todo = BUF_INIT;
	const char *rest = r->todo.data + r->at;
	size_t said = r->said > r->at ? r->said - r->at : 0;

	if (buf_add(&todo, text, n, err) < 0 ||
	    ((*rest || slash) && buf_add_byte(&todo, '/', err) < 0) ||
	    buf_add_str(&todo, rest, err) < 0) {
		buf_done(&todo);
		return -1;
	}
	buf_done(&r->todo);
	r->todo = todo;
	r->at = 0;
	r->said = said > 0 ? n + 1 + said : 0;
	return 0;
}

/* ".." of the current directory: its path without the last component, walked again. */
static int go_up(struct resolver *r, struct err *err)
{
	const char *slash = r->done.len ? strrchr(r->done.data, '/') : NULL;
	size_t n = slash ? (size_t)(slash - r->done.data) : 0;

	if (replace_todo(r, r->done.len ? r->done.data : "", n, false, err) < 0)
		return -1;
	return restart(r, err);
}

/* Goes where a link points to; `fd` is the link, st what it is. */
static int follow(struct resolver *r, int fd, const struct stat *st, const struct step *s,
		  struct err *err)
{
	char target[PATH_MAX];
	ssize_t n;

	if (r->trust == PLACE_SYSTEM && (!r->links_ok || st->st_uid != 0)) {
		if (push_name(r, s->name, err) < 0)
			return -1;
		err_set(err, ERR_REFUSED,
			"%s is a link that not only root could have made",
			q(r->done.data));
		return err_hint(err, "name the directory that it points to instead");
	}
	if (++r->links > LINKS_MAX)
		return err_set(err, ERR_CORRUPT, "more than %d links", LINKS_MAX);
	n = sys_readlinkat(fd, "", target, sizeof(target));
	if (n == 0 || n == sizeof(target))
		return err_errnum(err, n ? ENAMETOOLONG : ENOENT, "cannot read link %s",
				  q(s->name));
	if (n < 0)
		return err_errno(err, "cannot read link %s", q(s->name));
	if (replace_todo(r, target, (size_t)n, s->must_be_dir, err) < 0)
		return -1;
	if (r->said == 0)
		r->said = (size_t)n;
	return target[0] == '/' ? restart(r, err) : 0;
}

/* Opens the current directory for reading, or as it is where that is not allowed. */
static int open_current(struct resolver *r, int *ret, struct err *err)
{
	int fd = sys_openat(r->cur, ".", O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0 && (errno == EACCES || errno == EPERM))
		fd = sys_dup(r->cur);
	if (fd < 0)
		return err_errno(err, "cannot open %s", q(here(r)));
	*ret = fd;
	return 0;
}

/* Fills in where a tree lies in the current directory; its path is in `done` already. */
static int set_names(struct resolver *r, struct place *p, const char *name,
		     struct err *err)
{
	p->parent_st = r->st;
	p->parent_mount_id = r->mount_id;
	p->name = alloc_strdup(name, err);
	if (!p->name)
		return -1;
	p->resolved = buf_steal(&r->done, err);
	return p->resolved ? 0 : -1;
}

/* The tree was found: `fd` is it. */
static int found(struct resolver *r, int fd, const char *name, struct place *p,
		 struct err *err)
{
	if (look_at(fd, "", 0, &p->st, &p->mount_id) < 0)
		return err_errno(err, "cannot look at %s", q(name));
	if (open_current(r, &p->parent, err) < 0 || push_name(r, name, err) < 0)
		return -1;
	p->exists = true;
	return set_names(r, p, name, err);
}

/* Takes the next component off todo, which it cuts into pieces; false at the end. */
static bool next_step(struct resolver *r, struct step *ret)
{
	char *start, *end;

	r->at += strspn(r->todo.data + r->at, "/");
	start = r->todo.data + r->at;
	end = start + strcspn(start, "/");
	if (end == start)
		return false;
	ret->name = start;
	ret->must_be_dir = *end == '/';
	ret->last = end[strspn(end, "/")] == '\0';
	r->at = (size_t)(end - r->todo.data);
	if (ret->must_be_dir) {
		*end = '\0';
		r->at++;
	}
	return true;
}

/* `first` is not there: what is left are names of directories to come, and of the tree.
 */
static int missing(struct resolver *r, const char *first, struct place *p,
		   struct err *err)
{
	struct step s = { .name = first };
	size_t cap = 0;
	const char *tree = first;
	int *dir = &p->parent;

	p->dangling = (size_t)(first - r->todo.data) < r->said;
	if (push_name(r, first, err) < 0)
		return -1;
	while (next_step(r, &s)) {
		char *path;

		if (strcmp(s.name, ".") == 0)
			continue;
		if (strcmp(s.name, "..") == 0)
			return err_set(err, ERR_REFUSED,
				       "\"..\" below %s, which does not exist",
				       q(r->done.data));
		if (alloc_grow(&p->missing, p->n_missing, &cap, sizeof(*p->missing),
			       err) < 0)
			return -1;
		path = alloc_strdup(r->done.data, err);
		if (!path)
			return -1;
		p->missing[p->n_missing++] = path;
		dir = &p->above;
		tree = s.name;
		if (push_name(r, s.name, err) < 0)
			return -1;
	}
	if (open_current(r, dir, err) < 0)
		return -1;
	return set_names(r, p, tree, err);
}

/* A component that is no directory, if it is there.  1, 0, -1 as take(). */
static int take_other(struct resolver *r, const struct step *s, struct place *p,
		      struct err *err)
{
	_cleanup_close_ int fd = sys_openat(r->cur, s->name, O_PATH | O_NOFOLLOW, 0);
	struct stat st;
	uint64_t mount_id;

	if (fd < 0 && errno == ENOENT)
		return missing(r, s->name, p, err) < 0 ? -1 : 1;
	if (fd < 0 || look_at(fd, "", 0, &st, &mount_id) < 0)
		return err_errno(err, "cannot open %s in %s", q(s->name), q(here(r)));
	if (S_ISLNK(st.st_mode))
		return follow(r, fd, &st, s, err);
	if (!s->last || s->must_be_dir)
		return err_errnum(err, ENOTDIR, "cannot go through %s", q(s->name));
	return found(r, fd, s->name, p, err) < 0 ? -1 : 1;
}

/* One component that is no dot.  1: the tree was found or is missing; 0: go on. */
static int take(struct resolver *r, const struct step *s, struct place *p,
		struct err *err)
{
	/* As a directory first: that is what mounts an automount. */
	_cleanup_close_ int fd =
		sys_openat(r->cur, s->name, O_PATH | O_NOFOLLOW | O_DIRECTORY, 0);

	if (fd < 0)
		return take_other(r, s, p, err);
	if (s->last)
		return found(r, fd, s->name, p, err) < 0 ? -1 : 1;
	return push_name(r, s->name, err) < 0 ? -1 : enter(r, TAKE_FD(fd), err);
}

/* Walks todo to its end. */
static int resolve(struct resolver *r, struct place *p, struct err *err)
{
	struct step s;
	int done = 0;

	while (done == 0) {
		if (next_step(r, &s)) {
			if (strcmp(s.name, "..") == 0)
				done = go_up(r, err);
			else if (strcmp(s.name, ".") != 0)
				done = take(r, &s, p, err);
		} else if (r->done.len == 0) {
			return err_set(err, ERR_REFUSED,
				       "that is the root directory itself");
		} else {
			/* It ended in a dot: the tree is the current directory, whose
			 * name and parent are found by walking the path that has no
			 * dots. */
			if (replace_todo(r, r->done.data, r->done.len, false, err) < 0)
				return -1;
			done = restart(r, err);
		}
	}
	return done < 0 ? -1 : 0;
}

int place_resolve(int rootfd, const char *path, enum place_trust trust, struct place *ret,
		  struct err *err)
{
	_cleanup_(resolver_done) struct resolver r = { .rootfd = rootfd,
						       .trust = trust,
						       .cur = -1 };
	_cleanup_(place_done) struct place p = PLACE_INIT;

	if (path[0] != '/')
		return err_set(err, ERR_USAGE, "%s is no absolute path", q(path));
	if (strlen(path) > PATH_TEXT_MAX)
		return err_set(err, ERR_USAGE, "path %s is too long", q(path));
	if (buf_add_str(&r.todo, path, err) < 0 || restart(&r, err) < 0 ||
	    resolve(&r, &p, err) < 0)
		return err_wrap(err, "cannot resolve %s", q(path));
	*ret = p;
	p = (struct place)PLACE_INIT;
	return 0;
}

int place_open(const struct place *p, struct err *err)
{
	_cleanup_close_ int fd = -1;
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	struct stat st;

	if (!p->exists)
		return err_set(err, ERR_NOT_FOUND, "%s does not exist", q(p->resolved));
	if (S_ISDIR(p->st.st_mode))
		flags |= O_DIRECTORY;
	else if (!S_ISREG(p->st.st_mode))
		return err_set(err, ERR_UNSUPPORTED,
			       "%s is neither a directory nor a file", q(p->resolved));
	fd = sys_openat(p->parent, p->name, flags, 0);
	if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return err_errno(err, "cannot open %s", q(p->resolved));
	if (fd >= 0 && sys_fstat(fd, &st) < 0)
		return err_errno(err, "cannot look at %s", q(p->resolved));
	if (fd < 0 || st.st_dev != p->st.st_dev || st.st_ino != p->st.st_ino)
		return err_set(err, ERR_CHANGED, "%s was replaced", q(p->resolved));
	return TAKE_FD(fd);
}
