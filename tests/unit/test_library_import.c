/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Streams become sets, with real workers. */

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/operation/check.h"
#include "state/operation/duplicate.h"
#include "state/operation/restore.h"
#include "state/operation/save.h"
#include "state/sets.h"
#include "tests/unit/support.h"
#include "tests/unit/support_world.h"
#include "tests/unit/support_zipped.h"

static const uint64_t first = 1;
static const struct import_request nothing_asked = { .name = NULL };

/* A world with the set of "one" and "two" in the store "from", and its stream. */
struct exported {
	struct support_world w;
	struct session *s; /* of that store */
	struct tar_bytes t;
	struct err err;
};

static void exported_done(struct exported *e)
{
	session_close(e->s);
	tar_bytes_done(&e->t);
	err_clear(&e->err);
	support_world_done(&e->w);
}

#define EXPORTED                                                                         \
 {                                                                                       \
  .w = SUPPORT_WORLD                                                                     \
 }
#define exported_make(e) exported_make_for(__func__, (e))

static bool exported_make_for(const char *test, struct exported *e)
{
	if (!support_world_make_for(test, &e->w))
		return false;
	e->s = support_world_open(&e->w, "from");
	support_world_save(e->s, "own-name");
	support_world_export(e->s, &first, 1, &e->t);
	return true;
}

/* Name, note and so on of a set. */
static void assert_set(struct session *s, uint64_t id, const char *name, const char *note,
		       const char *hash)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct set set;

	ck_assert_ok(sets_get(s, id, &set, &err), &err);
	ck_assert_pstr_eq(set.name, name);
	ck_assert_pstr_eq(set.note, note);
	if (hash)
		ck_assert_str_eq(set.content_hash, hash);
	ck_assert_str_eq(set.origin, "imported");
	ck_assert(!set.automatic);
	ck_assert_int_eq(set.expires, 0);
	set_done(&set);
}

static void assert_same_file(const char *a, const char *b)
{
	_cleanup_free_ char *x = NULL, *y = NULL;
	size_t n, m;

	x = support_read(support_dirfd(), a, &n);
	y = support_read(support_dirfd(), b, &m);
	ck_assert_uint_eq(n, m);
	ck_assert_mem_eq(x, y, n);
}

static size_t count_sets(struct session *s)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct set_list list;
	size_t n;

	ck_assert_ok(sets_list(s, &list, &err), &err);
	n = list.n;
	sets_list_done(&list);
	return n;
}

/* The stream is refused, and leaves the store as it was. */
static void assert_refused(struct session *s, const char *store,
			   const struct tar_bytes *t, const struct import_request *q,
			   enum err_kind kind, const char *why)
{
	_cleanup_free_ char *before = support_world_state(s, store), *after = NULL;
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_fails(support_world_try_import(s, t, q, &o, &err), &err, kind, why);
	after = support_world_state(s, store);
	ck_assert_str_eq(after, before);
}

/* ---- What comes ---- */

