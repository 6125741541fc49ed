/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/place.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/support.h"

static struct place p = PLACE_INIT;

static void teardown(void)
{
	place_done(&p);
}

static int resolve(const char *path, enum place_trust trust, struct err *err)
{
	place_done(&p);
	return place_resolve(support_dirfd(), path, trust, &p, err);
}

/* Resolves below the test's directory, and checks what every place has to keep. */
static void check(const char *path, enum place_trust trust, const char *resolved,
		  bool exists)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct stat st;

	ck_assert_msg(resolve(path, trust, &err) == 0, "%s: %s", path, err_message(&err));
	ck_assert_str_eq(p.resolved, resolved);
	ck_assert_str_eq(p.name, strrchr(resolved, '/') + 1);
	ck_assert(p.exists == exists);
	ck_assert((p.parent >= 0) == (p.n_missing == 0));
	ck_assert((p.above >= 0) == (p.n_missing > 0));
	ck_assert_int_eq(fstat(p.parent >= 0 ? p.parent : p.above, &st), 0);
	ck_assert_uint_eq(st.st_ino, p.parent_st.st_ino);
	if (!exists)
		return;
	ck_assert_int_eq(fstatat(p.parent, p.name, &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert_uint_eq(st.st_ino, p.st.st_ino);
	ck_assert_uint_eq(p.mount_id, p.parent_mount_id);
}

static void check_user(const char *path, const char *resolved)
{
	check(path, PLACE_USER, resolved, true);
}

START_TEST(plain_paths_are_what_they_say)
{
	support_file(support_dirfd(), "a/b/f", 0644, "");
	check_user("/a", "/a");
	check_user("/a/b", "/a/b");
	check_user("//a///b//", "/a/b");
	check_user("/./a/./b/.", "/a/b");
	check_user("/a/b/f", "/a/b/f");
	check_user("/a/b/../b/f", "/a/b/f");
	check_user("/../../a/b/..", "/a");
	check_user("/a/b/../../a", "/a");
	ck_assert(S_ISDIR(p.st.st_mode));
	ck_assert(!p.dangling);
}

END_TEST

START_TEST(links_are_followed_within_the_root)
{
	support_file(support_dirfd(), "var/home/u/d/f", 0644, "");
	support_symlink(support_dirfd(), "home", "var/home");
	support_symlink(support_dirfd(), "abs", "/var/home");
	support_symlink(support_dirfd(), "var/home/u/up", "../../../../../var/home/u");
	support_symlink(support_dirfd(), "var/home/u/file", "d/f");
	support_symlink(support_dirfd(), "var/home/u/dot", ".");
	support_symlink(support_dirfd(), "var/home/u/parent", "..");
	support_symlink(support_dirfd(), "two", "home/u/up/d");
	support_symlink(support_dirfd(), "slash", "home/");
	check_user("/home/u/d", "/var/home/u/d");
	check_user("/home", "/var/home");
	check_user("/home/", "/var/home");
	check_user("/abs/u", "/var/home/u");
	check_user("/home/u/up/d", "/var/home/u/d");
	check_user("/home/u/file", "/var/home/u/d/f");
	check_user("/home/u/dot", "/var/home/u");
	check_user("/home/u/dot/d", "/var/home/u/d");
	check_user("/home/u/parent", "/var/home");
	check_user("/home/u/parent/u/parent", "/var/home");
	check_user("/two/f", "/var/home/u/d/f");
	check_user("/two/../d", "/var/home/u/d");
	check_user("/slash/u", "/var/home/u");
}

END_TEST

START_TEST(what_is_missing_is_listed)
{
	support_mkdir(support_dirfd(), "a", 0755);
	support_symlink(support_dirfd(), "l", "/a/x/");
	check("/a/x", PLACE_USER, "/a/x", false);
	ck_assert_uint_eq(p.n_missing, 0);
	ck_assert(!p.dangling);
	check("/a/x/y/./z//", PLACE_USER, "/a/x/y/z", false);
	ck_assert_uint_eq(p.n_missing, 2);
	ck_assert_str_eq(p.missing[0], "/a/x");
	ck_assert_str_eq(p.missing[1], "/a/x/y");
	ck_assert(!p.dangling);
	check("/l", PLACE_USER, "/a/x", false);
	ck_assert(p.dangling);
	check("/l/y", PLACE_USER, "/a/x/y", false);
	ck_assert_uint_eq(p.n_missing, 1);
	ck_assert(p.dangling);
	check("/b", PLACE_USER, "/b", false);
}

END_TEST

START_TEST(what_has_no_place_is_an_error)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char path[100000];

	support_file(support_dirfd(), "f", 0644, "");
	support_symlink(support_dirfd(), "loop", "loop");
	support_symlink(support_dirfd(), "a", "b/x");
	support_symlink(support_dirfd(), "b", "a/x");
	support_symlink(support_dirfd(), "lf", "f");
	support_symlink(support_dirfd(), "root", "/");
	ck_assert_fails(resolve("a", PLACE_USER, &err), &err, ERR_USAGE,
			"no absolute path");
	ck_assert_fails(resolve("", PLACE_USER, &err), &err, ERR_USAGE,
			"no absolute path");
	ck_assert_fails(resolve("/", PLACE_USER, &err), &err, ERR_REFUSED,
			"root directory");
	ck_assert_fails(resolve("/root/..", PLACE_USER, &err), &err, ERR_REFUSED,
			"root directory");
	ck_assert_fails(resolve("/f/x", PLACE_USER, &err), &err, ERR_IO,
			"Not a directory");
	ck_assert_fails(resolve("/f/", PLACE_USER, &err), &err, ERR_IO,
			"Not a directory");
	ck_assert_fails(resolve("/lf/", PLACE_USER, &err), &err, ERR_IO,
			"Not a directory");
	ck_assert_fails(resolve("/f/.", PLACE_USER, &err), &err, ERR_IO,
			"Not a directory");
	ck_assert_fails(resolve("/loop", PLACE_USER, &err), &err, ERR_CORRUPT,
			"40 links");
	ck_assert_fails(resolve("/a", PLACE_USER, &err), &err, ERR_CORRUPT, "40 links");
	ck_assert_fails(resolve("/x/../y", PLACE_USER, &err), &err, ERR_REFUSED,
			"\"..\" below");
	memset(path, '/', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	ck_assert_fails(resolve(path, PLACE_USER, &err), &err, ERR_USAGE, "too long");
}

END_TEST

START_TEST(forty_links_are_followed)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char name[16], target[16];

	support_mkdir(support_dirfd(), "l0", 0755);
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		snprintf(target, sizeof(target), "l%d", i - 1);
		support_symlink(support_dirfd(), name, target);
	}
	check_user("/l40", "/l0");
	ck_assert_fails(resolve("/l41", PLACE_USER, &err), &err, ERR_CORRUPT, "40 links");
}

