/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/fault.h"
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

/* A file that changed long ago. */
static struct store_file old_file(const char *name)
{
	return (struct store_file){ .set = 1,
				    .name = (char *)(uintptr_t)name,
				    .size = 100,
				    .dev = 5,
				    .ino = UINT64_MAX - 1,
				    .mtime_sec = 1000,
				    .ctime_sec = 1001,
				    .mtime_nsec = 2,
				    .ctime_nsec = 3 };
}

/* Is there a record of this file, and does it say so?  "!" in front: it is broken. */
static bool says(const struct store_file *file, const char *text)
{
	struct buf meta = BUF_INIT;
	char *broken = NULL;
	bool same = false;

	if (db_cache_get(db, file, &meta, &broken))
		same = broken ? text[0] == '!' && strcmp(broken, text + 1) == 0
			      : meta.len == strlen(text) &&
					memcmp(meta.data, text, meta.len) == 0;
	buf_done(&meta);
	free(broken);
	return same;
}

static bool is_known(const struct store_file *file)
{
	struct buf meta = BUF_INIT;
	char *broken = NULL;
	bool known = db_cache_get(db, file, &meta, &broken);

	buf_done(&meta);
	free(broken);
	return known;
}

START_TEST(what_was_put_is_got_again)
{
	struct store_file a = old_file("a\xff.zip"), b = old_file("b.zip");

	ck_assert(!is_known(&a));
	db_cache_put_best_effort(db, &a, "packed", 6, NULL);
	db_cache_put_best_effort(db, &b, NULL, 0, "why");
	ck_assert(says(&a, "packed"));
	ck_assert(says(&b, "!why"));
	close_db();
	open_db();
	ck_assert(says(&a, "packed"));
	db_cache_put_best_effort(db, &a, NULL, 0, "now broken");
	ck_assert(says(&a, "!now broken"));
}

END_TEST

START_TEST(record_is_appended_to_what_is_there)
{
	struct store_file a = old_file("a.zip");
	struct buf meta = BUF_INIT;
	char *broken = NULL;

	db_cache_put_best_effort(db, &a, "tail", 4, NULL);
	ck_assert_ok(buf_add_str(&meta, "head ", &err), &err);
	ck_assert(db_cache_get(db, &a, &meta, &broken));
	ck_assert_str_eq(meta.data, "head tail");
	ck_assert_ptr_null(broken);
	buf_done(&meta);
}

END_TEST

START_TEST(changed_file_is_not_the_one_that_was_read)
{
	struct store_file a = old_file("a.zip");

	db_cache_put_best_effort(db, &a, "packed", 6, NULL);
#define ASSERT_OTHER(field)                                                              \
 do {                                                                                    \
  struct store_file other = a;                                                           \
  other.field++;                                                                         \
  ck_assert_msg(!is_known(&other), #field " does not count");                            \
 } while (0)
	ASSERT_OTHER(size);
	ASSERT_OTHER(ino);
	ASSERT_OTHER(mtime_sec);
	ASSERT_OTHER(mtime_nsec);
	ASSERT_OTHER(ctime_sec);
	ASSERT_OTHER(ctime_nsec);
#undef ASSERT_OTHER
	/* But a device may have another number after a reboot. */
	a.dev++;
	ck_assert(is_known(&a));
}

END_TEST

/* Puts a file of that name that changed just now; false if it may
 * have settled meanwhile. */
static bool put_at_once(const char *name, struct store_file *ret)
{
	struct timespec now, then;

	*ret = old_file(name);
	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &now), 0);
	ret->ctime_sec = now.tv_sec;
	ret->ctime_nsec = (uint32_t)now.tv_nsec;
	db_cache_put_best_effort(db, ret, "packed", 6, NULL);
	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &then), 0);
	return (then.tv_sec - now.tv_sec) * 1000000000LL + then.tv_nsec - now.tv_nsec <
	       40000000;
}

START_TEST(file_that_changed_just_now_is_not_taken)
{
	struct store_file a;
	char name[32];
	int tries = 0;

	do {
		if (++tries > 50) {
			support_skip("this machine is too slow for it");
			return;
		}
		snprintf(name, sizeof(name), "%d.zip", tries);
	} while (!put_at_once(name, &a));
	ck_assert(!is_known(&a));
	a.ctime_sec += 1000;
	db_cache_put_best_effort(db, &a, "packed", 6, NULL);
	ck_assert(!is_known(&a));
	a.ctime_sec = INT64_MIN;
	db_cache_put_best_effort(db, &a, "packed", 6, NULL);
	ck_assert(is_known(&a));
}

