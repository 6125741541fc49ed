/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "backend/journal.h"
#include "state/db.h"
#include "tests/unit/support.h"
#include "tests/unit/support_db.h"

/* A literal where a struct wants memory of its own. */
#define TEXT(s) ((char[]){ s })

static struct db *db;
static struct err err;

static void open_db(void)
{
	err = (struct err)ERR_INIT;
	db = support_db_open(DB_WRITE);
}

static void close_db(void)
{
	db_close(db);
	db = NULL;
	err_clear(&err);
}

/* Inserts a restore (undoes 0) or an undo, whose time ends then; returns its id. */
static uint64_t insert_until(uint64_t undoes, int64_t expires)
{
	_cleanup_(db_restore_done) struct db_restore r;
	uint64_t id = 0;

	db_restore_init(&r);
	r.kind = undoes ? DB_UNDO : DB_RESTORE;
	r.undoes = undoes;
	r.set = 3;
	r.created = 1000;
	r.expires = expires;
	ck_assert_ok(db_restore_insert(db, &r, &id, &err), &err);
	return id;
}

static uint64_t insert(uint64_t undoes)
{
	return insert_until(undoes, 0);
}

/* Puts one item for parent/name, and the state. */
static void put(uint64_t id, const char *parent, const char *name,
		enum journal_state state)
{
	const struct journal_item item = {
		.kind = JOURNAL_SWAP,
		.parent = (char *)(uintptr_t)parent,
		.name = (char *)(uintptr_t)name,
		.aside = TEXT("x.~abcdefghi~"),
	}; /* which is only read */
	struct db_journal j;

	db_journal_init(&j, db, id);
	ck_assert_ok(j.journal.put(&j, &item, 1, state, &err), &err);
}

static void advance(uint64_t id, enum journal_state state)
{
	ck_assert_ok(db_restore_advance(db, id, state, &err), &err);
}

/* A restore of parent/name that is through; undoes as in insert(). */
static uint64_t restored(uint64_t undoes, const char *parent, const char *name)
{
	uint64_t id = insert(undoes);

	put(id, parent, name, JOURNAL_SWAPPING);
	advance(id, JOURNAL_RESTORED);
	return id;
}

static struct db_restore get(uint64_t id)
{
	struct db_restore r;

	db_restore_init(&r);
	ck_assert_ok(db_restore_get(db, id, &r, &err), &err);
	return r;
}

static enum journal_state state_of(uint64_t id)
{
	_cleanup_(db_restore_done) struct db_restore r = get(id);

	return r.state;
}

static uint64_t undone_by(uint64_t id)
{
	_cleanup_(db_restore_done) struct db_restore r = get(id);

	return r.undone_by;
}

static size_t count_items(uint64_t id)
{
	_cleanup_(db_item_list_done) struct db_item_list list = { NULL, 0 };

	ck_assert_ok(db_restore_items(db, id, &list, &err), &err);
	return list.n;
}

/* The id of what stands in the way of undoing; 0: nothing. */
static uint64_t obstacle(uint64_t id)
{
	_cleanup_(db_restore_done) struct db_restore r;
	int got;

	db_restore_init(&r);
	got = db_restore_obstacle(db, id, &r, &err);
	ck_assert_ok(got, &err);
	return got ? r.id : 0;
}

/* The id of what is pending on a path; 0: nothing. */
static uint64_t pending(const char *root, const char *path, uint64_t except)
{
	_cleanup_(db_restore_done) struct db_restore r;
	int got;

	db_restore_init(&r);
	got = db_restore_pending(db, root, &path, 1, except, &r, &err);
	ck_assert_ok(got, &err);
	return got ? r.id : 0;
}

static uint64_t last_undoable(void)
{
	_cleanup_(db_restore_done) struct db_restore r;

	db_restore_init(&r);
	ck_assert_ok(db_restore_last_undoable(db, &r, &err), &err);
	return r.id;
}

