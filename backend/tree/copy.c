/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/copy.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"
#include "backend/tree/acl.h"

#define PIECE          ((size_t)1 << 18)
#define XATTR_LIST_MAX 65536 /* the kernel's limits */
#define XATTR_MAX      65536

static const char acl_access[] = "system.posix_acl_access";
static const char acl_default[] = "system.posix_acl_default";
static const char capability[] = "security.capability";

/* Copies the bytes from offset to end. */
static int copy_range(int from, int to, char *piece, off_t offset, off_t end,
		      const struct observer *observer, struct err *err)
{
	while (offset < end) {
		size_t want =
			end - offset < (off_t)PIECE ? (size_t)(end - offset) : PIECE;
		ssize_t n;

		if (observer_check(observer, err) < 0)
			return -1;
		n = fd_pread_full(from, piece, want, (uint64_t)offset, err);
		if (n < 0)
			return -1;
		if (n == 0)
			return err_set(err, ERR_CHANGED, "became shorter");
		if (fd_pwrite_all(to, piece, (size_t)n, (uint64_t)offset, err) < 0)
			return -1;
		offset += n;
	}
	return 0;
}

/* The next range of data from offset on; false if there is none.  A file system that
 * cannot tell has data everywhere. */
static bool next_range(int fd, off_t size, off_t *offset, off_t *ret_end)
{
	off_t data = sys_lseek(fd, *offset, SEEK_DATA);
	off_t end;

	if (data < 0 && errno == ENXIO)
		return false;
	if (data < 0)
		data = *offset;
	end = sys_lseek(fd, data, SEEK_HOLE);
	if (end < 0 || end > size)
		end = size;
	*offset = data;
	*ret_end = end;
	return data < end;
}

int copy_data(int from, int to, const struct observer *observer, struct err *err)
{
	_cleanup_free_ char *piece = alloc_bytes(PIECE, err);
	struct stat st;
	off_t end;

	if (!piece)
		return -1;
	if (sys_fstat(from, &st) < 0)
		return err_errno(err, "cannot examine it");
	for (off_t at = 0; at < st.st_size && next_range(from, st.st_size, &at, &end);
	     at = end) {
		if (copy_range(from, to, piece, at, end, observer, err) < 0)
			return -1;
	}
	if (sys_ftruncate(to, st.st_size) < 0)
		return err_errno(err, "cannot set its size");
	return 0;
}

/* What the machine's policy gives, which need not be the same. */
static bool is_policy(const char *name)
{
	return strncmp(name, "security.", 9) == 0 && strcmp(name, capability) != 0;
}

/* Copies one attribute if there is one; *ret_found: whether there was. */
static int copy_xattr(int from, int to, const char *name, char *value, bool *ret_found,
		      struct err *err)
{
	ssize_t n = sys_fgetxattr(from, name, value, XATTR_MAX);

	*ret_found = n >= 0;
	if (n < 0) {
		if (errno == ENODATA || errno == EOPNOTSUPP || is_policy(name))
			return 0;
		return err_errno(err, "cannot read attribute %s", q(name));
	}
	if (sys_fsetxattr(to, name, value, (size_t)n, 0) < 0 && !is_policy(name))
		return err_errno(err, "cannot set attribute %s", q(name));
	return 0;
}

/* Copies an ACL, or takes away what `to` inherited in its place. */
static int copy_acl(int from, int to, enum acl_type type, char *value, struct err *err)
{
	bool found;

	if (copy_xattr(from, to, type == ACL_OF_ACCESS ? acl_access : acl_default, value,
		       &found, err) < 0)
		return -1;
	return found ? 0 : acl_remove(to, type, err);
}

/* Whether an attribute is copied by name and not with all others. */
static bool has_its_turn(const char *name)
{
	return strcmp(name, acl_access) == 0 || strcmp(name, acl_default) == 0 ||
	       strcmp(name, capability) == 0;
}

static int copy_xattrs(int from, int to, char *value, struct err *err)
{
	_cleanup_free_ char *list = alloc_bytes(XATTR_LIST_MAX, err);
	bool found;
	ssize_t n;

	if (!list)
		return -1;
	n = sys_flistxattr(from, list, XATTR_LIST_MAX);
	if (n < 0 && errno != EOPNOTSUPP)
		return err_errno(err, "cannot list its attributes");
	for (const char *name = list; n > 0 && name < list + n;
	     name += strlen(name) + 1) {
		if (!has_its_turn(name) &&
		    copy_xattr(from, to, name, value, &found, err) < 0)
			return -1;
	}
	return 0;
}

