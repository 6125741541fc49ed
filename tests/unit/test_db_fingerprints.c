/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "state/db.h"
#include "tests/unit/support.h"
#include "tests/unit/support_db.h"

static struct db *db;
static struct err err;

static const uint8_t digests[3][DIGEST_SHA256_SIZE] = { { 1 }, { 2 }, { 3 } };

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

/* A set of one file, "<id>.zip", which holds "archive.tgz" of
 * "app" with digests[which]. */
static void insert(uint64_t id, enum db_set_state state, enum db_set_origin origin,
		   int which)
{
	_cleanup_(db_set_done) struct db_set set;
	char name[32];
	struct store_file file = { .set = id,
				   .name = name,
				   .ino = UINT64_MAX - id,
				   .size = 1000 + id,
				   .mtime_sec = -5,
				   .mtime_nsec = 999999999 };
	const struct db_fingerprint f = { "app", "archive.tgz", digests[which],
					  "isa-l fast", &file };

	snprintf(name, sizeof(name), "%llu.zip", (unsigned long long)id);
	db_set_init(&set);
	set.id = id;
	set.state = state;
	set.origin = origin;
	ck_assert_ok(db_set_add_file(&set, name, "app",
				     state == DB_SET_COMPLETE ? DB_FILE_PRESENT
							      : DB_FILE_PLANNED,
				     &err),
		     &err);
	ck_assert_ok(db_set_insert(db, &set, &err), &err);
	ck_assert_ok(db_fingerprint_put(db, &f, &err), &err);
}

/* The numbers of the sets that are found, each with a space behind it. */
static const char *found(const char *app, const char *member, int which,
			 const char *packing)
{
	static char text[256];
	const struct db_fingerprint f = { app, member, digests[which], packing, NULL };
	struct db_held_list list;

	ck_assert_ok(db_fingerprint_find(db, &f, &list, &err), &err);
	text[0] = '\0';
	for (size_t i = 0; i < list.n; i++) {
		const struct store_file *file = &list.files[i];
		size_t n = strlen(text);

		ck_assert_uint_eq(strtoull(file->name, NULL, 10), file->set);
		ck_assert_uint_eq(file->ino, UINT64_MAX - file->set);
		ck_assert_uint_eq(file->size, 1000 + file->set);
		ck_assert_int_eq(file->mtime_sec, -5);
		ck_assert_uint_eq(file->mtime_nsec, 999999999);
		snprintf(text + n, sizeof(text) - n, "%llu ",
			 (unsigned long long)file->set);
	}
	db_held_list_done(&list);
	return text;
}

START_TEST(the_newest_file_with_a_fingerprint_comes_first)
{
	open_db();
	insert(3, DB_SET_COMPLETE, DB_SET_SAVED, 0);
	insert(10, DB_SET_COMPLETE, DB_SET_SAVED, 0);
	insert(7, DB_SET_COMPLETE, DB_SET_SAVED, 0);
	insert(11, DB_SET_COMPLETE, DB_SET_SAVED, 1);
	ck_assert_str_eq(found("app", "archive.tgz", 0, "isa-l fast"), "10 7 3 ");
	ck_assert_str_eq(found("app", "archive.tgz", 0, NULL), "10 7 3 ");
	ck_assert_str_eq(found("app", "archive.tgz", 1, NULL), "11 ");
	ck_assert_str_eq(found("app", "archive.tgz", 2, NULL), "");
	ck_assert_str_eq(found("app", "archive.tgz", 0, "zlib fast"), "");
	ck_assert_str_eq(found("other", "archive.tgz", 0, NULL), "");
	ck_assert_str_eq(found("app", "user/a.tgz", 0, NULL), "");
	close_db();
}

END_TEST

START_TEST(only_complete_sets_that_were_saved_here_count)
{
	open_db();
	insert(1, DB_SET_SAVING, DB_SET_SAVED, 0);
	insert(2, DB_SET_COMPLETE, DB_SET_IMPORTED, 0);
	insert(3, DB_SET_COMPLETE, DB_SET_FOUND, 0);
	ck_assert_str_eq(found("app", "archive.tgz", 0, NULL), "");
	ck_assert_ok(db_set_complete(db, 1, &err), &err);
	ck_assert_str_eq(found("app", "archive.tgz", 0, NULL), "1 ");
	close_db();
}

END_TEST

START_TEST(a_fingerprint_goes_with_its_file)
{
	bool gone;

	open_db();
	insert(1, DB_SET_COMPLETE, DB_SET_SAVED, 0);
	insert(2, DB_SET_COMPLETE, DB_SET_SAVED, 0);
	ck_assert_ok(db_set_forget(db, 2, NULL, 0, &err), &err);
	ck_assert_str_eq(found("app", "archive.tgz", 0, NULL), "1 ");
	ck_assert_ok(db_set_forgotten(db, 2, &gone, &err), &err);
	ck_assert_str_eq(found("app", "archive.tgz", 0, NULL), "1 ");
	ck_assert_ok(db_set_delete(db, 1, &err), &err);
	insert(1, DB_SET_COMPLETE, DB_SET_SAVED, 1);
	ck_assert_str_eq(found("app", "archive.tgz", 0, NULL), "");
	close_db();
}

END_TEST

START_TEST(a_fingerprint_without_its_file_is_refused)
{
	struct store_file file = { .set = 5, .name = (char[]){ "5.zip" } };
	const struct db_fingerprint f = { "app", "archive.tgz", digests[0], "x", &file };

	open_db();
	ck_assert_fails(db_fingerprint_put(db, &f, &err), &err, ERR_CORRUPT,
			"constraint");
	insert(6, DB_SET_COMPLETE, DB_SET_SAVED, 0);
	close_db();
}

END_TEST

Suite *suite_db_fingerprints(void)
{
	Suite *s = suite_create("db_fingerprints");
	TCase *tc = support_tcase(s, "fingerprints");

	tcase_add_test(tc, the_newest_file_with_a_fingerprint_comes_first);
	tcase_add_test(tc, only_complete_sets_that_were_saved_here_count);
	tcase_add_test(tc, a_fingerprint_goes_with_its_file);
	tcase_add_test(tc, a_fingerprint_without_its_file_is_refused);
	return s;
}
