/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whole operations killed at every request to a worker and every step of the
 * store and the database, by ptrace(2): what is found afterwards, first as it is
 * and then after recovery.
 */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "state/locks.h"
#include "state/operation/check.h"
#include "state/operation/forget.h"
#include "state/operation/restore.h"
#include "state/operation/save.h"
#include "state/recovery.h"
#include "state/sets.h"
#include "tests/unit/support.h"

/* ---- Killing ---- */

/* The calls before which a process is killed: those that others, or
 * the next run, can see. */
static bool counts(uint64_t call)
{
	static const long calls[] = { SYS_sendmsg, SYS_fsync, SYS_fdatasync, SYS_linkat,
				      SYS_unlinkat };

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (call == (uint64_t)calls[i])
			return true;
	return false;
}

/* Is the child at the beginning of a call that counts? */
static bool is_at_call(pid_t pid)
{
	struct __ptrace_syscall_info info;

	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY && counts(info.entry.nr);
}

/* A child that waits to be traced. */
static pid_t start(int (*operation)(void))
{
	int status = 0;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(77);
		raise(SIGSTOP);
		_exit(operation());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		return -1;
	ck_assert_int_eq(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD), 0);
	return pid;
}

/* A worker that was forked, but not executed when its parent was killed has a copy of the
 * parent's locks for a moment. */
static void wait_for_locks(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(locks_closep) struct locks *l = NULL;
	struct lock_wait wait = { 60000, NULL };
	int fd = openat(support_dirfd(), "store", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	ck_assert_ok(locks_open(fd, "store", 0, &l, &err), &err);
	close(fd);
	ck_assert_ok(locks_take(l, LOCK_KEY_APP("one"), LOCK_EXCLUSIVE, &wait, &err),
		     &err);
	locks_drop(l, LOCK_KEY_APP("one"));
}

/* Runs the operation and kills it before its call number `at`.  1: killed; 0: it came to
 * its end before; -1: nothing can be traced here. */
static int run_killed(int (*operation)(void), unsigned at)
{
	pid_t pid = start(operation);
	int status = 0, signal = 0;

	if (pid < 0)
		return -1;
	for (;;) {
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, signal), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		signal = 0;
		if (WIFEXITED(status)) {
			ck_assert_int_eq(WEXITSTATUS(status), 0);
			return 0;
		}
		ck_assert(WIFSTOPPED(status));
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			signal = WSTOPSIG(status);
		else if (is_at_call(pid) && at-- == 0)
			break;
	}
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	wait_for_locks();
	return 1;
}

/* ---- A home with one app ---- */

static char *root_path, *store_dir, *apps_path, *worker_path;

static void put(const char *path, const char *content)
{
	support_file(support_dirfd(), path, 0644, content);
}

/* The old data: a directory with an excluded cache, a file, and a tree in directories
 * that will be missing. */
static void put_old(void)
{
	put("r/home/me/.one/a", "old");
	put("r/home/me/.one/gone", "old");
	put("r/home/me/.one/cache/c", "old cache");
	put("r/home/me/.onerc", "old");
	put("r/home/me/.deep/er/one/a", "old");
}

static void put_new(void)
{
	int d = support_dirfd();

	support_remove_tree(d, "r/home/me");
	support_mkdir(d, "r/home/me", 0700);
	put("r/home/me/.one/a", "new");
	put("r/home/me/.one/came", "new");
	put("r/home/me/.one/cache/c", "new cache");
	put("r/home/me/.onerc", "new");
}

static bool has(const char *path, const char *content)
{
	_cleanup_free_ char *text = NULL;
	size_t n;

	if (!support_exists(support_dirfd(), path))
		return !content;
	text = support_read(support_dirfd(), path, &n);
	return content && strcmp(text, content) == 0;
}

