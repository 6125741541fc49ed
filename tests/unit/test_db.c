/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/db.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "tests/unit/support.h"
#include "tests/unit/support_db.h"

#define USER_VERSION   60 /* offsets in the header of an SQLite file */
#define APPLICATION_ID 68
#define PAGE           4096

/* One that was written and closed. */
static void make_db(void)
{
	db_close(support_db_open(DB_WRITE));
}

/* A set with these values and one file. */
static void insert_set(struct db *db, uint64_t id, const char *name)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(db_set_done) struct db_set set;
	char file[64];

	db_set_init(&set);
	set.id = id;
	set.created = 1000;
	set.name = name ? strdup(name) : NULL;
	snprintf(file, sizeof(file), "%llu_app_1_x1.zip", (unsigned long long)id);
	ck_assert_ok(db_set_add_file(&set, file, "app", DB_FILE_PLANNED, &err), &err);
	ck_assert_ok(db_set_insert(db, &set, &err), &err);
}

static size_t count_sets(struct db *db)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(db_set_list_done) struct db_set_list list = { NULL, 0 };

	ck_assert_ok(db_sets(db, &list, &err), &err);
	return list.n;
}

/* Overwrites bytes of the file. */
static void patch(off_t offset, const void *p, size_t n)
{
	int fd = openat(support_dirfd(), DB_FILE, O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, p, n, offset), (ssize_t)n);
	close(fd);
}

