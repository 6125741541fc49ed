/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "backend/base/cleanup.h"
#include "backend/base/sys.h"

#define READ_STEP     65536
#define WRITE_BEHIND  ((uint64_t)8 << 20)
#define RESOLVE_TRIES 32
/* So much may still be on its way to the disk; and so much is looked at once more, in
 * case it was when it was looked at last. */
#define DROP_BEHIND ((uint64_t)24 << 20)
#define DROP_AGAIN  ((uint64_t)64 << 20)

/* True if n bytes from offset on end within what off_t can say. */
static bool range_fits(uint64_t offset, size_t n)
{
	uint64_t end;

	return !__builtin_add_overflow(offset, n, &end) && end <= INT64_MAX;
}

/* Is a read or write that failed with errno to be tried again?  A descriptor that never
 * waits is waited for here. */
static bool is_to_repeat(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	if (errno != EAGAIN)
		return errno == EINTR;
	return sys_poll(&p, 1, -1) >= 0 || errno == EINTR;
}

int fd_write_all(int fd, const void *p, size_t n, struct err *err)
{
	const char *at = p;

	while (n > 0) {
		ssize_t k = sys_write(fd, at, n);
		if (k < 0) {
			if (is_to_repeat(fd, POLLOUT))
				continue;
			return err_errno(err, "cannot write");
		}
		at += k;
		n -= (size_t)k;
	}
	return 0;
}

int fd_pwrite_all(int fd, const void *p, size_t n, uint64_t offset, struct err *err)
{
	const char *at = p;

	if (!range_fits(offset, n))
		return err_errnum(err, EFBIG, "cannot write");
	while (n > 0) {
		ssize_t k = sys_pwrite(fd, at, n, (off_t)offset);
		if (k < 0) {
			if (errno == EINTR)
				continue;
			return err_errno(err, "cannot write");
		}
		at += k;
		offset += (size_t)k;
		n -= (size_t)k;
	}
	return 0;
}

bool fd_write_behind(int fd, uint64_t *begun, uint64_t at)
{
	if (at < *begun || at - *begun < WRITE_BEHIND)
		return false;
	(void)sys_sync_file_range(fd, (off_t)*begun, (off_t)(at - *begun),
				  SYNC_FILE_RANGE_WRITE);
	*begun = at;
	return true;
}

/* No write is waited for, least of all by sync_file_range(): that would take the error of
 * one that fails away from the fsync at the end. */
void fd_write_past(int fd, uint64_t *begun, uint64_t at)
{
	uint64_t from, to;

	if (!fd_write_behind(fd, begun, at) || at <= DROP_BEHIND)
		return;
	to = at - DROP_BEHIND;
	from = to > DROP_AGAIN ? to - DROP_AGAIN : 0;
	(void)sys_posix_fadvise(fd, (off_t)from, (off_t)(to - from), POSIX_FADV_DONTNEED);
}

ssize_t fd_read_some(int fd, void *p, size_t n, struct err *err)
{
	ssize_t k;

	do
		k = sys_read(fd, p, n);
	while (k < 0 && is_to_repeat(fd, POLLIN));
	return k < 0 ? err_errno(err, "cannot read") : k;
}

ssize_t fd_read_full(int fd, void *p, size_t n, struct err *err)
{
	size_t done = 0;

	while (done < n) {
		ssize_t k = fd_read_some(fd, (char *)p + done, n - done, err);
		if (k < 0)
			return -1;
		if (k == 0)
			break;
		done += (size_t)k;
	}
	return (ssize_t)done;
}

ssize_t fd_pread_full(int fd, void *p, size_t n, uint64_t offset, struct err *err)
{
	size_t done = 0;

	if (!range_fits(offset, n))
		return err_errnum(err, EFBIG, "cannot read");
	while (done < n) {
		ssize_t k =
			sys_pread(fd, (char *)p + done, n - done, (off_t)(offset + done));
		if (k == 0)
			break;
		if (k > 0)
			done += (size_t)k;
		else if (errno != EINTR)
			return err_errno(err, "cannot read");
	}
	return (ssize_t)done;
}

int fd_close(int *fd, struct err *err)
{
	int closing = TAKE_FD(*fd);

	if (sys_close(closing) < 0)
		return err_errno(err, "cannot close");
	return 0;
}

