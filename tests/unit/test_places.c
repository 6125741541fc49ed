/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "tests/unit/support.h"

static struct places places;
static struct err err;

static void set_up(void)
{
	err = (struct err)ERR_INIT;
	places = (struct places){ 0 };
}

static void tear_down(void)
{
	places_done(&places);
	err_clear(&err);
}

static void find(const struct places_request *request)
{
	places_done(&places);
	ck_assert_ok(places_init(request, &places, &err), &err);
}

#define assert_dir(dir, expected, rooted)                                                \
 do {                                                                                    \
  ck_assert_str_eq((dir).path, (expected));                                              \
  ck_assert_int_eq((dir).in_root, (rooted));                                             \
 } while (0)

/* The path of d as on this machine, which is valid until the next call. */
static const char *shown(const struct places_dir *d)
{
	static char text[4096];
	char *path = places_path(&places, d, &err);

	ck_assert_ok_ptr(path, &err);
	snprintf(text, sizeof(text), "%s", path);
	free(path);
	return text;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(fstatat(support_dirfd(), path, &st, 0), 0);
	ck_assert(S_ISDIR(st.st_mode));
	return st.st_mode & 07777;
}

START_TEST(system_places_are_as_contracted)
{
	find(&(struct places_request){ .system = true, .home = "/ignored" });
	assert_dir(places.snapshots, LOCALSTATEDIR "/lib/setaside/snapshots", true);
	assert_dir(places.database, LOCALSTATEDIR "/lib/setaside", true);
	assert_dir(places.config, SYSCONFDIR "/setaside", true);
	ck_assert_ptr_null(places.user_definitions);
	ck_assert(!places.foreign && !places.other_root && !places.store_given);
	ck_assert_str_eq(shown(&places.database), LOCALSTATEDIR "/lib/setaside");
}

END_TEST

START_TEST(user_places_follow_the_environment)
{
	find(&(struct places_request){ .home = "/home/u/" });
	assert_dir(places.snapshots, "/home/u/.local/share/setaside/snapshots", true);
	assert_dir(places.database, "/home/u/.local/share/setaside", true);
	assert_dir(places.config, "/home/u/.config/setaside", true);
	ck_assert_str_eq(places.user_definitions, "/home/u/.config/setaside/apps.d");
	find(&(struct places_request){ .xdg_data_home = "/data",
				       .xdg_config_home = "/conf/" });
	assert_dir(places.snapshots, "/data/setaside/snapshots", true);
	assert_dir(places.config, "/conf/setaside", true);
}

END_TEST

START_TEST(relative_variables_are_ignored)
{
	find(&(struct places_request){
		.home = "/home/u", .xdg_data_home = "data", .xdg_config_home = "" });
	assert_dir(places.database, "/home/u/.local/share/setaside", true);
	assert_dir(places.config, "/home/u/.config/setaside", true);
	ck_assert_fails(places_init(&(struct places_request){ .home = "u",
							      .xdg_data_home = "./data" },
				    &places, &err),
			&err, ERR_USAGE,
			"neither HOME nor XDG_DATA_HOME is an absolute path");
}

END_TEST

START_TEST(without_a_home_there_is_no_configuration)
{
	find(&(struct places_request){ .store = support_path("store") });
	ck_assert_ptr_null(places.config.path);
	ck_assert_ptr_null(places.user_definitions);
	ck_assert(places.store_given);
}

END_TEST

START_TEST(other_root_is_before_all_but_a_named_store)
{
	char expected[4200];

	support_mkdir(support_dirfd(), "root", 0755);
	find(&(struct places_request){ .system = true, .root = support_path("root//") });
	ck_assert(places.other_root);
	snprintf(expected, sizeof(expected), "%s/root" LOCALSTATEDIR "/lib/setaside",
		 support_dir());
	ck_assert_str_eq(shown(&places.database), expected);
	find(&(struct places_request){
		.system = true, .root = support_path("root"), .store = "some/store/" });
	assert_dir(places.database, "some/store", false);
	assert_dir(places.snapshots, "some/store/snapshots", false);
	ck_assert_str_eq(shown(&places.snapshots), "some/store/snapshots");
	assert_dir(places.config, SYSCONFDIR "/setaside", true);
}

