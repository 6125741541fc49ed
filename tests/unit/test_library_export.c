/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sets as streams and files, with real workers. */

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/fd.h"
#include "state/operation/export.h"
#include "state/operation/forget.h"
#include "state/session_internal.h"
#include "state/sets.h"
#include "tests/unit/support.h"
#include "tests/unit/support_import.h"
#include "tests/unit/support_snapshot.h"
#include "tests/unit/support_world.h"

/* What a pipe does not hold. */
#define LARGE     ((size_t)400 << 10)
#define PIPE_SIZE (64 << 10)

static const uint64_t first = 1;

/* Bytes that do not compress, for the app "one". */
static void put_large(void)
{
	struct support_random random = { 7 };
	uint64_t *words = malloc(LARGE);

	ck_assert_ptr_nonnull(words);
	for (size_t i = 0; i < LARGE / sizeof(*words); i++)
		words[i] = support_random_next(&random);
	support_world_put("one", words, LARGE);
	free(words);
}

/* The members of the stream, a line each. */
static char *members(struct tar_bytes *t)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	tar_bytes_rewind(t, 0);
	ck_assert_ok(support_import_all(t, false, &out, &err), &err);
	return strdup(out.data);
}

/* ---- The stream ---- */

START_TEST(stream_holds_the_zips_as_they_lie_in_the_store)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT, expected = BUF_INIT;
	static const char *const names[] = { "1_one_0_x1.zip", "1_two_0_x1.zip" };

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_world_save(s, NULL);
	support_world_export(s, &first, 1, &t);
	ck_assert_ok(support_import_all(&t, true, &out, &err), &err);
	ck_assert_ok(buf_add_str(&expected, "other content\n", &err), &err);
	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *bytes = NULL;
		char path[64];
		size_t n;

		snprintf(path, sizeof(path), "store/snapshots/%s", names[i]);
		bytes = support_read(support_dirfd(), path, &n);
		ck_assert_ok(buf_printf(&expected, &err, "zip %s %zu ", names[i], n),
			     &err);
		ck_assert_ok(buf_add(&expected, bytes, n, &err), &err);
		ck_assert_ok(buf_add_byte(&expected, '\n', &err), &err);
	}
	ck_assert_ok(buf_add_str(&expected, "end\n", &err), &err);
	ck_assert_uint_eq(out.len, expected.len);
	ck_assert_mem_eq(out.data, expected.data, expected.len);
	ck_assert_str_eq(support_events_text(&w.events), "");
}

END_TEST

START_TEST(stream_begins_with_the_content_hash_that_is_shown)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf expected = BUF_INIT;
	uint8_t hash[DIGEST_SHA256_SIZE];
	struct set set;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_world_save(s, NULL);
	support_world_export(s, &first, 1, &t);
	ck_assert_ok(sets_get(s, 1, &set, &err), &err);
	ck_assert(digest_unhex(set.content_hash, strlen(set.content_hash), hash,
			       sizeof(hash)));
	set_done(&set);
	ck_assert_ok(buf_add_str(&expected, "{\"content-hash\":\"", &err), &err);
	ck_assert_ok(digest_base64(&expected, hash, sizeof(hash), &err), &err);
	ck_assert_ok(buf_add_str(&expected, "\"}", &err), &err);
	ck_assert_str_eq(t.buf.data, "content.json");
	ck_assert_str_eq(t.buf.data + 512, expected.data);
}

END_TEST

START_TEST(several_sets_follow_one_another_each_once)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_free_ char *text = NULL;
	static const uint64_t sets[] = { 2, 1, 2, 1, 2 };
	const char *at;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_world_save(s, NULL);
	support_world_save(s, NULL);
	support_world_export(s, sets, 5, &t);
	text = members(&t);
	at = strstr(text, "zip 2_one_0_x1.zip");
	ck_assert_ptr_nonnull(at);
	at = strstr(at, "end\nother content\nzip 1_one_0_x1.zip");
	ck_assert_ptr_nonnull(at);
	at = strstr(at, "end\n");
	at = strstr(at + 1, "end\n");
	ck_assert_str_eq(at, "end\n");
}

END_TEST