int fd_sync(int fd, struct err *err)
{
	/* EINTR too is final: what was not written may be marked clean already. */
	if (sys_fsync(fd) < 0)
		return err_errno(err, "cannot write to the disk");
	return 0;
}

/* Appends up to `room` bytes and one more; returns what was read, 0 at the end, or -1. */
static ssize_t read_step(int fd, size_t room, struct buf *out, struct err *err)
{
	size_t want = room < READ_STEP ? room + 1 : READ_STEP;
	char one;
	ssize_t n;

	if (out->max && out->max - out->len < want)
		want = out->max - out->len;
	/* A full buffer may still hold all there is. */
	if (want == 0) {
		n = fd_read_full(fd, &one, 1, err);
		return n > 0 ? err_set(err, ERR_NO_SPACE, "longer than %zu bytes",
				       out->max)
			     : n;
	}
	char *p = buf_reserve(out, want, err);
	if (!p)
		return -1;
	n = fd_read_full(fd, p, want, err);
	if (n > 0)
		buf_advance(out, (size_t)n);
	return n;
}

int fd_read_file(int fd, size_t max, struct buf *out, struct err *err)
{
	size_t before = out->len;
	ssize_t n;

	do {
		n = read_step(fd, max - (out->len - before), out, err);
		if (n > 0 && out->len - before > max)
			n = err_set(err, ERR_NO_SPACE, "longer than %zu bytes", max);
	} while (n > 0);
	if (n < 0)
		buf_cut(out, before);
	return (int)n;
}

int fd_read_file_at(int dirfd, const char *name, size_t max, struct buf *out,
		    struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	fd = sys_openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0 && errno == ELOOP)
		return err_set(err, ERR_CORRUPT, "is a symbolic link");
	if (fd < 0)
		return err_errno(err, "cannot open");
	if (sys_fstat(fd, &st) < 0)
		return err_errno(err, "cannot examine");
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CORRUPT, "not a regular file");
	return fd_read_file(fd, max, out, err);
}

int fd_open_dir_at(int dirfd, const char *name, struct err *err)
{
	int fd = sys_openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

	return fd < 0 ? err_errno(err, "cannot open the directory") : fd;
}

int fd_open_in_root(int rootfd, const char *path, int flags)
{
	int fd = -1;

	for (int i = 0; i < RESOLVE_TRIES; i++) {
		fd = sys_openat2(rootfd, path, (uint64_t)flags, 0,
				 RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd;
}

/* Appends the names of the n bytes of records that getdents64() gave. */
static int add_names(const char *records, size_t n, size_t limit, struct strings *ret,
		     struct err *err)
{
	for (size_t at = 0; at < n;) {
		struct dirent64 head;
		const char *name = records + at + offsetof(struct dirent64, d_name);

		memcpy(&head, records + at, offsetof(struct dirent64, d_name));
		at += head.d_reclen;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (ret->n >= limit)
			return err_set(err, ERR_NO_SPACE, "too many names in it");
		if (strings_add(ret, name, err) < 0)
			return -1;
	}
	return 0;
}

bool fd_is_component(const char *name)
{
	return name[0] != '\0' && !strchr(name, '/') && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

int fd_list_dir(int fd, size_t max, struct strings *ret, struct err *err)
{
	size_t limit = max > SIZE_MAX - ret->n ? SIZE_MAX : ret->n + max;
	char records[32768];
	ssize_t n;

	if (sys_lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, "cannot read the directory");
	while ((n = sys_getdents(fd, records, sizeof(records))) > 0) {
		if (add_names(records, (size_t)n, limit, ret, err) < 0)
			return -1;
	}
	return n < 0 ? err_errno(err, "cannot read the directory") : 0;
}

int fd_random_name(char *out, size_t n, struct err *err)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	const size_t letters = sizeof(alphabet) - 1;
	uint8_t bytes[64];

	for (size_t done = 0; done < n;) {
		ssize_t got = sys_getrandom(bytes, sizeof(bytes), 0);
		if (got < 0) {
			if (errno == EINTR)
				continue;
			return err_errno(err, "cannot get random numbers");
		}
		/* Bytes past the last whole multiple would favour the first letters. */
		for (ssize_t i = 0; i < got && done < n; i++) {
			if (bytes[i] < 256 / letters * letters)
				out[done++] = alphabet[bytes[i] % letters];
		}
	}
	out[n] = '\0';
	return 0;
}
