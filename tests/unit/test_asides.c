/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/asides.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "state/operation/doctor.h"
#include "state/operation/restore.h"
#include "state/operation/save.h"
#include "tests/unit/support.h"

static void put_file(const char *path, const char *content)
{
	support_file(support_dirfd(), path, 0644, content);
}

/* A root with one user, who is the caller, and who has two native apps and a snap. */
static void make_root(void)
{
	char passwd[256];
	int d = support_dirfd();

	support_mkdir(d, "r/home/me/.ssh", 0700);
	support_mkdir(d, "r/home/me/snap/hello/7", 0755);
	support_mkdir(d, "r/home/me/snap/hello/common", 0755);
	support_symlink(d, "r/home/me/snap/hello/current", "7");
	snprintf(passwd, sizeof(passwd), "tester:x:%u:%u::/home/me:/bin/sh\n",
		 (unsigned)geteuid(), (unsigned)getegid());
	put_file("r/etc/passwd", passwd);
	put_file("r/etc/group", "");
	/* However full the file system is. */
	put_file("r/home/me/.config/setaside/setaside.conf", "reserve = 0\n");
	put_file("r/home/me/.gitconfig", "[user]\n\tname = before\n");
	put_file("r/home/me/.ssh/config", "Host *\n");
	put_file("r/home/me/snap/hello/7/state", "seven");
	put_file("r/home/me/snap/hello/common/data", "shared");
}

/* False, with a SKIP line, where workers cannot run. */
#define have_workers() have_workers_for(__func__)

static bool have_workers_for(const char *test)
{
	if (!getenv("SETASIDE_WORKER")) {
		support_skip_for(test, "SETASIDE_WORKER names no worker");
		return false;
	}
	return support_need_openat2_for(test);
}

static struct session *open_session(enum session_access access, struct err *err)
{
	_cleanup_free_ char *root = alloc_strdup(support_path("r"), err);
	_cleanup_free_ char *store = alloc_strdup(support_path("store"), err);
	_cleanup_free_ char *apps =
		alloc_printf(err, "%s/data/apps.d", getenv("abs_top_srcdir"));
	struct session_options o = {
		.mode = SESSION_USER,
		.access = access,
		.root = root,
		.store = store,
		.data_dir = apps,
		.verb = "test",
		.worker = getenv("SETASIDE_WORKER"),
		.home = "/home/me",
	};
	struct session *s = NULL;

	ck_assert_ok(session_open(&o, &s, err), err);
	return s;
}

/* What doctor says in a session of its own, in which the database may be a new one. */
static struct recovery_report examine(struct err *err)
{
	_cleanup_(session_closep) struct session *s = open_session(SESSION_DOCTOR, err);
	struct recovery_report report;

	ck_assert_ok(setaside_doctor(s, &report, err), err);
	return report;
}

/* Restores set 1 over data that is there; what rests aside then. */
static struct strings put_aside(struct err *err)
{
	_cleanup_(session_closep) struct session *s = open_session(SESSION_WRITE, err);
	struct restore_request r = { .set = 1, .force = true };
	struct save_request q = { .note = "a note" };
	struct strings moved = STRINGS_INIT;
	struct restore_outcome o;
	struct save_outcome saved;

	ck_assert_ok(setaside_save(s, &q, &saved, err), err);
	save_outcome_done(&saved);
	put_file("r/home/me/.gitconfig", "[user]\n\tname = after\n");
	ck_assert_ok(setaside_restore(s, &r, &o, err), err);
	ck_assert_ok(strings_add_all(&moved, &o.moved, err), err);
	restore_outcome_done(&o);
	return moved;
}

static void lose_database(void)
{
	unlinkat(support_dirfd(), "store/state.db", 0);
	unlinkat(support_dirfd(), "store/state.db-wal", 0);
	unlinkat(support_dirfd(), "store/state.db-shm", 0);
}

