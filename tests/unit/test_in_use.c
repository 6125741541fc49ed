/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/in_use.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "tests/unit/support.h"

/* The kernel's path of the test's directory, and of something in it. */
static const char *real(const char *name)
{
	static char paths[8][4200];
	static unsigned next;
	char *dir = realpath(support_dir(), NULL);
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	free(dir);
	return path;
}

/* A process that is no child of this one, and has done `hold`; it ends when *ret_end is
 * closed.  Its parent is left as *ret_parent, to be waited for. */
static pid_t start(void (*hold)(void), int *ret_end, pid_t *ret_parent)
{
	int ready[2], end[2];
	pid_t pid = 0, parent;
	char byte;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(end, O_CLOEXEC), 0);
	parent = fork();
	ck_assert_int_ge(parent, 0);
	if (parent == 0) {
		int status;

		close(end[1]);
		pid = fork();
		if (pid == 0) {
			pid = getpid();
			prctl(PR_SET_NAME, "hold (er) 1 2", 0, 0, 0);
			hold();
			if (write(ready[1], &pid, sizeof(pid)) != sizeof(pid))
				_exit(1);
			(void)!read(end[0], &byte, 1);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		_exit(status ? 1 : 0);
	}
	close(ready[1]);
	close(end[0]);
	ck_assert_int_eq(read(ready[0], &pid, sizeof(pid)), sizeof(pid));
	close(ready[0]);
	*ret_end = end[1];
	*ret_parent = parent;
	return pid;
}

static void finish(int end, pid_t parent)
{
	int status;

	close(end);
	ck_assert_int_eq(waitpid(parent, &status, 0), parent);
	ck_assert_int_eq(status, 0);
}

/* What is found of a process below one target; NULL: nothing. */
static const char *path_of(pid_t pid, const char *target)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	static char path[4200];
	struct in_use_list list;
	const char *found = NULL;

	ck_assert_ok(in_use_find(&target, 1, NULL, &list, &err), &err);
	for (size_t i = 0; i < list.n; i++) {
		if (list.processes[i].pid != pid)
			continue;
		ck_assert_ptr_null(found);
		ck_assert_str_eq(list.processes[i].program, "hold (er) 1 2");
		snprintf(path, sizeof(path), "%s", list.processes[i].path);
		found = path;
	}
	in_use_list_done(&list);
	return found;
}

static void open_file(void)
{
	if (openat(support_dirfd(), "t/dir/file", O_RDONLY) < 0)
		_exit(1);
}

static void open_deleted_file(void)
{
	open_file();
	if (unlinkat(support_dirfd(), "t/dir/file", 0) < 0)
		_exit(1);
}

static void change_directory(void)
{
	if (chdir(support_path("t/dir")) < 0)
		_exit(1);
}

static void change_to_deleted_directory(void)
{
	change_directory();
	if (unlinkat(support_dirfd(), "t/dir/file", 0) < 0 ||
	    unlinkat(support_dirfd(), "t/dir", AT_REMOVEDIR) < 0)
		_exit(1);
}

