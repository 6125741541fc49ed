/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/definitions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "tests/unit/support.h"
#include "tests/unit/support_events.h"

#define VENDOR "usr/share/setaside/apps.d/"
#define LOCAL  "usr/local/share/setaside/apps.d/"
#define ADMIN  "etc/setaside/apps.d/"
#define OWN    "home/u/.config/setaside/apps.d/"

/* A definition of `id` with one tree, ~/.PATH. */
static void define(const char *dir, const char *id, const char *path)
{
	char name[300], text[500];

	snprintf(name, sizeof(name), "%s%s.json", dir, id);
	snprintf(text, sizeof(text),
		 "{\"format\":1,\"id\":\"%s\",\"trees\":[{\"name\":\"a\",\"scope\":"
		 "\"user\","
		 "\"at\":{\"native\":\"~/.%s\"}}]}",
		 id, path);
	support_file(support_dirfd(), name, 0644, text);
}

/* A drop-in that adds one pattern to the tree a. */
static void drop_in(const char *dir, const char *name, const char *pattern)
{
	char path[300], text[300];

	snprintf(path, sizeof(path), "%s%s", dir, name);
	snprintf(text, sizeof(text),
		 "{\"trees\":[{\"name\":\"a\",\"exclude\":[\"%s\"]}]}", pattern);
	support_file(support_dirfd(), path, 0644, text);
}

/* Loads below the test's directory. */
static struct definitions *load(const char *user_dir, struct support_events *events)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct observer observer = support_events_observer(events);
	const struct definitions_options options = {
		.rootfd = support_dirfd(),
		.system = !user_dir,
		.user_dir = user_dir,
		.observer = &observer,
	};
	struct definitions *d = NULL;

	ck_assert_ok(definitions_load(&options, &d, &err), &err);
	return d;
}

/* The path of the tree a, "-" where there is no such definition. */
static const char *path_of(const struct definitions *d, const char *id)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct definition *found = NULL;

	if (definitions_find(d, id, &found, &err) == 0)
		return found->trees[0].at[PACKAGING_NATIVE];
	ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err_message(&err), "there is no definition of \""));
	return "-";
}

START_TEST(definitions_of_an_empty_root_are_none)
{
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	_cleanup_(definitions_freep) struct definitions *d = load(NULL, &events);

	ck_assert_uint_eq(definitions_count(d), 0);
	ck_assert_str_eq(path_of(d, "git"), "-");
	ck_assert_str_eq(support_events_text(&events), "");
}

END_TEST

START_TEST(definitions_that_come_later_replace)
{
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	_cleanup_(definitions_freep) struct definitions *d = NULL;

	define(VENDOR, "c", "vendor");
	define(VENDOR, "b", "vendor");
	define(LOCAL, "b", "local");
	define(VENDOR, "a", "vendor");
	define(LOCAL, "a", "local");
	define(ADMIN, "a", "admin");
	define(OWN, "a", "own");
	support_file(support_dirfd(), ADMIN "README", 0644, "no definition");
	support_file(support_dirfd(), ADMIN ".a.json", 0644, "hidden");
	support_file(support_dirfd(), ADMIN "d.json~", 0644, "old");
	support_file(support_dirfd(), ADMIN ".json", 0644, "nameless");
	d = load(NULL, &events);
	ck_assert_uint_eq(definitions_count(d), 3);
	ck_assert_str_eq(definitions_at(d, 0)->id, "a");
	ck_assert_str_eq(definitions_at(d, 2)->id, "c");
	ck_assert_str_eq(path_of(d, "a"), "~/.admin");
	ck_assert_str_eq(path_of(d, "b"), "~/.local");
	ck_assert_str_eq(path_of(d, "c"), "~/.vendor");
	ck_assert_str_eq(support_events_text(&events), "");
}

END_TEST

START_TEST(definitions_of_a_person_come_last)
{
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	_cleanup_(definitions_freep) struct definitions *d = NULL;

	define(ADMIN, "a", "admin");
	define(OWN, "a", "own");
	define(OWN, "b", "own");
	d = load("/home/u/.config/setaside/apps.d", &events);
	ck_assert_str_eq(path_of(d, "a"), "~/.own");
	ck_assert_str_eq(path_of(d, "b"), "~/.own");
}

END_TEST

