/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_ZIP_DIRECTORY_H
#define SETASIDE_ZIP_DIRECTORY_H

/*
 * zip_directory: what a zip file holds, believed only where the file agrees with itself.
 *
 * Internal to zip.  Two programs must never see two different things in one file, so
 * every byte of it has to be accounted for:
 *
 * 1. The file ends with the end record, which has no comment.  If the 20 bytes before it
 *    are a zip64 locator, the zip64 end record is right before that and each field of the
 *    small record is either all ones or the same.
 * 2. The directory ends where the first of these begins, starts at the offset that
 *    they give (so nothing stands before the zip), and is exactly `count` entries long.
 * 3. Taken in the order of their offsets, the members lie end to end from byte 0 to the
 *    directory: no gap, no overlap.
 * 4. A member's local header repeats name, flags, method, CRC-32 and sizes; with a data
 *    descriptor the last three may be 0 there, and the descriptor is right.
 * 5. One disk; no encryption; stored or deflated; extra fields well-formed, without a
 *    second name; no comments; names not empty, without NUL, all different.
 */

#include <stddef.h>

#include "backend/base/error.h"
#include "backend/zip.h"

struct zip_directory {
	struct zip_member *members; /* in the directory's order */
	const struct zip_member **by_name;
	size_t n;
	char *names; /* what the members' names point into */
};

/* Reads and checks; borrows fd.  At most `max_members`, and 1 KiB of directory for each
 * of them.  ERR_CORRUPT for a bad file, naming the member; ERR_IO, ERR_NOMEM. */
int zip_directory_read(int fd, size_t max_members, struct zip_directory *ret,
		       struct err *err);
void zip_directory_done(struct zip_directory *d);

#endif
