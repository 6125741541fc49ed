/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/store.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "tests/unit/support.h"
#include "tests/unit/support_snapshot.h"
#include "tests/unit/support_store.h"

static mode_t mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(fstatat(support_dirfd(), path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

/* ---- Opening ---- */

START_TEST(store_that_is_missing_is_not_found)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct store *s = NULL;

	ck_assert_fails(
		store_open(support_path("none/s"), 0, &s, &err), &err, ERR_NOT_FOUND,
		"/none/s\": cannot open the directory: No such file or directory");
	ck_assert_ptr_null(s);
}

END_TEST

START_TEST(store_is_made_with_its_parents)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(store_closep) struct store *s = NULL;
	const char *path = support_path("a/b/c//s/");

	ck_assert_ok(store_open(path, STORE_CREATE, &s, &err), &err);
	ck_assert_str_eq(store_path(s), path);
	ck_assert_int_eq(mode_of("a"), 0755);
	ck_assert_int_eq(mode_of("a/b"), 0755);
	ck_assert_int_eq(mode_of("a/b/c"), 0700);
	ck_assert_int_eq(mode_of("a/b/c/s"), 0700);
	ck_assert_int_eq(fcntl(store_fd(s), F_GETFD), FD_CLOEXEC);
}

END_TEST

START_TEST(store_that_is_there_is_opened_as_it_is)
{
	support_mkdir(support_dirfd(), "s", 0755);
	store_close(support_store_open(STORE_CREATE));
	ck_assert_int_eq(mode_of("s"), 0755);
	store_close(support_store_open(STORE_READ_ONLY));
	store_close(NULL);
}

END_TEST

START_TEST(store_may_have_a_relative_path)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(store_closep) struct store *s = NULL;
	int old = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_eq(fchdir(support_dirfd()), 0);
	ck_assert_ok(store_open("r", STORE_CREATE, &s, &err), &err);
	ck_assert_int_eq(fchdir(old), 0);
	ck_assert_int_eq(mode_of("r"), 0700);
	close(old);
}

END_TEST

START_TEST(store_that_is_a_link_is_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct store *s = NULL;

	support_mkdir(support_dirfd(), "real", 0700);
	support_symlink(support_dirfd(), "s", "real");
	ck_assert_fails(store_open(support_path("s"), 0, &s, &err), &err, ERR_IO,
			"Not a directory");
	ck_assert_fails(store_open(support_path("s/"), 0, &s, &err), &err, ERR_IO,
			"Not a directory");
	ck_assert_fails(store_open(support_path("s"), STORE_CREATE, &s, &err), &err,
			ERR_IO, "Not a directory");
	ck_assert_ptr_null(s);
}

END_TEST

START_TEST(store_below_a_link_is_opened)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(store_closep) struct store *s = NULL;

	support_mkdir(support_dirfd(), "real", 0700);
	support_symlink(support_dirfd(), "link", "real");
	ck_assert_ok(store_open(support_path("link/s"), STORE_CREATE, &s, &err), &err);
	ck_assert(support_exists(support_dirfd(), "real/s"));
}

END_TEST

START_TEST(store_that_is_a_file_is_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct store *s = NULL;

	support_file(support_dirfd(), "f", 0600, "");
	ck_assert_fails(store_open(support_path("f"), STORE_CREATE, &s, &err), &err,
			ERR_IO, "Not a directory");
	ck_assert_fails(store_open(support_path("f/s"), STORE_CREATE, &s, &err), &err,
			ERR_IO, "cannot make the directory");
}

END_TEST

START_TEST(store_takes_a_descriptor)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(store_closep) struct store *s = NULL;
	int fd = openat(support_dirfd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_ok(store_open_fd(fd, "shown", 0, &s, &err), &err);
	ck_assert_int_eq(store_fd(s), fd);
	ck_assert_str_eq(store_path(s), "shown");
}

END_TEST

/* ---- Names ---- */

