/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/support.h"

START_TEST(process_tells_who_it_is)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct process self, again;
	char before[16];

	ck_assert_int_eq(prctl(PR_GET_NAME, before, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_NAME, ") S 1 (x)", 0, 0, 0), 0);
	ck_assert_int_eq(process_read(getpid(), &self, &err), 1);
	ck_assert_str_eq(self.name, ") S 1 (x)");
	ck_assert_uint_gt(self.start, 0);
	ck_assert_int_eq(prctl(PR_SET_NAME, before, 0, 0, 0), 0);
	ck_assert_int_eq(process_read(getpid(), &again, &err), 1);
	ck_assert_uint_eq(again.start, self.start);
	ck_assert_str_eq(again.name, before);
}

END_TEST

START_TEST(process_that_ended_is_not_there)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct process p = { .start = 5 };
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(process_read(pid, &p, &err), 0);
	ck_assert_uint_eq(p.start, 5);
	ck_assert_int_eq(err.kind, ERR_NONE);
}

END_TEST

Suite *suite_process(void)
{
	Suite *s = suite_create("process");
	TCase *tc = support_tcase(s, "process");

	tcase_add_test(tc, process_tells_who_it_is);
	tcase_add_test(tc, process_that_ended_is_not_there);
	return s;
}
