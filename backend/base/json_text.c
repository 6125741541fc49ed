/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/json_internal.h"

#include <stdint.h>
#include <string.h>

#include "backend/base/utf8.h"

/* The value of four hex digits, or -1. */
static int32_t hex4(const char *s)
{
	int32_t v = 0;

	for (int i = 0; i < 4; i++) {
		char c = s[i];
		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v << 4 | (c - 'A' + 10);
		else
			return -1;
	}
	return v;
}

/* Length of the escape sequence at s, or 0 if it is none. */
static size_t escape_length(const char *s, size_t n)
{
	if (n < 2)
		return 0;
	if (s[1] == 'u')
		return n >= 6 && hex4(s + 2) >= 0 ? 6 : 0;
	return s[1] != '\0' && strchr("\"\\/bfnrt", s[1]) ? 2 : 0;
}

/* Finds the quote that ends the string whose contents begin at `at`; in *what, if it is
 * wrong, why.  Returns the offset of the quote or of the fault. */
static size_t scan_string(const char *text, size_t len, size_t at, const char **what)
{
	while (at < len && text[at] != '"') {
		size_t n = 1;
		if ((unsigned char)text[at] < 0x20) {
			*what = "control character in a string";
			return at;
		}
		if (text[at] == '\\') {
			n = escape_length(text + at, len - at);
			if (n == 0) {
				*what = "invalid escape in a string";
				return at;
			}
		}
		at += n;
	}
	if (at == len)
		*what = "a string has no end";
	return at;
}

void json_text_mask(char *text, size_t len, struct json_fault *ret)
{
	size_t at = 0;

	ret->what = NULL;
	for (;;) {
		char *quote = at < len ? memchr(text + at, '"', len - at) : NULL;
		if (!quote)
			return;
		size_t begin = (size_t)(quote - text);
		at = scan_string(text, len, begin + 1, &ret->what);
		if (ret->what) {
			ret->at = at;
			ret->begin = begin;
			return;
		}
		memset(quote + 1, 'x', at - begin - 1);
		at++;
	}
}

/* The character that an escape of two bytes stands for. */
static char unescape(char c)
{
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return c;
	}
}

/* Decodes "\uXXXX", and the second half of a pair with it; returns what was read. */
static size_t decode_u(const char *s, size_t n, uint32_t *ret)
{
	uint32_t c = (uint32_t)hex4(s + 2), low;

	*ret = c;
	if (c < 0xd800 || c > 0xdfff)
		return 6;
	*ret = UTF8_REPLACEMENT;
	/* A half without its other half stands for itself alone: what follows is kept. */
	if (c > 0xdbff || n < 12 || s[6] != '\\' || s[7] != 'u')
		return 6;
	low = (uint32_t)hex4(s + 8);
	if (low < 0xdc00 || low > 0xdfff)
		return 6;
	*ret = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
	return 12;
}

/* Decodes one character; returns what was read. */
static size_t decode_one(const char *s, size_t n, uint32_t *ret)
{
	if (s[0] != '\\') {
		size_t used = utf8_decode(s, n, ret);
		if (used > 0)
			return used;
		*ret = UTF8_REPLACEMENT;
		return 1;
	}
	if (s[1] == 'u')
		return decode_u(s, n, ret);
	*ret = (unsigned char)unescape(s[1]);
	return 2;
}

size_t json_text_decode(const char *raw, size_t n, char *out)
{
	char one[UTF8_MAX];
	size_t len = 0;
	uint32_t c;

	for (size_t i = 0; i < n;) {
		i += decode_one(raw + i, n - i, &c);
		len += utf8_encode(c, out ? out + len : one);
	}
	return len;
}

int json_text_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t n = a_len < b_len ? a_len : b_len;
	int r = n > 0 ? memcmp(a, b, n) : 0;

	return r ? r : (a_len > b_len) - (a_len < b_len);
}

bool json_is_utf8(const char *s, size_t n)
{
	uint32_t c;

	for (size_t i = 0; i < n;) {
		size_t used = utf8_decode(s + i, n - i, &c);
		if (used == 0)
			return false;
		i += used;
	}
	return true;
}