END_TEST

START_TEST(a_parent_that_may_only_be_searched_will_do)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd = -1;

	if (!support_become_user())
		return;
	support_file(support_dirfd(), "d/t/f", 0644, "");
	support_mkdir(support_dirfd(), "closed", 0);
	ck_assert_int_eq(fchmodat(support_dirfd(), "d", 0100, 0), 0);
	check_user("/d/t", "/d/t");
	fd = place_open(&p, &err);
	ck_assert_ok(fd, &err);
	ck_assert_fails(resolve("/closed/x", PLACE_USER, &err), &err, ERR_DENIED,
			"cannot open \"x\" in \"/closed\"");
	ck_assert_int_eq(fchmodat(support_dirfd(), "d", 0700, 0), 0);
}

END_TEST

START_TEST(opening_compares_identity)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd = -1;

	support_file(support_dirfd(), "d/f", 0644, "x");
	support_node(support_dirfd(), "fifo", S_IFIFO | 0600, 0);
	check_user("/d/f", "/d/f");
	fd = place_open(&p, &err);
	ck_assert_ok(fd, &err);
	check("/d/none", PLACE_USER, "/d/none", false);
	ck_assert_fails(place_open(&p, &err), &err, ERR_NOT_FOUND, "does not exist");
	check_user("/fifo", "/fifo");
	ck_assert_fails(place_open(&p, &err), &err, ERR_UNSUPPORTED, "neither");

	check_user("/d/f", "/d/f");
	ck_assert_int_eq(renameat(support_dirfd(), "d/f", support_dirfd(), "d/g"), 0);
	ck_assert_fails(place_open(&p, &err), &err, ERR_CHANGED, "\"/d/f\" was replaced");
	support_file(support_dirfd(), "d/f", 0644, "y");
	ck_assert_fails(place_open(&p, &err), &err, ERR_CHANGED, "replaced");
	ck_assert_int_eq(unlinkat(support_dirfd(), "d/f", 0), 0);
	support_symlink(support_dirfd(), "d/f", "g");
	ck_assert_fails(place_open(&p, &err), &err, ERR_CHANGED, "replaced");
	check_user("/d", "/d");
	ck_assert_int_eq(renameat(support_dirfd(), "d", support_dirfd(), "e"), 0);
	support_symlink(support_dirfd(), "d", "e");
	ck_assert_fails(place_open(&p, &err), &err, ERR_CHANGED, "replaced");
}

END_TEST

