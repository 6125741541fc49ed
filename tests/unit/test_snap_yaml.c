/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/snap_yaml.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"

static int parse(const char *text, struct snap_meta *ret, struct err *err)
{
	return snap_yaml_parse(text, strlen(text), ret, err);
}

static int parse_exclude(const char *text, struct snap_meta *ret, struct err *err)
{
	return snap_yaml_parse_exclude(text, strlen(text), ret, err);
}

START_TEST(snap_yaml_gives_what_a_snap_says)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snap_meta_done) struct snap_meta m = SNAP_META_INIT;

	ck_assert_ok(parse("name: hello\n"
			   "version: 1.10\n"
			   "summary: \"Say: hello\"\n"
			   "description: |\n"
			   "  version: 9\n"
			   "  two lines\n"
			   "epoch: 3*\n"
			   "apps:\n"
			   "  hello:\n"
			   "    command: bin/hello\n"
			   "    plugs: [network, {a: b}]\n"
			   "    version: 8\n"
			   "? [complex, key]\n"
			   ": value\n"
			   "base: core22\n",
			   &m, &err),
		     &err);
	ck_assert_str_eq(m.name, "hello");
	ck_assert_str_eq(m.version, "1.10");
	ck_assert_str_eq(m.summary, "Say: hello");
	ck_assert(m.has_epoch);
	ck_assert_uint_eq(m.epoch.n_read, 2);
	ck_assert_uint_eq(m.epoch.read[0], 2);
	ck_assert_uint_eq(m.epoch.read[1], 3);
	ck_assert_uint_eq(m.epoch.n_write, 1);
	ck_assert_uint_eq(m.epoch.write[0], 3);
	ck_assert_uint_eq(m.exclude.n, 0);
}

END_TEST

START_TEST(snap_yaml_takes_json_too)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snap_meta_done) struct snap_meta m = SNAP_META_INIT;

	ck_assert_ok(
		parse("{\"name\": \"a\", \"version\": \"null\", \"epoch\": {\"write\": "
		      "[7]}}",
		      &m, &err),
		&err);
	ck_assert_str_eq(m.version, "null");
	ck_assert_uint_eq(m.epoch.n_read, 1);
	ck_assert_uint_eq(m.epoch.read[0], 7);
}

END_TEST

START_TEST(snap_yaml_leaves_out_what_is_not_said)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snap_meta_done) struct snap_meta m = SNAP_META_INIT;

	ck_assert_ok(parse("name: ~\nversion:\nsummary: null\nepoch: ~\n", &m, &err),
		     &err);
	ck_assert_ptr_null(m.name);
	ck_assert_ptr_null(m.version);
	ck_assert_ptr_null(m.summary);
	ck_assert(!m.has_epoch);
	ck_assert_ok(parse("{}", &m, &err), &err);
	ck_assert_ptr_null(m.name);
}

END_TEST

/* An epoch and the two lists it means, or the message. */
static const struct epoch_case {
	const char *text, *read, *write, *message;
} epochs[] = {
	{ "epoch: 0", "0", "0", NULL },
	{ "epoch: '5'", "5", "5", NULL },
	{ "epoch: \"\"", "0", "0", NULL },
	{ "epoch: 1*", "0 1", "1", NULL },
	{ "epoch: {read: [1, 2, 3], write: [1, 3]}", "1 2 3", "1 3", NULL },
	{ "epoch:\n  read:\n  - 4\n  - 5\n", "4 5", "5", NULL },
	{ "epoch: {read: ~, write: [2], other: {a: [b]}}", "2", "2", NULL },
	{ "epoch: {}", "0", "0", NULL },
	{ "epoch: 0*", NULL, NULL, "line 1: " },
	{ "epoch: -1", NULL, NULL, "line 1: " },
	{ "epoch: 01", NULL, NULL, "line 1: " },
	{ "epoch: 4294967296", NULL, NULL, "line 1: " },
	{ "a: b\nepoch: x", NULL, NULL, "line 2: " },
	{ "epoch: [1]", NULL, NULL, "line 1: epoch is no string" },
	{ "epoch: {read: 1}", NULL, NULL, "line 1: epoch is no list" },
	{ "epoch: {read: []}", NULL, NULL, "line 1: epoch has an empty list" },
	{ "epoch: {read: [1], read: [1]}", NULL, NULL,
	  "line 1: \"read\" is given twice" },
	{ "epoch: {read: [2, 1]}", NULL, NULL, "line 1: " },
	{ "epoch: {read: [1], write: [2]}", NULL, NULL, "line 1: " },
	{ "epoch: {read: [[1]]}", NULL, NULL, "line 1: epoch is no string" },
	{ "epoch: {read: [0,1,2,3,4,5,6,7,8,9,10]}", NULL, NULL,
	  "line 1: epoch has too many numbers" },
};

/* "1 2 3" */
static const char *list_text(const uint32_t *list, size_t n, struct buf *out)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	buf_clear(out);
	for (size_t i = 0; i < n; i++)
		ck_assert_ok(buf_printf(out, &err, "%s%u", i ? " " : "", list[i]), &err);
	return n ? out->data : "";
}

