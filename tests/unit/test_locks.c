/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/locks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "state/db.h"
#include "tests/unit/support.h"
#include "tests/unit/support_events.h"

static const struct lock_wait no_wait = { 0, NULL };
static const struct lock_wait long_wait = { 60000, NULL };

static struct locks *open_locks(unsigned flags)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct locks *l = NULL;

	ck_assert_ok(locks_open(support_dirfd(), "DIR", flags, &l, &err), &err);
	return l;
}

/* Takes without waiting; true if it could be had. */
static bool try_take(struct locks *l, struct lock_key key, enum lock_mode mode)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int r = locks_take(l, key, mode, &no_wait, &err);

	ck_assert(r == 0 || err_is(&err, ERR_BUSY));
	return r == 0;
}

static bool is_free(struct locks *l, struct lock_key key)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	bool free = false;

	ck_assert_ok(locks_is_free(l, key, &free, &err), &err);
	return free;
}

START_TEST(lock_file_is_private_and_stays)
{
	struct locks *l = open_locks(0);
	struct stat before, after;

	ck_assert_int_eq(fstatat(support_dirfd(), LOCKS_FILE, &before, 0), 0);
	ck_assert_uint_eq(before.st_mode & 07777, 0600);
	locks_close(l);
	locks_close(open_locks(0));
	ck_assert_int_eq(fstatat(support_dirfd(), LOCKS_FILE, &after, 0), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
}

END_TEST

START_TEST(exclusive_lock_keeps_others_out)
{
	struct locks *a = open_locks(0), *b = open_locks(0);

	ck_assert(try_take(a, LOCK_KEY_SET(5), LOCK_EXCLUSIVE));
	ck_assert(!try_take(b, LOCK_KEY_SET(5), LOCK_EXCLUSIVE));
	ck_assert(!try_take(b, LOCK_KEY_SET(5), LOCK_SHARED));
	ck_assert(!is_free(b, LOCK_KEY_SET(5)));
	ck_assert(is_free(a, LOCK_KEY_SET(5)));
	locks_drop(a, LOCK_KEY_SET(5));
	ck_assert(is_free(b, LOCK_KEY_SET(5)));
	ck_assert(try_take(b, LOCK_KEY_SET(5), LOCK_EXCLUSIVE));
	locks_close(a);
	locks_close(b);
}

END_TEST

START_TEST(shared_lock_keeps_out_only_exclusive_ones)
{
	struct locks *a = open_locks(0), *b = open_locks(0);

	ck_assert(try_take(a, LOCK_KEY_SET(5), LOCK_SHARED));
	ck_assert(try_take(b, LOCK_KEY_SET(5), LOCK_SHARED));
	ck_assert(!try_take(b, LOCK_KEY_SET(5), LOCK_EXCLUSIVE));
	locks_drop(a, LOCK_KEY_SET(5));
	ck_assert(try_take(b, LOCK_KEY_SET(5), LOCK_EXCLUSIVE));
	ck_assert(!try_take(a, LOCK_KEY_SET(5), LOCK_SHARED));
	locks_close(a);
	locks_close(b);
}

END_TEST

START_TEST(different_things_have_different_locks)
{
	const struct lock_key keys[] = {
		LOCK_KEY_COMMIT,
		LOCK_KEY_SET(1),
		LOCK_KEY_SET(2),
		LOCK_KEY_SET(((uint64_t)1 << 53) - 1),
		LOCK_KEY_APP("1"),
		LOCK_KEY_APP("firefox"),
		LOCK_KEY_TARGET("/a"),
		LOCK_KEY_TARGET("/b"),
		LOCK_KEY_TARGET("firefox"),
		LOCK_KEY_ALIVE_SET(1),
		LOCK_KEY_ALIVE_SET(2),
		LOCK_KEY_ALIVE_RESTORE(1),
	};
	struct locks *a = open_locks(0), *b = open_locks(0);

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		ck_assert(try_take(a, keys[i], LOCK_EXCLUSIVE));
		for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++)
			ck_assert_msg(is_free(b, keys[k]) == (i != k), "%zu and %zu", i,
				      k);
		locks_drop(a, keys[i]);
	}
	locks_close(a);
	locks_close(b);
}

