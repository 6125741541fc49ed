/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/tar_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/tree/tar_read.h"
#include "tests/unit/support.h"

static struct buf out;
static struct entry e;

static void setup(void)
{
	out = (struct buf)BUF_INIT;
	entry_init(&e);
	e.mode = 0644;
}

static void teardown(void)
{
	buf_done(&out);
	entry_done(&e);
}

static void set_path(const char *path)
{
	free(e.path);
	e.path = strdup(path);
}

static void write_header(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	buf_clear(&out);
	ck_assert_ok(tar_write_header(&out, &e, &err), &err);
	ck_assert_uint_eq(out.len % TAR_BLOCK, 0);
}

/* The records of the extended header, or "" where there is none. */
static const char *records(void)
{
	static char text[65536];
	size_t n;

	if (out.len == TAR_BLOCK)
		return "";
	ck_assert_int_eq(out.data[156], 'x');
	n = strtoul(out.data + 124, NULL, 8);
	ck_assert_uint_lt(n, sizeof(text));
	memcpy(text, out.data + TAR_BLOCK, n);
	text[n] = '\0';
	return text;
}

/* The entry's own header block: the last, unless there is a map. */
static const char *header(void)
{
	size_t n = strlen(records());

	return out.data + (n ? TAR_BLOCK + n + tar_padding(n) : 0);
}

START_TEST(what_fits_ustar_has_one_block)
{
	static const char want[] = "0000644\0" /* mode */
				   "0003721\0"
				   "7777777\0"
				   "00000000017\0"
				   "14000000000\0";

	set_path("common/a/file");
	e.uid = 2001;
	e.gid = 2097151;
	e.user = strdup("0123456789012345678901234567890");
	e.group = strdup("users");
	e.mtime.tv_sec = 014000000000;
	e.size = e.stored = 15;
	write_header();
	ck_assert_uint_eq(out.len, TAR_BLOCK);
	ck_assert_str_eq(out.data, "common/a/file");
	ck_assert_mem_eq(out.data + 100, want, sizeof(want) - 1);
	ck_assert_int_eq(out.data[156], '0');
	ck_assert_mem_eq(out.data + 257, "ustar\00000", 8);
	ck_assert_str_eq(out.data + 265, "0123456789012345678901234567890");
	ck_assert_str_eq(out.data + 297, "users");
}

END_TEST

START_TEST(a_directory_ends_in_a_slash)
{
	e.type = ENTRY_DIR;
	e.mode = 01777;
	set_path("7");
	write_header();
	ck_assert_str_eq(out.data, "7/");
	ck_assert_int_eq(out.data[156], '5');
	ck_assert_mem_eq(out.data + 100, "0001777", 8);
	ck_assert_uint_eq(out.len, TAR_BLOCK);
}

END_TEST

/* A path of `prefix` letters, a slash, and `name` letters. */
static void set_long_path(size_t prefix, size_t name)
{
	char path[1000];

	memset(path, 'p', prefix);
	path[prefix] = '/';
	memset(path + prefix + 1, 'n', name);
	path[prefix + 1 + name] = '\0';
	set_path(path);
}

START_TEST(long_paths_are_cut_at_a_slash)
{
	static const struct {
		enum entry_type type;
		size_t prefix, name;
		bool fits;
	} paths[] = {
		{ ENTRY_FILE, 49, 50, true },    { ENTRY_FILE, 50, 50, true },
		{ ENTRY_FILE, 155, 100, true },  { ENTRY_FILE, 156, 99, false },
		{ ENTRY_FILE, 155, 101, false }, { ENTRY_DIR, 155, 99, true },
		{ ENTRY_DIR, 155, 100, false },  { ENTRY_FILE, 1, 100, true },
		{ ENTRY_FILE, 1, 101, false },
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		e.type = paths[i].type;
		set_long_path(paths[i].prefix, paths[i].name);
		write_header();
		ck_assert_msg((out.len == TAR_BLOCK) == paths[i].fits, "%zu/%zu",
			      paths[i].prefix, paths[i].name);
		if (!paths[i].fits)
			ck_assert_ptr_nonnull(strstr(records(), e.path));
		else if (paths[i].prefix + paths[i].name + (e.type == ENTRY_DIR) >= 100)
			ck_assert_mem_eq(out.data + 345, e.path, paths[i].prefix);
	}
}

END_TEST

START_TEST(directories_keep_their_slash_in_records)
{
	e.type = ENTRY_DIR;
	set_long_path(0, 300);
	e.path[0] = 'x';
	write_header();
	ck_assert_ptr_nonnull(strstr(records(), "n/\n"));
}

END_TEST