START_TEST(set_arrives_as_it_was)
{
	_cleanup_(exported_done) struct exported e = EXPORTED;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	struct check_outcome checked;
	struct scope all = { 0 };
	struct set was;
	struct stat st;

	if (!exported_make(&e))
		return;
	ck_assert_ok(sets_get(e.s, 1, &was, &e.err), &e.err);
	s = support_world_open(&e.w, "to");
	support_world_save(s, NULL); /* takes number 1 */
	support_world_forget(s, 1);
	e.w.done = e.w.total = 0;
	ck_assert_int_eq(support_world_try_import(s, &e.t, &nothing_asked, &o, &e.err),
			 1);
	ck_assert_uint_eq(o.set, 2);
	ck_assert(!o.duplicate);
	ck_assert_uint_eq(o.apps.n, 2);
	ck_assert_str_eq(o.apps.items[0], "one");
	ck_assert_str_eq(o.apps.items[1], "two");
	assert_set(s, 2, "own-name", NULL, was.content_hash);
	set_done(&was);
	assert_same_file("from/snapshots/1_one_0_x1.zip", "to/snapshots/2_one_0_x1.zip");
	assert_same_file("from/snapshots/1_two_0_x1.zip", "to/snapshots/2_two_0_x1.zip");
	ck_assert_int_eq(fstatat(support_dirfd(), "to/snapshots/2_one_0_x1.zip", &st, 0),
			 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
	/* .last-set and the two. */
	ck_assert_uint_eq(support_count(support_dirfd(), "to/snapshots"), 3);
	ck_assert_ok(setaside_check(s, 2, &all, true, &checked, &e.err), &e.err);
	ck_assert(checked.ok);
	check_outcome_done(&checked);
	ck_assert_str_eq(support_events_text(&e.w.events), "");
}

END_TEST

START_TEST(imported_set_is_restored)
{
	_cleanup_(exported_done) struct exported e = EXPORTED;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_free_ char *text = NULL;
	struct restore_request q = { .set = 1, .force = true };
	struct restore_outcome o;

	if (!exported_make(&e))
		return;
	s = support_world_open(&e.w, "to");
	ck_assert_uint_eq(support_world_import(s, &e.t), 1);
	support_world_put("one", "after", 5);
	ck_assert_ok(setaside_restore(s, &q, &o, &e.err), &e.err);
	restore_outcome_done(&o);
	text = support_read(support_dirfd(), "r/home/me/.one/data", NULL);
	ck_assert_str_eq(text, "one");
}

END_TEST

START_TEST(exports_of_snapd_arrive_and_leave_byte_for_byte)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES, again = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *bytes = NULL, *zip = NULL, *is = NULL;
	size_t n, m;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	bytes = support_read(AT_FDCWD, support_fixture("snapd/set3.snapshot"), &n);
	ck_assert_ok(buf_add(&t.buf, bytes, n, &err), &err);
	ck_assert_uint_eq(support_world_import(s, &t), 1);
	assert_set(s, 1, NULL, NULL,
		   "fb5f5f6b1cd7b2505def4b3f265e12591c0ec9f60f894ece418d6f2de74021e9");
	zip = support_read(AT_FDCWD, support_fixture("snapd/3_hello_2.10_7.zip"), &n);
	is = support_read(support_dirfd(), "store/snapshots/1_hello_2.10_7.zip", &m);
	ck_assert_uint_eq(m, n);
	ck_assert_mem_eq(is, zip, n);
	support_world_export(s, &first, 1, &again);
	/* content.json, and what it says. */
	ck_assert_str_eq(again.buf.data + 512, t.buf.data + 512);
}

END_TEST

/* Puts content.json before export.json, which are two blocks, like the end. */
static void add_late_content(const uint8_t *hash, struct tar_bytes *t)
{
	_cleanup_(tar_bytes_done) struct tar_bytes content = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf text = BUF_INIT, tail = BUF_INIT;
	size_t at = t->buf.len - 4 * (size_t)512;

	ck_assert_ok(buf_add_str(&text, "{\"content-hash\":\"", &err), &err);
	ck_assert_ok(digest_base64(&text, hash, DIGEST_SHA256_SIZE, &err), &err);
	ck_assert_ok(buf_add_str(&text, "\"}", &err), &err);
	tar_file(&content, "content.json", text.data);
	ck_assert_ok(buf_add(&tail, t->buf.data + at, t->buf.len - at, &err), &err);
	buf_cut(&t->buf, at);
	ck_assert_ok(buf_add(&t->buf, content.buf.data, content.buf.len, &err), &err);
	ck_assert_ok(buf_add(&t->buf, tail.data, tail.len, &err), &err);
}

START_TEST(content_may_be_missing_or_late)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes none = TAR_BYTES, late = TAR_BYTES;
	uint8_t hash[DIGEST_SHA256_SIZE];
	const struct support_zipped zips[] = {
		{ .app = "b", .system = "1" },
		{ .app = "a", .user = "2", .strange = true }
	};
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	support_zipped_export(zips, 2, NULL, &none);
	ck_assert_uint_eq(support_world_import(s, &none), 1);
	/* Now it is known by what was computed. */
	ck_assert_fails(support_world_try_import(s, &none, &nothing_asked, &o, &err),
			&err, ERR_DUPLICATE, "the set is here already, as set 1");
	ck_assert_uint_eq(o.set, 1);
	ck_assert(o.duplicate);
	import_outcome_done(&o);
	support_zipped_hash(zips, 2, false, hash);
	support_zipped_export(zips, 2, NULL, &late);
	add_late_content(hash, &late);
	ck_assert_fails(support_world_try_import(s, &late, &nothing_asked, &o, &err),
			&err, ERR_DUPLICATE, "the set is here already, as set 1");
	ck_assert_uint_eq(count_sets(s), 1);
	support_world_forget(s, 1);
	support_world_import(s, &late);
	ck_assert_uint_eq(count_sets(s), 1);
}

