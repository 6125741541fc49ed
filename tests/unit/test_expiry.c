/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What goes by itself when its time has come, and what stays: whole operations with real
 * workers.
 */

#include "state/operation/expiry.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/fd.h"
#include "backend/base/stamp.h"
#include "state/db.h"
#include "state/locks.h"
#include "state/operation/doctor.h"
#include "state/operation/forget.h"
#include "state/operation/restore.h"
#include "state/operation/save.h"
#include "state/sets.h"
#include "tests/unit/support.h"
#include "tests/unit/support_world.h"

#define DAY       ((int64_t)24 * 60 * 60)
#define GONE(set) "note: set " set ": its time had come, and it was removed\n"

/* ---- What there is ---- */

/* The database of a store, as another process would have it. */
static struct db *open_db(const char *store)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd =
		openat(support_dirfd(), store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct db *db = NULL;

	ck_assert_ok(db_open(fd, "STORE", DB_WRITE, &db, &err), &err);
	return db;
}

/* Its time is then. */
static void put_expiry(const char *store, uint64_t set, int64_t expires)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(db_closep) struct db *db = open_db(store);

	ck_assert_ok(db_set_expire(db, set, expires, &err), &err);
}

/* For the sessions that are opened from now on. */
static void configure(const char *text)
{
	_cleanup_free_ char *all = NULL;

	ck_assert_int_ge(asprintf(&all, "%s\n" SUPPORT_WORLD_NO_RESERVE, text), 0);
	support_file(support_dirfd(), SUPPORT_WORLD_CONFIG, 0644, all);
}

static uint64_t save(struct session *s, const struct save_request *q)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct save_outcome o;
	uint64_t id;

	ck_assert_ok(setaside_save(s, q, &o, &err), &err);
	ck_assert(o.has_set);
	id = o.set.id;
	save_outcome_done(&o);
	return id;
}

/* An automatic set of both apps, whose time is over. */
static uint64_t save_expired(struct session *s)
{
	uint64_t id = save(s, &(struct save_request){ .automatic = true });

	put_expiry("store", id, 1);
	return id;
}

static void expire(struct session *s, uint64_t spare)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(setaside_expire(s, spare, &err), &err);
}

/* The numbers that are listed, each followed by a blank. */
static const char *listed(struct session *s)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	static char text[64];
	struct set_list list;

	ck_assert_ok(sets_list(s, &list, &err), &err);
	text[0] = '\0';
	for (size_t i = 0; i < list.n; i++) {
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n, "%llu ",
			 (unsigned long long)list.sets[i].id);
	}
	sets_list_done(&list);
	return text;
}

/* How many names in a directory begin so. */
static size_t count_files(const char *dir, const char *prefix)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;
	_cleanup_close_ int fd =
		openat(support_dirfd(), dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t n = 0;

	ck_assert_ok(fd_list_dir(fd, 100, &names, &err), &err);
	for (size_t i = 0; i < names.n; i++)
		n += strncmp(names.items[i], prefix, strlen(prefix)) == 0;
	return n;
}

static int64_t now(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct stamp stamp;

	ck_assert_ok(stamp_now(&stamp, &err), &err);
	return stamp.sec;
}

/* What was said since this was asked last. */
static void check_said(struct support_world *w, const char *text)
{
	ck_assert_str_eq(support_events_text(&w->events), text);
	buf_clear(&w->events.text);
}

/* ---- What goes ---- */

START_TEST(automatic_set_goes_whole_when_its_time_is_over)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	struct session *s;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	ck_assert_uint_eq(support_world_save(s, "mine"), 1);
	ck_assert_uint_eq(save_expired(s), 2);
	ck_assert_uint_eq(count_files("store/snapshots", "2_"), 2);
	expire(s, 0);
	check_said(&w, GONE("2"));
	ck_assert_str_eq(listed(s), "1 ");
	ck_assert_uint_eq(count_files("store/snapshots", "2_"), 0);
	ck_assert_uint_eq(count_files("store/snapshots", "1_"), 2);
	expire(s, 0);
	check_said(&w, "");
	/* Its number is not given again. */
	ck_assert_uint_eq(support_world_save(s, NULL), 3);
	session_close(s);
}

END_TEST