END_TEST

START_TEST(root_that_is_slash_is_no_other_root)
{
	find(&(struct places_request){ .system = true, .root = "//" });
	ck_assert(!places.other_root);
	ck_assert_str_eq(places.root, "");
}

END_TEST

START_TEST(root_has_to_be_a_directory)
{
	struct places_request request = { .system = true, .root = support_path("none") };

	ck_assert_fails(places_init(&request, &places, &err), &err, ERR_IO,
			"cannot open root directory");
	support_file(support_dirfd(), "none", 0644, "");
	ck_assert_fails(places_init(&request, &places, &err), &err, ERR_IO,
			"cannot open root directory");
	request.root = "";
	ck_assert_fails(places_init(&request, &places, &err), &err, ERR_USAGE,
			"empty name");
	request = (struct places_request){ .system = true, .store = "" };
	ck_assert_fails(places_init(&request, &places, &err), &err, ERR_USAGE,
			"empty name");
}

END_TEST

START_TEST(path_of_a_root_is_the_kernels)
{
	char *path, *real = realpath(support_dir(), NULL);
	char expected[4200];

	support_mkdir(support_dirfd(), "root", 0755);
	support_symlink(support_dirfd(), "link", "root");
	find(&(struct places_request){ .system = true, .root = support_path("link") });
	path = places_root_path(&places, &err);
	ck_assert_ok_ptr(path, &err);
	snprintf(expected, sizeof(expected), "%s/root", real);
	ck_assert_str_eq(path, expected);
	free(path);
	free(real);
}

END_TEST

START_TEST(store_with_zips_in_itself_is_anothers)
{
	support_file(support_dirfd(), "snapd/3_hello_1_x1.zip", 0600, "");
	find(&(struct places_request){ .system = true, .store = support_path("snapd/") });
	ck_assert(places.foreign && !places.store_given);
	assert_dir(places.snapshots, support_path("snapd"), false);
	assert_dir(places.database, LOCALSTATEDIR "/lib/setaside", true);
}

END_TEST

START_TEST(only_files_named_like_snapshots_make_a_foreign_store)
{
	support_mkdir(support_dirfd(), "store/1_dir_1_x1.zip", 0700);
	support_symlink(support_dirfd(), "store/2_link_1_x1.zip", "3");
	support_file(support_dirfd(), "store/notes.zip", 0600, "");
	support_file(support_dirfd(), "store/4_importing", 0600, "");
	support_file(support_dirfd(), "store/snapshots/5_app_1_x1.zip", 0600, "");
	find(&(struct places_request){ .system = true, .store = support_path("store") });
	ck_assert(!places.foreign);
	assert_dir(places.snapshots, support_path("store/snapshots"), false);
}

END_TEST

START_TEST(store_that_is_no_directory_fails)
{
	support_file(support_dirfd(), "file", 0600, "");
	ck_assert_int_eq(
		places_init(&(struct places_request){ .system = true,
						      .store = support_path("file") },
			    &places, &err),
		-1);
	ck_assert_err(&err, ERR_IO, "cannot open store");
}

END_TEST

START_TEST(store_without_access_is_denied)
{
	if (!support_become_user())
		return;
	support_mkdir(support_dirfd(), "closed", 0000);
	ck_assert_fails(
		places_init(&(struct places_request){ .system = true,
						      .store = support_path("closed") },
			    &places, &err),
		&err, ERR_DENIED, "cannot open store");
}

END_TEST

START_TEST(missing_place_is_not_found)
{
	find(&(struct places_request){ .system = true, .root = support_dir() });
	ck_assert_fails(places_open(&places, &places.snapshots, &err), &err,
			ERR_NOT_FOUND, "in root directory");
	find(&(struct places_request){ .system = true, .store = support_path("none") });
	ck_assert_fails(places_open(&places, &places.snapshots, &err), &err,
			ERR_NOT_FOUND, "none/snapshots");
}

