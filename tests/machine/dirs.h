/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_DIRS_H
#define SETASIDE_TESTS_DIRS_H

/*
 * dirs: the directories below which tests put what needs a file system of a certain kind.
 * Each can be written to, and is not the caller's to free.
 */

#include <stdbool.h>

/* $TMPDIR, else /tmp. */
const char *dirs_temporary(void);

/* Where files are made fastest: /dev/shm, where one may write there, else as above. */
const char *dirs_fastest(void);

/* One whose file system is believed when it says what has changed
 * (backend/tree/fingerprint.h): of $TMPDIR, the build directory, /var/tmp.  NULL: none of
 * them; DIRS_NO_DISK says so. */
const char *dirs_on_disk(void);
#define DIRS_NO_DISK                                                                     \
 "neither TMPDIR nor the build directory nor /var/tmp lies on ext4, XFS, btrfs or f2fs"

/* One on a tmpfs: of $TMPDIR, /dev/shm.  NULL: neither; DIRS_NO_MEMORY says so. */
const char *dirs_in_memory(void);
#define DIRS_NO_MEMORY "neither TMPDIR nor /dev/shm is a tmpfs to write in"

/* Of which kind a directory is. */
bool dirs_is_on_disk(const char *dir);
bool dirs_is_in_memory(const char *dir);

#endif
