/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/tar_read.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/support_tar.h"

#define BLOCK 512

START_TEST(tar_read_refuses_illegal_paths)
{
	static const char *const paths[] = {
		"/etc/passwd", "../x",      "common/../../x",
		"common/./x",  "common//x", ".",
		"./common/x",  "",          "/",
		"common/..",   "..",        "common/x//",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

		tar_add(&t, (struct tar_item){ .name = paths[i], .type = '5' });
		tar_end(&t);
		ck_assert_tar_refused(&t, ERR_CORRUPT, "illegal path");
	}
}

END_TEST

START_TEST(tar_read_refuses_illegal_link_targets)
{
	_cleanup_(tar_bytes_done) struct tar_bytes up = TAR_BYTES;
	_cleanup_(tar_bytes_done) struct tar_bytes absolute = TAR_BYTES;
	_cleanup_(tar_bytes_done) struct tar_bytes empty = TAR_BYTES;

	tar_add(&up, (struct tar_item){ .name = "common/h",
					.type = '1',
					.link = "../../etc/shadow" });
	ck_assert_tar_refused(&up, ERR_CORRUPT, "illegal target");
	tar_add(&absolute, (struct tar_item){ .name = "common/h",
					      .type = '1',
					      .link = "/etc/shadow" });
	ck_assert_tar_refused(&absolute, ERR_CORRUPT, "illegal target");
	tar_add(&empty, (struct tar_item){ .name = "common/l", .type = '2' });
	ck_assert_tar_refused(&empty, ERR_CORRUPT, "no target");
}

END_TEST

START_TEST(tar_read_refuses_a_wrong_checksum)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	size_t at;

	tar_dir(&t, "common");
	at = tar_header(&t, (struct tar_item){ .name = "common/a", .type = '0' });
	t.buf.data[at + 3] ^= 1;
	tar_end(&t);
	ck_assert_tar_refused(&t, ERR_CORRUPT,
			      "damaged at byte 512: header checksum is wrong");
}

END_TEST

START_TEST(tar_read_refuses_every_cut)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	size_t whole;

	tar_pax(&t, 'g', "uid", "5", NULL);
	tar_dir(&t, "common");
	tar_pax(&t, 'x', "path", "common/long", "GNU.sparse.major", "1",
		"GNU.sparse.minor", "0", "GNU.sparse.realsize", "5000", NULL);
	tar_header(&t, (struct tar_item){ .name = "x", .type = '0', .size = 512 + 3 });
	tar_data(&t, "1\n4096\n3\n", 9);
	tar_data(&t, "abc", 3);
	tar_header(&t, (struct tar_item){ .name = "l", .type = 'L', .size = 9 });
	tar_data(&t, "common/l", 9);
	tar_file(&t, "x", "0123456789");
	tar_end(&t);
	whole = t.buf.len;
	for (size_t n = 0; n < whole; n++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(buf_done) struct buf got = BUF_INIT;

		t.buf.len = n;
		tar_bytes_rewind(&t, 0);
		ck_assert_fails(tar_read_all(&t, &got, &err), &err, ERR_CORRUPT,
				"cut short");
		if (n % BLOCK == 0)
			ck_assert_tar_refused(&t, ERR_CORRUPT, "cut short");
	}
	t.buf.len = whole;
	ck_assert_tar_reads(&t,
			    "1 common 0755 5:0 -:- 0.000000000 0\n"
			    "0 common/long 0644 5:0 -:- 0.000000000 5000\n  4096+abc\n"
			    "0 common/l 0644 5:0 -:- 0.000000000 10\n  0+0123456789\n");
}

END_TEST

START_TEST(tar_read_refuses_a_lone_zero_block)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	char zeros[BLOCK] = { 0 };

	tar_dir(&t, "common");
	tar_data(&t, zeros, BLOCK);
	tar_file(&t, "common/f", "hidden");
	tar_end(&t);
	ck_assert_tar_refused(&t, ERR_CORRUPT, "lone zero block");
}

END_TEST

START_TEST(tar_read_refuses_what_follows_the_end)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_dir(&t, "common");
	tar_end(&t);
	tar_end(&t);
	tar_file(&t, "common/f", "hidden");
	tar_end(&t);
	ck_assert_tar_refused(&t, ERR_CORRUPT, "goes on after its end");
}

END_TEST

