/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/entry.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"

START_TEST(legal_paths_are_relative_and_plain)
{
	static const char *const legal[] = { "a",     "a/b",   "common/x y",  "...",
					     "a/..b", ".a/b.", "\n/\xff\x01", "a\\b" };
	static const char *const illegal[] = { "",     "/",     "/a",    "a/",  "a//b",
					       ".",    "..",    "./a",   "a/.", "a/..",
					       "../a", "a/./b", "a/../b" };

	for (size_t i = 0; i < sizeof(legal) / sizeof(*legal); i++)
		ck_assert_msg(entry_path_is_legal(legal[i]), "%s", legal[i]);
	for (size_t i = 0; i < sizeof(illegal) / sizeof(*illegal); i++)
		ck_assert_msg(!entry_path_is_legal(illegal[i]), "%s", illegal[i]);
}

END_TEST

START_TEST(a_path_over_the_limit_is_illegal)
{
	_cleanup_free_ char *path = malloc(ENTRY_PATH_MAX + 2);

	ck_assert_ptr_nonnull(path);
	memset(path, 'a', ENTRY_PATH_MAX + 1);
	path[ENTRY_PATH_MAX + 1] = '\0';
	ck_assert(!entry_path_is_legal(path));
	path[ENTRY_PATH_MAX] = '\0';
	ck_assert(entry_path_is_legal(path));
}

END_TEST

START_TEST(below_means_itself_or_a_descendant)
{
	ck_assert(entry_path_is_below("a/b", "a"));
	ck_assert(entry_path_is_below("a", "a"));
	ck_assert(entry_path_is_below("a/b", ""));
	ck_assert(!entry_path_is_below("ab", "a"));
	ck_assert(!entry_path_is_below("a", "a/b"));
}

END_TEST

START_TEST(extents_keep_order_and_join)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(entry_done) struct entry e;

	entry_init(&e);
	ck_assert(!e.sparse);
	ck_assert_ok(entry_add_extent(&e, 0, 0, &err), &err);
	ck_assert(e.sparse);
	ck_assert_uint_eq(e.n_extents, 0);
	ck_assert_ok(entry_add_extent(&e, 4096, 4096, &err), &err);
	ck_assert_ok(entry_add_extent(&e, 8192, 100, &err), &err);
	ck_assert_uint_eq(e.n_extents, 1);
	ck_assert_uint_eq(e.extents[0].offset, 4096);
	ck_assert_uint_eq(e.extents[0].length, 4196);
	ck_assert_fails(entry_add_extent(&e, 8291, 1, &err), &err, ERR_CORRUPT,
			"not in order");
	ck_assert_fails(entry_add_extent(&e, ENTRY_SIZE_MAX, 1, &err), &err, ERR_CORRUPT,
			"beyond");
	ck_assert_fails(entry_add_extent(&e, UINT64_MAX, UINT64_MAX, &err), &err,
			ERR_CORRUPT, "beyond");
	ck_assert_ok(entry_add_extent(&e, ENTRY_SIZE_MAX - 1, 1, &err), &err);
	ck_assert_uint_eq(e.n_extents, 2);
}

END_TEST

START_TEST(extents_are_limited)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(entry_done) struct entry e;

	entry_init(&e);
	for (uint64_t i = 0; i < ENTRY_EXTENTS_MAX && err.kind == ERR_NONE; i++)
		entry_add_extent(&e, i * 2, 1, &err);
	ck_assert_int_eq(err.kind, ERR_NONE);
	ck_assert_fails(entry_add_extent(&e, (uint64_t)ENTRY_EXTENTS_MAX * 2, 1, &err),
			&err, ERR_NO_SPACE, "1048576 extents");
	ck_assert_uint_eq(e.extents[ENTRY_EXTENTS_MAX - 1].offset,
			  (uint64_t)ENTRY_EXTENTS_MAX * 2 - 2);
}

END_TEST

START_TEST(xattrs_are_copied_and_limited)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *large = calloc(1, ENTRY_XATTR_MAX + 1);
	_cleanup_(entry_done) struct entry e;
	char name[] = "user.a";

	entry_init(&e);
	ck_assert_ok(entry_add_xattr(&e, name, "x\0y", 3, &err), &err);
	ck_assert_ok(entry_add_xattr(&e, "user.b", "", 0, &err), &err);
	memset(name, 'z', sizeof(name) - 1);
	ck_assert_str_eq(e.xattrs[0].name, "user.a");
	ck_assert_mem_eq(e.xattrs[0].value, "x\0y", 3);
	ck_assert_uint_eq(e.xattrs[1].size, 0);
	ck_assert_fails(entry_add_xattr(&e, "user.c", large, ENTRY_XATTR_MAX + 1, &err),
			&err, ERR_NO_SPACE, "\"user.c\" is longer");
	for (int i = 0; i < 15; i++)
		ck_assert_ok(entry_add_xattr(&e, "user.d", large, ENTRY_XATTR_MAX, &err),
			     &err);
	ck_assert_fails(entry_add_xattr(&e, "user.d", large, ENTRY_XATTR_MAX, &err), &err,
			ERR_NO_SPACE, "more than 1048576 bytes");
	ck_assert_uint_eq(e.n_xattrs, 17);
}

END_TEST

START_TEST(allocation_counts_blocks)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(entry_done) struct entry e;
	char target[] = "0123456789012345678901234567890123456789012345678901234567890";
	char acl[] = "user::rw-,user:1:rw-:1,group::r--,mask::rw-,other::r--,"
		     "user:10000000:rw-:10000000,user:10000001:rw-:10000001";

	entry_init(&e);
	e.size = 1;
	ck_assert_uint_eq(entry_allocated(&e), 4096);
	e.size = 4097;
	ck_assert_uint_eq(entry_allocated(&e), 8192);
	ck_assert_ok(entry_add_extent(&e, 4095, 2, &err), &err);
	ck_assert_uint_eq(entry_allocated(&e), 8192);
	e.acl_access = acl;
	ck_assert_uint_eq(entry_allocated(&e), 12288);
	e.type = ENTRY_HARDLINK;
	ck_assert_uint_eq(entry_allocated(&e), 0);
	e.acl_access = NULL;
	e.type = ENTRY_DIR;
	ck_assert_uint_eq(entry_allocated(&e), 4096);
	e.type = ENTRY_SYMLINK;
	e.target = target;
	ck_assert_uint_eq(entry_allocated(&e), 4096);
	e.target = NULL;
}

END_TEST

Suite *suite_entry(void)
{
	Suite *s = suite_create("entry");
	TCase *tc = support_tcase(s, "entry");

	tcase_add_test(tc, legal_paths_are_relative_and_plain);
	tcase_add_test(tc, a_path_over_the_limit_is_illegal);
	tcase_add_test(tc, below_means_itself_or_a_descendant);
	tcase_add_test(tc, extents_keep_order_and_join);
	tcase_add_test(tc, extents_are_limited);
	tcase_add_test(tc, xattrs_are_copied_and_limited);
	tcase_add_test(tc, allocation_counts_blocks);
	return s;
}
