/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/apply.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"
#include "backend/tree/apply_internal.h"

/* What all but makers may have open. */
#define OTHER_FDS (DIR_STACK_OPEN + 32)

/* Whether there may be as many descriptors as makers take.  The caller's thread alone can
 * do with a few. */
static bool has_fds_for_makers(void)
{
	struct rlimit r;

	return sys_getrlimit(RLIMIT_NOFILE, &r) == 0 &&
	       r.rlim_cur >= MAKERS_FDS + OTHER_FDS;
}

int apply_new(const struct apply_target *targets, size_t n_targets, unsigned flags,
	      unsigned threads, struct owners *owners, const struct apply_report *report,
	      struct apply **ret, struct err *err)
{
	_cleanup_(apply_freep) struct apply *a = alloc_zero(1, sizeof(*a), err);

	if (!a)
		return -1;
	a->file.fd = -1;
	if (threads == 0)
		threads = sys_cpu_count();
	if (threads > 1 && has_fds_for_makers() &&
	    makers_new(threads, &a->makers, err) < 0)
		return -1;
	a->attrs =
		(struct attr_apply){ .flags = flags, .owners = owners, .report = report };
	a->trees = alloc_zero(n_targets, sizeof(*a->trees), err);
	if (!a->trees)
		return -1;
	for (size_t i = 0; i < n_targets; i++) {
		const struct apply_target *t = &targets[i];

		a->trees[i].target = t;
		dir_stack_init(&a->trees[i].dirs, t->fd, t->path, &a->attrs, a->makers);
		a->n_trees++;
		if (attr_apply_disinherit(t->fd, !t->is_file, t->is_file ? 0600 : 0700,
					  err) < 0)
			return err_wrap(err, "staging of %s", q(t->path));
	}
	*ret = TAKE_PTR(a);
	return 0;
}

/* Forgets the current file. */
static void drop_file(struct apply *a)
{
	struct apply_file *f = &a->file;

	if (a->appender)
		appender_abandon(a->appender);
	if (f->fd >= 0 && !f->is_target)
		sys_close_best_effort(f->fd);
	attr_apply_forget(f->e);
	free(f->path);
	*f = (struct apply_file){ .fd = -1 };
}

void apply_free(struct apply *a)
{
	if (!a)
		return;
	drop_file(a);
	appender_free(a->appender);
	makers_free(a->makers);
	for (size_t i = 0; i < a->n_trees; i++) {
		attr_apply_forget(a->trees[i].root);
		dir_stack_done(&a->trees[i].dirs);
	}
	free(a->trees);
	free(a);
}

bool apply_found(const struct apply *a, size_t i)
{
	return a->trees[i].found;
}

struct apply_tree *apply_tree_of(const struct apply *a, const char *path)
{
	for (size_t i = 0; i < a->n_trees; i++) {
		if (entry_path_is_below(path, a->trees[i].target->path))
			return &a->trees[i];
	}
	return NULL;
}

/* What of a path lies below its target: "" for the target itself. */
static const char *below_target(const struct apply_tree *tree, const char *path)
{
	path += strlen(tree->target->path);
	return *path == '/' ? path + 1 : path;
}

struct apply_split apply_split_path(const struct apply_tree *tree, const char *path)
{
	struct apply_split s = { .path = below_target(tree, path) };
	const char *slash = strrchr(s.path, '/');

	s.dir = slash ? (size_t)(slash - s.path) : 0;
	s.name = slash ? slash + 1 : s.path;
	return s;
}

int apply_creation_failed(const char *path, struct err *err)
{
	if (errno == EEXIST)
		return err_set(err, ERR_CORRUPT, "archive entry %s comes twice", q(path));
	return err_errno(err, "cannot create %s", q(path));
}

int apply_no_directory(const struct entry *e, struct err *err)
{
	if (err->sys_errno == ENOENT || err->sys_errno == ENOTDIR ||
	    err->sys_errno == ELOOP)
		err_reclassify(err, ERR_CORRUPT);
	return err_wrap(err, "archive entry %s", q(e->path));
}