static const struct {
	const char *name;
	uint64_t set, marker;
} numbers[] = {
	{ "16_firefox_128.5.0esr-1_x1.zip", 16, 0 },
	{ "1_a.zip", 1, 0 },
	{ "9007199254740991_a.zip", SNAPSHOT_SET_MAX, 0 },
	{ "9007199254740992_a.zip", 0, 0 },
	{ "9999999999999999_a.zip", 0, 0 },
	{ "10000000000000000_a.zip", 0, 0 },
	{ "00000000000000001_a.zip", 0, 0 },
	{ "99999999999999999999999999_a.zip", 0, 0 },
	{ "0_a.zip", 0, 0 },
	{ "01_a.zip", 0, 0 },
	{ "+1_a.zip", 0, 0 },
	{ "-1_a.zip", 0, 0 },
	{ "1.0_a.zip", 0, 0 },
	{ "1", 0, 0 },
	{ "1_", 0, 0 },
	{ "1_.zip", 0, 0 },
	{ "1-a.zip", 0, 0 },
	{ "", 0, 0 },
	{ "_", 0, 0 },
	{ "5_importing", 0, 5 },
	{ "9007199254740991_importing", 0, SNAPSHOT_SET_MAX },
	{ "9007199254740992_importing", 0, 0 },
	{ "05_importing", 0, 0 },
	{ "0_importing", 0, 0 },
	{ "5_importing.zip", 5, 0 },
	{ "5_Importing", 0, 0 },
	{ "5_importing_", 0, 0 },
};

START_TEST(store_reads_numbers_strictly)
{
	ck_assert_uint_eq(store_name_set(numbers[_i].name), numbers[_i].set);
	ck_assert_uint_eq(store_marker_set(numbers[_i].name), numbers[_i].marker);
}

END_TEST

static void set_field(char **field, const char *value)
{
	free(*field);
	*field = strdup(value);
}

START_TEST(store_rebuilds_file_names)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot snap;
	_cleanup_free_ char *name = NULL;

	support_snapshot_small(&snap);
	set_field(&snap.version, "1/../2_3 \n");
	ck_assert_ok(store_file_name(SNAPSHOT_SET_MAX, &snap, &name, &err), &err);
	ck_assert_str_eq(name, "9007199254740991_hello_1-..-2-3--_7.zip");
	free(name);
	set_field(&snap.version, "");
	ck_assert_ok(store_file_name(1, &snap, &name, &err), &err);
	ck_assert_str_eq(name, "1_hello_0_7.zip");
}

END_TEST

START_TEST(store_makes_file_names_that_it_reads)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (uint64_t seed = 1; seed <= 200; seed++) {
		_cleanup_(snapshot_done) struct snapshot snap;
		_cleanup_free_ char *name = NULL;

		support_snapshot_random(seed, SUPPORT_VALID, &snap);
		ck_assert_ok(store_file_name(snap.set, &snap, &name, &err), &err);
		ck_assert_msg(store_name_set(name) == snap.set, "seed %d: %s", (int)seed,
			      name);
		ck_assert_ptr_null(strchr(name, '/'));
	}
}

END_TEST

START_TEST(store_keeps_file_names_within_bounds)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot snap;
	_cleanup_free_ char *name = NULL;
	char app[NAMES_APP_MAX + 1], version[1000];

	support_snapshot_small(&snap);
	memset(app, 'a', NAMES_APP_MAX);
	app[NAMES_APP_MAX] = '\0';
	memset(version, '1', sizeof(version) - 1);
	version[sizeof(version) - 1] = '\0';
	set_field(&snap.snap, app);
	set_field(&snap.version, version);
	set_field(&snap.revision, "x9223372036854775807");
	ck_assert_ok(store_file_name(SNAPSHOT_SET_MAX, &snap, &name, &err), &err);
	ck_assert_uint_eq(strlen(name), NAMES_FILE_MAX);
	ck_assert_uint_eq(store_name_set(name), SNAPSHOT_SET_MAX);
	ck_assert_ptr_nonnull(strstr(name, "_1111111_x9223372036854775807.zip"));
}

END_TEST

START_TEST(store_builds_no_file_name_from_illegal_parts)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot snap;
	char *name = NULL;

	support_snapshot_small(&snap);
	set_field(&snap.snap, "../etc");
	ck_assert_fails(store_file_name(1, &snap, &name, &err), &err, ERR_CORRUPT,
			"the app's name \"../etc\" is not legal");
	set_field(&snap.snap, "x");
	set_field(&snap.revision, "1/2");
	ck_assert_fails(store_file_name(1, &snap, &name, &err), &err, ERR_CORRUPT,
			"the revision \"1/2\" is not legal");
	snapshot_done(&snap);
	ck_assert_fails(store_file_name(1, &snap, &name, &err), &err, ERR_CORRUPT,
			"the app's name \"\" is not legal");
	ck_assert_ptr_null(name);
}

END_TEST

/* ---- Files ---- */

START_TEST(store_opens_regular_files)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(store_closep) struct store *s = support_store_open(STORE_CREATE);
	char text[16] = "";

	support_store_put("1_a.zip");
	int fd = store_open_file(s, "1_a.zip", &err);
	ck_assert_ok(fd, &err);
	ck_assert_int_eq(read(fd, text, sizeof(text)), 7);
	ck_assert_str_eq(text, "1_a.zip");
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
}