START_TEST(restore_comes_back_as_it_was)
{
	_cleanup_(db_restore_done) struct db_restore r, got;
	uint64_t id = 0;

	db_restore_init(&r);
	r.set = 9007199254740991;
	r.created = 5;
	r.expires = 6;
	r.apps = strdup("firefox git");
	r.store = strdup("/snap\xff/store");
	r.root = strdup("/mnt");
	r.detail = malloc(3);
	memcpy(r.detail, "a\0b", 3);
	r.detail_size = 3;
	ck_assert_ok(db_restore_insert(db, &r, &id, &err), &err);
	got = get(id);
	ck_assert_uint_eq(got.id, id);
	ck_assert_int_eq(got.kind, DB_RESTORE);
	ck_assert_int_eq(got.state, JOURNAL_PREPARING);
	ck_assert_uint_eq(got.set, 9007199254740991);
	ck_assert_uint_eq(got.undoes, 0);
	ck_assert_uint_eq(got.undone_by, 0);
	ck_assert(!got.kept);
	ck_assert_int_eq(got.created, 5);
	ck_assert_int_eq(got.expires, 6);
	ck_assert_str_eq(got.apps, "firefox git");
	ck_assert_str_eq(got.store, "/snap\xff/store");
	ck_assert_str_eq(got.root, "/mnt");
	ck_assert_mem_eq(got.detail, "a\0b", 3);
	ck_assert_uint_eq(got.detail_size, 3);
}

END_TEST

START_TEST(ids_of_restores_are_not_given_again)
{
	uint64_t first = insert(0);

	ck_assert_uint_eq(first, 1);
	ck_assert_ok(db_restore_drop(db, first, &err), &err);
	ck_assert_ok(db_restore_drop(db, first, &err), &err);
	ck_assert_uint_eq(insert(0), 2);
}

END_TEST

START_TEST(unknown_restore_is_not_found)
{
	_cleanup_(db_restore_done) struct db_restore r;

	db_restore_init(&r);
	ck_assert_fails(db_restore_get(db, 4, &r, &err), &err, ERR_NOT_FOUND,
			"there is no restore 4");
	ck_assert_fails(db_restore_advance(db, 4, JOURNAL_RESTORED, &err), &err,
			ERR_NOT_FOUND, "restore 4");
	ck_assert_fails(db_restore_clean(db, 4, true, &err), &err, ERR_NOT_FOUND,
			"restore 4");
	ck_assert_fails(db_restore_obstacle(db, 4, &r, &err), &err, ERR_NOT_FOUND,
			"restore 4");
	ck_assert_fails(db_restore_last_undoable(db, &r, &err), &err, ERR_NOT_FOUND,
			"no restore is left that could be undone");
}

END_TEST

START_TEST(items_come_back_in_order_as_they_were)
{
	const struct journal_item items[] = {
		{ .kind = JOURNAL_PARENT,
		  .parent = TEXT("/home/u"),
		  .name = TEXT(".config"),
		  .uid = 4294967294,
		  .gid = 1 },
		{ .kind = JOURNAL_MOUNT,
		  .parent = TEXT("/data"),
		  .aside = TEXT(".~abcdefghi~"),
		  .attrs = TEXT("\0\1\2"),
		  .attrs_size = 3 },
		{ .kind = JOURNAL_SWAP,
		  .app = TEXT("git"),
		  .user = TEXT("alice"),
		  .tree = TEXT("common/\xfe\xff"),
		  .parent = TEXT("/home/\n\xff"),
		  .name = TEXT(""),
		  .aside = TEXT(".~abcdefghi~/x"),
		  .parent_ino = UINT64_MAX,
		  .old_ino = (uint64_t)1 << 63,
		  .new_ino = 7 },
	};
	_cleanup_(db_item_list_done) struct db_item_list got = { NULL, 0 };
	uint64_t id = insert(0);
	struct db_journal j;

	db_journal_init(&j, db, id);
	ck_assert_ok(j.journal.put(&j, items, 1, JOURNAL_PREPARING, &err), &err);
	ck_assert_ok(j.journal.put(&j, items, 3, JOURNAL_SWAPPING, &err), &err);
	close_db();
	open_db();
	ck_assert_int_eq(state_of(id), JOURNAL_SWAPPING);
	ck_assert_ok(db_restore_items(db, id, &got, &err), &err);
	ck_assert_uint_eq(got.n, 3);
	ck_assert_int_eq(got.items[0].kind, JOURNAL_PARENT);
	ck_assert_str_eq(got.items[0].name, ".config");
	ck_assert_uint_eq(got.items[0].uid, 4294967294);
	ck_assert_uint_eq(got.items[0].gid, 1);
	ck_assert_ptr_null(got.items[0].aside);
	ck_assert_ptr_null(got.items[0].attrs);
	ck_assert_int_eq(got.items[1].kind, JOURNAL_MOUNT);
	ck_assert_ptr_null(got.items[1].name);
	ck_assert_uint_eq(got.items[1].attrs_size, 3);
	ck_assert_mem_eq(got.items[1].attrs, "\0\1\2", 3);
	ck_assert_int_eq(got.items[2].kind, JOURNAL_SWAP);
	ck_assert_str_eq(got.items[2].app, "git");
	ck_assert_str_eq(got.items[2].user, "alice");
	ck_assert_str_eq(got.items[2].tree, "common/\xfe\xff");
	ck_assert_str_eq(got.items[2].parent, "/home/\n\xff");
	ck_assert_str_eq(got.items[2].name, "");
	ck_assert_str_eq(got.items[2].aside, ".~abcdefghi~/x");
	ck_assert_uint_eq(got.items[2].parent_ino, UINT64_MAX);
	ck_assert_uint_eq(got.items[2].old_ino, (uint64_t)1 << 63);
	ck_assert_uint_eq(got.items[2].new_ino, 7);
}

