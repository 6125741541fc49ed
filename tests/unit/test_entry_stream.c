/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/entry_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "tests/unit/support.h"
#include "tests/unit/support_entries.h"
#include "tests/unit/support_pack.h"
#include "tests/unit/support_tar.h"

#define MIB ((size_t)1 << 20)

/* Every type of entry and every field, into any sink. */
static void send_everything(const struct unpack_sink *sink, struct err *err)
{
	struct entry_extent extents[] = { { 0, 4 }, { 4096, 1 }, { 9000, 3 } };
	struct entry_xattr xattrs[] = { { entry_lend("user.a"), entry_lend("\0\n\xff"),
					  3 },
					{ entry_lend("user.empty"), entry_lend(""), 0 } };
	struct entry list[] = {
		entry_lent(ENTRY_DIR, "common", NULL),
		entry_lent(ENTRY_FILE, "common/f", NULL),
		entry_lent(ENTRY_FILE, "common/sparse", NULL),
		entry_lent(ENTRY_FILE, "common/hole", NULL),
		entry_lent(ENTRY_SYMLINK, "common/l", "../\xff\n"),
		entry_lent(ENTRY_HARDLINK, "common/l2", "common/l"),
		entry_lent(ENTRY_FIFO, "common/p", NULL),
		entry_lent(ENTRY_HARDLINK, "common/p2", "common/p"),
		entry_lent(ENTRY_CHAR, "common/c", NULL),
		entry_lent(ENTRY_BLOCK, "common/b", NULL),
	};

	list[0].acl_access = entry_lend("user::rwx");
	list[0].acl_default = entry_lend("user::r-x");
	list[0].mode = 07777;
	list[1].size = list[1].stored = 5;
	list[1].xattrs = xattrs;
	list[1].n_xattrs = 2;
	list[1].uid = list[1].gid = UINT32_MAX - 1;
	list[1].user = entry_lend("alice");
	list[1].group = entry_lend("");
	list[1].mtime = (struct timespec){ -5, 999999999 };
	list[2].sparse = list[3].sparse = true;
	list[2].size = 10000;
	list[2].stored = 8;
	list[2].extents = extents;
	list[2].n_extents = 3;
	list[3].size = INT64_MAX;
	list[8].major = list[9].minor = UINT32_MAX;
	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
		ck_assert_ok(sink->entry(sink->ctx, &list[i], err), err);
		if (i == 1)
			ck_assert_ok(sink->data(sink->ctx, 0, "12345", 5, err), err);
		for (size_t k = 0; k < list[i].n_extents; k++)
			ck_assert_ok(sink->data(sink->ctx, extents[k].offset, "data",
						extents[k].length, err),
				     err);
	}
	ck_assert_ok(sink->finish(sink->ctx, err), err);
}

START_TEST(everything_arrives_as_it_was_sent)
{
	struct entry_log sent = { .text = BUF_INIT }, got = { .text = BUF_INIT };
	const struct unpack_sink direct = entry_log_sink(&sent);
	struct entry_stream s;

	entry_stream_begin(&s);
	send_everything(&s.sink, &s.err);
	send_everything(&direct, &s.err);
	ck_assert_ok(entry_stream_log(&s, &got, &s.err), &s.err);
	ck_assert_uint_gt(sent.text.len, 500);
	ck_assert_str_eq(got.text.data, sent.text.data);
	buf_done(&sent.text);
	buf_done(&got.text);
	entry_stream_done(&s);
}

END_TEST

/* Puts the data together again. */
struct content {
	struct buf bytes;
	size_t largest;
};

static int take_entry(void *ctx, const struct entry *e, struct err *err)
{
	(void)ctx;
	(void)e;
	(void)err;
	return 0;
}

static int take_data(void *ctx, uint64_t offset, const void *p, size_t n, struct err *err)
{
	struct content *c = ctx;

	ck_assert_uint_eq(offset, c->bytes.len);
	ck_assert_uint_ge(n, 1);
	c->largest = n > c->largest ? n : c->largest;
	return buf_add(&c->bytes, p, n, err);
}

