/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/zip_directory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/le.h"
#include "backend/gzip.h"
#include "tests/unit/support.h"
#include "tests/unit/support_zip.h"

/* Three members, one of them with a data descriptor. */
static const struct support_zip_spec three[] = {
	{ .name = "a", .data = "alpha" },
	{ .name = "b", .data = "beta", .descriptor = 16 },
	{ .name = "c\xc3\xa4", .data = "gamma", .flags = 0x800 },
};

static void make_three(struct support_zip *z)
{
	support_zip_make(z, three, 3);
}

static int read_zip(const struct support_zip *z, size_t max, struct zip_directory *ret,
		    struct err *err)
{
	_cleanup_close_ int fd = support_zip_memory(z->bytes.data, z->bytes.len);

	return zip_directory_read(fd, max, ret, err);
}

static void check_accepted(const struct support_zip *z)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct zip_directory d;

	ck_assert_ok(read_zip(z, 100, &d, &err), &err);
	ck_assert_uint_eq(d.n, z->n);
	for (size_t i = 0; i < d.n; i++)
		ck_assert_uint_eq(d.members[i].offset, z->data[i]);
	zip_directory_done(&d);
}

/* Refused with that message; ends the zip. */
static void check_refused(struct support_zip *z, const char *part)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct zip_directory d;

	ck_assert_fails(read_zip(z, 100, &d, &err), &err, ERR_CORRUPT, part);
	buf_done(&z->bytes);
}

START_TEST(zip_directory_lists_members)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct zip_directory d;
	struct support_zip z;

	make_three(&z);
	ck_assert_ok(read_zip(&z, 3, &d, &err), &err);
	ck_assert_uint_eq(d.n, 3);
	ck_assert_str_eq(d.members[0].name, "a");
	ck_assert_uint_eq(d.members[1].size, 4);
	ck_assert_uint_eq(d.members[1].compressed_size, 4);
	ck_assert_uint_eq(d.members[1].offset, z.data[1]);
	ck_assert_uint_eq(d.members[1].crc, gzip_crc32(0, "beta", 4));
	ck_assert_int_eq(d.members[2].method, ZIP_STORED);
	zip_directory_done(&d);
	buf_done(&z.bytes);
}

END_TEST

START_TEST(zip_directory_may_be_empty)
{
	struct support_zip z;

	support_zip_make(&z, NULL, 0);
	check_accepted(&z);
	buf_done(&z.bytes);
}

END_TEST

/* Parts of make_three() that a test overwrites. */
enum part {
	LOCAL0,
	LOCAL1,
	LOCAL2,
	CENTRAL0,
	CENTRAL1,
	CENTRAL2,
	AFTER1,
	END
};

static size_t part_offset(const struct support_zip *z, enum part part)
{
	switch (part) {
	case LOCAL0:
	case LOCAL1:
	case LOCAL2:
		return z->local[part - LOCAL0];
	case CENTRAL0:
	case CENTRAL1:
	case CENTRAL2:
		return z->central[part - CENTRAL0];
	case AFTER1:
		return z->descriptor[1];
	case END:
		return z->end;
	}
	return 0;
}