/* The current file has all its data: its size and attributes. */
static int settle_file(struct apply *a, struct err *err)
{
	struct apply_file *f = &a->file;

	if (!f->e->sparse && f->got != f->e->size)
		return err_set(err, ERR_CORRUPT,
			       "%s has %" PRIu64 " bytes instead of %" PRIu64, q(f->path),
			       f->got, f->e->size);
	if (appender_end(a->appender, err) < 0)
		return err_wrap(err, "%s", q(f->path));
	if (f->end < f->e->size && sys_ftruncate(f->fd, (off_t)f->e->size) < 0)
		return err_errno(err, "cannot set the size of %s", q(f->path));
	if (attr_apply_fd(&a->attrs, f->fd, f->e, f->path, &f->born, err) < 0)
		return -1;
	if (!f->is_target && fd_close(&f->fd, err) < 0)
		return err_wrap(err, "%s", q(f->path));
	return 0;
}

/* Closes what the last entry opened. */
static int finish_file(struct apply *a, struct err *err)
{
	int r = 0;

	if (a->handed.is_open)
		return apply_handed_end(a, err);
	if (a->file.e) {
		r = settle_file(a, err);
		drop_file(a);
	}
	return r;
}

/* Data for fd from here on; takes fd, unless it is the target's own. */
static int begin_file(struct apply *a, const struct entry *e, int fd, bool is_target,
		      const struct attr_born *born, struct err *err)
{
	a->file = (struct apply_file){ .fd = fd, .is_target = is_target, .born = *born };
	a->file.path = alloc_strdup(e->path, err);
	if (!a->file.path || (!a->appender && appender_new(&a->appender, err) < 0) ||
	    attr_apply_keep(e, &a->file.e, err) < 0) {
		drop_file(a);
		return -1;
	}
	appender_begin(a->appender, fd);
	return 0;
}

/* What creating gives in this tree: asked once, as long as it is always the same.  With a
 * name fd is the directory that holds it. */
static int learn_born(struct apply_tree *tree, int fd, const char *name,
		      struct attr_born *ret, struct err *err)
{
	bool fresh = dir_stack_are_fresh(&tree->dirs);
	struct stat st;
	int r;

	if (!fresh || !tree->knows_born) {
		r = name ? sys_fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW)
			 : sys_fstat(fd, &st);
		if (r < 0)
			return err_errno(err, "cannot examine what was created");
		*ret = attr_born_of(&st);
		/* A link's mode says nothing about files. */
		if (fresh && !S_ISLNK(st.st_mode)) {
			tree->born = *ret;
			tree->knows_born = true;
		}
		return 0;
	}
	*ret = tree->born;
	return 0;
}

static int make_file(struct apply *a, struct apply_tree *tree, int dirfd,
		     const char *name, const struct entry *e, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct attr_born born;
	int r = apply_hand(a, tree, e, err);

	if (r != 0)
		return r < 0 ? -1 : 0;
	fd = sys_openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return apply_creation_failed(e->path, err);
	if (learn_born(tree, fd, NULL, &born, err) < 0)
		return -1;
	return begin_file(a, e, TAKE_FD(fd), false, &born, err);
}

/* A link, FIFO or device: made and given its attributes without opening it. */
static int make_node(struct apply *a, struct apply_tree *tree, int dirfd,
		     const char *name, const struct entry *e, struct err *err)
{
	struct attr_born born;
	mode_t type = e->type == ENTRY_FIFO   ? S_IFIFO
		      : e->type == ENTRY_CHAR ? S_IFCHR
					      : S_IFBLK;
	int r;

	if (e->type == ENTRY_SYMLINK)
		r = sys_symlinkat(e->target, dirfd, name);
	else
		r = sys_mknodat(dirfd, name, type | 0600, makedev(e->major, e->minor));
	if (r < 0 && errno == EPERM && (type == S_IFCHR || type == S_IFBLK)) {
		a->left_out = true;
		return attr_apply_note(&a->attrs, e->path, false, err,
				       "device left out: not permitted here");
	}
	if (r < 0)
		return apply_creation_failed(e->path, err);
	if (learn_born(tree, dirfd, name, &born, err) < 0)
		return -1;
	return attr_apply_at(&a->attrs, dirfd, name, e, &born, err);
}

