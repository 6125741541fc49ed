/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

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

/* A complete set of three files in memory. */
static void fill_set(struct db_set *set, uint64_t id, const char *name)
{
	db_set_init(set);
	set->id = id;
	set->state = DB_SET_COMPLETE;
	set->origin = DB_SET_IMPORTED;
	set->created = 1700000000;
	set->name = name ? strdup(name) : NULL;
	ck_assert_ok(db_set_add_file(set, "a.zip", "app-a", DB_FILE_PRESENT, &err), &err);
	ck_assert_ok(db_set_add_file(set, "b\xff.zip", NULL, DB_FILE_PRESENT, &err),
		     &err);
	ck_assert_ok(db_set_add_file(set, "c.zip", "app-c", DB_FILE_PRESENT, &err), &err);
}

static void insert(uint64_t id, const char *name)
{
	_cleanup_(db_set_done) struct db_set set;

	fill_set(&set, id, name);
	ck_assert_ok(db_set_insert(db, &set, &err), &err);
}

static void insert_in_state(uint64_t id, enum db_set_state state)
{
	_cleanup_(db_set_done) struct db_set set;

	db_set_init(&set);
	set.id = id;
	set.state = state;
	ck_assert_ok(db_set_add_file(&set, "plan.zip", "app", DB_FILE_PLANNED, &err),
		     &err);
	ck_assert_ok(db_set_insert(db, &set, &err), &err);
}

/* "name:state " for each file of a set. */
static const char *files_of(uint64_t id)
{
	static char text[256];
	static const char *const states[] = { "planned", "present", "going" };
	_cleanup_(db_set_done) struct db_set set;

	ck_assert_ok(db_set_get(db, id, &set, &err), &err);
	text[0] = '\0';
	for (size_t i = 0; i < set.n_files; i++) {
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n, "%s:%s ", set.files[i].name,
			 states[set.files[i].state]);
	}
	return text;
}

static enum db_set_state state_of(uint64_t id)
{
	_cleanup_(db_set_done) struct db_set set;

	ck_assert_ok(db_set_get(db, id, &set, &err), &err);
	return set.state;
}

static uint64_t take(uint64_t highest)
{
	uint64_t number = 0;

	ck_assert_ok(db_number_take(db, highest, &number, &err), &err);
	return number;
}

START_TEST(a_set_has_the_files_that_are_present)
{
	bool has;

	insert(1, NULL);
	insert_in_state(2, DB_SET_SAVING);
	ck_assert_ok(db_set_has_file(db, 1, "b\xff.zip", &has, &err), &err);
	ck_assert(has);
	ck_assert_ok(db_set_has_file(db, 1, "d.zip", &has, &err), &err);
	ck_assert(!has);
	ck_assert_ok(db_set_has_file(db, 2, "a.zip", &has, &err), &err);
	ck_assert(!has);
	ck_assert_ok(db_set_has_file(db, 3, "a.zip", &has, &err), &err);
	ck_assert(!has);
	/* One app goes: its file does. */
	ck_assert_ok(db_set_forget(db, 1, (const char *const[]){ "a.zip" }, 1, &err),
		     &err);
	ck_assert_ok(db_set_has_file(db, 1, "a.zip", &has, &err), &err);
	ck_assert(!has);
}

END_TEST

