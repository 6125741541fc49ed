/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"

#define BUF_MIN 64

void buf_done(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
}

void buf_clear(struct buf *b)
{
	buf_cut(b, 0);
}

void buf_cut(struct buf *b, size_t len)
{
	assert(len <= b->len);
	b->len = len;
	if (b->data)
		b->data[len] = '\0';
}

char *buf_reserve(struct buf *b, size_t n, struct err *err)
{
	size_t need, want;

	if (b->max && (b->len > b->max || n > b->max - b->len)) {
		err_set(err, ERR_NO_SPACE, "longer than %zu bytes", b->max);
		return NULL;
	}
	/* One more than asked for: the final NUL. */
	if (__builtin_add_overflow(b->len, n, &need) ||
	    __builtin_add_overflow(need, 1, &need)) {
		err_nomem(err);
		return NULL;
	}
	if (need > b->cap) {
		if (__builtin_add_overflow(b->cap, b->cap / 2, &want) || want < need)
			want = need;
		if (want < BUF_MIN)
			want = BUF_MIN;
		char *data = alloc_resize(b->data, want, 1, err);
		if (!data)
			return NULL;
		b->data = data;
		b->cap = want;
		data[b->len] = '\0';
	}
	return b->data + b->len;
}

void buf_advance(struct buf *b, size_t n)
{
	assert(b->len < b->cap && n < b->cap - b->len);
	b->len += n;
	b->data[b->len] = '\0';
}

int buf_add(struct buf *b, const void *p, size_t n, struct err *err)
{
	char *room = buf_reserve(b, n, err);

	if (!room)
		return -1;
	if (n > 0)
		memcpy(room, p, n);
	buf_advance(b, n);
	return 0;
}

int buf_add_byte(struct buf *b, char c, struct err *err)
{
	return buf_add(b, &c, 1, err);
}

int buf_add_str(struct buf *b, const char *s, struct err *err)
{
	return buf_add(b, s, strlen(s), err);
}

int buf_printf(struct buf *b, struct err *err, const char *fmt, ...)
{
	va_list ap, again;
	char *room = NULL;

	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		err_nomem(err);
	else
		room = buf_reserve(b, (size_t)n, err);
	if (room) {
		vsnprintf(room, (size_t)n + 1, fmt, again);
		buf_advance(b, (size_t)n);
	}
	va_end(again);
	return room ? 0 : -1;
}

char *buf_steal(struct buf *b, struct err *err)
{
	char *data = buf_reserve(b, 0, err);

	if (!data)
		return NULL;
	data = b->data;
	b->data = NULL;
	b->len = b->cap = 0;
	return data;
}
