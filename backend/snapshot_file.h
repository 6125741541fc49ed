/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_SNAPSHOT_FILE_H
#define SETASIDE_SNAPSHOT_FILE_H

/*
 * snapshot_file: one snapshot zip, opened and believed only as far as it proves itself.
 *
 * Parses what a stranger may have written, so it runs in the reader process.  Opening
 * checks the zip's directory, the hash of meta.json over its bytes before they are
 * parsed, the metadata, and that members and declared sizes fit.  The archives' own bytes
 * are compared only by snapshot_file_check() and by whoever streams them.
 */

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/observer.h"
#include "backend/snapshot.h"
#include "backend/tree/unpack.h"
#include "backend/zip.h"

#define SNAPSHOT_FILE_MEMBERS_MAX 65536u
#define SNAPSHOT_FILE_HASH_MAX    1024u /* bytes of meta.sha3_384 */

struct snapshot_file;

/* Takes fd on success and on failure.  *ret_meta (caller frees) is set whenever the
 * metadata could be parsed, even where the file is found broken; then the call fails
 * (ERR_CORRUPT) all the same and *ret is untouched.  Otherwise *ret_meta is NULL. */
int snapshot_file_open(int fd, struct snapshot_file **ret, struct snapshot **ret_meta,
		       struct err *err);
void snapshot_file_close(struct snapshot_file *f);
CLEANUP_FUNC(struct snapshot_file *, snapshot_file_close);

const struct snapshot *snapshot_file_meta(const struct snapshot_file *f);

/* Bytes of the whole file when it was opened: what snapshot_file_copy() hands on. */
uint64_t snapshot_file_bytes(const struct snapshot_file *f);
/* Bytes of an archive member, as its zip says. */
int snapshot_file_size(struct snapshot_file *f, const char *member, uint64_t *ret,
		       struct err *err);
/* Where it lies in the file.  ret->name is the file's. */
int snapshot_file_place(struct snapshot_file *f, const char *member,
			struct zip_member *ret, struct err *err);

/* Receives the member's bytes as they lie in the zip. */
typedef int (*snapshot_file_sink)(void *ctx, const void *p, size_t n, struct err *err);

/* Reads one archive member to its end, through its hash and into `sink` (NULL:
 * nowhere); only when size, CRC and SHA3-384 are right does it return 0.
 * ERR_CORRUPT names the member.  Other threads may do the same, and one all the
 * rest, with the same file meanwhile. */
int snapshot_file_stream(struct snapshot_file *f, const char *member,
			 snapshot_file_sink sink, void *ctx,
			 const struct observer *observer, struct err *err);

/* Hands the whole file on, byte for byte, and compares the hashes of its archives on the
 * way: one pass, unless another writer compressed the archives once more.  Only when all
 * of them are right does it return 0; what it handed on until then is of no use
 * otherwise.  ERR_CORRUPT names the member; ERR_CHANGED: the file was cut meanwhile. */
int snapshot_file_copy(struct snapshot_file *f, snapshot_file_sink sink, void *ctx,
		       const struct observer *observer, struct err *err);

/* Inflates the member and walks its tar, without making anything: proves its
 * structure and counts what unpacking would need.  `limits` may be NULL.  Progress is
 * told in bytes of the member. */
int snapshot_file_walk(struct snapshot_file *f, const char *member,
		       const struct unpack_limits *limits,
		       const struct observer *observer, struct unpack_counts *ret,
		       struct err *err);

#endif