START_TEST(export_tells_how_far_it_is)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	if (!support_world_make(&w))
		return;
	put_large();
	s = support_world_open(&w, "store");
	support_world_save(s, NULL);
	w.done = w.total = 0;
	support_world_export(s, &first, 1, &t);
	ck_assert_uint_ge(w.total, LARGE);
	ck_assert_uint_le(w.total, t.buf.len);
	ck_assert_uint_eq(w.done, w.total);
}

END_TEST

/* ---- What is not exported ---- */

START_TEST(set_that_is_not_there_is_not_found)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	static const uint64_t sets[] = { 1, 9 };
	struct exporting *x = NULL;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_world_save(s, NULL);
	ck_assert_fails(setaside_export_open(s, sets, 2, &x, &err), &err, ERR_NOT_FOUND,
			"there is no set 9");
	ck_assert_ptr_null(x);
	/* Set 1 is not held any more. */
	support_world_forget(s, 1);
}

END_TEST

START_TEST(set_with_a_broken_snapshot_is_not_exported)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct exporting *x = NULL;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_world_save(s, NULL);
	support_file(support_dirfd(), "store/snapshots/1_two_0_x1.zip", 0600, "no zip");
	ck_assert_fails(setaside_export_open(s, &first, 1, &x, &err), &err, ERR_CORRUPT,
			"cannot export set 1: \"two\": ");
	ck_assert_int_eq(unlinkat(support_dirfd(), "store/snapshots/1_two_0_x1.zip", 0),
			 0);
	ck_assert_fails(setaside_export_open(s, &first, 1, &x, &err), &err, ERR_CORRUPT,
			"cannot export set 1: \"two\": ");
	ck_assert_ptr_null(x);
}

END_TEST

/* Changes a byte in the middle of the archive of "one". */
static void damage(void)
{
	int fd = openat(support_dirfd(), "store/snapshots/1_one_0_x1.zip",
			O_RDWR | O_CLOEXEC);
	char c;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &c, 1, 100), 1);
	c ^= 1;
	ck_assert_int_eq(pwrite(fd, &c, 1, 100), 1);
	close(fd);
}

START_TEST(damaged_archive_ends_the_stream_with_its_name)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(setaside_export_closep) struct exporting *x = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd = memfd_create("export", MFD_CLOEXEC);

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_world_save(s, NULL);
	damage();
	ck_assert_ok(setaside_export_open(s, &first, 1, &x, &err), &err);
	ck_assert_fails(
		setaside_export_stream(x, fd, &err), &err, ERR_CORRUPT,
		"set 1, \"one\": the SHA3-384 hash of \"user/tester.tgz\" is wrong");
}

END_TEST

/* ---- While it is exported ---- */

START_TEST(export_goes_on_though_the_files_are_deleted)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(setaside_export_closep) struct exporting *x = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes before = TAR_BYTES, after = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf was = BUF_INIT, is = BUF_INIT;
	_cleanup_close_ int fd = memfd_create("export", MFD_CLOEXEC);

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_world_save(s, NULL);
	support_world_export(s, &first, 1, &before);
	ck_assert_ok(setaside_export_open(s, &first, 1, &x, &err), &err);
	ck_assert_int_eq(unlinkat(support_dirfd(), "store/snapshots/1_one_0_x1.zip", 0),
			 0);
	ck_assert_int_eq(unlinkat(support_dirfd(), "store/snapshots/1_two_0_x1.zip", 0),
			 0);
	ck_assert_ok(setaside_export_stream(x, fd, &err), &err);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_assert_ok(fd_read_file(fd, (size_t)1 << 20, &after.buf, &err), &err);
	ck_assert_uint_eq(after.buf.len, setaside_export_size(x));
	/* The same but for the date. */
	ck_assert_ok(support_import_all(&before, true, &was, &err), &err);
	ck_assert_ok(support_import_all(&after, true, &is, &err), &err);
	ck_assert_uint_eq(is.len, was.len);
	ck_assert_mem_eq(is.data, was.data, was.len);
}

END_TEST

