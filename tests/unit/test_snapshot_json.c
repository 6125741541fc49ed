/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/snapshot.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/fault.h"
#include "tests/unit/support.h"
#include "tests/unit/support_snapshot.h"

static int parse(const char *text, struct snapshot *ret, struct err *err)
{
	return snapshot_parse(text, strlen(text), ret, err);
}

static void write_text(const struct snapshot *s, struct buf *out)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(snapshot_write(s, out, &err), &err);
}

/* ---- What comes out ---- */

static const char full[] =
	"{\"set\":16,\"time\":\"2026-03-04T05:06:07.12+01:00\",\"snap\":\"firefox\","
	"\"revision\":\"x1\",\"snap-id\":\"setaside-native\","
	"\"epoch\":{\"read\":[2,3],\"write\":[3]},"
	"\"summary\":\"a \\u003cb\\u003e\\n\\u0008\","
	"\"version\":\"1:2~\\u0000\xc3\x9f\",\"conf\":{\"a\":-0,\"b\":\"\\u2028\"},"
	"\"sha3-384\":{\"archive.tgz\":\"" SUPPORT_HASH
	"\",\"user/alice.tgz\":\"" SUPPORT_HASH "\"},"
	"\"size\":77,\"options\":{\"exclude\":[\"$SNAP_COMMON/x/*\"]},"
	"\"setaside\":{\"format\":1,\"packaging\":\"native\",\"host\":\"h\","
	"\"machine-id\":\"m\",\"taken\":\"online\",\"name\":\"n\","
	"\"note\":{\"base64\":\"/w==\"},\"auto\":true,\"reason\":\"upgrade\","
	"\"archives\":{\"archive.tgz\":{\"bytes\":18446744073709551615,"
	"\"allocated\":4096,"
	"\"entries\":2,\"trees\":[],\"skipped\":[],\"changed\":[]},"
	"\"user/alice.tgz\":{\"user\":\"alice\",\"uid\":1000,\"gid\":4294967294,"
	"\"home\":\"/home/alice\",\"bytes\":1,\"allocated\":2,\"entries\":3,"
	"\"trees\":[{\"name\":\"profile\",\"path\":\"~/.mozilla/firefox\","
	"\"resolved\":\"/data/ff\",\"type\":\"dir\","
	"\"exclude\":[\"*/lock\",\"a\\u0026b\"]},"
	"{\"name\":\"rc\",\"path\":\"~/.ffrc\",\"type\":\"file\",\"exclude\":[]}],"
	"\"skipped\":[{\"path\":\"common/profile/x\",\"why\":\"permission denied\"}],"
	"\"changed\":[\"common/profile/db\",{\"base64\":\"Y29tbW9uL/8=\"}]}}}}\n";

START_TEST(snapshot_is_written_as_it_was_read)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	snapshot_init(&s);
	ck_assert_ok(parse(full, &s, &err), &err);
	ck_assert_ok(snapshot_validate(&s, &err), &err);
	ck_assert(!s.unknown_keys && s.own_auto && !s.automatic);
	ck_assert_str_eq(s.version, "1:2~\xc0\x80\xc3\x9f");
	ck_assert_str_eq(s.note, "\xff");
	ck_assert_str_eq(s.archives[1].changed[1].path, "common/\xff");
	ck_assert_uint_eq(s.archives[1].gid, 4294967294);
	write_text(&s, &out);
	ck_assert_str_eq(out.data, full);
}

END_TEST

START_TEST(snapshot_without_more_is_written_whole)
{
	_cleanup_(snapshot_done) struct snapshot s;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	support_snapshot_small(&s);
	memcpy(s.archives[0].sha3, SUPPORT_HASH, DIGEST_SHA3_384_HEX);
	write_text(&s, &out);
	ck_assert_str_eq(
		out.data,
		"{\"set\":3,\"time\":\"2026-03-04T06:06:07.12+01:00\","
		"\"snap\":\"hello\",\"revision\":\"7\","
		"\"epoch\":{\"read\":[0],\"write\":[0]},\"summary\":\"\","
		"\"version\":\"2.10\",\"sha3-384\":{\"archive.tgz\":\"" SUPPORT_HASH
		"\"},\"size\":7}\n");
}