static void map_file(void)
{
	int fd = openat(support_dirfd(), "t/dir/file", O_RDONLY);

	if (fd < 0 || mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		_exit(1);
	close(fd);
}

static void open_file_as_a_worker(void)
{
	open_file();
	prctl(PR_SET_NAME, IN_USE_WORKER, 0, 0, 0);
}

static void hold_nothing(void)
{
}

static void make_tree(void)
{
	support_file(support_dirfd(), "t/dir/file", 0644, "content");
	support_file(support_dirfd(), "t/directory/file", 0644, "content");
}

/* Starts the holder, looks below t/dir, and compares. */
static void check(void (*hold)(void), const char *expected)
{
	int end;
	pid_t parent, pid;
	const char *got;

	make_tree();
	pid = start(hold, &end, &parent);
	got = path_of(pid, real("t/dir"));
	if (expected)
		ck_assert_str_eq(got ? got : "nothing", expected);
	else
		ck_assert_ptr_null(got);
	ck_assert_ptr_null(path_of(pid, real("t/directory")));
	ck_assert_ptr_null(path_of(pid, real("t/di")));
	finish(end, parent);
}

START_TEST(open_file_is_found)
{
	check(open_file, real("t/dir/file"));
}

END_TEST

START_TEST(workers_use_nothing)
{
	check(open_file_as_a_worker, NULL);
}

END_TEST

START_TEST(deleted_file_is_found)
{
	check(open_deleted_file, real("t/dir/file (deleted)"));
}

END_TEST

START_TEST(working_directory_is_found)
{
	check(change_directory, real("t/dir"));
}

END_TEST

START_TEST(deleted_working_directory_is_found)
{
	check(change_to_deleted_directory, real("t/dir (deleted)"));
}

END_TEST

START_TEST(mapped_file_is_found)
{
	check(map_file, real("t/dir/file"));
}

END_TEST

START_TEST(process_elsewhere_is_not_found)
{
	check(hold_nothing, NULL);
}

END_TEST

START_TEST(name_that_looks_deleted_is_a_name)
{
	int end, fd;
	pid_t parent, pid;

	support_mkdir(support_dirfd(), "t/dir (deleted)", 0755);
	make_tree();
	pid = start(change_directory, &end, &parent);
	ck_assert_ptr_null(path_of(pid, real("t/dir (deleted)")));
	finish(end, parent);
	fd = openat(support_dirfd(), "t/dir (deleted)", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

END_TEST

static void go_deep(void)
{
	char name[201];

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	if (chdir(support_path("t/dir")) < 0)
		_exit(1);
	for (int i = 0; i < 25; i++) {
		if (mkdir(name, 0700) < 0 || chdir(name) < 0)
			_exit(1);
	}
}

START_TEST(path_that_is_too_long_makes_the_answer_incomplete)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const char *target = real("t/dir");
	struct in_use_list list;
	pid_t parent;
	int end;

	make_tree();
	start(go_deep, &end, &parent);
	ck_assert_ok(in_use_find(&target, 1, NULL, &list, &err), &err);
	ck_assert(!list.complete);
	in_use_list_done(&list);
	finish(end, parent);
}

END_TEST

START_TEST(file_may_be_a_target)
{
	int end;
	pid_t parent, pid;

	make_tree();
	pid = start(open_file, &end, &parent);
	ck_assert_str_eq(path_of(pid, real("t/dir/file")), real("t/dir/file"));
	/* A slash at the end changes nothing. */
	ck_assert_str_eq(path_of(pid, real("t/dir/")), real("t/dir/file"));
	finish(end, parent);
}

END_TEST

START_TEST(own_process_is_left_out)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const char *target = real("t");
	struct in_use_list list;
	int fd;

	make_tree();
	fd = openat(support_dirfd(), "t/dir/file", O_RDONLY | O_CLOEXEC);
	ck_assert_ok(in_use_find(&target, 1, NULL, &list, &err), &err);
	ck_assert_uint_eq(list.n, 0);
	in_use_list_done(&list);
	close(fd);
}

END_TEST

/* Whoever started an app may be the one that restores its data. */
START_TEST(child_is_found_unless_it_is_a_worker)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const char *target = real("t");
	struct in_use_list list;
	int ready[2], end[2], status;
	bool is_worker = _i == 1;
	char byte;
	pid_t pid;

	make_tree();
	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(end, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(end[1]);
		prctl(PR_SET_NAME, is_worker ? IN_USE_WORKER : "an app", 0, 0, 0);
		open_file();
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		(void)!read(end[0], &byte, 1);
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_ok(in_use_find(&target, 1, NULL, &list, &err), &err);
	ck_assert_uint_eq(list.n, is_worker ? 0 : 1);
	if (!is_worker)
		ck_assert_int_eq(list.processes[0].pid, pid);
	in_use_list_done(&list);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(end[i]);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

END_TEST

START_TEST(target_is_told_among_several)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const char *targets[] = { real("none"), real("t/dir"), real("t") };
	struct in_use_list list;
	pid_t parent, pid;
	int end;

	make_tree();
	pid = start(open_file, &end, &parent);
	ck_assert_ok(in_use_find(targets, 3, NULL, &list, &err), &err);
	ck_assert_uint_eq(list.n, 1);
	ck_assert_int_eq(list.processes[0].pid, pid);
	ck_assert_uint_eq(list.processes[0].target, 1);
	in_use_list_done(&list);
	ck_assert_ok(in_use_find(NULL, 0, NULL, &list, &err), &err);
	ck_assert_uint_eq(list.n, 0);
	in_use_list_done(&list);
	finish(end, parent);
}

END_TEST

START_TEST(search_can_be_cancelled)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	atomic_bool cancel = true;
	const struct observer observer = { .cancel = &cancel };
	const char *target = "/";
	struct in_use_list list;

	ck_assert_fails(in_use_find(&target, 1, &observer, &list, &err), &err,
			ERR_INTERRUPTED, "");
}

