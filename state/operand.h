/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERAND_H
#define SETASIDE_OPERAND_H

/*
 * operand: files that a caller named.  Not installed.
 *
 * They are the caller's own, not the other root's (session_options.root).  Where root is
 * the caller the name may lie in a directory of somebody else, whose links must not
 * choose what root opens: a link as the last component is followed only if it is root's,
 * or one of /proc (/dev/stdin and a shell's <(command) lead there).  Links on the way to
 * it are the caller's choice.
 */

#include "backend/base/error.h"

/* Opens it for reading; a descriptor.  ERR_IO: it is missing; ERR_INTERRUPTED: a signal
 * came while a pipe waited for its writer; ERR_REFUSED: somebody else's link. */
int operand_open(const char *path, struct err *err);

#endif
