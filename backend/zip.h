/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_ZIP_H
#define SETASIDE_ZIP_H

/*
 * zip: the container of a snapshot, written to and read from descriptors that the caller
 * opened.  No path is ever opened here, nothing is renamed or synced.
 *
 * Writing (libzip): members are declared in order with a source each; all of them are
 * read and written in zip_writer_finish(), one after the other, in that order; so a later
 * member (meta.json) may be made of what an earlier one turned out to be.  Member times
 * are fixed (1980-01-01), so equal input gives equal bytes.  Sizes stand in the local
 * headers (they are completed afterwards), zip64 where needed.
 *
 *	zip_writer_new(fd, &w, err);
 *	zip_writer_add(w, "archive.tgz", ZIP_STORED, &ops, &archive, err);
 *	zip_writer_add(w, "meta.json", ZIP_DEFLATED, &ops, &meta, err);
 *	zip_writer_finish(w, err);		// calls the sources
 *	zip_writer_free(w);			// then fsync and rename are the caller's
 *
 * Reading: one reader of our own, so that what is checked is what is read.  It opens a
 * file only if every byte of it is accounted for (zip_directory.h): members lie end to
 * end from the first byte to the directory and the directory to the end of the file,
 * local and central headers agree in name, method, flags, CRC-32 and sizes (data
 * descriptors and zip64 checked), known methods only (stored, deflated), no encryption,
 * no multi-disk, no comments, no two members of one name.  Names are bytes: nothing is
 * said about what they mean, as a path least of all.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/base/buf.h"
#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/meter.h"
#include "backend/base/observer.h"

enum zip_method {
	ZIP_STORED,
	ZIP_DEFLATED,
};

/* `open` is called once when the member's turn comes (NULL allowed), `read` until it
 * returns 0 (which it is asked for once); both as long as nothing failed. */
struct zip_source_ops {
	int (*open)(void *ctx, struct err *err);
	ssize_t (*read)(void *ctx, void *p, size_t n, struct err *err);
};

struct zip_writer;

/* Borrows fd (writable, empty, seekable) until finish or free. */
int zip_writer_new(int fd, struct zip_writer **ret, struct err *err);
/* Borrows ops and ctx.  Member sizes need not be known.  DEFLATED falls back to STORED
 * where that is smaller, up to 8 KiB; beyond that deflate adds next to nothing.
 * ERR_EXISTS: a second member of one name. */
int zip_writer_add(struct zip_writer *w, const char *name, enum zip_method method,
		   const struct zip_source_ops *ops, void *ctx, struct err *err);
/* Reads all sources and writes the file; an error of a source is returned as it was set.
 * After a failure the file holds nothing of use and the writer can only be freed.
 * ERR_USAGE: there are no members. */
int zip_writer_finish(struct zip_writer *w, struct err *err);
void zip_writer_free(struct zip_writer *w);
CLEANUP_FUNC(struct zip_writer *, zip_writer_free);

/*
 * Renewing: a file that begins as an older one, whose archives it keeps, and goes on with
 * small members of its own.  The beginning is cloned where the file system can (nothing
 * is read then), else copied, and the CRC-32 of each member compared on the way.  Nothing
 * is parsed: what is kept is as the reader process told.
 */

struct zip_member {
	const char *name; /* as in the file; lives as long as the reader */
	uint64_t size;
	uint64_t compressed_size;
	uint64_t header; /* offset of its local header in the file */
	uint64_t offset; /* of the first byte of its data, behind that */
	uint32_t crc;
	enum zip_method method;
	bool utf8;  /* its name is marked as UTF-8 */
	bool plain; /* stored, with no other mark and no data descriptor behind it */
};

/* True if these plain members, in this order, are all that a file begins with. */
bool zip_is_beginning(const struct zip_member *members, size_t n);

struct zip_text {
	const char *name; /* ASCII */
	const void *p;
	size_t n;
};

struct zip_renewal {
	int fd;                        /* writable, empty; borrowed */
	int from;                      /* the older file; borrowed */
	const struct zip_member *kept; /* zip_is_beginning() */
	size_t n_kept;
	const struct zip_text *texts; /* deflated, stored where that is not smaller */
	size_t n_texts;
	const struct observer *observer;
	struct meter *meter; /* hears of the bytes that are kept; NULL: nobody */
};

/* ERR_CORRUPT: the older file cannot be read, or holds other bytes than it says. */
int zip_renew(const struct zip_renewal *z, struct err *err);

struct zip_reader;

/* Borrows fd (a regular file, read with pread) until free.  `max_members` bounds memory:
 * about 1.2 KiB for each.  ERR_CORRUPT for a bad file or one with more members. */
int zip_reader_new(int fd, size_t max_members, struct zip_reader **ret, struct err *err);
/* One more reader of the same file, for another thread: it shares what r knows of it, and
 * is freed before r. */
int zip_reader_again(const struct zip_reader *r, struct zip_reader **ret,
		     struct err *err);
size_t zip_reader_count(const struct zip_reader *r);
/* In the directory's order; lives as long as the reader. */
const struct zip_member *zip_reader_member(const struct zip_reader *r, size_t i);
/* Index of the member of that name, or -1 (not an error). */
ssize_t zip_reader_find(const struct zip_reader *r, const char *name);
/* Streams one member; only one is open at a time, another takes its place. */
int zip_reader_open(struct zip_reader *r, size_t i, struct err *err);
/* Closes it, and lets go of what reading members takes, which is
 * much more than the rest. */
void zip_reader_rest(struct zip_reader *r);
/* Up to n bytes; 0 at the end.  The read that would hand out the last byte fails instead
 * if size or CRC-32 turn out wrong, so whoever has them all has the right ones.
 * ERR_CORRUPT names the member; ERR_CHANGED: the file was cut meanwhile. */
ssize_t zip_reader_read(struct zip_reader *r, void *p, size_t n, struct err *err);
/* Reads and checks what is left of the open member, then lets it go.  To abandon one,
 * open another or free the reader. */
int zip_reader_close(struct zip_reader *r, struct err *err);
/* Appends a whole member of at most `max` bytes; ERR_CORRUPT if it is larger. */
int zip_reader_slurp(struct zip_reader *r, size_t i, size_t max, struct buf *out,
		     struct err *err);
void zip_reader_free(struct zip_reader *r);
CLEANUP_FUNC(struct zip_reader *, zip_reader_free);

#endif
