/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/observer.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/support.h"

struct heard {
	int n;
	enum event_kind kind;
	char object[64];
	char text[4096];
	bool no_object, no_text;
	uint64_t done, total;
};

static void hear(void *ctx, const struct event *event)
{
	struct heard *h = ctx;

	h->n++;
	h->kind = event->kind;
	h->done = event->done;
	h->total = event->total;
	h->no_object = !event->object;
	h->no_text = !event->text;
	snprintf(h->object, sizeof(h->object), "%s", event->object ? event->object : "");
	snprintf(h->text, sizeof(h->text), "%s", event->text ? event->text : "");
}

START_TEST(warnings_and_notes_arrive)
{
	struct heard h = { 0 };
	struct observer o = { .event = hear, .ctx = &h };

	observer_warn(&o, "firefox", "%d files left out", 3);
	ck_assert_int_eq(h.kind, EVENT_WARNING);
	ck_assert_str_eq(h.object, "firefox");
	ck_assert_str_eq(h.text, "3 files left out");
	observer_note(&o, NULL, "done");
	ck_assert_int_eq(h.kind, EVENT_NOTE);
	ck_assert(h.no_object);
	ck_assert_str_eq(h.text, "done");
	ck_assert_int_eq(h.n, 2);
}

END_TEST

START_TEST(long_texts_arrive_whole)
{
	struct heard h = { 0 };
	struct observer o = { .event = hear, .ctx = &h };
	char text[3001];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	observer_warn(&o, NULL, "%s!", text);
	ck_assert_uint_eq(strlen(h.text), 3001);
	ck_assert_int_eq(h.text[3000], '!');
}

END_TEST

START_TEST(progress_arrives)
{
	struct heard h = { 0 };
	struct observer o = { .event = hear, .ctx = &h };

	observer_progress(&o, 5, UINT64_MAX);
	ck_assert_int_eq(h.kind, EVENT_PROGRESS);
	ck_assert_uint_eq(h.done, 5);
	ck_assert(h.total == UINT64_MAX);
	ck_assert(h.no_object && h.no_text);
}

END_TEST

START_TEST(nobody_need_listen)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct observer deaf = { 0 };

	observer_warn(NULL, "x", "y");
	observer_note(&deaf, "x", "y");
	observer_progress(&deaf, 1, 2);
	observer_progress(NULL, 1, 2);
	ck_assert_ok(observer_check(NULL, &err), &err);
	ck_assert_ok(observer_check(&deaf, &err), &err);
}

END_TEST

START_TEST(cancel_is_seen)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	atomic_bool cancel = false;
	struct observer o = { .cancel = &cancel };

	ck_assert_ok(observer_check(&o, &err), &err);
	atomic_store(&cancel, true);
	ck_assert_fails(observer_check(&o, &err), &err, ERR_INTERRUPTED, "interrupted");
}

END_TEST

Suite *suite_observer(void)
{
	Suite *s = suite_create("observer");
	TCase *tc = support_tcase(s, "observer");

	tcase_add_test(tc, warnings_and_notes_arrive);
	tcase_add_test(tc, long_texts_arrive_whole);
	tcase_add_test(tc, progress_arrives);
	tcase_add_test(tc, nobody_need_listen);
	tcase_add_test(tc, cancel_is_seen);
	return s;
}
