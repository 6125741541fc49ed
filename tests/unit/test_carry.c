/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/carry.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "tests/unit/support.h"
#include "tests/unit/support_tar.h"

struct carrying {
	int live, fresh;
	struct exclude *exclude;
	struct buf left;
	struct err err;
	uint64_t n;
};

static int open_dir(const char *name)
{
	int fd = openat(support_dirfd(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Patterns are those below "common/tree"; NULL ends them. */
static void begin(struct carrying *c, const char *const *patterns)
{
	*c = (struct carrying){ .left = BUF_INIT, .err = ERR_INIT };
	c->live = open_dir("live");
	c->fresh = open_dir("fresh");
	ck_assert_ok(exclude_new(&c->exclude, &c->err), &c->err);
	for (; *patterns; patterns++)
		ck_assert_ok(
			exclude_add_below(c->exclude, "common/tree", *patterns, &c->err),
			&c->err);
}

static void end(struct carrying *c)
{
	close(c->live);
	close(c->fresh);
	exclude_free(c->exclude);
	buf_done(&c->left);
	err_clear(&c->err);
}

/* carry_report.left */
static int take_left(void *ctx, const char *path, const char *why, struct err *err)
{
	struct carrying *c = ctx;

	return buf_printf(&c->left, err, "%s: %s\n", path, why);
}

static int run(struct carrying *c, unsigned flags)
{
	const struct carry_report report = { take_left, c };

	return carry_run(c->live, c->fresh, "common/tree", c->exclude, flags, &report,
			 NULL, &c->n, &c->err);
}

static struct stat stat_of(int fd, const char *name)
{
	struct stat st;

	ck_assert_msg(fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0, "%s", name);
	return st;
}

static void assert_linked(const struct carrying *c, const char *name)
{
	ck_assert_uint_eq(stat_of(c->live, name).st_ino, stat_of(c->fresh, name).st_ino);
}

static void build_live(void)
{
	int dirfd = support_dirfd();

	support_file(dirfd, "live/data", 0644, "data");
	support_file(dirfd, "live/cache/a", 0644, "a");
	support_file(dirfd, "live/cache/sub/b", 0600, "b");
	support_link(dirfd, "live/cache/same", "live/cache/a");
	support_mkdir(dirfd, "live/cache/void", 0700);
	support_symlink(dirfd, "live/cache/link", "/nowhere");
	support_link(dirfd, "live/cache/sub/link", "live/cache/link");
	support_node(dirfd, "live/cache/fifo", S_IFIFO | 0640, 0);
	support_link(dirfd, "live/cache/sub/fifo", "live/cache/fifo");
	support_node(dirfd, "live/cache/socket", S_IFSOCK | 0640, 0);
	support_file(dirfd, "live/profile/keep", 0644, "k");
	support_file(dirfd, "live/profile/one.log", 0644, "log");
	support_file(dirfd, "live/new/one.log", 0644, "new log");
	support_file(dirfd, "live/new/data", 0644, "new data");
	ck_assert_int_eq(fchmodat(dirfd, "live/new", 02711, 0), 0);
	support_mtime(dirfd, "live/cache/link", 77, 7);
	support_mtime(dirfd, "live/cache/sub", 78, 8);
	support_mtime(dirfd, "live/cache", 79, 9);
	support_mtime(dirfd, "live/new", 80, 10);
}

/* What was restored: no cache, no logs, an older profile. */
static void build_fresh(void)
{
	int dirfd = support_dirfd();

	support_file(dirfd, "fresh/data", 0644, "old data");
	support_file(dirfd, "fresh/profile/keep", 0644, "old");
	support_symlink(dirfd, "fresh/profile/link", "keep");
	support_link(dirfd, "fresh/profile/same", "fresh/profile/link");
	ck_assert_int_eq(fchmodat(dirfd, "fresh/profile", 0500, 0), 0);
	support_mtime(dirfd, "fresh/profile", 50, 5);
	ck_assert_int_eq(fchmodat(dirfd, "fresh", 0555, 0), 0);
	support_mtime(dirfd, "fresh", 51, 6);
}

static const char *const patterns[] = { "cache", "*/*.log", NULL };

static void check_carried(struct carrying *c)
{
	static const char *const linked[] = { "cache/a",         "cache/same",
					      "cache/sub/b",     "cache/fifo",
					      "profile/one.log", "new/one.log" };
	struct stat st;
	char *why = NULL;
	int a, b;

	for (size_t i = 0; i < sizeof(linked) / sizeof(*linked); i++)
		assert_linked(c, linked[i]);
	ck_assert_uint_eq(stat_of(c->fresh, "cache/same").st_ino,
			  stat_of(c->fresh, "cache/a").st_ino);
	ck_assert(!support_exists(c->fresh, "cache/socket"));
	ck_assert(!support_exists(c->fresh, "new/data"));
	ck_assert_uint_eq(support_count(c->fresh, "profile"), 4);
	/* What the snapshot brought stays one link with two names. */
	ck_assert_uint_eq(stat_of(c->fresh, "profile/link").st_nlink, 2);
	ck_assert_uint_eq(stat_of(c->fresh, "profile/link").st_ino,
			  stat_of(c->fresh, "profile/same").st_ino);
	ck_assert_uint_eq(support_count(c->fresh, "."), 4);

	/* Made anew like the live one, but for what is left out. */
	st = stat_of(c->fresh, "new");
	ck_assert(st.st_mtim.tv_sec == 80 && st.st_mtim.tv_nsec == 10);
	ck_assert_uint_eq(st.st_mode & 07777, stat_of(c->live, "new").st_mode & 07777);
	/* There already: as it was. */
	st = stat_of(c->fresh, "profile");
	ck_assert(st.st_mtim.tv_sec == 50 && st.st_mtim.tv_nsec == 5);
	ck_assert_uint_eq(st.st_mode & 07777, 0500);
	st = stat_of(c->fresh, ".");
	ck_assert(st.st_mtim.tv_sec == 51 && st.st_mtim.tv_nsec == 6);
	ck_assert_uint_eq(st.st_mode & 07777, 0555);

	ck_assert_int_eq(unlinkat(c->live, "cache/socket", 0), 0);
	support_mtime(c->live, "cache", 79, 9);
	a = openat(c->live, "cache", O_RDONLY | O_DIRECTORY);
	b = openat(c->fresh, "cache", O_RDONLY | O_DIRECTORY);
	ck_assert_msg(support_tree_equal(a, b, &why), "%s", why);
	close(a);
	close(b);
}

static void check_carry(void)
{
	struct carrying c;

	build_live();
	build_fresh();
	begin(&c, patterns);
	ck_assert_ok(run(&c, 0), &c.err);
	ck_assert_uint_eq(c.left.len, 0);
	ck_assert_uint_eq(c.n, 13);
	check_carried(&c);
	/* Once more changes nothing. */
	ck_assert_ok(run(&c, 0), &c.err);
	ck_assert_uint_eq(c.n, 0);
	support_node(support_dirfd(), "live/cache/socket", S_IFSOCK | 0640, 0);
	check_carried(&c);
	end(&c);
}

START_TEST(carry_brings_what_the_excludes_match)
{
	check_carry();
}

END_TEST

START_TEST(carry_brings_what_the_excludes_match_as_a_user)
{
	if (support_become_user())
		check_carry();
}

END_TEST

START_TEST(carry_goes_on_where_it_stopped)
{
	struct carrying c;

	build_live();
	build_fresh();
	/* As if it had been killed after this. */
	ck_assert_int_eq(fchmodat(support_dirfd(), "fresh", 0755, 0), 0);
	support_mkdir(support_dirfd(), "fresh/cache", 0755);
	support_link(support_dirfd(), "fresh/cache/a", "live/cache/a");
	support_mtime(support_dirfd(), "fresh/cache", 79, 9);
	support_mtime(support_dirfd(), "fresh", 51, 6);
	ck_assert_int_eq(fchmodat(support_dirfd(), "fresh", 0555, 0), 0);
	begin(&c, patterns);
	ck_assert_ok(run(&c, 0), &c.err);
	ck_assert_uint_eq(c.n, 11);
	check_carried(&c);
	end(&c);
}

END_TEST

START_TEST(carry_keeps_what_is_there)
{
	_cleanup_free_ char *text = NULL;
	struct carrying c;

	support_file(support_dirfd(), "live/cache/a", 0644, "live");
	support_symlink(support_dirfd(), "live/cache/l", "live");
	support_file(support_dirfd(), "fresh/cache/a", 0600, "fresh");
	support_file(support_dirfd(), "fresh/cache/l", 0600, "fresh");
	begin(&c, patterns);
	ck_assert_ok(run(&c, 0), &c.err);
	ck_assert_uint_eq(c.n, 0);
	text = support_read(support_dirfd(), "fresh/cache/a", NULL);
	ck_assert_str_eq(text, "fresh");
	ck_assert(S_ISREG(stat_of(c.fresh, "cache/l").st_mode));
	end(&c);
}

END_TEST

START_TEST(carry_does_nothing_without_matches)
{
	static const char *const none[] = { "other/*", NULL };
	struct carrying c;

	build_live();
	build_fresh();
	begin(&c, none);
	ck_assert_ok(run(&c, 0), &c.err);
	ck_assert_uint_eq(c.n, 0);
	ck_assert_uint_eq(support_count(c.fresh, "."), 2);
	end(&c);
}

END_TEST

START_TEST(carry_brings_single_paths_and_whole_trees)
{
	static const char *const all[] = { "**", NULL };
	struct carrying c;

	support_file(support_dirfd(), "live/a/b/c/file", 0644, "x");
	support_file(support_dirfd(), "live/a/other", 0644, "y");
	support_mkdir(support_dirfd(), "fresh", 0755);
	begin(&c, all + 1);
	ck_assert_ok(exclude_add_path(c.exclude, "common/tree/a/b/c/file", &c.err),
		     &c.err);
	ck_assert_ok(run(&c, 0), &c.err);
	ck_assert_uint_eq(c.n, 4);
	assert_linked(&c, "a/b/c/file");
	ck_assert(!support_exists(c.fresh, "a/other"));
	end(&c);
	begin(&c, all);
	ck_assert_ok(run(&c, 0), &c.err);
	assert_linked(&c, "a/other");
	end(&c);
}

END_TEST

START_TEST(carry_refuses_a_file_where_a_directory_is_needed)
{
	struct carrying c;

	support_file(support_dirfd(), "live/cache/a", 0644, "a");
	support_file(support_dirfd(), "live/logs/x.log", 0644, "x");
	support_file(support_dirfd(), "fresh/cache", 0644, "a file");
	begin(&c, patterns);
	ck_assert_fails(run(&c, 0), &c.err, ERR_REFUSED,
			"cannot keep \"common/tree/cache\"");
	ck_assert_ok(run(&c, CARRY_FORCE), &c.err);
	ck_assert_ptr_nonnull(strstr(c.left.data, "common/tree/cache: "));
	assert_linked(&c, "logs/x.log");
	end(&c);
}

END_TEST

START_TEST(carry_follows_no_link_in_the_fresh_tree)
{
	struct carrying c;

	support_file(support_dirfd(), "live/cache/a", 0644, "a");
	support_mkdir(support_dirfd(), "outside", 0755);
	support_mkdir(support_dirfd(), "fresh", 0755);
	support_symlink(support_dirfd(), "fresh/cache", "../outside");
	begin(&c, patterns);
	ck_assert_fails(run(&c, 0), &c.err, ERR_REFUSED,
			"cannot keep \"common/tree/cache\"");
	ck_assert_uint_eq(support_count(support_dirfd(), "outside"), 0);
	end(&c);
}

END_TEST

START_TEST(carry_refuses_what_the_user_cannot_read)
{
	struct carrying c;

	if (!support_become_user())
		return;
	support_file(support_dirfd(), "live/cache/a", 0644, "a");
	support_file(support_dirfd(), "live/cache/locked/x", 0644, "x");
	support_mkdir(support_dirfd(), "fresh", 0777);
	ck_assert_int_eq(fchmodat(support_dirfd(), "live/cache/locked", 0, 0), 0);
	begin(&c, patterns);
	ck_assert_fails(run(&c, 0), &c.err, ERR_REFUSED,
			"cannot keep \"common/tree/cache/locked\"");
	ck_assert_ok(run(&c, CARRY_FORCE), &c.err);
	ck_assert_ptr_nonnull(strstr(c.left.data, "common/tree/cache/locked: "));
	assert_linked(&c, "cache/a");
	end(&c);
}

END_TEST

START_TEST(carry_refuses_mounts)
{
	struct carrying c;

	if (!support_need_root())
		return;
	support_mkdir(support_dirfd(), "live/cache/mnt", 0755);
	support_mkdir(support_dirfd(), "fresh", 0755);
	if (!support_forks() || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", support_path("live/cache/mnt"), "tmpfs", 0, "size=64k") < 0) {
		support_skip("nothing can be mounted here");
		return;
	}
	begin(&c, patterns);
	/* Descriptors from before do not see it. */
	close(c.live);
	c.live = open(support_path("live"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_fails(run(&c, CARRY_FORCE), &c.err, ERR_BUSY, "cache/mnt\"");
	end(&c);
	ck_assert_int_eq(umount2(support_path("live/cache/mnt"), MNT_DETACH), 0);
}

END_TEST

START_TEST(carry_passes_over_a_staging_inside)
{
	static const char *const all[] = { "**", NULL };
	struct carrying c;

	support_file(support_dirfd(), "live/a", 0644, "a");
	support_file(support_dirfd(), "live/.~staging~/b", 0644, "b");
	support_mkdir(support_dirfd(), "fresh", 0755);
	begin(&c, all);
	close(c.fresh);
	c.fresh = open_dir("live/.~staging~");
	ck_assert_ok(run(&c, 0), &c.err);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_uint_eq(support_count(c.fresh, "."), 2);
	end(&c);
}

END_TEST

START_TEST(carry_copies_across_file_systems)
{
	char other[] = "/dev/shm/setaside-carry-XXXXXX";
	struct stat a, b, c1, c2;
	struct carrying c;
	char *why = NULL;
	int to, from;

	build_live();
	support_mkdir(support_dirfd(), "fresh", 0755);
	if (!mkdtemp(other) || stat(other, &a) < 0 || fstat(support_dirfd(), &b) < 0 ||
	    a.st_dev == b.st_dev) {
		support_skip("no second file system");
		rmdir(other);
		return;
	}
	begin(&c, patterns);
	close(c.fresh);
	c.fresh = open(other, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_ok(run(&c, 0), &c.err);
	ck_assert_uint_eq(c.n, 14);
	c1 = stat_of(c.fresh, "cache/a");
	c2 = stat_of(c.fresh, "cache/same");
	ck_assert_uint_eq(c1.st_ino, c2.st_ino);
	ck_assert_int_eq(unlinkat(c.live, "cache/socket", 0), 0);
	support_mtime(c.live, "cache", 79, 9);
	from = openat(c.live, "cache", O_RDONLY | O_DIRECTORY);
	to = openat(c.fresh, "cache", O_RDONLY | O_DIRECTORY);
	ck_assert_msg(support_tree_equal(from, to, &why), "%s", why);
	close(from);
	close(to);
	end(&c);
	support_remove_tree(AT_FDCWD, other);
}

END_TEST

START_TEST(carry_can_be_cancelled)
{
	const atomic_bool cancel = true;
	const struct observer observer = { .cancel = &cancel };
	const struct carry_report report = { NULL, NULL };
	struct carrying c;

	build_live();
	build_fresh();
	begin(&c, patterns);
	ck_assert_fails(carry_run(c.live, c.fresh, "common/tree", c.exclude, CARRY_FORCE,
				  &report, &observer, &c.n, &c.err),
			&c.err, ERR_INTERRUPTED, "");
	/* Put back even so. */
	ck_assert_uint_eq(stat_of(c.fresh, ".").st_mode & 07777, 0555);
	ck_assert_int_eq(stat_of(c.fresh, ".").st_mtime, 51);
	end(&c);
}

END_TEST

#ifdef ENABLE_FAULTS

/* Whatever fails is said, and a second run goes on. */
static void fail_all(enum fault_class points, int errnum)
{
	struct carrying c;

	for (uint64_t n = 1;; n++) {
		bool struck;
		int r;

		build_fresh();
		begin(&c, patterns);
		fault_arm(&(struct fault_plan){ points, FAULT_ONCE, n, errnum });
		r = run(&c, 0);
		struck = fault_disarm();
		ck_assert_int_eq(r < 0, c.err.kind != ERR_NONE);
		if (r < 0 && points == FAULT_ALLOC)
			ck_assert_int_eq(c.err.kind, ERR_NOMEM);
		if (r < 0 && errnum == ENOSPC)
			ck_assert_int_eq(c.err.kind, ERR_NO_SPACE);
		err_clear(&c.err);
		ck_assert_ok(run(&c, 0), &c.err);
		assert_linked(&c, "cache/sub/b");
		assert_linked(&c, "new/one.log");
		assert_linked(&c, "profile/one.log");
		ck_assert_uint_eq(support_count(c.fresh, "cache"), 6);
		end(&c);
		support_remove_tree(support_dirfd(), "fresh");
		if (!struck)
			break;
	}
}

START_TEST(carry_survives_every_failing_call)
{
	build_live();
	fail_all(FAULT_CALL, EIO);
	fail_all(FAULT_CALL, ENOSPC);
	fail_all(FAULT_ALLOC, 0);
}

END_TEST

#endif

Suite *suite_carry(void)
{
	Suite *s = suite_create("carry");
	TCase *tc = support_tcase(s, "trees");

	tcase_add_test(tc, carry_brings_what_the_excludes_match);
	tcase_add_test(tc, carry_brings_what_the_excludes_match_as_a_user);
	tcase_add_test(tc, carry_goes_on_where_it_stopped);
	tcase_add_test(tc, carry_keeps_what_is_there);
	tcase_add_test(tc, carry_does_nothing_without_matches);
	tcase_add_test(tc, carry_brings_single_paths_and_whole_trees);
	tcase_add_test(tc, carry_refuses_a_file_where_a_directory_is_needed);
	tcase_add_test(tc, carry_follows_no_link_in_the_fresh_tree);
	tcase_add_test(tc, carry_refuses_what_the_user_cannot_read);
	tcase_add_test(tc, carry_refuses_mounts);
	tcase_add_test(tc, carry_passes_over_a_staging_inside);
	tcase_add_test(tc, carry_copies_across_file_systems);
	tcase_add_test(tc, carry_can_be_cancelled);
#ifdef ENABLE_FAULTS
	tcase_add_test(tc, carry_survives_every_failing_call);
#endif
	return s;
}
