/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support_zip.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend/base/le.h"
#include "backend/gzip.h"
#include "tests/unit/support.h"

#define DESCRIPTOR 8 /* the flag */

void support_zip_add(struct support_zip *z, const void *p, size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(buf_add(&z->bytes, p, n, &err), &err);
}

static void add_zeros(struct support_zip *z, size_t n)
{
	static const char zeros[64];

	support_zip_add(z, zeros, n);
}

void support_zip_put16(struct support_zip *z, size_t at, unsigned v)
{
	le_put16(z->bytes.data + at, (uint16_t)v);
}

void support_zip_put32(struct support_zip *z, size_t at, uint64_t v)
{
	le_put32(z->bytes.data + at, (uint32_t)v);
}

void support_zip_put64(struct support_zip *z, size_t at, uint64_t v)
{
	le_put64(z->bytes.data + at, v);
}

/* The data descriptor of a member in one of its four forms. */
static void add_descriptor(struct support_zip *z, const struct support_zip_spec *s,
			   uint32_t crc, size_t n)
{
	size_t at = z->bytes.len;

	z->descriptor[z->n] = at;
	add_zeros(z, s->descriptor);
	if (s->descriptor == 16 || s->descriptor == 24) {
		support_zip_put32(z, at, 0x08074b50);
		at += 4;
	}
	support_zip_put32(z, at, crc);
	if (s->descriptor >= 20) {
		support_zip_put64(z, at + 4, n);
		support_zip_put64(z, at + 12, n);
	} else if (s->descriptor > 0) {
		support_zip_put32(z, at + 4, n);
		support_zip_put32(z, at + 8, n);
	}
}

void support_zip_member(struct support_zip *z, const struct support_zip_spec *s)
{
	const char *data = s->data ? s->data : "";
	size_t n = strlen(data), at = z->bytes.len, name_len = strlen(s->name);
	uint32_t crc = gzip_crc32(0, data, n);
	bool later = s->descriptor > 0;

	z->local[z->n] = at;
	add_zeros(z, 30);
	support_zip_put32(z, at, 0x04034b50);
	support_zip_put16(z, at + 4, 20);
	support_zip_put16(z, at + 6, s->flags | (later ? DESCRIPTOR : 0));
	support_zip_put32(z, at + 14, later ? 0 : crc);
	support_zip_put32(z, at + 18, s->local_size ? s->local_size : later ? 0 : n);
	support_zip_put32(z, at + 22, s->local_size ? s->local_size : later ? 0 : n);
	support_zip_put16(z, at + 26, (unsigned)name_len);
	support_zip_put16(z, at + 28, (unsigned)s->local.n);
	support_zip_add(z, s->name, name_len);
	support_zip_add(z, s->local.p, s->local.n);
	z->data[z->n] = z->bytes.len;
	support_zip_add(z, data, n);
	if (later)
		add_descriptor(z, s, crc, n);
	if (s->junk)
		support_zip_add(z, s->junk, strlen(s->junk));
	z->n++;
}

void support_zip_finish(struct support_zip *z, const struct support_zip_spec *specs)
{
	z->directory = z->bytes.len;
	for (size_t i = 0; i < z->n; i++) {
		const struct support_zip_spec *s = &specs[i];
		const char *data = s->data ? s->data : "";
		size_t at = z->bytes.len, n = strlen(data);

		z->central[i] = at;
		add_zeros(z, 46);
		support_zip_put32(z, at, 0x02014b50);
		support_zip_put16(z, at + 8,
				  s->flags | (s->descriptor > 0 ? DESCRIPTOR : 0));
		support_zip_put32(z, at + 16, gzip_crc32(0, data, n));
		support_zip_put32(z, at + 20, s->central_size ? s->central_size : n);
		support_zip_put32(z, at + 24, s->central_size ? s->central_size : n);
		support_zip_put16(z, at + 28, (unsigned)strlen(s->name));
		support_zip_put16(z, at + 30, (unsigned)s->central.n);
		support_zip_put32(z, at + 42,
				  s->central_size ? s->central_size : z->local[i]);
		support_zip_add(z, s->name, strlen(s->name));
		support_zip_add(z, s->central.p, s->central.n);
	}
	z->end = z->bytes.len;
	add_zeros(z, 22);
	support_zip_put32(z, z->end, 0x06054b50);
	support_zip_put16(z, z->end + 8, (unsigned)z->n);
	support_zip_put16(z, z->end + 10, (unsigned)z->n);
	support_zip_put32(z, z->end + 12, z->end - z->directory);
	support_zip_put32(z, z->end + 16, z->directory);
}

void support_zip_widen(struct support_zip *z)
{
	char end[22];
	uint64_t size = z->end - z->directory;

	memcpy(end, z->bytes.data + z->end, sizeof(end));
	z->end64 = z->end;
	buf_cut(&z->bytes, z->end64);
	add_zeros(z, 56);
	support_zip_put32(z, z->end64, 0x06064b50);
	support_zip_put64(z, z->end64 + 4, 44);
	support_zip_put64(z, z->end64 + 24, z->n);
	support_zip_put64(z, z->end64 + 32, z->n);
	support_zip_put64(z, z->end64 + 40, size);
	support_zip_put64(z, z->end64 + 48, z->directory);
	z->locator = z->bytes.len;
	add_zeros(z, 20);
	support_zip_put32(z, z->locator, 0x07064b50);
	support_zip_put64(z, z->locator + 8, z->end64);
	support_zip_put32(z, z->locator + 16, 1);
	z->end = z->bytes.len;
	support_zip_add(z, end, sizeof(end));
}

void support_zip_make(struct support_zip *z, const struct support_zip_spec *specs,
		      size_t n)
{
	*z = (struct support_zip){ .n = 0 };
	for (size_t i = 0; i < n; i++)
		support_zip_member(z, &specs[i]);
	support_zip_finish(z, specs);
}

int support_zip_memory(const void *p, size_t n)
{
	int fd = memfd_create("zip", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, p, n, 0), (ssize_t)n);
	return fd;
}

static int source_open(void *ctx, struct err *err)
{
	struct support_zip_source *s = ctx;

	s->n_opened++;
	return s->refuses ? err_set(err, ERR_BUSY, "the source refuses") : 0;
}

static ssize_t source_read(void *ctx, void *p, size_t n, struct err *err)
{
	return support_supply(&((struct support_zip_source *)ctx)->from, p, n, err);
}

const struct zip_source_ops support_zip_ops = { .open = source_open,
						.read = source_read };

int support_zip_create(const char *name)
{
	int fd = open(support_path(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

void support_zip_write(int fd, const struct support_zip_input *inputs, size_t n,
		       size_t piece)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(zip_writer_freep) struct zip_writer *w = NULL;
	struct support_zip_source *sources = calloc(n, sizeof(*sources));

	ck_assert_ok(zip_writer_new(fd, &w, &err), &err);
	for (size_t i = 0; i < n; i++) {
		sources[i].from = (struct support_source){ .p = inputs[i].p,
							   .n = inputs[i].n,
							   .piece = piece };
		ck_assert_ok(zip_writer_add(w, inputs[i].name, inputs[i].method,
					    &support_zip_ops, &sources[i], &err),
			     &err);
		ck_assert_uint_eq(sources[i].n_opened, 0);
	}
	ck_assert_ok(zip_writer_finish(w, &err), &err);
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_eq(sources[i].n_opened, 1);
	free(sources);
}
