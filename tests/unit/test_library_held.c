/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Saving what has not changed: whole operations with real workers.
 */

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend/base/sys.h"
#include "backend/tree/fingerprint.h"
#include "state/operation/check.h"
#include "state/operation/save.h"
#include "state/sets.h"
#include "tests/unit/support.h"
#include "tests/unit/support_world.h"

#define ONE "r/home/me/.one/data"
#define TWO "r/home/me/.two/data"

/* Until a fingerprint of what is there now is settled, as sooner it can never be. */
static void settle(void)
{
	struct timespec begun, now;

	/* It is ahead of the coarse clock; file systems take their times from either. */
	clock_gettime(CLOCK_REALTIME, &begun);
	do {
		(void)sys_poll(NULL, 0, 20);
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	} while (!fingerprint_is_settled(fingerprint_age(&begun, &now), 0));
}

/* For the sessions that are opened from now on. */
static void configure(const char *text)
{
	support_file(support_dirfd(), SUPPORT_WORLD_CONFIG, 0644, text);
}

/* What settle() waits for is enough. */
static void believe_soon(void)
{
	configure("settle = 2s\n" SUPPORT_WORLD_NO_RESERVE);
}

/* No test takes so long. */
static void believe_late(void)
{
	configure("settle = 1h\n" SUPPORT_WORLD_NO_RESERVE);
}

/* Whether there are watches to be had for the test; or false and a SKIP line. */
#define need_watches() need_watches_for(__func__)

static bool need_watches_for(const char *test)
{
	_cleanup_close_ int one = inotify_init1(IN_CLOEXEC),
			    two = inotify_init1(IN_CLOEXEC);
	bool enough = one >= 0 && two >= 0 &&
		      inotify_add_watch(one, support_dir(), IN_OPEN) >= 0 &&
		      inotify_add_watch(two, support_dir(), IN_OPEN) >= 0;

	if (!enough)
		support_skip_for(test, "others have taken what there is of inotify");
	return enough;
}

/* A world on a disk, of which what rests for 2 s is believed; or
 * false and a SKIP line. */
#define make_world(w) make_world_for(__func__, (w))

static bool make_world_for(const char *test, struct support_world *w)
{
	if (!support_need_disk_for(test) || !need_watches_for(test) ||
	    !support_world_make_for(test, w))
		return false;
	believe_soon();
	return true;
}

/* Watches a file for being opened. */
static int watch(const char *path)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(inotify_add_watch(fd, support_path(path), IN_OPEN | IN_ACCESS),
			 0);
	return fd;
}

/* Whether it was, since this was asked last. */
static bool was_opened(int fd)
{
	char events[4096];
	bool opened = false;

	while (read(fd, events, sizeof(events)) > 0)
		opened = true;
	return opened;
}

static struct save_outcome save(struct session *s, const struct save_request *q)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct save_outcome o;

	ck_assert_ok(setaside_save(s, q, &o, &err), &err);
	return o;
}

/* Saves both apps; the hashes of their archives, one after the other. */
static uint64_t save_all(struct session *s, bool force, char ret_hashes[2][100])
{
	struct save_outcome o = save(s, &(struct save_request){ .force_read = force });
	uint64_t id = o.set.id;

	ck_assert_uint_eq(o.set.n, 2);
	for (size_t i = 0; i < 2; i++)
		snprintf(ret_hashes[i], 100, "%s",
			 o.set.snapshots[i].meta->archives[0].sha3);
	save_outcome_done(&o);
	return id;
}

static bool are_same(char a[2][100], char b[2][100])
{
	return strcmp(a[0], b[0]) == 0 && strcmp(a[1], b[1]) == 0;
}

