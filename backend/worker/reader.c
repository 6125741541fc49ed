/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/reader.h"

#include <stdlib.h>

#include "backend/worker/protocol.h"

const struct identity reader_identity = { .kind = IDENTITY_NOBODY_WITH };

/* CHUNK records are parts of one binary record. */
static int take_chunk(void *ctx, struct wire_in *in, struct err *err)
{
	const uint8_t *p;
	size_t n;

	if (in->type != READER_CHUNK)
		return err_set(err, ERR_CORRUPT, "the reader sent an unexpected record");
	if (wire_get_bytes(in, READER_TAG_CHUNK, READER_CHUNK_SIZE, &p, &n, err) < 0)
		return -1;
	return buf_add(ctx, p, n, err);
}

int reader_open(struct worker *w, int fd, const struct observer *observer,
		struct snapshot **ret, uint64_t *ret_handle, struct err *ret_problem,
		struct err *err)
{
	_cleanup_(buf_done) struct buf record = BUF_INIT_MAX(READER_RECORD_MAX);
	_cleanup_(snapshot_freep) struct snapshot *s = NULL;
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	struct wire_in *in = worker_result(w);
	uint64_t handle;
	REQUEST(o);

	if (wire_begin(&o, READER_OPEN, err) < 0 || wire_put_fd(&o, fd, err) < 0 ||
	    worker_call(w, &o, take_chunk, &record, observer, err) < 0)
		return -1;
	if (wire_get_u64(in, READER_TAG_HANDLE, &handle, err) < 0 ||
	    worker_take_problem(w, &problem, err) < 0)
		return -1;
	if (record.len > 0 && (snapshot_new(&s, err) < 0 ||
			       snapshot_unpack(record.data, record.len, s, err) < 0))
		return err_wrap(err, "metadata from the reader");
	if (handle != 0 && (!s || snapshot_validate(s, err) < 0)) {
		if (err->kind == ERR_NONE)
			err_set(err, ERR_CORRUPT, "the reader sent no metadata");
		return -1;
	}
	*ret = TAKE_PTR(s);
	*ret_handle = handle;
	err_move(ret_problem, &problem);
	return 0;
}

/* A request that is a handle, a member and no more. */
static int put_member(struct wire_out *o, enum reader_type type, uint64_t handle,
		      const char *member, struct err *err)
{
	if (wire_begin(o, type, err) < 0 ||
	    wire_put_u64(o, READER_TAG_HANDLE, handle, err) < 0)
		return -1;
	return wire_put_str(o, READER_TAG_MEMBER, member, err);
}

int reader_close(struct worker *w, uint64_t handle, const struct observer *observer,
		 struct err *err)
{
	REQUEST(o);

	if (put_member(&o, READER_CLOSE, handle, NULL, err) < 0)
		return -1;
	return worker_call(w, &o, NULL, NULL, observer, err);
}

int reader_size(struct worker *w, uint64_t handle, const char *member,
		const struct observer *observer, uint64_t *ret, struct err *err)
{
	REQUEST(o);

	if (put_member(&o, READER_SIZE, handle, member, err) < 0 ||
	    worker_call(w, &o, NULL, NULL, observer, err) < 0)
		return -1;
	return wire_get_u64(worker_result(w), READER_TAG_SIZE, ret, err);
}

