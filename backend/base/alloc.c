/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/fault.h"

/* malloc() or realloc() behind the fault point; never of size 0, whose result differs. */
static void *get(void *old, size_t size)
{
	return fault_alloc() ? NULL : realloc(old, size ? size : 1);
}

void *alloc_bytes(size_t size, struct err *err)
{
	void *p = get(NULL, size);

	if (!p)
		err_nomem(err);
	return p;
}

void *alloc_zero(size_t n, size_t size, struct err *err)
{
	size_t bytes;
	void *p = NULL;

	/* calloc() gets large blocks zeroed from the kernel. */
	if (!__builtin_mul_overflow(n, size, &bytes) && !fault_alloc())
		p = calloc(1, bytes ? bytes : 1);
	if (!p)
		err_nomem(err);
	return p;
}

void *alloc_resize(void *p, size_t n, size_t size, struct err *err)
{
	size_t bytes;
	void *q = NULL;

	if (!__builtin_mul_overflow(n, size, &bytes))
		q = get(p, bytes);
	if (!q)
		err_nomem(err);
	return q;
}

int alloc_grow(void *arrayp, size_t n, size_t *cap, size_t size, struct err *err)
{
	void *p;
	size_t want;

	if (n < *cap)
		return 0;
	if (__builtin_add_overflow(*cap, *cap / 2, &want) || want == SIZE_MAX)
		return err_nomem(err);
	if (want <= n)
		want = n + 1;
	if (want < 8)
		want = 8;
	/* The array's own pointer type is not known here. */
	memcpy(&p, arrayp, sizeof(p));
	p = alloc_resize(p, want, size, err);
	if (!p)
		return -1;
	memcpy(arrayp, &p, sizeof(p));
	*cap = want;
	return 0;
}

char *alloc_strdup(const char *s, struct err *err)
{
	return alloc_memdup(s, strlen(s) + 1, err);
}

char *alloc_strndup(const char *s, size_t n, struct err *err)
{
	size_t len = strnlen(s, n);
	char *copy = alloc_bytes(len + 1, err);

	if (!copy)
		return NULL;
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

void *alloc_memdup(const void *p, size_t n, struct err *err)
{
	void *copy = alloc_bytes(n, err);

	if (copy && n > 0)
		memcpy(copy, p, n);
	return copy;
}

char *alloc_vprintf_quiet(const char *fmt, va_list ap)
{
	char *text;

	/* vasprintf() leaves `text` undefined when it fails. */
	if (fault_alloc() || vasprintf(&text, fmt, ap) < 0)
		return NULL;
	return text;
}

char *alloc_printf_quiet(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = alloc_vprintf_quiet(fmt, ap);
	va_end(ap);
	return text;
}

char *alloc_vprintf(struct err *err, const char *fmt, va_list ap)
{
	char *text = alloc_vprintf_quiet(fmt, ap);

	if (!text)
		err_nomem(err);
	return text;
}

char *alloc_printf(struct err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = alloc_vprintf(err, fmt, ap);
	va_end(ap);
	return text;
}
