/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_OBSERVER_H
#define SETASIDE_BASE_OBSERVER_H

/*
 * observer: what a caller wants to hear of an operation, and how it cancels it.
 *
 * One object for each operation; the library keeps no other state for it.  `event`
 * is called from the thread that called the operation; texts are valid during the
 * call only and may hold foreign bytes (escape before printing).  `cancel` may be set
 * from a signal handler or another thread; every loop over data looks at it.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "backend/base/error.h"

enum event_kind {
	EVENT_WARNING, /* something was left out or is doubtful: text says what and why */
	EVENT_NOTE,    /* worth saying, nothing wrong */
	EVENT_PROGRESS, /* done of total bytes of the operation
			 * (total 0: not known yet) */
};

/* Progress: `done` never goes back and never exceeds a total that is known; when all is
 * done, it is the total.  An operation that fails stops telling.  Events come some
 * hundred times a second at most; whoever draws them draws fewer. */

struct event {
	enum event_kind kind;
	/* app, path or file it is about, or NULL; progress: the app */
	const char *object;
	const char *user; /* progress: whose data; NULL: the system's */
	const char *text; /* NULL where it is progress */
	uint64_t done, total;
};

struct observer {
	void (*event)(void *ctx, const struct event *event); /* NULL: nobody listens */
	void *ctx;
	const atomic_bool *cancel; /* NULL: cannot be cancelled */
};

/* All take NULL for "nobody". */
void observer_warn(const struct observer *o, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void observer_note(const struct observer *o, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void observer_progress(const struct observer *o, uint64_t done, uint64_t total);

/* -1 with ERR_INTERRUPTED once cancel is set, else 0. */
int observer_check(const struct observer *o, struct err *err);

#endif
