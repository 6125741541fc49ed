/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the library does not import, and that nothing stays of it. */

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "state/sets.h"
#include "tests/unit/support.h"
#include "tests/unit/support_world.h"
#include "tests/unit/support_zipped.h"

static const struct import_request nothing_asked = { .name = NULL };

/* The stream is refused, and leaves the store as it was. */
static void assert_refused(struct session *s, const char *store,
			   const struct tar_bytes *t, enum err_kind kind, const char *why)
{
	_cleanup_free_ char *before = support_world_state(s, store), *after = NULL;
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_fails(support_world_try_import(s, t, &nothing_asked, &o, &err), &err,
			kind, why);
	ck_assert_uint_eq(o.set, 0);
	after = support_world_state(s, store);
	ck_assert_str_eq(after, before);
}

/* An export of these is refused. */
static void assert_zips_refused(const struct support_zipped *zips, size_t n,
				enum err_kind kind, const char *why)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_zipped_export_right(zips, n, &t);
	assert_refused(s, "store", &t, kind, why);
}

START_TEST(archive_that_is_not_what_its_hash_says_is_refused)
{
	const struct support_zipped zips[] = {
		{ .app = "a", .system = "1" },
		{ .app = "b", .system = "2", .user = "3", .lies_about = "user/u.tgz" }
	};

	assert_zips_refused(zips, 2, ERR_CORRUPT,
			    "\"1_b.zip\": the SHA3-384 hash of \"user/u.tgz\" is wrong");
}

END_TEST

START_TEST(two_snapshots_of_one_app_are_refused)
{
	const struct support_zipped zips[] = {
		{ .app = "a", .system = "1" },
		{ .app = "b", .system = "1" },
		{ .app = "a", .version = "2", .system = "2" }
	};
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_zipped_export(zips, 3, NULL, &t);
	assert_refused(s, "store", &t, ERR_CORRUPT,
		       "\"2_a.zip\": a second snapshot of \"a\"");
}

END_TEST

START_TEST(metadata_that_is_not_valid_is_refused)
{
	static const struct {
		struct support_zipped zip;
		const char *why;
	} cases[] = {
		{ { .app = "a/../../x", .system = "1" },
		  "the app's name \"a/../../x\" is not legal" },
		{ { .app = "", .system = "1" }, "the app's name is missing" },
		{ { .app = "a" }, "it holds no archive" },
		{ { .app = "a", .system = "1", .more = "\"auto\":17" }, "meta.json: " },
	};
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
		const char *name = "1_x.zip";
		_cleanup_(buf_done) struct buf zip = BUF_INIT;

		support_zipped_make(&cases[i].zip, &zip);
		tar_header(&t, (struct tar_item){
				       .name = name, .type = '0', .size = zip.len });
		tar_data(&t, zip.data, zip.len);
		tar_file(&t, "export.json", "{\"format\":1,\"files\":[\"1_x.zip\"]}");
		tar_end(&t);
		assert_refused(s, "store", &t, ERR_CORRUPT, "\"1_x.zip\": ");
		assert_refused(s, "store", &t, ERR_CORRUPT, cases[i].why);
	}
}

END_TEST

START_TEST(member_that_is_no_snapshot_is_refused)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	tar_file(&t, "1_a_1_x1.zip", "no zip");
	tar_file(&t, "export.json", "{\"format\":1,\"files\":[\"1_a_1_x1.zip\"]}");
	tar_end(&t);
	assert_refused(s, "store", &t, ERR_CORRUPT, "\"1_a_1_x1.zip\": ");
}

END_TEST

START_TEST(content_that_lies_is_refused)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	const struct support_zipped zip = { .app = "a", .system = "1" };
	uint8_t hash[DIGEST_SHA256_SIZE];

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_zipped_hash(&zip, 1, false, hash);
	hash[31] ^= 1;
	support_zipped_export(&zip, 1, hash, &t);
	assert_refused(s, "store", &t, ERR_CORRUPT,
		       "content.json names another content hash than that of what came");
}

END_TEST

START_TEST(content_that_cannot_be_computed_is_believed_with_a_note)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	const struct support_zipped zips[] = {
		{ .app = "a", .system = "1" },
		{ .app = "b", .system = "1", .more = "\"later\":{\"x\":[1]}" }
	};
	uint8_t hash[DIGEST_SHA256_SIZE];

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	memset(hash, 7, sizeof(hash));
	support_zipped_export(zips, 2, hash, &t);
	ck_assert_uint_eq(support_world_import(s, &t), 1);
	ck_assert_str_eq(
		support_events_text(&w.events),
		"note: the metadata has keys that this version does not know, so that "
		"the content hash in content.json could not be compared\n");
}

