/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/attr_apply.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/unit/support.h"
#include "tests/unit/support_tar.h"

/* A capability as the kernel stores it: version 2, cap_net_bind_service permitted. */
static const char capability[20] = "\1\0\0\2\0\4";

static int open_out(void)
{
	int fd;

	support_mkdir(support_dirfd(), "out", 0700);
	fd = openat(support_dirfd(), "out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Unpacks t into "out" and leaves its descriptor and the notes to the caller. */
static int unpack(struct tar_bytes *t, int fd, unsigned flags, struct apply_notes *notes,
		  struct err *err)
{
	tar_end(t);
	tar_bytes_rewind(t, 0);
	apply_notes_init(notes);
	return support_unpack(tar_bytes_source, t, "common", fd, flags, notes, err);
}

static struct stat stat_of(int fd, const char *name)
{
	struct stat st;

	ck_assert_msg(fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0, "%s: %s", name,
		      strerror(errno));
	return st;
}

static ssize_t xattr_of(int fd, const char *name, const char *xattr, char value[64])
{
	int file = openat(fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n;

	ck_assert_int_ge(file, 0);
	n = fgetxattr(file, xattr, value, 64);
	close(file);
	return n;
}

/* An extended header with a value that may hold any bytes. */
static void add_xattr(struct tar_bytes *t, const char *name, const char *value, size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT;
	size_t total = strlen("00 SCHILY.xattr.=\n") + strlen(name) + n;

	ck_assert(total > 9 && total < 100);
	ck_assert_ok(buf_printf(&b, &err, "%zu SCHILY.xattr.%s=", total, name), &err);
	ck_assert_ok(buf_add(&b, value, n, &err), &err);
	ck_assert_ok(buf_add_byte(&b, '\n', &err), &err);
	tar_header(t, (struct tar_item){ .name = "pax", .type = 'x', .size = b.len });
	tar_data(t, b.data, b.len);
}

/* A file, a directory and a link with set-id bits, all owned by the test's user. */
static void add_set_ids(struct tar_bytes *t, unsigned uid, unsigned gid)
{
	tar_add(t, (struct tar_item){
			   .name = "common", .type = '5', .uid = uid, .gid = gid });
	tar_add(t, (struct tar_item){ .name = "common/u",
				      .type = '0',
				      .mode = 04755,
				      .uid = uid,
				      .gid = gid,
				      .data = "u" });
	tar_add(t, (struct tar_item){ .name = "common/g",
				      .type = '0',
				      .mode = 02755,
				      .uid = uid,
				      .gid = gid });
	tar_add(t, (struct tar_item){ .name = "common/d",
				      .type = '5',
				      .mode = 03775,
				      .uid = uid,
				      .gid = gid });
}

START_TEST(attr_apply_keeps_set_id_bits_of_trusted_archives)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	int fd = open_out();

	if (!support_need_root())
		goto out;
	add_set_ids(&t, 5, 6);
	ck_assert_ok(unpack(&t, fd, APPLY_OWNERS | APPLY_TRUSTED, &notes, &err), &err);
	ck_assert_uint_eq(stat_of(fd, "u").st_mode & 07777, 04755);
	ck_assert_uint_eq(stat_of(fd, "g").st_mode & 07777, 02755);
	ck_assert_uint_eq(stat_of(fd, "d").st_mode & 07777, 03775);
	ck_assert_uint_eq(stat_of(fd, "u").st_uid, 5);
	ck_assert_uint_eq(stat_of(fd, "u").st_gid, 6);
	ck_assert_uint_eq(notes.text.len, 0);
	apply_notes_done(&notes);
out:
	close(fd);
}

END_TEST

START_TEST(attr_apply_strips_set_id_bits_of_strange_system_archives)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	int fd = open_out();

	if (!support_need_root())
		goto out;
	add_set_ids(&t, 0, 0);
	ck_assert_ok(unpack(&t, fd, APPLY_OWNERS, &notes, &err), &err);
	ck_assert_uint_eq(stat_of(fd, "u").st_mode & 07777, 0755);
	ck_assert_uint_eq(stat_of(fd, "g").st_mode & 07777, 0755);
	ck_assert_uint_eq(stat_of(fd, "d").st_mode & 07777, 03775);
	ck_assert_str_eq(notes.text.data, "common/u: set-user-ID bit left out\n"
					  "common/g: set-group-ID bit left out\n");
	apply_notes_done(&notes);
out:
	close(fd);
}

END_TEST

START_TEST(attr_apply_strips_set_id_bits_of_strange_user_archives)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	int fd;

	if (!support_become_user())
		return;
	fd = open_out();
	add_set_ids(&t, geteuid(), getegid());
	ck_assert_ok(unpack(&t, fd, 0, &notes, &err), &err);
	ck_assert_uint_eq(stat_of(fd, "u").st_mode & 07777, 0755);
	ck_assert_uint_eq(stat_of(fd, "g").st_mode & 07777, 0755);
	ck_assert_uint_eq(stat_of(fd, "d").st_mode & 07777, 03775);
	ck_assert_str_eq(notes.text.data,
			 "(minor) common/u: set-user-ID bit left out\n"
			 "(minor) common/g: set-group-ID bit left out\n");
	apply_notes_done(&notes);
	close(fd);
}