START_TEST(automatic_set_stays_until_the_time_that_is_configured)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	const struct save_request q = { .automatic = true };
	struct session *s;
	int64_t before, after;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	before = now();
	ck_assert_uint_eq(save(s, &q), 1);
	after = now();
	ck_assert_int_ge(support_world_expiry(s, 1), before + 31 * DAY);
	ck_assert_int_le(support_world_expiry(s, 1), after + 31 * DAY);
	expire(s, 0);
	session_close(s);

	configure("automatic-retention = 2d");
	s = support_world_open(&w, "store");
	before = now();
	ck_assert_uint_eq(save(s, &q), 2);
	ck_assert_int_ge(support_world_expiry(s, 2), before + 2 * DAY);
	ck_assert_int_le(support_world_expiry(s, 2), now() + 2 * DAY);
	expire(s, 0);
	/* An hour is left to one, none to the other. */
	put_expiry("store", 1, now() + 3600);
	put_expiry("store", 2, now());
	expire(s, 0);
	ck_assert_str_eq(listed(s), "1 ");
	session_close(s);
}

END_TEST

START_TEST(no_set_goes_where_automatic_retention_is_no)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	struct session *s;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	ck_assert_uint_eq(save_expired(s), 1);
	ck_assert_int_eq(support_world_expiry(s, 1), 1);
	session_close(s);

	configure("automatic-retention = no");
	s = support_world_open(&w, "store");
	ck_assert_uint_eq(save(s, &(struct save_request){ .automatic = true }), 2);
	ck_assert_int_eq(support_world_expiry(s, 1), 0);
	ck_assert_int_eq(support_world_expiry(s, 2), 0);
	expire(s, 0);
	ck_assert_str_eq(listed(s), "1 2 ");
	check_said(&w, "");
	session_close(s);

	/* That which was made without a time never has one. */
	configure("automatic-retention = 1d");
	s = support_world_open(&w, "store");
	expire(s, 0);
	ck_assert_str_eq(listed(s), "2 ");
	session_close(s);
}

END_TEST

START_TEST(trees_aside_and_the_set_they_came_from_go_together)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct restore_request q = { .set = 1, .force = true };
	struct restore_outcome o;
	struct session *s;

	if (!support_world_make(&w))
		return;
	configure("keep-for = 0s");
	s = support_world_open(&w, "store");
	ck_assert_uint_eq(save_expired(s), 1);
	ck_assert_ok(setaside_restore(s, &q, &o, &err), &err);
	restore_outcome_done(&o);
	ck_assert_uint_eq(count_files("r/home/me", ".one.~"), 1);
	expire(s, 0);
	ck_assert_uint_eq(count_files("r/home/me", ".one.~"), 0);
	ck_assert_str_eq(listed(s), "");
	check_said(&w, GONE("1"));
	session_close(s);
}

END_TEST

/* ---- What stays ---- */

START_TEST(pinned_sets_and_a_persons_stay)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db *db;
	struct session *s;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	ck_assert_uint_eq(support_world_save(s, NULL), 1);
	ck_assert_uint_eq(save_expired(s), 2);
	ck_assert_uint_eq(save_expired(s), 3);
	/* Whatever time a person's has on record, it is no automatic set. */
	put_expiry("store", 1, 1);
	db = open_db("store");
	ck_assert_ok(db_set_pin(db, 2, true, &err), &err);
	db_close(db);
	expire(s, 0);
	ck_assert_str_eq(listed(s), "1 2 ");
	check_said(&w, GONE("3"));
	session_close(s);
}

END_TEST

START_TEST(automatic_set_that_is_imported_again_stays)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(tar_bytes_done) struct tar_bytes t = { 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct import_request q = { 0 };
	struct import_outcome o;
	struct session *s;
	uint64_t id;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	id = save_expired(s);
	support_world_export(s, &id, 1, &t);
	ck_assert_fails(support_world_try_import(s, &t, &q, &o, &err), &err,
			ERR_DUPLICATE, "");
	import_outcome_done(&o);
	expire(s, 0);
	ck_assert_str_eq(listed(s), "1 ");
	session_close(s);
}

END_TEST

START_TEST(set_that_the_caller_has_used_stays)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const char *const one[] = { "one" };
	struct forget_outcome o;
	struct session *s;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	ck_assert_uint_eq(save_expired(s), 1);
	ck_assert_uint_eq(save_expired(s), 2);
	ck_assert_ok(setaside_forget(s, 1, one, 1, false, &o, &err), &err);
	forget_outcome_done(&o);
	expire(s, 1);
	ck_assert_str_eq(listed(s), "1 ");
	expire(s, 2);
	ck_assert_str_eq(listed(s), "");
	session_close(s);
}

END_TEST

