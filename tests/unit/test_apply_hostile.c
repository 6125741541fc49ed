/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "tests/unit/support.h"
#include "tests/unit/support_tar.h"

/* Entries as a parser that was taken over would send them: past all that unpack
 * checks. */
struct direct {
	struct apply_target target;
	struct apply_notes notes;
	struct owners *owners;
	struct apply *a;
	struct unpack_sink sink;
	struct err err;
};

static void direct_begin(struct direct *d, unsigned flags)
{
	int fd;

	support_mkdir(support_dirfd(), "out", 0700);
	support_mkdir(support_dirfd(), "outside", 0700);
	support_file(support_dirfd(), "outside/secret", 0600, "secret");
	fd = openat(support_dirfd(), "out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	*d = (struct direct){ .target = { .path = "common", .fd = fd }, .err = ERR_INIT };
	apply_notes_init(&d->notes);
	d->owners = support_owners();
	ck_assert_ok(apply_new(&d->target, 1, flags, 3, d->owners, &d->notes.report,
			       &d->a, &d->err),
		     &d->err);
	d->sink = apply_sink(d->a);
}

/* Nothing outside may have changed. */
static void direct_end(struct direct *d)
{
	char *secret = support_read(support_dirfd(), "outside/secret", NULL);

	ck_assert_str_eq(secret, "secret");
	free(secret);
	ck_assert_uint_eq(support_count(support_dirfd(), "outside"), 1);
	ck_assert_uint_eq(support_count(support_dirfd(), "."), 2);
	apply_free(d->a);
	owners_free(d->owners);
	apply_notes_done(&d->notes);
	close(d->target.fd);
	err_clear(&d->err);
}

static struct entry make(enum entry_type type, const char *path, const char *target)
{
	struct entry e = {
		.type = type, .mode = 0755, .uid = geteuid(), .gid = getegid()
	};

	/* Lent: nothing here is freed. */
	e.path = (char *)(uintptr_t)path;
	e.target = (char *)(uintptr_t)target;
	return e;
}

static int put(struct direct *d, enum entry_type type, const char *path,
	       const char *target)
{
	const struct entry e = make(type, path, target);

	return d->sink.entry(d->sink.ctx, &e, &d->err);
}

static int put_file(struct direct *d, const char *path, uint64_t size)
{
	struct entry e = make(ENTRY_FILE, path, NULL);

	e.size = e.stored = size;
	return d->sink.entry(d->sink.ctx, &e, &d->err);
}

static int put_data(struct direct *d, uint64_t offset, const char *text)
{
	return d->sink.data(d->sink.ctx, offset, text, strlen(text), &d->err);
}

#define assert_put(call)           ck_assert_ok(call, &d.err)
#define assert_refused(call, part) ck_assert_fails(call, &d.err, ERR_CORRUPT, part)

START_TEST(apply_refuses_illegal_paths)
{
	static const char *const paths[] = { "",         "..",          "../out2",
					     "/tmp/x",   "common/../x", "common//x",
					     "common/.", "common/" };
	struct direct d;

	direct_begin(&d, 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		assert_refused(put(&d, ENTRY_DIR, paths[i], NULL), "illegal path");
		assert_refused(put(&d, ENTRY_HARDLINK, "common/h", paths[i]),
			       "illegal target");
	}
	assert_refused(put(&d, ENTRY_SYMLINK, "common/l", ""), "illegal target");
	assert_refused(put(&d, ENTRY_SYMLINK, "common/l", NULL), "illegal target");
	assert_refused(put(&d, ENTRY_HARDLINK, "common/l", NULL), "illegal target");
	direct_end(&d);
}

END_TEST

START_TEST(apply_writes_through_no_link)
{
	struct direct d;

	direct_begin(&d, 0);
	assert_put(put(&d, ENTRY_SYMLINK, "common/l", "../outside"));
	assert_refused(put_file(&d, "common/l/new", 0), "Not a directory");
	assert_refused(put(&d, ENTRY_DIR, "common/l/new", NULL), "Not a directory");
	assert_refused(put(&d, ENTRY_SYMLINK, "common/l/new", "x"), "Not a directory");
	assert_refused(put(&d, ENTRY_FIFO, "common/l/new", NULL), "Not a directory");
	assert_refused(put(&d, ENTRY_HARDLINK, "common/h", "common/l/secret"),
		       "Not a directory");
	assert_refused(put_file(&d, "common/l", 0), "comes twice");
	assert_refused(put(&d, ENTRY_DIR, "common/l", NULL), "comes twice");
	ck_assert_uint_eq(support_count(d.target.fd, "."), 1);
	direct_end(&d);
}

END_TEST

/* Two names are one file. */
static void assert_same(const struct direct *d, const char *a, const char *b)
{
	struct stat x, y;

	ck_assert_int_eq(fstatat(d->target.fd, a, &x, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert_int_eq(fstatat(d->target.fd, b, &y, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert_uint_eq(x.st_ino, y.st_ino);
	ck_assert_uint_eq(x.st_nlink, 2);
}

START_TEST(apply_writes_through_no_link_to_a_file)
{
	struct direct d;

	direct_begin(&d, 0);
	assert_put(put(&d, ENTRY_SYMLINK, "common/l", "../outside/secret"));
	assert_refused(put_file(&d, "common/l", 6), "comes twice");
	/* A hard link to a link is one more name of that; nothing
	 * can be written to it. */
	assert_put(put(&d, ENTRY_HARDLINK, "common/h", "common/l"));
	assert_same(&d, "h", "l");
	assert_refused(put_data(&d, 0, "gotcha"), "data without a file");
	assert_refused(put_file(&d, "common/h", 6), "comes twice");
	direct_end(&d);
}

END_TEST

START_TEST(apply_links_only_what_it_made)
{
	struct direct d;

	direct_begin(&d, 0);
	assert_put(put(&d, ENTRY_DIR, "common/d", NULL));
	assert_refused(put(&d, ENTRY_HARDLINK, "common/h", "common/nothing"),
		       "names no earlier file");
	assert_refused(put(&d, ENTRY_HARDLINK, "common/h", "common/d/nothing"),
		       "names no earlier file");
	assert_refused(put(&d, ENTRY_HARDLINK, "common/h", "common/x/nothing"),
		       "No such file");
	assert_refused(put(&d, ENTRY_HARDLINK, "common/h", "common/d"),
		       "names \"common/d\", which is a directory");
	assert_refused(put(&d, ENTRY_HARDLINK, "common/h", "common"), "no earlier file");
	assert_refused(put(&d, ENTRY_HARDLINK, "common/h", "common/h"),
		       "no earlier file");
	ck_assert_uint_eq(support_count(d.target.fd, "."), 1);
	direct_end(&d);
}

END_TEST

/* A hard link whose entry says other things of its target than the target's own. */
static struct entry other_link(const char *path, const char *target)
{
	struct entry e = make(ENTRY_HARDLINK, path, target);

	e.mode = 04777;
	e.mtime.tv_sec = 1;
	if (geteuid() == 0)
		e.uid = e.gid = 1;
	return e;
}

START_TEST(apply_gives_links_no_attributes_of_their_own)
{
	static const char *const names[] = { "common/f", "common/l", "common/p",
					     "common/out" };
	struct stat before[4], after, secret[2];
	struct direct d;

	direct_begin(&d, APPLY_OWNERS | APPLY_TRUSTED);
	assert_put(put_file(&d, names[0], 0));
	assert_put(put(&d, ENTRY_SYMLINK, names[1], "f"));
	assert_put(put(&d, ENTRY_FIFO, names[2], NULL));
	assert_put(put(&d, ENTRY_SYMLINK, names[3], "../outside/secret"));
	ck_assert_int_eq(fstatat(support_dirfd(), "outside/secret", &secret[0], 0), 0);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(fstatat(d.target.fd, names[i] + 7, &before[i],
					 AT_SYMLINK_NOFOLLOW),
				 0);
	for (size_t i = 0; i < 4; i++) {
		_cleanup_free_ char *path = NULL;
		struct entry e;

		ck_assert_int_ge(asprintf(&path, "%s-too", names[i]), 0);
		e = other_link(path, names[i]);
		assert_put(d.sink.entry(d.sink.ctx, &e, &d.err));
		assert_same(&d, names[i] + 7, path + 7);
		ck_assert_int_eq(
			fstatat(d.target.fd, names[i] + 7, &after, AT_SYMLINK_NOFOLLOW),
			0);
		ck_assert_uint_eq(after.st_mode, before[i].st_mode);
		ck_assert_uint_eq(after.st_uid, before[i].st_uid);
		ck_assert_uint_eq(after.st_gid, before[i].st_gid);
		ck_assert_int_eq(after.st_mtim.tv_sec, before[i].st_mtim.tv_sec);
	}
	ck_assert_int_eq(fstatat(support_dirfd(), "outside/secret", &secret[1], 0), 0);
	ck_assert_uint_eq(secret[1].st_nlink, 1);
	ck_assert_uint_eq(secret[1].st_mode, secret[0].st_mode);
	ck_assert_uint_eq(secret[1].st_uid, secret[0].st_uid);
	ck_assert_int_eq(secret[1].st_ctim.tv_nsec, secret[0].st_ctim.tv_nsec);
	ck_assert_uint_eq(d.notes.text.len, 0);
	direct_end(&d);
}

END_TEST

START_TEST(apply_links_devices_that_it_made)
{
	struct direct d;

	if (!support_need_root())
		return;
	direct_begin(&d, APPLY_OWNERS | APPLY_TRUSTED);
	assert_put(put(&d, ENTRY_CHAR, "common/c", NULL));
	if (!support_exists(d.target.fd, "c")) {
		support_skip("no device may be made here");
	} else {
		assert_put(put(&d, ENTRY_BLOCK, "common/b", NULL));
		assert_put(put(&d, ENTRY_HARDLINK, "common/c2", "common/c"));
		assert_put(put(&d, ENTRY_HARDLINK, "common/b2", "common/b"));
		assert_same(&d, "c", "c2");
		assert_same(&d, "b", "b2");
	}
	direct_end(&d);
}

END_TEST

START_TEST(apply_leaves_out_links_to_devices_that_it_left_out)
{
	struct direct d;

	direct_begin(&d, 0);
	assert_put(put(&d, ENTRY_CHAR, "common/c", NULL));
	assert_put(put(&d, ENTRY_HARDLINK, "common/c2", "common/c"));
	ck_assert(apply_notes_have(&d.notes, "common/c: device left out"));
	ck_assert(apply_notes_have(&d.notes, "common/c2: left out: a link to"));
	ck_assert_uint_eq(support_count(d.target.fd, "."), 0);
	direct_end(&d);
}

END_TEST

START_TEST(apply_takes_no_data_beyond_a_file)
{
	struct direct d;

	direct_begin(&d, 0);
	assert_refused(put_data(&d, 0, "x"), "data without a file");
	assert_put(put_file(&d, "common/f", 4));
	assert_refused(put_data(&d, 0, "12345"), "lie outside");
	assert_refused(put_data(&d, 1, "123"), "lie outside");
	assert_refused(put_data(&d, UINT64_MAX - 1, "123"), "lie outside");
	assert_put(put_data(&d, 0, "12"));
	assert_refused(put_data(&d, 0, "12"), "lie outside");
	assert_refused(put(&d, ENTRY_DIR, "common/d", NULL), "has 2 bytes instead of 4");
	direct_end(&d);
}

END_TEST

START_TEST(apply_takes_no_short_file_at_the_end)
{
	struct direct d;

	direct_begin(&d, 0);
	assert_put(put_file(&d, "common/f", 4));
	assert_refused(d.sink.finish(d.sink.ctx, &d.err), "has 0 bytes instead of 4");
	direct_end(&d);
}

END_TEST

START_TEST(apply_takes_sparse_data_in_rising_order_only)
{
	struct entry e = make(ENTRY_FILE, "common/s", NULL);
	struct direct d;
	struct stat st;

	e.size = 1 << 20;
	e.sparse = true;
	direct_begin(&d, 0);
	assert_put(d.sink.entry(d.sink.ctx, &e, &d.err));
	assert_put(put_data(&d, 4096, "ab"));
	assert_refused(put_data(&d, 4097, "ab"), "lie outside");
	assert_refused(put_data(&d, (1 << 20) - 1, "ab"), "lie outside");
	assert_put(put_data(&d, 8192, "cd"));
	assert_put(d.sink.finish(d.sink.ctx, &d.err));
	ck_assert_int_eq(fstatat(d.target.fd, "s", &st, 0), 0);
	ck_assert_int_eq(st.st_size, 1 << 20);
	ck_assert_int_lt(st.st_blocks, st.st_size / 512 / 2);
	direct_end(&d);
}

END_TEST

START_TEST(apply_needs_directories_first)
{
	struct direct d;

	direct_begin(&d, 0);
	assert_refused(put_file(&d, "common/d/f", 0), "No such file");
	assert_put(put_file(&d, "common/d", 0));
	assert_refused(put_file(&d, "common/d/f", 0), "Not a directory");
	assert_refused(put(&d, ENTRY_DIR, "common/d", NULL), "comes twice");
	assert_refused(put_file(&d, "common", 0), "not a directory");
	assert_put(put(&d, ENTRY_DIR, "common", NULL));
	assert_refused(put(&d, ENTRY_DIR, "common", NULL), "comes twice");
	direct_end(&d);
}

END_TEST

START_TEST(apply_refuses_values_out_of_range)
{
	struct entry e = make(ENTRY_FILE, "common/f", NULL);
	struct direct d;

	direct_begin(&d, 0);
	e.mtime.tv_nsec = 1000000000;
	assert_refused(d.sink.entry(d.sink.ctx, &e, &d.err), "out of range");
	e.mtime.tv_nsec = UTIME_OMIT;
	assert_refused(d.sink.entry(d.sink.ctx, &e, &d.err), "out of range");
	e.mtime.tv_nsec = 0;
	e.size = ENTRY_SIZE_MAX + 1;
	assert_refused(d.sink.entry(d.sink.ctx, &e, &d.err), "out of range");
	direct_end(&d);
}

END_TEST

START_TEST(apply_takes_nothing_below_a_target_that_is_a_file)
{
	struct apply_target target = { .path = "common/f", .is_file = true };
	static const struct apply_report report = { NULL, NULL };
	_cleanup_(owners_freep) struct owners *owners = support_owners();
	_cleanup_(apply_freep) struct apply *a = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;

	static const enum entry_type types[] = { ENTRY_DIR, ENTRY_SYMLINK, ENTRY_FIFO };
	struct unpack_sink sink;
	struct entry e = make(ENTRY_FILE, "common/f/x", NULL);

	target.fd = openat(support_dirfd(), "f", O_RDWR | O_CREAT | O_EXCL, 0600);
	ck_assert_ok(apply_new(&target, 1, 0, 3, owners, &report, &a, &err), &err);
	sink = apply_sink(a);
	ck_assert_fails(sink.entry(sink.ctx, &e, &err), &err, ERR_CORRUPT,
			"below what is no directory");
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		e = make(types[i], "common/f", "x");
		ck_assert_fails(sink.entry(sink.ctx, &e, &err), &err, ERR_CORRUPT,
				"not a file");
	}
	e = make(ENTRY_FILE, "common/f", NULL);
	ck_assert_ok(sink.entry(sink.ctx, &e, &err), &err);
	ck_assert_fails(sink.entry(sink.ctx, &e, &err), &err, ERR_CORRUPT, "comes twice");
	close(target.fd);
}

END_TEST

START_TEST(apply_does_not_open_what_it_makes)
{
	struct direct d;
	struct stat st;

	/* Opening a FIFO would wait for ever. */
	direct_begin(&d, 0);
	assert_put(put(&d, ENTRY_FIFO, "common/p", NULL));
	assert_put(d.sink.finish(d.sink.ctx, &d.err));
	ck_assert_int_eq(fstatat(d.target.fd, "p", &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert(S_ISFIFO(st.st_mode) && (st.st_mode & 07777) == 0755);
	direct_end(&d);
}

END_TEST

/* Whole streams, mutated, as root or not: nothing outside is ever touched. */
START_TEST(apply_survives_mutations)
{
	_cleanup_(tar_bytes_done) struct tar_bytes good = TAR_BYTES;
	uint64_t seed = 7;
	unsigned made = 0;

	support_mkdir(support_dirfd(), "outside", 0700);
	support_file(support_dirfd(), "outside/secret", 0600, "secret");
	tar_dir(&good, "common");
	tar_dir(&good, "common/d");
	tar_file(&good, "common/d/f", "text");
	tar_add(&good, (struct tar_item){
			       .name = "common/l", .type = '2', .link = "../outside" });
	tar_add(&good, (struct tar_item){
			       .name = "common/h", .type = '1', .link = "common/d/f" });
	tar_add(&good, (struct tar_item){ .name = "common/p", .type = '6' });
	tar_end(&good);
	for (int i = 0; i < 1500; i++) {
		static const char alphabet[] = "./ldfhp0125603common\0\0";
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
		_cleanup_(err_clear) struct err err = ERR_INIT;
		struct apply_notes notes;
		int fd;

		support_mkdir(support_dirfd(), "out", 0700);
		fd = openat(support_dirfd(), "out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		tar_data(&t, good.buf.data, good.buf.len);
		for (int k = 0; k < 3; k++) {
			char *block;

			seed = seed * 6364136223846793005u + 1442695040888963407u;
			block = t.buf.data + (seed >> 33) % 6 * 512;
			/* In the name, the type or the link. */
			block[(seed >> 40) % 3 == 0   ? (seed >> 45) % 12
			      : (seed >> 40) % 3 == 1 ? 156
						      : 157 + (seed >> 45) % 12] =
				alphabet[(seed >> 50) % sizeof(alphabet)];
			tar_checksum(block);
		}
		apply_notes_init(&notes);
		made += support_unpack(tar_bytes_source, &t, "common", fd, 0, &notes,
				       &err) == 0;
		apply_notes_done(&notes);
		close(fd);
		ck_assert_uint_eq(support_count(support_dirfd(), "outside"), 1);
		ck_assert_uint_eq(support_count(support_dirfd(), "."), 2);
		support_remove_tree(support_dirfd(), "out");
	}
	ck_assert_uint_gt(made, 50);
}

END_TEST

#ifdef ENABLE_FAULTS

/* A stream in which every kind of object and attribute comes. */
static void build_all(struct tar_bytes *t)
{
	tar_add(t, (struct tar_item){ .name = "common", .type = '5', .mode = 0750 });
	tar_pax(t, 'x', "SCHILY.xattr.user.x", "y", "SCHILY.acl.access",
		"user::rw-,user:5:r--:5,group::r--,mask::r--,other::---", "mtime", "1.5",
		NULL);
	tar_file(t, "common/f", "0123456789");
	tar_pax(t, 'x', "SCHILY.acl.default",
		"user::rwx,user:5:r--:5,group::r--,mask::r--,other::---", NULL);
	tar_add(t, (struct tar_item){ .name = "common/d", .type = '5', .mode = 02550 });
	tar_add(t, (struct tar_item){
			   .name = "common/d/l", .type = '2', .link = "../f", .uid = 5 });
	tar_add(t, (struct tar_item){
			   .name = "common/d/h", .type = '1', .link = "common/f" });
	tar_add(t, (struct tar_item){ .name = "common/p", .type = '6', .gid = 6 });
	tar_add(t, (struct tar_item){ .name = "common/d/late",
				      .type = '0',
				      .mode = 04755,
				      .uid = 5,
				      .data = "late" });
	tar_add(t, (struct tar_item){
			   .name = "common/n", .type = '3', .major = 1, .minor = 3 });
	tar_pax(t, 'x', "GNU.sparse.size", "100000", "GNU.sparse.numblocks", "1",
		"GNU.sparse.map", "4096,5", NULL);
	tar_file(t, "common/s", "12345");
	tar_add(t, (struct tar_item){
			   .name = "common/hl", .type = '1', .link = "common/d/l" });
	tar_add(t, (struct tar_item){
			   .name = "common/hp", .type = '1', .link = "common/p" });
	tar_add(t, (struct tar_item){
			   .name = "common/hn", .type = '1', .link = "common/n" });
	tar_end(t);
}

/* Unpacks once, with the plan armed if there is one; false if the plan did not strike. */
static bool unpack_with(struct tar_bytes *t, const struct fault_plan *plan, int good)
{
	const unsigned flags = APPLY_OWNERS | APPLY_TRUSTED;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	bool struck;
	int fd, r;

	support_mkdir(support_dirfd(), "out", 0700);
	fd = openat(support_dirfd(), "out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	apply_notes_init(&notes);
	tar_bytes_rewind(t, 700);
	fault_arm(plan);
	r = support_unpack(tar_bytes_source, t, "common", fd, flags, &notes, &err);
	struck = fault_disarm();
	ck_assert_msg((r < 0) == (err.kind != ERR_NONE), "%d, %s", r, err_message(&err));
	if (r < 0 && plan->points == FAULT_ALLOC)
		ck_assert_int_eq(err.kind, ERR_NOMEM);
	if (r < 0 && plan->errnum == ENOSPC && plan->action == FAULT_ONCE)
		ck_assert_int_eq(err.kind, ERR_NO_SPACE);
	/* Whole, or what is missing was said. */
	if (r == 0 && notes.text.len == 0) {
		char *why = NULL;

		ck_assert_msg(support_tree_equal(good, fd, &why), "%s", why);
	}
	apply_notes_done(&notes);
	close(fd);
	support_remove_tree(support_dirfd(), "out");
	return struck;
}

START_TEST(apply_survives_every_failing_call)
{
	static const struct fault_plan plans[] = {
		{ FAULT_ALLOC, FAULT_ONCE, 0, 0 },
		{ FAULT_CALL, FAULT_ONCE, 0, EIO },
		{ FAULT_CALL, FAULT_ONCE, 0, ENOSPC },
		{ FAULT_CALL, FAULT_ONCE, 0, EACCES },
		{ FAULT_CALL, FAULT_FROM, 0, EIO },
		{ FAULT_CALL, FAULT_SHORT, 0, 0 },
	};
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	int good;

	if (!support_need_root())
		return;
	build_all(&t);
	support_mkdir(support_dirfd(), "good", 0700);
	good = openat(support_dirfd(), "good", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	apply_notes_init(&notes);
	ck_assert_ok(support_unpack(tar_bytes_source, &t, "common", good,
				    APPLY_OWNERS | APPLY_TRUSTED, &notes, &err),
		     &err);
	ck_assert_msg(!notes.text.len, "%s", notes.text.data);
	apply_notes_done(&notes);
	for (size_t i = 0; i < sizeof(plans) / sizeof(*plans); i++) {
		struct fault_plan plan = plans[i];

		do {
			plan.nth++;
		} while (unpack_with(&t, &plan, good));
		ck_assert_uint_gt(plan.nth, plan.action == FAULT_SHORT ? 1 : 20);
	}
	close(good);
}

END_TEST

#endif

Suite *suite_apply_hostile(void)
{
	Suite *s = suite_create("apply_hostile");
	TCase *tc = support_tcase(s, "entries");

	tcase_add_test(tc, apply_refuses_illegal_paths);
	tcase_add_test(tc, apply_writes_through_no_link);
	tcase_add_test(tc, apply_writes_through_no_link_to_a_file);
	tcase_add_test(tc, apply_links_only_what_it_made);
	tcase_add_test(tc, apply_gives_links_no_attributes_of_their_own);
	tcase_add_test(tc, apply_links_devices_that_it_made);
	tcase_add_test(tc, apply_leaves_out_links_to_devices_that_it_left_out);
	tcase_add_test(tc, apply_takes_no_data_beyond_a_file);
	tcase_add_test(tc, apply_takes_no_short_file_at_the_end);
	tcase_add_test(tc, apply_takes_sparse_data_in_rising_order_only);
	tcase_add_test(tc, apply_needs_directories_first);
	tcase_add_test(tc, apply_refuses_values_out_of_range);
	tcase_add_test(tc, apply_takes_nothing_below_a_target_that_is_a_file);
	tcase_add_test(tc, apply_does_not_open_what_it_makes);
	tcase_add_test(tc, apply_survives_mutations);
#ifdef ENABLE_FAULTS
	tc = support_tcase(s, "faults");
	tcase_add_test(tc, apply_survives_every_failing_call);
#endif
	return s;
}