/* 1: a device that is to be made; 0: it was left out; -1. */
static int may_make_device(struct apply *a, const struct entry *e, struct err *err)
{
	if (!(a->attrs.flags & APPLY_OWNERS)) {
		a->left_out = true;
		return attr_apply_note(&a->attrs, e->path, false, err, "device left out");
	}
	if (a->attrs.flags & APPLY_TRUSTED)
		return 1;
	err_set(err, ERR_REFUSED, "archive holds a device, %s", q(e->path));
	return err_hint(err, "only sets that were saved here, or that --trust is given "
			     "for, may bring devices");
}

/* The entry of a target itself. */
static int take_root(struct apply *a, struct apply_tree *tree, const struct entry *e,
		     struct err *err)
{
	const struct apply_target *t = tree->target;
	struct attr_born born;
	struct stat st;

	if (!t->is_file) {
		if (e->type != ENTRY_DIR)
			return err_set(err, ERR_CORRUPT,
				       "archive entry %s is not a directory", q(e->path));
		if (tree->root)
			return err_set(err, ERR_CORRUPT, "archive entry %s comes twice",
				       q(e->path));
		tree->found = true;
		return attr_apply_keep(e, &tree->root, err);
	}
	if (tree->found)
		return err_set(err, ERR_CORRUPT, "archive entry %s comes twice",
			       q(e->path));
	if (e->type == ENTRY_HARDLINK) {
		int r = apply_wait(a, err) < 0 ? -1 : apply_fill(a, t->fd, e, err);

		tree->found = r > 0;
		return r < 0 ? -1 : 0;
	}
	if (e->type != ENTRY_FILE)
		return err_set(err, ERR_CORRUPT, "archive entry %s is not a file",
			       q(e->path));
	if (sys_fstat(t->fd, &st) < 0)
		return err_errno(err, "cannot examine the staging of %s", q(e->path));
	born = attr_born_of(&st);
	tree->found = true;
	return begin_file(a, e, t->fd, true, &born, err);
}

/* Makes what an entry below a target says. */
static int make_object(struct apply *a, struct apply_tree *tree, const struct entry *e,
		       struct err *err)
{
	struct apply_split s = apply_split_path(tree, e->path);
	int dirfd = dir_stack_enter(&tree->dirs, s.path, s.dir, err);
	int r;

	tree->found = true;
	if (dirfd < 0)
		return apply_no_directory(e, err);
	switch (e->type) {
	case ENTRY_FILE:
		return make_file(a, tree, dirfd, s.name, e, err);
	case ENTRY_DIR:
		return dir_stack_make(&tree->dirs, s.name, e, err);
	case ENTRY_HARDLINK:
		if (apply_wait(a, err) < 0)
			return -1;
		return apply_link(a, tree, dirfd, s.name, e, err);
	case ENTRY_SYMLINK:
	case ENTRY_FIFO:
		return make_node(a, tree, dirfd, s.name, e, err);
	case ENTRY_CHAR:
	case ENTRY_BLOCK:
		r = may_make_device(a, e, err);
		return r > 0 ? make_node(a, tree, dirfd, s.name, e, err) : r;
	}
	return err_set(err, ERR_CORRUPT, "archive entry %s is of no type", q(e->path));
}

/* What can be said of an entry without any file system.  Whoever parsed it may have
 * said so already, or may have been taken over. */
static int check_entry(const struct entry *e, struct err *err)
{
	bool is_link = e->type == ENTRY_SYMLINK || e->type == ENTRY_HARDLINK;

	if (!entry_path_is_legal(e->path))
		return err_set(err, ERR_CORRUPT, "archive entry has an illegal path %s",
			       q(e->path));
	if ((is_link && (!e->target || e->target[0] == '\0')) ||
	    (e->type == ENTRY_HARDLINK && !entry_path_is_legal(e->target)))
		return err_set(err, ERR_CORRUPT,
			       "archive entry %s has an illegal target %s", q(e->path),
			       q(e->target));
	if (e->mtime.tv_nsec < 0 || e->mtime.tv_nsec > 999999999 ||
	    e->size > ENTRY_SIZE_MAX)
		return err_set(err, ERR_CORRUPT, "archive entry %s is out of range",
			       q(e->path));
	return 0;
}

