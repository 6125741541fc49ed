/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "tests/unit/support.h"

/* A tree with all types below "t". */
static void build(void)
{
	int dirfd = support_dirfd();

	support_file(dirfd, "t/file", 0, "x");
	support_file(dirfd, "t/a/b/c/deep", 0644, "x");
	support_mkdir(dirfd, "t/void", 0755);
	support_symlink(dirfd, "t/link", "../outside");
	support_symlink(dirfd, "t/a/link", "/etc");
	support_node(dirfd, "t/fifo", S_IFIFO | 0600, 0);
	support_node(dirfd, "t/socket", S_IFSOCK | 0600, 0);
	support_file(dirfd, "outside/file", 0600, "x");
	support_link(dirfd, "t/hard", "outside/file");
}

static void assert_outside(void)
{
	ck_assert_uint_eq(support_count(support_dirfd(), "outside"), 1);
}

START_TEST(remove_takes_a_tree_away)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	build();
	ck_assert_ok(remove_tree_at(support_dirfd(), "t", NULL, &err), &err);
	ck_assert(!support_exists(support_dirfd(), "t"));
	assert_outside();
}

END_TEST

START_TEST(remove_takes_what_is_no_directory)
{
	static const char *const names[] = { "file", "link", "fifo" };
	_cleanup_(err_clear) struct err err = ERR_INIT;

	support_file(support_dirfd(), "file", 0600, "x");
	support_mkdir(support_dirfd(), "dir", 0700);
	support_symlink(support_dirfd(), "link", "dir");
	support_node(support_dirfd(), "fifo", S_IFIFO | 0600, 0);
	for (int i = 0; i < 3; i++)
		ck_assert_ok(remove_tree_at(support_dirfd(), names[i], NULL, &err), &err);
	ck_assert_uint_eq(support_count(support_dirfd(), "."), 1);
	ck_assert(support_exists(support_dirfd(), "dir"));
}

END_TEST

/* The number of what is there; 0: nothing. */
static uint64_t inode(const char *name)
{
	struct stat st;

	if (fstatat(support_dirfd(), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return st.st_ino;
}

START_TEST(remove_takes_what_is_known)
{
	static const char *const names[] = { "t", "file", "link", "nothing" };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int d = support_dirfd();

	build();
	support_file(d, "file", 0600, "x");
	support_symlink(d, "link", "outside");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint64_t known[2] = { 0, 0 };

		known[i % 2] = inode(names[i]);
		ck_assert_ok(remove_known_at(d, names[i], known, NULL, &err), &err);
		ck_assert(!support_exists(d, names[i]));
	}
	assert_outside();
}

END_TEST

START_TEST(remove_leaves_what_is_not_known)
{
	static const char *const names[] = { "t", "file", "link" };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int d = support_dirfd();
	uint64_t known[2] = { 0, 0 };

	build();
	support_file(d, "file", 0600, "x");
	support_symlink(d, "link", "outside");
	known[0] = inode("outside");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ck_assert_fails(remove_known_at(d, names[i], known, NULL, &err), &err,
				ERR_CHANGED, "was replaced by something else");
		ck_assert(support_exists(d, names[i]));
	}
	ck_assert(support_exists(d, "t/a/b/c/deep"));
}

END_TEST

/* Comes between the look at the name and the opening. */
static void put_another_there(int nth)
{
	int d = support_dirfd();

	ck_assert_int_eq(nth, 1);
	ck_assert_int_eq(renameat(d, "t", d, "elsewhere"), 0);
	ck_assert_int_eq(renameat(d, "outside", d, "t"), 0);
}

/* In a thread of its own, which alone is watched. */
static void *remove_while_it_is_replaced(void *unused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	uint64_t known[2] = { 0, inode("t") };
	int d = support_dirfd();
	int r;

	if (!support_meanwhile(SUPPORT_OPENING_DIR, put_another_there))
		return unused;
	r = remove_known_at(d, "t", known, NULL, &err);
	support_meanwhile_end();
	ck_assert_fails(r, &err, ERR_CHANGED, "\"t\" was replaced by something else");
	ck_assert(support_exists(d, "t/file"));
	ck_assert(support_exists(d, "elsewhere/a/b/c/deep"));
	return unused;
}

START_TEST(remove_looks_at_what_it_has_opened)
{
	pthread_t thread;
	int r;

	build();
	r = pthread_create(&thread, NULL, remove_while_it_is_replaced, NULL);
	ck_assert_int_eq(r, 0);
	pthread_join(thread, NULL);
}

