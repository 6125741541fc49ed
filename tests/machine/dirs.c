/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/machine/dirs.h"

#include <linux/magic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "backend/tree/fingerprint.h"

const char *dirs_temporary(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && dir[0] == '/' ? dir : "/tmp";
}

const char *dirs_fastest(void)
{
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : dirs_temporary();
}

/* The f_type of its file system; 0: it cannot be asked. */
static uint32_t fs_type(const char *dir)
{
	struct statfs fs;

	return statfs(dir, &fs) == 0 ? (uint32_t)fs.f_type : 0;
}

bool dirs_is_on_disk(const char *dir)
{
	return fingerprint_believes(fs_type(dir));
}

bool dirs_is_in_memory(const char *dir)
{
	uint32_t type = fs_type(dir);

	return type == TMPFS_MAGIC || type == RAMFS_MAGIC;
}

/* The first that is wanted and can be written to. */
static const char *find(const char *const dirs[], size_t n,
			bool (*is_wanted)(const char *dir))
{
	for (size_t i = 0; i < n; i++)
		if (dirs[i] && access(dirs[i], W_OK | X_OK) == 0 && is_wanted(dirs[i]))
			return dirs[i];
	return NULL;
}

const char *dirs_on_disk(void)
{
	const char *const dirs[] = { dirs_temporary(), getenv("abs_top_builddir"),
				     "/var/tmp" };

	return find(dirs, sizeof(dirs) / sizeof(dirs[0]), dirs_is_on_disk);
}

const char *dirs_in_memory(void)
{
	const char *const dirs[] = { dirs_temporary(), "/dev/shm" };

	return find(dirs, sizeof(dirs) / sizeof(dirs[0]), dirs_is_in_memory);
}