END_TEST

START_TEST(system_places_are_made_below_the_root)
{
	int fd;

	find(&(struct places_request){ .system = true, .root = support_dir() });
	fd = places_make(&places, &places.snapshots, &err);
	ck_assert_ok(fd, &err);
	close(fd);
	ck_assert_uint_eq(mode_of("./" LOCALSTATEDIR), 0755);
	ck_assert_uint_eq(mode_of("./" LOCALSTATEDIR "/lib"), 0755);
	ck_assert_uint_eq(mode_of("./" LOCALSTATEDIR "/lib/setaside"), 0700);
	ck_assert_uint_eq(mode_of("./" LOCALSTATEDIR "/lib/setaside/snapshots"), 0700);
	fd = places_make(&places, &places.snapshots, &err);
	ck_assert_ok(fd, &err);
	close(fd);
	fd = places_open(&places, &places.snapshots, &err);
	ck_assert_ok(fd, &err);
	close(fd);
}

END_TEST

START_TEST(links_on_the_way_stay_below_the_root)
{
	int fd;

	support_mkdir(support_dirfd(), "r/srv/lib", 0755);
	support_mkdir(support_dirfd(), "r/var", 0755);
	support_symlink(support_dirfd(), "r/var/lib", "/srv/lib");
	find(&(struct places_request){ .system = true, .root = support_path("r") });
	fd = places_make(&places, &places.database, &err);
	ck_assert_ok(fd, &err);
	close(fd);
	ck_assert_uint_eq(mode_of("r/srv/lib/setaside"), 0700);
}

END_TEST

START_TEST(dangling_link_is_not_made_good)
{
	support_mkdir(support_dirfd(), "r/var", 0755);
	support_symlink(support_dirfd(), "r/var/lib", "/nowhere");
	find(&(struct places_request){ .system = true, .root = support_path("r") });
	ck_assert_fails(places_make(&places, &places.database, &err), &err, ERR_IO,
			"cannot make directory");
	ck_assert(!support_exists(support_dirfd(), "r/nowhere"));
}

END_TEST

START_TEST(file_in_the_way_is_told)
{
	support_file(support_dirfd(), "r/var", 0644, "");
	find(&(struct places_request){ .system = true, .root = support_path("r") });
	ck_assert_fails(places_make(&places, &places.database, &err), &err, ERR_IO,
			"Not a directory");
}

END_TEST

START_TEST(named_store_is_made_private)
{
	int fd, here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	find(&(struct places_request){ .system = true,
				       .store = support_path("a/b//c/") });
	fd = places_make(&places, &places.snapshots, &err);
	ck_assert_ok(fd, &err);
	close(fd);
	ck_assert_uint_eq(mode_of("a"), 0700);
	ck_assert_uint_eq(mode_of("a/b/c/snapshots"), 0700);
	ck_assert_int_eq(chdir(support_dir()), 0);
	find(&(struct places_request){ .system = true, .store = "../" });
	find(&(struct places_request){ .system = true, .store = "rel/./store" });
	fd = places_make(&places, &places.snapshots, &err);
	ck_assert_ok(fd, &err);
	close(fd);
	ck_assert_uint_eq(mode_of("rel/store/snapshots"), 0700);
	ck_assert_int_eq(fchdir(here), 0);
	close(here);
}

END_TEST

START_TEST(top_directory_may_be_a_store)
{
	int fd;

	find(&(struct places_request){ .system = true, .store = "/" });
	if (places.foreign)
		return;
	assert_dir(places.database, "", false);
	assert_dir(places.snapshots, "/snapshots", false);
	fd = places_open(&places, &places.database, &err);
	ck_assert_ok(fd, &err);
	close(fd);
	fd = places_make(&places, &places.database, &err);
	ck_assert_ok(fd, &err);
	close(fd);
}

END_TEST

