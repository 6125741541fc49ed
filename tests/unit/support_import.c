/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support_import.h"

#include <stdio.h>
#include <string.h>

#include "backend/import.h"
#include "tests/unit/support.h"

void support_content(struct tar_bytes *t)
{
	tar_file(t, "content.json", "{\"content-hash\":\"" SUPPORT_CONTENT_HASH "\"}");
}

void support_manifest(struct tar_bytes *t, const char *files)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	ck_assert_ok(
		buf_printf(
			&text, &err,
			"{\"format\":1,\"date\":\"2026-11-21T07:11:55Z\",\"files\":[%s]}",
			files),
		&err);
	tar_file(t, "export.json", text.data);
}

void support_export(struct tar_bytes *t, const char *zip, const char *data)
{
	char quoted[200];

	snprintf(quoted, sizeof(quoted), "\"%s\"", zip);
	support_content(t);
	tar_file(t, zip, data);
	support_manifest(t, quoted);
	tar_end(t);
}

/* A zip's line. */
static int write_zip(struct import *im, const struct import_part *part, bool data,
		     struct buf *out, struct err *err)
{
	uint64_t done = 0;
	const void *p;
	ssize_t n;

	ck_assert_ok(buf_printf(out, err, "zip %s %llu ", part->name,
				(unsigned long long)part->size),
		     err);
	if (!data)
		return buf_add_byte(out, '\n', err);
	while ((n = import_read(im, &p, err)) > 0) {
		ck_assert_ok(buf_add(out, p, (size_t)n, err), err);
		done += (uint64_t)n;
	}
	if (n == 0)
		ck_assert_uint_eq(done, part->size);
	return n < 0 ? -1 : buf_add_byte(out, '\n', err);
}

/* The line of a part. */
static int write_part(struct import *im, const struct import_part *part, bool data,
		      struct buf *out, struct err *err)
{
	uint8_t eleven[DIGEST_SHA256_SIZE];

	memset(eleven, 0x11, sizeof(eleven));
	switch (part->kind) {
	case IMPORT_CONTENT:
		if (memcmp(part->hash, eleven, sizeof(eleven)) != 0)
			return buf_add_str(out, "other ", err) < 0
				       ? -1
				       : buf_add_str(out, "content\n", err);
		return buf_add_str(out, "content\n", err);
	case IMPORT_ZIP:
		return write_zip(im, part, data, out, err);
	case IMPORT_END:
		break;
	}
	return buf_add_str(out, "end\n", err);
}

int support_import_all(struct tar_bytes *t, bool data, struct buf *out, struct err *err)
{
	_cleanup_(import_freep) struct import *im = NULL;
	struct import_part part;
	int r;

	ck_assert_ok(import_new(tar_bytes_source, t, &im, err), err);
	while ((r = import_next(im, &part, err)) > 0)
		if (write_part(im, &part, data, out, err) < 0)
			return -1;
	if (r == 0)
		ck_assert_int_eq(import_next(im, &part, err), 0);
	return r;
}

void ck_assert_imports(struct tar_bytes *t, const char *expected)
{
	static const size_t chunks[] = { 0, 100000, 513, 512, 511, 7, 1 };
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(chunks) / sizeof(*chunks); i++) {
		_cleanup_(buf_done) struct buf got = BUF_INIT, passed = BUF_INIT;

		tar_bytes_rewind(t, chunks[i]);
		ck_assert_ok(support_import_all(t, true, &got, &err), &err);
		ck_assert_str_eq(got.data ? got.data : "", expected);
		/* It is the same to one who does not look into the zips. */
		tar_bytes_rewind(t, chunks[i]);
		ck_assert_ok(support_import_all(t, false, &passed, &err), &err);
	}
}

void ck_assert_import_refused(struct tar_bytes *t, enum err_kind kind, const char *part)
{
	static const size_t chunks[] = { 0, 512, 5 };
	_cleanup_(err_clear) struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(chunks) / sizeof(*chunks) * 2; i++) {
		_cleanup_(buf_done) struct buf got = BUF_INIT;

		tar_bytes_rewind(t, chunks[i / 2]);
		ck_assert_fails(support_import_all(t, i % 2, &got, &err), &err, kind,
				part);
	}
}