END_TEST

START_TEST(plain_user_knows_that_he_does_not_see_all)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const char *target = "/nowhere";
	struct in_use_list list;

	if (geteuid() != 0) {
		support_skip("as root it has a process of root's to look at");
		return;
	}
	if (!support_become_user())
		return;
	ck_assert_ok(in_use_find(&target, 1, NULL, &list, &err), &err);
	ck_assert(!list.complete);
	ck_assert_uint_eq(list.n, 0);
	in_use_list_done(&list);
}

END_TEST

#ifdef ENABLE_FAULTS

static int work(struct err *e)
{
	const char *target = real("t/dir");
	struct in_use_list list;

	if (in_use_find(&target, 1, NULL, &list, e) < 0)
		return -1;
	in_use_list_done(&list);
	return 0;
}

/* Lets the nth point fail; true if there were that many. */
static bool try_with_fault(enum fault_class points, uint64_t nth)
{
	_cleanup_(err_clear) struct err failure = ERR_INIT;
	bool failed, struck;

	fault_arm(&(struct fault_plan){ points, FAULT_ONCE, nth, EIO });
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

START_TEST(search_survives_failures)
{
#ifdef ENABLE_FAULTS
	uint64_t nth;
	pid_t parent, pid;
	int end;

	make_tree();
	pid = start(open_file, &end, &parent);
	ck_assert_ptr_nonnull(path_of(pid, real("t/dir")));
	/* Each try looks at every process of the machine: not all points can be tried. */
	for (nth = 1; try_with_fault(FAULT_ALLOC, nth); nth += 1 + nth / 2)
		;
	ck_assert_uint_gt(nth, 20);
	for (nth = 1; try_with_fault(FAULT_CALL, nth); nth += 1 + nth / 2)
		;
	ck_assert_uint_gt(nth, 20);
	finish(end, parent);
#else
	support_skip("built without faults");
#endif
}

END_TEST

Suite *suite_in_use(void)
{
	Suite *s = suite_create("in_use");
	TCase *tc = support_tcase(s, "in_use");

	tcase_add_test(tc, open_file_is_found);
	tcase_add_test(tc, workers_use_nothing);
	tcase_add_test(tc, deleted_file_is_found);
	tcase_add_test(tc, working_directory_is_found);
	tcase_add_test(tc, deleted_working_directory_is_found);
	tcase_add_test(tc, mapped_file_is_found);
	tcase_add_test(tc, process_elsewhere_is_not_found);
	tcase_add_test(tc, name_that_looks_deleted_is_a_name);
	tcase_add_test(tc, path_that_is_too_long_makes_the_answer_incomplete);
	tcase_add_test(tc, file_may_be_a_target);
	tcase_add_test(tc, own_process_is_left_out);
	tcase_add_loop_test(tc, child_is_found_unless_it_is_a_worker, 0, 2);
	tcase_add_test(tc, target_is_told_among_several);
	tcase_add_test(tc, search_can_be_cancelled);
	tcase_add_test(tc, plain_user_knows_that_he_does_not_see_all);
	tcase_add_test(tc, search_survives_failures);
	return s;
}
