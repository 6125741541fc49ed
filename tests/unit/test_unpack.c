/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/unpack.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/support_tar.h"

static const char *const tops[] = { "7", "common", NULL };

/* A sink that writes down what it is told, and can fail. */
struct log {
	struct buf text;
	const char *fails; /* "entry", "data", "finish" */
};

static int say(struct log *log, const char *what, const char *text, size_t n,
	       struct err *err)
{
	if (log->fails && strcmp(log->fails, what) == 0)
		return err_set(err, ERR_IO, "the sink is full");
	return buf_printf(&log->text, err, "%s %.*s\n", what, (int)n, text);
}

static int log_entry(void *ctx, const struct entry *e, struct err *err)
{
	return say(ctx, "entry", e->path, strlen(e->path), err);
}

static int log_data(void *ctx, uint64_t offset, const void *p, size_t n, struct err *err)
{
	(void)offset;
	return say(ctx, "data", p, n, err);
}

static int log_finish(void *ctx, struct err *err)
{
	return say(ctx, "finish", "", 0, err);
}

static int run(struct tar_bytes *t, struct log *log, const struct unpack_limits *limits,
	       const struct observer *observer, struct unpack_counts *counts,
	       struct err *err)
{
	const struct unpack_sink sink = { log_entry, log_data, log_finish, log };

	tar_bytes_rewind(t, 0);
	return unpack_run(tar_bytes_source, t, tops, limits,
			  log ? &sink : &unpack_discard, observer, counts, err);
}

static void assert_refused(struct tar_bytes *t, enum err_kind kind, const char *part)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct unpack_counts counts = { 1, 2, 3 };

	tar_end(t);
	ck_assert_fails(run(t, NULL, NULL, NULL, &counts, &err), &err, kind, part);
	ck_assert(counts.bytes == 1 && counts.allocated == 2 && counts.entries == 3);
}

START_TEST(unpack_passes_entries_and_data_on_in_order)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct log log = { .text = BUF_INIT };
	struct unpack_counts counts;

	tar_dir(&t, "7");
	tar_dir(&t, "common");
	tar_file(&t, "common/f", "hello");
	tar_add(&t,
		(struct tar_item){ .name = "common/h", .type = '1', .link = "common/f" });
	tar_add(&t, (struct tar_item){ .name = "7/l", .type = '2', .link = "../x" });
	tar_end(&t);
	ck_assert_ok(run(&t, &log, NULL, NULL, &counts, &err), &err);
	ck_assert_str_eq(log.text.data,
			 "entry 7\nentry common\nentry common/f\n"
			 "data hello\nentry common/h\nentry 7/l\nfinish \n");
	ck_assert_uint_eq(counts.bytes, t.buf.len);
	ck_assert_uint_eq(counts.entries, 4);
	ck_assert_uint_eq(counts.allocated, 3 * 4096);
	buf_done(&log.text);
}

END_TEST

START_TEST(unpack_refuses_other_tops)
{
	static const char *const names[] = { "8", "commons", "comm", "77/x", "x/common" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

		tar_dir(&t, names[i]);
		assert_refused(&t, ERR_CORRUPT, "lies outside of the app's directories");
	}
}

END_TEST

START_TEST(unpack_refuses_tops_that_are_no_directories)
{
	static const char types[] = "0126";

	for (size_t i = 0; types[i]; i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

		tar_add(&t, (struct tar_item){
				    .name = "common", .type = types[i], .link = "7" });
		assert_refused(&t, ERR_CORRUPT, "\"common\" is not a directory");
	}
}

END_TEST

START_TEST(unpack_refuses_entries_before_their_directory)
{
	_cleanup_(tar_bytes_done) struct tar_bytes deep = TAR_BYTES;
	_cleanup_(tar_bytes_done) struct tar_bytes top = TAR_BYTES;

	tar_dir(&deep, "common");
	tar_file(&deep, "common/a/f", "x");
	tar_dir(&deep, "common/a");
	assert_refused(&deep, ERR_CORRUPT, "\"common/a/f\" comes before its directory");
	tar_file(&top, "7/f", "x");
	assert_refused(&top, ERR_CORRUPT, "\"7/f\" comes before its directory");
}

END_TEST

