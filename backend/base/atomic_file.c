/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/atomic_file.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/base/strings.h"
#include "backend/base/sys.h"

#define TEMP_RANDOM 9
#define TEMP_EXTRA  ((int)sizeof("..tmp.") - 1 + TEMP_RANDOM)
#define TEMP_TRIES  16

struct atomic_file {
	int dirfd;
	int fd;
	int lock; /* keeps the file locked when fd is closed; -1 before */
	unsigned flags;
	char *name;
	char *temp; /* the name it has now; NULL while it has none */
};

/* Frees all but what lies in the directory. */
static void release(struct atomic_file *f)
{
	if (f->fd >= 0)
		sys_close_best_effort(f->fd);
	if (f->lock >= 0)
		sys_close_best_effort(f->lock);
	free(f->temp);
	free(f->name);
	free(f);
}

void atomic_file_abort(struct atomic_file *f)
{
	if (!f)
		return;
	if (f->temp)
		(void)sys_unlinkat(f->dirfd, f->temp, 0);
	release(f);
}

/* A fresh name beside the final one; of a long one only the beginning fits. */
static char *make_temp_name(const struct atomic_file *f, struct err *err)
{
	char random[TEMP_RANDOM + 1];

	if (fd_random_name(random, TEMP_RANDOM, err) < 0)
		return NULL;
	return alloc_printf(err, ".%.*s.tmp.%s", NAME_MAX - TEMP_EXTRA, f->name, random);
}

/* Creates the file under a temporary name. */
static int open_named(struct atomic_file *f, mode_t mode, struct err *err)
{
	for (int i = 0; i < TEMP_TRIES; i++) {
		_cleanup_free_ char *temp = make_temp_name(f, err);
		if (!temp)
			return -1;
		f->fd = sys_openat(f->dirfd, temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
				   mode);
		if (f->fd >= 0) {
			f->temp = TAKE_PTR(temp);
			return 0;
		}
		if (errno != EEXIST)
			break;
	}
	return err_errno(err, "cannot create %s", q(f->name));
}

/* Creates the file, without a name where the file system can. */
static int create(struct atomic_file *f, mode_t mode, struct err *err)
{
	f->fd = sys_openat(f->dirfd, ".", O_RDWR | O_TMPFILE, mode);
	if (f->fd < 0) {
		/* EISDIR is what kernels and file systems without O_TMPFILE say. */
		if (errno != EOPNOTSUPP && errno != EISDIR)
			return err_errno(err, "cannot create %s", q(f->name));
		if (open_named(f, mode, err) < 0)
			return -1;
	}
	/* Nobody else has it; where there are no such locks, nobody tidies. */
	if (f->flags & ATOMIC_FILE_TIDY)
		(void)sys_flock(f->fd, LOCK_EX | LOCK_NB);
	/* The umask took its part of the mode. */
	if (sys_fchmod(f->fd, mode) < 0)
		return err_errno(err, "cannot set the mode of %s", q(f->name));
	return 0;
}

int atomic_file_open(int dirfd, const char *name, mode_t mode, unsigned flags,
		     struct atomic_file **ret, struct err *err)
{
	if (!fd_is_component(name))
		return err_set(err, ERR_USAGE, "%s is not the name of a file", q(name));

	_cleanup_(atomic_file_abortp) struct atomic_file *f =
		alloc_zero(1, sizeof(*f), err);
	if (!f)
		return -1;
	f->dirfd = dirfd;
	f->fd = f->lock = -1;
	f->flags = flags;
	f->name = alloc_strdup(name, err);
	if (!f->name || create(f, mode, err) < 0)
		return -1;
	*ret = TAKE_PTR(f);
	return 0;
}

int atomic_file_fd(const struct atomic_file *f)
{
	return f->fd;
}

int atomic_file_rename(struct atomic_file *f, const char *name, struct err *err)
{
	char *copy;

	if (!fd_is_component(name))
		return err_set(err, ERR_USAGE, "%s is not the name of a file", q(name));
	copy = alloc_strdup(name, err);
	if (!copy)
		return -1;
	free(f->name);
	f->name = copy;
	return 0;
}

/* Gives the unnamed file a name, never one that is taken; 0, or -1 and errno. */
static int link_unnamed(const struct atomic_file *f, const char *name)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);
	if (sys_linkat(AT_FDCWD, path, f->dirfd, name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno != ENOENT)
		return -1;
	/* No /proc: the direct way, which older kernels allow only to the privileged. */
	return sys_linkat(f->fd, "", f->dirfd, name, AT_EMPTY_PATH);
}

