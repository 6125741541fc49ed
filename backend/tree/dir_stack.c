/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/dir_stack.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"

#define OPEN_DIR     (O_DIRECTORY | O_NOFOLLOW)
#define ACL_SIZE_MAX 65536

static const char default_acl[] = "system.posix_acl_default";

/* What an entered-again directory was like. */
struct dir_again {
	struct stat st;
	bool mode_changed;
	size_t acl_size;
	char acl[]; /* its default ACL as the kernel has it */
};

struct dir_level {
	size_t end;               /* of its path in dir_stack.path */
	int fd;                   /* -1: closed, to be opened anew */
	struct maker_dir *shared; /* owns fd then */
	/* What it gets when it is left: at most one of the two. */
	struct entry *made;
	struct dir_again *again;
	struct attr_born born; /* of what was made */
};

void dir_stack_init(struct dir_stack *d, int rootfd, const char *top,
		    struct attr_apply *attrs, struct makers *makers)
{
	*d = (struct dir_stack){ .rootfd = rootfd,
				 .top = top,
				 .attrs = attrs,
				 .makers = makers,
				 .path = BUF_INIT };
}

static void close_level(struct dir_level *l)
{
	if (l->shared)
		maker_dir_drop(l->shared);
	else if (l->fd >= 0)
		sys_close_best_effort(l->fd);
	l->shared = NULL;
	l->fd = -1;
}

/* Takes the deepest level off. */
static void pop(struct dir_stack *d)
{
	struct dir_level *l = &d->levels[--d->n];

	close_level(l);
	if (d->first_open > d->n)
		d->first_open = d->n;
	attr_apply_forget(l->made);
	if (l->again)
		d->n_again--;
	free(l->again);
	buf_cut(&d->path, d->n ? d->levels[d->n - 1].end : 0);
}

void dir_stack_done(struct dir_stack *d)
{
	while (d->n > 0)
		pop(d);
	maker_dir_drop(d->shared_root);
	free(d->levels);
	buf_done(&d->path);
}

bool dir_stack_are_fresh(const struct dir_stack *d)
{
	return d->n_again == 0;
}

bool dir_stack_is_at(const struct dir_stack *d, const char *path, size_t n)
{
	return d->path.len == n && (n == 0 || memcmp(d->path.data, path, n) == 0);
}

/* Puts the path of what failed in front of a message; `path` is below the root. */
static int wrap_dir(const struct dir_stack *d, const char *path, size_t n,
		    struct err *err)
{
	return err_wrap(err, "directory %s below %s", qn(path, n), q(d->top));
}

/* Opens a directory in another. */
static int open_dir(int dirfd, const char *name, int flags, struct err *err)
{
	int fd = sys_openat(dirfd, name, OPEN_DIR | flags, 0);

	return fd < 0 ? err_errno(err, "cannot open it") : fd;
}

/* Opens the levels again, from the root to the deepest, keeping the last ones open. */
static int open_levels(struct dir_stack *d, struct err *err)
{
	for (size_t i = 0; i < d->n; i++) {
		size_t begin = i ? d->levels[i - 1].end + 1 : 0;
		_cleanup_free_ char *name = alloc_strndup(d->path.data + begin,
							  d->levels[i].end - begin, err);

		if (!name)
			return -1;
		d->levels[i].fd = open_dir(i ? d->levels[i - 1].fd : d->rootfd, name,
					   O_RDONLY, err);
		if (d->levels[i].fd < 0)
			return wrap_dir(d, d->path.data, d->levels[i].end, err);
		if (i >= DIR_STACK_OPEN)
			close_level(&d->levels[i - DIR_STACK_OPEN]);
	}
	d->first_open = d->n > DIR_STACK_OPEN ? d->n - DIR_STACK_OPEN : 0;
	return 0;
}

