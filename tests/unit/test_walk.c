/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/support.h"

/* One letter and the path for each item: D directory, L leave, F file (open), O other,
 * E error, M mount. */
static void note(struct buf *text, const struct walk_item *item)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	static const char letters[] = { [WALK_DIR] = 'D',
					[WALK_LEAVE] = 'L',
					[WALK_OTHER] = 'O',
					[WALK_ERROR] = 'E',
					[WALK_MOUNT] = 'M' };
	char letter = letters[item->what];

	if (item->what == WALK_OTHER && item->fd >= 0)
		letter = 'F';
	ck_assert_ok(buf_printf(text, &err, "%c%s ", letter, item->path), &err);
}

/* What every item has to keep. */
static void check_item(const struct walk_item *item)
{
	struct stat st;

	ck_assert_ptr_eq(strrchr(item->path, '/') ? strrchr(item->path, '/') + 1
						  : item->path,
			 item->name);
	if (item->what == WALK_DIR || item->what == WALK_LEAVE) {
		ck_assert_int_ge(item->fd, 0);
		ck_assert_int_eq(fstat(item->fd, &st), 0);
		ck_assert_uint_eq(st.st_ino, item->st.st_ino);
	}
	if (item->what != WALK_ERROR && item->depth > 0) {
		ck_assert_int_eq(
			fstatat(item->dirfd, item->name, &st, AT_SYMLINK_NOFOLLOW), 0);
		ck_assert_uint_eq(st.st_ino, item->st.st_ino);
		ck_assert_uint_eq(st.st_mode, item->st.st_mode);
	}
}

/* Walks a directory and returns what was met. */
static char *walk(int fd, const struct walk_options *options)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(walk_closep) struct walk *w = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	const struct walk_item *item;
	int r;

	ck_assert_ok(walk_open_with(fd, options, NULL, &w, &err), &err);
	while ((r = walk_next(w, &item, &err)) > 0) {
		if (item->depth > 0 || options->base == NULL)
			check_item(item);
		note(&text, item);
	}
	ck_assert_ok(r, &err);
	return buf_steal(&text, &err);
}

static void check_walk(const struct walk_options *options, const char *want)
{
	_cleanup_free_ char *got = walk(support_dirfd(), options);

	ck_assert_str_eq(got, want);
}

START_TEST(order_is_by_bytes_and_depth_first)
{
	support_file(support_dirfd(), "b", 0644, "");
	support_file(support_dirfd(), "a.x", 0644, "");
	support_file(support_dirfd(), "a/2", 0644, "");
	support_file(support_dirfd(), "a/10", 0644, "");
	support_file(support_dirfd(), "\xff", 0644, "");
	support_file(support_dirfd(), "long-common-prefix-2", 0644, "");
	support_file(support_dirfd(), "long-common-prefix-1", 0644, "");
	support_mkdir(support_dirfd(), "Z", 0700);
	check_walk(&(struct walk_options){ 0 },
		   "D DZ LZ Da Oa/10 Oa/2 La Oa.x Ob Olong-common-prefix-1 "
		   "Olong-common-prefix-2 O\xff L ");
	/* The position of the root's descriptor does not matter. */
	check_walk(&(struct walk_options){ .base = "common/t", .open_files = true },
		   "Dcommon/t Dcommon/t/Z Lcommon/t/Z Dcommon/t/a Fcommon/t/a/10 "
		   "Fcommon/t/a/2 Lcommon/t/a Fcommon/t/a.x Fcommon/t/b "
		   "Fcommon/t/long-common-prefix-1 Fcommon/t/long-common-prefix-2 "
		   "Fcommon/t/\xff Lcommon/t ");
}

END_TEST

START_TEST(only_regular_files_are_opened)
{
	support_file(support_dirfd(), "file", 0644, "");
	support_node(support_dirfd(), "fifo", S_IFIFO | 0644, 0);
	support_node(support_dirfd(), "socket", S_IFSOCK | 0644, 0);
	support_symlink(support_dirfd(), "link", "file");
	support_symlink(support_dirfd(), "loop", ".");
	check_walk(&(struct walk_options){ .open_files = true },
		   "D Ofifo Ffile Olink Oloop Osocket L ");
}