/* Gives the unnamed file a temporary name, for a rename over the old one. */
static int name_temporarily(struct atomic_file *f, struct err *err)
{
	for (int i = 0; i < TEMP_TRIES; i++) {
		_cleanup_free_ char *temp = make_temp_name(f, err);
		if (!temp)
			return -1;
		if (link_unnamed(f, temp) == 0) {
			f->temp = TAKE_PTR(temp);
			return 0;
		}
		if (errno != EEXIST)
			break;
	}
	return err_errno(err, "cannot name %s", q(f->name));
}

/* Gives the final name to a file that has a temporary one; 0, or -1 and errno. */
static int rename_temp(const struct atomic_file *f)
{
	unsigned flags = f->flags & ATOMIC_FILE_REPLACE ? 0 : RENAME_NOREPLACE;

	if (sys_renameat2(f->dirfd, f->temp, f->dirfd, f->name, flags) == 0)
		return 0;
	if (!(flags && errno == EINVAL))
		return -1;
	/* A file system that cannot rename without replacing (NFS) can still link. */
	if (sys_linkat(f->dirfd, f->temp, f->dirfd, f->name, 0) < 0)
		return -1;
	if (sys_unlinkat(f->dirfd, f->temp, 0) == 0)
		return 0;

	int errnum = errno;
	(void)sys_unlinkat(f->dirfd, f->name, 0);
	errno = errnum;
	return -1;
}

/* Removes a temp file, if its writer has died. */
static void remove_dead(int dirfd, const char *name)
{
	_cleanup_close_ int fd =
		sys_openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	if (fd >= 0 && sys_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_uid == geteuid() && sys_flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)sys_unlinkat(dirfd, name, 0);
}

/* Removes what others have left that were to write this file, and died. */
static void tidy_best_effort(const struct atomic_file *f)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;
	char prefix[NAME_MAX + 1];
	int n = snprintf(prefix, sizeof(prefix), ".%.*s.tmp.", NAME_MAX - TEMP_EXTRA,
			 f->name);

	if (fd_list_dir(f->dirfd, SIZE_MAX, &names, &ignored) < 0)
		return;
	for (size_t i = 0; i < names.n; i++)
		if (strncmp(names.items[i], prefix, (size_t)n) == 0 &&
		    strlen(names.items[i]) == (size_t)n + TEMP_RANDOM)
			remove_dead(f->dirfd, names.items[i]);
}

/* Closes a named file before it is published: a late error of close still stops it. */
static int close_named(struct atomic_file *f, struct err *err)
{
	if (f->flags & ATOMIC_FILE_TIDY) {
		f->lock = sys_dup(f->fd);
		if (f->lock < 0)
			return err_errno(err, "cannot duplicate a descriptor");
	}
	return fd_close(&f->fd, err);
}

/* Gives the synced file its final name. */
static int publish(struct atomic_file *f, struct err *err)
{
	bool unnamed = !f->temp;
	int r;

	if (unnamed && (f->flags & ATOMIC_FILE_REPLACE)) {
		if (name_temporarily(f, err) < 0)
			return -1;
		unnamed = false;
	}
	if (!unnamed && close_named(f, err) < 0)
		return err_wrap(err, "cannot write %s", q(f->name));
	r = unnamed ? link_unnamed(f, f->name) : rename_temp(f);
	if (r < 0 && errno == EEXIST)
		return err_set(err, ERR_EXISTS, "%s exists already", q(f->name));
	if (r < 0)
		return err_errno(err, "cannot name %s", q(f->name));
	free(f->temp);
	f->temp = NULL;
	if (f->flags & ATOMIC_FILE_TIDY)
		tidy_best_effort(f);
	return 0;
}

/* Makes the name durable. */
static int settle(struct atomic_file *f, struct err *err)
{
	if (f->fd >= 0 && fd_close(&f->fd, err) < 0)
		return err_wrap(err, "cannot write %s", q(f->name));
	if (!(f->flags & ATOMIC_FILE_NO_DIR_SYNC) && fd_sync(f->dirfd, err) < 0)
		return err_wrap(err, "cannot make %s durable", q(f->name));
	return 0;
}

int atomic_file_commit(struct atomic_file *f, struct err *err)
{
	if (fd_sync(f->fd, err) < 0) {
		err_wrap(err, "cannot write %s", q(f->name));
	} else if (publish(f, err) == 0) {
		if (settle(f, err) < 0 && !(f->flags & ATOMIC_FILE_REPLACE))
			(void)sys_unlinkat(f->dirfd, f->name, 0);
	}
	atomic_file_abort(f);
	return err_is(err, ERR_NONE) ? 0 : -1;
}