START_TEST(set_comes_back_as_it_was)
{
	_cleanup_(db_set_done) struct db_set set, got;

	fill_set(&set, 12, "before upgrade");
	set.note = strdup("a \"note\"\nof two lines");
	set.reason = strdup("upgrade firefox");
	set.automatic = set.pinned = true;
	set.expires = 1700009999;
	ck_assert_ok(db_set_insert(db, &set, &err), &err);
	ck_assert_ok(db_set_get(db, 12, &got, &err), &err);
	ck_assert_uint_eq(got.id, 12);
	ck_assert_int_eq(got.state, DB_SET_COMPLETE);
	ck_assert_int_eq(got.origin, DB_SET_IMPORTED);
	ck_assert_str_eq(got.name, "before upgrade");
	ck_assert_str_eq(got.note, set.note);
	ck_assert_str_eq(got.reason, set.reason);
	ck_assert(got.automatic && got.pinned);
	ck_assert_int_eq(got.created, 1700000000);
	ck_assert_int_eq(got.expires, 1700009999);
	ck_assert_uint_eq(got.n_files, 3);
	ck_assert_str_eq(got.files[0].name, "a.zip");
	ck_assert_str_eq(got.files[0].app, "app-a");
	ck_assert_str_eq(got.files[1].name, "b\xff.zip");
	ck_assert_ptr_null(got.files[1].app);
	ck_assert_int_eq(got.files[2].state, DB_FILE_PRESENT);
}

END_TEST

START_TEST(set_without_files_or_texts_is_possible)
{
	_cleanup_(db_set_done) struct db_set set, got;

	db_set_init(&set);
	set.id = 9007199254740991;
	ck_assert_ok(db_set_insert(db, &set, &err), &err);
	ck_assert_ok(db_set_get(db, 9007199254740991, &got, &err), &err);
	ck_assert_uint_eq(got.n_files, 0);
	ck_assert_ptr_null(got.name);
	ck_assert_ptr_null(got.note);
}

END_TEST

START_TEST(sets_are_listed_by_number)
{
	_cleanup_(db_set_list_done) struct db_set_list list = { NULL, 0 };

	insert(10, NULL);
	insert(2, NULL);
	insert(7, NULL);
	ck_assert_ok(db_sets(db, &list, &err), &err);
	ck_assert_uint_eq(list.n, 3);
	ck_assert_uint_eq(list.sets[0].id, 2);
	ck_assert_uint_eq(list.sets[1].id, 7);
	ck_assert_uint_eq(list.sets[2].id, 10);
	ck_assert_uint_eq(list.sets[1].n_files, 3);
}

END_TEST

START_TEST(unknown_set_is_not_found)
{
	_cleanup_(db_set_done) struct db_set set;

	db_set_init(&set);
	ck_assert_fails(db_set_get(db, 5, &set, &err), &err, ERR_NOT_FOUND,
			"there is no snapshot set 5");
	ck_assert_fails(db_set_by_name(db, "x", &set, &err), &err, ERR_NOT_FOUND,
			"there is no snapshot set named \"x\"");
	ck_assert_fails(db_set_pin(db, 5, true, &err), &err, ERR_NOT_FOUND, "set 5");
	ck_assert_fails(db_set_rename(db, 5, "y", &err), &err, ERR_NOT_FOUND, "set 5");
	ck_assert_fails(db_set_put_note(db, 5, "y", &err), &err, ERR_NOT_FOUND, "set 5");
	ck_assert_fails(db_set_complete(db, 5, &err), &err, ERR_NOT_FOUND, "set 5");
	ck_assert_fails(db_set_forget(db, 5, NULL, 0, &err), &err, ERR_NOT_FOUND,
			"set 5");
	ck_assert_ok(db_set_delete(db, 5, &err), &err);
}

END_TEST

START_TEST(number_and_name_belong_to_one_set)
{
	_cleanup_(db_set_done) struct db_set set, other;

	insert(1, "one");
	fill_set(&set, 1, "two");
	ck_assert_fails(db_set_insert(db, &set, &err), &err, ERR_EXISTS,
			"there is a snapshot set 1 already");
	fill_set(&other, 2, "one");
	ck_assert_fails(db_set_insert(db, &other, &err), &err, ERR_EXISTS,
			"snapshot set 1 is named \"one\" already");
	insert(2, "two");
	ck_assert_fails(db_set_rename(db, 2, "one", &err), &err, ERR_EXISTS,
			"snapshot set 1 is named \"one\" already");
	ck_assert_ok(db_set_rename(db, 1, "one", &err), &err);
	ck_assert_ok(db_set_rename(db, 1, NULL, &err), &err);
	ck_assert_ok(db_set_rename(db, 2, "one", &err), &err);
}