END_TEST

START_TEST(attr_apply_keeps_set_id_bits_of_the_users_own)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	int fd;

	if (!support_become_user())
		return;
	fd = open_out();
	add_set_ids(&t, geteuid(), getegid());
	ck_assert_ok(unpack(&t, fd, APPLY_TRUSTED, &notes, &err), &err);
	ck_assert_uint_eq(stat_of(fd, "u").st_mode & 07777, 04755);
	ck_assert_uint_eq(stat_of(fd, "g").st_mode & 07777, 02755);
	ck_assert_uint_eq(notes.text.len, 0);
	apply_notes_done(&notes);
	close(fd);
}

END_TEST

START_TEST(attr_apply_gives_a_users_archive_to_the_user)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	int fd;

	if (!support_become_user())
		return;
	fd = open_out();
	/* Root's set-id program must not become one of ours. */
	add_set_ids(&t, 0, 0);
	tar_add(&t, (struct tar_item){ .name = "common/l",
				       .type = '2',
				       .link = "x",
				       .user = "unknown",
				       .uid = 77,
				       .group = "unknown",
				       .gid = 77 });
	ck_assert_ok(unpack(&t, fd, APPLY_TRUSTED, &notes, &err), &err);
	ck_assert_uint_eq(stat_of(fd, "u").st_uid, geteuid());
	ck_assert_uint_eq(stat_of(fd, "u").st_gid, getegid());
	ck_assert_uint_eq(stat_of(fd, "u").st_mode & 07777, 0755);
	ck_assert_uint_eq(stat_of(fd, "g").st_mode & 07777, 0755);
	ck_assert_uint_eq(stat_of(fd, "l").st_uid, geteuid());
	/* Each owner once, however many files. */
	ck_assert_str_eq(
		notes.text.data,
		"(minor) common/u: owner without a name (0) is not kept: it is yours now\n"
		"(minor) common/u: group without a name (0) is not kept: it is yours now\n"
		"(minor) common/u: set-user-ID bit left out\n"
		"(minor) common/g: set-group-ID bit left out\n"
		"(minor) common/l: owner \"unknown\" (77) is not kept: it is yours now\n"
		"(minor) common/l: group \"unknown\" (77) is not kept: it is yours now\n");
	apply_notes_done(&notes);
	close(fd);
}

END_TEST