END_TEST

START_TEST(lock_taken_twice_is_dropped_twice)
{
	struct locks *a = open_locks(0), *b = open_locks(0);

	ck_assert(try_take(a, LOCK_KEY_APP("x"), LOCK_EXCLUSIVE));
	ck_assert(try_take(a, LOCK_KEY_APP("x"), LOCK_SHARED));
	locks_drop(a, LOCK_KEY_APP("x"));
	ck_assert(!try_take(b, LOCK_KEY_APP("x"), LOCK_SHARED));
	locks_drop(a, LOCK_KEY_APP("x"));
	ck_assert(try_take(b, LOCK_KEY_APP("x"), LOCK_EXCLUSIVE));
	locks_close(a);
	locks_close(b);
}

END_TEST

START_TEST(several_locks_are_all_or_none)
{
	const struct lock_key keys[] = { LOCK_KEY_APP("c"), LOCK_KEY_APP("a"),
					 LOCK_KEY_APP("b"), LOCK_KEY_APP("a") };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct locks *a = open_locks(0), *b = open_locks(0);

	ck_assert(try_take(b, LOCK_KEY_APP("b"), LOCK_EXCLUSIVE));
	ck_assert_fails(locks_take_all(a, keys, 4, LOCK_EXCLUSIVE, &no_wait, &err), &err,
			ERR_BUSY, "app \"b\" is busy");
	ck_assert(is_free(b, LOCK_KEY_APP("a")) && is_free(b, LOCK_KEY_APP("c")));
	locks_drop(b, LOCK_KEY_APP("b"));
	ck_assert_ok(locks_take_all(a, keys, 4, LOCK_EXCLUSIVE, &no_wait, &err), &err);
	for (size_t i = 0; i < 4; i++)
		ck_assert(!is_free(b, keys[i]));
	locks_drop_all(a, keys, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert(is_free(b, keys[i]));
	ck_assert_ok(locks_take_all(a, NULL, 0, LOCK_EXCLUSIVE, &no_wait, &err), &err);
	locks_close(a);
	locks_close(b);
}

END_TEST

START_TEST(failed_batch_leaves_what_was_held_before)
{
	const struct lock_key keys[] = { LOCK_KEY_APP("a"), LOCK_KEY_APP("b"),
					 LOCK_KEY_APP("c") };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct locks *a = open_locks(0), *b = open_locks(0);

	for (size_t i = 0; i < 2; i++)
		ck_assert(try_take(a, keys[i], LOCK_EXCLUSIVE));
	ck_assert(try_take(b, keys[2], LOCK_EXCLUSIVE));
	ck_assert_fails(locks_take_all(a, keys, 3, LOCK_EXCLUSIVE, &no_wait, &err), &err,
			ERR_BUSY, "app \"c\" is busy");
	for (size_t i = 0; i < 2; i++)
		ck_assert(!is_free(b, keys[i]));
	locks_close(a);
	locks_close(b);
}

END_TEST

/* ---- Two processes ---- */

/* A child that holds a lock, notes it in the database, and waits to be ended; its end of
 * the pipe is closed when it is asked to let go. */
static pid_t start_holder(struct lock_key key, enum lock_mode mode, const char *verb,
			  int *ret_release)
{
	int ready[2], release[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(release, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		struct locks *l = NULL;
		struct db *db = NULL;

		close(release[1]);
		if (db_open(support_dirfd(), "DIR", DB_WRITE, &db, &err) < 0 ||
		    locks_open(support_dirfd(), "DIR", 0, &l, &err) < 0 ||
		    locks_use_db(l, db, verb, &err) < 0 ||
		    locks_take(l, key, mode, &no_wait, &err) < 0 ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		(void)!read(release[0], &byte, 1);
		locks_close(l);
		db_close(db);
		_exit(0);
	}
	close(ready[1]);
	close(release[0]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	*ret_release = release[1];
	return pid;
}

static void reap(pid_t pid, int expected)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, expected);
}

START_TEST(busy_lock_names_its_holder)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct locks *l = open_locks(0);
	struct db *db = NULL;
	char who[128];
	int release;
	pid_t pid = start_holder(LOCK_KEY_SET(5), LOCK_SHARED, "restore", &release);

	ck_assert_fails(locks_take(l, LOCK_KEY_SET(5), LOCK_EXCLUSIVE, &no_wait, &err),
			&err, ERR_BUSY,
			"snapshot set 5 is busy: another process is working on it");
	ck_assert_ok(db_open(support_dirfd(), "DIR", DB_READ, &db, &err), &err);
	ck_assert_ok(locks_use_db(l, db, "forget", &err), &err);
	snprintf(who, sizeof(who),
		 "snapshot set 5 is busy: \"restore\" (process %ld) is working on it",
		 (long)pid);
	ck_assert_fails(locks_take(l, LOCK_KEY_SET(5), LOCK_EXCLUSIVE, &no_wait, &err),
			&err, ERR_BUSY, who);
	close(release);
	reap(pid, 0);
	ck_assert_ok(locks_take(l, LOCK_KEY_SET(5), LOCK_EXCLUSIVE, &no_wait, &err),
		     &err);
	locks_close(l);
	db_close(db);
}

END_TEST

START_TEST(killed_holder_lets_go_and_is_not_believed)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct locks *l = open_locks(0), *other = open_locks(0);
	struct db *db = NULL;
	int release;
	pid_t pid = start_holder(LOCK_KEY_APP("git"), LOCK_EXCLUSIVE, "save", &release);

	ck_assert(!try_take(l, LOCK_KEY_APP("git"), LOCK_EXCLUSIVE));
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	reap(pid, SIGKILL);
	close(release);
	ck_assert_ok(db_open(support_dirfd(), "DIR", DB_READ, &db, &err), &err);
	ck_assert_ok(locks_use_db(l, db, "save", &err), &err);
	/* Its note is still there, but somebody else holds the lock, who left none. */
	ck_assert(try_take(other, LOCK_KEY_APP("git"), LOCK_EXCLUSIVE));
	ck_assert_fails(locks_take(l, LOCK_KEY_APP("git"), LOCK_SHARED, &no_wait, &err),
			&err, ERR_BUSY,
			"app \"git\" is busy: another process is working on it");
	locks_close(other);
	ck_assert(try_take(l, LOCK_KEY_APP("git"), LOCK_EXCLUSIVE));
	locks_close(l);
	db_close(db);
}