END_TEST

START_TEST(failed_insert_leaves_nothing)
{
	_cleanup_(db_set_done) struct db_set set;
	uint64_t last;

	fill_set(&set, 4, NULL);
	ck_assert_ok(db_set_add_file(&set, "a.zip", NULL, DB_FILE_PRESENT, &err), &err);
	ck_assert_fails(db_set_insert(db, &set, &err), &err, ERR_EXISTS, "UNIQUE");
	ck_assert_fails(db_set_get(db, 4, &set, &err), &err, ERR_NOT_FOUND, "set 4");
	ck_assert_ok(db_number_last(db, &last, &err), &err);
	ck_assert_uint_eq(last, 0);
}

END_TEST

START_TEST(numbers_outside_the_range_are_no_sets)
{
	_cleanup_(db_set_done) struct db_set set;

	db_set_init(&set);
	ck_assert_fails(db_set_insert(db, &set, &err), &err, ERR_CORRUPT, "CHECK");
	set.id = SNAPSHOT_SET_MAX + 1;
	ck_assert_fails(db_set_insert(db, &set, &err), &err, ERR_CORRUPT, "CHECK");
}

END_TEST

START_TEST(numbers_only_grow)
{
	uint64_t last = 1;

	ck_assert_ok(db_number_last(db, &last, &err), &err);
	ck_assert_uint_eq(last, 0);
	ck_assert_uint_eq(take(0), 1);
	ck_assert_uint_eq(take(0), 2);
	ck_assert_uint_eq(take(40), 41);
	ck_assert_uint_eq(take(3), 42);
	insert(50, NULL);
	ck_assert_uint_eq(take(0), 51);
	ck_assert_ok(db_number_last(db, &last, &err), &err);
	ck_assert_uint_eq(last, 51);
}

END_TEST

START_TEST(number_of_a_forgotten_set_is_not_given_again)
{
	bool gone = false;
	uint64_t number = take(0);

	insert(number, NULL);
	ck_assert_ok(db_set_forget(db, number, NULL, 0, &err), &err);
	ck_assert_ok(db_set_forgotten(db, number, &gone, &err), &err);
	ck_assert(gone);
	close_db();
	open_db();
	ck_assert_uint_eq(take(0), number + 1);
	insert(9, NULL);
	ck_assert_ok(db_set_delete(db, 9, &err), &err);
	ck_assert_uint_eq(take(0), 10);
}

END_TEST

START_TEST(numbers_end_where_others_could_not_read_them)
{
	uint64_t number = 0;

	ck_assert_uint_eq(take(SNAPSHOT_SET_MAX - 1), SNAPSHOT_SET_MAX);
	ck_assert_fails(db_number_take(db, 0, &number, &err), &err, ERR_NO_SPACE,
			"no set number is left");
	ck_assert_fails(db_number_take(db, UINT64_MAX, &number, &err), &err, ERR_NO_SPACE,
			"no set number is left");
	ck_assert_uint_eq(number, 0);
}

END_TEST

START_TEST(number_of_a_transaction_given_up_is_not_burnt)
{
	ck_assert_ok(db_begin(db, &err), &err);
	ck_assert_uint_eq(take(0), 1);
	db_rollback(db);
	ck_assert_uint_eq(take(0), 1);
}

END_TEST

