/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_EXPIRY_INTERNAL_H
#define SETASIDE_OPERATION_EXPIRY_INTERNAL_H

/*
 * expiry_internal: expiry as doctor has it, who tells what went.  Not installed.
 *
 * In a session opened with SESSION_LOOK nothing goes, and they tell what would.
 */

#include <stdint.h>

#include "backend/base/error.h"
#include "state/session.h"

/* Hears of a restore or undo whose trees were removed, or of a set. */
typedef int (*expiry_teller)(void *ctx, uint64_t id, struct err *err);

/* `tell` may be NULL. */
int expiry_asides(struct session *s, expiry_teller tell, void *ctx, struct err *err);
int expiry_sets(struct session *s, expiry_teller tell, void *ctx, struct err *err);

#endif
