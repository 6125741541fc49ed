/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/swap.h"

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/buf.h"
#include "backend/tree/acl.h"
#include "tests/unit/support.h"

static uint64_t inode(const char *path)
{
	struct stat st;

	return fstatat(support_dirfd(), path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino
									     : 0;
}

/* "live" with the file `old` in it, and aside the staging tree with `new`. */
static struct swap two_trees(void)
{
	int d = support_dirfd();

	support_mkdir(d, "live", 0755);
	support_file(d, "live/old", 0644, "old");
	support_mkdir(d, "live.~abcdefghi~", 0755);
	support_file(d, "live.~abcdefghi~/new", 0644, "new");
	return (struct swap){ .parent = d,
			      .name = "live",
			      .aside = "live.~abcdefghi~",
			      .old_ino = inode("live"),
			      .new_ino = inode("live.~abcdefghi~") };
}

/* A step, of which a look foretells what comes of it, and changes nothing. */
static int step(const struct swap *s, bool backward, struct err *err)
{
	_cleanup_(err_clear) struct err told = ERR_INIT;
	uint64_t before[2], after[2];
	int r;

	ck_assert_ok(swap_look(s, &before[0], &before[1], err), err);
	(void)swap_check(s, backward, &told);
	ck_assert_ok(swap_look(s, &after[0], &after[1], err), err);
	ck_assert_uint_eq(before[0], after[0]);
	ck_assert_uint_eq(before[1], after[1]);
	r = swap_step(s, backward, err);
	ck_assert_int_eq(err->kind, told.kind);
	return r;
}

START_TEST(swap_forward_and_backward_may_be_repeated)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct swap s = two_trees();
	uint64_t live, aside;

	for (int i = 0; i < 2; i++) {
		ck_assert_ok(step(&s, false, &err), &err);
		ck_assert(support_exists(s.parent, "live/new"));
		ck_assert(support_exists(s.parent, "live.~abcdefghi~/old"));
	}
	ck_assert_ok(swap_look(&s, &live, &aside, &err), &err);
	ck_assert_uint_eq(live, s.new_ino);
	ck_assert_uint_eq(aside, s.old_ino);
	for (int i = 0; i < 2; i++) {
		ck_assert_ok(step(&s, true, &err), &err);
		ck_assert(support_exists(s.parent, "live/old"));
	}
}

END_TEST

START_TEST(swap_without_exchange_renames_over_a_third_name)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct swap s = two_trees();

	if (!support_lack(SUPPORT_EXCHANGE))
		return;
	ck_assert_ok(step(&s, false, &err), &err);
	ck_assert(support_exists(s.parent, "live/new"));
	ck_assert(support_exists(s.parent, "live.~abcdefghi~/old"));
	ck_assert_uint_eq(support_count(s.parent, "."), 2);
	ck_assert_ok(step(&s, true, &err), &err);
	ck_assert(support_exists(s.parent, "live/old"));
}

END_TEST

/* Each state between the three renames is where a crash may have stopped. */
START_TEST(swap_goes_on_from_every_state_between_the_renames)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct swap s = two_trees();
	int d = s.parent;

	ck_assert_int_eq(renameat(d, "live", d, "live.~abcdefghi~~"), 0);
	if (_i == 1)
		ck_assert_int_eq(renameat(d, "live.~abcdefghi~", d, "live"), 0);
	ck_assert_ok(step(&s, false, &err), &err);
	ck_assert(support_exists(d, "live/new"));
	ck_assert(support_exists(d, "live.~abcdefghi~/old"));
	ck_assert_uint_eq(support_count(d, "."), 2);
}

END_TEST

START_TEST(swap_between_the_renames_stops_at_something_else)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct swap s = two_trees();
	int d = s.parent;

	ck_assert_int_eq(renameat(d, "live", d, "live.~abcdefghi~~"), 0);
	support_mkdir(d, "live", 0755);
	ck_assert_fails(step(&s, false, &err), &err, ERR_CHANGED,
			"\"live\" was replaced by something else during the restore");
	ck_assert(support_exists(d, "live.~abcdefghi~/new"));
	ck_assert(support_exists(d, "live.~abcdefghi~~/old"));
}

