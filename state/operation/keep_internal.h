/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_KEEP_INTERNAL_H
#define SETASIDE_OPERATION_KEEP_INTERNAL_H

/*
 * keep_internal: what keep and expiry share.  Not installed.
 */

#include <stdbool.h>

#include "backend/base/error.h"
#include "backend/base/strings.h"
#include "state/session_internal.h"

/* What the restore moved aside goes, under its apps' locks: by a person's wish (kept)
 * or since its time has come.  Its commit shields the session.  The paths are appended
 * to `removed`, which may be NULL.  ERR_NOT_FOUND: it is not there to be made final
 * any more. */
int keep_make_final(struct session *s, const struct db_restore *row, bool kept,
		    struct strings *removed, struct err *err);

#endif
