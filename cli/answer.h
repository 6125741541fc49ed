/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_ANSWER_H
#define SETASIDE_CLI_ANSWER_H

/*
 * answer: what stands on stdout, written in one go and not believed until it is checked.
 */

#include "backend/base/buf.h"
#include "backend/base/error.h"

/* Gives 0, 1 and 2 something to be, where the caller left them closed, so that no file
 * of the library gets such a number; writing to one of those fails as if it were
 * closed still. */
void answer_prepare(void);

/* Writes all of it to stdout and closes that, also where there is nothing to write: an
 * export may have gone there.  Fails like write(2) and close(2). */
int answer_write(const struct buf *text, struct err *err);

#endif