END_TEST

START_TEST(records_without_files_are_pruned)
{
	struct store_file files[] = { old_file("10_b.zip"), old_file("2_c.zip"),
				      old_file("9_a.zip") };
	const struct store_list all = { .files = files, .n = 3 };
	const struct store_list two = { .files = files, .n = 2 };
	const struct store_list none = { .files = NULL, .n = 0 };

	for (size_t i = 0; i < 3; i++)
		db_cache_put_best_effort(db, &files[i], "x", 1, NULL);
	db_cache_prune_best_effort(db, &all);
	for (size_t i = 0; i < 3; i++)
		ck_assert(is_known(&files[i]));
	db_cache_prune_best_effort(db, &two);
	ck_assert(is_known(&files[0]) && is_known(&files[1]) && !is_known(&files[2]));
	db_cache_prune_best_effort(db, &none);
	ck_assert(!is_known(&files[0]) && !is_known(&files[1]));
}

END_TEST

START_TEST(cache_does_not_wait_for_a_writer)
{
	struct store_file a = old_file("a.zip");
	struct db *writer = NULL;

	ck_assert_ok(db_open(support_dirfd(), "DIR", DB_WRITE, &writer, &err), &err);
	ck_assert_ok(db_begin(writer, &err), &err);
	db_cache_put_best_effort(db, &a, "packed", 6, NULL);
	db_rollback(writer);
	ck_assert(!is_known(&a));
	db_cache_put_best_effort(db, &a, "packed", 6, NULL);
	ck_assert(is_known(&a));
	db_close(writer);
}

END_TEST

START_TEST(reader_writes_the_cache_too)
{
	struct store_file a = old_file("a.zip");

	close_db();
	ck_assert_ok(db_open(support_dirfd(), "DIR", DB_READ, &db, &err), &err);
	db_cache_put_best_effort(db, &a, "packed", 6, NULL);
	ck_assert(is_known(&a));
}

END_TEST

START_TEST(reader_without_rights_does_without)
{
	struct store_file a = old_file("a.zip"), b = old_file("b.zip");
	const struct store_list none = { .files = NULL, .n = 0 };

	close_db();
	if (!support_become_user())
		return;
	/* The directory is another's now, and so would be a file that root had made. */
	ck_assert_int_eq(fchmod(support_dirfd(), 0700), 0);
	(void)unlinkat(support_dirfd(), DB_FILE, 0);
	open_db();
	db_cache_put_best_effort(db, &a, "packed", 6, NULL);
	close_db();
	ck_assert_int_eq(fchmodat(support_dirfd(), DB_FILE, 0400, 0), 0);
	ck_assert_ok(db_open(support_dirfd(), "DIR", DB_READ, &db, &err), &err);
	db_cache_put_best_effort(db, &b, "packed", 6, NULL);
	db_cache_prune_best_effort(db, &none);
	ck_assert(is_known(&a));
	ck_assert(!is_known(&b));
}

END_TEST

START_TEST(cache_may_be_part_of_a_transaction)
{
	struct store_file a = old_file("a.zip");

	ck_assert_ok(db_begin(db, &err), &err);
	db_cache_put_best_effort(db, &a, "packed", 6, NULL);
	ck_assert(is_known(&a));
	db_rollback(db);
	ck_assert(!is_known(&a));
}

END_TEST

START_TEST(many_are_put_in_one_transaction)
{
	struct store_file a = old_file("a.zip"), b = old_file("b.zip");
	struct db *other = NULL;

	ck_assert_ok(db_open(support_dirfd(), "DIR", DB_WRITE, &other, &err), &err);
	ck_assert(db_cache_begin_best_effort(db));
	db_cache_put_best_effort(db, &a, "packed", 6, NULL);
	ck_assert(!db_cache_begin_best_effort(other));
	db_cache_put_best_effort(db, &b, NULL, 0, "why");
	db_cache_end_best_effort(db);
	ck_assert(says(&a, "packed") && says(&b, "!why"));
	ck_assert(db_cache_begin_best_effort(other));
	db_cache_end_best_effort(other);
	db_close(other);
}

END_TEST