END_TEST

START_TEST(note_of_a_reused_pid_is_not_believed)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct db_holder liar = { getppid(), 1, (char[]){ "save" } };
	struct locks *l = open_locks(0), *other = open_locks(0);
	struct db_holder *holders = NULL;
	struct db *db = NULL;
	int64_t lock;
	size_t n;

	ck_assert_ok(db_open(support_dirfd(), "DIR", DB_WRITE, &db, &err), &err);
	ck_assert_ok(locks_use_db(other, db, "check", &err), &err);
	ck_assert(try_take(other, LOCK_KEY_COMMIT, LOCK_EXCLUSIVE));
	lock = 0;
	ck_assert_ok(db_holders(db, lock, &holders, &n, &err), &err);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(holders[0].pid, getpid());
	db_holders_done(holders, n);
	db_holder_put_best_effort(db, &lock, 1, &liar, true);
	ck_assert_ok(locks_use_db(l, db, "save", &err), &err);
	ck_assert_fails(locks_take(l, LOCK_KEY_COMMIT, LOCK_EXCLUSIVE, &no_wait, &err),
			&err, ERR_BUSY,
			"the store is busy: another process is working on it");
	locks_close(other);
	locks_close(l);
	db_close(db);
}

END_TEST

START_TEST(notes_go_with_the_locks)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct locks *l = open_locks(0);
	struct db_holder *holders = NULL;
	struct db *db = NULL;
	size_t n;

	ck_assert_ok(db_open(support_dirfd(), "DIR", DB_WRITE, &db, &err), &err);
	/* What was taken before the database was known is noted later. */
	ck_assert(try_take(l, LOCK_KEY_COMMIT, LOCK_EXCLUSIVE));
	ck_assert_ok(locks_use_db(l, db, "save", &err), &err);
	ck_assert_ok(db_holders(db, 0, &holders, &n, &err), &err);
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(holders[0].verb, "save");
	db_holders_done(holders, n);
	locks_drop(l, LOCK_KEY_COMMIT);
	ck_assert_ok(db_holders(db, 0, &holders, &n, &err), &err);
	ck_assert_uint_eq(n, 0);
	db_holders_done(holders, n);
	ck_assert(try_take(l, LOCK_KEY_COMMIT, LOCK_SHARED));
	locks_close(l);
	ck_assert_ok(db_holders(db, 0, &holders, &n, &err), &err);
	ck_assert_uint_eq(n, 0);
	db_holders_done(holders, n);
	db_close(db);
}

