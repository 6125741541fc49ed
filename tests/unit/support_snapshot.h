/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_SUPPORT_SNAPSHOT_H
#define SETASIDE_TESTS_SUPPORT_SNAPSHOT_H

/*
 * support_snapshot: metadata to test with.
 *
 * The same seed gives the same metadata everywhere; say it when a comparison fails.
 */

#include <stdbool.h>
#include <stdint.h>

#include "backend/snapshot.h"

/* A hash, and the keys of meta.json that a valid snapshot has, without the braces. */
#define SUPPORT_HASH                                                                     \
 "a7424265d5fda2ea9057c46edbd3eaefc7b53ef2d83727504a294844a33dc6d5"                      \
 "63b5fb3fe68ea5a8d11bb06a1d24851a"
#define SUPPORT_CORE                                                                     \
 "\"set\":3,\"time\":\"2026-11-21T07:11:55.802000777Z\",\"snap\":\"hello\","             \
 "\"revision\":\"7\",\"sha3-384\":{\"archive.tgz\":\"" SUPPORT_HASH "\"}"

/* Numbers from a seed. */
struct support_random {
	uint64_t state;
};

uint64_t support_random_next(struct support_random *r);
/* 0 to n-1 */
uint64_t support_random_below(struct support_random *r, uint64_t n);

enum support_snapshot_flags {
	SUPPORT_ANY = 1 << 0,   /* all that memory can hold, also what meta.json cannot */
	SUPPORT_VALID = 1 << 1, /* what snapshot_validate() passes */
};

/* Metadata that survives being written and read; *ret is overwritten. */
void support_snapshot_random(uint64_t seed, unsigned flags, struct snapshot *ret);

/* A small valid snapshot of "hello", set 3. */
void support_snapshot_small(struct snapshot *ret);

/* Compares every field; *ret_what names the first that differs. */
bool support_snapshot_equal(const struct snapshot *a, const struct snapshot *b,
			    const char **ret_what);

/* Reads a value from JSON text of the test's own; the caller frees it. */
struct json *support_json(const char *text);

#endif
