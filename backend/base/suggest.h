/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_SUGGEST_H
#define SETASIDE_BASE_SUGGEST_H

/*
 * suggest: which of the words that exist was meant by one that does not.
 *
 *	struct suggest s = SUGGEST(given);
 *	suggest_offer(&s, candidate);		each of them
 *	if (s.best)
 *		...
 *
 * Counted are letters added, left out, changed, or exchanged with a neighbour; a third of
 * the word may be wrong.  Of equally near ones the first counts.  Words are borrowed.
 */

#include <stddef.h>

struct suggest {
	const char *given, *best; /* best: NULL if none is near enough */
	size_t distance;          /* of best */
};

/* clang-format off */
#define SUGGEST(given_) { (given_), NULL, 0 }
/* clang-format on */

void suggest_offer(struct suggest *s, const char *candidate);

#endif