static void check_intact(struct session *s, uint64_t set)
{
	static const struct scope all = { 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct check_outcome o;

	ck_assert_ok(setaside_check(s, set, &all, true, &o, &err), &err);
	ck_assert(o.ok);
	check_outcome_done(&o);
}

START_TEST(unchanged_data_is_not_read)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	struct session *s;
	char first[2][100], again[2][100];
	int one, two;
	uint64_t set;

	if (!make_world(&w))
		return;
	settle();
	one = watch(ONE);
	two = watch(TWO);
	s = support_world_open(&w, "store");
	save_all(s, false, first);
	ck_assert(was_opened(one) && was_opened(two));
	set = save_all(s, false, again);
	ck_assert(!was_opened(one) && !was_opened(two));
	ck_assert(are_same(first, again));
	check_intact(s, set);
	/* A save of its own is no worse a source. */
	set = save_all(s, false, again);
	ck_assert(!was_opened(one) && !was_opened(two));
	check_intact(s, set);
	set = save_all(s, true, again);
	ck_assert(was_opened(one) && was_opened(two));
	ck_assert(are_same(first, again));

	support_world_put("one", "changed", 7);
	(void)was_opened(one);
	set = save_all(s, false, again);
	ck_assert(was_opened(one) && !was_opened(two));
	ck_assert_str_ne(first[0], again[0]);
	ck_assert_str_eq(first[1], again[1]);
	check_intact(s, set);
	/* It was written just now: what was seen of it proves nothing. */
	save_all(s, false, first);
	ck_assert(was_opened(one) && !was_opened(two));
	ck_assert(are_same(first, again));
	ck_assert_str_eq(support_events_text(&w.events), "");
	close(one);
	close(two);
	session_close(s);
}

END_TEST

START_TEST(what_is_not_whole_any_more_is_no_source)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	struct session *s;
	char hashes[2][100];
	uint64_t first, second;
	char *bytes;
	size_t n;
	int one;

	if (!make_world(&w))
		return;
	settle();
	s = support_world_open(&w, "store");
	first = save_all(s, false, hashes);
	one = watch(ONE);
	second = save_all(s, false, hashes);
	ck_assert(!was_opened(one));
	support_world_forget(s, first);
	support_world_forget(s, second);
	first = save_all(s, false, hashes);
	ck_assert(was_opened(one));

	/* The same bytes in another file.  The old one stays
	 * elsewhere, with its inode. */
	bytes = support_read(support_dirfd(), "store/snapshots/3_one_0_x1.zip", &n);
	ck_assert_int_eq(rename(support_path("store/snapshots/3_one_0_x1.zip"),
				support_path("old")),
			 0);
	support_file_n(support_dirfd(), "store/snapshots/3_one_0_x1.zip", 0600, bytes, n);
	ck_assert_uint_eq(first, 3);
	save_all(s, false, hashes);
	ck_assert(was_opened(one));
	free(bytes);
	ck_assert_str_eq(support_events_text(&w.events), "");
	close(one);
	session_close(s);
}

END_TEST

/* Flips a bit of a file, whose times stay. */
static void damage(const char *path, off_t at)
{
	int fd = open(support_path(path), O_RDWR | O_CLOEXEC);
	struct timespec times[2];
	struct stat st;
	char byte;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	if (at < 0)
		at += st.st_size;
	ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	ck_assert_int_eq(futimens(fd, times), 0);
	close(fd);
}

START_TEST(damage_of_the_source_is_told_and_the_data_are_read)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	struct session *s;
	char first[2][100], again[2][100];
	uint64_t set;
	int one, two;

	if (!make_world(&w))
		return;
	settle();
	s = support_world_open(&w, "store");
	save_all(s, false, first);
	/* So short a file is copied, not cloned, wherever it lies: its archive ... */
	damage("store/snapshots/1_one_0_x1.zip", 100);
	/* ... and the directory of another. */
	damage("store/snapshots/1_two_0_x1.zip", -10);
	one = watch(ONE);
	two = watch(TWO);
	set = save_all(s, false, again);
	ck_assert(was_opened(one) && was_opened(two));
	ck_assert(are_same(first, again));
	check_intact(s, set);
	ck_assert_ptr_nonnull(
		strstr(support_events_text(&w.events),
		       "warning: set 1 is damaged (the checksum of \"user/tester.tgz\""
		       " is wrong): the data are read anew\n"));
	ck_assert_ptr_nonnull(
		strstr(support_events_text(&w.events), "warning: set 1 is damaged ("));
	ck_assert_ptr_nonnull(strstr(support_events_text(&w.events),
				     "): \"1_two_0_x1.zip\" is read anew\n"));
	/* The new one serves from now on. */
	buf_clear(&w.events.text);
	save_all(s, false, again);
	ck_assert(!was_opened(one) && !was_opened(two));
	ck_assert_str_eq(support_events_text(&w.events), "");
	close(one);
	close(two);
	session_close(s);
}

