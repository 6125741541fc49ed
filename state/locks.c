/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/locks.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "state/db.h"
#include "state/process.h"

#define PAUSE_MAX_MS 50
/* From then on somebody who looks on wonders. */
#define TELL_AFTER_MS 1000

/* The top bits of an offset are the kind; the rest is the number, or a hash of the
 * name. */
#define KIND_SHIFT 60
#define VALUE_MASK (((uint64_t)1 << KIND_SHIFT) - 1)

struct held {
	int64_t offset;
	unsigned count;
	enum lock_mode mode;
};

struct locks {
	int fd; /* -1: no file, see LOCKS_OPTIONAL */
	int dirfd;
	char *name; /* for messages */
	struct held *held;
	size_t n_held, cap_held;
	struct db *db;
	struct db_holder self;
};

/* FNV-1a.  Names that meet in one byte merely wait for each other. */
static uint64_t hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3;
	return h ^ h >> KIND_SHIFT;
}

/* The byte of a lock. */
static int64_t offset_of(struct lock_key key)
{
	uint64_t value = key.name ? hash(key.name) : key.number;

	return (int64_t)((uint64_t)key.kind << KIND_SHIFT | (value & VALUE_MASK));
}

/* ---- Opening ---- */

/* Opens the file with these flags; a descriptor, or -1 and errno. */
static int open_file(const struct locks *l, int flags)
{
	return sys_openat(l->dirfd, LOCKS_FILE,
			  flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
}

/* The reason for which a reader may do without: it cannot be opened, or not be made. */
static bool is_no_access(int errnum)
{
	return errnum == EACCES || errnum == EPERM || errnum == EROFS ||
	       errnum == ENOENT || errnum == ENOSPC || errnum == EDQUOT;
}

/* Fills l->fd as the flags say. */
static int open_any(struct locks *l, unsigned flags, struct err *err)
{
	struct stat st;

	l->fd = flags & LOCKS_LOOK ? -1 : open_file(l, O_RDWR | O_CREAT);
	if (flags & LOCKS_LOOK ||
	    (l->fd < 0 && flags & LOCKS_OPTIONAL && is_no_access(errno))) {
		l->fd = open_file(l, O_RDONLY);
		if (l->fd < 0 && is_no_access(errno))
			return 0;
	}
	if (l->fd < 0 && (errno == ELOOP || errno == EISDIR || errno == ENXIO))
		return err_set(err, ERR_CORRUPT, "lock file %s is not a regular file",
			       q(l->name));
	if (l->fd < 0)
		return err_errno(err, "cannot open lock file %s", q(l->name));
	if (sys_fstat(l->fd, &st) < 0)
		return err_errno(err, "cannot examine lock file %s", q(l->name));
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CORRUPT, "lock file %s is not a regular file",
			       q(l->name));
	return 0;
}

int locks_open(int dirfd, const char *dir, unsigned flags, struct locks **ret,
	       struct err *err)
{
	_cleanup_(locks_closep) struct locks *l = alloc_zero(1, sizeof(*l), err);

	if (!l)
		return -1;
	l->fd = l->dirfd = -1;
	l->name = alloc_printf(err, "%s/" LOCKS_FILE, dir);
	if (!l->name)
		return -1;
	l->dirfd = sys_dup(dirfd);
	if (l->dirfd < 0)
		return err_errno(err, "cannot open lock file %s", q(l->name));
	if (open_any(l, flags, err) < 0)
		return -1;
	*ret = TAKE_PTR(l);
	return 0;
}

/* ---- Holders ---- */

/* Notes this process as holder of n locks of one mode. */
static void note(struct locks *l, const int64_t *offsets, size_t n, enum lock_mode mode)
{
	if (l->db)
		db_holder_put_best_effort(l->db, offsets, n, &l->self,
					  mode == LOCK_EXCLUSIVE);
}

/* Takes the note back. */
static void unnote(struct locks *l, int64_t offset)
{
	if (l->db)
		db_holder_drop_best_effort(l->db, &offset, 1, &l->self);
}

