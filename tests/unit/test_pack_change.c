/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packing trees that change meanwhile, that cannot be read, or of which parts are left
 * out.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "backend/tree/pack.h"
#include "backend/tree/tar_write.h"
#include "tests/unit/support.h"
#include "tests/unit/support_pack.h"

static struct support_pack p;
static unsigned changes; /* how often the file is still to be changed */

static void setup(void)
{
	p = (struct support_pack)SUPPORT_PACK_INIT;
}

static void teardown(void)
{
	support_pack_done(&p);
}

/* Appends a byte to the file "f". */
static void append(void)
{
	_cleanup_close_ int fd =
		openat(support_dirfd(), "f", O_WRONLY | O_APPEND | O_CLOEXEC);

	ck_assert_int_eq(write(fd, "+", 1), 1);
}

/* on_room: room is asked for after the file was looked at and before it is read. */
static void append_some(struct support_pack *pack, unsigned call)
{
	(void)pack;
	(void)call;
	if (changes > 0) {
		changes--;
		append();
	}
}

static void check_list(const char *want)
{
	_cleanup_free_ char *list = support_pack_list(&p.stream);

	ck_assert_str_eq(list, want);
}

START_TEST(a_small_file_that_changes_is_read_again)
{
	support_file(support_dirfd(), "f", 0644, "12345");
	p.on_room = append_some;
	changes = 3;
	support_pack_ok(&p, support_dirfd(), "f");
	check_list("f common/tree 8\n");
	ck_assert_str_eq(p.report.data, "");
	ck_assert_uint_eq(p.counts.changed, 0);
	ck_assert_ptr_nonnull(memmem(p.stream.data, p.stream.len, "12345+++\0", 9));
}

END_TEST

START_TEST(a_small_file_is_read_four_times_at_most)
{
	support_file(support_dirfd(), "f", 0644, "12345");
	p.on_room = append_some;
	changes = 1000;
	support_pack_ok(&p, support_dirfd(), "f");
	/* As its header says: it had eight bytes when it was looked at for the fourth
	 * time. */
	check_list("f common/tree 8\n");
	ck_assert_str_eq(p.report.data, "changed common/tree\n");
	ck_assert_uint_eq(p.counts.changed, 1);
	ck_assert_ptr_nonnull(memmem(p.stream.data, p.stream.len, "12345+++\0", 9));
}

END_TEST

START_TEST(small_files_are_read_again_without_room)
{
	p.room = 100;
	support_file(support_dirfd(), "f", 0644, "12345");
	p.on_room = append_some;
	changes = 2;
	support_pack_ok(&p, support_dirfd(), "f");
	check_list("f common/tree 7\n");
	ck_assert_str_eq(p.report.data, "");
}

END_TEST

/* on_room: shrinks a file to three bytes. */
static void shrink(struct support_pack *pack, unsigned call)
{
	(void)pack;
	if (call == changes)
		ck_assert_int_eq(truncate(support_path("f"), 3), 0);
}

START_TEST(a_small_file_that_shrinks_is_read_again)
{
	support_file(support_dirfd(), "f", 0644, "12345");
	p.on_room = shrink;
	changes = 1;
	support_pack_ok(&p, support_dirfd(), "f");
	check_list("f common/tree 3\n");
	ck_assert_str_eq(p.report.data, "");
}

END_TEST

/* on_room: makes the file a large one. */
static void grow(struct support_pack *pack, unsigned call)
{
	(void)pack;
	if (call == 1) {
		_cleanup_close_ int fd =
			openat(support_dirfd(), "f", O_WRONLY | O_APPEND | O_CLOEXEC);
		static const char more[3 << 20] = "x";

		ck_assert_int_eq(write(fd, more, sizeof(more)), sizeof(more));
	}
}

START_TEST(a_small_file_may_become_a_large_one)
{
	support_file(support_dirfd(), "f", 0644, "12345");
	p.on_room = grow;
	support_pack_ok(&p, support_dirfd(), "f");
	check_list("f common/tree 3145733\n");
	ck_assert_str_eq(p.report.data, "");
}