END_TEST

/* Leaves out "x", and "y" if it is a directory. */
static bool no_x(void *ctx, const char *path, const char *name, unsigned depth,
		 bool is_dir)
{
	unsigned *asked = ctx;

	(*asked)++;
	ck_assert_uint_ge(depth, 1);
	ck_assert_ptr_nonnull(strstr(path, name));
	return strcmp(name, "x") == 0 || (strcmp(name, "y") == 0 && is_dir);
}

START_TEST(what_is_left_out_is_not_touched)
{
	unsigned asked = 0;

	support_file(support_dirfd(), "a/x/1", 0644, "");
	support_file(support_dirfd(), "b/y/1", 0644, "");
	support_file(support_dirfd(), "c/y", 0644, "");
	support_node(support_dirfd(), "x", S_IFIFO | 0600, 0);
	ck_assert_int_eq(fchmodat(support_dirfd(), "a/x", 0, 0), 0);
	check_walk(&(struct walk_options){ .leave_out = no_x, .ctx = &asked },
		   "D Da La Db Lb Dc Oc/y Lc L ");
	ck_assert_uint_eq(asked, 7);
	check_walk(&(struct walk_options){ .leave_out = no_x,
					   .ctx = &asked,
					   .open_files = true },
		   "D Da La Db Lb Dc Fc/y Lc L ");
	ck_assert_int_eq(fchmodat(support_dirfd(), "a/x", 0755, 0), 0);
}

END_TEST

START_TEST(a_skipped_directory_is_not_entered)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(walk_closep) struct walk *w = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	const struct walk_item *item;

	support_file(support_dirfd(), "a/1", 0644, "");
	support_file(support_dirfd(), "b/1", 0644, "");
	ck_assert_ok(walk_open(support_dirfd(), NULL, &w, &err), &err);
	while (walk_next(w, &item, &err) > 0) {
		note(&text, item);
		if (strcmp(item->path, "a") == 0)
			walk_skip(w);
	}
	ck_assert_str_eq(text.data, "D Da Db Ob/1 Lb L ");
}

END_TEST

START_TEST(the_root_can_be_skipped)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(walk_closep) struct walk *w = NULL;
	const struct walk_item *item;

	support_file(support_dirfd(), "a", 0644, "");
	ck_assert_ok(walk_open(support_dirfd(), NULL, &w, &err), &err);
	ck_assert_int_eq(walk_next(w, &item, &err), 1);
	walk_skip(w);
	ck_assert_int_eq(walk_next(w, &item, &err), 0);
	ck_assert_int_eq(walk_next(w, &item, &err), 0);
}

END_TEST

#define DEEP 450

/* Makes a chain of directories longer than PATH_MAX, with files on the way back. */
static void make_deep(void)
{
	int fd = dup(support_dirfd());

	for (int i = 0; i < DEEP; i++) {
		int next;

		support_file(fd, "a-file", 0644, "");
		support_file(fd, "z-file", 0644, "");
		support_mkdir(fd, "directory", 0755);
		next = openat(fd, "directory", O_RDONLY | O_CLOEXEC);
		ck_assert_int_ge(next, 0);
		close(fd);
		fd = next;
	}
	close(fd);
}

/* How many descriptors are open. */
static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(depth_takes_no_descriptors)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(walk_closep) struct walk *w = NULL;
	const struct walk_item *item;
	int r, before = count_fds(), most = 0;
	unsigned dirs = 0, files = 0, leaves = 0;

	make_deep();
	ck_assert_ok(walk_open_with(support_dirfd(),
				    &(struct walk_options){ .open_files = true }, NULL,
				    &w, &err),
		     &err);
	while ((r = walk_next(w, &item, &err)) > 0) {
		int now = count_fds();

		most = now > most ? now : most;
		dirs += item->what == WALK_DIR;
		leaves += item->what == WALK_LEAVE;
		files += item->what == WALK_OTHER;
	}
	ck_assert_ok(r, &err);
	ck_assert_uint_eq(dirs, DEEP + 1);
	ck_assert_uint_eq(leaves, DEEP + 1);
	ck_assert_uint_eq(files, 2 * DEEP);
	ck_assert_int_le(most - before, WALK_WINDOW);
}

