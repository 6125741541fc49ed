/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/zip.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend/base/le.h"
#include "backend/base/sys.h"
#include "backend/gzip.h"
#include "backend/zip_format.h"
#include "tests/unit/support.h"
#include "tests/unit/support_gzip.h"
#include "tests/unit/support_zip.h"

#define ARCHIVES 3

static const char meta[] = "the metadata of the new one, the metadata of the new one\n";
static const char hash[] = "f00d\n";
static const struct zip_text texts[] = {
	{ "meta.json", meta, sizeof(meta) - 1 },
	{ "meta.sha3_384", hash, sizeof(hash) - 1 },
};

/* An older zip in memory (whatever the file system can do, from there it is copied), and
 * where its archives lie. */
struct older {
	struct support_zip_input inputs[ARCHIVES + 1];
	struct zip_member kept[ARCHIVES];
	int fd;
};

static void older_make(struct older *o)
{
	static const char *const names[] = { "archive.tgz", "user/alice.tgz",
					     "user/j\xc3\xb6rg.tgz", "meta.json" };
	static const size_t sizes[] = { 700001, 0, 300000, 20 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(zip_reader_freep) struct zip_reader *r = NULL;

	for (size_t i = 0; i <= ARCHIVES; i++)
		o->inputs[i] = (struct support_zip_input){
			.name = names[i],
			.method = i < ARCHIVES ? ZIP_STORED : ZIP_DEFLATED,
			.p = support_data(SUPPORT_RANDOM, sizes[i] + 1, 7 + i),
			.n = sizes[i],
		};
	o->fd = memfd_create("older", MFD_CLOEXEC);
	ck_assert_int_ge(o->fd, 0);
	support_zip_write(o->fd, o->inputs, ARCHIVES + 1, 0);
	ck_assert_ok(zip_reader_new(o->fd, 10, &r, &err), &err);
	for (size_t i = 0; i < ARCHIVES; i++) {
		o->kept[i] = *zip_reader_member(r, i);
		o->kept[i].name = names[i];
	}
}

static void older_done(struct older *o)
{
	for (size_t i = 0; i <= ARCHIVES; i++)
		free((void *)(uintptr_t)o->inputs[i].p);
	close(o->fd);
}

static struct zip_renewal renewal(const struct older *o, int fd, size_t n)
{
	return (struct zip_renewal){ .fd = fd,
				     .from = o->fd,
				     .kept = o->kept,
				     .n_kept = n,
				     .texts = texts,
				     .n_texts = 2 };
}

/* Reads all members with all checks of the reader. */
static void check(int fd, const struct older *o, size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(zip_reader_freep) struct zip_reader *r = NULL;

	ck_assert_ok(zip_reader_new(fd, n + 2, &r, &err), &err);
	ck_assert_uint_eq(zip_reader_count(r), n + 2);
	for (size_t i = 0; i < n + 2; i++) {
		const struct zip_member *m = zip_reader_member(r, i);
		const char *name = i < n ? o->inputs[i].name : texts[i - n].name;
		const void *p = i < n ? o->inputs[i].p : texts[i - n].p;
		size_t size = i < n ? o->inputs[i].n : texts[i - n].n;
		_cleanup_(buf_done) struct buf out = BUF_INIT;

		ck_assert_str_eq(m->name, name);
		ck_assert_ok(zip_reader_slurp(r, i, size, &out, &err), &err);
		ck_assert_uint_eq(out.len, size);
		if (size > 0)
			ck_assert_mem_eq(out.data, p, size);
	}
	/* One text shrinks, the other does not. */
	ck_assert_int_eq(zip_reader_member(r, n)->method, ZIP_DEFLATED);
	ck_assert_int_eq(zip_reader_member(r, n + 1)->method, ZIP_STORED);
}

START_TEST(a_renewed_zip_holds_the_old_archives_and_new_texts)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct older o;

	older_make(&o);
	for (size_t n = 1; n <= ARCHIVES; n++) {
		int fd = memfd_create("new", MFD_CLOEXEC);
		struct zip_renewal z = renewal(&o, fd, n);

		ck_assert(zip_is_beginning(o.kept, n));
		ck_assert_ok(zip_renew(&z, &err), &err);
		check(fd, &o, n);
		close(fd);
	}
	older_done(&o);
}