static off_t file_size(const char *name)
{
	struct stat st;

	ck_assert_int_eq(fstatat(support_dirfd(), name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_size;
}

static mode_t file_mode(const char *name)
{
	struct stat st;

	ck_assert_int_eq(fstatat(support_dirfd(), name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

/* Opening fails so, in both modes. */
#define assert_unusable(kind, part)                                                      \
 do {                                                                                    \
  _cleanup_(err_clear) struct err unusable_ = ERR_INIT;                                  \
  struct db *none_ = NULL;                                                               \
  ck_assert_fails(db_open(support_dirfd(), "DIR", DB_READ, &none_, &unusable_),          \
		  &unusable_, (kind), (part));                                           \
  ck_assert_fails(db_open(support_dirfd(), "DIR", DB_WRITE, &none_, &unusable_),         \
		  &unusable_, (kind), (part));                                           \
  ck_assert_ptr_null(none_);                                                             \
 } while (0)

START_TEST(db_is_made_for_its_owner_alone)
{
	mode_t before = umask(0);
	struct db *db = support_db_open(DB_WRITE);

	insert_set(db, 1, NULL);
	umask(before);
	ck_assert_uint_eq(file_mode(DB_FILE), 0600);
	ck_assert_uint_eq(file_mode(DB_FILE "-wal"), 0600);
	ck_assert_uint_eq(file_mode(DB_FILE "-shm"), 0600);
	ck_assert(db_is_writable(db));
	db_close(db);
	ck_assert_uint_eq(support_count(support_dirfd(), "."), 1);
}

END_TEST

START_TEST(db_remembers_after_it_was_closed)
{
	struct db *db = support_db_open(DB_WRITE);

	insert_set(db, 3, NULL);
	db_close(db);
	db = support_db_open(DB_WRITE);
	ck_assert_uint_eq(count_sets(db), 1);
	db_close(db);
	db = support_db_open(DB_READ);
	ck_assert_uint_eq(count_sets(db), 1);
	db_close(db);
}

END_TEST

START_TEST(reader_makes_no_database)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db *db = NULL;

	ck_assert_fails(db_open(support_dirfd(), "DIR", DB_READ, &db, &err), &err,
			ERR_NOT_FOUND, "there is no database \"DIR/state.db\"");
	ck_assert_uint_eq(support_count(support_dirfd(), "."), 0);
}

END_TEST

START_TEST(reader_finds_nothing_in_an_empty_file)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db *db = NULL;

	support_file(support_dirfd(), DB_FILE, 0600, "");
	ck_assert_fails(db_open(support_dirfd(), "DIR", DB_READ, &db, &err), &err,
			ERR_NOT_FOUND, "empty");
	db = support_db_open(DB_WRITE);
	ck_assert_uint_eq(count_sets(db), 0);
	db_close(db);
}

END_TEST

START_TEST(db_is_never_reached_through_a_link)
{
	support_file(support_dirfd(), "elsewhere", 0600, "");
	support_symlink(support_dirfd(), DB_FILE, "elsewhere");
	assert_unusable(ERR_CORRUPT, "not a regular file");
	ck_assert_int_eq(file_size("elsewhere"), 0);
}

END_TEST

START_TEST(database_of_a_newer_program_is_refused)
{
	make_db();
	patch(USER_VERSION, "\0\0\0\11", 4);
	assert_unusable(ERR_UNSUPPORTED, "newer setaside (its version is 9");
	assert_unusable(ERR_UNSUPPORTED, "use the newer setaside");
}

END_TEST

START_TEST(database_of_another_program_is_refused)
{
	make_db();
	patch(APPLICATION_ID, "\0\0\0\0", 4);
	assert_unusable(ERR_CORRUPT, "not a database of setaside");
}

END_TEST

START_TEST(file_that_is_no_database_is_damaged)
{
	support_file(support_dirfd(), DB_FILE, 0600, "this is no database at all\n");
	assert_unusable(ERR_CORRUPT, "DIR/state.db");
}

END_TEST

START_TEST(damaged_magic_is_found_when_opening)
{
	make_db();
	patch(0, "XQLite", 6);
	assert_unusable(ERR_CORRUPT, "not a database");
}

END_TEST

START_TEST(damaged_pages_are_found_when_opening)
{
	char page[PAGE];
	off_t size;

	make_db();
	size = file_size(DB_FILE);
	memset(page, 0xa5, sizeof(page));
	for (off_t at = PAGE; at < size; at += PAGE)
		patch(at, page, sizeof(page));
	assert_unusable(ERR_CORRUPT, "malformed");
}

END_TEST

START_TEST(file_cut_short_is_found_when_opening)
{
	make_db();
	ck_assert_int_eq(truncate(support_path(DB_FILE), 2 * PAGE), 0);
	assert_unusable(ERR_CORRUPT, "malformed");
}

END_TEST

START_TEST(damage_in_the_depth_is_found_by_the_check)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(db_set_list_done) struct db_set_list list = { NULL, 0 };
	struct db *db = support_db_open(DB_WRITE);
	char page[PAGE];

	ck_assert_ok(db_check(db, &err), &err);
	ck_assert_ok(db_begin(db, &err), &err);
	for (uint64_t id = 1; id <= 500; id++)
		insert_set(db, id, NULL);
	ck_assert_ok(db_commit(db, &err), &err);
	db_close(db);
	memset(page, 0xa5, sizeof(page));
	patch(file_size(DB_FILE) - PAGE, page, sizeof(page));
	db = support_db_open(DB_WRITE);
	ck_assert_fails(db_check(db, &err), &err, ERR_CORRUPT, "damaged");
	ck_assert_fails(db_sets(db, &list, &err), &err, ERR_CORRUPT, "malformed");
	db_close(db);
}

END_TEST

START_TEST(stranger_owns_no_database_of_ours)
{
	if (!support_need_root())
		return;
	make_db();
	support_owner(support_dirfd(), DB_FILE, 12345, 12345);
	assert_unusable(ERR_DENIED, "belongs to another user (12345)");
	support_owner(support_dirfd(), DB_FILE, 0, 0);
	ck_assert_int_eq(fchown(support_dirfd(), 12345, 12345), 0);
	assert_unusable(ERR_DENIED, "belongs to another user (12345)");
}

END_TEST

START_TEST(writer_says_that_it_may_not_write)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db *db = NULL;

	if (!support_become_user())
		return;
	make_db();
	ck_assert_int_eq(chmod(support_path(DB_FILE), 0400), 0);
	ck_assert_fails(db_open(support_dirfd(), "DIR", DB_WRITE, &db, &err), &err,
			ERR_DENIED, "cannot be written");
	db = support_db_open(DB_READ);
	ck_assert(!db_is_writable(db));
	ck_assert_uint_eq(count_sets(db), 0);
	ck_assert_fails(db_set_delete(db, 1, &err), &err, ERR_DENIED,
			"cannot be written");
	db_close(db);
}

END_TEST

START_TEST(directory_without_access_is_told_as_such)
{
	if (!support_become_user())
		return;
	make_db();
	ck_assert_int_eq(chmod(support_dir(), 0500), 0);
	assert_unusable(ERR_DENIED, "state.db");
	ck_assert_int_eq(chmod(support_dir(), 0700), 0);
}

END_TEST

START_TEST(reader_reads_on_a_read_only_file_system)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db *db = support_db_open(DB_WRITE);
	int fd;

	insert_set(db, 7, NULL);
	db_close(db);
	if (!support_need_root())
		return;
	if (!support_forks() || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0) {
		support_skip("no mounts of its own");
		return;
	}
	ck_assert_int_eq(mount(support_dir(), support_dir(), "none", MS_BIND, NULL), 0);
	ck_assert_int_eq(mount("none", support_dir(), "none",
			       MS_REMOUNT | MS_BIND | MS_RDONLY, NULL),
			 0);
	fd = open(support_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_ok(db_open(fd, "DIR", DB_READ, &db, &err), &err);
	ck_assert(!db_is_writable(db));
	ck_assert_uint_eq(count_sets(db), 1);
	db_close(db);
	ck_assert_fails(db_open(fd, "DIR", DB_WRITE, &db, &err), &err, ERR_DENIED,
			"cannot be written");
	close(fd);
	ck_assert_int_eq(umount2(support_dir(), MNT_DETACH), 0);
}

END_TEST

START_TEST(path_of_the_directory_may_be_long)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db *db = NULL;
	char name[201];
	int fd = dup(support_dirfd());

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 6; i++) {
		int below;

		support_mkdir(fd, name, 0700);
		below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ck_assert_int_ge(below, 0);
		close(fd);
		fd = below;
	}
	ck_assert_ok(db_open(fd, "deep", DB_WRITE, &db, &err), &err);
	insert_set(db, 1, NULL);
	db_close(db);
	ck_assert(support_exists(fd, DB_FILE));
	close(fd);
}