END_TEST

START_TEST(deflated_archives_and_odd_versions_are_taken)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	static char text[20001];
	const struct support_zipped zip = { .app = "app",
					    .version = "1/2 \\u00e4",
					    .system = text,
					    .method = ZIP_DEFLATED };

	if (!support_world_make(&w))
		return;
	memset(text, 't', sizeof(text) - 1);
	s = support_world_open(&w, "store");
	support_zipped_export_right(&zip, 1, &t);
	ck_assert_uint_eq(support_world_import(s, &t), 1);
	ck_assert(support_exists(support_dirfd(), "store/snapshots/1_app_1-2---_x1.zip"));
}

END_TEST

/* Stored by somebody else, whose names are bytes: JSON cannot hold them. */
START_TEST(set_whose_files_have_odd_names_goes_and_comes)
{
	static const char *const odd[] = { "from/snapshots/1_\xff\xfe.zip",
					   "from/snapshots/1_a\"b\\c\n<\xc3\xa4.zip",
					   "from/snapshots/1_\xed\xa0\x80.zip" };

	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		_cleanup_(exported_done) struct exported e = EXPORTED;
		_cleanup_(session_closep) struct session *s = NULL;
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
		int d = support_dirfd();

		if (!exported_make(&e))
			return;
		ck_assert_int_eq(renameat(d, "from/snapshots/1_one_0_x1.zip", d, odd[i]),
				 0);
		session_close(e.s);
		unlinkat(d, "from/state.db-wal", 0);
		ck_assert_int_eq(unlinkat(d, "from/state.db", 0), 0);
		e.s = support_world_open(&e.w, "from");
		support_world_export(e.s, &first, 1, &t);
		s = support_world_open(&e.w, "to");
		ck_assert_uint_eq(support_world_import(s, &t), 1);
		assert_same_file(odd[i], "to/snapshots/1_one_0_x1.zip");
		support_remove_tree(d, "from");
		support_remove_tree(d, "to");
	}
}

END_TEST

/* ---- What is here already ---- */

START_TEST(set_that_is_here_is_pointed_to)
{
	_cleanup_(exported_done) struct exported e = EXPORTED;
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	_cleanup_free_ char *before = NULL, *after = NULL;
	struct importing *im = NULL;
	_cleanup_close_ int fd = -1;
	uint64_t last;

	if (!exported_make(&e))
		return;
	before = support_world_state(e.s, "from");
	fd = support_world_stream(&e.t);
	ck_assert_ok(setaside_import_open(e.s, fd, &nothing_asked, &im, &e.err), &e.err);
	ck_assert_fails(setaside_import_next(im, &o, &e.err), &e.err, ERR_DUPLICATE,
			"the set is here already, as set 1");
	ck_assert(o.duplicate);
	ck_assert_uint_eq(o.set, 1);
	ck_assert_uint_eq(o.apps.n, 2);
	ck_assert_str_eq(o.apps.items[0], "one");
	ck_assert_str_eq(o.apps.items[1], "two");
	import_outcome_done(&o);
	/* The rest is read, and no more comes. */
	ck_assert_int_eq(setaside_import_next(im, &o, &e.err), 0);
	setaside_import_close(im);
	after = support_world_state(e.s, "from");
	ck_assert_str_eq(after, before);
	/* No number was used. */
	ck_assert_ok(sets_last_number(e.s, &last, &e.err), &e.err);
	ck_assert_uint_eq(last, 1);
}

END_TEST

