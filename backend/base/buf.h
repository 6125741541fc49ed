/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_BUF_H
#define SETASIDE_BASE_BUF_H

/*
 * buf: a byte string that grows up to a limit.
 *
 * Invariant: if data is not NULL, data[len] is 0, so that text can be used as a
 * C string.  Going over `max` is ERR_NO_SPACE (nothing is appended).
 */

#include <stddef.h>
#include <stdint.h>

#include "backend/base/error.h"

struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max; /* 0: no limit but memory */
};

/* clang-format off */
#define BUF_INIT { NULL, 0, 0, 0 }
#define BUF_INIT_MAX(m) { NULL, 0, 0, (m) }
/* clang-format on */

void buf_done(struct buf *b);
void buf_clear(struct buf *b);           /* length 0, memory kept */
void buf_cut(struct buf *b, size_t len); /* takes off all beyond len, which is not more */
int buf_add(struct buf *b, const void *p, size_t n, struct err *err);
int buf_add_byte(struct buf *b, char c, struct err *err);
int buf_add_str(struct buf *b, const char *s, struct err *err);
int buf_printf(struct buf *b, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Room for n more bytes after len (the text itself does not change); the caller writes up
 * to n there and says with buf_advance() how many.  Valid until the next call on b. */
char *buf_reserve(struct buf *b, size_t n, struct err *err);
/* Makes the first n of the reserved bytes part of the text and ends it with a NUL. */
void buf_advance(struct buf *b, size_t n);
/* The bytes as a string that the caller frees ("" if empty); b is empty afterwards. */
char *buf_steal(struct buf *b, struct err *err);

#endif