static int take_end(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	return 0;
}

START_TEST(data_of_any_length_arrive)
{
	static const size_t lengths[] = { 1,          127 << 10,   (128 << 10) - 1,
					  128 << 10,  MIB - 8,     MIB,
					  MIB + 1,    3 * MIB + 5, 7,
					  (128 << 10) };
	struct content c = { .bytes = BUF_INIT };
	const struct unpack_sink sink = { take_entry, take_data, take_end, &c };
	struct entry e = entry_lent(ENTRY_FILE, "common/f", NULL);
	char *data = calloc(1, 8 * MIB);
	struct entry_stream s;
	size_t at = 0;

	ck_assert_ptr_nonnull(data);
	for (size_t i = 0; i < 8 * MIB; i++)
		data[i] = (char)(i * 2654435761u >> 13);
	entry_stream_begin(&s);
	e.size = e.stored = 8 * MIB;
	entry_stream_put(&s, &e);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		entry_stream_data(&s, at, data + at, lengths[i]);
		at += lengths[i];
	}
	entry_stream_finish(&s);
	ck_assert_int_eq(lseek(s.fd, 0, SEEK_SET), 0);
	ck_assert_ok(entry_stream_run(s.fd, &sink, NULL, &s.err), &s.err);
	ck_assert_uint_eq(c.bytes.len, at);
	ck_assert_mem_eq(c.bytes.data, data, at);
	ck_assert_uint_le(c.largest, MIB);
	buf_done(&c.bytes);
	free(data);
	entry_stream_done(&s);
}

END_TEST

/* A tree with links of every kind. */
static void build_tree(void)
{
	support_file(support_dirfd(), "t/f", 0640, "content");
	support_link(support_dirfd(), "t/d/f", "t/f");
	support_symlink(support_dirfd(), "t/l", "/no/such");
	support_link(support_dirfd(), "t/d/l", "t/l");
	support_link(support_dirfd(), "t/m", "t/l");
	support_node(support_dirfd(), "t/p", S_IFIFO | 0620, 0);
	support_link(support_dirfd(), "t/d/p", "t/p");
	support_sparse(support_dirfd(), "t/s", 3 * MIB, MIB, 5000);
	support_file(support_dirfd(), "t/odd \n\xff", 0400, "");
	support_mtime(support_dirfd(), "t/l", 5, 6);
	support_mtime(support_dirfd(), "t/p", 7, 8);
	support_mtime(support_dirfd(), "t/d", 9, 10);
	support_mtime(support_dirfd(), "t", 11, 12);
}

