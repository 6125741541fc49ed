/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/snapshot.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/support_snapshot.h"

START_TEST(snapshot_begins_empty)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_freep) struct snapshot *s = NULL;

	ck_assert_ok(snapshot_new(&s, &err), &err);
	ck_assert(stamp_is_zero(&s->time));
	ck_assert_uint_eq(s->n_archives, 0);
	ck_assert(!s->has_own);
	ck_assert_ptr_null(snapshot_archive(s, "archive.tgz"));
	snapshot_free(NULL);
}

END_TEST

START_TEST(snapshot_keeps_archives_sorted)
{
	static const char *const names[] = { "user/b.tgz", "archive.tgz", "user/a.tgz",
					     "zzz",        "AAA",         "user/bb.tgz" };
	static const char *const sorted[] = { "AAA",        "archive.tgz", "user/a.tgz",
					      "user/b.tgz", "user/bb.tgz", "zzz" };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	struct snapshot_archive *a;

	snapshot_init(&s);
	for (size_t i = 0; i < 6; i++) {
		ck_assert_ok(snapshot_add_archive(&s, names[i], &a, &err), &err);
		ck_assert_str_eq(a->name, names[i]);
		a->entries = i;
	}
	for (size_t i = 0; i < 6; i++) {
		ck_assert_str_eq(s.archives[i].name, sorted[i]);
		ck_assert_ptr_eq(snapshot_archive(&s, sorted[i]), &s.archives[i]);
	}
	ck_assert_uint_eq(snapshot_archive(&s, "user/a.tgz")->entries, 2);
	ck_assert_ptr_null(snapshot_archive(&s, "user/c.tgz"));
	ck_assert_ptr_null(snapshot_archive(&s, ""));
}

END_TEST

START_TEST(snapshot_refuses_an_archive_twice)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	struct snapshot_archive *a = NULL;

	support_snapshot_small(&s);
	ck_assert_fails(snapshot_add_archive(&s, "archive.tgz", &a, &err), &err,
			ERR_EXISTS, "there is an archive \"archive.tgz\" already");
	ck_assert_ptr_null(a);
	ck_assert_uint_eq(s.n_archives, 1);
}

END_TEST

static const struct {
	const char *member, *user;
} members[] = {
	{ "user/alice.tgz", "alice" }, { "user/a.b.tgz", "a.b" },
	{ "user/.tgz", "" },           { "archive.tgz", NULL },
	{ "user/alice", NULL },        { "alice.tgz", NULL },
	{ "user.tgz", NULL },          { "", NULL },
	{ "user/x.tgz.gz", NULL },
};

START_TEST(snapshot_tells_whose_archive_it_is)
{
	size_t len = 99;
	const char *user = snapshot_archive_user(members[_i].member, &len);

	if (!members[_i].user) {
		ck_assert_ptr_null(user);
		ck_assert_uint_eq(len, 99);
	} else {
		ck_assert_uint_eq(len, strlen(members[_i].user));
		ck_assert_mem_eq(user, members[_i].user, len);
	}
}

END_TEST

START_TEST(snapshot_lists_grow_by_copies)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	struct snapshot_tree *tree;
	char text[] = "path";

	support_snapshot_small(&s);
	struct snapshot_archive *a = &s.archives[0];
	for (size_t i = 0; i < 20; i++) {
		text[0] = (char)('a' + i);
		ck_assert_ok(snapshot_add_skipped(a, text, "why", &err), &err);
		ck_assert_ok(snapshot_add_changed(a, text, &err), &err);
		ck_assert_ok(snapshot_add_tree(a, &tree, &err), &err);
		ck_assert(!tree->name && !tree->is_file && tree->n_exclude == 0);
		ck_assert_ok(
			snapshot_add_string(&tree->exclude, &tree->n_exclude, text, &err),
			&err);
		ck_assert_ok(snapshot_add_string(&s.exclude, &s.n_exclude, text, &err),
			     &err);
	}
	ck_assert_uint_eq(a->n_skipped, 20);
	ck_assert_uint_eq(a->n_changed, 20);
	ck_assert_uint_eq(a->n_trees, 20);
	ck_assert_uint_eq(s.n_exclude, 20);
	for (size_t i = 0; i < 20; i++) {
		text[0] = (char)('a' + i);
		ck_assert_str_eq(a->skipped[i].path, text);
		ck_assert_str_eq(a->skipped[i].why, "why");
		ck_assert_str_eq(a->changed[i].path, text);
		ck_assert_ptr_null(a->changed[i].why);
		ck_assert_str_eq(a->trees[i].exclude[0], text);
		ck_assert_str_eq(s.exclude[i], text);
	}
}

END_TEST