/* Each tree is old or new as a whole; the cache is what it was, always. */
static bool is_old(void)
{
	return has("r/home/me/.one/a", "old") && has("r/home/me/.one/gone", "old") &&
	       has("r/home/me/.one/came", NULL) && has("r/home/me/.onerc", "old") &&
	       has("r/home/me/.deep/er/one/a", "old") &&
	       has("r/home/me/.one/cache/c", "new cache");
}

static bool is_new(void)
{
	return has("r/home/me/.one/a", "new") && has("r/home/me/.one/gone", NULL) &&
	       has("r/home/me/.one/came", "new") && has("r/home/me/.onerc", "new") &&
	       has("r/home/me/.deep/er/one", NULL) &&
	       has("r/home/me/.one/cache/c", "new cache");
}

static unsigned n_asides;

/* nftw */
static int count_aside(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	if (fnmatch("*.~?????????~*", path + ftw->base, 0) == 0)
		n_asides++;
	return 0;
}

/* How many names rest aside in the home. */
static unsigned asides(void)
{
	n_asides = 0;
	ck_assert_int_eq(nftw(root_path, count_aside, 16, FTW_PHYS), 0);
	return n_asides;
}

static struct session *open_session(enum session_access access, struct err *err)
{
	struct session_options o = {
		.mode = SESSION_USER,
		.access = access,
		.root = root_path,
		.store = store_dir,
		.verb = "test",
		.worker = worker_path,
		.data_dir = apps_path,
		.wait_ms = 10000,
		.home = "/home/me",
	};
	struct session *s = NULL;

	return session_open(&o, &s, err) < 0 ? NULL : s;
}

/* The definition, the old data saved as set 1, and then the new data; false where it
 * cannot be done here. */
static bool make_home(void)
{
	int d = support_dirfd();
	char passwd[128];

	if (!getenv("SETASIDE_WORKER")) {
		support_skip("SETASIDE_WORKER names no worker");
		return false;
	}
	if (!support_need_openat2())
		return false;
	worker_path = strdup(getenv("SETASIDE_WORKER"));
	root_path = strdup(support_path("r"));
	store_dir = strdup(support_path("store"));
	apps_path = strdup(support_path("apps"));
	snprintf(passwd, sizeof(passwd), "me:x:%u:%u::/home/me:/bin/sh\n",
		 (unsigned)geteuid(), (unsigned)getegid());
	put("r/etc/passwd", passwd);
	put("r/etc/group", "");
	put("apps/one.json",
	    "{ \"format\": 1, \"id\": \"one\", \"name\": \"One\", \"trees\": ["
	    "{ \"name\": \"data\", \"scope\": \"user\", \"at\": { \"native\": \"~/.one\" },"
	    " \"exclude\": [\"cache\"] },"
	    "{ \"name\": \"rc\", \"scope\": \"user\", \"at\": { \"native\": \"~/.onerc\" } },"
	    "{ \"name\": \"deep\", \"scope\": \"user\", \"at\": { \"native\": \"~/.deep/er/one\" } }"
	    "] }");
	support_mkdir(d, "r/home/me", 0700);
	/* However full the file system is. */
	put("r/home/me/.config/setaside/setaside.conf", "reserve = 0\n");
	put_old();
	return true;
}

static void forget_home(void)
{
	free(root_path);
	free(store_dir);
	free(apps_path);
	free(worker_path);
}

/* ---- Operations, each from opening to closing; 0 or an exit status ---- */

static int do_save(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = open_session(SESSION_WRITE, &err);
	struct save_request q = { .note = "a note" };
	struct save_outcome o;

	if (!s || setaside_save(s, &q, &o, &err) < 0)
		return 1;
	save_outcome_done(&o);
	return 0;
}

static int do_restore(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = open_session(SESSION_WRITE, &err);
	struct restore_request q = { .set = 1, .force = true };
	struct restore_outcome o;

	if (!s || setaside_restore(s, &q, &o, &err) < 0)
		return 1;
	restore_outcome_done(&o);
	return 0;
}

