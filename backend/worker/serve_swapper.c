/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/serve.h"

#include <errno.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/tree/place.h"
#include "backend/tree/remove.h"
#include "backend/worker/mounts.h"
#include "backend/worker/protocol.h"
#include "backend/worker/swap.h"
#include "backend/worker/swapper.h"

/* Rules gathered for the next carry. */
struct swapper {
	struct serve *serve;
	struct exclude *rules;
};

/* serve_kind */
static int start(struct serve *s, struct err *err)
{
	struct swapper *w = alloc_zero(1, sizeof(*w), err);

	if (!w)
		return -1;
	w->serve = s;
	s->state = w;
	return 0;
}

/* serve_kind */
static void stop(struct serve *s)
{
	struct swapper *w = s->state;

	exclude_free(w->rules);
	free(w);
}

/* Opens an absolute path without links below the root. */
static int open_plain(struct swapper *w, const char *path, struct err *err)
{
	int fd;

	if (path[0] != '/')
		return err_set(err, ERR_CORRUPT, "%s is not an absolute path", q(path));
	fd = sys_openat2(w->serve->rootfd, path[1] ? path + 1 : ".",
			 O_RDONLY | O_DIRECTORY, 0,
			 RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	return fd < 0 ? err_errno(err, "cannot open %s", q(path)) : fd;
}

/* The same, and it must be the directory that the journal means. */
static int open_parent(struct swapper *w, const char *path, uint64_t ino, struct err *err)
{
	_cleanup_close_ int fd = open_plain(w, path, err);
	struct stat st;

	if (fd < 0)
		return -1;
	if (sys_fstat(fd, &st) < 0)
		return err_errno(err, "cannot look at %s", q(path));
	if (ino != 0 && st.st_ino != ino)
		return err_set(err, ERR_CHANGED, "%s is another directory than before",
			       q(path));
	return TAKE_FD(fd);
}

/* The item of a request, and its parent opened. */
struct request_item {
	char *parent, *name, *aside;
	uint64_t parent_ino;
	struct swap swap;
};

static void request_item_done(struct request_item *i)
{
	if (i->swap.parent >= 0)
		sys_close_best_effort(i->swap.parent);
	free(i->parent);
	free(i->name);
	free(i->aside);
}

#define REQUEST_ITEM(name)                                                               \
 _cleanup_(request_item_done) struct request_item name = { .swap = { .parent = -1 } }

/* Reads what put_item() of the client wrote. */
static int get_item(struct swapper *w, struct wire_in *in, struct request_item *i,
		    struct err *err)
{
	if (wire_get_str(in, SWAPPER_TAG_PARENT, SWAPPER_PATH_MAX, &i->parent, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_INO, &i->parent_ino, err) < 0 ||
	    wire_get_str(in, SWAPPER_TAG_NAME, SWAPPER_PATH_MAX, &i->name, err) < 0 ||
	    wire_get_str(in, SWAPPER_TAG_ASIDE, SWAPPER_PATH_MAX, &i->aside, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_OLD, &i->swap.old_ino, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_NEW, &i->swap.new_ino, err) < 0)
		return -1;
	if (!i->parent || !i->name || (i->name[0] && !swap_name_is_legal(i->name)) ||
	    (i->aside && !swap_aside_is_legal(i->aside)))
		return err_set(err, ERR_CORRUPT, "impossible names");
	i->swap.name = i->name;
	i->swap.aside = i->aside;
	i->swap.parent = open_parent(w, i->parent, i->parent_ino, err);
	return i->swap.parent < 0 ? -1 : 0;
}

/* The owner of the deepest directory that exists on the way to a missing parent. */
static int stat_above(struct swapper *w, const char *missing, struct stat *st,
		      struct err *err)
{
	const char *slash = strrchr(missing, '/');
	_cleanup_free_ char *above =
		alloc_strndup(missing, (size_t)(slash - missing), err);
	_cleanup_close_ int fd = -1;

	if (!above)
		return -1;
	fd = open_plain(w, above[0] ? above : "/", err);
	if (fd < 0)
		return -1;
	return sys_fstat(fd, st) < 0 ? err_errno(err, "cannot look at %s", q(above)) : 0;
}

/* One NAME record for each missing parent. */
static int send_missing(struct swapper *w, const struct place *p, struct err *err)
{
	struct wire_out *o = &w->serve->out;

	for (size_t i = 0; i < p->n_missing; i++)
		if (wire_begin(o, SWAPPER_NAME, err) < 0 ||
		    wire_put_str(o, SWAPPER_TAG_PATH, p->missing[i], err) < 0 ||
		    serve_send(w->serve, err) < 0)
			return -1;
	return 0;
}

/* What RESOLVE answers. */
static int put_place(struct wire_out *reply, const struct place *p,
		     const struct stat *parent, const char *mount_below, struct err *err)
{
	const char *slash = strrchr(p->resolved, '/');
	_cleanup_free_ char *above = NULL;
	bool mount = p->exists && p->mount_id != p->parent_mount_id;

	above = alloc_strndup(p->resolved, (size_t)(slash - p->resolved), err);
	if (!above || wire_put_str(reply, SWAPPER_TAG_PATH, p->resolved, err) < 0 ||
	    wire_put_str(reply, SWAPPER_TAG_PARENT, above[0] ? above : "/", err) < 0 ||
	    wire_put_str(reply, SWAPPER_TAG_NAME, p->name, err) < 0 ||
	    wire_put_str(reply, SWAPPER_TAG_TEXT, mount_below, err) < 0 ||
	    wire_put_u64(reply, SWAPPER_TAG_FLAG, p->exists, err) < 0 ||
	    wire_put_u64(reply, SWAPPER_TAG_FLAG, p->exists && S_ISDIR(p->st.st_mode),
			 err) < 0 ||
	    wire_put_u64(reply, SWAPPER_TAG_FLAG, p->exists && S_ISREG(p->st.st_mode),
			 err) < 0 ||
	    wire_put_u64(reply, SWAPPER_TAG_FLAG, mount, err) < 0 ||
	    wire_put_u64(reply, SWAPPER_TAG_INO, p->exists ? p->st.st_ino : 0, err) < 0 ||
	    wire_put_u64(reply, SWAPPER_TAG_INO, p->parent >= 0 ? parent->st_ino : 0,
			 err) < 0 ||
	    wire_put_u64(reply, SWAPPER_TAG_OWNER, parent->st_uid, err) < 0)
		return -1;
	return wire_put_u64(reply, SWAPPER_TAG_OWNER, parent->st_gid, err);
}

/* SWAPPER_RESOLVE */
static int resolve(struct swapper *w, struct wire_in *in, struct wire_out *reply,
		   struct err *err)
{
	_cleanup_free_ char *path = NULL, *below = NULL;
	_cleanup_(place_done) struct place p = PLACE_INIT;
	struct stat parent;
	uint64_t user;

	if (wire_get_str(in, SWAPPER_TAG_PATH, SWAPPER_PATH_MAX, &path, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_FLAG, &user, err) < 0)
		return -1;
	if (!path)
		return err_set(err, ERR_CORRUPT, "a path is missing");
	if (place_resolve(w->serve->rootfd, path, user ? PLACE_USER : PLACE_SYSTEM, &p,
			  err) < 0 ||
	    send_missing(w, &p, err) < 0)
		return -1;
	parent = p.parent_st;
	/* What is done to a mount point is done inside it. */
	if (p.exists && p.mount_id != p.parent_mount_id) {
		parent.st_uid = p.st.st_uid;
		parent.st_gid = p.st.st_gid;
	}
	if (p.n_missing > 0 && stat_above(w, p.missing[0], &parent, err) < 0)
		return -1;
	if (p.exists && S_ISDIR(p.st.st_mode)) {
		_cleanup_close_ int fd = place_open(&p, err);

		if (fd < 0 || mounts_below(fd, &below, err) < 0)
			return -1;
	}
	return put_place(reply, &p, &parent, below, err);
}

/* SWAPPER_MAKE_PARENT */
static int make_parent(struct swapper *w, struct wire_in *in, struct err *err)
{
	_cleanup_free_ char *path = NULL, *above = NULL;
	_cleanup_close_ int fd = -1;
	uint64_t mode;
	char *slash;

	if (wire_get_str(in, SWAPPER_TAG_PATH, SWAPPER_PATH_MAX, &path, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_MODE, &mode, err) < 0)
		return -1;
	slash = path ? strrchr(path, '/') : NULL;
	if (!slash || !swap_name_is_legal(slash + 1))
		return err_set(err, ERR_CORRUPT, "impossible path");
	above = alloc_strndup(path, (size_t)(slash - path), err);
	if (!above)
		return -1;
	fd = open_plain(w, above[0] ? above : "/", err);
	if (fd < 0)
		return -1;
	return swap_make_dir(fd, slash + 1, (mode_t)(mode & 0777), err);
}

/* SWAPPER_STAGE */
static int stage(struct swapper *w, struct wire_in *in, struct wire_out *reply,
		 struct err *err)
{
	_cleanup_free_ char *parent = NULL, *aside = NULL;
	_cleanup_close_ int dir = -1, fd = -1;
	uint64_t ino, is_file;
	struct stat st, above;

	if (wire_get_str(in, SWAPPER_TAG_PARENT, SWAPPER_PATH_MAX, &parent, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_INO, &ino, err) < 0 ||
	    wire_get_str(in, SWAPPER_TAG_ASIDE, SWAPPER_PATH_MAX, &aside, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_FLAG, &is_file, err) < 0)
		return -1;
	if (!parent || !aside || !swap_aside_is_legal(aside))
		return err_set(err, ERR_CORRUPT, "impossible names");
	dir = open_parent(w, parent, ino, err);
	if (dir < 0)
		return -1;
	fd = swap_stage(dir, aside, is_file != 0, err);
	if (fd < 0)
		return -1;
	if (sys_fstat(fd, &st) < 0 || sys_fstat(dir, &above) < 0)
		return err_errno(err, "cannot look at %s", q(aside));
	if (wire_put_u64(reply, SWAPPER_TAG_INO, st.st_ino, err) < 0 ||
	    wire_put_u64(reply, SWAPPER_TAG_INO, above.st_ino, err) < 0 ||
	    wire_put_fd(reply, fd, err) < 0)
		return -1;
	/* The reply borrows it until it is sent, after this returns. */
	serve_lend(w->serve, TAKE_FD(fd));
	return 0;
}

/* SWAPPER_SYNC */
static int sync_parent(struct swapper *w, struct wire_in *in, struct err *err)
{
	_cleanup_free_ char *parent = NULL;
	_cleanup_close_ int fd = -1;

	if (wire_get_str(in, SWAPPER_TAG_PARENT, SWAPPER_PATH_MAX, &parent, err) < 0)
		return -1;
	fd = parent ? open_plain(w, parent, err) : err_set(err, ERR_CORRUPT, "no path");
	if (fd < 0)
		return -1;
	return sys_syncfs(fd) < 0
		       ? err_errno(err, "cannot sync the file system of %s", q(parent))
		       : 0;
}

/* SWAPPER_SPACE */
static int space(struct swapper *w, struct wire_in *in, struct wire_out *reply,
		 struct err *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	struct statvfs vfs;
	struct stat st;

	if (wire_get_str(in, SWAPPER_TAG_PARENT, SWAPPER_PATH_MAX, &path, err) < 0)
		return -1;
	fd = path ? open_plain(w, path, err) : err_set(err, ERR_CORRUPT, "no path");
	if (fd < 0)
		return -1;
	if (sys_fstat(fd, &st) < 0 || sys_fstatvfs(fd, &vfs) < 0)
		return err_errno(err, "cannot look at the file system of %s", q(path));
	if (wire_put_u64(reply, SWAPPER_TAG_NUMBER, st.st_dev, err) < 0 ||
	    wire_put_u64(reply, SWAPPER_TAG_NUMBER, (uint64_t)vfs.f_bavail * vfs.f_frsize,
			 err) < 0 ||
	    wire_put_u64(reply, SWAPPER_TAG_NUMBER, (uint64_t)vfs.f_blocks * vfs.f_frsize,
			 err) < 0 ||
	    wire_put_u64(reply, SWAPPER_TAG_NUMBER, vfs.f_favail, err) < 0)
		return -1;
	return wire_put_u64(reply, SWAPPER_TAG_NUMBER, vfs.f_files, err);
}

/* SWAPPER_RULE */
static int rule(struct swapper *w, struct wire_in *in, struct err *err)
{
	_cleanup_free_ char *tree = NULL, *text = NULL, *revision = NULL;
	uint64_t kind, user;

	if (wire_get_u64(in, SWAPPER_TAG_RULE, &kind, err) < 0 ||
	    wire_get_str(in, SWAPPER_TAG_TREE, SWAPPER_PATH_MAX, &tree, err) < 0 ||
	    wire_get_str(in, SWAPPER_TAG_TEXT, WIRE_MAX, &text, err) < 0 ||
	    wire_get_str(in, SWAPPER_TAG_NAME, 64, &revision, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_FLAG, &user, err) < 0)
		return -1;
	if (!tree || !text)
		return err_set(err, ERR_CORRUPT, "a rule without its text");
	if (!w->rules && exclude_new(&w->rules, err) < 0)
		return -1;
	if (kind == SWAPPER_RULE_PATTERN)
		return exclude_add_below(w->rules, tree, text, err);
	if (kind == SWAPPER_RULE_PATH)
		return exclude_add_path(w->rules, text, err);
	return exclude_add_snapd(w->rules, text, user != 0, revision ? revision : "x1",
				 err);
}

/* carry_report */
static int report_left(void *ctx, const char *path, const char *why, struct err *err)
{
	struct swapper *w = ctx;
	struct wire_out *o = &w->serve->out;

	if (wire_begin(o, SWAPPER_LEFT, err) < 0 ||
	    wire_put_str(o, SWAPPER_TAG_PATH,
			 strlen(path) < WIRE_MAX / 2 ? path : q(path), err) < 0 ||
	    wire_put_str(o, SWAPPER_TAG_TEXT, why, err) < 0)
		return -1;
	return serve_send(w->serve, err);
}

/* The two trees of an item, both directories; 0 where one is not. */
static int carry_between(struct swapper *w, const struct swap *s, const char *tree,
			 unsigned flags, struct err *err)
{
	struct carry_report report = { report_left, w };
	_cleanup_close_ int live = -1, fresh = -1;
	uint64_t carried;

	live = s->name[0] ? swap_open_dir(s->parent, s->name, err)
			  : fd_open_dir_at(s->parent, ".", err);
	if (live < 0)
		return err_is(err, ERR_NONE) ? 0 : -1;
	fresh = swap_open_dir(s->parent, s->aside, err);
	if (fresh < 0)
		return err_is(err, ERR_NONE) ? 0 : -1;
	return carry_run(live, fresh, tree, w->rules, flags, &report, NULL, &carried,
			 err);
}

/* SWAPPER_CARRY */
static int carry(struct swapper *w, struct wire_in *in, struct err *err)
{
	_cleanup_free_ char *tree = NULL;
	uint64_t flags;
	int r;
	REQUEST_ITEM(i);

	if (get_item(w, in, &i, err) < 0 ||
	    wire_get_str(in, SWAPPER_TAG_TREE, SWAPPER_PATH_MAX, &tree, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_FLAG, &flags, err) < 0)
		return -1;
	if (!tree || !i.aside)
		return err_set(err, ERR_CORRUPT, "a carry without its trees");
	r = w->rules ? carry_between(w, &i.swap, tree, (unsigned)flags, err) : 0;
	exclude_free(w->rules);
	w->rules = NULL;
	return r;
}

/* SWAPPER_LOOK */
static int look(struct swapper *w, struct wire_in *in, struct wire_out *reply,
		struct err *err)
{
	uint64_t live, aside;
	REQUEST_ITEM(i);

	if (get_item(w, in, &i, err) < 0 || swap_look(&i.swap, &live, &aside, err) < 0 ||
	    wire_put_u64(reply, SWAPPER_TAG_INO, live, err) < 0)
		return -1;
	return wire_put_u64(reply, SWAPPER_TAG_INO, aside, err);
}

/* SWAPPER_SWAP, or SWAPPER_CHECK: `step` does the one or the other. */
static int do_swap(struct swapper *w, struct wire_in *in,
		   int (*step)(const struct swap *s, bool backward, struct err *err),
		   struct err *err)
{
	uint64_t backward;
	REQUEST_ITEM(i);

	if (get_item(w, in, &i, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_FLAG, &backward, err) < 0)
		return -1;
	if (!i.aside || !i.name[0])
		return err_set(err, ERR_CORRUPT, "a swap without its names");
	return step(&i.swap, backward != 0, err);
}

/* SWAPPER_READ_ATTRS */
static int read_attrs(struct swapper *w, struct wire_in *in, struct wire_out *reply,
		      struct err *err)
{
	_cleanup_(buf_done) struct buf attrs = BUF_INIT_MAX(SWAPPER_ATTRS_MAX);
	REQUEST_ITEM(i);

	if (get_item(w, in, &i, err) < 0 ||
	    swap_read_attrs(i.swap.parent, w->serve->owners, &attrs, err) < 0)
		return -1;
	return wire_put_bytes(reply, SWAPPER_TAG_ATTRS, attrs.data, attrs.len, err);
}

/* SWAPPER_APPLY_ATTRS */
static int apply_attrs(struct swapper *w, struct wire_in *in, struct err *err)
{
	const uint8_t *attrs;
	size_t n;
	REQUEST_ITEM(i);

	if (get_item(w, in, &i, err) < 0 ||
	    wire_get_bytes(in, SWAPPER_TAG_ATTRS, SWAPPER_ATTRS_MAX, &attrs, &n, err) < 0)
		return -1;
	return swap_apply_attrs(i.swap.parent, attrs, n, w->serve->owners, err);
}

/* swap_list's receiver: a NAME record each. */
static int send_name(void *ctx, const char *name, uint64_t ino, struct err *err)
{
	struct swapper *w = ctx;
	struct wire_out *o = &w->serve->out;

	if (wire_begin(o, SWAPPER_NAME, err) < 0 ||
	    wire_put_str(o, SWAPPER_TAG_PATH, name, err) < 0 ||
	    wire_put_u64(o, SWAPPER_TAG_INO, ino, err) < 0)
		return -1;
	return serve_send(w->serve, err);
}

/* SWAPPER_LIST */
static int list(struct swapper *w, struct wire_in *in, struct err *err)
{
	_cleanup_close_ int staging = -1;
	uint64_t aside;
	REQUEST_ITEM(i);

	if (get_item(w, in, &i, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_FLAG, &aside, err) < 0)
		return -1;
	if (!i.aside)
		return err_set(err, ERR_CORRUPT, "a list without its staging directory");
	if (!aside)
		return swap_list(i.swap.parent, i.aside, send_name, w, err);
	staging = swap_open_dir(i.swap.parent, i.aside, err);
	if (staging < 0)
		return err_is(err, ERR_NONE) ? 0 : -1;
	return swap_list(staging, NULL, send_name, w, err);
}

/* SWAPPER_REMOVE */
static int remove_aside(struct swapper *w, struct wire_in *in, struct err *err)
{
	REQUEST_ITEM(i);

	if (get_item(w, in, &i, err) < 0)
		return -1;
	if (!i.aside)
		return err_set(err, ERR_CORRUPT, "a removal without its name");
	return swap_remove_aside(&i.swap, err);
}

/* SWAPPER_REMOVE_PARENT */
static int remove_parent(struct swapper *w, struct wire_in *in, struct wire_out *reply,
			 struct err *err)
{
	bool removed;
	REQUEST_ITEM(i);

	if (get_item(w, in, &i, err) < 0 || swap_remove_dir(&i.swap, &removed, err) < 0)
		return -1;
	return wire_put_u64(reply, SWAPPER_TAG_FLAG, removed, err);
}

/* serve_kind */
static int request(struct serve *s, struct wire_in *in, struct wire_out *reply,
		   struct err *err)
{
	struct swapper *w = s->state;

	switch (in->type) {
	case SWAPPER_RESOLVE:
		return resolve(w, in, reply, err);
	case SWAPPER_MAKE_PARENT:
		return make_parent(w, in, err);
	case SWAPPER_STAGE:
		return stage(w, in, reply, err);
	case SWAPPER_SYNC:
		return sync_parent(w, in, err);
	case SWAPPER_SPACE:
		return space(w, in, reply, err);
	case SWAPPER_RULE:
		return rule(w, in, err);
	case SWAPPER_CARRY:
		return carry(w, in, err);
	case SWAPPER_LOOK:
		return look(w, in, reply, err);
	case SWAPPER_SWAP:
		return do_swap(w, in, swap_step, err);
	case SWAPPER_CHECK:
		return do_swap(w, in, swap_check, err);
	case SWAPPER_READ_ATTRS:
		return read_attrs(w, in, reply, err);
	case SWAPPER_APPLY_ATTRS:
		return apply_attrs(w, in, err);
	case SWAPPER_LIST:
		return list(w, in, err);
	case SWAPPER_REMOVE:
		return remove_aside(w, in, err);
	case SWAPPER_REMOVE_PARENT:
		return remove_parent(w, in, reply, err);
	default:
		return err_set(err, ERR_CORRUPT, "unknown request to a swapper");
	}
}

const struct serve_kind serve_swapper = { start, request, stop };
