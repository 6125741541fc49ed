/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_WORKER_MOUNTS_H
#define SETASIDE_WORKER_MOUNTS_H

/*
 * mounts: what is mounted below a directory, by /proc/self/mountinfo.
 */

#include "backend/base/error.h"

/* *ret (caller frees) is the path of the first mount point strictly below the directory
 * `fd`, as this process sees it, or NULL where there is none. */
int mounts_below(int fd, char **ret, struct err *err);

#endif
