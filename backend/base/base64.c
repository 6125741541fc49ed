/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/digest.h"

/* The base64 half of digest.h, which needs no library. */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789+/";

int digest_base64(struct buf *out, const void *p, size_t n, struct err *err)
{
	const uint8_t *in = p;
	size_t groups = n / 3 + (n % 3 != 0), len;

	if (__builtin_mul_overflow(groups, 4, &len))
		return err_nomem(err);
	char *to = buf_reserve(out, len, err);
	if (!to)
		return -1;
	for (size_t i = 0; i < n; i += 3) {
		size_t k = n - i;
		uint32_t bits = (uint32_t)in[i] << 16;
		bits |= k > 1 ? (uint32_t)in[i + 1] << 8 : 0;
		bits |= k > 2 ? in[i + 2] : 0;
		*to++ = alphabet[bits >> 18];
		*to++ = alphabet[bits >> 12 & 63];
		*to++ = k > 1 ? alphabet[bits >> 6 & 63] : '=';
		*to++ = k > 2 ? alphabet[bits & 63] : '=';
	}
	buf_advance(out, len);
	return 0;
}

/* The value of a digit, or -1. */
static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes one group of four; returns how many bytes it held, or -1. */
static int decode_group(const char *in, bool last, char out[3])
{
	int n = !last || in[3] != '=' ? 3 : in[2] != '=' ? 2 : 1;
	uint32_t bits = 0;

	for (int i = 0; i < 4; i++) {
		int v = i <= n ? value_of(in[i]) : 0;
		if (v < 0)
			return -1;
		bits = bits << 6 | (uint32_t)v;
	}
	/* Bits beyond the last byte must be 0, or one value would have several texts. */
	if (bits & ((1u << (8 * (3 - n))) - 1))
		return -1;
	out[0] = (char)(bits >> 16);
	out[1] = (char)(bits >> 8);
	out[2] = (char)bits;
	return n;
}

int digest_unbase64(const char *text, size_t len, struct buf *out, struct err *err)
{
	size_t done = 0;

	if (len % 4 != 0)
		return err_set(err, ERR_CORRUPT,
			       "not base64: its length is no multiple of 4");
	char *to = buf_reserve(out, len / 4 * 3, err);
	if (!to)
		return -1;
	for (size_t i = 0; i < len; i += 4) {
		char group[3];
		int n = decode_group(text + i, i + 4 == len, group);
		if (n < 0) {
			to[0] = '\0';
			return err_set(err, ERR_CORRUPT, "not base64 at byte %zu", i);
		}
		for (int k = 0; k < n; k++)
			to[done++] = group[k];
	}
	buf_advance(out, done);
	return 0;
}
