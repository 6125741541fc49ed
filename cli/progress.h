/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_PROGRESS_H
#define SETASIDE_CLI_PROGRESS_H

/*
 * progress: one line on the terminal that says how far a long operation is.
 *
 *	saving: 25 %, 250MB of 1.00GB: firefox of alice
 *
 * It appears when the command has run for a second, so that short ones show nothing, is
 * drawn five times a second at most, never takes more than one line of the terminal, and
 * is wiped before anything else is written to stderr.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/observer.h"

struct progress {
	const char *doing; /* "saving"; NULL: nothing is ever shown */
	bool started, shown;
	int64_t begun, drawn; /* milliseconds */
	uint64_t total;       /* as drawn or heard last */
};

#define PROGRESS_MAX 512 /* bytes of a line, with its NUL */

/* The command begins.  Shows if stderr is a terminal that can go back to the beginning of
 * a line, and NO_COLOR is not set. */
void progress_init(struct progress *p, const char *doing);
/* EVENT_PROGRESS */
void progress_update(struct progress *p, const struct event *event);
/* Wipes the line; the next update may draw it again. */
void progress_clear(struct progress *p);

/* Whether a line is due at this time, and what it says: the parts of
 * progress_update().  Names are escaped; `columns` is the width of the terminal. */
bool progress_is_due(struct progress *p, int64_t now);
void progress_format(const char *doing, const struct event *event, size_t columns,
		     char out[PROGRESS_MAX]);

#endif
