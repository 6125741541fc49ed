/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_PROCESS_H
#define SETASIDE_PROCESS_H

/*
 * process: what /proc says of one process.
 */

#include <stdint.h>
#include <sys/types.h>

#include "backend/base/error.h"

#define PROCESS_NAME_MAX 64

struct process {
	/* Clock ticks since boot: with the pid it tells a process from a later one. */
	uint64_t start;
	char name[PROCESS_NAME_MAX]; /* as the kernel has it: any bytes, cut */
};

/* 1, or 0: there is no such process.  Zombies are there. */
int process_read(pid_t pid, struct process *ret, struct err *err);

#endif