END_TEST

START_TEST(waiting_ends_when_the_holder_lets_go)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct locks *l = open_locks(0);
	int release;
	pid_t pid = start_holder(LOCK_KEY_COMMIT, LOCK_EXCLUSIVE, "save", &release);

	/* It may or may not be through with letting go before this process asks. */
	close(release);
	ck_assert_ok(locks_take(l, LOCK_KEY_COMMIT, LOCK_EXCLUSIVE, &long_wait, &err),
		     &err);
	reap(pid, 0);
	locks_close(l);
}

END_TEST

START_TEST(waiting_ends_when_its_time_is_over)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct lock_wait short_wait = { 20, NULL };
	struct locks *a = open_locks(0), *b = open_locks(0);

	ck_assert(try_take(a, LOCK_KEY_COMMIT, LOCK_EXCLUSIVE));
	ck_assert_fails(locks_take(b, LOCK_KEY_COMMIT, LOCK_SHARED, &short_wait, &err),
			&err, ERR_BUSY, "wait longer with --wait");
	locks_close(a);
	locks_close(b);
}

END_TEST

START_TEST(long_waiting_is_told_once)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	struct observer observer = support_events_observer(&events);
	const struct lock_wait wait = { 1200, &observer };
	struct locks *a = open_locks(0), *b = open_locks(0);

	ck_assert(try_take(a, LOCK_KEY_APP("x"), LOCK_EXCLUSIVE));
	ck_assert_fails(locks_take(b, LOCK_KEY_APP("x"), LOCK_SHARED, &wait, &err), &err,
			ERR_BUSY, "app \"x\" is busy");
	ck_assert_str_eq(support_events_text(&events),
			 "waiting: app \"x\" is busy: "
			 "another process is working on it\n");
	locks_close(a);
	locks_close(b);
}

END_TEST

START_TEST(waiting_can_be_cancelled)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	atomic_bool cancel = true;
	const struct observer observer = { .cancel = &cancel };
	const struct lock_wait wait = { 60000, &observer };
	struct locks *a = open_locks(0), *b = open_locks(0);

	ck_assert(try_take(a, LOCK_KEY_COMMIT, LOCK_EXCLUSIVE));
	ck_assert_fails(locks_take(b, LOCK_KEY_COMMIT, LOCK_EXCLUSIVE, &wait, &err), &err,
			ERR_INTERRUPTED, "");
	locks_close(a);
	/* What is free is had all the same: nothing is waited for. */
	ck_assert_ok(locks_take(b, LOCK_KEY_COMMIT, LOCK_EXCLUSIVE, &wait, &err), &err);
	locks_close(b);
}

END_TEST

#define N_PROCESSES 4
#define N_ROUNDS    25

/* Adds 1 to a number in a file, under the commit lock. */
static void count_up(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct locks *l = NULL;
	int fd = openat(support_dirfd(), "count", O_RDWR | O_CLOEXEC);
	uint64_t n;

	if (fd < 0 || locks_open(support_dirfd(), "DIR", 0, &l, &err) < 0)
		_exit(1);
	for (int i = 0; i < N_ROUNDS; i++) {
		if (locks_take(l, LOCK_KEY_COMMIT, LOCK_EXCLUSIVE, &long_wait, &err) <
			    0 ||
		    pread(fd, &n, sizeof(n), 0) != sizeof(n))
			_exit(2);
		n++;
		sched_yield();
		if (pwrite(fd, &n, sizeof(n), 0) != sizeof(n))
			_exit(3);
		locks_drop(l, LOCK_KEY_COMMIT);
	}
	locks_close(l);
	_exit(0);
}