END_TEST

START_TEST(directory_may_be_renamed_meanwhile)
{
	struct db *db;
	int fd;

	support_mkdir(support_dirfd(), "before", 0700);
	fd = openat(support_dirfd(), "before", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(rename(support_path("before"), support_path("after")), 0);
	support_mkdir(support_dirfd(), "before", 0700);
	{
		_cleanup_(err_clear) struct err err = ERR_INIT;

		ck_assert_ok(db_open(fd, "before", DB_WRITE, &db, &err), &err);
	}
	insert_set(db, 1, NULL);
	db_close(db);
	close(fd);
	ck_assert(support_exists(support_dirfd(), "after/" DB_FILE));
	ck_assert_uint_eq(support_count(support_dirfd(), "before"), 0);
}

END_TEST

START_TEST(transaction_is_all_or_nothing)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db *db = support_db_open(DB_WRITE);

	ck_assert_ok(db_begin(db, &err), &err);
	insert_set(db, 1, NULL);
	insert_set(db, 2, NULL);
	db_rollback(db);
	ck_assert_uint_eq(count_sets(db), 0);
	ck_assert_ok(db_begin(db, &err), &err);
	insert_set(db, 1, NULL);
	insert_set(db, 2, NULL);
	ck_assert_ok(db_commit(db, &err), &err);
	db_rollback(db);
	ck_assert_uint_eq(count_sets(db), 2);
	db_close(db);
}

END_TEST

START_TEST(closing_gives_up_what_was_not_committed)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db *db = support_db_open(DB_WRITE);

	ck_assert_ok(db_begin(db, &err), &err);
	insert_set(db, 1, NULL);
	db_close(db);
	db = support_db_open(DB_READ);
	ck_assert_uint_eq(count_sets(db), 0);
	db_close(db);
}

END_TEST

START_TEST(reader_sees_the_state_before_a_transaction)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db *writer = support_db_open(DB_WRITE);
	struct db *reader = support_db_open(DB_READ);

	ck_assert_ok(db_begin(writer, &err), &err);
	insert_set(writer, 1, NULL);
	ck_assert_uint_eq(count_sets(reader), 0);
	ck_assert_ok(db_commit(writer, &err), &err);
	ck_assert_uint_eq(count_sets(reader), 1);
	db_close(reader);
	db_close(writer);
}

