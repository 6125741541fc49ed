/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_TABLE_H
#define SETASIDE_CLI_TABLE_H

/*
 * table: columns as wide as their widest cell, two spaces apart, one line of titles.
 *
 *	_cleanup_(table_done) struct table t = TABLE_INIT;
 *	table_init(&t, titles, N, err);
 *	table_cell(&t, app);			N cells a row, row after row
 *	...
 *	return table_write(&t, out);
 *
 * Widths are those on a terminal: wide characters count two, combining ones nothing
 * (needs a UTF-8 LC_CTYPE, else every character counts one).  Cells may come from
 * elsewhere: they are escaped.  An empty or missing one becomes "-", so that columns can
 * be counted.  Nothing is ever cut, and no line ends with blanks.
 *
 * Like a json_writer it latches the first error in err; only table_write() has to be
 * checked.
 */

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/base/strings.h"

struct table {
	size_t columns;
	struct buf cells; /* titles first, each with its NUL */
	size_t n;         /* how many */
	struct err *err;
};

/* clang-format off */
#define TABLE_INIT { 0, BUF_INIT, 0, NULL }
/* clang-format on */

/* `titles` are copied; err is kept until table_write(). */
void table_init(struct table *t, const char *const *titles, size_t n, struct err *err);
void table_done(struct table *t);

void table_cell(struct table *t, const char *text);
void table_number(struct table *t, uint64_t number);
/* As stamp_format_size() writes it. */
void table_size(struct table *t, uint64_t bytes);
/* Names, separated by commas. */
void table_list(struct table *t, const struct strings *list);

/* Appends the lines to out.  The last row must be whole. */
int table_write(struct table *t, struct buf *out);

/* Columns that the text takes on a terminal. */
size_t table_width(const char *text);
/* How many bytes of the text fit into so many columns: whole characters, as far as they
 * are well-formed. */
size_t table_fit(const char *text, size_t columns);

#endif