END_TEST

START_TEST(a_directory_moved_away_is_told)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(walk_closep) struct walk *w = NULL;
	const struct walk_item *item;
	unsigned lost = 0, after = 0;
	int r;

	make_deep();
	support_file(support_dirfd(), "z-last", 0644, "");
	ck_assert_ok(walk_open(support_dirfd(), NULL, &w, &err), &err);
	while ((r = walk_next(w, &item, &err)) > 0) {
		if (item->what == WALK_DIR && item->depth == 60) {
			/* Those at depth 2 and below 3 are closed by now. */
			ck_assert_int_eq(renameat(support_dirfd(),
						  "directory/directory/directory",
						  support_dirfd(), "moved"),
					 0);
			/* Kept, so that its inode number is not given again. */
			ck_assert_int_eq(renameat(support_dirfd(), "directory/directory",
						  support_dirfd(), "moved/kept"),
					 0);
			support_mkdir(support_dirfd(), "directory/directory", 0755);
			support_file(support_dirfd(), "directory/directory/z-file", 0644,
				     "");
		}
		if (item->what == WALK_ERROR) {
			lost++;
			ck_assert_str_eq(item->path, "directory/directory");
			ck_assert(item->entered);
			ck_assert_int_eq(item->problem->kind, ERR_CHANGED);
		}
		if (lost && item->what == WALK_OTHER)
			after++;
	}
	ck_assert_ok(r, &err);
	ck_assert_uint_eq(lost, 1);
	ck_assert_uint_eq(after, 3); /* of depth 1 and above */
}

END_TEST

START_TEST(what_vanishes_is_passed_over)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(walk_closep) struct walk *w = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	const struct walk_item *item;
	int r;

	support_file(support_dirfd(), "a", 0644, "");
	support_file(support_dirfd(), "b", 0644, "");
	support_mkdir(support_dirfd(), "c", 0755);
	support_file(support_dirfd(), "d", 0644, "");
	support_mkdir(support_dirfd(), "e", 0755);
	ck_assert_ok(walk_open_with(support_dirfd(),
				    &(struct walk_options){ .open_files = true }, NULL,
				    &w, &err),
		     &err);
	while ((r = walk_next(w, &item, &err)) > 0) {
		note(&text, item);
		if (strcmp(item->path, "a") != 0)
			continue;
		/* b goes, c becomes a file, d a link to a directory, e a FIFO. */
		ck_assert_int_eq(unlinkat(support_dirfd(), "b", 0), 0);
		ck_assert_int_eq(unlinkat(support_dirfd(), "c", AT_REMOVEDIR), 0);
		support_file(support_dirfd(), "c", 0644, "");
		ck_assert_int_eq(unlinkat(support_dirfd(), "d", 0), 0);
		support_symlink(support_dirfd(), "d", "/");
		ck_assert_int_eq(unlinkat(support_dirfd(), "e", AT_REMOVEDIR), 0);
		support_node(support_dirfd(), "e", S_IFIFO | 0600, 0);
	}
	ck_assert_ok(r, &err);
	ck_assert_str_eq(text.data, "D Fa Fc Od Oe L ");
}

END_TEST

START_TEST(a_file_replaced_after_it_was_opened_is_the_new_one)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(walk_closep) struct walk *w = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	const struct walk_item *item;

	support_file(support_dirfd(), "a", 0644, "");
	support_file(support_dirfd(), "b", 0644, "old");
	support_file(support_dirfd(), "c", 0644, "");
	support_file(support_dirfd(), "d/new", 0644, "longer");
	ck_assert_ok(walk_open_with(support_dirfd(),
				    &(struct walk_options){ .open_files = true }, NULL,
				    &w, &err),
		     &err);
	while (walk_next(w, &item, &err) > 0) {
		note(&text, item);
		if (strcmp(item->path, "a") == 0) {
			ck_assert_int_eq(
				renameat(support_dirfd(), "d/new", support_dirfd(), "b"),
				0);
			ck_assert_int_eq(unlinkat(support_dirfd(), "c", 0), 0);
		}
		ck_assert(strcmp(item->path, "b") != 0 || item->st.st_size == 6);
	}
	ck_assert_str_eq(text.data, "D Fa Fb Dd Ld L ");
}

