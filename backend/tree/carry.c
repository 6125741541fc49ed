/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/carry.h"

#include <errno.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"
#include "backend/tree/copy.h"
#include "backend/tree/dir_stack.h"
#include "backend/tree/links.h"
#include "backend/tree/walk.h"

struct carry {
	int live;
	size_t path_n; /* bytes of the roots' archive path */
	const struct exclude *exclude;
	unsigned flags;
	const struct carry_report *report;
	const struct observer *observer;
	struct dir_stack dirs; /* in the fresh tree */
	struct links copied;   /* files with several names that were copied */
	struct stat fresh_st;
	bool inside; /* a directory that is carried whole ... */
	unsigned inside_depth;
	uint64_t n; /* names made */
};

/* What of an archive path lies below the two roots. */
static const char *below(const struct carry *c, const char *path)
{
	path += c->path_n;
	return *path == '/' ? path + 1 : path;
}

/* Bytes of the directory that a path below the roots lies in. */
static size_t dir_of(const char *rel)
{
	const char *slash = strrchr(rel, '/');

	return slash ? (size_t)(slash - rel) : 0;
}

/* Whether a failure ends everything, rather than that this object cannot be carried. */
static bool is_final(const struct err *err)
{
	return walk_error_is_ours(err) || err_is(err, ERR_NO_SPACE) ||
	       err_is(err, ERR_INTERRUPTED) || err_is(err, ERR_NOMEM);
}

/* A path cannot be carried, as `why` says: refuses, or reports it and goes on. */
static int leave_path(struct carry *c, const char *path, struct err *why, struct err *err)
{
	if (is_final(why) || !(c->flags & CARRY_FORCE)) {
		bool final = is_final(why);

		err_move(err, why);
		/* Whatever it was: the restore would lose it. */
		if (!final)
			err_reclassify(err, ERR_REFUSED);
		return err_wrap(err, "cannot keep %s", q(path));
	}
	return c->report->left(c->report->ctx, path, err_message(why), err);
}

/* The live directory of that path below the root, opened without following anything. */
static int open_live(const struct carry *c, const char *rel, size_t n, struct err *err)
{
	struct dir_stack from;
	int fd;

	dir_stack_init(&from, c->live, c->dirs.top, NULL, NULL);
	fd = dir_stack_reach(&from, rel, n, err);
	dir_stack_done(&from);
	if (fd < 0)
		return -1;

	int readable = sys_openat(fd, ".", O_RDONLY | O_DIRECTORY, 0);
	int errnum = errno;

	sys_close_best_effort(fd);
	if (readable < 0)
		return err_errnum(err, errnum, "cannot open the live directory");
	return readable;
}

/* Makes a directory that the fresh tree lacks like the live one.  Its attributes come
 * at once and not when it is full, so that a carry that is run again need not know who
 * made it. */
static int make_dir(struct carry *c, int dirfd, const char *rel, size_t begin, size_t n,
		    struct err *err)
{
	_cleanup_free_ char *name = alloc_strndup(rel + begin, n - begin, err);
	_cleanup_close_ int from = -1;
	_cleanup_close_ int to = -1;

	if (!name)
		return -1;
	from = open_live(c, rel, n, err);
	if (from < 0)
		return -1;
	if (sys_mkdirat(dirfd, name, 0700) < 0)
		return err_errno(err, "cannot create the directory");
	to = sys_openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (to < 0)
		return err_errno(err, "cannot open the new directory");
	if (copy_attributes(from, to, err) < 0)
		return -1;
	c->n++;
	return 0;
}

/* Goes to a directory of the fresh tree, making what is missing; its descriptor, or
 * -1. */
static int reach(struct carry *c, const char *rel, size_t n, struct err *err)
{
	size_t end = 0;
	int fd = dir_stack_enter(&c->dirs, rel, n, err);

	if (fd >= 0 || err->sys_errno != ENOENT)
		return fd;
	err_clear(err);
	while (end < n) {
		const char *slash = memchr(rel + end + 1, '/', n - end - 1);
		size_t parent = end;

		end = slash ? (size_t)(slash - rel) : n;
		fd = dir_stack_enter(&c->dirs, rel, end, err);
		if (fd >= 0)
			continue;
		if (err->sys_errno != ENOENT)
			return -1;
		err_clear(err);
		fd = dir_stack_enter(&c->dirs, rel, parent, err);
		if (fd < 0 || make_dir(c, fd, rel, parent ? parent + 1 : 0, end, err) < 0)
			return -1;
		fd = dir_stack_enter(&c->dirs, rel, end, err);
		if (fd < 0)
			return -1;
	}
	return fd;
}