START_TEST(attr_apply_keeps_groups_that_the_user_is_in)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	static const gid_t groups[] = { 4242 };
	struct apply_notes notes;
	int fd;

	if (!support_need_root())
		return;
	if (!support_forks()) {
		support_skip("needs a process of its own");
		return;
	}
	fd = open_out();
	ck_assert_int_eq(fchown(fd, 65534, 65534), 0);
	ck_assert_int_eq(fchown(support_dirfd(), 65534, 65534), 0);
	ck_assert_int_eq(setgroups(1, groups), 0);
	ck_assert_int_eq(setresgid(65534, 65534, 65534), 0);
	ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
	tar_add(&t, (struct tar_item){ .name = "common/f",
				       .type = '0',
				       .mode = 02755,
				       .uid = 65534,
				       .gid = 4242 });
	tar_add(&t, (struct tar_item){ .name = "common/l",
				       .type = '2',
				       .link = "f",
				       .uid = 65534,
				       .gid = 4242 });
	ck_assert_ok(unpack(&t, fd, APPLY_TRUSTED, &notes, &err), &err);
	ck_assert_uint_eq(stat_of(fd, "f").st_gid, 4242);
	ck_assert_uint_eq(stat_of(fd, "f").st_mode & 07777, 02755);
	ck_assert_uint_eq(stat_of(fd, "l").st_gid, 4242);
	ck_assert_uint_eq(notes.text.len, 0);
	apply_notes_done(&notes);
	close(fd);
}

END_TEST

START_TEST(attr_apply_refuses_owners_of_a_system_archive_that_are_unknown)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	int fd = open_out();

	tar_add(&t,
		(struct tar_item){ .name = "common/f", .type = '0', .user = "unknown" });
	ck_assert_fails(unpack(&t, fd, APPLY_OWNERS, &notes, &err), &err, ERR_REFUSED,
			"owner of \"common/f\": \"unknown\" is not known here");
	apply_notes_done(&notes);
	close(fd);
}

END_TEST

/* Whom user 1 is here; NULL, with a SKIP line, where nobody is. */
static const char *name_of_1(const char *test)
{
	const struct passwd *pw = getpwuid(1);

	if (!pw)
		support_skip_for(test, "nobody here is user 1");
	return pw ? pw->pw_name : NULL;
}

START_TEST(attr_apply_prefers_names_to_numbers)
{
	const char *name = name_of_1(__func__);
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	int fd = open_out();

	if (!name || !support_need_root())
		goto out;
	tar_add(&t, (struct tar_item){ .name = "common/f",
				       .type = '0',
				       .user = name,
				       .uid = 4711,
				       .group = "no such group",
				       .gid = 4712 });
	ck_assert_ok(unpack(&t, fd, APPLY_OWNERS, &notes, &err), &err);
	ck_assert_uint_eq(stat_of(fd, "f").st_uid, 1);
	ck_assert_uint_eq(stat_of(fd, "f").st_gid, 4712);
	apply_notes_done(&notes);
out:
	close(fd);
}

END_TEST

static void add_devices(struct tar_bytes *t)
{
	tar_add(t, (struct tar_item){ .name = "common/null",
				      .type = '3',
				      .mode = 0666,
				      .gid = getegid(),
				      .uid = geteuid(),
				      .major = 1,
				      .minor = 3 });
	tar_add(t, (struct tar_item){
			   .name = "common/h", .type = '1', .link = "common/null" });
}

START_TEST(attr_apply_refuses_devices_of_strange_system_archives)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	int fd = open_out();

	add_devices(&t);
	ck_assert_fails(unpack(&t, fd, APPLY_OWNERS, &notes, &err), &err, ERR_REFUSED,
			"holds a device, \"common/null\"");
	ck_assert_uint_eq(support_count(fd, "."), 0);
	apply_notes_done(&notes);
	close(fd);
}

END_TEST

