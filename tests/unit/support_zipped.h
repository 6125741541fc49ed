/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_SUPPORT_ZIPPED_H
#define SETASIDE_TESTS_SUPPORT_ZIPPED_H

/*
 * support_zipped: snapshots by hand, whole zips, right and wrong; and exports of them.
 * The archives are just bytes: nobody unpacks them here.
 */

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/digest.h"
#include "backend/zip.h"
#include "tests/unit/support_tar.h"

struct support_zipped {
	const char *app;
	const char *version; /* NULL: "1" */
	const char *system,
		*user; /* the bytes of archive.tgz and user/u.tgz; NULL: no such member */
	enum zip_method method; /* of both */
	const char *summary;    /* as JSON has it between its quotes; NULL: empty */
	const char *more;       /* of meta.json, after a comma; NULL: nothing */
	const char *lies_about; /* an archive whose hash is wrong; NULL: none */
	bool strange;           /* a member that nobody knows stands before and behind */
};

/* Appends the zip. */
void support_zipped_make(const struct support_zipped *z, struct buf *out);
/* The content hash of a set of them. */
void support_zipped_hash(const struct support_zipped *zips, size_t n, bool alternate,
			 uint8_t ret[DIGEST_SHA256_SIZE]);

/* Appends an export of them, whose content.json says `claim` (NULL: there is none). */
void support_zipped_export(const struct support_zipped *zips, size_t n,
			   const uint8_t claim[DIGEST_SHA256_SIZE], struct tar_bytes *to);
/* The same, with the right claim. */
void support_zipped_export_right(const struct support_zipped *zips, size_t n,
				 struct tar_bytes *to);

#endif