START_TEST(records_count_their_own_digits)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	set_path("f");
	/* "NN SCHILY.xattr.user.a=" and a newline take 22 bytes besides the digits. */
	for (size_t n = 0; n < 1200; n++) {
		char value[1200] = { 0 };
		size_t told;
		const char *text;

		entry_done(&e);
		set_path("f");
		memset(value, 'v', n);
		ck_assert_ok(entry_add_xattr(&e, "user.a", value, n, &err), &err);
		write_header();
		text = records();
		told = strtoul(text, NULL, 10);
		ck_assert_uint_eq(told, strlen(text));
	}
}

END_TEST

START_TEST(times_are_decimal_fractions)
{
	static const struct {
		struct timespec t;
		const char *record, *field;
	} times[] = {
		{ { 0, 0 }, "", "00000000000" },
		{ { 1, 500000000 }, "13 mtime=1.5\n", "00000000001" },
		{ { 1700000000, 123456789 },
		  "30 mtime=1700000000.123456789\n",
		  "14524770400" },
		{ { 0, 1 }, "21 mtime=0.000000001\n", "00000000000" },
		{ { 5, 120000000 }, "14 mtime=5.12\n", "00000000005" },
		{ { -1, 0 }, "12 mtime=-1\n", "00000000000" },
		{ { -2, 750000000 }, "15 mtime=-1.25\n", "00000000000" },
		{ { -1, 500000000 }, "14 mtime=-0.5\n", "00000000000" },
		{ { 077777777777, 0 }, "", "77777777777" },
		{ { 0100000000000, 0 }, "20 mtime=8589934592\n", "77777777777" },
		{ { INT64_MIN, 0 }, "30 mtime=-9223372036854775808\n", "00000000000" },
	};

	set_path("f");
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		e.mtime = times[i].t;
		write_header();
		ck_assert_str_eq(records(), times[i].record);
		ck_assert_str_eq(header() + 136, times[i].field);
	}
}

END_TEST

START_TEST(records_stand_in_a_fixed_order)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char path[400], target[200];

	memset(path, 'p', sizeof(path));
	memset(target, 't', sizeof(target));
	path[sizeof(path) - 1] = target[sizeof(target) - 1] = '\0';
	e.type = ENTRY_HARDLINK;
	set_path(path);
	e.target = strdup(target);
	e.uid = 2097152;
	e.gid = 4294967294;
	e.user = strdup("a-name-of-exactly-32-characters!");
	e.group = strdup("gr\xff\xfeup");
	e.mtime.tv_nsec = 1;
	e.acl_access = strdup("user::rwx");
	e.acl_default = strdup("group::rwx");
	ck_assert_ok(entry_add_xattr(&e, "user.50%=x", "1\0\n2", 4, &err), &err);
	write_header();
	const char *text = records();
	size_t n = strlen(text);

	ck_assert_ptr_eq(strstr(text, "path="), text + 4);
	static const char *const keys[] = {
		"linkpath=ttt",         "uid=2097152\n",
		"gid=4294967294\n",     "uname=a-name-of-ex",
		"mtime=0.000000001\n",  "SCHILY.acl.access=user::rwx\n",
		"SCHILY.acl.default=g", "SCHILY.xattr.user.50%25%3Dx=1",
	};
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		ck_assert_msg(strstr(text, keys[i]) != NULL, "%s", keys[i]);
		text = strstr(text, keys[i]);
	}
	ck_assert_mem_eq(text + strlen("SCHILY.xattr.user.50%25%3Dx="), "1\0\n2\n", 5);
	ck_assert_ptr_null(strstr(records(), "gname"));
	ck_assert_uint_gt(n, 600);
}

END_TEST

START_TEST(sizes_over_eight_gigabytes_have_a_record)
{
	set_path("f");
	e.size = e.stored = 077777777777;
	write_header();
	ck_assert_uint_eq(out.len, TAR_BLOCK);
	e.size = e.stored = 0100000000000;
	write_header();
	ck_assert_str_eq(records(), "19 size=8589934592\n");
	ck_assert_str_eq(header() + 124, "77777777777");
}

END_TEST

START_TEST(sparse_maps_end_with_the_size)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	set_path("dir/sparse");
	e.size = 1 << 20;
	ck_assert_ok(entry_add_extent(&e, 4096, 100, &err), &err);
	ck_assert_ok(entry_add_extent(&e, 8192, 50, &err), &err);
	e.stored = 150;
	write_header();
	ck_assert_str_eq(records(), "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
				    "30 GNU.sparse.name=dir/sparse\n"
				    "31 GNU.sparse.realsize=1048576\n");
	ck_assert_str_eq(header(), "GNUSparseFile.0/sparse");
	ck_assert_str_eq(header() + 124, "00000001226"); /* the map's block and 150 */
	ck_assert_str_eq(header() + TAR_BLOCK, "3\n4096\n100\n8192\n50\n1048576\n0\n");
	ck_assert_uint_eq(out.len, 4 * TAR_BLOCK);
}

