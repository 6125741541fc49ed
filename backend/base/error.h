/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_ERROR_H
#define SETASIDE_BASE_ERROR_H

/*
 * error: the one error model.
 *
 * Every fallible function takes a `struct err *err` as its last argument and
 * returns -1 (or NULL) on failure.  Invariant, asserted in main() and by the
 * test helpers: a call failed if and only if err->kind != ERR_NONE.
 *
 * The object lives on the caller's stack:
 *
 *	_cleanup_(err_clear) struct err err = ERR_INIT;
 *	if (store_open(path, 0, &store, &err) < 0)
 *		report(&err);
 *
 * At the root of a failure one of err_set(), err_errno() fills it; each layer on
 * the way up may put what only it knows in front with err_wrap().  An error that
 * was handled is cleared with err_clear() before the object is used again:
 * setting a filled object is a programming error (assert).
 *
 * Memory: `msg` and `hint` belong to the object.  If there is no memory for the
 * text, kind and errno survive and err_message() gives the kind's fixed text.
 */

#include <stdbool.h>
#include <stddef.h>

/* What the caller can do about it, not where it happened. */
enum err_kind {
	ERR_NONE = 0,
	ERR_USAGE,       /* a bad argument, name or pattern: say it differently */
	ERR_NOT_FOUND,   /* no such set, app, user or file */
	ERR_EXISTS,      /* the name is taken */
	ERR_DUPLICATE,   /* the same content is there already: the call says which */
	ERR_BUSY,        /* another operation holds it, or something is mounted there */
	ERR_DENIED,      /* EACCES, EPERM, EROFS */
	ERR_NO_SPACE,    /* ENOSPC, EDQUOT, EFBIG, or over a limit of ours */
	ERR_CHANGED,     /* the object changed while it was used */
	ERR_CORRUPT,     /* damaged or malformed data */
	ERR_UNSUPPORTED, /* legal, but this version or system cannot do it */
	ERR_INTERRUPTED, /* cancelled by the caller */
	ERR_REFUSED,     /* could be done, but would harm: needs another decision */
	ERR_PARTIAL,     /* done in part; the rest is named */
	ERR_IO,          /* any other failure of the system */
	ERR_NOMEM,
};

struct err {
	enum err_kind kind;
	int sys_errno; /* 0 where no system call was the cause */
	char *msg;     /* one line, lower case, no full stop; objects quoted */
	char *hint;    /* the way out, or NULL */
};

/* clang-format off */
#define ERR_INIT { ERR_NONE, 0, NULL, NULL }
/* clang-format on */

/* Fills `err`; returns -1 always, so that `return err_set(...)` reads well. */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Like err_set(), with the kind taken from errno and ": strerror" appended. */
int err_errno(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* err_errno() for an errno value that is at hand (not 0, not negated). */
int err_errnum(struct err *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "<text>: " in front of the message; keeps the kind; returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sets or replaces the hint of a filled object; returns -1. */
int err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Changes the kind of a filled object (needs a comment where it is used); returns -1. */
int err_reclassify(struct err *err, enum err_kind kind);

/* Fills with ERR_NOMEM without allocating; returns -1.  The one error
 * that may be told again. */
int err_nomem(struct err *err);

/* Moves src into dst (dst is cleared first, src is empty afterwards); returns -1 if
 * dst is now an error, else 0. */
int err_move(struct err *dst, struct err *src);

/* Frees the texts and makes the object empty. */
void err_clear(struct err *err);

/* The message, never NULL. */
const char *err_message(const struct err *err);

/* The kind of an errno value; ERR_IO for what has no better one. */
enum err_kind err_kind_of_errno(int errnum);

/* "not-found", "corrupt", ...: stable names, one for each kind ("none" for ERR_NONE). */
const char *err_kind_name(enum err_kind kind);

static inline bool err_is(const struct err *err, enum err_kind kind)
{
	return err->kind == kind;
}

#endif
