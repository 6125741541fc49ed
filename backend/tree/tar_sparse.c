/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/tar_sparse.h"

#include <string.h>

#include "backend/tree/tar_header.h"

#define NUMBER_MAX 20 /* digits of a 64-bit number */

/* Adds the descriptors of one list up to the first unused one, which ends the map. */
static int add_old_list(const uint8_t *list, size_t n, struct entry *e, bool *ret_ended,
			struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct entry_extent extent;
		bool used;

		if (!tar_header_sparse(list, i, &extent, &used))
			return err_set(err, ERR_CORRUPT,
				       "sparse map has a malformed number");
		if (!used) {
			*ret_ended = true;
			return 0;
		}
		if (entry_add_extent(e, extent.offset, extent.length, err) < 0)
			return -1;
	}
	*ret_ended = false;
	return 0;
}

int tar_sparse_read_old(struct tar_input *in, const uint8_t *block, struct entry *e,
			struct err *err)
{
	int64_t size;
	bool ended, more = block[TAR_SPARSE_MORE_AT] != 0;

	if (!tar_header_number(block + TAR_SPARSE_SIZE_AT, 12, &size) || size < 0)
		return err_set(err, ERR_CORRUPT, "sparse file has a malformed size");
	e->size = (uint64_t)size;
	e->sparse = true;
	if (add_old_list(block + TAR_SPARSE_AT, TAR_SPARSE_N, e, &ended, err) < 0)
		return -1;
	while (more) {
		int r;

		if (ended)
			return err_set(err, ERR_CORRUPT,
				       "sparse map goes on after its end");
		r = tar_input_block(in, &block, err);
		if (r <= 0)
			return r < 0 ? -1 : tar_input_cut(in, err);
		if (add_old_list(block, TAR_SPARSE_MORE_N, e, &ended, err) < 0)
			return -1;
		more = block[TAR_SPARSE_AGAIN_AT] != 0;
	}
	return 0;
}

bool tar_sparse_number(const char *text, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(text[i] - '0'), &v))
			return false;
	}
	*ret = v;
	return true;
}

/* The numbers of a 1.0 map, block by block. */
struct map_reader {
	struct tar_input *in;
	uint64_t *left;
	const uint8_t *block;
	size_t at; /* TAR_BLOCK: a new one is needed */
};

/* Reads one number and the newline behind it. */
static int read_number(struct map_reader *m, uint64_t *ret, struct err *err)
{
	char digits[NUMBER_MAX];
	size_t n = 0;

	for (;;) {
		char c;

		if (m->at == TAR_BLOCK) {
			int r;

			if (*m->left < TAR_BLOCK)
				break;
			r = tar_input_block(m->in, &m->block, err);
			if (r <= 0)
				return r < 0 ? -1 : tar_input_cut(m->in, err);
			*m->left -= TAR_BLOCK;
			m->at = 0;
		}
		c = (char)m->block[m->at++];
		if (c == '\n' && tar_sparse_number(digits, n, ret))
			return 0;
		if (c == '\n' || n == sizeof(digits))
			break;
		digits[n++] = c;
	}
	return err_set(err, ERR_CORRUPT, "sparse map has a malformed number");
}

int tar_sparse_read_map(struct tar_input *in, struct entry *e, uint64_t *left,
			struct err *err)
{
	struct map_reader m = { .in = in, .left = left, .at = TAR_BLOCK };
	uint64_t count, offset, length;

	if (read_number(&m, &count, err) < 0)
		return -1;
	e->sparse = true;
	/* The count is never used to allocate: a lie ends where the file's data end. */
	for (uint64_t i = 0; i < count; i++) {
		if (read_number(&m, &offset, err) < 0 ||
		    read_number(&m, &length, err) < 0 ||
		    entry_add_extent(e, offset, length, err) < 0)
			return -1;
	}
	return 0;
}

int tar_sparse_parse_map(const char *text, size_t n, struct entry *e, struct err *err)
{
	const char *p = n > 0 ? text : NULL, *end = text + n;
	uint64_t pair[2];
	unsigned i = 0;

	e->sparse = true;
	while (p) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;

		if (!tar_sparse_number(p, (size_t)(stop - p), &pair[i]))
			return err_set(err, ERR_CORRUPT,
				       "sparse map has a malformed number");
		if (i == 1 && entry_add_extent(e, pair[0], pair[1], err) < 0)
			return -1;
		i ^= 1;
		p = comma ? comma + 1 : NULL;
	}
	if (i != 0)
		return err_set(err, ERR_CORRUPT,
			       "sparse map has an odd number of fields");
	return 0;
}

int tar_sparse_check(const struct entry *e, struct err *err)
{
	uint64_t sum = 0;

	/* Extents are disjoint and end within ENTRY_SIZE_MAX, so the sum cannot
	 * overflow. */
	for (size_t i = 0; i < e->n_extents; i++)
		sum += e->extents[i].length;
	if (e->n_extents > 0) {
		const struct entry_extent *last = &e->extents[e->n_extents - 1];

		if (last->offset + last->length > e->size)
			return err_set(err, ERR_CORRUPT,
				       "sparse map goes beyond the file's size");
	}
	if (sum != e->stored)
		return err_set(err, ERR_CORRUPT,
			       "sparse map does not add up to the data that are stored");
	return 0;
}
