/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A database of each earlier version, made by taking away what later steps have made, is
 * brought up to date with all that it holds.
 */

#include <stdlib.h>

#include "state/db_internal.h"
#include "tests/unit/support.h"
#include "tests/unit/support_db.h"

static const uint8_t hash[DIGEST_SHA256_SIZE] = { 2 };
static struct store_file file = { .set = 1, .name = (char[]){ "a" } };
static const struct db_fingerprint print = { "a", "archive.tgz", hash, "fast", &file };

/* back[n] leads from version n + 2 to n + 1. */
static const char *const back[][4] = {
	{ "DROP TRIGGER contents_begin", "DROP TRIGGER contents_begin_anew",
	  "DROP TABLE contents", "PRAGMA user_version=1" },
	{ "DROP TABLE fingerprints", "PRAGMA user_version=2", NULL, NULL },
	{ "PRAGMA user_version=3", NULL, NULL, NULL },
};

#define N_EARLIER ((int)(sizeof(back) / sizeof(back[0])))

/* The schema as a text: all tables, indexes, triggers. */
static char *schema_of(struct db *db)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	char *text = NULL;

	ck_assert_ok(db_query(db, &stmt,
			      "SELECT group_concat(sql, ';') FROM"
			      " (SELECT sql FROM sqlite_schema ORDER BY name)",
			      DB_NO_ARGS, &err),
		     &err);
	ck_assert_int_eq(db_row(db, stmt, &err), 1);
	ck_assert_ok(db_column_str(stmt, 0, &text, &err), &err);
	return text;
}

/* How many files are said to hold what looked like that. */
static void check_print(struct db *db, size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db_held_list held;

	ck_assert_ok(db_fingerprint_find(db, &print, &held, &err), &err);
	ck_assert_uint_eq(held.n, n);
	db_held_list_done(&held);
}

/* Set 1 is complete and known, 2 is being saved, 3 loses an app; the
 * caller frees the schema. */
static char *make_earlier(int version)
{
	static const char *const going[] = { "a" };
	_cleanup_(db_closep) struct db *db = support_db_open(DB_WRITE);
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char *schema = schema_of(db);

	support_db_insert(db, 1, DB_SET_COMPLETE);
	support_db_insert(db, 2, DB_SET_SAVING);
	support_db_insert(db, 3, DB_SET_COMPLETE);
	ck_assert_ok(db_contents_put(db, 1, hash, hash, hash, &err), &err);
	ck_assert_ok(db_set_forget(db, 3, going, 1, &err), &err);
	ck_assert_ok(db_fingerprint_put(db, &print, &err), &err);
	check_print(db, 1);
	for (int i = N_EARLIER - 1; i >= version - 1; i--)
		for (size_t k = 0; k < 4 && back[i][k]; k++)
			ck_assert_ok(db_run(db, back[i][k], DB_NO_ARGS, NULL, &err),
				     &err);
	return schema;
}

static void check_ids(struct db_ids *ids, uint64_t only)
{
	ck_assert_uint_eq(ids->n, only != 0);
	if (only != 0)
		ck_assert_uint_eq(ids->ids[0], only);
	db_ids_done(ids);
}

/* The sets with the known content, and those of which it is to be read; 0: none. */
static void check_contents(struct db *db, uint64_t known, uint64_t unread)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db_ids ids;

	ck_assert_ok(db_contents_find(db, hash, &ids, &err), &err);
	check_ids(&ids, known);
	ck_assert_ok(db_contents_without_hash(db, false, &ids, &err), &err);
	check_ids(&ids, unread);
}

START_TEST(earlier_databases_are_brought_up_to_date)
{
	int version = _i;
	_cleanup_free_ char *schema = make_earlier(version), *now = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(db_closep) struct db *db = support_db_open(DB_WRITE);
	struct db_set_list sets;
	bool gone;

	now = schema_of(db);
	ck_assert_str_eq(now, schema);
	ck_assert_ok(db_check(db, &err), &err);
	ck_assert_ok(db_sets(db, &sets, &err), &err);
	ck_assert_uint_eq(sets.n, 3);
	for (size_t i = 0; i < sets.n; i++)
		ck_assert_uint_eq(sets.sets[i].n_files, 2);
	db_set_list_done(&sets);
	/* What earlier versions took to look unchanged may not have been. */
	check_print(db, 0);
	/* What the first version did not know is to be read; no set
	 * is lost to the index. */
	if (version == 1)
		check_contents(db, 0, 1);
	else
		check_contents(db, 1, 0);
	ck_assert_ok(db_contents_put(db, 1, hash, hash, hash, &err), &err);
	check_contents(db, 1, 0);
	ck_assert_ok(db_set_complete(db, 2, &err), &err);
	check_contents(db, 1, 2);
	ck_assert_ok(db_contents_put(db, 2, hash, NULL, NULL, &err), &err);
	ck_assert_ok(db_set_forgotten(db, 3, &gone, &err), &err);
	check_contents(db, 1, 3);
	ck_assert_ok(db_fingerprint_put(db, &print, &err), &err);
	check_print(db, 1);
	ck_assert_ok(db_set_delete(db, 1, &err), &err);
	check_contents(db, 0, 3);
	check_print(db, 0);
}

END_TEST

START_TEST(readers_leave_earlier_databases_to_a_writer)
{
	static const enum db_mode modes[] = { DB_READ, DB_LOOK };

	char *schema = make_earlier(_i);
	struct db *db = NULL;

	free(schema);
	for (size_t i = 0; i < 2; i++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;

		ck_assert_fails(db_open(support_dirfd(), "DIR", modes[i], &db, &err),
				&err, ERR_UNSUPPORTED,
				"was written by an older setaside");
	}
	db_close(support_db_open(DB_WRITE));
	for (size_t i = 0; i < 2; i++)
		db_close(support_db_open(modes[i]));
}

END_TEST

Suite *suite_db_schema(void)
{
	Suite *s = suite_create("db_schema");
	TCase *tc = support_tcase(s, "db_schema");

	tcase_add_loop_test(tc, earlier_databases_are_brought_up_to_date, 1,
			    N_EARLIER + 1);
	tcase_add_loop_test(tc, readers_leave_earlier_databases_to_a_writer, 1,
			    N_EARLIER + 1);
	return s;
}