END_TEST

/* A file of three MiB of letters. */
static void make_large(void)
{
	size_t n = 3 << 20;
	_cleanup_free_ char *letters = malloc(n);

	ck_assert_ptr_nonnull(letters);
	memset(letters, 'L', n);
	support_file_n(support_dirfd(), "f", 0644, letters, n);
}

START_TEST(a_large_file_that_grows_is_cut)
{
	make_large();
	p.on_room = append_some;
	changes = 1;
	support_pack_ok(&p, support_dirfd(), "f");
	check_list("f common/tree 3145728\n");
	ck_assert_str_eq(p.report.data, "changed common/tree\n");
}

END_TEST

START_TEST(a_large_file_that_shrinks_is_filled)
{
	const char *data;

	make_large();
	p.on_room = shrink;
	changes = 3; /* the headers, the first MiB, the second */
	support_pack_ok(&p, support_dirfd(), "f");
	check_list("f common/tree 3145728\n");
	ck_assert_str_eq(p.report.data, "changed common/tree\n");
	data = p.stream.data + p.stream.len - TAR_END_SIZE - (3 << 20);
	ck_assert_int_eq(data[0], 'L');
	ck_assert_int_eq(data[(1 << 20) - 1], 'L');
	/* The first byte that was lost, and all that follow it. */
	ck_assert_int_eq(data[1 << 20], 0);
	ck_assert_mem_eq(data + (1 << 20), data + (1 << 20) + 1, (2 << 20) - 1);
}

END_TEST

START_TEST(a_large_file_at_rest_is_not_changed)
{
	make_large();
	support_pack_ok(&p, support_dirfd(), "f");
	ck_assert_str_eq(p.report.data, "");
	ck_assert_uint_eq(p.counts.data, 3 << 20);
}

END_TEST

/* on_room: takes away what has been listed, but not reached. */
static void remove_others(struct support_pack *pack, unsigned call)
{
	(void)pack;
	if (call != 1)
		return;
	ck_assert_int_eq(unlinkat(support_dirfd(), "t/b", 0), 0);
	ck_assert_int_eq(unlinkat(support_dirfd(), "t/c", AT_REMOVEDIR), 0);
	ck_assert_int_eq(unlinkat(support_dirfd(), "t/d", 0), 0);
	ck_assert_int_eq(unlinkat(support_dirfd(), "t/e", 0), 0);
}

START_TEST(what_vanishes_is_nothing)
{
	support_file(support_dirfd(), "t/a", 0644, "");
	support_file(support_dirfd(), "t/b", 0644, "");
	support_mkdir(support_dirfd(), "t/c", 0755);
	support_symlink(support_dirfd(), "t/d", "x");
	support_node(support_dirfd(), "t/e", S_IFIFO | 0600, 0);
	p.on_room = remove_others;
	support_pack_ok(&p, support_dirfd(), "t");
	/* The room was for the directory itself, when all of it had yet to be listed or
	 * met. */
	check_list("d common/tree\nf common/tree/a 0\n");
	ck_assert_str_eq(p.report.data, "");
}

END_TEST

START_TEST(what_cannot_be_read_is_named)
{
	if (!support_become_user())
		return;
	support_file(support_dirfd(), "t/ok", 0644, "x");
	support_file(support_dirfd(), "t/secret", 0, "x");
	support_file(support_dirfd(), "t/closed/inside", 0644, "x");
	support_file(support_dirfd(), "t/listed/inside", 0644, "x");
	ck_assert_int_eq(fchmodat(support_dirfd(), "t/closed", 0311, 0), 0);
	ck_assert_int_eq(fchmodat(support_dirfd(), "t/listed", 0444, 0), 0);
	support_pack_ok(&p, support_dirfd(), "t");
	check_list("d common/tree\nd common/tree/closed\nd common/tree/listed\n"
		   "f common/tree/ok 1\n");
	ck_assert_str_eq(
		p.report.data,
		"skipped common/tree/closed: cannot open: Permission denied\n"
		"skipped common/tree/listed/inside: cannot open: Permission denied\n"
		"skipped common/tree/secret: cannot open: Permission denied\n");
	ck_assert_uint_eq(p.counts.skipped, 3);
	ck_assert_int_eq(fchmodat(support_dirfd(), "t/closed", 0755, 0), 0);
	ck_assert_int_eq(fchmodat(support_dirfd(), "t/listed", 0755, 0), 0);
}