END_TEST

START_TEST(a_zip_is_renewed_in_files_too)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct older o;
	int fd, old;

	older_make(&o);
	/* Where the file system can, the beginning is cloned. */
	old = support_zip_create("old");
	support_zip_write(old, o.inputs, ARCHIVES + 1, 0);
	ck_assert_int_eq(dup3(old, o.fd, O_CLOEXEC), o.fd);
	close(old);
	fd = support_zip_create("new");
	struct zip_renewal z = renewal(&o, fd, ARCHIVES);

	ck_assert_ok(zip_renew(&z, &err), &err);
	check(fd, &o, ARCHIVES);
	close(fd);
	older_done(&o);
}

END_TEST

START_TEST(a_damaged_zip_is_not_renewed)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct older o;
	char byte;

	older_make(&o);
	for (size_t i = 0; i < ARCHIVES; i++) {
		off_t at = (off_t)(o.kept[i].offset + o.kept[i].size / 2);
		int fd = memfd_create("new", MFD_CLOEXEC);
		struct zip_renewal z = renewal(&o, fd, ARCHIVES);

		if (o.kept[i].size > 0) {
			ck_assert_int_eq(pread(o.fd, &byte, 1, at), 1);
			byte ^= 1;
			ck_assert_int_eq(pwrite(o.fd, &byte, 1, at), 1);
			ck_assert_fails(
				zip_renew(&z, &err), &err, ERR_CORRUPT,
				i == 0 ? "the checksum of \"archive.tgz\" is wrong"
				       : "rg.tgz\" is wrong");
			byte ^= 1;
			ck_assert_int_eq(pwrite(o.fd, &byte, 1, at), 1);
		}
		close(fd);
	}
	older_done(&o);
}

END_TEST

START_TEST(a_zip_that_was_cut_is_not_renewed)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct older o;
	int fd = memfd_create("new", MFD_CLOEXEC);

	older_make(&o);
	struct zip_renewal z = renewal(&o, fd, ARCHIVES);

	ck_assert_int_eq(ftruncate(o.fd, (off_t)o.kept[2].offset + 10), 0);
	ck_assert_fails(zip_renew(&z, &err), &err, ERR_CORRUPT, "is cut short");
	z.from = fd; /* which is not open for reading by then */
	close(fd);
	ck_assert_fails(zip_renew(&z, &err), &err, ERR_CORRUPT, "cannot be read");
	older_done(&o);
}

END_TEST

/* A member of zeros at `at`, whose local header has a zip64 field, as libzip makes it. */
static struct zip_member put_sparse(int fd, const char *name, uint64_t at, uint64_t size)
{
	size_t n = strlen(name);
	uint8_t head[LOCAL_SIZE + 64 + 20] = { 0 }, *extra = head + LOCAL_SIZE + n;
	struct zip_member m = { .name = name,
				.header = at,
				.offset = at + LOCAL_SIZE + n + 20,
				.size = size,
				.compressed_size = size,
				.crc = 0x12345678,
				.method = ZIP_STORED,
				.plain = true };

	le_put32(head, LOCAL_MAGIC);
	le_put16(head + 4, NEEDS_ZIP64);
	le_put16(head + 12, DOS_DATE);
	le_put32(head + 14, m.crc);
	le_put32(head + 18, size < MAX32 ? (uint32_t)size : MAX32);
	le_put32(head + 22, size < MAX32 ? (uint32_t)size : MAX32);
	le_put16(head + 26, (uint16_t)n);
	le_put16(head + 28, 20);
	memcpy(head + LOCAL_SIZE, name, n);
	le_put16(extra, EXTRA_ZIP64);
	le_put16(extra + 2, 16);
	le_put64(extra + 4, size);
	le_put64(extra + 12, size);
	ck_assert_int_eq(pwrite(fd, head, LOCAL_SIZE + n + 20, (off_t)at),
			 (ssize_t)(LOCAL_SIZE + n + 20));
	ck_assert_int_eq(ftruncate(fd, (off_t)(m.offset + size)), 0);
	return m;
}

