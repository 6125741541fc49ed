/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/tar_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"
#include "tests/unit/support_tar.h"

#define BLOCK 512

START_TEST(tar_read_reads_every_type_of_ustar)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_add(&t, (struct tar_item){ .name = "common/",
				       .type = '5',
				       .mode = 01777,
				       .uid = 1000,
				       .gid = 100,
				       .user = "alice",
				       .group = "users",
				       .mtime = 1234567890 });
	tar_file(&t, "common/f", "hello");
	tar_add(&t, (struct tar_item){ .name = "common/c", .type = '7', .data = "x" });
	tar_add(&t, (struct tar_item){ .name = "common/l", .type = '2', .link = "/a/b" });
	tar_add(&t,
		(struct tar_item){ .name = "common/h", .type = '1', .link = "common/f" });
	tar_add(&t, (struct tar_item){ .name = "common/p", .type = '6' });
	tar_add(&t, (struct tar_item){ .name = "common/e", .type = '\0' });
	tar_end(&t);
	ck_assert_tar_reads(&t,
			    "1 common 1777 1000:100 alice:users 1234567890.000000000 0\n"
			    "0 common/f 0644 0:0 -:- 0.000000000 5\n  0+hello\n"
			    "0 common/c 0644 0:0 -:- 0.000000000 1\n  0+x\n"
			    "2 common/l -> /a/b 0644 0:0 -:- 0.000000000 0\n"
			    "3 common/h -> common/f 0644 0:0 -:- 0.000000000 0\n"
			    "4 common/p 0644 0:0 -:- 0.000000000 0\n"
			    "0 common/e 0644 0:0 -:- 0.000000000 0\n");
}

END_TEST

START_TEST(tar_read_reads_devices)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(tar_reader_freep) struct tar_reader *r = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct entry *e;

	tar_add(&t, (struct tar_item){
			    .name = "common/n", .type = '3', .major = 1, .minor = 3 });
	tar_add(&t, (struct tar_item){ .name = "common/b",
				       .type = '4',
				       .major = 259,
				       .minor = 9999999 });
	tar_end(&t);
	ck_assert_ok(tar_reader_new(tar_bytes_source, &t, &r, &err), &err);
	ck_assert_int_eq(tar_read_next(r, &e, &err), 1);
	ck_assert(e->type == ENTRY_CHAR && e->major == 1 && e->minor == 3);
	ck_assert_int_eq(tar_read_next(r, &e, &err), 1);
	ck_assert(e->type == ENTRY_BLOCK && e->major == 259 && e->minor == 9999999);
	ck_assert_int_eq(tar_read_next(r, &e, &err), 0);
	ck_assert_int_eq(tar_read_next(r, &e, &err), 0);
}

END_TEST

START_TEST(tar_read_joins_prefix_and_name_of_ustar_only)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	char *block;
	size_t at;

	at = tar_header(&t, (struct tar_item){ .name = "dir/name", .type = '0' });
	block = t.buf.data + at;
	memcpy(block + 345, "common/long", 11);
	tar_checksum(block);
	at = tar_header(&t, (struct tar_item){ .name = "common/gnu",
					       .type = '0',
					       .magic = "ustar  " });
	block = t.buf.data + at;
	memcpy(block + 345, "14000000000", 11);
	tar_checksum(block);
	tar_end(&t);
	ck_assert_tar_reads(&t, "0 common/long/dir/name 0644 0:0 -:- 0.000000000 0\n"
				"0 common/gnu 0644 0:0 -:- 0.000000000 0\n");
}

END_TEST

START_TEST(tar_read_takes_names_that_fill_their_fields)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	char name[101], prefix[156], expected[600];
	size_t at;

	memset(name, 'n', 100);
	name[100] = '\0';
	memset(prefix, 'p', 155);
	prefix[155] = '\0';
	at = tar_header(&t, (struct tar_item){ .name = name, .type = '2', .link = name });
	memcpy(t.buf.data + at + 345, prefix, 155);
	tar_checksum(t.buf.data + at);
	tar_end(&t);
	snprintf(expected, sizeof(expected), "2 %s/%s -> %s 0644 0:0 -:- 0.000000000 0\n",
		 prefix, name, name);
	ck_assert_tar_reads(&t, expected);
}

END_TEST

