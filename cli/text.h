/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_TEXT_H
#define SETASIDE_CLI_TEXT_H

/*
 * text: what people read, put together in a buf.
 *
 *	struct text t = TEXT(&cli->out, err);
 *	text_printf(&t, "Restored set %ju.\n", (uintmax_t)id);
 *	return text_end(&t);
 *
 * Like a json_writer it latches the first error: after that all calls do nothing, and
 * only text_end() has to be checked.  Strings that come from elsewhere (names, paths,
 * versions) never pass through text_printf() but through text_foreign().
 */

#include "backend/base/buf.h"
#include "backend/base/error.h"

struct text {
	struct buf *out;
	struct err *err;
};

/* clang-format off */
#define TEXT(out_, err_) { (out_), (err_) }
/* clang-format on */

void text_printf(struct text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Escaped as quote_escape() does, so that it can neither move the cursor nor end the
 * line. */
void text_foreign(struct text *t, const char *s);
/* A message that may hold quoted objects already: only escaped where it is not clean. */
void text_message(struct text *t, const char *s);
/* `s` in double quotes, escaped. */
void text_quoted(struct text *t, const char *s);
/* `s` as one word for a shell, quoted where it must be: what is typed again as it was
 * printed means the same, and shows nothing but printable characters. */
void text_shell(struct text *t, const char *s);
/* Paragraphs, wrapped at 80 columns; each line after the first is indented by
 * `indent`, and the first is taken to stand at column `column` already.  A newline in
 * s begins a new line. */
void text_wrap(struct text *t, const char *s, int column, int indent);
/* 0, or -1 if any call failed. */
int text_end(const struct text *t);

#endif