START_TEST(processes_take_turns)
{
	uint64_t n = 0;
	char *text;
	pid_t pids[N_PROCESSES];

	support_file_n(support_dirfd(), "count", 0600, &n, sizeof(n));
	for (int i = 0; i < N_PROCESSES; i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (pids[i] == 0)
			count_up();
	}
	for (int i = 0; i < N_PROCESSES; i++)
		reap(pids[i], 0);
	text = support_read(support_dirfd(), "count", NULL);
	memcpy(&n, text, sizeof(n));
	free(text);
	ck_assert_uint_eq(n, N_PROCESSES * N_ROUNDS);
}

END_TEST

/* ---- Alive bytes ---- */

START_TEST(recovery_waits_for_the_last_worker)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct locks *operation = open_locks(0), *recovery = open_locks(0);
	int one = locks_alive_fd(operation, LOCK_KEY_ALIVE_RESTORE(7), &err), two;

	ck_assert_int_ge(one, 0);
	two = locks_alive_fd(operation, LOCK_KEY_ALIVE_RESTORE(7), &err);
	ck_assert_int_ge(two, 0);
	/* The operation itself is gone, its workers are not. */
	locks_close(operation);
	ck_assert_fails(
		locks_wait_alive(recovery, LOCK_KEY_ALIVE_RESTORE(7), &no_wait, &err),
		&err, ERR_BUSY, "restore 7 is busy");
	close(one);
	ck_assert_fails(
		locks_wait_alive(recovery, LOCK_KEY_ALIVE_RESTORE(7), &no_wait, &err),
		&err, ERR_BUSY, "restore 7 is busy");
	ck_assert_ok(
		locks_wait_alive(recovery, LOCK_KEY_ALIVE_RESTORE(8), &no_wait, &err),
		&err);
	close(two);
	ck_assert_ok(
		locks_wait_alive(recovery, LOCK_KEY_ALIVE_RESTORE(7), &no_wait, &err),
		&err);
	locks_close(recovery);
}

END_TEST

START_TEST(no_worker_starts_during_recovery)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct locks *operation = open_locks(0), *recovery = open_locks(0);

	ck_assert_ok(locks_wait_alive(recovery, LOCK_KEY_ALIVE_SET(3), &no_wait, &err),
		     &err);
	ck_assert_fails(locks_alive_fd(operation, LOCK_KEY_ALIVE_SET(3), &err), &err,
			ERR_BUSY, "the making of snapshot set 3 is busy");
	locks_close(operation);
	locks_close(recovery);
}

END_TEST

START_TEST(worker_descriptor_can_release_nothing_else)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct flock all = { .l_type = F_UNLCK, .l_whence = SEEK_SET };
	struct flock write_lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	struct locks *operation = open_locks(0), *other = open_locks(0);
	int fd;

	ck_assert(try_take(operation, LOCK_KEY_SET(3), LOCK_EXCLUSIVE));
	fd = locks_alive_fd(operation, LOCK_KEY_ALIVE_SET(3), &err);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &all), 0);
	ck_assert(!try_take(other, LOCK_KEY_SET(3), LOCK_SHARED));
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &write_lock), -1);
	ck_assert_int_eq(write(fd, "x", 1), -1);
	close(fd);
	locks_close(operation);
	locks_close(other);
}

END_TEST

START_TEST(replaced_lock_file_is_noticed)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct locks *l = open_locks(0);

	ck_assert_int_eq(unlinkat(support_dirfd(), LOCKS_FILE, 0), 0);
	support_file(support_dirfd(), LOCKS_FILE, 0600, "");
	ck_assert_fails(locks_alive_fd(l, LOCK_KEY_ALIVE_SET(1), &err), &err, ERR_CHANGED,
			"lock file \"DIR/lock\" was replaced");
	locks_close(l);
}

END_TEST

/* ---- Files that are not as they should be ---- */

