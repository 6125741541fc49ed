/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/hasher.h"

#include <errno.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/fault.h"
#include "tests/unit/support.h"

#define STREAM ((size_t)3 << 20)

/* Bytes that repeat in no length that a block may have. */
static uint8_t *make_stream(size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	uint8_t *p = alloc_bytes(n + 1, &err);

	ck_assert_ptr_nonnull(p);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 31 + i / 251);
	return p;
}

/* The stream in pieces of `step` gives what it gives as a whole. */
static void assert_same(size_t n, size_t step)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(hasher_freep) struct hasher *h = NULL;
	_cleanup_free_ uint8_t *stream = make_stream(n);
	uint8_t whole[DIGEST_MAX_SIZE], pieces[DIGEST_MAX_SIZE];

	ck_assert_ok(digest_of(DIGEST_SHA3_384, stream, n, whole, &err), &err);
	ck_assert_ok(hasher_new(DIGEST_SHA3_384, &h, &err), &err);
	for (size_t at = 0; at < n; at += step)
		ck_assert_ok(hasher_update(h, stream + at, n - at < step ? n - at : step,
					   &err),
			     &err);
	ck_assert_ok(hasher_final(h, pieces, &err), &err);
	ck_assert_mem_eq(whole, pieces, DIGEST_SHA3_384_SIZE);
}

START_TEST(pieces_of_any_size_give_the_hash_of_the_whole)
{
	static const size_t sizes[] = {
		0, 1, 262143, 262144, 262145, 1048576, STREAM + 1
	};
	static const size_t steps[] = { 777, 65536, 262144, 1000000, STREAM + 1 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++)
			assert_same(sizes[i], steps[k]);
}

END_TEST

START_TEST(what_is_abandoned_ends_with_its_thread)
{
	_cleanup_free_ uint8_t *stream = make_stream(STREAM);

	for (int i = 0; i < 20; i++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(hasher_freep) struct hasher *h = NULL;

		ck_assert_ok(hasher_new(DIGEST_SHA3_384, &h, &err), &err);
		ck_assert_ok(hasher_update(h, stream, STREAM, &err), &err);
	}
}

END_TEST

#ifdef ENABLE_FAULTS

START_TEST(without_threads_the_hash_is_the_same)
{
	/* Making the thread is the only call there is. */
	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_FROM, 1, EAGAIN });
	assert_same(STREAM, 65536);
	ck_assert(fault_disarm());
}

END_TEST

START_TEST(without_memory_there_is_no_hasher)
{
	uint64_t nth;

	for (nth = 1;; nth++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(hasher_freep) struct hasher *h = NULL;
		int r;

		fault_arm(&(struct fault_plan){ FAULT_ALLOC, FAULT_ONCE, nth, 0 });
		r = hasher_new(DIGEST_SHA3_384, &h, &err);
		if (!fault_disarm()) {
			ck_assert_ok(r, &err);
			break;
		}
		ck_assert_int_eq(r, -1);
		ck_assert_int_eq(err.kind, ERR_NOMEM);
		ck_assert_ptr_null(h);
	}
	ck_assert_uint_ge(nth, 4);
}

END_TEST

#endif

Suite *suite_hasher(void)
{
	Suite *s = suite_create("hasher");
	TCase *tc = support_tcase(s, "hasher");

	tcase_add_test(tc, pieces_of_any_size_give_the_hash_of_the_whole);
	tcase_add_test(tc, what_is_abandoned_ends_with_its_thread);
#ifdef ENABLE_FAULTS
	tcase_add_test(tc, without_threads_the_hash_is_the_same);
	tcase_add_test(tc, without_memory_there_is_no_hasher);
#endif
	return s;
}
