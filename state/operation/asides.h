/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_ASIDES_H
#define SETASIDE_OPERATION_ASIDES_H

/*
 * asides: trees that rest aside and that no restore on record knows, as
 * after a database was lost.
 *
 * Packers look where a restore of any tree of any known app would put such: beside it,
 * and in it where it is a mount point; nothing else is looked at.  A packer has the
 * rights of the trees' owner (for system trees: of nobody, and to read), so that a path
 * that somebody bends on the way leads nowhere that he could not look himself.  Nothing
 * is ever removed here: it may be the only copy of somebody's data.
 *
 * Names are read before the journal: what is staged meanwhile was journalled first, and
 * what is removed meanwhile is gone when it is counted.  Not installed.
 */

#include "state/recovery.h"
#include "state/session.h"

/* How many of one owner are named; where there are more that is said. */
#define ASIDES_MAX 250u

/* Appends one item to `left` for each.  What cannot be looked at is warned of. */
int asides_find(struct session *s, struct recovery_report *report, struct err *err);

#endif