END_TEST

START_TEST(journal_of_a_dropped_restore_fails)
{
	uint64_t id = insert(0);
	struct db_journal j;

	db_journal_init(&j, db, id);
	ck_assert_ok(db_restore_drop(db, id, &err), &err);
	ck_assert_fails(j.journal.advance(&j, JOURNAL_SWAPPING, &err), &err,
			ERR_NOT_FOUND, "there is no restore 1");
	ck_assert_fails(j.journal.put(&j, NULL, 0, JOURNAL_SWAPPING, &err), &err,
			ERR_NOT_FOUND, "there is no restore 1");
}

END_TEST

START_TEST(restore_that_swaps_is_not_dropped)
{
	uint64_t id = insert(0);

	put(id, "/a", "b", JOURNAL_SWAPPING);
	ck_assert_ok(db_restore_drop(db, id, &err), &err);
	ck_assert_int_eq(state_of(id), JOURNAL_SWAPPING);
	ck_assert_uint_eq(count_items(id), 1);
}

END_TEST

START_TEST(unfinished_ones_are_found_in_every_state)
{
	_cleanup_(db_restore_list_done) struct db_restore_list list = { NULL, 0 };

	restored(0, "/a", "b");
	insert(0);
	advance(insert(0), JOURNAL_LINKING);
	advance(insert(0), JOURNAL_SWAPPING);
	advance(insert(0), JOURNAL_CLEANING);
	advance(insert(0), JOURNAL_CLOSED);
	ck_assert_ok(db_restores_unfinished(db, &list, &err), &err);
	ck_assert_uint_eq(list.n, 4);
	for (size_t i = 0; i < list.n; i++)
		ck_assert_uint_eq(list.restores[i].id, i + 2);
	db_restore_list_done(&list);
	ck_assert_ok(db_restores(db, &list, &err), &err);
	ck_assert_uint_eq(list.n, 6);
}

END_TEST

START_TEST(last_undoable_is_the_newest_that_rests)
{
	uint64_t a = restored(0, "/a", "b"), b = restored(0, "/c", "d"), undo;

	insert(0);
	ck_assert_uint_eq(last_undoable(), b);
	ck_assert_ok(db_restore_clean(db, b, true, &err), &err);
	ck_assert_uint_eq(last_undoable(), a);
	undo = restored(a, "/a", "b");
	ck_assert_uint_eq(last_undoable(), undo);
}

END_TEST