END_TEST

START_TEST(what_cannot_be_opened_is_told)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(walk_closep) struct walk *w = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	const struct walk_item *item;
	int r;

	if (!support_become_user())
		return;
	support_file(support_dirfd(), "d/1", 0644, "");
	support_file(support_dirfd(), "f", 0644, "");
	support_file(support_dirfd(), "s/1", 0644, "");
	ck_assert_int_eq(fchmodat(support_dirfd(), "d", 0300, 0), 0);
	ck_assert_int_eq(fchmodat(support_dirfd(), "f", 0, 0), 0);
	ck_assert_int_eq(fchmodat(support_dirfd(), "s", 0600, 0), 0);
	ck_assert_ok(walk_open_with(support_dirfd(),
				    &(struct walk_options){ .open_files = true }, NULL,
				    &w, &err),
		     &err);
	while ((r = walk_next(w, &item, &err)) > 0) {
		note(&text, item);
		if (item->what != WALK_ERROR)
			continue;
		ck_assert(!item->entered);
		ck_assert_int_eq(item->problem->kind, ERR_DENIED);
		ck_assert(item->has_st == (strcmp(item->path, "s/1") != 0));
		ck_assert(strcmp(item->path, "d") != 0 || S_ISDIR(item->st.st_mode));
	}
	ck_assert_ok(r, &err);
	ck_assert_str_eq(text.data, "D Ed Ef Ds Es/1 Ls L ");
	ck_assert_int_eq(fchmodat(support_dirfd(), "d", 0700, 0), 0);
	ck_assert_int_eq(fchmodat(support_dirfd(), "s", 0700, 0), 0);
}

END_TEST

START_TEST(reading_leaves_no_trace)
{
	static const struct timespec old[2] = { { .tv_sec = 1000 },
						{ .tv_sec = 2000000000 } };
	struct stat st;

	/* With an mtime after the atime even relatime would set the atime. */
	support_file(support_dirfd(), "d/f", 0644, "text");
	ck_assert_int_eq(utimensat(support_dirfd(), "d/f", old, 0), 0);
	ck_assert_int_eq(utimensat(support_dirfd(), "d", old, 0), 0);
	free(walk(support_dirfd(), &(struct walk_options){ .open_files = true }));
	ck_assert_int_eq(fstatat(support_dirfd(), "d", &st, 0), 0);
	ck_assert_int_eq(st.st_atim.tv_sec, 1000);
}

END_TEST

START_TEST(mounts_are_not_entered)
{
	_cleanup_free_ char *opened = NULL, *looked = NULL;
	_cleanup_close_ int fd = -1;

	if (!support_need_root())
		return;
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
		return support_skip("no mount namespaces here");
	/* In this namespace; the support's descriptor is of the old one. */
	fd = open(support_dir(), O_RDONLY | O_CLOEXEC);
	support_file(fd, "bound/1", 0644, "");
	support_file(fd, "m/2", 0644, "");
	support_file(fd, "n", 0644, "");
	support_file(fd, "o", 0644, "");
	support_mkdir(fd, "p", 0755);
	/* Two that have the device of what is around them, and one that has not. */
	ck_assert_int_eq(
		mount(support_path("bound"), support_path("m"), "none", MS_BIND, NULL),
		0);
	ck_assert_int_eq(
		mount(support_path("o"), support_path("n"), "none", MS_BIND, NULL), 0);
	ck_assert_int_eq(mount("none", support_path("p"), "tmpfs", 0, NULL), 0);
	opened = walk(fd, &(struct walk_options){ .open_files = true });
	looked = walk(fd, &(struct walk_options){ 0 });
	ck_assert_int_eq(umount(support_path("m")), 0);
	ck_assert_int_eq(umount(support_path("n")), 0);
	ck_assert_int_eq(umount(support_path("p")), 0);
	ck_assert_str_eq(opened, "D Dbound Fbound/1 Lbound Mm Mn Fo Mp L ");
	ck_assert_str_eq(looked, "D Dbound Obound/1 Lbound Mm Mn Oo Mp L ");
}

END_TEST

