/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_SUPPORT_SNAPD_H
#define SETASIDE_TESTS_SUPPORT_SNAPD_H

/* support_snapd: a process in snapd's place. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Answers one request at the socket "snapd" of the test's directory with n bytes, in two
 * pieces, and ends with status 0; n of 0: never answers.  The caller waits for it. */
pid_t support_snapd_start(const char *answer, size_t n);

/* Whether this tells of a snapd that did not answer in time.  One that does answer may
 * have had no processor for so long: the test asks another then, but at most so often. */
bool support_snapd_was_late(const char *text);
#define SUPPORT_SNAPD_TRIES 10

/* The socket's path, short enough for one whatever the test's directory is. */
const char *support_snapd_path(void);

#endif