START_TEST(snapshot_keeps_configuration_in_canonical_form)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(json_freep) struct json *conf =
		support_json("{\"b\":{\"z\":-0,\"a\":1e3}, \"a\" : [1.0,\"<\"] }");
	_cleanup_(json_freep) struct json *empty = support_json("{}");
	_cleanup_(json_freep) struct json *null = support_json("null");
	_cleanup_(snapshot_done) struct snapshot s;

	support_snapshot_small(&s);
	ck_assert_ok(snapshot_set_conf(&s, conf, &err), &err);
	ck_assert_str_eq(s.conf, "{\"a\":[1.0,\"\\u003c\"],\"b\":{\"a\":1e3,\"z\":-0}}");
	ck_assert_ok(snapshot_set_conf(&s, empty, &err), &err);
	ck_assert_ptr_null(s.conf);
	ck_assert_ok(snapshot_set_conf(&s, conf, &err), &err);
	ck_assert_ok(snapshot_set_conf(&s, null, &err), &err);
	ck_assert_ptr_null(s.conf);
	ck_assert_ok(snapshot_set_conf(&s, NULL, &err), &err);
	ck_assert_ptr_null(s.conf);
}

END_TEST

/* ---- Validity ---- */

static void set(char **field, const char *value)
{
	free(*field);
	*field = value ? strdup(value) : NULL;
}

/* A snapshot with everything that is checked, which passes. */
static void make_valid(struct snapshot *s)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snapshot_archive *a;
	struct snapshot_tree *tree;

	support_snapshot_small(s);
	s->has_own = true;
	set(&s->packaging, SNAPSHOT_NATIVE);
	ck_assert_ok(snapshot_add_archive(s, "user/alice.tgz", &a, &err), &err);
	memset(a->sha3, '0', DIGEST_SHA3_384_HEX);
	a->has_details = true;
	set(&a->user, "alice");
	ck_assert_ok(snapshot_add_tree(a, &tree, &err), &err);
	set(&tree->name, "profile");
	set(&tree->path, "~/.p");
	ck_assert_ok(snapshot_add_tree(a, &tree, &err), &err);
	set(&tree->name, "cache-1");
	set(&tree->path, "~/.c");
	ck_assert_ok(snapshot_add_skipped(a, "common/profile/lock", "in use", &err),
		     &err);
	ck_assert_ok(snapshot_add_changed(a, "common/profile/db", &err), &err);
	ck_assert_ok(snapshot_validate(s, &err), &err);
}

static void no_set(struct snapshot *s)
{
	s->set = 0;
}

static void large_set(struct snapshot *s)
{
	s->set = SNAPSHOT_SET_MAX + 1;
}

static void no_snap(struct snapshot *s)
{
	set(&s->snap, "");
}

static void null_snap(struct snapshot *s)
{
	set(&s->snap, NULL);
}

static void bad_snap(struct snapshot *s)
{
	set(&s->snap, "../x");
}

static void no_revision(struct snapshot *s)
{
	set(&s->revision, "");
}

static void bad_revision(struct snapshot *s)
{
	set(&s->revision, "unset");
}

static void no_time(struct snapshot *s)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	static const char zero[] = "0001-01-01T02:00:00+02:00";

	ck_assert_ok(stamp_parse(zero, strlen(zero), &s->time, &err), &err);
}

static void no_archives(struct snapshot *s)
{
	struct snapshot small;

	support_snapshot_small(&small);
	snapshot_done(s);
	*s = small;
	free(s->archives[0].name);
	s->n_archives = 0;
}

static void bad_archive(struct snapshot *s)
{
	set(&s->archives[1].name, "user/../x.tgz");
}

static void empty_hash(struct snapshot *s)
{
	s->archives[1].sha3[0] = '\0';
}

static void upper_hash(struct snapshot *s)
{
	s->archives[1].sha3[95] = 'A';
}

static void no_packaging(struct snapshot *s)
{
	set(&s->packaging, NULL);
}

static void bad_packaging(struct snapshot *s)
{
	set(&s->packaging, "Native");
}

static void other_user(struct snapshot *s)
{
	set(&s->archives[1].user, "alic");
}

static void no_user(struct snapshot *s)
{
	set(&s->archives[1].user, NULL);
}

static void user_of_system_data(struct snapshot *s)
{
	s->archives[0].has_details = true;
	set(&s->archives[0].user, "root");
}

static void bad_tree(struct snapshot *s)
{
	set(&s->archives[1].trees[1].name, "a/b");
}

static void tree_twice(struct snapshot *s)
{
	set(&s->archives[1].trees[1].name, "profile");
}

static void tree_of_a_snap(struct snapshot *s)
{
	set(&s->packaging, SNAPSHOT_SNAP);
}