START_TEST(keeping_is_final)
{
	_cleanup_(db_restore_done) struct db_restore r;
	uint64_t id = restored(0, "/a", "b");

	ck_assert_ok(db_restore_clean(db, id, true, &err), &err);
	r = get(id);
	ck_assert(r.kept);
	ck_assert_int_eq(r.state, JOURNAL_CLEANING);
	ck_assert_uint_eq(count_items(id), 1);
	ck_assert_fails(db_restore_clean(db, id, true, &err), &err, ERR_NOT_FOUND,
			"restore 1");
	advance(id, JOURNAL_CLOSED);
	ck_assert_uint_eq(count_items(id), 0);
	ck_assert_fails(db_restore_clean(db, id, false, &err), &err, ERR_NOT_FOUND,
			"restore 1");
}

END_TEST

START_TEST(expired_ones_rest_and_their_time_has_come)
{
	_cleanup_(db_restore_list_done) struct db_restore_list list = { NULL, 0 };
	uint64_t a = insert_until(0, 10), b = insert_until(0, 11), d;

	insert_until(0, 10);
	d = insert_until(0, 10);
	put(a, "/a", "b", JOURNAL_RESTORED);
	put(b, "/c", "d", JOURNAL_RESTORED);
	put(d, "/e", "f", JOURNAL_RESTORED);
	ck_assert_ok(db_restore_clean(db, d, false, &err), &err);
	ck_assert_ok(db_restores_expired(db, 10, &list, &err), &err);
	ck_assert_uint_eq(list.n, 1);
	ck_assert_uint_eq(list.restores[0].id, a);
}

END_TEST

START_TEST(undo_takes_the_aside_trees_over_when_it_swaps)
{
	uint64_t a = restored(0, "/a", "b"), undo = insert(a);

	put(undo, "/a", "b", JOURNAL_LINKING);
	ck_assert_int_eq(state_of(a), JOURNAL_RESTORED);
	ck_assert_uint_eq(undone_by(a), 0);
	advance(undo, JOURNAL_SWAPPING);
	ck_assert_int_eq(state_of(a), JOURNAL_CLOSED);
	ck_assert_uint_eq(undone_by(a), undo);
	ck_assert_uint_eq(count_items(a), 1);
	advance(undo, JOURNAL_SWAPPING);
	advance(undo, JOURNAL_RESTORED);
	ck_assert_uint_eq(undone_by(a), undo);
	ck_assert_uint_eq(count_items(a), 0);
	ck_assert_uint_eq(count_items(undo), 1);
	advance(undo, JOURNAL_CLEANING);
	advance(undo, JOURNAL_CLOSED);
	ck_assert_int_eq(state_of(a), JOURNAL_CLOSED);
}

END_TEST

START_TEST(undo_that_goes_back_gives_the_aside_trees_back)
{
	uint64_t a = restored(0, "/a", "b"), undo = insert(a);

	put(undo, "/a", "b", JOURNAL_SWAPPING);
	advance(undo, JOURNAL_CLOSED);
	ck_assert_int_eq(state_of(a), JOURNAL_RESTORED);
	ck_assert_uint_eq(undone_by(a), 0);
	ck_assert_uint_eq(count_items(a), 1);
	ck_assert_uint_eq(count_items(undo), 0);
	ck_assert_uint_eq(last_undoable(), a);
	undo = insert(a);
	put(undo, "/a", "b", JOURNAL_SWAPPING);
	put(undo, "/a", "b", JOURNAL_LINKING);
	ck_assert_int_eq(state_of(a), JOURNAL_RESTORED);
}

END_TEST

START_TEST(undo_that_never_swapped_leaves_the_restore_alone)
{
	uint64_t a = restored(0, "/a", "b"), undo = insert(a);

	put(undo, "/a", "b", JOURNAL_LINKING);
	advance(undo, JOURNAL_CLOSED);
	ck_assert_int_eq(state_of(a), JOURNAL_RESTORED);
	undo = insert(a);
	advance(undo, JOURNAL_LINKING);
	ck_assert_ok(db_restore_drop(db, undo, &err), &err);
	ck_assert_int_eq(state_of(a), JOURNAL_RESTORED);
}

END_TEST

