/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/zip.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <zip.h>

#include "backend/base/alloc.h"
#include "backend/base/appender.h"
#include "backend/base/quote.h"
#include "backend/base/utf8.h"
#include "backend/zip_format.h"

/*
 * libzip asks two kinds of source, both functions of ours: the archive it writes to, and
 * a source for each member.  All of it happens in zip_close().
 *
 * It moves 8 KiB at a time, goes back once for each member, to complete its header, and
 * writes the directory in small pieces, which an appender takes.  Members have a buffer,
 * too, since each read of theirs may be a system call.
 *
 * The first error of a callback stays in the writer; what libzip makes of it is not used.
 */

#define BUFFER_SIZE ((size_t)256 << 10)

struct member {
	struct zip_writer *writer;
	const struct zip_source_ops *ops;
	void *ctx;
	bool ended;
};

struct zip_writer {
	zip_t *zip; /* NULL after finish */
	struct member **members;
	size_t n_members, cap;
	struct err err;

	/* The archive, to `end`; libzip is at `pos`. */
	struct appender *archive;
	uint64_t pos, end;

	/* Of the member that is being read. */
	uint8_t *input;
	size_t input_pos, input_len;
};

/* Takes n bytes for the archive, at w->pos. */
static int archive_write(struct zip_writer *w, const void *p, size_t n)
{
	/* libzip never leaves a hole behind what it wrote. */
	assert(w->pos <= w->end);
	if (appender_write(w->archive, p, n, w->pos, &w->err) < 0)
		return -1;
	w->pos += n;
	if (w->pos > w->end)
		w->end = w->pos;
	return 0;
}

/* Moves to where libzip wants to write next. */
static int archive_seek(struct zip_writer *w, void *data, zip_uint64_t n)
{
	zip_error_t ignored;
	zip_error_init(&ignored);
	zip_int64_t to =
		zip_source_seek_compute_offset(w->pos, w->end, data, n, &ignored);
	zip_error_fini(&ignored);
	if (to < 0)
		return -1;
	w->pos = (uint64_t)to;
	return 0;
}

/* What libzip is told of a failure; the truth is in the writer. */
static zip_int64_t answer_error(const struct zip_writer *w, void *data, zip_uint64_t n,
				int zip_error, int sys_errno)
{
	zip_error_t e;

	zip_error_init(&e);
	if (w->err.kind != ERR_NONE)
		sys_errno = w->err.sys_errno;
	zip_error_set(&e, zip_error, sys_errno);
	zip_int64_t size = zip_error_to_data(&e, data, n);
	zip_error_fini(&e);
	return size;
}

/* The archive as libzip sees it: a file that does not exist yet. */
static zip_int64_t archive_callback(void *ctx, void *data, zip_uint64_t n,
				    zip_source_cmd_t command)
{
	struct zip_writer *w = ctx;

	switch ((int)command) { /* some others are of no concern here */
	case ZIP_SOURCE_SUPPORTS:
		return ZIP_SOURCE_SUPPORTS_WRITABLE;
	case ZIP_SOURCE_ERROR:
		/* Only a file that is missing may be created. */
		return w->err.kind == ERR_NONE
			       ? answer_error(w, data, n, ZIP_ER_READ, ENOENT)
			       : answer_error(w, data, n, ZIP_ER_WRITE, 0);
	case ZIP_SOURCE_WRITE:
		return archive_write(w, data, (size_t)n) < 0 ? -1 : (zip_int64_t)n;
	case ZIP_SOURCE_SEEK_WRITE:
		return archive_seek(w, data, n);
	case ZIP_SOURCE_TELL_WRITE:
		return (zip_int64_t)w->pos;
	case ZIP_SOURCE_COMMIT_WRITE:
		return appender_end(w->archive, &w->err);
	case ZIP_SOURCE_BEGIN_WRITE:
	case ZIP_SOURCE_ROLLBACK_WRITE:
	case ZIP_SOURCE_FREE:
		return 0;
	default:
		return -1;
	}
}

static zip_int64_t member_open(struct member *m)
{
	struct zip_writer *w = m->writer;

	w->input_pos = w->input_len = 0;
	m->ended = false;
	if (m->ops->open && m->ops->open(m->ctx, &w->err) < 0)
		return -1;
	return 0;
}

static zip_int64_t member_read(struct member *m, void *p, size_t n)
{
	struct zip_writer *w = m->writer;

	if (w->input_pos == w->input_len && !m->ended) {
		ssize_t k = m->ops->read(m->ctx, w->input, BUFFER_SIZE, &w->err);
		if (k < 0)
			return -1;
		assert((size_t)k <= BUFFER_SIZE);
		m->ended = k == 0;
		w->input_pos = 0;
		w->input_len = (size_t)k;
	}
	if (n > w->input_len - w->input_pos)
		n = w->input_len - w->input_pos;
	memcpy(p, w->input + w->input_pos, n);
	w->input_pos += n;
	return (zip_int64_t)n;
}