END_TEST

/* A process that does `work`, tells it, and waits to be killed. */
static pid_t start_and_wait(void (*work)(void))
{
	int fds[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		work();
		if (write(fds[1], "x", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(fds[1]);
	ck_assert_int_eq(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	return pid;
}

static void kill_and_reap(pid_t pid)
{
	int status;

	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void commit_one_and_begin_another(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db *db = support_db_open(DB_WRITE);

	insert_set(db, 1, NULL);
	if (db_begin(db, &err) < 0)
		_exit(1);
	insert_set(db, 2, NULL);
	insert_set(db, 3, NULL);
}

START_TEST(killed_writer_leaves_whole_transactions)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(db_set_done) struct db_set set;
	struct db *db;

	kill_and_reap(start_and_wait(commit_one_and_begin_another));
	ck_assert(support_exists(support_dirfd(), DB_FILE "-wal"));
	db = support_db_open(DB_READ);
	ck_assert_uint_eq(count_sets(db), 1);
	db_close(db);
	db = support_db_open(DB_WRITE);
	ck_assert_ok(db_check(db, &err), &err);
	ck_assert_uint_eq(count_sets(db), 1);
	ck_assert_ok(db_set_get(db, 1, &set, &err), &err);
	insert_set(db, 2, NULL);
	db_close(db);
}

END_TEST

/* Takes numbers, and tells each to fd. */
static void take_numbers(int fd, int n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db *db = NULL;

	if (db_open(support_dirfd(), "DIR", DB_WRITE, &db, &err) < 0) {
		fprintf(stderr, "# %s\n", err_message(&err));
		_exit(1);
	}
	for (int i = 0; i < n; i++) {
		uint64_t number;

		if (db_number_take(db, 0, &number, &err) < 0 ||
		    write(fd, &number, sizeof(number)) != sizeof(number))
			_exit(2);
	}
	db_close(db);
	_exit(0);
}

#define N_PROCESSES 12
#define N_NUMBERS   4

START_TEST(processes_that_create_it_at_once_share_it)
{
	bool seen[N_PROCESSES * N_NUMBERS + 1] = { false };
	uint64_t number;
	int fds[2], status;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	for (int i = 0; i < N_PROCESSES; i++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid == 0)
			take_numbers(fds[1], N_NUMBERS);
	}
	close(fds[1]);
	while (read(fds[0], &number, sizeof(number)) == sizeof(number)) {
		ck_assert_uint_ge(number, 1);
		ck_assert_uint_le(number, N_PROCESSES * N_NUMBERS);
		ck_assert_msg(!seen[number], "%llu was given twice",
			      (unsigned long long)number);
		seen[number] = true;
	}
	close(fds[0]);
	for (int i = 0; i < N_PROCESSES; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	for (size_t i = 1; i <= N_PROCESSES * N_NUMBERS; i++)
		ck_assert(seen[i]);
}

END_TEST

START_TEST(damaged_database_can_be_put_aside)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *name = NULL;
	struct db *db;

	kill_and_reap(start_and_wait(commit_one_and_begin_another));
	ck_assert_ok(db_put_aside(support_dirfd(), &name, &err), &err);
	ck_assert_int_eq(strncmp(name, "state.db.damaged-", 17), 0);
	ck_assert_uint_eq(strlen(name), 17 + 9);
	ck_assert(support_exists(support_dirfd(), name));
	ck_assert_uint_eq(support_count(support_dirfd(), "."), 3);
	ck_assert(!support_exists(support_dirfd(), DB_FILE "-wal"));
	db = support_db_open(DB_WRITE);
	ck_assert_uint_eq(count_sets(db), 0);
	db_close(db);
	free(name);
	name = NULL;
	ck_assert_int_eq(unlinkat(support_dirfd(), DB_FILE, 0), 0);
	ck_assert_fails(db_put_aside(support_dirfd(), &name, &err), &err, ERR_NOT_FOUND,
			"state.db");
}

END_TEST

#ifdef ENABLE_FAULTS

/* A set and a restore come and go. */
static int use(struct db *db, struct err *e)
{
	_cleanup_(db_set_done) struct db_set set, got;
	_cleanup_(db_restore_done) struct db_restore r, last;
	_cleanup_(db_item_list_done) struct db_item_list items = { NULL, 0 };
	struct db_journal j;
	uint64_t id;
	int result;

	db_set_init(&set);
	db_set_init(&got);
	db_restore_init(&r);
	db_restore_init(&last);
	if (db_number_take(db, 0, &set.id, e) < 0 ||
	    db_set_add_file(&set, "a.zip", "app", DB_FILE_PLANNED, e) < 0 ||
	    db_set_insert(db, &set, e) < 0 || db_set_complete(db, set.id, e) < 0 ||
	    db_set_get(db, set.id, &got, e) < 0 || db_restore_insert(db, &r, &id, e) < 0)
		return -1;
	db_journal_init(&j, db, id);
	result = j.journal.advance(&j, JOURNAL_RESTORED, e);
	if (result < 0 || db_restore_items(db, id, &items, e) < 0 ||
	    db_restore_last_undoable(db, &last, e) < 0 ||
	    db_restore_obstacle(db, id, &last, e) < 0)
		return -1;
	return db_set_delete(db, set.id, e);
}

static int work(struct err *e)
{
	_cleanup_(db_closep) struct db *db = NULL;

	return db_open(support_dirfd(), "DIR", DB_WRITE, &db, e) < 0 ? -1 : use(db, e);
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

START_TEST(db_survives_every_failure)
{
#ifdef ENABLE_FAULTS
	uint64_t nth;

	for (nth = 1; try_with_fault(FAULT_ALLOC, nth); nth++)
		;
	ck_assert_uint_gt(nth, 10);
	for (nth = 1; try_with_fault(FAULT_CALL, nth); nth++)
		;
	ck_assert_uint_gt(nth, 3);
#else
	support_skip("built without faults");
#endif
}

END_TEST

Suite *suite_db(void)
{
	Suite *s = suite_create("db");
	TCase *tc = support_tcase(s, "open");

	tcase_add_test(tc, db_is_made_for_its_owner_alone);
	tcase_add_test(tc, db_remembers_after_it_was_closed);
	tcase_add_test(tc, reader_makes_no_database);
	tcase_add_test(tc, reader_finds_nothing_in_an_empty_file);
	tcase_add_test(tc, db_is_never_reached_through_a_link);
	tcase_add_test(tc, stranger_owns_no_database_of_ours);
	tcase_add_test(tc, writer_says_that_it_may_not_write);
	tcase_add_test(tc, directory_without_access_is_told_as_such);
	tcase_add_test(tc, reader_reads_on_a_read_only_file_system);
	tcase_add_test(tc, path_of_the_directory_may_be_long);
	tcase_add_test(tc, directory_may_be_renamed_meanwhile);
	tc = support_tcase(s, "damage");
	tcase_add_test(tc, database_of_a_newer_program_is_refused);
	tcase_add_test(tc, database_of_another_program_is_refused);
	tcase_add_test(tc, file_that_is_no_database_is_damaged);
	tcase_add_test(tc, damaged_magic_is_found_when_opening);
	tcase_add_test(tc, damaged_pages_are_found_when_opening);
	tcase_add_test(tc, file_cut_short_is_found_when_opening);
	tcase_add_test(tc, damage_in_the_depth_is_found_by_the_check);
	tcase_add_test(tc, damaged_database_can_be_put_aside);
	tc = support_tcase(s, "transactions");
	tcase_add_test(tc, transaction_is_all_or_nothing);
	tcase_add_test(tc, closing_gives_up_what_was_not_committed);
	tcase_add_test(tc, reader_sees_the_state_before_a_transaction);
	tcase_add_test(tc, killed_writer_leaves_whole_transactions);
	/* All of them wait for one lock, but 10 s at most: no
	 * disk shall let them wait. */
	tc = support_tcase_in_memory(s, "at once");
	tcase_add_test(tc, processes_that_create_it_at_once_share_it);
	tc = support_tcase(s, "faults");
	tcase_add_test(tc, db_survives_every_failure);
	return s;
}
