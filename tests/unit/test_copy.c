/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/copy.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/support.h"
#include "tests/unit/support_tar.h"

static int open_dir(const char *name)
{
	int fd = openat(support_dirfd(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(copy_makes_equal_objects)
{
	static const char *const setfacl[] = { "setfacl", "-m", "u:1:r", "from/acl",
					       NULL };
	static const char *const names[] = { "acl",  "file", "empty", "sparse",
					     "link", "fifo", "locked" };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char *why = NULL;
	int from, to;

	support_mkdir(support_dirfd(), "from", 0755);
	support_mkdir(support_dirfd(), "to", 0755);
	from = open_dir("from");
	to = open_dir("to");
	support_file(from, "acl", 0640, "acl");
	support_file(from, "file", 0644, "text");
	support_file(from, "empty", 0755, "");
	support_file(from, "locked", 0400, "read only");
	support_sparse(from, "sparse", 3 << 20, 1 << 20, 70000);
	support_symlink(from, "link", "to/nowhere");
	support_node(from, "fifo", S_IFIFO | 0620, 0);
	support_run(support_dir(), NULL, setfacl);
	if (geteuid() == 0) {
		support_file(from, "setid", 0755, "set-id");
		support_owner(from, "setid", 5, 6);
		ck_assert_int_eq(fchmodat(from, "setid", 06755, 0), 0);
		support_owner(from, "link", 7, 8);
		support_owner(from, "fifo", 9, 10);
		(void)support_xattr(from, "setid", "user.x", "1", 1);
		ck_assert_ok(copy_object(from, "setid", to, "setid", NULL, &err), &err);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		support_mtime(from, names[i], 1000 + (int64_t)i, 5);
		ck_assert_ok(copy_object(from, names[i], to, names[i], NULL, &err), &err);
	}
	ck_assert_msg(support_tree_compare(from, to, SUPPORT_SPARSE | SUPPORT_NO_TOP_TIME,
					   &why),
		      "%s", why);
	close(from);
	close(to);
}

END_TEST

START_TEST(copy_inherits_nothing)
{
	static const char *const setfacl[] = { "setfacl", "-d", "-m",
					       "u:1:rwx", "to", NULL };
	static const char *const getfacl[] = { "getfacl", "-nc", "to/file", "to/dir",
					       NULL };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *acls = NULL;
	int a, b;

	support_file(support_dirfd(), "file", 0640, "text");
	support_mkdir(support_dirfd(), "dir", 0750);
	support_mkdir(support_dirfd(), "to", 0755);
	if (support_run(support_dir(), NULL, setfacl) != 0) {
		support_skip("setfacl cannot be used here");
		return;
	}
	support_mkdir(support_dirfd(), "to/dir", 0700);
	a = open_dir("dir");
	b = open_dir("to/dir");
	ck_assert_ok(copy_attributes(a, b, &err), &err);
	close(a);
	close(b);
	b = open_dir("to");
	ck_assert_ok(copy_object(support_dirfd(), "file", b, "file", NULL, &err), &err);
	close(b);
	ck_assert_int_eq(support_run(support_dir(), "acls", getfacl), 0);
	acls = support_read(support_dirfd(), "acls", NULL);
	ck_assert_str_eq(acls, "user::rw-\ngroup::r--\nother::---\n\n"
			       "user::rwx\ngroup::r-x\nother::---\n\n");
}

END_TEST

START_TEST(copy_replaces_nothing)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *text = NULL;

	support_file(support_dirfd(), "a", 0600, "a");
	support_file(support_dirfd(), "b", 0600, "b");
	support_symlink(support_dirfd(), "l", "b");
	ck_assert_fails(
		copy_object(support_dirfd(), "a", support_dirfd(), "b", NULL, &err), &err,
		ERR_EXISTS, "create");
	ck_assert_fails(
		copy_object(support_dirfd(), "a", support_dirfd(), "l", NULL, &err), &err,
		ERR_EXISTS, "create");
	ck_assert_fails(
		copy_object(support_dirfd(), "l", support_dirfd(), "b", NULL, &err), &err,
		ERR_EXISTS, "create");
	text = support_read(support_dirfd(), "b", NULL);
	ck_assert_str_eq(text, "b");
}

END_TEST

START_TEST(copy_says_what_it_cannot_copy)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int dirfd = support_dirfd();

	support_node(dirfd, "socket", S_IFSOCK | 0600, 0);
	support_mkdir(dirfd, "dir", 0700);
	ck_assert_fails(copy_object(dirfd, "socket", dirfd, "x", NULL, &err), &err,
			ERR_UNSUPPORTED, "cannot be copied");
	ck_assert_fails(copy_object(dirfd, "dir", dirfd, "x", NULL, &err), &err,
			ERR_UNSUPPORTED, "cannot be copied");
	ck_assert_fails(copy_object(dirfd, "none", dirfd, "x", NULL, &err), &err,
			ERR_NOT_FOUND, "");
	ck_assert(!support_exists(dirfd, "x"));
}

END_TEST

START_TEST(copy_leaves_nothing_of_what_it_could_not_finish)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	if (!support_need_root())
		return;
	support_file(support_dirfd(), "roots", 0644, "not ours");
	if (!support_become_user())
		return;
	ck_assert_fails(
		copy_object(support_dirfd(), "roots", support_dirfd(), "x", NULL, &err),
		&err, ERR_DENIED, "owner");
	ck_assert(!support_exists(support_dirfd(), "x"));
}

END_TEST

START_TEST(copy_can_be_cancelled)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const atomic_bool cancel = true;
	const struct observer observer = { .cancel = &cancel };

	support_file(support_dirfd(), "a", 0600, "a");
	ck_assert_fails(
		copy_object(support_dirfd(), "a", support_dirfd(), "b", &observer, &err),
		&err, ERR_INTERRUPTED, "");
	ck_assert(!support_exists(support_dirfd(), "b"));
}

END_TEST

Suite *suite_copy(void)
{
	Suite *s = suite_create("copy");
	TCase *tc = support_tcase(s, "objects");

	tcase_add_test(tc, copy_makes_equal_objects);
	tcase_add_test(tc, copy_inherits_nothing);
	tcase_add_test(tc, copy_replaces_nothing);
	tcase_add_test(tc, copy_says_what_it_cannot_copy);
	tcase_add_test(tc, copy_leaves_nothing_of_what_it_could_not_finish);
	tcase_add_test(tc, copy_can_be_cancelled);
	return s;
}
