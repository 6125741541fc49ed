/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_WORKER_SWAP_H
#define SETASIDE_WORKER_SWAP_H

/*
 * swap: two names below one directory change places, told by inode numbers.
 *
 * Order of a step: look which inodes are behind the names; the one rename or exchange
 * that is left to do; look again, until nothing is left; sync the directory, also where
 * nothing was left to do, since the run that did it may not have got so far.  Recovery is
 * the same step again: what is found decides.
 *
 * A program may rename a file over the live name between the look and the deed, and the
 * deed then brings that file aside (x), where nobody would know it.  What is aside and
 * neither old nor new, with one of these live (or nothing, where there is but one), came
 * there so, and goes back, also after a crash; then the live name counts as replaced:
 *
 *	live	aside	next		then
 *	new	x	exchange	nothing was done: forward fails, backward is done
 *	old	x	exchange	nothing was taken back: the other way round
 *	-	x	aside -> live	old was to go: as the first; new was: done
 *
 * A file that is replaced once more while it goes back leaves what the program itself has
 * replaced aside; the step fails, and recovery names it.
 *
 * Where the file system cannot exchange, three renames do it over a third name, derived
 * from the aside name, and each state between them is recognised:
 *
 *	live	aside	third	next
 *	from	to	-	live -> third
 *	-	to	from	aside -> live
 *	to	-	from	third -> aside
 *	to	from	-	done
 *	-	to	x	third -> live, as above
 *
 * and likewise each state in which a crash left the way back.  A power cut between the
 * first two leaves no live name until the next run: the one case where it is missing, on
 * file systems without RENAME_EXCHANGE only.
 *
 * Durability: the directory is synced before a step returns.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "backend/tree/owners.h"

struct swap {
	int parent;
	const char *name;          /* one component */
	const char *aside;         /* one component, or ".~xxxxxxxxx~/NAME" */
	uint64_t old_ino, new_ino; /* 0: nothing there */
};

/* One component of a length that a file system takes. */
bool swap_name_is_legal(const char *name);
/* One such, or two joined by a slash. */
bool swap_aside_is_legal(const char *aside);

/* A new directory with exactly this mode, synced into its parent;
 * ERR_CHANGED if it exists. */
int swap_make_dir(int parent, const char *name, mode_t mode, struct err *err);
/* The staging name: an empty directory 0700, or an empty file 0600;
 * returns its descriptor. */
int swap_stage(int parent, const char *aside, bool is_file, struct err *err);

/* Inode numbers behind both names; 0: nothing. */
int swap_look(const struct swap *s, uint64_t *ret_live, uint64_t *ret_aside,
	      struct err *err);
/* Forward: the live name gets new_ino; backward: it gets old_ino.  ERR_CHANGED where
 * neither the state before nor one between nor the one after is found.  A live name that
 * was replaced after its swap is still swapped, and what was put there is left alone; so
 * it is backward where it was replaced before (new_ino is aside, or there is none and
 * nothing is): nothing was done. */
int swap_step(const struct swap *s, bool backward, struct err *err);
/* Whether that could be done now, and ERR_CHANGED if not; changes nothing. */
int swap_check(const struct swap *s, bool backward, struct err *err);

/* Opens a directory below parent without following; -1 with an empty
 * err where there is none. */
int swap_open_dir(int parent, const char *name, struct err *err);

/* The names in a directory with their inodes, but `except` and lost+found. */
int swap_list(int dirfd, const char *except,
	      int (*entry)(void *ctx, const char *name, uint64_t ino, struct err *err),
	      void *ctx, struct err *err);

/* Mode, owner, ACLs and time of a directory, as bytes, and back. */
int swap_read_attrs(int dirfd, struct owners *owners, struct buf *out, struct err *err);
int swap_apply_attrs(int dirfd, const void *attrs, size_t n, struct owners *owners,
		     struct err *err);

/* Removes what rests under the aside name and syncs.  ERR_CHANGED where root would remove
 * from another's directory what is neither of the two inodes (if one is known). */
int swap_remove_aside(const struct swap *s, struct err *err);
/* Removes the directory parent/name if it is empty. */
int swap_remove_dir(const struct swap *s, bool *ret_removed, struct err *err);

#endif
