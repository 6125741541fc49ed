/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a parser that was taken over may send: frames and entries that no right writer
 * makes.
 */
#include <string.h>
#include <unistd.h>

#include "backend/base/le.h"
#include "tests/unit/support.h"
#include "tests/unit/support_entries.h"

#define MIB ((size_t)1 << 20)

/* Kinds of frames. */
enum {
	ENTRY = 1,
	DATA,
	END
};

/* The numbers that an entry's payload begins with. */
enum number {
	TYPE,
	MODE,
	UID,
	GID,
	SEC,
	NSEC,
	SIZE,
	STORED,
	SPARSE,
	MAJOR,
	MINOR
};

/* A frame that the writer would not make. */
static void put_frame(struct entry_stream *s, uint32_t kind, uint32_t says, const void *p,
		      size_t n)
{
	uint8_t header[8];

	le_put32(header, kind);
	le_put32(header + 4, says);
	ck_assert_int_eq(write(s->fd, header, sizeof(header)), sizeof(header));
	ck_assert_int_eq(write(s->fd, p, n), (ssize_t)n);
}

static void assert_broken(struct entry_stream *s)
{
	ck_assert_entries_fail(s, ERR_CORRUPT, "the unpacker sent a broken entry");
}

START_TEST(numbers_out_of_range_are_refused)
{
	static const struct {
		enum number which;
		uint64_t value;
	} wrong[] = {
		{ TYPE, ENTRY_BLOCK + 1 },
		{ TYPE, UINT64_MAX },
		{ MODE, 010000 },
		{ UID, UINT32_MAX },
		{ GID, UINT32_MAX },
		{ GID, UINT64_C(1) << 32 },
		{ NSEC, 1000000000 },
		{ SIZE, UINT64_C(1) << 63 },
		{ STORED, UINT64_C(1) << 63 },
		{ SPARSE, 2 },
		{ MAJOR, UINT64_C(1) << 32 },
		{ MINOR, UINT64_C(1) << 32 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		const struct entry e = entry_lent(ENTRY_FILE, "common/f", NULL);
		struct entry_stream s;
		uint8_t bytes[8];

		entry_stream_begin(&s);
		entry_stream_put(&s, &e);
		entry_stream_finish(&s);
		le_put64(bytes, wrong[i].value);
		ck_assert_int_eq(pwrite(s.fd, bytes, 8, 8 + 8 * (off_t)wrong[i].which),
				 8);
		assert_broken(&s);
		entry_stream_done(&s);
	}
}

END_TEST

/* A stream of one entry, which the reader must not take. */
static void refuse_entry(const struct entry *e)
{
	struct entry_stream s;

	entry_stream_begin(&s);
	entry_stream_put(&s, e);
	entry_stream_finish(&s);
	assert_broken(&s);
	entry_stream_done(&s);
}

START_TEST(paths_and_targets_are_checked_again)
{
	static const char *const paths[] = {
		NULL, "", "/etc/passwd", "..", "common/../x", "common//x", "common/"
	};
	struct entry e;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		e = entry_lent(ENTRY_FILE, paths[i], NULL);
		refuse_entry(&e);
		e = entry_lent(ENTRY_HARDLINK, "common/h", paths[i]);
		refuse_entry(&e);
	}
	e = entry_lent(ENTRY_SYMLINK, "common/l", NULL);
	refuse_entry(&e);
	e = entry_lent(ENTRY_FILE, "common/f", "common/l");
	refuse_entry(&e);
	e = entry_lent(ENTRY_FIFO, "common/f", "common/l");
	refuse_entry(&e);
}

END_TEST

START_TEST(only_files_have_sizes_and_maps)
{
	static const enum entry_type types[] = { ENTRY_DIR,      ENTRY_SYMLINK,
						 ENTRY_HARDLINK, ENTRY_FIFO,
						 ENTRY_CHAR,     ENTRY_BLOCK };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		const bool is_link =
			types[i] == ENTRY_SYMLINK || types[i] == ENTRY_HARDLINK;
		const struct entry good =
			entry_lent(types[i], "common/x", is_link ? "common/y" : NULL);
		struct entry e = good;

		e.size = 1;
		refuse_entry(&e);
		e = good;
		e.stored = 1;
		refuse_entry(&e);
		e = good;
		e.sparse = true;
		refuse_entry(&e);
	}
}

END_TEST

START_TEST(maps_that_are_not_in_order_are_refused)
{
	struct entry_extent maps[][2] = {
		{ { 0, 2 }, { 1, 2 } },          { { 5, 1 }, { 1, 2 } },
		{ { 0, 11 }, { 11, 0 } },        { { 0, 1 }, { 11, 0 } },
		{ { 9, UINT64_MAX }, { 9, 1 } }, { { UINT64_MAX, 1 }, { UINT64_MAX, 1 } },
	};

	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++) {
		struct entry e = entry_lent(ENTRY_FILE, "common/f", NULL);

		e.size = 10;
		e.sparse = true;
		e.extents = maps[i];
		e.n_extents = 2;
		refuse_entry(&e);
	}
}

END_TEST