START_TEST(forgetting_what_is_exported_is_busy)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL, *other = NULL;
	_cleanup_(setaside_export_closep) struct exporting *x = NULL, *too = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct forget_outcome o;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_world_save(s, NULL);
	other = support_world_open(&w, "store");
	ck_assert_ok(setaside_export_open(s, &first, 1, &x, &err), &err);
	ck_assert_fails(setaside_forget(other, 1, NULL, 0, false, &o, &err), &err,
			ERR_BUSY, "set 1");
	/* Others may export it, too. */
	ck_assert_ok(setaside_export_open(other, &first, 1, &too, &err), &err);
	setaside_export_close(x);
	setaside_export_close(too);
	x = too = NULL;
	support_world_forget(other, 1);
}

END_TEST

START_TEST(exporting_what_is_forgotten_is_busy)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL, *other = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct exporting *x = NULL;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_world_save(s, NULL);
	other = support_world_open(&w, "store");
	ck_assert_ok(session_lock_set(other, 1, LOCK_EXCLUSIVE, &err), &err);
	ck_assert_fails(setaside_export_open(s, &first, 1, &x, &err), &err, ERR_BUSY,
			"set 1");
	session_unlock_set(other, 1);
	ck_assert_ptr_null(x);
}

END_TEST

/* Takes some of what comes, then cancels. */
struct taker {
	int fd;
	struct support_world *world;
};

static void *take_some(void *ctx)
{
	struct taker *t = ctx;
	char piece[4096];
	size_t n = 0;
	ssize_t k;

	while (n < LARGE / 4 && (k = read(t->fd, piece, sizeof(piece))) > 0)
		n += (size_t)k;
	atomic_store(&t->world->cancelled, true);
	return NULL;
}

START_TEST(export_into_a_pipe_that_nobody_empties_can_be_cancelled)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(setaside_export_closep) struct exporting *x = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct taker taker = { .world = &w };
	pthread_t thread;
	int p[2];

	if (!support_world_make(&w))
		return;
	put_large();
	s = support_world_open(&w, "store");
	support_world_save(s, NULL);
	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	/* Where pages are large it holds more, unless it is told not to. */
	(void)fcntl(p[0], F_SETPIPE_SZ, PIPE_SIZE);
	ck_assert_int_le(fcntl(p[0], F_GETPIPE_SZ), PIPE_SIZE);
	taker.fd = p[0];
	ck_assert_ok(setaside_export_open(s, &first, 1, &x, &err), &err);
	ck_assert_int_eq(pthread_create(&thread, NULL, take_some, &taker), 0);
	ck_assert_fails(setaside_export_stream(x, p[1], &err), &err, ERR_INTERRUPTED, "");
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	close(p[0]);
	close(p[1]);
	setaside_export_close(x);
	x = NULL;
	/* The session is of use still. */
	atomic_store(&w.cancelled, false);
	support_world_export(s, &first, 1, &t);
}

END_TEST

START_TEST(reading_end_that_is_gone_is_an_error)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(setaside_export_closep) struct exporting *x = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int p[2];

	if (!support_world_make(&w))
		return;
	signal(SIGPIPE, SIG_IGN);
	s = support_world_open(&w, "store");
	support_world_save(s, NULL);
	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	close(p[0]);
	ck_assert_ok(setaside_export_open(s, &first, 1, &x, &err), &err);
	ck_assert_fails(setaside_export_stream(x, p[1], &err), &err, ERR_IO,
			"Broken pipe");
	close(p[1]);
}

END_TEST

/* ---- Files ---- */

static void assert_refused_file(struct session *s, const char *name, bool force,
				enum err_kind kind, const char *why)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	uint64_t size = 0;

	ck_assert_fails(setaside_export_file(s, &first, 1, support_path(name), force,
					     &size, &err),
			&err, kind, why);
	ck_assert_uint_eq(size, 0);
}

