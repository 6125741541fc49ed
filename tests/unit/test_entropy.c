/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/entropy.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/support_gzip.h"

#define PIECES 64

/* How many pieces of n bytes are full; they must be those from `first` on. */
static size_t count_full(const char *p, size_t n, size_t first)
{
	bool full[PIECES] = { false };
	size_t found = entropy_look((const uint8_t *)p, n, full), count = 0;

	for (size_t i = 0; i < PIECES; i++) {
		count += full[i];
		ck_assert(full[i] == (i >= first && i < first + found));
	}
	ck_assert_uint_eq(count, found);
	return found;
}

START_TEST(random_bytes_are_full_of_entropy)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		char *p = support_data(SUPPORT_RANDOM, PIECES * ENTROPY_PIECE, seed);

		ck_assert_uint_eq(count_full(p, PIECES * ENTROPY_PIECE, 0), PIECES);
		free(p);
	}
}

END_TEST

START_TEST(what_can_be_made_smaller_is_not)
{
	char *text = support_data(SUPPORT_TEXT, PIECES * ENTROPY_PIECE, 3);
	char *zeros = support_data(SUPPORT_ZEROS, PIECES * ENTROPY_PIECE, 3);
	char *bytes = support_data(SUPPORT_RANDOM, PIECES * ENTROPY_PIECE, 3);

	ck_assert_uint_eq(count_full(text, PIECES * ENTROPY_PIECE, 0), 0);
	ck_assert_uint_eq(count_full(zeros, PIECES * ENTROPY_PIECE, 0), 0);
	/* Every thirtieth byte is the same: some 2 % less by Huffman codes. */
	for (size_t i = 0; i < PIECES * ENTROPY_PIECE; i += 30)
		bytes[i] = 'x';
	ck_assert_uint_eq(count_full(bytes, PIECES * ENTROPY_PIECE, 0), 0);
	free(text);
	free(zeros);
	free(bytes);
}

END_TEST

/* Sectors, buckets, records: a part of each is random, the rest is not, at any place. */
START_TEST(records_of_a_round_size_are_not_full)
{
	static const size_t sizes[] = { 128, 256, 512, 1024, 2048, 4096 };
	size_t n = PIECES * ENTROPY_PIECE;

	for (size_t i = 0; i < 7 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = sizes[i / 7], head = size * (i % 7 + 1) / 8;
		char *p = support_data(SUPPORT_RANDOM, n, 1 + i);

		for (size_t at = 0; at < n; at += size)
			memset(p + at + head, 0, size - head);
		ck_assert_msg(count_full(p, n, 0) == 0, "%zu of %zu bytes", head, size);
		free(p);
	}
}

END_TEST

START_TEST(what_is_packed_already_is_full)
{
	char *text = support_data(SUPPORT_TEXT, 600000, 5);
	_cleanup_(buf_done) struct buf packed =
		support_compress(GZIP_SMALL, 1, text, 600000);

	ck_assert_uint_gt(packed.len, 4 * ENTROPY_PIECE);
	ck_assert_uint_ge(count_full(packed.data, 4 * ENTROPY_PIECE, 0), 4);
	free(text);
}

END_TEST

START_TEST(random_bytes_that_come_again_are_not_full)
{
	static const size_t distances[] = { 300, 5000, 16384, 30000 };

	for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
		size_t n = 8 * ENTROPY_PIECE, d = distances[i];
		char *p = support_data(SUPPORT_RANDOM, n, 9);

		for (size_t k = d; k < n; k++)
			p[k] = p[k - d];
		bool full[8];
		entropy_look((const uint8_t *)p, n, full);
		for (size_t k = d / ENTROPY_PIECE + 1; k < 8; k++)
			ck_assert_msg(!full[k], "distance %zu, piece %zu", d, k);
		free(p);
	}
}

END_TEST

START_TEST(a_short_piece_is_no_sample)
{
	char *p = support_data(SUPPORT_RANDOM, 2 * ENTROPY_PIECE, 11);

	ck_assert_uint_eq(count_full(p, 0, 0), 0);
	ck_assert_uint_eq(count_full(p, 1, 0), 0);
	ck_assert_uint_eq(count_full(p, 4095, 0), 0);
	ck_assert_uint_eq(count_full(p, 4096, 0), 1);
	ck_assert_uint_eq(count_full(p, ENTROPY_PIECE + 1, 0), 1);
	free(p);
}

END_TEST

START_TEST(pieces_are_told_apart)
{
	char *p = support_data(SUPPORT_TEXT, 6 * ENTROPY_PIECE, 13);
	char *bytes = support_data(SUPPORT_RANDOM, 2 * ENTROPY_PIECE, 13);

	memcpy(p + 3 * ENTROPY_PIECE, bytes, 2 * ENTROPY_PIECE);
	ck_assert_uint_eq(count_full(p, 6 * ENTROPY_PIECE, 3), 2);
	free(p);
	free(bytes);
}

END_TEST

Suite *suite_entropy(void)
{
	Suite *s = suite_create("entropy");
	TCase *tc = support_tcase(s, "pieces");

	tcase_add_test(tc, random_bytes_are_full_of_entropy);
	tcase_add_test(tc, what_can_be_made_smaller_is_not);
	tcase_add_test(tc, records_of_a_round_size_are_not_full);
	tcase_add_test(tc, what_is_packed_already_is_full);
	tcase_add_test(tc, random_bytes_that_come_again_are_not_full);
	tcase_add_test(tc, a_short_piece_is_no_sample);
	tcase_add_test(tc, pieces_are_told_apart);
	return s;
}
