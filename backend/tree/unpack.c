/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/unpack.h"

#include <inttypes.h>
#include <string.h>

#include "backend/base/buf.h"
#include "backend/base/quote.h"
#include "backend/tree/path_set.h"

struct unpack {
	tar_source source;
	void *source_ctx;
	const char *const *tops;
	const struct unpack_limits *limits;
	const struct observer *observer;
	struct unpack_counts counts;
	uint64_t links; /* hard links: entries, but no inodes */
	struct path_set *seen;
	struct buf parent; /* the directory that was found last */
};

static void unpack_done(struct unpack *u)
{
	path_set_free(u->seen);
	buf_done(&u->parent);
}

/* The caller's source, counted and limited.  Each piece is a chance to cancel, however
 * much of the stream makes no entry. */
static ssize_t counted_source(void *ctx, const void **ret, size_t max, struct err *err)
{
	struct unpack *u = ctx;
	ssize_t n;

	if (observer_check(u->observer, err) < 0)
		return -1;
	n = u->source(u->source_ctx, ret, max, err);
	if (n <= 0)
		return n;
	u->counts.bytes += (uint64_t)n;
	if (u->limits->max_bytes && u->counts.bytes > u->limits->max_bytes)
		return err_set(err, ERR_NO_SPACE,
			       "archive holds more than %" PRIu64 " bytes",
			       u->limits->max_bytes);
	return n;
}

/* Length of the first component if it is one of the tops, else 0. */
static size_t top_length(const struct unpack *u, const char *path)
{
	size_t n = strcspn(path, "/");

	for (size_t i = 0; u->tops[i]; i++) {
		if (strlen(u->tops[i]) == n && memcmp(u->tops[i], path, n) == 0)
			return n;
	}
	return 0;
}

/* The first n bytes of e's path were a directory's entry. */
static int check_parent(struct unpack *u, const struct entry *e, size_t n,
			struct err *err)
{
	static const char common[] = "common";
	enum path_kind kind;

	/* Most entries lie where the one before lay. */
	if (u->parent.len == n && memcmp(u->parent.data, e->path, n) == 0)
		return 0;
	if (path_set_find(u->seen, e->path, n, &kind, err) < 0)
		return -1;
	if (kind == PATH_UNKNOWN && n == sizeof(common) - 1 &&
	    memcmp(e->path, common, n) == 0) {
		/* As if it had come: then it cannot come later. */
		if (path_set_add(u->seen, e->path, n, PATH_DIR, err) < 0)
			return -1;
		kind = PATH_DIR;
	}
	if (kind == PATH_UNKNOWN)
		return err_set(err, ERR_CORRUPT,
			       "archive entry %s comes before its directory", q(e->path));
	if (kind != PATH_DIR)
		return err_set(err, ERR_CORRUPT,
			       "archive entry %s lies below what is no directory",
			       q(e->path));
	buf_clear(&u->parent);
	return buf_add(&u->parent, e->path, n, err);
}

/* Whether e may come here; remembers it. */
static int check_entry(struct unpack *u, const struct entry *e, struct err *err)
{
	enum path_kind kind = e->type == ENTRY_DIR ? PATH_DIR : PATH_OTHER;
	const char *slash = strrchr(e->path, '/');
	enum path_kind linked = PATH_OTHER;
	size_t top = top_length(u, e->path);
	int r;

	if (top == 0)
		return err_set(err, ERR_CORRUPT,
			       "archive entry %s lies outside of the app's directories",
			       q(e->path));
	if (!slash && e->type != ENTRY_DIR)
		return err_set(err, ERR_CORRUPT, "archive entry %s is not a directory",
			       q(e->path));
	if (slash && check_parent(u, e, (size_t)(slash - e->path), err) < 0)
		return -1;
	if (e->type == ENTRY_HARDLINK &&
	    path_set_find(u->seen, e->target, strlen(e->target), &linked, err) < 0)
		return -1;
	if (linked != PATH_OTHER)
		return err_set(err, ERR_CORRUPT,
			       "hard link %s names no earlier file, but %s", q(e->path),
			       q(e->target));
	r = path_set_add(u->seen, e->path, strlen(e->path), kind, err);
	if (r == 0)
		return err_set(err, ERR_CORRUPT, "archive entry %s comes twice",
			       q(e->path));
	return r < 0 ? -1 : 0;
}

static int count_entry(struct unpack *u, const struct entry *e, struct err *err)
{
	if (e->type == ENTRY_HARDLINK)
		u->links++;
	else
		u->counts.entries++;
	if (u->limits->max_entries &&
	    u->counts.entries + u->links > u->limits->max_entries)
		return err_set(err, ERR_NO_SPACE,
			       "archive holds more than %" PRIu64 " entries",
			       u->limits->max_entries);
	u->counts.allocated += entry_allocated(e);
	return 0;
}

/* All entries of t with their data into the sink. */
static int pass_on(struct unpack *u, struct tar_reader *t, const struct unpack_sink *sink,
		   struct err *err)
{
	const struct entry *e;
	int r;

	while ((r = tar_read_next(t, &e, err)) > 0) {
		uint64_t offset;
		const void *p;
		ssize_t n;

		if (observer_check(u->observer, err) < 0 || count_entry(u, e, err) < 0 ||
		    check_entry(u, e, err) < 0 || sink->entry(sink->ctx, e, err) < 0)
			return -1;
		while ((n = tar_read_data(t, &offset, &p, err)) > 0) {
			if (sink->data(sink->ctx, offset, p, (size_t)n, err) < 0)
				return -1;
		}
		if (n < 0)
			return -1;
	}
	if (r < 0)
		return -1;
	return sink->finish(sink->ctx, err);
}

int unpack_run(tar_source source, void *source_ctx, const char *const *tops,
	       const struct unpack_limits *limits, const struct unpack_sink *sink,
	       const struct observer *observer, struct unpack_counts *ret,
	       struct err *err)
{
	static const struct unpack_limits no_limits = { 0 };
	_cleanup_(tar_reader_freep) struct tar_reader *t = NULL;
	_cleanup_(unpack_done) struct unpack u = {
		.source = source,
		.source_ctx = source_ctx,
		.tops = tops,
		.limits = limits ? limits : &no_limits,
		.observer = observer,
		.parent = BUF_INIT,
	};

	if (path_set_new(u.limits->spill, &u.seen, err) < 0 ||
	    tar_reader_new(counted_source, &u, &t, err) < 0 ||
	    pass_on(&u, t, sink, err) < 0)
		return -1;
	*ret = u.counts;
	return 0;
}

static int discard_entry(void *ctx, const struct entry *e, struct err *err)
{
	(void)ctx;
	(void)e;
	(void)err;
	return 0;
}

static int discard_data(void *ctx, uint64_t offset, const void *p, size_t n,
			struct err *err)
{
	(void)ctx;
	(void)offset;
	(void)p;
	(void)n;
	(void)err;
	return 0;
}

static int discard_finish(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	return 0;
}

const struct unpack_sink unpack_discard = {
	.entry = discard_entry,
	.data = discard_data,
	.finish = discard_finish,
	.ctx = NULL,
};
