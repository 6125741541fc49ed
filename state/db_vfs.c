/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "state/db_internal.h"

/*
 * SQLite opens by path, and makes each path canonical first: through readlink() it
 * would turn /proc/self/fd/N/state.db into the name that the directory happens to have,
 * which whoever owns a directory above can change before the open; names over 512 bytes
 * it refuses. So each connection has a copy of the default VFS that leaves the path as
 * it is.
 */

/* xFullPathname: the path is full already. */
static int keep_path(sqlite3_vfs *vfs, const char *name, int n_out, char *out)
{
	(void)vfs;
	if (snprintf(out, (size_t)n_out, "%s", name) >= n_out)
		return SQLITE_CANTOPEN;
	return SQLITE_OK;
}

/* xOpen */
static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
		     int *ret_flags)
{
	struct db *db = (struct db *)(void *)((char *)vfs - offsetof(struct db, vfs));
	int rc = db->look ? db_look_open(db, file, name, flags, ret_flags)
			  : sqlite3_vfs_find(NULL)->xOpen(vfs, name, file, flags,
							  ret_flags);

#ifdef ENABLE_FAULTS
	if (rc == SQLITE_OK && !db->look)
		db_faults_sync(file);
#endif
	if (rc == SQLITE_OK && !db->look && flags & SQLITE_OPEN_MAIN_DB)
		db_index_fill(db, file);
	return rc;
}

void db_vfs_own_methods(struct db *db, sqlite3_file *file)
{
	db->base_methods = file->pMethods;
	db->methods = *file->pMethods;
	file->pMethods = &db->methods;
}

struct db *db_vfs_connection(sqlite3_file *file)
{
	union {
		const void *in;
		char *out;
	} methods = { .in = file->pMethods };

	return (struct db *)(void *)(methods.out - offsetof(struct db, methods));
}

#ifdef ENABLE_FAULTS

/* Before SQLite starts, and once it has. */
static int start(void)
{
	int rc;

	db_faults_memory();
	rc = sqlite3_initialize();
	if (rc == SQLITE_OK)
		db_faults_calls(sqlite3_vfs_find(NULL));
	return rc;
}

#else

static int start(void)
{
	return sqlite3_initialize();
}

#endif

int db_vfs_register(struct db *db, struct err *err)
{
	const sqlite3_vfs *base;
	int rc = start();

	if (rc != SQLITE_OK)
		return err_set(err, ERR_IO, "cannot start SQLite: %s",
			       sqlite3_errstr(rc));
	base = sqlite3_vfs_find(NULL);
	if (!base)
		return err_set(err, ERR_UNSUPPORTED, "SQLite cannot open files here");
	db->vfs = *base;
	db->vfs.pNext = NULL;
	db->vfs.xFullPathname = keep_path;
	db->vfs.xOpen = open_file;
	/* The name has to differ from that of every other connection in this process. */
	snprintf(db->vfs_name, sizeof(db->vfs_name), "setaside-%p", (void *)db);
	db->vfs.zName = db->vfs_name;
	rc = sqlite3_vfs_register(&db->vfs, 0);
	return rc == SQLITE_OK ? 0 : db_fail(db, rc, err);
}

void db_vfs_unregister(struct db *db)
{
	if (db->vfs.zName)
		sqlite3_vfs_unregister(&db->vfs);
	db->vfs.zName = NULL;
}