START_TEST(strings_are_checked)
{
	static char owner[258], value[(64 << 10) + 1];
	struct entry_xattr xattr = { entry_lend("user.a"), value, sizeof(value) };
	struct entry e = entry_lent(ENTRY_FILE, "common/f", NULL);

	memset(owner, 'o', 257);
	memset(value, 'v', sizeof(value) - 1);
	e.user = owner;
	refuse_entry(&e);
	e.user = NULL;
	e.group = owner;
	refuse_entry(&e);
	e.group = NULL;
	e.xattrs = &xattr;
	e.n_xattrs = 1;
	refuse_entry(&e);
	xattr = (struct entry_xattr){ owner, entry_lend("x"), 1 };
	refuse_entry(&e);
	xattr = (struct entry_xattr){ NULL, entry_lend("x"), 1 };
	refuse_entry(&e);
}

END_TEST

START_TEST(a_path_with_a_nul_is_refused)
{
	const struct entry e = entry_lent(ENTRY_FILE, "common/f", NULL);
	struct entry_stream s;

	entry_stream_begin(&s);
	entry_stream_put(&s, &e);
	entry_stream_finish(&s);
	/* Behind the frame's header, the numbers and its own length. */
	ck_assert_int_eq(pwrite(s.fd, "", 1, 8 + 11 * 8 + 8 + 3), 1);
	assert_broken(&s);
	entry_stream_done(&s);
}

END_TEST

/* What an entry's frame holds, less or more than it should. */
START_TEST(entries_of_another_length_are_refused)
{
	const struct entry e = entry_lent(ENTRY_FILE, "common/f", NULL);
	char frame[512] = { 0 };
	struct entry_stream s;
	ssize_t n;

	entry_stream_begin(&s);
	entry_stream_put(&s, &e);
	entry_stream_finish(&s);
	n = pread(s.fd, frame, sizeof(frame), 0);
	ck_assert_int_gt(n, 100);
	n = le_get32((uint8_t *)frame + 4);
	for (ssize_t said = 0; said <= n + 9; said++) {
		if (said == n)
			continue;
		ck_assert_int_eq(ftruncate(s.fd, 0), 0);
		ck_assert_int_eq(lseek(s.fd, 0, SEEK_SET), 0);
		put_frame(&s, ENTRY, (uint32_t)said, frame + 8, (size_t)said);
		put_frame(&s, END, 0, "", 0);
		assert_broken(&s);
	}
	entry_stream_done(&s);
}

END_TEST

START_TEST(frames_that_no_writer_sends_are_refused)
{
	static const struct {
		uint32_t kind, says;
		size_t n;
	} wrong[] = {
		{ 0, 0, 0 },
		{ END + 1, 0, 0 },
		{ UINT32_MAX, 0, 0 },
		{ END, 1, 1 },
		{ ENTRY, (24 << 20) + 1, 100 },
		{ ENTRY, UINT32_MAX, 100 },
		{ DATA, 9, 9 },
		{ DATA, 7, 7 },
		{ DATA, 0, 0 },
		{ DATA, MIB + 1, 100 },
		{ 77, (24 << 20) + 1, 100 },
	};

	static const char zeros[100];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct entry_stream s;

		entry_stream_begin(&s);
		put_frame(&s, wrong[i].kind, wrong[i].says, zeros, wrong[i].n);
		put_frame(&s, END, 0, "", 0);
		assert_broken(&s);
		entry_stream_done(&s);
	}
}

END_TEST

/* Puts an entry in and behind it a frame of data, which is wrong. */
static void refuse_data(const struct entry *e, size_t n)
{
	static const char zeros[100];
	struct entry_stream s;
	off_t at;

	entry_stream_begin(&s);
	entry_stream_put(&s, e);
	entry_stream_finish(&s);
	/* In the place of the end. */
	at = lseek(s.fd, -8, SEEK_CUR);
	ck_assert_int_gt(at, 0);
	put_frame(&s, DATA, (uint32_t)n, zeros, n);
	put_frame(&s, END, 0, "", 0);
	assert_broken(&s);
	entry_stream_done(&s);
}

START_TEST(only_files_have_data)
{
	struct entry e = entry_lent(ENTRY_DIR, "common", NULL);

	refuse_data(&e, 9);
	e = entry_lent(ENTRY_SYMLINK, "common/l", "x");
	refuse_data(&e, 9);
	e = entry_lent(ENTRY_HARDLINK, "common/h", "common/f");
	refuse_data(&e, 9);
	e = entry_lent(ENTRY_FIFO, "common/p", NULL);
	refuse_data(&e, 9);
	/* No data at all, or not even an offset. */
	e = entry_lent(ENTRY_FILE, "common/f", NULL);
	e.size = e.stored = 1;
	refuse_data(&e, 8);
	refuse_data(&e, 7);
}

END_TEST

Suite *suite_entry_stream_refuses(void)
{
	Suite *s = suite_create("entry_stream_refuses");
	TCase *tc = support_tcase(s, "wrong");

	tcase_add_test(tc, numbers_out_of_range_are_refused);
	tcase_add_test(tc, paths_and_targets_are_checked_again);
	tcase_add_test(tc, only_files_have_sizes_and_maps);
	tcase_add_test(tc, maps_that_are_not_in_order_are_refused);
	tcase_add_test(tc, strings_are_checked);
	tcase_add_test(tc, a_path_with_a_nul_is_refused);
	tcase_add_test(tc, entries_of_another_length_are_refused);
	tcase_add_test(tc, frames_that_no_writer_sends_are_refused);
	tcase_add_test(tc, only_files_have_data);
	return s;
}
