/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the observer of an operation hears of its progress, with real workers.
 */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "state/operation/check.h"
#include "state/operation/restore.h"
#include "state/operation/save.h"
#include "tests/unit/support.h"

#define DATA_SIZE ((size_t)24 << 20)

/* What was heard of one operation. */
struct heard {
	uint64_t done, total;
	unsigned between;      /* events that are neither nothing nor all */
	bool big, small, user; /* both apps, and their user, were named */
};

static struct heard heard;
static atomic_bool cancelled;
static bool cancel_between; /* as soon as something is done, but not all */

static void hear(void *ctx, const struct event *event)
{
	(void)ctx;
	if (event->kind != EVENT_PROGRESS)
		return;
	ck_assert_uint_ge(event->done, heard.done);
	if (heard.total > 0)
		ck_assert_uint_eq(event->total, heard.total);
	if (event->total > 0)
		ck_assert_uint_le(event->done, event->total);
	heard.done = event->done;
	heard.total = event->total;
	heard.big = heard.big || (event->object && strcmp(event->object, "big") == 0);
	heard.small =
		heard.small || (event->object && strcmp(event->object, "small") == 0);
	heard.user = heard.user || (event->user && strcmp(event->user, "tester") == 0);
	if (event->done > 0 && event->done < event->total) {
		heard.between++;
		atomic_store(&cancelled, cancel_between);
	}
}

static const struct observer observer = { hear, NULL, &cancelled };

/* Bytes that do not compress. */
static void make_data(const char *path)
{
	uint64_t *words = malloc(DATA_SIZE), x = 88172645463325252u;

	ck_assert_ptr_nonnull(words);
	for (size_t i = 0; i < DATA_SIZE / sizeof(*words); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		words[i] = x;
	}
	support_file_n(support_dirfd(), path, 0600, words, DATA_SIZE);
	free(words);
}

/* A definition with one tree in the home. */
static void define(const char *app)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "apps/%s.json", app);
	snprintf(
		text, sizeof(text),
		"{\"format\":1,\"id\":\"%s\",\"name\":\"%s\",\"trees\":[{\"name\":\"data\","
		"\"scope\":\"user\",\"at\":{\"native\":\"~/.%s\"}}]}",
		app, app, app);
	support_file(support_dirfd(), path, 0644, text);
}

/* A root with one user, who has two apps; NULL, with a SKIP line,
 * where workers cannot run. */
static struct session *open_world(struct err *err)
{
	_cleanup_free_ char *root = NULL, *store = NULL, *data = NULL;
	struct session_options o = { .mode = SESSION_USER,
				     .access = SESSION_WRITE,
				     .verb = "test",
				     .worker = getenv("SETASIDE_WORKER"),
				     .home = "/home/me",
				     .observer = &observer };
	struct session *s = NULL;
	char passwd[128];

	if (!o.worker) {
		support_skip("SETASIDE_WORKER names no worker");
		return NULL;
	}
	if (!support_need_openat2())
		return NULL;
	snprintf(passwd, sizeof(passwd), "tester:x:%u:%u::/home/me:/bin/sh\n",
		 (unsigned)geteuid(), (unsigned)getegid());
	support_file(support_dirfd(), "r/etc/passwd", 0644, passwd);
	support_file(support_dirfd(), "r/etc/group", 0644, "");
	/* However full the file system is. */
	support_file(support_dirfd(), "r/home/me/.config/setaside/setaside.conf", 0644,
		     "reserve = 0\n");
	make_data("r/home/me/.big/data");
	support_file(support_dirfd(), "r/home/me/.small/data", 0600, "small");
	define("big");
	define("small");
	root = strdup(support_path("r"));
	store = strdup(support_path("store"));
	data = strdup(support_path("apps"));
	o.root = root;
	o.store = store;
	o.data_dir = data;
	ck_assert_ok(session_open(&o, &s, err), err);
	heard = (struct heard){ 0 };
	return s;
}