END_TEST

START_TEST(remove_takes_nothing_as_a_success)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(remove_tree_at(support_dirfd(), "nothing", NULL, &err), &err);
}

END_TEST

START_TEST(remove_leaves_the_directory_of_contents)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int fd;

	build();
	fd = openat(support_dirfd(), "t", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* It may have been read before. */
	ck_assert_int_gt(support_count(fd, "."), 0);
	ck_assert_ok(remove_contents(fd, NULL, &err), &err);
	ck_assert_uint_eq(support_count(support_dirfd(), "t"), 0);
	ck_assert_ok(remove_contents(fd, NULL, &err), &err);
	assert_outside();
	close(fd);
}

END_TEST

START_TEST(remove_unlocks_directories_of_the_user)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	static const mode_t modes[] = { 0, 0500, 0300, 0400, 0100, 0200 };

	if (!support_become_user())
		return;
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		support_file(support_dirfd(), "t/d/e/file", 0600, "x");
		ck_assert_int_eq(fchmodat(support_dirfd(), "t/d/e", modes[i], 0), 0);
		ck_assert_int_eq(fchmodat(support_dirfd(), "t/d", modes[i], 0), 0);
		ck_assert_int_eq(fchmodat(support_dirfd(), "t", modes[i], 0), 0);
		ck_assert_ok(remove_tree_at(support_dirfd(), "t", NULL, &err), &err);
		ck_assert(!support_exists(support_dirfd(), "t"));
	}
}

END_TEST

START_TEST(remove_says_what_it_may_not_remove)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int fd;

	if (!support_become_user())
		return;
	support_file(support_dirfd(), "parent/t/file", 0600, "x");
	ck_assert_int_eq(fchmodat(support_dirfd(), "parent", 0500, 0), 0);
	fd = openat(support_dirfd(), "parent", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_fails(remove_tree_at(fd, "t", NULL, &err), &err, ERR_DENIED,
			"cannot remove \"t\"");
	/* The parent is not ours to change, and then nothing is. */
	ck_assert_uint_eq(support_count(fd, "t"), 1);
	close(fd);
}

END_TEST

START_TEST(remove_takes_wide_directories)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char name[32];

	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), i % 3 ? "t/file-%d" : "t/dir-%d/x", i);
		support_file(support_dirfd(), name, 0600, "");
	}
	ck_assert_ok(remove_tree_at(support_dirfd(), "t", NULL, &err), &err);
	ck_assert(!support_exists(support_dirfd(), "t"));
}

END_TEST

/* A chain of directories longer than any path may be, with a file and a directory
 * beside each. */
START_TEST(remove_goes_deeper_than_there_are_descriptors)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct rlimit limit;
	char name[101];
	int fd;

	memset(name, 'd', 100);
	name[100] = '\0';
	support_mkdir(support_dirfd(), "t", 0700);
	fd = openat(support_dirfd(), "t", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 200; i++) {
		int below;

		ck_assert_int_eq(mkdirat(fd, name, 0700), 0);
		support_file(fd, "file", 0600, "");
		support_mkdir(fd, "zz", 0700);
		below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ck_assert_int_ge(below, 0);
		close(fd);
		fd = below;
	}
	close(fd);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (support_forks())
		ck_assert_int_eq(
			setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 40, limit.rlim_max }),
			0);
	ck_assert_ok(remove_tree_at(support_dirfd(), "t", NULL, &err), &err);
	if (support_forks())
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert(!support_exists(support_dirfd(), "t"));
}

END_TEST

START_TEST(remove_can_be_cancelled_and_goes_on)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	atomic_bool cancel = true;
	const struct observer observer = { .cancel = &cancel };

	build();
	ck_assert_fails(remove_tree_at(support_dirfd(), "t", &observer, &err), &err,
			ERR_INTERRUPTED, "");
	ck_assert(support_exists(support_dirfd(), "t"));
	atomic_store(&cancel, false);
	ck_assert_ok(remove_tree_at(support_dirfd(), "t", &observer, &err), &err);
	ck_assert(!support_exists(support_dirfd(), "t"));
}

END_TEST