END_TEST

START_TEST(snapshot_is_read_however_it_is_written)
{
	static const char text[] =
		" {\r\n\t\"version\" : null , \"future\":{\"set\":9},\"SET\":5, "
		"\"\\u0073et\":3,\"epoch\":\"3*\", "
		"\"summary\":\"\\/\\ud83d\\ude00\\ud800\","
		"\"sha3-384\":{\"z\":null,\"user\\/a.tgz\":\"" SUPPORT_HASH
		"\",\"archive.tgz\":\"" SUPPORT_HASH
		"\"},\"revision\":-3,\"time\":\"2021-12-31T23:59:59.5-07:30\","
		"\"conf\":null,\"snap\":\"x\",\"snap-id\":\"\",\"size\":0,\"auto\":true,"
		"\"broken\":\"because\",\"options\":{},\"setaside\":null}\n\n";
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;

	snapshot_init(&s);
	ck_assert_ok(parse(text, &s, &err), &err);
	ck_assert_uint_eq(s.set, 3);
	ck_assert_str_eq(s.version, "");
	ck_assert_str_eq(s.summary, "/\xf0\x9f\x98\x80\xef\xbf\xbd");
	ck_assert_str_eq(s.revision, "x3");
	ck_assert_uint_eq(s.n_archives, 2);
	ck_assert_str_eq(s.archives[1].name, "user/a.tgz");
	ck_assert_int_eq(s.time.offset, -450);
	ck_assert_uint_eq(s.time.nsec, 500000000);
	ck_assert_ptr_null(s.conf);
	ck_assert_ptr_null(s.snap_id);
	ck_assert_str_eq(s.broken, "because");
	ck_assert(s.automatic && s.unknown_keys && !s.has_own && !s.own_auto);
	ck_assert_uint_eq(s.epoch.n_read, 2);
	ck_assert_uint_eq(s.n_exclude, 0);
}

END_TEST

START_TEST(snapshot_without_its_keys_is_read_but_not_valid)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct json_writer w = JSON_WRITER(&out, &err);

	snapshot_init(&s);
	ck_assert_ok(parse("{}", &s, &err), &err);
	ck_assert_fails(snapshot_validate(&s, &err), &err, ERR_CORRUPT,
			"the set number is missing");
	ck_assert_str_eq(s.snap, "");
	ck_assert_str_eq(s.revision, "");
	ck_assert_str_eq(s.summary, "");
	ck_assert_str_eq(s.version, "");
	ck_assert(stamp_is_zero(&s.time));
	s.broken = strdup("the set number is missing");
	snapshot_write_json(&s, &w);
	ck_assert_ok(json_end(&w), &err);
	ck_assert_str_eq(out.data,
			 "{\"set\":0,\"time\":\"0001-01-01T00:00:00Z\",\"snap\":\"\","
			 "\"revision\":\"unset\",\"epoch\":{\"read\":[0],\"write\":[0]},"
			 "\"summary\":\"\",\"version\":\"\",\"sha3-384\":{},"
			 "\"broken\":\"the set number is missing\"}");
}

END_TEST

START_TEST(snapshot_for_people_says_auto_and_broken_and_decodes)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	_cleanup_(buf_done) struct buf file = BUF_INIT;
	_cleanup_(buf_done) struct buf people = BUF_INIT;
	struct json_writer w = JSON_WRITER(&people, &err);

	support_snapshot_small(&s);
	free(s.summary);
	s.summary = strdup("\xff\xc0\x80");
	s.automatic = true;
	s.broken = strdup("b\xff");
	write_text(&s, &file);
	ck_assert_ptr_nonnull(strstr(file.data, "\"summary\":\"\\ufffd\\u0000\","));
	ck_assert_ptr_null(strstr(file.data, "auto"));
	ck_assert_ptr_null(strstr(file.data, "broken"));
	snapshot_write_json(&s, &w);
	ck_assert_ok(json_end(&w), &err);
	ck_assert_ptr_nonnull(
		strstr(people.data, "\"summary\":\"\xef\xbf\xbd\\u0000\","));
	ck_assert_ptr_nonnull(strstr(people.data, "\"auto\":true"));
	ck_assert_str_eq(people.data + people.len - 16, "\"broken\":\"b\xef\xbf\xbd\"}");
}