END_TEST

START_TEST(store_opens_nothing_else)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(store_closep) struct store *s = support_store_open(STORE_CREATE);
	int dir = store_fd(s);

	support_store_put("1_a.zip");
	support_symlink(dir, "link", "1_a.zip");
	support_mkdir(dir, "dir", 0700);
	support_node(dir, "fifo", S_IFIFO | 0600, 0);
	support_node(dir, "socket", S_IFSOCK | 0600, 0);
	ck_assert_fails(store_open_file(s, "none", &err), &err, ERR_NOT_FOUND,
			"cannot open \"none\": No such file");
	ck_assert_fails(store_open_file(s, "link", &err), &err, ERR_CORRUPT,
			"\"link\" is a symbolic link");
	ck_assert_fails(store_open_file(s, "dir", &err), &err, ERR_CORRUPT,
			"\"dir\" is not a regular file");
	ck_assert_fails(store_open_file(s, "fifo", &err), &err, ERR_CORRUPT,
			"\"fifo\" is not a regular file");
	ck_assert_fails(store_open_file(s, "socket", &err), &err, ERR_CORRUPT,
			"\"socket\" is not a regular file");
}

END_TEST

START_TEST(store_removes_files_and_no_directories)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(store_closep) struct store *s = support_store_open(STORE_CREATE);

	support_store_put("1_a.zip");
	support_store_put("kept");
	support_symlink(store_fd(s), "link", "kept");
	support_mkdir(store_fd(s), "dir", 0700);
	ck_assert_ok(store_remove(s, "1_a.zip", &err), &err);
	ck_assert_ok(store_remove(s, "1_a.zip", &err), &err);
	ck_assert_ok(store_remove(s, "link", &err), &err);
	ck_assert_fails(store_remove(s, "dir", &err), &err, ERR_IO,
			"cannot remove \"dir\"");
	ck_assert_ok(store_sync(s, &err), &err);
	ck_assert(support_exists(store_fd(s), "kept"));
	ck_assert_uint_eq(support_count(store_fd(s), "."), 2);
}

END_TEST

START_TEST(store_for_reading_is_not_written)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(store_closep) struct store *s = NULL;
	_cleanup_(store_list_done) struct store_list l;

	support_mkdir(support_dirfd(), "s", 0700);
	support_store_put("1_a.zip");
	support_store_put("1_importing");
	s = support_store_open(STORE_READ_ONLY);
	ck_assert_fails(store_remove(s, "1_a.zip", &err), &err, ERR_REFUSED,
			"/s\" is opened for reading only");
	ck_assert_fails(store_mark(s, 2, &err), &err, ERR_REFUSED, "for reading only");
	ck_assert_fails(store_unmark(s, 1, &err), &err, ERR_REFUSED, "for reading only");
	ck_assert_fails(store_put_last_set(s, 9, &err), &err, ERR_REFUSED,
			"for reading only");
	ck_assert_fails(store_sync(s, &err), &err, ERR_REFUSED, "for reading only");
	ck_assert_uint_eq(support_count(store_fd(s), "."), 2);
	support_store_list(s, &l);
	ck_assert_str_eq(support_store_names(&l), "-1\n");
}

END_TEST

/* ---- Markers and the last number ---- */

START_TEST(store_marks_and_unmarks)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(store_closep) struct store *s = support_store_open(STORE_CREATE);
	struct stat st;

	ck_assert_ok(store_mark(s, SNAPSHOT_SET_MAX, &err), &err);
	ck_assert_int_eq(fstatat(store_fd(s), "9007199254740991_importing", &st, 0), 0);
	ck_assert(S_ISREG(st.st_mode) && st.st_size == 0 && (st.st_mode & 07777) == 0600);
	ck_assert_uint_eq(support_count(store_fd(s), "."), 1);
	/* One that is there already will do. */
	ck_assert_ok(store_mark(s, SNAPSHOT_SET_MAX, &err), &err);
	ck_assert_ok(store_unmark(s, SNAPSHOT_SET_MAX, &err), &err);
	ck_assert_uint_eq(support_count(store_fd(s), "."), 0);
	ck_assert_ok(store_unmark(s, SNAPSHOT_SET_MAX, &err), &err);
}

END_TEST