START_TEST(set_stays_while_a_restore_of_it_can_be_undone)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct restore_request q = { .set = 1, .force = true };
	struct restore_outcome o;
	struct keep_outcome k;
	struct session *s;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	ck_assert_uint_eq(save_expired(s), 1);
	ck_assert_ok(setaside_restore(s, &q, &o, &err), &err);
	restore_outcome_done(&o);
	expire(s, 0);
	ck_assert_str_eq(listed(s), "1 ");
	ck_assert_ok(setaside_undo(s, 0, true, &o, &err), &err);
	restore_outcome_done(&o);
	expire(s, 0);
	ck_assert_str_eq(listed(s), "1 ");
	ck_assert_ok(setaside_keep(s, 0, &k, &err), &err);
	keep_outcome_done(&k);
	expire(s, 0);
	ck_assert_str_eq(listed(s), "");
	session_close(s);
}

END_TEST

START_TEST(set_that_is_busy_stays_for_the_next_time)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(locks_closep) struct locks *locks = NULL;
	_cleanup_close_ int fd = -1;
	const struct lock_wait at_once = { 0, NULL };
	struct session *s;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	ck_assert_uint_eq(save_expired(s), 1);
	ck_assert_uint_eq(save_expired(s), 2);
	fd = openat(support_dirfd(), "store", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_ok(locks_open(fd, "STORE", 0, &locks, &err), &err);
	/* As a check or a restore has it. */
	ck_assert_ok(locks_take(locks, LOCK_KEY_SET(1), LOCK_SHARED, &at_once, &err),
		     &err);
	expire(s, 0);
	ck_assert_str_eq(listed(s), "1 ");
	check_said(&w,
		   "note: set 1 stays for the next time: snapshot set 1 is busy: another"
		   " process is working on it\n" GONE("2"));
	locks_drop(locks, LOCK_KEY_SET(1));
	expire(s, 0);
	ck_assert_str_eq(listed(s), "");
	check_said(&w, GONE("1"));
	session_close(s);
}

END_TEST

START_TEST(set_that_is_not_whole_stays_to_be_told)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	struct session *s;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	ck_assert_uint_eq(save_expired(s), 1);
	ck_assert_uint_eq(save_expired(s), 2);
	ck_assert_int_eq(unlinkat(support_dirfd(), "store/snapshots/1_two_0_x1.zip", 0),
			 0);
	support_file(support_dirfd(), "store/snapshots/2_two_0_x1.zip", 0600, "no zip");
	expire(s, 0);
	ck_assert_str_eq(listed(s), "1 2 ");
	ck_assert_uint_eq(count_files("store/snapshots", "1_"), 1);
	ck_assert_uint_eq(count_files("store/snapshots", "2_"), 2);
	check_said(&w, "");
	session_close(s);
}

END_TEST

/* A copy of a file. */
static void copy(const char *from, const char *to)
{
	_cleanup_free_ char *bytes = NULL;
	size_t n;

	bytes = support_read(support_dirfd(), from, &n);
	support_file_n(support_dirfd(), to, 0600, bytes, n);
}

START_TEST(file_that_is_not_on_record_stays)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	struct session *s;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	ck_assert_uint_eq(support_world_save(s, NULL), 1);
	ck_assert_uint_eq(save_expired(s), 2);
	copy("store/snapshots/1_one_0_x1.zip", "store/snapshots/2_three_0_x1.zip");
	expire(s, 0);
	ck_assert_uint_eq(count_files("store/snapshots", "2_"), 1);
	ck_assert_uint_eq(count_files("store/snapshots", "2_three"), 1);
	session_close(s);
	s = support_world_open(&w, "store");
	ck_assert_str_eq(listed(s), "1 2 ");
	session_close(s);
}

END_TEST

/* A zip says that it was automatic, but not whether a person has pinned it or made it
 * his. */
START_TEST(sets_that_were_found_stay)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct session *s;
	struct set set;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	ck_assert_uint_eq(save_expired(s), 1);
	session_close(s);
	ck_assert_int_eq(unlinkat(support_dirfd(), "store/state.db", 0), 0);
	s = support_world_open(&w, "store");
	ck_assert_ok(sets_get(s, 1, &set, &err), &err);
	ck_assert_str_eq(set.origin, "found");
	ck_assert(set.automatic);
	ck_assert_int_eq(set.expires, 0);
	set_done(&set);
	/* Nor if there is a time on record. */
	put_expiry("store", 1, 1);
	expire(s, 0);
	ck_assert_str_eq(listed(s), "1 ");
	session_close(s);
}

END_TEST

#define OWN_STORE "r/home/me/.local/share/setaside"

