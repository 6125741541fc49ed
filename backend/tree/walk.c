/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "backend/base/alloc.h"
#include "backend/base/buf.h"
#include "backend/base/sys.h"
#include "backend/tree/listing.h"
#include "backend/tree/look.h"
#include "backend/tree/opener.h"

/* How often a name is looked at that is another thing each time. */
#define TRIES 5

/* A directory on the current path.  Those that are open stand together at the deep end;
 * the root is open always. */
struct frame {
	int fd; /* -1: closed to keep the window, or lost */
	bool listed;
	bool lost; /* could not be re-opened */
	size_t path_len;
	struct stat st;
	struct listing_mark mark;
	size_t next, end; /* its names that are left */
};

/* A name of the top frame that was opened before its turn. */
struct ahead {
	bool left_out;
	int fd;
	int errnum; /* why there is none */
};

struct walk {
	struct walk_options options;
	const struct observer *observer;
	/* its mount is the root's, and so that of all that is walked */
	struct opener opener;
	bool started, skip, leave;
	struct frame *frames;
	size_t n, cap;
	size_t n_open; /* frames with a descriptor, the root aside */
	struct listing listing;
	struct buf path;
	struct ahead ahead[WALK_AHEAD];
	size_t first_ahead, n_ahead; /* a ring */
	int file; /* descriptor of the current item, where it is ours */
	struct walk_item item;
	struct err problem;
	struct err lost; /* why the frame on top is lost, until it is reported */
};

/* What became of a name. */
enum found {
	FOUND_FATAL = -1,
	FOUND_NOTHING, /* vanished, or left out */
	FOUND_ITEM,
	FOUND_OTHER, /* not of the type it was taken for */
};

bool walk_error_is_ours(const struct err *err)
{
	return err->kind == ERR_NOMEM || err->kind == ERR_INTERRUPTED ||
	       err->sys_errno == EMFILE || err->sys_errno == ENFILE ||
	       err->sys_errno == ENOMEM;
}

int walk_open(int rootfd, const struct observer *observer, struct walk **ret,
	      struct err *err)
{
	return walk_open_with(rootfd, &(struct walk_options){ 0 }, observer, ret, err);
}

/* Makes the root the first frame. */
static int add_root(struct walk *w, int rootfd, struct err *err)
{
	struct frame root = { .fd = rootfd };

	if (look_at(rootfd, "", 0, &root.st, &w->opener.mount_id) < 0)
		return err_errno(err, "cannot look at directory");
	if (!S_ISDIR(root.st.st_mode))
		return err_errnum(err, ENOTDIR, "cannot walk");
	if (sys_lseek(rootfd, 0, SEEK_SET) < 0)
		return err_errno(err, "cannot read directory");
	/* A string even where it is empty. */
	if (buf_add_str(&w->path, w->options.base ? w->options.base : "", err) < 0)
		return -1;
	root.path_len = w->path.len;
	if (alloc_grow(&w->frames, w->n, &w->cap, sizeof(root), err) < 0)
		return -1;
	w->frames[w->n++] = root;
	return 0;
}

int walk_open_with(int rootfd, const struct walk_options *options,
		   const struct observer *observer, struct walk **ret, struct err *err)
{
	_cleanup_(walk_closep) struct walk *w = alloc_zero(1, sizeof(*w), err);

	if (!w)
		return -1;
	w->file = -1;
	w->options = *options;
	w->observer = observer;
	if (listing_init(&w->listing, options->spill, err) < 0 ||
	    add_root(w, rootfd, err) < 0)
		return -1;
	w->options.base = NULL; /* in the path from now on */
	*ret = TAKE_PTR(w);
	return 0;
}

/* Takes the frame on top off, with its names. */
static void pop(struct walk *w)
{
	struct frame *top = &w->frames[--w->n];

	if (top->listed)
		listing_pop(&w->listing, &top->mark);
	if (w->n > 0 && top->fd >= 0) {
		sys_close_best_effort(top->fd);
		w->n_open--;
	}
}

static void close_file(struct walk *w)
{
	if (w->file >= 0)
		sys_close_best_effort(w->file);
	w->file = -1;
}