static int open_dir(const char *name)
{
	int fd = openat(support_dirfd(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Packed here, unpacked by one and applied by the other end. */
static void hand_a_tree_on(void)
{
	static const char *const tops[] = { "common", NULL };
	struct support_pack p = SUPPORT_PACK_INIT;
	struct tar_bytes t = TAR_BYTES;
	struct apply_target target = { .path = "common/tree" };
	struct unpack_counts counts;
	struct apply_notes notes;
	struct owners *owners = support_owners();
	struct unpack_sink sink;
	struct apply *a = NULL;
	struct entry_stream s;
	int from;

	build_tree();
	p.options.synthetic_common = true;
	support_pack_ok(&p, support_dirfd(), "t");
	entry_stream_begin(&s);
	ck_assert_ok(buf_add(&t.buf, p.stream.data, p.stream.len, &s.err), &s.err);
	ck_assert_ok(unpack_run(tar_bytes_source, &t, tops, NULL, &s.sink, NULL, &counts,
				&s.err),
		     &s.err);
	ck_assert_uint_eq(counts.entries, p.counts.entries);
	support_mkdir(support_dirfd(), "out", 0700);
	target.fd = open_dir("out");
	apply_notes_init(&notes);
	ck_assert_ok(apply_new(&target, 1, 0, 3, owners, &notes.report, &a, &s.err),
		     &s.err);
	sink = apply_sink(a);
	ck_assert_int_eq(lseek(s.fd, 0, SEEK_SET), 0);
	ck_assert_ok(entry_stream_run(s.fd, &sink, NULL, &s.err), &s.err);
	ck_assert_msg(!notes.text.len, "%s", notes.text.data);
	from = open_dir("t");
	ck_assert_tree_eq(from, target.fd);
	close(from);
	close(target.fd);
	apply_free(a);
	owners_free(owners);
	apply_notes_done(&notes);
	tar_bytes_done(&t);
	support_pack_done(&p);
	entry_stream_done(&s);
}

START_TEST(a_tree_that_is_handed_on_is_the_same)
{
	hand_a_tree_on();
}

END_TEST

START_TEST(a_tree_that_is_handed_on_is_the_same_as_a_user)
{
	if (support_become_user())
		hand_a_tree_on();
}

END_TEST

START_TEST(a_stream_that_just_ends_was_interrupted)
{
	struct entry_stream s;
	struct stat st;

	entry_stream_begin(&s);
	send_everything(&s.sink, &s.err);
	ck_assert_int_eq(fstat(s.fd, &st), 0);
	for (off_t n = st.st_size - 1; n >= 0; n--) {
		ck_assert_int_eq(ftruncate(s.fd, n), 0);
		ck_assert_entries_fail(&s, ERR_INTERRUPTED, "end too early");
	}
	entry_stream_done(&s);
}

END_TEST

/* Large pieces are read around the buffer. */
START_TEST(a_stream_that_ends_in_much_data_was_interrupted)
{
	static const char zeros[300000];
	struct entry e = entry_lent(ENTRY_FILE, "common/f", NULL);
	struct entry_stream s;
	struct stat st;

	entry_stream_begin(&s);
	e.size = e.stored = sizeof(zeros);
	entry_stream_put(&s, &e);
	entry_stream_data(&s, 0, zeros, sizeof(zeros));
	entry_stream_finish(&s);
	ck_assert_int_eq(fstat(s.fd, &st), 0);
	ck_assert_int_eq(ftruncate(s.fd, st.st_size - 100), 0);
	ck_assert_entries_fail(&s, ERR_INTERRUPTED, "end too early");
	entry_stream_done(&s);
}

END_TEST

START_TEST(what_the_sink_says_is_passed_on)
{
	static const char *const calls[] = { "entry", "data", "end" };
	struct entry_stream s;

	entry_stream_begin(&s);
	send_everything(&s.sink, &s.err);
	for (size_t i = 0; i < 3; i++) {
		struct entry_log log = { .text = BUF_INIT, .fails = calls[i] };

		ck_assert_fails(entry_stream_log(&s, &log, &s.err), &s.err, ERR_IO,
				"the sink is full");
		buf_done(&log.text);
	}
	entry_stream_done(&s);
}

END_TEST

START_TEST(reading_can_be_cancelled)
{
	const atomic_bool cancel = true;
	const struct observer observer = { .cancel = &cancel };
	struct entry_log log = { .text = BUF_INIT };
	const struct unpack_sink sink = entry_log_sink(&log);
	struct entry_stream s;

	entry_stream_begin(&s);
	send_everything(&s.sink, &s.err);
	ck_assert_int_eq(lseek(s.fd, 0, SEEK_SET), 0);
	ck_assert_fails(entry_stream_run(s.fd, &sink, &observer, &s.err), &s.err,
			ERR_INTERRUPTED, "");
	ck_assert_uint_eq(log.text.len, 0);
	entry_stream_done(&s);
}

END_TEST

START_TEST(a_writer_without_room_says_so)
{
	const struct entry e = entry_lent(ENTRY_FILE, "common/f", NULL);
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(entry_writer_freep) struct entry_writer *w = NULL;
	_cleanup_close_ int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct unpack_sink sink;

	ck_assert_int_ge(full, 0);
	ck_assert_ok(entry_writer_new(full, &w, &err), &err);
	sink = entry_writer_sink(w);
	ck_assert_ok(sink.entry(sink.ctx, &e, &err), &err);
	ck_assert_fails(sink.finish(sink.ctx, &err), &err, ERR_NO_SPACE,
			"cannot hand on an entry");
}

END_TEST

START_TEST(an_entry_too_large_for_a_frame_is_not_sent)
{
	const size_t n = ((size_t)24 << 20) / 16;
	struct entry e = entry_lent(ENTRY_FILE, "common/f", NULL);
	struct entry_extent *extents = calloc(n, sizeof(*extents));
	struct entry_stream s;

	ck_assert_ptr_nonnull(extents);
	entry_stream_begin(&s);
	e.extents = extents;
	e.n_extents = n;
	ck_assert_fails(s.sink.entry(s.sink.ctx, &e, &s.err), &s.err, ERR_UNSUPPORTED,
			"\"common/f\" has too many extents");
	free(extents);
	entry_stream_done(&s);
}

END_TEST

#ifdef ENABLE_FAULTS

/* Lets each point in turn fail; what succeeds all the same has to be all of it. */
static void fail_all(enum fault_class points, enum fault_action action, int errnum,
		     const char *want)
{
	struct entry_stream s;

	entry_stream_begin(&s);
	send_everything(&s.sink, &s.err);
	for (uint64_t n = 1;; n++) {
		struct entry_log log = { .text = BUF_INIT };
		const struct unpack_sink sink = entry_log_sink(&log);
		int r;

		/* The log needs memory too, which must not be what fails. */
		ck_assert(buf_reserve(&log.text, 65536, &s.err));
		ck_assert_int_eq(lseek(s.fd, 0, SEEK_SET), 0);
		fault_arm(&(struct fault_plan){ points, action, n, errnum });
		r = entry_stream_run(s.fd, &sink, NULL, &s.err);
		if (!fault_disarm()) {
			ck_assert_ok(r, &s.err);
			ck_assert_uint_gt(n, 1);
			buf_done(&log.text);
			break;
		}
		ck_assert_int_eq(r < 0, s.err.kind != ERR_NONE);
		if (r == 0)
			ck_assert_str_eq(log.text.data, want);
		else if (points == FAULT_ALLOC)
			ck_assert_int_eq(s.err.kind, ERR_NOMEM);
		else
			ck_assert_int_eq(s.err.sys_errno, errnum);
		err_clear(&s.err);
		buf_done(&log.text);
	}
	entry_stream_done(&s);
}

START_TEST(every_call_of_a_reader_may_fail)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct entry_log want = { .text = BUF_INIT };
	const struct unpack_sink direct = entry_log_sink(&want);

	send_everything(&direct, &err);
	fail_all(FAULT_ALLOC, FAULT_ONCE, 0, want.text.data);
	fail_all(FAULT_CALL, FAULT_ONCE, EIO, want.text.data);
	fail_all(FAULT_CALL, FAULT_ONCE, EINTR, want.text.data);
	fail_all(FAULT_CALL, FAULT_SHORT, 0, want.text.data);
	buf_done(&want.text);
}

END_TEST

#endif

Suite *suite_entry_stream(void)
{
	Suite *s = suite_create("entry_stream");
	TCase *tc = support_tcase(s, "right");

	tcase_add_test(tc, everything_arrives_as_it_was_sent);
	tcase_add_test(tc, data_of_any_length_arrive);
	tcase_add_test(tc, a_tree_that_is_handed_on_is_the_same);
	tcase_add_test(tc, a_tree_that_is_handed_on_is_the_same_as_a_user);

	tc = support_tcase(s, "cut");
	tcase_add_test(tc, a_stream_that_just_ends_was_interrupted);
	tcase_add_test(tc, a_stream_that_ends_in_much_data_was_interrupted);

	tc = support_tcase(s, "failures");
	tcase_add_test(tc, what_the_sink_says_is_passed_on);
	tcase_add_test(tc, reading_can_be_cancelled);
	tcase_add_test(tc, a_writer_without_room_says_so);
	tcase_add_test(tc, an_entry_too_large_for_a_frame_is_not_sent);
#ifdef ENABLE_FAULTS
	tcase_add_test(tc, every_call_of_a_reader_may_fail);
#endif
	return s;
}
