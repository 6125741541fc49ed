/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An export of two apps, cut and damaged in many places: it is refused and nothing has
 * changed, or it is taken and what is covered by nothing was hit.
 */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/sets.h"
#include "tests/unit/support.h"
#include "tests/unit/support_snapshot.h"
#include "tests/unit/support_world.h"
#include "tests/unit/support_zipped.h"

#define FLIPS 2000
#define TAIL  2048
#define SEED  20261121u

struct sweep {
	struct support_world *world;
	struct session *s; /* on a store with another set */
	struct tar_bytes whole;
	struct set *original; /* what the stream holds */
	char *before;         /* the state of that store */
	unsigned refused, taken;
};

/* What was taken is the original, and goes again. */
static void assert_same(struct sweep *w, uint64_t id, const char *what)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct set set;

	ck_assert_ok(sets_get(w->s, id, &set, &err), &err);
	ck_assert_msg(strcmp(set.content_hash, w->original->content_hash) == 0,
		      "%s: hash", what);
	ck_assert_msg(set.n == w->original->n, "%s: %zu snapshots", what, set.n);
	for (size_t i = 0; i < set.n; i++) {
		const struct snapshot *is = set.snapshots[i].meta;
		const struct snapshot *was = w->original->snapshots[i].meta;

		ck_assert_msg(!set.snapshots[i].broken &&
				      is->n_archives == was->n_archives &&
				      strcmp(is->snap, was->snap) == 0,
			      "%s: snapshot %zu", what, i);
		for (size_t k = 0; k < is->n_archives; k++)
			ck_assert_msg(
				strcmp(is->archives[k].sha3, was->archives[k].sha3) == 0,
				"%s: archive %s", what, is->archives[k].name);
	}
	set_done(&set);
	support_world_forget(w->s, id);
}

/* Imports what became of the stream. */
static void try_one(struct sweep *w, const struct tar_bytes *t, const char *what)
{
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *after = NULL;
	const struct import_request q = { .name = NULL };

	if (support_world_try_import(w->s, t, &q, &o, &err) > 0) {
		w->taken++;
		assert_same(w, o.set, what);
	} else {
		w->refused++;
		ck_assert_msg(
			err_is(&err, ERR_CORRUPT) || err_is(&err, ERR_UNSUPPORTED) ||
				err_is(&err, ERR_NO_SPACE),
			"%s: %s: %s", what, err_kind_name(err.kind), err_message(&err));
	}
	after = support_world_state(w->s, "store");
	ck_assert_msg(strcmp(after, w->before) == 0, "%s: the store was\n%sand is\n%s",
		      what, w->before, after);
}

/* The stream and the store that it goes to; false where workers cannot run. */
static bool begin(struct sweep *w, struct support_world *world)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *from = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes other = TAR_BYTES;
	const struct support_zipped zip = { .app = "other", .system = "something" };
	const uint64_t id = 1;

	if (!support_world_make(world))
		return false;
	*w = (struct sweep){ .world = world, .original = malloc(sizeof(*w->original)) };
	from = support_world_open(world, "from");
	ck_assert_uint_eq(support_world_save(from, "own-name"), id);
	ck_assert_ok(sets_get(from, id, w->original, &err), &err);
	support_world_export(from, &id, 1, &w->whole);
	w->s = support_world_open(world, "store");
	support_zipped_export_right(&zip, 1, &other);
	support_world_import(w->s, &other);
	w->before = support_world_state(w->s, "store");
	return true;
}

static void end(struct sweep *w, const char *what)
{
	printf("# %s of %zu bytes: %u refused, %u taken\n", what, w->whole.buf.len,
	       w->refused, w->taken);
	fflush(stdout);
	session_close(w->s);
	set_done(w->original);
	free(w->original);
	free(w->before);
	tar_bytes_done(&w->whole);
}

/* The first n bytes. */
static void try_cut(struct sweep *w, size_t n)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char what[64];

	snprintf(what, sizeof(what), "cut after %zu bytes", n);
	if (n > 0)
		ck_assert_ok(buf_add(&t.buf, w->whole.buf.data, n, &err), &err);
	try_one(w, &t, what);
}

START_TEST(every_cut_is_refused_and_leaves_nothing)
{
	_cleanup_(support_world_done) struct support_world world = SUPPORT_WORLD;
	struct sweep w;

	if (!begin(&w, &world))
		return;
	for (size_t n = 0; n + TAIL < w.whole.buf.len; n += 512)
		try_cut(&w, n);
	for (size_t n = w.whole.buf.len - TAIL; n < w.whole.buf.len; n++)
		try_cut(&w, n);
	ck_assert_uint_eq(w.taken, 0);
	ck_assert_uint_gt(w.refused, TAIL);
	/* Whole, it is taken: so it was the cut. */
	try_cut(&w, w.whole.buf.len);
	ck_assert_uint_eq(w.taken, 1);
	end(&w, "cuts");
}

END_TEST

START_TEST(flipped_bit_is_refused_or_hit_what_nothing_covers)
{
	_cleanup_(support_world_done) struct support_world world = SUPPORT_WORLD;
	struct support_random random = { SEED };
	struct sweep w;

	if (!begin(&w, &world))
		return;
	for (int i = 0; i < FLIPS; i++) {
		size_t at = support_random_below(&random, w.whole.buf.len);
		char bit = (char)(1 << support_random_below(&random, 8)), what[64];

		snprintf(what, sizeof(what), "byte %zu with 0x%02x, seed %u", at,
			 (unsigned)(unsigned char)bit, SEED);
		w.whole.buf.data[at] ^= bit;
		try_one(&w, &w.whole, what);
		w.whole.buf.data[at] ^= bit;
	}
	/* Both happen: otherwise it shows nothing. */
	ck_assert_uint_gt(w.taken, 10);
	ck_assert_uint_gt(w.refused, FLIPS / 4);
	end(&w, "flips");
}

END_TEST

Suite *suite_import_sweep(void)
{
	Suite *s = suite_create("import_sweep");
	TCase *tc = support_tcase(s, "sweep");

	tcase_set_timeout(tc, 900);
	tcase_add_test(tc, every_cut_is_refused_and_leaves_nothing);
	tcase_add_test(tc, flipped_bit_is_refused_or_hit_what_nothing_covers);
	return s;
}
