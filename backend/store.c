/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/store.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/atomic_file.h"
#include "backend/base/buf.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"
#include "backend/store_internal.h"

/* A number of the highest set and a newline. */
#define LAST_SET_MAX 32

/* ---- Opening ---- */

/* Makes what was just made in the directory above `path` durable. */
static int sync_above(const char *path, struct err *err)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *above = alloc_printf(err, "%s/..", path);

	if (!above)
		return -1;
	fd = fd_open_dir_at(AT_FDCWD, above, err);
	if (fd < 0 || fd_sync(fd, err) < 0)
		return err_wrap(err, "%s", q(above));
	return 0;
}

/* Makes the directory and what is missing above it; `above` counts how far up this is.
 * `path` is changed in between, and whole again afterwards. */
static int make_dirs(char *path, unsigned above, struct err *err)
{
	mode_t mode = above < 2 ? 0700 : 0755;
	bool again = false;

	while (sys_mkdirat(AT_FDCWD, path, mode) < 0) {
		char *slash = strrchr(path, '/');
		if (errno == EEXIST)
			return 0;
		if (errno != ENOENT || again || !slash || slash == path)
			return err_errno(err, "cannot make the directory %s", q(path));
		*slash = '\0';
		int done = make_dirs(path, above + 1, err);
		*slash = '/';
		if (done < 0)
			return -1;
		again = true;
	}
	return sync_above(path, err);
}

/* A copy of the path without slashes that would mean the same without them: a last
 * component with one behind it would be followed if it is a link. */
static char *trim(const char *path, struct err *err)
{
	char *copy = alloc_strdup(path, err);

	if (!copy)
		return NULL;
	char *to = copy;
	for (const char *p = path; *p; p++) {
		if (*p != '/' || to == copy || to[-1] != '/')
			*to++ = *p;
	}
	if (to > copy + 1 && to[-1] == '/')
		to--;
	*to = '\0';
	return copy;
}

int store_open(const char *path, unsigned flags, struct store **ret, struct err *err)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *trimmed = trim(path, err);

	assert(!(flags & STORE_CREATE) || !(flags & STORE_READ_ONLY));
	if (!trimmed)
		return -1;
	if ((flags & STORE_CREATE) && make_dirs(trimmed, 0, err) < 0)
		return err_wrap(err, "store %s", q(path));
	fd = fd_open_dir_at(AT_FDCWD, trimmed, err);
	if (fd < 0)
		return err_wrap(err, "store %s", q(path));
	if (store_open_fd(fd, path, flags, ret, err) < 0)
		return -1;
	(void)TAKE_FD(fd);
	return 0;
}

int store_open_fd(int dirfd, const char *path, unsigned flags, struct store **ret,
		  struct err *err)
{
	_cleanup_free_ struct store *s = alloc_zero(1, sizeof(*s), err);

	if (!s)
		return -1;
	s->path = alloc_strdup(path, err);
	if (!s->path)
		return -1;
	s->fd = dirfd;
	s->read_only = flags & STORE_READ_ONLY;
	*ret = TAKE_PTR(s);
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	sys_close_best_effort(s->fd);
	free(s->path);
	free(s);
}

int store_fd(const struct store *s)
{
	return s->fd;
}

const char *store_path(const struct store *s)
{
	return s->path;
}

/* ---- Files ---- */

static int check_writable(const struct store *s, struct err *err)
{
	if (s->read_only)
		return err_set(err, ERR_REFUSED,
			       "the store %s is opened for reading only", q(s->path));
	return 0;
}

int store_open_file(struct store *s, const char *name, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	assert(fd_is_component(name));
	fd = sys_openat(s->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0 && errno == ELOOP)
		return err_set(err, ERR_CORRUPT, "%s is a symbolic link", q(name));
	/* A socket, or a device without a driver. */
	if (fd < 0 && errno == ENXIO)
		return err_set(err, ERR_CORRUPT, "%s is not a regular file", q(name));
	if (fd < 0)
		return err_errno(err, "cannot open %s", q(name));
	if (sys_fstat(fd, &st) < 0)
		return err_errno(err, "cannot examine %s", q(name));
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CORRUPT, "%s is not a regular file", q(name));
	return TAKE_FD(fd);
}

int store_remove(struct store *s, const char *name, struct err *err)
{
	assert(fd_is_component(name));
	if (check_writable(s, err) < 0)
		return -1;
	if (sys_unlinkat(s->fd, name, 0) < 0 && errno != ENOENT)
		return err_errno(err, "cannot remove %s", q(name));
	return 0;
}

int store_sync(struct store *s, struct err *err)
{
	if (check_writable(s, err) < 0)
		return -1;
	if (fd_sync(s->fd, err) < 0)
		return err_wrap(err, "store %s", q(s->path));
	return 0;
}

/* ---- Markers and the last number ---- */

struct marker_name {
	char text[32];
};

static void marker_name(uint64_t set, struct marker_name *ret)
{
	assert(set >= 1 && set <= SNAPSHOT_SET_MAX);
	snprintf(ret->text, sizeof(ret->text), "%" PRIu64 "_importing", set);
}

/* What a marker's name is taken by counts as the marker if it is a regular file. */
static int check_marker(struct store *s, const char *name, struct err *err)
{
	struct stat st;

	if (sys_fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "cannot examine %s", q(name));
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_EXISTS, "%s is there and no regular file",
			       q(name));
	return store_sync(s, err);
}

