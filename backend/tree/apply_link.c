/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/apply_internal.h"

#include <errno.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"
#include "backend/tree/copy.h"

/* A link of which the first name is not here. */
static int link_to_nothing(struct apply *a, const struct entry *e, struct err *err)
{
	a->left_out = true;
	return attr_apply_note(&a->attrs, e->path, false, err,
			       "left out: a link to %s, which is not here", q(e->target));
}

/* Copies what a link names where it cannot be linked. */
static int copy_linked(struct apply *a, int fromdir, const char *fromname, int dirfd,
		       const char *name, const struct entry *e, struct err *err)
{
	if (copy_object(fromdir, fromname, dirfd, name, NULL, err) < 0)
		return err_wrap(err, "%s, a link to %s", q(e->path), q(e->target));
	return attr_apply_note(&a->attrs, e->path, true, err,
			       "is a copy of %s now, not a link", q(e->target));
}

/* One more name for what lies at fromdir/fromname, which this run has made. */
static int link_object(struct apply *a, int fromdir, const char *fromname, int dirfd,
		       const char *name, const struct entry *e, struct err *err)
{
	struct stat st;

	if (sys_fstatat(fromdir, fromname, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT && a->left_out)
			return link_to_nothing(a, e, err);
		if (errno == ENOENT)
			return err_set(err, ERR_CORRUPT,
				       "hard link %s names no earlier file, but %s",
				       q(e->path), q(e->target));
		return err_errno(err, "cannot examine %s", q(e->target));
	}
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_CORRUPT,
			       "hard link %s names %s, which is a directory", q(e->path),
			       q(e->target));
	/* Links are never followed, neither on the way nor at its end: of a symbolic link
	 * this makes one more name. */
	if (sys_linkat(fromdir, fromname, dirfd, name, 0) == 0)
		return 0;
	if (errno == EXDEV || errno == EMLINK || errno == EPERM)
		return copy_linked(a, fromdir, fromname, dirfd, name, e, err);
	return apply_creation_failed(e->path, err);
}

/* A descriptor of the regular file that a link names, to read from; *ret_own is the
 * same if the caller has to close it.  0: there is none, and that was reported; 1; -1. */
static int open_linked(struct apply *a, const struct entry *e, int *ret, int *ret_own,
		       struct err *err)
{
	const struct apply_tree *other = apply_tree_of(a, e->target);
	_cleanup_close_ int dirfd = -1;
	struct apply_split s;
	struct stat st;

	if (!other)
		return link_to_nothing(a, e, err);
	if (other->target->is_file) {
		/* It has no name here, only a descriptor. */
		*ret = other->target->fd;
		return 1;
	}
	s = apply_split_path(other, e->target);
	dirfd = dir_stack_reach(&other->dirs, s.path, s.dir, err);
	if (dirfd < 0)
		return apply_no_directory(e, err);
	if (sys_fstatat(dirfd, s.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "cannot examine %s", q(e->target));
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CORRUPT,
			       "hard link %s names %s, which is no regular file",
			       q(e->path), q(e->target));
	*ret_own = sys_openat(dirfd, s.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (*ret_own < 0)
		return err_errno(err, "cannot open %s", q(e->target));
	*ret = *ret_own;
	return 1;
}

int apply_fill(struct apply *a, int to, const struct entry *e, struct err *err)
{
	_cleanup_close_ int own = -1;
	int from = -1, r = open_linked(a, e, &from, &own, err);

	if (r <= 0)
		return r;
	if (copy_data(from, to, NULL, err) < 0 || copy_attributes(from, to, err) < 0)
		return err_wrap(err, "%s, a link to %s", q(e->path), q(e->target));
	if (attr_apply_note(&a->attrs, e->path, true, err,
			    "is a copy of %s now, not a link", q(e->target)) < 0)
		return -1;
	return 1;
}

/* A file that is like the one that a link names. */
static int make_filled(struct apply *a, int dirfd, const char *name,
		       const struct entry *e, struct err *err)
{
	_cleanup_close_ int fd = -1;

	fd = sys_openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return apply_creation_failed(e->path, err);
	if (apply_fill(a, fd, e, err) < 0)
		return -1;
	if (fd_close(&fd, err) < 0)
		return err_wrap(err, "%s", q(e->path));
	return 0;
}

int apply_link(struct apply *a, struct apply_tree *tree, int dirfd, const char *name,
	       const struct entry *e, struct err *err)
{
	const struct apply_tree *other = apply_tree_of(a, e->target);
	_cleanup_close_ int reached = -1;
	struct apply_split s;

	if (!other)
		return link_to_nothing(a, e, err);
	if (other->target->is_file)
		return make_filled(a, dirfd, name, e, err);
	s = apply_split_path(other, e->target);
	if (other == tree && dir_stack_is_at(&tree->dirs, s.path, s.dir))
		return link_object(a, dirfd, s.name, dirfd, name, e, err);
	reached = dir_stack_reach(&other->dirs, s.path, s.dir, err);
	if (reached < 0)
		return apply_no_directory(e, err);
	return link_object(a, reached, s.name, dirfd, name, e, err);
}
