/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/acl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/unit/support.h"

static struct owners *owners;

/* Users 1001 and 1002 are alice and "x y" (no name for a text), group 2001 is staff,
 * user 1003 has digits for a name. */
static int name_of(void *ctx, enum owner_kind kind, uint32_t id, char **ret,
		   struct err *err)
{
	const char *name = NULL;

	(void)ctx;
	(void)err;
	if (kind == OWNER_USER)
		name = id == 1001   ? "alice"
		       : id == 1002 ? "x y"
		       : id == 1003 ? "777"
				    : NULL;
	else if (id == 2001)
		name = "staff";
	*ret = name ? strdup(name) : NULL;
	return 0;
}

/* alice is 3001 here, staff 4001; numbers stay. */
static int id_of(void *ctx, enum owner_kind kind, const char *name, uint32_t number,
		 uint32_t *ret, struct err *err)
{
	(void)ctx;
	if (name && strcmp(name, kind == OWNER_USER ? "alice" : "staff") == 0)
		*ret = kind == OWNER_USER ? 3001 : 4001;
	else if (number != OWNER_NO_NUMBER)
		*ret = number;
	else
		return err_set(err, ERR_REFUSED, "nobody is called %s", q(name));
	return 0;
}

static void setup(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(
		owners_new(&(struct owner_source){ name_of, id_of, NULL }, &owners, &err),
		&err);
}

static void teardown(void)
{
	owners_free(owners);
	owners = NULL;
}

/* A file or a directory (name ending in a slash) to put ACLs on; -1 where the file
 * system has none. */
static int open_new(const char *name)
{
	bool dir = name[strlen(name) - 1] == '/';
	int fd;

	if (dir)
		ck_assert_int_eq(mkdirat(support_dirfd(), name, 0750), 0);
	else
		support_file(support_dirfd(), name, 0640, "x");
	fd = openat(support_dirfd(), name, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	if (fsetxattr(fd, "user.probe", "", 0, 0) < 0 && errno == EOPNOTSUPP) {
		close(fd);
		return -1;
	}
	return fd;
}

/* What is on fd now, with names. */
static void check_text(int fd, enum acl_type type, const char *want)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *text = NULL;

	ck_assert_ok(acl_read(fd, type, owners, &text, &err), &err);
	if (want)
		ck_assert_pstr_eq(text, want);
	else
		ck_assert_ptr_null(text);
}

START_TEST(nothing_beyond_the_mode_is_no_text)
{
	_cleanup_close_ int fd = open_new("f"), dir = open_new("d/");

	if (fd < 0)
		return support_skip("no extended attributes here");
	check_text(fd, ACL_OF_ACCESS, NULL);
	check_text(fd, ACL_OF_DEFAULT, NULL);
	check_text(dir, ACL_OF_ACCESS, NULL);
	check_text(dir, ACL_OF_DEFAULT, NULL);
}

END_TEST

START_TEST(named_entries_have_four_fields)
{
	static const char text[] =
		"user::rw-,user:1001:r--,user:1002:rwx,user:1003:---,"
		"user:77:-w-,group::r--,group:2001:rw-,mask::rwx,other::--x";
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd = open_new("f");
	struct stat st;

	if (fd < 0)
		return support_skip("no extended attributes here");
	ck_assert_ok(acl_apply(fd, ACL_OF_ACCESS, text, NULL, &err), &err);
	check_text(fd, ACL_OF_ACCESS,
		   "user::rw-,user:77:-w-:77,user:alice:r--:1001,user:1002:rwx:1002,"
		   "user:1003:---:1003,group::r--,group:staff:rw-:2001,mask::rwx,"
		   "other::--x");
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0671);
}

END_TEST

START_TEST(default_acls_are_directories_own)
{
	static const char text[] =
		"user::rwx,user:77:r-x:77,group::---,mask::r-x,other::---";
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int dir = open_new("d/"), fd = -1;

	if (dir < 0)
		return support_skip("no extended attributes here");
	ck_assert_ok(acl_apply(dir, ACL_OF_DEFAULT, text, NULL, &err), &err);
	check_text(dir, ACL_OF_DEFAULT, text);
	check_text(dir, ACL_OF_ACCESS, NULL);
	fd = open_new("d/inherits");
	ck_assert_int_eq(fgetxattr(fd, "system.posix_acl_access", NULL, 0), 44);
	ck_assert_ok(acl_remove(fd, ACL_OF_ACCESS, &err), &err);
	ck_assert_int_eq(fgetxattr(fd, "system.posix_acl_access", NULL, 0), -1);
	ck_assert_ok(acl_remove(dir, ACL_OF_DEFAULT, &err), &err);
	check_text(dir, ACL_OF_DEFAULT, NULL);
	ck_assert_ok(acl_remove(dir, ACL_OF_DEFAULT, &err), &err);
	ck_assert_fails(acl_apply(fd, ACL_OF_DEFAULT, text, NULL, &err), &err, ERR_DENIED,
			"cannot set access control list");
}

END_TEST

START_TEST(a_minimal_default_acl_is_kept)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int dir = open_new("d/");

	if (dir < 0)
		return support_skip("no extended attributes here");
	ck_assert_ok(acl_apply(dir, ACL_OF_DEFAULT, "user::rwx,group::---,other::---",
			       NULL, &err),
		     &err);
	check_text(dir, ACL_OF_DEFAULT, "user::rwx,group::---,other::---");
}

END_TEST