/* The operation is over: it went on in steps, and to its end.  The next begins. */
static void assert_heard(uint64_t least)
{
	ck_assert_uint_ge(heard.total, least);
	ck_assert_uint_eq(heard.done, heard.total);
	/* Of steps of 4 MiB those are told that come 2 ms after
	 * the last: one at least. */
	ck_assert_uint_ge(heard.between, 1);
	ck_assert(heard.big && heard.small && heard.user);
	heard = (struct heard){ 0 };
}

static void save(struct session *s, struct err *err)
{
	struct save_request q = { .name = NULL };
	struct save_outcome o;

	ck_assert_ok(setaside_save(s, &q, &o, err), err);
	ck_assert_uint_eq(o.set.n, 2);
	save_outcome_done(&o);
}

START_TEST(save_check_and_restore_tell_how_far_they_are)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = open_world(&err);
	struct restore_request q = { .set = 1, .force = true };
	struct scope all = { 0 };
	struct check_outcome checked;
	struct restore_outcome restored;
	uint64_t read;

	if (!s)
		return;
	save(s, &err);
	assert_heard(DATA_SIZE);
	ck_assert_ok(setaside_check(s, 1, &all, false, &checked, &err), &err);
	ck_assert(checked.ok);
	check_outcome_done(&checked);
	read = heard.total;
	assert_heard(DATA_SIZE);
	ck_assert_ok(setaside_check(s, 1, &all, true, &checked, &err), &err);
	ck_assert(checked.ok);
	check_outcome_done(&checked);
	ck_assert_uint_eq(heard.total, 2 * read);
	assert_heard(2 * DATA_SIZE);
	ck_assert_ok(setaside_restore(s, &q, &restored, &err), &err);
	restore_outcome_done(&restored);
	ck_assert_uint_eq(heard.total, read);
	assert_heard(DATA_SIZE);
}

END_TEST

START_TEST(only_what_is_chosen_is_part_of_the_total)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = open_world(&err);
	const char *const small[] = { "small" };
	struct scope some = { .apps = small, .n_apps = 1 };
	struct check_outcome checked;

	if (!s)
		return;
	save(s, &err);
	heard = (struct heard){ 0 };
	ck_assert_ok(setaside_check(s, 1, &some, false, &checked, &err), &err);
	check_outcome_done(&checked);
	ck_assert_uint_gt(heard.total, 0);
	ck_assert_uint_lt(heard.total, 10000);
	ck_assert_uint_eq(heard.done, heard.total);
	ck_assert(heard.small && !heard.big);
}

END_TEST

START_TEST(damaged_snapshot_does_not_keep_a_check_from_its_end)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = open_world(&err);
	struct scope all = { 0 };
	struct check_outcome checked;

	if (!s)
		return;
	save(s, &err);
	heard = (struct heard){ 0 };
	support_file(support_dirfd(), "store/snapshots/1_small_0_x1.zip", 0600, "no zip");
	ck_assert_ok(setaside_check(s, 1, &all, false, &checked, &err), &err);
	ck_assert(!checked.ok);
	check_outcome_done(&checked);
	ck_assert_uint_gt(heard.total, DATA_SIZE);
	ck_assert_uint_eq(heard.done, heard.total);
}

END_TEST

START_TEST(cancel_is_heard_between_two_events)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s = open_world(&err);
	struct save_request q = { .name = NULL };
	struct save_outcome o;

	if (!s)
		return;
	cancel_between = true;
	ck_assert_fails(setaside_save(s, &q, &o, &err), &err, ERR_INTERRUPTED, "");
	ck_assert_uint_eq(heard.between, 1);
	ck_assert_uint_lt(heard.done, heard.total);
}

END_TEST

Suite *suite_library_progress(void)
{
	Suite *s = suite_create("library_progress");
	TCase *tc = support_tcase(s, "library_progress");

	tcase_add_test(tc, save_check_and_restore_tell_how_far_they_are);
	tcase_add_test(tc, only_what_is_chosen_is_part_of_the_total);
	tcase_add_test(tc, damaged_snapshot_does_not_keep_a_check_from_its_end);
	tcase_add_test(tc, cancel_is_heard_between_two_events);
	return s;
}