END_TEST

/* The same on the way back. */
START_TEST(swap_goes_on_from_every_state_of_the_way_back)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct swap s = two_trees();
	int d = s.parent;
	bool backward = _i >= 2;

	ck_assert_ok(step(&s, false, &err), &err);
	ck_assert_int_eq(renameat(d, "live", d, "live.~abcdefghi~~"), 0);
	if (_i % 2 == 1)
		ck_assert_int_eq(renameat(d, "live.~abcdefghi~", d, "live"), 0);
	ck_assert_ok(step(&s, backward, &err), &err);
	ck_assert(support_exists(d, backward ? "live/old" : "live/new"));
	ck_assert(support_exists(d, backward ? "live.~abcdefghi~/new"
					     : "live.~abcdefghi~/old"));
	ck_assert_uint_eq(support_count(d, "."), 2);
}

END_TEST

/* Forward was cut between two renames, and now all has to go back. */
START_TEST(swap_turns_back_between_the_renames)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct swap s = two_trees();
	int d = s.parent;

	ck_assert_int_eq(renameat(d, "live", d, "live.~abcdefghi~~"), 0);
	if (_i == 1)
		ck_assert_int_eq(renameat(d, "live.~abcdefghi~", d, "live"), 0);
	ck_assert_ok(step(&s, true, &err), &err);
	ck_assert(support_exists(d, "live/old"));
	ck_assert(support_exists(d, "live.~abcdefghi~/new"));
	ck_assert_uint_eq(support_count(d, "."), 2);
}

END_TEST

START_TEST(swap_is_done_where_the_live_name_was_replaced_since)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct swap s = two_trees();
	int d = s.parent;

	if (_i == 1) {
		support_remove_tree(d, "live");
		s.old_ino = 0;
	}
	ck_assert_ok(step(&s, false, &err), &err);
	ck_assert_int_eq(renameat(d, "live", d, "elsewhere"), 0);
	support_mkdir(d, "live", 0755);
	support_file(d, "live/newer", 0644, "newer");
	ck_assert_ok(step(&s, false, &err), &err);
	ck_assert(support_exists(d, "live/newer"));
	ck_assert(_i == 1 || support_exists(d, "live.~abcdefghi~/old"));
	/* Back it cannot go without taking what is newer away. */
	if (_i == 0)
		ck_assert_fails(step(&s, true, &err), &err, ERR_CHANGED,
				"\"live\" was replaced meanwhile");
	else
		ck_assert_ok(step(&s, true, &err), &err);
	ck_assert(support_exists(d, "live/newer"));
}

END_TEST

START_TEST(swap_goes_back_where_the_live_name_is_gone)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct swap s = two_trees();

	ck_assert_int_eq(renameat(s.parent, "live", s.parent, "elsewhere"), 0);
	ck_assert_fails(step(&s, false, &err), &err, ERR_CHANGED, "\"live\"");
	ck_assert_ok(step(&s, true, &err), &err);
	ck_assert(!support_exists(s.parent, "live"));
	ck_assert(support_exists(s.parent, "live.~abcdefghi~/new"));
}

END_TEST

START_TEST(swap_of_something_else_is_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct swap s = two_trees();

	ck_assert_int_eq(renameat(s.parent, "live", s.parent, "elsewhere"), 0);
	support_mkdir(s.parent, "live", 0755);
	ck_assert_fails(step(&s, false, &err), &err, ERR_CHANGED,
			"\"live\" was replaced meanwhile");
	ck_assert(support_exists(s.parent, "live.~abcdefghi~/new"));
	err_clear(&err);
	ck_assert_ok(step(&s, true, &err), &err);
	ck_assert(support_exists(s.parent, "live.~abcdefghi~/new"));
	ck_assert(!support_exists(s.parent, "live/new"));
	ck_assert(!support_exists(s.parent, "live/old"));
}

END_TEST

