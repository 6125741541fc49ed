/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_PROGRESS_H
#define SETASIDE_CLI_PROGRESS_H

/*
 * progress: one line on the terminal that says how far a long operation is.
 *
 * It appears after a second, so that short operations show nothing, is drawn five times a
 * second at most, and is wiped before anything else is written to stderr.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	const char *doing; /* "saving"; NULL: nothing is ever shown */
	bool started, shown;
	int64_t begun, drawn; /* milliseconds */
};

#define PROGRESS_MAX 160 /* bytes of a line, with its NUL */

/* Shows if stderr is a terminal that can go back to the beginning of a line. */
void progress_init(struct progress *p, const char *doing);
/* total 0: unknown */
void progress_update(struct progress *p, uint64_t done, uint64_t total);
/* Wipes the line; the next update may draw it again. */
void progress_clear(struct progress *p);

/* Whether a line is due at this time, and what it says: the parts of
 * progress_update(). */
bool progress_is_due(struct progress *p, int64_t now);
void progress_format(const char *doing, uint64_t done, uint64_t total,
		     char out[PROGRESS_MAX]);

#endif