START_TEST(file_appears_whole_and_private)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *bytes = NULL, *listed = NULL;
	struct stat st;
	uint64_t size;
	size_t n;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_world_save(s, NULL);
	support_mkdir(support_dirfd(), "out", 0755);
	ck_assert_ok(setaside_export_file(s, &first, 1, support_path("out/x"), false,
					  &size, &err),
		     &err);
	ck_assert_uint_eq(support_count(support_dirfd(), "out"), 1);
	ck_assert_int_eq(fstatat(support_dirfd(), "out/x", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
	ck_assert_uint_eq((uint64_t)st.st_size, size);
	bytes = support_read(support_dirfd(), "out/x", &n);
	ck_assert_ok(buf_add(&t.buf, bytes, n, &err), &err);
	listed = members(&t);
	ck_assert_ptr_nonnull(strstr(listed, "zip 1_two_0_x1.zip"));
}

END_TEST

START_TEST(file_that_exists_is_replaced_by_force_alone)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *text = NULL;
	uint64_t size;
	size_t n;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_world_save(s, NULL);
	support_file(support_dirfd(), "out/x", 0644, "mine");
	assert_refused_file(s, "out/x", false, ERR_EXISTS, "it exists already");
	damage();
	assert_refused_file(s, "out/x", true, ERR_CORRUPT,
			    "hash of \"user/tester.tgz\" is wrong");
	text = support_read(support_dirfd(), "out/x", &n);
	ck_assert_str_eq(text, "mine");
	damage(); /* and back */
	ck_assert_ok(setaside_export_file(s, &first, 1, support_path("out/x"), true,
					  &size, &err),
		     &err);
	free(text);
	text = support_read(support_dirfd(), "out/x", &n);
	ck_assert_uint_eq(n, size);
	ck_assert_uint_eq(support_count(support_dirfd(), "out"), 1);
}

END_TEST

START_TEST(what_is_no_file_is_never_replaced)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	int d = support_dirfd();

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_world_save(s, NULL);
	support_mkdir(d, "out", 0755);
	support_mkdir(d, "out/dir", 0755);
	support_symlink(d, "out/link", "elsewhere");
	support_node(d, "out/fifo", S_IFIFO | 0600, 0);
	for (int force = 0; force < 2; force++) {
		assert_refused_file(s, "out/dir", force, ERR_REFUSED, "not a regular");
		assert_refused_file(s, "out/link", force, ERR_REFUSED, "not a regular");
		assert_refused_file(s, "out/fifo", force, ERR_REFUSED, "not a regular");
	}
	assert_refused_file(s, "out/", false, ERR_USAGE, "is not the name of a file");
	assert_refused_file(s, "none/x", false, ERR_IO, "cannot open the directory");
	ck_assert_uint_eq(support_count(d, "out"), 3);
}

END_TEST

START_TEST(cancelled_export_leaves_no_file)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_world_save(s, NULL);
	support_mkdir(support_dirfd(), "out", 0755);
	w.cancel_at_progress = true;
	assert_refused_file(s, "out/x", false, ERR_INTERRUPTED, "");
	ck_assert_uint_eq(support_count(support_dirfd(), "out"), 0);
}

END_TEST

Suite *suite_library_export(void)
{
	Suite *s = suite_create("library_export");
	TCase *tc = support_tcase(s, "library_export");

	tcase_add_test(tc, stream_holds_the_zips_as_they_lie_in_the_store);
	tcase_add_test(tc, stream_begins_with_the_content_hash_that_is_shown);
	tcase_add_test(tc, several_sets_follow_one_another_each_once);
	tcase_add_test(tc, export_tells_how_far_it_is);
	tcase_add_test(tc, set_that_is_not_there_is_not_found);
	tcase_add_test(tc, set_with_a_broken_snapshot_is_not_exported);
	tcase_add_test(tc, damaged_archive_ends_the_stream_with_its_name);
	tcase_add_test(tc, export_goes_on_though_the_files_are_deleted);
	tcase_add_test(tc, forgetting_what_is_exported_is_busy);
	tcase_add_test(tc, exporting_what_is_forgotten_is_busy);
	tcase_add_test(tc, export_into_a_pipe_that_nobody_empties_can_be_cancelled);
	tcase_add_test(tc, reading_end_that_is_gone_is_an_error);
	tcase_add_test(tc, file_appears_whole_and_private);
	tcase_add_test(tc, file_that_exists_is_replaced_by_force_alone);
	tcase_add_test(tc, what_is_no_file_is_never_replaced);
	tcase_add_test(tc, cancelled_export_leaves_no_file);
	return s;
}
