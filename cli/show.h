/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_SHOW_H
#define SETASIDE_CLI_SHOW_H

/*
 * show: everything that is known of a set, for people.
 */

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "state/sets.h"

int show_write(const struct set *set, struct buf *out, struct err *err);

#endif
