/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_WORKER_UNPACKER_H
#define SETASIDE_WORKER_UNPACKER_H

/*
 * unpacker and applier: an archive's bytes become staging trees (client side of both).
 *
 * The unpacker gets a pipe with the compressed bytes of one archive member.  A user's
 * archive is unpacked by a process that is that user: parsing and making files in one.
 * For a system archive the unpacker has no rights at all and hands checked entries
 * (tree/entry_stream.h) through a second pipe to an applier, which has the capabilities
 * to make them but parses no archive.
 *
 *	unpacker_begin(u, ...), applier_begin(a, ...), reader_stream_begin(r, ...)
 *	worker_wait({ r, u, a }, 3)
 *	unpacker_result(u)
 */

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/observer.h"
#include "backend/tree/apply.h"
#include "backend/tree/unpack.h"
#include "backend/worker/worker.h"

/* Who they are for system archives: no rights; CHOWN, FOWNER, FSETID,
 * DAC_OVERRIDE, MKNOD, SETFCAP. */
extern const struct identity unpacker_system_identity, applier_identity;

struct unpacker_request {
	const char *revision; /* the legal top beside "common" */
	struct unpack_limits limits;
	const struct apply_target *targets; /* staging descriptors, borrowed */
	size_t n_targets;
	unsigned flags; /* enum apply_flags */
	const struct apply_report
		*report; /* called from worker_wait(); borrowed until the end */
};

/* Starts: reads the archive from `in`.  `out` >= 0: hand the entries on there (targets
 * and flags are the applier's); -1: make the files. Both pipes are borrowed; the caller
 * closes its copies after. */
int unpacker_begin(struct worker *w, int in, int out,
		   const struct unpacker_request *request,
		   const struct observer *observer, struct err *err);
/* After the end: what the stream held (zeros from an applier). */
int unpacker_result(struct worker *w, struct unpack_counts *ret, struct err *err);
/* After unpacker_result(), from whichever made the files: whether the archive
 * held each target's tree. */
int unpacker_found(struct worker *w, bool *ret_found, size_t n_targets, struct err *err);

int applier_begin(struct worker *w, int in, const struct unpacker_request *request,
		  const struct observer *observer, struct err *err);

/* The protocol of both kinds. */
enum unpacker_type {
	UNPACKER_TARGET =
		64,    /* one for each target, before RUN: path, is_file, descriptor */
	UNPACKER_RUN,  /* unpacker: pipes; applier: pipe */
	UNPACKER_NOTE, /* worker: apply_report */
};

enum unpacker_tag {
	UNPACKER_TAG_PATH = 64,
	UNPACKER_TAG_IS_FILE,
	UNPACKER_TAG_REVISION,
	UNPACKER_TAG_LIMIT,
	UNPACKER_TAG_FLAGS,
	UNPACKER_TAG_FORWARD,
	UNPACKER_TAG_TEXT,
	UNPACKER_TAG_MINOR,
	UNPACKER_TAG_COUNT,
	UNPACKER_TAG_FOUND,
};

#endif