START_TEST(doctor_names_what_rests_aside_once_the_database_is_lost)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(strings_done) struct strings moved = STRINGS_INIT;
	struct recovery_report report;
	bool has_git = false;

	if (!have_workers())
		return;
	make_root();
	moved = put_aside(&err);
	ck_assert_uint_eq(moved.n, 4);
	report = examine(&err);
	ck_assert_uint_eq(report.n_left, 0);
	recovery_report_done(&report);
	lose_database();
	for (int round = 0; round < 2; round++) {
		report = examine(&err);
		ck_assert_uint_eq(report.n_left, moved.n);
		for (size_t i = 0; i < report.n_left; i++) {
			const struct recovery_item *item = &report.left[i];

			ck_assert(strings_has(&moved, item->object));
			ck_assert_str_eq(item->user, "tester");
			ck_assert_ptr_nonnull(strstr(item->what, item->app));
			ck_assert_ptr_nonnull(strstr(item->hint, "rm -r"));
			has_git = has_git ||
				  (strcmp(item->app, "git") == 0 && item->size == 21);
			ck_assert_int_eq(access(item->object, F_OK), 0);
		}
		ck_assert(has_git);
		recovery_report_done(&report);
	}
	for (size_t i = 0; i < moved.n; i++)
		support_remove_tree(AT_FDCWD, moved.items[i]);
	report = examine(&err);
	ck_assert_uint_eq(report.n_left, 0);
	recovery_report_done(&report);
}

END_TEST

START_TEST(doctor_takes_nothing_else_for_a_tree_aside)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct recovery_report report;
	int d = support_dirfd();

	if (!have_workers())
		return;
	make_root();
	put_file("r/home/me/.gitconfig.~1~", "a backup");
	put_file("r/home/me/.gitconfig.~abcdefgh-~", "no such letter");
	put_file("r/home/me/.gitconfig.~abcdefghij~", "too long");
	put_file("r/home/me/.gitconfig.~abcdefghi~.old", "more behind");
	put_file("r/home/me/nobodys.~abcdefghi~", "of no app");
	support_mkdir(d, "r/home/me/.ssh/deeper", 0700);
	put_file("r/home/me/.ssh/deeper/.ssh.~abcdefghi~", "not beside it");
	support_symlink(d, "r/home/me/.gitconfig.~abcdefghk~", "/etc/passwd");
	support_node(d, "r/home/me/.gitconfig.~abcdefghl~", S_IFIFO | 0600, 0);
	report = examine(&err);
	ck_assert_uint_eq(report.n_left, 0);
	recovery_report_done(&report);
	/* A mount point's, and those of another revision of a snap. */
	support_mkdir(d, "r/home/me/.ssh/.~abcdefghi~", 0700);
	support_mkdir(d, "r/home/me/snap/hello/6.~abcdefghi~", 0700);
	put_file("r/home/me/snap/hello/6.~abcdefghi~/file", "six");
	report = examine(&err);
	ck_assert_uint_eq(report.n_left, 2);
	for (size_t i = 0; i < 2; i++) {
		bool is_snap = strcmp(report.left[i].app, "hello") == 0;

		ck_assert_str_eq(
			report.left[i].object,
			support_path(is_snap ? "r/home/me/snap/hello/6.~abcdefghi~"
					     : "r/home/me/.ssh/.~abcdefghi~"));
		ck_assert_int_eq(report.left[i].size, is_snap ? 3 : 0);
	}
	recovery_report_done(&report);
}

END_TEST

START_TEST(doctor_names_only_so_many_trees)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct recovery_report report;

	if (!have_workers())
		return;
	make_root();
	for (int i = 0; i < 300; i++) {
		char name[80];

		snprintf(name, sizeof(name), "r/home/me/snap/hello/%03d\033.~abcdefghi~",
			 i);
		support_mkdir(support_dirfd(), name, 0700);
	}
	report = examine(&err);
	ck_assert_uint_eq(report.n_left, ASIDES_MAX + 1);
	ck_assert_ptr_nonnull(strstr(report.left[0].object, "\033.~abcdefghi~"));
	ck_assert_ptr_null(report.left[ASIDES_MAX].app);
	ck_assert_str_eq(report.left[ASIDES_MAX].object, "user \"tester\"");
	ck_assert_str_eq(report.left[ASIDES_MAX].what,
			 "more trees rest aside than are named here");
	recovery_report_done(&report);
}

END_TEST

Suite *suite_asides(void)
{
	Suite *s = suite_create("asides");
	TCase *tc = support_tcase(s, "asides");

	tcase_add_test(tc, doctor_names_what_rests_aside_once_the_database_is_lost);
	tcase_add_test(tc, doctor_takes_nothing_else_for_a_tree_aside);
	tcase_add_test(tc, doctor_names_only_so_many_trees);
	return s;
}
