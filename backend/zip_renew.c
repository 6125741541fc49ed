/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/zip.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/le.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"
#include "backend/deflate.h"
#include "backend/zip_format.h"

/* What is cloned ends on a multiple of this, whatever blocks the file system has: the
 * rest is copied in no time. */
#define CLONE_UNIT ((uint64_t)64 << 10)

#define PIECE ((size_t)256 << 10)

/* A header's zip64 field at its largest: id, length, both sizes, offset. */
#define EXTRA_MAX 28u

struct renewing {
	const struct zip_renewal *z;
	uint64_t at;          /* bytes of the new file that stand */
	uint64_t begun;       /* of these are on their way to the disk */
	struct buf directory; /* of the members so far */
	size_t n;
	uint8_t *piece;
};

bool zip_is_beginning(const struct zip_member *members, size_t n)
{
	uint64_t at = 0;

	for (size_t i = 0; i < n; i++) {
		const struct zip_member *m = &members[i];

		if (!m->plain || m->header != at || m->offset < m->header ||
		    m->size != m->compressed_size ||
		    __builtin_add_overflow(m->offset, m->size, &at))
			return false;
	}
	return n > 0 && at <= INT64_MAX;
}

/* ---- The beginning ---- */

/* Reads some of the older file at r->at; whatever fails is that file's fault. */
static ssize_t read_some(struct renewing *r, uint64_t n, struct err *err)
{
	ssize_t k = fd_pread_full(r->z->from, r->piece, n < PIECE ? (size_t)n : PIECE,
				  r->at, err);

	if (k < 0) {
		_cleanup_(err_clear) struct err why = ERR_INIT;

		err_move(&why, err);
		return err_set(err, ERR_CORRUPT, "cannot be read: %s", err_message(&why));
	}
	return k > 0 ? k : err_set(err, ERR_CORRUPT, "is cut short");
}

/* Copies up to `end`; *crc goes on with what was copied. */
static int copy_until(struct renewing *r, uint64_t end, uint32_t *crc, struct err *err)
{
	while (r->at < end) {
		ssize_t n;

		if (observer_check(r->z->observer, err) < 0)
			return -1;
		n = read_some(r, end - r->at, err);
		if (n < 0 || fd_pwrite_all(r->z->fd, r->piece, (size_t)n, r->at, err) < 0)
			return -1;
		*crc = gzip_crc32(*crc, r->piece, (size_t)n);
		r->at += (uint64_t)n;
		fd_write_past(r->z->fd, &r->begun, r->at);
		meter_at(r->z->meter, r->at);
	}
	return 0;
}

/* Copies the members with what stands before each. */
static int copy_members(struct renewing *r, struct err *err)
{
	for (size_t i = 0; i < r->z->n_kept; i++) {
		const struct zip_member *m = &r->z->kept[i];
		uint32_t unused = 0, crc = 0;

		if (copy_until(r, m->offset, &unused, err) < 0 ||
		    copy_until(r, m->offset + m->size, &crc, err) < 0)
			return -1;
		if (crc != m->crc)
			return err_set(err, ERR_CORRUPT, "the checksum of %s is wrong",
				       q(m->name));
	}
	return 0;
}

/* The bytes of all that is kept: shared if possible. */
static int keep(struct renewing *r, struct err *err)
{
	const struct zip_member *last = &r->z->kept[r->z->n_kept - 1];
	uint64_t end = last->offset + last->size, whole = end - end % CLONE_UNIT;
	uint32_t unused = 0;

	/* Why it cannot be cloned does not matter: what is wrong with the file system
	 * shows when it is written to. */
	if (whole == 0 || sys_clone_range(r->z->fd, r->z->from, 0, (off_t)whole) < 0)
		return copy_members(r, err);
	r->at = r->begun = whole;
	return copy_until(r, end, &unused, err);
}

/* ---- Records ---- */

/* Adds `value` to the zip64 field if it is too large for its own, which is returned. */
static uint32_t narrow(uint64_t value, uint8_t *extra, size_t *n)
{
	if (value < MAX32)
		return (uint32_t)value;
	le_put64(extra + *n, value);
	*n += 8;
	return MAX32;
}

/* Adds a member to the directory. */
static int add_entry(struct renewing *r, const struct zip_member *m, struct err *err)
{
	uint8_t head[CENTRAL_SIZE] = { 0 }, extra[EXTRA_MAX];
	size_t name_len = strlen(m->name), n = 4;

	le_put32(head, CENTRAL_MAGIC);
	le_put16(head + 4, MADE_BY_UNIX);
	le_put16(head + 6, m->plain ? NEEDS_ZIP64 : NEEDS_BASE);
	le_put16(head + 8, m->utf8 ? FLAG_UTF8 : 0);
	le_put16(head + 10, m->method == ZIP_STORED ? METHOD_STORED : METHOD_DEFLATED);
	le_put16(head + 14, DOS_DATE);
	le_put32(head + 16, m->crc);
	/* In this order if they stand in the zip64 field. */
	le_put32(head + 24, narrow(m->size, extra, &n));
	le_put32(head + 20, narrow(m->compressed_size, extra, &n));
	le_put32(head + 42, narrow(m->header, extra, &n));
	le_put16(head + 28, (uint16_t)name_len);
	le_put32(head + 38, ATTRIBUTES);
	le_put16(extra, EXTRA_ZIP64);
	le_put16(extra + 2, (uint16_t)(n - 4));
	if (n == 4)
		n = 0;
	le_put16(head + 30, (uint16_t)n);
	r->n++;
	if (buf_add(&r->directory, head, sizeof(head), err) < 0 ||
	    buf_add(&r->directory, m->name, name_len, err) < 0)
		return -1;
	return buf_add(&r->directory, extra, n, err);
}

