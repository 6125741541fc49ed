/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support_entries.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/support.h"

static int may_fail(const struct entry_log *log, const char *what, struct err *err)
{
	if (log->fails && strcmp(log->fails, what) == 0)
		return err_set(err, ERR_IO, "the sink is full");
	return 0;
}

static int log_entry(void *ctx, const struct entry *e, struct err *err)
{
	struct entry_log *log = ctx;

	if (may_fail(log, "entry", err) < 0)
		return -1;
	ck_assert_ok(buf_printf(&log->text, err,
				"entry %d %s -> %s %o %u:%u %s:%s %lld.%09ld %" PRIu64
				" %" PRIu64 " %d %u,%u %s %s",
				(int)e->type, q(e->path),
				e->target ? q(e->target) : "none", e->mode, e->uid,
				e->gid, e->user ? e->user : "none",
				e->group ? e->group : "none", (long long)e->mtime.tv_sec,
				e->mtime.tv_nsec, e->size, e->stored, e->sparse, e->major,
				e->minor, e->acl_access ? e->acl_access : "none",
				e->acl_default ? e->acl_default : "none"),
		     err);
	for (size_t i = 0; i < e->n_extents; i++)
		ck_assert_ok(buf_printf(&log->text, err, " %" PRIu64 "+%" PRIu64,
					e->extents[i].offset, e->extents[i].length),
			     err);
	for (size_t i = 0; i < e->n_xattrs; i++)
		ck_assert_ok(buf_printf(&log->text, err, " %s=%s", e->xattrs[i].name,
					qn(e->xattrs[i].value, e->xattrs[i].size)),
			     err);
	return buf_add_byte(&log->text, '\n', err);
}

static int log_data(void *ctx, uint64_t offset, const void *p, size_t n, struct err *err)
{
	struct entry_log *log = ctx;

	if (may_fail(log, "data", err) < 0)
		return -1;
	ck_assert_uint_ge(n, 1);
	/* A byte a line, so that it does not count how they are cut. */
	for (size_t i = 0; i < n && n < 100; i++)
		ck_assert_ok(buf_printf(&log->text, err, "data %" PRIu64 " %d\n",
					offset + i, ((const char *)p)[i]),
			     err);
	return 0;
}

static int log_end(void *ctx, struct err *err)
{
	struct entry_log *log = ctx;

	return may_fail(log, "end", err) < 0 ? -1 : buf_add_str(&log->text, "end\n", err);
}

struct unpack_sink entry_log_sink(struct entry_log *log)
{
	return (struct unpack_sink){ log_entry, log_data, log_end, log };
}

static int new_file(void)
{
	int fd = open(support_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

void entry_stream_begin(struct entry_stream *s)
{
	*s = (struct entry_stream){ .fd = new_file(), .err = ERR_INIT };
	ck_assert_ok(entry_writer_new(s->fd, &s->w, &s->err), &s->err);
	s->sink = entry_writer_sink(s->w);
}

void entry_stream_done(struct entry_stream *s)
{
	entry_writer_free(s->w);
	close(s->fd);
	err_clear(&s->err);
}

void entry_stream_put(struct entry_stream *s, const struct entry *e)
{
	ck_assert_ok(s->sink.entry(s->sink.ctx, e, &s->err), &s->err);
}

void entry_stream_data(struct entry_stream *s, uint64_t offset, const void *p, size_t n)
{
	ck_assert_ok(s->sink.data(s->sink.ctx, offset, p, n, &s->err), &s->err);
}

void entry_stream_finish(struct entry_stream *s)
{
	ck_assert_ok(s->sink.finish(s->sink.ctx, &s->err), &s->err);
}

int entry_stream_log(const struct entry_stream *s, struct entry_log *log, struct err *err)
{
	const struct unpack_sink sink = entry_log_sink(log);

	ck_assert_int_eq(lseek(s->fd, 0, SEEK_SET), 0);
	return entry_stream_run(s->fd, &sink, NULL, err);
}

void ck_assert_entries_fail(struct entry_stream *s, enum err_kind kind, const char *part)
{
	struct entry_log log = { .text = BUF_INIT };

	ck_assert_fails(entry_stream_log(s, &log, &s->err), &s->err, kind, part);
	ck_assert_ptr_null(log.text.data ? strstr(log.text.data, "end\n") : NULL);
	buf_done(&log.text);
}

char *entry_lend(const char *s)
{
	return (char *)(uintptr_t)s;
}

struct entry entry_lent(enum entry_type type, const char *path, const char *target)
{
	return (struct entry){ .type = type,
			       .path = entry_lend(path),
			       .target = entry_lend(target),
			       .mode = 0640 };
}