START_TEST(attr_apply_leaves_devices_of_users_out)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	int fd;

	if (!support_become_user())
		return;
	fd = open_out();
	add_devices(&t);
	ck_assert_ok(unpack(&t, fd, APPLY_TRUSTED, &notes, &err), &err);
	ck_assert_str_eq(notes.text.data,
			 "common/null: device left out\n"
			 "common/h: left out: a link to \"common/null\", which is not "
			 "here\n");
	ck_assert_uint_eq(support_count(fd, "."), 0);
	apply_notes_done(&notes);
	close(fd);
}

END_TEST

START_TEST(attr_apply_makes_devices_of_trusted_system_archives)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	int fd = open_out();
	struct stat st;

	if (!support_need_root())
		goto out;
	tar_add(&t, (struct tar_item){ .name = "common/null",
				       .type = '3',
				       .mode = 0620,
				       .uid = 3,
				       .gid = 5,
				       .mtime = 99,
				       .major = 1,
				       .minor = 3 });
	ck_assert_ok(unpack(&t, fd, APPLY_OWNERS | APPLY_TRUSTED, &notes, &err), &err);
	if (!support_exists(fd, "null")) {
		ck_assert(apply_notes_have(&notes, "not permitted here"));
		support_skip("devices cannot be made here");
	} else {
		st = stat_of(fd, "null");
		ck_assert(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
		ck_assert_uint_eq(st.st_mode & 07777, 0620);
		ck_assert(st.st_uid == 3 && st.st_gid == 5 && st.st_mtime == 99);
	}
	apply_notes_done(&notes);
out:
	close(fd);
}

END_TEST

START_TEST(attr_apply_sets_capabilities_of_trusted_system_archives)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	char value[64];
	int fd = open_out();

	if (!support_need_root())
		goto out;
	add_xattr(&t, "security.capability", capability, sizeof(capability));
	tar_add(&t, (struct tar_item){ .name = "common/f",
				       .type = '0',
				       .mode = 0755,
				       .uid = 5,
				       .data = "x" });
	ck_assert_ok(unpack(&t, fd, APPLY_OWNERS | APPLY_TRUSTED, &notes, &err), &err);
	if (notes.text.len) {
		support_skip("capabilities cannot be set here");
	} else {
		ck_assert_int_eq(xattr_of(fd, "f", "security.capability", value), 20);
		ck_assert_mem_eq(value, capability, 20);
	}
	apply_notes_done(&notes);
out:
	close(fd);
}

END_TEST

START_TEST(attr_apply_leaves_out_what_only_root_could_set)
{
	static const unsigned flags[] = { 0, APPLY_TRUSTED, APPLY_OWNERS };

	if (!support_need_root())
		return;
	for (int i = 0; i < 3; i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
		_cleanup_(err_clear) struct err err = ERR_INIT;
		struct apply_notes notes;
		char value[64];
		int fd = open_out();

		add_xattr(&t, "security.capability", capability, sizeof(capability));
		tar_file(&t, "common/f", "x");
		add_xattr(&t, "trusted.x", "1", 1);
		tar_file(&t, "common/g", "x");
		add_xattr(&t, "security.selinux", "label", 6);
		tar_file(&t, "common/h", "x");
		ck_assert_ok(unpack(&t, fd, flags[i], &notes, &err), &err);
		ck_assert_str_eq(notes.text.data,
				 "common/f: file capabilities left out\n"
				 "common/g: attribute \"trusted.x\" left out\n");
		ck_assert_int_lt(xattr_of(fd, "f", "security.capability", value), 0);
		ck_assert_int_lt(xattr_of(fd, "g", "trusted.x", value), 0);
		apply_notes_done(&notes);
		close(fd);
		support_remove_tree(support_dirfd(), "out");
	}
}

END_TEST