START_TEST(store_takes_nothing_but_a_file_for_a_marker)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(store_closep) struct store *s = support_store_open(STORE_CREATE);

	support_mkdir(store_fd(s), "4_importing", 0700);
	support_symlink(store_fd(s), "5_importing", "elsewhere");
	ck_assert_fails(store_mark(s, 4, &err), &err, ERR_EXISTS,
			"\"4_importing\" is there and no regular file");
	ck_assert_fails(store_mark(s, 5, &err), &err, ERR_EXISTS,
			"\"5_importing\" is there and no regular file");
	ck_assert_fails(store_unmark(s, 4, &err), &err, ERR_IO,
			"cannot remove \"4_importing\"");
}

END_TEST

START_TEST(store_remembers_the_last_number)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(store_closep) struct store *s = support_store_open(STORE_CREATE);
	_cleanup_(store_list_done) struct store_list l;
	_cleanup_free_ char *text = NULL;

	support_store_put("7_a_1_x1.zip");
	ck_assert_ok(store_put_last_set(s, 5, &err), &err);
	support_store_list(s, &l);
	ck_assert_uint_eq(l.highest, 7);
	store_list_done(&l);
	ck_assert_ok(store_put_last_set(s, 41, &err), &err);
	ck_assert_ok(store_put_last_set(s, 40, &err), &err);
	support_store_list(s, &l);
	ck_assert_uint_eq(l.highest, 41);
	ck_assert(!l.last_set_damaged);
	text = support_read(store_fd(s), ".last-set", NULL);
	ck_assert_str_eq(text, "41\n");
	ck_assert_int_eq(mode_of("s/.last-set"), 0600);
	ck_assert_ok(store_put_last_set(s, SNAPSHOT_SET_MAX, &err), &err);
	store_list_done(&l);
	support_store_list(s, &l);
	ck_assert_uint_eq(l.highest, SNAPSHOT_SET_MAX);
	ck_assert_uint_eq(support_count(store_fd(s), "."), 2);
}

END_TEST

static const char *const damaged[] = {
	"",      "\n",
	"0\n",   "05\n",
	"5",     "5\n\n",
	" 5\n",  "-5\n",
	"5 \n",  "5\nx",
	"x\n",   "9007199254740992\n",
	"5\r\n", "99999999999999999999999999999999999999999999\n",
};

START_TEST(store_tells_a_damaged_last_number_and_lists_all_the_same)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(store_closep) struct store *s = support_store_open(STORE_CREATE);
	_cleanup_(store_list_done) struct store_list l;

	support_store_put("3_a_1_x1.zip");
	support_file(store_fd(s), ".last-set", 0600, damaged[_i]);
	support_store_list(s, &l);
	ck_assert(l.last_set_damaged);
	ck_assert_uint_eq(l.highest, 3);
	ck_assert_uint_eq(l.n, 1);
	store_list_done(&l);
	ck_assert_ok(store_put_last_set(s, 6, &err), &err);
	support_store_list(s, &l);
	ck_assert(!l.last_set_damaged);
	ck_assert_uint_eq(l.highest, 6);
}

END_TEST

START_TEST(store_reads_the_last_number_from_a_file_only)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(store_closep) struct store *s = support_store_open(STORE_CREATE);
	_cleanup_(store_list_done) struct store_list l;

	support_file(support_dirfd(), "elsewhere", 0600, "9\n");
	support_symlink(store_fd(s), ".last-set", "../elsewhere");
	support_store_list(s, &l);
	ck_assert(l.last_set_damaged);
	ck_assert_uint_eq(l.highest, 0);
	ck_assert_ok(store_put_last_set(s, 6, &err), &err);
	_cleanup_free_ char *other = support_read(support_dirfd(), "elsewhere", NULL);
	ck_assert_str_eq(other, "9\n");
	_cleanup_free_ char *text = support_read(store_fd(s), ".last-set", NULL);
	ck_assert_str_eq(text, "6\n");
}

END_TEST

START_TEST(store_that_cannot_be_written_says_so)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(store_closep) struct store *s = NULL;
	struct store *other = NULL;

	if (!support_become_user())
		return;
	s = support_store_open(STORE_CREATE);
	support_store_put("1_a.zip");
	ck_assert_int_eq(fchmod(store_fd(s), 0500), 0);
	ck_assert_fails(store_mark(s, 4, &err), &err, ERR_DENIED, "cannot mark set 4");
	ck_assert_fails(store_remove(s, "1_a.zip", &err), &err, ERR_DENIED,
			"cannot remove \"1_a.zip\"");
	ck_assert_fails(store_put_last_set(s, 4, &err), &err, ERR_DENIED,
			"cannot write \".last-set\"");
	ck_assert_fails(
		store_open(support_path("s/deeper/s"), STORE_CREATE, &other, &err), &err,
		ERR_DENIED, "cannot make the directory");
	ck_assert_int_eq(fchmod(store_fd(s), 0700), 0);
}

