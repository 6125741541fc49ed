/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_METER_H
#define SETASIDE_BASE_METER_H

/*
 * meter: how far an operation is, for its observer.
 *
 * An operation has parts, one after the other, whose sizes are known or estimated before:
 *
 *	meter_init(&m, observer, total)    the sum of all sizes
 *	meter_part(&m, app, user, size)    for each part
 *	meter_at(&m, bytes)                done of this part, as often as you like
 *	meter_end(&m)                      all of them are done
 *
 * What the observer hears (EVENT_PROGRESS) never goes back, never exceeds the total, and
 * after meter_end() is the total.  So no number needs to be right, nor to be believed: a
 * part takes its size of the whole, whatever is said to be done of it.
 */

#include <stdint.h>

#include "backend/base/observer.h"

struct meter {
	const struct observer *observer;
	uint64_t total;
	uint64_t before; /* where the part under way begins */
	uint64_t size;   /* of that part */
	uint64_t done;   /* as told last */
	const char *app, *user;
};

/* `observer` is borrowed until the end, and may be NULL. */
void meter_init(struct meter *m, const struct observer *observer, uint64_t total);

/* The next begins, and the one before is done.  `user` is NULL for system data; both
 * names are borrowed as long as this part is under way. */
void meter_part(struct meter *m, const char *app, const char *user, uint64_t size);

/* m may be NULL: nobody wants to know. */
void meter_at(struct meter *m, uint64_t bytes);

void meter_end(struct meter *m);

/* A sum of sizes; where foreign ones are too large for any, the largest number. */
uint64_t meter_add(uint64_t a, uint64_t b);

#endif
