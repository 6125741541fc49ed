/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_DIGEST_H
#define SETASIDE_BASE_DIGEST_H

/*
 * digest: SHA3-384 and SHA-256 (OpenSSL), hex and base64.
 *
 * A digest may be fed from one thread at a time; after digest_final() it is
 * finished and only digest_reset() or digest_free() are allowed.
 */

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/cleanup.h"
#include "backend/base/error.h"

enum digest_kind {
	DIGEST_SHA3_384,
	DIGEST_SHA256
};

#define DIGEST_SHA3_384_SIZE 48
#define DIGEST_SHA256_SIZE   32
#define DIGEST_MAX_SIZE      48
#define DIGEST_SHA3_384_HEX  96 /* characters, without the NUL */

struct digest;

size_t digest_size(enum digest_kind kind);

int digest_new(enum digest_kind kind, struct digest **ret, struct err *err);
int digest_update(struct digest *d, const void *p, size_t n, struct err *err);
/* Writes digest_size(kind) bytes. */
int digest_final(struct digest *d, uint8_t *ret, struct err *err);
int digest_reset(struct digest *d, struct err *err);
void digest_free(struct digest *d);
CLEANUP_FUNC(struct digest *, digest_free);

/* In one call; `ret` has room for DIGEST_MAX_SIZE. */
int digest_of(enum digest_kind kind, const void *p, size_t n, uint8_t *ret,
	      struct err *err);

/* Lowercase hex and a NUL into out[2 * n + 1]. */
void digest_hex(const uint8_t *bytes, size_t n, char *out);
/* Exactly 2 * n lowercase or uppercase hex digits; false otherwise. */
bool digest_unhex(const char *text, size_t len, uint8_t *ret, size_t n);

/* Appends, in the standard alphabet with padding. */
int digest_base64(struct buf *out, const void *p, size_t n, struct err *err);
/* Appends the bytes.  Strict: no white space, right padding, no stray bits in the last
 * digit; ERR_CORRUPT otherwise. */
int digest_unbase64(const char *text, size_t len, struct buf *out, struct err *err);

#endif
