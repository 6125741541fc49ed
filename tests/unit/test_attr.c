/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/attr.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "backend/tree/acl.h"
#include "tests/unit/support.h"

/* The attributes of something, as "name=size name=size access default". */
static char *describe(int fd)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(entry_done) struct entry e;
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	entry_init(&e);
	ck_assert_ok(attr_read(fd, NULL, &e, &err), &err);
	for (size_t i = 0; i < e.n_xattrs; i++)
		ck_assert_ok(buf_printf(&text, &err, "%s=%zu ", e.xattrs[i].name,
					e.xattrs[i].size),
			     &err);
	if (e.acl_access)
		ck_assert_ok(buf_printf(&text, &err, "access:%s ", e.acl_access), &err);
	if (e.acl_default)
		ck_assert_ok(buf_printf(&text, &err, "default:%s ", e.acl_default), &err);
	attr_clear(&e);
	ck_assert_uint_eq(e.n_xattrs, 0);
	ck_assert_ptr_null(e.acl_access);
	return buf_steal(&text, &err);
}

static void check(int fd, const char *want)
{
	_cleanup_free_ char *got = describe(fd);

	ck_assert_str_eq(got, want);
}

static int open_file(const char *name)
{
	int fd = openat(support_dirfd(), name, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(attributes_come_sorted_and_whole)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(entry_done) struct entry e;
	_cleanup_close_ int fd = -1;
	char value[3000];

	memset(value, 'v', sizeof(value));
	support_file(support_dirfd(), "f", 0644, "");
	fd = open_file("f");
	check(fd, "");
	/* Two that need no room of their own, one that does. */
	if (!support_xattr(support_dirfd(), "f", "user.z", "1\0002", 3) ||
	    !support_xattr(support_dirfd(), "f", "user.m", value, sizeof(value)) ||
	    !support_xattr(support_dirfd(), "f", "user.a=%", "", 0))
		return;
	entry_init(&e);
	ck_assert_ok(attr_read(fd, NULL, &e, &err), &err);
	ck_assert_uint_eq(e.n_xattrs, 3);
	ck_assert_str_eq(e.xattrs[0].name, "user.a=%");
	ck_assert_str_eq(e.xattrs[1].name, "user.m");
	ck_assert_uint_eq(e.xattrs[1].size, sizeof(value));
	ck_assert_mem_eq(e.xattrs[1].value, value, sizeof(value));
	ck_assert_str_eq(e.xattrs[2].name, "user.z");
	ck_assert_mem_eq(e.xattrs[2].value, "1\0002", 3);
}

END_TEST

START_TEST(long_lists_are_read_whole)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(entry_done) struct entry e;
	_cleanup_close_ int fd = -1;
	char name[64];

	support_file(support_dirfd(), "f", 0644, "");
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "user.a-rather-long-name-of-an-attribute-%d",
			 i);
		if (!support_xattr(support_dirfd(), "f", name, "", 0))
			return;
	}
	fd = open_file("f");
	entry_init(&e);
	ck_assert_ok(attr_read(fd, NULL, &e, &err), &err);
	ck_assert_uint_eq(e.n_xattrs, 60);
}

END_TEST

START_TEST(acls_are_text_and_not_attributes)
{
	static const char access_text[] =
		"user::rwx,user:7:r--:7,group::r-x,mask::r-x,other::---";
	static const char default_text[] = "user::rwx,group::---,other::---";
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd = -1;

	support_mkdir(support_dirfd(), "d", 0750);
	if (!support_xattr(support_dirfd(), "d", "user.x", "1", 1))
		return;
	fd = open_file("d");
	ck_assert_ok(acl_apply(fd, ACL_OF_ACCESS, access_text, NULL, &err), &err);
	ck_assert_ok(acl_apply(fd, ACL_OF_DEFAULT, default_text, NULL, &err), &err);
	check(fd,
	      "user.x=1 access:user::rwx,user:7:r--:7,group::r-x,mask::r-x,other::--- "
	      "default:user::rwx,group::---,other::--- ");
}