START_TEST(lock_file_is_never_reached_through_a_link)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct locks *l = NULL;

	support_symlink(support_dirfd(), LOCKS_FILE, "elsewhere");
	ck_assert_fails(locks_open(support_dirfd(), "DIR", 0, &l, &err), &err,
			ERR_CORRUPT, "lock file \"DIR/lock\" is not a regular file");
	ck_assert(!support_exists(support_dirfd(), "elsewhere"));
	ck_assert_int_eq(unlinkat(support_dirfd(), LOCKS_FILE, 0), 0);
	support_node(support_dirfd(), LOCKS_FILE, S_IFIFO | 0600, 0);
	ck_assert_fails(locks_open(support_dirfd(), "DIR", 0, &l, &err), &err,
			ERR_CORRUPT, "not a regular file");
	ck_assert_int_eq(unlinkat(support_dirfd(), LOCKS_FILE, 0), 0);
	support_mkdir(support_dirfd(), LOCKS_FILE, 0700);
	ck_assert_fails(locks_open(support_dirfd(), "DIR", 0, &l, &err), &err,
			ERR_CORRUPT, "not a regular file");
}

END_TEST

START_TEST(reader_does_without_where_it_has_to)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct locks *l = NULL;

	if (!support_become_user())
		return;
	ck_assert_int_eq(fchmod(support_dirfd(), 0500), 0);
	ck_assert_fails(locks_open(support_dirfd(), "DIR", 0, &l, &err), &err, ERR_DENIED,
			"cannot open lock file \"DIR/lock\"");
	l = open_locks(LOCKS_OPTIONAL);
	ck_assert(try_take(l, LOCK_KEY_SET(1), LOCK_SHARED));
	ck_assert_fails(locks_take(l, LOCK_KEY_SET(2), LOCK_EXCLUSIVE, &no_wait, &err),
			&err, ERR_DENIED, "cannot be written");
	ck_assert(is_free(l, LOCK_KEY_SET(1)));
	ck_assert_int_eq(locks_alive_fd(l, LOCK_KEY_ALIVE_SET(1), &err), -1);
	err_clear(&err);
	locks_drop(l, LOCK_KEY_SET(1));
	locks_close(l);
	ck_assert_int_eq(fchmod(support_dirfd(), 0700), 0);
}

END_TEST

START_TEST(reader_with_a_file_to_read_takes_real_locks)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct locks *reader, *writer;

	if (!support_become_user())
		return;
	writer = open_locks(0);
	ck_assert_int_eq(fchmodat(support_dirfd(), LOCKS_FILE, 0400, 0), 0);
	reader = open_locks(LOCKS_OPTIONAL);
	ck_assert(try_take(reader, LOCK_KEY_SET(1), LOCK_SHARED));
	ck_assert(!try_take(writer, LOCK_KEY_SET(1), LOCK_EXCLUSIVE));
	ck_assert_fails(
		locks_take(reader, LOCK_KEY_SET(2), LOCK_EXCLUSIVE, &no_wait, &err), &err,
		ERR_DENIED, "cannot be written");
	locks_close(reader);
	locks_close(writer);
}

END_TEST

#ifdef ENABLE_FAULTS