/* The descriptor of the deepest level, or of the root. */
static int current_fd(struct dir_stack *d, struct err *err)
{
	if (d->n == 0)
		return d->rootfd;
	/* The last of those that were open has been left. */
	if (d->first_open == d->n && open_levels(d, err) < 0)
		return -1;
	return d->levels[d->n - 1].fd;
}

/* Closes the outermost level that is open.  What is made in it needs its descriptor, and
 * what it gets at the end another one. */
static int close_outermost(struct dir_stack *d, struct err *err)
{
	struct dir_level *l = &d->levels[d->first_open];

	if (l->shared && maker_dir_is_busy(l->shared) && makers_wait(d->makers, err) < 0)
		return -1;
	close_level(l);
	d->first_open++;
	return 0;
}

/* Puts a directory below the deepest level, with all that it owns; frees it on
 * failure. */
static int push(struct dir_stack *d, const char *name, struct dir_level *level,
		struct err *err)
{
	size_t before = d->path.len;

	if (alloc_grow(&d->levels, d->n, &d->cap, sizeof(*d->levels), err) < 0)
		goto fail;
	if ((before && buf_add_byte(&d->path, '/', err) < 0) ||
	    buf_add_str(&d->path, name, err) < 0) {
		buf_cut(&d->path, before);
		goto fail;
	}
	level->end = d->path.len;
	if (d->n - d->first_open >= DIR_STACK_OPEN && close_outermost(d, err) < 0) {
		buf_cut(&d->path, before);
		goto fail;
	}
	d->levels[d->n++] = *level;
	if (level->again)
		d->n_again++;
	return 0;
fail:
	close_level(level);
	attr_apply_forget(level->made);
	free(level->again);
	return -1;
}

/* Takes the default ACL off a directory, so that nothing inherits it, and keeps it in
 * *again, which has room for it. */
static int take_default_acl(int fd, struct dir_again *again, struct err *err)
{
	ssize_t n = sys_fgetxattr(fd, default_acl, again->acl, ACL_SIZE_MAX);

	if (n < 0 && errno != ENODATA && errno != EOPNOTSUPP)
		return err_errno(err, "cannot read its access control list");
	if (n <= 0)
		return 0;
	if (sys_fremovexattr(fd, default_acl) < 0)
		return err_errno(err, "cannot change its access control list");
	again->acl_size = (size_t)n;
	return 0;
}

/* What a directory is like, to be put back; what new entries would inherit from it is
 * taken off. */
static int take_state(const struct dir_stack *d, int fd, const struct stat *st,
		      struct dir_again **ret, struct err *err)
{
	size_t room = d->attrs ? ACL_SIZE_MAX : 0;
	_cleanup_free_ struct dir_again *again = alloc_bytes(sizeof(*again) + room, err);
	struct dir_again *fitting;

	if (!again)
		return -1;
	*again = (struct dir_again){ .st = *st };
	if (d->attrs && take_default_acl(fd, again, err) < 0)
		return -1;
	if (d->attrs && (st->st_mode & S_ISGID)) {
		/* The group's bits stay: they are the mask of an ACL. */
		if (sys_fchmod(fd, (st->st_mode & 01777) | 0700) < 0)
			return err_errno(err, "cannot change its mode");
		again->mode_changed = true;
	}
	fitting = alloc_resize(again, sizeof(*again) + again->acl_size, 1, err);
	if (!fitting)
		return -1;
	(void)TAKE_PTR(again);
	*ret = fitting;
	return 0;
}

/* Opens a directory that was there before, even if its mode keeps its owner out, and
 * makes it fit for new entries. */
static int reopen(const struct dir_stack *d, int dirfd, const char *name,
		  struct dir_level *ret, struct err *err)
{
	_cleanup_free_ struct dir_again *again = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;
	bool locked;

