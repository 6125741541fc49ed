/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/users.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "tests/unit/support.h"

static struct users *users;
static struct err err;

/* A root with a few users; what each test needs besides is its own business. */
static const char passwd[] =
	"root:x:0:0:root:/root:/bin/bash\n"
	"daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
	"bob:x:1001:1001:Bob,,,:/home/bob:/bin/bash\n"
	"alice:x:1000:1000::/home/alice:/usr/sbin/nologin\n"
	"alias:x:1000:1000::/home/alias:/bin/bash\n"
	"homeless:x:1002:1002::/home/nowhere:/bin/bash\n"
	"service:x:999:999::/home/service:/bin/false\n"
	"other:x:998:998::/srv/other:/bin/false\n"
	"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";

static const char group[] = "root:x:0:\n"
			    "adm:x:4:alice,bob\n"
			    "staff:x:50:bob\n"
			    "bob:x:1001:\n"
			    "alice:x:1000:alice\n";

static void make_root(void)
{
	int fd = support_dirfd();

	err = (struct err)ERR_INIT;
	support_file(fd, "etc/passwd", 0644, passwd);
	support_file(fd, "etc/group", 0644, group);
	support_mkdir(fd, "root", 0700);
	support_mkdir(fd, "home/bob", 0755);
	support_mkdir(fd, "home/alice", 0700);
	support_mkdir(fd, "home/alias", 0755);
}

static void free_root(void)
{
	users_free(users);
	users = NULL;
	err_clear(&err);
}

static void open_root(void)
{
	users_free(users);
	users = NULL;
	ck_assert_ok(users_open(support_dirfd(), true, &users, &err), &err);
}

/* "name:uid:gid:home" of what a person types. */
static const char *found(const char *text)
{
	static char line[256];
	struct user user;

	ck_assert_ok(users_find(users, text, &user, &err), &err);
	snprintf(line, sizeof(line), "%s:%u:%u:%s", user.name, user.uid, user.gid,
		 user.home);
	user_done(&user);
	return line;
}

static bool exists(const char *name)
{
	struct user user;
	int r = users_by_name(users, name, &user, &err);

	if (r == 0)
		user_done(&user);
	else
		ck_assert_err(&err, ERR_NOT_FOUND, "there is no user");
	return r == 0;
}

/* Names of all persons, with blanks between. */
static const char *persons(void)
{
	static char line[256];
	struct user_list list = { NULL, 0 };

	line[0] = '\0';
	ck_assert_ok(users_persons(users, &list, &err), &err);
	for (size_t i = 0; i < list.n; i++) {
		strncat(line, i ? " " : "", sizeof(line) - strlen(line) - 1);
		strncat(line, list.users[i].name, sizeof(line) - strlen(line) - 1);
	}
	user_list_done(&list);
	return line;
}

START_TEST(users_of_a_root_are_found_by_name_and_number)
{
	struct user user;

	open_root();
	ck_assert_str_eq(found("bob"), "bob:1001:1001:/home/bob");
	ck_assert_str_eq(found("1001"), "bob:1001:1001:/home/bob");
	ck_assert_str_eq(found("0"), "root:0:0:/root");
	ck_assert_str_eq(found("1000"), "alice:1000:1000:/home/alice");
	ck_assert_fails(users_find(users, "carol", &user, &err), &err, ERR_NOT_FOUND,
			"there is no user \"carol\"");
	ck_assert_fails(users_find(users, "1003", &user, &err), &err, ERR_NOT_FOUND,
			"there is no user \"1003\"");
	ck_assert_fails(users_find(users, "01000", &user, &err), &err, ERR_NOT_FOUND,
			"there is no user");
	ck_assert_fails(users_find(users, "", &user, &err), &err, ERR_NOT_FOUND,
			"there is no user");
	ck_assert_fails(users_by_uid(users, 7, &user, &err), &err, ERR_NOT_FOUND,
			"there is no user with the number 7");
}

END_TEST

START_TEST(name_of_digits_goes_before_the_number)
{
	support_file(support_dirfd(), "etc/passwd", 0644,
		     "first:x:1000:1000::/h:\n1000:x:1234:1234::/h:\n");
	open_root();
	ck_assert_str_eq(found("1000"), "1000:1234:1234:/h");
}

END_TEST