int reader_place(struct worker *w, uint64_t handle, const char *member,
		 const struct observer *observer, struct zip_member *ret, struct err *err)
{
	uint64_t fields[6];
	REQUEST(o);

	if (put_member(&o, READER_PLACE, handle, member, err) < 0 ||
	    worker_call(w, &o, NULL, NULL, observer, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (wire_get_u64(worker_result(w), READER_TAG_PLACE, &fields[i], err) < 0)
			return -1;
	*ret = (struct zip_member){ .name = member,
				    .header = fields[0],
				    .offset = fields[1],
				    .size = fields[2],
				    .compressed_size = fields[2],
				    .crc = (uint32_t)fields[3],
				    .method = ZIP_STORED,
				    .utf8 = fields[4] != 0,
				    .plain = fields[5] != 0 };
	return 0;
}

int reader_check(struct worker *w, uint64_t handle, const char *member, bool deep,
		 struct meter *meter, const struct observer *observer, struct err *err)
{
	REQUEST(o);

	if (put_member(&o, READER_CHECK, handle, member, err) < 0 ||
	    wire_put_u64(&o, READER_TAG_DEEP, deep, err) < 0 ||
	    worker_begin(w, &o, NULL, NULL, err) < 0)
		return -1;
	worker_measure(w, meter);
	return worker_wait(&w, 1, observer, err);
}

int reader_check_ahead(struct worker *w, uint64_t handle, const char *member,
		       const struct observer *observer, struct err *err)
{
	REQUEST(o);

	if (put_member(&o, READER_AHEAD, handle, member, err) < 0)
		return -1;
	return worker_call(w, &o, NULL, NULL, observer, err);
}

int reader_count(struct worker *w, uint64_t handle, const char *member,
		 const struct observer *observer, struct unpack_counts *ret,
		 struct err *err)
{
	struct wire_in *in = worker_result(w);
	struct unpack_counts c;
	REQUEST(o);

	if (put_member(&o, READER_COUNT, handle, member, err) < 0 ||
	    worker_call(w, &o, NULL, NULL, observer, err) < 0 ||
	    wire_get_u64(in, READER_TAG_COUNT, &c.bytes, err) < 0 ||
	    wire_get_u64(in, READER_TAG_COUNT, &c.allocated, err) < 0 ||
	    wire_get_u64(in, READER_TAG_COUNT, &c.entries, err) < 0)
		return -1;
	*ret = c;
	return 0;
}

int reader_stream_begin(struct worker *w, uint64_t handle, const char *member, int pipe,
			struct meter *meter, struct err *err)
{
	REQUEST(o);

	if (put_member(&o, READER_STREAM, handle, member, err) < 0 ||
	    wire_put_fd(&o, pipe, err) < 0 || worker_begin(w, &o, NULL, NULL, err) < 0)
		return -1;
	worker_measure(w, meter);
	return 0;
}

int reader_copy(struct worker *w, uint64_t handle, int out, struct meter *meter,
		const struct observer *observer, struct err *err)
{
	REQUEST(o);

	if (put_member(&o, READER_COPY, handle, NULL, err) < 0 ||
	    wire_put_fd(&o, out, err) < 0 || worker_begin(w, &o, NULL, NULL, err) < 0)
		return -1;
	worker_measure(w, meter);
	return worker_wait(&w, 1, observer, err);
}

/* CHUNK records of a snap's description: one exclude pattern each. */
static int take_pattern(void *ctx, struct wire_in *in, struct err *err)
{
	struct snap_meta *m = ctx;
	const uint8_t *p;
	size_t n;

	if (in->type != READER_CHUNK || m->exclude.n >= SNAP_YAML_EXCLUDE_MAX)
		return err_set(err, ERR_CORRUPT, "the reader sent an unexpected record");
	if (wire_get_bytes(in, READER_TAG_CHUNK, READER_CHUNK_SIZE, &p, &n, err) < 0)
		return -1;
	return strings_add_n(&m->exclude, (const char *)p, n, err);
}

/* One list of an epoch. */
static int get_numbers(struct wire_in *in, uint32_t *numbers, size_t *n, struct err *err)
{
	uint64_t count, v;

	if (wire_get_u64(in, READER_TAG_COUNT, &count, err) < 0)
		return -1;
	if (count > SNAPSHOT_EPOCH_MAX)
		return err_set(err, ERR_CORRUPT, "the reader sent an impossible epoch");
	for (size_t i = 0; i < count; i++) {
		if (wire_get_u64(in, READER_TAG_NUMBER, &v, err) < 0)
			return -1;
		numbers[i] = (uint32_t)v;
	}
	*n = (size_t)count;
	return 0;
}

int reader_snap_meta(struct worker *w, int snap_yaml, int snapshots_yaml,
		     const struct observer *observer, struct snap_meta *ret,
		     struct err *err)
{
	_cleanup_(snap_meta_done) struct snap_meta m = SNAP_META_INIT;
	struct wire_in *in = worker_result(w);
	uint64_t has_epoch;
	REQUEST(o);

	if (wire_begin(&o, READER_SNAP_META, err) < 0 ||
	    wire_put_u64(&o, READER_TAG_HAS, snap_yaml >= 0, err) < 0 ||
	    wire_put_u64(&o, READER_TAG_HAS, snapshots_yaml >= 0, err) < 0 ||
	    (snap_yaml >= 0 && wire_put_fd(&o, snap_yaml, err) < 0) ||
	    (snapshots_yaml >= 0 && wire_put_fd(&o, snapshots_yaml, err) < 0) ||
	    worker_call(w, &o, take_pattern, &m, observer, err) < 0)
		return -1;
	if (wire_get_str(in, READER_TAG_TEXT, WIRE_MAX, &m.name, err) < 0 ||
	    wire_get_str(in, READER_TAG_TEXT, WIRE_MAX, &m.version, err) < 0 ||
	    wire_get_str(in, READER_TAG_TEXT, WIRE_MAX, &m.summary, err) < 0 ||
	    wire_get_u64(in, READER_TAG_HAS, &has_epoch, err) < 0 ||
	    get_numbers(in, m.epoch.read, &m.epoch.n_read, err) < 0 ||
	    get_numbers(in, m.epoch.write, &m.epoch.n_write, err) < 0)
		return -1;
	m.has_epoch = has_epoch != 0;
	*ret = m;
	m = (struct snap_meta)SNAP_META_INIT;
	return 0;
}
