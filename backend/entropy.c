/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/entropy.h"

#include <string.h>

#include "backend/base/le.h"

/* A shorter piece is no sample: it is compressed. */
#define PIECE_MIN (ENTROPY_PIECE / 4)

/* The sample: so many bytes of each stride, which is no power of two: what comes in
 * records of a round size must not show the same part of each. */
#define STRIDE 576
#define RUN    64

#define CHI_SQUARED_MAX 368u

/* What begins an anchor: rare in text and in code, one byte of 256 where all are equally
 * frequent. */
#define ANCHOR      0xad
#define ANCHOR_SIZE 5 /* itself and what follows it */
/* So many that were there before are no accident. */
#define REPEATS_MIN 2

/* What followed the anchors of the last pieces, by a hash of it;
 * others take its place. */
struct anchors {
	uint32_t seen[256];
};

/* Of a sample of the piece, whose size is at least PIECE_MIN. */
static uint32_t chi_squared(const uint8_t *p, size_t n)
{
	/* Two tables, so that a byte need not wait for the last one's count. */
	uint16_t even[256] = { 0 }, odd[256] = { 0 };
	uint64_t squares = 0;
	uint32_t sample = 0;

	for (size_t at = 0; at + RUN <= n; at += STRIDE) {
		for (size_t i = at; i < at + RUN; i += 2) {
			even[p[i]]++;
			odd[p[i + 1]]++;
		}
		sample += RUN;
	}
	for (size_t i = 0; i < 256; i++) {
		uint64_t count = (uint64_t)even[i] + odd[i];

		squares += count * count;
	}
	/* The sum of (count - mean)^2 / mean; never negative. */
	return (uint32_t)(squares * 256 / sample - sample);
}

/* Whether something of the piece was there before. */
static bool repeats(struct anchors *a, const uint8_t *p, size_t n)
{
	const uint8_t *at = p, *end = p + n - ANCHOR_SIZE + 1;
	unsigned found = 0;

	while (found < REPEATS_MIN && at < end &&
	       (at = memchr(at, ANCHOR, (size_t)(end - at))) != NULL) {
		uint32_t what = le_get32(at + 1);
		uint32_t *seen = &a->seen[(what * UINT32_C(2654435761)) >> 24];

		found += *seen == what && what != 0; /* 0: there was none */
		*seen = what;
		at++;
	}
	return found == REPEATS_MIN;
}

size_t entropy_look(const uint8_t *p, size_t n, bool *ret_full)
{
	struct anchors anchors = { { 0 } };
	size_t count = 0;

	for (size_t at = 0, i = 0; at < n; at += ENTROPY_PIECE, i++) {
		size_t size = n - at < ENTROPY_PIECE ? n - at : ENTROPY_PIECE;

		ret_full[i] = size >= PIECE_MIN &&
			      chi_squared(p + at, size) < CHI_SQUARED_MAX &&
			      !repeats(&anchors, p + at, size);
		count += ret_full[i];
	}
	return count;
}
