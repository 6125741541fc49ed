/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_COPY_H
#define SETASIDE_TREE_COPY_H

/*
 * copy: one object of this machine once more, where it cannot be linked.
 *
 * Everything that the object has is copied as it is, without mapping: owner, mode, ACLs,
 * extended attributes, capability, times.  What cannot be kept is a failure; only
 * security.* attributes other than capabilities, which belong to this machine's policy,
 * may differ.
 */

#include <stdint.h>

#include "backend/base/error.h"
#include "backend/base/observer.h"

/* Fills `to` (empty, O_WRONLY or O_RDWR) with the bytes of `from` (O_RDONLY); holes stay
 * holes. */
int copy_data(int from, int to, const struct observer *observer, struct err *err);

/* Owner, extended attributes, mode, ACLs, capability and times, in this order, from
 * one file or directory to another of the same type.  ACLs that `to` inherited go. */
int copy_attributes(int from, int to, struct err *err);

/* Makes todir/toname like fromdir/fromname: a regular file (readable for the caller),
 * symbolic link, FIFO or device.  ERR_EXISTS if the name is taken; ERR_UNSUPPORTED for
 * anything else. On failure nothing is left under the new name. */
int copy_object(int fromdir, const char *fromname, int todir, const char *toname,
		const struct observer *observer, struct err *err);

#endif