START_TEST(snap_yaml_epochs_have_all_forms)
{
	const struct epoch_case *c = &epochs[_i];
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snap_meta_done) struct snap_meta m = SNAP_META_INIT;
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	if (c->message) {
		ck_assert_fails(parse(c->text, &m, &err), &err, ERR_CORRUPT, c->message);
		ck_assert(!m.has_epoch);
		return;
	}
	ck_assert_ok(parse(c->text, &m, &err), &err);
	ck_assert(m.has_epoch);
	ck_assert_str_eq(list_text(m.epoch.read, m.epoch.n_read, &text), c->read);
	ck_assert_str_eq(list_text(m.epoch.write, m.epoch.n_write, &text), c->write);
}

END_TEST

static const struct {
	const char *text, *message;
} faults[] = {
	{ "", "is empty" },
	{ "# nothing\n", "is empty" },
	{ "- a\n", "line 1: not a mapping" },
	{ "text", "line 1: not a mapping" },
	{ "a: b\n---\nc: d\n", "line 2: a second document" },
	{ "name: a\n name: b\n", "line 2: " },
	{ "name: a\nname: b\n", "line 2: name is given twice" },
	{ "name: [a]\n", "line 1: name is no string" },
	{ "x: &v 1\nversion: *v\n", "line 2: version is an alias" },
	{ "version: &v 1\n", "line 1: version has an anchor" },
	{ "version: !!binary YQ==\n", "line 1: version has a tag" },
	{ "version: \"a\\0b\"\n", "line 1: version holds control characters" },
	{ "version: \"a\\eb\"\n", "line 1: version holds control characters" },
	{ "a: \"unfinished\n", "line " },
	{ "a: b: c\n", "line 1: " },
	{ "a: \t\x01\n", "byte " },
	{ "a: \xff\xfe\n", "byte " },
};

START_TEST(snap_yaml_refuses_what_is_wrong)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snap_meta_done) struct snap_meta m = SNAP_META_INIT;

	ck_assert_fails(parse(faults[_i].text, &m, &err), &err, ERR_CORRUPT,
			faults[_i].message);
	ck_assert_ptr_null(m.name);
	ck_assert_ptr_null(m.version);
}

END_TEST

/* Appends text n times. */
static void repeat(struct buf *out, const char *text, size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (size_t i = 0; i < n; i++)
		ck_assert_ok(buf_add_str(out, text, &err), &err);
}

START_TEST(snap_yaml_is_bounded)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct snap_meta m = SNAP_META_INIT;

	repeat(&text, "a: ", 1);
	repeat(&text, "[", 100000);
	ck_assert_fails(parse(text.data, &m, &err), &err, ERR_CORRUPT,
			"line 1: nested too deeply");
	buf_clear(&text);
	repeat(&text, "a:\n", 1);
	repeat(&text, "- b\n", 210000);
	ck_assert_fails(parse(text.data, &m, &err), &err, ERR_CORRUPT,
			": too many values");
	buf_clear(&text);
	repeat(&text, "a: 0123456789abcdef\n", SNAP_YAML_MAX / 20 + 1);
	ck_assert_fails(parse(text.data, &m, &err), &err, ERR_CORRUPT,
			"more than 1048576 bytes");
}

END_TEST

START_TEST(snap_yaml_expands_no_aliases)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snap_meta_done) struct snap_meta m = SNAP_META_INIT;

	/* Expanded, this would be 10^9 strings. */
	ck_assert_ok(parse("a: &a [x,x,x,x,x,x,x,x,x,x]\n"
			   "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
			   "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
			   "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
			   "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
			   "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
			   "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n"
			   "h: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g,*g]\n"
			   "i: [*h,*h,*h,*h,*h,*h,*h,*h,*h,*h]\n"
			   "version: 2\n",
			   &m, &err),
		     &err);
	ck_assert_str_eq(m.version, "2");
}

END_TEST

START_TEST(snap_yaml_gives_excludes)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snap_meta_done) struct snap_meta m = SNAP_META_INIT;

	ck_assert_ok(parse("name: a\n", &m, &err), &err);
	ck_assert_ok(parse_exclude("exclude:\n"
				   "  - $SNAP_DATA/one\n"
				   "  - $SNAP_COMMON/t*o/x\n"
				   "  - $SNAP_USER_DATA\n"
				   "  - $SNAP_USER_COMMON/fo*ur\n"
				   "later: {a: 1}\n",
				   &m, &err),
		     &err);
	ck_assert_str_eq(m.name, "a");
	ck_assert_uint_eq(m.exclude.n, 4);
	ck_assert_str_eq(m.exclude.items[1], "$SNAP_COMMON/t*o/x");
	ck_assert_str_eq(m.exclude.items[2], "$SNAP_USER_DATA");
	ck_assert_ok(parse_exclude("exclude: [$SNAP_DATA/two]\n", &m, &err), &err);
	ck_assert_uint_eq(m.exclude.n, 1);
	ck_assert_ok(parse_exclude("exclude:\n", &m, &err), &err);
	ck_assert_uint_eq(m.exclude.n, 0);
}

END_TEST

