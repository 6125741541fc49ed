/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_GZIP_H
#define SETASIDE_GZIP_H

/*
 * gzip: the compressed stream of an archive.
 *
 * Writing cuts the input into blocks of GZIP_BLOCK bytes; each becomes a gzip member of
 * its own (format.md, "Our gzip members": FLG=FEXTRA only, MTIME 0, XFL 0, OS 255, one
 * subfield 'S' 'A' of length 8: the size of the whole member, little endian).  They are
 * compressed in parallel and delivered in order.  Same input, level, library and kind of
 * CPU: same bytes, however many threads.  Blocks that do not shrink are stored, and so
 * are parts of a block that look as if they would not (entropy.h).
 *
 *	gzip_writer_new(GZIP_FAST, 0, sink, ctx, &w, err);
 *	while (more) {
 *		gzip_writer_room(w, &p, &n, err);	// read() straight into the block
 *		gzip_writer_advance(w, n_read, err);
 *	}
 *	gzip_writer_finish(w, err);
 *	gzip_writer_free(w);
 *
 * Reading takes any gzip stream of one or more members.  Those of the form above are read
 * whole and inflated in parallel, ahead of the caller but in order; their size is only
 * believed if a block of ours can have it, and the member has to fill it exactly.  All
 * others (another header, another size) are inflated as a plain stream.  Of every member
 * CRC-32 and length are checked, and nothing but the end may follow the last one.
 * Nothing covers MTIME, XFL, OS and names in a gzip header, nor the bits that fill the
 * last byte of a deflate stream: those may change without notice, contents may not.
 * A stream that is cut between two members is a shorter stream; that it ought to have
 * been longer is for a hash, or for what is inside, to say.
 *
 * Errors: what sink or source set comes back as it was set; ERR_CORRUPT for damaged
 * input, naming the member by its offset; ERR_NOMEM.  After an error an object can only
 * be freed.
 *
 * Memory and threads: all memory is taken when the object is made.  With n threads a
 * writer has n + 4 blocks and as many places for members, a reader n + 2 blocks and n
 * places, of 1 MiB each, touched only when used (a foreign stream takes 40 KiB more).  A
 * stream of one block starts no thread.  Where a thread cannot be started the work is
 * done by fewer.  Threads block all signals.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"

#define GZIP_BLOCK ((size_t)1 << 20)

enum gzip_level {
	GZIP_FAST,  /* with ISA-L 15 times as fast as gzip -6, for 2 to 12 % more bytes */
	GZIP_SMALL, /* no larger than gzip -6 */
};

/* Receives compressed bytes in order, from one thread at a time, perhaps not the
 * caller's. */
typedef int (*gzip_sink)(void *ctx, const void *p, size_t n, struct err *err);
/* Up to n bytes; 0 at the end (it is not asked again); -1.  Called from one thread at a
 * time, perhaps not the caller's, and before the bytes are asked for. */
typedef ssize_t (*gzip_source)(void *ctx, void *p, size_t n, struct err *err);

struct gzip_writer;

/* `threads` 0: as many as the process may run on (at most 8); 1: in the caller's thread.
 * Borrows ctx until free, which threads may use until then. */
int gzip_writer_new(enum gzip_level level, unsigned threads, gzip_sink sink, void *ctx,
		    struct gzip_writer **ret, struct err *err);
int gzip_writer_write(struct gzip_writer *w, const void *p, size_t n, struct err *err);
/* Room in the current block, for reading file data straight into it: at least 1 byte.
 * Then gzip_writer_advance() by what was filled. */
int gzip_writer_room(struct gzip_writer *w, void **ret, size_t *ret_n, struct err *err);
int gzip_writer_advance(struct gzip_writer *w, size_t n, struct err *err);
/* Compresses and delivers what is left and joins the threads; nothing but total and free
 * may follow.  An empty stream is one member of no bytes. */
int gzip_writer_finish(struct gzip_writer *w, struct err *err);
/* Uncompressed bytes taken. */
uint64_t gzip_writer_total(const struct gzip_writer *w);
/* Abandons what is not finished; waits for a call of the sink that is under way. */
void gzip_writer_free(struct gzip_writer *w);
CLEANUP_FUNC(struct gzip_writer *, gzip_writer_free);

struct gzip_reader;

/* `threads` as for the writer.  Borrows ctx until free. */
int gzip_reader_new(unsigned threads, gzip_source source, void *ctx,
		    struct gzip_reader **ret, struct err *err);
/* Up to n bytes (n > 0), at least 1; 0 at the proven end of the stream; -1. */
ssize_t gzip_reader_read(struct gzip_reader *r, void *p, size_t n, struct err *err);
/* Without copying: the next inflated bytes, at most max (> 0), valid until the next call;
 * 0 at the end. */
ssize_t gzip_reader_next(struct gzip_reader *r, const void **ret, size_t max,
			 struct err *err);
/* Waits for a call of the source that is under way. */
void gzip_reader_free(struct gzip_reader *r);
CLEANUP_FUNC(struct gzip_reader *, gzip_reader_free);

/* What compresses GZIP_FAST: "isa-l", "libdeflate" or "zlib". */
const char *gzip_library(void);

/* CRC-32 (zlib's polynomial), fastest at hand; 0 to begin with. */
uint32_t gzip_crc32(uint32_t crc, const void *p, size_t n);

#endif
