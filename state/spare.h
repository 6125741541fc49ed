/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_SPARE_H
#define SETASIDE_SPARE_H

/*
 * spare: room for the database on a disk that is full.
 *
 * Who wants to forget a set because the disk is full must be able to, and the database
 * needs some blocks for that: its log, and the index of it.  So a file beside it keeps
 * SPARE_SIZE bytes.  A session that opens to write removes it first where there is less
 * room than that, or no room for the database (a quota is seen only so); the last thing a
 * session does is to make it again, if there is twice as much.  Nothing is ever read from
 * it, and nothing depends on it: it is a kindness, never an error.
 */

#include <stdbool.h>

#define SPARE_FILE "spare"
#define SPARE_SIZE (256 << 10)

/* Makes the file, or what is missing of it, with all its blocks, or not at all. */
void spare_make_best_effort(int dirfd);
/* Removes it; true if it was there: its room is free now. */
bool spare_give_up(int dirfd);
/* True if there is hardly any room but it. */
bool spare_is_needed(int dirfd);

#endif