END_TEST

START_TEST(snapshot_survives_writing_and_reading)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (uint64_t seed = 1; seed <= 400; seed++) {
		_cleanup_(snapshot_done) struct snapshot s, back;
		_cleanup_(buf_done) struct buf out = BUF_INIT;
		_cleanup_(buf_done) struct buf again = BUF_INIT;
		const char *what = NULL;

		support_snapshot_random(seed, 0, &s);
		snapshot_init(&back);
		write_text(&s, &out);
		ck_assert_msg(snapshot_parse(out.data, out.len, &back, &err) == 0,
			      "seed %d: %s", (int)seed, err_message(&err));
		ck_assert_msg(support_snapshot_equal(&s, &back, &what),
			      "seed %d: %s differs in %s", (int)seed, what, out.data);
		write_text(&back, &again);
		ck_assert_str_eq(out.data, again.data);
	}
}

END_TEST

/* ---- Revisions ---- */

static const struct {
	const char *json, *revision;
} revisions[] = {
	{ "1", "1" },
	{ "42", "42" },
	{ "-1", "x1" },
	{ "-3", "x3" },
	{ "9223372036854775807", "9223372036854775807" },
	{ "-9223372036854775807", "x9223372036854775807" },
	{ "\"x1\"", "x1" },
	{ "\"42\"", "42" },
	{ "\"\\u0078\\u0037\"", "x7" },
	{ "null", "" },
	{ "0", NULL },
	{ "-0", NULL },
	{ "1.0", NULL },
	{ "1e1", NULL },
	{ "9223372036854775808", NULL },
	{ "-9223372036854775808", NULL },
	{ "\"unset\"", NULL },
	{ "\"\"", NULL },
	{ "\"0\"", NULL },
	{ "\"x0\"", NULL },
	{ "\"-1\"", NULL },
	{ "\"007\"", NULL },
	{ "\"+7\"", NULL },
	{ "\"x\"", NULL },
	{ "\" 1\"", NULL },
	{ "\"1\\u0000\"", NULL },
	{ "\"common\"", NULL },
};

START_TEST(snapshot_revision_is_a_string_or_a_number)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	char text[128];

	snapshot_init(&s);
	snprintf(text, sizeof(text), "{\"revision\":%s}", revisions[_i].json);
	if (!revisions[_i].revision) {
		ck_assert_fails(parse(text, &s, &err), &err, ERR_CORRUPT,
				"the revision \"");
	} else {
		ck_assert_ok(parse(text, &s, &err), &err);
		ck_assert_str_eq(s.revision, revisions[_i].revision);
	}
}

END_TEST

/* ---- What is refused ---- */

