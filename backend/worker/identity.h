/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_WORKER_IDENTITY_H
#define SETASIDE_WORKER_IDENTITY_H

/*
 * identity: who a worker is once it has dropped what it was started with.
 *
 * Chosen by the parent, taken on by the worker itself after exec; there is no way back.
 * A plain user's workers are that user, whatever is asked.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/base/error.h"

#define IDENTITY_GROUPS_MAX 1024
#define IDENTITY_NOBODY     65534u

enum identity_kind {
	IDENTITY_SELF,        /* stays the caller (a plain user; or root
		        * where root is the owner) */
	IDENTITY_USER,        /* uid, gid, groups; no capability */
	IDENTITY_NOBODY_WITH, /* nobody with `caps` and nothing else */
};

struct identity {
	enum identity_kind kind;
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* borrowed or owned by who made it */
	size_t n_groups;
	uint64_t caps; /* IDENTITY_NOBODY_WITH, and IDENTITY_SELF of root: what is kept */
};

/* Bits for `caps`. */
#define IDENTITY_CAP(c) ((uint64_t)1 << (c))

/* Worker side: becomes it for good.  To be called before any thread exists. When
 * the process is not root, kinds other than SELF with another uid are ERR_DENIED,
 * and nobody means itself. */
int identity_take(const struct identity *id, struct err *err);

#endif
