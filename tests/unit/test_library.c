/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The whole library on a root of the test's own, with real workers: every function that
 * snapd's snapshot backend offers has its counterpart here.
 */

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "state/operation/check.h"
#include "state/operation/forget.h"
#include "state/operation/inventory.h"
#include "state/operation/restore.h"
#include "state/operation/save.h"
#include "state/recovery.h"
#include "state/sets.h"
#include "tests/unit/support.h"
#include "tests/unit/support_deploy.h"

/* ---- A root with one user ---- */

static atomic_bool cancelled;
static unsigned warnings;

static void hear(void *ctx, const struct event *event)
{
	(void)ctx;
	warnings += event->kind == EVENT_WARNING;
}

static const struct observer observer = { hear, NULL, &cancelled };

/* Whose data it is: the caller's own. */
static const char *user_name(void)
{
	return geteuid() == 0 ? "root" : "tester";
}

static void put_file(const char *path, const char *content)
{
	support_file(support_dirfd(), path, 0644, content);
}

/* etc/passwd, a home with two apps, and as root a service and a snap. */
static void make_root(void)
{
	char passwd[256];
	int d = support_dirfd();

	support_mkdir(d, "r", 0755);
	support_mkdir(d, "r/etc", 0755);
	support_mkdir(d, "r/home", 0755);
	support_mkdir(d, "r/home/me", 0700);
	support_mkdir(d, "r/home/me/.ssh", 0700);
	snprintf(passwd, sizeof(passwd), "%s:x:%u:%u::/home/me:/bin/sh\n", user_name(),
		 (unsigned)geteuid(), (unsigned)getegid());
	put_file("r/etc/passwd", passwd);
	put_file("r/etc/group", "");
	/* Root's and a person's: saves work however full the file system is. */
	put_file("r/etc/setaside/setaside.conf", "reserve = 0\n");
	put_file("r/home/me/.config/setaside/setaside.conf", "reserve = 0\n");
	put_file("r/home/me/.gitconfig", "[user]\n\tname = before\n");
	put_file("r/home/me/.ssh/config", "Host *\n");
	support_mkdir(d, "r/home/me/snap", 0700);
	support_mkdir(d, "r/home/me/snap/hello", 0755);
	support_mkdir(d, "r/home/me/snap/hello/7", 0755);
	support_mkdir(d, "r/home/me/snap/hello/common", 0755);
	support_symlink(d, "r/home/me/snap/hello/current", "7");
	put_file("r/home/me/snap/hello/7/state", "seven");
	put_file("r/home/me/snap/hello/common/data", "shared");
}

/* False, with a SKIP line, where workers cannot run. */
static bool have_workers(void)
{
	if (!getenv("SETASIDE_WORKER")) {
		support_skip("SETASIDE_WORKER names no worker");
		return false;
	}
	return support_need_openat2();
}

static struct session *open_session(enum session_access access, struct err *err)
{
	_cleanup_free_ char *definitions = NULL;
	struct session_options o = {
		.access = access,
		.root = support_path("r"),
		.store = support_path("store"),
		.verb = "test",
		.worker = getenv("SETASIDE_WORKER"),
		.wait_ms = 0,
		.home = "/home/me",
		.observer = &observer,
	};
	_cleanup_free_ char *root = strdup(o.root), *store = strdup(o.store);
	struct session *s = NULL;

	o.root = root;
	o.store = store;
	definitions = alloc_printf(err, "%s/data/apps.d", getenv("abs_top_srcdir"));
	o.data_dir = definitions;
	ck_assert_ok(session_open(&o, &s, err), err);
	return s;
}

/* Saves everything; returns the set's number. */
static uint64_t save_all(struct session *s, struct err *err)
{
	struct save_request q = { .name = NULL, .note = "a note" };
	struct save_outcome o;
	uint64_t id;

	ck_assert_ok(setaside_save(s, &q, &o, err), err);
	ck_assert(o.has_set);
	ck_assert_uint_eq(o.skipped + o.changed + o.problems, 0);
	id = o.set.id;
	save_outcome_done(&o);
	return id;
}

static void assert_content(const char *path, const char *content)
{
	size_t n;
	_cleanup_free_ char *text = support_read(support_dirfd(), path, &n);

	ck_assert_str_eq(text, content);
}

