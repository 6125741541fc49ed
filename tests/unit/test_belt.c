/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/belt.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "backend/base/fault.h"
#include "tests/unit/support.h"

#define SIZE 102400
#define N    3u

/* What was worked off: the first byte of each block, in order. */
struct line {
	uint8_t seen[200];
	atomic_uint n;
	unsigned fails_at; /* 1: with the first */
};

/* belt_work */
static int note(void *ctx, unsigned i, uint8_t *p, struct err *err)
{
	struct line *l = ctx;
	unsigned n = atomic_fetch_add(&l->n, 1);

	ck_assert_uint_eq((uintptr_t)p % 4096, 0);
	ck_assert_uint_lt(i, N);
	ck_assert_uint_eq(p[SIZE - 1], p[0]);
	l->seen[n] = p[0];
	return n + 1 == l->fails_at ? err_set(err, ERR_CORRUPT, "block %u", n) : 0;
}

/* Submits a block; its bytes all have that value. */
static int submit(struct belt *b, uint8_t value, struct err *err)
{
	unsigned i;

	memset(belt_block(b, &i), value, SIZE);
	return belt_submit(b, err);
}

static void assert_order(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(belt_freep) struct belt *b = NULL;
	struct line l = { .fails_at = 0 };

	ck_assert_ok(belt_new(SIZE, N, note, &l, &b, &err), &err);
	for (uint8_t k = 0; k < 100; k++) {
		ck_assert_ok(submit(b, k, &err), &err);
		if (k % 10 == 9) {
			ck_assert_ok(belt_drain(b, &err), &err);
			ck_assert_uint_eq(l.n, k + 1u);
		}
	}
	for (unsigned k = 0; k < 100; k++)
		ck_assert_uint_eq(l.seen[k], k);
}

START_TEST(blocks_are_worked_off_in_their_order)
{
	assert_order();
}

END_TEST

static void assert_failure(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(belt_freep) struct belt *b = NULL;
	struct line l = { .fails_at = 2 };
	unsigned failures = 0;

	ck_assert_ok(belt_new(SIZE, N, note, &l, &b, &err), &err);
	for (uint8_t k = 0; k < 20 && failures == 0; k++)
		failures += submit(b, k, &err) < 0;
	if (failures == 0)
		failures += belt_drain(b, &err) < 0;
	ck_assert_uint_eq(failures, 1);
	ck_assert_err(&err, ERR_CORRUPT, "block 1");
	ck_assert_int_eq(submit(b, 0, &err), -1);
	ck_assert_err(&err, ERR_IO, "before has failed");
	ck_assert_int_eq(belt_drain(b, &err), -1);
	ck_assert_err(&err, ERR_IO, "before has failed");
	ck_assert_uint_eq(l.n, 2);
}

START_TEST(a_failure_is_told_and_ends_the_work)
{
	assert_failure();
}

END_TEST

START_TEST(what_is_left_ends_with_the_thread)
{
	for (int k = 0; k < 50; k++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(belt_freep) struct belt *b = NULL;
		struct line l = { .fails_at = 0 };

		ck_assert_ok(belt_new(SIZE, N, note, &l, &b, &err), &err);
		ck_assert_ok(submit(b, 1, &err), &err);
		ck_assert_ok(submit(b, 2, &err), &err);
	}
}

END_TEST

#ifdef ENABLE_FAULTS

START_TEST(without_threads_all_is_done_too)
{
	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_FROM, 1, EAGAIN });
	assert_order();
	ck_assert(fault_disarm());
	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_FROM, 1, EAGAIN });
	assert_failure();
	ck_assert(fault_disarm());
}

END_TEST

#endif

Suite *suite_belt(void)
{
	Suite *s = suite_create("belt");
	TCase *tc = support_tcase(s, "belt");

	tcase_add_test(tc, blocks_are_worked_off_in_their_order);
	tcase_add_test(tc, a_failure_is_told_and_ends_the_work);
	tcase_add_test(tc, what_is_left_ends_with_the_thread);
#ifdef ENABLE_FAULTS
	tcase_add_test(tc, without_threads_all_is_done_too);
#endif
	return s;
}
