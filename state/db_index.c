/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/mman.h>

#include "backend/base/sys.h"
#include "state/db_internal.h"

/*
 * The index of the log, state.db-shm, is memory that all connections share.  SQLite
 * writes a byte to every 4 KiB of the file before it maps it, so that a full disk is told
 * then.  Where the blocks of a file system are smaller than pages, as those of a small
 * ext4 are, that leaves holes, and the first write to one that cannot be filled is the
 * end of the process by SIGBUS.  So each part is filled as it is mapped; kernels before
 * 5.14 cannot, and go on as SQLite does.
 */

/* xShmMap */
static int map_filled(sqlite3_file *file, int n, int size, int extend,
		      void volatile **ret)
{
	union {
		void volatile *in;
		void *out;
	} part = { NULL };

	int rc = db_vfs_connection(file)->base_methods->xShmMap(file, n, size, extend,
								&part.in);

	if (rc == SQLITE_OK && part.in &&
	    sys_madvise(part.out, (size_t)size, MADV_POPULATE_WRITE) < 0 &&
	    errno == EFAULT)
		return SQLITE_FULL;
	*ret = part.in;
	return rc;
}

void db_index_fill(struct db *db, sqlite3_file *file)
{
	db_vfs_own_methods(db, file);
	db->methods.xShmMap = map_filled;
}