/* Sets the owner where it is another. */
static int copy_owner(int to, const struct stat *st, struct err *err)
{
	struct stat is;

	if (sys_fstat(to, &is) < 0)
		return err_errno(err, "cannot examine the copy");
	if ((is.st_uid != st->st_uid || is.st_gid != st->st_gid) &&
	    sys_fchown(to, st->st_uid, st->st_gid) < 0)
		return err_errno(err, "cannot set the owner of the copy");
	return 0;
}

int copy_attributes(int from, int to, struct err *err)
{
	_cleanup_free_ char *value = alloc_bytes(XATTR_MAX, err);
	struct stat st;
	bool found;

	if (!value)
		return -1;
	if (sys_fstat(from, &st) < 0)
		return err_errno(err, "cannot examine it");

	struct timespec ts[2] = { st.st_atim, st.st_mtim };

	if (copy_owner(to, &st, err) < 0 || copy_xattrs(from, to, value, err) < 0)
		return -1;
	if (sys_fchmod(to, st.st_mode & 07777) < 0)
		return err_errno(err, "cannot set the mode of the copy");
	if (copy_acl(from, to, ACL_OF_ACCESS, value, err) < 0)
		return -1;
	if (S_ISDIR(st.st_mode) && copy_acl(from, to, ACL_OF_DEFAULT, value, err) < 0)
		return -1;
	if (S_ISREG(st.st_mode) &&
	    copy_xattr(from, to, capability, value, &found, err) < 0)
		return -1;
	if (sys_futimens(to, ts) < 0)
		return err_errno(err, "cannot set the time of the copy");
	return 0;
}

static int copy_file(int fromdir, const char *fromname, int todir, const char *toname,
		     const struct observer *observer, struct err *err)
{
	_cleanup_close_ int from = -1;
	_cleanup_close_ int to = -1;

	from = sys_openat(fromdir, fromname, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (from < 0)
		return err_errno(err, "cannot open it");
	to = sys_openat(todir, toname, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (to < 0)
		return err_errno(err, "cannot create the copy");
	if (copy_data(from, to, observer, err) < 0 ||
	    copy_attributes(from, to, err) < 0 || fd_close(&to, err) < 0) {
		(void)sys_unlinkat(todir, toname, 0);
		return -1;
	}
	return 0;
}

static int make_symlink(int fromdir, const char *fromname, int todir, const char *toname,
			struct err *err)
{
	_cleanup_free_ char *target = alloc_bytes(PATH_MAX + 1, err);
	ssize_t n;

	if (!target)
		return -1;
	n = sys_readlinkat(fromdir, fromname, target, PATH_MAX);
	if (n < 0)
		return err_errno(err, "cannot read it");
	target[n] = '\0';
	if (sys_symlinkat(target, todir, toname) < 0)
		return err_errno(err, "cannot create the copy");
	return 0;
}

/* Owner, mode and times of what is not opened. */
static int copy_attributes_at(int todir, const char *toname, const struct stat *st,
			      struct err *err)
{
	struct timespec ts[2] = { st->st_atim, st->st_mtim };

	if (sys_fchownat(todir, toname, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "cannot set the owner of the copy");
	if (!S_ISLNK(st->st_mode) &&
	    sys_fchmodat(todir, toname, st->st_mode & 07777, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "cannot set the mode of the copy");
	if (sys_utimensat(todir, toname, ts, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "cannot set the time of the copy");
	return 0;
}

int copy_object(int fromdir, const char *fromname, int todir, const char *toname,
		const struct observer *observer, struct err *err)
{
	struct stat st;

	if (sys_fstatat(fromdir, fromname, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, "cannot examine it");
	if (S_ISREG(st.st_mode))
		return copy_file(fromdir, fromname, todir, toname, observer, err);
	if (S_ISLNK(st.st_mode)) {
		if (make_symlink(fromdir, fromname, todir, toname, err) < 0)
			return -1;
	} else if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
		if (sys_mknodat(todir, toname, (st.st_mode & S_IFMT) | 0600, st.st_rdev) <
		    0)
			return err_errno(err, "cannot create the copy");
	} else {
		return err_set(err, ERR_UNSUPPORTED, "cannot be copied");
	}
	if (copy_attributes_at(todir, toname, &st, err) < 0) {
		(void)sys_unlinkat(todir, toname, 0);
		return -1;
	}
	return 0;
}
