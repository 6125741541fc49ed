/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_ATTR_H
#define SETASIDE_TREE_ATTR_H

/*
 * attr: extended attributes and ACLs of an object, for an archive.
 *
 * What is taken: user.*, security.capability, security.selinux (a record of the label;
 * nothing puts it back, that is restorecon's) and trusted.* (which the kernel shows to
 * root alone).  ACLs come as text (acl.h), not as system.posix_acl_*.  All else is left
 * out: it is derived (security.ima, .evm), another mechanism's own (system.nfs4_acl,
 * btrfs.*), or a policy's that need not hold elsewhere.  What of this is put back is
 * decided when it is restored.
 *
 * Symbolic links have none of these but security.* and trusted.*, which are never set
 * on links again: do not ask for them.
 */

#include "backend/base/error.h"
#include "backend/tree/entry.h"
#include "backend/tree/owners.h"

/* Adds the attributes of fd to e, sorted by name.  One call where there are none.  `fd`
 * may be any descriptor; of one that is O_PATH they are read by /proc/self/fd.  A file
 * system without attributes has none.  One that is there and may not be read is a
 * failure: a file without it is another file.  ERR_NO_SPACE over entry.h's limits.  On
 * failure e has what was read so far (attr_clear). */
int attr_read(int fd, struct owners *owners, struct entry *e, struct err *err);

/* Frees the attributes of e and leaves it without. */
void attr_clear(struct entry *e);

#endif