START_TEST(swap_into_nothing_and_out_of_it)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct swap s = two_trees();

	support_remove_tree(s.parent, "live");
	s.old_ino = 0;
	ck_assert_ok(step(&s, false, &err), &err);
	ck_assert(support_exists(s.parent, "live/new"));
	ck_assert(!support_exists(s.parent, "live.~abcdefghi~"));
	ck_assert_ok(step(&s, true, &err), &err);
	ck_assert(!support_exists(s.parent, "live"));
	ck_assert(support_exists(s.parent, "live.~abcdefghi~/new"));
}

END_TEST

START_TEST(swap_without_noreplace_still_replaces_nothing)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct swap s = two_trees();

	if (!support_lack(SUPPORT_NOREPLACE))
		return;
	s.old_ino = 0;
	ck_assert_fails(step(&s, false, &err), &err, ERR_CHANGED, "\"live\"");
	support_remove_tree(s.parent, "live");
	ck_assert_ok(step(&s, false, &err), &err);
	ck_assert(support_exists(s.parent, "live/new"));
}

END_TEST

START_TEST(swap_inside_a_mount_point_uses_the_staging_directory)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int d = support_dirfd();
	struct swap s = { .parent = d, .name = "f", .aside = ".~abcdefghi~/f" };

	if (!support_need_openat2())
		return;
	support_mkdir(d, ".~abcdefghi~", 0700);
	support_file(d, ".~abcdefghi~/f", 0644, "new");
	support_file(d, "f", 0644, "old");
	s.old_ino = inode("f");
	s.new_ino = inode(".~abcdefghi~/f");
	ck_assert_ok(step(&s, false, &err), &err);
	ck_assert_uint_eq(inode("f"), s.new_ino);
	ck_assert_ok(swap_remove_aside(&s, &err), &err);
	ck_assert(!support_exists(d, ".~abcdefghi~/f"));
	ck_assert_ok(swap_remove_aside(&s, &err), &err);
}

END_TEST

START_TEST(root_removes_only_what_is_known_from_a_directory_of_others)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int d = support_dirfd();
	struct swap s = { .parent = d, .name = "live", .aside = "aside" };

	if (geteuid() != 0) {
		support_skip("only root acts in other people's directories");
		return;
	}
	support_file(d, "aside", 0644, "ours");
	support_file(d, "other", 0644, "somebody's");
	ck_assert_int_eq(fchown(d, 61001, 61001), 0);
	s.old_ino = inode("other");
	ck_assert_fails(swap_remove_aside(&s, &err), &err, ERR_CHANGED,
			"\"aside\" was replaced by something else");
	ck_assert(support_exists(d, "aside"));
	s.new_ino = inode("aside");
	ck_assert_ok(swap_remove_aside(&s, &err), &err);
	ck_assert(!support_exists(d, "aside"));
	ck_assert_ok(swap_remove_aside(&s, &err), &err);
}

END_TEST

START_TEST(staging_takes_no_name_that_exists)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int d = support_dirfd();
	int fd = swap_stage(d, "x.~abcdefghi~", false, &err);

	ck_assert_ok(fd, &err);
	close(fd);
	ck_assert_fails(swap_stage(d, "x.~abcdefghi~", false, &err), &err, ERR_EXISTS,
			"cannot make \"x.~abcdefghi~\"");
	ck_assert_fails(swap_stage(d, "x.~abcdefghi~", true, &err), &err, ERR_EXISTS,
			"cannot make \"x.~abcdefghi~\"");
	ck_assert_fails(swap_make_dir(d, "x.~abcdefghi~", 0755, &err), &err, ERR_CHANGED,
			"appeared meanwhile");
}

END_TEST

START_TEST(made_directories_have_exactly_their_mode)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int d = support_dirfd();
	struct stat st;

	umask(077);
	ck_assert_ok(swap_make_dir(d, "made", 0755, &err), &err);
	ck_assert_int_eq(fstatat(d, "made", &st, 0), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0755);
}

END_TEST