START_TEST(tar_read_refuses_unknown_types_by_name)
{
	static const char types[] = "DMVNAXI8s";

	for (size_t i = 0; types[i]; i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
		char expected[] = "unknown type \"?\"";

		expected[14] = types[i];
		tar_add(&t, (struct tar_item){ .name = "common/x", .type = types[i] });
		tar_end(&t);
		ck_assert_tar_refused(&t, ERR_UNSUPPORTED, expected);
	}
}

END_TEST

START_TEST(tar_read_refuses_sizes_on_what_has_no_data)
{
	static const char types[] = "123456";

	for (size_t i = 0; types[i]; i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

		tar_add(&t, (struct tar_item){ .name = "common/x",
					       .link = "common/y",
					       .type = types[i],
					       .data = "x" });
		tar_end(&t);
		ck_assert_tar_refused(&t, ERR_CORRUPT, "has a size, but is not a file");
	}
}

END_TEST

START_TEST(tar_read_refuses_a_file_with_a_slash_and_data)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_file(&t, "common/x/", "data");
	tar_end(&t);
	ck_assert_tar_refused(&t, ERR_CORRUPT, "has a size, but is not a file");
}

END_TEST

START_TEST(tar_read_refuses_numbers_out_of_range)
{
	static const struct {
		size_t at, n;
		const char *bytes, *part;
	} cases[] = {
		{ 108, 8, "\x80\0\0\0\xff\xff\xff\xff", "user number out of range" },
		{ 116, 8, "\x80\0\0\1\0\0\0\0", "group number out of range" },
		{ 108, 8, "\xff\xff\xff\xff\xff\xff\xff\xff",
		  "user number out of range" },
		{ 124, 12, "\x80\0\0\0\x80\0\0\0\0\0\0\0", "malformed size" },
		{ 124, 12, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		  "size out of range" },
		{ 124, 12, "\x80\xff\0\0\0\0\0\0\0\0\0\0", "malformed size" },
		{ 124, 12, "0000000000a\0", "malformed size" },
		{ 124, 12, "-0000000001\0", "malformed size" },
		{ 100, 8, "0000\t00\0", "malformed mode" },
		{ 136, 12, "99999999999\0", "malformed time" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

		tar_header(&t, (struct tar_item){ .name = "common/x", .type = '0' });
		memcpy(t.buf.data + cases[i].at, cases[i].bytes, cases[i].n);
		tar_checksum(t.buf.data);
		tar_end(&t);
		ck_assert_tar_refused(&t, ERR_CORRUPT, cases[i].part);
	}
}

END_TEST

START_TEST(tar_read_refuses_a_huge_size_as_cut_short)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_add(&t,
		(struct tar_item){ .name = "common/x", .type = '0', .size = INT64_MAX });
	tar_end(&t);
	ck_assert_tar_refused(&t, ERR_CORRUPT, "cut short");
}

END_TEST

START_TEST(tar_read_refuses_lying_pax_records)
{
	static const char *const records[] = {
		"5 a=b\n", /* one byte too short */
		"7 a=b\n", /* one too long */
		"99 a=b\n",
		"0 a=b\n",
		"6 a=bX", /* no newline */
		"6  a=b",
		"-6 a=b\n",
		"6a=b\n\n",
		"99999999999999999999999 a=b\n",
		"18446744073709551622 a=b\n",
		"4 a\n",
		"5 =b\n",
		" 6 a=b\n",
		"\n",
		"6 a=b\n6",
	};

	for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

		tar_add(&t, (struct tar_item){
				    .name = "pax", .type = 'x', .data = records[i] });
		tar_file(&t, "common/f", "x");
		tar_end(&t);
		ck_assert_tar_refused(&t, ERR_CORRUPT, "malformed record");
	}
}

END_TEST