END_TEST

START_TEST(what_check_found_damaged_is_no_source)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	static const struct scope all = { 0 };
	struct check_outcome o;
	struct session *s;
	char first[2][100], again[2][100];
	int one, two;

	if (!make_world(&w))
		return;
	settle();
	s = support_world_open(&w, "store");
	save_all(s, false, first);
	save_all(s, false, again);
	damage("store/snapshots/1_one_0_x1.zip", 100);
	ck_assert_ok(setaside_check(s, 1, &all, false, &o, &err), &err);
	ck_assert(!o.ok);
	check_outcome_done(&o);
	/* Set 2 may share its blocks: it does not serve either. */
	one = watch(ONE);
	two = watch(TWO);
	check_intact(s, save_all(s, false, again));
	ck_assert(was_opened(one) && !was_opened(two));
	ck_assert(are_same(first, again));
	ck_assert_str_eq(support_events_text(&w.events), "");
	save_all(s, false, again);
	ck_assert(!was_opened(one) && !was_opened(two));
	close(one);
	close(two);
	session_close(s);
}

END_TEST

/* Which apps were left to which set: "one 1 two 1 ". */
static const char *unchanged(const struct save_outcome *o)
{
	static char text[128];

	text[0] = '\0';
	for (size_t i = 0; i < o->n_unchanged; i++) {
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n, "%s %llu ", o->unchanged[i].app,
			 (unsigned long long)o->unchanged[i].set);
	}
	return text;
}

START_TEST(what_a_set_holds_as_it_is_is_not_saved_again)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	struct save_request q = { .automatic = true, .if_changed = true };
	struct save_outcome o;
	struct session *s;
	int64_t expires;

	if (!make_world(&w))
		return;
	settle();
	s = support_world_open(&w, "store");
	o = save(s, &q);
	ck_assert(o.has_set);
	ck_assert_str_eq(unchanged(&o), "");
	save_outcome_done(&o);
	expires = support_world_expiry(s, 1);

	o = save(s, &q);
	ck_assert(!o.has_set);
	ck_assert_uint_eq(o.estimate, 0);
	ck_assert_str_eq(unchanged(&o), "one 1 two 1 ");
	save_outcome_done(&o);
	ck_assert_int_ge(support_world_expiry(s, 1), expires);

	q.dry_run = true;
	o = save(s, &q);
	ck_assert_str_eq(unchanged(&o), "one 1 two 1 ");
	save_outcome_done(&o);
	q.dry_run = false;

	support_world_put("two", "changed", 7);
	o = save(s, &q);
	ck_assert(o.has_set);
	ck_assert_uint_eq(o.set.id, 2);
	ck_assert_uint_eq(o.set.n, 1);
	ck_assert_str_eq(o.set.snapshots[0].meta->snap, "two");
	ck_assert_str_eq(unchanged(&o), "one 1 ");
	save_outcome_done(&o);

	/* A person's set would have stayed. */
	ck_assert_int_ne(support_world_expiry(s, 1), 0);
	ck_assert_str_eq(support_events_text(&w.events), "");
	q.automatic = false;
	q.scope.apps = &(const char *){ "one" };
	q.scope.n_apps = 1;
	o = save(s, &q);
	ck_assert(!o.has_set && o.extended);
	ck_assert_str_eq(unchanged(&o), "one 1 ");
	save_outcome_done(&o);
	ck_assert_int_eq(support_world_expiry(s, 1), 0);
	ck_assert_str_eq(support_events_text(&w.events),
			 "note: set 1 no longer expires\n");
	o = save(s, &q);
	ck_assert(!o.has_set && !o.extended);
	save_outcome_done(&o);

	/* Other patterns are another wish. */
	q.scope.exclude = &(const char *){ "data/nothing" };
	q.scope.n_exclude = 1;
	o = save(s, &q);
	ck_assert(o.has_set);
	save_outcome_done(&o);
	session_close(s);
}

