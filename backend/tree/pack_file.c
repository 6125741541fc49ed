/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/pack_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"
#include "backend/tree/attr.h"
#include "backend/tree/tar_write.h"
#include "backend/tree/walk.h"

/* A small file that changes is read so often in all. */
#define READS 4

/* Shorter files are not looked through for holes: one block, hole or not. */
#define SPARSE_MIN 4096

/* A read that takes longer than this, and a nanosecond a byte, had to wait for a disk.
 * So many files are then read ahead before one is tried without: that costs nothing
 * where nothing has to be waited for, and one wait in so many where it has. */
#define SLOW_READ_NS 100000
#define ADVISED      64

/* How reading a file went. */
struct reading {
	bool short_; /* it ended before its time: the rest was filled with zeros */
	int errnum;  /* reading failed there */
	uint64_t got;
};

/* Whether nothing was written to the file between two looks. */
static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* The next place of data or hole from `offset` on: SEEK_DATA gives `size` where none
 * follows. -1 and errno. */
static off_t seek(int fd, off_t offset, off_t size, int whence)
{
	off_t at = sys_lseek(fd, offset, whence);

	if (at < 0 && errno == ENXIO)
		return size;
	return at > size ? size : at;
}

/* Maps the data extents of a file that may have holes; e->sparse says whether it has. */
static int map(struct packer *p, int fd, struct err *err)
{
	struct entry *e = &p->entry;
	off_t size = (off_t)e->size, data, end;

	for (off_t at = 0; at < size; at = end) {
		if (observer_check(p->observer, err) < 0)
			return -1;
		data = seek(fd, at, size, SEEK_DATA);
		end = data < 0 || data == size ? data : seek(fd, data, size, SEEK_HOLE);
		if ((data < 0 || end < 0) && errno == EINVAL && at == 0) {
			/* A file system that knows no holes. */
			data = 0;
			end = size;
		}
		if (data < 0 || end < 0)
			return err_errno(err, "cannot look for its holes");
		/* A file that is changed at the same time might keep this loop in place.
		 */
		if (end <= at)
			end = size;
		if (entry_add_extent(e, (uint64_t)data, (uint64_t)(end - data), err) < 0)
			return -1;
	}
	if (e->n_extents == 1 && e->extents[0].length == e->size) {
		e->sparse = false;
		e->n_extents = 0;
	}
	return 0;
}

/* Whether the file takes less space than its size says. */
static bool may_have_holes(const struct stat *st)
{
	return st->st_size >= SPARSE_MIN && st->st_blocks < st->st_size / 512;
}

/* Begins the entry of a file as stat tells it, with its holes. */
static int begin(struct packer *p, int fd, const struct stat *st, const char *path,
		 struct err *err)
{
	struct entry *e = &p->entry;

	pack_begin(p, ENTRY_FILE, path, st);
	e->size = e->stored = (uint64_t)st->st_size;
	if (fd < 0 || !may_have_holes(st))
		return 0;
	if (map(p, fd, err) < 0)
		return -1;
	if (e->sparse) {
		e->stored = 0;
		for (size_t i = 0; i < e->n_extents; i++)
			e->stored += e->extents[i].length;
	}
	return 0;
}

/* Begins the entry and makes its headers; *ours tells whose fault a failure is. */
static int prepare(struct packer *p, int fd, const struct stat *st, const char *path,
		   struct err *problem, struct err *err)
{
	if (begin(p, fd, st, path, problem) < 0 ||
	    attr_read(fd, p->owners, &p->entry, problem) < 0)
		return -1;
	if (pack_name_owners(p, err) < 0)
		return -1;
	return pack_make_head(p, err);
}

/* The i-th piece of data; a file that is not sparse is one piece. */
static struct entry_extent piece(const struct entry *e, size_t i)
{
	return e->sparse ? e->extents[i] : (struct entry_extent){ 0, e->size };
}