static const struct {
	const char *text, *message;
} exclude_faults[] = {
	{ "exclude: $SNAP_DATA/x\n", "line 1: exclude is no list" },
	{ "exclude:\n- [a]\n", "line 2: exclude is no string" },
	{ "exclude:\n- $SNAP_DATA/x\n- $HOME/x\n",
	  "line 3: exclude pattern \"$HOME/x\"" },
	{ "exclude: [$SNAP_DATA/../x]\n", "line 1: exclude pattern \"$SNAP_DATA/../x\"" },
	{ "exclude: [$SNAP_DATA/x/]\n", "line 1: exclude pattern" },
	{ "exclude: ['$SNAP_DATA/**']\n", "line 1: exclude pattern" },
	{ "exclude: ['$SNAP_DATA/[a]']\n", "line 1: exclude pattern" },
	{ "exclude: ['$SNAP_DATA/?']\n", "line 1: exclude pattern" },
	{ "exclude: [\"$SNAP_DATA/\\a\"]\n", "line 1: exclude holds control characters" },
	{ "exclude: [$SNAP_DATA/x]\nexclude: []\n", "line 2: exclude is given twice" },
};

START_TEST(snap_yaml_refuses_patterns_that_snapd_refuses)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snap_meta m = SNAP_META_INIT;

	ck_assert_fails(parse_exclude(exclude_faults[_i].text, &m, &err), &err,
			ERR_CORRUPT, exclude_faults[_i].message);
	ck_assert_uint_eq(m.exclude.n, 0);
}

END_TEST

START_TEST(snap_yaml_takes_so_many_patterns)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snap_meta_done) struct snap_meta m = SNAP_META_INIT;
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	repeat(&text, "exclude:\n", 1);
	repeat(&text, "- $SNAP_DATA/x\n", SNAP_YAML_EXCLUDE_MAX);
	ck_assert_ok(parse_exclude(text.data, &m, &err), &err);
	ck_assert_uint_eq(m.exclude.n, SNAP_YAML_EXCLUDE_MAX);
	repeat(&text, "- $SNAP_DATA/x\n", 1);
	ck_assert_fails(parse_exclude(text.data, &m, &err), &err, ERR_CORRUPT,
			"line 1026: too many patterns");
	ck_assert_uint_eq(m.exclude.n, SNAP_YAML_EXCLUDE_MAX);
}

END_TEST

/* Never more than an error, and no read outside, which the copy of just that size would
 * show under the sanitizers. */
START_TEST(snap_yaml_survives_every_changed_byte)
{
	static const char text[] = "name: hello\nversion: '1'\nsummary: >\n  a\n  b\n"
				   "epoch:\n  read: [1, 2]\n  write: [2]\n"
				   "exclude:\n- $SNAP_DATA/a*\n? {x: &a [y]}\n: *a\n";
	static const char values[] = "\0\t\n \"'#$%&*,-:>?@[]`{|}!\\~a0\x80\xc0\xff";
	size_t n_good = 0;

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		for (size_t v = 0; v < sizeof(values) - 1; v++) {
			_cleanup_(err_clear) struct err err = ERR_INIT;
			_cleanup_(snap_meta_done) struct snap_meta m = SNAP_META_INIT;
			size_t n = v == 0 ? i : sizeof(text) - 1;
			_cleanup_free_ char *copy = malloc(n ? n : 1);

			memcpy(copy, text, n);
			if (v > 0)
				copy[i] = values[v];
			if (snap_yaml_parse(copy, n, &m, &err) == 0)
				n_good++;
			else
				ck_assert_int_eq(err.kind, ERR_CORRUPT);
			err_clear(&err);
			if (snap_yaml_parse_exclude(copy, n, &m, &err) < 0)
				ck_assert_int_eq(err.kind, ERR_CORRUPT);
		}
	}
	ck_assert_uint_gt(n_good, 0);
}

END_TEST

Suite *suite_snap_yaml(void)
{
	Suite *s = suite_create("snap_yaml");
	TCase *tc = support_tcase(s, "parse");

	tcase_add_test(tc, snap_yaml_gives_what_a_snap_says);
	tcase_add_test(tc, snap_yaml_takes_json_too);
	tcase_add_test(tc, snap_yaml_leaves_out_what_is_not_said);
	tcase_add_loop_test(tc, snap_yaml_epochs_have_all_forms, 0,
			    sizeof(epochs) / sizeof(*epochs));
	tcase_add_loop_test(tc, snap_yaml_refuses_what_is_wrong, 0,
			    sizeof(faults) / sizeof(*faults));
	tcase_add_test(tc, snap_yaml_is_bounded);
	tcase_add_test(tc, snap_yaml_expands_no_aliases);
	tcase_add_test(tc, snap_yaml_gives_excludes);
	tcase_add_loop_test(tc, snap_yaml_refuses_patterns_that_snapd_refuses, 0,
			    sizeof(exclude_faults) / sizeof(*exclude_faults));
	tcase_add_test(tc, snap_yaml_takes_so_many_patterns);
	tcase_add_test(tc, snap_yaml_survives_every_changed_byte);
	return s;
}