/* Appends to the file. */
static int append(struct renewing *r, const void *p, size_t n, struct err *err)
{
	if (fd_pwrite_all(r->z->fd, p, n, r->at, err) < 0)
		return -1;
	r->at += n;
	return 0;
}

/* Deflates into `out`, which has room for all but one byte; 0: it would not shrink. */
static int deflate_text(const struct zip_text *t, uint8_t *out, size_t *ret,
			struct err *err)
{
	const struct deflate_codec *codec = deflate_compressor(GZIP_SMALL);
	void *compressor = codec->compressor_new(GZIP_SMALL, err);

	if (!compressor)
		return -1;
	*ret = codec->compress(compressor, t->p, t->n, out, t->n - 1);
	codec->compressor_free(compressor);
	return 0;
}

/* One of the small members. */
static int add_text(struct renewing *r, const struct zip_text *t, struct err *err)
{
	_cleanup_free_ uint8_t *out = alloc_bytes(t->n, err);
	uint8_t head[LOCAL_SIZE] = { 0 };
	struct zip_member m = { .name = t->name, .size = t->n, .header = r->at };
	size_t n = 0, name_len = strlen(t->name);

	assert(t->n > 1 && t->n < MAX32);
	if (!out || deflate_text(t, out, &n, err) < 0)
		return -1;
	m.method = n > 0 ? ZIP_DEFLATED : ZIP_STORED;
	m.compressed_size = n > 0 ? n : t->n;
	m.crc = gzip_crc32(0, t->p, t->n);
	le_put32(head, LOCAL_MAGIC);
	le_put16(head + 4, NEEDS_BASE);
	le_put16(head + 8, m.method == ZIP_STORED ? METHOD_STORED : METHOD_DEFLATED);
	le_put16(head + 12, DOS_DATE);
	le_put32(head + 14, m.crc);
	le_put32(head + 18, (uint32_t)m.compressed_size);
	le_put32(head + 22, (uint32_t)m.size);
	le_put16(head + 26, (uint16_t)name_len);
	if (add_entry(r, &m, err) < 0 || append(r, head, sizeof(head), err) < 0 ||
	    append(r, t->name, name_len, err) < 0)
		return -1;
	return append(r, n > 0 ? out : t->p, (size_t)m.compressed_size, err);
}

/* The directory and the records that end the file. */
static int finish(struct renewing *r, struct err *err)
{
	uint8_t end64[END64_SIZE + LOCATOR_SIZE] = { 0 }, end[END_SIZE] = { 0 };
	uint8_t *locator = end64 + END64_SIZE;
	uint64_t start = r->at, size = r->directory.len;
	bool wide = start >= MAX32 || size >= MAX32 || r->n >= MAX16;

	if (append(r, r->directory.data, r->directory.len, err) < 0)
		return -1;
	le_put32(end64, END64_MAGIC);
	le_put64(end64 + 4, END64_SIZE - 12);
	le_put16(end64 + 12, MADE_BY_UNIX);
	le_put16(end64 + 14, NEEDS_ZIP64);
	le_put64(end64 + 24, r->n);
	le_put64(end64 + 32, r->n);
	le_put64(end64 + 40, size);
	le_put64(end64 + 48, start);
	le_put32(locator, LOCATOR_MAGIC);
	le_put64(locator + 8, start + size);
	le_put32(locator + 16, 1);
	if (wide && append(r, end64, sizeof(end64), err) < 0)
		return -1;
	le_put32(end, END_MAGIC);
	le_put16(end + 8, r->n < MAX16 ? (uint16_t)r->n : MAX16);
	le_put16(end + 10, r->n < MAX16 ? (uint16_t)r->n : MAX16);
	le_put32(end + 12, size < MAX32 ? (uint32_t)size : MAX32);
	le_put32(end + 16, start < MAX32 ? (uint32_t)start : MAX32);
	return append(r, end, sizeof(end), err);
}

/* All of it, with the memory that it takes. */
static int renew(struct renewing *r, struct err *err)
{
	r->piece = alloc_bytes(PIECE, err);
	if (!r->piece || keep(r, err) < 0)
		return -1;
	for (size_t i = 0; i < r->z->n_kept; i++)
		if (add_entry(r, &r->z->kept[i], err) < 0)
			return -1;
	for (size_t i = 0; i < r->z->n_texts; i++)
		if (add_text(r, &r->z->texts[i], err) < 0)
			return -1;
	return finish(r, err);
}

int zip_renew(const struct zip_renewal *z, struct err *err)
{
	struct renewing r = { .z = z, .directory = BUF_INIT };
	int result;

	assert(zip_is_beginning(z->kept, z->n_kept));
	result = renew(&r, err);
	buf_done(&r.directory);
	free(r.piece);
	return result;
}
