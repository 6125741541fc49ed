/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/flatpak.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/support.h"
#include "tests/unit/support_deploy.h"
#include "tests/unit/support_events.h"

#define APPS "var/lib/flatpak/app/"

START_TEST(flatpak_ids_keep_the_grammar)
{
	static const char *const good[] = { "org.mozilla.firefox", "a.b", "com.x_y.Z-1",
					    "org.0ad.Game" };
	static const char *const bad[] = { "",       "org",   ".org.x", "org.x.",
					   "org..x", "o/x.y", "o x.y",  "-o.x",
					   "_o.x",   "o.x+y", "o.x\n" };
	char longest[200];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		ck_assert_msg(flatpak_id_is_legal(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(!flatpak_id_is_legal(bad[i]), "%s", bad[i]);
	memset(longest, 'a', sizeof(longest));
	longest[1] = '.';
	longest[190] = '\0';
	ck_assert(flatpak_id_is_legal(longest));
	longest[190] = 'a';
	longest[191] = '\0';
	ck_assert(!flatpak_id_is_legal(longest));
}

END_TEST

START_TEST(flatpak_list_of_no_installation_is_empty)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(flatpak_list_done) struct flatpak_list l = FLATPAK_LIST_INIT;

	ck_assert_ok(flatpak_list_read(support_dirfd(), NULL, &l, &err), &err);
	ck_assert_uint_eq(l.n, 0);
}

END_TEST

/* Installs a flatpak as flatpak does: current and active are links. */
static void install(const char *id, const char *version)
{
	_cleanup_(buf_done) struct buf blob = BUF_INIT;
	const struct support_deploy_entry entries[] = {
		{ "appdata-version", version, 's' }, { "appdata-name", id, 's' }
	};
	char path[500];

	support_deploy(&blob, "abc", entries, 2);
	snprintf(path, sizeof(path), APPS "%s/x86_64/stable/c0ffee/deploy", id);
	support_file_n(support_dirfd(), path, 0644, blob.data, blob.len);
	snprintf(path, sizeof(path), APPS "%s/x86_64/stable/active", id);
	support_symlink(support_dirfd(), path, "c0ffee");
	snprintf(path, sizeof(path), APPS "%s/current", id);
	support_symlink(support_dirfd(), path, "x86_64/stable");
}

START_TEST(flatpak_list_has_what_is_installed)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(flatpak_list_done) struct flatpak_list l = FLATPAK_LIST_INIT;
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	struct observer observer = support_events_observer(&events);

	install("org.b.B", "2.1");
	install("org.a.A", "1.0~rc");
	support_mkdir(support_dirfd(), APPS "org.c.C/x86_64", 0755);
	support_mkdir(support_dirfd(), APPS ".removed", 0755);
	ck_assert_ok(flatpak_list_read(support_dirfd(), &observer, &l, &err), &err);
	ck_assert_uint_eq(l.n, 3);
	ck_assert_str_eq(l.apps[0].id, "org.a.A");
	ck_assert_str_eq(l.apps[0].version, "1.0~rc");
	ck_assert_str_eq(l.apps[0].summary, "org.a.A");
	ck_assert_str_eq(l.apps[1].id, "org.b.B");
	ck_assert_str_eq(l.apps[1].version, "2.1");
	ck_assert_str_eq(l.apps[2].id, "org.c.C");
	ck_assert_ptr_null(l.apps[2].version);
	ck_assert_str_eq(support_events_text(&events), "");
}

END_TEST

START_TEST(flatpak_with_a_bad_record_has_no_version)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(flatpak_list_done) struct flatpak_list l = FLATPAK_LIST_INIT;
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	struct observer observer = support_events_observer(&events);

	support_file(support_dirfd(), APPS "org.a.A/current/active/deploy", 0644,
		     "rubbish");
	support_node(support_dirfd(), APPS "org.b.B/current/active/deploy",
		     S_IFIFO | 0644, 0);
	ck_assert_ok(flatpak_list_read(support_dirfd(), &observer, &l, &err), &err);
	ck_assert_uint_eq(l.n, 2);
	ck_assert_ptr_null(l.apps[0].version);
	ck_assert_ptr_null(l.apps[1].version);
	ck_assert_str_eq(
		support_events_text(&events),
		"org.a.A: cannot read "
		"\"/var/lib/flatpak/app/org.a.A/current/active/deploy\": not the record "
		"of a deployment\n"
		"org.b.B: \"/var/lib/flatpak/app/org.b.B/current/active/deploy\" is not "
		"a regular file\n");
}

END_TEST

Suite *suite_flatpak(void)
{
	Suite *s = suite_create("flatpak");
	TCase *tc = support_tcase(s, "installed");

	if (!support_need_openat2())
		return s;
	tcase_add_test(tc, flatpak_ids_keep_the_grammar);
	tcase_add_test(tc, flatpak_list_of_no_installation_is_empty);
	tcase_add_test(tc, flatpak_list_has_what_is_installed);
	tcase_add_test(tc, flatpak_with_a_bad_record_has_no_version);
	return s;
}