START_TEST(rest_of_a_duplicate_must_be_whole)
{
	_cleanup_(exported_done) struct exported e = EXPORTED;
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	struct importing *im = NULL;
	_cleanup_close_ int fd = -1;

	if (!exported_make(&e))
		return;
	buf_cut(&e.t.buf, e.t.buf.len - 1024);
	fd = support_world_stream(&e.t);
	ck_assert_ok(setaside_import_open(e.s, fd, &nothing_asked, &im, &e.err), &e.err);
	ck_assert_fails(setaside_import_next(im, &o, &e.err), &e.err, ERR_DUPLICATE,
			"set 1");
	import_outcome_done(&o);
	ck_assert_fails(setaside_import_next(im, &o, &e.err), &e.err, ERR_CORRUPT,
			"cut short");
	setaside_import_close(im);
}

END_TEST

START_TEST(set_that_is_here_comes_again_where_that_is_wanted)
{
	_cleanup_(exported_done) struct exported e = EXPORTED;
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	const struct import_request q = { .allow_duplicate = true };

	if (!exported_make(&e))
		return;
	ck_assert_int_eq(support_world_try_import(e.s, &e.t, &q, &o, &e.err), 1);
	ck_assert_uint_eq(o.set, 2);
	ck_assert(!o.duplicate);
	ck_assert_uint_eq(count_sets(e.s), 2);
	assert_same_file("from/snapshots/1_one_0_x1.zip",
			 "from/snapshots/2_one_0_x1.zip");
	/* Its own name is that of set 1, here. */
	assert_set(e.s, 2, NULL, NULL, NULL);
	ck_assert_str_eq(
		support_events_text(&e.w.events),
		"note: the set's own name is not taken over: the name \"own-name\" is "
		"that of set 1\n");
}

END_TEST

START_TEST(automatic_set_becomes_a_persons)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct save_request q = { .automatic = true, .reason = "test" };
	struct save_outcome saved;
	struct set set;

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	ck_assert_ok(setaside_save(s, &q, &saved, &err), &err);
	ck_assert(saved.set.automatic);
	ck_assert_int_ne(saved.set.expires, 0);
	save_outcome_done(&saved);
	support_world_export(s, &first, 1, &t);
	ck_assert_fails(support_world_try_import(s, &t, &nothing_asked, &o, &err), &err,
			ERR_DUPLICATE, "set 1");
	ck_assert_ok(sets_get(s, 1, &set, &err), &err);
	ck_assert(!set.automatic);
	ck_assert_int_eq(set.expires, 0);
	set_done(&set);
}

END_TEST

