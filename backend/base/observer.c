/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/observer.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/base/alloc.h"

/* What a text is cut to where there is no memory for all of it: better than silence. */
#define TEXT_MIN 512

static void say(const struct observer *o, enum event_kind kind, const char *object,
		const char *fmt, va_list ap) __attribute__((format(printf, 4, 0)));

/* Formats the text and hands the event over. */
static void say(const struct observer *o, enum event_kind kind, const char *object,
		const char *fmt, va_list ap)
{
	char cut[TEXT_MIN] = "";
	va_list again;

	va_copy(again, ap);
	char *text = alloc_vprintf_quiet(fmt, ap);
	if (!text)
		vsnprintf(cut, sizeof(cut), fmt, again);
	va_end(again);
	o->event(o->ctx, &(struct event){ .kind = kind,
					  .object = object,
					  .text = text ? text : cut });
	free(text);
}

void observer_warn(const struct observer *o, const char *object, const char *fmt, ...)
{
	va_list ap;

	if (!o || !o->event)
		return;
	va_start(ap, fmt);
	say(o, EVENT_WARNING, object, fmt, ap);
	va_end(ap);
}

void observer_note(const struct observer *o, const char *object, const char *fmt, ...)
{
	va_list ap;

	if (!o || !o->event)
		return;
	va_start(ap, fmt);
	say(o, EVENT_NOTE, object, fmt, ap);
	va_end(ap);
}

void observer_progress(const struct observer *o, uint64_t done, uint64_t total)
{
	if (o && o->event)
		o->event(o->ctx, &(struct event){ .kind = EVENT_PROGRESS,
						  .done = done,
						  .total = total });
}

int observer_check(const struct observer *o, struct err *err)
{
	if (o && o->cancel && atomic_load_explicit(o->cancel, memory_order_relaxed))
		return err_set(err, ERR_INTERRUPTED, "interrupted");
	return 0;
}