START_TEST(what_is_read_together_is_of_one_moment)
{
	struct store_file a = old_file("a.zip");
	struct db *other = NULL;

	ck_assert_ok(db_open(support_dirfd(), "DIR", DB_WRITE, &other, &err), &err);
	db_read_begin_best_effort(db);
	ck_assert(!is_known(&a));
	db_cache_put_best_effort(other, &a, "packed", 6, NULL);
	ck_assert(!is_known(&a));
	ck_assert(db_read_end(db));
	ck_assert(is_known(&a));
	ck_assert(!db_read_end(db));
	/* Within a transaction there is nothing to do, and nothing is undone. */
	ck_assert_ok(db_begin(db, &err), &err);
	db_read_begin_best_effort(db);
	db_cache_put_best_effort(db, &a, "newer", 5, NULL);
	ck_assert(!db_read_end(db));
	ck_assert_ok(db_commit(db, &err), &err);
	ck_assert(says(&a, "newer"));
	db_close(other);
}

END_TEST

/* Whatever of the memory for ending it fails once: a transaction
 * can be begun afterwards. */
START_TEST(reading_together_ends_when_memory_is_short)
{
#ifdef ENABLE_FAULTS
	struct store_file a = old_file("a.zip");
	uint64_t nth = 0;
	bool struck;

	do {
		db_read_begin_best_effort(db);
		ck_assert(!is_known(&a));
		fault_arm(&(struct fault_plan){ FAULT_ALLOC, FAULT_ONCE, ++nth, 0 });
		ck_assert(db_read_end(db));
		struck = fault_disarm();
		ck_assert_ok(db_begin(db, &err), &err);
		db_rollback(db);
	} while (struck);
	ck_assert_uint_gt(nth, 1);
#else
	support_skip("built without faults");
#endif
}

END_TEST

START_TEST(holders_are_known_by_lock_and_process)
{
	const int64_t locks[] = { 5, INT64_MAX };
	const struct db_holder one = { 100, UINT64_MAX, TEXT("save") };
	const struct db_holder two = { 200, 7, TEXT("check") };
	struct db_holder *got = NULL;
	size_t n = 0;

	db_holder_put_best_effort(db, locks, 2, &one, false);
	db_holder_put_best_effort(db, locks, 1, &two, false);
	ck_assert_ok(db_holders(db, 5, &got, &n, &err), &err);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(got[0].pid, 100);
	ck_assert_uint_eq(got[0].start, UINT64_MAX);
	ck_assert_str_eq(got[0].verb, "save");
	ck_assert_str_eq(got[1].verb, "check");
	db_holders_done(got, n);
	db_holder_drop_best_effort(db, locks, 1, &one);
	ck_assert_ok(db_holders(db, 5, &got, &n, &err), &err);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(got[0].pid, 200);
	db_holders_done(got, n);
	db_holder_put_best_effort(db, locks, 2, &two, true);
	ck_assert_ok(db_holders(db, INT64_MAX, &got, &n, &err), &err);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(got[0].pid, 200);
	db_holders_done(got, n);
	ck_assert_ok(db_holders(db, 6, &got, &n, &err), &err);
	ck_assert_uint_eq(n, 0);
	db_holders_done(got, n);
}

END_TEST

Suite *suite_db_cache(void)
{
	Suite *s = suite_create("db_cache");
	TCase *tc = support_tcase(s, "cache");

	tcase_add_checked_fixture(tc, open_db, close_db);
	tcase_add_test(tc, what_was_put_is_got_again);
	tcase_add_test(tc, record_is_appended_to_what_is_there);
	tcase_add_test(tc, changed_file_is_not_the_one_that_was_read);
	tcase_add_test(tc, file_that_changed_just_now_is_not_taken);
	tcase_add_test(tc, records_without_files_are_pruned);
	tcase_add_test(tc, cache_does_not_wait_for_a_writer);
	tcase_add_test(tc, reader_writes_the_cache_too);
	tcase_add_test(tc, reader_without_rights_does_without);
	tcase_add_test(tc, cache_may_be_part_of_a_transaction);
	tcase_add_test(tc, many_are_put_in_one_transaction);
	tcase_add_test(tc, what_is_read_together_is_of_one_moment);
	tcase_add_test(tc, reading_together_ends_when_memory_is_short);
	tc = support_tcase(s, "holders");
	tcase_add_checked_fixture(tc, open_db, close_db);
	tcase_add_test(tc, holders_are_known_by_lock_and_process);
	return s;
}