START_TEST(tar_read_refuses_bad_pax_values)
{
	static const struct {
		const char *key, *value, *part;
	} cases[] = {
		{ "size", "-1", "no number" },
		{ "size", "18446744073709551616", "no number" },
		{ "size", "9223372036854775808", "size is out of range" },
		{ "size", "1x", "no number" },
		{ "size", "", "no number" },
		{ "uid", "4294967295", "out of range" },
		{ "gid", "-1", "no number" },
		{ "mtime", "1e9", "no time" },
		{ "mtime", "1.x", "no time" },
		{ "mtime", "", "no time" },
		{ "mtime", "9223372036854775808", "no time" },
		{ "path", "", "illegal path" },
		{ "path", "/abs", "illegal path" },
		{ "path", "common/../x", "illegal path" },
		{ "SCHILY.xattr.", "x", "not legal" },
		{ "GNU.sparse.numbytes", "5", "sparse map is malformed" },
		{ "GNU.sparse.map", "1,2,3", "odd number" },
		{ "GNU.sparse.map", "1,,3", "malformed number" },
		{ "GNU.sparse.offset", "5", "no right size" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

		tar_pax(&t, 'x', cases[i].key, cases[i].value, NULL);
		tar_file(&t, "common/f", "x");
		tar_end(&t);
		ck_assert_tar_refused(&t, ERR_CORRUPT, cases[i].part);
	}
}

END_TEST

START_TEST(tar_read_refuses_nul_in_names)
{
	_cleanup_(tar_bytes_done) struct tar_bytes pax = TAR_BYTES;
	_cleanup_(tar_bytes_done) struct tar_bytes gnu = TAR_BYTES;

	tar_header(&pax, (struct tar_item){ .name = "pax", .type = 'x', .size = 19 });
	tar_data(&pax, "19 path=common/a\0b\n", 19);
	tar_file(&pax, "common/f", "x");
	tar_end(&pax);
	ck_assert_tar_refused(&pax, ERR_CORRUPT, "holds a NUL");
	tar_header(&gnu, (struct tar_item){ .name = "l", .type = 'L', .size = 11 });
	tar_data(&gnu, "common/a\0b", 11);
	tar_file(&gnu, "common/f", "x");
	tar_end(&gnu);
	ck_assert_tar_refused(&gnu, ERR_CORRUPT, "holds a NUL");
}

END_TEST

START_TEST(tar_read_refuses_oversized_extended_headers)
{
	static const char types[] = "xgLK";

	for (size_t i = 0; types[i]; i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

		tar_header(&t, (struct tar_item){ .name = "big",
						  .type = types[i],
						  .size = (2u << 20) + 1 });
		tar_end(&t);
		ck_assert_tar_refused(&t, ERR_CORRUPT, "is too long");
	}
}

END_TEST

START_TEST(tar_read_refuses_paths_over_the_limit)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	size_t n = ENTRY_PATH_MAX + 1;
	char *name = malloc(n + 1);

	ck_assert_ptr_nonnull(name);
	memset(name, 'a', n);
	name[n] = '\0';
	tar_header(&t, (struct tar_item){ .name = "l", .type = 'L', .size = n + 1 });
	tar_data(&t, name, n + 1);
	free(name);
	tar_file(&t, "x", "x");
	tar_end(&t);
	ck_assert_tar_refused(&t, ERR_CORRUPT, "illegal path");
}

END_TEST

START_TEST(tar_read_refuses_extended_headers_that_do_not_fit_together)
{
	_cleanup_(tar_bytes_done) struct tar_bytes twice = TAR_BYTES;
	_cleanup_(tar_bytes_done) struct tar_bytes both = TAR_BYTES;
	_cleanup_(tar_bytes_done) struct tar_bytes lone = TAR_BYTES;
	_cleanup_(tar_bytes_done) struct tar_bytes names = TAR_BYTES;

	tar_pax(&twice, 'x', "uid", "1", NULL);
	tar_pax(&twice, 'x', "uid", "2", NULL);
	tar_file(&twice, "common/f", "x");
	ck_assert_tar_refused(&twice, ERR_CORRUPT, "two extended headers");

	tar_header(&both, (struct tar_item){ .name = "l", .type = 'L', .size = 9 });
	tar_data(&both, "common/l", 9);
	tar_pax(&both, 'x', "uid", "2", NULL);
	tar_file(&both, "common/f", "x");
	ck_assert_tar_refused(&both, ERR_CORRUPT, "two extended headers");

	tar_dir(&lone, "common");
	tar_pax(&lone, 'x', "uid", "2", NULL);
	tar_end(&lone);
	ck_assert_tar_refused(&lone, ERR_CORRUPT, "without an entry");

	for (int i = 0; i < 2; i++) {
		tar_header(&names,
			   (struct tar_item){ .name = "l", .type = 'L', .size = 9 });
		tar_data(&names, "common/l", 9);
	}
	tar_file(&names, "common/f", "x");
	ck_assert_tar_refused(&names, ERR_CORRUPT, "two long names");
}

