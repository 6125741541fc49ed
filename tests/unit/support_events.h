/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_SUPPORT_EVENTS_H
#define SETASIDE_TESTS_SUPPORT_EVENTS_H

/*
 * support_events: an observer that remembers warnings and notes.
 *
 *	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
 *	struct observer observer = support_events_observer(&events);
 *	...
 *	ck_assert_str_eq(support_events_text(&events), "object: text\n");
 */

#include "backend/base/buf.h"
#include "backend/base/observer.h"

struct support_events {
	struct buf text; /* a line for each: the object (if any), ": ", the text */
};

#define SUPPORT_EVENTS_INIT                                                              \
 {                                                                                       \
  BUF_INIT                                                                               \
 }

struct observer support_events_observer(struct support_events *events);
const char *support_events_text(const struct support_events *events);
void support_events_done(struct support_events *events);

#endif
