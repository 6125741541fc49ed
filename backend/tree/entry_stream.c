/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/entry_stream.h"

#include <errno.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/buf.h"
#include "backend/base/fd.h"
#include "backend/base/le.h"
#include "backend/base/quote.h"

enum frame {
	FRAME_ENTRY = 1,
	FRAME_DATA,
	FRAME_END,
};

#define FRAME_HEADER 8u
/* An entry: two paths, xattrs, ACLs, and a map of at most ENTRY_EXTENTS_MAX extents. */
#define ENTRY_FRAME_MAX ((size_t)24 << 20)
#define DATA_FRAME_MAX  ((size_t)1 << 20)
/* What one entry may carry as text of an ACL. */
#define ACL_TEXT_MAX   (64u << 10)
#define OWNER_NAME_MAX 256u
/* Small frames are gathered before they are written. */
#define GATHER_SIZE ((size_t)128 << 10)

struct entry_writer {
	int fd;
	struct buf pending;
};

int entry_writer_new(int fd, struct entry_writer **ret, struct err *err)
{
	struct entry_writer *w = alloc_zero(1, sizeof(*w), err);

	if (!w)
		return -1;
	w->fd = fd;
	*ret = w;
	return 0;
}

void entry_writer_free(struct entry_writer *w)
{
	if (!w)
		return;
	buf_done(&w->pending);
	free(w);
}

/* Writes what was gathered. */
static int flush(struct entry_writer *w, struct err *err)
{
	if (w->pending.len > 0 &&
	    fd_write_all(w->fd, w->pending.data, w->pending.len, err) < 0)
		return err_wrap(err, "cannot hand on an entry");
	buf_clear(&w->pending);
	return 0;
}

/* Begins a frame; its length is put in by end_frame(). */
static int begin_frame(struct buf *b, enum frame kind, size_t *ret_at, struct err *err)
{
	uint8_t header[FRAME_HEADER] = { 0 };

	le_put32(header, kind);
	*ret_at = b->len;
	return buf_add(b, header, sizeof(header), err);
}

/* Completes the header of the frame that began at `at`. */
static void end_frame(struct buf *b, size_t at)
{
	le_put32((uint8_t *)b->data + at + 4, (uint32_t)(b->len - at - FRAME_HEADER));
}

/* A number. */
static int put_u64(struct buf *b, uint64_t v, struct err *err)
{
	uint8_t bytes[8];

	le_put64(bytes, v);
	return buf_add(b, bytes, sizeof(bytes), err);
}

/* Bytes with their length; NULL is told from empty. */
static int put_bytes(struct buf *b, const void *p, size_t n, struct err *err)
{
	if (put_u64(b, p ? n : UINT64_MAX, err) < 0)
		return -1;
	return p ? buf_add(b, p, n, err) : 0;
}

/* A string or NULL. */
static int put_str(struct buf *b, const char *s, struct err *err)
{
	return put_bytes(b, s, s ? strlen(s) : 0, err);
}

/* Numbers of an entry, in the order get_numbers() reads them. */
static int put_numbers(struct buf *b, const struct entry *e, struct err *err)
{
	const uint64_t numbers[] = { e->type,
				     e->mode,
				     e->uid,
				     e->gid,
				     (uint64_t)e->mtime.tv_sec,
				     (uint64_t)e->mtime.tv_nsec,
				     e->size,
				     e->stored,
				     e->sparse,
				     e->major,
				     e->minor };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (put_u64(b, numbers[i], err) < 0)
			return -1;
	return 0;
}

/* The lists of an entry. */
static int put_lists(struct buf *b, const struct entry *e, struct err *err)
{
	if (put_u64(b, e->n_extents, err) < 0)
		return -1;
	for (size_t i = 0; i < e->n_extents; i++)
		if (put_u64(b, e->extents[i].offset, err) < 0 ||
		    put_u64(b, e->extents[i].length, err) < 0)
			return -1;
	if (put_u64(b, e->n_xattrs, err) < 0)
		return -1;
	for (size_t i = 0; i < e->n_xattrs; i++)
		if (put_str(b, e->xattrs[i].name, err) < 0 ||
		    put_bytes(b, e->xattrs[i].value ? e->xattrs[i].value : "",
			      e->xattrs[i].size, err) < 0)
			return -1;
	return 0;
}

