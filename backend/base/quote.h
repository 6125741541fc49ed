/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_QUOTE_H
#define SETASIDE_BASE_QUOTE_H

/*
 * quote: foreign strings made safe for a terminal and a log.
 *
 * Control bytes (C0, DEL, C1 also in UTF-8), invalid UTF-8, bidirectional and
 * other invisible format characters, line and paragraph separators become \n, \t,
 * \xHH or \u{HHHH}; `"` and `\` get a backslash.  q() adds double quotes and keeps
 * both ends of what is too long ("begin...end"); the result lives until the end of the
 * enclosing block and must not be returned:
 *
 *	return err_errno(err, "cannot open %s", q(path));
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/buf.h"

#define QUOTE_MAX 1024

struct quote_buf {
	char text[QUOTE_MAX];
};

#define q(s)     quote_into(&(struct quote_buf){ .text = "" }, (s))
#define qn(s, n) quote_into_n(&(struct quote_buf){ .text = "" }, (s), (n))

/* Fill b and return its text; NULL gives (none). */
const char *quote_into(struct quote_buf *b, const char *s);
const char *quote_into_n(struct quote_buf *b, const char *s, size_t n);

/* True where nothing in the bytes but `"` and `\\` would be escaped. */
bool quote_is_clean(const char *s, size_t n);

/* Appends `s` escaped, whole and without quotes: for tables and lists. */
int quote_escape(struct buf *out, const char *s, size_t n, struct err *err);

#endif