END_TEST

/* Half of what it was to do stands for nothing. */
START_TEST(a_save_that_fails_keeps_no_set_longer)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct save_request q = { .automatic = true };
	struct save_outcome o;
	struct session *s;
	int64_t expires;

	if (!make_world(&w))
		return;
	settle();
	s = support_world_open(&w, "store");
	o = save(s, &q);
	save_outcome_done(&o);
	expires = support_world_expiry(s, 1);
	ck_assert_int_ne(expires, 0);

	session_close(s);

	support_world_put("two", "changed", 7);
	configure("settle = 2s\nreserve = 1000T\n");
	q = (struct save_request){ .if_changed = true };
	s = support_world_open(&w, "store");
	ck_assert_fails(setaside_save(s, &q, &o, &err), &err, ERR_NO_SPACE, "");
	ck_assert_int_eq(support_world_expiry(s, 1), expires);
	ck_assert_str_eq(support_events_text(&w.events), "");
	session_close(s);

	believe_soon();
	s = support_world_open(&w, "store");
	o = save(s, &q);
	ck_assert(o.has_set);
	ck_assert_str_eq(unchanged(&o), "one 1 ");
	save_outcome_done(&o);
	ck_assert_int_eq(support_world_expiry(s, 1), 0);
	ck_assert_str_eq(support_events_text(&w.events),
			 "note: set 1 no longer expires\n");
	session_close(s);
}

END_TEST

START_TEST(reading_all_and_asking_what_changed_exclude_each_other)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct save_request q = { .force_read = true, .if_changed = true };
	struct save_outcome o;
	struct session *s;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	ck_assert_fails(setaside_save(s, &q, &o, &err), &err, ERR_USAGE,
			"force_read and if_changed exclude each other");
	session_close(s);
}

END_TEST

/* One more app with data. */
static void add_app(unsigned i)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "apps/more%u.json", i);
	snprintf(
		text, sizeof(text),
		"{\"format\":1,\"id\":\"more%u\",\"name\":\"More\",\"trees\":[{\"name\":\"data\","
		"\"scope\":\"user\",\"at\":{\"native\":\"~/.more%u\"}}]}",
		i, i);
	support_file(support_dirfd(), path, 0644, text);
	snprintf(path, sizeof(path), "more%u", i);
	support_world_put(path, "more", 4);
}

/* Leaves room for so many more descriptors; returns the limit as it was. */
static struct rlimit leave_room(unsigned n)
{
	struct rlimit before, lower;
	int lowest = dup(STDERR_FILENO);

	ck_assert_int_ge(lowest, 0);
	close(lowest);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	lower = (struct rlimit){ (rlim_t)lowest + n, before.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &lower), 0);
	return before;
}

START_TEST(more_zips_are_taken_over_than_may_be_open)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	struct save_request q = { .n_confs = 0 };
	struct rlimit before;
	struct save_outcome o;
	struct session *s;
	int one;

	if (!make_world(&w))
		return;
	for (unsigned i = 0; i < 40; i++)
		add_app(i);
	settle();
	s = support_world_open(&w, "store");
	o = save(s, &q);
	ck_assert_uint_eq(o.set.n, 42);
	save_outcome_done(&o);
	one = watch("r/home/me/.more39/data");
	before = leave_room(32);
	o = save(s, &q);
	ck_assert_uint_eq(o.set.n, 42);
	ck_assert(!was_opened(one));
	check_intact(s, o.set.id);
	save_outcome_done(&o);
	q.if_changed = true;
	o = save(s, &q);
	ck_assert_uint_eq(o.n_unchanged, 42);
	save_outcome_done(&o);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_str_eq(support_events_text(&w.events), "");
	close(one);
	session_close(s);
}

END_TEST