static bool exists(const char *path)
{
	struct stat st;

	return fstatat(support_dirfd(), path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- Tests ---- */

START_TEST(saved_set_is_listed_shown_and_checked)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	struct set_list list;
	const struct set *set;
	struct check_outcome o;
	struct scope all = { 0 };

	if (!have_workers())
		return;
	make_root();
	s = open_session(SESSION_WRITE, &err);
	ck_assert_uint_eq(save_all(s, &err), 1);
	ck_assert_ok(sets_list(s, &list, &err), &err);
	ck_assert_uint_eq(list.n, 1);
	ck_assert_ok(sets_resolve(&list, "1", &set, &err), &err);
	ck_assert_uint_eq(set->n, 3);
	ck_assert_ptr_nonnull(set_find(set, "git"));
	ck_assert_ptr_nonnull(set_find(set, "hello"));
	ck_assert_str_eq(set_find(set, "hello")->meta->revision, "7");
	ck_assert_str_eq(set->note, "a note");
	ck_assert_str_eq(set->origin, "saved");
	ck_assert_uint_eq(strlen(set->content_hash), 64);
	sets_list_done(&list);
	ck_assert_ok(setaside_check(s, 1, &all, true, &o, &err), &err);
	ck_assert(o.ok);
	ck_assert_uint_eq(o.n, 3);
	check_outcome_done(&o);
}

END_TEST

START_TEST(restore_undo_and_undo_again_go_there_and_back)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	struct restore_request q = { .set = 1, .force = true };
	struct restore_outcome o;
	struct keep_outcome k;

	if (!have_workers())
		return;
	make_root();
	s = open_session(SESSION_WRITE, &err);
	save_all(s, &err);
	put_file("r/home/me/.gitconfig", "after");
	put_file("r/home/me/snap/hello/7/new", "new");
	ck_assert_ok(setaside_restore(s, &q, &o, &err), &err);
	ck_assert_uint_eq(o.id, 1);
	ck_assert_uint_eq(o.apps.n, 3);
	ck_assert_uint_eq(o.created.n, 4);
	ck_assert_uint_eq(o.moved.n, 4);
	ck_assert_uint_eq(o.undid, 0);
	restore_outcome_done(&o);
	assert_content("r/home/me/.gitconfig", "[user]\n\tname = before\n");
	ck_assert(!exists("r/home/me/snap/hello/7/new"));

	ck_assert_ok(setaside_undo(s, 0, true, &o, &err), &err);
	ck_assert_uint_eq(o.id, 2);
	ck_assert_uint_eq(o.undid, 1);
	ck_assert(!o.redone);
	restore_outcome_done(&o);
	assert_content("r/home/me/.gitconfig", "after");
	assert_content("r/home/me/snap/hello/7/new", "new");

	ck_assert_ok(setaside_undo(s, 2, true, &o, &err), &err);
	ck_assert_uint_eq(o.undid, 2);
	ck_assert(o.redone);
	restore_outcome_done(&o);
	assert_content("r/home/me/.gitconfig", "[user]\n\tname = before\n");

	ck_assert_ok(setaside_keep(s, 0, &k, &err), &err);
	ck_assert_uint_eq(k.id, 3);
	ck_assert_uint_eq(k.removed.n, 4);
	keep_outcome_done(&k);
	ck_assert_fails(setaside_undo(s, 0, true, &o, &err), &err, ERR_NOT_FOUND,
			"nothing to undo or keep");
}

END_TEST

START_TEST(restore_of_an_earlier_set_is_undone_only_after_the_later)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	struct restore_request q = { .set = 1, .force = true };
	struct restore_outcome o;

	if (!have_workers())
		return;
	make_root();
	s = open_session(SESSION_WRITE, &err);
	save_all(s, &err);
	for (int i = 0; i < 2; i++) {
		ck_assert_ok(setaside_restore(s, &q, &o, &err), &err);
		restore_outcome_done(&o);
	}
	ck_assert_fails(setaside_undo(s, 1, true, &o, &err), &err, ERR_REFUSED,
			"restore 2, later than 1, stands on the same data");
}

END_TEST

static int stop_at_first(void *ctx, const struct set *set,
			 const struct set_snapshot *snapshot, struct err *err)
{
	(void)err;
	ck_assert_uint_eq(set->id, 1);
	ck_assert_ptr_nonnull(snapshot->meta);
	++*(unsigned *)ctx;
	return 1;
}

