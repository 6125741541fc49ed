/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/zip.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/gzip.h"
#include "backend/inflate.h"
#include "backend/zip_directory.h"

#define INPUT_SIZE ((size_t)64 << 10)

struct zip_reader {
	int fd;
	struct zip_directory dir;
	bool shared; /* the directory is another reader's */

	/* The open member, or NULL. */
	const struct zip_member *member;
	uint64_t n_in, n_out; /* compressed bytes read from the file, bytes given out */
	uint32_t crc;
	bool verified;

	/* For deflated members, made when the first one is opened. */
	struct inflater *inflater;
	uint8_t *input;
	size_t pos, len;
	bool inflated; /* the compressed stream has ended */
};

int zip_reader_new(int fd, size_t max_members, struct zip_reader **ret, struct err *err)
{
	_cleanup_free_ struct zip_reader *r = alloc_zero(1, sizeof(*r), err);

	if (!r)
		return -1;
	r->fd = fd;
	if (zip_directory_read(fd, max_members, &r->dir, err) < 0)
		return -1;
	*ret = TAKE_PTR(r);
	return 0;
}

int zip_reader_again(const struct zip_reader *r, struct zip_reader **ret, struct err *err)
{
	struct zip_reader *again = alloc_zero(1, sizeof(*again), err);

	if (!again)
		return -1;
	again->fd = r->fd;
	again->dir = r->dir;
	again->shared = true;
	*ret = again;
	return 0;
}

size_t zip_reader_count(const struct zip_reader *r)
{
	return r->dir.n;
}

const struct zip_member *zip_reader_member(const struct zip_reader *r, size_t i)
{
	assert(i < r->dir.n);
	return &r->dir.members[i];
}

ssize_t zip_reader_find(const struct zip_reader *r, const char *name)
{
	size_t low = 0, high = r->dir.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct zip_member *m = r->dir.by_name[middle];
		int order = strcmp(name, m->name);

		if (order == 0)
			return m - r->dir.members;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -1;
}

int zip_reader_open(struct zip_reader *r, size_t i, struct err *err)
{
	const struct zip_member *m = zip_reader_member(r, i);

	r->member = NULL;
	if (m->method == ZIP_DEFLATED) {
		if (!r->input)
			r->input = alloc_bytes(INPUT_SIZE, err);
		if (!r->input)
			return -1;
		if (r->inflater)
			inflater_reset(r->inflater);
		else if (inflater_new(INFLATE_RAW, &r->inflater, err) < 0)
			return -1;
	}
	r->member = m;
	r->n_in = r->n_out = 0;
	r->pos = r->len = 0;
	r->inflated = false;
	r->crc = 0;
	r->verified = false;
	return 0;
}

void zip_reader_rest(struct zip_reader *r)
{
	r->member = NULL;
	inflater_free(r->inflater);
	r->inflater = NULL;
	free(r->input);
	r->input = NULL;
}

/* Reads up to n of the member's bytes in the file; 0 where they end. */
static ssize_t read_raw(struct zip_reader *r, void *p, size_t n, struct err *err)
{
	uint64_t left = r->member->compressed_size - r->n_in;
	uint64_t offset = r->member->offset + r->n_in;
	ssize_t k;

	if (n > left)
		n = (size_t)left;
	if (n == 0)
		return 0;
	do
		k = sys_pread(r->fd, p, n, (off_t)offset);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return err_errno(err, "cannot read");
	if (k == 0)
		return err_set(err, ERR_CHANGED,
			       "the zip file was cut while it was read");
	r->n_in += (uint64_t)k;
	return k;
}

/*
 * Inflates up to n bytes, at least one; returns 0 at the end of the compressed stream,
 * which has to be the end of the member's data in the file, too.
 */
