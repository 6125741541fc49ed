/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_DUPLICATE_H
#define SETASIDE_OPERATION_DUPLICATE_H

/*
 * duplicate: is a set of this content here already?  Not installed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/digest.h"
#include "backend/base/strings.h"
#include "state/session_internal.h"

/* Of one stream of sets. */
struct duplicates {
	struct session *session;
	bool refreshed;     /* the index was compared with the store */
	uint64_t *rejected; /* sets that have such a hash and do not count */
	size_t n, cap;
};

void duplicates_done(struct duplicates *d);

/*
 * Looks for a complete set with this content hash (either of its forms) whose snapshots
 * open: 1, with its number and apps (appended), and it is a person's from now on: it does
 * not expire.  0: there is none.
 *
 * `verify`: its archives must have the right hashes, too.  One that has not does not
 * count, is warned of once and never looked at again.  Without `verify` (under the commit
 * lock, where nothing is read that takes long) what was completed since the last look
 * counts: whoever completed it has just verified it.  What was found in the store
 * meanwhile nobody has, and it does not count.
 */
int duplicates_find(struct duplicates *d, const uint8_t hash[DIGEST_SHA256_SIZE],
		    bool verify, uint64_t *ret_set, struct strings *ret_apps,
		    struct err *err);

/* Warns of sets whose files are named as those of `made`, but for the number, and that
 * are broken, so that their content hash is not known: whoever imports `made` may have
 * thought that it is here. */
int duplicates_mention_broken(struct session *s, const struct db_set *made,
			      struct err *err);

#endif