START_TEST(what_was_kept_meanwhile_is_not_undone)
{
	uint64_t a = restored(0, "/a", "b"), undo = insert(a);

	ck_assert_ok(db_restore_clean(db, a, true, &err), &err);
	ck_assert_fails(db_restore_advance(db, undo, JOURNAL_SWAPPING, &err), &err,
			ERR_REFUSED, "restore 1 can no longer be undone");
	ck_assert_int_eq(state_of(undo), JOURNAL_PREPARING);
}

END_TEST

START_TEST(later_restore_on_the_same_target_is_in_the_way)
{
	uint64_t a = restored(0, "/a", "b"), b = restored(0, "/a", "b");
	uint64_t c = restored(0, "/a", "bc");

	ck_assert_uint_eq(obstacle(a), b);
	ck_assert_uint_eq(obstacle(b), 0);
	ck_assert_uint_eq(obstacle(c), 0);
	ck_assert_ok(db_restore_clean(db, b, true, &err), &err);
	ck_assert_uint_eq(obstacle(a), 0);
}

END_TEST

START_TEST(restores_above_and_below_are_in_the_way_as_well)
{
	uint64_t a = restored(0, "/home/u", "x"), b = restored(0, "/home/u/x/y", "z");
	uint64_t c = restored(0, "/", "home");

	ck_assert_uint_eq(obstacle(a), b);
	ck_assert_uint_eq(obstacle(b), c);
	ck_assert_uint_eq(obstacle(c), 0);
}

END_TEST

START_TEST(restore_that_still_swaps_is_in_the_way)
{
	uint64_t a = restored(0, "/a", "b"), b = insert(0);

	put(b, "/a", "b", JOURNAL_PREPARING);
	ck_assert_uint_eq(obstacle(a), 0);
	advance(b, JOURNAL_SWAPPING);
	ck_assert_uint_eq(obstacle(a), b);
}

END_TEST

START_TEST(made_parents_are_no_targets)
{
	const struct journal_item items[] = {
		{ .kind = JOURNAL_PARENT, .parent = TEXT("/a"), .name = TEXT("p") },
		{ .kind = JOURNAL_SWAP, .parent = TEXT("/a/p"), .name = TEXT("t") },
	};
	uint64_t a = restored(0, "/a/p", "other"), b = insert(0);
	struct db_journal j;

	db_journal_init(&j, db, b);
	ck_assert_ok(j.journal.put(&j, items, 2, JOURNAL_SWAPPING, &err), &err);
	ck_assert_uint_eq(obstacle(a), 0);
	ck_assert_uint_eq(pending(NULL, "/a/p/t/x", 0), b);
	ck_assert_uint_eq(pending(NULL, "/a/p/other", 0), 0);
}

END_TEST

START_TEST(later_restore_that_was_undone_is_not_in_the_way)
{
	uint64_t a = restored(0, "/a", "b"), b = restored(0, "/a", "b"), undo, redo;

	undo = restored(b, "/a", "b");
	ck_assert_uint_eq(obstacle(a), 0);
	redo = restored(undo, "/a", "b");
	ck_assert_uint_eq(obstacle(a), redo);
	restored(redo, "/a", "b");
	ck_assert_uint_eq(obstacle(a), 0);
}

END_TEST

START_TEST(undo_of_an_earlier_one_is_in_the_way)
{
	uint64_t a = restored(0, "/a", "b"), b = restored(0, "/c", "d");
	uint64_t undo = insert(a);

	/* Its items reach further than those of what it undoes. */
	put(undo, "/c", "d", JOURNAL_SWAPPING);
	ck_assert_uint_eq(obstacle(b), undo);
}

END_TEST

START_TEST(mount_point_is_a_target_itself)
{
	const struct journal_item item = { .kind = JOURNAL_MOUNT,
					   .parent = TEXT("/data"),
					   .aside = TEXT(".~abcdefghi~") };
	uint64_t a = restored(0, "/data", "x"), b = insert(0);
	struct db_journal j;

	db_journal_init(&j, db, b);
	ck_assert_ok(j.journal.put(&j, &item, 1, JOURNAL_SWAPPING, &err), &err);
	ck_assert_uint_eq(obstacle(a), b);
}

END_TEST

