/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_RESERVE_H
#define SETASIDE_RESERVE_H

/*
 * reserve: room for the database on a disk that is full.
 *
 * Who wants to forget a set because the disk is full must be able to, and the database
 * needs some blocks for that: its log, and the index of it.  So a file beside it keeps
 * RESERVE_SIZE bytes.  A session that opens to write where there is less room than that
 * removes it first; the last thing a session does is to make it again, if there is room.
 * Nothing is ever read from it, and nothing depends on it: it is a kindness, never an error.
 */

#include <stdbool.h>

#define RESERVE_FILE "reserve"
#define RESERVE_SIZE (256 << 10)

/* Makes the file where there is none, with all its blocks, or not at all. */
void reserve_make_best_effort(int dirfd);
/* Removes it; true if it was there: its room is free now. */
bool reserve_give_up(int dirfd);
/* True if there is hardly any room but it. */
bool reserve_is_needed(int dirfd);

#endif