START_TEST(definitions_are_masked_by_dev_null)
{
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	_cleanup_(definitions_freep) struct definitions *d = NULL;

	define(VENDOR, "a", "vendor");
	support_symlink(support_dirfd(), ADMIN "a.json", "/dev/null");
	define(VENDOR, "b", "vendor");
	support_symlink(support_dirfd(), LOCAL "b.json", "/dev/null");
	define(ADMIN, "b", "admin");
	drop_in(ADMIN, "a.json.d/x.json", "x");
	d = load(NULL, &events);
	ck_assert_str_eq(path_of(d, "a"), "-");
	ck_assert_str_eq(path_of(d, "b"), "~/.admin");
	ck_assert_str_eq(support_events_text(&events), "");
}

END_TEST

START_TEST(definitions_may_be_links_below_the_root)
{
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	_cleanup_(definitions_freep) struct definitions *d = NULL;

	define("srv/", "a", "linked");
	support_symlink(support_dirfd(), ADMIN "a.json", "/srv/a.json");
	d = load(NULL, &events);
	ck_assert_str_eq(path_of(d, "a"), "~/.linked");
}

END_TEST

/* The patterns of the tree a, joined. */
static const char *patterns_of(const struct definitions *d, const char *id,
			       struct buf *out)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct definition *found = NULL;

	buf_clear(out);
	ck_assert_ok(definitions_find(d, id, &found, &err), &err);
	for (size_t i = 0; i < found->trees[0].exclude.n; i++)
		ck_assert_ok(
			buf_printf(out, &err, "%s ", found->trees[0].exclude.items[i]),
			&err);
	return out->data ? out->data : "";
}

START_TEST(drop_ins_of_all_directories_add_in_order)
{
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	_cleanup_(definitions_freep) struct definitions *d = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	define(VENDOR, "a", "vendor");
	drop_in(VENDOR, "a.json.d/20-b.json", "vendor20");
	drop_in(VENDOR, "a.json.d/30-c.json", "vendor30");
	drop_in(VENDOR, "a.json.d/40-d.json", "vendor40");
	drop_in(ADMIN, "a.json.d/10-a.json", "admin10");
	drop_in(ADMIN, "a.json.d/20-b.json", "admin20");
	support_symlink(support_dirfd(), ADMIN "a.json.d/40-d.json", "/dev/null");
	support_file(support_dirfd(), ADMIN "a.json.d/notes.txt", 0644, "x");
	drop_in(ADMIN, "nobody.json.d/x.json", "x");
	d = load(NULL, &events);
	ck_assert_str_eq(patterns_of(d, "a", &text), "admin10 admin20 vendor30 ");
	ck_assert_str_eq(path_of(d, "nobody"), "-");
	ck_assert_str_eq(support_events_text(&events), "");
}

END_TEST

START_TEST(drop_ins_of_a_person_obey_his_limits)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	_cleanup_(definitions_freep) struct definitions *d = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	const struct definition *found;

	define(VENDOR, "a", "vendor");
	drop_in(OWN, "a.json.d/x.json", "mine");
	define(VENDOR, "b", "vendor");
	support_file(support_dirfd(), OWN "b.json.d/x.json", 0644,
		     "{\"trees\":[{\"name\":\"s\",\"scope\":\"system\","
		     "\"at\":{\"native\":\"/etc/b\"}}]}");
	d = load("/home/u/.config/setaside/apps.d", &events);
	ck_assert_str_eq(patterns_of(d, "a", &text), "mine ");
	ck_assert_fails(
		definitions_find(d, "b", &found, &err), &err, ERR_CORRUPT,
		"the definition of \"b\" cannot be used: "
		"/home/u/.config/setaside/apps.d/b.json.d/x.json:1: trees[0].scope: only "
		"definitions of the system may name system data");
}

END_TEST

