/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_SHAPE_H
#define SETASIDE_SHAPE_H

/*
 * shape: whether a JSON object has the keys and types that a table asks for.
 *
 * All messages read "FILE:LINE: key: reason", where the key is the way to the value
 * ("trees[2].at.native").  A wrong type, a missing key or a word that is not in its list
 * is ERR_CORRUPT; a key that the table does not know is a warning.
 *
 * Who checks more than types goes down with shape_enter() and back with shape_leave(), so
 * that shape_fault() names the same way.
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/base/json.h"
#include "backend/base/observer.h"

enum shape_type {
	SHAPE_BOOL,
	SHAPE_NUMBER,
	SHAPE_STRING,  /* without NUL bytes and other control characters */
	SHAPE_STRINGS, /* an array of such */
	SHAPE_OBJECT,
	SHAPE_OBJECTS /* an array of objects */
};

struct shape {
	const char *key; /* NULL ends a table */
	enum shape_type type;
	bool required;
	bool or_null;
	const char *const *words;  /* STRING: the only ones allowed, NULL-terminated */
	const struct shape *shape; /* OBJECT, OBJECTS: their keys */
};

struct shape_source {
	const char *file;                /* borrowed */
	const struct observer *observer; /* borrowed; NULL: nobody */
	bool in_part;                    /* required keys may be missing */
	struct buf path;                 /* "" at the top */
};

#define SHAPE_SOURCE(file_, observer_, in_part_)                                         \
 {                                                                                       \
  (file_), (observer_), (in_part_), BUF_INIT                                             \
 }

void shape_source_done(struct shape_source *s);

int shape_check(struct shape_source *s, const struct json *object,
		const struct shape *table, struct err *err);

/* One step down: into a key, or (key NULL) an element.  *ret_mark is for the way back. */
int shape_enter(struct shape_source *s, const char *key, size_t index, size_t *ret_mark,
		struct err *err);
void shape_leave(struct shape_source *s, size_t mark);

/* Fills `err`; returns -1. */
int shape_fault(const struct shape_source *s, unsigned line, struct err *err,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The same for a key below, which is entered and not left. */
int shape_fault_at(struct shape_source *s, const char *key, unsigned line,
		   struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

#endif