static int do_undo(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = open_session(SESSION_WRITE, &err);
	struct restore_outcome o;

	if (!s || setaside_undo(s, 0, true, &o, &err) < 0)
		return err_is(&err, ERR_NOT_FOUND) ? 4 : 1;
	restore_outcome_done(&o);
	return 0;
}

static int do_keep(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = open_session(SESSION_WRITE, &err);
	struct keep_outcome o;

	if (!s || setaside_keep(s, 0, &o, &err) < 0)
		return err_is(&err, ERR_NOT_FOUND) ? 4 : 1;
	keep_outcome_done(&o);
	return 0;
}

/* The newest set. */
static int do_forget(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = open_session(SESSION_WRITE, &err);
	struct forget_outcome o;
	uint64_t last;

	if (!s || sets_last_number(s, &last, &err) < 0 ||
	    setaside_forget(s, last, NULL, 0, false, &o, &err) < 0)
		return 1;
	forget_outcome_done(&o);
	return 0;
}

static int do_recover(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = open_session(SESSION_WRITE, &err);

	return s ? 0 : 1;
}

/* ---- What is left ---- */

/* Recovers; afterwards nothing is left to recover. */
static void recover(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = open_session(SESSION_DOCTOR, &err);
	struct recovery_report report;

	ck_assert_ok_ptr(s, &err);
	for (int i = 0; i < 2; i++) {
		ck_assert_ok(recovery_run(s, &report, &err), &err);
		ck_assert_uint_eq(report.n_left, 0);
		ck_assert(i == 0 || report.n_repaired == 0);
		recovery_report_done(&report);
	}
}

/* Sets that are listed, all of them whole. */
static size_t count_sets(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = open_session(SESSION_READ, &err);
	struct set_list list;
	size_t n;

	ck_assert_ok_ptr(s, &err);
	ck_assert_ok(sets_list(s, &list, &err), &err);
	n = list.n;
	for (size_t i = 0; i < n; i++) {
		struct check_outcome o;
		struct scope all = { 0 };

		ck_assert_ok(setaside_check(s, list.sets[i].id, &all, true, &o, &err),
			     &err);
		ck_assert(o.ok);
		check_outcome_done(&o);
	}
	sets_list_done(&list);
	return n;
}

/* Files of the store that are neither snapshots nor the last number. */
static size_t count_others(void)
{
	return support_count(support_dirfd(), "store/snapshots") - count_sets() - 1;
}

/* Whatever rests aside goes, and live is the new data. */
static void start_over(void)
{
	while (do_keep() == 0)
		;
	ck_assert_uint_eq(asides(), 0);
	put_new();
}

/* ---- Tests ---- */

START_TEST(save_killed_anywhere_leaves_all_of_a_set_or_nothing)
{
	size_t sets = 1;
	int killed = 1;

	if (!make_home())
		return;
	ck_assert_int_eq(do_save(), 0);
	for (unsigned at = 0; killed == 1; at++) {
		size_t seen;

		killed = run_killed(do_save, at);
		seen = count_sets();
		ck_assert(seen == sets || seen == sets + 1);
		recover();
		sets = count_sets();
		ck_assert_uint_ge(sets, seen);
		ck_assert_uint_eq(count_others(), 0);
	}
	if (killed < 0)
		support_skip("nothing can be traced here");
	forget_home();
}

END_TEST

START_TEST(forget_killed_anywhere_leaves_all_of_a_set_or_nothing)
{
	int killed = 1;

	if (!make_home())
		return;
	ck_assert_int_eq(do_save(), 0);
	for (unsigned at = 0; killed == 1; at++) {
		size_t seen;

		ck_assert_int_eq(do_save(), 0);
		killed = run_killed(do_forget, at);
		seen = count_sets();
		ck_assert(seen == 1 || seen == 2);
		recover();
		ck_assert_uint_le(count_sets(), seen);
		ck_assert_uint_eq(count_others(), 0);
		if (count_sets() == 2)
			ck_assert_int_eq(do_forget(), 0);
	}
	if (killed < 0)
		support_skip("nothing can be traced here");
	forget_home();
}

