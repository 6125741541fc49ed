/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"
#include "backend/base/stamp.h"
#include "backend/base/utf8.h"

#define GAP 2

/* Columns of one character. */
static size_t columns_of(uint32_t c)
{
	int columns;

	if (c >= 0x20 && c < 0x7f)
		return 1;
	columns = wcwidth((wchar_t)c);

	return columns < 0 ? 1 : (size_t)columns;
}

size_t table_width(const char *text)
{
	size_t n = strlen(text), width = 0;
	uint32_t c;

	for (size_t i = 0, used; i < n; i += used) {
		used = utf8_decode(text + i, n - i, &c);
		width += used > 0 ? columns_of(c) : 1;
		if (used == 0)
			used = 1;
	}
	return width;
}

size_t table_fit(const char *text, size_t columns)
{
	size_t n = strlen(text), i = 0, width = 0;
	uint32_t c;

	while (i < n) {
		size_t used = utf8_decode(text + i, n - i, &c);

		if (used == 0)
			break;
		width += columns_of(c);
		if (width > columns)
			break;
		i += used;
	}
	return i;
}

void table_init(struct table *t, const char *const *titles, size_t n, struct err *err)
{
	*t = (struct table){ .columns = n, .err = err };
	for (size_t i = 0; i < n; i++)
		table_cell(t, titles[i]);
}

void table_done(struct table *t)
{
	buf_done(&t->cells);
}

void table_cell(struct table *t, const char *text)
{
	if (!text || text[0] == '\0')
		text = "-";
	if (!err_is(t->err, ERR_NONE) ||
	    quote_escape(&t->cells, text, strlen(text), t->err) < 0 ||
	    buf_add_byte(&t->cells, '\0', t->err) < 0)
		return;
	t->n++;
}

void table_number(struct table *t, uint64_t number)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%ju", (uintmax_t)number);
	table_cell(t, digits);
}

void table_size(struct table *t, uint64_t bytes)
{
	char text[STAMP_TEXT_MAX];

	stamp_format_size(bytes, text);
	table_cell(t, text);
}

void table_list(struct table *t, const struct strings *list)
{
	_cleanup_(buf_done) struct buf cell = BUF_INIT;

	for (size_t i = 0; i < list->n && err_is(t->err, ERR_NONE); i++) {
		if (i > 0 && buf_add_byte(&cell, ',', t->err) < 0)
			return;
		(void)buf_add_str(&cell, list->items[i], t->err);
	}
	table_cell(t, cell.data);
}

/* One cell with the blanks up to the next column. */
static int write_cell(const char *text, size_t width, bool is_last, struct buf *out,
		      struct err *err)
{
	if (buf_add_str(out, text, err) < 0)
		return -1;
	if (is_last)
		return buf_add_byte(out, '\n', err);
	size_t blanks = width + GAP - table_width(text);
	char *room = buf_reserve(out, blanks, err);

	if (!room)
		return -1;
	memset(room, ' ', blanks);
	buf_advance(out, blanks);
	return 0;
}

/* The cell behind this one. */
static const char *next_cell(const char *cell)
{
	return cell + strlen(cell) + 1;
}

int table_write(struct table *t, struct buf *out)
{
	_cleanup_free_ size_t *widths = NULL;
	const char *cell = t->cells.data;

	if (!err_is(t->err, ERR_NONE))
		return -1;
	assert(t->n % t->columns == 0);
	widths = alloc_zero(t->columns, sizeof(*widths), t->err);
	if (!widths)
		return -1;
	for (size_t i = 0; i < t->n; i++, cell = next_cell(cell)) {
		size_t width = table_width(cell);

		if (width > widths[i % t->columns])
			widths[i % t->columns] = width;
	}
	cell = t->cells.data;
	for (size_t i = 0; i < t->n; i++, cell = next_cell(cell)) {
		size_t column = i % t->columns;

		if (write_cell(cell, widths[column], column + 1 == t->columns, out,
			       t->err) < 0)
			return -1;
	}
	return 0;
}