static size_t n_pieces(const struct entry *e)
{
	return e->sparse ? e->n_extents : 1;
}

/* Reads up to n bytes; fills with zeros what cannot be read. */
static void read_piece(int fd, char *out, size_t n, uint64_t offset, struct reading *r)
{
	size_t got = 0;

	while (got < n && !r->short_ && !r->errnum) {
		ssize_t k = sys_pread(fd, out + got, n - got, (off_t)(offset + got));

		if (k > 0)
			got += (size_t)k;
		else if (k == 0)
			r->short_ = true;
		else if (errno != EINTR)
			r->errnum = errno;
	}
	r->got += got;
	memset(out + got, 0, n - got);
}

/* Where the data of a small file go: behind its headers, straight in the stream's room
 * if all of it fits there, else in the side buffer. */
static int choose_room(struct packer *p, size_t total, char **ret_room, char **ret_data,
		       struct err *err)
{
	char *room;
	size_t n;

	if (pack_room(p, &room, &n, err) < 0)
		return -1;
	if (n >= total) {
		*ret_room = room;
		*ret_data = room + p->head.len;
		return 0;
	}
	if (!p->side)
		p->side = alloc_bytes(PACK_SMALL, err);
	if (!p->side)
		return -1;
	*ret_room = NULL;
	*ret_data = p->side;
	return 0;
}

void pack_read_ahead(struct packer *p, int fd)
{
	if (p->advise == 0)
		return;
	p->advise--;
	(void)sys_posix_fadvise(fd, 0, PACK_SMALL, POSIX_FADV_WILLNEED);
}

/* Reads all pieces of a small file, and notes how long that took. */
static void read_small(struct packer *p, int fd, char *data, struct reading *r)
{
	struct timespec begin = { 0 }, end = { 0 };
	size_t at = 0;

	(void)sys_clock_gettime(CLOCK_MONOTONIC, &begin);
	for (size_t i = 0; i < n_pieces(&p->entry); i++) {
		struct entry_extent x = piece(&p->entry, i);

		read_piece(fd, data + at, x.length, x.offset, r);
		at += x.length;
	}
	(void)sys_clock_gettime(CLOCK_MONOTONIC, &end);
	if ((end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec >
	    SLOW_READ_NS + (int64_t)at)
		p->advise = ADVISED;
}

/* Writes a small file whose data were read to where choose_room() said. */
static int put_small(struct packer *p, char *room, const char *data, struct err *err)
{
	size_t stored = (size_t)p->entry.stored, padding = tar_padding(stored);

	if (room) {
		memcpy(room, p->head.data, p->head.len);
		memset(room + p->head.len + stored, 0, padding);
		return pack_advance(p, p->head.len + stored + padding, err);
	}
	if (pack_put(p, p->head.data, p->head.len, err) < 0 ||
	    pack_put(p, data, stored, err) < 0)
		return -1;
	return pack_put_zeros(p, padding, err);
}

static int report_changed(struct packer *p, const char *path, struct err *err)
{
	p->counts.changed++;
	if (!p->report || !p->report->changed)
		return 0;
	return p->report->changed(p->report->ctx, path, err);
}

/* Reads a file of few data, until it stays the same meanwhile; *st is how it was at
 * last.  1: done; 0: it has become large; -1: problem or err is filled. */
static int pack_small(struct packer *p, int fd, struct stat *st, const char *path,
		      struct err *problem, struct err *err)
{
	char *room = NULL, *data = NULL;
	bool changed = true;

	for (int reads = 0; changed && reads < READS; reads++) {
		struct reading r = { 0 };
		struct stat after;

		if (reads > 0 && prepare(p, fd, st, path, problem, err) < 0)
			return -1;
		if (p->entry.stored > PACK_SMALL)
			return 0;
		if (choose_room(p,
				p->head.len + p->entry.stored +
					tar_padding(p->entry.stored),
				&room, &data, err) < 0)
			return -1;
		read_small(p, fd, data, &r);
		if (r.errnum)
			return err_errnum(problem, r.errnum, "cannot read");
		if (sys_fstat(fd, &after) < 0)
			return err_errno(problem, "cannot look at it");
		changed = r.short_ || !is_same(st, &after);
		*st = after;
	}
	if (put_small(p, room, data, err) < 0)
		return -1;
	return changed && report_changed(p, path, err) < 0 ? -1 : 1;
}

/* Reads one piece of a large file into the stream. */
static int stream_piece(struct packer *p, int fd, struct entry_extent x,
			struct reading *r, struct err *err)
{
	while (x.length > 0) {
		size_t n;
		char *room;

		if (observer_check(p->observer, err) < 0 ||
		    pack_room(p, &room, &n, err) < 0)
			return -1;
		if (n > x.length)
			n = x.length;
		read_piece(fd, room, n, x.offset, r);
		if (pack_advance(p, n, err) < 0)
			return -1;
		x.offset += n;
		x.length -= n;
	}
	return 0;
}

/* What happened to a large file while it was read. */
static int report_reading(struct packer *p, int fd, const struct stat *st,
			  const char *path, const struct reading *r, struct err *err)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	struct stat after;

	if (r->errnum) {
		err_errnum(&problem, r->errnum,
			   "cannot read beyond %ju bytes, zeros follow",
			   (uintmax_t)r->got);
		return pack_skip_failed(p, path, &problem, err);
	}
	if (!r->short_ && sys_fstat(fd, &after) == 0 && is_same(st, &after))
		return 0;
	return report_changed(p, path, err);
}