END_TEST

/* A name that is live is never missing, and nothing is lost. */
static void check_between(void)
{
	ck_assert(has("r/home/me/.one/a", "old") || has("r/home/me/.one/a", "new"));
	ck_assert(has("r/home/me/.onerc", "old") || has("r/home/me/.onerc", "new"));
}

START_TEST(restore_killed_anywhere_is_old_or_new_after_recovery)
{
	unsigned olds = 0, news = 0;
	int killed = 1;

	if (!make_home())
		return;
	ck_assert_int_eq(do_save(), 0);
	for (unsigned at = 0; killed == 1; at++) {
		start_over();
		killed = run_killed(do_restore, at);
		check_between();
		recover();
		if (is_old()) {
			olds++;
			ck_assert_int_eq(do_undo(), 0);
		} else {
			news++;
			ck_assert_uint_eq(asides(), 0);
			ck_assert(!support_exists(support_dirfd(), "r/home/me/.deep"));
		}
		ck_assert(is_new());
	}
	if (killed < 0)
		support_skip("nothing can be traced here");
	else
		ck_assert(olds > 1 && news > 1);
	forget_home();
}

END_TEST

START_TEST(undo_killed_anywhere_is_old_or_new_after_recovery)
{
	unsigned olds = 0, news = 0;
	int killed = 1;

	if (!make_home())
		return;
	ck_assert_int_eq(do_save(), 0);
	for (unsigned at = 0; killed == 1; at++) {
		start_over();
		ck_assert_int_eq(do_restore(), 0);
		killed = run_killed(do_undo, at);
		check_between();
		recover();
		if (is_new()) {
			news++;
			/* The undo of the undo. */
			ck_assert_int_eq(do_undo(), 0);
			ck_assert(is_old());
		} else {
			olds++;
			ck_assert(is_old());
		}
		ck_assert_int_eq(do_undo(), 0);
		ck_assert(is_new());
	}
	if (killed < 0)
		support_skip("nothing can be traced here");
	else
		ck_assert(olds > 1 && news > 1);
	forget_home();
}

END_TEST

START_TEST(keep_killed_anywhere_touches_nothing_live)
{
	unsigned kept = 0, undone = 0;
	int killed = 1;

	if (!make_home())
		return;
	ck_assert_int_eq(do_save(), 0);
	for (unsigned at = 0; killed == 1; at++) {
		int status;

		start_over();
		ck_assert_int_eq(do_restore(), 0);
		killed = run_killed(do_keep, at);
		ck_assert(is_old());
		recover();
		ck_assert(is_old());
		status = do_undo();
		if (status == 0) {
			undone++;
			ck_assert(is_new());
		} else {
			kept++;
			ck_assert_int_eq(status, 4);
			ck_assert_uint_eq(asides(), 0);
			ck_assert(is_old());
		}
	}
	if (killed < 0)
		support_skip("nothing can be traced here");
	else
		ck_assert(kept > 1 && undone > 1);
	forget_home();
}

END_TEST

/* How many calls of an operation count. */
static unsigned length_of(int (*operation)(void))
{
	unsigned at = 0;

	while (run_killed(operation, at + 8) == 1) {
		at += 8;
		recover();
		start_over();
	}
	return at;
}

START_TEST(recovery_killed_anywhere_is_done_by_the_next)
{
	unsigned length;

	if (!make_home())
		return;
	ck_assert_int_eq(do_save(), 0);
	put_new();
	if (run_killed(do_recover, 0) < 0) {
		support_skip("nothing can be traced here");
		forget_home();
		return;
	}
	length = length_of(do_restore);
	for (unsigned first = length / 2; first <= length; first += 5) {
		int killed = 1;

		for (unsigned at = 0; killed == 1; at += 2) {
			start_over();
			ck_assert_int_ge(run_killed(do_restore, first), 0);
			killed = run_killed(do_recover, at);
			check_between();
			recover();
			if (is_old())
				ck_assert_int_eq(do_undo(), 0);
			else
				ck_assert_uint_eq(asides(), 0);
			ck_assert(is_new());
		}
	}
	forget_home();
}

