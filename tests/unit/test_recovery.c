/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/recovery.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state/db.h"
#include "state/locks.h"
#include "tests/unit/support.h"

#define N_FILES 1000
#define N_SETS  60
#define N_LOOKS 20 /* of recovery, while one of them is made */

static const struct lock_wait long_wait = { 60000, NULL };

/* A session that changes things, but leaves recovery to the test. */
static struct session *open_session(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const char *store = support_path("store");
	struct session_options o = {
		.mode = SESSION_USER,
		.access = SESSION_DOCTOR,
		.store = store,
		.verb = "test",
		.wait_ms = 60000,
		.home = support_dir(),
	};
	struct session *s = NULL;

	ck_assert_ok(session_open(&o, &s, &err), &err);
	return s;
}

/* What a maker of sets and restores needs. */
struct maker {
	int store, snapshots;
	struct db *db;
	struct locks *locks;
	struct err err;
};

static void maker_init(struct maker *m)
{
	m->err = (struct err)ERR_INIT;
	m->store = openat(support_dirfd(), "store", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	m->snapshots = openat(m->store, "snapshots", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->snapshots < 0 ||
	    db_open(m->store, "STORE", DB_WRITE, &m->db, &m->err) < 0 ||
	    locks_open(m->store, "STORE", 0, &m->locks, &m->err) < 0)
		_exit(1);
}

static void maker_done(struct maker *m)
{
	locks_close(m->locks);
	db_close(m->db);
	close(m->snapshots);
	close(m->store);
	err_clear(&m->err);
}

/* A child that makes something and tells so by bytes, which *ret_told reads. */
static pid_t start_maker(int (*make)(struct maker *m, int told), int *ret_told)
{
	int told[2];
	pid_t pid;

	ck_assert_int_eq(pipe2(told, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct maker m;
		int status;

		close(told[0]);
		maker_init(&m);
		status = make(&m, told[1]) < 0 ? 2 : 0;
		maker_done(&m);
		_exit(status);
	}
	close(told[1]);
	*ret_told = told[0];
	return pid;
}

/* One set, in the order in which a save goes: the row under the commit lock, then file
 * and commit under the set's. */
static int make_set(struct maker *m, uint64_t id)
{
	_cleanup_(db_set_done) struct db_set set;
	char name[64];

	db_set_init(&set);
	set.id = id;
	snprintf(name, sizeof(name), "%llu_app_1_x1.zip", (unsigned long long)id);
	if (db_set_add_file(&set, name, "app", DB_FILE_PLANNED, &m->err) < 0 ||
	    locks_take(m->locks, LOCK_KEY_COMMIT, LOCK_EXCLUSIVE, &long_wait, &m->err) <
		    0 ||
	    db_set_insert(m->db, &set, &m->err) < 0 ||
	    locks_take(m->locks, LOCK_KEY_SET(id), LOCK_EXCLUSIVE, &long_wait, &m->err) <
		    0)
		return -1;
	locks_drop(m->locks, LOCK_KEY_COMMIT);
	support_file(m->snapshots, name, 0600, "a zip");
	if (db_set_complete(m->db, id, &m->err) < 0)
		return -1;
	locks_drop(m->locks, LOCK_KEY_SET(id));
	return 0;
}

/* A set whose maker is gone and whose many files take a while to remove. */
static void leave_set(struct maker *m, uint64_t id)
{
	_cleanup_(db_set_done) struct db_set set;
	char name[64];

	db_set_init(&set);
	set.id = id;
	for (int i = 0; i < N_FILES; i++) {
		snprintf(name, sizeof(name), "%llu_app%d_1_x1.zip",
			 (unsigned long long)id, i);
		ck_assert_ok(db_set_add_file(&set, name, "app", DB_FILE_PLANNED, &m->err),
			     &m->err);
		support_file(m->snapshots, name, 0600, "half a zip");
	}
	ck_assert_ok(db_set_insert(m->db, &set, &m->err), &m->err);
}

/* Has begun set 2 when it writes a byte, and completes it when the first files
 * of set 1 are gone. Should it be so late that recovery has come by meanwhile,
 * that finds the set held. */
static int make_set_2(struct maker *m, int told)
{
	_cleanup_(db_set_done) struct db_set set;
	size_t all;

	db_set_init(&set);
	set.id = 2;
	if (locks_take(m->locks, LOCK_KEY_SET(2), LOCK_EXCLUSIVE, &long_wait, &m->err) <
		    0 ||
	    db_set_add_file(&set, "2_app_1_x1.zip", "app", DB_FILE_PLANNED, &m->err) <
		    0 ||
	    db_set_insert(m->db, &set, &m->err) < 0)
		return -1;
	support_file(m->snapshots, "2_app_1_x1.zip", 0600, "a zip");
	all = support_count(m->snapshots, ".");
	if (write(told, "", 1) != 1)
		return -1;
	while (support_count(m->snapshots, ".") == all)
		sched_yield();
	if (db_set_complete(m->db, 2, &m->err) < 0)
		return -1;
	locks_drop(m->locks, LOCK_KEY_SET(2));
	return 0;
}

START_TEST(recovery_reads_a_row_again_when_it_holds_the_set)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(strings_done) struct strings errors = STRINGS_INIT;
	int status = 0, told;
	struct maker m;
	size_t count = 0;
	pid_t pid;
	char byte;

	if (!support_need_openat2())
		return;
	s = open_session();
	maker_init(&m);
	leave_set(&m, 1);
	maker_done(&m);
	pid = start_maker(make_set_2, &told);
	ck_assert_int_eq(read(told, &byte, 1), 1);
	close(told);
	/* Set 2 is unfinished in the rows it reads, and complete when it comes to it. */
	ck_assert_ok(recovery_clean_imports(s, &count, &errors, &err), &err);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(errors.n, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_msg(support_exists(support_dirfd(), "store/snapshots/2_app_1_x1.zip"),
		      "set 2 is gone");
}

END_TEST

/* Sets one after the other, and a byte before each. */
static int make_sets(struct maker *m, int told)
{
	for (uint64_t id = 1; id <= N_SETS; id++)
		if (write(told, "", 1) != 1 || make_set(m, id) < 0)
			return -1;
	return 0;
}

START_TEST(recovery_leaves_sets_alone_that_others_complete_meanwhile)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	int status = 0, told;
	pid_t pid;
	char byte;

	if (!support_need_openat2())
		return;
	s = open_session();
	pid = start_maker(make_sets, &told);
	/* As often for each set as gives it no rest, yet not without end: a lock is asked
	 * for in turns, and whoever never leaves it for long starves the others. */
	while (read(told, &byte, 1) == 1) {
		for (int i = 0; i < N_LOOKS; i++) {
			_cleanup_(strings_done) struct strings errors = STRINGS_INIT;
			size_t count = 0;

			ck_assert_ok(recovery_clean_imports(s, &count, &errors, &err),
				     &err);
			ck_assert_uint_eq(count, 0);
			ck_assert_uint_eq(errors.n, 0);
		}
	}
	close(told);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	for (int id = 1; id <= N_SETS; id++) {
		char name[64];

		snprintf(name, sizeof(name), "store/snapshots/%d_app_1_x1.zip", id);
		ck_assert_msg(support_exists(support_dirfd(), name), "%s is gone", name);
	}
}

END_TEST

START_TEST(recovery_removes_a_set_whose_maker_is_gone)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(strings_done) struct strings errors = STRINGS_INIT;
	struct db_set set;
	struct maker m;
	size_t count = 0;

	if (!support_need_openat2())
		return;
	s = open_session();
	maker_init(&m);
	db_set_init(&set);
	set.id = 7;
	ck_assert_ok(db_set_add_file(&set, "7_app_1_x1.zip", NULL, DB_FILE_PLANNED, &err),
		     &err);
	ck_assert_ok(db_set_insert(m.db, &set, &err), &err);
	db_set_done(&set);
	support_file(m.snapshots, "7_app_1_x1.zip", 0600, "half a zip");
	/* While it is held, it is passed over. */
	ck_assert_ok(
		locks_take(m.locks, LOCK_KEY_SET(7), LOCK_EXCLUSIVE, &long_wait, &err),
		&err);
	ck_assert_ok(recovery_clean_imports(s, &count, &errors, &err), &err);
	ck_assert_uint_eq(count, 0);
	ck_assert(support_exists(m.snapshots, "7_app_1_x1.zip"));
	locks_drop(m.locks, LOCK_KEY_SET(7));
	ck_assert_ok(recovery_clean_imports(s, &count, &errors, &err), &err);
	ck_assert_uint_eq(count, 1);
	ck_assert(!support_exists(m.snapshots, "7_app_1_x1.zip"));
	ck_assert_fails(db_set_get(m.db, 7, &set, &err), &err, ERR_NOT_FOUND, "set 7");
	maker_done(&m);
}