void locks_close(struct locks *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n_held; i++)
		unnote(l, l->held[i].offset);
	if (l->fd >= 0)
		sys_close_best_effort(l->fd);
	if (l->dirfd >= 0)
		sys_close_best_effort(l->dirfd);
	free(l->self.verb);
	free(l->held);
	free(l->name);
	free(l);
}

int locks_use_db(struct locks *l, struct db *db, const char *verb, struct err *err)
{
	struct process self;
	char *copy;
	int r;

	if (!db) {
		l->db = NULL;
		return 0;
	}
	r = process_read(getpid(), &self, err);
	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(err, ERR_IO, "/proc does not show this process");
	copy = alloc_strdup(verb, err);
	if (!copy)
		return -1;
	free(l->self.verb);
	l->self = (struct db_holder){ getpid(), self.start, copy };
	l->db = db;
	for (size_t i = 0; i < l->n_held; i++)
		note(l, &l->held[i].offset, 1, l->held[i].mode);
	return 0;
}

/* Is that process still the one that noted itself? */
static bool is_alive(const struct db_holder *holder)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	struct process p;

	return process_read(holder->pid, &p, &ignored) > 0 && p.start == holder->start;
}

/* Whether anybody else has the byte in a way that keeps us from `type`. */
static int is_held(struct locks *l, int64_t offset, short type, bool *ret,
		   struct err *err)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = offset, .l_len = 1
	};

	if (sys_fcntl_lock(l->fd, F_OFD_GETLK, &lock) < 0)
		return err_errno(err, "cannot examine lock file %s", q(l->name));
	*ret = lock.l_type != F_UNLCK;
	return 0;
}

/* Puts into *ret the first believable holder of a byte; false where there is none. */
static bool find_holder(struct locks *l, int64_t offset, struct db_holder *ret)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	struct db_holder *holders = NULL;
	bool held = false, found = false;
	size_t n = 0;

	if (!l->db || db_holders(l->db, offset, &holders, &n, &ignored) < 0)
		return false;
	for (size_t i = 0; i < n && !found; i++) {
		if (!is_alive(&holders[i]))
			continue;
		*ret = holders[i];
		holders[i].verb = NULL;
		found = true;
	}
	db_holders_done(holders, n);
	/* Asked last: if it is still held now, the note was not left by one who let go.
	 * */
	if (found && (is_held(l, offset, F_WRLCK, &held, &ignored) < 0 || !held)) {
		free(ret->verb);
		found = false;
	}
	return found;
}

/* "snapshot set 5", "app "git"", ...; caller frees. */
static char *describe(struct lock_key key, struct err *err)
{
	unsigned long long number = key.number;

	switch (key.kind) {
	case LOCK_COMMIT:
		break;
	case LOCK_SET:
		return alloc_printf(err, "snapshot set %llu", number);
	case LOCK_APP:
		return alloc_printf(err, "app %s", q(key.name));
	case LOCK_TARGET:
		return alloc_printf(err, "%s", q(key.name));
	case LOCK_ALIVE_SET:
		return alloc_printf(err, "the making of snapshot set %llu", number);
	case LOCK_ALIVE_RESTORE:
		return alloc_printf(err, "restore %llu", number);
	}
	return alloc_strdup("the store", err);
}

/* ERR_BUSY with all that is known. */
static int busy(struct locks *l, struct lock_key key, struct err *err)
{
	_cleanup_free_ char *object = describe(key, err);
	struct db_holder holder;

	if (!object)
		return -1;
	if (find_holder(l, offset_of(key), &holder)) {
		err_set(err, ERR_BUSY, "%s is busy: %s (process %ld) is working on it",
			object, q(holder.verb), (long)holder.pid);
		free(holder.verb);
	} else {
		err_set(err, ERR_BUSY, "%s is busy: another process is working on it",
			object);
	}
	return err_hint(err, "try again when it is done, or wait longer with --wait");
}

/* ---- Taking ---- */

/* What is held of a byte, or NULL. */
static struct held *find_held(const struct locks *l, int64_t offset)
{
	for (size_t i = 0; i < l->n_held; i++) {
		if (l->held[i].offset == offset)
			return &l->held[i];
	}
	return NULL;
}

/* F_OFD_SETLK, which a signal does not end: it must not be taken for
 * somebody who holds the lock. */