/* The numbers of our own sets and of another's mean nothing to each other. */
START_TEST(nothing_goes_from_the_store_of_another)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;

	static const enum session_access doctors[] = { SESSION_LOOK, SESSION_DOCTOR };
	struct session *s;

	if (!support_world_make(&w))
		return;
	s = support_world_open_as(&w, NULL, SESSION_WRITE);
	ck_assert_uint_eq(save(s, &(struct save_request){ .automatic = true }), 1);
	session_close(s);
	put_expiry(OWN_STORE, 1, 1);
	copy(OWN_STORE "/snapshots/1_one_0_x1.zip", "snapd/1_one_0_x1.zip");
	s = support_world_open_as(&w, "snapd", SESSION_WRITE);
	ck_assert(session_is_foreign(s));
	expire(s, 0);
	session_close(s);
	for (size_t i = 0; i < 2; i++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		struct recovery_report report;

		s = support_world_open_as(&w, "snapd", doctors[i]);
		ck_assert_ok(setaside_doctor(s, &report, &err), &err);
		ck_assert_uint_eq(report.n_repaired, 0);
		recovery_report_done(&report);
		session_close(s);
	}
	ck_assert_uint_eq(count_files("snapd", "1_"), 1);
	ck_assert_uint_eq(count_files(OWN_STORE "/snapshots", "1_"), 2);
	s = support_world_open_as(&w, NULL, SESSION_WRITE);
	ck_assert_str_eq(listed(s), "1 ");
	expire(s, 0);
	ck_assert_str_eq(listed(s), "");
	session_close(s);
}

END_TEST

START_TEST(readers_let_nothing_go)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;

	static const enum session_access readers[] = { SESSION_READ, SESSION_LOOK };
	struct session *s;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	ck_assert_uint_eq(save_expired(s), 1);
	session_close(s);
	for (size_t i = 0; i < 2; i++) {
		s = support_world_open_as(&w, "store", readers[i]);
		expire(s, 0);
		ck_assert_str_eq(listed(s), "1 ");
		session_close(s);
	}
	check_said(&w, "");
}

END_TEST

/* ---- Interrupted ---- */

/* A world of which the first note that something has gone cancels what is going on. */
struct cancelling {
	struct support_world *world;
	struct observer outer;
};

static void hear_and_cancel(void *ctx, const struct event *event)
{
	struct cancelling *c = ctx;

	c->outer.event(c->outer.ctx, event);
	if (event->kind == EVENT_NOTE && strstr(event->text, "its time had come"))
		atomic_store(&c->world->cancelled, true);
}

static void cancel_at_the_first(struct cancelling *c, struct support_world *w)
{
	*c = (struct cancelling){ w, w->observer };
	w->observer.event = hear_and_cancel;
	w->observer.ctx = c;
}

START_TEST(who_is_interrupted_between_two_sets_leaves_the_second)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct cancelling c;
	struct session *s;

	if (!support_world_make(&w))
		return;
	cancel_at_the_first(&c, &w);
	s = support_world_open(&w, "store");
	ck_assert_uint_eq(save_expired(s), 1);
	ck_assert_uint_eq(save_expired(s), 2);
	ck_assert_fails(setaside_expire(s, 0, &err), &err, ERR_INTERRUPTED, "");
	check_said(&w, GONE("1"));
	atomic_store(&w.cancelled, false);
	ck_assert_str_eq(listed(s), "2 ");
	ck_assert_uint_eq(count_files("store/snapshots", "2_"), 2);
	expire(s, 0);
	ck_assert_str_eq(listed(s), "");
	session_close(s);
}

END_TEST

/* Restores set 1, and what that moved aside may go at once. */
static void restore(struct session *s)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct restore_request q = { .set = 1, .force = true };
	struct restore_outcome o;

	ck_assert_ok(setaside_restore(s, &q, &o, &err), &err);
	restore_outcome_done(&o);
}

START_TEST(expiry_after_a_restore_can_be_interrupted)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct session *s;

	if (!support_world_make(&w))
		return;
	configure("keep-for = 0s");
	s = support_world_open(&w, "store");
	ck_assert_uint_eq(support_world_save(s, NULL), 1);
	restore(s);
	/* From its commit on the restore did not listen. */
	atomic_store(&w.cancelled, true);
	ck_assert_fails(setaside_expire(s, 0, &err), &err, ERR_INTERRUPTED, "");
	ck_assert_uint_eq(count_files("r/home/me", ".one.~"), 1);
	check_said(&w, "");
	atomic_store(&w.cancelled, false);
	expire(s, 0);
	ck_assert_uint_eq(count_files("r/home/me", ".one.~"), 0);
	session_close(s);
}