/* One lie each: `size` bytes at `at` of the part. */
static const struct lie {
	enum part part;
	size_t at, size;
	uint32_t value;
	const char *message;
} lies[] = {
	{ LOCAL0, 0, 4, 0x04034b51, "has no local header" },
	{ LOCAL0, 6, 2, 0x0800, "two headers that differ" },
	{ LOCAL0, 8, 2, 8, "two headers that differ" },
	{ LOCAL0, 14, 4, 1, "two headers that differ" },
	{ LOCAL0, 14, 4, 0, "two headers that differ" },
	{ LOCAL0, 18, 4, 0, "two headers that differ" },
	{ LOCAL0, 18, 4, 6, "two headers that differ" },
	{ LOCAL0, 18, 4, 0xffffffff, "two headers that differ" },
	{ LOCAL0, 22, 4, 4, "two headers that differ" },
	{ LOCAL0, 26, 2, 2, "has two names" },
	{ LOCAL0, 26, 2, 0, "has two names" },
	{ LOCAL0, 28, 2, 3, "malformed extra field" },
	{ LOCAL0, 28, 2, 0xffff, "runs into the directory" },
	{ LOCAL0, 30, 1, 'b', "has two names" },
	{ LOCAL1, 14, 4, 1, "two headers that differ" },
	{ LOCAL1, 18, 4, 1, "two headers that differ" },
	{ LOCAL1, 22, 4, 1, "two headers that differ" },
	{ LOCAL2, 28, 2, 0x50, "runs into the directory" },
	{ CENTRAL0, 0, 4, 0x02014b51, "malformed zip directory" },
	{ CENTRAL0, 8, 2, 0x0001, "is encrypted" },
	{ CENTRAL0, 8, 2, 0x0040, "is encrypted" },
	{ CENTRAL0, 8, 2, 0x2000, "is encrypted" },
	{ CENTRAL0, 8, 2, 0x0010, "unknown flags" },
	{ CENTRAL0, 8, 2, 0x0020, "unknown flags" },
	{ CENTRAL0, 8, 2, 0x8000, "unknown flags" },
	{ CENTRAL0, 8, 2, 0x0008, "two headers that differ" },
	{ CENTRAL0, 10, 2, 12, "unknown compression method" },
	{ CENTRAL0, 10, 2, 99, "unknown compression method" },
	{ CENTRAL0, 10, 2, 8, "two headers that differ" },
	{ CENTRAL0, 16, 4, 1, "two headers that differ" },
	{ CENTRAL0, 20, 4, 4, "two sizes" },
	{ CENTRAL0, 24, 4, 6, "two sizes" },
	{ CENTRAL0, 24, 4, 0xffffffff, "wrong zip64 field" },
	{ CENTRAL0, 28, 2, 0, "empty" },
	{ CENTRAL0, 28, 2, 0xffff, "malformed zip directory" },
	{ CENTRAL0, 30, 2, 0xffff, "malformed zip directory" },
	{ CENTRAL0, 30, 2, 3, "malformed extra field" },
	{ CENTRAL0, 32, 2, 1, "has a comment" },
	{ CENTRAL0, 32, 2, 0xffff, "malformed zip directory" },
	{ CENTRAL0, 34, 2, 1, "is on another disk" },
	{ CENTRAL0, 34, 2, 0xffff, "is on another disk" },
	{ CENTRAL0, 42, 4, 1, "does not begin where" },
	{ CENTRAL0, 42, 4, 0xffffffff, "wrong zip64 field" },
	{ CENTRAL0, 42, 4, 0xfffffffe, "does not begin where" },
	{ CENTRAL0, 46, 1, 0, "holds NUL" },
	{ CENTRAL0, 46, 1, 'z', "has two names" },
	{ CENTRAL1, 8, 2, 0, "two headers that differ" },
	{ CENTRAL1, 42, 4, 0, "overlaps" },
	{ CENTRAL2, 42, 4, 0xffff, "overlaps" },
	{ AFTER1, 0, 1, 'Q', "no data descriptor" },
	{ AFTER1, 4, 1, 0, "data descriptor says something else" },
	{ AFTER1, 8, 1, 5, "data descriptor says something else" },
	{ AFTER1, 12, 1, 5, "data descriptor says something else" },
	{ END, 0, 4, 0x06054b51, "not a zip file" },
	{ END, 4, 2, 1, "several disks" },
	{ END, 6, 2, 1, "several disks" },
	{ END, 8, 2, 2, "several disks" },
	{ END, 8, 4, 0x00020002, "longer than it says" },
	{ END, 8, 4, 0x00040004, "shorter than it says" },
	{ END, 8, 4, 0xffffffff, "too many members" },
	{ END, 12, 4, 0, "not where the file says" },
	{ END, 12, 4, 0xffffffff, "not where the file says" },
	{ END, 16, 4, 0, "not where the file says" },
	{ END, 16, 4, 0xffffffff, "not where the file says" },
	{ END, 20, 2, 1, "longer than one" },
};