/* unpack_sink */
static int write_entry(void *ctx, const struct entry *e, struct err *err)
{
	struct entry_writer *w = ctx;
	struct buf *b = &w->pending;
	size_t at;

	if (begin_frame(b, FRAME_ENTRY, &at, err) < 0 || put_numbers(b, e, err) < 0 ||
	    put_str(b, e->path, err) < 0 || put_str(b, e->target, err) < 0 ||
	    put_str(b, e->user, err) < 0 || put_str(b, e->group, err) < 0 ||
	    put_str(b, e->acl_access, err) < 0 || put_str(b, e->acl_default, err) < 0 ||
	    put_lists(b, e, err) < 0)
		return -1;
	if (b->len - at - FRAME_HEADER > ENTRY_FRAME_MAX)
		return err_set(err, ERR_UNSUPPORTED, "%s has too many extents",
			       q(e->path));
	end_frame(b, at);
	return b->len >= GATHER_SIZE ? flush(w, err) : 0;
}

/* unpack_sink */
static int write_data(void *ctx, uint64_t offset, const void *p, size_t n,
		      struct err *err)
{
	struct entry_writer *w = ctx;
	const uint8_t *bytes = p;

	while (n > 0) {
		size_t part = n < DATA_FRAME_MAX - 8 ? n : DATA_FRAME_MAX - 8;
		size_t at;

		if (begin_frame(&w->pending, FRAME_DATA, &at, err) < 0 ||
		    put_u64(&w->pending, offset, err) < 0)
			return -1;
		le_put32((uint8_t *)w->pending.data + at + 4, (uint32_t)(part + 8));
		if (part < GATHER_SIZE) {
			if (buf_add(&w->pending, bytes, part, err) < 0)
				return -1;
		} else if (flush(w, err) < 0 ||
			   fd_write_all(w->fd, bytes, part, err) < 0) {
			return -1;
		}
		if (w->pending.len >= GATHER_SIZE && flush(w, err) < 0)
			return -1;
		bytes += part;
		offset += part;
		n -= part;
	}
	return 0;
}

/* unpack_sink */
static int write_end(void *ctx, struct err *err)
{
	struct entry_writer *w = ctx;
	size_t at;

	if (begin_frame(&w->pending, FRAME_END, &at, err) < 0)
		return -1;
	return flush(w, err);
}

struct unpack_sink entry_writer_sink(struct entry_writer *w)
{
	return (struct unpack_sink){ write_entry, write_data, write_end, w };
}

/* One frame's payload while it is taken apart. */
struct cursor {
	const uint8_t *p, *end;
};

/* The one answer to everything that no right writer sends. */
static int broken(struct err *err)
{
	err_set(err, ERR_CORRUPT, "the unpacker sent a broken entry");
	return -1;
}

static int get_u64(struct cursor *c, uint64_t max, uint64_t *ret, struct err *err)
{
	uint64_t v;

	if (c->end - c->p < 8)
		return broken(err);
	v = le_get64(c->p);
	if (v > max)
		return broken(err);
	*ret = v;
	c->p += 8;
	return 0;
}

/* Bytes inside the payload; *ret NULL for what was NULL. */
static int get_bytes(struct cursor *c, size_t max, const uint8_t **ret, size_t *ret_n,
		     struct err *err)
{
	uint64_t n;

	if (get_u64(c, UINT64_MAX, &n, err) < 0)
		return -1;
	*ret = NULL;
	*ret_n = 0;
	if (n == UINT64_MAX)
		return 0;
	if (n > max || n > (uint64_t)(c->end - c->p))
		return broken(err);
	*ret = c->p;
	*ret_n = (size_t)n;
	c->p += n;
	return 0;
}

/* A copied string without NUL bytes, or NULL. */
static int get_str(struct cursor *c, size_t max, char **ret, struct err *err)
{
	const uint8_t *p;
	size_t n;

	if (get_bytes(c, max, &p, &n, err) < 0)
		return -1;
	if (!p)
		return 0;
	if (memchr(p, 0, n))
		return broken(err);
	*ret = alloc_strndup((const char *)p, n, err);
	return *ret ? 0 : -1;
}

