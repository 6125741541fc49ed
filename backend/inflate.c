/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/inflate.h"

#include <limits.h>
#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>

#include "backend/base/alloc.h"

#define WINDOW_BITS 15
#define GZIP_ONLY   16 /* added to the bits: expect a gzip header and trailer */

struct inflater {
	z_stream z;
};

void *inflater_zalloc(void *opaque, unsigned items, unsigned size)
{
	struct err ignored = ERR_INIT;
	void *p = alloc_zero(items, size, &ignored);

	(void)opaque;
	err_clear(&ignored); /* zlib says Z_MEM_ERROR, which becomes an error again */
	return p;
}

void inflater_zfree(void *opaque, void *p)
{
	(void)opaque;
	free(p);
}

int inflater_new(enum inflate_format format, struct inflater **ret, struct err *err)
{
	_cleanup_free_ struct inflater *i = alloc_zero(1, sizeof(*i), err);

	if (!i)
		return -1;
	i->z.zalloc = inflater_zalloc;
	i->z.zfree = inflater_zfree;
	int bits = format == INFLATE_GZIP ? WINDOW_BITS + GZIP_ONLY : -WINDOW_BITS;
	if (inflateInit2(&i->z, bits) != Z_OK)
		return err_nomem(err);
	/* Its window now, and not when it is first needed, where
	 * there may be no memory. */
	if (format == INFLATE_RAW &&
	    inflateSetDictionary(&i->z, (const Bytef *)"", 0) != Z_OK) {
		(void)inflateEnd(&i->z);
		return err_nomem(err);
	}
	*ret = TAKE_PTR(i);
	return 0;
}

void inflater_reset(struct inflater *i)
{
	(void)inflateReset(&i->z);
}

/* What zlib may be given at once. */
static uInt clamp(size_t n)
{
	return n < UINT_MAX ? (uInt)n : UINT_MAX;
}

int inflater_run(struct inflater *i, const void **in, size_t *n_in, void **out,
		 size_t *n_out, struct err *err)
{
	z_stream *z = &i->z;
	uInt n_given = clamp(*n_in), n_room = clamp(*n_out);

	z->next_in = *in;
	z->avail_in = n_given;
	z->next_out = *out;
	z->avail_out = n_room;
	int status = inflate(z, Z_NO_FLUSH);
	*in = z->next_in;
	*n_in -= n_given - z->avail_in;
	*out = z->next_out;
	*n_out -= n_room - z->avail_out;

	switch (status) {
	case Z_OK:
	case Z_BUF_ERROR: /* no progress without more input or room */
		return 1;
	case Z_STREAM_END:
		return 0;
	case Z_MEM_ERROR:
		return err_nomem(err);
	default:
		return err_set(err, ERR_CORRUPT, "compressed data is damaged: %s",
			       z->msg ? z->msg : "it needs a dictionary");
	}
}

/* Of z_stream.data_type: a block has just ended, and these bits of the last byte were not
 * used; the last block has begun. */
#define UNUSED_BITS 7
#define LAST_BLOCK  64
#define BLOCK_END   128

bool inflater_find_last_block(struct inflater *i, const void *in, size_t n,
			      uint64_t *ret_begin, uint64_t *ret_end)
{
	z_stream *z = &i->z;
	uint64_t begin = 0;
	uint8_t ignored[8192];

	z->next_in = in;
	z->avail_in = clamp(n);
	for (;;) {
		z->next_out = ignored;
		z->avail_out = sizeof(ignored);
		if (inflate(z, Z_BLOCK) != Z_OK)
			return false;
		if (!(z->data_type & BLOCK_END))
			continue;
		uint64_t at = 8 * (uint64_t)(z->next_in - (const Bytef *)in) -
			      (unsigned)(z->data_type & UNUSED_BITS);
		if (z->data_type & LAST_BLOCK) {
			*ret_begin = begin;
			*ret_end = at;
			return true;
		}
		begin = at;
	}
}

void inflater_free(struct inflater *i)
{
	if (!i)
		return;
	(void)inflateEnd(&i->z);
	free(i);
}