START_TEST(tar_read_takes_v7_directories_by_their_slash)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_add(&t, (struct tar_item){
			    .name = "common/", .mode = 0700, .magic = "\0\0\0\0\0\0\0" });
	tar_add(&t, (struct tar_item){
			    .name = "common/f", .data = "7", .magic = "\0\0\0\0\0\0\0" });
	tar_end(&t);
	ck_assert_tar_reads(&t, "1 common 0700 0:0 -:- 0.000000000 0\n"
				"0 common/f 0644 0:0 -:- 0.000000000 1\n  0+7\n");
}

END_TEST

START_TEST(tar_read_takes_gnu_long_names)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	char name[301] = "common/", link[201], expected[900];

	memset(name + 7, 'x', 293);
	name[300] = '\0';
	memset(link, 'y', 200);
	link[200] = '\0';
	tar_header(&t, (struct tar_item){
			       .name = "././@LongLink", .type = 'K', .size = 201 });
	tar_data(&t, link, 201);
	tar_header(&t, (struct tar_item){
			       .name = "././@LongLink", .type = 'L', .size = 301 });
	tar_data(&t, name, 301);
	tar_add(&t, (struct tar_item){ .name = "cut", .type = '2', .link = "cut" });
	tar_file(&t, "common/next", "z");
	tar_end(&t);
	snprintf(expected, sizeof(expected),
		 "2 %s -> %s 0644 0:0 -:- 0.000000000 0\n"
		 "0 common/next 0644 0:0 -:- 0.000000000 1\n  0+z\n",
		 name, link);
	ck_assert_tar_reads(&t, expected);
}

END_TEST

START_TEST(tar_read_takes_what_pax_says)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_pax(&t, 'x', "path", "common/in pax", "uid", "4000000000", "gid", "3000000",
		"uname", "bob", "gname", "staff", "mtime", "-1.5", "comment", "none",
		"size", "3", NULL);
	tar_header(&t, (struct tar_item){ .name = "other", .type = '0', .uid = 7 });
	tar_data(&t, "abc", 3);
	tar_pax(&t, 'x', "mtime", "17.1234567891", "linkpath", "to/there", NULL);
	tar_add(&t, (struct tar_item){ .name = "common/l", .type = '2', .link = "no" });
	tar_file(&t, "common/after", "1");
	tar_end(&t);
	ck_assert_tar_reads(
		&t, "0 common/in pax 0644 4000000000:3000000 bob:staff -2.500000000 3\n"
		    "  0+abc\n"
		    "2 common/l -> to/there 0644 0:0 -:- 17.123456789 0\n"
		    "0 common/after 0644 0:0 -:- 0.000000000 1\n  0+1\n");
}

END_TEST

START_TEST(tar_read_applies_global_headers_until_they_change)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_pax(&t, 'g', "uid", "5", "uname", "eve", "mtime", "9", "comment", "x", NULL);
	tar_add(&t, (struct tar_item){ .name = "common/a", .type = '6', .uid = 1 });
	tar_pax(&t, 'x', "uid", "6", NULL);
	tar_add(&t, (struct tar_item){ .name = "common/b", .type = '6' });
	tar_pax(&t, 'g', "uid", "8", "uname", "", NULL);
	tar_add(&t, (struct tar_item){
			    .name = "common/c", .type = '6', .user = "own", .gid = 3 });
	tar_end(&t);
	ck_assert_tar_reads(&t, "4 common/a 0644 5:0 eve:- 9.000000000 0\n"
				"4 common/b 0644 6:0 eve:- 9.000000000 0\n"
				"4 common/c 0644 8:3 -:- 9.000000000 0\n");
}

END_TEST

START_TEST(tar_read_takes_attributes_from_pax)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(tar_reader_freep) struct tar_reader *r = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct entry *e;

	tar_pax(&t, 'x', "SCHILY.xattr.user.a%3Db%25c%41", "v=1\n2", "SCHILY.acl.access",
		"user::rw-,group::r--,other::---", "SCHILY.acl.default", "",
		"SCHILY.xattr.user.empty", "", "LIBARCHIVE.xattr.user.x", "abc", NULL);
	tar_file(&t, "common/f", "");
	tar_end(&t);
	ck_assert_ok(tar_reader_new(tar_bytes_source, &t, &r, &err), &err);
	ck_assert_int_eq(tar_read_next(r, &e, &err), 1);
	ck_assert_uint_eq(e->n_xattrs, 2);
	ck_assert_str_eq(e->xattrs[0].name, "user.a=b%c%41");
	ck_assert_uint_eq(e->xattrs[0].size, 5);
	ck_assert_mem_eq(e->xattrs[0].value, "v=1\n2", 5);
	ck_assert_str_eq(e->xattrs[1].name, "user.empty");
	ck_assert_uint_eq(e->xattrs[1].size, 0);
	ck_assert_str_eq(e->acl_access, "user::rw-,group::r--,other::---");
	ck_assert_ptr_null(e->acl_default);
}

