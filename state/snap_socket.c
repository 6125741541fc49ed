/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/snap.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include "backend/base/buf.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"

#define ANSWER_MAX ((size_t)16 << 20)
#define CHUNK_SIZE 65536
#define WAIT_MS    2000
#define POLL_MS    100 /* how soon a cancelled run notices */
#define MS_PER_S   1000

/* HTTP/1.0: the answer is one piece and ends with the connection. */
static const char request[] = "GET /v2/snaps HTTP/1.0\r\nHost: localhost\r\n\r\n";

/* A connection to the socket; -1 with an empty err where nobody answers there. */
static int open_socket(const char *socket, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;

	if (strlen(socket) >= sizeof(address.sun_path))
		return err_set(err, ERR_IO, "the name is too long for a socket");
	memcpy(address.sun_path, socket, strlen(socket) + 1);
	fd = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, "cannot make a socket");
	if (sys_connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return TAKE_FD(fd);
	if (errno == ENOENT || errno == ECONNREFUSED || errno == EACCES)
		return -1;
	return err_errno(err, "cannot connect");
}

/* The request is shorter than any socket's buffer. */
static int send_request(int fd, struct err *err)
{
	struct iovec iov = { (char *)(uintptr_t)request, sizeof(request) - 1 };
	const struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	do {
		n = sys_sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(err, "cannot ask");
	if ((size_t)n != iov.iov_len)
		return err_set(err, ERR_IO, "cannot ask: the connection is congested");
	return 0;
}

/* The time on a clock that only goes forward, or -1. */
static int64_t now_ms(struct err *err)
{
	int64_t now = sys_monotonic_ms();

	return now < 0 ? err_errno(err, "cannot read the clock") : now;
}

/* Waits until there is something to read, at most until `deadline`. */
static int wait_readable(int fd, int64_t deadline, const struct observer *observer,
			 struct err *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n = 0;

	while (n == 0) {
		int64_t now = now_ms(err);

		if (now < 0 || observer_check(observer, err) < 0)
			return -1;
		if (now >= deadline)
			return err_set(err, ERR_IO, "no answer in %d s",
				       WAIT_MS / MS_PER_S);
		n = sys_poll(&p, 1, POLL_MS);
		if (n < 0 && errno == EINTR)
			n = 0;
	}
	return n < 0 ? err_errno(err, "cannot wait for the answer") : 0;
}

/* Appends all that comes until the other end closes. */
static int read_answer(int fd, const struct observer *observer, struct buf *out,
		       struct err *err)
{
	int64_t begin = now_ms(err);

	if (begin < 0)
		return -1;
	for (;;) {
		char *room = buf_reserve(out, CHUNK_SIZE, err);
		ssize_t n;

		if (!room || wait_readable(fd, begin + WAIT_MS, observer, err) < 0)
			return -1;
		n = sys_read(fd, room, CHUNK_SIZE);
		if (n == 0)
			return 0;
		if (n > 0)
			buf_advance(out, (size_t)n);
		else if (errno != EINTR && errno != EAGAIN)
			return err_errno(err, "cannot read the answer");
	}
}

/* The body of an answer that says 200; NULL else. */
static const char *body_of(const struct buf *answer, size_t *ret_len)
{
	static const char ok[] = " 200 ", blank[] = "\r\n\r\n";
	const char *space = memchr(answer->data, ' ', answer->len), *end;

	if (answer->len < 5 || memcmp(answer->data, "HTTP/", 5) != 0 || !space ||
	    strncmp(space, ok, sizeof(ok) - 1) != 0)
		return NULL;
	end = memmem(answer->data, answer->len, blank, sizeof(blank) - 1);
	if (!end)
		return NULL;
	end += sizeof(blank) - 1;
	*ret_len = answer->len - (size_t)(end - answer->data);
	return end;
}

int snap_state_ask(struct snap_state *s, const char *socket,
		   const struct observer *observer, struct err *err)
{
	_cleanup_(buf_done) struct buf answer = BUF_INIT_MAX(ANSWER_MAX);
	_cleanup_close_ int fd = open_socket(socket, err);
	const char *body;
	size_t n;

	if (fd < 0)
		return err_is(err, ERR_NONE) ? 0 : err_wrap(err, "%s", q(socket));
	if (send_request(fd, err) < 0 || read_answer(fd, observer, &answer, err) < 0)
		return err_wrap(err, "%s", q(socket));
	body = answer.len ? body_of(&answer, &n) : NULL;
	if (!body)
		return err_set(err, ERR_CORRUPT, "%s: the answer is no list of snaps",
			       q(socket));
	if (snap_state_add_answer(s, body, n, err) < 0)
		return err_wrap(err, "%s", q(socket));
	return 0;
}
