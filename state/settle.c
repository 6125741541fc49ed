/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/settle.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>

#include "backend/base/buf.h"
#include "backend/base/cleanup.h"
#include "backend/base/fd.h"
#include "backend/base/sys.h"

#define NUMBER_MAX ((size_t)64)
#define SLACK_CS   200

/* A number alone in its line, as far as the kernel's go; INT64_MAX for what is none. */
static int64_t parse(const struct buf *text)
{
	int64_t n = 0;
	size_t i = 0;

	for (; i < text->len && text->data[i] >= '0' && text->data[i] <= '9'; i++) {
		n = n * 10 + (text->data[i] - '0');
		if (n > INT_MAX)
			return INT64_MAX;
	}
	if (i == 0 || i + 1 < text->len || (i < text->len && text->data[i] != '\n'))
		return INT64_MAX;
	return n;
}

/* One of the settings, in 1/100 s. */
static bool get(int dirfd, const char *name, int64_t *ret)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	if (fd_read_file_at(dirfd, name, NUMBER_MAX, &text, &problem) < 0)
		return false;
	*ret = parse(&text);
	return true;
}

int64_t settle_read(const char *dir)
{
	_cleanup_close_ int fd = sys_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
	int64_t expire, writeback;

	if (fd < 0 || !get(fd, "dirty_expire_centisecs", &expire) ||
	    !get(fd, "dirty_writeback_centisecs", &writeback))
		return SETTLE_UNKNOWN_SEC;
	if (writeback == 0 || writeback == INT64_MAX || expire == INT64_MAX)
		return SETTLE_NEVER;
	return (expire + 2 * writeback + SLACK_CS + 99) / 100;
}
