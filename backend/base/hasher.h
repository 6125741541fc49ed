/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_HASHER_H
#define SETASIDE_BASE_HASHER_H

/*
 * hasher: a digest of a long stream, computed on a thread of its own.
 *
 * SHA3-384 takes more time than all else that is done with a byte once it is compressed;
 * so reading and writing go on meanwhile.  Bytes are copied into one of a few blocks; a
 * full one is hashed while the next is filled (belt.h).
 *
 *	hasher_new(DIGEST_SHA3_384, &h, err);
 *	while (more)
 *		hasher_update(h, p, n, err);
 *	hasher_final(h, hash, err);
 *	hasher_free(h);
 *
 * A stream of less than a block has no thread.  Memory: 3 MiB, touched when used.  The
 * object serves one thread at a time; after hasher_final(), or a failure, it can only be
 * freed.  Kinds: those of digest.h.
 */

#include <stddef.h>
#include <stdint.h>

#include "backend/base/cleanup.h"
#include "backend/base/digest.h"
#include "backend/base/error.h"

struct hasher;

int hasher_new(enum digest_kind kind, struct hasher **ret, struct err *err);
/* The bytes are not looked at any more when it returns. */
int hasher_update(struct hasher *h, const void *p, size_t n, struct err *err);
/* Writes digest_size(kind) bytes. */
int hasher_final(struct hasher *h, uint8_t *ret, struct err *err);
/* Waits for the block that is being hashed. */
void hasher_free(struct hasher *h);
CLEANUP_FUNC(struct hasher *, hasher_free);

#endif