static const struct {
	const char *text, *message;
} refused[] = {
	/* Not JSON, or not one object. */
	{ "", "" },
	{ "{", "" },
	{ "[]", "it is no JSON object" },
	{ "null", "it is no JSON object" },
	{ "\"x\"", "it is no JSON object" },
	{ "{}{}", "" },
	{ "{} x", "" },
	{ "{\"set\":1,}", "" },
	{ "{/**/}", "" },
	{ "{\"set\":01}", "" },
	{ "{\"set\":3,\"set\":3}", "twice" },
	{ "{\"set\":3,\"\\u0073et\":3}", "twice" },
	{ "{\"conf\":{\"a\":{\"b\":1,\"b\":2}}}", "twice" },
	{ "{\"future\":{\"b\":1,\"b\":2}}", "twice" },
	/* Numbers. */
	{ "{\"set\":\"3\"}", "\"set\" is not a whole number in range" },
	{ "{\"set\":-1}", "\"set\" is not a whole number in range" },
	{ "{\"set\":-0}", "\"set\" is not a whole number in range" },
	{ "{\"set\":3.0}", "\"set\" is not a whole number in range" },
	{ "{\"set\":3e0}", "\"set\" is not a whole number in range" },
	{ "{\"set\":18446744073709551616}", "\"set\" is not a whole number in range" },
	{ "{\"set\":true}", "\"set\" is not a whole number in range" },
	{ "{\"size\":-1}", "\"size\" is not a whole number in range" },
	{ "{\"size\":9223372036854775808}", "\"size\" is not a whole number in range" },
	{ "{\"size\":\"\"}", "\"size\" is not a whole number in range" },
	/* Strings. */
	{ "{\"time\":5}", "\"time\" is not a string" },
	{ "{\"time\":\"\"}", "\"time\": " },
	{ "{\"time\":\"yesterday\"}", "\"time\": " },
	{ "{\"time\":\"2026-02-30T00:00:00Z\"}", "\"time\": " },
	{ "{\"time\":\"2026-01-01T00:00:00Z\\u0000\"}", "\"time\": " },
	{ "{\"snap\":5}", "\"snap\" is not a string" },
	{ "{\"snap\":[]}", "\"snap\" is not a string" },
	{ "{\"snap-id\":{}}", "\"snap-id\" is not a string" },
	{ "{\"summary\":1}", "\"summary\" is not a string" },
	{ "{\"version\":1.0}", "\"version\" is not a string" },
	{ "{\"broken\":true}", "\"broken\" is not a string" },
	{ "{\"auto\":\"true\"}", "\"auto\" is not true or false" },
	{ "{\"auto\":1}", "\"auto\" is not true or false" },
	{ "{\"revision\":[]}", "\"revision\" is not a revision" },
	{ "{\"revision\":true}", "\"revision\" is not a revision" },
	/* Objects. */
	{ "{\"epoch\":5}", "\"epoch\": an epoch is neither a string nor an object" },
	{ "{\"epoch\":{\"read\":[]}}", "\"epoch\": epoch list \"read\" is no list" },
	{ "{\"conf\":[]}", "\"conf\" is not an object" },
	{ "{\"conf\":\"x\"}", "\"conf\" is not an object" },
	{ "{\"sha3-384\":[]}", "\"sha3-384\" is not an object" },
	{ "{\"sha3-384\":{\"a\":1}}", "the hash of \"a\" is no SHA3-384" },
	{ "{\"sha3-384\":{\"a\":\"\"}}", "the hash of \"a\" is no SHA3-384" },
	{ "{\"sha3-384\":{\"a\":\"" SUPPORT_HASH "0\"}}",
	  "the hash of \"a\" is no SHA3-384" },
	{ "{\"sha3-384\":{\"a\\u0000\":\"" SUPPORT_HASH "\"}}", "an archive name in" },
	{ "{\"options\":[]}", "\"options\" is not an object" },
	{ "{\"options\":{\"exclude\":{}}}", "\"exclude\" is not a list" },
	{ "{\"options\":{\"exclude\":[null]}}", "\"exclude\" is not a list of strings" },
	{ "{\"options\":{\"exclude\":[1]}}", "\"exclude\" is not a list of strings" },
	{ "{\"setaside\":[]}", "\"setaside\" is not an object" },
};

START_TEST(snapshot_refuses_what_is_no_metadata)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snapshot s = { .set = 77 };

	ck_assert_fails(parse(refused[_i].text, &s, &err), &err, ERR_CORRUPT,
			refused[_i].message);
	ck_assert_uint_eq(s.set, 77);
}

END_TEST

START_TEST(snapshot_of_random_bytes_is_read_or_refused)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(snapshot_done) struct snapshot s, back;
		_cleanup_(buf_done) struct buf out = BUF_INIT;
		struct support_random r = { seed };

		support_snapshot_random(seed % 20, 0, &s);
		snapshot_init(&back);
		write_text(&s, &out);
		for (int i = 0; i < 3; i++)
			out.data[support_random_below(&r, out.len)] ^=
				(char)(1 << support_random_below(&r, 8));
		if (snapshot_parse(out.data, out.len, &back, &err) < 0) {
			ck_assert_msg(err.kind == ERR_CORRUPT, "seed %d: %s", (int)seed,
				      err_message(&err));
		} else {
			buf_clear(&out);
			write_text(&back, &out);
		}
	}
}

END_TEST

/* ---- Sizes ---- */