/* Numbers of an entry. */
static int get_numbers(struct cursor *c, struct entry *e, struct err *err)
{
	uint64_t type, mode, uid, gid, sec, nsec, sparse, major, minor;

	if (get_u64(c, ENTRY_BLOCK, &type, err) < 0 ||
	    get_u64(c, 07777, &mode, err) < 0 ||
	    get_u64(c, UINT32_MAX - 1, &uid, err) < 0 ||
	    get_u64(c, UINT32_MAX - 1, &gid, err) < 0 ||
	    get_u64(c, UINT64_MAX, &sec, err) < 0 ||
	    get_u64(c, 999999999, &nsec, err) < 0 ||
	    get_u64(c, INT64_MAX, &e->size, err) < 0 ||
	    get_u64(c, INT64_MAX, &e->stored, err) < 0 ||
	    get_u64(c, 1, &sparse, err) < 0 || get_u64(c, UINT32_MAX, &major, err) < 0 ||
	    get_u64(c, UINT32_MAX, &minor, err) < 0)
		return -1;
	e->type = (enum entry_type)type;
	e->mode = (uint32_t)mode;
	e->uid = (uint32_t)uid;
	e->gid = (uint32_t)gid;
	e->mtime.tv_sec = (time_t)sec;
	e->mtime.tv_nsec = (long)nsec;
	e->sparse = sparse != 0;
	e->major = (uint32_t)major;
	e->minor = (uint32_t)minor;
	return 0;
}

/* The data extents: sorted, disjoint, inside the file. */
static int get_extents(struct cursor *c, struct entry *e, struct err *err)
{
	uint64_t n, offset, length, end = 0;

	if (get_u64(c, ENTRY_EXTENTS_MAX, &n, err) < 0)
		return -1;
	for (uint64_t i = 0; i < n; i++) {
		if (get_u64(c, e->size, &offset, err) < 0 ||
		    get_u64(c, e->size - offset, &length, err) < 0)
			return -1;
		if (offset < end)
			return broken(err);
		end = offset + length;
		if (entry_add_extent(e, offset, length, err) < 0)
			return -1;
	}
	return 0;
}

/* Extended attributes. */
static int get_xattrs(struct cursor *c, struct entry *e, struct err *err)
{
	uint64_t n;

	if (get_u64(c, ENTRY_XATTRS_MAX, &n, err) < 0)
		return -1;
	for (uint64_t i = 0; i < n; i++) {
		_cleanup_free_ char *name = NULL;
		const uint8_t *value;
		size_t size;

		if (get_str(c, 256, &name, err) < 0 ||
		    get_bytes(c, ENTRY_XATTR_MAX, &value, &size, err) < 0)
			return -1;
		if (!name || !value)
			return broken(err);
		if (entry_add_xattr(e, name, value, size, err) < 0)
			return -1;
	}
	return 0;
}

/* What the parser promised and a taken-over one might not keep. */
static int check_entry(const struct entry *e, struct err *err)
{
	bool has_target = e->type == ENTRY_SYMLINK || e->type == ENTRY_HARDLINK;

	if (!e->path || !entry_path_is_legal(e->path) ||
	    has_target != (e->target != NULL))
		return broken(err);
	if (e->type == ENTRY_HARDLINK && !entry_path_is_legal(e->target))
		return broken(err);
	if (e->type != ENTRY_FILE && (e->size != 0 || e->stored != 0 || e->sparse))
		return broken(err);
	return 0;
}

/* A whole entry frame. */
static int take_entry(const uint8_t *p, size_t n, const struct unpack_sink *sink,
		      struct err *err)
{
	_cleanup_(entry_done) struct entry e;
	struct cursor c = { p, p + n };

	entry_init(&e);
	if (get_numbers(&c, &e, err) < 0 ||
	    get_str(&c, ENTRY_PATH_MAX, &e.path, err) < 0 ||
	    get_str(&c, ENTRY_PATH_MAX, &e.target, err) < 0 ||
	    get_str(&c, OWNER_NAME_MAX, &e.user, err) < 0 ||
	    get_str(&c, OWNER_NAME_MAX, &e.group, err) < 0 ||
	    get_str(&c, ACL_TEXT_MAX, &e.acl_access, err) < 0 ||
	    get_str(&c, ACL_TEXT_MAX, &e.acl_default, err) < 0 ||
	    get_extents(&c, &e, err) < 0 || get_xattrs(&c, &e, err) < 0)
		return -1;
	if (c.p != c.end)
		return broken(err);
	if (check_entry(&e, err) < 0)
		return -1;
	return sink->entry(sink->ctx, &e, err);
}