static int work(struct err *e)
{
	const struct lock_key keys[] = { LOCK_KEY_APP("a"), LOCK_KEY_TARGET("/t") };
	_cleanup_(db_closep) struct db *db = NULL;
	_cleanup_(locks_closep) struct locks *l = NULL, *other = NULL;
	int fd;

	if (db_open(support_dirfd(), "DIR", DB_WRITE, &db, e) < 0 ||
	    locks_open(support_dirfd(), "DIR", 0, &l, e) < 0 ||
	    locks_open(support_dirfd(), "DIR", 0, &other, e) < 0 ||
	    locks_use_db(l, db, "save", e) < 0 ||
	    locks_use_db(other, db, "check", e) < 0 ||
	    locks_take_all(l, keys, 2, LOCK_EXCLUSIVE, &no_wait, e) < 0)
		return -1;
	/* To be refused is no failure, whatever becomes of the words for it. */
	if (locks_take(other, keys[0], LOCK_SHARED, &no_wait, e) < 0 &&
	    err_is(e, ERR_BUSY))
		err_clear(e);
	if (!err_is(e, ERR_NONE))
		return -1;
	fd = locks_alive_fd(l, LOCK_KEY_ALIVE_SET(1), e);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

/* Lets the nth point fail; true if there were that many. */
static bool try_with_fault(enum fault_class points, uint64_t nth)
{
	_cleanup_(err_clear) struct err failure = ERR_INIT;
	bool failed, struck;

	/* Not EIO, which SQLite takes for damage where it reads. */
	fault_arm(&(struct fault_plan){ points, FAULT_ONCE, nth, EREMOTEIO });
	failed = work(&failure) < 0;
	struck = fault_disarm();
	/* Best effort may fail without a word, but nothing else does. */
	ck_assert_int_eq(failed, failure.kind != ERR_NONE);
	if (failed)
		ck_assert_err(&failure, points == FAULT_ALLOC ? ERR_NOMEM : ERR_IO, "");
	ck_assert(struck || !failed);
	return struck;
}
#endif

START_TEST(locks_survive_every_failure)
{
#ifdef ENABLE_FAULTS
	uint64_t nth;

	for (nth = 1; try_with_fault(FAULT_ALLOC, nth); nth++)
		;
	ck_assert_uint_gt(nth, 8);
	for (nth = 1; try_with_fault(FAULT_CALL, nth); nth++)
		;
	ck_assert_uint_gt(nth, 8);
#else
	support_skip("built without faults");
#endif
}

END_TEST

START_TEST(nothing_but_a_holder_is_taken_for_one)
{
#ifdef ENABLE_FAULTS
	static const int errnums[] = { EINTR, EACCES };

	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(locks_closep) struct locks *l = NULL;

	ck_assert_ok(locks_open(support_dirfd(), "DIR", 0, &l, &err), &err);
	for (size_t i = 0; i < sizeof(errnums) / sizeof(errnums[0]); i++) {
		bool struck = true;

		for (uint64_t nth = 1; struck; nth++) {
			_cleanup_(err_clear) struct err failure = ERR_INIT;

			fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, nth,
							errnums[i] });
			if (locks_take(l, LOCK_KEY_COMMIT, LOCK_EXCLUSIVE, &no_wait,
				       &failure) == 0)
				locks_drop(l, LOCK_KEY_COMMIT);
			struck = fault_disarm();
			ck_assert(!err_is(&failure, ERR_BUSY));
		}
	}
#else
	support_skip("built without faults");
#endif
}

END_TEST

Suite *suite_locks(void)
{
	Suite *s = suite_create("locks");
	TCase *tc = support_tcase(s, "locks");

	tcase_add_test(tc, lock_file_is_private_and_stays);
	tcase_add_test(tc, exclusive_lock_keeps_others_out);
	tcase_add_test(tc, shared_lock_keeps_out_only_exclusive_ones);
	tcase_add_test(tc, different_things_have_different_locks);
	tcase_add_test(tc, lock_taken_twice_is_dropped_twice);
	tcase_add_test(tc, several_locks_are_all_or_none);
	tcase_add_test(tc, failed_batch_leaves_what_was_held_before);
	tc = support_tcase(s, "processes");
	tcase_add_test(tc, busy_lock_names_its_holder);
	tcase_add_test(tc, killed_holder_lets_go_and_is_not_believed);
	tcase_add_test(tc, note_of_a_reused_pid_is_not_believed);
	tcase_add_test(tc, notes_go_with_the_locks);
	tcase_add_test(tc, waiting_ends_when_the_holder_lets_go);
	tcase_add_test(tc, waiting_ends_when_its_time_is_over);
	tcase_add_test(tc, long_waiting_is_told_once);
	tcase_add_test(tc, waiting_can_be_cancelled);
	tcase_add_test(tc, processes_take_turns);
	tc = support_tcase(s, "alive");
	tcase_add_test(tc, recovery_waits_for_the_last_worker);
	tcase_add_test(tc, no_worker_starts_during_recovery);
	tcase_add_test(tc, worker_descriptor_can_release_nothing_else);
	tcase_add_test(tc, replaced_lock_file_is_noticed);
	tc = support_tcase(s, "files");
	tcase_add_test(tc, lock_file_is_never_reached_through_a_link);
	tcase_add_test(tc, reader_does_without_where_it_has_to);
	tcase_add_test(tc, reader_with_a_file_to_read_takes_real_locks);
	tc = support_tcase(s, "faults");
	tcase_add_test(tc, locks_survive_every_failure);
	tcase_add_test(tc, nothing_but_a_holder_is_taken_for_one);
	return s;
}
