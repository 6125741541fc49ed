/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/meter.h"

#include <string.h>

#include "tests/unit/support.h"

/* Everything that was told, and whether it kept the promise. */
struct heard {
	unsigned n;
	struct event last;
	bool backwards, beyond;
};

static void hear(void *ctx, const struct event *event)
{
	struct heard *h = ctx;

	ck_assert_int_eq(event->kind, EVENT_PROGRESS);
	h->backwards = h->backwards || event->done < h->last.done;
	h->beyond = h->beyond || event->done > event->total;
	h->last = *event;
	h->n++;
}

START_TEST(parts_add_up_to_the_total)
{
	struct heard h = { 0 };
	struct observer o = { .event = hear, .ctx = &h };
	struct meter m;

	meter_init(&m, &o, 300);
	ck_assert_uint_eq(h.n, 0);
	meter_part(&m, "git", NULL, 100);
	ck_assert_str_eq(h.last.object, "git");
	ck_assert_ptr_null(h.last.user);
	ck_assert_uint_eq(h.last.done, 0);
	ck_assert_uint_eq(h.last.total, 300);
	meter_at(&m, 60);
	ck_assert_uint_eq(h.last.done, 60);
	meter_part(&m, "ssh", "alice", 200);
	ck_assert_str_eq(h.last.user, "alice");
	ck_assert_uint_eq(h.last.done, 100);
	meter_at(&m, 199);
	ck_assert_uint_eq(h.last.done, 299);
	ck_assert_uint_eq(h.n, 4);
	meter_end(&m);
	ck_assert_uint_eq(h.last.done, 300);
	ck_assert_ptr_null(h.last.object);
	ck_assert(!h.backwards && !h.beyond);
}

END_TEST

START_TEST(foreign_numbers_neither_go_back_nor_beyond)
{
	const uint64_t numbers[] = { 50, 10, 50, UINT64_MAX, 0, 99 };
	struct heard h = { 0 };
	struct observer o = { .event = hear, .ctx = &h };
	struct meter m;

	meter_init(&m, &o, 150);
	meter_part(&m, "a", NULL, 100);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		meter_at(&m, numbers[i]);
	/* What says nothing new is not told. */
	ck_assert_uint_eq(h.n, 3);
	ck_assert_uint_eq(h.last.done, 100);
	meter_part(&m, "b", NULL, UINT64_MAX);
	meter_at(&m, UINT64_MAX);
	ck_assert_uint_eq(h.last.done, 150);
	meter_part(&m, "c", NULL, UINT64_MAX);
	meter_at(&m, 1);
	meter_end(&m);
	ck_assert_uint_eq(h.last.done, 150);
	ck_assert(!h.backwards && !h.beyond);
}

END_TEST

START_TEST(sums_do_not_overflow)
{
	ck_assert_uint_eq(meter_add(1, 2), 3);
	ck_assert_uint_eq(meter_add(UINT64_MAX - 1, 1), UINT64_MAX);
	ck_assert(meter_add(UINT64_MAX, 1) == UINT64_MAX);
}

END_TEST

START_TEST(nobody_has_to_listen)
{
	struct observer deaf = { .event = NULL };
	struct meter m;

	meter_init(&m, NULL, 10);
	meter_part(&m, "a", NULL, 10);
	meter_at(&m, 5);
	meter_end(&m);
	meter_init(&m, &deaf, 10);
	meter_part(&m, "a", NULL, 10);
	meter_at(&m, 5);
	ck_assert_uint_eq(m.done, 5);
	meter_end(&m);
	meter_at(NULL, 5);
}

END_TEST

Suite *suite_meter(void)
{
	Suite *s = suite_create("meter");
	TCase *tc = support_tcase(s, "meter");

	tcase_add_test(tc, parts_add_up_to_the_total);
	tcase_add_test(tc, foreign_numbers_neither_go_back_nor_beyond);
	tcase_add_test(tc, sums_do_not_overflow);
	tcase_add_test(tc, nobody_has_to_listen);
	return s;
}