START_TEST(definition_that_is_wrong_is_remembered)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	_cleanup_(definitions_freep) struct definitions *d = NULL;
	const struct definition *found = NULL;

	define(VENDOR, "a", "vendor");
	support_file(support_dirfd(), ADMIN "a.json", 0644, "{\n\"format\":3}");
	support_file(support_dirfd(), ADMIN "b c.json", 0644, "{}");
	support_mkdir(support_dirfd(), ADMIN "d.json", 0755);
	support_symlink(support_dirfd(), ADMIN "e.json", "nowhere");
	define(ADMIN, "good", "g");
	d = load(NULL, &events);
	ck_assert_uint_eq(definitions_count(d), 1);
	ck_assert_str_eq(path_of(d, "good"), "~/.g");
	ck_assert_fails(
		definitions_find(d, "a", &found, &err), &err, ERR_CORRUPT,
		"the definition of \"a\" cannot be used: /etc/setaside/apps.d/a.json:2: "
		"format: this version knows only format 1");
	ck_assert_fails(definitions_find(d, "b c", &found, &err), &err, ERR_CORRUPT,
			"\"b c\" cannot name an app");
	ck_assert_fails(definitions_find(d, "d", &found, &err), &err, ERR_CORRUPT,
			"is not a regular file");
	ck_assert_fails(definitions_find(d, "e", &found, &err), &err, ERR_CORRUPT,
			"No such file");
	ck_assert_ptr_null(found);
	ck_assert_str_eq(support_events_text(&events),
			 "/etc/setaside/apps.d/a.json:2: format: this version knows only "
			 "format 1\n"
			 "/etc/setaside/apps.d/b c.json: \"b c\" cannot name an app\n"
			 "\"/etc/setaside/apps.d/d.json\" is not a regular file\n"
			 "cannot open \"/etc/setaside/apps.d/e.json\": No such file or "
			 "directory\n");
}

END_TEST

START_TEST(definition_that_cannot_be_read_is_not_told_as_damage)
{
#ifdef ENABLE_FAULTS
	const struct definitions_options options = { .rootfd = support_dirfd() };
	bool struck = true;

	define(VENDOR, "a", "vendor");
	drop_in(VENDOR, "a.json.d/x.json", "more");
	for (uint64_t nth = 1; struck; nth++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(definitions_freep) struct definitions *d = NULL;
		const struct definition *found;
		bool failed;

		fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, nth, EMFILE });
		failed = definitions_load(&options, &d, &err) < 0 ||
			 definitions_find(d, "a", &found, &err) < 0;
		struck = fault_disarm();
		ck_assert(struck || !failed);
		if (failed)
			ck_assert_fails(-1, &err, ERR_IO, strerror(EMFILE));
	}
#else
	support_skip("built without faults");
#endif
}

END_TEST

START_TEST(definition_that_others_may_write_is_wrong_in_system_mode)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	_cleanup_(definitions_freep) struct definitions *d = NULL;
	_cleanup_(definitions_freep) struct definitions *own = NULL;
	const struct definition *found;

	define(ADMIN, "a", "a");
	ck_assert_int_eq(fchmodat(support_dirfd(), ADMIN "a.json", 0664, 0), 0);
	define(ADMIN, "b", "b");
	ck_assert_int_eq(fchmodat(support_dirfd(), ADMIN "b.json", 0646, 0), 0);
	define(ADMIN, "c", "c");
	drop_in(ADMIN, "c.json.d/x.json", "x");
	ck_assert_int_eq(fchmodat(support_dirfd(), ADMIN "c.json.d", 0777, 0), 0);
	define(ADMIN, "d", "d");
	define(VENDOR, "e", "e");
	ck_assert_int_eq(fchmodat(support_dirfd(), VENDOR, 0775, 0), 0);
	d = load(NULL, &events);
	ck_assert_uint_eq(definitions_count(d), 1);
	ck_assert_str_eq(path_of(d, "d"), "~/.d");
	ck_assert_fails(
		definitions_find(d, "a", &found, &err), &err, ERR_CORRUPT,
		"/etc/setaside/apps.d/a.json: the file may be written by others than its "
		"owner");
	ck_assert_fails(definitions_find(d, "b", &found, &err), &err, ERR_CORRUPT,
			"/etc/setaside/apps.d/b.json: the file may be written by others");
	ck_assert_fails(
		definitions_find(d, "c", &found, &err), &err, ERR_CORRUPT,
		"/etc/setaside/apps.d/c.json.d/x.json: its directory may be written by");
	ck_assert_fails(
		definitions_find(d, "e", &found, &err), &err, ERR_CORRUPT,
		"/usr/share/setaside/apps.d/e.json: its directory may be written by");
	/* A person knows what he does. */
	own = load("/home/u/.config/setaside/apps.d", &events);
	ck_assert_uint_eq(definitions_count(own), 5);
}

END_TEST