/* Takes a file of many data as it comes; its headers are made. */
static int pack_large(struct packer *p, int fd, const struct stat *st, const char *path,
		      struct err *err)
{
	struct reading r = { 0 };

	(void)sys_posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	if (pack_put(p, p->head.data, p->head.len, err) < 0)
		return -1;
	for (size_t i = 0; i < n_pieces(&p->entry); i++) {
		if (stream_piece(p, fd, piece(&p->entry, i), &r, err) < 0)
			return -1;
	}
	if (pack_put_zeros(p, tar_padding(p->entry.stored), err) < 0)
		return -1;
	return report_reading(p, fd, st, path, &r, err);
}

/* Writes a file; the entry at hand is then the one that was written.  On failure problem
 * is filled where the file is to blame, else err. */
static int write_file(struct packer *p, int fd, const struct stat *st, const char *path,
		      struct err *problem, struct err *err)
{
	struct stat now = *st;
	int done = 0;

	if (prepare(p, fd, &now, path, problem, err) < 0)
		return -1;
	if (p->entry.stored <= PACK_SMALL)
		done = pack_small(p, fd, &now, path, problem, err);
	return done == 0 ? pack_large(p, fd, &now, path, err) : done;
}

/* What pack_file() does for an estimate. */
static int estimate_file(struct packer *p, int fd, const struct stat *st,
			 const char *path, struct err *problem, struct err *err)
{
	if (begin(p, fd, st, path, problem) < 0)
		return -1;
	if (fd < 0 && may_have_holes(st))
		p->entry.stored = (uint64_t)st->st_blocks * 512;
	if (pack_make_head(p, err) < 0 || pack_put(p, p->head.data, p->head.len, err) < 0)
		return -1;
	return pack_put_zeros(p, p->entry.stored + tar_padding(p->entry.stored), err);
}

int pack_file(struct packer *p, int fd, const struct stat *st, const char *path,
	      struct err *err)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	int r = pack_put_link(p, st, path, err);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (p->sink)
		r = write_file(p, fd, st, path, &problem, err);
	else
		r = estimate_file(p, fd, st, path, &problem, err);
	if (problem.kind != ERR_NONE)
		return pack_skip_failed(p, path, &problem, err);
	if (r < 0)
		return -1;
	pack_count(p);
	return pack_note_links(p, st, path, err);
}