END_TEST

/* A restore whose app lock is free and whose worker lives; it is through only after
 * recovery has read its row, for only then recovery has the app's lock. */
static int end_restore_late(struct maker *m, int ready)
{
	const struct journal_item item = { .kind = JOURNAL_SWAP,
					   .parent = (char[]){ "/nowhere" },
					   .name = (char[]){ "x" },
					   .aside = (char[]){ "x.~abcdefghi~" } };
	bool is_free = true;
	struct db_restore r;
	struct db_journal j;
	uint64_t id;
	int result, alive;

	db_restore_init(&r);
	r.apps = (char[]){ "app" };
	if (db_restore_insert(m->db, &r, &id, &m->err) < 0)
		return -1;
	db_journal_init(&j, m->db, id);
	alive = locks_alive_fd(m->locks, LOCK_KEY_ALIVE_RESTORE(id), &m->err);
	result = alive < 0 ? -1 : j.journal.put(&j, &item, 1, JOURNAL_PREPARING, &m->err);
	if (write(ready, "x", 1) != 1)
		result = -1;
	while (result == 0 && is_free) {
		result = locks_is_free(m->locks, LOCK_KEY_APP("app"), &is_free, &m->err);
		sched_yield();
	}
	if (result == 0)
		result = j.journal.advance(&j, JOURNAL_SWAPPING, &m->err);
	if (result == 0)
		result = j.journal.advance(&j, JOURNAL_RESTORED, &m->err);
	close(alive);
	return result;
}

