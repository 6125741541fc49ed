/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_SET_TABLE_H
#define SETASIDE_CLI_SET_TABLE_H

/*
 * set_table: sets as a table, one line for each snapshot, like snapd's.
 */

#include <stddef.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/base/stamp.h"
#include "cli/table.h"
#include "state/sets.h"

/* A table (table.h) without lines yet, and the lines of one more set; `now`
 * is the same each time. */
void set_table_init(struct table *t, const struct stamp *now, struct err *err);
void set_table_add(struct table *t, const struct set *set, const struct stamp *now);

/* All of it.  `now`: ages are counted from it; NULL: times are written out. */
int set_table_write(const struct set *sets, size_t n, const struct stamp *now,
		    struct buf *out, struct err *err);

#endif