START_TEST(zip_directory_refuses_lies)
{
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		char value[4];
		struct support_zip z;

		make_three(&z);
		le_put32(value, lies[i].value);
		memcpy(z.bytes.data + part_offset(&z, lies[i].part) + lies[i].at, value,
		       lies[i].size);
		check_refused(&z, lies[i].message);
	}
}

END_TEST

START_TEST(zip_directory_refuses_bytes_that_belong_to_nothing)
{
	struct support_zip_spec specs[3];
	struct support_zip z, moved;

	memcpy(specs, three, sizeof(specs));
	specs[0].junk = "junk";
	support_zip_make(&z, specs, 3);
	check_refused(&z, "something follows it");

	memcpy(specs, three, sizeof(specs));
	specs[1].junk = "junk!"; /* behind a data descriptor */
	support_zip_make(&z, specs, 3);
	check_refused(&z, "no data descriptor");

	memcpy(specs, three, sizeof(specs));
	specs[2].junk = "junk"; /* before the directory */
	support_zip_make(&z, specs, 3);
	check_refused(&z, "something follows it");

	support_zip_make(&z, NULL, 0);
	moved = (struct support_zip){ .n = 0 };
	support_zip_add(&moved, "junk", 4);
	support_zip_add(&moved, z.bytes.data, z.bytes.len);
	check_refused(&moved, "not where the file says");
	/* The same with an end record that knows. */
	support_zip_add(&moved, "junk", 4);
	support_zip_add(&moved, z.bytes.data, z.bytes.len);
	support_zip_put32(&moved, 4 + 16, 4);
	check_refused(&moved, "something precedes the zip directory");
	buf_done(&z.bytes);

	make_three(&z);
	support_zip_add(&z, "\0", 1);
	check_refused(&z, "longer than one");
}

END_TEST

START_TEST(zip_directory_refuses_a_member_around_another)
{
	struct support_zip z;

	make_three(&z);
	/* The first one's data would be all of the second. */
	uint32_t size = (uint32_t)(z.local[2] - z.data[0]);
	support_zip_put32(&z, z.local[0] + 18, size);
	support_zip_put32(&z, z.local[0] + 22, size);
	support_zip_put32(&z, z.central[0] + 20, size);
	support_zip_put32(&z, z.central[0] + 24, size);
	check_refused(&z, "overlaps");

	make_three(&z);
	/* The last one's would reach into the directory. */
	size = (uint32_t)(z.directory - z.data[2] + 1);
	support_zip_put32(&z, z.local[2] + 18, size);
	support_zip_put32(&z, z.local[2] + 22, size);
	support_zip_put32(&z, z.central[2] + 20, size);
	support_zip_put32(&z, z.central[2] + 24, size);
	check_refused(&z, "runs into the directory");
}

END_TEST

START_TEST(zip_directory_refuses_two_members_of_one_name)
{
	static const struct support_zip_spec same[] = {
		{ .name = "meta.json", .data = "good" },
		{ .name = "archive.tgz" },
		{ .name = "meta.json", .data = "evil" }
	};
	struct support_zip z;

	support_zip_make(&z, same, 3);
	check_refused(&z, "two members named \"meta.json\"");
}

END_TEST

START_TEST(zip_directory_refuses_extra_fields_that_rename)
{
	static const char unicode[] = "\x75\x70\x06\0\1\0\0\0\0x";
	struct support_zip_spec s = { .name = "a", .central = { unicode, 10 } };
	struct support_zip z;

	support_zip_make(&z, &s, 1);
	check_refused(&z, "has two names");
	s = (struct support_zip_spec){ .name = "a", .local = { unicode, 10 } };
	support_zip_make(&z, &s, 1);
	check_refused(&z, "has two names");
}

END_TEST

START_TEST(zip_directory_takes_other_extra_fields)
{
	/* A time as Go writes it, and one too long to be read at once. */
	static const char time[] = "UT\5\0\1\1\2\3\4";
	char long_one[204] = { 'x', 'y', (char)200, 0 };
	struct support_zip_spec s = { .name = "a",
				      .central = { time, 9 },
				      .local = { long_one, 204 } };
	struct support_zip z;

	support_zip_make(&z, &s, 1);
	check_accepted(&z);
	buf_done(&z.bytes);
}

