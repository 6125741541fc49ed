/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_UNPACK_H
#define SETASIDE_TREE_UNPACK_H

/*
 * unpack: a tar stream into a sink of checked entries.
 *
 * The sink makes the files (apply), sends them to another process, counts them or looks
 * at them.  Here is checked all that needs no file system, so that a stream that is only
 * looked at (check) gets the verdict that it would get when it is restored:
 *  - the first component of every path is one of the tops that are expected, and those
 *    are directories;
 *  - a directory's own entry comes before what is in it (only a top named `common` may be
 *    without one), and nothing lies below what is no directory;
 *  - no path comes twice;
 *  - hard links name an earlier entry of this stream that is no directory;
 *  - limits on bytes and entries, looked at before memory is spent on them.
 * That takes 12 to 24 bytes for each path, of memory, or beyond some
 * megabytes of a file (path_set.h: by chance one good archive in ten million
 * is refused, and not the next time).
 *
 * Kinds: ERR_CORRUPT for all of this but the limits, which are ERR_NO_SPACE; those of
 * tar_read; ERR_INTERRUPTED; what source and sink say, as they said it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/error.h"
#include "backend/base/observer.h"
#include "backend/tree/entry.h"
#include "backend/tree/tar_read.h"

/* Each call is over before the next begins; what it is given is valid during the call. */
struct unpack_sink {
	int (*entry)(void *ctx, const struct entry *e, struct err *err);
	/* Data of the last entry, in rising offsets, n at least 1. */
	int (*data)(void *ctx, uint64_t offset, const void *p, size_t n, struct err *err);
	/* After the last entry of a complete stream. */
	int (*finish)(void *ctx, struct err *err);
	void *ctx;
};

struct unpack_limits {
	uint64_t max_bytes;   /* of the stream, headers included; 0: none */
	uint64_t max_entries; /* 0: none */
	struct spill *spill;  /* borrowed: for what does not fit into memory; or NULL */
};

struct unpack_counts {
	uint64_t bytes;     /* of the stream, its end included */
	uint64_t allocated; /* file system space that it needs, as pack_counts has it */
	uint64_t entries;   /* inodes that it makes: hard links not among them */
};

/* `tops`: legal first components ("7", "common"), NULL-terminated; `limits` NULL: none.
 * Reads up to the end of the source.  *ret counts what was read, and is filled on success
 * only. */
int unpack_run(tar_source source, void *source_ctx, const char *const *tops,
	       const struct unpack_limits *limits, const struct unpack_sink *sink,
	       const struct observer *observer, struct unpack_counts *ret,
	       struct err *err);

/* A sink that takes everything and does nothing (ctx unused). */
extern const struct unpack_sink unpack_discard;

#endif
