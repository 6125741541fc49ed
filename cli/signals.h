/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_SIGNALS_H
#define SETASIDE_CLI_SIGNALS_H

/*
 * signals: SIGINT, SIGTERM and SIGHUP set the flag that cancels an operation, which then
 * cleans up and fails; SIGPIPE and SIGXFSZ (a limit on the size of files) are ignored, so
 * that writing fails instead.
 */

#include <stdatomic.h>

/* What was ignored before (nohup, a job in the background) stays so. */
void signals_catch(void);
/* For struct observer. */
const atomic_bool *signals_cancel(void);
/* The first one caught, or 0. */
int signals_caught(void);

#endif
