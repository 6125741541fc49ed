/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/serve.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/snapshot_file.h"
#include "backend/worker/protocol.h"
#include "backend/worker/reader.h"
#include "backend/worker/serve_ahead.h"
#include "backend/worker/serve_import.h"

/* Open snapshots; a handle is an index plus one, so that 0 is none. */
struct reader {
	struct serve *serve;
	struct snapshot_file **files;
	size_t n, cap;
	struct serve_ahead *ahead;   /* archives to be checked, or NULL */
	struct serve_import *import; /* the stream under way, or NULL */
	int pipe;
	struct observer observer; /* hears how far a request is */
	uint64_t done;
};

/* serve_kind */
static int start(struct serve *s, struct err *err)
{
	struct reader *r = alloc_zero(1, sizeof(*r), err);

	if (!r)
		return -1;
	r->serve = s;
	r->observer = serve_observer(s);
	s->state = r;
	return 0;
}

/* serve_kind */
static void stop(struct serve *s)
{
	struct reader *r = s->state;

	serve_ahead_free(r->ahead);
	for (size_t i = 0; i < r->n; i++)
		snapshot_file_close(r->files[i]);
	free(r->files);
	serve_import_free(r->import);
	free(r);
}

/* A slot for one more file. */
static int find_slot(struct reader *r, size_t *ret, struct err *err)
{
	for (size_t i = 0; i < r->n; i++) {
		if (!r->files[i]) {
			*ret = i;
			return 0;
		}
	}
	if (alloc_grow(&r->files, r->n, &r->cap, sizeof(*r->files), err) < 0)
		return -1;
	r->files[r->n] = NULL;
	*ret = r->n++;
	return 0;
}

/* The metadata, in as many records as it takes. */
static int send_meta(struct reader *r, const struct snapshot *s, struct err *err)
{
	_cleanup_(buf_done) struct buf record = BUF_INIT_MAX(READER_RECORD_MAX);
	struct wire_out *o = &r->serve->out;

	if (snapshot_pack(s, &record, err) < 0)
		return -1;
	for (size_t at = 0; at < record.len; at += READER_CHUNK_SIZE) {
		size_t n = record.len - at;

		if (n > READER_CHUNK_SIZE)
			n = READER_CHUNK_SIZE;
		if (wire_begin(o, READER_CHUNK, err) < 0 ||
		    wire_put_bytes(o, READER_TAG_CHUNK, record.data + at, n, err) < 0 ||
		    serve_send(r->serve, err) < 0)
			return -1;
	}
	return 0;
}

/* READER_OPEN: what is wrong with the file is part of the answer, not a failure of ours,
 * unless it says nothing of the file. */
static int open_file(struct reader *r, struct wire_in *in, struct wire_out *reply,
		     struct err *err)
{
	_cleanup_(snapshot_freep) struct snapshot *broken = NULL;
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	struct snapshot_file *f = NULL;
	size_t slot;
	int fd;

	if (find_slot(r, &slot, err) < 0 || wire_take_fd(in, &fd, err) < 0)
		return -1;
	if (snapshot_file_open(fd, &f, &broken, &problem) < 0 &&
	    (err_is(&problem, ERR_NOMEM) || err_is(&problem, ERR_IO)))
		return err_move(err, &problem);
	r->files[slot] = f;
	if (f && send_meta(r, snapshot_file_meta(f), err) < 0)
		return -1;
	if (broken && send_meta(r, broken, err) < 0)
		return -1;
	if (wire_put_u64(reply, READER_TAG_HANDLE, f ? slot + 1 : 0, err) < 0)
		return -1;
	return wire_put_err(reply, &problem, err);
}

/* The file and member of a request. */
static int get_member(struct reader *r, struct wire_in *in,
		      struct snapshot_file **ret_file, char **ret_member, struct err *err)
{
	uint64_t handle;

	if (wire_get_u64(in, READER_TAG_HANDLE, &handle, err) < 0)
		return -1;
	if (handle == 0 || handle > r->n || !r->files[handle - 1])
		return err_set(err, ERR_CORRUPT, "unknown handle");
	if (wire_get_str(in, READER_TAG_MEMBER, WIRE_MAX, ret_member, err) < 0)
		return -1;
	*ret_file = r->files[handle - 1];
	return 0;
}

/* The same of a request that must name an archive. */
static int get_archive(struct reader *r, struct wire_in *in,
		       struct snapshot_file **ret_file, char **ret_member,
		       struct err *err)
{
	if (get_member(r, in, ret_file, ret_member, err) < 0)
		return -1;
	return *ret_member ? 0 : err_set(err, ERR_CORRUPT, "a member is missing");
}

