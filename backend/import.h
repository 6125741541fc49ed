/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_IMPORT_H
#define SETASIDE_IMPORT_H

/*
 * import: the parts of an export stream, in the order in which they come.
 *
 * Parses what a stranger may have written, so it runs in the reader process.  The stream
 * is read once, from anything that can be read; several sets may follow one another.
 *
 *	while ((r = import_next(im, &part, err)) > 0)
 *		if (part.kind == IMPORT_ZIP)
 *			while ((n = import_read(im, &p, err)) > 0) ...
 *
 * A set begins with whatever comes first, and ends with IMPORT_END, which is told only
 * when its end is proven: export.json was there, names exactly the zips that came, and
 * after the two zero blocks comes nothing but zeros up to the end of the stream, or
 * another export's content.json. content.json is optional (older writers have none), and
 * may stand anywhere before export.json.
 *
 * ERR_CORRUPT: anything but regular files, names with a slash or without `_`, that do
 * not end in .zip, are longer than a file's may be, or come twice, more than
 * EXPORT_ZIPS_MAX of them, JSON over the sizes of export.h or nested deeper than json.h
 * reads, a content hash that is none, a manifest that is missing or names others, a
 * stream that is cut or goes on after its end.  ERR_UNSUPPORTED: export.json has a
 * format that this version does not know.  Errors of the source are passed on.  After a
 * failure only import_free() is allowed.
 *
 * Memory: the names of one set, and one JSON text.  What the zips hold is not looked at.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/base/cleanup.h"
#include "backend/base/digest.h"
#include "backend/base/error.h"
#include "backend/export.h"
#include "backend/tree/tar_read.h"

enum import_kind {
	IMPORT_CONTENT, /* hash: what the stream says the set's content hash is */
	IMPORT_ZIP,     /* name and size; import_read() gives its bytes */
	IMPORT_END,     /* the set is whole */
};

struct import_part {
	enum import_kind kind;
	/* valid until the next call; says nothing that could be trusted */
	const char *name;
	uint64_t size;
	uint8_t hash[DIGEST_SHA256_SIZE];
};

struct import;

/* Borrows ctx until import_free(). */
int import_new(tar_source source, void *ctx, struct import **ret, struct err *err);
void import_free(struct import *im);
CLEANUP_FUNC(struct import *, import_free);

/* What is passed over may be skipped with `skip`, which has the ctx of the source. */
void import_use_skip(struct import *im, tar_skipper skip);

/* 1; 0: the stream has ended, after a set.  What was not read of a zip is passed over. */
int import_next(struct import *im, struct import_part *ret, struct err *err);
/* The next bytes of the zip, valid until the next call; 0 at its end. */
ssize_t import_read(struct import *im, const void **ret, struct err *err);

#endif
