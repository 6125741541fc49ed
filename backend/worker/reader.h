/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_WORKER_READER_H
#define SETASIDE_WORKER_READER_H

/*
 * reader: snapshots parsed and hashed by a process without rights (client side).
 *
 * One process serves any number of files.  A file is handed over as an open
 * descriptor; what comes back is the metadata in a checked binary record, hashes
 * compared, and an archive's bytes in a pipe.  Nothing that a stranger may have
 * written is parsed anywhere else.
 */

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/meter.h"
#include "backend/base/observer.h"
#include "backend/snap_yaml.h"
#include "backend/snapshot.h"
#include "backend/tree/unpack.h"
#include "backend/worker/worker.h"
#include "backend/zip.h"

/* Who a reader is: nobody, without any capability. */
extern const struct identity reader_identity;

/*
 * Opens the snapshot behind fd (borrowed).  Returns 0 where it could be looked at,
 * however broken it is: then *ret_problem is filled with the reason, *ret (caller frees)
 * is what could be read of its metadata, or NULL, and there is no handle (*ret_handle is
 * 0).  -1: the reader itself failed.
 */
int reader_open(struct worker *w, int fd, const struct observer *observer,
		struct snapshot **ret, uint64_t *ret_handle, struct err *ret_problem,
		struct err *err);
/* After a cancel the reader may be gone with all its handles. */
int reader_close(struct worker *w, uint64_t handle, const struct observer *observer,
		 struct err *err);

/* The bytes of one archive as the zip says, for people: nothing may rely on them.
 * `member` NULL: those that reader_copy() is going to write. */
int reader_size(struct worker *w, uint64_t handle, const char *member,
		const struct observer *observer, uint64_t *ret, struct err *err);

/* Where an archive lies in its file, so that the parent can take its bytes over as they
 * are.  ret->name is `member`. */
int reader_place(struct worker *w, uint64_t handle, const char *member,
		 const struct observer *observer, struct zip_member *ret,
		 struct err *err);

/* Reads one archive to its end and compares size, CRC and SHA3-384; `deep` also inflates
 * it and walks its tar.  ERR_CORRUPT: it is damaged.  `meter` (NULL: nobody) hears of its
 * bytes, of a deep check twice. */
int reader_check(struct worker *w, uint64_t handle, const char *member, bool deep,
		 struct meter *meter, const struct observer *observer, struct err *err);

/* Names an archive that reader_check() is going to be asked for: several that are named
 * before the first is checked are hashed at the same time.  They are checked as before,
 * best in the order in which they were named. */
int reader_check_ahead(struct worker *w, uint64_t handle, const char *member,
		       const struct observer *observer, struct err *err);

/* What unpacking the archive needs, by inflating it once. */
int reader_count(struct worker *w, uint64_t handle, const char *member,
		 const struct observer *observer, struct unpack_counts *ret,
		 struct err *err);

/* Starts sending the archive's bytes into `pipe` (borrowed); the request ends
 * (worker_wait) well only if size, CRC and SHA3-384 were right.  `meter` (NULL: nobody)
 * hears of its bytes until then. */
int reader_stream_begin(struct worker *w, uint64_t handle, const char *member, int pipe,
			struct meter *meter, struct err *err);

/* Writes the whole file, as it is, into `out` (borrowed during the call), and compares
 * the hashes of all its archives on the way.  ERR_CORRUPT: one is wrong, and what was
 * written is of no use. */
int reader_copy(struct worker *w, uint64_t handle, int out, struct meter *meter,
		const struct observer *observer, struct err *err);

/* Reads a snap's meta/snap.yaml and meta/snapshots.yaml (each -1 where it is missing). */
int reader_snap_meta(struct worker *w, int snap_yaml, int snapshots_yaml,
		     const struct observer *observer, struct snap_meta *ret,
		     struct err *err);

/* The protocol of this kind. */
enum reader_type {
	READER_OPEN = 64,
	READER_CLOSE,
	READER_CHECK,
	READER_COUNT,
	READER_STREAM,
	READER_COPY,
	READER_SNAP_META,
	READER_CHUNK, /* worker: a part of a binary record */
	READER_SIZE,
	READER_PLACE,
	READER_AHEAD,
};

enum reader_tag {
	READER_TAG_HANDLE = 64,
	READER_TAG_MEMBER,
	READER_TAG_DEEP,
	READER_TAG_COUNT,
	READER_TAG_CHUNK,
	READER_TAG_HAS,
	READER_TAG_TEXT,
	READER_TAG_NUMBER,
	READER_TAG_SIZE,
	READER_TAG_PLACE, /* header, offset, size, CRC-32, UTF-8, plain */
};

#define READER_CHUNK_SIZE ((size_t)48 << 10)
#define READER_RECORD_MAX ((size_t)16 << 20) /* of packed metadata */
#define READER_YAML_MAX   ((size_t)1 << 20)

#endif
