/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_HELP_H
#define SETASIDE_CLI_HELP_H

/*
 * help: what the tables of verbs and options say, for people.
 */

#include <stdbool.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "cli/verb.h"

/* Of one verb, or (NULL) of the program. */
int help_write(const struct verb *verb, struct buf *out, struct err *err);
/* The same as a whole answer; in JSON it is {"version":1,"help":"..."}. */
int help_answer(const struct verb *verb, bool json, struct buf *out, struct err *err);

#endif