START_TEST(lines_of_another_form_are_passed_over)
{
	support_file(support_dirfd(), "etc/passwd", 0644,
		     "\n"
		     "# comment\n"
		     "+::::::\n"
		     "short:x:1:1::/h\n"
		     "long:x:1:1::/h:/bin/sh:more\n"
		     "sign:x:-1:1::/h:/bin/sh\n"
		     "plus:x:+1:1::/h:/bin/sh\n"
		     "zero:x:01:1::/h:/bin/sh\n"
		     "hex:x:0x1:1::/h:/bin/sh\n"
		     "none:x::1::/h:/bin/sh\n"
		     "minusone:x:4294967295:1::/h:/bin/sh\n"
		     "wide:x:4294967296:1::/h:/bin/sh\n"
		     "wider:x:99999999999999999999:1::/h:/bin/sh\n"
		     "group:x:1:x::/h:/bin/sh\n"
		     "relative:x:1:1::h:/bin/sh\n"
		     "nohome:x:1:1:::/bin/sh\n"
		     ":x:1:1::/h:/bin/sh\n"
		     "-dash:x:1:1::/h:/bin/sh\n"
		     "a/b:x:1:1::/h:/bin/sh\n"
		     "..:x:1:1::/h:/bin/sh\n"
		     "bell\a:x:1:1::/h:/bin/sh\n"
		     "home:x:1:1::/h\x1b[31m:/bin/sh\n"
		     "carriage:x:1:1::/h:/bin/sh\r\n"
		     "highest:x:4294967294:4294967294::/h:\n"
		     "last:x:5:6:x:/h:/bin/sh");
	open_root();
	for (const char *const *name =
		     (const char *const[]){ "short",  "long",  "sign",     "plus",
					    "zero",   "hex",   "none",     "minusone",
					    "wide",   "wider", "group",    "relative",
					    "nohome", "-dash", "a/b",      "..",
					    "bell\a", "home",  "carriage", "+",
					    NULL };
	     *name; name++)
		ck_assert_msg(!exists(*name), "%s", *name);
	ck_assert_str_eq(found("highest"), "highest:4294967294:4294967294:/h");
	ck_assert_str_eq(found("last"), "last:5:6:/h");
}

END_TEST

START_TEST(nul_bytes_hide_nobody)
{
	static const char text[] = "a:x:1:1::/h:\nb\0:x:2:2::/h:\nc:x:3:3::/h:\n";

	support_file_n(support_dirfd(), "etc/passwd", 0644, text, sizeof(text) - 1);
	open_root();
	ck_assert(exists("a") && exists("c"));
	ck_assert(!exists("b"));
}

END_TEST

START_TEST(first_of_two_entries_counts)
{
	support_file(support_dirfd(), "etc/passwd", 0644,
		     "a:x:1:1::/first:\na:x:2:2::/second:\nb:x:1:9::/third:\n");
	open_root();
	ck_assert_str_eq(found("a"), "a:1:1:/first");
	ck_assert_str_eq(found("1"), "a:1:1:/first");
}

END_TEST

START_TEST(root_without_users_is_no_root)
{
	struct users *none = NULL;

	ck_assert_int_eq(unlink(support_path("etc/passwd")), 0);
	ck_assert_fails(users_open(support_dirfd(), true, &none, &err), &err,
			ERR_NOT_FOUND, "\"/etc/passwd\"");
}

END_TEST

START_TEST(file_that_is_too_large_is_not_believed)
{
	struct users *none = NULL;

	support_sparse(support_dirfd(), "etc/group", (uint64_t)1 << 30, 0, 1);
	ck_assert_fails(users_open(support_dirfd(), true, &none, &err), &err,
			ERR_NO_SPACE, "\"/etc/group\"");
}

END_TEST

START_TEST(files_of_a_root_are_reached_as_in_a_chroot)
{
	ck_assert_int_eq(rename(support_path("etc/passwd"), support_path("real")), 0);
	support_symlink(support_dirfd(), "etc/passwd", "../../../../../../real");
	open_root();
	ck_assert(exists("bob"));
}

END_TEST

