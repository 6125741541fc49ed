/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/quote.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/utf8.h"

#define ELLIPSIS    "..."
#define ESCAPED_MAX 12 /* "\u{10ffff}" and a NUL */

/* What fits between the quotes, and on each side of the ellipsis if all does not. */
#define INNER_MAX (QUOTE_MAX - 3)
#define SIDE_MAX  ((INNER_MAX - sizeof(ELLIPSIS) + 1) / 2)

/*
 * Code points above ASCII that show nothing, move the cursor or change the direction of
 * what follows: controls, format characters, fillers, separators of lines, tags and the
 * selectors that can carry hidden text.  Ranges, ascending.
 */
static const struct {
	uint32_t first, last;
} invisible[] = {
	{ 0x80, 0x9f },       { 0xad, 0xad },       { 0x34f, 0x34f },
	{ 0x600, 0x605 },     { 0x61c, 0x61c },     { 0x6dd, 0x6dd },
	{ 0x70f, 0x70f },     { 0x890, 0x891 },     { 0x8e2, 0x8e2 },
	{ 0x115f, 0x1160 },   { 0x17b4, 0x17b5 },   { 0x180b, 0x180f },
	{ 0x200b, 0x200f },   { 0x2028, 0x202e },   { 0x2060, 0x206f },
	{ 0x3164, 0x3164 },   { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },
	{ 0xfff0, 0xfffb },   { 0x110bd, 0x110bd }, { 0x110cd, 0x110cd },
	{ 0x13430, 0x1343f }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
	{ 0xe0000, 0xe0fff },
};

static bool is_invisible(uint32_t c)
{
	for (size_t i = 0; i < sizeof(invisible) / sizeof(invisible[0]); i++) {
		if (c <= invisible[i].last)
			return c >= invisible[i].first;
	}
	return false;
}

/* Writes what one ASCII byte or ill-formed byte looks like; returns the length. */
static size_t escape_byte(uint8_t byte, char out[ESCAPED_MAX])
{
	static const char hex[] = "0123456789abcdef";

	if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\') {
		out[0] = (char)byte;
		return 1;
	}
	out[0] = '\\';
	switch (byte) {
	case '\n':
		out[1] = 'n';
		return 2;
	case '\t':
		out[1] = 't';
		return 2;
	case '"':
	case '\\':
		out[1] = (char)byte;
		return 2;
	default:
		out[1] = 'x';
		out[2] = hex[byte >> 4];
		out[3] = hex[byte & 15];
		return 4;
	}
}

/* Writes what the character at s looks like; the length, and in *used what was read. */
static size_t escape_one(const char *s, size_t n, char out[ESCAPED_MAX], size_t *used)
{
	uint32_t c;

	*used = utf8_decode(s, n, &c);
	if (*used <= 1) {
		*used = 1;
		return escape_byte((uint8_t)s[0], out);
	}
	if (is_invisible(c))
		return (size_t)snprintf(out, ESCAPED_MAX, "\\u{%04x}", (unsigned)c);
	memcpy(out, s, *used);
	return *used;
}

/* So many bytes from the front are printable ASCII that stands for itself:
 * most of what there is. */
static size_t plain_run(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
		i++;
	return i;
}

/* Length of all n bytes once escaped. */
static size_t escaped_length(const char *s, size_t n)
{
	char one[ESCAPED_MAX];
	size_t total = 0;

	for (size_t i = 0, used; i < n; i += used)
		total += escape_one(s + i, n - i, one, &used);
	return total;
}

/* Escapes whole characters from the front into out while `max` suffices; the length. */
static size_t escape_front(const char *s, size_t n, char *out, size_t max)
{
	char one[ESCAPED_MAX];
	size_t len = 0;

	for (size_t i = 0, used; i < n; i += used) {
		size_t k = escape_one(s + i, n - i, one, &used);
		if (k > max - len)
			break;
		memcpy(out + len, one, k);
		len += k;
	}
	return len;
}

/* Where the longest end begins that is at most `max` long once escaped, of `total`. */
static size_t find_tail(const char *s, size_t n, size_t total, size_t max)
{
	char one[ESCAPED_MAX];
	size_t i = 0;

	while (total > max) {
		size_t used;
		total -= escape_one(s + i, n - i, one, &used);
		i += used;
	}
	return i;
}

const char *quote_into(struct quote_buf *b, const char *s)
{
	return quote_into_n(b, s, s ? strlen(s) : 0);
}

const char *quote_into_n(struct quote_buf *b, const char *s, size_t n)
{
	char *p = b->text;

	if (!s)
		return memcpy(b->text, "(none)", sizeof("(none)"));
	size_t total = escaped_length(s, n);
	*p++ = '"';
	if (total <= INNER_MAX) {
		p += escape_front(s, n, p, INNER_MAX);
	} else {
		size_t tail = find_tail(s, n, total, SIDE_MAX);
		p += escape_front(s, n, p, SIDE_MAX);
		p = stpcpy(p, ELLIPSIS);
		p += escape_front(s + tail, n - tail, p, SIDE_MAX);
	}
	*p++ = '"';
	*p = '\0';
	return b->text;
}

bool quote_is_clean(const char *s, size_t n)
{
	char one[ESCAPED_MAX];

	for (size_t i = plain_run(s, n), used; i < n; i += used) {
		size_t k = escape_one(s + i, n - i, one, &used);

		if (k != used && s[i] != '"' && s[i] != '\\')
			return false;
	}
	return true;
}

int quote_escape(struct buf *out, const char *s, size_t n, struct err *err)
{
	char one[ESCAPED_MAX];
	size_t before = out->len;

	for (size_t i = 0, used; i < n; i += used) {
		const char *text = s + i;
		size_t len = used = plain_run(text, n - i);

		if (len == 0) {
			len = escape_one(text, n - i, one, &used);
			text = one;
		}
		if (buf_add(out, text, len, err) < 0) {
			buf_cut(out, before);
			return -1;
		}
	}
	return 0;
}