START_TEST(a_set_flag_ends_the_walk)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(walk_closep) struct walk *w = NULL;
	atomic_bool cancel = false;
	const struct observer observer = { .cancel = &cancel };
	const struct walk_item *item;

	support_file(support_dirfd(), "a", 0644, "");
	ck_assert_ok(walk_open(support_dirfd(), &observer, &w, &err), &err);
	ck_assert_int_eq(walk_next(w, &item, &err), 1);
	cancel = true;
	ck_assert_int_eq(walk_next(w, &item, &err), -1);
	ck_assert_int_eq(err.kind, ERR_INTERRUPTED);
	ck_assert(walk_error_is_ours(&err));
}

END_TEST

START_TEST(a_root_that_is_no_directory_is_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd = -1;
	struct walk *w = NULL;

	support_file(support_dirfd(), "f", 0644, "");
	fd = openat(support_dirfd(), "f", O_RDONLY | O_CLOEXEC);
	ck_assert_fails(walk_open(fd, NULL, &w, &err), &err, ERR_IO, "Not a directory");
	ck_assert_ptr_null(w);
}

END_TEST

/* Takes all descriptors but `spare`; how many it took goes to ret_n. */
static void take_descriptors(int taken[1024], int *ret_n, int spare)
{
	struct rlimit limit;
	int n = 0;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 64;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (n < 1024 && (taken[n] = dup(support_dirfd())) >= 0)
		n++;
	ck_assert_int_gt(n, spare);
	for (; spare > 0; spare--)
		close(taken[--n]);
	*ret_n = n;
}

START_TEST(want_of_descriptors_is_ours)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(walk_closep) struct walk *w = NULL;
	const struct walk_item *item;
	int taken[1024], n, r;

	if (!support_forks())
		return support_skip("it needs a process of its own");
	support_file(support_dirfd(), "a/1", 0644, "");
	ck_assert_ok(walk_open(support_dirfd(), NULL, &w, &err), &err);
	take_descriptors(taken, &n, 0);
	while ((r = walk_next(w, &item, &err)) > 0)
		ck_assert_int_ne(item->what, WALK_ERROR);
	while (n > 0)
		close(taken[--n]);
	ck_assert_int_eq(r, -1);
	ck_assert_int_eq(err.sys_errno, EMFILE);
	ck_assert(walk_error_is_ours(&err));
}

END_TEST

START_TEST(one_descriptor_is_enough_for_files)
{
	_cleanup_free_ char *got = NULL;
	int taken[1024], n;

	if (!support_forks())
		return support_skip("it needs a process of its own");
	support_file(support_dirfd(), "1", 0644, "");
	support_file(support_dirfd(), "2", 0644, "");
	support_file(support_dirfd(), "3", 0644, "");
	take_descriptors(taken, &n, 1);
	got = walk(support_dirfd(), &(struct walk_options){ .open_files = true });
	while (n > 0)
		close(taken[--n]);
	ck_assert_str_eq(got, "D F1 F2 F3 L ");
}

END_TEST

Suite *suite_walk(void)
{
	Suite *s = suite_create("walk");
	TCase *tc = support_tcase(s, "walk");

	tcase_add_test(tc, order_is_by_bytes_and_depth_first);
	tcase_add_test(tc, only_regular_files_are_opened);
	tcase_add_test(tc, what_is_left_out_is_not_touched);
	tcase_add_test(tc, a_skipped_directory_is_not_entered);
	tcase_add_test(tc, the_root_can_be_skipped);
	tcase_add_test(tc, what_vanishes_is_passed_over);
	tcase_add_test(tc, a_file_replaced_after_it_was_opened_is_the_new_one);
	tcase_add_test(tc, what_cannot_be_opened_is_told);
	tcase_add_test(tc, reading_leaves_no_trace);
	tcase_add_test(tc, mounts_are_not_entered);
	tcase_add_test(tc, a_set_flag_ends_the_walk);
	tcase_add_test(tc, a_root_that_is_no_directory_is_refused);
	tcase_add_test(tc, want_of_descriptors_is_ours);
	tcase_add_test(tc, one_descriptor_is_enough_for_files);

	tc = support_tcase(s, "deep");
	tcase_add_test(tc, depth_takes_no_descriptors);
	tcase_add_test(tc, a_directory_moved_away_is_told);
	return s;
}