START_TEST(pending_restores_block_only_their_targets)
{
	uint64_t a = insert(0), b = restored(0, "/e", "f");

	put(a, "/a", "b", JOURNAL_SWAPPING);
	ck_assert_uint_eq(pending(NULL, "/a/b", 0), a);
	ck_assert_uint_eq(pending(NULL, "/a/b/c", 0), a);
	ck_assert_uint_eq(pending(NULL, "/a", 0), a);
	ck_assert_uint_eq(pending(NULL, "/a/bc", 0), 0);
	ck_assert_uint_eq(pending(NULL, "/a/b", a), 0);
	ck_assert_uint_eq(pending("/mnt", "/a/b", 0), 0);
	ck_assert_uint_eq(pending(NULL, "/e/f", 0), 0);
	ck_assert_uint_gt(b, a);
}

END_TEST

START_TEST(aside_names_of_open_restores_are_known)
{
	_cleanup_(db_item_list_done) struct db_item_list list = { NULL, 0 };
	uint64_t a = restored(0, "/a", "b"), b = insert(0), c = restored(0, "/e", "f");

	put(b, "/c", "d", JOURNAL_PREPARING);
	ck_assert_ok(db_restore_clean(db, c, false, &err), &err);
	ck_assert_ok(db_aside_items(db, NULL, &list, &err), &err);
	ck_assert_uint_eq(list.n, 3);
	ck_assert_str_eq(list.items[0].parent, "/a");
	ck_assert_str_eq(list.items[0].aside, "x.~abcdefghi~");
	ck_assert_str_eq(list.items[1].parent, "/c");
	db_item_list_done(&list);
	advance(c, JOURNAL_CLOSED);
	ck_assert_ok(db_aside_items(db, NULL, &list, &err), &err);
	ck_assert_uint_eq(list.n, 2);
	db_item_list_done(&list);
	ck_assert_ok(db_aside_items(db, "/mnt", &list, &err), &err);
	ck_assert_uint_eq(list.n, 0);
	ck_assert_uint_eq(a, 1);
}

END_TEST

Suite *suite_db_restores(void)
{
	Suite *s = suite_create("db_restores");
	TCase *tc = support_tcase(s, "restores");

	tcase_add_checked_fixture(tc, open_db, close_db);
	tcase_add_test(tc, restore_comes_back_as_it_was);
	tcase_add_test(tc, ids_of_restores_are_not_given_again);
	tcase_add_test(tc, unknown_restore_is_not_found);
	tcase_add_test(tc, items_come_back_in_order_as_they_were);
	tcase_add_test(tc, journal_of_a_dropped_restore_fails);
	tcase_add_test(tc, restore_that_swaps_is_not_dropped);
	tcase_add_test(tc, unfinished_ones_are_found_in_every_state);
	tcase_add_test(tc, last_undoable_is_the_newest_that_rests);
	tcase_add_test(tc, keeping_is_final);
	tcase_add_test(tc, expired_ones_rest_and_their_time_has_come);
	tcase_add_test(tc, aside_names_of_open_restores_are_known);
	tc = support_tcase(s, "undo");
	tcase_add_checked_fixture(tc, open_db, close_db);
	tcase_add_test(tc, undo_takes_the_aside_trees_over_when_it_swaps);
	tcase_add_test(tc, undo_that_goes_back_gives_the_aside_trees_back);
	tcase_add_test(tc, undo_that_never_swapped_leaves_the_restore_alone);
	tcase_add_test(tc, what_was_kept_meanwhile_is_not_undone);
	tc = support_tcase(s, "targets");
	tcase_add_checked_fixture(tc, open_db, close_db);
	tcase_add_test(tc, later_restore_on_the_same_target_is_in_the_way);
	tcase_add_test(tc, restores_above_and_below_are_in_the_way_as_well);
	tcase_add_test(tc, restore_that_still_swaps_is_in_the_way);
	tcase_add_test(tc, made_parents_are_no_targets);
	tcase_add_test(tc, later_restore_that_was_undone_is_not_in_the_way);
	tcase_add_test(tc, undo_of_an_earlier_one_is_in_the_way);
	tcase_add_test(tc, mount_point_is_a_target_itself);
	tcase_add_test(tc, pending_restores_block_only_their_targets);
	return s;
}
