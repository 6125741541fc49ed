/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"

#define WIDTH 80

void text_printf(struct text *t, const char *fmt, ...)
{
	_cleanup_free_ char *s = NULL;
	va_list ap;

	if (!err_is(t->err, ERR_NONE))
		return;
	va_start(ap, fmt);
	s = alloc_vprintf(t->err, fmt, ap);
	va_end(ap);
	if (s)
		(void)buf_add_str(t->out, s, t->err);
}

void text_foreign(struct text *t, const char *s)
{
	if (err_is(t->err, ERR_NONE))
		(void)quote_escape(t->out, s, strlen(s), t->err);
}

void text_message(struct text *t, const char *s)
{
	if (quote_is_clean(s, strlen(s)))
		text_printf(t, "%s", s);
	else
		text_foreign(t, s);
}

void text_quoted(struct text *t, const char *s)
{
	text_printf(t, "\"");
	text_foreign(t, s);
	text_printf(t, "\"");
}

/* What any shell takes as it is, wherever it stands in a word. */
static bool is_bare(const char *s)
{
	static const char bare[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:@_";

	return s[0] != '\0' && s[strspn(s, bare)] == '\0';
}

void text_shell(struct text *t, const char *s)
{
	/* Only $'' can spell what a terminal must not see. */
	bool clean = quote_is_clean(s, strlen(s));

	if (is_bare(s)) {
		text_printf(t, "%s", s);
		return;
	}
	text_printf(t, clean ? "'" : "$'");
	for (; *s != '\0'; s++) {
		if (clean && *s == '\'')
			text_printf(t, "'\\''");
		else if (clean || (*s >= ' ' && *s <= '~' && *s != '\'' && *s != '\\'))
			text_printf(t, "%c", *s);
		else
			text_printf(t, "\\%03o", (unsigned)(unsigned char)*s);
	}
	text_printf(t, "'");
}

void text_wrap(struct text *t, const char *s, int column, int indent)
{
	int gap = 0;

	while (*s != '\0') {
		int word = (int)strcspn(s, " \n");

		if (gap > 0 && column + gap + word > WIDTH) {
			text_printf(t, "\n%*s", indent, "");
			column = indent;
			gap = 0;
		}
		text_printf(t, "%*s%.*s", gap, "", word, s);
		column += gap + word;
		s += word;
		gap = (int)strspn(s, " ");
		s += gap;
		if (*s == '\n') {
			s++;
			text_printf(t, "\n%*s", *s != '\0' && *s != '\n' ? indent : 0,
				    "");
			column = indent;
			gap = 0;
		}
	}
}

int text_end(const struct text *t)
{
	return err_is(t->err, ERR_NONE) ? 0 : -1;
}