START_TEST(unpack_does_without_an_entry_for_common)
{
	_cleanup_(tar_bytes_done) struct tar_bytes good = TAR_BYTES;
	_cleanup_(tar_bytes_done) struct tar_bytes late = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct unpack_counts counts;

	tar_dir(&good, "common/tree");
	tar_file(&good, "common/tree/f", "x");
	tar_end(&good);
	ck_assert_ok(run(&good, NULL, NULL, NULL, &counts, &err), &err);
	ck_assert_uint_eq(counts.entries, 2);
	tar_file(&late, "common/f", "x");
	tar_dir(&late, "common");
	assert_refused(&late, ERR_CORRUPT, "\"common\" comes twice");
}

END_TEST

START_TEST(unpack_refuses_entries_below_what_is_no_directory)
{
	static const char types[] = "0126";

	for (size_t i = 0; types[i]; i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

		tar_dir(&t, "common");
		tar_file(&t, "common/f", "");
		tar_add(&t, (struct tar_item){ .name = "common/x",
					       .type = types[i],
					       .link = "common/f" });
		tar_file(&t, "common/x/y", "through a link");
		assert_refused(&t, ERR_CORRUPT, "lies below what is no directory");
	}
}

END_TEST

START_TEST(unpack_refuses_a_path_that_comes_twice)
{
	static const struct {
		char first, second;
	} pairs[] = { { '0', '0' }, { '5', '5' }, { '2', '0' }, { '5', '0' },
		      { '0', '5' }, { '1', '1' }, { '2', '5' } };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

		tar_dir(&t, "common");
		tar_file(&t, "common/f", "");
		tar_add(&t, (struct tar_item){ .name = "common/x",
					       .type = pairs[i].first,
					       .link = "common/f" });
		tar_file(&t, "common/between", "");
		tar_add(&t, (struct tar_item){ .name = "common/x",
					       .type = pairs[i].second,
					       .link = "common/f" });
		assert_refused(&t, ERR_CORRUPT, "\"common/x\" comes twice");
	}
}

END_TEST

START_TEST(unpack_refuses_links_to_no_earlier_file)
{
	static const char *const targets[] = { "common/later", "common", "common/h",
					       "elsewhere/f", "common/f/x" };

	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

		tar_dir(&t, "common");
		tar_file(&t, "common/f", "");
		tar_add(&t, (struct tar_item){ .name = "common/h",
					       .type = '1',
					       .link = targets[i] });
		tar_file(&t, "common/later", "");
		assert_refused(&t, ERR_CORRUPT, "names no earlier file");
	}
}

END_TEST

START_TEST(unpack_takes_links_to_all_but_directories)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct unpack_counts counts;

	tar_dir(&t, "common");
	tar_file(&t, "common/0", "x");
	/* The first of the types is another name of the file already. */
	for (int type = '1'; type <= '6'; type++) {
		char name[] = "common/?", link[] = "common/?-too";

		if (type == '5')
			continue;
		name[7] = link[7] = (char)type;
		tar_add(&t, (struct tar_item){ .name = name,
					       .type = (char)type,
					       .link = "common/0" });
		tar_add(&t, (struct tar_item){ .name = link, .type = '1', .link = name });
	}
	tar_end(&t);
	ck_assert_ok(run(&t, NULL, NULL, NULL, &counts, &err), &err);
	/* common, the file, a link, two devices, a FIFO. */
	ck_assert_uint_eq(counts.entries, 6);
}

END_TEST

START_TEST(unpack_keeps_its_limits)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct unpack_counts counts;

	tar_dir(&t, "common");
	for (int i = 0; i < 26; i++) {
		char name[] = "common/?";

		name[7] = (char)('a' + i);
		tar_file(&t, name, "x");
	}
	tar_end(&t);
	ck_assert_ok(
		run(&t, NULL,
		    &(struct unpack_limits){ .max_bytes = t.buf.len, .max_entries = 27 },
		    NULL, &counts, &err),
		&err);
	ck_assert_fails(run(&t, NULL, &(struct unpack_limits){ .max_entries = 26 }, NULL,
			    &counts, &err),
			&err, ERR_NO_SPACE, "more than 26 entries");
	ck_assert_fails(run(&t, NULL,
			    &(struct unpack_limits){ .max_bytes = t.buf.len - 1 }, NULL,
			    &counts, &err),
			&err, ERR_NO_SPACE, "bytes");
}

END_TEST