END_TEST

START_TEST(what_is_excluded_is_not_looked_at)
{
	static const char *const aside[] = { "profile.~abcdefghi~" };
	_cleanup_(exclude_freep) struct exclude *x = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;

	if (!support_become_user())
		return;
	support_file(support_dirfd(), "t/cache/x", 0644, "x");
	ck_assert_int_eq(fchmodat(support_dirfd(), "t/cache", 0, 0), 0);
	support_file(support_dirfd(), "t/a/1.log", 0644, "x");
	support_file(support_dirfd(), "t/a/1.txt", 0644, "x");
	support_file(support_dirfd(), "t/a/profile.~abcdefghi~/x", 0644, "x");
	support_file(support_dirfd(), "t/profile.~abcdefghj~", 0644, "x");
	ck_assert_ok(exclude_new(&x, &err), &err);
	ck_assert_ok(exclude_add_below(x, "common/tree", "cache/", &err), &err);
	ck_assert_ok(exclude_add_below(x, "common/tree", "**/*.log", &err), &err);
	p.options.exclude = x;
	p.options.aside_names = aside;
	p.options.n_aside_names = sizeof(aside) / sizeof(aside[0]);
	support_pack_ok(&p, support_dirfd(), "t");
	check_list("d common/tree\nd common/tree/a\nf common/tree/a/1.txt 1\n"
		   "f common/tree/profile.~abcdefghj~ 1\n");
	ck_assert_str_eq(p.report.data, "");
	ck_assert_int_eq(fchmodat(support_dirfd(), "t/cache", 0755, 0), 0);
}

END_TEST

START_TEST(links_to_what_is_left_out_are_none)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(exclude_freep) struct exclude *x = NULL;

	support_symlink(support_dirfd(), "t/a", "x");
	support_link(support_dirfd(), "t/b", "t/a");
	support_link(support_dirfd(), "t/c", "t/a");
	/* Sockets are left out, whatever names they have. */
	support_node(support_dirfd(), "t/s", S_IFSOCK | 0600, 0);
	support_link(support_dirfd(), "t/s2", "t/s");
	ck_assert_ok(exclude_new(&x, &err), &err);
	ck_assert_ok(exclude_add_below(x, "common/tree", "a", &err), &err);
	p.options.exclude = x;
	support_pack_ok(&p, support_dirfd(), "t");
	check_list("d common/tree\nl common/tree/b -> x\n"
		   "h common/tree/c -> common/tree/b\n");
	ck_assert_uint_eq(p.counts.sockets, 2);
}

END_TEST

START_TEST(a_tree_can_be_excluded_whole)
{
	_cleanup_(exclude_freep) struct exclude *x = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;

	support_file(support_dirfd(), "t/x", 0644, "x");
	ck_assert_ok(exclude_new(&x, &err), &err);
	ck_assert_ok(exclude_add_snapd(x, "$SNAP_COMMON", false, "7", &err), &err);
	p.options.exclude = x;
	support_pack_ok(&p, support_dirfd(), "t");
	check_list("");
	ck_assert_uint_eq(p.stream.len, TAR_END_SIZE);
}

END_TEST

