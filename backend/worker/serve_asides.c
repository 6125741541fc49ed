/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/serve_asides.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/cleanup.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"
#include "backend/restore_state.h"
#include "backend/tree/place.h"
#include "backend/worker/packer.h"

struct asides {
	struct serve *serve;
	const char *live; /* the tree's name; NULL: any */
};

/* Would a restore of this tree give that name? */
static bool is_aside_of(const char *entry, const char *live)
{
	size_t n = restore_state_live_length(entry);

	return n > 0 && (!live || (strlen(live) == n && memcmp(live, entry, n) == 0));
}

/* One NAME record: an absolute path. */
static int tell(struct asides *a, const char *dir, size_t dir_length, const char *entry,
		struct err *err)
{
	struct wire_out *o = &a->serve->out;
	_cleanup_(buf_done) struct buf path = BUF_INIT;

	if (buf_printf(&path, err, "%.*s/%s", (int)dir_length, dir, entry) < 0)
		return -1;
	if (path.len > PACKER_PATH_MAX)
		return err_set(err, ERR_UNSUPPORTED, "a path of %zu bytes is too long",
			       path.len);
	if (wire_begin(o, PACKER_NAME, err) < 0 ||
	    wire_put_str(o, PACKER_TAG_PATH, path.data, err) < 0)
		return -1;
	return serve_send(a->serve, err);
}

/* What a restore makes: directories, and files in the place of files. */
static bool is_tree(int dir, const char *entry)
{
	struct stat st;

	return sys_fstatat(dir, entry, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode));
}

/* The entries of the directory `fd`, which is that of the first `length` bytes of
 * `path`: those that rest beside the tree, or (`inside`) the directory in which what was
 * in a mount point rests. */
static int look_through(struct asides *a, int fd, const char *path, size_t length,
			bool inside, struct err *err)
{
	char buf[16384];
	ssize_t n;

	while ((n = sys_getdents(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *d =
				(const struct dirent64 *)(const void *)(buf + at);
			bool wanted = inside ? restore_state_is_staging(d->d_name)
					     : is_aside_of(d->d_name, a->live);

			at += d->d_reclen;
			if (!wanted || !is_tree(fd, d->d_name))
				continue;
			if (tell(a, path, length, d->d_name, err) < 0)
				return -1;
		}
	}
	return n < 0 ? err_errno(err, "cannot read %s", qn(path, length)) : 0;
}

/* Beside the tree. */
static int look_beside(struct asides *a, const struct place *place, struct err *err)
{
	size_t length = (size_t)(strrchr(place->resolved, '/') - place->resolved);
	_cleanup_close_ int fd = -1;

	if (place->parent < 0)
		return 0;
	fd = fd_open_dir_at(place->parent, ".", err);
	if (fd < 0)
		return err_wrap(err, "cannot look beside %s", q(place->resolved));
	return look_through(a, fd, place->resolved, length, false, err);
}

/* Inside it: it may be a mount point, or may have been one. */
static int look_inside(struct asides *a, const struct place *place, struct err *err)
{
	_cleanup_close_ int fd = -1;

	if (!place->exists || !S_ISDIR(place->st.st_mode))
		return 0;
	fd = place_open(place, err);
	if (fd < 0)
		return -1;
	return look_through(a, fd, place->resolved, strlen(place->resolved), true, err);
}

int serve_asides(struct serve *s, struct wire_in *in, struct err *err)
{
	_cleanup_(place_done) struct place place = PLACE_INIT;
	_cleanup_free_ char *path = NULL;
	struct asides a = { .serve = s };
	uint64_t user, any;

	if (wire_get_str(in, PACKER_TAG_PATH, PACKER_PATH_MAX, &path, err) < 0 ||
	    wire_get_u64(in, PACKER_TAG_USER, &user, err) < 0 ||
	    wire_get_u64(in, PACKER_TAG_ANY, &any, err) < 0)
		return -1;
	if (!path)
		return err_set(err, ERR_CORRUPT, "a path is missing");
	if (place_resolve(s->rootfd, path, user ? PLACE_USER : PLACE_SYSTEM, &place,
			  err) < 0)
		return -1;
	a.live = any ? NULL : place.name;
	if (look_beside(&a, &place, err) < 0)
		return -1;
	return look_inside(&a, &place, err);
}