END_TEST

START_TEST(tar_read_refuses_global_headers_about_everything)
{
	static const char *const keys[] = { "path",
					    "linkpath",
					    "size",
					    "GNU.sparse.map",
					    "SCHILY.xattr.user.a",
					    "SCHILY.acl.access" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

		tar_pax(&t, 'g', keys[i], "1", NULL);
		tar_file(&t, "common/f", "x");
		tar_end(&t);
		ck_assert_tar_refused(&t, ERR_UNSUPPORTED, "for all entries at once");
	}
}

END_TEST

START_TEST(tar_read_refuses_other_character_sets)
{
	_cleanup_(tar_bytes_done) struct tar_bytes bad = TAR_BYTES;
	_cleanup_(tar_bytes_done) struct tar_bytes good = TAR_BYTES;

	tar_pax(&bad, 'x', "hdrcharset", "ISO-IR 8859 1 1998", NULL);
	tar_file(&bad, "common/f", "x");
	tar_end(&bad);
	ck_assert_tar_refused(&bad, ERR_UNSUPPORTED, "character set");
	tar_pax(&good, 'x', "hdrcharset", "BINARY", NULL);
	tar_add(&good, (struct tar_item){ .name = "common/p", .type = '6' });
	tar_end(&good);
	ck_assert_tar_reads(&good, "4 common/p 0644 0:0 -:- 0.000000000 0\n");
}

END_TEST

START_TEST(tar_read_passes_on_errors_of_the_source)
{
	struct fd_source source = { .fd = -1 };
	_cleanup_(tar_reader_freep) struct tar_reader *r = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct entry *e;

	ck_assert_ok(tar_reader_new(fd_source_read, &source, &r, &err), &err);
	ck_assert_fails(tar_read_next(r, &e, &err), &err, ERR_IO, "Bad file descriptor");
}

END_TEST

START_TEST(tar_read_refuses_too_many_attributes)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(buf_done) struct buf records = BUF_INIT;
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (int i = 0; i < 4097; i++)
		ck_assert_ok(buf_printf(&records, &err, "27 SCHILY.xattr.user.%04d=\n",
					i % 10000),
			     &err);
	tar_header(&t,
		   (struct tar_item){ .name = "pax", .type = 'x', .size = records.len });
	tar_data(&t, records.data, records.len);
	tar_file(&t, "common/f", "x");
	tar_end(&t);
	ck_assert_tar_refused(&t, ERR_CORRUPT, "more than 4096 extended attributes");
}

END_TEST

Suite *suite_tar_read_refuses(void)
{
	Suite *s = suite_create("tar_read_refuses");
	TCase *tc = support_tcase(s, "streams");

	tcase_add_test(tc, tar_read_passes_on_errors_of_the_source);
	tcase_add_test(tc, tar_read_refuses_illegal_paths);
	tcase_add_test(tc, tar_read_refuses_illegal_link_targets);
	tcase_add_test(tc, tar_read_refuses_a_wrong_checksum);
	tcase_add_test(tc, tar_read_refuses_every_cut);
	tcase_add_test(tc, tar_read_refuses_a_lone_zero_block);
	tcase_add_test(tc, tar_read_refuses_what_follows_the_end);
	tcase_add_test(tc, tar_read_refuses_unknown_types_by_name);
	tcase_add_test(tc, tar_read_refuses_sizes_on_what_has_no_data);
	tcase_add_test(tc, tar_read_refuses_a_file_with_a_slash_and_data);
	tcase_add_test(tc, tar_read_refuses_numbers_out_of_range);
	tcase_add_test(tc, tar_read_refuses_a_huge_size_as_cut_short);
	tcase_add_test(tc, tar_read_refuses_lying_pax_records);
	tcase_add_test(tc, tar_read_refuses_bad_pax_values);
	tcase_add_test(tc, tar_read_refuses_nul_in_names);
	tcase_add_test(tc, tar_read_refuses_oversized_extended_headers);
	tcase_add_test(tc, tar_read_refuses_paths_over_the_limit);
	tcase_add_test(tc, tar_read_refuses_extended_headers_that_do_not_fit_together);
	tcase_add_test(tc, tar_read_refuses_global_headers_about_everything);
	tcase_add_test(tc, tar_read_refuses_other_character_sets);
	tcase_add_test(tc, tar_read_refuses_too_many_attributes);
	return s;
}
