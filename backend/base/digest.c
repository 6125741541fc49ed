/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/digest.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"

/*
 * The algorithm is fetched once for each object and the context used again by
 * digest_reset(): implicit fetches cost more than hashing a small file.  OpenSSL accepts
 * updates of a finished context without complaint, so that state is kept here.
 */
struct digest {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
	size_t size;
	bool finished;
};

static const struct {
	const char *name;
	size_t size;
} kinds[] = {
	[DIGEST_SHA3_384] = { "SHA3-384", DIGEST_SHA3_384_SIZE },
	[DIGEST_SHA256] = { "SHA2-256", DIGEST_SHA256_SIZE },
};

/* Fills err with the first error of this thread's queue and empties the queue. */
static int err_openssl(struct err *err, enum err_kind kind, const char *what)
{
	unsigned long code = ERR_get_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
		err_nomem(err);
	else if (reason)
		err_set(err, kind, "%s: %s", what, reason);
	else
		err_set(err, kind, "%s", what);
	ERR_clear_error();
	return -1;
}

size_t digest_size(enum digest_kind kind)
{
	return kinds[kind].size;
}

int digest_new(enum digest_kind kind, struct digest **ret, struct err *err)
{
	_cleanup_(digest_freep) struct digest *d = alloc_zero(1, sizeof(*d), err);

	if (!d)
		return -1;
	d->size = kinds[kind].size;
	ERR_clear_error();
	d->ctx = EVP_MD_CTX_new();
	if (!d->ctx)
		return err_nomem(err);
	d->md = EVP_MD_fetch(NULL, kinds[kind].name, NULL);
	if (!d->md)
		return err_openssl(err, ERR_UNSUPPORTED,
				   "no such digest in this OpenSSL");
	assert((size_t)EVP_MD_get_size(d->md) == d->size);
	if (digest_reset(d, err) < 0)
		return -1;
	*ret = TAKE_PTR(d);
	return 0;
}

int digest_update(struct digest *d, const void *p, size_t n, struct err *err)
{
	assert(!d->finished);
	ERR_clear_error();
	if (EVP_DigestUpdate(d->ctx, p, n) != 1)
		return err_openssl(err, ERR_IO, "cannot compute a digest");
	return 0;
}

int digest_final(struct digest *d, uint8_t *ret, struct err *err)
{
	uint8_t out[EVP_MAX_MD_SIZE];

	assert(!d->finished);
	ERR_clear_error();
	if (EVP_DigestFinal_ex(d->ctx, out, NULL) != 1)
		return err_openssl(err, ERR_IO, "cannot compute a digest");
	d->finished = true;
	memcpy(ret, out, d->size);
	return 0;
}

int digest_reset(struct digest *d, struct err *err)
{
	ERR_clear_error();
	if (EVP_DigestInit_ex2(d->ctx, d->md, NULL) != 1)
		return err_openssl(err, ERR_IO, "cannot begin a digest");
	d->finished = false;
	return 0;
}

void digest_free(struct digest *d)
{
	if (!d)
		return;
	EVP_MD_CTX_free(d->ctx);
	EVP_MD_free(d->md);
	free(d);
}

int digest_of(enum digest_kind kind, const void *p, size_t n, uint8_t *ret,
	      struct err *err)
{
	_cleanup_(digest_freep) struct digest *d = NULL;

	if (digest_new(kind, &d, err) < 0 || digest_update(d, p, n, err) < 0)
		return -1;
	return digest_final(d, ret, err);
}

void digest_hex(const uint8_t *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

/* The value of a hex digit, or -1. */
static int unhex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool digest_unhex(const char *text, size_t len, uint8_t *ret, size_t n)
{
	if (len % 2 != 0 || len / 2 != n)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (unhex(text[i]) < 0)
			return false;
	}
	for (size_t i = 0; i < n; i++)
		ret[i] = (uint8_t)(unhex(text[2 * i]) << 4 | unhex(text[2 * i + 1]));
	return true;
}