static int set_lock(int fd, struct flock *lock)
{
	int r;

	do
		r = sys_fcntl_lock(fd, F_OFD_SETLK, lock);
	while (r < 0 && errno == EINTR);
	return r;
}

/* One try: 1 it is ours, 0 somebody has it, -1. */
static int try_lock(struct locks *l, int64_t offset, enum lock_mode mode, struct err *err)
{
	struct flock lock = { .l_type = mode == LOCK_SHARED ? F_RDLCK : F_WRLCK,
			      .l_whence = SEEK_SET,
			      .l_start = offset,
			      .l_len = 1 };

	if (l->fd < 0)
		return mode == LOCK_SHARED
			       ? 1
			       : err_set(err, ERR_DENIED,
					 "lock file %s cannot be written", q(l->name));
	if (set_lock(l->fd, &lock) == 0)
		return 1;
	if (errno == EAGAIN)
		return 0;
	if (errno == EBADF)
		return err_set(err, ERR_DENIED, "lock file %s cannot be written",
			       q(l->name));
	return err_errno(err, "cannot lock %s", q(l->name));
}

/* Milliseconds of a clock that only goes forward. */
static int now_ms(int64_t *ret, struct err *err)
{
	int64_t now = sys_monotonic_ms();

	if (now < 0)
		return err_errno(err, "cannot read the clock");
	*ret = now;
	return 0;
}

/* Says for whom it waits: to somebody who may wonder why nothing happens. */
static void tell_waiting(struct locks *l, struct lock_key key, const struct observer *o)
{
	_cleanup_(err_clear) struct err why = ERR_INIT;

	(void)busy(l, key, &why);
	observer_note(o, NULL, "waiting: %s", err_message(&why));
}

/* Tries until the byte is ours or the time is over. */
static int lock_byte(struct locks *l, struct lock_key key, enum lock_mode mode,
		     const struct lock_wait *wait, struct err *err)
{
	int64_t offset = offset_of(key), start = 0, now = 0;
	bool told = false;
	int pause = 1;

	if (now_ms(&start, err) < 0)
		return -1;
	for (;;) {
		int r = try_lock(l, offset, mode, err);

		if (r != 0)
			return r < 0 ? -1 : 0;
		if (observer_check(wait->observer, err) < 0 || now_ms(&now, err) < 0)
			return -1;
		if (now - start >= wait->ms)
			return busy(l, key, err);
		if (!told && now - start >= TELL_AFTER_MS) {
			tell_waiting(l, key, wait->observer);
			told = true;
		}
		if (pause > wait->ms - (now - start))
			pause = (int)(wait->ms - (now - start));
		/* Cut short by a signal is fine: the observer knows. */
		(void)sys_poll(NULL, 0, pause);
		pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
	}
}

/* Takes a lock without noting it; *ret_new: it was not held in this mode before. */
static int take(struct locks *l, struct lock_key key, enum lock_mode mode,
		const struct lock_wait *wait, bool *ret_new, struct err *err)
{
	struct held *h = find_held(l, offset_of(key));

	*ret_new = !h || (h->mode == LOCK_SHARED && mode == LOCK_EXCLUSIVE);
	if (h && !*ret_new) {
		h->count++;
		return 0;
	}
	/* Room first: what is locked must be able to be remembered. */
	if (!h &&
	    alloc_grow(&l->held, l->n_held, &l->cap_held, sizeof(*l->held), err) < 0)
		return -1;
	if (lock_byte(l, key, mode, wait, err) < 0)
		return -1;
	if (!h) {
		h = &l->held[l->n_held++];
		*h = (struct held){ .offset = offset_of(key) };
	}
	h->mode = mode;
	h->count++;
	return 0;
}

int locks_take(struct locks *l, struct lock_key key, enum lock_mode mode,
	       const struct lock_wait *wait, struct err *err)
{
	int64_t offset = offset_of(key);
	bool is_new;

	if (take(l, key, mode, wait, &is_new, err) < 0)
		return -1;
	if (is_new)
		note(l, &offset, 1, mode);
	return 0;
}