/* SUPPORT_CORE with a summary that makes it `size` bytes. */
static char *text_of_size(size_t size)
{
	static const char front[] = "{" SUPPORT_CORE ",\"summary\":\"", back[] = "\"}";
	char *text = malloc(size);

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', size);
	memcpy(text, front, sizeof(front) - 1);
	memcpy(text + size - sizeof(back) + 1, back, sizeof(back) - 1);
	return text;
}

START_TEST(snapshot_of_four_mebibytes_is_read_and_no_longer_one)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	_cleanup_free_ char *largest = text_of_size(SNAPSHOT_META_MAX);
	_cleanup_free_ char *larger = text_of_size(SNAPSHOT_META_MAX + 1);

	snapshot_init(&s);
	ck_assert_fails(snapshot_parse(larger, SNAPSHOT_META_MAX + 1, &s, &err), &err,
			ERR_CORRUPT, "4194304");
	ck_assert_ok(snapshot_parse(largest, SNAPSHOT_META_MAX, &s, &err), &err);
}

END_TEST

START_TEST(snapshot_refuses_configuration_that_grows_over_the_limit)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snapshot s;
	size_t n = SNAPSHOT_META_MAX / 2;
	_cleanup_free_ char *text = malloc(n);

	ck_assert_ptr_nonnull(text);
	memset(text, '<', n);
	memcpy(text, "{\"conf\":{\"a\":\"", 14);
	memcpy(text + n - 3, "\"}}", 3);
	ck_assert_fails(snapshot_parse(text, n, &s, &err), &err, ERR_CORRUPT,
			"configuration: longer than 4194304 bytes");
}

END_TEST

/* Adds `n` skipped files below the directory, each of which takes some 3,000 bytes. */
static void add_skipped(struct snapshot_archive *a, const char *dir, size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char path[4096];
	int done = 0;

	for (size_t i = 0; i < n && done == 0; i++) {
		snprintf(path, sizeof(path), "%s/%03000zu", dir, i);
		done = snapshot_add_skipped(a, path, "permission denied", &err);
	}
	ck_assert_ok(done, &err);
}

static struct snapshot_archive *add_details(struct snapshot *s, const char *name,
					    const char *tree_a, const char *tree_b)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snapshot_archive *a;
	struct snapshot_tree *tree;

	ck_assert_ok(snapshot_add_archive(s, name, &a, &err), &err);
	a->has_details = true;
	ck_assert_ok(snapshot_add_tree(a, &tree, &err), &err);
	tree->name = strdup(tree_a);
	tree->path = strdup("/a");
	ck_assert_ok(snapshot_add_tree(a, &tree, &err), &err);
	tree->name = strdup(tree_b);
	tree->path = strdup("/b");
	return a;
}

START_TEST(snapshot_too_long_names_the_tree_that_fills_it)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	support_snapshot_small(&s);
	s.has_own = true;
	s.packaging = strdup(SNAPSHOT_NATIVE);
	struct snapshot_archive *a = add_details(&s, "user/alice.tgz", "profile", "pro");
	add_skipped(a, "common/pro", 200);
	add_skipped(a, "common/profile", 800);
	add_skipped(add_details(&s, "user/bob.tgz", "profile", "pro"), "common/pro", 600);
	ck_assert_fails(snapshot_write(&s, &out, &err), &err, ERR_NO_SPACE,
			"the metadata of \"hello\" would pass 4 MiB: lists of tree "
			"\"profile\" in \"user/alice.tgz\" fill it");
	ck_assert_uint_eq(out.len, 0);
}

END_TEST

START_TEST(snapshot_too_long_names_the_directory_of_a_snap)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	support_snapshot_small(&s);
	s.has_own = true;
	s.packaging = strdup(SNAPSHOT_SNAP);
	add_skipped(add_details(&s, "user/bob.tgz", "7", "common"), "common", 1500);
	ck_assert_int_eq(snapshot_write(&s, &out, &err), -1);
	ck_assert_str_eq(err.hint,
			 "exclude what cannot be read there or changes all the time");
	ck_assert_err(&err, ERR_NO_SPACE, "lists of tree \"common\" in \"user/bob.tgz\"");
}

END_TEST