void walk_close(struct walk *w)
{
	if (!w)
		return;
	close_file(w);
	for (; w->n_ahead > 0; w->n_ahead--) {
		const struct ahead *a = &w->ahead[w->first_ahead++ % WALK_AHEAD];

		if (a->fd >= 0)
			sys_close_best_effort(a->fd);
	}
	while (w->n > 0)
		pop(w);
	free(w->frames);
	listing_done(&w->listing);
	buf_done(&w->path);
	err_clear(&w->problem);
	err_clear(&w->lost);
	free(w);
}

void walk_skip(struct walk *w)
{
	w->skip = true;
}

/* The current name: the one that the top frame gave last. */
static const char *current_name(const struct walk *w)
{
	return w->item.name;
}

/* Fills in the item but for what was found. */
static void set_item(struct walk *w, enum walk_what what, const struct frame *dir)
{
	w->item.what = what;
	w->item.dirfd = dir->fd;
	w->item.fd = -1;
	w->item.entered = false;
	w->item.has_st = true;
	w->item.mount_id = w->opener.mount_id;
	w->item.problem = NULL;
}

/* Turns errno into the item's problem, or into err if it is ours. */
static enum found set_problem(struct walk *w, const struct frame *dir, const char *what,
			      struct err *err)
{
	err_errno(&w->problem, "%s", what);
	if (walk_error_is_ours(&w->problem)) {
		err_move(err, &w->problem);
		return FOUND_FATAL;
	}
	set_item(w, WALK_ERROR, dir);
	w->item.problem = &w->problem;
	return FOUND_ITEM;
}

/* After a failed open: what the caller is told. */
static enum found open_failed(struct walk *w, const struct frame *dir, struct err *err)
{
	enum found found;
	int errnum = errno;

	switch (errnum) {
	case ENOENT:
		return FOUND_NOTHING;
	case ENOTDIR: /* a file now, where a directory was */
	case ELOOP:   /* a link */
	case ENXIO:   /* a socket, or a device without a driver */
	case ENODEV:
		return FOUND_OTHER;
	case EXDEV:
		set_item(w, WALK_MOUNT, dir);
		w->item.has_st = look_at(dir->fd, current_name(w), LOOK_CACHED,
					 &w->item.st, &w->item.mount_id) == 0;
		return FOUND_ITEM;
	default:
		found = set_problem(w, dir, "cannot open", err);
		if (found == FOUND_ITEM)
			w->item.has_st = look_at(dir->fd, current_name(w), 0, &w->item.st,
						 &w->item.mount_id) == 0;
		return found;
	}
}

/* Closes the open directory that is needed last, where there are too many. */
static void keep_window(struct walk *w)
{
	/* The root is one, and the one about to be opened another. */
	if (w->n_open + 2 <= WALK_WINDOW)
		return;

	struct frame *f = &w->frames[w->n - w->n_open];

	sys_close_best_effort(f->fd);
	f->fd = -1;
	w->n_open--;
}

/* Opens a directory and makes it the top frame. */
static enum found enter(struct walk *w, struct err *err)
{
	struct frame *dir = &w->frames[w->n - 1], child = { .path_len = w->path.len };

	keep_window(w);
	child.fd = opener_open(&w->opener, dir->fd, current_name(w), O_DIRECTORY);
	if (child.fd < 0)
		return open_failed(w, dir, err);
	if (sys_fstat(child.fd, &child.st) < 0) {
		enum found found = set_problem(w, dir, "cannot look at it", err);

		sys_close_best_effort(child.fd);
		w->item.has_st = false;
		return found;
	}
	set_item(w, WALK_DIR, dir);
	w->item.fd = child.fd;
	w->item.st = child.st;
	if (alloc_grow(&w->frames, w->n, &w->cap, sizeof(child), err) < 0) {
		sys_close_best_effort(child.fd);
		return FOUND_FATAL;
	}
	w->frames[w->n++] = child;
	w->n_open++;
	return FOUND_ITEM;
}

/* Makes an open file the current item, which it is only if it is a regular one. */
static enum found adopt_file(struct walk *w, int fd, struct err *err)
{
	struct frame *dir = &w->frames[w->n - 1];
	enum found found;