START_TEST(snapshots_are_opened_by_file_and_iterated_with_a_way_to_stop)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	struct set_snapshot one;
	unsigned calls = 0;
	uint64_t last;

	if (!have_workers())
		return;
	make_root();
	s = open_session(SESSION_WRITE, &err);
	save_all(s, &err);
	ck_assert_ok(sets_each(s, stop_at_first, &calls, &err), &err);
	ck_assert_uint_eq(calls, 1);
	ck_assert_ok(sets_last_number(s, &last, &err), &err);
	ck_assert_uint_eq(last, 1);
	ck_assert_ok(sets_open_file(s, "1_git_0_x1.zip", 0, &one, &err), &err);
	ck_assert_uint_eq(one.meta->set, 1);
	ck_assert_ptr_null(one.broken);
	set_snapshot_done(&one);
	ck_assert_ok(sets_open_file(s, "1_git_0_x1.zip", 77, &one, &err), &err);
	ck_assert_uint_eq(one.meta->set, 77);
	set_snapshot_done(&one);
	support_file(support_dirfd(), "store/snapshots/9_x_1_x1.zip", 0600, "no zip");
	ck_assert_ok(sets_open_file(s, "9_x_1_x1.zip", 0, &one, &err), &err);
	ck_assert_str_eq(one.meta->snap, "x");
	ck_assert_ptr_nonnull(one.broken);
	set_snapshot_done(&one);
	ck_assert_fails(sets_open_file(s, "8_x_1_x1.zip", 0, &one, &err), &err,
			ERR_NOT_FOUND, "there is no snapshot \"8_x_1_x1.zip\"");
}

END_TEST

/* Puts the numbers of the sets together; of the third it fails. */
static int take_numbers(void *ctx, const struct set *set, struct err *err)
{
	uint64_t *sum = ctx;

	if (set->id == 3)
		return err_set(err, ERR_IO, "no more");
	*sum = *sum * 10 + set->id;
	ck_assert_uint_eq(strlen(set->content_hash), 64);
	return 0;
}

START_TEST(sets_are_passed_on_one_by_one)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	uint64_t sum = 0;

	if (!have_workers())
		return;
	make_root();
	s = open_session(SESSION_WRITE, &err);
	save_all(s, &err);
	save_all(s, &err);
	for (int i = 0; i < 2; i++) /* read, then remembered */
		ck_assert_ok(sets_pass(s, take_numbers, &sum, &err), &err);
	ck_assert_uint_eq(sum, 1212);
	save_all(s, &err);
	ck_assert_fails(sets_pass(s, take_numbers, &sum, &err), &err, ERR_IO, "no more");
	ck_assert_uint_eq(sum, 121212);
}

END_TEST

START_TEST(configuration_and_revision_are_the_callers_to_give)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	const char *const hello[] = { "hello" };
	struct save_conf conf = { "hello", " { \"b\" : 1.50, \"a\": [true] } " };
	struct save_request q = { .scope = { .apps = hello, .n_apps = 1 },
				  .confs = &conf,
				  .n_confs = 1 };
	struct restore_request r = { .set = 1, .revision = "9", .force = true };
	struct save_outcome saved;
	struct restore_outcome o;
	struct restore_state state;

	if (!have_workers())
		return;
	make_root();
	s = open_session(SESSION_WRITE, &err);
	ck_assert_ok(setaside_save(s, &q, &saved, &err), &err);
	ck_assert_str_eq(saved.set.snapshots[0].meta->conf, "{\"a\":[true],\"b\":1.50}");
	save_outcome_done(&saved);
	ck_assert_ok(setaside_restore(s, &r, &o, &err), &err);
	restore_outcome_done(&o);
	assert_content("r/home/me/snap/hello/9/state", "seven");
	assert_content("r/home/me/snap/hello/7/state", "seven");
	ck_assert_ok(setaside_restore_state(s, 1, "hello", &state, &err), &err);
	ck_assert_uint_eq(state.created.n, 2);
	ck_assert_uint_eq(state.moved.n, 1);
	ck_assert_str_eq(state.created.items[0], "/home/me/snap/hello/9");
	ck_assert_uint_gt(restore_state_live_length(state.moved.items[0]), 0);
	restore_state_done(&state);
	ck_assert_fails(setaside_restore_state(s, 1, "git", &state, &err), &err,
			ERR_NOT_FOUND, "did nothing to \"git\"");
}

END_TEST