/* Copies what cannot be linked; another name of what was copied before becomes a link to
 * that. */
static int copy_name(struct carry *c, const struct walk_item *item, const char *rel,
		     int dirfd, struct err *err)
{
	const char *first = NULL;
	int from, r;

	if (item->st.st_nlink > 1 && links_find(&c->copied, &item->st, &first, err) < 0)
		return -1;
	if (first) {
		size_t dir = dir_of(first);

		from = dir_stack_reach(&c->dirs, first, dir, err);
		if (from < 0)
			return -1;
		r = sys_linkat(from, first + dir + (dir > 0), dirfd, item->name, 0);
		sys_close_best_effort(from);
		links_met(&c->copied, &item->st);
		if (r == 0)
			return 0;
		/* Too many names, or gone: one more copy does no harm. */
	}
	if (copy_object(item->dirfd, item->name, dirfd, item->name, c->observer, err) < 0)
		return -1;
	if (item->st.st_nlink > 1 && !first)
		return links_add(&c->copied, &item->st, rel, err);
	return 0;
}

/* Takes away what the fresh tree has under a name, unless it is the live file already
 * or a directory. */
static int make_way(const struct walk_item *item, int dirfd, struct err *err)
{
	struct stat st;

	if (sys_fstatat(dirfd, item->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0
				       : err_errno(err, "cannot examine the old file");
	if (S_ISDIR(st.st_mode) ||
	    (st.st_dev == item->st.st_dev && st.st_ino == item->st.st_ino))
		return 0;
	if (sys_unlinkat(dirfd, item->name, 0) < 0)
		return err_errno(err, "cannot replace the old file");
	return 0;
}

/* Puts one live name that is no directory into the fresh tree. */
static int carry_name(struct carry *c, const struct walk_item *item, struct err *err)
{
	const char *rel = below(c, item->path);
	int dirfd = reach(c, rel, dir_of(rel), err);
	int r = -1;

	if (dirfd < 0 || ((c->flags & CARRY_REPLACE) && make_way(item, dirfd, err) < 0))
		return -1;
	if (S_ISLNK(item->st.st_mode))
		errno = EPERM;
	else
		r = sys_linkat(item->dirfd, item->name, dirfd, item->name, 0);
	if (r < 0 && (errno == EXDEV || errno == EPERM || errno == EMLINK)) {
		r = copy_name(c, item, rel, dirfd, err);
		errno = err->sys_errno;
	} else if (r < 0 && errno != EEXIST && errno != ENOENT) {
		return err_errno(err, "cannot link it");
	}
	if (r == 0) {
		c->n++;
		return 0;
	}
	/* There already, by an earlier run or by the snapshot; or gone meanwhile. */
	if (errno != EEXIST && errno != ENOENT)
		return -1;
	err_clear(err);
	return 0;
}

/* walk_options.leave_out: all that the excludes have nothing to do with. */
static bool is_out_of_scope(void *ctx, const char *path, const char *name, unsigned depth,
			    bool is_dir)
{
	const struct carry *c = ctx;

	(void)name;
	(void)depth;
	return !c->inside && !exclude_matches(c->exclude, path, is_dir) &&
	       !(is_dir && exclude_may_match_below(c->exclude, path));
}

/* A directory on the way down: carried itself, or only passed. */
static int enter_dir(struct carry *c, struct walk *w, const struct walk_item *item,
		     struct err *err)
{
	_cleanup_(err_clear) struct err why = ERR_INIT;
	const char *rel = below(c, item->path);
	bool own = !c->inside && exclude_matches(c->exclude, item->path, true);

	if (item->st.st_dev == c->fresh_st.st_dev &&
	    item->st.st_ino == c->fresh_st.st_ino) {
		walk_skip(w);
		return 0;
	}
	if (!c->inside && !own) {
		if (!exclude_may_match_below(c->exclude, item->path))
			walk_skip(w);
		return 0;
	}
	if (reach(c, rel, strlen(rel), &why) < 0) {
		walk_skip(w);
		return leave_path(c, item->path, &why, err);
	}
	if (own) {
		c->inside = true;
		c->inside_depth = item->depth;
	}
	return 0;
}

/* Whether a name that is no directory is carried. */
static bool is_carried(const struct carry *c, const struct walk_item *item)
{
	return !S_ISSOCK(item->st.st_mode) &&
	       (c->inside || exclude_matches(c->exclude, item->path, false));
}

static int carry_item(struct carry *c, struct walk *w, const struct walk_item *item,
		      struct err *err)
{
	_cleanup_(err_clear) struct err why = ERR_INIT;

	switch (item->what) {
	case WALK_DIR:
		return enter_dir(c, w, item, err);
	case WALK_LEAVE:
		if (c->inside && c->inside_depth == item->depth)
			c->inside = false;
		return 0;
	case WALK_OTHER:
		if (!is_carried(c, item) || carry_name(c, item, &why) == 0)
			return 0;
		return leave_path(c, item->path, &why, err);
	case WALK_MOUNT:
		return err_set(err, ERR_BUSY, "something is mounted on %s",
			       q(item->path));
	case WALK_ERROR:
		/* is_out_of_scope() let it through: it may hide something to be
		 * carried. */
		err_set(&why, item->problem->kind, "%s", err_message(item->problem));
		return leave_path(c, item->path, &why, err);
	}
	return 0;
}

static int carry_all(struct carry *c, struct err *err)
{
	const struct walk_options options = { .base = c->dirs.top,
					      .leave_out = is_out_of_scope,
					      .ctx = c };
	_cleanup_(walk_closep) struct walk *w = NULL;
	const struct walk_item *item;
	int r;

	if (walk_open_with(c->live, &options, c->observer, &w, err) < 0)
		return -1;
	while ((r = walk_next(w, &item, err)) > 0) {
		if (carry_item(c, w, item, err) < 0)
			return -1;
	}
	return r;
}

/* Lets us put names into the fresh tree's root. */
static int open_root(struct carry *c, int fresh, struct err *err)
{
	if (sys_fstat(fresh, &c->fresh_st) < 0)
		return err_errno(err, "cannot examine the new tree");
	if ((c->fresh_st.st_mode & 0700) != 0700 &&
	    sys_fchmod(fresh, (c->fresh_st.st_mode & 07777) | 0700) < 0)
		return err_errno(err, "cannot change the mode of the new tree");
	return 0;
}

/* Puts back what open_root() and new names changed. */
static int close_root(const struct carry *c, int fresh, struct err *err)
{
	const struct timespec ts[2] = { { .tv_nsec = UTIME_OMIT }, c->fresh_st.st_mtim };

	if ((c->fresh_st.st_mode & 0700) != 0700 &&
	    sys_fchmod(fresh, c->fresh_st.st_mode & 07777) < 0)
		return err_errno(err, "cannot put back the mode of the new tree");
	if (sys_futimens(fresh, ts) < 0)
		return err_errno(err, "cannot put back the time of the new tree");
	return 0;
}

/* Leaves the fresh tree's directories as they were, after a failure too. */
static int settle(struct carry *c, int fresh, struct err *err)
{
	_cleanup_(err_clear) struct err leaving = ERR_INIT;
	_cleanup_(err_clear) struct err closing = ERR_INIT;

	if (dir_stack_leave(&c->dirs, &leaving) < 0 && err_is(err, ERR_NONE))
		err_move(err, &leaving);
	if (close_root(c, fresh, &closing) < 0 && err_is(err, ERR_NONE))
		err_move(err, &closing);
	return err_is(err, ERR_NONE) ? 0 : -1;
}

int carry_run(int live, int fresh, const char *path, const struct exclude *exclude,
	      unsigned flags, const struct carry_report *report,
	      const struct observer *observer, uint64_t *ret_carried, struct err *err)
{
	struct carry c = {
		.live = live,
		.path_n = strlen(path),
		.exclude = exclude,
		.flags = flags,
		.report = report,
		.observer = observer,
		.copied = LINKS_INIT,
	};
	int r;

	if (open_root(&c, fresh, err) < 0)
		return -1;
	dir_stack_init(&c.dirs, fresh, path, NULL, NULL);
	(void)carry_all(&c, err);
	r = settle(&c, fresh, err);
	dir_stack_done(&c.dirs);
	links_done(&c.copied);
	if (r == 0)
		*ret_carried = c.n;
	return r;
}