END_TEST

START_TEST(zip_directory_knows_all_data_descriptors)
{
	for (size_t n = 4; n <= 28; n += 4) {
		struct support_zip_spec s[] = {
			{ .name = "a", .data = "abc", .descriptor = n },
			{ .name = "b", .data = "def", .descriptor = n }
		};
		struct support_zip z;

		if (n == 4 || n == 8 || n == 28) {
			s[0].descriptor = s[1].descriptor = 12;
			s[1].junk = n == 28 ? "sixteen more byt" : NULL;
			support_zip_make(&z, s, 2);
			/* Some of it is missing, or something is added. */
			if (n < 12) {
				memmove(z.bytes.data + z.directory - n,
					z.bytes.data + z.directory,
					z.bytes.len - z.directory);
				buf_cut(&z.bytes, z.bytes.len - n);
				z.end -= n;
				support_zip_put32(&z, z.end + 16, z.directory - n);
			}
			check_refused(&z, "no data descriptor");
			continue;
		}
		support_zip_make(&z, s, 2);
		check_accepted(&z);
		buf_done(&z.bytes);
	}
}

END_TEST

START_TEST(zip_directory_understands_zip64)
{
	/* As Go writes it: everything wide; offset 0 belongs to the first member. */
	static const char wide[] =
		"\1\0\x18\0\3\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	static const char local[] = "\1\0\x10\0\3\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0";
	struct support_zip_spec s = { .name = "a",
				      .data = "abc",
				      .local = { local, 20 },
				      .central = { wide, 28 },
				      .local_size = UINT32_MAX,
				      .central_size = UINT32_MAX };
	struct support_zip z;

	support_zip_make(&z, &s, 1);
	check_accepted(&z);
	support_zip_widen(&z);
	check_accepted(&z); /* the small record says the same */
	support_zip_put16(&z, z.end + 8, 0xffff);
	support_zip_put16(&z, z.end + 10, 0xffff);
	support_zip_put32(&z, z.end + 12, UINT32_MAX);
	support_zip_put32(&z, z.end + 16, UINT32_MAX);
	check_accepted(&z); /* or nothing */
	buf_done(&z.bytes);

	/* libzip writes the wide field though the small one would do. */
	s.local_size = s.central_size = 0;
	s.central.n = 0;
	support_zip_make(&z, &s, 1);
	check_accepted(&z);
	buf_done(&z.bytes);
}

END_TEST

START_TEST(zip_directory_refuses_wrong_zip64_fields)
{
	char local[] = "\1\0\x10\0\3\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0";
	char central[] = "\1\0\x10\0\3\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0";
	struct support_zip_spec s = { .name = "a",
				      .data = "abc",
				      .local = { local, 20 } };
	struct support_zip z;

	local[4] = 4; /* beside a right size */
	support_zip_make(&z, &s, 1);
	check_refused(&z, "two headers that differ");
	local[4] = 3;
	local[12] = 4;
	support_zip_make(&z, &s, 1);
	check_refused(&z, "two headers that differ");
	local[4] = 4; /* behind a size of all ones */
	s.local_size = UINT32_MAX;
	support_zip_make(&z, &s, 1);
	check_refused(&z, "two headers that differ");
	local[4] = local[12] = 3;
	local[2] = 8; /* too short, and something else */
	memcpy(local + 12, "xy\4", 4);
	support_zip_make(&z, &s, 1);
	check_refused(&z, "wrong zip64 field");

	s = (struct support_zip_spec){ .name = "a",
				       .data = "abc",
				       .central = { central, 20 } };
	support_zip_make(&z, &s, 1);
	check_refused(&z, "wrong zip64 field"); /* nothing is missing */
	s.central_size = UINT32_MAX;
	support_zip_make(&z, &s, 1);
	check_refused(&z, "wrong zip64 field"); /* it lacks the offset */
	memcpy(central + 2, "\4\0\0\0\0\0\1\0\4\0\0\0\0\0", 14);
	s.central.n = 16;
	support_zip_make(&z, &s, 1);
	check_refused(&z, "two zip64 fields");
}

END_TEST