START_TEST(groups_are_the_primary_and_those_that_list_the_user)
{
	struct user user;
	gid_t *groups;
	size_t n;

	open_root();
	ck_assert_ok(users_by_name(users, "bob", &user, &err), &err);
	ck_assert_ok(users_groups(users, &user, &groups, &n, &err), &err);
	ck_assert_uint_eq(n, 3);
	ck_assert_uint_eq(groups[0], 1001);
	ck_assert_uint_eq(groups[1], 4);
	ck_assert_uint_eq(groups[2], 50);
	free(groups);
	user_done(&user);
	ck_assert_ok(users_by_name(users, "alice", &user, &err), &err);
	ck_assert_ok(users_groups(users, &user, &groups, &n, &err), &err);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(groups[0], 1000);
	ck_assert_uint_eq(groups[1], 4);
	free(groups);
	user_done(&user);
}

END_TEST

START_TEST(groups_of_a_root_are_found_by_name_and_number)
{
	_cleanup_free_ char *name = NULL;
	uint32_t gid = 0;

	open_root();
	ck_assert_int_eq(users_group_id(users, "staff", &gid, &err), 1);
	ck_assert_uint_eq(gid, 50);
	ck_assert_int_eq(users_group_id(users, "wheel", &gid, &err), 0);
	ck_assert_int_eq(users_group_name(users, 4, &name, &err), 1);
	ck_assert_str_eq(name, "adm");
	ck_assert_int_eq(users_group_name(users, 5, &name, &err), 0);
}

END_TEST

START_TEST(root_without_groups_has_numbers)
{
	_cleanup_free_ char *name = NULL;

	ck_assert_int_eq(unlink(support_path("etc/group")), 0);
	open_root();
	ck_assert_int_eq(users_group_name(users, 0, &name, &err), 0);
	ck_assert_ptr_null(name);
}

END_TEST

START_TEST(persons_are_root_and_those_in_the_range_with_a_home)
{
	support_mkdir(support_dirfd(), "srv/other", 0755);
	open_root();
	ck_assert_str_eq(persons(), "root alice bob");
}

END_TEST

START_TEST(first_home_that_is_there_counts)
{
	ck_assert_int_eq(rmdir(support_path("home/alice")), 0);
	open_root();
	ck_assert_str_eq(persons(), "root alias bob");
	ck_assert_int_eq(rmdir(support_path("home/alias")), 0);
	ck_assert_int_eq(rmdir(support_path("root")), 0);
	ck_assert_str_eq(persons(), "bob");
}

END_TEST

START_TEST(home_that_is_a_file_is_none)
{
	ck_assert_int_eq(rmdir(support_path("home/bob")), 0);
	support_file(support_dirfd(), "home/bob", 0644, "");
	open_root();
	ck_assert_str_eq(persons(), "root alice");
}

END_TEST

START_TEST(home_may_be_reached_through_a_link)
{
	bool has_home = false;
	struct user user;

	ck_assert_int_eq(rename(support_path("home"), support_path("var-home")), 0);
	support_symlink(support_dirfd(), "home", "/var-home");
	open_root();
	ck_assert_str_eq(persons(), "root alice bob");
	ck_assert_ok(users_by_name(users, "bob", &user, &err), &err);
	ck_assert_ok(users_has_home(users, &user, &has_home, &err), &err);
	ck_assert(has_home);
	user_done(&user);
}

END_TEST

START_TEST(range_comes_from_login_defs)
{
	support_mkdir(support_dirfd(), "home/service", 0755);
	support_file(support_dirfd(), "etc/login.defs", 0644,
		     "# UID_MIN 1\n"
		     "UID_MINX 5\n"
		     "UID_MIN\t\t  999  \n"
		     "UID_MAX 1000\n"
		     "UID_MAX many\n"
		     "SYS_UID_MIN 101\n");
	open_root();
	ck_assert_str_eq(persons(), "root service alice");
}

END_TEST

START_TEST(owner_of_a_directory_in_home_is_a_person)
{
	if (!support_need_root())
		return;
	support_mkdir(support_dirfd(), "srv/other", 0755);
	support_mkdir(support_dirfd(), "home/anything", 0755);
	support_owner(support_dirfd(), "home/anything", 998, 998);
	/* Neither files nor links nor numbers without a user make a person. */
	support_mkdir(support_dirfd(), "home/service", 0755);
	support_file(support_dirfd(), "home/file", 0644, "");
	support_owner(support_dirfd(), "home/file", 999, 999);
	support_mkdir(support_dirfd(), "home/unknown", 0755);
	support_owner(support_dirfd(), "home/unknown", 4242, 4242);
	open_root();
	ck_assert_str_eq(persons(), "root other alice bob");
}

