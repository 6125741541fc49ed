/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support_events.h"

#include "tests/unit/support.h"

static void take(void *ctx, const struct event *event)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct support_events *events = ctx;

	if (event->kind == EVENT_PROGRESS)
		return;
	ck_assert_ok(buf_printf(&events->text, &err, "%s%s%s\n",
				event->object ? event->object : "",
				event->object ? ": " : "", event->text),
		     &err);
}

struct observer support_events_observer(struct support_events *events)
{
	return (struct observer){ .event = take, .ctx = events };
}

const char *support_events_text(const struct support_events *events)
{
	return events->text.data ? events->text.data : "";
}

void support_events_done(struct support_events *events)
{
	buf_done(&events->text);
}