static int make_entry(struct apply *a, const struct entry *e, struct err *err)
{
	struct apply_tree *tree;
	int r;

	if (finish_file(a, err) < 0 || check_entry(e, err) < 0)
		return -1;
	tree = apply_tree_of(a, e->path);
	a->passing = true;
	if (a->current && a->current != tree &&
	    dir_stack_leave(&a->current->dirs, err) < 0)
		return -1;
	a->current = tree;
	if (!tree)
		return 0;
	if (*below_target(tree, e->path) == '\0')
		r = take_root(a, tree, e, err);
	else if (tree->target->is_file)
		r = err_set(err, ERR_CORRUPT,
			    "archive entry %s lies below what is no directory",
			    q(e->path));
	else
		r = make_object(a, tree, e, err);
	a->passing = false;
	return r;
}

/* unpack_sink */
static int apply_entry(void *ctx, const struct entry *e, struct err *err)
{
	int r = make_entry(ctx, e, err);

	if (r < 0)
		apply_give_up(ctx, err);
	return r;
}

static int write_data(struct apply *a, uint64_t offset, const void *p, size_t n,
		      struct err *err)
{
	struct apply_file *f = &a->file;

	if (a->passing)
		return 0;
	if (a->handed.is_open)
		return apply_handed_data(a, offset, p, n, err);
	if (!f->e)
		return err_set(err, ERR_CORRUPT, "archive has data without a file");
	if (offset < f->end || (!f->e->sparse && offset != f->end) ||
	    offset > f->e->size || n > f->e->size - offset)
		return err_set(err, ERR_CORRUPT, "data of %s lie outside of it",
			       q(f->path));
	if (appender_write(a->appender, p, n, offset, err) < 0)
		return err_wrap(err, "%s", q(f->path));
	f->end = offset + n;
	f->got += n;
	return 0;
}

/* unpack_sink */
static int apply_data(void *ctx, uint64_t offset, const void *p, size_t n,
		      struct err *err)
{
	int r = write_data(ctx, offset, p, n, err);

	if (r < 0)
		apply_give_up(ctx, err);
	return r;
}

/* What a target that is a directory gets. */
static int settle_root(struct apply *a, struct apply_tree *tree, struct err *err)
{
	const struct apply_target *t = tree->target;
	struct attr_born born;
	struct stat st;

	if (!tree->root)
		return 0;
	if (sys_fstat(t->fd, &st) < 0)
		return err_errno(err, "cannot examine the staging of %s", q(t->path));
	born = attr_born_of(&st);
	return attr_apply_fd(&a->attrs, t->fd, tree->root, t->path, &born, err);
}

/* The targets themselves come last: until now nobody else could look into them. */
static int make_rest(struct apply *a, struct err *err)
{
	if (finish_file(a, err) < 0)
		return -1;
	for (size_t i = 0; i < a->n_trees; i++) {
		if (dir_stack_leave(&a->trees[i].dirs, err) < 0)
			return -1;
	}
	if (apply_wait(a, err) < 0)
		return -1;
	for (size_t i = 0; i < a->n_trees; i++) {
		if (settle_root(a, &a->trees[i], err) < 0)
			return -1;
	}
	return 0;
}

/* unpack_sink */
static int apply_finish(void *ctx, struct err *err)
{
	int r = make_rest(ctx, err);

	if (r < 0)
		apply_give_up(ctx, err);
	return r;
}

struct unpack_sink apply_sink(struct apply *a)
{
	return (struct unpack_sink){
		.entry = apply_entry,
		.data = apply_data,
		.finish = apply_finish,
		.ctx = a,
	};
}