	w->file = fd;
	set_item(w, WALK_OTHER, dir);
	w->item.fd = w->file;
	if (sys_fstat(w->file, &w->item.st) < 0) {
		found = set_problem(w, dir, "cannot look at it", err);
		w->item.has_st = false;
	} else {
		found = S_ISREG(w->item.st.st_mode) ? FOUND_ITEM : FOUND_OTHER;
	}
	if (w->item.what != WALK_OTHER || found != FOUND_ITEM)
		close_file(w);
	return found;
}

/* Opens a regular file. */
static enum found open_file(struct walk *w, struct err *err)
{
	struct frame *dir = &w->frames[w->n - 1];
	int fd = opener_open(&w->opener, dir->fd, current_name(w), 0);

	return fd < 0 ? open_failed(w, dir, err) : adopt_file(w, fd, err);
}

/* Looks at the current name without opening it. */
static enum found look(struct walk *w, struct err *err)
{
	struct frame *dir = &w->frames[w->n - 1];
	enum found found;

	set_item(w, WALK_OTHER, dir);
	if (look_at(dir->fd, current_name(w), 0, &w->item.st, &w->item.mount_id) == 0) {
		if (w->item.mount_id != w->opener.mount_id)
			w->item.what = WALK_MOUNT;
		return FOUND_ITEM;
	}
	if (errno == ENOENT)
		return FOUND_NOTHING;
	found = set_problem(w, dir, "cannot look at it", err);
	w->item.has_st = false;
	return found;
}

static bool is_left_out(struct walk *w, unsigned char type)
{
	return w->options.leave_out &&
	       w->options.leave_out(w->options.ctx, w->path.data, current_name(w),
				    w->item.depth, type == DT_DIR);
}

/* Whether things of this type are opened, not looked at. */
static bool is_opened(const struct walk *w, unsigned char type)
{
	return type == DT_DIR || (type == DT_REG && w->options.open_files);
}

/* Looks at what the current name is and goes by that, until both agree.  `asked`: it was
 * decided that it is not left out. */
static enum found identify(struct walk *w, bool asked, struct err *err)
{
	enum found found = FOUND_OTHER;

	for (int tries = 0; tries < TRIES && found == FOUND_OTHER; tries++) {
		unsigned char type;

		found = look(w, err);
		if (found != FOUND_ITEM)
			return found;
		type = w->item.has_st ? (unsigned char)IFTODT(w->item.st.st_mode)
				      : DT_UNKNOWN;
		if (!asked && is_left_out(w, type))
			return FOUND_NOTHING;
		asked = true;
		if (w->item.what == WALK_OTHER && is_opened(w, type))
			found = type == DT_DIR ? enter(w, err) : open_file(w, err);
	}
	if (found != FOUND_OTHER)
		return found;
	err_set(&w->problem, ERR_CHANGED, "is another thing each time it is looked at");
	set_item(w, WALK_ERROR, &w->frames[w->n - 1]);
	w->item.has_st = false;
	w->item.problem = &w->problem;
	return FOUND_ITEM;
}

/* Finds out what the current name is, if its directory did not say that it is a regular
 * file. */
static enum found find(struct walk *w, unsigned char type, struct err *err)
{
	enum found found = FOUND_OTHER;

	if (type != DT_UNKNOWN && is_left_out(w, type))
		return FOUND_NOTHING;
	if (type == DT_DIR)
		found = enter(w, err);
	return found == FOUND_OTHER ? identify(w, type != DT_UNKNOWN, err) : found;
}

/* Makes `name` of the top frame the current one. */
static int set_name(struct walk *w, const char *name, struct err *err)
{
	size_t len = w->frames[w->n - 1].path_len;

	buf_cut(&w->path, len);
	if (len && buf_add_byte(&w->path, '/', err) < 0)
		return -1;
	if (buf_add_str(&w->path, name, err) < 0)
		return -1;
	w->item.path = w->path.data;
	w->item.name = w->path.data + (len ? len + 1 : 0);
	w->item.depth = (unsigned)w->n;
	return 0;
}