START_TEST(planned_files_are_present_once_complete)
{
	insert_in_state(1, DB_SET_SAVING);
	ck_assert_str_eq(files_of(1), "plan.zip:planned ");
	ck_assert_ok(db_set_plan_file(db, 1, "z.zip", "z", &err), &err);
	ck_assert_ok(db_set_plan_file(db, 1, "y.zip", NULL, &err), &err);
	ck_assert_fails(db_set_plan_file(db, 1, "y.zip", "y", &err), &err, ERR_EXISTS,
			"");
	ck_assert_str_eq(files_of(1), "plan.zip:planned y.zip:planned z.zip:planned ");
	ck_assert_ok(db_set_complete(db, 1, &err), &err);
	ck_assert_str_eq(files_of(1), "plan.zip:present y.zip:present z.zip:present ");
	ck_assert_int_eq(state_of(1), DB_SET_COMPLETE);
	ck_assert_fails(db_set_plan_file(db, 1, "x.zip", "x", &err), &err, ERR_NOT_FOUND,
			"set 1");
	ck_assert_fails(db_set_complete(db, 1, &err), &err, ERR_NOT_FOUND, "set 1");
	insert_in_state(2, DB_SET_IMPORTING);
	ck_assert_ok(db_set_complete(db, 2, &err), &err);
}

END_TEST

START_TEST(half_made_set_can_be_deleted_with_its_files)
{
	insert_in_state(1, DB_SET_SAVING);
	ck_assert_ok(db_set_delete(db, 1, &err), &err);
	insert_in_state(1, DB_SET_SAVING);
	ck_assert_str_eq(files_of(1), "plan.zip:planned ");
}

END_TEST

START_TEST(half_made_set_is_not_forgotten)
{
	insert_in_state(1, DB_SET_SAVING);
	ck_assert_fails(db_set_forget(db, 1, NULL, 0, &err), &err, ERR_NOT_FOUND,
			"set 1");
}

END_TEST

START_TEST(forgetting_a_part_leaves_the_rest)
{
	const char *const names[] = { "b\xff.zip", "a.zip" };
	bool gone = true;

	insert(1, "kept");
	ck_assert_ok(db_set_forget(db, 1, names, 2, &err), &err);
	ck_assert_int_eq(state_of(1), DB_SET_FORGETTING);
	ck_assert_str_eq(files_of(1), "a.zip:going b\xff.zip:going c.zip:present ");
	close_db();
	open_db();
	ck_assert_ok(db_set_forgotten(db, 1, &gone, &err), &err);
	ck_assert(!gone);
	ck_assert_int_eq(state_of(1), DB_SET_COMPLETE);
	ck_assert_str_eq(files_of(1), "c.zip:present ");
	ck_assert_fails(db_set_rename(db, 2, "kept", &err), &err, ERR_EXISTS, "kept");
}

END_TEST

START_TEST(forgetting_all_gives_the_name_free_at_once)
{
	const char *const names[] = { "a.zip", "b\xff.zip", "c.zip" };
	bool gone = false;

	insert(1, "name");
	ck_assert_ok(db_set_forget(db, 1, names, 3, &err), &err);
	insert(2, "name");
	ck_assert_ok(db_set_forgotten(db, 1, &gone, &err), &err);
	ck_assert(gone);
	ck_assert_fails(db_set_forgotten(db, 1, &gone, &err), &err, ERR_NOT_FOUND,
			"set 1");
	ck_assert_fails(db_set_forget(db, 1, NULL, 0, &err), &err, ERR_NOT_FOUND,
			"set 1");
}

END_TEST

START_TEST(forgetting_an_unknown_file_changes_nothing)
{
	const char *const names[] = { "a.zip", "x.zip" };

	insert(1, NULL);
	ck_assert_fails(db_set_forget(db, 1, names, 2, &err), &err, ERR_NOT_FOUND,
			"snapshot set 1 has no file \"x.zip\"");
	ck_assert_int_eq(state_of(1), DB_SET_COMPLETE);
	ck_assert_str_eq(files_of(1), "a.zip:present b\xff.zip:present c.zip:present ");
}

END_TEST