	if (sys_fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "cannot open it");
	/* What is no directory is found out by opening it. */
	locked = S_ISDIR(st.st_mode) && (st.st_mode & 0700) != 0700;
	if (locked && sys_fchmodat(dirfd, name, (st.st_mode & 07777) | 0700,
				   AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "cannot change its mode");
	fd = open_dir(dirfd, name, O_RDONLY, err);
	if (fd < 0 || take_state(d, fd, &st, &again, err) < 0)
		return -1;
	assert(again != NULL); /* take_state() says so, but compilers do not see it */
	again->mode_changed |= locked;
	*ret = (struct dir_level){ .fd = TAKE_FD(fd), .again = TAKE_PTR(again) };
	return 0;
}

/* Undoes what reopen() did, and puts back the time. */
static int put_back(int fd, const struct dir_again *again, struct err *err)
{
	struct timespec ts[2] = { { .tv_nsec = UTIME_OMIT }, again->st.st_mtim };

	if (again->acl_size &&
	    sys_fsetxattr(fd, default_acl, again->acl, again->acl_size, 0) < 0)
		return err_errno(err, "cannot put back its access control list");
	if (again->mode_changed && sys_fchmod(fd, again->st.st_mode & 07777) < 0)
		return err_errno(err, "cannot put back its mode");
	if (sys_futimens(fd, ts) < 0)
		return err_errno(err, "cannot put back its time");
	return 0;
}

/* Leaves it to whoever makes the last of what is on its way into a level.  1; 0: that
 * cannot be, and all of it is there; -1. */
static int settle_later(struct dir_stack *d, struct dir_level *l, const char *whole,
			struct err *err)
{
	struct attr_plan plan;
	int r = attr_plan(d->attrs, l->made, whole, &l->born, NULL, &plan, err);

	if (r < 0)
		return -1;
	if (r == 0)
		return makers_wait(d->makers, err);
	l->fd = -1;
	return maker_dir_leave(TAKE_PTR(l->shared), whole, &plan, err) < 0 ? -1 : 1;
}

/* Gives the deepest level what it is to get. */
static int settle(struct dir_stack *d, struct err *err)
{
	struct dir_level *l = &d->levels[d->n - 1];
	_cleanup_free_ char *whole = NULL;
	int r, fd = current_fd(d, err);

	if (fd < 0)
		return -1;
	if (l->again) {
		if (put_back(fd, l->again, err) < 0)
			return wrap_dir(d, d->path.data, d->path.len, err);
		return 0;
	}
	whole = alloc_printf(err, "%s/%s", d->top, d->path.data);
	if (!whole)
		return -1;
	r = l->shared ? settle_later(d, l, whole, err) : 0;
	if (r != 0)
		return r < 0 ? -1 : 0;
	return attr_apply_fd(d->attrs, fd, l->made, whole, &l->born, err);
}

/* Leaves levels until n are left. */
static int leave_to(struct dir_stack *d, size_t n, struct err *err)
{
	while (d->n > n) {
		int r = settle(d, err);

		pop(d);
		if (r < 0)
			return -1;
	}
	return 0;
}

int dir_stack_leave(struct dir_stack *d, struct err *err)
{
	return leave_to(d, 0, err);
}

/* How many levels lie on the way to a path. */
static size_t shared_levels(const struct dir_stack *d, const char *path, size_t n)
{
	size_t k = 0, begin = 0;

	for (; k < d->n; k++) {
		size_t end = d->levels[k].end;

		if (end > n || (end < n && path[end] != '/') ||
		    memcmp(d->path.data + begin, path + begin, end - begin) != 0)
			break;
		begin = end;
	}
	return k;
}

/* Where the component of `path` ends that begins at `at`. */
static size_t component_end(const char *path, size_t at, size_t n)
{
	const char *slash = memchr(path + at, '/', n - at);

	return slash ? (size_t)(slash - path) : n;
}

/* Goes down into a directory that is there already. */
static int enter_again(struct dir_stack *d, const char *name, struct err *err)
{
	struct dir_level level;
	int above = current_fd(d, err);

	/* It may have been left, and not have got yet what will be put back. */
	if (d->makers && makers_wait(d->makers, err) < 0)
		return -1;
	if (above < 0 || reopen(d, above, name, &level, err) < 0)
		return -1;
	return push(d, name, &level, err);
}

int dir_stack_enter(struct dir_stack *d, const char *path, size_t n, struct err *err)
{
	if (dir_stack_is_at(d, path, n))
		return current_fd(d, err);
	if (leave_to(d, shared_levels(d, path, n), err) < 0)
		return -1;
	for (size_t at = d->n ? d->path.len + 1 : 0, end; at < n; at = end + 1) {
		_cleanup_free_ char *name = NULL;

		end = component_end(path, at, n);
		name = alloc_strndup(path + at, end - at, err);
		if (!name)
			return -1;
		if (enter_again(d, name, err) < 0)
			return wrap_dir(d, path, end, err);
	}
	return current_fd(d, err);
}

/* What mkdir gave: asked once, as long as it is always the same. */
static int learn_born(struct dir_stack *d, int fd, struct attr_born *ret, struct err *err)
{
	struct stat st;

	if (!d->knows_born || !dir_stack_are_fresh(d)) {
		if (sys_fstat(fd, &st) < 0)
			return err_errno(err, "cannot examine it");
		*ret = attr_born_of(&st);
		if (!dir_stack_are_fresh(d))
			return 0;
		d->born = *ret;
		d->knows_born = true;
	}
	*ret = d->born;
	return 0;
}

int dir_stack_make(struct dir_stack *d, const char *name, const struct entry *e,
		   struct err *err)
{
	_cleanup_(attr_apply_forgetp) struct entry *made = NULL;
	_cleanup_close_ int fd = -1;
	struct dir_level level = { .fd = -1 };
	int above = current_fd(d, err);