/* Mounts something in a name space of the test's own; false where that is not allowed. */
static bool mount_on(const char *name, bool bind)
{
	const char *path = support_path(name);
	static bool own;

	if (!own && (unshare(CLONE_NEWNS) < 0 ||
		     mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0))
		return false;
	own = true;
	if (bind)
		return mount(support_path("outside"), path, "none", MS_BIND, NULL) == 0;
	return mount("tmpfs", path, "tmpfs", 0, "size=64k") == 0;
}

static void check_mount(bool bind)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int top, fd;

	build();
	support_mkdir(support_dirfd(), "t/a/b/mnt", 0755);
	if (!support_forks() || !mount_on("t/a/b/mnt", bind)) {
		support_skip("nothing can be mounted here");
		return;
	}
	/* Descriptors from before do not see what is mounted in another name space. */
	top = open(support_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!bind)
		support_file(top, "t/a/b/mnt/file", 0600, "mounted");
	ck_assert_fails(remove_tree_at(top, "t", NULL, &err), &err, ERR_BUSY,
			"\"a/b/mnt\"");
	fd = openat(top, "t/a/b", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_fails(remove_tree_at(fd, "mnt", NULL, &err), &err, ERR_BUSY, "\"mnt\"");
	close(fd);
	ck_assert_uint_eq(support_count(top, "t/a/b/mnt"), 1);
	/* What is in a mount may go if one asks for just that. */
	if (!bind) {
		fd = openat(top, "t/a/b/mnt", O_RDONLY | O_DIRECTORY);
		ck_assert_ok(remove_contents(fd, NULL, &err), &err);
		ck_assert_uint_eq(support_count(fd, "."), 0);
		close(fd);
	}
	close(top);
	ck_assert_int_eq(umount2(support_path("t/a/b/mnt"), MNT_DETACH), 0);
	assert_outside();
}

START_TEST(remove_enters_no_mount)
{
	if (support_need_root())
		check_mount(false);
}

END_TEST

START_TEST(remove_enters_no_bind_mount)
{
	if (support_need_root())
		check_mount(true);
}

END_TEST

#ifdef ENABLE_FAULTS

/* Whatever fails is said, and a second run goes on. */
static void fail_all(enum fault_class points, int errnum)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (uint64_t n = 1;; n++) {
		int r;

		build();
		fault_arm(&(struct fault_plan){ points, FAULT_ONCE, n, errnum });
		r = remove_tree_at(support_dirfd(), "t", NULL, &err);
		if (!fault_disarm())
			break;
		ck_assert_int_eq(r < 0, err.kind != ERR_NONE);
		if (r < 0)
			ck_assert_int_eq(err.kind,
					 points == FAULT_ALLOC ? ERR_NOMEM : ERR_IO);
		err_clear(&err);
		ck_assert_ok(remove_tree_at(support_dirfd(), "t", NULL, &err), &err);
		ck_assert(!support_exists(support_dirfd(), "t"));
		assert_outside();
		support_remove_tree(support_dirfd(), "outside");
	}
}

START_TEST(remove_survives_every_failing_call)
{
	fail_all(FAULT_CALL, EIO);
	support_remove_tree(support_dirfd(), "outside");
	fail_all(FAULT_ALLOC, 0);
}

END_TEST

#endif

Suite *suite_remove(void)
{
	Suite *s = suite_create("remove");
	TCase *tc = support_tcase(s, "trees");

	tcase_add_test(tc, remove_takes_a_tree_away);
	tcase_add_test(tc, remove_takes_what_is_no_directory);
	tcase_add_test(tc, remove_takes_nothing_as_a_success);
	tcase_add_test(tc, remove_takes_what_is_known);
	tcase_add_test(tc, remove_leaves_what_is_not_known);
	tcase_add_test(tc, remove_looks_at_what_it_has_opened);
	tcase_add_test(tc, remove_leaves_the_directory_of_contents);
	tcase_add_test(tc, remove_unlocks_directories_of_the_user);
	tcase_add_test(tc, remove_says_what_it_may_not_remove);
	tcase_add_test(tc, remove_takes_wide_directories);
	tcase_add_test(tc, remove_goes_deeper_than_there_are_descriptors);
	tcase_add_test(tc, remove_can_be_cancelled_and_goes_on);
	tcase_add_test(tc, remove_enters_no_mount);
	tcase_add_test(tc, remove_enters_no_bind_mount);
#ifdef ENABLE_FAULTS
	tcase_add_test(tc, remove_survives_every_failing_call);
#endif
	return s;
}