static void many_trees(struct snapshot *s)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snapshot_tree *tree;

	for (int i = 0; i < 1023; i++) {
		ck_assert_ok(snapshot_add_tree(&s->archives[1], &tree, &err), &err);
		set(&tree->name, "x");
	}
}

static void bad_skipped(struct snapshot *s)
{
	set(&s->archives[1].skipped[0].path, "common/../../etc");
}

static void bad_changed(struct snapshot *s)
{
	set(&s->archives[1].changed[0].path, "/etc/shadow");
}

static const struct {
	void (*spoil)(struct snapshot *s);
	const char *message;
} invalid[] = {
	{ no_set, "the set number is missing" },
	{ large_set, "the set number 9007199254740992 is too large" },
	{ no_snap, "the app's name is missing" },
	{ null_snap, "the app's name is missing" },
	{ bad_snap, "the app's name \"../x\" is not legal" },
	{ no_revision, "the revision is missing" },
	{ bad_revision, "the revision \"unset\" is not legal" },
	{ no_time, "the time is missing" },
	{ no_archives, "it holds no archive" },
	{ bad_archive, "the archive name \"user/../x.tgz\" is not legal" },
	{ empty_hash, "the hash of \"user/alice.tgz\" is no SHA3-384" },
	{ upper_hash, "the hash of \"user/alice.tgz\" is no SHA3-384" },
	{ no_packaging, "the packaging (none) is unknown" },
	{ bad_packaging, "the packaging \"Native\" is unknown" },
	{ other_user, "archive \"user/alice.tgz\": its user is said to be \"alic\"" },
	{ no_user, "archive \"user/alice.tgz\": its user is said to be (none)" },
	{ user_of_system_data,
	  "archive \"archive.tgz\": its user is said to be \"root\"" },
	{ bad_tree, "the tree name \"a/b\" is not legal" },
	{ tree_twice, "the tree \"profile\" is there twice" },
	{ tree_of_a_snap, "the tree name \"profile\" is not legal" },
	{ many_trees, "it lists more than 1024 trees" },
	{ bad_skipped, "the path \"common/../../etc\" is not legal" },
	{ bad_changed, "the path \"/etc/shadow\" is not legal" },
};

START_TEST(snapshot_that_is_not_valid_says_why)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;

	make_valid(&s);
	invalid[_i].spoil(&s);
	ck_assert_fails(snapshot_validate(&s, &err), &err, ERR_CORRUPT,
			invalid[_i].message);
}

END_TEST

START_TEST(snapshot_of_a_snap_has_its_directories_as_trees)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;

	make_valid(&s);
	set(&s.packaging, SNAPSHOT_SNAP);
	set(&s.archives[1].trees[0].name, "common");
	set(&s.archives[1].trees[1].name, "x7");
	ck_assert_ok(snapshot_validate(&s, &err), &err);
}

END_TEST

START_TEST(snapshot_of_others_needs_no_details)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;

	support_snapshot_small(&s);
	ck_assert_ok(snapshot_validate(&s, &err), &err);
	/* Without the setaside key its fields mean nothing. */
	set(&s.archives[0].user, "root");
	ck_assert_ok(snapshot_validate(&s, &err), &err);
}

END_TEST

START_TEST(snapshot_of_random_metadata_is_valid)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (uint64_t seed = 1; seed <= 200; seed++) {
		_cleanup_(snapshot_done) struct snapshot s;

		support_snapshot_random(seed, SUPPORT_VALID, &s);
		ck_assert_msg(snapshot_validate(&s, &err) == 0, "seed %d: %s", (int)seed,
			      err_message(&err));
	}
}

END_TEST

#define N_ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

Suite *suite_snapshot(void)
{
	Suite *s = suite_create("snapshot");
	TCase *tc = support_tcase(s, "object");

	tcase_add_test(tc, snapshot_begins_empty);
	tcase_add_test(tc, snapshot_keeps_archives_sorted);
	tcase_add_test(tc, snapshot_refuses_an_archive_twice);
	tcase_add_loop_test(tc, snapshot_tells_whose_archive_it_is, 0, N_ROWS(members));
	tcase_add_test(tc, snapshot_lists_grow_by_copies);
	tcase_add_test(tc, snapshot_keeps_configuration_in_canonical_form);

	tc = support_tcase(s, "validity");
	tcase_add_loop_test(tc, snapshot_that_is_not_valid_says_why, 0, N_ROWS(invalid));
	tcase_add_test(tc, snapshot_of_a_snap_has_its_directories_as_trees);
	tcase_add_test(tc, snapshot_of_others_needs_no_details);
	tcase_add_test(tc, snapshot_of_random_metadata_is_valid);
	return s;
}