START_TEST(names_that_are_paths_are_not_legal)
{
	char name[NAME_MAX + 2];

	ck_assert(swap_name_is_legal("a"));
	ck_assert(swap_name_is_legal("...") && swap_name_is_legal("\xff"));
	ck_assert(!swap_name_is_legal(""));
	ck_assert(!swap_name_is_legal("."));
	ck_assert(!swap_name_is_legal(".."));
	ck_assert(!swap_name_is_legal("a/b"));
	memset(name, 'n', NAME_MAX + 1);
	name[NAME_MAX + 1] = '\0';
	ck_assert(!swap_name_is_legal(name));
	name[NAME_MAX] = '\0';
	ck_assert(swap_name_is_legal(name));
	ck_assert(swap_aside_is_legal(".~abcdefghi~/b"));
	ck_assert(!swap_aside_is_legal("../b"));
	ck_assert(!swap_aside_is_legal("a/.."));
	ck_assert(!swap_aside_is_legal("a/b/c"));
	ck_assert(!swap_aside_is_legal("/b"));
	ck_assert(!swap_aside_is_legal("a/"));
}

END_TEST

START_TEST(empty_directories_are_removed_and_full_ones_stay)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct swap s = { .parent = support_dirfd(), .name = "p" };
	bool removed;

	support_mkdir(s.parent, "p", 0755);
	support_file(s.parent, "p/f", 0644, "x");
	ck_assert_ok(swap_remove_dir(&s, &removed, &err), &err);
	ck_assert(!removed);
	ck_assert_int_eq(unlinkat(s.parent, "p/f", 0), 0);
	ck_assert_ok(swap_remove_dir(&s, &removed, &err), &err);
	ck_assert(removed);
	ck_assert_ok(swap_remove_dir(&s, &removed, &err), &err);
	ck_assert(!removed);
}

END_TEST

static int collect(void *ctx, const char *name, uint64_t ino, struct err *err)
{
	ck_assert_uint_ne(ino, 0);
	return buf_printf(ctx, err, "%s ", name);
}

START_TEST(lists_leave_out_the_staging_and_lost_and_found)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf names = BUF_INIT;
	int d = support_dirfd();

	support_mkdir(d, ".~abcdefghi~", 0700);
	support_mkdir(d, "lost+found", 0700);
	support_file(d, "b", 0644, "");
	support_file(d, "a", 0644, "");
	ck_assert_ok(swap_list(d, ".~abcdefghi~", collect, &names, &err), &err);
	ck_assert_str_eq(names.data, "a b ");
}

END_TEST

START_TEST(attributes_of_a_directory_come_back)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf attrs = BUF_INIT;
	int d = support_dirfd(), fd;
	struct stat st;

	support_mkdir(d, "m", 02750);
	support_mtime(d, "m", 1234567890, 123456789);
	fd = openat(d, "m", O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(fd, 0);
	ck_assert_ok(swap_read_attrs(fd, NULL, &attrs, &err), &err);
	ck_assert_int_eq(fchmod(fd, 0700), 0);
	support_file(d, "m/f", 0644, "");
	ck_assert_ok(swap_apply_attrs(fd, attrs.data, attrs.len, NULL, &err), &err);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 02750);
	ck_assert_int_eq(st.st_mtim.tv_sec, 1234567890);
	ck_assert_int_eq(st.st_mtim.tv_nsec, 123456789);
	for (size_t n = 0; n < attrs.len; n++)
		ck_assert_fails(swap_apply_attrs(fd, attrs.data, n, NULL, &err), &err,
				ERR_CORRUPT, "cut short");
	close(fd);
}

END_TEST

static const char some_acl[] = "user::rwx,user:77:rwx:77,group::---,mask::rwx,other::---";

/* The directory "m" by its path: descriptors from before do not see what is mounted in
 * another name space. */
static int open_mount(void)
{
	int fd = open(support_path("m"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fchmod(fd, 0750), 0);
	return fd;
}

static void check_acls(int fd, const char *want, mode_t mode)
{
	static const enum acl_type types[] = { ACL_OF_ACCESS, ACL_OF_DEFAULT };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct stat st;

	for (int i = 0; i < 2; i++) {
		_cleanup_free_ char *text = NULL;

		ck_assert_ok(acl_read(fd, types[i], NULL, &text, &err), &err);
		ck_assert_pstr_eq(text, want);
	}
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, mode);
}