END_TEST

START_TEST(a_hole_alone_has_a_map_too)
{
	set_path("hole");
	e.size = 12345678;
	e.sparse = true;
	write_header();
	ck_assert_str_eq(header() + TAR_BLOCK, "1\n12345678\n0\n");
	ck_assert_str_eq(header() + 124, "00000001000");
}

END_TEST

START_TEST(devices_have_numbers)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	set_path("dev");
	e.type = ENTRY_BLOCK;
	e.major = 8;
	e.minor = 1048575;
	write_header();
	ck_assert_int_eq(out.data[156], '4');
	ck_assert_str_eq(out.data + 329, "0000010");
	ck_assert_str_eq(out.data + 337, "3777777");
	e.minor = 2097152;
	ck_assert_fails(tar_write_header(&out, &e, &err), &err, ERR_UNSUPPORTED,
			"too large for tar");
}

END_TEST

/* Gives out the buffer. */
static ssize_t source(void *ctx, const void **ret, size_t max, struct err *err)
{
	size_t *at = ctx, n = out.len - *at;

	(void)err;
	*ret = out.data + *at;
	n = n < max ? n : max;
	*at += n;
	return (ssize_t)n;
}

START_TEST(what_is_written_is_read_back)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(tar_reader_freep) struct tar_reader *t = NULL;
	static const char zeros[TAR_END_SIZE];
	const struct entry *got;
	size_t at = 0;

	set_long_path(300, 200);
	e.uid = 3000000;
	e.gid = 7;
	e.user = strdup("someone with a name of more than 32 bytes");
	e.mtime = (struct timespec){ -5, 250000000 };
	e.size = (uint64_t)20 << 30;
	ck_assert_ok(entry_add_extent(&e, (uint64_t)10 << 30, 512, &err), &err);
	e.stored = 512;
	e.acl_access = strdup("user::rw-,user:x:r--:5,group::r--,mask::r--,other::r--");
	ck_assert_ok(entry_add_xattr(&e, "user.%=", "\0\n=", 3, &err), &err);
	write_header();
	ck_assert_ok(buf_add(&out, zeros, 512, &err), &err);
	ck_assert_ok(buf_add(&out, zeros, sizeof(zeros), &err), &err);

	ck_assert_ok(tar_reader_new(source, &at, &t, &err), &err);
	ck_assert_ok(tar_read_next(t, &got, &err), &err);
	ck_assert_str_eq(got->path, e.path);
	ck_assert_uint_eq(got->uid, e.uid);
	ck_assert_str_eq(got->user, e.user);
	ck_assert_int_eq(got->mtime.tv_sec, -5);
	ck_assert_int_eq(got->mtime.tv_nsec, 250000000);
	ck_assert_uint_eq(got->size, e.size);
	ck_assert_uint_eq(got->n_extents, 1);
	ck_assert_uint_eq(got->extents[0].offset, e.extents[0].offset);
	ck_assert_str_eq(got->acl_access, e.acl_access);
	ck_assert_uint_eq(got->n_xattrs, 1);
	ck_assert_str_eq(got->xattrs[0].name, "user.%=");
	ck_assert_mem_eq(got->xattrs[0].value, "\0\n=", 3);
	ck_assert_int_eq(tar_read_next(t, &got, &err), 0);
}

END_TEST

START_TEST(padding_fills_the_block)
{
	ck_assert_uint_eq(tar_padding(0), 0);
	ck_assert_uint_eq(tar_padding(1), 511);
	ck_assert_uint_eq(tar_padding(512), 0);
	ck_assert_uint_eq(tar_padding(UINT64_MAX), 1);
}

END_TEST

Suite *suite_tar_write(void)
{
	Suite *s = suite_create("tar_write");
	TCase *tc = support_tcase(s, "headers");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_fits_ustar_has_one_block);
	tcase_add_test(tc, a_directory_ends_in_a_slash);
	tcase_add_test(tc, long_paths_are_cut_at_a_slash);
	tcase_add_test(tc, directories_keep_their_slash_in_records);
	tcase_add_test(tc, records_count_their_own_digits);
	tcase_add_test(tc, times_are_decimal_fractions);
	tcase_add_test(tc, records_stand_in_a_fixed_order);
	tcase_add_test(tc, sizes_over_eight_gigabytes_have_a_record);
	tcase_add_test(tc, sparse_maps_end_with_the_size);
	tcase_add_test(tc, a_hole_alone_has_a_map_too);
	tcase_add_test(tc, devices_have_numbers);
	tcase_add_test(tc, what_is_written_is_read_back);
	tcase_add_test(tc, padding_fills_the_block);
	return s;
}