static const struct lie64 {
	bool locator;
	size_t at;
	uint32_t value;
	const char *message;
} lies64[] = {
	{ true, 4, 1, "several disks" },
	{ true, 8, 0, "missing or misplaced" },
	{ true, 12, 1, "missing or misplaced" },
	{ true, 16, 2, "several disks" },
	{ true, 16, 0, "several disks" },
	{ false, 0, 0, "missing or misplaced" },
	{ false, 4, 45, "missing or misplaced" },
	{ false, 8, 1, "missing or misplaced" },
	{ false, 16, 1, "several disks" },
	{ false, 20, 1, "several disks" },
	{ false, 24, 2, "several disks" },
	{ false, 28, 1, "several disks" },
	{ false, 32, 4, "several disks" },
	{ false, 40, 1, "end records of the zip file differ" },
	{ false, 44, 1, "end records of the zip file differ" },
	{ false, 48, 1, "end records of the zip file differ" },
	{ false, 52, 1, "end records of the zip file differ" },
};

START_TEST(zip_directory_refuses_lies_of_zip64)
{
	struct support_zip z;

	for (size_t i = 0; i < sizeof(lies64) / sizeof(lies64[0]); i++) {
		make_three(&z);
		support_zip_widen(&z);
		support_zip_put32(
			&z, (lies64[i].locator ? z.locator : z.end64) + lies64[i].at,
			lies64[i].value);
		check_refused(&z, lies64[i].message);
	}
	/* Extents that overflow, where the small record is silent. */
	for (int i = 0; i < 2; i++) {
		make_three(&z);
		support_zip_widen(&z);
		memset(z.bytes.data + z.end + 8, 0xff, 12);
		support_zip_put64(&z, z.end64 + 40,
				  i ? UINT64_MAX : UINT64_MAX - z.directory + 1);
		check_refused(&z, "impossible extent");
	}
	make_three(&z);
	support_zip_widen(&z);
	memset(z.bytes.data + z.end + 8, 0xff, 12);
	support_zip_put64(&z, z.end64 + 24, UINT64_MAX);
	support_zip_put64(&z, z.end64 + 32, UINT64_MAX);
	check_refused(&z, "too many members");
	/* A directory that would begin behind its end. */
	make_three(&z);
	support_zip_widen(&z);
	memset(z.bytes.data + z.end + 8, 0xff, 12);
	support_zip_put64(&z, z.end64 + 48, z.directory + 1);
	check_refused(&z, "not where the file says");
	/* The record is somewhere else. */
	make_three(&z);
	support_zip_widen(&z);
	support_zip_put64(&z, z.locator + 8, z.directory);
	check_refused(&z, "missing or misplaced");
}

END_TEST

START_TEST(zip_directory_takes_members_beyond_4_gib)
{
	/* Stored zeros, as a hole: 5 GiB; behind them a member whose offset is wide. */
	static const uint64_t size = (uint64_t)5 << 30;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct support_zip z = { .n = 0 }, tail = { .n = 0 };
	char extra[28] = { 1, 0, 16, 0 };
	struct zip_directory d;

	le_put64(extra + 4, size);
	le_put64(extra + 12, size);
	struct support_zip_spec s[] = {
		{ .name = "a", .local = { extra, 20 }, .local_size = UINT32_MAX },
		{ .name = "b", .data = "beta" }
	};
	support_zip_member(&z, &s[0]);
	uint64_t second = z.data[0] + size;
	support_zip_member(&tail, &s[1]);
	size_t directory = tail.bytes.len;

	/* The first directory entry lacks its sizes, the second its offset. */
	tail.n = 2;
	s[0].central = (struct support_zip_extra){ extra, 20 };
	char offset[12] = { 1, 0, 8, 0 };
	le_put64(offset + 4, second);
	s[1].central = (struct support_zip_extra){ offset, 12 };
	support_zip_finish(&tail, s);
	support_zip_put32(&tail, tail.central[0] + 20, UINT32_MAX);
	support_zip_put32(&tail, tail.central[0] + 24, UINT32_MAX);
	support_zip_put32(&tail, tail.central[0] + 42, 0);
	support_zip_put32(&tail, tail.central[1] + 42, UINT32_MAX);
	support_zip_widen(&tail);
	support_zip_put64(&tail, tail.end64 + 48, second + directory);
	support_zip_put64(&tail, tail.locator + 8, second + tail.end64);
	support_zip_put32(&tail, tail.end + 16, UINT32_MAX);

	int fd = open(support_path("big.zip"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, z.bytes.data, z.data[0], 0), (ssize_t)z.data[0]);
	ck_assert_int_eq(pwrite(fd, tail.bytes.data, tail.bytes.len, (off_t)second),
			 (ssize_t)tail.bytes.len);
	ck_assert_ok(zip_directory_read(fd, 2, &d, &err), &err);
	ck_assert_uint_eq(d.members[0].size, size);
	ck_assert_uint_eq(d.members[1].offset, second + 31);
	zip_directory_done(&d);
	close(fd);
	buf_done(&z.bytes);
	buf_done(&tail.bytes);
}

