/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_FORGET_INTERNAL_H
#define SETASIDE_OPERATION_FORGET_INTERNAL_H

/*
 * forget_internal: what expiry needs of forget.  Not installed.
 */

#include <stdint.h>

#include "backend/base/error.h"
#include "state/session.h"

/* Forgets a set that is expired at `now` (db_sets_expired()), in the order that a
 * person's forget has, and so with its recovery.  1: it is gone, or would be, where the
 * session only looks; 0: it stays, since its time has been put off meanwhile, or since
 * one of its files is lost or broken.  A file of its number that is not on record stays.
 * ERR_BUSY, without waiting; ERR_INTERRUPTED: it is as it was. */
int forget_expired(struct session *s, uint64_t set, int64_t now, struct err *err);

#endif
