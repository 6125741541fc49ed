/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TREE_APPLY_H
#define SETASIDE_TREE_APPLY_H

/*
 * apply: entries into staging trees.
 *
 * Every path is resolved from the staging descriptor one component at a time (openat,
 * O_NOFOLLOW|O_DIRECTORY; the last directories stay open); nothing is ever followed,
 * nothing existing is opened for writing (O_EXCL).  Paths and links are checked here
 * again: where parsing and applying are two processes, only this one can be believed.  A
 * hard link names what this run has made and is no directory: a file, symbolic link (of
 * which it is one more name, whatever that leads to), FIFO or device.  It brings no
 * metadata of its own.
 *
 * Metadata goes through descriptors (links: AT_SYMLINK_NOFOLLOW) in the order data,
 * owner, user's extended attributes (a read-only file refuses them later), mode, ACL,
 * capability, times.  Large files are made with 0600, directories with 0700; these get
 * theirs when the stream leaves them, and again if it comes back; the targets themselves
 * at the end, so that until then nobody else can look into the staging.  For that an ACL
 * and a set-group-ID bit which a target inherited are taken away first.  Holes stay
 * holes.  Nothing is synced here (the caller syncs the file system once).
 *
 * With threads, small files without ACLs and attributes are made by those (makers.h),
 * with their mode at once where the umask lets them have it; all else, what the policy
 * below decides and every report among it, by the caller's thread and in the order of the
 * stream.  Of several failures the one that stands first in the stream is told.
 *
 * Policy, by archive:
 *                        a user's               system, untrusted    system, trusted
 *  owner                 the caller's (n)       by name, else refused (ERR_REFUSED)
 *  group                 if a member, else own (n)   likewise
 *  set-id bits of files  kept if trusted (n)    left out (p)         kept
 *  ... of directories    kept                   kept                 kept
 *  file capabilities     left out (p)           left out (p)         kept
 *  devices               left out (p)           ERR_REFUSED          made
 *  user.* attributes     kept                   kept                 kept
 *  other attributes      left out (p)           left out (p)         left out (p)
 *  SELinux labels        passed over: the policy gives them, restorecon repairs them
 *  ACLs                  kept                   kept                 kept
 * (p) is reported, (n) as minor; a foreign owner once for each owner.  A set-id bit whose
 * owner was changed goes even if trusted.  What the file system cannot hold (ACLs,
 * attributes) is left out and reported; without its ACL a file's group gets what the ACL
 * gave to it.
 *
 * ERR_CORRUPT: entries that no right archive has.  Other failures are the system's.
 * After a failure the staging is to be removed.
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/tree/owners.h"
#include "backend/tree/unpack.h"

struct apply_target {
	/* Archive path whose entry is the tree's root: "common/profile", "7". */
	const char *path;
	/* The staging: an empty directory O_RDONLY, or an empty file O_RDWR. */
	int fd;
	bool is_file;
};

enum apply_flags {
	APPLY_OWNERS = 1 << 0,  /* a system archive */
	APPLY_TRUSTED = 1 << 1, /* saved here, or --trust */
};

struct apply_report {
	/* Something of the entry was left out or changed: one line.  Leads to status 3
	 * unless `minor`.  Texts are valid during the call. */
	int (*note)(void *ctx, const char *path, const char *what, bool minor,
		    struct err *err);
	void *ctx;
};

struct apply;

/* Borrows all arguments until free; the targets' descriptors stay the caller's.  Entries
 * outside all targets (say `common/` itself where only its trees are targets) are passed
 * over.  `threads`: 0: as many as there are processors (at most MAKERS_THREADS_MAX); 1:
 * none but the caller's, as where few descriptors may be open. */
int apply_new(const struct apply_target *targets, size_t n_targets, unsigned flags,
	      unsigned threads, struct owners *owners, const struct apply_report *report,
	      struct apply **ret, struct err *err);

/* For unpack_run(), or whoever else has entries. */
struct unpack_sink apply_sink(struct apply *a);

/* After the stream has failed for a reason of its own: if something before that could not
 * be made, this is put in the place of what err says. */
void apply_give_up(struct apply *a, struct err *err);

/* Whether an entry for targets[i] or below it came: if not, the archive does not hold
 * that tree, and an empty staging is not what was saved. */
bool apply_found(const struct apply *a, size_t i);

void apply_free(struct apply *a);
CLEANUP_FUNC(struct apply *, apply_free);

#endif
