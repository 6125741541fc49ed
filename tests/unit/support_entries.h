/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_SUPPORT_ENTRIES_H
#define SETASIDE_TESTS_SUPPORT_ENTRIES_H

/*
 * support_entries: entries as one process hands them to another, in a file.
 *
 *	struct entry_stream s;
 *
 *	entry_stream_begin(&s);
 *	entry_stream_put(&s, &e);
 *	entry_stream_finish(&s);
 *	ck_assert_entries_fail(&s, ERR_CORRUPT, "broken entry");
 *	entry_stream_done(&s);
 */

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/tree/entry_stream.h"

/* A sink that writes down all that it is told, and can fail. */
struct entry_log {
	struct buf text;
	const char *fails; /* "entry", "data", "end" */
};

struct unpack_sink entry_log_sink(struct entry_log *log);

/* What is written to a file, and read from it. */
struct entry_stream {
	int fd;
	struct entry_writer *w;
	struct unpack_sink sink;
	struct err err;
};

void entry_stream_begin(struct entry_stream *s);
void entry_stream_done(struct entry_stream *s);

/* What the writer makes of it, which has to succeed. */
void entry_stream_put(struct entry_stream *s, const struct entry *e);
void entry_stream_data(struct entry_stream *s, uint64_t offset, const void *p, size_t n);
void entry_stream_finish(struct entry_stream *s);

/* Reads all of it into the log. */
int entry_stream_log(const struct entry_stream *s, struct entry_log *log,
		     struct err *err);
/* It fails to be read, and the sink is not told that it was all. */
void ck_assert_entries_fail(struct entry_stream *s, enum err_kind kind, const char *part);

/* For an entry that owns nothing, and is never given to entry_done(). */
char *entry_lend(const char *s);
struct entry entry_lent(enum entry_type type, const char *path, const char *target);

#endif