END_TEST

START_TEST(this_machine_is_asked_through_nss)
{
	const struct passwd *pw = getpwuid(0);
	const struct group *gr = getgrgid(0);
	_cleanup_free_ char *name = NULL;
	_cleanup_(user_list_done) struct user_list list = { NULL, 0 };
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	gid_t *groups;
	uint32_t gid;
	struct user user;
	size_t n;

	ck_assert_ptr_nonnull(pw);
	ck_assert_ptr_nonnull(gr);
	ck_assert_ok(users_open(root, false, &users, &err), &err);
	ck_assert_ok(users_find(users, "0", &user, &err), &err);
	ck_assert_str_eq(user.name, pw->pw_name);
	ck_assert_str_eq(user.home, pw->pw_dir);
	ck_assert_ok(users_groups(users, &user, &groups, &n, &err), &err);
	ck_assert_uint_ge(n, 1);
	ck_assert_uint_eq(groups[0], user.gid);
	free(groups);
	user_done(&user);
	ck_assert_int_eq(users_group_name(users, 0, &name, &err), 1);
	ck_assert_str_eq(name, gr->gr_name);
	ck_assert_int_eq(users_group_id(users, gr->gr_name, &gid, &err), 1);
	ck_assert_uint_eq(gid, 0);
	ck_assert_int_eq(users_group_id(users, "no such group", &gid, &err), 0);
	ck_assert_fails(users_find(users, "no such user", &user, &err), &err,
			ERR_NOT_FOUND, "there is no user \"no such user\"");
	ck_assert_ok(users_persons(users, &list, &err), &err);
	for (size_t i = 1; i < list.n; i++)
		ck_assert_uint_lt(list.users[i - 1].uid, list.users[i].uid);
}

END_TEST

/* ---- Owners of what archives hold ---- */

/* What an owner becomes under a policy. */
static uint32_t given(const struct users_policy *policy, enum owner_kind kind,
		      const char *name, uint32_t number)
{
	struct users_owners ctx = { users, policy };
	struct owner_source source;
	uint32_t id = 77777;

	users_owner_source(&ctx, &source);
	ck_assert_ok(source.id_of(source.ctx, kind, name, number, &id, &err), &err);
	return id;
}

#define assert_refused(policy, kind_, name, number, error, part)                         \
 do {                                                                                    \
  struct users_owners ctx_ = { users, (policy) };                                        \
  struct owner_source source_;                                                           \
  uint32_t id_ = 77777;                                                                  \
  users_owner_source(&ctx_, &source_);                                                   \
  ck_assert_fails(source_.id_of(source_.ctx, (kind_), (name), (number), &id_, &err),     \
		  &err, (error), (part));                                                \
  ck_assert_uint_eq(id_, 77777);                                                         \
 } while (0)

static const struct users_policy foreign = { false, NULL, 0 };
static const struct users_policy own = { true, NULL, 0 };

START_TEST(owners_go_by_name)
{
	open_root();
	ck_assert_uint_eq(given(&foreign, OWNER_USER, "bob", 5), 1001);
	ck_assert_uint_eq(given(&own, OWNER_USER, "bob", 5), 1001);
	ck_assert_uint_eq(given(&foreign, OWNER_USER, "bob", OWNER_NO_NUMBER), 1001);
	ck_assert_uint_eq(given(&foreign, OWNER_GROUP, "staff", 5), 50);
	ck_assert_uint_eq(given(&foreign, OWNER_USER, "root", 5), 0);
}

END_TEST

START_TEST(numbers_count_only_in_sets_of_our_own)
{
	open_root();
	ck_assert_uint_eq(given(&own, OWNER_USER, "carol", 1234), 1234);
	ck_assert_uint_eq(given(&own, OWNER_USER, NULL, 1234), 1234);
	ck_assert_uint_eq(given(&own, OWNER_GROUP, "", 1234), 1234);
	assert_refused(&foreign, OWNER_USER, "carol", 1234, ERR_REFUSED,
		       "user \"carol\" (1234) does not exist here");
	assert_refused(&foreign, OWNER_USER, "carol", 1234, ERR_REFUSED,
		       "--map-user carol=NAME");
	assert_refused(&foreign, OWNER_GROUP, "wheel", 10, ERR_REFUSED,
		       "group \"wheel\" (10) does not exist here");
	assert_refused(&foreign, OWNER_USER, NULL, 1234, ERR_REFUSED,
		       "user 1234 has no name");
	assert_refused(&foreign, OWNER_USER, NULL, 1234, ERR_REFUSED,
		       "--map-user 1234=NAME");
	assert_refused(&own, OWNER_USER, "carol", OWNER_NO_NUMBER, ERR_REFUSED,
		       "user \"carol\" does not exist here");
	assert_refused(&own, OWNER_USER, NULL, OWNER_NO_NUMBER, ERR_CORRUPT,
		       "without name and number");
}