END_TEST

START_TEST(tar_read_reads_base_256_numbers)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	size_t at;

	tar_add(&t,
		(struct tar_item){ .name = "common/a", .type = '6', .uid = 4294967294 });
	/* -2, in twelve bytes. */
	at = tar_header(&t, (struct tar_item){ .name = "common/b", .type = '6' });
	memset(t.buf.data + at + 136, 0xff, 11);
	t.buf.data[at + 147] = (char)0xfe;
	tar_checksum(t.buf.data + at);
	tar_end(&t);
	ck_assert_tar_reads(&t, "4 common/a 0644 4294967294:0 -:- 0.000000000 0\n"
				"4 common/b 0644 0:0 -:- -2.000000000 0\n");
}

END_TEST

START_TEST(tar_read_reads_blank_and_padded_numbers)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	size_t at = tar_header(&t, (struct tar_item){ .name = "common/a", .type = '0' });

	memcpy(t.buf.data + at + 100, "   644 \0", 8);
	memset(t.buf.data + at + 108, ' ', 8);
	memset(t.buf.data + at + 116, 0, 8);
	memcpy(t.buf.data + at + 124, "00000000001 ", 12);
	memcpy(t.buf.data + at + 136, "777777777777", 12);
	tar_checksum(t.buf.data + at);
	tar_data(&t, "!", 1);
	tar_end(&t);
	ck_assert_tar_reads(&t,
			    "0 common/a 0644 0:0 -:- 68719476735.000000000 1\n  0+!\n");
}

END_TEST

START_TEST(tar_read_takes_signed_checksums)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	size_t at = tar_header(
		&t, (struct tar_item){ .name = "common/\xe4\xf6\xfc", .type = '6' });
	char *block = t.buf.data + at;
	char text[16];
	int sum = 0;

	memset(block + 148, ' ', 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (signed char)block[i];
	snprintf(text, sizeof(text), "%06o", (unsigned)sum);
	memcpy(block + 148, text, 7);
	tar_end(&t);
	ck_assert_tar_reads(&t, "4 common/\xe4\xf6\xfc 0644 0:0 -:- 0.000000000 0\n");
}

END_TEST

START_TEST(tar_read_passes_over_data_nobody_asked_for)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
	_cleanup_(tar_reader_freep) struct tar_reader *r = NULL;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char big[3000];
	const struct entry *e;
	const void *p;
	uint64_t offset;

	memset(big, 'b', sizeof(big));
	tar_header(&t, (struct tar_item){
			       .name = "common/a", .type = '0', .size = sizeof(big) });
	tar_data(&t, big, sizeof(big));
	tar_file(&t, "common/b", "next");
	tar_end(&t);
	tar_bytes_rewind(&t, 700);
	ck_assert_ok(tar_reader_new(tar_bytes_source, &t, &r, &err), &err);
	ck_assert_int_eq(tar_read_next(r, &e, &err), 1);
	ck_assert_int_gt(tar_read_data(r, &offset, &p, &err), 0);
	ck_assert_int_eq(tar_read_next(r, &e, &err), 1);
	ck_assert_str_eq(e->path, "common/b");
	ck_assert_int_gt(tar_read_data(r, &offset, &p, &err), 0);
	ck_assert_mem_eq(p, "next", 1);
}

END_TEST

START_TEST(tar_read_takes_padding_after_the_end)
{
	_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;

	tar_dir(&t, "common");
	for (int i = 0; i < 9; i++)
		tar_end(&t);
	ck_assert_tar_reads(&t, "1 common 0755 0:0 -:- 0.000000000 0\n");
}

END_TEST

/* A fixed sequence of numbers, the same on every run. */
static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