START_TEST(mounts_and_their_lost_found_are_left_out)
{
	_cleanup_close_ int fd = -1;

	if (!support_need_root())
		return;
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
		return support_skip("no mount namespaces here");
	/* In this namespace; the support's descriptor is of the old one. */
	fd = open(support_dir(), O_RDONLY | O_CLOEXEC);
	support_mkdir(fd, "t", 0755);
	ck_assert_int_eq(mount("none", support_path("t"), "tmpfs", 0, NULL), 0);
	support_file(fd, "t/lost+found/x", 0644, "x");
	support_file(fd, "t/a/lost+found/x", 0644, "x");
	support_mkdir(fd, "t/m", 0755);
	ck_assert_int_eq(mount("none", support_path("t/m"), "tmpfs", 0, NULL), 0);
	support_file(fd, "t/m/below", 0644, "x");
	support_pack_ok(&p, fd, "t");
	ck_assert_int_eq(umount(support_path("t/m")), 0);
	check_list("d common/tree\nd common/tree/a\nd common/tree/a/lost+found\n"
		   "f common/tree/a/lost+found/x 1\n");
	ck_assert_uint_eq(p.counts.mounts, 1);
	support_pack_ok(&p, fd, "t/a");
	ck_assert_uint_eq(p.counts.entries, 3);
	ck_assert_int_eq(umount(support_path("t")), 0);
}

END_TEST

/* Exchanges names without end: files, directories and a FIFO with
 * links out of the tree. */
static void swap_for_ever(void)
{
	for (;;) {
		renameat2(support_dirfd(), "t/file", support_dirfd(), "t/link",
			  RENAME_EXCHANGE);
		renameat2(support_dirfd(), "t/dir", support_dirfd(), "t/dir-link",
			  RENAME_EXCHANGE);
		renameat2(support_dirfd(), "t/fifo", support_dirfd(), "t/plain",
			  RENAME_EXCHANGE);
	}
}

START_TEST(who_swaps_names_gets_nothing_from_outside)
{
	pid_t swapper;

	if (!support_forks())
		return support_skip("it needs a process of its own");
	support_file(support_dirfd(), "secret", 0600, "the secret");
	support_file(support_dirfd(), "outside/secret", 0600, "the secret");
	support_file(support_dirfd(), "t/file", 0644, "public");
	support_symlink(support_dirfd(), "t/link", "../secret");
	support_file(support_dirfd(), "t/dir/file", 0644, "public");
	support_symlink(support_dirfd(), "t/dir-link", "../outside");
	support_node(support_dirfd(), "t/fifo", S_IFIFO | 0644, 0);
	support_file(support_dirfd(), "t/plain", 0644, "public");
	swapper = fork();
	ck_assert_int_ge(swapper, 0);
	if (swapper == 0)
		swap_for_ever();
	for (int i = 0; i < 300; i++) {
		support_pack_ok(&p, support_dirfd(), "t");
		ck_assert_ptr_null(memmem(p.stream.data, p.stream.len, "the secret", 10));
	}
	ck_assert_int_eq(kill(swapper, SIGKILL), 0);
	ck_assert_int_eq(waitpid(swapper, NULL, 0), swapper);
}

END_TEST

/* Exchanges without end two links, of each of which another name stays as it is. */
static void swap_links_for_ever(void)
{
	for (;;)
		renameat2(support_dirfd(), "t/a", support_dirfd(), "t/b",
			  RENAME_EXCHANGE);
}

/* Whether a link that was packed, or the one that it is another name of, leads there. */
static bool leads_to(const char *list, const char *name, const char *target)
{
	static const char *const firsts[] = { "a", "b" };
	char line[100];

	snprintf(line, sizeof(line), "l common/tree/%s -> %s\n", name, target);
	if (strstr(list, line))
		return true;
	for (size_t i = 0; i < 2; i++) {
		snprintf(line, sizeof(line), "h common/tree/%s -> common/tree/%s\n", name,
			 firsts[i]);
		if (strstr(list, line))
			return leads_to(list, firsts[i], target);
	}
	return false;
}

