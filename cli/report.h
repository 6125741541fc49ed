/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_REPORT_H
#define SETASIDE_CLI_REPORT_H

/*
 * report: what goes to stderr, and what the exit status says.
 *
 *	setaside: cannot open "x": no such file or directory
 *	setaside: hint: try this
 *	setaside: warning: OBJECT: text
 *	setaside: OBJECT: text			a note
 *
 * One table maps the library's kinds of errors to those of JSON and to the exit status.
 */

#include <stdbool.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/base/json.h"

enum status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_PART = 3, /* the rest is named */
	STATUS_NOT_FOUND = 4,
	STATUS_DAMAGED = 5,
	STATUS_NO_SPACE = 6,
	STATUS_BUSY = 7,
	STATUS_REFUSED = 8,
	STATUS_SIGNAL = 128, /* plus the signal */
};

/* `signal` is the one that was caught, or 0. */
int report_status(enum err_kind kind, int signal);
/* "not-found", "failed", ... */
const char *report_kind(enum err_kind kind);

/* Appends one line: `label` and `object` may be NULL.  Foreign bytes are escaped. */
int report_format(struct buf *out, const char *label, const char *object,
		  const char *text, struct err *err);
/* Appends {"version":1,"error":{"kind":...,"message":...}} and a newline; with
 * "hint" where there is one. */
int report_format_json(struct buf *out, const struct err *what, struct err *err);

/* The object of that key alone. */
void report_write_json(struct json_writer *w, const struct err *what);

/* A line, or an error with its hint, to stderr, as well as it goes: nothing can
 * be done if that fails. */
void report_line(const char *label, const char *object, const char *text);
void report_error(const struct err *what);

#endif
