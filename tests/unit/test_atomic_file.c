/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/fd.h"
#include "tests/unit/support.h"

/* Opens a file and writes into it. */
static struct atomic_file *begin(int dirfd, const char *name, unsigned flags,
				 const char *content)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct atomic_file *f = NULL;

	ck_assert_ok(atomic_file_open(dirfd, name, 0640, flags, &f, &err), &err);
	ck_assert_ok(fd_write_all(atomic_file_fd(f), content, strlen(content), &err),
		     &err);
	return f;
}

static void assert_content(int dirfd, const char *name, const char *content)
{
	_cleanup_free_ char *text = support_read(dirfd, name, NULL);

	ck_assert_str_eq(text, content);
}

START_TEST(file_appears_at_commit_only)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int dir = support_dirfd();
	struct atomic_file *f = begin(dir, "file", 0, "content");

	ck_assert(!support_exists(dir, "file"));
	ck_assert_ok(atomic_file_commit(f, &err), &err);
	assert_content(dir, "file", "content");
	ck_assert_uint_eq(support_count(dir, "."), 1);
}

END_TEST

START_TEST(mode_does_not_depend_on_the_umask)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct stat st;

	umask(077);
	ck_assert_ok(atomic_file_commit(begin(support_dirfd(), "file", 0, ""), &err),
		     &err);
	umask(022);
	ck_assert_int_eq(fstatat(support_dirfd(), "file", &st, 0), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	ck_assert_uint_eq(st.st_nlink, 1);
}

END_TEST

START_TEST(taken_name_is_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int dir = support_dirfd();

	support_file(dir, "file", 0600, "old");
	ck_assert_fails(atomic_file_commit(begin(dir, "file", 0, "new"), &err), &err,
			ERR_EXISTS, "\"file\" exists already");
	assert_content(dir, "file", "old");
	support_symlink(dir, "link", "nowhere");
	ck_assert_fails(atomic_file_commit(begin(dir, "link", 0, "new"), &err), &err,
			ERR_EXISTS, "\"link\" exists already");
	ck_assert(!support_exists(dir, "nowhere"));
	ck_assert_uint_eq(support_count(dir, "."), 2);
}

END_TEST

START_TEST(replacing_is_done_where_asked_for)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int dir = support_dirfd();

	support_file(dir, "target", 0600, "kept");
	support_symlink(dir, "file", "target");
	ck_assert_ok(
		atomic_file_commit(begin(dir, "file", ATOMIC_FILE_REPLACE, "1"), &err),
		&err);
	assert_content(dir, "target", "kept");
	assert_content(dir, "file", "1");
	ck_assert_ok(
		atomic_file_commit(begin(dir, "file", ATOMIC_FILE_REPLACE, "2"), &err),
		&err);
	assert_content(dir, "file", "2");
	ck_assert_ok(
		atomic_file_commit(begin(dir, "new", ATOMIC_FILE_REPLACE, "3"), &err),
		&err);
	ck_assert_uint_eq(support_count(dir, "."), 3);
}

END_TEST

START_TEST(directory_is_not_replaced)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int dir = support_dirfd();

	support_mkdir(dir, "dir", 0755);
	ck_assert_fails(
		atomic_file_commit(begin(dir, "dir", ATOMIC_FILE_REPLACE, "1"), &err),
		&err, ERR_IO, "cannot name \"dir\": Is a directory");
	ck_assert_uint_eq(support_count(dir, "."), 1);
	ck_assert_uint_eq(support_count(dir, "dir"), 0);
}

END_TEST

START_TEST(abort_leaves_nothing)
{
	int dir = support_dirfd();

	support_file(dir, "file", 0600, "old");
	atomic_file_abort(begin(dir, "file", ATOMIC_FILE_REPLACE, "new"));
	atomic_file_abort(begin(dir, "other", 0, "new"));
	atomic_file_abort(NULL);
	assert_content(dir, "file", "old");
	ck_assert_uint_eq(support_count(dir, "."), 1);
}

END_TEST

START_TEST(directory_may_be_left_to_the_caller)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct atomic_file *f =
		begin(support_dirfd(), "file", ATOMIC_FILE_NO_DIR_SYNC, "x");

	ck_assert_ok(atomic_file_commit(f, &err), &err);
	assert_content(support_dirfd(), "file", "x");
}

END_TEST

START_TEST(only_plain_names_are_accepted)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "/a", "a/" };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct atomic_file *f = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_fails(
			atomic_file_open(support_dirfd(), bad[i], 0600, 0, &f, &err),
			&err, ERR_USAGE, "is not the name of a file");
	ck_assert_ptr_null(f);
}

END_TEST

