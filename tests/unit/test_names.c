/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/names.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/support.h"

/* A name of n times c. */
static const char *long_name(char c, size_t n)
{
	static char name[512];

	ck_assert_uint_lt(n, sizeof(name));
	memset(name, c, n);
	name[n] = '\0';
	return name;
}

static const struct {
	bool (*is_legal)(const char *name);
	const char *name;
	bool legal;
} grammar[] = {
	{ snapshot_app_is_legal, "firefox", true },
	{ snapshot_app_is_legal, "org.gnome.Maps", true },
	{ snapshot_app_is_legal, "a-b_inst", true },
	{ snapshot_app_is_legal, "0ad", true },
	{ snapshot_app_is_legal, "g++", true },
	{ snapshot_app_is_legal, "x", true },
	{ snapshot_app_is_legal, "hello.native", true },
	{ snapshot_app_is_legal, "", false },
	{ snapshot_app_is_legal, ".x", false },
	{ snapshot_app_is_legal, "..", false },
	{ snapshot_app_is_legal, "-x", false },
	{ snapshot_app_is_legal, "_x", false },
	{ snapshot_app_is_legal, "+x", false },
	{ snapshot_app_is_legal, "a/b", false },
	{ snapshot_app_is_legal, "a b", false },
	{ snapshot_app_is_legal, "a\n", false },
	{ snapshot_app_is_legal, "x\xc3\x9f", false },
	{ snapshot_app_is_legal, "a~b", false },
	{ snapshot_app_is_legal, "a:b", false },

	{ snapshot_revision_is_legal, "1", true },
	{ snapshot_revision_is_legal, "42", true },
	{ snapshot_revision_is_legal, "x1", true },
	{ snapshot_revision_is_legal, "9223372036854775807", true },
	{ snapshot_revision_is_legal, "x9223372036854775807", true },
	{ snapshot_revision_is_legal, "9223372036854775808", false },
	{ snapshot_revision_is_legal, "99999999999999999999999", false },
	{ snapshot_revision_is_legal, "", false },
	{ snapshot_revision_is_legal, "0", false },
	{ snapshot_revision_is_legal, "x0", false },
	{ snapshot_revision_is_legal, "x", false },
	{ snapshot_revision_is_legal, "X1", false },
	{ snapshot_revision_is_legal, "xx1", false },
	{ snapshot_revision_is_legal, "01", false },
	{ snapshot_revision_is_legal, "-1", false },
	{ snapshot_revision_is_legal, "+1", false },
	{ snapshot_revision_is_legal, "1.0", false },
	{ snapshot_revision_is_legal, "1 ", false },
	{ snapshot_revision_is_legal, "unset", false },
	{ snapshot_revision_is_legal, "common", false },

	{ snapshot_user_is_legal, "alice", true },
	{ snapshot_user_is_legal, "a.b", true },
	{ snapshot_user_is_legal, "DOMAIN\\alice", true },
	{ snapshot_user_is_legal, "alice@example.org", true },
	{ snapshot_user_is_legal,
	  "b\xc3\xb6"
	  "b",
	  true },
	{ snapshot_user_is_legal, "...", true },
	{ snapshot_user_is_legal, "1000", true },
	{ snapshot_user_is_legal, "", false },
	{ snapshot_user_is_legal, ".", false },
	{ snapshot_user_is_legal, "..", false },
	{ snapshot_user_is_legal, "-a", false },
	{ snapshot_user_is_legal, "a/b", false },
	{ snapshot_user_is_legal, "/", false },
	{ snapshot_user_is_legal, "a\nb", false },
	{ snapshot_user_is_legal, "a\x7f", false },
	{ snapshot_user_is_legal, "a\xc2\x9b", false },
	{ snapshot_user_is_legal, "a\xff", false },
	{ snapshot_user_is_legal, "a\xc0\x80", false },

	{ snapshot_tree_is_legal, "profile", true },
	{ snapshot_tree_is_legal, "a-1", true },
	{ snapshot_tree_is_legal, "0123456789abcdef0123456789abcdef", true },
	{ snapshot_tree_is_legal, "0123456789abcdef0123456789abcdef0", false },
	{ snapshot_tree_is_legal, "", false },
	{ snapshot_tree_is_legal, "A", false },
	{ snapshot_tree_is_legal, "a/b", false },
	{ snapshot_tree_is_legal, "a.b", false },
	{ snapshot_tree_is_legal, "..", false },

	{ snapshot_member_is_legal, "archive.tgz", true },
	{ snapshot_member_is_legal, "user/alice.tgz", true },
	{ snapshot_member_is_legal, "user/alice.tar", true },
	{ snapshot_member_is_legal, "future", true },
	{ snapshot_member_is_legal, "", false },
	{ snapshot_member_is_legal, "user/.tgz", false },
	{ snapshot_member_is_legal, "user/..tgz", false },
	{ snapshot_member_is_legal, "user/...tgz", false },
	{ snapshot_member_is_legal, "user/../x.tgz", false },
	{ snapshot_member_is_legal, "user/-x.tgz", false },
	{ snapshot_member_is_legal, "a\nb", false },
	{ snapshot_member_is_legal, "\xff", false },

	{ snapshot_path_is_legal, "common", true },
	{ snapshot_path_is_legal, "common/a\xff/...", true },
	{ snapshot_path_is_legal, "7/.x", true },
	{ snapshot_path_is_legal, "", false },
	{ snapshot_path_is_legal, "/etc", false },
	{ snapshot_path_is_legal, "..", false },
	{ snapshot_path_is_legal, "a/..", false },
	{ snapshot_path_is_legal, "../a", false },
	{ snapshot_path_is_legal, "a/../b", false },
	{ snapshot_path_is_legal, "a//b", false },
	{ snapshot_path_is_legal, "a/", false },
};

