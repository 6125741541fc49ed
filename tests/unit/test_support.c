/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* The comparison of trees, on which many tests rely, is itself tested. */

#define SPARSE_SIZE (4 * 1024 * 1024)

static int a = -1, b = -1;

/* The same things in a directory of that name. */
static int build(const char *name)
{
	support_mkdir(support_dirfd(), name, 0755);
	int dir = openat(support_dirfd(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
	support_file(dir, "sub/file", 0644, "content");
	support_file_n(dir, "sub/bytes\377", 0600, "a\0b", 3);
	support_mkdir(dir, "sub/empty", 0700);
	support_symlink(dir, "link", "sub/file");
	support_file(dir, "h1", 0644, "hard");
	support_link(dir, "h2", "h1");
	support_node(dir, "fifo", S_IFIFO | 0640, 0);
	support_sparse(dir, "sparse", SPARSE_SIZE, SPARSE_SIZE / 2, 5000);
	support_mtime(dir, "link", 1000000000, 5);
	static const char *const all[] = { "sub/file",  "sub/bytes\377",
					   "sub/empty", "sub",
					   "h1",        "fifo",
					   "sparse",    "." };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		support_mtime(dir, all[i], 1234567890, 123456789);
	return dir;
}

static void build_both(void)
{
	a = build("a");
	b = build("b");
}

static void close_both(void)
{
	close(a);
	close(b);
}

/* The trees differ, the first time as said. */
static void assert_differs(unsigned flags, const char *why)
{
	_cleanup_free_ char *got = NULL;

	ck_assert(!support_tree_compare(a, b, flags, &got));
	ck_assert_msg(strstr(got, why) != NULL, "expected \"%s\", got \"%s\"", why, got);
}

START_TEST(equal_trees_are_equal)
{
	_cleanup_free_ char *why = NULL;

	ck_assert_tree_eq(a, b);
	ck_assert_tree_eq(a, a);
	ck_assert(support_tree_compare(a, b, SUPPORT_SPARSE, &why));
	ck_assert_ptr_null(why);
}

END_TEST

START_TEST(names_are_compared)
{
	support_file(b, "extra", 0644, "");
	support_mtime(b, ".", 1234567890, 123456789);
	assert_differs(0, ".: entry \"extra\" only there");
	support_file(a, "dextra", 0644, "");
	support_mtime(a, ".", 1234567890, 123456789);
	assert_differs(0, ".: entry \"dextra\" only here");
}

END_TEST

START_TEST(contents_are_compared)
{
	int fd = openat(b, "sub/bytes\377", O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(pwrite(fd, "c", 1, 2), 1);
	close(fd);
	support_mtime(b, "sub/bytes\377", 1234567890, 123456789);
	assert_differs(0, "sub/bytes\377: contents from byte 2");
}

END_TEST

START_TEST(sizes_are_compared)
{
	support_file(b, "sub/file", 0644, "longer content");
	support_mtime(b, "sub/file", 1234567890, 123456789);
	assert_differs(0, "sub/file: sizes 7, 14");
}

END_TEST

START_TEST(modes_are_compared)
{
	ck_assert_int_eq(fchmodat(b, "sub/empty", 01700, 0), 0);
	assert_differs(0, "sub/empty: modes 0700, 1700");
}

END_TEST

START_TEST(types_are_compared)
{
	ck_assert_int_eq(unlinkat(b, "fifo", 0), 0);
	support_file(b, "fifo", 0640, "");
	support_mtime(b, ".", 1234567890, 123456789);
	assert_differs(0, "fifo: types 010000, 100000");
}

END_TEST

START_TEST(nanoseconds_are_compared)
{
	support_mtime(b, "sub", 1234567890, 123456788);
	assert_differs(0, "sub: mtimes 1234567890.123456789, 1234567890.123456788");
	support_mtime(b, "sub", 1234567890, 123456789);
	support_mtime(b, "link", 1000000000, 6);
	assert_differs(0, "link: mtimes");
	support_mtime(b, "link", 1000000000, 5);
	support_mtime(b, ".", 5, 5);
	assert_differs(0, ".: mtimes");
	_cleanup_free_ char *why = NULL;
	ck_assert(support_tree_compare(a, b, SUPPORT_NO_TOP_TIME, &why));
}

END_TEST

START_TEST(link_targets_are_compared)
{
	ck_assert_int_eq(unlinkat(b, "link", 0), 0);
	support_symlink(b, "link", "sub");
	support_mtime(b, "link", 1000000000, 5);
	support_mtime(b, ".", 1234567890, 123456789);
	assert_differs(0, "link: links to \"sub/file\", \"sub\"");
}

END_TEST

START_TEST(hard_links_are_compared)
{
	ck_assert_int_eq(unlinkat(b, "h2", 0), 0);
	support_file(b, "h2", 0644, "hard");
	support_mtime(b, "h2", 1234567890, 123456789);
	support_mtime(b, ".", 1234567890, 123456789);
	assert_differs(0, "h2: one file with \"h1\" here, with \"h2\" there");
}

END_TEST

START_TEST(attributes_are_compared)
{
	if (!support_xattr(a, "h1", "user.one", "1", 1))
		return;
	assert_differs(0, "h1: attribute \"user.one\" only here");
	support_xattr(b, "h1", "user.one", "2", 1);
	assert_differs(0, "h1: values of attribute \"user.one\"");
	support_xattr(b, "h1", "user.one", "1", 1);
	ck_assert_tree_eq(a, b);
	support_xattr(b, "sub", "user.two", "", 0);
	assert_differs(0, "sub: attribute \"user.two\" only there");
}

END_TEST

/* user::rw-, user:12:rw-, group::r--, mask::rw-, other::r-- as the kernel keeps it. */
static const uint8_t acl[] = {
	2, 0,  0,    0,    1,    0,    6,    0, 0xff, 0xff, 0xff, 0xff, 2,    0,    6,
	0, 12, 0,    0,    0,    4,    0,    4, 0,    0xff, 0xff, 0xff, 0xff, 0x10, 0,
	6, 0,  0xff, 0xff, 0xff, 0xff, 0x20, 0, 4,    0,    0xff, 0xff, 0xff, 0xff,
};

START_TEST(acls_are_compared)
{
	uint8_t other[sizeof(acl)];

	memcpy(other, acl, sizeof(acl));
	other[16] = 13;
	if (!support_xattr(a, "h1", "system.posix_acl_access", acl, sizeof(acl)))
		return;
	support_xattr(b, "h1", "system.posix_acl_access", other, sizeof(other));
	assert_differs(0, "h1: values of attribute \"system.posix_acl_access\"");
	support_xattr(b, "h1", "system.posix_acl_access", acl, sizeof(acl));
	ck_assert_tree_eq(a, b);
}

END_TEST

START_TEST(holes_are_compared_if_asked)
{
	_cleanup_free_ char *why = NULL;
	char zeros[65536] = { 0 };
	int fd = openat(b, "sparse", O_WRONLY | O_CLOEXEC);
	struct stat st;

	ck_assert_int_eq(fstatat(a, "sparse", &st, 0), 0);
	if (st.st_blocks * 512 >= SPARSE_SIZE) {
		support_skip("this file system has no holes");
		close(fd);
		return;
	}
	ck_assert_int_eq(pwrite(fd, zeros, sizeof(zeros), 0), sizeof(zeros));
	ck_assert_int_eq(fsync(fd), 0);
	close(fd);
	support_mtime(b, "sparse", 1234567890, 123456789);
	ck_assert(support_tree_compare(a, b, 0, &why));
	assert_differs(SUPPORT_SPARSE, "sparse: data after 0");
}

END_TEST

START_TEST(owners_are_compared)
{
	_cleanup_free_ char *why = NULL;

	if (!support_need_root())
		return;
	support_owner(b, "link", 1234, 4321);
	assert_differs(0, "link: owners 0:0, 1234:4321");
	ck_assert(support_tree_compare(a, b, SUPPORT_NO_OWNER, &why));
}

END_TEST

START_TEST(devices_are_compared)
{
	if (!support_need_root())
		return;
	support_node(a, "dev", S_IFCHR | 0600, makedev(1, 3));
	support_node(b, "dev", S_IFCHR | 0600, makedev(1, 5));
	support_mtime(a, "dev", 1, 1);
	support_mtime(b, "dev", 1, 1);
	assert_differs(SUPPORT_NO_TOP_TIME, "dev: devices 103, 105");
}

END_TEST

Suite *suite_support(void)
{
	Suite *s = suite_create("support");
	TCase *tc = support_tcase(s, "tree");

	tcase_add_checked_fixture(tc, build_both, close_both);
	tcase_add_test(tc, equal_trees_are_equal);
	tcase_add_test(tc, names_are_compared);
	tcase_add_test(tc, contents_are_compared);
	tcase_add_test(tc, sizes_are_compared);
	tcase_add_test(tc, modes_are_compared);
	tcase_add_test(tc, types_are_compared);
	tcase_add_test(tc, nanoseconds_are_compared);
	tcase_add_test(tc, link_targets_are_compared);
	tcase_add_test(tc, hard_links_are_compared);
	tcase_add_test(tc, attributes_are_compared);
	tcase_add_test(tc, acls_are_compared);
	tcase_add_test(tc, holes_are_compared_if_asked);
	tcase_add_test(tc, owners_are_compared);
	tcase_add_test(tc, devices_are_compared);
	return s;
}