/* A stream with something of everything. */
static void build_rich(struct tar_bytes *t)
{
	tar_pax(t, 'g', "mtime", "5", NULL);
	tar_dir(t, "common/");
	tar_pax(t, 'x', "path", "common/sparse", "GNU.sparse.major", "1",
		"GNU.sparse.minor", "0", "GNU.sparse.name", "common/s",
		"GNU.sparse.realsize", "90000", "SCHILY.xattr.user.x", "y", NULL);
	tar_header(t, (struct tar_item){ .name = "x", .type = '0', .size = 512 + 6 });
	tar_data(t, "2\n4096\n3\n80000\n3\n", 17);
	tar_data(t, "abcdef", 6);
	tar_pax(t, 'x', "GNU.sparse.size", "100", "GNU.sparse.numblocks", "1",
		"GNU.sparse.map", "10,5", "SCHILY.acl.access", "u::r,g::r,o::r", NULL);
	tar_file(t, "common/t", "12345");
	tar_header(t, (struct tar_item){ .name = "l", .type = 'L', .size = 9 });
	tar_data(t, "common/l", 9);
	tar_add(t, (struct tar_item){ .name = "x", .type = '2', .link = "y" });
	tar_add(t,
		(struct tar_item){ .name = "common/h", .type = '1', .link = "common/t" });
	tar_end(t);
}

START_TEST(tar_read_survives_mutations)
{
	_cleanup_(tar_bytes_done) struct tar_bytes good = TAR_BYTES;
	uint64_t seed = 1;
	unsigned read = 0, refused = 0;

	build_rich(&good);
	for (int i = 0; i < 4000; i++) {
		_cleanup_(tar_bytes_done) struct tar_bytes t = TAR_BYTES;
		_cleanup_(buf_done) struct buf out = BUF_INIT;
		_cleanup_(err_clear) struct err err = ERR_INIT;
		size_t block;

		tar_data(&t, good.buf.data, good.buf.len);
		for (uint32_t k = next_random(&seed) % 4 + 1; k > 0; k--)
			t.buf.data[next_random(&seed) % t.buf.len] =
				(char)next_random(&seed);
		/* Half of them get past the checksum. */
		block = next_random(&seed) % (t.buf.len / BLOCK) * BLOCK;
		if (i % 2 && memcmp(t.buf.data + block + 257, "ustar", 5) == 0) {
			t.buf.data[block + next_random(&seed) % BLOCK] =
				(char)next_random(&seed);
			tar_checksum(t.buf.data + block);
		}
		tar_bytes_rewind(&t, next_random(&seed) % 1500);
		if (tar_read_all(&t, &out, &err) == 0)
			read++;
		else
			refused++;
		ck_assert_int_eq(err.kind == ERR_NOMEM || err.kind == ERR_IO, 0);
	}
	/* Both happen: otherwise the mutations show nothing. */
	ck_assert_uint_gt(read, 100);
	ck_assert_uint_gt(refused, 1000);
}

END_TEST

Suite *suite_tar_read(void)
{
	Suite *s = suite_create("tar_read");
	TCase *tc = support_tcase(s, "reads");

	tcase_add_test(tc, tar_read_reads_every_type_of_ustar);
	tcase_add_test(tc, tar_read_reads_devices);
	tcase_add_test(tc, tar_read_joins_prefix_and_name_of_ustar_only);
	tcase_add_test(tc, tar_read_takes_names_that_fill_their_fields);
	tcase_add_test(tc, tar_read_takes_v7_directories_by_their_slash);
	tcase_add_test(tc, tar_read_takes_gnu_long_names);
	tcase_add_test(tc, tar_read_takes_what_pax_says);
	tcase_add_test(tc, tar_read_applies_global_headers_until_they_change);
	tcase_add_test(tc, tar_read_takes_attributes_from_pax);
	tcase_add_test(tc, tar_read_reads_base_256_numbers);
	tcase_add_test(tc, tar_read_reads_blank_and_padded_numbers);
	tcase_add_test(tc, tar_read_takes_signed_checksums);
	tcase_add_test(tc, tar_read_passes_over_data_nobody_asked_for);
	tcase_add_test(tc, tar_read_takes_padding_after_the_end);

	tc = support_tcase(s, "mutations");
	tcase_add_test(tc, tar_read_survives_mutations);
	return s;
}
