/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/sys.h"
#include "backend/tree/attr.h"
#include "backend/tree/look.h"
#include "backend/tree/pack_internal.h"
#include "backend/tree/tar_write.h"
#include "backend/tree/walk.h"

static void packer_done(struct packer *p)
{
	fingerprint_free(p->fingerprint);
	links_done(&p->links);
	attr_clear(&p->entry);
	free(p->entry.extents);
	buf_done(&p->head);
	buf_done(&p->target);
	free(p->side);
}

/* For bsearch() of names. */
static int compare_names(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* walk_options.leave_out: what is not of the tree, before it is touched. */
static bool leave_out(void *ctx, const char *path, const char *name, unsigned depth,
		      bool is_dir)
{
	const struct packer *p = ctx;

	if (p->options->n_aside_names > 0 &&
	    bsearch(&name, p->options->aside_names, p->options->n_aside_names,
		    sizeof(*p->options->aside_names), compare_names))
		return true;
	if (p->leave_lost_found && depth == 1 && is_dir &&
	    strcmp(name, "lost+found") == 0)
		return true;
	return p->options->exclude && exclude_matches(p->options->exclude, path, is_dir);
}

/* Writes the entry of a directory; fd: O_PATH will do. */
static int pack_dir(struct packer *p, int fd, const struct stat *st, const char *path,
		    struct err *err)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;

	pack_begin(p, ENTRY_DIR, path, st);
	/* A directory has to be in the archive before what is in it: without attributes
	 * then. */
	if (p->sink && attr_read(fd, p->owners, &p->entry, &problem) < 0) {
		attr_clear(&p->entry);
		if (pack_skip_failed(p, path, &problem, err) < 0)
			return -1;
	}
	if (pack_name_owners(p, err) < 0)
		return -1;
	return pack_put_entry(p, err);
}

/* Opens what a name stands for without touching it, if it is still what was seen there:
 * 1; 0: it vanished; -1: problem tells. */
static int open_path(const struct walk_item *item, int *ret, struct err *problem)
{
	_cleanup_close_ int fd =
		sys_openat(item->dirfd, item->name, O_PATH | O_NOFOLLOW, 0);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_errno(problem, "cannot open");
	if (sys_fstat(fd, &st) < 0)
		return err_errno(problem, "cannot look at it");
	if (st.st_dev != item->st.st_dev || st.st_ino != item->st.st_ino ||
	    (st.st_mode & S_IFMT) != (item->st.st_mode & S_IFMT))
		return err_set(problem, ERR_CHANGED,
			       "was replaced while it was looked at");
	*ret = TAKE_FD(fd);
	return 1;
}

/* Writes the entry at hand, which has no data, under the first name of its inode. */
static int put_first(struct packer *p, const struct walk_item *item, struct err *err)
{
	if (pack_name_owners(p, err) < 0 || pack_put_entry(p, err) < 0)
		return -1;
	return pack_note_links(p, &item->st, item->path, err);
}

/* FIFOs and devices, which are never opened. */
static int pack_special(struct packer *p, enum entry_type type,
			const struct walk_item *item, struct err *err)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	_cleanup_close_ int fd = -1;
	int found = pack_put_link(p, &item->st, item->path, err);

	if (found != 0)
		return found < 0 ? -1 : 0;
	found = p->sink ? open_path(item, &fd, &problem) : 1;
	if (found == 0)
		return 0;
	pack_begin(p, type, item->path, &item->st);
	if (found < 0 || (p->sink && attr_read(fd, p->owners, &p->entry, &problem) < 0))
		return pack_skip_failed(p, item->path, &problem, err);
	return put_first(p, item, err);
}

/* Reads where a link leads into p->target.  One with several names is opened first: its
 * target stands for all of them, and must not be that of a link which took the name
 * meanwhile.  1; 0: it vanished; -1: problem tells. */
static int read_target(struct packer *p, const struct walk_item *item,
		       struct err *problem)
{
	_cleanup_close_ int fd = -1;
	int found = item->st.st_nlink > 1 ? open_path(item, &fd, problem) : 1;
	ssize_t n;

