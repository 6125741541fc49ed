/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/meter.h"

#include <stddef.h>

uint64_t meter_add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* The sum of both, as far as there is so much. */
static uint64_t within(const struct meter *m, uint64_t a, uint64_t b)
{
	uint64_t sum = meter_add(a, b);

	return sum < m->total ? sum : m->total;
}

/* The observer hears how far it is now. */
static void tell(const struct meter *m)
{
	const struct observer *o = m->observer;

	if (o && o->event)
		o->event(o->ctx, &(struct event){ .kind = EVENT_PROGRESS,
						  .object = m->app,
						  .user = m->user,
						  .done = m->done,
						  .total = m->total });
}

void meter_init(struct meter *m, const struct observer *observer, uint64_t total)
{
	*m = (struct meter){ .observer = observer, .total = total };
}

/* The part under way has taken its whole size. */
static void close_part(struct meter *m)
{
	m->before = within(m, m->before, m->size);
	m->done = m->before;
	m->size = 0;
}

void meter_part(struct meter *m, const char *app, const char *user, uint64_t size)
{
	close_part(m);
	m->size = size;
	m->app = app;
	m->user = user;
	tell(m);
}

void meter_at(struct meter *m, uint64_t bytes)
{
	uint64_t now;

	if (!m)
		return;
	now = within(m, m->before, bytes < m->size ? bytes : m->size);
	if (now <= m->done)
		return;
	m->done = now;
	tell(m);
}

void meter_end(struct meter *m)
{
	m->before = m->done = m->total;
	m->size = 0;
	m->app = m->user = NULL;
	tell(m);
}
