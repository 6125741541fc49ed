/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "state/db.h"
#include "tests/unit/support.h"
#include "tests/unit/support_db.h"

static struct db *db;
static struct err err;
static const uint8_t files[DIGEST_SHA256_SIZE] = { 1 };
static const uint8_t hash[DIGEST_SHA256_SIZE] = { 2 };
static const uint8_t alternate[DIGEST_SHA256_SIZE] = { 3 };

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
	support_db_insert(db, 1, DB_SET_SAVING);
	support_db_insert(db, 2, DB_SET_COMPLETE);
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
		support_db_insert(db, id, DB_SET_COMPLETE);
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

	support_db_insert(db, 1, DB_SET_COMPLETE);
	support_db_insert(db, 2, DB_SET_COMPLETE);
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
