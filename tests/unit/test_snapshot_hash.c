/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/snapshot.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/zip.h"
#include "tests/unit/support.h"
#include "tests/unit/support_snapshot.h"

#define MEMBERS_MAX 16

/* The hash in hex, in one of two buffers in turn. */
static const char *hex(const uint8_t hash[DIGEST_SHA256_SIZE])
{
	static char texts[2][2 * DIGEST_SHA256_SIZE + 1];
	static unsigned next;
	char *text = texts[next++ % 2];

	digest_hex(hash, DIGEST_SHA256_SIZE, text);
	return text;
}

static const char *hash_of(const struct snapshot *s, bool alternate)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	uint8_t hash[DIGEST_SHA256_SIZE];

	ck_assert_ok(snapshot_content_hash(s, alternate, hash, &err), &err);
	return hex(hash);
}

static const char *hash_of_set(const struct snapshot *const *list, size_t n,
			       bool alternate)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	uint8_t hash[DIGEST_SHA256_SIZE];

	ck_assert_ok(snapshot_set_hash(list, n, alternate, hash, &err), &err);
	return hex(hash);
}

static bool is_either(const char *expected, const char *one, const char *other)
{
	return strcmp(expected, one) == 0 || strcmp(expected, other) == 0;
}

/* ---- What snapd computed ---- */

/* One line of the vectors; returns how many snapshots agreed. */
static size_t check_vector(const char *line, size_t len, int number)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(json_freep) struct json *vector = NULL;
	struct snapshot snapshots[MEMBERS_MAX];
	const struct snapshot *list[MEMBERS_MAX];

	ck_assert_ok(json_parse(line, len, NULL, &vector, &err), &err);
	const struct json *meta = json_get(vector, "meta");
	const struct json *hashes = json_get(vector, "snapshot-hash");
	ck_assert(meta->n > 0 && meta->n <= MEMBERS_MAX && hashes->n == meta->n);
	for (size_t i = 0; i < meta->n; i++) {
		_cleanup_(buf_done) struct buf text = BUF_INIT;
		const struct json *base64 = meta->items[i];

		ck_assert_ok(digest_unbase64(base64->text, base64->len, &text, &err),
			     &err);
		ck_assert_msg(snapshot_parse(text.data, text.len, &snapshots[i], &err) ==
				      0,
			      "line %d, %zu: %s", number, i, err_message(&err));
		ck_assert_msg(is_either(json_to_str(hashes->items[i]),
					hash_of(&snapshots[i], false),
					hash_of(&snapshots[i], true)),
			      "line %d: hash of snapshot %zu differs: %s", number, i,
			      text.data);
		/* Against the order of the file: it must not matter. */
		list[meta->n - 1 - i] = &snapshots[i];
	}
	ck_assert_msg(is_either(json_to_str(json_get(vector, "set-hash")),
				hash_of_set(list, meta->n, false),
				hash_of_set(list, meta->n, true)),
		      "line %d: hash of the set differs", number);
	for (size_t i = 0; i < meta->n; i++)
		snapshot_done(&snapshots[i]);
	return meta->n;
}

START_TEST(hash_agrees_with_snapd_for_all_vectors)
{
	_cleanup_free_ char *text = support_read(
		AT_FDCWD, support_fixture("snapd/content-hash-vectors.jsonl"), NULL);
	size_t n_snapshots = 0;
	int n_sets = 0;

	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
		n_snapshots += check_vector(line, (size_t)(end - line), ++n_sets);
	ck_assert_int_eq(n_sets, 400);
	ck_assert_uint_eq(n_snapshots, 720);
}

END_TEST

