/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

void answer_prepare(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* The lowest free number is what open() gives: those below are taken.
		 * Like all standard descriptors it is inherited. */
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
	}
}

/* A close can be the first to say that a file server is full; the reader of a pipe is
 * not to wait for what is tidied up after the answer. */
static int close_stdout(struct err *err)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int failed = close(dup(STDOUT_FILENO)) < 0 ? errno : 0;

	if (null >= 0) {
		(void)dup2(null, STDOUT_FILENO);
		(void)close(null);
	}
	return failed ? err_errnum(err, failed, "cannot write the answer") : 0;
}

/* True where it was only for now that write() failed: someone who shares the terminal
 * or pipe may have made it non-blocking. */
static bool may_try_again(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

	if (errno == EAGAIN)
		return poll(&out, 1, -1) >= 0 || errno == EINTR;
	return errno == EINTR;
}

int answer_write(const struct buf *text, struct err *err)
{
	for (size_t done = 0; done < text->len;) {
		ssize_t n = write(STDOUT_FILENO, text->data + done, text->len - done);
		if (n < 0 && may_try_again())
			continue;
		if (n < 0)
			return err_errno(err, "cannot write the answer");
		done += (size_t)n;
	}
	return close_stdout(err);
}