END_TEST

START_TEST(doctor_is_interrupted_between_two_restores)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct recovery_report report;
	struct cancelling c;
	struct session *s;

	if (!support_world_make(&w))
		return;
	configure("keep-for = 0s");
	cancel_at_the_first(&c, &w);
	s = support_world_open(&w, "store");
	ck_assert_uint_eq(support_world_save(s, NULL), 1);
	restore(s);
	restore(s);
	session_close(s);
	ck_assert_uint_eq(count_files("r/home/me", ".one.~"), 2);
	s = support_world_open_as(&w, "store", SESSION_DOCTOR);
	ck_assert_fails(setaside_doctor(s, &report, &err), &err, ERR_INTERRUPTED, "");
	ck_assert_uint_eq(count_files("r/home/me", ".one.~"), 1);
	atomic_store(&w.cancelled, false);
	ck_assert_ok(setaside_doctor(s, &report, &err), &err);
	ck_assert_uint_eq(report.n_repaired, 1);
	recovery_report_done(&report);
	ck_assert_uint_eq(count_files("r/home/me", ".one.~"), 0);
	session_close(s);
}

END_TEST

/* ---- Doctor ---- */

START_TEST(doctor_passes_over_a_set_that_is_busy_and_so_does_its_dry_run)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;

	static const enum session_access doctors[] = { SESSION_LOOK, SESSION_DOCTOR };

	static const char *const whats[] = { "its time has come, and it would be removed",
					     "its time had come, and it was removed" };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(locks_closep) struct locks *locks = NULL;
	_cleanup_close_ int fd = -1;
	const struct lock_wait at_once = { 0, NULL };
	struct session *s;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	ck_assert_uint_eq(save_expired(s), 1);
	ck_assert_uint_eq(save_expired(s), 2);
	session_close(s);
	fd = openat(support_dirfd(), "store", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_ok(locks_open(fd, "STORE", 0, &locks, &err), &err);
	ck_assert_ok(locks_take(locks, LOCK_KEY_SET(1), LOCK_SHARED, &at_once, &err),
		     &err);
	for (size_t i = 0; i < 2; i++) {
		struct recovery_report report;

		s = support_world_open_as(&w, "store", doctors[i]);
		ck_assert_ok(setaside_doctor(s, &report, &err), &err);
		ck_assert_uint_eq(report.n_repaired, 1);
		ck_assert_str_eq(report.repaired[0].object, "set 2");
		ck_assert_str_eq(report.repaired[0].what, whats[i]);
		ck_assert_uint_eq(report.n_left, 0);
		recovery_report_done(&report);
		ck_assert_ptr_nonnull(strstr(
			support_events_text(&w.events),
			"note: set 1 stays for the next time: snapshot set 1 is busy"));
		buf_clear(&w.events.text);
		ck_assert_str_eq(listed(s), i == 0 ? "1 2 " : "1 ");
		session_close(s);
	}
}

END_TEST

Suite *suite_expiry(void)
{
	Suite *s = suite_create("expiry");
	TCase *tc = support_tcase(s, "expiry");

	tcase_add_test(tc, automatic_set_goes_whole_when_its_time_is_over);
	tcase_add_test(tc, automatic_set_stays_until_the_time_that_is_configured);
	tcase_add_test(tc, no_set_goes_where_automatic_retention_is_no);
	tcase_add_test(tc, trees_aside_and_the_set_they_came_from_go_together);
	tcase_add_test(tc, pinned_sets_and_a_persons_stay);
	tcase_add_test(tc, automatic_set_that_is_imported_again_stays);
	tcase_add_test(tc, set_that_the_caller_has_used_stays);
	tcase_add_test(tc, set_stays_while_a_restore_of_it_can_be_undone);
	tcase_add_test(tc, set_that_is_busy_stays_for_the_next_time);
	tcase_add_test(tc, set_that_is_not_whole_stays_to_be_told);
	tcase_add_test(tc, file_that_is_not_on_record_stays);
	tcase_add_test(tc, sets_that_were_found_stay);
	tcase_add_test(tc, nothing_goes_from_the_store_of_another);
	tcase_add_test(tc, readers_let_nothing_go);
	tcase_add_test(tc, who_is_interrupted_between_two_sets_leaves_the_second);
	tcase_add_test(tc, expiry_after_a_restore_can_be_interrupted);
	tcase_add_test(tc, doctor_is_interrupted_between_two_restores);
	tcase_add_test(tc, doctor_passes_over_a_set_that_is_busy_and_so_does_its_dry_run);
	return s;
}
