/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/flatpak_deploy.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/support_deploy.h"

/* What GLib 2.74 makes of ('flathub', 'abc', [], 0, {'appdata-version': <'1.2'>}). */
static const unsigned char by_glib[] = {
	'f', 'l', 'a', 't', 'h', 'u', 'b', 0,    'a',  'b',  'c',  0,    0,
	0,   0,   0,   0,   0,   0,   0,   0,    0,    0,    0,    'a',  'p',
	'p', 'd', 'a', 't', 'a', '-', 'v', 'e',  'r',  's',  'i',  'o',  'n',
	0,   '1', '.', '2', 0,   0,   's', 0x10, 0x17, 0x0c, 0x0c, 0x08,
};

START_TEST(deploy_as_glib_writes_it_is_read)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(flatpak_deploy_done) struct flatpak_deploy d = { NULL, NULL };

	ck_assert_ok(flatpak_deploy_parse(by_glib, sizeof(by_glib), &d, &err), &err);
	ck_assert_str_eq(d.version, "1.2");
	ck_assert_ptr_null(d.summary);
}

END_TEST

START_TEST(deploy_of_the_builder_is_what_glib_writes)
{
	_cleanup_(buf_done) struct buf blob = BUF_INIT;
	const struct support_deploy_entry entries[] = { { "appdata-version", "1.2",
							  's' } };

	support_deploy(&blob, "abc", entries, 1);
	ck_assert_uint_eq(blob.len, sizeof(by_glib));
	ck_assert_mem_eq(blob.data, by_glib, sizeof(by_glib));
}

END_TEST

START_TEST(deploy_gives_version_and_summary)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf blob = BUF_INIT;
	_cleanup_(flatpak_deploy_done) struct flatpak_deploy d = { NULL, NULL };
	_cleanup_(flatpak_deploy_done) struct flatpak_deploy e = { NULL, NULL };
	const struct support_deploy_entry entries[] = {
		{ "appdata-name", "Notes", 's' },
		{ "timestamp", "12345678", 't' },
		{ "appdata-version", "3.4.1", 's' },
		{ "appdata-summary", "Write things down", 's' },
		{ "previous-ids", "org.old.Notes", 'a' },
	};

	/* Large enough for offsets of two bytes. */
	support_deploy(&blob,
		       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		       entries, 5);
	ck_assert_uint_gt(blob.len, 255);
	ck_assert_ok(flatpak_deploy_parse(blob.data, blob.len, &d, &err), &err);
	ck_assert_str_eq(d.version, "3.4.1");
	ck_assert_str_eq(d.summary, "Write things down");
	buf_clear(&blob);
	support_deploy(&blob, "abc", entries, 1);
	ck_assert_ok(flatpak_deploy_parse(blob.data, blob.len, &e, &err), &err);
	ck_assert_ptr_null(e.version);
	ck_assert_str_eq(e.summary, "Notes");
}

END_TEST

START_TEST(deploy_of_large_values_is_read)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf blob = BUF_INIT;
	_cleanup_(flatpak_deploy_done) struct flatpak_deploy d = { NULL, NULL };
	_cleanup_free_ char *large = malloc(70001);
	struct support_deploy_entry entries[] = {
		{ "appdata-summary", large, 's' },
		{ "appdata-version", "5", 's' },
	};

	memset(large, 'x', 70000);
	large[70000] = '\0';
	support_deploy(&blob, "abc", entries, 2);
	ck_assert_ok(flatpak_deploy_parse(blob.data, blob.len, &d, &err), &err);
	ck_assert_str_eq(d.version, "5");
	ck_assert_uint_eq(strlen(d.summary), 70000);
}

END_TEST

START_TEST(deploy_without_entries_says_nothing)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf blob = BUF_INIT;
	_cleanup_(flatpak_deploy_done) struct flatpak_deploy d = { NULL, NULL };

	support_deploy(&blob, "abc", NULL, 0);
	ck_assert_ok(flatpak_deploy_parse(blob.data, blob.len, &d, &err), &err);
	ck_assert_ptr_null(d.version);
	ck_assert_ptr_null(d.summary);
}

END_TEST

START_TEST(deploy_takes_only_strings_for_strings)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf blob = BUF_INIT;
	_cleanup_(flatpak_deploy_done) struct flatpak_deploy d = { NULL, NULL };
	const struct support_deploy_entry entries[] = { { "appdata-version", "12345678",
							  't' } };

	support_deploy(&blob, "abc", entries, 1);
	ck_assert_ok(flatpak_deploy_parse(blob.data, blob.len, &d, &err), &err);
	ck_assert_ptr_null(d.version);
}

END_TEST

START_TEST(deploy_refuses_what_does_not_fit)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *huge = calloc(1, FLATPAK_DEPLOY_MAX + 1);
	static const char text[] = "[Application]\nname=org.x.X\n";
	struct flatpak_deploy d = { NULL, NULL };

	ck_assert_fails(flatpak_deploy_parse("", 0, &d, &err), &err, ERR_CORRUPT,
			"not the record of a deployment");
	ck_assert_fails(flatpak_deploy_parse("ab", 2, &d, &err), &err, ERR_CORRUPT,
			"not the record of a deployment");
	ck_assert_fails(flatpak_deploy_parse(text, sizeof(text) - 1, &d, &err), &err,
			ERR_CORRUPT, "not the record of a deployment");
	ck_assert_fails(flatpak_deploy_parse(huge, FLATPAK_DEPLOY_MAX + 1, &d, &err),
			&err, ERR_CORRUPT, "more than 4194304 bytes");
	ck_assert_ptr_null(d.version);
}

END_TEST

/* Each byte of a record changed to each value, and each length: never a read outside,
 * which the copy of just that size would show under the sanitizers. */
START_TEST(deploy_survives_every_changed_byte)
{
	_cleanup_(buf_done) struct buf blob = BUF_INIT;
	const struct support_deploy_entry entries[] = {
		{ "appdata-version", "3.4", 's' },
		{ "appdata-summary", "S", 's' },
	};
	size_t n_good = 0;

	support_deploy(&blob, "abc", entries, 2);
	for (size_t i = 0; i < blob.len; i++) {
		for (int v = -1; v < 256; v += v < 0 ? 1 : 5) {
			_cleanup_(err_clear) struct err err = ERR_INIT;
			_cleanup_(flatpak_deploy_done) struct flatpak_deploy d = { NULL,
										   NULL };
			size_t n = v < 0 ? i : blob.len;
			_cleanup_free_ char *copy = malloc(n ? n : 1);

			memcpy(copy, blob.data, n);
			if (v >= 0)
				copy[i] = (char)v;
			if (flatpak_deploy_parse(copy, n, &d, &err) == 0)
				n_good++;
			else
				ck_assert_int_eq(err.kind, ERR_CORRUPT);
		}
	}
	ck_assert_uint_gt(n_good, 0);
}

END_TEST

Suite *suite_flatpak_deploy(void)
{
	Suite *s = suite_create("flatpak_deploy");
	TCase *tc = support_tcase(s, "parse");

	tcase_add_test(tc, deploy_as_glib_writes_it_is_read);
	tcase_add_test(tc, deploy_of_the_builder_is_what_glib_writes);
	tcase_add_test(tc, deploy_gives_version_and_summary);
	tcase_add_test(tc, deploy_of_large_values_is_read);
	tcase_add_test(tc, deploy_without_entries_says_nothing);
	tcase_add_test(tc, deploy_takes_only_strings_for_strings);
	tcase_add_test(tc, deploy_refuses_what_does_not_fit);
	tcase_add_test(tc, deploy_survives_every_changed_byte);
	return s;
}