START_TEST(names_are_mapped)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd = open_new("f");

	if (fd < 0)
		return support_skip("no extended attributes here");
	ck_assert_ok(acl_apply(fd, ACL_OF_ACCESS,
			       "user::rw-,user:alice:r--:1001,group::r--,group:staff:rw-,"
			       "user:bob:rwx:78,other::---",
			       owners, &err),
		     &err);
	check_text(fd, ACL_OF_ACCESS,
		   "user::rw-,user:78:rwx:78,user:3001:r--:3001,group::r--,"
		   "group:4001:rw-:4001,"
		   "mask::rwx,other::---");
	ck_assert_fails(acl_apply(fd, ACL_OF_ACCESS,
				  "user::rw-,user:bob:r--,group::r--,other::---", owners,
				  &err),
			&err, ERR_REFUSED, "nobody is called \"bob\"");
	ck_assert_fails(acl_apply(fd, ACL_OF_ACCESS,
				  "user::rw-,user:bob:r--,group::r--,other::---", NULL,
				  &err),
			&err, ERR_REFUSED, "no number for user \"bob\"");
	ck_assert_fails(
		acl_apply(fd, ACL_OF_ACCESS,
			  "user::rw-,user:alice:r--,user:3001:---,group::r--,other::---",
			  owners, &err),
		&err, ERR_CORRUPT, "an owner twice");
}

END_TEST

START_TEST(descriptors_of_paths_alone_will_do)
{
	static const char text[] =
		"user::rw-,user:77:r--:77,group::r--,mask::r--,other::---";
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int probe = open_new("f"), fd = -1;

	if (probe < 0)
		return support_skip("no extended attributes here");
	support_node(support_dirfd(), "fifo", S_IFIFO | 0640, 0);
	fd = openat(support_dirfd(), "fifo", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	ck_assert_ok(acl_apply(fd, ACL_OF_ACCESS, text, NULL, &err), &err);
	check_text(fd, ACL_OF_ACCESS, text);
	ck_assert_ok(acl_remove(fd, ACL_OF_ACCESS, &err), &err);
	check_text(fd, ACL_OF_ACCESS, NULL);
}

END_TEST

START_TEST(without_support_there_is_nothing_to_read)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	check_text(fd, ACL_OF_ACCESS, NULL);
	check_text(fd, ACL_OF_DEFAULT, NULL);
	ck_assert_fails(acl_apply(fd, ACL_OF_ACCESS, "user::rw-,group::r--,other::---",
				  NULL, &err),
			&err, ERR_UNSUPPORTED, "no access control lists");
	ck_assert_ok(acl_remove(fd, ACL_OF_ACCESS, &err), &err);
	ck_assert_ok(acl_remove(fd, ACL_OF_DEFAULT, &err), &err);
}

END_TEST

START_TEST(all_forms_of_text_are_read)
{
	static const char *const good[] = {
		"user::rwx,group::r-x,other::r-x",
		"u::rwx,g::rx,o::-",
		"user::rwx\ngroup::r-x\nmask::r-x\nother:r-x\n",
		" user::rwx , group::r-x , m:rwx, o:x",
		"other::r--,group:g:rw-:0,group::r--,user:4294967294:r--,user::rwx",
	};
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		ck_assert_ok(acl_check_text(good[i], &err), &err);
}

END_TEST

START_TEST(bad_text_is_refused)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "lacks" },
		{ "user::rwx,group::r-x", "lacks" },
		{ "user::rwx,group::r-x,other::---,user::rwx", "twice" },
		{ "user::rwx,group::r-x,other::---,user:5:r--,user:5:rwx", "twice" },
		{ "user::rwx,group::r-x,other::---,user:a:r--,user:a:rwx:7", "twice" },
		{ "user::rwx,group::r-x,other::rwxr", "malformed" },
		{ "user::rwx,group::rr,other::r", "malformed" },
		{ "user::rwx,group::,other::r", "malformed" },
		{ "user::rwx,group:r-x,other::r", "malformed" },
		{ "user::rwx,group::r-x,other:x:r", "malformed" },
		{ "user::rwx,group::r-x,other::r--:5", "malformed" },
		{ "user::rwx:5,group::r-x,other::r--", "malformed" },
		{ "user::rwx,group::r-x,other::---,user:a:r--:4294967295", "malformed" },
		{ "user::rwx,group::r-x,other::---,user:a:r--:-1", "malformed" },
		{ "user::rwx,group::r-x,other::---,user:a:r--:1:2", "malformed" },
		{ "user::rwx,group::r-x,other::---,default:user::rwx", "malformed" },
		{ "nonsense", "malformed" },
	};
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_fails(acl_check_text(bad[i].text, &err), &err, ERR_CORRUPT,
				bad[i].why);
}

END_TEST

START_TEST(endless_text_is_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	ck_assert_ok(buf_add_str(&text, "user::rwx,group::---,other::---", &err), &err);
	for (unsigned i = 0; i < 8190; i++)
		ck_assert_ok(buf_printf(&text, &err, ",user:%u:rwx", i), &err);
	ck_assert_fails(acl_check_text(text.data, &err), &err, ERR_CORRUPT,
			"more than 8192");
}

END_TEST

Suite *suite_acl(void)
{
	Suite *s = suite_create("acl");
	TCase *tc = support_tcase(s, "acl");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_beyond_the_mode_is_no_text);
	tcase_add_test(tc, named_entries_have_four_fields);
	tcase_add_test(tc, default_acls_are_directories_own);
	tcase_add_test(tc, a_minimal_default_acl_is_kept);
	tcase_add_test(tc, names_are_mapped);
	tcase_add_test(tc, descriptors_of_paths_alone_will_do);
	tcase_add_test(tc, without_support_there_is_nothing_to_read);
	tcase_add_test(tc, all_forms_of_text_are_read);
	tcase_add_test(tc, bad_text_is_refused);
	tcase_add_test(tc, endless_text_is_refused);
	return s;
}