END_TEST

START_TEST(zip_directory_bounds_its_size)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct zip_directory d;
	char name[3000];
	struct support_zip z;

	make_three(&z);
	ck_assert_fails(read_zip(&z, 2, &d, &err), &err, ERR_CORRUPT, "too many members");
	buf_done(&z.bytes);

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	support_zip_make(&z, &(struct support_zip_spec){ .name = name }, 1);
	ck_assert_fails(read_zip(&z, 1, &d, &err), &err, ERR_CORRUPT, "too many members");
	ck_assert_ok(read_zip(&z, 3, &d, &err), &err);
	zip_directory_done(&d);
	buf_done(&z.bytes);
}

END_TEST

START_TEST(zip_directory_refuses_every_cut)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct zip_directory d;
	struct support_zip z;

	make_three(&z);
	for (size_t n = 0; n < z.bytes.len; n++) {
		struct support_zip cut = { .bytes = { .data = z.bytes.data, .len = n } };
		ck_assert_fails(read_zip(&cut, 100, &d, &err), &err, ERR_CORRUPT,
				"not a zip file");
	}
	buf_done(&z.bytes);
}

END_TEST

START_TEST(zip_directory_wants_a_regular_file)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct zip_directory d;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_fails(zip_directory_read(fds[0], 100, &d, &err), &err, ERR_CORRUPT,
			"not a regular file");
	ck_assert_fails(zip_directory_read(support_dirfd(), 100, &d, &err), &err,
			ERR_CORRUPT, "not a regular file");
	close(fds[0]);
	close(fds[1]);
	ck_assert_fails(zip_directory_read(fds[0], 100, &d, &err), &err, ERR_IO,
			"Bad file descriptor");
}

END_TEST

Suite *suite_zip_directory(void)
{
	Suite *s = suite_create("zip_directory");
	TCase *tc = support_tcase(s, "good");

	tcase_add_test(tc, zip_directory_lists_members);
	tcase_add_test(tc, zip_directory_may_be_empty);
	tcase_add_test(tc, zip_directory_takes_other_extra_fields);
	tcase_add_test(tc, zip_directory_knows_all_data_descriptors);
	tcase_add_test(tc, zip_directory_understands_zip64);
	tcase_add_test(tc, zip_directory_takes_members_beyond_4_gib);
	tc = support_tcase(s, "bad");
	tcase_add_test(tc, zip_directory_refuses_lies);
	tcase_add_test(tc, zip_directory_refuses_bytes_that_belong_to_nothing);
	tcase_add_test(tc, zip_directory_refuses_a_member_around_another);
	tcase_add_test(tc, zip_directory_refuses_two_members_of_one_name);
	tcase_add_test(tc, zip_directory_refuses_extra_fields_that_rename);
	tcase_add_test(tc, zip_directory_refuses_wrong_zip64_fields);
	tcase_add_test(tc, zip_directory_refuses_lies_of_zip64);
	tcase_add_test(tc, zip_directory_bounds_its_size);
	tcase_add_test(tc, zip_directory_refuses_every_cut);
	tcase_add_test(tc, zip_directory_wants_a_regular_file);
	return s;
}
