/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_ACL_H
#define SETASIDE_TREE_ACL_H

/*
 * acl: POSIX ACLs between a descriptor and an archive's text (libacl).
 *
 * Text: entries joined by commas, named ones `user:NAME:rwx:UID`, `group:NAME:rwx:GID`,
 * NAME being the number where there is none (or where it holds bytes that the text
 * cannot). Also read: entries without the fourth field, one-letter tags, `mask:rwx` and
 * `other:rwx` without the empty field, blanks around entries, newlines between them.
 *
 * All functions take any descriptor, O_PATH ones too: those and default ACLs go by
 * /proc/self/fd.  Order matters when one is set: after chown and chmod, since fchmod()
 * on a file with an ACL changes the mask, and setting the ACL changes the group bits of
 * the mode.
 */

#include <stdbool.h>

#include "backend/base/error.h"
#include "backend/tree/owners.h"

enum acl_type {
	ACL_OF_ACCESS,
	ACL_OF_DEFAULT
};

/* *ret is the text (caller frees), or NULL where there is nothing beyond the mode (or the
 * file system has no ACLs).  `owners` gives the names; NULL: numbers only. */
int acl_read(int fd, enum acl_type type, struct owners *owners, char **ret,
	     struct err *err);

/* Sets it; owners maps names and numbers (NULL: numbers as they are).  A missing mask is
 * computed.  ERR_UNSUPPORTED where the file system has no ACLs, ERR_CORRUPT for bad text,
 * ERR_REFUSED for an owner without a number here. */
int acl_apply(int fd, enum acl_type type, const char *text, struct owners *owners,
	      struct err *err);

/* Takes away what a file or directory has, or may have inherited; none, or a file system
 * without ACLs, is a success.  The mode stays as it is, its group bits being the mask:
 * after a chmod nobody may do more in between than before or after. */
int acl_remove(int fd, enum acl_type type, struct err *err);

/* Checks the text without applying: syntax, that the three base entries are there once,
 * no double entry, a size that some file system could hold.  ERR_CORRUPT. */
int acl_check_text(const char *text, struct err *err);

#endif