START_TEST(snapshot_too_long_without_lists_says_so)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	support_snapshot_small(&s);
	free(s.summary);
	s.summary = malloc(SNAPSHOT_META_MAX + 1);
	ck_assert_ptr_nonnull(s.summary);
	memset(s.summary, 'x', SNAPSHOT_META_MAX);
	s.summary[SNAPSHOT_META_MAX] = '\0';
	ck_assert_int_eq(snapshot_write(&s, &out, &err), -1);
	ck_assert_str_eq(err_message(&err), "the metadata of \"hello\" would pass 4 MiB");
	ck_assert_err(&err, ERR_NO_SPACE, "");
}

END_TEST

START_TEST(snapshot_of_very_many_archives_is_read)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	snapshot_init(&s);
	buf_add_str(&out, "{\"sha3-384\":{", &err);
	/* Against the order, which is the worst case of sorting by insertion. */
	for (int i = 34000; i > 0; i--)
		buf_printf(&out, &err, "\"user/%06d.tgz\":\"" SUPPORT_HASH "\"%s", i,
			   i > 1 ? "," : "");
	ck_assert_ok(buf_add_str(&out, "}}", &err), &err);
	ck_assert_ok(snapshot_parse(out.data, out.len, &s, &err), &err);
	ck_assert_uint_eq(s.n_archives, 34000);
	ck_assert_ptr_nonnull(snapshot_archive(&s, "user/017000.tgz"));
}

END_TEST

#ifdef ENABLE_FAULTS

/* Parses and writes; -1 with err where one of the two fails. */
static int read_and_write(struct err *err)
{
	_cleanup_(snapshot_done) struct snapshot s;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	uint8_t hash[DIGEST_SHA256_SIZE];
	const struct snapshot *list[] = { &s };

	snapshot_init(&s);
	if (parse(full, &s, err) < 0 || snapshot_write(&s, &out, err) < 0)
		return -1;
	return snapshot_set_hash(list, 1, true, hash, err);
}

START_TEST(snapshot_reports_the_want_of_memory)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	uint64_t nth;

	for (nth = 1;; nth++) {
		fault_arm(&(struct fault_plan){ FAULT_ALLOC, FAULT_ONCE, nth, 0 });
		int result = read_and_write(&err);
		if (!fault_disarm())
			break;
		/* A text that could not be made is no failure of the call. */
		if (result < 0)
			ck_assert_err(&err, ERR_NOMEM, "");
	}
	ck_assert_uint_gt(nth, 40);
}

END_TEST

#endif

#define N_ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

Suite *suite_snapshot_json(void)
{
	Suite *s = suite_create("snapshot_json");
	TCase *tc = support_tcase(s, "form");

	tcase_add_test(tc, snapshot_is_written_as_it_was_read);
	tcase_add_test(tc, snapshot_without_more_is_written_whole);
	tcase_add_test(tc, snapshot_is_read_however_it_is_written);
	tcase_add_test(tc, snapshot_without_its_keys_is_read_but_not_valid);
	tcase_add_test(tc, snapshot_for_people_says_auto_and_broken_and_decodes);
	tcase_add_test(tc, snapshot_survives_writing_and_reading);
	tcase_add_loop_test(tc, snapshot_revision_is_a_string_or_a_number, 0,
			    N_ROWS(revisions));

	tc = support_tcase(s, "refusals");
	tcase_add_loop_test(tc, snapshot_refuses_what_is_no_metadata, 0, N_ROWS(refused));
	tcase_add_test(tc, snapshot_of_random_bytes_is_read_or_refused);

	tc = support_tcase(s, "sizes");
	tcase_add_test(tc, snapshot_of_four_mebibytes_is_read_and_no_longer_one);
	tcase_add_test(tc, snapshot_refuses_configuration_that_grows_over_the_limit);
	tcase_add_test(tc, snapshot_too_long_names_the_tree_that_fills_it);
	tcase_add_test(tc, snapshot_too_long_names_the_directory_of_a_snap);
	tcase_add_test(tc, snapshot_too_long_without_lists_says_so);
	tcase_add_test(tc, snapshot_of_very_many_archives_is_read);
#ifdef ENABLE_FAULTS
	tcase_add_test(tc, snapshot_reports_the_want_of_memory);
#endif
	return s;
}