START_TEST(attr_apply_sets_user_attributes_of_read_only_files)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	char value[64];
	int fd;

	if (!support_become_user())
		return;
	fd = open_out();
	if (fsetxattr(fd, "user.probe", "1", 1, 0) < 0) {
		support_skip("the file system has no attributes of users");
		close(fd);
		return;
	}
	ck_assert_int_eq(fremovexattr(fd, "user.probe"), 0);
	add_xattr(&t, "user.x", "a\0b", 3);
	tar_add(&t, (struct tar_item){ .name = "common/f",
				       .type = '0',
				       .mode = 0444,
				       .mtime = 3,
				       .uid = geteuid(),
				       .gid = getegid() });
	add_xattr(&t, "user.dir", "d", 1);
	tar_add(&t, (struct tar_item){ .name = "common/d",
				       .type = '5',
				       .mode = 0555,
				       .mtime = 4,
				       .uid = geteuid(),
				       .gid = getegid() });
	ck_assert_ok(unpack(&t, fd, 0, &notes, &err), &err);
	ck_assert_msg(!notes.text.len, "%s", notes.text.data);
	ck_assert_int_eq(xattr_of(fd, "f", "user.x", value), 3);
	ck_assert_mem_eq(value, "a\0b", 3);
	ck_assert_int_eq(xattr_of(fd, "d", "user.dir", value), 1);
	ck_assert_int_eq(stat_of(fd, "f").st_mtime, 3);
	ck_assert_int_eq(stat_of(fd, "d").st_mtime, 4);
	apply_notes_done(&notes);
	close(fd);
}

END_TEST

START_TEST(attr_apply_leaves_out_acls_with_unknown_owners_of_users)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	int fd = open_out();

	tar_pax(&t, 'x', "SCHILY.acl.access",
		"user::rw-,user:unknown:rwx:99,group::r--,mask::rwx,other::---", NULL);
	tar_add(&t, (struct tar_item){ .name = "common/f",
				       .type = '0',
				       .mode = 0670,
				       .uid = geteuid(),
				       .gid = getegid() });
	ck_assert_ok(unpack(&t, fd, 0, &notes, &err), &err);
	ck_assert(apply_notes_have(&notes, "common/f: access control list left out"));
	ck_assert(!apply_notes_have(&notes, "(minor)"));
	/* The group had r--; rwx was the mask for somebody else. */
	ck_assert_uint_eq(stat_of(fd, "f").st_mode & 07777, 0640);
	apply_notes_done(&notes);
	close(fd);
}

END_TEST

START_TEST(attr_apply_refuses_acls_with_unknown_owners_of_the_system)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	int fd = open_out();

	tar_pax(&t, 'x', "SCHILY.acl.access",
		"user::rw-,user:unknown:rwx:99,group::r--,mask::rwx,other::---", NULL);
	tar_add(&t, (struct tar_item){ .name = "common/f",
				       .type = '0',
				       .uid = geteuid(),
				       .gid = getegid() });
	ck_assert_fails(unpack(&t, fd, APPLY_OWNERS, &notes, &err), &err, ERR_REFUSED,
			"access control list of \"common/f\"");
	apply_notes_done(&notes);
	close(fd);
}

END_TEST

START_TEST(attr_apply_refuses_acls_that_are_none)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	int fd = open_out();

	tar_pax(&t, 'x', "SCHILY.acl.access", "user::rw-,nonsense", NULL);
	tar_add(&t, (struct tar_item){ .name = "common/f",
				       .type = '0',
				       .uid = geteuid(),
				       .gid = getegid() });
	ck_assert_fails(unpack(&t, fd, 0, &notes, &err), &err, ERR_CORRUPT,
			"access control list of \"common/f\"");
	apply_notes_done(&notes);
	close(fd);
}

END_TEST

