/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/deflate.h"

#ifdef HAVE_DEFLATE_ISAL

# include <isa-l/crc.h>
# include <isa-l/igzip_lib.h>
# include <stdlib.h>

# include "backend/base/alloc.h"

/*
 * Level 2, the last one whose output is the same on every kind of x86 processor.  The
 * size of its token buffer is how often it makes new Huffman tables: this one gives .3 %
 * fewer bytes than the size that ISA-L calls default, at the same speed.
 */
# define LEVEL      2
# define LEVEL_SIZE ISAL_DEF_LVL2_MEDIUM

struct isal_compressor {
	struct isal_zstream stream;
	uint8_t level_buf[LEVEL_SIZE];
};

static void *isal_compressor_new(enum gzip_level level, struct err *err)
{
	(void)level; /* it has but one worth having */
	return alloc_zero(1, sizeof(struct isal_compressor), err);
}

/*
 * So many bytes are given to ISA-L before all others, and made it compress: the fewest
 * that it takes for a history.  Without a history its loop over the bulk of a block
 * (of 2.30, and later) files the third position of the block under a hash of the
 * address of the stream instead of one of the data, and now and then finds another
 * match for it.  What comes out is right, but it is not the same for each compressor.
 * It costs some 5 bytes a block.
 */
# define FIRST 4

/* A stream, or the part of one that goes on behind it; the object's
 * stream tells how that went. */
static bool run(struct isal_compressor *c, const void *in, size_t n, void *out,
		size_t cap, bool part)
{
	struct isal_zstream *s = &c->stream;
	size_t first = n > FIRST ? FIRST : 0;

	isal_deflate_init(s);
	s->level = LEVEL;
	s->level_buf = c->level_buf;
	s->level_buf_size = LEVEL_SIZE;
	s->next_in = (uint8_t *)(uintptr_t)in; /* only read */
	s->next_out = out;
	s->avail_out = (uint32_t)cap;
	if (first > 0) {
		s->avail_in = (uint32_t)first;
		s->flush = SYNC_FLUSH;
		if (isal_deflate(s) != COMP_OK || s->avail_in > 0)
			return false;
	}
	s->avail_in = (uint32_t)(n - first);
	s->end_of_stream = !part;
	s->flush = part ? SYNC_FLUSH : NO_FLUSH;
	return isal_deflate(s) == COMP_OK;
}

static size_t isal_compress(void *compressor, const void *in, size_t n, void *out,
			    size_t cap)
{
	struct isal_compressor *c = compressor;

	if (!run(c, in, n, out, cap, false) ||
	    c->stream.internal_state.state != ZSTATE_END)
		return 0;
	return c->stream.total_out;
}

static size_t isal_compress_part(void *compressor, const void *in, size_t n, void *out,
				 size_t cap)
{
	struct isal_compressor *c = compressor;

	/* With room left nothing of it is still to come. */
	if (!run(c, in, n, out, cap, true) || c->stream.avail_in > 0 ||
	    c->stream.avail_out == 0)
		return 0;
	return c->stream.total_out;
}

static void *isal_decompressor_new(struct err *err)
{
	return alloc_bytes(sizeof(struct inflate_state), err);
}

static bool isal_decompress(void *decompressor, const void *in, size_t n, void *out,
			    size_t out_n)
{
	struct inflate_state *s = decompressor;

	isal_inflate_init(s);
	s->next_in = (uint8_t *)(uintptr_t)in; /* only read */
	s->avail_in = (uint32_t)n;
	s->next_out = out;
	s->avail_out = (uint32_t)out_n;
	/* It also succeeds where the output is full before the stream has ended. */
	return isal_inflate_stateless(s) == ISAL_DECOMP_OK && s->avail_in == 0 &&
	       s->avail_out == 0 && s->block_state == ISAL_BLOCK_FINISH;
}

static uint32_t isal_crc32(uint32_t crc, const void *p, size_t n)
{
	return crc32_gzip_refl(crc, p, n);
}

const struct deflate_codec deflate_isal = {
	.name = "isa-l",
	.compressor_new = isal_compressor_new,
	.compressor_free = free,
	.compress = isal_compress,
	.compress_part = isal_compress_part,
	.decompressor_new = isal_decompressor_new,
	.decompressor_free = free,
	.decompress = isal_decompress,
	.crc32 = isal_crc32,
};

#endif
