/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/export.h"

#include <errno.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/atomic_file.h"
#include "backend/base/fd.h"
#include "backend/base/meter.h"
#include "backend/base/quote.h"
#include "backend/export.h"
#include "backend/worker/reader.h"
#include "state/retention.h"
#include "state/session_internal.h"
#include "state/sets.h"

/* How often a full pipe is looked at for a signal, ms. */
#define PIPE_PAUSE 100

/* One zip of a set. */
struct exporting_zip {
	char *app, *file;
	uint64_t size;
	uint64_t handle; /* of the session's reader, which holds it open */
};

struct exporting_set {
	uint64_t id;
	bool locked;
	struct export *layout;
	struct exporting_zip *zips;
	size_t n;
};

struct exporting {
	struct session *session;
	struct exporting_set *sets;
	size_t n;
	uint64_t size;
};

/* The reader forgets the zips, if it lives. */
static void close_zips(struct exporting *x, struct exporting_set *set)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;

	for (size_t i = 0; i < set->n; i++) {
		struct exporting_zip *zip = &set->zips[i];

		if (zip->handle != 0 && worker_is_alive(x->session->reader) &&
		    reader_close(x->session->reader, zip->handle, x->session->observer,
				 &ignored) < 0)
			err_clear(&ignored); /* it is about to be ended, or unusable */
		free(zip->app);
		free(zip->file);
	}
	free(set->zips);
}

void setaside_export_close(struct exporting *x)
{
	if (!x)
		return;
	for (size_t i = 0; i < x->n; i++) {
		close_zips(x, &x->sets[i]);
		export_free(x->sets[i].layout);
		if (x->sets[i].locked)
			session_unlock_set(x->session, x->sets[i].id);
	}
	free(x->sets);
	free(x);
}

/* Opens a snapshot's file and reads its metadata again: what is exported
 * is what is there now. */
static int open_zip(struct exporting *x, const struct set_snapshot *from,
		    struct exporting_zip *zip, struct snapshot **ret, struct err *err)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	struct session *s = x->session;
	_cleanup_close_ int fd = -1;

	zip->app = alloc_strdup(from->meta->snap, err);
	zip->file = alloc_strdup(from->file, err);
	if (!zip->app || !zip->file)
		return -1;
	fd = session_open_snapshot(s, from->file, err);
	if (fd < 0)
		return -1;
	if (reader_open(s->reader, fd, s->observer, ret, &zip->handle, &problem, err) < 0)
		return -1;
	if (zip->handle == 0)
		return err_move(err, &problem);
	/* As many bytes as are going to be copied, whatever becomes
	 * of the file meanwhile. */
	return reader_size(s->reader, zip->handle, NULL, s->observer, &zip->size, err);
}

/* All zips of a set; *metas has room for them. */
static int open_zips(struct exporting *x, struct exporting_set *to, const struct set *set,
		     struct snapshot **metas, struct err *err)
{
	size_t metadata = 0;

	for (size_t i = 0; i < set->n; i++) {
		const struct set_snapshot *from = &set->snapshots[i];
		int r;

		if (from->broken)
			r = err_set(err, from->broken_kind, "%s", from->broken);
		else
			r = open_zip(x, from, &to->zips[to->n++], &metas[i], err);
		if (r == 0)
			r = export_count_metadata(metas[i], &metadata, err);
		if (r < 0)
			return err_wrap(err, "cannot export set %llu: %s",
					(unsigned long long)set->id, q(from->meta->snap));
	}
	return 0;
}

/* What lies around the zips. */
static int lay_out(struct exporting *x, struct exporting_set *to,
		   const struct snapshot *const *metas, struct err *err)
{
	uint8_t hash[DIGEST_SHA256_SIZE];
	struct stamp now;

	if (snapshot_set_hash(metas, to->n, false, hash, err) < 0 ||
	    stamp_now(&now, err) < 0 || export_new(hash, &now, &to->layout, err) < 0)
		return -1;
	for (size_t i = 0; i < to->n; i++)
		if (export_add(to->layout, to->zips[i].file, to->zips[i].size, err) < 0)
			return -1;
	if (export_finish(to->layout, err) < 0)
		return -1;
	x->size += export_size(to->layout);
	return 0;
}

