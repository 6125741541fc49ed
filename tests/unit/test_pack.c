/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/pack.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "backend/tree/acl.h"
#include "tests/unit/support.h"
#include "tests/unit/support_pack.h"

static struct support_pack p;

static void setup(void)
{
	p = (struct support_pack)SUPPORT_PACK_INIT;
}

static void teardown(void)
{
	support_pack_done(&p);
}

/* Opens a directory below the test's. */
static int open_dir(const char *name)
{
	int fd = openat(support_dirfd(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Packs "t" and compares what is in it with what GNU tar makes of it. */
static void check_gnu_tar(void)
{
	_cleanup_close_ int before = -1, after = -1;
	_cleanup_free_ char *why = NULL;

	p.options = (struct pack_options){ .synthetic_common = true,
					   .common_mode = 0755,
					   .common_uid = geteuid(),
					   .common_gid = getegid() };
	support_pack_ok(&p, support_dirfd(), "t");
	ck_assert_str_eq(p.report.data, "");
	support_mkdir(support_dirfd(), "x", 0700);
	if (!support_gnu_tar(&p.stream, support_path("x")))
		return;
	before = open_dir("t");
	after = open_dir("x/common/tree");
	ck_assert_msg(support_tree_compare(before, after, SUPPORT_SPARSE, &why), "%s",
		      why);
}

START_TEST(gnu_tar_makes_the_same_tree)
{
	char name[256] = { 0 }, path[800];

	memset(name, 'n', 255);
	snprintf(path, sizeof(path), "t/%s/%s/%s", name, name, name);
	support_file(support_dirfd(), path, 0600, "deep");
	support_file(support_dirfd(), "t/new\nline", 0644, "a");
	support_file(support_dirfd(), "t/bad\xff\xfe", 0644, "b");
	support_file(support_dirfd(), "t/ leading space=%", 0644, "");
	support_file(support_dirfd(), "t/empty", 0400, "");
	support_file(support_dirfd(), "t/set-id", 06755, "x");
	support_mkdir(support_dirfd(), "t/sticky", 03777);
	support_mkdir(support_dirfd(), "t/empty-dir", 0500);
	support_symlink(support_dirfd(), "t/link", "nowhere/at all");
	support_symlink(support_dirfd(), "t/long-link", path);
	support_node(support_dirfd(), "t/fifo", S_IFIFO | 0620, 0);
	support_file(support_dirfd(), "t/b/first", 0644, "linked");
	support_link(support_dirfd(), "t/a-link", "t/b/first");
	support_link(support_dirfd(), "t/z-link", "t/b/first");
	support_symlink(support_dirfd(), "t/b/absolute", "/no/such");
	support_link(support_dirfd(), "t/a-to-absolute", "t/b/absolute");
	support_link(support_dirfd(), "t/z-to-absolute", "t/b/absolute");
	support_symlink(support_dirfd(), "t/b/up", "../../../up");
	support_link(support_dirfd(), "t/z-up", "t/b/up");
	support_link(support_dirfd(), "t/z-relative", "t/link");
	support_link(support_dirfd(), "t/z-long-link", "t/long-link");
	support_link(support_dirfd(), "t/b/fifo", "t/fifo");
	support_mtime(support_dirfd(), "t/b/first", 1234567890, 123456789);
	support_mtime(support_dirfd(), "t/empty", 0, 1);
	support_mtime(support_dirfd(), "t/link", 1000000000, 500000000);
	support_mtime(support_dirfd(), "t/b", 999999999, 999999999);
	check_gnu_tar();
	ck_assert_uint_eq(p.counts.skipped + p.counts.changed + p.counts.sockets, 0);
}

END_TEST

START_TEST(gnu_tar_keeps_what_only_root_can_make)
{
	static const uint8_t capability[20] = { 1, 0, 0, 2, 0, 32 };

	if (!support_need_root())
		return;
	support_file(support_dirfd(), "t/cap", 0755, "x");
	support_file(support_dirfd(), "t/owned", 0640, "y");
	support_owner(support_dirfd(), "t/owned", 3000000, 4000000000);
	support_node(support_dirfd(), "t/char", S_IFCHR | 0666, makedev(1, 3));
	support_node(support_dirfd(), "t/block", S_IFBLK | 0660, makedev(259, 70000));
	support_owner(support_dirfd(), "t/block", 5, 6);
	support_link(support_dirfd(), "t/char-too", "t/char");
	support_link(support_dirfd(), "t/d-block", "t/block");
	if (!support_xattr(support_dirfd(), "t/cap", "security.capability", capability,
			   sizeof(capability)) ||
	    !support_xattr(support_dirfd(), "t/cap", "trusted.x", "y", 1))
		return;
	check_gnu_tar();
}

END_TEST

START_TEST(gnu_tar_keeps_attributes_and_acls)
{
	static const char access_text[] =
		"user::rwx,user:1234:r--,group::r-x,mask::rwx,other::---";
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int dir = -1, file = -1, fifo = -1;
	char large[3000];

	memset(large, '=', sizeof(large));
	support_file(support_dirfd(), "t/d/f", 0644, "x");
	if (!support_xattr(support_dirfd(), "t/d/f", "user.plain", "1", 1))
		return;
	support_xattr(support_dirfd(), "t/d/f", "user.with=and%", "\0\n\xff", 3);
	support_xattr(support_dirfd(), "t/d/f", "user.empty", "", 0);
	support_xattr(support_dirfd(), "t/d/f", "user.large", large, sizeof(large));
	support_xattr(support_dirfd(), "t/d", "user.d", "dir", 3);
	file = openat(support_dirfd(), "t/d/f", O_RDONLY | O_CLOEXEC);
	dir = open_dir("t/d");
	support_node(support_dirfd(), "t/fifo", S_IFIFO | 0640, 0);
	fifo = openat(support_dirfd(), "t/fifo", O_PATH | O_CLOEXEC);
	ck_assert_ok(acl_apply(file, ACL_OF_ACCESS, access_text, NULL, &err), &err);
	ck_assert_ok(acl_apply(fifo, ACL_OF_ACCESS, access_text, NULL, &err), &err);
	ck_assert_ok(acl_apply(dir, ACL_OF_ACCESS, access_text, NULL, &err), &err);
	ck_assert_ok(acl_apply(dir, ACL_OF_DEFAULT,
			       "user::rwx,group:55:r-x,group::---,mask::r-x,other::---",
			       NULL, &err),
		     &err);
	check_gnu_tar();
}

END_TEST

START_TEST(gnu_tar_keeps_holes)
{
	/* A trailing hole, only a hole, one in the middle, many extents. */
	support_sparse(support_dirfd(), "t/tail", 1 << 20, 0, 10);
	support_sparse(support_dirfd(), "t/hole", 123456, 0, 0);
	support_sparse(support_dirfd(), "t/small", 40000, 20000, 100);
	support_sparse(support_dirfd(), "t/many", 16 << 20, 0, 1);
	for (off_t i = 1; i < 60; i++) {
		_cleanup_close_ int fd =
			openat(support_dirfd(), "t/many", O_WRONLY | O_CLOEXEC);

		ck_assert_int_eq(pwrite(fd, "data", 4, i << 18), 4);
	}
	check_gnu_tar();
	ck_assert_uint_lt(p.stream.len, 1 << 20);
}

END_TEST

START_TEST(gnu_tar_knows_sizes_over_eight_gigabytes)
{
	const uint64_t size = ((uint64_t)9 << 30) + 5;
	_cleanup_close_ int fd = -1, packed = -1;
	struct stat st;
	char end[5], want[5];

	support_sparse(support_dirfd(), "huge", size, size - 5, 5);
	support_pack_ok(&p, support_dirfd(), "huge");
	ck_assert_uint_lt(p.stream.len, 16384);
	support_mkdir(support_dirfd(), "common", 0755);
	if (!support_gnu_tar(&p.stream, support_dir()))
		return;
	fd = openat(support_dirfd(), "common/tree", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_size, size);
	ck_assert_int_lt(st.st_blocks, st.st_size / 512 / 2);
	ck_assert_int_eq(pread(fd, end, 5, (off_t)size - 5), 5);
	packed = openat(support_dirfd(), "huge", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(pread(packed, want, 5, (off_t)size - 5), 5);
	ck_assert_mem_eq(end, want, 5);
}

END_TEST

START_TEST(python_lists_the_names)
{
	_cleanup_free_ char *names = NULL;
	char name[256] = { 0 }, path[600], want[1000];

	memset(name, 'n', 255);
	snprintf(path, sizeof(path), "t/%s/%s", name, name);
	support_file(support_dirfd(), path, 0644, "x");
	support_sparse(support_dirfd(), "t/a\xff", 1 << 20, 0, 1);
	p.options.synthetic_common = true;
	support_pack_ok(&p, support_dirfd(), "t");
	names = support_python_names(&p.stream);
	if (!names)
		return;
	snprintf(want, sizeof(want),
		 "common\ncommon/tree\ncommon/tree/a\xff\ncommon/tree/%s\n"
		 "common/tree/%s/%s\n",
		 name, name, name);
	ck_assert_str_eq(names, want);
}

END_TEST

START_TEST(paths_longer_than_path_max_are_packed)
{
	_cleanup_free_ char *list = NULL;
	char name[256] = { 0 };
	int fd = dup(support_dirfd());
	unsigned lines = 0;

	memset(name, 'd', 255);
	for (int i = 0; i < 40; i++) {
		int next;

		support_mkdir(fd, name, 0755);
		support_file(fd, "file", 0644, "content");
		next = openat(fd, name, O_RDONLY | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	close(fd);
	support_pack_ok(&p, support_dirfd(), ".");
	list = support_pack_list(&p.stream);
	for (const char *s = strchr(list, '\n'); s; s = strchr(s + 1, '\n'))
		lines++;
	ck_assert_uint_eq(lines, 81);
	ck_assert_uint_eq(p.counts.entries, 81);
}

END_TEST

START_TEST(old_times_survive)
{
	support_file(support_dirfd(), "t/f", 0644, "x");
	support_mtime(support_dirfd(), "t/f", -12345, 678000000);
	support_pack_ok(&p, support_dirfd(), "t");
	ck_assert_ptr_nonnull(
		memmem(p.stream.data, p.stream.len, " mtime=-12344.322\n", 18));
	free(support_python_names(&p.stream));
}

END_TEST

START_TEST(same_tree_same_bytes)
{
	struct support_pack small = { .room = 777, .named = true };
	char name[16];

	support_file(support_dirfd(), "t/b", 0644, "bbb");
	support_file(support_dirfd(), "t/a/c", 0644, "ccc");
	support_sparse(support_dirfd(), "t/s", 1 << 20, 4096, 9000);
	support_file_n(support_dirfd(), "t/large", 0644, support_dir(), 1);
	ck_assert_int_eq(truncate(support_path("t/large"), 3 << 20), 0);
	support_link(support_dirfd(), "t/l", "t/b");
	support_symlink(support_dirfd(), "t/s1", "t/b");
	support_link(support_dirfd(), "t/s2", "t/s1");
	support_node(support_dirfd(), "t/p1", S_IFIFO | 0600, 0);
	support_link(support_dirfd(), "t/p2", "t/p1");
	support_xattr(support_dirfd(), "t/b", "user.z", "1", 1);
	support_xattr(support_dirfd(), "t/b", "user.a", "2", 1);
	p.named = true;
	support_pack_ok(&p, support_dirfd(), "t");
	support_pack_ok(&small, support_dirfd(), "t");
	ck_assert_uint_eq(p.stream.len, small.stream.len);
	ck_assert_mem_eq(p.stream.data, small.stream.data, p.stream.len);
	snprintf(name, sizeof(name), "u%u", geteuid());
	ck_assert_ptr_nonnull(
		memmem(p.stream.data, p.stream.len, name, strlen(name) + 1));
	support_pack_done(&small);
}

END_TEST

START_TEST(sockets_are_counted_and_left_out)
{
	_cleanup_free_ char *list = NULL;

	support_node(support_dirfd(), "t/s", S_IFSOCK | 0600, 0);
	support_node(support_dirfd(), "t/u", S_IFSOCK | 0600, 0);
	support_pack_ok(&p, support_dirfd(), "t");
	list = support_pack_list(&p.stream);
	ck_assert_str_eq(list, "d common/tree\n");
	ck_assert_uint_eq(p.counts.sockets, 2);
	ck_assert_uint_eq(p.counts.entries, 1);
	ck_assert_str_eq(p.report.data, "");
}

END_TEST

START_TEST(a_file_can_be_a_tree)
{
	_cleanup_free_ char *list = NULL;

	support_file(support_dirfd(), "f", 0644, "12345");
	p.options.synthetic_common = true;
	support_pack_ok(&p, support_dirfd(), "f");
	list = support_pack_list(&p.stream);
	ck_assert_str_eq(list, "d common\nf common/tree 5\n");
	ck_assert_uint_eq(p.counts.data, 5);
	ck_assert_uint_eq(p.counts.allocated, 8192);
}

END_TEST

START_TEST(links_are_kept_across_trees)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *list = NULL;
	struct pack_tree trees[2] = { { .path = "7" }, { .path = "common" } };
	int r;

	support_file(support_dirfd(), "a/f", 0644, "12345678");
	support_mkdir(support_dirfd(), "b", 0755);
	support_link(support_dirfd(), "b/g", "a/f");
	support_link(support_dirfd(), "b/h", "a/f");
	support_node(support_dirfd(), "a/fifo", S_IFIFO | 0600, 0);
	support_link(support_dirfd(), "b/fifo", "a/fifo");
	support_symlink(support_dirfd(), "a/l", "f");
	support_link(support_dirfd(), "a/m", "a/l");
	support_link(support_dirfd(), "b/l", "a/l");
	trees[0].fd = open_dir("a");
	trees[1].fd = open_dir("b");
	r = support_pack_trees(&p, trees, 2, &err);
	close(trees[0].fd);
	close(trees[1].fd);
	ck_assert_ok(r, &err);
	list = support_pack_list(&p.stream);
	ck_assert_str_eq(list, "d 7\nf 7/f 8\np 7/fifo\nl 7/l -> f\nh 7/m -> 7/l\n"
			       "d common\nh common/fifo -> 7/fifo\n"
			       "h common/g -> 7/f\nh common/h -> 7/f\n"
			       "h common/l -> 7/l\n");
	ck_assert_uint_eq(p.counts.data, 8);
	ck_assert_uint_eq(p.counts.entries, 5);
}

END_TEST

START_TEST(devices_keep_their_links)
{
	_cleanup_free_ char *list = NULL;

	if (!support_need_root())
		return;
	support_node(support_dirfd(), "t/c", S_IFCHR | 0600, makedev(1, 3));
	support_link(support_dirfd(), "t/c2", "t/c");
	support_node(support_dirfd(), "t/b", S_IFBLK | 0600, makedev(7, 1));
	support_link(support_dirfd(), "t/b2", "t/b");
	support_pack_ok(&p, support_dirfd(), "t");
	list = support_pack_list(&p.stream);
	ck_assert_str_eq(list, "d common/tree\nb common/tree/b\n"
			       "h common/tree/b2 -> common/tree/b\nc common/tree/c\n"
			       "h common/tree/c2 -> common/tree/c\n");
	ck_assert_uint_eq(p.counts.entries, 3);
}

END_TEST

START_TEST(estimates_agree_with_packing)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct pack_tree tree = { .path = "common/tree" };
	struct pack_counts counts = { 0 };
	char target[200] = { 0 };

	support_file(support_dirfd(), "t/d/f", 0644, "12345678");
	support_link(support_dirfd(), "t/l", "t/d/f");
	support_symlink(support_dirfd(), "t/s", "d");
	support_sparse(support_dirfd(), "t/h", 10 << 20, 1 << 20, 5000);
	support_node(support_dirfd(), "t/u", S_IFSOCK | 0600, 0);
	support_node(support_dirfd(), "t/p", S_IFIFO | 0600, 0);
	support_link(support_dirfd(), "t/d/p", "t/p");
	support_link(support_dirfd(), "t/p2", "t/p");
	support_link(support_dirfd(), "t/s2", "t/s");
	memset(target, 't', sizeof(target) - 1);
	support_symlink(support_dirfd(), "t/long", target);
	support_link(support_dirfd(), "t/long2", "t/long");
	support_file(support_dirfd(), "t/x", 0644, "left out");
	ck_assert_int_eq(truncate(support_path("t/d/f"), 5 << 20), 0);
	p.options.synthetic_common = true;
	ck_assert_ok(support_pack_run(&p, support_dirfd(), "t", &err), &err);
	tree.fd = open_dir("t");
	ck_assert_ok(pack_estimate(&tree, 1, &p.options, NULL, NULL, &counts, &err),
		     &err);
	close(tree.fd);
	ck_assert_mem_eq(&counts, &p.counts, offsetof(struct pack_counts, fingerprint));
	ck_assert_mem_eq(counts.fingerprint.digest, p.counts.fingerprint.digest,
			 FINGERPRINT_SIZE);
	/* f and h have a block and two of data; their holes do not count. */
	ck_assert_uint_eq(counts.data, 8192 + 4096 + 8);
	/* common, t, t/d, and each inode once: f, h, long, p, s, x. */
	ck_assert_uint_eq(counts.entries, 9);
}

END_TEST

START_TEST(a_failing_sink_ends_it)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	support_file(support_dirfd(), "t/f", 0644, "x");
	p.failing = true;
	ck_assert_fails(support_pack_run(&p, support_dirfd(), "t", &err), &err,
			ERR_NO_SPACE, "the sink is full");
	ck_assert_str_eq(p.report.data, "");
}

END_TEST

START_TEST(a_set_flag_ends_it)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	atomic_bool cancel = true;
	const struct observer observer = { .cancel = &cancel };

	support_file(support_dirfd(), "t/f", 0644, "x");
	p.observer = &observer;
	ck_assert_int_eq(support_pack_run(&p, support_dirfd(), "t", &err), -1);
	ck_assert_int_eq(err.kind, ERR_INTERRUPTED);
}

END_TEST

Suite *suite_pack(void)
{
	Suite *s = suite_create("pack");
	TCase *tc = support_tcase(s, "pack");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, gnu_tar_makes_the_same_tree);
	tcase_add_test(tc, gnu_tar_keeps_what_only_root_can_make);
	tcase_add_test(tc, gnu_tar_keeps_attributes_and_acls);
	tcase_add_test(tc, gnu_tar_keeps_holes);
	tcase_add_test(tc, gnu_tar_knows_sizes_over_eight_gigabytes);
	tcase_add_test(tc, python_lists_the_names);
	tcase_add_test(tc, paths_longer_than_path_max_are_packed);
	tcase_add_test(tc, old_times_survive);
	tcase_add_test(tc, same_tree_same_bytes);
	tcase_add_test(tc, sockets_are_counted_and_left_out);
	tcase_add_test(tc, a_file_can_be_a_tree);
	tcase_add_test(tc, links_are_kept_across_trees);
	tcase_add_test(tc, devices_keep_their_links);
	tcase_add_test(tc, estimates_agree_with_packing);
	tcase_add_test(tc, a_failing_sink_ends_it);
	tcase_add_test(tc, a_set_flag_ends_it);
	return s;
}