START_TEST(system_follows_roots_own_links_only)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	if (!support_need_root())
		return;
	ck_assert_int_eq(fchmod(support_dirfd(), 0755), 0);
	support_file(support_dirfd(), "data/f", 0644, "");
	support_symlink(support_dirfd(), "good", "data");
	support_symlink(support_dirfd(), "users", "data");
	support_owner(support_dirfd(), "users", 1234, 0);
	support_mkdir(support_dirfd(), "sticky", 01777);
	support_symlink(support_dirfd(), "sticky/l", "/data");
	support_mkdir(support_dirfd(), "sticky/safe", 0755);
	support_symlink(support_dirfd(), "sticky/safe/l", "/data");
	support_mkdir(support_dirfd(), "group", 0775);
	support_symlink(support_dirfd(), "group/l", "/data");

	check("/good/f", PLACE_SYSTEM, "/data/f", true);
	check("/sticky/safe", PLACE_SYSTEM, "/sticky/safe", true);
	static const char *const bad[] = { "/users/f", "/sticky/l/f", "/sticky/safe/l/f",
					   "/group/l" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		check(bad[i], PLACE_USER, strrchr(bad[i], 'f') ? "/data/f" : "/data",
		      true);
		ck_assert_fails(resolve(bad[i], PLACE_SYSTEM, &err), &err, ERR_REFUSED,
				"is a link that not only root could have made");
	}
	ck_assert_int_eq(fchmod(support_dirfd(), 0777), 0);
	ck_assert_fails(resolve("/good/f", PLACE_SYSTEM, &err), &err, ERR_REFUSED,
			"\"/good\"");
}

END_TEST

START_TEST(system_passes_one_other_owner_at_the_end)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	if (!support_need_root())
		return;
	ck_assert_int_eq(fchmod(support_dirfd(), 0755), 0);
	support_file(support_dirfd(), "srv/his/a/b/f", 0644, "");
	support_file(support_dirfd(), "srv/his/roots/x", 0644, "");
	support_symlink(support_dirfd(), "srv/his/l", "a");
	support_owner(support_dirfd(), "srv/his", 1234, 1234);
	support_owner(support_dirfd(), "srv/his/a", 1234, 1234);
	support_owner(support_dirfd(), "srv/his/a/b", 5678, 1234);
	check("/srv/his/a", PLACE_SYSTEM, "/srv/his/a", true);
	ck_assert_uint_eq(p.parent_st.st_uid, 1234);
	/* The tree itself may be anybody's. */
	check("/srv/his/a/b", PLACE_SYSTEM, "/srv/his/a/b", true);
	check("/srv/his/roots", PLACE_SYSTEM, "/srv/his/roots", true);
	check("/srv/his/a/new/tree", PLACE_SYSTEM, "/srv/his/a/new/tree", false);
	ck_assert_fails(resolve("/srv/his/a/b/f", PLACE_SYSTEM, &err), &err, ERR_REFUSED,
			"\"/srv/his/a/b\" is not of the owner");
	ck_assert_fails(resolve("/srv/his/roots/x", PLACE_SYSTEM, &err), &err,
			ERR_REFUSED, "\"/srv/his/roots\" is not of the owner");
	ck_assert_fails(resolve("/srv/his/l", PLACE_SYSTEM, &err), &err, ERR_REFUSED,
			"\"/srv/his/l\" is a link");
	/* What is trusted is judged by the way that is left. */
	check("/srv/his/../his/a", PLACE_SYSTEM, "/srv/his/a", true);
}

END_TEST

START_TEST(place_missing_behind_a_link_that_leads_somewhere_is_just_missing)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(place_done) struct place q = PLACE_INIT;
	int d = support_dirfd();

	support_mkdir(d, "var/home/me", 0755);
	support_symlink(d, "home", "var/home");
	support_symlink(d, "var/home/me/data", "../../../disk/mine");
	ck_assert_ok(place_resolve(d, "/home/me/.app/profile", PLACE_USER, &p, &err),
		     &err);
	ck_assert(!p.exists && !p.dangling);
	ck_assert_str_eq(p.resolved, "/var/home/me/.app/profile");
	ck_assert_ok(place_resolve(d, "/home/me/data/x", PLACE_USER, &q, &err), &err);
	ck_assert(!q.exists && q.dangling);
	ck_assert_str_eq(q.resolved, "/disk/mine/x");
}

END_TEST

Suite *suite_place(void)
{
	Suite *s = suite_create("place");
	TCase *tc = support_tcase(s, "place");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, plain_paths_are_what_they_say);
	tcase_add_test(tc, links_are_followed_within_the_root);
	tcase_add_test(tc, what_is_missing_is_listed);
	tcase_add_test(tc, what_has_no_place_is_an_error);
	tcase_add_test(tc, forty_links_are_followed);
	tcase_add_test(tc, a_parent_that_may_only_be_searched_will_do);
	tcase_add_test(tc, opening_compares_identity);
	tcase_add_test(tc, system_follows_roots_own_links_only);
	tcase_add_test(tc, system_passes_one_other_owner_at_the_end);
	tcase_add_test(tc,
		       place_missing_behind_a_link_that_leads_somewhere_is_just_missing);
	return s;
}