/* A member as libzip sees it: something that can be read once, of unknown size. */
static zip_int64_t member_callback(void *ctx, void *data, zip_uint64_t n,
				   zip_source_cmd_t command)
{
	struct member *m = ctx;

	switch ((int)command) { /* some others are of no concern here */
	case ZIP_SOURCE_SUPPORTS:
		return ZIP_SOURCE_SUPPORTS_READABLE;
	case ZIP_SOURCE_OPEN:
		return member_open(m);
	case ZIP_SOURCE_READ:
		return member_read(m, data, (size_t)n);
	case ZIP_SOURCE_STAT:
		zip_stat_init(data);
		return (zip_int64_t)sizeof(zip_stat_t);
	case ZIP_SOURCE_ERROR:
		return answer_error(m->writer, data, n, ZIP_ER_READ, 0);
	case ZIP_SOURCE_CLOSE:
	case ZIP_SOURCE_FREE:
		return 0;
	default:
		return -1;
	}
}

/* Fills err with what libzip says, unless a callback knew better. */
static int fail(struct zip_writer *w, zip_error_t *e, struct err *err)
{
	if (w->err.kind != ERR_NONE)
		return err_move(err, &w->err);
	switch (zip_error_code_zip(e)) {
	case ZIP_ER_OK: /* what it says if it has no memory for its list of members */
	case ZIP_ER_MEMORY:
		return err_nomem(err);
	case ZIP_ER_EXISTS:
		return err_set(err, ERR_EXISTS, "there is such a member already");
	default:
		return err_set(err, ERR_IO, "libzip: %s", zip_error_strerror(e));
	}
}

/* Opens libzip over the archive's callback. */
static int open_archive(struct zip_writer *w, struct err *err)
{
	zip_error_t e;
	int result = 0;

	zip_error_init(&e);
	zip_source_t *archive = zip_source_function_create(archive_callback, w, &e);
	if (archive)
		w->zip = zip_open_from_source(archive, ZIP_CREATE | ZIP_TRUNCATE, &e);
	if (!w->zip) {
		zip_source_free(archive);
		result = fail(w, &e, err);
	}
	zip_error_fini(&e);
	return result;
}

int zip_writer_new(int fd, struct zip_writer **ret, struct err *err)
{
	_cleanup_(zip_writer_freep) struct zip_writer *w = alloc_zero(1, sizeof(*w), err);

	if (!w)
		return -1;
	if (appender_new(&w->archive, err) < 0)
		return -1;
	appender_begin(w->archive, fd);
	w->input = alloc_bytes(BUFFER_SIZE, err);
	if (!w->input)
		return -1;
	if (open_archive(w, err) < 0)
		return -1;
	*ret = TAKE_PTR(w);
	return 0;
}

/* How libzip has to take a name: as UTF-8, marked as such, or as bytes. */
static zip_flags_t name_flags(const char *name)
{
	size_t left = strlen(name), n;
	uint32_t c;

	for (; left > 0; name += n, left -= n) {
		n = utf8_decode(name, left, &c);
		if (n == 0)
			return ZIP_FL_ENC_GUESS;
	}
	return ZIP_FL_ENC_UTF_8;
}

/* Makes the member's record, which the writer keeps. */
static struct member *new_member(struct zip_writer *w, const struct zip_source_ops *ops,
				 void *ctx, struct err *err)
{
	if (alloc_grow(&w->members, w->n_members, &w->cap, sizeof(*w->members), err) < 0)
		return NULL;

	struct member *m = alloc_zero(1, sizeof(*m), err);
	if (!m)
		return NULL;
	m->writer = w;
	m->ops = ops;
	m->ctx = ctx;
	w->members[w->n_members++] = m;
	return m;
}

int zip_writer_add(struct zip_writer *w, const char *name, enum zip_method method,
		   const struct zip_source_ops *ops, void *ctx, struct err *err)
{
	assert(w->zip);
	if (name[0] == '\0' || strlen(name) > UINT16_MAX)
		return err_set(err, ERR_USAGE, "a zip member cannot be named %s",
			       q(name));

	struct member *m = new_member(w, ops, ctx, err);
	if (!m)
		return -1;
	zip_source_t *source = zip_source_function(w->zip, member_callback, m);
	if (!source)
		return fail(w, zip_get_error(w->zip), err);
	zip_int64_t i = zip_file_add(w->zip, name, source, name_flags(name));
	if (i < 0) {
		zip_source_free(source); /* libzip takes it on success only */
		free(w->members[--w->n_members]);
		fail(w, zip_get_error(w->zip), err);
		return err_wrap(err, "member %s", q(name));
	}
	/* By default it deflates, but stores what would not shrink. */
	zip_int32_t how = method == ZIP_STORED ? ZIP_CM_STORE : ZIP_CM_DEFAULT;
	if (zip_set_file_compression(w->zip, (zip_uint64_t)i, how, 0) < 0 ||
	    zip_file_set_dostime(w->zip, (zip_uint64_t)i, 0, DOS_DATE, 0) < 0)
		return fail(w, zip_get_error(w->zip), err);
	return 0;
}

int zip_writer_finish(struct zip_writer *w, struct err *err)
{
	assert(w->zip);
	/* libzip would remove the file, which it has never seen, and say all is well. */
	if (w->n_members == 0)
		return err_set(err, ERR_USAGE, "a zip file without members");
	if (zip_close(w->zip) < 0) {
		appender_abandon(w->archive);
		return fail(w, zip_get_error(w->zip), err);
	}
	w->zip = NULL;
	return 0;
}

void zip_writer_free(struct zip_writer *w)
{
	if (!w)
		return;
	if (w->zip)
		zip_discard(w->zip);
	for (size_t i = 0; i < w->n_members; i++)
		free(w->members[i]);
	free(w->members);
	appender_free(w->archive);
	free(w->input);
	err_clear(&w->err);
	free(w);
}