/* A set that is listed and locked. */
static int open_listed(struct exporting *x, struct exporting_set *to,
		       const struct set *set, struct err *err)
{
	struct snapshot **metas = alloc_zero(set->n, sizeof(*metas), err);
	int r;

	to->zips = alloc_zero(set->n, sizeof(*to->zips), err);
	r = metas && to->zips ? open_zips(x, to, set, metas, err) : -1;
	if (r == 0)
		r = lay_out(x, to, (const struct snapshot *const *)metas, err);
	for (size_t i = 0; metas && i < set->n; i++)
		snapshot_free(metas[i]);
	free(metas);
	return r;
}

/* A set by its number. */
static int open_set(struct exporting *x, uint64_t id, struct err *err)
{
	struct exporting_set *to = &x->sets[x->n++];
	struct set set;
	int r;

	to->id = id;
	if (session_lock_set(x->session, id, LOCK_SHARED, err) < 0)
		return -1;
	to->locked = true;
	if (sets_get(x->session, id, &set, err) < 0)
		return -1;
	r = open_listed(x, to, &set, err);
	set_done(&set);
	return r;
}

/* True if the set was opened already. */
static bool has_set(const struct exporting *x, uint64_t id)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->sets[i].id == id)
			return true;
	return false;
}

int setaside_export_open(struct session *s, const uint64_t *sets, size_t n,
			 struct exporting **ret, struct err *err)
{
	_cleanup_(setaside_export_closep) struct exporting *x =
		alloc_zero(1, sizeof(*x), err);
	struct worker *reader;

	if (!x)
		return -1;
	session_unshield(s);
	x->session = s;
	x->sets = alloc_zero(n, sizeof(*x->sets), err);
	if (!x->sets || session_reader(s, &reader, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!has_set(x, sets[i]) && open_set(x, sets[i], err) < 0)
			return -1;
	*ret = TAKE_PTR(x);
	return 0;
}

uint64_t setaside_export_size(const struct exporting *x)
{
	return x->size;
}

/* Waits until fd takes PIPE_BUF bytes, looking out for a signal; files always do. */
static int wait_writable(const struct exporting *x, int fd, struct err *err)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	for (;;) {
		int r;

		if (observer_check(x->session->observer, err) < 0)
			return -1;
		r = sys_poll(&p, 1, PIPE_PAUSE);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return err_errno(err, "cannot wait for the reading end");
	}
}

/* A part of the layout.  A pipe that has room takes PIPE_BUF bytes without waiting. */
static int write_part(const struct exporting *x, const struct exporting_set *set,
		      size_t i, int fd, struct err *err)
{
	size_t left;
	const uint8_t *p = export_part(set->layout, i, &left);

	while (left > 0) {
		size_t n = left < PIPE_BUF ? left : PIPE_BUF;

		if (wait_writable(x, fd, err) < 0 || fd_write_all(fd, p, n, err) < 0)
			return -1;
		p += n;
		left -= n;
	}
	return 0;
}

/* One set from its first byte to its last. */
static int stream_set(struct exporting *x, const struct exporting_set *set,
		      struct meter *meter, int fd, struct err *err)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct exporting_zip *zip = &set->zips[i];

		meter_part(meter, zip->app, NULL, zip->size);
		if (write_part(x, set, i, fd, err) < 0)
			return -1;
		if (reader_copy(x->session->reader, zip->handle, fd, meter,
				x->session->observer, err) < 0)
			return err_wrap(err, "set %llu, %s", (unsigned long long)set->id,
					q(zip->app));
	}
	return write_part(x, set, set->n, fd, err);
}

