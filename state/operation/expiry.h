/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_EXPIRY_H
#define SETASIDE_OPERATION_EXPIRY_H

/*
 * expiry: trees that rest aside go when their time has come.  Not installed.
 */

#include <stdint.h>

#include "backend/base/error.h"
#include "state/session.h"

/* Hears of a restore or undo whose trees were removed. */
typedef int (*expiry_teller)(void *ctx, uint64_t restore, struct err *err);

/* Removes them, but in a session opened with SESSION_LOOK, which only hears which it would be.  What cannot be
 * removed now stays for the next time and is said to the observer.  `tell` may be NULL. */
int expiry_run(struct session *s, expiry_teller tell, void *ctx, struct err *err);

#endif