START_TEST(who_swaps_links_changes_none_of_their_names)
{
	pid_t swapper;

	if (!support_forks())
		return support_skip("it needs a process of its own");
	support_symlink(support_dirfd(), "t/a", "first");
	support_symlink(support_dirfd(), "t/b", "second");
	support_link(support_dirfd(), "t/c", "t/a");
	support_link(support_dirfd(), "t/d", "t/b");
	swapper = fork();
	ck_assert_int_ge(swapper, 0);
	if (swapper == 0)
		swap_links_for_ever();
	for (int i = 0; i < 1000; i++) {
		_cleanup_free_ char *list = NULL;

		support_pack_ok(&p, support_dirfd(), "t");
		list = support_pack_list(&p.stream);
		ck_assert_msg(leads_to(list, "c", "first"), "%s", list);
		ck_assert_msg(leads_to(list, "d", "second"), "%s", list);
	}
	ck_assert_int_eq(kill(swapper, SIGKILL), 0);
	ck_assert_int_eq(waitpid(swapper, NULL, 0), swapper);
}

END_TEST

#ifdef ENABLE_FAULTS

/* A tree in which every kind of call is made. */
static void make_tree(void)
{
	support_file(support_dirfd(), "t/a/b/c", 0644, "content");
	support_symlink(support_dirfd(), "t/l", "target");
	support_node(support_dirfd(), "t/p", S_IFIFO | 0600, 0);
	support_sparse(support_dirfd(), "t/s", 1 << 20, 4096, 10);
	support_file(support_dirfd(), "t/z", 0644, "z");
	support_link(support_dirfd(), "t/zz", "t/z");
	support_link(support_dirfd(), "t/ll", "t/l");
	support_link(support_dirfd(), "t/pp", "t/p");
	support_xattr(support_dirfd(), "t/z", "user.x", "y", 1);
}

/* Lets each point in turn fail; what succeeds all the same has to be a whole stream. */
static void fail_all(enum fault_class points, int errnum)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (uint64_t n = 1;; n++) {
		int r;

		fault_arm(&(struct fault_plan){ points, FAULT_ONCE, n, errnum });
		r = support_pack_run(&p, support_dirfd(), "t", &err);
		if (!fault_disarm())
			break;
		ck_assert(r == 0 || err.kind != ERR_NONE);
		if (r == 0) {
			ck_assert_int_eq(err.kind, ERR_NONE);
			free(support_pack_list(&p.stream));
		} else if (errnum == EMFILE) {
			ck_assert_int_eq(err.sys_errno, EMFILE);
		} else if (points == FAULT_ALLOC) {
			ck_assert_int_eq(err.kind, ERR_NOMEM);
		}
		err_clear(&err);
	}
	/* The last time nothing failed. */
	ck_assert_uint_eq(p.counts.skipped, 0);
}

START_TEST(every_call_may_fail)
{
	make_tree();
	fail_all(FAULT_CALL, EIO);
	fail_all(FAULT_CALL, EMFILE);
	fail_all(FAULT_CALL, EINTR);
	fail_all(FAULT_ALLOC, 0);
}

END_TEST

#endif

Suite *suite_pack_change(void)
{
	Suite *s = suite_create("pack_change");
	TCase *tc = support_tcase(s, "change");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_small_file_that_changes_is_read_again);
	tcase_add_test(tc, a_small_file_is_read_four_times_at_most);
	tcase_add_test(tc, small_files_are_read_again_without_room);
	tcase_add_test(tc, a_small_file_that_shrinks_is_read_again);
	tcase_add_test(tc, a_small_file_may_become_a_large_one);
	tcase_add_test(tc, a_large_file_that_grows_is_cut);
	tcase_add_test(tc, a_large_file_that_shrinks_is_filled);
	tcase_add_test(tc, a_large_file_at_rest_is_not_changed);
	tcase_add_test(tc, what_vanishes_is_nothing);
	tcase_add_test(tc, what_cannot_be_read_is_named);
	tcase_add_test(tc, what_is_excluded_is_not_looked_at);
	tcase_add_test(tc, links_to_what_is_left_out_are_none);
	tcase_add_test(tc, a_tree_can_be_excluded_whole);
	tcase_add_test(tc, mounts_and_their_lost_found_are_left_out);

	tc = support_tcase(s, "race");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, who_swaps_names_gets_nothing_from_outside);
	tcase_add_test(tc, who_swaps_links_changes_none_of_their_names);
#ifdef ENABLE_FAULTS
	tcase_add_test(tc, every_call_may_fail);
#endif
	return s;
}
