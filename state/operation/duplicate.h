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

/*
 * Looks for a complete set with this content hash (either of its forms) whose snapshots open and whose
 * archives have the right hashes: 1, with its number and apps (appended), and it is a person's from now
 * on: it does not expire.  One that has the hash, but is damaged, does not count and is warned of.
 * 0: there is none; *ret_broken says whether there are sets whose hash cannot be known.
 */
int duplicate_find(struct session *s, const uint8_t hash[DIGEST_SHA256_SIZE], uint64_t *ret_set,
		   struct strings *ret_apps, bool *ret_broken, struct err *err);

/* Warns of sets whose files are named as those of `made`, but for the number, and that are broken, so that
 * their content hash is not known: whoever imports `made` may have thought that it is here. */
int duplicate_mention_broken(struct session *s, const struct db_set *made, struct err *err);

/* The same among the sets above number `above`, for a second look under the commit lock: what was completed
 * since the first has just been verified by whoever did, and is not read again. */
int duplicate_find_late(struct session *s, const uint8_t hash[DIGEST_SHA256_SIZE], uint64_t above,
			uint64_t *ret_set, struct strings *ret_apps, struct err *err);

#endif
