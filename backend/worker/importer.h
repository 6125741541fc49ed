/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_WORKER_IMPORTER_H
#define SETASIDE_WORKER_IMPORTER_H

/*
 * importer: an export stream, taken apart by a reader process (client side).
 *
 *	importer_begin(w, fd, ...)
 *	while ((r = importer_next(w, &part, ...)) > 0)
 *		if (part.kind == IMPORT_ZIP)
 *			do importer_copy(w, out, ...) while (bytes came)
 *
 * The stream's bytes are seen by the reader alone; it writes the zips into descriptors
 * that the parent opened for it.  One stream at a time in one reader; what import.h says
 * of order and errors holds here.
 */

#include <stdint.h>

#include "backend/base/observer.h"
#include "backend/import.h"
#include "backend/worker/worker.h"

struct importer_part {
	enum import_kind kind;
	char *name; /* of a zip; escape before printing */
	uint64_t size;
	uint8_t hash[DIGEST_SHA256_SIZE];
};

void importer_part_done(struct importer_part *part);

/* Begins a stream (fd is borrowed during the call); one that was under way is dropped. */
int importer_begin(struct worker *w, int fd, const struct observer *observer,
		   struct err *err);

/* The next part: 1, 0 at the end of the stream.  Fill in `ret` with zeros, or a part that
 * is done with; it is freed first. */
int importer_next(struct worker *w, const struct observer *observer,
		  struct importer_part *ret, struct err *err);

/* Writes the next bytes of the zip to `out` (borrowed during the call): about `max` of
 * them, none at its end.  *ret is how many. */
int importer_copy(struct worker *w, int out, uint64_t max,
		  const struct observer *observer, uint64_t *ret, struct err *err);

/* Lets the stream go; after a cancel with the worker, where it has to. */
int importer_end(struct worker *w, const struct observer *observer, struct err *err);

/* The requests, which a reader (reader.h) takes too. */
enum importer_type {
	IMPORTER_BEGIN = 96,
	IMPORTER_NEXT,
	IMPORTER_COPY,
	IMPORTER_END,
};

enum importer_tag {
	IMPORTER_TAG_HAS = 96,
	IMPORTER_TAG_KIND,
	IMPORTER_TAG_NAME,
	IMPORTER_TAG_SIZE,
	IMPORTER_TAG_HASH,
	IMPORTER_TAG_MAX,
};

#endif