	if (above < 0 || attr_apply_keep(e, &made, err) < 0)
		return -1;
	if (sys_mkdirat(above, name, 0700) < 0) {
		if (errno == EEXIST)
			return err_set(err, ERR_CORRUPT, "archive entry %s comes twice",
				       q(e->path));
		return err_errno(err, "cannot create directory %s", q(e->path));
	}
	fd = open_dir(above, name, O_RDONLY, err);
	if (fd < 0 || learn_born(d, fd, &level.born, err) < 0)
		return err_wrap(err, "directory %s", q(e->path));
	level.fd = TAKE_FD(fd);
	level.made = TAKE_PTR(made);
	return push(d, name, &level, err);
}

int dir_stack_share(struct dir_stack *d, struct maker_dir **ret, struct err *err)
{
	struct maker_dir **shared = d->n ? &d->levels[d->n - 1].shared : &d->shared_root;
	int fd = current_fd(d, err);

	if (fd < 0 ||
	    (!*shared && maker_dir_new(d->makers, fd, d->n > 0, shared, err) < 0))
		return -1;
	*ret = *shared;
	return 0;
}

int dir_stack_reach(const struct dir_stack *d, const char *path, size_t n,
		    struct err *err)
{
	_cleanup_close_ int fd = -1;
	size_t shared = shared_levels(d, path, n), at = 0;
	int from = d->rootfd;

	if (shared > d->first_open) {
		from = d->levels[shared - 1].fd;
		at = d->levels[shared - 1].end + 1;
	}
	fd = open_dir(from, ".", O_PATH, err);
	for (size_t end; fd >= 0 && at < n; at = end + 1) {
		_cleanup_free_ char *name = NULL;
		int next;

		end = component_end(path, at, n);
		name = alloc_strndup(path + at, end - at, err);
		next = name ? open_dir(fd, name, O_PATH, err) : -1;
		sys_close_best_effort(fd);
		fd = next;
	}
	if (fd < 0)
		return wrap_dir(d, path, n, err);
	return TAKE_FD(fd);
}