START_TEST(restore_state_lists_the_last_directory_made_as_snapd_does)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	struct restore_request r = { .set = 1, .force = true };
	_cleanup_(buf_done) struct buf json = BUF_INIT;
	struct restore_state state;
	struct restore_outcome o;
	struct keep_outcome kept;

	if (!have_workers())
		return;
	make_root();
	s = open_session(SESSION_WRITE, &err);
	save_all(s, &err);
	support_remove_tree(support_dirfd(), "r/home/me/snap");
	ck_assert_ok(setaside_restore(s, &r, &o, &err), &err);
	for (size_t i = 0; i < o.created.n; i++)
		ck_assert_str_ne(o.created.items[i] + strlen(support_path("r")),
				 "/home/me/snap/");
	restore_outcome_done(&o);
	ck_assert_ok(setaside_restore_state(s, 1, "hello", &state, &err), &err);
	ck_assert_ok(restore_state_write(&state, &json, &err), &err);
	ck_assert_str_eq(json.data,
			 "{\"created\":[\"/home/me/snap/hello/\","
			 "\"/home/me/snap/hello/7\",\"/home/me/snap/hello/common\"]}");
	restore_state_done(&state);
	/* What goes at the end of an undo is more than what is listed. */
	ck_assert_ok(setaside_undo(s, 0, true, &o, &err), &err);
	restore_outcome_done(&o);
	ck_assert_ok(setaside_keep(s, 0, &kept, &err), &err);
	keep_outcome_done(&kept);
	ck_assert(!exists("r/home/me/snap"));
	ck_assert(exists("r/home/me"));
}

END_TEST

START_TEST(excluded_files_are_not_saved_and_survive_restore_and_undo)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	const char *const hello[] = { "hello" };
	const char *const exclude[] = { "$SNAP_USER_COMMON/cache" };
	struct save_request q = { .scope = { .apps = hello,
					     .n_apps = 1,
					     .exclude = exclude,
					     .n_exclude = 1 } };
	struct restore_request r = { .set = 1, .force = true };
	struct save_outcome saved;
	struct restore_outcome o;

	if (!have_workers())
		return;
	make_root();
	support_mkdir(support_dirfd(), "r/home/me/snap/hello/common/cache", 0700);
	put_file("r/home/me/snap/hello/common/cache/big", "before");
	s = open_session(SESSION_WRITE, &err);
	ck_assert_ok(setaside_save(s, &q, &saved, &err), &err);
	save_outcome_done(&saved);
	put_file("r/home/me/snap/hello/common/cache/big", "live");
	put_file("r/home/me/snap/hello/common/data", "changed");
	ck_assert_ok(setaside_restore(s, &r, &o, &err), &err);
	restore_outcome_done(&o);
	assert_content("r/home/me/snap/hello/common/data", "shared");
	assert_content("r/home/me/snap/hello/common/cache/big", "live");
	ck_assert_int_eq(
		unlinkat(support_dirfd(), "r/home/me/snap/hello/common/cache/big", 0), 0);
	put_file("r/home/me/snap/hello/common/cache/big", "since");
	ck_assert_ok(setaside_undo(s, 0, true, &o, &err), &err);
	restore_outcome_done(&o);
	assert_content("r/home/me/snap/hello/common/data", "changed");
	assert_content("r/home/me/snap/hello/common/cache/big", "since");
}

END_TEST

START_TEST(abandoned_sets_vanish_and_are_counted)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(strings_done) struct strings errors = STRINGS_INIT;
	size_t count;

	if (!have_workers())
		return;
	make_root();
	s = open_session(SESSION_WRITE, &err);
	put_file("store/snapshots/5_importing", "");
	put_file("store/snapshots/5_x_1_x1.zip", "half");
	put_file("store/snapshots/6_importing", "");
	ck_assert_ok(recovery_clean_imports(s, &count, &errors, &err), &err);
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(errors.n, 0);
	ck_assert(!exists("store/snapshots/5_x_1_x1.zip"));
	ck_assert(!exists("store/snapshots/6_importing"));
	ck_assert_ok(recovery_clean_imports(s, &count, &errors, &err), &err);
	ck_assert_uint_eq(count, 0);
	/* Their numbers stay used. */
	ck_assert_uint_gt(save_all(s, &err), 6);
}

END_TEST

