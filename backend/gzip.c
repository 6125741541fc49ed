/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/gzip.h"

#include <assert.h>
#include <string.h>

#include "backend/base/le.h"
#include "backend/entropy.h"
#include "backend/gzip_internal.h"

#define FEXTRA 4

/* All of our header but the length: FLG FEXTRA, MTIME 0, XFL 0, OS 255 (unknown), 12
 * bytes of extra field, in it the subfield SA of 8 bytes. */
static const uint8_t header[] = { 0x1f, 0x8b, 8,  FEXTRA, 0,   0,   0, 0,
				  0,    0xff, 12, 0,      'S', 'A', 8, 0 };

_Static_assert(sizeof(header) + 8 == GZIP_MEMBER_HEADER, "a 64-bit length follows");

const char *gzip_library(void)
{
	return deflate_compressor(GZIP_FAST)->name;
}

uint32_t gzip_crc32(uint32_t crc, const void *p, size_t n)
{
	return deflate_checksum()->crc32(crc, p, n);
}

unsigned gzip_threads(unsigned asked)
{
	if (asked == 0)
		asked = sys_cpu_count();
	return asked < GZIP_THREADS_MAX ? asked : GZIP_THREADS_MAX;
}

/* The size of a deflate stream that stores n bytes. */
static size_t stored_size(size_t n)
{
	size_t n_pieces = (n + GZIP_STORED_PIECE - 1) / GZIP_STORED_PIECE;

	return n + 5 * (n_pieces > 0 ? n_pieces : 1);
}

/* Writes n bytes as stored pieces of a deflate stream, which they may end. */
static size_t store(const uint8_t *in, size_t n, uint8_t *out, bool last)
{
	uint8_t *at = out;
	size_t piece;

	do {
		piece = n < GZIP_STORED_PIECE ? n : GZIP_STORED_PIECE;
		at[0] = last && piece == n; /* type 0 */
		le_put16(at + 1, (uint16_t)piece);
		le_put16(at + 3, (uint16_t)~piece);
		memcpy(at + 5, in, piece);
		at += 5 + piece;
		in += piece;
		n -= piece;
	} while (n > 0);
	return (size_t)(at - out);
}

/* How many bytes from `at` on, whole pieces, are of one kind. */
static size_t run_length(const bool *full, size_t at, size_t n)
{
	size_t end = at;

	while (end < n && full[end / ENTROPY_PIECE] == full[at / ENTROPY_PIECE])
		end += ENTROPY_PIECE;
	return (end < n ? end : n) - at;
}

/* A deflate stream in which what is full of entropy is stored and all else compressed,
 * run by run; 0 if it has no room in `cap`. */
static size_t encode_runs(const struct deflate_codec *codec, void *compressor,
			  const uint8_t *in, size_t n, const bool *full, uint8_t *out,
			  size_t cap)
{
	size_t size = 0;

	for (size_t at = 0, run; at < n; at += run) {
		run = run_length(full, at, n);
		bool last = at + run == n;
		size_t made;

		if (!full[at / ENTROPY_PIECE])
			made = (last ? codec->compress : codec->compress_part)(
				compressor, in + at, run, out + size, cap - size);
		else
			made = stored_size(run) <= cap - size
				       ? store(in + at, run, out + size, last)
				       : 0;
		if (made == 0)
			return 0;
		size += made;
	}
	return size;
}

/* The deflate stream of a block, or 0 if to store it is shorter. */
static size_t encode(const struct deflate_codec *codec, void *compressor,
		     const uint8_t *in, size_t n, uint8_t *out)
{
	bool full[GZIP_BLOCK / ENTROPY_PIECE];
	size_t n_full = entropy_look(in, n, full), cap = stored_size(n) - 1;
	size_t n_pieces = (n + ENTROPY_PIECE - 1) / ENTROPY_PIECE;

	if (n_full > 0 && n_full == n_pieces)
		return 0;
	if (n_full > 0 && 100 * n_full >= codec->parts_pay_from * n_pieces)
		return encode_runs(codec, compressor, in, n, full, out, cap);
	return codec->compress(compressor, in, n, out, cap);
}

size_t gzip_member_encode(const struct deflate_codec *codec, void *compressor,
			  const uint8_t *in, size_t n, uint8_t *out)
{
	uint8_t *data = out + GZIP_MEMBER_HEADER;

	assert(n <= GZIP_BLOCK);
	size_t size = encode(codec, compressor, in, n, data);
	if (size == 0)
		size = store(in, n, data, true);
	size_t length = GZIP_MEMBER_HEADER + size + GZIP_MEMBER_TRAILER;
	memcpy(out, header, sizeof(header));
	le_put64(out + sizeof(header), length);
	le_put32(data + size, gzip_crc32(0, in, n));
	le_put32(data + size + 4, (uint32_t)n);
	return length;
}

size_t gzip_member_length(const uint8_t *p, size_t n)
{
	if (n < GZIP_MEMBER_HEADER || memcmp(p, header, sizeof(header)) != 0)
		return 0;

	uint64_t length = le_get64(p + sizeof(header));
	return length < GZIP_MEMBER_MIN || length > GZIP_MEMBER_MAX ? 0 : (size_t)length;
}

bool gzip_member_is_broken(const uint8_t *p, size_t n)
{
	return n >= sizeof(header) && memcmp(p, header, 3) == 0 && (p[3] & FEXTRA) &&
	       p[12] == 'S' && p[13] == 'A' &&
	       (memcmp(p + 10, header + 10, 2) != 0 ||
		memcmp(p + 14, header + 14, 2) != 0);
}

int gzip_member_decode(const struct deflate_codec *codec, void *decompressor,
		       const uint8_t *p, size_t n, uint8_t *out, size_t *ret_n,
		       struct err *err)
{
	const uint8_t *trailer = p + n - GZIP_MEMBER_TRAILER;
	const uint8_t *data = p + GZIP_MEMBER_HEADER;
	size_t n_out = le_get32(trailer + 4);

	if (n_out > GZIP_BLOCK)
		return err_set(err, ERR_CORRUPT, "%zu bytes in one block", n_out);
	if (!codec->decompress(decompressor, data, (size_t)(trailer - data), out, n_out))
		return err_set(err, ERR_CORRUPT, "compressed data is damaged");
	if (gzip_crc32(0, out, n_out) != le_get32(trailer))
		return err_set(err, ERR_CORRUPT, "wrong checksum");
	*ret_n = n_out;
	return 0;
}
