/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/fingerprint.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "backend/tree/pack.h"
#include "tests/unit/support.h"

struct print {
	uint8_t digest[FINGERPRINT_SIZE];
};

/* What the tree "t" looks like, as an estimate sees it. */
static struct print print_with(const struct pack_options *options)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd = -1;
	struct pack_tree tree = { .path = "common/tree" };
	struct pack_counts counts;
	struct print p;

	fd = open(support_path("t"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	tree.fd = fd;
	ck_assert_ok(pack_estimate(&tree, 1, options, NULL, NULL, &counts, &err), &err);
	memcpy(p.digest, counts.fingerprint.digest, sizeof(p.digest));
	return p;
}

static struct print print(void)
{
	return print_with(&(struct pack_options){ .exclude = NULL });
}

static bool is_same(struct print a, struct print b)
{
	return memcmp(a.digest, b.digest, sizeof(a.digest)) == 0;
}

/* Until what is changed now gets another time than what was changed before. */
static void tick(void)
{
	struct timespec before, now;

	clock_gettime(CLOCK_REALTIME_COARSE, &before);
	do
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	while (now.tv_sec == before.tv_sec && now.tv_nsec == before.tv_nsec);
}

static void make_tree(void)
{
	support_file(support_dirfd(), "t/file", 0644, "content");
	support_file(support_dirfd(), "t/other", 0644, "other");
	support_symlink(support_dirfd(), "t/link", "file");
	support_mkdir(support_dirfd(), "t/dir", 0755);
	tick();
}

/* Gives a file its time back, as some copying programs do. */
static void put_mtime(const char *path, const struct stat *st)
{
	const struct timespec times[] = { st->st_atim, st->st_mtim };

	ck_assert_int_eq(utimensat(support_dirfd(), path, times, 0), 0);
}

START_TEST(fingerprint_of_an_unchanged_tree_stays)
{
	struct print first;

	make_tree();
	first = print();
	tick();
	close(open(support_path("t/file"), O_RDONLY | O_CLOEXEC));
	ck_assert(is_same(first, print()));
}

END_TEST

START_TEST(fingerprint_tells_every_change)
{
	struct print before;
	struct stat st;

	make_tree();
	before = print();
#define CHANGES(what)                                                                    \
 do {                                                                                    \
  struct print after_;                                                                   \
  what;                                                                                  \
  after_ = print();                                                                      \
  ck_assert_msg(!is_same(before, after_), "%s", #what);                                  \
  before = after_;                                                                       \
  tick();                                                                                \
 } while (0)
	CHANGES(support_file(support_dirfd(), "t/file", 0644, "CONTENT"));
	ck_assert_int_eq(fstatat(support_dirfd(), "t/file", &st, 0), 0);
	CHANGES(support_file(support_dirfd(), "t/file", 0644, "cOnTeNt");
		put_mtime("t/file", &st));
	CHANGES(ck_assert_int_eq(utimensat(support_dirfd(), "t/file", NULL, 0), 0));
	CHANGES(ck_assert_int_eq(chmod(support_path("t/file"), 0600), 0));
	CHANGES(ck_assert_int_eq(chmod(support_path("t/file"), 0600), 0));
	CHANGES(support_file(support_dirfd(), "t/new", 0644, "new"));
	CHANGES(support_link(support_dirfd(), "t/second", "t/new"));
	CHANGES(ck_assert_int_eq(unlink(support_path("t/second")), 0));
	CHANGES(ck_assert_int_eq(
		renameat(support_dirfd(), "t/new", support_dirfd(), "t/newer"), 0));
	CHANGES(ck_assert_int_eq(
		renameat(support_dirfd(), "t/newer", support_dirfd(), "t/dir/newer"), 0));
	CHANGES(ck_assert_int_eq(unlink(support_path("t/dir/newer")), 0));
	CHANGES(ck_assert_int_eq(chmod(support_path("t/dir"), 0700), 0));
	CHANGES(ck_assert_int_eq(truncate(support_path("t/other"), 2), 0));
	CHANGES(ck_assert_int_eq(unlink(support_path("t/link")), 0);
		support_symlink(support_dirfd(), "t/link", "fil2"));
	CHANGES(ck_assert_int_eq(rmdir(support_path("t/dir")), 0));
#undef CHANGES
}

END_TEST

START_TEST(fingerprint_tells_a_change_of_attributes)
{
	struct print before;

	make_tree();
	before = print();
	if (setxattr(support_path("t/file"), "user.colour", "red", 3, 0) < 0) {
		support_skip("no extended attributes here");
		return;
	}
	ck_assert(!is_same(before, print()));
	tick();
	before = print();
	/* As long as it was. */
	ck_assert_int_eq(setxattr(support_path("t/file"), "user.colour", "tan", 3, 0), 0);
	ck_assert(!is_same(before, print()));
}

END_TEST

START_TEST(fingerprint_tells_a_change_of_owner)
{
	struct print before;

	if (!support_need_root())
		return;
	make_tree();
	before = print();
	ck_assert_int_eq(chown(support_path("t/file"), 1, 0), 0);
	ck_assert(!is_same(before, print()));
}

END_TEST

START_TEST(fingerprint_does_not_see_what_is_left_out)
{
	_cleanup_(exclude_freep) struct exclude *exclude = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	static const char *const names[] = { "aside" };
	struct pack_options options = { .aside_names = names, .n_aside_names = 1 };
	struct print all, some;

	make_tree();
	support_file(support_dirfd(), "t/dir/f", 0644, "1");
	support_mkdir(support_dirfd(), "t/aside", 0755);
	ck_assert_ok(exclude_new(&exclude, &err), &err);
	ck_assert_ok(exclude_add_below(exclude, "common/tree", "dir/", &err), &err);
	options.exclude = exclude;
	all = print();
	some = print_with(&options);
	ck_assert(!is_same(all, some));
	tick();
	support_file(support_dirfd(), "t/dir/f", 0644, "2");
	support_file(support_dirfd(), "t/aside/g", 0644, "3");
	ck_assert(!is_same(all, print()));
	ck_assert(is_same(some, print_with(&options)));
}

END_TEST

/* The fingerprint of so many texts. */
static struct print print_of_texts(const char *const *texts, size_t n)
{
	_cleanup_(fingerprint_freep) struct fingerprint *f = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct fingerprint_value value;
	struct print p;

	ck_assert_ok(fingerprint_new(NULL, &f, &err), &err);
	for (size_t i = 0; i < n; i++)
		ck_assert_ok(fingerprint_add_text(f, texts[i], &err), &err);
	ck_assert_ok(fingerprint_final(f, &value, &err), &err);
	memcpy(p.digest, value.digest, sizeof(p.digest));
	return p;
}

START_TEST(fingerprint_keeps_its_parts_apart)
{
	static const char *const lists[][2] = {
		{ "ab", "c" }, { "a", "bc" },   { "abc", "" },
		{ "", "abc" }, { "abc", NULL },
	};

	enum {
		N = sizeof(lists) / sizeof(lists[0])
	};
	struct print prints[N];

	for (size_t i = 0; i < N; i++) {
		prints[i] = print_of_texts(lists[i], 2);
		for (size_t k = 0; k < i; k++)
			ck_assert_msg(!is_same(prints[i], prints[k]), "%zu and %zu", i,
				      k);
	}
	ck_assert(is_same(prints[1], print_of_texts(lists[1], 2)));
}

END_TEST

START_TEST(age_is_counted_in_whole_seconds)
{
	static const struct timespec begun = { 1000, 500 };

	static const struct {
		struct timespec newest;
		uint64_t age;
	} cases[] = {
		{ { 0, 0 }, 1000 },   { { 998, 499 }, 2 },     { { 998, 500 }, 2 },
		{ { 998, 501 }, 1 },  { { 999, 0 }, 1 },       { { 999, 501 }, 0 },
		{ { 1000, 500 }, 0 }, { { 1000, 501 }, 0 },    { { 5000, 0 }, 0 },
		{ { -5, 0 }, 1005 },  { { INT64_MIN, 0 }, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(fingerprint_age(&cases[i].newest, &begun) == cases[i].age,
			      "case %zu", i);
}

END_TEST

START_TEST(settled_is_what_is_old_enough_and_no_clock_can_hide)
{
	static const struct {
		uint64_t age;
		int64_t settle;
		bool settled;
	} cases[] = {
		{ 42, 42, true },
		{ 41, 42, false },
		{ 0, 0, false },
		{ 1, 0, false },
		{ 2, 0, true },
		{ 1, 1, false },
		{ 2, 2, true },
		{ 2, INT64_MAX, false },
		{ UINT64_MAX, INT64_MAX, true },
		{ UINT64_MAX, -1, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(fingerprint_is_settled(cases[i].age, cases[i].settle) ==
				      cases[i].settled,
			      "case %zu", i);
}

END_TEST

START_TEST(only_disks_of_this_machine_are_believed)
{
	static const uint32_t others[] = {
		TMPFS_MAGIC,
		RAMFS_MAGIC,
		HUGETLBFS_MAGIC,
		NFS_SUPER_MAGIC,
		SMB2_SUPER_MAGIC,
		V9FS_MAGIC,
		FUSE_SUPER_MAGIC,
		CEPH_SUPER_MAGIC,
		OVERLAYFS_SUPER_MAGIC,
		0x2fc12fc1 /* ZFS */,
		0,
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_msg(!fingerprint_believes(others[i]), "%x", others[i]);
	ck_assert(fingerprint_believes(EXT4_SUPER_MAGIC));
	ck_assert(fingerprint_believes(XFS_SUPER_MAGIC));
	/* Negative where f_type is an int. */
	ck_assert(fingerprint_believes((uint32_t)(int32_t)BTRFS_SUPER_MAGIC));
}

END_TEST

/* The age of a tree that is one file, last changed long ago. */
static uint64_t age_below(int root)
{
	_cleanup_(fingerprint_freep) struct fingerprint *f = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct stat st = { .st_mode = S_IFREG, .st_mtim = { .tv_sec = 1 } };
	struct fingerprint_value value;

	ck_assert_ok(fingerprint_new(NULL, &f, &err), &err);
	fingerprint_add_root(f, root);
	ck_assert_ok(fingerprint_add_entry(f, "a", &st, &err), &err);
	ck_assert_ok(fingerprint_final(f, &value, &err), &err);
	return value.age;
}

START_TEST(what_lies_on_another_file_system_has_no_age)
{
	_cleanup_close_ int proc = open("/proc", O_PATH | O_CLOEXEC);

	ck_assert_int_ge(proc, 0);
	ck_assert_uint_eq(age_below(proc), 0);
	ck_assert_uint_eq(age_below(-1), 0);
	if (support_need_disk())
		ck_assert_uint_gt(age_below(support_dirfd()), 1000000);
}

END_TEST

START_TEST(a_file_from_the_future_has_no_age)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(fingerprint_freep) struct fingerprint *f = NULL, *past = NULL;
	struct stat st = { .st_mode = S_IFREG, .st_mtim = { .tv_sec = 1 } };
	struct fingerprint_value value;

	ck_assert_ok(fingerprint_new(NULL, &past, &err), &err);
	ck_assert_ok(fingerprint_add_entry(past, "a", &st, &err), &err);
	ck_assert_ok(fingerprint_final(past, &value, &err), &err);
	ck_assert_uint_gt(value.age, 1000000);
	st.st_mtim.tv_sec = time(NULL) + 1000;
	ck_assert_ok(fingerprint_new(NULL, &f, &err), &err);
	ck_assert_ok(fingerprint_add_entry(f, "a", &st, &err), &err);
	st.st_mtim.tv_sec = 1;
	ck_assert_ok(fingerprint_add_entry(f, "b", &st, &err), &err);
	ck_assert_ok(fingerprint_final(f, &value, &err), &err);
	ck_assert_uint_eq(value.age, 0);
}

END_TEST

Suite *suite_fingerprint(void)
{
	Suite *s = suite_create("fingerprint");
	TCase *tc = support_tcase(s, "trees");

	tcase_add_test(tc, fingerprint_of_an_unchanged_tree_stays);
	tcase_add_test(tc, fingerprint_tells_every_change);
	tcase_add_test(tc, fingerprint_tells_a_change_of_attributes);
	tcase_add_test(tc, fingerprint_tells_a_change_of_owner);
	tcase_add_test(tc, fingerprint_does_not_see_what_is_left_out);
	tc = support_tcase(s, "values");
	tcase_add_test(tc, fingerprint_keeps_its_parts_apart);
	tcase_add_test(tc, age_is_counted_in_whole_seconds);
	tcase_add_test(tc, settled_is_what_is_old_enough_and_no_clock_can_hide);
	tcase_add_test(tc, only_disks_of_this_machine_are_believed);
	tcase_add_test(tc, a_file_from_the_future_has_no_age);
	tc = support_tcase_on_disk(s, "file systems");
	tcase_add_test(tc, what_lies_on_another_file_system_has_no_age);
	return s;
}
