/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "state/db_internal.h"

/*
 * A reader of a WAL database shares an index of the log with all others, in
 * state.db-shm, which it makes where it is missing, as it does an empty log, and the
 * last to go moves the log into the database and removes both.  Who only looks does none
 * of that: he has an index of his own, in memory, for the log as it is when he begins to
 * read, and opens all files for reading.
 */

/* No log is an empty one. */
#define NO_LOG "/dev/null"

/* xShmMap: part `n` of the index; NULL where it is not there yet
 * and shall not be made. */
static int map_index(sqlite3_file *file, int n, int size, int extend, void volatile **ret)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	struct db *db = db_vfs_connection(file);

	*ret = NULL;
	if ((size_t)n >= DB_LOOK_PARTS_MAX)
		return SQLITE_FULL;
	if (!db->look_parts[n] && extend)
		db->look_parts[n] = alloc_zero(1, (size_t)size, &ignored);
	if (!db->look_parts[n])
		return extend ? SQLITE_NOMEM : SQLITE_OK;
	*ret = db->look_parts[n];
	return SQLITE_OK;
}

/* xShmLock: nobody else has it. */
static int lock_index(sqlite3_file *file, int offset, int n, int flags)
{
	(void)file;
	(void)offset;
	(void)n;
	(void)flags;
	return SQLITE_OK;
}

/* xShmBarrier: likewise. */
static void order_index(sqlite3_file *file)
{
	(void)file;
}

/* xShmUnmap */
static int drop_index(sqlite3_file *file, int delete_it)
{
	struct db *db = db_vfs_connection(file);

	(void)delete_it;
	for (size_t i = 0; i < DB_LOOK_PARTS_MAX; i++) {
		free(db->look_parts[i]);
		db->look_parts[i] = NULL;
	}
	return SQLITE_OK;
}

/* The methods of the file of the database, but for its index. */
static void use_own_index(struct db *db, sqlite3_file *file)
{
	db_vfs_own_methods(db, file);
	db->methods.xShmMap = map_index;
	db->methods.xShmLock = lock_index;
	db->methods.xShmBarrier = order_index;
	db->methods.xShmUnmap = drop_index;
}

int db_look_open(struct db *db, sqlite3_file *file, const char *name, int flags,
		 int *ret_flags)
{
	sqlite3_vfs *base = sqlite3_vfs_find(NULL);
	struct stat st;
	int rc;

	flags &= ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
	flags |= SQLITE_OPEN_READONLY;
	if (flags & SQLITE_OPEN_WAL) {
		if (sys_fstatat(db->dirfd, DB_FILE "-wal", &st, 0) < 0)
			name = NO_LOG;
		/* Root would give a log to the owner of the
		 * database: not any other file. */
		flags ^= SQLITE_OPEN_WAL | SQLITE_OPEN_SUBJOURNAL;
	}
	rc = base->xOpen(&db->vfs, name, file, flags, ret_flags);
	if (rc == SQLITE_OK && flags & SQLITE_OPEN_MAIN_DB)
		use_own_index(db, file);
	return rc;
}
