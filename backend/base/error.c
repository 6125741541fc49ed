/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"

static const struct {
	const char *name;
	const char *text; /* what is said where there was no memory for more */
} kinds[] = {
	[ERR_NONE] = { "none", "no error" },
	[ERR_USAGE] = { "usage", "bad argument" },
	[ERR_NOT_FOUND] = { "not-found", "not found" },
	[ERR_EXISTS] = { "exists", "exists already" },
	[ERR_DUPLICATE] = { "duplicate", "is there already" },
	[ERR_BUSY] = { "busy", "in use" },
	[ERR_DENIED] = { "denied", "permission denied" },
	[ERR_NO_SPACE] = { "no-space", "no space left, or over a limit" },
	[ERR_CHANGED] = { "changed", "changed while it was used" },
	[ERR_CORRUPT] = { "corrupt", "damaged data" },
	[ERR_UNSUPPORTED] = { "unsupported", "not supported" },
	[ERR_INTERRUPTED] = { "interrupted", "interrupted" },
	[ERR_REFUSED] = { "refused", "refused" },
	[ERR_PARTIAL] = { "partial", "done in part" },
	[ERR_IO] = { "io", "input/output error" },
	[ERR_NOMEM] = { "no-memory", "out of memory" },
};

/* The text of an errno value: never translated, never shared between threads. */
static const char *errnum_text(int errnum)
{
	const char *text = strerrordesc_np(errnum);

	return text ? text : "unknown error";
}

int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	assert(err->kind == ERR_NONE && kind != ERR_NONE);
	err->kind = kind;
	err->sys_errno = 0;
	va_start(ap, fmt);
	err->msg = alloc_vprintf_quiet(fmt, ap);
	va_end(ap);
	return -1;
}

static int set_errnum(struct err *err, int errnum, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

/* Fills err with "<text>: <what errnum means>". */
static int set_errnum(struct err *err, int errnum, const char *fmt, va_list ap)
{
	assert(err->kind == ERR_NONE && errnum > 0);
	err->kind = err_kind_of_errno(errnum);
	err->sys_errno = errnum;

	char *text = alloc_vprintf_quiet(fmt, ap);
	if (text)
		err->msg = alloc_printf_quiet("%s: %s", text, errnum_text(errnum));
	free(text);
	return -1;
}

int err_errno(struct err *err, const char *fmt, ...)
{
	int errnum = errno;
	va_list ap;

	va_start(ap, fmt);
	set_errnum(err, errnum, fmt, ap);
	va_end(ap);
	return -1;
}

int err_errnum(struct err *err, int errnum, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_errnum(err, errnum, fmt, ap);
	va_end(ap);
	return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	va_list ap;

	assert(err->kind != ERR_NONE);
	va_start(ap, fmt);
	char *front = alloc_vprintf_quiet(fmt, ap);
	va_end(ap);

	char *whole = NULL;
	if (front)
		whole = alloc_printf_quiet("%s: %s", front, err_message(err));
	free(front);
	if (whole) {
		free(err->msg);
		err->msg = whole;
	}
	/* Without memory the inner text stays: it says more than none. */
	return -1;
}

int err_hint(struct err *err, const char *fmt, ...)
{
	va_list ap;

	assert(err->kind != ERR_NONE);
	va_start(ap, fmt);
	char *hint = alloc_vprintf_quiet(fmt, ap);
	va_end(ap);
	if (hint) {
		free(err->hint);
		err->hint = hint;
	}
	return -1;
}

int err_reclassify(struct err *err, enum err_kind kind)
{
	assert(err->kind != ERR_NONE && kind != ERR_NONE);
	err->kind = kind;
	return -1;
}

int err_nomem(struct err *err)
{
	/* Several allocations may be checked together. */
	assert(err->kind == ERR_NONE || err->kind == ERR_NOMEM);
	err->kind = ERR_NOMEM;
	err->sys_errno = ENOMEM;
	return -1;
}

int err_move(struct err *dst, struct err *src)
{
	err_clear(dst);
	*dst = *src;
	*src = (struct err)ERR_INIT;
	return dst->kind == ERR_NONE ? 0 : -1;
}

void err_clear(struct err *err)
{
	free(err->msg);
	free(err->hint);
	*err = (struct err)ERR_INIT;
}

const char *err_message(const struct err *err)
{
	return err->msg ? err->msg : kinds[err->kind].text;
}

enum err_kind err_kind_of_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
		return ERR_NOT_FOUND;
	case EEXIST:
	case ENOTEMPTY:
		return ERR_EXISTS;
	case EBUSY:
	case ETXTBSY:
	case EAGAIN:
		return ERR_BUSY;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_DENIED;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_NO_SPACE;
	case ESTALE:
		return ERR_CHANGED;
	case EOPNOTSUPP:
	case ENOSYS:
		return ERR_UNSUPPORTED;
	case ECANCELED:
		return ERR_INTERRUPTED;
	case ENOMEM:
		return ERR_NOMEM;
	default:
		return ERR_IO;
	}
}

const char *err_kind_name(enum err_kind kind)
{
	assert((size_t)kind < sizeof(kinds) / sizeof(kinds[0]));
	return kinds[kind].name;
}