END_TEST

START_TEST(nameless_zero_is_root_everywhere)
{
	open_root();
	ck_assert_uint_eq(given(&foreign, OWNER_USER, NULL, 0), 0);
	ck_assert_uint_eq(given(&foreign, OWNER_GROUP, "", 0), 0);
	assert_refused(&foreign, OWNER_USER, "evil", 0, ERR_REFUSED, "user \"evil\" (0)");
}

END_TEST

START_TEST(mapping_goes_before_everything)
{
	struct users_mapping map[2];
	const struct users_policy policy = { true, map, 2 };

	open_root();
	ck_assert_ok(users_mapping_parse(users, "carol=bob", &map[0], &err), &err);
	ck_assert_ok(users_mapping_parse(users, "alice=1001", &map[1], &err), &err);
	ck_assert_uint_eq(given(&policy, OWNER_USER, "carol", 1234), 1001);
	ck_assert_uint_eq(given(&policy, OWNER_GROUP, "carol", 1234), 1001);
	ck_assert_uint_eq(given(&policy, OWNER_USER, "alice", 1000), 1001);
	ck_assert_uint_eq(given(&policy, OWNER_USER, "dave", 1234), 1234);
	ck_assert_uint_eq(given(&policy, OWNER_USER, NULL, 1000), 1000);
	users_mapping_done(&map[0]);
	users_mapping_done(&map[1]);
}

END_TEST

START_TEST(mapping_of_a_number_is_for_owners_without_a_name_here)
{
	struct users_mapping map;
	const struct users_policy policy = { false, &map, 1 };

	open_root();
	ck_assert_ok(users_mapping_parse(users, "1234=bob", &map, &err), &err);
	ck_assert_uint_eq(given(&policy, OWNER_USER, NULL, 1234), 1001);
	ck_assert_uint_eq(given(&policy, OWNER_USER, "carol", 1234), 1001);
	ck_assert_uint_eq(given(&policy, OWNER_USER, "alice", 1234), 1000);
	assert_refused(&policy, OWNER_USER, NULL, 1235, ERR_REFUSED, "user 1235");
	users_mapping_done(&map);
}

END_TEST

START_TEST(bad_mappings_are_refused)
{
	struct users_mapping map;

	open_root();
	ck_assert_fails(users_mapping_parse(users, "carol", &map, &err), &err, ERR_USAGE,
			"\"carol\" is not of the form OLD=NEW");
	ck_assert_fails(users_mapping_parse(users, "=bob", &map, &err), &err, ERR_USAGE,
			"OLD=NEW");
	ck_assert_fails(users_mapping_parse(users, "carol=", &map, &err), &err, ERR_USAGE,
			"OLD=NEW");
	ck_assert_fails(users_mapping_parse(users, "carol=dave", &map, &err), &err,
			ERR_NOT_FOUND, "there is no user \"dave\"");
}

END_TEST

START_TEST(names_for_archives_come_from_the_root)
{
	struct users_owners ctx;
	struct owner_source source;
	char *name = NULL;

	open_root();
	ctx = (struct users_owners){ users, &own };
	users_owner_source(&ctx, &source);
	ck_assert_ok(source.name_of(source.ctx, OWNER_USER, 1001, &name, &err), &err);
	ck_assert_str_eq(name, "bob");
	free(name);
	ck_assert_ok(source.name_of(source.ctx, OWNER_GROUP, 50, &name, &err), &err);
	ck_assert_str_eq(name, "staff");
	free(name);
	ck_assert_ok(source.name_of(source.ctx, OWNER_USER, 4242, &name, &err), &err);
	ck_assert_ptr_null(name);
	ck_assert_ok(source.name_of(source.ctx, OWNER_GROUP, 4242, &name, &err), &err);
	ck_assert_ptr_null(name);
}

