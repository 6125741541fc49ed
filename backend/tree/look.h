/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_LOOK_H
#define SETASIDE_TREE_LOOK_H

/*
 * look: what lies under a name, and on which mount.
 *
 * One statx(2) instead of a stat and a look into mountinfo.  A mount is told by its id,
 * not by the device: a bind mount has the device of what it shows.  Where the kernel
 * tells no mount ids (before 5.8) the device number stands for them.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "backend/base/sys.h"

enum look_flags {
	LOOK_CACHED =
		1 << 0, /* do not ask a server: it may be dead, and nothing hangs on it */
};

/* dirfd/name itself, never what a link points to, triggering no automount; "" is dirfd
 * (any descriptor).  0, or -1 and errno. */
int look_at(int dirfd, const char *name, unsigned flags, struct stat *ret,
	    uint64_t *ret_mount_id);

/* Whether fd is the root of a mount; false where the kernel does not tell. */
bool look_is_mount_root(int fd);

#endif