START_TEST(marks_of_a_set_can_be_changed)
{
	_cleanup_(db_set_done) struct db_set set, adopted;

	insert(1, NULL);
	ck_assert_ok(db_set_put_note(db, 1, "note", &err), &err);
	ck_assert_ok(db_set_rename(db, 1, "name", &err), &err);
	ck_assert_ok(db_set_pin(db, 1, true, &err), &err);
	ck_assert_ok(db_set_expire(db, 1, 99, &err), &err);
	ck_assert_ok(db_set_by_name(db, "name", &set, &err), &err);
	ck_assert_str_eq(set.note, "note");
	ck_assert(set.pinned);
	ck_assert_int_eq(set.expires, 99);
	ck_assert_ok(db_set_put_note(db, 1, NULL, &err), &err);
	ck_assert_ok(db_set_adopt(db, 1, &err), &err);
	ck_assert_ok(db_set_get(db, 1, &adopted, &err), &err);
	ck_assert_ptr_null(adopted.note);
	ck_assert(!adopted.automatic);
	ck_assert_int_eq(adopted.expires, 0);
}

END_TEST

/* A set that has one thing that keeps it, or none: its time was over at 100. */
static void insert_expired(uint64_t id, enum db_set_state state,
			   enum db_set_origin origin, bool automatic, int64_t expires)
{
	_cleanup_(db_set_done) struct db_set set;

	db_set_init(&set);
	set.id = id;
	set.state = state;
	set.origin = origin;
	set.automatic = automatic;
	set.expires = expires;
	ck_assert_ok(db_set_insert(db, &set, &err), &err);
}

/* The numbers of what is expired at a time, each followed by a blank. */
static const char *expired_at(int64_t now)
{
	_cleanup_(db_set_list_done) struct db_set_list list = { NULL, 0 };
	static char text[64];
	bool is_expired;

	ck_assert_ok(db_sets_expired(db, now, &list, &err), &err);
	text[0] = '\0';
	for (uint64_t id = 1, i = 0; id < 20; id++) {
		size_t n = strlen(text);

		ck_assert_ok(db_set_is_expired(db, id, now, &is_expired, &err), &err);
		ck_assert(is_expired == (i < list.n && list.sets[i].id == id));
		if (!is_expired)
			continue;
		snprintf(text + n, sizeof(text) - n, "%llu ", (unsigned long long)id);
		i++;
	}
	return text;
}

START_TEST(expired_sets_are_complete_automatic_and_not_pinned)
{
	insert_expired(1, DB_SET_COMPLETE, DB_SET_SAVED, true, 100);
	insert_expired(2, DB_SET_COMPLETE, DB_SET_SAVED, true, 101);
	insert_expired(3, DB_SET_COMPLETE, DB_SET_SAVED, true, 50);
	ck_assert_ok(db_set_pin(db, 3, true, &err), &err);
	insert_expired(4, DB_SET_COMPLETE, DB_SET_SAVED, false, 50);
	insert_expired(5, DB_SET_SAVING, DB_SET_SAVED, true, 50);
	insert_expired(6, DB_SET_COMPLETE, DB_SET_SAVED, true, 0);
	insert_expired(7, DB_SET_COMPLETE, DB_SET_IMPORTED, true, 50);
	insert_expired(8, DB_SET_COMPLETE, DB_SET_FOUND, true, 50);
	insert_expired(9, DB_SET_FORGETTING, DB_SET_SAVED, true, 50);
	insert_expired(10, DB_SET_COMPLETE, DB_SET_SAVED, true, 50);
	ck_assert_str_eq(expired_at(100), "1 10 ");
	ck_assert_str_eq(expired_at(99), "10 ");
	ck_assert_str_eq(expired_at(-5), "");
	ck_assert_ok(db_set_adopt(db, 10, &err), &err);
	ck_assert_str_eq(expired_at(INT64_MAX), "1 2 ");
}

END_TEST

/* A restore of set 1 in a state. */
static uint64_t restored(enum journal_state state, int64_t expires, const char *store)
{
	_cleanup_(db_restore_done) struct db_restore r;
	uint64_t id;

	db_restore_init(&r);
	r.set = 1;
	r.expires = expires;
	r.store = store ? strdup(store) : NULL;
	ck_assert_ok(db_restore_insert(db, &r, &id, &err), &err);
	ck_assert_ok(db_restore_advance(db, id, state, &err), &err);
	return id;
}

