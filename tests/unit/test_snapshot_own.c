/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/snapshot.h"

#include <check.h>
#include <stdio.h>

#include "tests/unit/support.h"
#include "tests/unit/support_snapshot.h"

/* Parses SUPPORT_CORE and what else is given. */
static int parse_more(const char *more, struct snapshot *ret, struct err *err)
{
	char text[4096];
	int n = snprintf(text, sizeof(text), "{" SUPPORT_CORE "%s%s}", *more ? "," : "",
			 more);

	ck_assert_int_lt(n, (int)sizeof(text));
	return snapshot_parse(text, (size_t)n, ret, err);
}

#define OWN(more)     "\"setaside\":{\"format\":1," more "}"
#define DETAILS(more) OWN("\"archives\":{\"archive.tgz\":{" more "}}")
#define TREE(more)    DETAILS("\"trees\":[{\"name\":\"a\"," more "}]")

static const struct {
	const char *more, *message;
} refused_own[] = {
	{ "\"setaside\":{}", "\"setaside\": \"format\" is not a number from 1" },
	{ "\"setaside\":{\"format\":0}",
	  "\"setaside\": \"format\" is not a number from 1" },
	{ "\"setaside\":{\"format\":\"1\"}", "\"format\" is not a whole number" },
	{ "\"setaside\":{\"format\":1.0}", "\"format\" is not a whole number" },
	{ OWN("\"packaging\":1"), "\"setaside\": \"packaging\"" },
	{ OWN("\"host\":[]"), "\"setaside\": \"host\"" },
	{ OWN("\"machine-id\":{}"), "\"setaside\": \"machine-id\"" },
	{ OWN("\"taken\":true"), "\"setaside\": \"taken\"" },
	{ OWN("\"name\":{\"base64\":1}"), "\"setaside\": \"name\"" },
	{ OWN("\"note\":{\"base64\":\"!\"}"), "\"setaside\": \"note\"" },
	{ OWN("\"note\":\"a\\u0000\""), "\"setaside\": \"note\"" },
	{ OWN("\"reason\":1"), "\"setaside\": \"reason\"" },
	{ OWN("\"auto\":1"), "\"setaside\": \"auto\" is not true or false" },
	{ OWN("\"archives\":[]"), "\"setaside\": \"archives\" is not an object" },
	{ OWN("\"archives\":{\"archive.tgz\":[]}"),
	  "archive \"archive.tgz\": it is no object" },
	{ DETAILS("\"user\":1"), "archive \"archive.tgz\": \"user\"" },
	{ DETAILS("\"user\":\"a\""), "\"uid\" is not the number of a user" },
	{ DETAILS("\"user\":\"a\",\"uid\":1"), "\"gid\" is not the number of a user" },
	{ DETAILS("\"user\":\"a\",\"uid\":4294967295"),
	  "\"uid\" is not the number of a user" },
	{ DETAILS("\"user\":\"a\",\"uid\":-1"), "\"uid\" is not a whole number" },
	{ DETAILS("\"user\":\"a\",\"uid\":1,\"gid\":1,\"home\":1"), "\"home\"" },
	{ DETAILS("\"bytes\":-1"), "\"bytes\" is not a whole number" },
	{ DETAILS("\"allocated\":\"1\""), "\"allocated\" is not a whole number" },
	{ DETAILS("\"entries\":1.5"), "\"entries\" is not a whole number" },
	{ DETAILS("\"trees\":{}"), "\"trees\" is not a list" },
	{ DETAILS("\"trees\":[1]"), "\"trees\" is not a list of objects" },
	{ DETAILS("\"trees\":[null]"), "\"trees\" is not a list of objects" },
	{ DETAILS("\"trees\":[{}]"), "\"name\" is missing" },
	{ TREE("\"x\":1"), "\"path\" is missing" },
	{ TREE("\"path\":\"/a\""), "\"type\" is missing" },
	{ TREE("\"path\":\"/a\",\"type\":\"link\""),
	  "\"type\" is not \"dir\" or \"file\"" },
	{ TREE("\"path\":\"/a\",\"resolved\":1"), "\"resolved\"" },
	{ TREE("\"path\":\"/a\",\"type\":\"dir\",\"exclude\":1"),
	  "\"exclude\" is not a list" },
	{ TREE("\"path\":\"/a\",\"type\":\"dir\",\"exclude\":[1]"), "\"exclude\": " },
	{ DETAILS("\"skipped\":{}"), "\"skipped\" is not a list" },
	{ DETAILS("\"skipped\":[\"a\"]"), "\"skipped\": an item is no object" },
	{ DETAILS("\"skipped\":[{\"path\":\"a\"}]"), "\"skipped\": \"why\" is missing" },
	{ DETAILS("\"skipped\":[{\"why\":\"a\"}]"), "\"skipped\": \"path\" is missing" },
	{ DETAILS("\"changed\":[{}]"), "\"changed\": " },
	{ DETAILS("\"changed\":[1]"), "\"changed\": " },
};

START_TEST(snapshot_refuses_wrong_types_below_its_own_key)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snapshot s = { .set = 77 };

	ck_assert_fails(parse_more(refused_own[_i].more, &s, &err), &err, ERR_CORRUPT,
			refused_own[_i].message);
	ck_assert_uint_eq(s.set, 77);
}

END_TEST

START_TEST(snapshot_ignores_what_it_does_not_know_below_its_own_key)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;

	snapshot_init(&s);
	ck_assert_ok(
		parse_more(OWN("\"future\":[],\"host\":null,\"archives\":{"
			       "\"nowhere.tgz\":5,\"archive.tgz\\u0000\":5,"
			       "\"archive.tgz\":{\"future\":{},\"uid\":\"x\","
			       "\"entries\":4,\"trees\":[{\"name\":\"a\",\"future\":1,"
			       "\"path\":\"/a\",\"type\":\"file\"}]}}"),
			   &s, &err),
		&err);
	ck_assert(s.has_own && !s.unknown_keys);
	ck_assert_ptr_null(s.host);
	ck_assert(s.archives[0].has_details);
	ck_assert_uint_eq(s.archives[0].entries, 4);
	ck_assert_uint_eq(s.archives[0].n_trees, 1);
	ck_assert(s.archives[0].trees[0].is_file);
}

END_TEST

START_TEST(snapshot_ignores_its_own_key_of_a_later_format)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;

	snapshot_init(&s);
	ck_assert_ok(parse_more("\"setaside\":{\"format\":2,\"host\":7}", &s, &err),
		     &err);
	ck_assert(!s.has_own && s.unknown_keys);
	ck_assert_ok(snapshot_validate(&s, &err), &err);
}

END_TEST

#define N_ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

Suite *suite_snapshot_own(void)
{
	Suite *s = suite_create("snapshot_own");
	TCase *tc = support_tcase(s, "own");

	tcase_add_loop_test(tc, snapshot_refuses_wrong_types_below_its_own_key, 0,
			    N_ROWS(refused_own));
	tcase_add_test(tc, snapshot_ignores_what_it_does_not_know_below_its_own_key);
	tcase_add_test(tc, snapshot_ignores_its_own_key_of_a_later_format);
	return s;
}