START_TEST(longest_name_can_be_made_and_replaced)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int dir = support_dirfd();
	char name[256];

	memset(name, 'n', 255);
	name[255] = '\0';
	ck_assert_ok(atomic_file_commit(begin(dir, name, 0, "1"), &err), &err);
	ck_assert_ok(atomic_file_commit(begin(dir, name, ATOMIC_FILE_REPLACE, "2"), &err),
		     &err);
	assert_content(dir, name, "2");
}

END_TEST

START_TEST(unwritable_directory_is_denied)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct atomic_file *f = NULL;

	if (!support_become_user())
		return;
	ck_assert_int_eq(fchmod(support_dirfd(), 0500), 0);
	ck_assert_fails(atomic_file_open(support_dirfd(), "file", 0600, 0, &f, &err),
			&err, ERR_DENIED, "cannot create \"file\": Permission denied");
	ck_assert_int_eq(fchmod(support_dirfd(), 0700), 0);
}

END_TEST

/* What NFS, vfat and the like lack: the other ways have to give the same. */
static const unsigned lacks[] = { SUPPORT_TMPFILE, SUPPORT_NOREPLACE,
				  SUPPORT_TMPFILE | SUPPORT_NOREPLACE };

START_TEST(lesser_file_systems_serve_too)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int dir = support_dirfd();
	struct stat st;

	if (!support_lack(lacks[_i]))
		return;
	ck_assert_ok(atomic_file_commit(begin(dir, "file", 0, "1"), &err), &err);
	ck_assert_int_eq(fstatat(dir, "file", &st, 0), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	ck_assert_uint_eq(st.st_nlink, 1);
	ck_assert_fails(atomic_file_commit(begin(dir, "file", 0, "2"), &err), &err,
			ERR_EXISTS, "exists already");
	assert_content(dir, "file", "1");
	ck_assert_ok(
		atomic_file_commit(begin(dir, "file", ATOMIC_FILE_REPLACE, "3"), &err),
		&err);
	atomic_file_abort(begin(dir, "other", 0, "4"));
	assert_content(dir, "file", "3");
	ck_assert_uint_eq(support_count(dir, "."), 1);
}

END_TEST

START_TEST(temp_files_of_the_dead_go_with_the_next)
{
	static const char *const stay[] = { ".file.tmp.living123", ".file.tmp.short",
					    ".file.tmp.toolong123",
					    ".other.tmp.abcdefghi",
					    "file.tmp.abcdefghi" };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const unsigned tidy = ATOMIC_FILE_REPLACE | ATOMIC_FILE_TIDY;
	int dir = support_dirfd(), living;

	support_file(dir, ".file.tmp.abcdefghi", 0600, "dead");
	support_file(dir, ".file.tmp.012345678", 0600, "dead");
	ck_assert_int_eq(mkdirat(dir, ".file.tmp.directory", 0700), 0);
	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		support_file(dir, stay[i], 0600, "");
	living = openat(dir, stay[0], O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(flock(living, LOCK_EX), 0);
	ck_assert_ok(
		atomic_file_commit(begin(dir, "file", ATOMIC_FILE_REPLACE, "1"), &err),
		&err);
	ck_assert(support_exists(dir, ".file.tmp.abcdefghi"));
	ck_assert_ok(atomic_file_commit(begin(dir, "file", tidy, "2"), &err), &err);
	assert_content(dir, "file", "2");
	ck_assert(!support_exists(dir, ".file.tmp.abcdefghi"));
	ck_assert(!support_exists(dir, ".file.tmp.012345678"));
	ck_assert(support_exists(dir, ".file.tmp.directory"));
	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		ck_assert_msg(support_exists(dir, stay[i]), "%s", stay[i]);
	close(living);
}

END_TEST

Suite *suite_atomic_file(void)
{
	Suite *s = suite_create("atomic_file");
	TCase *tc = support_tcase(s, "atomic_file");

	tcase_add_test(tc, file_appears_at_commit_only);
	tcase_add_test(tc, mode_does_not_depend_on_the_umask);
	tcase_add_test(tc, taken_name_is_refused);
	tcase_add_test(tc, replacing_is_done_where_asked_for);
	tcase_add_test(tc, directory_is_not_replaced);
	tcase_add_test(tc, abort_leaves_nothing);
	tcase_add_test(tc, directory_may_be_left_to_the_caller);
	tcase_add_test(tc, only_plain_names_are_accepted);
	tcase_add_test(tc, longest_name_can_be_made_and_replaced);
	tcase_add_test(tc, unwritable_directory_is_denied);
	tcase_add_loop_test(tc, lesser_file_systems_serve_too, 0, 3);
	tcase_add_test(tc, temp_files_of_the_dead_go_with_the_next);
	return s;
}