START_TEST(damaged_set_does_not_count_as_here)
{
	_cleanup_(exported_done) struct exported e = EXPORTED;
	_cleanup_close_ int fd = -1;
	char c;

	if (!exported_make(&e))
		return;
	fd = openat(support_dirfd(), "from/snapshots/1_one_0_x1.zip", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(pread(fd, &c, 1, 100), 1);
	c ^= 1;
	ck_assert_int_eq(pwrite(fd, &c, 1, 100), 1);
	ck_assert_uint_eq(support_world_import(e.s, &e.t), 2);
	ck_assert_ptr_nonnull(
		strstr(support_events_text(&e.w.events),
		       "warning: set 1 has the same content, but is damaged ("));
	ck_assert_ptr_nonnull(
		strstr(support_events_text(&e.w.events), "user/tester.tgz"));
	ck_assert_uint_eq(count_sets(e.s), 2);
	/* The second is the one that counts from now on. */
	support_world_forget(e.s, 1);
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	ck_assert_fails(support_world_try_import(e.s, &e.t, &nothing_asked, &o, &e.err),
			&e.err, ERR_DUPLICATE, "as set 2");
}

END_TEST

/* The set in the store, as the last look of an import finds it (`verify`
 * false), or the first one. */
static int find_again(struct exported *e, bool verify)
{
	struct duplicates d = { .session = e->s };
	_cleanup_(strings_done) struct strings apps = STRINGS_INIT;
	struct set set;
	uint64_t id;
	int r;

	ck_assert_ok(sets_get(e->s, 1, &set, &e->err), &e->err);
	r = duplicates_find(&d, set.hashes[0], verify, &id, &apps, &e->err);
	set_done(&set);
	duplicates_done(&d);
	return r;
}

START_TEST(set_that_was_only_just_found_does_not_count_before_it_was_read)
{
	_cleanup_(exported_done) struct exported e = EXPORTED;

	if (!exported_make(&e))
		return;
	ck_assert_int_eq(find_again(&e, false), 1);
	session_close(e.s);
	ck_assert_int_eq(unlinkat(support_dirfd(), "from/state.db", 0), 0);
	e.s = support_world_open(&e.w, "from");
	ck_assert_int_eq(find_again(&e, false), 0);
	ck_assert_int_eq(find_again(&e, true), 1);
}

END_TEST

START_TEST(set_without_one_of_its_files_does_not_count_as_here)
{
	_cleanup_(exported_done) struct exported e = EXPORTED;

	if (!exported_make(&e))
		return;
	ck_assert_int_eq(unlinkat(support_dirfd(), "from/snapshots/1_one_0_x1.zip", 0),
			 0);
	ck_assert_uint_eq(support_world_import(e.s, &e.t), 2);
	ck_assert_ptr_nonnull(
		strstr(support_events_text(&e.w.events),
		       "warning: set 1 may be the same, but is damaged (the file is "
		       "gone): it is imported anew"));
}

END_TEST

START_TEST(what_is_known_of_a_content_follows_the_files)
{
	_cleanup_(exported_done) struct exported e = EXPORTED;
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	const char *file = "from/snapshots/1_one_0_x1.zip";

	if (!exported_make(&e))
		return;
	for (int i = 0; i < 2; i++) {
		ck_assert_fails(
			support_world_try_import(e.s, &e.t, &nothing_asked, &o, &e.err),
			&e.err, ERR_DUPLICATE, "as set 1");
		import_outcome_done(&o);
		err_clear(&e.err);
	}
	/* Another file in the same place. */
	ck_assert_int_eq(renameat(support_dirfd(), file, support_dirfd(), "kept"), 0);
	support_file(support_dirfd(), file, 0600, "no zip");
	ck_assert_uint_eq(support_world_import(e.s, &e.t), 2);
	ck_assert_ptr_nonnull(strstr(support_events_text(&e.w.events),
				     "warning: set 1 may be the same, but is damaged ("));
	support_world_forget(e.s, 2);
	ck_assert_int_eq(renameat(support_dirfd(), "kept", support_dirfd(), file), 0);
	ck_assert_fails(support_world_try_import(e.s, &e.t, &nothing_asked, &o, &e.err),
			&e.err, ERR_DUPLICATE, "as set 1");
}

END_TEST

START_TEST(both_forms_of_a_content_hash_are_right)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	const struct support_zipped zip = { .app = "a", .system = "1", .summary = "\\b" };
	uint8_t hashes[2][DIGEST_SHA256_SIZE];

	if (!support_world_make(&w))
		return;
	s = support_world_open(&w, "store");
	for (int i = 0; i < 2; i++)
		support_zipped_hash(&zip, 1, i, hashes[i]);
	ck_assert_mem_ne(hashes[0], hashes[1], sizeof(hashes[0]));
	for (int i = 0; i < 2; i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes one = TAR_BYTES,
							   other = TAR_BYTES;
		_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
		_cleanup_(err_clear) struct err err = ERR_INIT;
		uint64_t id;

		support_zipped_export(&zip, 1, hashes[i], &one);
		support_zipped_export(&zip, 1, hashes[1 - i], &other);
		id = support_world_import(s, &one);
		ck_assert_fails(
			support_world_try_import(s, &other, &nothing_asked, &o, &err),
			&err, ERR_DUPLICATE, "the set is here already");
		ck_assert_uint_eq(o.set, id);
		support_world_forget(s, id);
	}
}

END_TEST

/* ---- Names and notes ---- */

/* A set that has a name and a note of its own. */
static void export_named(const char *own, struct tar_bytes *t)
{
	struct support_zipped zip = { .app = "a", .system = own, .more = own };

	support_zipped_export_right(&zip, 1, t);
}