static ssize_t inflate_some(struct zip_reader *r, void *p, size_t n, struct err *err)
{
	size_t room = n;

	while (!r->inflated && room == n) {
		if (r->pos == r->len) {
			ssize_t k = read_raw(r, r->input, INPUT_SIZE, err);
			if (k < 0)
				return -1;
			if (k == 0)
				return err_set(err, ERR_CORRUPT, "cut short");
			r->pos = 0;
			r->len = (size_t)k;
		}
		const void *in = r->input + r->pos;
		size_t n_in = r->len - r->pos;
		int more = inflater_run(r->inflater, &in, &n_in, &p, &room, err);
		if (more < 0)
			return -1;
		r->inflated = more == 0;
		r->pos = r->len - n_in;
	}
	if (r->inflated && (r->pos < r->len || r->n_in < r->member->compressed_size))
		return err_set(err, ERR_CORRUPT, "something follows its compressed data");
	return (ssize_t)(n - room);
}

/* Called when all bytes are out: proves that they were right and there are no more. */
static int verify(struct zip_reader *r, struct err *err)
{
	char beyond;

	if (r->member->method == ZIP_DEFLATED) {
		ssize_t n = inflate_some(r, &beyond, 1, err);
		if (n < 0)
			return -1;
		if (n > 0)
			return err_set(err, ERR_CORRUPT, "is larger than it says");
	}
	if (r->crc != r->member->crc)
		return err_set(err, ERR_CORRUPT, "wrong checksum");
	r->verified = true;
	return 0;
}

/* Reads without saying which member it was that failed. */
static ssize_t read_some(struct zip_reader *r, void *p, size_t n, struct err *err)
{
	const struct zip_member *m = r->member;
	ssize_t k = 0;

	if (r->verified || n == 0)
		return 0;
	if (n > m->size - r->n_out)
		n = (size_t)(m->size - r->n_out);
	if (n > 0) {
		k = m->method == ZIP_STORED ? read_raw(r, p, n, err)
					    : inflate_some(r, p, n, err);
		if (k < 0)
			return -1;
		if (k == 0)
			return err_set(err, ERR_CORRUPT, "is smaller than it says");
		r->crc = gzip_crc32(r->crc, p, (size_t)k);
		r->n_out += (uint64_t)k;
	}
	if (r->n_out == m->size && verify(r, err) < 0)
		return -1;
	return k;
}

ssize_t zip_reader_read(struct zip_reader *r, void *p, size_t n, struct err *err)
{
	assert(r->member);
	ssize_t k = read_some(r, p, n, err);
	if (k < 0)
		err_wrap(err, "member %s", q(r->member->name));
	return k;
}

int zip_reader_close(struct zip_reader *r, struct err *err)
{
	char rest[16384];
	ssize_t n = 0;

	if (!r->member)
		return 0;
	do
		n = zip_reader_read(r, rest, sizeof(rest), err);
	while (n > 0);
	r->member = NULL;
	return n < 0 ? -1 : 0;
}

int zip_reader_slurp(struct zip_reader *r, size_t i, size_t max, struct buf *out,
		     struct err *err)
{
	const struct zip_member *m = zip_reader_member(r, i);
	ssize_t n;

	if (m->size > max)
		return err_set(err, ERR_CORRUPT, "member %s: %llu bytes, %zu are allowed",
			       q(m->name), (unsigned long long)m->size, max);
	if (zip_reader_open(r, i, err) < 0)
		return -1;
	char *to = buf_reserve(out, (size_t)m->size, err);
	if (!to)
		return -1;
	/* One more than is left, so that the end of an empty member is seen, too. */
	do {
		n = zip_reader_read(r, to + r->n_out, (size_t)(m->size - r->n_out) + 1,
				    err);
		if (n < 0)
			return -1;
	} while (n > 0);
	r->member = NULL;
	buf_advance(out, (size_t)m->size);
	return 0;
}

void zip_reader_free(struct zip_reader *r)
{
	if (!r)
		return;
	if (!r->shared)
		zip_directory_done(&r->dir);
	inflater_free(r->inflater);
	free(r->input);
	free(r);
}