START_TEST(system_store_is_known_in_user_mode)
{
	struct places_dir dir;

	find(&(struct places_request){ .home = "/home/u" });
	ck_assert_ok(places_system_store(&places, &dir, &err), &err);
	assert_dir(dir, LOCALSTATEDIR "/lib/setaside/snapshots", true);
	places_dir_done(&dir);
}

END_TEST

START_TEST(done_may_follow_nothing_at_all)
{
	struct places zero = { 0 };
	int before = fcntl(0, F_GETFD);

	/* Its descriptor looks like 0, which is not its own. */
	places_done(&zero);
	places_done(&zero);
	ck_assert_int_eq(fcntl(0, F_GETFD), before);
	ck_assert_int_lt(zero.root_fd, 0);
}

END_TEST

#ifdef ENABLE_FAULTS

static int work(struct err *e)
{
	_cleanup_(places_done) struct places p = { 0 };
	_cleanup_free_ char *path = NULL, *root = NULL;
	int fd;

	if (places_init(
		    &(struct places_request){ .home = "/home/u", .root = support_dir() },
		    &p, e) < 0)
		return -1;
	path = places_path(&p, &p.snapshots, e);
	root = path ? places_root_path(&p, e) : NULL;
	if (!root)
		return -1;
	fd = places_make(&p, &p.snapshots, e);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

/* Lets the nth point fail; true if there were that many. */
static bool try_with_fault(enum fault_class points, uint64_t nth)
{
	_cleanup_(err_clear) struct err failure = ERR_INIT;
	bool failed, struck;

	fault_arm(&(struct fault_plan){ points, FAULT_ONCE, nth, EIO });
	failed = work(&failure) < 0;
	struck = fault_disarm();
	/* Best effort may fail without a word, but nothing else does. */
	ck_assert_int_eq(failed, failure.kind != ERR_NONE);
	if (failed)
		ck_assert_err(&failure, points == FAULT_ALLOC ? ERR_NOMEM : ERR_IO, "");
	ck_assert(struck || !failed);
	return struck;
}
#endif

START_TEST(places_survive_every_failure)
{
#ifdef ENABLE_FAULTS
	uint64_t nth;

	for (nth = 1; try_with_fault(FAULT_ALLOC, nth); nth++)
		;
	ck_assert_uint_gt(nth, 7);
	for (nth = 1; try_with_fault(FAULT_CALL, nth); nth++)
		;
	ck_assert_uint_gt(nth, 8);
#else
	support_skip("built without faults");
#endif
}

END_TEST

Suite *suite_places(void)
{
	Suite *s = suite_create("places");
	TCase *tc = support_tcase(s, "find");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, system_places_are_as_contracted);
	tcase_add_test(tc, user_places_follow_the_environment);
	tcase_add_test(tc, relative_variables_are_ignored);
	tcase_add_test(tc, without_a_home_there_is_no_configuration);
	tcase_add_test(tc, other_root_is_before_all_but_a_named_store);
	tcase_add_test(tc, root_that_is_slash_is_no_other_root);
	tcase_add_test(tc, root_has_to_be_a_directory);
	tcase_add_test(tc, path_of_a_root_is_the_kernels);
	tcase_add_test(tc, store_with_zips_in_itself_is_anothers);
	tcase_add_test(tc, only_files_named_like_snapshots_make_a_foreign_store);
	tcase_add_test(tc, store_that_is_no_directory_fails);
	tcase_add_test(tc, store_without_access_is_denied);
	tcase_add_test(tc, system_store_is_known_in_user_mode);
	tcase_add_test(tc, done_may_follow_nothing_at_all);
	if (!support_need_openat2())
		return s;
	tc = support_tcase(s, "open");
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, missing_place_is_not_found);
	tcase_add_test(tc, system_places_are_made_below_the_root);
	tcase_add_test(tc, links_on_the_way_stay_below_the_root);
	tcase_add_test(tc, dangling_link_is_not_made_good);
	tcase_add_test(tc, file_in_the_way_is_told);
	tcase_add_test(tc, named_store_is_made_private);
	tcase_add_test(tc, top_directory_may_be_a_store);
	tcase_add_test(tc, places_survive_every_failure);
	return s;
}