/* Makes the directory of frame i the current item. */
static void set_dir(struct walk *w, size_t i, enum walk_what what)
{
	const struct frame *f = &w->frames[i];
	size_t parent_len = i ? w->frames[i - 1].path_len : f->path_len;

	buf_cut(&w->path, f->path_len);
	set_item(w, what, i ? &w->frames[i - 1] : f);
	w->item.path = w->path.data;
	w->item.name = w->path.data + parent_len + (i && parent_len ? 1 : 0);
	w->item.depth = (unsigned)i;
	w->item.fd = f->fd;
	w->item.st = f->st;
}

/* Reads the names of the top frame; an error becomes an item. */
static enum found list(struct walk *w, struct err *err)
{
	struct frame *top = &w->frames[w->n - 1];
	int r = listing_push(&w->listing, top->fd, &top->mark, &w->problem);

	top->listed = true;
	top->next = top->mark.n;
	top->end = w->listing.n;
	if (r == 0)
		return FOUND_NOTHING;
	/* What the file for names failed with says nothing of the directory: its rest
	 * would be left out as if it could not be read. */
	if (w->listing.spill_failed || walk_error_is_ours(&w->problem)) {
		err_move(err, &w->problem);
		return FOUND_FATAL;
	}
	set_dir(w, w->n - 1, WALK_ERROR);
	w->item.entered = true;
	w->item.problem = &w->problem;
	return FOUND_ITEM;
}

/* Whether fd is the directory that the frame was. */
static bool is_frame(int fd, const struct frame *f)
{
	struct stat st;

	return sys_fstat(fd, &st) == 0 && st.st_dev == f->st.st_dev &&
	       st.st_ino == f->st.st_ino;
}

/* Opens frame i by the names that led to it from the root; -1 and errno. */
static int descend(struct walk *w, size_t i)
{
	int fd = w->frames[0].fd;

	for (size_t k = 0; k < i; k++) {
		/* The name of frame k + 1 is the last that frame k gave. */
		const char *name = listing_text(&w->listing, w->frames[k].next - 1);
		int next = opener_open(&w->opener, fd, name, O_DIRECTORY);

		if (k > 0)
			sys_close_best_effort(fd);
		if (next < 0)
			return -1;
		fd = next;
	}
	return fd;
}

/* Opens the frame below the top again, from its child or by its names.  What is found
 * there is believed only if it is the same directory. */
static int reopen(struct walk *w, struct err *err)
{
	struct frame *f = &w->frames[w->n - 2];
	int child = w->frames[w->n - 1].fd, fd = -1;

	if (child >= 0)
		fd = opener_open(&w->opener, child, "..", O_DIRECTORY);
	if (fd < 0 || !is_frame(fd, f)) {
		if (fd >= 0)
			sys_close_best_effort(fd);
		fd = descend(w, w->n - 2);
		if (fd < 0) {
			err_errno(&w->lost, "cannot open again");
		} else if (!is_frame(fd, f)) {
			sys_close_best_effort(fd);
			fd = -1;
			err_set(&w->lost, ERR_CHANGED, "was moved away");
		}
	}
	if (fd < 0) {
		if (walk_error_is_ours(&w->lost)) {
			err_move(err, &w->lost);
			return -1;
		}
		f->lost = true;
		f->next = f->end;
		return 0;
	}
	f->fd = fd;
	w->n_open++;
	return 0;
}

/* Reports the end of the top frame.  The directory that holds it is opened first. */
static enum found leave(struct walk *w, struct err *err)
{
	if (w->n > 1 && w->frames[w->n - 2].fd < 0 && reopen(w, err) < 0)
		return FOUND_FATAL;
	set_dir(w, w->n - 1, WALK_LEAVE);
	w->leave = true;
	return FOUND_ITEM;
}

/* Reports that the top frame was lost. */
static enum found report_lost(struct walk *w)
{
	err_move(&w->problem, &w->lost);
	set_dir(w, w->n - 1, WALK_ERROR);
	w->item.entered = true;
	w->item.problem = &w->problem;
	return FOUND_ITEM;
}

/* Opens one of the regular files that come next, if one does. */
static enum found open_one_ahead(struct walk *w, struct err *err)
{
	const struct frame *top = &w->frames[w->n - 1];
	size_t i = top->next + w->n_ahead;
	struct ahead a = { .fd = -1 };