END_TEST

/* ---- What programs do to their files meanwhile ---- */

/* As an editor saves: another file under the name. */
static void replace_rc(const char *content)
{
	int d = support_dirfd();

	put("r/home/me/.onerc.tmp", content);
	ck_assert_int_eq(renameat(d, "r/home/me/.onerc.tmp", d, "r/home/me/.onerc"), 0);
}

START_TEST(undo_takes_what_replaced_a_tree_since)
{
	int d = support_dirfd();

	if (!make_home())
		return;
	ck_assert_int_eq(do_save(), 0);
	put_new();
	ck_assert_int_eq(do_restore(), 0);
	replace_rc("newer");
	support_remove_tree(d, "r/home/me/.one");
	support_remove_tree(d, "r/home/me/.deep/er/one");
	put("r/home/me/.deep/er/one/b", "newer");
	ck_assert_int_eq(do_undo(), 0);
	ck_assert(has("r/home/me/.onerc", "new"));
	ck_assert(has("r/home/me/.one/a", "new"));
	ck_assert(has("r/home/me/.deep/er/one", NULL));
	/* Nothing that was written since is lost. */
	ck_assert_int_eq(do_undo(), 0);
	ck_assert(has("r/home/me/.onerc", "newer"));
	ck_assert(has("r/home/me/.deep/er/one/b", "newer"));
	ck_assert(has("r/home/me/.one", NULL));
	start_over();
	forget_home();
}

END_TEST

START_TEST(recovery_settles_what_programs_replaced_meanwhile)
{
	int killed = 1;

	if (!make_home())
		return;
	ck_assert_int_eq(do_save(), 0);
	for (unsigned at = 0; killed == 1; at++) {
		start_over();
		killed = run_killed(do_restore, at);
		if (killed != 1)
			break;
		replace_rc("newer");
		recover();
		ck_assert(has("r/home/me/.onerc", "newer"));
		ck_assert(has("r/home/me/.one/a", "old") || asides() == 0);
	}
	if (killed < 0)
		support_skip("nothing can be traced here");
	forget_home();
}

END_TEST

START_TEST(made_parents_go_with_the_undo_that_is_kept)
{
	int d = support_dirfd();

	if (!make_home())
		return;
	ck_assert_int_eq(do_save(), 0);
	put_new();
	ck_assert_int_eq(do_restore(), 0);
	ck_assert_int_eq(do_undo(), 0);
	ck_assert_int_eq(do_keep(), 0);
	ck_assert(!support_exists(d, "r/home/me/.deep"));
	ck_assert_uint_eq(asides(), 0);
	forget_home();
}

END_TEST

Suite *suite_crash(void)
{
	Suite *s = suite_create("crash");
	TCase *tc = support_tcase(s, "crash");

	tcase_set_timeout(tc, 600);
	tcase_add_test(tc, save_killed_anywhere_leaves_all_of_a_set_or_nothing);
	tcase_add_test(tc, forget_killed_anywhere_leaves_all_of_a_set_or_nothing);
	tcase_add_test(tc, restore_killed_anywhere_is_old_or_new_after_recovery);
	tcase_add_test(tc, undo_killed_anywhere_is_old_or_new_after_recovery);
	tcase_add_test(tc, keep_killed_anywhere_touches_nothing_live);
	tcase_add_test(tc, recovery_killed_anywhere_is_done_by_the_next);
	tcase_add_test(tc, undo_takes_what_replaced_a_tree_since);
	tcase_add_test(tc, recovery_settles_what_programs_replaced_meanwhile);
	tcase_add_test(tc, made_parents_go_with_the_undo_that_is_kept);
	return s;
}