START_TEST(names_keep_their_grammar)
{
	ck_assert_msg(grammar[_i].is_legal(grammar[_i].name) == grammar[_i].legal,
		      "row %d: %s", _i, q(grammar[_i].name));
}

END_TEST

START_TEST(names_have_limits)
{
	ck_assert(snapshot_app_is_legal(long_name('a', NAMES_APP_MAX)));
	ck_assert(!snapshot_app_is_legal(long_name('a', NAMES_APP_MAX + 1)));
	ck_assert(snapshot_user_is_legal(long_name('a', 255)));
	ck_assert(!snapshot_user_is_legal(long_name('a', 256)));
}

END_TEST

START_TEST(names_of_members_limit_the_user)
{
	char member[600];

	snprintf(member, sizeof(member), "user/%s.tgz", long_name('u', 255));
	ck_assert(snapshot_member_is_legal(member));
	snprintf(member, sizeof(member), "user/%s.tgz", long_name('u', 256));
	ck_assert(!snapshot_member_is_legal(member));
}

END_TEST

static const struct {
	const char *version;
	size_t max;
	const char *in_name;
} versions[] = {
	{ "128.5.0esr-1", 99, "128.5.0esr-1" },
	{ "1:2.3~rc1+dfsg-1", 99, "1:2.3~rc1+dfsg-1" },
	{ "", 99, "0" },
	{ "1_2/3 4\n", 99, "1-2-3-4-" },
	{ "../..", 99, "..-.." },
	{ "\xc3\x9f", 99, "--" },
	{ "_", 99, "-" },
	{ "1.2.3", 3, "1.2" },
	{ "", 1, "0" },
};

START_TEST(names_hold_versions_cleaned_and_cut)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	ck_assert_ok(snapshot_version_for_name(&out, versions[_i].version,
					       versions[_i].max, &err),
		     &err);
	ck_assert_str_eq(out.data, versions[_i].in_name);
}

END_TEST

#define N_ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

Suite *suite_names(void)
{
	Suite *s = suite_create("names");
	TCase *tc = support_tcase(s, "names");

	tcase_add_loop_test(tc, names_keep_their_grammar, 0, N_ROWS(grammar));
	tcase_add_test(tc, names_have_limits);
	tcase_add_test(tc, names_of_members_limit_the_user);
	tcase_add_loop_test(tc, names_hold_versions_cleaned_and_cut, 0, N_ROWS(versions));
	return s;
}
