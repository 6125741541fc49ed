/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_JSON_OUTCOME_H
#define SETASIDE_CLI_JSON_OUTCOME_H

/*
 * json_outcome: what operations did, as whole answers in JSON.
 */

#include <stdbool.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "state/operation/check.h"
#include "state/operation/forget.h"
#include "state/operation/import.h"
#include "state/operation/restore.h"
#include "state/recovery.h"

/* Of a restore, or an undo, which also names what it undid; the id of one that was only
 * planned is null. */
int json_outcome_restore(const struct restore_outcome *o, bool dry_run, struct buf *out,
			 struct err *err);
int json_outcome_keep(const struct keep_outcome *o, struct buf *out, struct err *err);
int json_outcome_forget(const struct forget_outcome *o, bool dry_run, struct buf *out,
			struct err *err);
/* Of a file that was written, as it was named. */
int json_outcome_export(const uint64_t *sets, size_t n, const char *file, uint64_t size,
			struct buf *out, struct err *err);
/* One or several sets; `failure` is what ended the stream, or NULL. */
int json_outcome_import(const struct import_outcome *sets, size_t n,
			const struct err *failure, struct buf *out, struct err *err);
int json_outcome_check(const struct check_outcome *o, struct buf *out, struct err *err);
/* `dry_run`: of what would be repaired.  What is busy is left out where nothing is. */
int json_outcome_doctor(const struct recovery_report *r, bool dry_run, struct buf *out,
			struct err *err);

#endif