/* READER_CLOSE */
static int close_file(struct reader *r, struct wire_in *in, struct err *err)
{
	_cleanup_free_ char *member = NULL;
	struct snapshot_file *f;

	if (get_member(r, in, &f, &member, err) < 0)
		return -1;
	for (size_t i = 0; i < r->n; i++)
		if (r->files[i] == f)
			r->files[i] = NULL;
	if (r->ahead)
		serve_ahead_forget(r->ahead, f);
	snapshot_file_close(f);
	return 0;
}

/* snapshot_file_sink: only tells how far it is. */
static int count_bytes(void *ctx, const void *p, size_t n, struct err *err)
{
	struct reader *r = ctx;

	(void)p;
	(void)err;
	r->done += n;
	observer_progress(&r->observer, r->done, 0);
	return 0;
}

/* struct observer.event of a walk, which comes after the bytes that were hashed. */
static void add_walked(void *ctx, const struct event *event)
{
	struct reader *r = ctx;

	if (event->kind == EVENT_PROGRESS)
		observer_progress(&r->observer, r->done + event->done, 0);
}

/* READER_AHEAD: a help that can be done without. */
static int ahead(struct reader *r, struct wire_in *in, struct err *err)
{
	_cleanup_free_ char *member = NULL;
	struct snapshot_file *f;

	if (get_archive(r, in, &f, &member, err) < 0)
		return -1;
#ifdef ENABLE_FAULTS
	return 0; /* faults strike the nth call, so calls have an order there */
#else
	if (!r->ahead && serve_ahead_new(0, &r->ahead, err) < 0)
		return -1;
	return serve_ahead_add(r->ahead, f, member, err);
#endif
}

/* What serve_ahead_take() tells. */
static void tell_bytes(void *ctx, uint64_t bytes)
{
	observer_progress(&((struct reader *)ctx)->observer, bytes, 0);
}

/* Hash, size and CRC of one archive. */
static int check_hash(struct reader *r, struct snapshot_file *f, const char *member,
		      struct err *err)
{
	bool known = false;

	r->done = 0;
	if (r->ahead &&
	    serve_ahead_take(r->ahead, f, member, tell_bytes, r, &known, err) < 0)
		return -1;
	if (!known)
		return snapshot_file_stream(f, member, count_bytes, r, NULL, err);
	return snapshot_file_size(f, member, &r->done, err);
}

/* READER_CHECK */
static int check(struct reader *r, struct wire_in *in, struct err *err)
{
	_cleanup_free_ char *member = NULL;
	struct observer walking = { .event = add_walked, .ctx = r };
	struct unpack_counts counts;
	struct snapshot_file *f;
	uint64_t deep;

	if (get_archive(r, in, &f, &member, err) < 0 ||
	    wire_get_u64(in, READER_TAG_DEEP, &deep, err) < 0)
		return -1;
	if (check_hash(r, f, member, err) < 0)
		return -1;
	return deep ? snapshot_file_walk(f, member, NULL, &walking, &counts, err) : 0;
}

/* READER_SIZE */
static int size(struct reader *r, struct wire_in *in, struct wire_out *reply,
		struct err *err)
{
	_cleanup_free_ char *member = NULL;
	struct snapshot_file *f;
	uint64_t bytes;

	if (get_member(r, in, &f, &member, err) < 0)
		return -1;
	if (!member)
		bytes = snapshot_file_bytes(f);
	else if (snapshot_file_size(f, member, &bytes, err) < 0)
		return -1;
	return wire_put_u64(reply, READER_TAG_SIZE, bytes, err);
}

/* READER_PLACE */
static int place(struct reader *r, struct wire_in *in, struct wire_out *reply,
		 struct err *err)
{
	_cleanup_free_ char *member = NULL;
	struct snapshot_file *f;
	struct zip_member m;

	if (get_archive(r, in, &f, &member, err) < 0 ||
	    snapshot_file_place(f, member, &m, err) < 0)
		return -1;
	const uint64_t fields[] = { m.header, m.offset, m.size, m.crc, m.utf8, m.plain };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (wire_put_u64(reply, READER_TAG_PLACE, fields[i], err) < 0)
			return -1;
	return 0;
}

/* READER_COUNT */
static int count(struct reader *r, struct wire_in *in, struct wire_out *reply,
		 struct err *err)
{
	_cleanup_free_ char *member = NULL;
	struct unpack_counts c = { 0 };
	struct snapshot_file *f;

	if (get_archive(r, in, &f, &member, err) < 0)
		return -1;
	if (snapshot_file_walk(f, member, NULL, NULL, &c, err) < 0 ||
	    wire_put_u64(reply, READER_TAG_COUNT, c.bytes, err) < 0 ||
	    wire_put_u64(reply, READER_TAG_COUNT, c.allocated, err) < 0)
		return -1;
	return wire_put_u64(reply, READER_TAG_COUNT, c.entries, err);
}

/* snapshot_file_sink: the pipe. */
static int to_pipe(void *ctx, const void *p, size_t n, struct err *err)
{
	struct reader *r = ctx;

	if (fd_write_all(r->pipe, p, n, err) < 0)
		return err_wrap(err, "cannot hand on the archive");
	return count_bytes(ctx, p, n, err);
}

