/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/serve.h"

#include <errno.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/gzip.h"
#include "backend/tree/entry_stream.h"
#include "backend/worker/protocol.h"
#include "backend/worker/unpacker.h"

/* Threads that make files; faults strike the nth call, so calls have an order there. */
#ifdef ENABLE_FAULTS
# define APPLY_THREADS 1
#else
# define APPLY_THREADS 0
#endif

/* Unpacker and applier share their requests; they differ in where entries come from. */
struct unpacking {
	struct serve *serve;
	struct apply_target *targets;
	size_t n_targets, cap_targets;
	bool *found; /* for each target, once its run is over */
	int in;
};

/* Forgets the staging trees of before. */
static void clear_targets(struct unpacking *u)
{
	for (size_t i = 0; i < u->n_targets; i++) {
		union {
			const char *in;
			char *out;
		} path = { .in = u->targets[i].path };

		free(path.out);
		sys_close_best_effort(u->targets[i].fd);
	}
	u->n_targets = 0;
	free(u->found);
	u->found = NULL;
}

/* serve_kind */
static int start(struct serve *s, struct err *err)
{
	struct unpacking *u = alloc_zero(1, sizeof(*u), err);

	if (!u)
		return -1;
	u->serve = s;
	s->state = u;
	/* All that is made here says its mode, and gets it without
	 * asking a second time. */
	(void)sys_umask(0);
	return 0;
}

/* serve_kind */
static void stop(struct serve *s)
{
	struct unpacking *u = s->state;

	clear_targets(u);
	free(u->targets);
	free(u);
}

/* UNPACKER_TARGET */
static int add_target(struct unpacking *u, struct wire_in *in, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	struct apply_target *t;
	uint64_t is_file;

	if (alloc_grow(&u->targets, u->n_targets, &u->cap_targets, sizeof(*u->targets),
		       err) < 0)
		return -1;
	t = &u->targets[u->n_targets];
	if (wire_get_str(in, UNPACKER_TAG_PATH, WIRE_MAX, &path, err) < 0 ||
	    wire_get_u64(in, UNPACKER_TAG_IS_FILE, &is_file, err) < 0)
		return -1;
	if (!path)
		return err_set(err, ERR_CORRUPT, "a target without a path");
	if (wire_take_fd(in, &t->fd, err) < 0)
		return -1;
	t->path = TAKE_PTR(path);
	t->is_file = is_file != 0;
	u->n_targets++;
	return 0;
}