/* The metadata in a zip of the fixtures. */
static void read_zip(const char *name, struct snapshot *ret)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(zip_reader_freep) struct zip_reader *zip = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	_cleanup_close_ int fd = open(support_fixture(name), O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_ok(zip_reader_new(fd, 100, &zip, &err), &err);
	ssize_t i = zip_reader_find(zip, "meta.json");
	ck_assert_int_ge(i, 0);
	ck_assert_ok(zip_reader_slurp(zip, (size_t)i, SNAPSHOT_META_MAX, &text, &err),
		     &err);
	ck_assert_ok(snapshot_parse(text.data, text.len, ret, &err), &err);
	ck_assert_ok(snapshot_validate(ret, &err), &err);
}

START_TEST(hash_agrees_with_snapd_for_its_files)
{
	_cleanup_free_ char *expected =
		support_read(AT_FDCWD, support_fixture("snapd/content-hashes.txt"), NULL);
	_cleanup_(snapshot_done) struct snapshot hello3, notes3, hello4;
	char line[128];

	read_zip("snapd/3_hello_2.10_7.zip", &hello3);
	read_zip("snapd/3_notes-app_v1.33~rc1+git_x2.zip", &notes3);
	read_zip("snapd/4_hello_2.10_7.zip", &hello4);
	const struct snapshot *set3[] = { &notes3, &hello3 };
	const struct snapshot *set4[] = { &hello4 };
	snprintf(line, sizeof(line), "set 3 %s\n", hash_of_set(set3, 2, false));
	ck_assert_ptr_nonnull(strstr(expected, line));
	snprintf(line, sizeof(line), "set 4 %s\n", hash_of_set(set4, 1, false));
	ck_assert_ptr_nonnull(strstr(expected, line));
}

END_TEST

/* ---- What counts ---- */

static void set_number(struct snapshot *s)
{
	s->set = 99;
}

static void set_time(struct snapshot *s)
{
	s->time.sec++;
}

static void set_auto(struct snapshot *s)
{
	s->automatic = true;
}

static void set_options(struct snapshot *s)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(
		snapshot_add_string(&s->exclude, &s->n_exclude, "$SNAP_DATA/x", &err),
		&err);
}

static void set_own(struct snapshot *s)
{
	s->has_own = true;
	s->packaging = strdup("native");
	s->unknown_keys = true;
}

static void set_broken(struct snapshot *s)
{
	s->broken = strdup("because");
}

static void set_summary(struct snapshot *s)
{
	free(s->summary);
	s->summary = strdup("x");
}

static void set_size(struct snapshot *s)
{
	s->size++;
}

static void set_conf(struct snapshot *s)
{
	s->conf = strdup("{\"a\":1}");
}

static void set_sha3(struct snapshot *s)
{
	s->archives[0].sha3[95] = 'b';
}

static const struct {
	void (*change)(struct snapshot *s);
	bool counts;
} changes[] = {
	{ set_number, false },  { set_time, false }, { set_auto, false },
	{ set_options, false }, { set_own, false },  { set_broken, true },
	{ set_summary, true },  { set_size, true },  { set_conf, true },
	{ set_sha3, true },
};

START_TEST(hash_is_of_what_was_saved_only)
{
	_cleanup_(snapshot_done) struct snapshot a, b;

	support_snapshot_small(&a);
	support_snapshot_small(&b);
	ck_assert_str_eq(hash_of(&a, false), hash_of(&b, false));
	changes[_i].change(&b);
	ck_assert_int_eq(strcmp(hash_of(&a, false), hash_of(&b, false)) != 0,
			 changes[_i].counts);
}

END_TEST

START_TEST(hash_is_the_same_before_writing_and_after_reading)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (uint64_t seed = 1; seed <= 300; seed++) {
		_cleanup_(snapshot_done) struct snapshot s, back;
		_cleanup_(buf_done) struct buf out = BUF_INIT;

		support_snapshot_random(seed, 0, &s);
		snapshot_init(&back);
		/* What the writer can only put as U+FFFD. */
		free(s.summary);
		s.summary = strdup(
			"a\xff\xed\xa0\x80\xc0\x80\xe2\x80\xc3\xa9\xf4\x90\x80\x80");
		s.snap_id = s.snap_id ? s.snap_id : strdup("\xc0");
		ck_assert_ok(snapshot_write(&s, &out, &err), &err);
		ck_assert_ok(snapshot_parse(out.data, out.len, &back, &err), &err);
		for (int alternate = 0; alternate < 2; alternate++)
			ck_assert_msg(strcmp(hash_of(&s, alternate),
					     hash_of(&back, alternate)) == 0,
				      "seed %d", (int)seed);
	}
}

