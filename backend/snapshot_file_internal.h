/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_SNAPSHOT_FILE_INTERNAL_H
#define SETASIDE_SNAPSHOT_FILE_INTERNAL_H

/*
 * snapshot_file_internal: what the sources of snapshot_file share.
 */

#include "backend/snapshot_file.h"
#include "backend/zip.h"

#define SNAPSHOT_FILE_PIECE ((size_t)256 << 10) /* bytes read at once */

struct snapshot_file {
	int fd;
	uint64_t bytes; /* of the file, when it was opened */
	struct zip_reader *zip;
	struct snapshot *meta;
};

/* ERR_CORRUPT unless the SHA3-384 is that of the metadata. */
int snapshot_file_compare(const struct snapshot_archive *a,
			  const uint8_t hash[DIGEST_SHA3_384_SIZE], struct err *err);

#endif