START_TEST(unpack_counts_links_as_entries_for_the_limit_only)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct unpack_limits limits = { .max_entries = 2 };
	struct unpack_counts counts;

	tar_dir(&t, "common");
	tar_file(&t, "common/f", "x");
	tar_add(&t,
		(struct tar_item){ .name = "common/h", .type = '1', .link = "common/f" });
	tar_end(&t);
	ck_assert_fails(run(&t, NULL, &limits, NULL, &counts, &err), &err, ERR_NO_SPACE,
			"more than 2 entries");
}

END_TEST

START_TEST(unpack_passes_on_what_the_sink_says)
{
	static const char *const calls[] = { "entry", "data", "finish" };

	for (size_t i = 0; i < 3; i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
		_cleanup_(err_clear) struct err err = ERR_INIT;
		struct log log = { .text = BUF_INIT, .fails = calls[i] };
		struct unpack_counts counts;

		tar_dir(&t, "common");
		tar_file(&t, "common/f", "x");
		tar_end(&t);
		ck_assert_fails(run(&t, &log, NULL, NULL, &counts, &err), &err, ERR_IO,
				"the sink is full");
		buf_done(&log.text);
	}
}

END_TEST

START_TEST(unpack_does_not_finish_what_is_cut_short)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct log log = { .text = BUF_INIT };
	struct unpack_counts counts;

	tar_dir(&t, "common");
	tar_file(&t, "common/f", "x");
	ck_assert_fails(run(&t, &log, NULL, NULL, &counts, &err), &err, ERR_CORRUPT,
			"cut short");
	ck_assert_ptr_null(strstr(log.text.data, "finish"));
	buf_done(&log.text);
}

END_TEST

START_TEST(unpack_can_be_cancelled)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const atomic_bool cancel = true;
	const struct observer observer = { .cancel = &cancel };
	struct unpack_counts counts;

	tar_dir(&t, "common");
	tar_end(&t);
	ck_assert_fails(run(&t, NULL, NULL, &observer, &counts, &err), &err,
			ERR_INTERRUPTED, "");
}

END_TEST

START_TEST(unpack_remembers_many_paths)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct unpack_counts counts;

	tar_dir(&t, "common");
	for (int d = 0; d < 20; d++) {
		char name[64];

		snprintf(name, sizeof(name), "common/dir%d", d);
		tar_dir(&t, name);
		for (int f = 0; f < 200; f++) {
			snprintf(name, sizeof(name), "common/dir%d/file%d", d, f);
			tar_file(&t, name, "");
		}
	}
	/* Back in the first directory, and a link to its first file. */
	tar_add(&t, (struct tar_item){ .name = "common/dir0/h",
				       .type = '1',
				       .link = "common/dir0/file0" });
	tar_end(&t);
	ck_assert_ok(run(&t, NULL, NULL, NULL, &counts, &err), &err);
	ck_assert_uint_eq(counts.entries, 1 + 20 + 4000);
	t.buf.len -= 1024;
	tar_file(&t, "common/dir19/file199", "");
	assert_refused(&t, ERR_CORRUPT, "comes twice");
}

END_TEST

Suite *suite_unpack(void)
{
	Suite *s = suite_create("unpack");
	TCase *tc = support_tcase(s, "stream");

	tcase_add_test(tc, unpack_passes_entries_and_data_on_in_order);
	tcase_add_test(tc, unpack_refuses_other_tops);
	tcase_add_test(tc, unpack_refuses_tops_that_are_no_directories);
	tcase_add_test(tc, unpack_refuses_entries_before_their_directory);
	tcase_add_test(tc, unpack_does_without_an_entry_for_common);
	tcase_add_test(tc, unpack_refuses_entries_below_what_is_no_directory);
	tcase_add_test(tc, unpack_refuses_a_path_that_comes_twice);
	tcase_add_test(tc, unpack_refuses_links_to_no_earlier_file);
	tcase_add_test(tc, unpack_takes_links_to_all_but_directories);
	tcase_add_test(tc, unpack_keeps_its_limits);
	tcase_add_test(tc, unpack_counts_links_as_entries_for_the_limit_only);
	tcase_add_test(tc, unpack_passes_on_what_the_sink_says);
	tcase_add_test(tc, unpack_does_not_finish_what_is_cut_short);
	tcase_add_test(tc, unpack_can_be_cancelled);
	tcase_add_test(tc, unpack_remembers_many_paths);
	return s;
}
