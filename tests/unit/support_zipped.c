/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support_zipped.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend/base/fd.h"
#include "backend/snapshot.h"
#include "tests/unit/support.h"
#include "tests/unit/support_zip.h"

#define MANY 16

/* The hash of an archive as the metadata says it. */
static void put_hash(const struct support_zipped *z, const char *name, const char *data,
		     char *hex)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	uint8_t hash[DIGEST_MAX_SIZE];

	ck_assert_ok(digest_of(DIGEST_SHA3_384, data, strlen(data), hash, &err), &err);
	if (z->lies_about && strcmp(z->lies_about, name) == 0)
		hash[7] ^= 1;
	digest_hex(hash, DIGEST_SHA3_384_SIZE, hex);
}

/* meta.json */
static void write_meta(const struct support_zipped *z, struct buf *out)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char hex[DIGEST_SHA3_384_HEX + 1];
	size_t size =
		(z->system ? strlen(z->system) : 0) + (z->user ? strlen(z->user) : 0);

	ck_assert_ok(
		buf_printf(
			out, &err,
			"{\"set\":77,\"time\":\"2026-11-21T07:11:55Z\",\"snap\":\"%s\","
			"\"revision\":\"x1\",\"epoch\":{\"read\":[0],\"write\":[0]},"
			"\"summary\":\"%s\",\"version\":\"%s\",\"sha3-384\":{",
			z->app, z->summary ? z->summary : "",
			z->version ? z->version : "1"),
		&err);
	if (z->system) {
		put_hash(z, "archive.tgz", z->system, hex);
		ck_assert_ok(buf_printf(out, &err, "\"archive.tgz\":\"%s\"%s", hex,
					z->user ? "," : ""),
			     &err);
	}
	if (z->user) {
		put_hash(z, "user/u.tgz", z->user, hex);
		ck_assert_ok(buf_printf(out, &err, "\"user/u.tgz\":\"%s\"", hex), &err);
	}
	ck_assert_ok(buf_printf(out, &err, "},\"size\":%zu%s%s}\n", size,
				z->more ? "," : "", z->more ? z->more : ""),
		     &err);
}

static void add(struct support_zip_input *inputs, size_t *n, const char *name,
		enum zip_method method, const char *data)
{
	if (data)
		inputs[(*n)++] =
			(struct support_zip_input){ name, method, data, strlen(data) };
}

void support_zipped_make(const struct support_zipped *z, struct buf *out)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf meta = BUF_INIT;
	struct support_zip_input inputs[8];
	uint8_t hash[DIGEST_MAX_SIZE];
	char hex[DIGEST_SHA3_384_HEX + 2];
	size_t n = 0;
	_cleanup_close_ int fd = memfd_create("zipped", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	write_meta(z, &meta);
	ck_assert_ok(digest_of(DIGEST_SHA3_384, meta.data, meta.len, hash, &err), &err);
	digest_hex(hash, DIGEST_SHA3_384_SIZE, hex);
	memcpy(hex + DIGEST_SHA3_384_HEX, "\n", 2);
	add(inputs, &n, "before", ZIP_STORED, z->strange ? "what nobody knows" : NULL);
	add(inputs, &n, "user/u.tgz", z->method, z->user);
	add(inputs, &n, "archive.tgz", z->method, z->system);
	add(inputs, &n, "meta.json", ZIP_DEFLATED, meta.data);
	add(inputs, &n, "meta.sha3_384", ZIP_DEFLATED, hex);
	add(inputs, &n, "behind", ZIP_STORED, z->strange ? "what nobody knows" : NULL);
	support_zip_write(fd, inputs, n, 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_assert_ok(fd_read_file(fd, (size_t)64 << 20, out, &err), &err);
}

void support_zipped_hash(const struct support_zipped *zips, size_t n, bool alternate,
			 uint8_t ret[DIGEST_SHA256_SIZE])
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snapshot metas[MANY];
	const struct snapshot *list[MANY];

	ck_assert_uint_le(n, MANY);
	for (size_t i = 0; i < n; i++) {
		_cleanup_(buf_done) struct buf text = BUF_INIT;

		write_meta(&zips[i], &text);
		ck_assert_ok(snapshot_parse(text.data, text.len, &metas[i], &err), &err);
		list[i] = &metas[i];
	}
	ck_assert_ok(snapshot_set_hash(list, n, alternate, ret, &err), &err);
	for (size_t i = 0; i < n; i++)
		snapshot_done(&metas[i]);
}

void support_zipped_export(const struct support_zipped *zips, size_t n,
			   const uint8_t claim[DIGEST_SHA256_SIZE], struct tar_bytes *to)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf text = BUF_INIT, files = BUF_INIT;

	if (claim) {
		ck_assert_ok(buf_add_str(&text, "{\"content-hash\":\"", &err), &err);
		ck_assert_ok(digest_base64(&text, claim, DIGEST_SHA256_SIZE, &err), &err);
		ck_assert_ok(buf_add_str(&text, "\"}", &err), &err);
		tar_file(to, "content.json", text.data);
		buf_clear(&text);
	}
	for (size_t i = 0; i < n; i++) {
		_cleanup_(buf_done) struct buf zip = BUF_INIT;
		char name[100];

		snprintf(name, sizeof(name), "%zu_%s.zip", i, zips[i].app);
		ck_assert_ok(buf_printf(&files, &err, "%s\"%s\"", i ? "," : "", name),
			     &err);
		support_zipped_make(&zips[i], &zip);
		tar_header(to, (struct tar_item){
				       .name = name, .type = '0', .size = zip.len });
		tar_data(to, zip.data, zip.len);
	}
	ck_assert_ok(buf_printf(&text, &err, "{\"format\":1,\"files\":[%s]}", files.data),
		     &err);
	tar_file(to, "export.json", text.data);
	tar_end(to);
}

void support_zipped_export_right(const struct support_zipped *zips, size_t n,
				 struct tar_bytes *to)
{
	uint8_t hash[DIGEST_SHA256_SIZE];

	support_zipped_hash(zips, n, false, hash);
	support_zipped_export(zips, n, hash, to);
}