START_TEST(definition_of_another_owner_is_wrong_in_system_mode)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	_cleanup_(definitions_freep) struct definitions *d = NULL;
	const struct definition *found;

	if (!support_need_root())
		return;
	define(ADMIN, "a", "a");
	support_owner(support_dirfd(), ADMIN "a.json", 1234, 0);
	define(VENDOR, "b", "b");
	support_owner(support_dirfd(), VENDOR, 1234, 0);
	d = load(NULL, &events);
	ck_assert_uint_eq(definitions_count(d), 0);
	ck_assert_fails(definitions_find(d, "a", &found, &err), &err, ERR_CORRUPT,
			"/etc/setaside/apps.d/a.json: the file is not owned by root");
	ck_assert_fails(
		definitions_find(d, "b", &found, &err), &err, ERR_CORRUPT,
		"/usr/share/setaside/apps.d/b.json: its directory is not owned by root");
}

END_TEST

START_TEST(definitions_of_a_plain_user_count_below_his_own_root)
{
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	_cleanup_(definitions_freep) struct definitions *d = NULL;

	if (!support_become_user())
		return;
	define(ADMIN, "a", "a");
	define(VENDOR, "b", "b");
	support_mkdir(support_dirfd(), "usr/local/share/setaside/apps.d", 0);
	d = load(NULL, &events);
	ck_assert_uint_eq(definitions_count(d), 2);
	/* What he may not see is not there, and he is told. */
	ck_assert_str_eq(
		support_events_text(&events),
		"cannot open \"/usr/local/share/setaside/apps.d\": Permission denied\n");
	ck_assert_int_eq(fchmodat(support_dirfd(), LOCAL, 0755, 0), 0);
}

END_TEST

START_TEST(definitions_of_a_build_tree_replace_the_installed_ones)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(definitions_freep) struct definitions *d = NULL;
	const char *dir = support_path("source/apps.d");
	const struct definitions_options options = {
		.rootfd = support_dirfd(),
		.system = true,
		.data_dir = dir,
	};

	define("source/apps.d/", "a", "source");
	define("source/apps.d/", "b", "source");
	support_symlink(support_dirfd(), "source/apps.d/c.json", "/dev/null");
	drop_in("source/apps.d/", "b.json.d/x.json", "x");
	define(VENDOR, "a", "vendor");
	define(VENDOR, "c", "vendor");
	define(ADMIN, "b", "admin");
	ck_assert_ok(definitions_load(&options, &d, &err), &err);
	ck_assert_uint_eq(definitions_count(d), 2);
	ck_assert_str_eq(path_of(d, "a"), "~/.source");
	ck_assert_str_eq(path_of(d, "b"), "~/.admin");
	ck_assert_uint_eq(definitions_at(d, 1)->trees[0].exclude.n, 1);
}

END_TEST

START_TEST(definitions_know_whose_flatpak_it_is)
{
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	_cleanup_(definitions_freep) struct definitions *d = NULL;

	support_file(
		support_dirfd(), ADMIN "x.json", 0644,
		"{\"format\":1,\"id\":\"x\",\"match\":{\"flatpak\":[\"org.a.A\","
		"\"org.b.B\"]},"
		"\"trees\":[{\"name\":\"a\",\"scope\":\"user\",\"at\":{\"native\":\"~/"
		".x\"}}]}");
	d = load(NULL, &events);
	ck_assert_str_eq(definitions_of_flatpak(d, "org.b.B")->id, "x");
	ck_assert_ptr_null(definitions_of_flatpak(d, "org.c.C"));
}

END_TEST

Suite *suite_definitions(void)
{
	Suite *s = suite_create("definitions");
	TCase *tc = support_tcase(s, "load");

	if (!support_need_openat2())
		return s;
	tcase_add_test(tc, definitions_of_an_empty_root_are_none);
	tcase_add_test(tc, definitions_that_come_later_replace);
	tcase_add_test(tc, definitions_of_a_person_come_last);
	tcase_add_test(tc, definitions_are_masked_by_dev_null);
	tcase_add_test(tc, definitions_may_be_links_below_the_root);
	tcase_add_test(tc, drop_ins_of_all_directories_add_in_order);
	tcase_add_test(tc, drop_ins_of_a_person_obey_his_limits);
	tcase_add_test(tc, definition_that_is_wrong_is_remembered);
	tcase_add_test(tc, definition_that_cannot_be_read_is_not_told_as_damage);
	tcase_add_test(tc, definition_that_others_may_write_is_wrong_in_system_mode);
	tcase_add_test(tc, definition_of_another_owner_is_wrong_in_system_mode);
	tcase_add_test(tc, definitions_of_a_plain_user_count_below_his_own_root);
	tcase_add_test(tc, definitions_of_a_build_tree_replace_the_installed_ones);
	tcase_add_test(tc, definitions_know_whose_flatpak_it_is);
	return s;
}
