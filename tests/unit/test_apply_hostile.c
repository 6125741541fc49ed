/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/apply.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

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
	ck_assert_ok(apply_new(&d->target, 1, flags, d->owners, &d->notes.report, &d->a,
			       &d->err),
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

START_TEST(apply_writes_through_no_link_to_a_file)
{
	struct direct d;

	direct_begin(&d, 0);
	assert_put(put(&d, ENTRY_SYMLINK, "common/l", "../outside/secret"));
	assert_refused(put_file(&d, "common/l", 6), "comes twice");
	/* A hard link to a link is one more such link; nothing can be written to it. */
	assert_put(put(&d, ENTRY_HARDLINK, "common/h", "common/l"));
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
	assert_put(put(&d, ENTRY_FIFO, "common/p", NULL));
	assert_refused(put(&d, ENTRY_HARDLINK, "common/h", "common/nothing"),
		       "names no earlier file");
	assert_refused(put(&d, ENTRY_HARDLINK, "common/h", "common/d/nothing"),
		       "names no earlier file");
	assert_refused(put(&d, ENTRY_HARDLINK, "common/h", "common/x/nothing"),
		       "No such file");
	assert_refused(put(&d, ENTRY_HARDLINK, "common/h", "common/d"),
		       "no regular file");
	assert_refused(put(&d, ENTRY_HARDLINK, "common/h", "common/p"),
		       "no regular file");
	assert_refused(put(&d, ENTRY_HARDLINK, "common/h", "common"), "no earlier file");
	assert_refused(put(&d, ENTRY_HARDLINK, "common/h", "common/h"),
		       "no earlier file");
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
	ck_assert_int_lt(st.st_blocks, 100);
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
	ck_assert_ok(apply_new(&target, 1, 0, owners, &report, &a, &err), &err);
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

Suite *suite_apply_hostile(void)
{
	Suite *s = suite_create("apply_hostile");
	TCase *tc = support_tcase(s, "entries");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, apply_refuses_illegal_paths);
	tcase_add_test(tc, apply_writes_through_no_link);
	tcase_add_test(tc, apply_writes_through_no_link_to_a_file);
	tcase_add_test(tc, apply_links_only_what_it_made);
	tcase_add_test(tc, apply_takes_no_data_beyond_a_file);
	tcase_add_test(tc, apply_takes_no_short_file_at_the_end);
	tcase_add_test(tc, apply_takes_sparse_data_in_rising_order_only);
	tcase_add_test(tc, apply_needs_directories_first);
	tcase_add_test(tc, apply_refuses_values_out_of_range);
	tcase_add_test(tc, apply_takes_nothing_below_a_target_that_is_a_file);
	tcase_add_test(tc, apply_does_not_open_what_it_makes);
	tcase_add_test(tc, apply_survives_mutations);
	return s;
}
