/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_RESTORED_H
#define SETASIDE_CLI_RESTORED_H

/*
 * restored: what restore and undo say when they are done: they have the same outcome.
 */

#include "cli/cli.h"
#include "state/operation/restore.h"

/* Puts the answer into cli->out, names on stderr what was left out, and returns the
 * exit status, or -1. */
int restored_answer(struct cli *cli, const struct restore_outcome *o, struct err *err);

#endif