END_TEST

START_TEST(streams_that_are_no_exports_are_refused)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes empty = TAR_BYTES, text = TAR_BYTES,
						   t = TAR_BYTES;
	const struct support_zipped zip = { .app = "a", .system = "1" };

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	assert_refused(s, "store", &empty, ERR_CORRUPT, "it is empty");
	tar_data(&text, "this is a letter\n", 17);
	assert_refused(s, "store", &text, ERR_CORRUPT, "archive is damaged at byte 0");
	/* The format is at the very end. */
	support_zipped_export(&zip, 1, NULL, &t);
	buf_cut(&t.buf, t.buf.len - 4 * (size_t)512);
	tar_file(&t, "export.json", "{\"format\":2}");
	tar_end(&t);
	assert_refused(s, "store", &t, ERR_UNSUPPORTED, "exports of format 2");
}

END_TEST

START_TEST(refused_set_uses_up_a_number_at_most)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes bad = TAR_BYTES, good = TAR_BYTES;
	const struct support_zipped lies = { .app = "a",
					     .system = "1",
					     .lies_about = "archive.tgz" };
	const struct support_zipped zip = { .app = "a", .system = "1" };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	uint64_t last;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_zipped_export_right(&lies, 1, &bad);
	support_zipped_export_right(&zip, 1, &good);
	assert_refused(s, "store", &bad, ERR_CORRUPT, "hash of \"archive.tgz\" is wrong");
	ck_assert_ok(sets_last_number(s, &last, &err), &err);
	ck_assert_uint_eq(last, 1);
	ck_assert_uint_eq(support_world_import(s, &good), 2);
}

END_TEST

/* ---- The store ---- */

START_TEST(another_programs_store_is_left_alone)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	const struct support_zipped zip = { .app = "a", .system = "1" };
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf other = BUF_INIT;

	if (!support_world_make(&w))
		return;
	support_zipped_make(&(struct support_zipped){ .app = "b", .system = "2" },
			    &other);
	support_file_n(support_dirfd(), "snapd/5_b_1_x1.zip", 0600, other.data,
		       other.len);
	s = support_world_open(&w, "snapd");
	ck_assert(session_is_foreign(s));
	support_zipped_export_right(&zip, 1, &t);
	ck_assert_fails(support_world_try_import(s, &t, &nothing_asked, &o, &err), &err,
			ERR_REFUSED,
			"is another program's store: importing would change it");
	ck_assert_uint_eq(support_count(support_dirfd(), "snapd"), 1);
}

END_TEST

START_TEST(import_without_room_is_refused)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	const struct support_zipped zip = { .app = "a", .system = "1" };

	if (!support_world_make(&w))
		return;
	support_file(support_dirfd(), SUPPORT_WORLD_CONFIG, 0644,
		     "reserve = 8000000000G\n");
	s = support_world_open(&w, "store");
	support_zipped_export_right(&zip, 1, &t);
	assert_refused(s, "store", &t, ERR_NO_SPACE, "\"0_a.zip\": ");
}

END_TEST

START_TEST(zip_that_says_it_is_enormous_is_refused)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct importing *im = NULL;
	int p[2];

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	tar_header(&t, (struct tar_item){ .name = "1_a_1_x1.zip",
					  .type = '0',
					  .size = (uint64_t)1 << 62 });
	tar_end(&t);
	/* A file cannot hold it; what a pipe holds nobody knows. */
	assert_refused(s, "store", &t, ERR_CORRUPT, "it is cut short: it should have");
	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	ck_assert_int_eq(write(p[1], t.buf.data, t.buf.len), (ssize_t)t.buf.len);
	close(p[1]);
	ck_assert_ok(setaside_import_open(s, p[0], &nothing_asked, &im, &err), &err);
	ck_assert_fails(setaside_import_next(im, &o, &err), &err, ERR_NO_SPACE,
			"\"1_a_1_x1.zip\": ");
	setaside_import_close(im);
	close(p[0]);
}

END_TEST

/* ---- Cancelling ---- */

/* Cancels when the reader has taken all that is in the pipe. */
struct watcher {
	int fd;
	struct support_world *world;
};

static void *cancel_when_empty(void *ctx)
{
	struct watcher *w = ctx;
	int n;

	while (ioctl(w->fd, FIONREAD, &n) == 0 && n > 0)
		sched_yield();
	atomic_store(&w->world->cancelled, true);
	return NULL;
}

