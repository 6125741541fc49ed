/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_ALLOC_H
#define SETASIDE_BASE_ALLOC_H

/*
 * alloc: memory that can be made to fail in a test.
 *
 * All return NULL and fill `err` (ERR_NOMEM) on failure; free() releases.
 * A size of 0 gives a unique pointer.  Products are overflow-checked.
 * In builds with faults (--enable-faults) each call is one fault point
 * (backend/base/fault.h).
 */

#include <stdarg.h>
#include <stddef.h>

#include "backend/base/error.h"

/* Uninitialised memory of `size` bytes. */
void *alloc_bytes(size_t size, struct err *err) __attribute__((malloc));

/* `n` zeroed elements of `size` bytes. */
void *alloc_zero(size_t n, size_t size, struct err *err) __attribute__((malloc));

/* Resizes `p` (NULL allowed) to n elements; on failure `p` stays valid. */
void *alloc_resize(void *p, size_t n, size_t size, struct err *err);

/* Makes room for one more element in an array that holds `n` of `*cap`: grows by half,
 * at least to 8.  Returns 0/-1; *arrayp and *cap change on success only. */
int alloc_grow(void *arrayp, size_t n, size_t *cap, size_t size, struct err *err);

char *alloc_strdup(const char *s, struct err *err) __attribute__((malloc));
char *alloc_strndup(const char *s, size_t n, struct err *err) __attribute__((malloc));
void *alloc_memdup(const void *p, size_t n, struct err *err) __attribute__((malloc));
char *alloc_printf(struct err *err, const char *fmt, ...)
	__attribute__((malloc, format(printf, 2, 3)));
char *alloc_vprintf(struct err *err, const char *fmt, va_list ap)
	__attribute__((malloc, format(printf, 2, 0)));

/* For texts that may be missing, such as those of an error: NULL is all that is said. */
char *alloc_printf_quiet(const char *fmt, ...)
	__attribute__((malloc, format(printf, 1, 2)));
char *alloc_vprintf_quiet(const char *fmt, va_list ap)
	__attribute__((malloc, format(printf, 1, 0)));

#endif