START_TEST(set_is_not_expired_while_a_restore_of_it_can_be_undone)
{
	static const enum journal_state rests[] = { JOURNAL_SWAPPING, JOURNAL_RESTORED };

	static const enum journal_state others[] = { JOURNAL_PREPARING, JOURNAL_CLEANING,
						     JOURNAL_CLOSED };

	insert_expired(1, DB_SET_COMPLETE, DB_SET_SAVED, true, 50);
	for (size_t i = 0; i < 3; i++)
		restored(others[i], 0, NULL);
	/* Of another store it is another set. */
	restored(JOURNAL_RESTORED, 0, "/another");
	ck_assert_str_eq(expired_at(100), "1 ");
	for (size_t i = 0; i < 2; i++) {
		uint64_t id = restored(rests[i], 101, NULL);

		ck_assert_str_eq(expired_at(100), "");
		ck_assert_str_eq(expired_at(101), "1 ");
		ck_assert_ok(db_restore_advance(db, id, JOURNAL_CLOSED, &err), &err);
		ck_assert_str_eq(expired_at(100), "1 ");
	}
	restored(JOURNAL_RESTORED, 0, NULL);
	ck_assert_str_eq(expired_at(INT64_MAX), "");
}

END_TEST

START_TEST(states_and_origins_have_names)
{
	ck_assert_str_eq(db_set_state_name(DB_SET_SAVING), "saving");
	ck_assert_str_eq(db_set_state_name(DB_SET_IMPORTING), "importing");
	ck_assert_str_eq(db_set_state_name(DB_SET_COMPLETE), "complete");
	ck_assert_str_eq(db_set_state_name(DB_SET_FORGETTING), "forgetting");
	ck_assert_str_eq(db_set_origin_name(DB_SET_SAVED), "saved");
	ck_assert_str_eq(db_set_origin_name(DB_SET_IMPORTED), "imported");
	ck_assert_str_eq(db_set_origin_name(DB_SET_FOUND), "found");
}

END_TEST

Suite *suite_db_sets(void)
{
	Suite *s = suite_create("db_sets");
	TCase *tc = support_tcase(s, "sets");

	tcase_add_checked_fixture(tc, open_db, close_db);
	tcase_add_test(tc, a_set_has_the_files_that_are_present);
	tcase_add_test(tc, set_comes_back_as_it_was);
	tcase_add_test(tc, set_without_files_or_texts_is_possible);
	tcase_add_test(tc, sets_are_listed_by_number);
	tcase_add_test(tc, unknown_set_is_not_found);
	tcase_add_test(tc, number_and_name_belong_to_one_set);
	tcase_add_test(tc, failed_insert_leaves_nothing);
	tcase_add_test(tc, numbers_outside_the_range_are_no_sets);
	tcase_add_test(tc, planned_files_are_present_once_complete);
	tcase_add_test(tc, half_made_set_can_be_deleted_with_its_files);
	tcase_add_test(tc, half_made_set_is_not_forgotten);
	tcase_add_test(tc, forgetting_a_part_leaves_the_rest);
	tcase_add_test(tc, forgetting_all_gives_the_name_free_at_once);
	tcase_add_test(tc, forgetting_an_unknown_file_changes_nothing);
	tcase_add_test(tc, marks_of_a_set_can_be_changed);
	tcase_add_test(tc, expired_sets_are_complete_automatic_and_not_pinned);
	tcase_add_test(tc, set_is_not_expired_while_a_restore_of_it_can_be_undone);
	tcase_add_test(tc, states_and_origins_have_names);
	tc = support_tcase(s, "numbers");
	tcase_add_checked_fixture(tc, open_db, close_db);
	tcase_add_test(tc, numbers_only_grow);
	tcase_add_test(tc, number_of_a_forgotten_set_is_not_given_again);
	tcase_add_test(tc, numbers_end_where_others_could_not_read_them);
	tcase_add_test(tc, number_of_a_transaction_given_up_is_not_burnt);
	return s;
}