int store_mark(struct store *s, uint64_t set, struct err *err)
{
	_cleanup_(atomic_file_abortp) struct atomic_file *file = NULL;
	struct marker_name name;

	marker_name(set, &name);
	if (check_writable(s, err) < 0)
		return -1;
	if (atomic_file_open(s->fd, name.text, 0600, 0, &file, err) == 0 &&
	    atomic_file_commit(TAKE_PTR(file), err) == 0)
		return 0;
	if (!err_is(err, ERR_EXISTS))
		return err_wrap(err, "cannot mark set %" PRIu64, set);
	/* Left by an operation that ended early, whose set this caller has locked. */
	err_clear(err);
	return check_marker(s, name.text, err);
}

int store_unmark(struct store *s, uint64_t set, struct err *err)
{
	struct marker_name name;

	marker_name(set, &name);
	if (store_remove(s, name.text, err) < 0)
		return -1;
	return store_sync(s, err);
}

int store_read_last_set(struct store *s, uint64_t *ret, bool *ret_damaged,
			struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	uint64_t set = 0;
	size_t n = 0;

	*ret_damaged = false;
	*ret = 0;
	if (fd_read_file_at(s->fd, STORE_LAST_SET, LAST_SET_MAX, &text, err) < 0) {
		if (err_is(err, ERR_NOMEM))
			return -1;
		/* A file that cannot be read must not hide the snapshots. */
		*ret_damaged = !err_is(err, ERR_NOT_FOUND);
		err_clear(err);
		return 0;
	}
	if (text.len > 0)
		n = store_parse_set(text.data, &set);
	if (n == 0 || text.len != n + 1 || text.data[n] != '\n')
		*ret_damaged = true;
	else
		*ret = set;
	return 0;
}

int store_put_last_set(struct store *s, uint64_t set, struct err *err)
{
	_cleanup_(atomic_file_abortp) struct atomic_file *file = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	uint64_t last;
	bool damaged;

	assert(set >= 1 && set <= SNAPSHOT_SET_MAX);
	if (check_writable(s, err) < 0 ||
	    store_read_last_set(s, &last, &damaged, err) < 0)
		return -1;
	if (last >= set)
		return 0;
	if (buf_printf(&text, err, "%" PRIu64 "\n", set) < 0)
		return -1;
	if (atomic_file_open(s->fd, STORE_LAST_SET, 0600, ATOMIC_FILE_REPLACE, &file,
			     err) < 0 ||
	    fd_write_all(atomic_file_fd(file), text.data, text.len, err) < 0 ||
	    atomic_file_commit(TAKE_PTR(file), err) < 0)
		return err_wrap(err, "cannot write %s", q(STORE_LAST_SET));
	return 0;
}

/* ---- Names ---- */

size_t store_parse_set(const char *text, uint64_t *ret)
{
	uint64_t set = 0;
	size_t n = 0;

	/* Sixteen digits hold the limit, and cannot overflow. */
	while (n < 17 && text[n] >= '0' && text[n] <= '9')
		set = set * 10 + (uint64_t)(text[n++] - '0');
	if (n == 0 || n > 16 || text[0] == '0' || set > SNAPSHOT_SET_MAX)
		return 0;
	*ret = set;
	return n;
}

/* The set of "<set>_...", and what stands behind the underscore; else 0. */
static uint64_t split_name(const char *name, const char **ret_rest)
{
	uint64_t set = 0;
	size_t n = store_parse_set(name, &set);

	if (n == 0 || name[n] != '_')
		return 0;
	*ret_rest = name + n + 1;
	return set;
}

uint64_t store_name_set(const char *name)
{
	static const char suffix[] = ".zip";
	const char *rest = NULL;
	uint64_t set = split_name(name, &rest);
	size_t n = set ? strlen(rest) : 0, tail = sizeof(suffix) - 1;

	return n > tail && strcmp(rest + n - tail, suffix) == 0 ? set : 0;
}

uint64_t store_marker_set(const char *name)
{
	const char *rest = NULL;
	uint64_t set = split_name(name, &rest);

	return set && strcmp(rest, "importing") == 0 ? set : 0;
}

int store_file_name(uint64_t set, const struct snapshot *s, char **ret, struct err *err)
{
	_cleanup_(buf_done) struct buf name = BUF_INIT;
	const char *snap = s->snap ? s->snap : "";
	const char *revision = s->revision ? s->revision : "";

	assert(set >= 1 && set <= SNAPSHOT_SET_MAX);
	if (!snapshot_app_is_legal(snap))
		return err_set(err, ERR_CORRUPT, "the app's name %s is not legal",
			       q(snap));
	if (!snapshot_revision_is_legal(revision))
		return err_set(err, ERR_CORRUPT, "the revision %s is not legal",
			       q(revision));
	if (buf_printf(&name, err, "%" PRIu64 "_%s_", set, snap) < 0)
		return -1;
	/* NAMES_APP_MAX sees to it that something is left for the version. */
	size_t left = NAMES_FILE_MAX - name.len - strlen("_.zip") - strlen(revision);
	if (snapshot_version_for_name(&name, s->version ? s->version : "", left, err) <
		    0 ||
	    buf_printf(&name, err, "_%s.zip", revision) < 0)
		return -1;
	char *text = buf_steal(&name, err);
	if (!text)
		return -1;
	*ret = text;
	return 0;
}
