/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/appender.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/belt.h"
#include "backend/base/fd.h"
#include "backend/base/sys.h"

#define BLOCK    ((size_t)1 << 20)
#define N_BLOCKS 3u
/* Where direct I/O begins and ends, in the file and in memory: few file systems ask for
 * more, and they refuse it. */
#define ALIGNMENT ((size_t)4096)
/* Less than this is not worth waiting for the disk. */
#define DIRECT_MIN (BLOCK / 4)

/* What of a block is filled: bytes [from, to) of it, which are those of the file from
 * base + from on; base is a multiple of ALIGNMENT. */
struct extent {
	uint64_t base;
	size_t from, to;
};

struct appender {
	struct belt *belt;
	struct extent at_hand;           /* in the block that is being filled */
	struct extent extents[N_BLOCKS]; /* in those that were submitted */
	bool has_submitted, has_holes;   /* of this file */
	atomic_bool is_abandoned;        /* what was submitted need not be written */

	/* The belt's, until it is drained. */
	int fd;                              /* -1: none */
	int flags;                           /* of fd, as it was; -1: not asked for */
	bool is_direct, no_direct, is_known; /* the last: whether there is direct I/O */
	uint64_t begun;                      /* fd_write_past() */
};

/* ---- Onto the disk ---- */

/* Whether the file system does direct I/O and is none the worse for it: others write
 * through their cache all the same, wait for a server, or do not compress then. */
static bool may_be_direct(int fd)
{
	struct statfs fs;

	if (sys_fstatfs(fd, &fs) < 0)
		return false;
	return fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC;
}

/* Makes what is written to the file direct, or not; false where that is refused. */
static bool set_direct(struct appender *a, bool on)
{
	if (on == a->is_direct)
		return true;
	if (a->flags < 0)
		a->flags = sys_fcntl_getfl(a->fd);
	if (a->flags < 0 ||
	    sys_fcntl_setfl(a->fd, on ? a->flags | O_DIRECT : a->flags) < 0)
		return false;
	a->is_direct = on;
	return true;
}

/* Tells how much was written: what is left has another chance in the usual way, which
 * tells why it fails. */
static size_t write_direct(struct appender *a, const uint8_t *p, size_t n,
			   uint64_t offset)
{
	size_t done = 0;

	if (!a->is_known)
		a->no_direct = !may_be_direct(a->fd);
	a->is_known = true;
	a->no_direct = a->no_direct || !set_direct(a, true);
	while (!a->no_direct && done < n) {
		ssize_t k = sys_pwrite(a->fd, p + done, n - done, (off_t)(offset + done));

		if (k > 0)
			done += (size_t)k;
		if (k < 0 && errno == EINTR)
			continue;
		a->no_direct = k <= 0 || (size_t)k % ALIGNMENT != 0;
	}
	/* An ext4 that journals data took them into the page cache. */
	fd_write_past(a->fd, &a->begun, offset + done);
	return done;
}

static int write_plain(struct appender *a, const uint8_t *p, size_t n, uint64_t offset,
		       struct err *err)
{
	if (n == 0)
		return 0;
	if (!set_direct(a, false))
		return err_errno(err, "cannot change how it is written");
	if (fd_pwrite_all(a->fd, p, n, offset, err) < 0)
		return -1;
	fd_write_past(a->fd, &a->begun, offset + n);
	return 0;
}