START_TEST(a_zip_of_more_than_four_gib_is_renewed)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(zip_reader_freep) struct zip_reader *r = NULL;
	int old = support_zip_create("old"), fd = support_zip_create("new");
	struct zip_member kept[3];
	struct zip_renewal z = { .fd = fd,
				 .from = old,
				 .kept = kept,
				 .n_kept = 3,
				 .texts = texts,
				 .n_texts = 2 };

	kept[0] = put_sparse(old, "archive.tgz", 0, 0xffffffffu);
	kept[1] = put_sparse(old, "user/a.tgz", kept[0].offset + kept[0].size, 100);
	kept[2] = put_sparse(old, "user/b.tgz", kept[1].offset + kept[1].size,
			     (uint64_t)5 << 30);
	if (sys_clone_range(fd, old, 0, 65536) < 0) {
		support_skip(
			"this file system clones nothing, and copying takes too long");
	} else {
		ck_assert_ok(zip_renew(&z, &err), &err);
		ck_assert_ok(zip_reader_new(fd, 5, &r, &err), &err);
		for (size_t i = 0; i < 3; i++) {
			const struct zip_member *m = zip_reader_member(r, i);

			ck_assert_uint_eq(m->header, kept[i].header);
			ck_assert_uint_eq(m->size, kept[i].size);
			ck_assert_uint_eq(m->crc, kept[i].crc);
		}
		ck_assert_int_ge(zip_reader_find(r, "meta.sha3_384"), 0);
	}
	close(old);
	close(fd);
}

END_TEST

START_TEST(only_members_end_to_end_are_a_beginning)
{
	struct zip_member m[2] = {
		{ .header = 0,
		  .offset = 50,
		  .size = 100,
		  .compressed_size = 100,
		  .plain = true },
		{ .header = 150,
		  .offset = 200,
		  .size = 7,
		  .compressed_size = 7,
		  .plain = true },
	}, wrong[2];

	ck_assert(zip_is_beginning(m, 1));
	ck_assert(zip_is_beginning(m, 2));
	ck_assert(!zip_is_beginning(m, 0));
	ck_assert(!zip_is_beginning(m + 1, 1));
#define WRONG(i, change)                                                                 \
 do {                                                                                    \
  memcpy(wrong, m, sizeof(m));                                                           \
  wrong[i] change;                                                                       \
  ck_assert(!zip_is_beginning(wrong, 2));                                                \
 } while (0)
	WRONG(0, .header = 1);
	WRONG(0, .plain = false);
	WRONG(0, .size = 99);
	WRONG(1, .header = 151);
	WRONG(1, .offset = 149);
	WRONG(1, .compressed_size = 8);
	WRONG(1, .size = wrong[1].compressed_size = UINT64_MAX);
	WRONG(1, .size = wrong[1].compressed_size = INT64_MAX);
#undef WRONG
}

END_TEST

Suite *suite_zip_renew(void)
{
	Suite *s = suite_create("zip_renew");
	TCase *tc = support_tcase(s, "renew");

	tcase_add_test(tc, a_renewed_zip_holds_the_old_archives_and_new_texts);
	tcase_add_test(tc, a_zip_is_renewed_in_files_too);
	tcase_add_test(tc, a_damaged_zip_is_not_renewed);
	tcase_add_test(tc, a_zip_that_was_cut_is_not_renewed);
	tcase_add_test(tc, a_zip_of_more_than_four_gib_is_renewed);
	tcase_add_test(tc, only_members_end_to_end_are_a_beginning);
	return s;
}
