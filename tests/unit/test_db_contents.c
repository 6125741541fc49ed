/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "state/db.h"
#include "tests/unit/support.h"

static struct db *db;
static struct err err;
static const uint8_t files[DIGEST_SHA256_SIZE] = { 1 };
static const uint8_t hash[DIGEST_SHA256_SIZE] = { 2 };
static const uint8_t alternate[DIGEST_SHA256_SIZE] = { 3 };

static void open_db(void)
{
	err = (struct err)ERR_INIT;
	ck_assert_ok(db_open(support_dirfd(), "DIR", DB_WRITE, &db, &err), &err);
}

static void close_db(void)
{
	db_close(db);
	db = NULL;
	err_clear(&err);
}

/* A set in this state, with two files. */
static void insert_set(uint64_t id, enum db_set_state state)
{
	enum db_file_state f = state == DB_SET_COMPLETE ? DB_FILE_PRESENT : DB_FILE_PLANNED;
	_cleanup_(db_set_done) struct db_set set;

	db_set_init(&set);
	set.id = id;
	set.state = state;
	ck_assert_ok(db_set_add_file(&set, "a", "a", f, &err), &err);
	ck_assert_ok(db_set_add_file(&set, "b", "b", f, &err), &err);
	ck_assert_ok(db_set_insert(db, &set, &err), &err);
}

/* The numbers as digits of one number. */
static uint64_t digits(struct db_ids *ids)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ids->n; i++)
		sum = sum * 10 + ids->ids[i];
	db_ids_done(ids);
	return sum;
}

static uint64_t unread(bool read)
{
	struct db_ids ids;

	ck_assert_ok(db_contents_without_hash(db, read, &ids, &err), &err);
	return digits(&ids);
}

static uint64_t find(const uint8_t *wanted)
{
	struct db_ids ids;

	ck_assert_ok(db_contents_find(db, wanted, &ids, &err), &err);
	return digits(&ids);
}

START_TEST(content_of_a_complete_set_is_unknown_at_first)
{
	insert_set(1, DB_SET_SAVING);
	insert_set(2, DB_SET_COMPLETE);
	ck_assert_uint_eq(unread(false), 2);
	ck_assert_ok(db_set_complete(db, 1, &err), &err);
	ck_assert_uint_eq(unread(false), 12);
	ck_assert_uint_eq(find(hash), 0);
}

END_TEST

START_TEST(content_is_found_by_both_forms)
{
	struct db_contents *rows;
	size_t n;

	for (uint64_t id = 1; id <= 3; id++)
		insert_set(id, DB_SET_COMPLETE);
	ck_assert_ok(db_contents_put(db, 1, files, hash, alternate, &err), &err);
	ck_assert_ok(db_contents_put(db, 3, files, hash, alternate, &err), &err);
	ck_assert_uint_eq(find(hash), 13);
	ck_assert_uint_eq(find(alternate), 13);
	ck_assert_uint_eq(find(files), 0);
	ck_assert_uint_eq(unread(true), 2);
	ck_assert_ok(db_contents_files(db, &rows, &n, &err), &err);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(rows[1].set, 3);
	ck_assert_mem_eq(rows[1].files, files, sizeof(files));
	free(rows);
	/* One that is broken is known to have none. */
	ck_assert_ok(db_contents_put(db, 2, files, NULL, alternate, &err), &err);
	ck_assert_uint_eq(unread(false), 0);
	ck_assert_uint_eq(unread(true), 2);
	ck_assert_ok(db_contents_put(db, 2, NULL, NULL, NULL, &err), &err);
	ck_assert_uint_eq(unread(false), 2);
	/* A set that is not there gets no row. */
	ck_assert_ok(db_contents_put(db, 9, files, hash, alternate, &err), &err);
	ck_assert_uint_eq(find(hash), 13);
}

END_TEST

START_TEST(content_goes_with_the_set_and_its_apps)
{
	const char *const a[] = { "a" };
	bool gone;

	insert_set(1, DB_SET_COMPLETE);
	insert_set(2, DB_SET_COMPLETE);
	ck_assert_ok(db_contents_put(db, 1, files, hash, alternate, &err), &err);
	ck_assert_ok(db_contents_put(db, 2, files, hash, alternate, &err), &err);
	ck_assert_ok(db_set_forget(db, 1, a, 1, &err), &err);
	ck_assert_uint_eq(find(hash), 2);
	ck_assert_ok(db_set_forgotten(db, 1, &gone, &err), &err);
	ck_assert(!gone);
	ck_assert_uint_eq(find(hash), 2);
	ck_assert_uint_eq(unread(false), 1);
	ck_assert_ok(db_set_delete(db, 2, &err), &err);
	ck_assert_uint_eq(find(hash), 0);
	ck_assert_uint_eq(unread(true), 1);
}

END_TEST

Suite *suite_db_contents(void)
{
	Suite *s = suite_create("db_contents");
	TCase *tc = support_tcase(s, "contents");

	tcase_add_checked_fixture(tc, open_db, close_db);
	tcase_add_test(tc, content_of_a_complete_set_is_unknown_at_first);
	tcase_add_test(tc, content_is_found_by_both_forms);
	tcase_add_test(tc, content_goes_with_the_set_and_its_apps);
	return s;
}