END_TEST

#ifdef ENABLE_FAULTS

/* Asks for everything that there is to ask. */
static int ask(struct users *u, struct err *e)
{
	const struct users_policy policy = { false, NULL, 0 };
	struct users_owners ctx = { u, &policy };
	_cleanup_(user_list_done) struct user_list list = { NULL, 0 };
	_cleanup_(user_done) struct user user = { NULL, 0, 0, NULL };
	struct users_mapping map = { .from = NULL };
	_cleanup_free_ gid_t *groups = NULL;
	_cleanup_free_ char *name = NULL;
	struct owner_source source;
	uint32_t id;
	size_t n;

	users_owner_source(&ctx, &source);
	if (users_persons(u, &list, e) < 0 || users_find(u, "1001", &user, e) < 0 ||
	    users_groups(u, &user, &groups, &n, e) < 0 ||
	    source.name_of(source.ctx, OWNER_GROUP, 4, &name, e) < 0 ||
	    source.id_of(source.ctx, OWNER_USER, "bob", 1, &id, e) < 0 ||
	    users_mapping_parse(u, "x=bob", &map, e) < 0)
		return -1;
	users_mapping_done(&map);
	return 0;
}

static int work(struct err *e)
{
	_cleanup_(users_freep) struct users *u = NULL;

	return users_open(support_dirfd(), true, &u, e) < 0 ? -1 : ask(u, e);
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

START_TEST(users_survive_every_failure)
{
#ifdef ENABLE_FAULTS
	uint64_t nth;

	support_file(support_dirfd(), "etc/login.defs", 0644, "UID_MIN 999\n");
	for (nth = 1; try_with_fault(FAULT_ALLOC, nth); nth++)
		;
	ck_assert_uint_gt(nth, 40);
	for (nth = 1; try_with_fault(FAULT_CALL, nth); nth++)
		;
	ck_assert_uint_gt(nth, 15);
#else
	support_skip("built without faults");
#endif
}

END_TEST

Suite *suite_users(void)
{
	Suite *s = suite_create("users");
	TCase *tc = support_tcase(s, "users");

	if (!support_need_openat2())
		return s;
	tcase_add_checked_fixture(tc, make_root, free_root);
	tcase_add_test(tc, users_of_a_root_are_found_by_name_and_number);
	tcase_add_test(tc, name_of_digits_goes_before_the_number);
	tcase_add_test(tc, lines_of_another_form_are_passed_over);
	tcase_add_test(tc, nul_bytes_hide_nobody);
	tcase_add_test(tc, first_of_two_entries_counts);
	tcase_add_test(tc, root_without_users_is_no_root);
	tcase_add_test(tc, file_that_is_too_large_is_not_believed);
	tcase_add_test(tc, files_of_a_root_are_reached_as_in_a_chroot);
	tcase_add_test(tc, groups_are_the_primary_and_those_that_list_the_user);
	tcase_add_test(tc, groups_of_a_root_are_found_by_name_and_number);
	tcase_add_test(tc, root_without_groups_has_numbers);
	tcase_add_test(tc, this_machine_is_asked_through_nss);
	tc = support_tcase(s, "persons");
	tcase_add_checked_fixture(tc, make_root, free_root);
	tcase_add_test(tc, persons_are_root_and_those_in_the_range_with_a_home);
	tcase_add_test(tc, first_home_that_is_there_counts);
	tcase_add_test(tc, home_that_is_a_file_is_none);
	tcase_add_test(tc, home_may_be_reached_through_a_link);
	tcase_add_test(tc, range_comes_from_login_defs);
	tcase_add_test(tc, owner_of_a_directory_in_home_is_a_person);
	tcase_add_test(tc, users_survive_every_failure);
	tc = support_tcase(s, "owners");
	tcase_add_checked_fixture(tc, make_root, free_root);
	tcase_add_test(tc, owners_go_by_name);
	tcase_add_test(tc, numbers_count_only_in_sets_of_our_own);
	tcase_add_test(tc, nameless_zero_is_root_everywhere);
	tcase_add_test(tc, mapping_goes_before_everything);
	tcase_add_test(tc, mapping_of_a_number_is_for_owners_without_a_name_here);
	tcase_add_test(tc, bad_mappings_are_refused);
	tcase_add_test(tc, names_for_archives_come_from_the_root);
	return s;
}