/* Order of two keys in the file. */
static int compare_keys(const void *a, const void *b)
{
	int64_t x = offset_of(*(const struct lock_key *)a);
	int64_t y = offset_of(*(const struct lock_key *)b);

	return x < y ? -1 : x > y;
}

/* Takes sorted keys, with the offsets of those that are new; what it took before it
 * failed is dropped again. */
static int take_sorted(struct locks *l, const struct lock_key *keys, size_t n,
		       enum lock_mode mode, const struct lock_wait *wait,
		       int64_t *offsets, size_t *ret_new, struct err *err)
{
	size_t n_new = 0;

	for (size_t i = 0; i < n; i++) {
		bool is_new;

		if (take(l, keys[i], mode, wait, &is_new, err) < 0) {
			locks_drop_all(l, keys, i);
			return -1;
		}
		if (is_new)
			offsets[n_new++] = offset_of(keys[i]);
	}
	*ret_new = n_new;
	return 0;
}

int locks_take_all(struct locks *l, const struct lock_key *keys, size_t n,
		   enum lock_mode mode, const struct lock_wait *wait, struct err *err)
{
	_cleanup_free_ struct lock_key *sorted = alloc_zero(n, sizeof(*sorted), err);
	_cleanup_free_ int64_t *offsets = NULL;
	size_t n_new = 0;

	if (!sorted)
		return -1;
	offsets = alloc_zero(n, sizeof(*offsets), err);
	if (!offsets)
		return -1;
	if (n > 0) {
		memcpy(sorted, keys, n * sizeof(*sorted));
		qsort(sorted, n, sizeof(*sorted), compare_keys);
	}
	if (take_sorted(l, sorted, n, mode, wait, offsets, &n_new, err) < 0)
		return -1;
	note(l, offsets, n_new, mode);
	return 0;
}

void locks_drop(struct locks *l, struct lock_key key)
{
	struct held *h = find_held(l, offset_of(key));
	struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET, .l_len = 1 };

	assert(h && h->count > 0);
	if (--h->count > 0)
		return;
	unnote(l, h->offset);
	lock.l_start = h->offset;
	*h = l->held[--l->n_held];
	/* If the kernel has no memory for that it is free when the file is closed. */
	if (l->fd >= 0)
		(void)sys_fcntl_lock(l->fd, F_OFD_SETLK, &lock);
}

void locks_drop_all(struct locks *l, const struct lock_key *keys, size_t n)
{
	while (n > 0)
		locks_drop(l, keys[--n]);
}

int locks_is_free(struct locks *l, struct lock_key key, bool *ret, struct err *err)
{
	bool held = false;

	if (l->fd >= 0 && is_held(l, offset_of(key), F_WRLCK, &held, err) < 0)
		return -1;
	*ret = !held;
	return 0;
}

/* ---- Workers ---- */

int locks_alive_fd(struct locks *l, struct lock_key key, struct err *err)
{
	struct flock lock = { .l_type = F_RDLCK,
			      .l_whence = SEEK_SET,
			      .l_start = offset_of(key),
			      .l_len = 1 };
	_cleanup_close_ int fd = open_file(l, O_RDONLY);
	struct stat mine, other;

	if (fd < 0)
		return err_errno(err, "cannot open lock file %s", q(l->name));
	if (l->fd < 0)
		return err_set(err, ERR_DENIED, "lock file %s cannot be written",
			       q(l->name));
	if (sys_fstat(fd, &other) < 0 || sys_fstat(l->fd, &mine) < 0)
		return err_errno(err, "cannot examine lock file %s", q(l->name));
	/* A lock in another file of this name would keep nobody away. */
	if (mine.st_ino != other.st_ino || mine.st_dev != other.st_dev)
		return err_set(err, ERR_CHANGED, "lock file %s was replaced", q(l->name));
	if (set_lock(fd, &lock) < 0) {
		if (errno == EAGAIN)
			return busy(l, key, err);
		return err_errno(err, "cannot lock %s", q(l->name));
	}
	return TAKE_FD(fd);
}

int locks_wait_alive(struct locks *l, struct lock_key key, const struct lock_wait *wait,
		     struct err *err)
{
	return locks_take(l, key, LOCK_EXCLUSIVE, wait, err);
}