END_TEST

START_TEST(only_what_means_something_elsewhere_is_taken)
{
	/* A capability set of version 2: CAP_NET_RAW, permitted and effective. */
	static const uint8_t capability[20] = { 1, 0, 0, 2, 0, 32 };
	_cleanup_close_ int fd = -1;

	if (!support_need_root())
		return;
	support_file(support_dirfd(), "f", 0755, "");
	fd = open_file("f");
	if (!support_xattr(support_dirfd(), "f", "security.capability", capability,
			   sizeof(capability)) ||
	    !support_xattr(support_dirfd(), "f", "security.other", "x", 1) ||
	    !support_xattr(support_dirfd(), "f", "security.selinux", "a:b:c", 6) ||
	    !support_xattr(support_dirfd(), "f", "trusted.t", "xy", 2))
		return;
	check(fd, "security.capability=20 security.selinux=6 trusted.t=2 ");
}

END_TEST

START_TEST(what_is_never_opened_has_attributes_too)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd = -1, probe = -1;

	support_file(support_dirfd(), "probe", 0644, "");
	if (!support_xattr(support_dirfd(), "probe", "user.x", "1", 1))
		return;
	support_node(support_dirfd(), "fifo", S_IFIFO | 0640, 0);
	fd = openat(support_dirfd(), "fifo", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	check(fd, "");
	ck_assert_ok(acl_apply(fd, ACL_OF_ACCESS,
			       "user::rw-,user:7:r--,group::r--,mask::r--,other::---",
			       NULL, &err),
		     &err);
	check(fd, "access:user::rw-,user:7:r--:7,group::r--,mask::r--,other::--- ");
	probe = openat(support_dirfd(), "probe", O_PATH | O_CLOEXEC);
	check(probe, "user.x=1 ");
}

END_TEST

START_TEST(a_file_system_without_attributes_has_none)
{
	_cleanup_close_ int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	check(fd, "");
}

END_TEST

/* Who may not read a file any more, but has it open, is told the names alone. */
START_TEST(one_that_may_not_be_read_is_an_error)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(entry_done) struct entry e;
	_cleanup_close_ int fd = -1;
	int r;

	support_file(support_dirfd(), "f", 0600, "");
	if (!support_xattr(support_dirfd(), "f", "user.x", "1", 1))
		return;
	fd = open_file("f");
	entry_init(&e);
	ck_assert_int_eq(fchmod(fd, 0), 0);
	ck_assert_int_eq(geteuid() == 0 ? seteuid(65534) : 0, 0);
	r = attr_read(fd, NULL, &e, &err);
	ck_assert_int_eq(getuid() == 0 ? seteuid(0) : 0, 0);
	ck_assert_fails(r, &err, ERR_DENIED,
			"cannot read its extended attribute \"user.x\"");
}

END_TEST

START_TEST(a_bad_descriptor_is_an_error)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(entry_done) struct entry e;

	entry_init(&e);
	ck_assert_fails(attr_read(-1, NULL, &e, &err), &err, ERR_NOT_FOUND,
			"cannot list its extended attributes");
}

END_TEST

Suite *suite_attr(void)
{
	Suite *s = suite_create("attr");
	TCase *tc = support_tcase(s, "attr");

	tcase_add_test(tc, attributes_come_sorted_and_whole);
	tcase_add_test(tc, long_lists_are_read_whole);
	tcase_add_test(tc, acls_are_text_and_not_attributes);
	tcase_add_test(tc, only_what_means_something_elsewhere_is_taken);
	tcase_add_test(tc, what_is_never_opened_has_attributes_too);
	tcase_add_test(tc, a_file_system_without_attributes_has_none);
	tcase_add_test(tc, one_that_may_not_be_read_is_an_error);
	tcase_add_test(tc, a_bad_descriptor_is_an_error);
	return s;
}