END_TEST

#ifdef ENABLE_FAULTS

/* Everything that a store does, in a row. */
static int use_store(struct err *err)
{
	_cleanup_(store_closep) struct store *s = NULL;
	_cleanup_(store_list_done) struct store_list l = { 0 };

	if (store_open(support_path("new/s"), STORE_CREATE, &s, err) < 0 ||
	    store_mark(s, 3, err) < 0 || store_put_last_set(s, 3, err) < 0 ||
	    store_list(s, &l, err) < 0 || store_remove(s, "3_a.zip", err) < 0)
		return -1;
	return store_unmark(s, 3, err);
}

/* Lets the nth point fail; false once there are fewer. */
static bool use_store_with_fault(enum fault_class points, uint64_t nth, int errnum)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	fault_arm(&(struct fault_plan){ points, FAULT_ONCE, nth, errnum });
	int result = use_store(&err);
	bool struck = fault_disarm();
	if ((result < 0) != (err.kind != ERR_NONE))
		ck_abort_msg("point %d: %d but %s", (int)nth, result, err_message(&err));
	err_clear(&err);
	/* What a failure left behind is in nobody's way. */
	if (use_store(&err) < 0)
		ck_abort_msg("after point %d: %s", (int)nth, err_message(&err));
	if (support_exists(support_dirfd(), "new/s/3_importing") ||
	    support_count(support_dirfd(), "new/s") != 1)
		ck_abort_msg("point %d left something behind", (int)nth);
	support_remove_tree(support_dirfd(), "new");
	return struck;
}

START_TEST(store_survives_the_failure_of_any_call)
{
	static const int errnums[] = { EIO, ENOSPC, EINTR, EMFILE };
	uint64_t nth = 1;

	while (use_store_with_fault(FAULT_CALL, nth, errnums[_i]))
		nth++;
	ck_assert_uint_gt(nth, 20);
}

END_TEST

START_TEST(store_reports_the_want_of_memory)
{
	uint64_t nth = 1;

	while (use_store_with_fault(FAULT_ALLOC, nth, 0))
		nth++;
	ck_assert_uint_gt(nth, 10);
}

END_TEST

#endif

#define N_ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

Suite *suite_store(void)
{
	Suite *s = suite_create("store");
	TCase *tc = support_tcase(s, "open");

	tcase_add_test(tc, store_that_is_missing_is_not_found);
	tcase_add_test(tc, store_is_made_with_its_parents);
	tcase_add_test(tc, store_that_is_there_is_opened_as_it_is);
	tcase_add_test(tc, store_may_have_a_relative_path);
	tcase_add_test(tc, store_that_is_a_link_is_refused);
	tcase_add_test(tc, store_below_a_link_is_opened);
	tcase_add_test(tc, store_that_is_a_file_is_refused);
	tcase_add_test(tc, store_takes_a_descriptor);

	tc = support_tcase(s, "names");
	tcase_add_loop_test(tc, store_reads_numbers_strictly, 0, N_ROWS(numbers));
	tcase_add_test(tc, store_rebuilds_file_names);
	tcase_add_test(tc, store_makes_file_names_that_it_reads);
	tcase_add_test(tc, store_keeps_file_names_within_bounds);
	tcase_add_test(tc, store_builds_no_file_name_from_illegal_parts);

	tc = support_tcase(s, "files");
	tcase_add_test(tc, store_opens_regular_files);
	tcase_add_test(tc, store_opens_nothing_else);
	tcase_add_test(tc, store_removes_files_and_no_directories);
	tcase_add_test(tc, store_for_reading_is_not_written);

	tc = support_tcase(s, "markers");
	tcase_add_test(tc, store_marks_and_unmarks);
	tcase_add_test(tc, store_takes_nothing_but_a_file_for_a_marker);
	tcase_add_test(tc, store_remembers_the_last_number);
	tcase_add_loop_test(tc, store_tells_a_damaged_last_number_and_lists_all_the_same,
			    0, N_ROWS(damaged));
	tcase_add_test(tc, store_reads_the_last_number_from_a_file_only);
	tcase_add_test(tc, store_that_cannot_be_written_says_so);
#ifdef ENABLE_FAULTS
	tcase_add_loop_test(tc, store_survives_the_failure_of_any_call, 0, 4);
	tcase_add_test(tc, store_reports_the_want_of_memory);
#endif
	return s;
}