START_TEST(forgotten_apps_and_sets_are_gone_and_numbers_grow)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	const char *const git[] = { "git" };
	struct forget_outcome o;
	struct set set;

	if (!have_workers())
		return;
	make_root();
	s = open_session(SESSION_WRITE, &err);
	save_all(s, &err);
	ck_assert_ok(setaside_forget(s, 1, git, 1, false, &o, &err), &err);
	forget_outcome_done(&o);
	ck_assert_ok(sets_get(s, 1, &set, &err), &err);
	ck_assert_uint_eq(set.n, 2);
	set_done(&set);
	ck_assert_ok(setaside_forget(s, 1, NULL, 0, false, &o, &err), &err);
	ck_assert_uint_eq(o.apps.n, 2);
	forget_outcome_done(&o);
	ck_assert_fails(setaside_forget(s, 1, NULL, 0, false, &o, &err), &err,
			ERR_NOT_FOUND, "there is no set 1");
	ck_assert_uint_eq(save_all(s, &err), 2);
}

END_TEST

START_TEST(cancelled_save_leaves_nothing_but_a_used_number)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	struct save_request q = { .note = NULL };
	struct save_outcome o;
	struct set_list list;

	if (!have_workers())
		return;
	make_root();
	s = open_session(SESSION_WRITE, &err);
	atomic_store(&cancelled, true);
	ck_assert_fails(setaside_save(s, &q, &o, &err), &err, ERR_INTERRUPTED, "");
	atomic_store(&cancelled, false);
	ck_assert_ok(sets_list(s, &list, &err), &err);
	ck_assert_uint_eq(list.n, 0);
	sets_list_done(&list);
}

END_TEST

START_TEST(cancel_is_heard_in_a_session_that_has_committed)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	struct restore_request q = { .set = 0 };
	struct scope all = { .n_apps = 0 };
	struct restore_outcome o;
	struct check_outcome checked;
	struct inventory i;

	if (!have_workers())
		return;
	make_root();
	s = open_session(SESSION_WRITE, &err);
	q.set = save_all(s, &err);
	ck_assert_ok(setaside_restore(s, &q, &o, &err), &err);
	restore_outcome_done(&o);
	atomic_store(&cancelled, true);
	ck_assert_fails(setaside_check(s, q.set, &all, false, &checked, &err), &err,
			ERR_INTERRUPTED, "");
	ck_assert_fails(setaside_inventory(s, &all, &i, &err), &err, ERR_INTERRUPTED, "");
	ck_assert_fails(setaside_undo(s, 0, false, &o, &err), &err, ERR_INTERRUPTED, "");
	ck_assert_fails(setaside_restore(s, &q, &o, &err), &err, ERR_INTERRUPTED, "");
	atomic_store(&cancelled, false);
	assert_content("r/home/me/.ssh/config", "Host *\n");
}

END_TEST

START_TEST(lost_database_loses_no_snapshot)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct session *s;
	struct set_list list;

	if (!have_workers())
		return;
	make_root();
	s = open_session(SESSION_WRITE, &err);
	save_all(s, &err);
	session_close(s);
	ck_assert_int_eq(unlinkat(support_dirfd(), "store/state.db", 0), 0);
	s = open_session(SESSION_READ, &err);
	ck_assert_ok(sets_list(s, &list, &err), &err);
	ck_assert_uint_eq(list.n, 1);
	ck_assert_str_eq(list.sets[0].origin, "found");
	ck_assert_str_eq(list.sets[0].note, "a note");
	sets_list_done(&list);
	session_close(s);
	s = open_session(SESSION_WRITE, &err);
	ck_assert_uint_eq(save_all(s, &err), 2);
	session_close(s);
}

END_TEST

START_TEST(second_save_of_the_same_tree_has_the_same_archive_hashes)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	struct set a, b;

	if (!have_workers())
		return;
	make_root();
	s = open_session(SESSION_WRITE, &err);
	save_all(s, &err);
	save_all(s, &err);
	ck_assert_ok(sets_get(s, 1, &a, &err), &err);
	ck_assert_ok(sets_get(s, 2, &b, &err), &err);
	ck_assert_uint_eq(a.n, b.n);
	ck_assert_str_eq(a.content_hash, b.content_hash);
	for (size_t i = 0; i < a.n; i++)
		ck_assert_str_eq(a.snapshots[i].meta->archives[0].sha3,
				 b.snapshots[i].meta->archives[0].sha3);
	set_done(&a);
	set_done(&b);
}

END_TEST

