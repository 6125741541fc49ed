/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/db_internal.h"

#ifdef ENABLE_FAULTS

# include <errno.h>
# include <fcntl.h>

# include "backend/base/fault.h"
# include "backend/base/sys.h"

/*
 * SQLite's memory and system calls, through the same points as all others.  Only builds
 * for tests have this; it is set up once for a process, as SQLite's own tables are.
 */

static sqlite3_mem_methods memory;

/* xMalloc */
static void *get_memory(int n)
{
	return fault_alloc() ? NULL : memory.xMalloc(n);
}

/* xRealloc */
static void *resize_memory(void *p, int n)
{
	return fault_alloc() ? NULL : memory.xRealloc(p, n);
}

static int call_open(const char *path, int flags, int mode)
{
	return sys_openat(AT_FDCWD, path, flags, (mode_t)mode);
}

static int call_unlink(const char *path)
{
	return sys_unlinkat(AT_FDCWD, path, 0);
}

/* All that it may use for reading and writing, on any system. */
static const struct {
	const char *name;
	sqlite3_syscall_ptr call;
} calls[] = {
	{ "open", (sqlite3_syscall_ptr)call_open },
	{ "read", (sqlite3_syscall_ptr)sys_read },
	{ "pread", (sqlite3_syscall_ptr)sys_pread },
	{ "pread64", (sqlite3_syscall_ptr)sys_pread },
	{ "write", (sqlite3_syscall_ptr)sys_write },
	{ "pwrite", (sqlite3_syscall_ptr)sys_pwrite },
	{ "pwrite64", (sqlite3_syscall_ptr)sys_pwrite },
	{ "ftruncate", (sqlite3_syscall_ptr)sys_ftruncate },
	{ "fstat", (sqlite3_syscall_ptr)sys_fstat },
	{ "unlink", (sqlite3_syscall_ptr)call_unlink },
};

static const sqlite3_io_methods *real_methods;
static sqlite3_io_methods methods;

/* xSync: the one call that has no entry in SQLite's table. */
static int sync_file(sqlite3_file *file, int flags)
{
	if (fault_change())
		return SQLITE_IOERR_FSYNC;
	return real_methods->xSync(file, flags);
}

void db_faults_sync(sqlite3_file *file)
{
	if (!file->pMethods || file->pMethods == &methods)
		return;
	/* All files of a VFS have the same methods, but for those
	 * that are never synced. */
	if (!real_methods) {
		methods = *file->pMethods;
		methods.xSync = sync_file;
		real_methods = file->pMethods;
	}
	if (file->pMethods == real_methods)
		file->pMethods = &methods;
}

void db_faults_memory(void)
{
	sqlite3_mem_methods wrapped;

	if (memory.xMalloc ||
	    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory) != SQLITE_OK)
		return;
	if (!memory.xMalloc) {
		/* Not set yet: SQLite's own are found by starting it once. */
		if (sqlite3_initialize() != SQLITE_OK ||
		    sqlite3_shutdown() != SQLITE_OK ||
		    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory) != SQLITE_OK)
			return;
	}
	wrapped = memory;
	wrapped.xMalloc = get_memory;
	wrapped.xRealloc = resize_memory;
	(void)sqlite3_config(SQLITE_CONFIG_MALLOC, &wrapped);
}

void db_faults_calls(sqlite3_vfs *vfs)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		(void)vfs->xSetSystemCall(vfs, calls[i].name, calls[i].call);
}

#else

/* A file that holds nothing is none in C. */
typedef int db_faults_none;

#endif