	if (i == top->end || w->listing.names[i].type != DT_REG)
		return FOUND_NOTHING;
	if (set_name(w, listing_text(&w->listing, i), err) < 0)
		return FOUND_FATAL;
	a.left_out = is_left_out(w, DT_REG);
	if (!a.left_out) {
		a.fd = opener_open(&w->opener, top->fd, current_name(w), 0);
		a.errnum = a.fd < 0 ? errno : 0;
	}
	/* Then perhaps there are enough when its turn comes. */
	if (w->n_ahead > 0 && (a.errnum == EMFILE || a.errnum == ENFILE))
		return FOUND_NOTHING;
	if (a.fd >= 0 && w->options.opened)
		w->options.opened(w->options.ctx, a.fd);
	w->ahead[(w->first_ahead + w->n_ahead++) % WALK_AHEAD] = a;
	return FOUND_ITEM;
}

/* Opens the regular files that come next, so that they can be read ahead. */
static int open_ahead(struct walk *w, struct err *err)
{
	enum found found = FOUND_ITEM;

	while (found == FOUND_ITEM && w->n_ahead < WALK_AHEAD)
		found = open_one_ahead(w, err);
	return found == FOUND_FATAL ? -1 : 0;
}

/* Makes the next of the files that were opened ahead the item. */
static enum found take_ahead(struct walk *w, struct err *err)
{
	const struct ahead *a = &w->ahead[w->first_ahead];
	enum found found;

	w->first_ahead = (w->first_ahead + 1) % WALK_AHEAD;
	w->n_ahead--;
	if (a->left_out)
		return FOUND_NOTHING;
	errno = a->errnum;
	found = a->fd < 0 ? open_failed(w, &w->frames[w->n - 1], err)
			  : adopt_file(w, a->fd, err);
	if (found == FOUND_ITEM && w->file >= 0 && w->item.st.st_nlink == 0) {
		/* Removed since it was opened; another may have its name. */
		close_file(w);
		found = FOUND_OTHER;
	}
	return found == FOUND_OTHER ? identify(w, true, err) : found;
}

/* More names of the top frame, where not all were in memory: 1, 0, -1. */
static int list_more(struct walk *w, struct err *err)
{
	struct frame *top = &w->frames[w->n - 1];
	int r = top->lost ? 0 : listing_more(&w->listing, &top->mark, err);

	if (r > 0) {
		top->next = top->mark.n;
		top->end = w->listing.n;
	}
	return r;
}

/* One step from the top frame on. */
static enum found step(struct walk *w, struct err *err)
{
	struct frame *top = &w->frames[w->n - 1];
	unsigned char type;
	bool ahead;

	if (w->lost.kind != ERR_NONE)
		return report_lost(w);
	if (!top->listed)
		return list(w, err);
	if (top->next == top->end) {
		int more = list_more(w, err);

		if (more <= 0)
			return more < 0 ? FOUND_FATAL : leave(w, err);
	}
	type = w->listing.names[top->next].type;
	ahead = type == DT_REG && w->options.open_files;
	if (ahead && open_ahead(w, err) < 0)
		return FOUND_FATAL;
	if (set_name(w, listing_text(&w->listing, top->next), err) < 0)
		return FOUND_FATAL;
	top->next++;
	return ahead ? take_ahead(w, err) : find(w, type, err);
}

int walk_next(struct walk *w, const struct walk_item **ret, struct err *err)
{
	enum found found = FOUND_NOTHING;

	close_file(w);
	err_clear(&w->problem);
	if (!w->started) {
		w->started = true;
		set_dir(w, 0, WALK_DIR);
		*ret = &w->item;
		return 1;
	}
	if (w->skip || w->leave)
		pop(w);
	w->skip = w->leave = false;
	while (w->n > 0 && found == FOUND_NOTHING) {
		if (observer_check(w->observer, err) < 0)
			return -1;
		found = step(w, err);
	}
	if (found == FOUND_FATAL)
		return -1;
	if (found == FOUND_NOTHING)
		return 0;
	*ret = &w->item;
	return 1;
}