START_TEST(another_compression_is_another_archive)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	struct save_request q = { .compress = SAVE_COMPRESS_FAST };
	struct save_outcome o;
	struct session *s;
	int one;

	if (!make_world(&w))
		return;
	settle();
	s = support_world_open(&w, "store");
	o = save(s, &q);
	save_outcome_done(&o);
	one = watch(ONE);
	q.compress = SAVE_COMPRESS_SMALL;
	o = save(s, &q);
	save_outcome_done(&o);
	ck_assert(was_opened(one));
	/* The newest is of the other kind: an older one serves. */
	q.compress = SAVE_COMPRESS_FAST;
	o = save(s, &q);
	save_outcome_done(&o);
	ck_assert(!was_opened(one));
	/* The data are the same, however packed. */
	q.compress = SAVE_COMPRESS_SMALL;
	q.if_changed = true;
	o = save(s, &q);
	ck_assert(!o.has_set);
	ck_assert_uint_eq(o.n_unchanged, 2);
	save_outcome_done(&o);
	close(one);
	session_close(s);
}

END_TEST

START_TEST(what_was_changed_just_now_is_read_until_it_has_settled)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	struct session *s;
	char first[2][100], again[2][100];
	int one;

	if (!support_need_disk() || !need_watches() || !support_world_make(&w))
		return;
	believe_late();
	settle();
	s = support_world_open(&w, "store");
	save_all(s, false, first);
	one = watch(ONE);
	save_all(s, false, again);
	ck_assert(was_opened(one));
	session_close(s);
	believe_soon();
	s = support_world_open(&w, "store");
	/* What was seen too soon was not recorded. */
	save_all(s, false, again);
	ck_assert(was_opened(one));
	save_all(s, false, again);
	ck_assert(!was_opened(one));
	ck_assert(are_same(first, again));
	close(one);
	session_close(s);
}

END_TEST

/* Maps what the app "one" has: one page, which is on the disk. */
static char *map_one(void)
{
	int fd = open(support_path(ONE), O_RDWR | O_CLOEXEC);
	char *p;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	ck_assert_int_eq(fsync(fd), 0);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	close(fd);
	return p;
}

START_TEST(a_store_into_a_page_that_is_dirty_already_is_saved)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	struct session *s;
	char first[2][100], again[2][100];
	volatile char *page;

	if (!support_need_disk() || !support_world_make(&w))
		return;
	believe_late();
	page = map_one();
	page[0] = 'a';
	settle();
	s = support_world_open(&w, "store");
	save_all(s, false, first);
	/* Unless the page was written back just now, no time tells of this. */
	page[0] = 'b';
	save_all(s, false, again);
	ck_assert_str_ne(first[0], again[0]);
	ck_assert_str_eq(first[1], again[1]);
	munmap((void *)(uintptr_t)page, 4096);
	session_close(s);
}

END_TEST

START_TEST(where_nothing_is_written_back_nothing_is_believed)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	struct session *s;
	char hashes[2][100];
	int one;

	if (!support_need_memory() || !need_watches() || !support_world_make(&w))
		return;
	believe_soon();
	settle();
	s = support_world_open(&w, "store");
	save_all(s, false, hashes);
	one = watch(ONE);
	save_all(s, false, hashes);
	ck_assert(was_opened(one));
	close(one);
	session_close(s);
}

END_TEST

Suite *suite_library_held(void)
{
	Suite *s = suite_create("library_held");
	TCase *tc = support_tcase_on_disk(s, "held");

	tcase_add_test(tc, what_was_changed_just_now_is_read_until_it_has_settled);
	tcase_add_test(tc, a_store_into_a_page_that_is_dirty_already_is_saved);
	tcase_add_test(tc, unchanged_data_is_not_read);
	tcase_add_test(tc, what_is_not_whole_any_more_is_no_source);
	tcase_add_test(tc, damage_of_the_source_is_told_and_the_data_are_read);
	tcase_add_test(tc, what_check_found_damaged_is_no_source);
	tcase_add_test(tc, what_a_set_holds_as_it_is_is_not_saved_again);
	tcase_add_test(tc, a_save_that_fails_keeps_no_set_longer);
	tcase_add_test(tc, reading_all_and_asking_what_changed_exclude_each_other);
	tcase_add_test(tc, more_zips_are_taken_over_than_may_be_open);
	tcase_add_test(tc, another_compression_is_another_archive);
	tc = support_tcase_in_memory(s, "no write-back");
	tcase_add_test(tc, where_nothing_is_written_back_nothing_is_believed);
	return s;
}
