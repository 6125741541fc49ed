/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_SETTLE_H
#define SETASIDE_SETTLE_H

/*
 * settle: how long files must have rested before their times prove that nothing was
 * written.
 *
 * A store through a mapping gives the file its time only if the page is clean.  A page
 * that is dirty already is written back when its file has been dirty for
 * vm.dirty_expire_centisecs, at one of the looks that the kernel takes every
 * vm.dirty_writeback_centisecs; from then on the next store is seen.  So the time is
 *
 *	expire + 2 * writeback + 2 s		42 s, as kernels are set by themselves
 *
 * one look for the page itself, one that may be taken up by others, and what the
 * coarsest clock needs (tree/fingerprint.h).  Where the kernel does not look by
 * itself (writeback 0, or a value that makes no sense), stores can stay unseen for
 * ever.
 */

#include <stdint.h>

#define SETTLE_DIR         "/proc/sys/vm"
#define SETTLE_NEVER       (-1)
#define SETTLE_UNKNOWN_SEC 45 /* where the kernel's settings cannot be read */

/* Seconds, at least 2, or SETTLE_NEVER; `dir` holds the kernel's two settings:
 * SETTLE_DIR. */
int64_t settle_read(const char *dir);

#endif