struct frame_reader {
	int fd;
	uint8_t *buf; /* grows to the largest frame seen */
	size_t cap;
	uint8_t *ahead; /* GATHER_SIZE: what was read beyond the last frame */
	size_t pos, len;
	bool in_file; /* data may follow */
};

/* Reads what is there, at least a byte, to be taken from. */
static int read_ahead(struct frame_reader *f, struct err *err)
{
	ssize_t got;

	do
		got = sys_read(f->fd, f->ahead, GATHER_SIZE);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_errno(err, "cannot read entries");
	if (got == 0)
		return err_set(err, ERR_INTERRUPTED, "the entries end too early");
	f->pos = 0;
	f->len = (size_t)got;
	return 0;
}

/* Reads exactly n bytes: most frames are small and come together. */
static int read_exactly(struct frame_reader *f, void *p, size_t n, struct err *err)
{
	uint8_t *to = p;

	while (n > 0) {
		size_t part = f->len - f->pos < n ? f->len - f->pos : n;

		memcpy(to, f->ahead + f->pos, part);
		f->pos += part;
		to += part;
		n -= part;
		if (n >= GATHER_SIZE) {
			ssize_t got = fd_read_full(f->fd, to, n, err);

			if (got < 0)
				return err_wrap(err, "cannot read entries");
			if ((size_t)got < n)
				return err_set(err, ERR_INTERRUPTED,
					       "the entries end too early");
			return 0;
		}
		if (n > 0 && read_ahead(f, err) < 0)
			return -1;
	}
	return 0;
}

/* Reads one frame; *ret_kind and *ret_n describe what is in f->buf. */
static int read_frame(struct frame_reader *f, uint32_t *ret_kind, size_t *ret_n,
		      struct err *err)
{
	uint8_t header[FRAME_HEADER];
	uint32_t n;

	if (read_exactly(f, header, sizeof(header), err) < 0)
		return -1;
	*ret_kind = le_get32(header);
	n = le_get32(header + 4);
	if (n > (*ret_kind == FRAME_DATA ? DATA_FRAME_MAX : ENTRY_FRAME_MAX))
		return broken(err);
	if (n > f->cap) {
		uint8_t *grown = alloc_resize(f->buf, n, 1, err);

		if (!grown)
			return -1;
		f->buf = grown;
		f->cap = n;
	}
	*ret_n = n;
	return n > 0 ? read_exactly(f, f->buf, n, err) : 0;
}

/* One frame of a file's data. */
static int take_data(const struct frame_reader *f, size_t n,
		     const struct unpack_sink *sink, struct err *err)
{
	if (n <= 8 || !f->in_file)
		return broken(err);
	return sink->data(sink->ctx, le_get64(f->buf), f->buf + 8, n - 8, err);
}

/* Frames until the end one. */
static int run_frames(struct frame_reader *f, const struct unpack_sink *sink,
		      const struct observer *observer, struct err *err)
{
	uint32_t kind;
	size_t n = 0;

	for (;;) {
		if (observer_check(observer, err) < 0 ||
		    read_frame(f, &kind, &n, err) < 0)
			return -1;
		if (kind == FRAME_END)
			return n > 0 ? broken(err) : sink->finish(sink->ctx, err);
		if (kind == FRAME_ENTRY) {
			if (take_entry(f->buf, n, sink, err) < 0)
				return -1;
			f->in_file = le_get64(f->buf) == ENTRY_FILE;
		} else if (kind == FRAME_DATA) {
			if (take_data(f, n, sink, err) < 0)
				return -1;
		} else {
			return broken(err);
		}
	}
}

int entry_stream_run(int fd, const struct unpack_sink *sink,
		     const struct observer *observer, struct err *err)
{
	struct frame_reader f = { .fd = fd, .ahead = alloc_bytes(GATHER_SIZE, err) };
	int r = f.ahead ? run_frames(&f, sink, observer, err) : -1;

	free(f.ahead);
	free(f.buf);
	return r;
}
