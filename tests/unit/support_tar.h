/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_SUPPORT_TAR_H
#define SETASIDE_TESTS_SUPPORT_TAR_H

/*
 * support_tar: tar streams that no right program writes, and sources for all of them.
 *
 *	struct tar_bytes t = TAR_BYTES;
 *
 *	tar_dir(&t, "common");
 *	tar_add(&t, (struct tar_item){ .name = "common/x", .type = '2', .link = "y" });
 *	tar_end(&t);
 *	tar_reader_new(tar_bytes_source, &t, ...)
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/tree/apply.h"
#include "backend/tree/owners.h"
#include "backend/tree/unpack.h"

struct tar_bytes {
	struct buf buf;
	size_t chunk; /* bytes a call of the source gives at most; 0: all */
	size_t at;    /* how far the source is */
	char *lent;   /* the last piece, of just its size: reading beyond it is found */
};

#define TAR_BYTES                                                                        \
 {                                                                                       \
  .buf = BUF_INIT                                                                        \
 }

void tar_bytes_done(struct tar_bytes *t);
/* A tar_source over them. */
ssize_t tar_bytes_source(void *ctx, const void **ret, size_t max, struct err *err);
/* Puts the source back to the beginning. */
void tar_bytes_rewind(struct tar_bytes *t, size_t chunk);

/* What is not set is 0; a mode of 0 becomes 0644, or 0755 for directories. */
struct tar_item {
	const char *name, *link;
	char type;
	unsigned mode, uid, gid;
	const char *user, *group;
	int64_t mtime;
	const char *data; /* text that follows, with padding */
	uint64_t size;    /* what the header says if there is no data */
	unsigned major, minor;
	const char *magic; /* eight bytes; NULL: "ustar\0" "00" */
};

void tar_add(struct tar_bytes *t, struct tar_item item);
/* Only the header block, for tests that change it; returns where it begins. */
size_t tar_header(struct tar_bytes *t, struct tar_item item);
/* Puts the right checksum into a header block. */
void tar_checksum(char *block);
void tar_dir(struct tar_bytes *t, const char *name);
void tar_file(struct tar_bytes *t, const char *name, const char *data);
/* Data of any bytes, padded to whole blocks. */
void tar_data(struct tar_bytes *t, const void *p, size_t n);
/* An extended header of type x or g: key and value pairs, NULL at the end. */
void tar_pax(struct tar_bytes *t, int type, ...) __attribute__((sentinel));
/* Whatever follows is owned by the test's user. */
void tar_own(struct tar_bytes *t);
/* The two zero blocks. */
void tar_end(struct tar_bytes *t);

/* Reads a stream to its end through tar_read: a line for each entry, and for each
 * piece of data. 0/-1. */
int tar_read_all(struct tar_bytes *t, struct buf *out, struct err *err);
/* It reads as `expected`, and to its end in pieces of any size. */
void ck_assert_tar_reads(struct tar_bytes *t, const char *expected);
/* It is refused, in pieces of any size. */
void ck_assert_tar_refused(struct tar_bytes *t, enum err_kind kind, const char *part);

/* Runs a program in a directory, its output into a file of the test's directory (NULL:
 * nowhere). Returns its exit status, or -1 if it is not installed. */
int support_run(const char *dir, const char *output, const char *const argv[]);
bool support_has(const char *program);

/* A tar_source over a file descriptor. */
struct fd_source {
	int fd;
	char piece[65536];
};

ssize_t fd_source_read(void *ctx, const void **ret, size_t max, struct err *err);

/* Owners as this machine's files have them, numbers where there is no name; "unknown"
 * is nobody. */
struct owners *support_owners(void);

/* Notes that apply made, as lines "path: what" and "(minor) path: what". */
struct apply_notes {
	struct buf text;
	struct apply_report report;
};

void apply_notes_init(struct apply_notes *n);
void apply_notes_done(struct apply_notes *n);
bool apply_notes_have(const struct apply_notes *n, const char *part);

/* Unpacks into one directory target; flags as for apply_new(). */
int support_unpack(tar_source source, void *ctx, const char *path, int fd, unsigned flags,
		   struct apply_notes *notes, struct err *err);

#endif
