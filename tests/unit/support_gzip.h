/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_SUPPORT_GZIP_H
#define SETASIDE_TESTS_SUPPORT_GZIP_H

/*
 * support_gzip: data to compress, and the two ends of a stream in memory.
 */

#include <stdint.h>
#include <sys/types.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/gzip.h"

/* The next number of a sequence that `*state` (not 0) determines. */
uint64_t support_random(uint64_t *state);

enum support_data {
	SUPPORT_RANDOM,
	SUPPORT_TEXT,
	SUPPORT_ZEROS,
	SUPPORT_MIXED, /* text and random bytes by turns, up to 100,000 of each */
};

/* n bytes, always the same for one seed (not 0); the caller frees them. */
char *support_data(enum support_data kind, size_t n, uint64_t seed);

/* A gzip_sink whose ctx is a struct buf. */
int support_collect(void *buf, const void *p, size_t n, struct err *err);

/* A gzip_source whose ctx is a struct support_source. */
struct support_source {
	const char *p;
	size_t n;
	size_t piece;       /* at most so many bytes a call; 0: what is asked for */
	enum err_kind fail; /* instead of the end, unless ERR_NONE */
	size_t pos;
};

ssize_t support_supply(void *source, void *p, size_t n, struct err *err);

/* The stream of n bytes; buf_done() it. */
struct buf support_compress(enum gzip_level level, unsigned threads, const void *p,
			    size_t n);

/* Reads a whole stream into out; the number of bytes, or -1 with err filled. */
ssize_t support_inflate(unsigned threads, const void *p, size_t n, struct buf *out,
			struct err *err);

/* Runs a shell command in the test's directory; its exit status. */
int support_shell(const char *command);
/* False, with a SKIP line, if there is no such program. */
#define support_need_program(name) support_need_program_for(__func__, (name))
bool support_need_program_for(const char *test, const char *name);

#endif