START_TEST(attr_apply_leaves_out_acls_of_two_owners_that_are_one_here)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct apply_notes notes;
	const char *name = name_of_1(__func__);
	int fd;
	char acl[512];

	if (!name)
		return;
	fd = open_out();
	/* That name is 1 here, and so is number 1. */
	snprintf(acl, sizeof(acl),
		 "user::rw-,user:%s:rwx:50,user:1:r--:1,group::---,mask::rwx,other::---",
		 name);
	tar_pax(&t, 'x', "SCHILY.acl.access", acl, NULL);
	tar_add(&t, (struct tar_item){ .name = "common/f",
				       .type = '0',
				       .mode = 0670,
				       .uid = geteuid(),
				       .gid = getegid() });
	ck_assert_ok(unpack(&t, fd, 0, &notes, &err), &err);
	ck_assert(apply_notes_have(&notes, "common/f: access control list left out"));
	ck_assert_uint_eq(stat_of(fd, "f").st_mode & 07777, 0600);
	apply_notes_done(&notes);
	close(fd);
}

END_TEST

START_TEST(attr_apply_sets_acls_of_fifos)
{
	static const char *const getfacl[] = { "getfacl", "-nc", "out/p", NULL };
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *acl = NULL;
	struct apply_notes notes;
	int fd = open_out();

	tar_pax(&t, 'x', "SCHILY.acl.access",
		"user::rw-,user:7:r--:7,group::---,mask::r--,other::---", NULL);
	tar_add(&t, (struct tar_item){ .name = "common/p",
				       .type = '6',
				       .mode = 0640,
				       .uid = geteuid(),
				       .gid = getegid() });
	ck_assert_ok(unpack(&t, fd, 0, &notes, &err), &err);
	if (support_run(support_dir(), "acl", getfacl) != 0) {
		support_skip("getfacl is not installed");
	} else {
		acl = support_read(support_dirfd(), "acl", NULL);
		ck_assert_str_eq(acl, "user::rw-\nuser:7:r--\ngroup::---\nmask::r--\n"
				      "other::---\n\n");
	}
	apply_notes_done(&notes);
	close(fd);
}

END_TEST

Suite *suite_attr_apply(void)
{
	Suite *s = suite_create("attr_apply");
	TCase *tc = support_tcase(s, "owners");

	tcase_add_test(tc, attr_apply_keeps_set_id_bits_of_trusted_archives);
	tcase_add_test(tc, attr_apply_strips_set_id_bits_of_strange_system_archives);
	tcase_add_test(tc, attr_apply_strips_set_id_bits_of_strange_user_archives);
	tcase_add_test(tc, attr_apply_keeps_set_id_bits_of_the_users_own);
	tcase_add_test(tc, attr_apply_gives_a_users_archive_to_the_user);
	tcase_add_test(tc, attr_apply_keeps_groups_that_the_user_is_in);
	tcase_add_test(tc,
		       attr_apply_refuses_owners_of_a_system_archive_that_are_unknown);
	tcase_add_test(tc, attr_apply_prefers_names_to_numbers);

	tc = support_tcase(s, "devices");
	tcase_add_test(tc, attr_apply_refuses_devices_of_strange_system_archives);
	tcase_add_test(tc, attr_apply_leaves_devices_of_users_out);
	tcase_add_test(tc, attr_apply_makes_devices_of_trusted_system_archives);

	tc = support_tcase(s, "attributes");
	tcase_add_test(tc, attr_apply_sets_capabilities_of_trusted_system_archives);
	tcase_add_test(tc, attr_apply_leaves_out_what_only_root_could_set);
	tcase_add_test(tc, attr_apply_sets_user_attributes_of_read_only_files);
	tcase_add_test(tc, attr_apply_leaves_out_acls_with_unknown_owners_of_users);
	tcase_add_test(tc, attr_apply_refuses_acls_with_unknown_owners_of_the_system);
	tcase_add_test(tc, attr_apply_refuses_acls_that_are_none);
	tcase_add_test(tc, attr_apply_leaves_out_acls_of_two_owners_that_are_one_here);
	tcase_add_test(tc, attr_apply_sets_acls_of_fifos);
	return s;
}
