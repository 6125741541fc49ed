/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_RESTORE_ATTRS_H
#define SETASIDE_RESTORE_ATTRS_H

/*
 * restore_attrs: a mount point's own attributes before and after a restore, in one blob.
 *
 * A mount point cannot be exchanged, so its mode, owner, ACLs and time are set; both
 * forms stand in the journal, so that either can be set again after a crash.  Layout: u32
 * length of the first, both one after the other.
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/error.h"

/* *ret is the caller's to free. */
int restore_attrs_join(const void *before, size_t n_before, const void *after,
		       size_t n_after, void **ret, size_t *ret_size, struct err *err);
/* Points into the blob. */
int restore_attrs_split(const void *attrs, size_t size, bool after, const void **ret,
			size_t *ret_n, struct err *err);
/* The same with before and after exchanged: for an undo. */
int restore_attrs_turn(const void *attrs, size_t size, void **ret, size_t *ret_size,
		       struct err *err);

#endif