START_TEST(acls_that_are_not_wanted_go_and_come_back)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf plain = BUF_INIT, listed = BUF_INIT;
	_cleanup_close_ int fd = -1;
	int r;

	support_mkdir(support_dirfd(), "m", 0750);
	fd = open_mount();
	ck_assert_ok(swap_read_attrs(fd, NULL, &plain, &err), &err);
	if (acl_apply(fd, ACL_OF_ACCESS, some_acl, NULL, &err) < 0) {
		ck_assert_err(&err, ERR_UNSUPPORTED, "no access control lists");
		return support_skip("no access control lists here");
	}
	ck_assert_ok(acl_apply(fd, ACL_OF_DEFAULT, some_acl, NULL, &err), &err);
	check_acls(fd, some_acl, 0770);
	ck_assert_ok(swap_read_attrs(fd, NULL, &listed, &err), &err);
	for (int i = 0; i < 2; i++) {
		r = swap_apply_attrs(fd, plain.data, plain.len, NULL, &err);
		ck_assert_ok(r, &err);
		check_acls(fd, NULL, 0750);
		r = swap_apply_attrs(fd, listed.data, listed.len, NULL, &err);
		ck_assert_ok(r, &err);
		check_acls(fd, some_acl, 0770);
	}
}

END_TEST

START_TEST(attributes_are_set_where_no_acls_can_be)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf attrs = BUF_INIT;
	_cleanup_close_ int fd = -1;

	if (!support_need_root() || !support_forks())
		return;
	support_mkdir(support_dirfd(), "m", 0750);
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", support_path("m"), "ramfs", 0, NULL) < 0)
		return support_skip("cannot mount");
	fd = open_mount();
	ck_assert_ok(swap_read_attrs(fd, NULL, &attrs, &err), &err);
	ck_assert_fails(acl_apply(fd, ACL_OF_ACCESS, some_acl, NULL, &err), &err,
			ERR_UNSUPPORTED, "no access control lists");
	ck_assert_int_eq(fchmod(fd, 0700), 0);
	ck_assert_ok(swap_apply_attrs(fd, attrs.data, attrs.len, NULL, &err), &err);
	check_acls(fd, NULL, 0750);
	close(TAKE_FD(fd));
	ck_assert_int_eq(umount(support_path("m")), 0);
}

END_TEST

Suite *suite_swap(void)
{
	Suite *s = suite_create("swap");
	TCase *t = support_tcase(s, "swap");

	tcase_add_test(t, swap_forward_and_backward_may_be_repeated);
	tcase_add_test(t, swap_without_exchange_renames_over_a_third_name);
	tcase_add_loop_test(t, swap_goes_on_from_every_state_between_the_renames, 0, 2);
	tcase_add_test(t, swap_between_the_renames_stops_at_something_else);
	tcase_add_loop_test(t, swap_goes_on_from_every_state_of_the_way_back, 0, 4);
	tcase_add_loop_test(t, swap_turns_back_between_the_renames, 0, 2);
	tcase_add_loop_test(t, swap_is_done_where_the_live_name_was_replaced_since, 0, 2);
	tcase_add_test(t, swap_goes_back_where_the_live_name_is_gone);
	tcase_add_test(t, swap_of_something_else_is_refused);
	tcase_add_test(t, swap_into_nothing_and_out_of_it);
	tcase_add_test(t, swap_without_noreplace_still_replaces_nothing);
	tcase_add_test(t, swap_inside_a_mount_point_uses_the_staging_directory);
	tcase_add_test(t, root_removes_only_what_is_known_from_a_directory_of_others);
	tcase_add_test(t, staging_takes_no_name_that_exists);
	tcase_add_test(t, made_directories_have_exactly_their_mode);
	tcase_add_test(t, names_that_are_paths_are_not_legal);
	tcase_add_test(t, empty_directories_are_removed_and_full_ones_stay);
	tcase_add_test(t, lists_leave_out_the_staging_and_lost_and_found);
	tcase_add_test(t, attributes_of_a_directory_come_back);
	tcase_add_test(t, acls_that_are_not_wanted_go_and_come_back);
	tcase_add_test(t, attributes_are_set_where_no_acls_can_be);
	return s;
}
