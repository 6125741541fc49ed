/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/process.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/buf.h"
#include "backend/base/cleanup.h"
#include "backend/base/fd.h"

#define STAT_MAX 4096
/* When it began: a field of stat, counted from the one after the name. */
#define FIELD_START 20

/* The text of the nth field (from 1) behind the name, or NULL. */
static const char *field(const char *text, int n)
{
	for (; n > 1 && text; n--) {
		text = strchr(text, ' ');
		if (text)
			text++;
	}
	return text;
}

/* Takes the text of stat apart: "PID (NAME) STATE PARENT ...", where NAME may hold
 * parentheses and blanks itself. */
static int parse(const char *text, struct process *ret, struct err *err)
{
	const char *name = strchr(text, '('), *end = strrchr(text, ')');
	const char *start;
	unsigned long long ticks;
	struct process p = { 0 };
	size_t n;

	if (!name || !end || end < name || end[1] != ' ')
		return err_set(err, ERR_IO, "/proc has a form that is not known");
	start = field(end + 2, FIELD_START);
	if (!start || sscanf(start, "%llu", &ticks) != 1)
		return err_set(err, ERR_IO, "/proc has a form that is not known");
	n = (size_t)(end - name - 1);
	if (n >= sizeof(p.name))
		n = sizeof(p.name) - 1;
	memcpy(p.name, name + 1, n);
	p.start = ticks;
	*ret = p;
	return 1;
}

int process_read(pid_t pid, struct process *ret, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	_cleanup_close_ int fd = -1;
	char path[64];
	bool gone;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	if (fd < 0 && (errno == ENOENT || errno == ESRCH))
		return 0;
	if (fd < 0)
		return err_errno(err, "cannot open %s", path);
	if (fd_read_file(fd, STAT_MAX, &text, err) < 0) {
		/* It ended between the two calls. */
		gone = err->sys_errno == ESRCH;
		if (!gone)
			return err_wrap(err, "%s", path);
		err_clear(err);
		return 0;
	}
	return parse(text.data ? text.data : "", ret, err);
}