START_TEST(recovery_leaves_a_restore_alone_that_ended_meanwhile)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(db_restore_done) struct db_restore r;
	struct recovery_report report;
	int status = 0, ready;
	struct maker m;
	char byte;
	pid_t pid;

	db_restore_init(&r);
	if (!support_need_openat2())
		return;
	s = open_session();
	pid = start_maker(end_restore_late, &ready);
	ck_assert_int_eq(read(ready, &byte, 1), 1);
	close(ready);
	ck_assert_ok(recovery_run(s, &report, &err), &err);
	ck_assert_uint_eq(report.n_repaired + report.n_left, 0);
	recovery_report_done(&report);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	maker_init(&m);
	ck_assert_ok(db_restore_get(m.db, 1, &r, &err), &err);
	ck_assert_int_eq(r.state, JOURNAL_RESTORED);
	maker_done(&m);
}

END_TEST

Suite *suite_recovery(void)
{
	Suite *s = suite_create("recovery");
	TCase *tc = support_tcase(s, "recovery");

	tcase_add_test(tc, recovery_removes_a_set_whose_maker_is_gone);
	tcase_add_test(tc, recovery_reads_a_row_again_when_it_holds_the_set);
	tcase_add_test(tc, recovery_leaves_sets_alone_that_others_complete_meanwhile);
	tcase_add_test(tc, recovery_leaves_a_restore_alone_that_ended_meanwhile);
	return s;
}
