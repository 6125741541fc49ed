/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/restore_attrs.h"

#include <stdint.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/le.h"

int restore_attrs_join(const void *before, size_t n_before, const void *after,
		       size_t n_after, void **ret, size_t *ret_size, struct err *err)
{
	size_t size = 4 + n_before + n_after;
	uint8_t *blob = alloc_bytes(size, err);

	if (!blob)
		return -1;
	le_put32(blob, (uint32_t)n_before);
	memcpy(blob + 4, before, n_before);
	memcpy(blob + 4 + n_before, after, n_after);
	*ret = blob;
	*ret_size = size;
	return 0;
}

int restore_attrs_split(const void *attrs, size_t size, bool after, const void **ret,
			size_t *ret_n, struct err *err)
{
	const uint8_t *p = attrs;
	size_t first = size >= 4 ? le_get32(p) : SIZE_MAX;

	if (first > size - 4)
		return err_set(err, ERR_CORRUPT, "the journal's attributes are damaged");
	*ret = after ? p + 4 + first : p + 4;
	*ret_n = after ? size - 4 - first : first;
	return 0;
}

int restore_attrs_turn(const void *attrs, size_t size, void **ret, size_t *ret_size,
		       struct err *err)
{
	const void *before, *after;
	size_t n_before, n_after;

	if (restore_attrs_split(attrs, size, false, &before, &n_before, err) < 0 ||
	    restore_attrs_split(attrs, size, true, &after, &n_after, err) < 0)
		return -1;
	return restore_attrs_join(after, n_after, before, n_before, ret, ret_size, err);
}