/* gzip_source */
static ssize_t from_pipe(void *ctx, void *p, size_t n, struct err *err)
{
	struct unpacking *u = ctx;
	ssize_t got;

	do
		got = sys_read(u->in, p, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? err_errno(err, "cannot read the archive") : got;
}

/* tar_source */
static ssize_t inflated(void *ctx, const void **ret, size_t max, struct err *err)
{
	return gzip_reader_next(ctx, ret, max, err);
}

/* apply_report */
static int report_note(void *ctx, const char *path, const char *what, bool minor,
		       struct err *err)
{
	struct unpacking *u = ctx;
	struct wire_out *o = &u->serve->out;

	/* The longest legal path does not fit a record; its ends say enough. */
	if (wire_begin(o, UNPACKER_NOTE, err) < 0 ||
	    wire_put_str(o, UNPACKER_TAG_PATH,
			 strlen(path) < WIRE_MAX / 2 ? path : q(path), err) < 0 ||
	    wire_put_str(o, UNPACKER_TAG_TEXT, what, err) < 0 ||
	    wire_put_u64(o, UNPACKER_TAG_MINOR, minor, err) < 0)
		return -1;
	return serve_send(u->serve, err);
}

struct run {
	char *revision;
	struct unpack_limits limits;
	uint64_t flags;
	bool forward;
	int out;
};

/* The fields of RUN. */
static int read_run(struct unpacking *u, struct wire_in *in, struct run *r,
		    struct err *err)
{
	uint64_t forward;

	r->out = -1;
	if (wire_get_str(in, UNPACKER_TAG_REVISION, 64, &r->revision, err) < 0 ||
	    wire_get_u64(in, UNPACKER_TAG_LIMIT, &r->limits.max_bytes, err) < 0 ||
	    wire_get_u64(in, UNPACKER_TAG_LIMIT, &r->limits.max_entries, err) < 0 ||
	    wire_get_u64(in, UNPACKER_TAG_FLAGS, &r->flags, err) < 0 ||
	    wire_get_u64(in, UNPACKER_TAG_FORWARD, &forward, err) < 0)
		return -1;
	r->forward = forward != 0;
	spill_give_back(&u->serve->spill, 0, u->serve->spill.end);
	r->limits.spill = &u->serve->spill;
	if (!r->revision)
		return err_set(err, ERR_CORRUPT, "a revision is missing");
	if (wire_take_fd(in, &u->in, err) < 0)
		return -1;
	return r->forward ? wire_take_fd(in, &r->out, err) : 0;
}

/* The archive, through gzip and tar, into a sink. */
static int unpack(struct unpacking *u, const struct run *r,
		  const struct unpack_sink *sink, struct unpack_counts *ret,
		  struct err *err)
{
	const char *tops[] = { r->revision, "common", NULL };
	_cleanup_(gzip_reader_freep) struct gzip_reader *gz = NULL;

	if (gzip_reader_new(0, from_pipe, u, &gz, err) < 0)
		return -1;
	return unpack_run(inflated, gz, tops, &r->limits, sink, NULL, ret, err);
}

/* Parses here, made elsewhere. */
static int forward(struct unpacking *u, const struct run *r, struct unpack_counts *ret,
		   struct err *err)
{
	_cleanup_(entry_writer_freep) struct entry_writer *w = NULL;
	struct unpack_sink sink;

	if (entry_writer_new(r->out, &w, err) < 0)
		return -1;
	sink = entry_writer_sink(w);
	return unpack(u, r, &sink, ret, err);
}

/* Made here: entries come from the archive, or from the other process. */
static int make(struct unpacking *u, const struct run *r, bool from_archive,
		struct unpack_counts *ret, struct err *err)
{
	struct apply_report report = { report_note, u };
	_cleanup_(apply_freep) struct apply *a = NULL;
	struct unpack_sink sink;

	if (apply_new(u->targets, u->n_targets, (unsigned)r->flags, APPLY_THREADS,
		      u->serve->owners, &report, &a, err) < 0)
		return -1;
	sink = apply_sink(a);
	u->found = alloc_zero(u->n_targets + 1, sizeof(*u->found), err);
	if (!u->found)
		return -1;
	if ((from_archive ? unpack(u, r, &sink, ret, err)
			  : entry_stream_run(u->in, &sink, NULL, err)) < 0) {
		apply_give_up(a, err);
		return -1;
	}
	for (size_t i = 0; i < u->n_targets; i++)
		u->found[i] = apply_found(a, i);
	return 0;
}

/* What OK carries. */
static int put_result(const struct unpacking *u, const struct unpack_counts *c,
		      struct wire_out *reply, struct err *err)
{
	if (wire_put_u64(reply, UNPACKER_TAG_COUNT, c->bytes, err) < 0 ||
	    wire_put_u64(reply, UNPACKER_TAG_COUNT, c->allocated, err) < 0 ||
	    wire_put_u64(reply, UNPACKER_TAG_COUNT, c->entries, err) < 0)
		return -1;
	for (size_t i = 0; u->found && i < u->n_targets; i++)
		if (wire_put_u64(reply, UNPACKER_TAG_FOUND, u->found[i], err) < 0)
			return -1;
	return 0;
}

/* UNPACKER_RUN */
static int run(struct unpacking *u, bool applier, struct wire_in *in,
	       struct wire_out *reply, struct err *err)
{
	struct unpack_counts c = { 0 };
	struct run r = { 0 };
	int result;

	u->in = -1;
	result = read_run(u, in, &r, err);
	if (result == 0)
		result = r.forward ? forward(u, &r, &c, err)
				   : make(u, &r, !applier, &c, err);
	free(r.revision);
	if (u->in >= 0)
		sys_close_best_effort(u->in);
	if (r.out >= 0)
		sys_close_best_effort(r.out);
	if (result == 0)
		result = put_result(u, &c, reply, err);
	clear_targets(u);
	return result;
}

/* Both kinds. */
static int request(struct unpacking *u, bool applier, struct wire_in *in,
		   struct wire_out *reply, struct err *err)
{
	switch (in->type) {
	case UNPACKER_TARGET:
		return add_target(u, in, err);
	case UNPACKER_RUN:
		return run(u, applier, in, reply, err);
	default:
		return err_set(err, ERR_CORRUPT, "unknown request to an unpacker");
	}
}

/* serve_kind */
static int request_unpacker(struct serve *s, struct wire_in *in, struct wire_out *reply,
			    struct err *err)
{
	return request(s->state, false, in, reply, err);
}

/* serve_kind */
static int request_applier(struct serve *s, struct wire_in *in, struct wire_out *reply,
			   struct err *err)
{
	return request(s->state, true, in, reply, err);
}

const struct serve_kind serve_unpacker = { start, request_unpacker, stop };
const struct serve_kind serve_applier = { start, request_applier, stop };