START_TEST(name_and_note_are_the_sets_own_unless_given)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	static const struct {
		const char *name, *note, *is_name, *is_note;
	} cases[] = { { NULL, NULL, "own", "its note" },
		      { "given", NULL, "given", "its note" },
		      { NULL, "a note", "own", "a note" },
		      { "given", "", "given", NULL } };

	if (!support_world_make(&w))
		return;
	export_named(
		"\"setaside\":{\"format\":1,\"packaging\":\"native\",\"name\":\"own\",\"note\":\"its note\"}",
		&t);
	s = support_world_open(&w, "store");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
		_cleanup_(err_clear) struct err err = ERR_INIT;
		const struct import_request q = { .name = cases[i].name,
						  .note = cases[i].note };
		struct set set;

		ck_assert_ok(support_world_try_import(s, &t, &q, &o, &err), &err);
		ck_assert_ok(sets_get(s, o.set, &set, &err), &err);
		ck_assert_pstr_eq(set.name, cases[i].is_name);
		if (cases[i].is_note)
			ck_assert_pstr_eq(set.note, cases[i].is_note);
		else
			ck_assert(!set.note || !*set.note);
		set_done(&set);
		support_world_forget(s, o.set);
	}
	ck_assert_str_eq(support_events_text(&w.events), "");
}

END_TEST

START_TEST(own_name_and_note_that_are_none_are_left_out)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	if (!support_world_make(&w))
		return;
	export_named(
		"\"setaside\":{\"format\":1,\"packaging\":\"native\",\"name\":\"17\",\"note\":\"a\\u001b[2J\"}",
		&t);
	s = support_world_open(&w, "store");
	assert_set(s, support_world_import(s, &t), NULL, NULL, NULL);
	ck_assert_ptr_nonnull(strstr(support_events_text(&w.events),
				     "note: the set's own name is not taken over: "));
}

END_TEST

START_TEST(wishes_that_cannot_be_fulfilled_are_refused_before_anything_is_read)
{
	_cleanup_(exported_done) struct exported e = EXPORTED;
	const struct import_request taken = { .name = "own-name",
					      .allow_duplicate = true },
				    digits = { .name = "17" }, odd = { .note = "a\nb" };

	if (!exported_make(&e))
		return;
	assert_refused(e.s, "from", &e.t, &taken, ERR_EXISTS,
		       "the name \"own-name\" is that of set 1");
	assert_refused(e.s, "from", &e.t, &digits, ERR_USAGE, "\"17\"");
	assert_refused(e.s, "from", &e.t, &odd, ERR_USAGE, "");
}

END_TEST

/* ---- Several sets ---- */

/* n sets of an app each, whose data differ. */
static void export_several(size_t n, struct tar_bytes *t)
{
	static const char *const data[] = { "first", "second", "third" };

	for (size_t i = 0; i < n; i++) {
		const struct support_zipped zip = { .app = "a", .system = data[i] };

		support_zipped_export_right(&zip, 1, t);
	}
}

START_TEST(sets_come_one_by_one_and_the_first_gets_the_name)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct import_request q = { .name = "given", .note = "of all" };
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	struct importing *im = NULL;
	_cleanup_close_ int fd = -1;

	if (!support_world_make(&w))
		return;
	export_several(3, &t);
	s = support_world_open(&w, "store");
	fd = support_world_stream(&t);
	ck_assert_ok(setaside_import_open(s, fd, &q, &im, &err), &err);
	for (uint64_t i = 1; i <= 3; i++) {
		ck_assert_int_eq(setaside_import_next(im, &o, &err), 1);
		ck_assert_uint_eq(o.set, i);
		assert_set(s, i, i == 1 ? "given" : NULL, "of all", NULL);
		import_outcome_done(&o);
	}
	ck_assert_int_eq(setaside_import_next(im, &o, &err), 0);
	setaside_import_close(im);
	ck_assert_uint_eq(w.done, w.total);
}

END_TEST

START_TEST(failure_of_a_later_set_leaves_those_before)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct support_zipped bad[] = {
		{ .app = "a", .system = "good" },
		{ .app = "b", .system = "bad", .lies_about = "archive.tgz" }
	};
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	_cleanup_free_ char *before = NULL, *after = NULL;
	struct importing *im = NULL;
	_cleanup_close_ int fd = -1;

	if (!support_world_make(&w))
		return;
	export_several(2, &t);
	support_zipped_export_right(bad, 2, &t);
	s = support_world_open(&w, "store");
	fd = support_world_stream(&t);
	ck_assert_ok(setaside_import_open(s, fd, &nothing_asked, &im, &err), &err);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(setaside_import_next(im, &o, &err), 1);
		import_outcome_done(&o);
	}
	before = support_world_state(s, "store");
	ck_assert_fails(setaside_import_next(im, &o, &err), &err, ERR_CORRUPT,
			"\"1_b.zip\": the SHA3-384 hash of \"archive.tgz\" is wrong");
	setaside_import_close(im);
	after = support_world_state(s, "store");
	ck_assert_str_eq(after, before);
	ck_assert_uint_eq(count_sets(s), 2);
	/* The number of what failed is not used again. */
	buf_clear(&t.buf);
	export_several(3, &t);
	memmove(t.buf.data, t.buf.data + t.buf.len / 3 * 2, t.buf.len / 3);
	buf_cut(&t.buf, t.buf.len / 3);
	ck_assert_uint_eq(support_world_import(s, &t), 4);
}