int setaside_export_stream(struct exporting *x, int fd, struct err *err)
{
	struct meter meter;

	meter_init(&meter, x->session->observer, x->size);
	for (size_t i = 0; i < x->n; i++)
		if (stream_set(x, &x->sets[i], &meter, fd, err) < 0)
			return -1;
	meter_end(&meter);
	return 0;
}

/* ---- Into a file ---- */

/* The directory of a path that the caller typed, and the name in it. */
static int open_parent(const char *path, const char **ret_name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = NULL;
	int fd;

	*ret_name = slash ? slash + 1 : path;
	if (**ret_name == '\0')
		return err_set(err, ERR_USAGE, "%s is not the name of a file", q(path));
	if (!slash)
		dir = alloc_strdup(".", err);
	else
		dir = alloc_strndup(path, slash == path ? 1 : (size_t)(slash - path),
				    err);
	if (!dir)
		return -1;
	fd = sys_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		err_errno(err, "cannot open the directory %s", q(dir));
	/* A directory that is missing is no set that is not there. */
	return err_is(err, ERR_NOT_FOUND) ? err_reclassify(err, ERR_IO) : fd;
}

/* What has the name already? */
static int check_free(int dir, const char *name, bool force, struct err *err)
{
	struct stat st;

	if (sys_fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_errno(err, "cannot look at it");
	if (!S_ISREG(st.st_mode)) {
		err_set(err, ERR_REFUSED, "it exists already, and is not a regular file");
		return err_hint(err,
				"- exports to standard output, which may be anything");
	}
	if (force)
		return 0;
	err_set(err, ERR_EXISTS, "it exists already");
	return err_hint(err, "--force replaces it");
}

/* Room for all of it, or none: ERR_NO_SPACE before the first byte, not in the middle. */
static int reserve(const struct exporting *x, int fd, const char *path, struct err *err)
{
	const struct config_reserve none = { CONFIG_RESERVE_BYTES, 0 };
	struct retention_room room;

	if (retention_room(fd, &none, &room, err) < 0 ||
	    retention_check_room(&room, x->size, 0, path, err) < 0) /* it has its inode */
		return -1;
	if (sys_fallocate(fd, 0, 0, (off_t)x->size) < 0 && errno != EOPNOTSUPP &&
	    errno != ENOSYS && errno != EINTR)
		return err_errno(err, "cannot reserve %llu bytes",
				 (unsigned long long)x->size);
	return 0;
}

/* Between opening and publishing. */
static int write_file(struct exporting *x, int dir, const char *name, const char *path,
		      bool force, struct err *err)
{
	_cleanup_(atomic_file_abortp) struct atomic_file *f = NULL;
	unsigned flags = ATOMIC_FILE_TIDY | (force ? ATOMIC_FILE_REPLACE : 0);

	if (check_free(dir, name, force, err) < 0 ||
	    atomic_file_open(dir, name, 0600, flags, &f, err) < 0 ||
	    reserve(x, atomic_file_fd(f), path, err) < 0 ||
	    setaside_export_stream(x, atomic_file_fd(f), err) < 0 ||
	    observer_check(x->session->observer, err) < 0)
		return -1;
	return atomic_file_commit(TAKE_PTR(f), err);
}

int setaside_export_file(struct session *s, const uint64_t *sets, size_t n,
			 const char *path, bool force, uint64_t *ret_size,
			 struct err *err)
{
	_cleanup_(setaside_export_closep) struct exporting *x = NULL;
	_cleanup_close_ int dir = -1;
	const char *name;

	if (setaside_export_open(s, sets, n, &x, err) < 0)
		return -1;
	dir = open_parent(path, &name, err);
	if (dir < 0)
		return -1;
	if (write_file(x, dir, name, path, force, err) < 0)
		return err_wrap(err, "cannot export to %s", q(path));
	*ret_size = x->size;
	return 0;
}
