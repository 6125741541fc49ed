/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/suggest.h"

#include <string.h>

#define WORD_MAX 32

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How far `a` is from `b`, neither longer than WORD_MAX: three rows of the table of
 * distances between their beginnings are enough. */
static size_t distance_of(const char *a, size_t n, const char *b, size_t m)
{
	size_t rows[3][WORD_MAX + 1];

	for (size_t j = 0; j <= m; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = least(least(row[j - 1], above[j]) + 1,
				       above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

void suggest_offer(struct suggest *s, const char *candidate)
{
	size_t n = strlen(s->given), m = strlen(candidate);

	if (n == 0 || n > WORD_MAX || m > WORD_MAX)
		return;
	size_t distance = distance_of(s->given, n, candidate, m);
	if (distance > (n + 1) / 3 || distance >= m ||
	    (s->best && distance >= s->distance))
		return;
	s->best = candidate;
	s->distance = distance;
}