/* The pipe holds only `part` of the stream, and nobody writes the rest. */
static void assert_cancelled(const struct tar_bytes *t, size_t part, bool at_progress)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *before = NULL, *after = NULL;
	struct watcher watcher = { .world = &w };
	struct importing *im = NULL;
	pthread_t thread;
	int p[2];

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_world_save(s, NULL);
	before = support_world_state(s, "store");
	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	ck_assert_int_eq(write(p[1], t->buf.data, part), (ssize_t)part);
	watcher.fd = p[0];
	w.cancel_at_progress = at_progress;
	ck_assert_ok(setaside_import_open(s, p[0], &nothing_asked, &im, &err), &err);
	if (!at_progress)
		ck_assert_int_eq(
			pthread_create(&thread, NULL, cancel_when_empty, &watcher), 0);
	ck_assert_fails(setaside_import_next(im, &o, &err), &err, ERR_INTERRUPTED, "");
	if (!at_progress)
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
	setaside_import_close(im);
	close(p[0]);
	close(p[1]);
	atomic_store(&w.cancelled, false);
	w.cancel_at_progress = false;
	after = support_world_state(s, "store");
	ck_assert_str_eq(after, before);
	/* The session is of use still. */
	support_world_import(s, t);
}

START_TEST(import_from_a_silent_pipe_can_be_cancelled)
{
	const struct support_zipped zips[] = { { .app = "a", .system = "1" },
					       { .app = "b", .system = "2" } };
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	support_zipped_export_right(zips, 2, &t);
	assert_cancelled(&t, 100, false);
}

END_TEST

START_TEST(import_in_the_middle_of_a_zip_can_be_cancelled)
{
	const struct support_zipped zips[] = { { .app = "a", .system = "1" },
					       { .app = "b", .system = "2" } };
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	support_zipped_export_right(zips, 2, &t);
	assert_cancelled(&t, t.buf.len - 3000, false);
}

END_TEST

START_TEST(import_between_two_zips_can_be_cancelled)
{
	const struct support_zipped zips[] = { { .app = "a", .system = "1" },
					       { .app = "b", .system = "2" } };
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	support_zipped_export_right(zips, 2, &t);
	assert_cancelled(&t, t.buf.len, true);
}

END_TEST

/* ---- Files ---- */

START_TEST(file_to_import_is_a_file)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_fails(setaside_import_open_file(support_path("none"), &err), &err,
			ERR_IO, "cannot open");
	ck_assert_fails(setaside_import_open_file(support_dir(), &err), &err, ERR_CORRUPT,
			"is a directory, not an export");
}

END_TEST

static void on_alarm(int signal)
{
	(void)signal;
}

START_TEST(pipe_that_nobody_writes_to_can_be_cancelled)
{
	/* Again and again: the first may come before the pipe is opened. */
	const struct itimerval often = { { 0, 10000 }, { 0, 10000 } };
	struct sigaction action = { .sa_handler = on_alarm };
	_cleanup_(err_clear) struct err err = ERR_INIT;

	sigemptyset(&action.sa_mask);
	ck_assert_int_eq(mkfifo(support_path("pipe"), 0600), 0);
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	ck_assert_fails(setaside_import_open_file(support_path("pipe"), &err), &err,
			ERR_INTERRUPTED, "cannot open");
}

END_TEST

Suite *suite_library_import_refuses(void)
{
	Suite *s = suite_create("library_import_refuses");
	TCase *tc = support_tcase(s, "content");

	tcase_add_test(tc, archive_that_is_not_what_its_hash_says_is_refused);
	tcase_add_test(tc, two_snapshots_of_one_app_are_refused);
	tcase_add_test(tc, metadata_that_is_not_valid_is_refused);
	tcase_add_test(tc, member_that_is_no_snapshot_is_refused);
	tcase_add_test(tc, content_that_lies_is_refused);
	tcase_add_test(tc, content_that_cannot_be_computed_is_believed_with_a_note);
	tcase_add_test(tc, streams_that_are_no_exports_are_refused);
	tcase_add_test(tc, refused_set_uses_up_a_number_at_most);

	tc = support_tcase(s, "circumstances");
	tcase_add_test(tc, another_programs_store_is_left_alone);
	tcase_add_test(tc, import_without_room_is_refused);
	tcase_add_test(tc, zip_that_says_it_is_enormous_is_refused);
	tcase_add_test(tc, import_from_a_silent_pipe_can_be_cancelled);
	tcase_add_test(tc, import_in_the_middle_of_a_zip_can_be_cancelled);
	tcase_add_test(tc, import_between_two_zips_can_be_cancelled);
	tcase_add_test(tc, file_to_import_is_a_file);
	tcase_add_test(tc, pipe_that_nobody_writes_to_can_be_cancelled);
	return s;
}