	if (found <= 0)
		return found;
	n = sys_readlinkat(fd >= 0 ? fd : item->dirfd, fd >= 0 ? "" : item->name,
			   p->target.data, PATH_MAX);
	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0)
		return err_errno(problem, "cannot read the link");
	if (n == PATH_MAX)
		return err_errnum(problem, ENAMETOOLONG, "cannot read the link");
	buf_advance(&p->target, (size_t)n);
	return 1;
}

static int pack_symlink(struct packer *p, const struct walk_item *item, struct err *err)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	int found = pack_put_link(p, &item->st, item->path, err);

	if (found != 0)
		return found < 0 ? -1 : 0;
	buf_clear(&p->target);
	if (!buf_reserve(&p->target, PATH_MAX, err))
		return -1;
	found = read_target(p, item, &problem);
	if (found == 0)
		return 0;
	if (found < 0)
		return pack_skip_failed(p, item->path, &problem, err);
	if (fingerprint_add_text(p->fingerprint, p->target.data, err) < 0)
		return -1;
	pack_begin(p, ENTRY_SYMLINK, item->path, &item->st);
	p->entry.target = p->target.data;
	return put_first(p, item, err);
}

/* For an estimate: a file is opened only to look for its holes. */
static int estimate_other_file(struct packer *p, const struct walk_item *item,
			       struct err *err)
{
	_cleanup_close_ int fd = -1;

	if (item->st.st_blocks < item->st.st_size / 512)
		fd = sys_openat(item->dirfd, item->name,
				O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	return pack_file(p, fd, &item->st, item->path, err);
}

/* WALK_OTHER */
static int pack_other(struct packer *p, const struct walk_item *item, struct err *err)
{
	switch (item->st.st_mode & S_IFMT) {
	case S_IFREG:
		if (p->sink)
			return pack_file(p, item->fd, &item->st, item->path, err);
		return estimate_other_file(p, item, err);
	case S_IFLNK:
		return pack_symlink(p, item, err);
	case S_IFIFO:
		return pack_special(p, ENTRY_FIFO, item, err);
	case S_IFCHR:
		return pack_special(p, ENTRY_CHAR, item, err);
	case S_IFBLK:
		return pack_special(p, ENTRY_BLOCK, item, err);
	case S_IFSOCK:
		p->counts.sockets++;
		return 0;
	default:
		return pack_skip(p, item->path, "is of a type that archives do not know",
				 err);
	}
}

/* WALK_ERROR: reported; of a directory that was not entered its own entry is kept. */
static int pack_error(struct packer *p, const struct walk_item *item, struct err *err)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	_cleanup_close_ int fd = -1;
	bool is_dir = item->has_st && S_ISDIR(item->st.st_mode);
	int r;

	if (is_dir && !item->entered) {
		r = open_path(item, &fd, &problem);
		if (r == 0)
			return 0;
		if (r < 0)
			return pack_skip_failed(p, item->path, &problem, err);
		if (pack_dir(p, fd, &item->st, item->path, err) < 0)
			return -1;
	}
	return pack_skip(p, item->path, err_message(item->problem), err);
}

/* Notes what the archive is going to say of an item, or what stands in its place. */
static int note_item(struct packer *p, const struct walk_item *item, struct err *err)
{
	if (item->what == WALK_MOUNT)
		return fingerprint_add_text(p->fingerprint, item->path, err);
	if ((item->what != WALK_DIR && item->what != WALK_OTHER) ||
	    S_ISSOCK(item->st.st_mode))
		return 0;
	return fingerprint_add_entry(p->fingerprint, item->path, &item->st, err);
}

/* One item of the walk. */
static int pack_item(struct packer *p, struct walk *w, const struct walk_item *item,
		     struct err *err)
{
	if (item->what == WALK_LEAVE)
		return 0;
	if (note_item(p, item, err) < 0)
		return -1;
	if (item->what == WALK_MOUNT) {
		p->counts.mounts++;
		return 0;
	}
	if (strlen(item->path) > ENTRY_PATH_MAX) {
		if (item->what == WALK_DIR)
			walk_skip(w);
		return pack_skip(p, item->path, "its path is too long for an archive",
				 err);
	}
	if (item->what == WALK_DIR)
		return pack_dir(p, item->fd, &item->st, item->path, err);
	if (item->what == WALK_ERROR)
		return pack_error(p, item, err);
	return pack_other(p, item, err);
}