/* snapshot_file_sink: a descriptor. */
static int to_file(void *ctx, const void *p, size_t n, struct err *err)
{
	return fd_write_all(*(const int *)ctx, p, n, err);
}

/* READER_STREAM */
static int stream(struct reader *r, struct wire_in *in, struct err *err)
{
	_cleanup_free_ char *member = NULL;
	_cleanup_close_ int pipe = -1;
	struct snapshot_file *f;

	if (get_archive(r, in, &f, &member, err) < 0 || wire_take_fd(in, &pipe, err) < 0)
		return -1;
	r->pipe = pipe;
	r->done = 0;
	return snapshot_file_stream(f, member, to_pipe, r, NULL, err);
}

/* READER_COPY */
static int copy(struct reader *r, struct wire_in *in, struct err *err)
{
	_cleanup_free_ char *member = NULL;
	_cleanup_close_ int out = -1;
	struct snapshot_file *f;

	if (get_member(r, in, &f, &member, err) < 0 || wire_take_fd(in, &out, err) < 0)
		return -1;
	return snapshot_file_copy(f, to_file, &out, &r->observer, err);
}

/* One of the two yaml files, through `parse`. */
static int read_yaml(struct wire_in *in, bool has,
		     int (*parse)(const char *, size_t, struct snap_meta *, struct err *),
		     struct snap_meta *m, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	_cleanup_close_ int fd = -1;

	if (!has)
		return 0;
	if (wire_take_fd(in, &fd, err) < 0 ||
	    fd_read_file(fd, READER_YAML_MAX, &text, err) < 0)
		return -1;
	return parse(text.data ? text.data : "", text.len, m, err);
}

/* One list of an epoch. */
static int put_numbers(struct wire_out *reply, const uint32_t *numbers, size_t n,
		       struct err *err)
{
	if (wire_put_u64(reply, READER_TAG_COUNT, n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (wire_put_u64(reply, READER_TAG_NUMBER, numbers[i], err) < 0)
			return -1;
	return 0;
}

/* READER_SNAP_META */
static int snap_meta(struct reader *r, struct wire_in *in, struct wire_out *reply,
		     struct err *err)
{
	_cleanup_(snap_meta_done) struct snap_meta m = SNAP_META_INIT;
	struct wire_out *o = &r->serve->out;
	uint64_t has_snap, has_snapshots;

	if (wire_get_u64(in, READER_TAG_HAS, &has_snap, err) < 0 ||
	    wire_get_u64(in, READER_TAG_HAS, &has_snapshots, err) < 0 ||
	    read_yaml(in, has_snap != 0, snap_yaml_parse, &m, err) < 0 ||
	    read_yaml(in, has_snapshots != 0, snap_yaml_parse_exclude, &m, err) < 0)
		return -1;
	for (size_t i = 0; i < m.exclude.n; i++)
		if (wire_begin(o, READER_CHUNK, err) < 0 ||
		    wire_put_bytes(o, READER_TAG_CHUNK, m.exclude.items[i],
				   strlen(m.exclude.items[i]), err) < 0 ||
		    serve_send(r->serve, err) < 0)
			return -1;
	if (wire_put_str(reply, READER_TAG_TEXT, m.name, err) < 0 ||
	    wire_put_str(reply, READER_TAG_TEXT, m.version, err) < 0 ||
	    wire_put_str(reply, READER_TAG_TEXT, m.summary, err) < 0 ||
	    wire_put_u64(reply, READER_TAG_HAS, m.has_epoch, err) < 0 ||
	    put_numbers(reply, m.epoch.read, m.epoch.n_read, err) < 0)
		return -1;
	return put_numbers(reply, m.epoch.write, m.epoch.n_write, err);
}

/* serve_kind */
static int request(struct serve *s, struct wire_in *in, struct wire_out *reply,
		   struct err *err)
{
	struct reader *r = s->state;

	switch (in->type) {
	case READER_OPEN:
		return open_file(r, in, reply, err);
	case READER_CLOSE:
		return close_file(r, in, err);
	case READER_CHECK:
		return check(r, in, err);
	case READER_SIZE:
		return size(r, in, reply, err);
	case READER_PLACE:
		return place(r, in, reply, err);
	case READER_AHEAD:
		return ahead(r, in, err);
	case READER_COUNT:
		return count(r, in, reply, err);
	case READER_STREAM:
		return stream(r, in, err);
	case READER_COPY:
		return copy(r, in, err);
	case READER_SNAP_META:
		return snap_meta(r, in, reply, err);
	default:
		if (serve_import_takes(in->type))
			return serve_import_request(&r->import, in, reply, err);
		return err_set(err, ERR_CORRUPT, "unknown request to a reader");
	}
}

const struct serve_kind serve_reader = { start, request, stop };