END_TEST

START_TEST(hash_is_taken_over_the_documented_text)
{
	static const char text[] =
		"{\"set\":0,\"time\":\"0001-01-01T00:00:00Z\",\"snap\":\"hello\","
		"\"revision\":\"7\",\"epoch\":{\"read\":[0],\"write\":[0]},"
		"\"summary\":\"\\\\u0008\\u0008\\u000c\\u0007\","
		"\"version\":\"2.10\",\"sha3-384\":{\"archive.tgz\":\"%s\"},"
		"\"size\":7}\n";
	static const char alternate[] =
		"{\"set\":0,\"time\":\"0001-01-01T00:00:00Z\",\"snap\":\"hello\","
		"\"revision\":\"7\",\"epoch\":{\"read\":[0],\"write\":[0]},"
		"\"summary\":\"\\\\u0008\\b\\f\\u0007\","
		"\"version\":\"2.10\",\"sha3-384\":{\"archive.tgz\":\"%s\"},"
		"\"size\":7}\n";
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snapshot_done) struct snapshot s;
	uint8_t hash[DIGEST_MAX_SIZE];
	char expected[1024];

	support_snapshot_small(&s);
	free(s.summary);
	s.summary = strdup("\\u0008\b\f\a");
	snprintf(expected, sizeof(expected), text, s.archives[0].sha3);
	ck_assert_ok(digest_of(DIGEST_SHA256, expected, strlen(expected), hash, &err),
		     &err);
	ck_assert_str_eq(hash_of(&s, false), hex(hash));
	snprintf(expected, sizeof(expected), alternate, s.archives[0].sha3);
	ck_assert_ok(digest_of(DIGEST_SHA256, expected, strlen(expected), hash, &err),
		     &err);
	ck_assert_str_eq(hash_of(&s, true), hex(hash));
}

END_TEST

START_TEST(hash_of_a_set_does_not_depend_on_the_order)
{
	_cleanup_(snapshot_done) struct snapshot a, b, c;
	char first[65];

	support_snapshot_small(&a);
	support_snapshot_small(&b);
	support_snapshot_small(&c);
	memcpy(b.snap, "hellp", 5);
	/* Two of one name, which no set should have. */
	set_size(&c);
	const struct snapshot *one[] = { &a, &b, &c }, *other[] = { &c, &b, &a };
	memcpy(first, hash_of_set(one, 3, false), sizeof(first));
	ck_assert_str_eq(first, hash_of_set(other, 3, false));
	ck_assert_str_ne(first, hash_of_set(one, 2, false));
}

END_TEST

#define N_ROWS(array) ((int)(sizeof(array) / sizeof((array)[0])))

Suite *suite_snapshot_hash(void)
{
	Suite *s = suite_create("snapshot_hash");
	TCase *tc = support_tcase(s, "snapd");

	tcase_add_test(tc, hash_agrees_with_snapd_for_all_vectors);
	tcase_add_test(tc, hash_agrees_with_snapd_for_its_files);

	tc = support_tcase(s, "meaning");
	tcase_add_loop_test(tc, hash_is_of_what_was_saved_only, 0, N_ROWS(changes));
	tcase_add_test(tc, hash_is_the_same_before_writing_and_after_reading);
	tcase_add_test(tc, hash_is_taken_over_the_documented_text);
	tcase_add_test(tc, hash_of_a_set_does_not_depend_on_the_order);
	return s;
}