START_TEST(inventory_counts_bytes_and_names_users)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	const char *const apps[] = { "git", "ssh", "vim" };
	struct scope scope = { .apps = apps, .n_apps = 3 };
	struct inventory i;

	if (!have_workers())
		return;
	make_root();
	s = open_session(SESSION_WRITE, &err);
	ck_assert_ok(setaside_inventory(s, &scope, &i, &err), &err);
	ck_assert_uint_eq(i.n, 2);
	ck_assert_str_eq(i.apps[0].name, "git");
	ck_assert_uint_eq(i.apps[0].size, strlen("[user]\n\tname = before\n"));
	ck_assert_str_eq(i.apps[0].users.items[0], user_name());
	ck_assert_uint_eq(i.empty.n, 1);
	ck_assert_str_eq(i.empty.items[0], "vim");
	inventory_done(&i);
	scope.apps = (const char *const[]){ "no-such-app" };
	scope.n_apps = 1;
	ck_assert_fails(setaside_inventory(s, &scope, &i, &err), &err, ERR_NOT_FOUND,
			"no-such-app");
}

END_TEST

/* A flatpak with data and, unless `version` is NULL, an installation in the home. */
static void install_in_home(const char *id, const char *version)
{
	_cleanup_(buf_done) struct buf blob = BUF_INIT;
	const struct support_deploy_entry entries[] = { { "appdata-version", version,
							  's' } };
	int d = support_dirfd();
	char path[300];

	snprintf(path, sizeof(path), "r/home/me/.var/app/%s/config/file", id);
	support_file(d, path, 0644, "data");
	if (!version)
		return;
	support_deploy(&blob, "abc", entries, 1);
	snprintf(path, sizeof(path),
		 "r/home/me/.local/share/flatpak/app/%s/x86_64/stable/abc/deploy", id);
	support_file_n(d, path, 0644, blob.data, blob.len);
	snprintf(path, sizeof(path), "r/home/me/.local/share/flatpak/app/%s/current", id);
	support_symlink(d, path, "x86_64/stable");
	snprintf(path, sizeof(path),
		 "r/home/me/.local/share/flatpak/app/%s/x86_64/stable/active", id);
	support_symlink(d, path, "abc");
}

START_TEST(flatpaks_installed_in_a_home_have_their_version)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = NULL;
	const char *const apps[] = { "org.a.A", "org.b.B", "org.c.C" };
	struct scope scope = { .apps = apps, .n_apps = 3 };
	struct inventory i;

	if (!have_workers())
		return;
	make_root();
	install_in_home("org.a.A", "1.2.3");
	install_in_home("org.b.B", NULL);
	install_in_home("org.c.C", NULL);
	put_file("r/home/me/.local/share/flatpak/app/org.c.C/current/active/deploy",
		 "what");
	warnings = 0;
	s = open_session(SESSION_WRITE, &err);
	ck_assert_ok(setaside_inventory(s, &scope, &i, &err), &err);
	ck_assert_uint_eq(i.n, 3);
	ck_assert_str_eq(i.apps[0].version, "1.2.3");
	ck_assert_str_eq(i.apps[1].version, "");
	/* A damaged record costs the version only, and is said. */
	ck_assert_str_eq(i.apps[2].version, "");
	ck_assert_uint_eq(warnings, 1);
	inventory_done(&i);
}

END_TEST

Suite *suite_library(void)
{
	Suite *s = suite_create("library");
	TCase *t = support_tcase(s, "library");

	tcase_add_test(t, saved_set_is_listed_shown_and_checked);
	tcase_add_test(t, restore_undo_and_undo_again_go_there_and_back);
	tcase_add_test(t, restore_of_an_earlier_set_is_undone_only_after_the_later);
	tcase_add_test(t, snapshots_are_opened_by_file_and_iterated_with_a_way_to_stop);
	tcase_add_test(t, sets_are_passed_on_one_by_one);
	tcase_add_test(t, configuration_and_revision_are_the_callers_to_give);
	tcase_add_test(t, restore_state_lists_the_last_directory_made_as_snapd_does);
	tcase_add_test(t, excluded_files_are_not_saved_and_survive_restore_and_undo);
	tcase_add_test(t, abandoned_sets_vanish_and_are_counted);
	tcase_add_test(t, forgotten_apps_and_sets_are_gone_and_numbers_grow);
	tcase_add_test(t, cancelled_save_leaves_nothing_but_a_used_number);
	tcase_add_test(t, cancel_is_heard_in_a_session_that_has_committed);
	tcase_add_test(t, lost_database_loses_no_snapshot);
	tcase_add_test(t, second_save_of_the_same_tree_has_the_same_archive_hashes);
	tcase_add_test(t, inventory_counts_bytes_and_names_users);
	tcase_add_test(t, flatpaks_installed_in_a_home_have_their_version);
	return s;
}