/* Writes what of the block at p is filled. */
static int write_extent(struct appender *a, const struct extent *x, const uint8_t *p,
			bool direct, struct err *err)
{
	size_t first = (x->from + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT,
	       last = x->to / ALIGNMENT * ALIGNMENT, at = x->from;

	if (direct && !a->no_direct && last >= first + DIRECT_MIN) {
		if (write_plain(a, p + at, first - at, x->base + at, err) < 0)
			return -1;
		at = first + write_direct(a, p + first, last - first, x->base + first);
	}
	return write_plain(a, p + at, x->to - at, x->base + at, err);
}

/* belt_work */
static int write_block(void *ctx, unsigned i, uint8_t *p, struct err *err)
{
	struct appender *a = ctx;

	if (atomic_load(&a->is_abandoned))
		return 0;
	/* What ends before its block does stands before a hole: there may be many. */
	return write_extent(a, &a->extents[i], p, a->extents[i].to == BLOCK, err);
}

/* ---- Blocks ---- */

static uint64_t end_of(const struct extent *x)
{
	return x->base + x->to;
}

/* What comes next is for this offset. */
static void begin_block(struct appender *a, uint64_t offset)
{
	size_t from = offset % ALIGNMENT;

	a->at_hand = (struct extent){ offset - from, from, from };
}

static int submit(struct appender *a, struct err *err)
{
	unsigned i;

	belt_block(a->belt, &i);
	a->extents[i] = a->at_hand;
	a->has_submitted = true;
	begin_block(a, end_of(&a->at_hand));
	return belt_submit(a->belt, err);
}

/* Bytes behind all others. */
static int append(struct appender *a, const uint8_t *p, size_t n, struct err *err)
{
	while (n > 0) {
		struct extent *x = &a->at_hand;
		size_t part = n < BLOCK - x->to ? n : BLOCK - x->to;
		unsigned ignored;

		memcpy(belt_block(a->belt, &ignored) + x->to, p, part);
		x->to += part;
		p += part;
		n -= part;
		if (x->to == BLOCK && submit(a, err) < 0)
			return -1;
	}
	return 0;
}

/* Other bytes for some that were written, if `n` is within them. */
static int change(struct appender *a, const uint8_t *p, size_t n, uint64_t offset,
		  struct err *err)
{
	const struct extent *x = &a->at_hand;
	uint64_t held = x->base + x->from;
	unsigned ignored;

	if (offset < held) {
		size_t before = n < held - offset ? n : (size_t)(held - offset);

		if (belt_drain(a->belt, err) < 0 ||
		    write_plain(a, p, before, offset, err) < 0)
			return -1;
		p += before;
		n -= before;
		offset += before;
	}
	memcpy(belt_block(a->belt, &ignored) + (offset - x->base), p, n);
	return 0;
}

/* ---- From outside ---- */

int appender_new(struct appender **ret, struct err *err)
{
	_cleanup_(appender_freep) struct appender *a = alloc_zero(1, sizeof(*a), err);

	if (!a)
		return -1;
	a->fd = -1;
	if (belt_new(BLOCK, N_BLOCKS, write_block, a, &a->belt, err) < 0)
		return -1;
	*ret = TAKE_PTR(a);
	return 0;
}

void appender_begin(struct appender *a, int fd)
{
	assert(a->fd < 0);
	begin_block(a, 0);
	a->has_submitted = a->has_holes = false;
	a->is_direct = a->no_direct = a->is_known = false;
	a->fd = fd;
	a->flags = -1;
	a->begun = 0;
}

int appender_write(struct appender *a, const void *p, size_t n, uint64_t offset,
		   struct err *err)
{
	uint64_t end = end_of(&a->at_hand), last;
	const uint8_t *at = p;

	if (__builtin_add_overflow(offset, n, &last) || last > INT64_MAX)
		return err_errnum(err, EFBIG, "cannot write");
	if (offset < end) {
		size_t old = n < end - offset ? n : (size_t)(end - offset);

		if (change(a, at, old, offset, err) < 0)
			return -1;
		at += old;
		n -= old;
	} else if (offset > end) {
		if (a->at_hand.to > a->at_hand.from && submit(a, err) < 0)
			return -1;
		a->has_holes = true;
		begin_block(a, offset);
	}
	return append(a, at, n, err);
}

/* Lets go of the file, with its flags as they were. */
static int let_go(struct appender *a, struct err *err)
{
	bool done = set_direct(a, false);

	a->fd = -1;
	return done ? 0 : err_errno(err, "cannot change how it is written");
}

int appender_end(struct appender *a, struct err *err)
{
	bool direct = a->has_submitted && !a->has_holes;
	unsigned ignored;

	if (belt_drain(a->belt, err) < 0 ||
	    write_extent(a, &a->at_hand, belt_block(a->belt, &ignored), direct, err) < 0)
		return -1;
	return let_go(a, err);
}

void appender_abandon(struct appender *a)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT, again = ERR_INIT;

	if (a->fd < 0)
		return;
	atomic_store(&a->is_abandoned, true);
	(void)belt_drain(a->belt, &ignored);
	atomic_store(&a->is_abandoned, false);
	(void)let_go(a, &again);
}

void appender_free(struct appender *a)
{
	if (!a)
		return;
	if (a->belt)
		appender_abandon(a);
	belt_free(a->belt);
	free(a);
}