END_TEST

START_TEST(duplicates_stand_between_new_sets)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(session_closep) struct session *s = NULL;
	_cleanup_(tar_bytes_done) struct tar_bytes two = TAR_BYTES, three = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct import_request q = { .name = "given" };
	_cleanup_(import_outcome_done) struct import_outcome o = { 0 };
	struct importing *im = NULL;
	_cleanup_close_ int fd = -1;

	if (!support_world_make(&w))
		return;
	export_several(1, &two);
	s = support_world_open(&w, "store");
	ck_assert_uint_eq(support_world_import(s, &two), 1);
	export_several(2, &three);
	export_several(2, &three); /* both are here by then */
	fd = support_world_stream(&three);
	ck_assert_ok(setaside_import_open(s, fd, &q, &im, &err), &err);
	for (int i = 0; i < 4; i++) {
		bool is_new = i == 1;

		if (is_new)
			ck_assert_int_eq(setaside_import_next(im, &o, &err), 1);
		else
			ck_assert_fails(setaside_import_next(im, &o, &err), &err,
					ERR_DUPLICATE, "the set is here already");
		ck_assert_uint_eq(o.set, i % 2 + 1);
		ck_assert(o.duplicate == !is_new);
		import_outcome_done(&o);
	}
	ck_assert_int_eq(setaside_import_next(im, &o, &err), 0);
	setaside_import_close(im);
	ck_assert_uint_eq(count_sets(s), 2);
}

END_TEST

Suite *suite_library_import(void)
{
	Suite *s = suite_create("library_import");
	TCase *tc = support_tcase(s, "library_import");

	tcase_add_test(tc, set_arrives_as_it_was);
	tcase_add_test(tc, imported_set_is_restored);
	tcase_add_test(tc, exports_of_snapd_arrive_and_leave_byte_for_byte);
	tcase_add_test(tc, content_may_be_missing_or_late);
	tcase_add_test(tc, deflated_archives_and_odd_versions_are_taken);
	tcase_add_test(tc, set_whose_files_have_odd_names_goes_and_comes);

	tc = support_tcase(s, "duplicates");
	tcase_add_test(tc, set_that_is_here_is_pointed_to);
	tcase_add_test(tc, rest_of_a_duplicate_must_be_whole);
	tcase_add_test(tc, set_that_is_here_comes_again_where_that_is_wanted);
	tcase_add_test(tc, automatic_set_becomes_a_persons);
	tcase_add_test(tc, damaged_set_does_not_count_as_here);
	tcase_add_test(tc,
		       set_that_was_only_just_found_does_not_count_before_it_was_read);
	tcase_add_test(tc, set_without_one_of_its_files_does_not_count_as_here);
	tcase_add_test(tc, what_is_known_of_a_content_follows_the_files);
	tcase_add_test(tc, both_forms_of_a_content_hash_are_right);

	tc = support_tcase(s, "names");
	tcase_add_test(tc, name_and_note_are_the_sets_own_unless_given);
	tcase_add_test(tc, own_name_and_note_that_are_none_are_left_out);
	tcase_add_test(
		tc, wishes_that_cannot_be_fulfilled_are_refused_before_anything_is_read);

	tc = support_tcase(s, "several");
	tcase_add_test(tc, sets_come_one_by_one_and_the_first_gets_the_name);
	tcase_add_test(tc, failure_of_a_later_set_leaves_those_before);
	tcase_add_test(tc, duplicates_stand_between_new_sets);
	return s;
}