/* walk_options.opened */
static void opened(void *ctx, int fd)
{
	pack_read_ahead(ctx, fd);
}

/* A tree that is a directory. */
static int pack_dir_tree(struct packer *p, const struct pack_tree *tree, struct err *err)
{
	const struct walk_options options = {
		.base = tree->path,
		.open_files = p->sink != NULL,
		.leave_out = leave_out,
		.opened = opened,
		.ctx = p,
		.spill = p->options->spill,
	};
	_cleanup_(walk_closep) struct walk *w = NULL;
	const struct walk_item *item;
	int r;

	p->leave_lost_found = look_is_mount_root(tree->fd);
	if (walk_open_with(tree->fd, &options, p->observer, &w, err) < 0)
		return -1;
	while ((r = walk_next(w, &item, err)) > 0) {
		if (pack_item(p, w, item, err) < 0)
			return -1;
	}
	return r;
}

/* Whether a tree as a whole is excluded: itself or a directory above it. */
static bool is_excluded(const struct packer *p, const struct pack_tree *tree, char *path)
{
	if (!p->options->exclude)
		return false;
	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		bool matches = exclude_matches(p->options->exclude, path, true);
		*slash = '/';
		if (matches)
			return true;
	}
	return exclude_matches(p->options->exclude, path, !tree->is_file);
}

static int pack_tree(struct packer *p, const struct pack_tree *tree, struct err *err)
{
	_cleanup_free_ char *path = alloc_strdup(tree->path, err);
	struct stat st;

	if (!path)
		return -1;
	if (is_excluded(p, tree, path))
		return 0;
	fingerprint_add_root(p->fingerprint, tree->fd);
	if (!tree->is_file)
		return pack_dir_tree(p, tree, err);
	if (sys_fstat(tree->fd, &st) < 0)
		return err_errno(err, "cannot look at it");
	if (fingerprint_add_entry(p->fingerprint, tree->path, &st, err) < 0)
		return -1;
	return pack_file(p, tree->fd, &st, tree->path, err);
}

/* The entry `common/` that holds the trees of a native app. */
static int pack_common(struct packer *p, struct err *err)
{
	const struct stat st = {
		.st_mode = S_IFDIR | (p->options->common_mode & 07777),
		.st_uid = p->options->common_uid,
		.st_gid = p->options->common_gid,
	};

	pack_begin(p, ENTRY_DIR, "common", &st);
	if (fingerprint_add_entry(p->fingerprint, "common", &st, err) < 0)
		return -1;
	if (pack_name_owners(p, err) < 0)
		return -1;
	return pack_put_entry(p, err);
}

/* The whole stream, or its estimate. */
static int pack_all(struct packer *p, const struct pack_tree *trees, size_t n_trees,
		    struct err *err)
{
	p->links.spill = p->options->spill;
	if (fingerprint_new(p->owners, &p->fingerprint, err) < 0)
		return -1;
	if (p->options->synthetic_common && pack_common(p, err) < 0)
		return -1;
	for (size_t i = 0; i < n_trees; i++) {
		if (pack_tree(p, &trees[i], err) < 0)
			return -1;
	}
	if (pack_put_zeros(p, TAR_END_SIZE, err) < 0)
		return -1;
	return fingerprint_final(p->fingerprint, &p->counts.fingerprint, err);
}

int pack_run(const struct pack_tree *trees, size_t n_trees,
	     const struct pack_options *options, struct owners *owners,
	     const struct pack_sink *sink, const struct pack_report *report,
	     const struct observer *observer, struct pack_counts *ret, struct err *err)
{
	_cleanup_(packer_done) struct packer p = {
		.options = options,
		.owners = owners,
		.sink = sink,
		.report = report,
		.observer = observer,
	};

	if (pack_all(&p, trees, n_trees, err) < 0)
		return -1;
	*ret = p.counts;
	return 0;
}

int pack_estimate(const struct pack_tree *trees, size_t n_trees,
		  const struct pack_options *options, struct owners *owners,
		  const struct observer *observer, struct pack_counts *ret,
		  struct err *err)
{
	_cleanup_(packer_done) struct packer p = {
		.options = options,
		.owners = owners,
		.observer = observer,
	};

	if (pack_all(&p, trees, n_trees, err) < 0)
		return -1;
	*ret = p.counts;
	return 0;
}
