/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_OPENER_H
#define SETASIDE_TREE_OPENER_H

/*
 * opener: names opened for reading where nothing can be trusted.
 *
 * One component at a time, never a link, never across a mount, without waiting (a FIFO,
 * a lease) and without becoming a controlling terminal.  Access times are left alone as
 * long as the kernel allows to ask for that, which it does to owners.
 */

#include <stdbool.h>
#include <stdint.h>

struct opener {
	uint64_t mount_id; /* where all has to be (look.h) */
	bool no_noatime;   /* was refused: not asked for again */
	bool no_openat2;   /* the kernel has none */
};

#define OPENER_INIT(id) ((struct opener){ .mount_id = (id) })

/* Opens dirfd/name O_RDONLY with further flags (O_DIRECTORY); `name` may be "..".  -1
 * and errno: EXDEV where something is mounted there, ELOOP (with O_DIRECTORY: ENOTDIR)
 * for a link, ENXIO for a socket; EINTR was retried. */
int opener_open(struct opener *o, int dirfd, const char *name, int flags);

#endif
