/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/le.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"

#define TYPE_SIZE   2
#define HEADER_SIZE 6 /* of a field: tag and length */
#define ABSENT      UINT32_MAX

/* The texts of an error, each.  Four fields of an error so fit with room to spare. */
#define TEXT_MAX 8192

enum own_tag {
	TAG_ERR_KIND = WIRE_TAG_OWN,
	TAG_ERR_ERRNO,
	TAG_ERR_MSG,
	TAG_ERR_HINT,
};

/* What SCM_RIGHTS brings, aligned as the kernel wants it. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int) * WIRE_MAX_FDS)];
};

/* ---- Building ---- */

void wire_out_init(struct wire_out *o)
{
	o->bytes = (struct buf)BUF_INIT_MAX(WIRE_MAX);
	o->n_fds = 0;
}

void wire_out_done(struct wire_out *o)
{
	buf_done(&o->bytes);
	wire_out_init(o);
}

int wire_begin(struct wire_out *o, unsigned type, struct err *err)
{
	uint8_t head[TYPE_SIZE];

	assert(type <= UINT16_MAX);
	if (err->kind != ERR_NONE)
		return -1;
	buf_clear(&o->bytes);
	o->n_fds = 0;
	le_put16(head, (uint16_t)type);
	return buf_add(&o->bytes, head, sizeof(head), err);
}

/* Appends a field whose length says `len` and that has n bytes. */
static int put_field(struct wire_out *o, unsigned tag, uint32_t len, const void *p,
		     size_t n, struct err *err)
{
	assert(tag <= UINT16_MAX && o->bytes.len >= TYPE_SIZE);

	/* In one piece: a failure must not leave half a field behind. */
	char *room = buf_reserve(&o->bytes, HEADER_SIZE + n, err);
	if (!room)
		return err_wrap(err, "message between processes");
	le_put16(room, (uint16_t)tag);
	le_put32(room + 2, len);
	if (n > 0)
		memcpy(room + HEADER_SIZE, p, n);
	buf_advance(&o->bytes, HEADER_SIZE + n);
	return 0;
}

int wire_put_u64(struct wire_out *o, unsigned tag, uint64_t v, struct err *err)
{
	uint8_t bytes[8];

	if (err->kind != ERR_NONE)
		return -1;
	le_put64(bytes, v);
	return put_field(o, tag, sizeof(bytes), bytes, sizeof(bytes), err);
}

int wire_put_bytes(struct wire_out *o, unsigned tag, const void *p, size_t n,
		   struct err *err)
{
	if (err->kind != ERR_NONE)
		return -1;
	if (n > WIRE_MAX)
		return err_set(err, ERR_NO_SPACE,
			       "message between processes: longer than %u bytes",
			       WIRE_MAX);
	return put_field(o, tag, (uint32_t)n, p, n, err);
}

int wire_put_str(struct wire_out *o, unsigned tag, const char *s, struct err *err)
{
	if (err->kind != ERR_NONE)
		return -1;
	if (!s)
		return put_field(o, tag, ABSENT, NULL, 0, err);
	return wire_put_bytes(o, tag, s, strlen(s), err);
}

int wire_put_fd(struct wire_out *o, int fd, struct err *err)
{
	assert(fd >= 0);
	if (err->kind != ERR_NONE)
		return -1;
	if (o->n_fds == WIRE_MAX_FDS)
		return err_set(err, ERR_NO_SPACE,
			       "message between processes: more than %d descriptors",
			       WIRE_MAX_FDS);
	o->fds[o->n_fds++] = fd;
	return 0;
}

/* A text of an error, cut where it is too long. */
static int put_text(struct wire_out *o, unsigned tag, const char *text, struct err *err)
{
	if (!text)
		return wire_put_str(o, tag, NULL, err);
	return wire_put_bytes(o, tag, text, strnlen(text, TEXT_MAX), err);
}

int wire_put_err(struct wire_out *o, const struct err *e, struct err *err)
{
	wire_put_u64(o, TAG_ERR_KIND, (uint64_t)e->kind, err);
	wire_put_u64(o, TAG_ERR_ERRNO, (uint64_t)e->sys_errno, err);
	put_text(o, TAG_ERR_MSG, e->msg, err);
	return put_text(o, TAG_ERR_HINT, e->hint, err);
}

/* ---- Reading ---- */

/* Steps over the next field, which has to be `tag`; *ret_len is what its length says. */
static int next_field(struct wire_in *in, unsigned tag, const uint8_t **ret,
		      uint32_t *ret_len, struct err *err)
{
	size_t left = (size_t)(in->end - in->p);

	if (err->kind != ERR_NONE)
		return -1;
	if (left < HEADER_SIZE)
		return err_set(err, ERR_CORRUPT, "message %u ends before field %u",
			       in->type, tag);
	unsigned found = le_get16(in->p);
	uint32_t len = le_get32(in->p + 2);
	if (found != tag)
		return err_set(err, ERR_CORRUPT, "message %u has field %u in place of %u",
			       in->type, found, tag);
	if (len != ABSENT && len > left - HEADER_SIZE)
		return err_set(err, ERR_CORRUPT, "field %u of message %u is cut short",
			       tag, in->type);
	*ret = in->p + HEADER_SIZE;
	*ret_len = len;
	in->p += HEADER_SIZE + (len == ABSENT ? 0 : len);
	return 0;
}

int wire_get_u64(struct wire_in *in, unsigned tag, uint64_t *ret, struct err *err)
{
	const uint8_t *p = NULL;
	uint32_t len = 0;

	if (next_field(in, tag, &p, &len, err) < 0)
		return -1;
	if (len != 8)
		return err_set(err, ERR_CORRUPT, "field %u of message %u is no number",
			       tag, in->type);
	*ret = le_get64(p);
	return 0;
}

/* A field of at most `max` bytes; absent gives NULL. */
static int get_field(struct wire_in *in, unsigned tag, size_t max, const uint8_t **ret,
		     size_t *ret_n, struct err *err)
{
	const uint8_t *p = NULL;
	uint32_t len = 0;

	if (next_field(in, tag, &p, &len, err) < 0)
		return -1;
	if (len != ABSENT && len > max)
		return err_set(err, ERR_CORRUPT, "field %u of message %u is too long",
			       tag, in->type);
	*ret = len == ABSENT ? NULL : p;
	*ret_n = len == ABSENT ? 0 : len;
	return 0;
}

int wire_get_bytes(struct wire_in *in, unsigned tag, size_t max, const uint8_t **ret,
		   size_t *ret_n, struct err *err)
{
	const uint8_t *p = NULL;
	size_t n = 0;

	if (get_field(in, tag, max, &p, &n, err) < 0)
		return -1;
	if (!p)
		return err_set(err, ERR_CORRUPT, "field %u of message %u is absent", tag,
			       in->type);
	*ret = p;
	*ret_n = n;
	return 0;
}

int wire_get_str(struct wire_in *in, unsigned tag, size_t max, char **ret,
		 struct err *err)
{
	const uint8_t *p = NULL;
	size_t n = 0;

	if (get_field(in, tag, max, &p, &n, err) < 0)
		return -1;
	if (!p) {
		*ret = NULL;
		return 0;
	}
	if (memchr(p, '\0', n))
		return err_set(err, ERR_CORRUPT, "field %u of message %u holds a NUL",
			       tag, in->type);
	char *copy = alloc_strndup((const char *)p, n, err);
	if (!copy)
		return -1;
	*ret = copy;
	return 0;
}

int wire_take_fd(struct wire_in *in, int *ret, struct err *err)
{
	if (err->kind != ERR_NONE)
		return -1;
	if (in->next_fd == in->n_fds)
		return err_set(err, ERR_CORRUPT, "message %u lacks a descriptor",
			       in->type);
	*ret = in->fds[in->next_fd++];
	return 0;
}

/*
 * A text of an error, made harmless.  It was quoted when it was made, so what escaping
 * it once more adds to backslashes and quotes is taken back; all else that escaping finds
 * was not there if the sender is honest, and stays escaped.
 */
static int get_text(struct wire_in *in, unsigned tag, char **ret, struct err *err)
{
	_cleanup_(buf_done) struct buf safe = BUF_INIT;
	_cleanup_free_ char *text = NULL;

	if (wire_get_str(in, tag, TEXT_MAX, &text, err) < 0)
		return -1;
	if (!text) {
		*ret = NULL;
		return 0;
	}
	if (quote_escape(&safe, text, strlen(text), err) < 0)
		return -1;
	char *s = buf_steal(&safe, err);
	if (!s)
		return -1;
	char *to = s;
	for (const char *p = s; *p; p++) {
		if (*p == '\\' && (p[1] == '\\' || p[1] == '"'))
			p++;
		*to++ = *p;
	}
	*to = '\0';
	*ret = s;
	return 0;
}

int wire_get_err(struct wire_in *in, struct err *to, struct err *err)
{
	_cleanup_free_ char *msg = NULL;
	_cleanup_free_ char *hint = NULL;
	uint64_t kind = 0, errnum = 0;

	assert(to != err);
	wire_get_u64(in, TAG_ERR_KIND, &kind, err);
	wire_get_u64(in, TAG_ERR_ERRNO, &errnum, err);
	if (err->kind != ERR_NONE || get_text(in, TAG_ERR_MSG, &msg, err) < 0 ||
	    get_text(in, TAG_ERR_HINT, &hint, err) < 0)
		return -1;
	/* The greatest errno that the kernel returns is 4095. */
	if (kind > ERR_NOMEM || errnum > 4095 ||
	    (kind == ERR_NONE && (errnum != 0 || msg || hint)))
		return err_set(err, ERR_CORRUPT, "message %u holds no legal error",
			       in->type);
	err_clear(to);
	to->kind = (enum err_kind)kind;
	to->sys_errno = (int)errnum;
	to->msg = TAKE_PTR(msg);
	to->hint = TAKE_PTR(hint);
	return 0;
}

bool wire_at_end(const struct wire_in *in)
{
	return in->p == in->end && in->next_fd == in->n_fds;
}

void wire_in_init(struct wire_in *in)
{
	in->type = 0;
	in->p = in->end = in->storage;
	in->n_fds = in->next_fd = 0;
}

void wire_in_done(struct wire_in *in)
{
	while (in->next_fd < in->n_fds)
		sys_close_best_effort(in->fds[in->next_fd++]);
	wire_in_init(in);
}

/* ---- Sockets ---- */

/* The failure of a call on the socket, from errno. */
static int socket_error(const char *what, struct err *err)
{
	if (errno == EPIPE || errno == ECONNRESET)
		return err_set(err, ERR_IO, "the other end is gone");
	return err_errno(err, "cannot %s a message", what);
}

/* wire_send() with flags for the call: 1, 0 if it would have to wait, -1. */
static int send_record(int sock, const struct wire_out *o, int flags, struct err *err)
{
	union control control;
	struct iovec iov = { o->bytes.data, o->bytes.len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	size_t size = sizeof(int) * o->n_fds;

	assert(o->bytes.len >= TYPE_SIZE);
	if (err->kind != ERR_NONE)
		return -1;
	if (o->n_fds > 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(size);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		assert(c != NULL);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(c), o->fds, size);
	}
	for (;;) {
		/* A datagram goes as a whole or not at all. */
		if (sys_sendmsg(sock, &msg, flags | MSG_NOSIGNAL) >= 0)
			return 1;
		if ((flags & MSG_DONTWAIT) && errno == EAGAIN)
			return 0;
		if (errno != EINTR)
			return socket_error("send", err);
	}
}

int wire_send(int sock, const struct wire_out *o, struct err *err)
{
	return send_record(sock, o, 0, err) < 0 ? -1 : 0;
}

int wire_offer(int sock, const struct wire_out *o, struct err *err)
{
	return send_record(sock, o, MSG_DONTWAIT, err);
}

/* Takes over the descriptors that came along; false if there were more than allowed. */
static bool take_control(struct msghdr *msg, struct wire_in *in)
{
	bool fits = !(msg->msg_flags & MSG_CTRUNC);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (in->n_fds < WIRE_MAX_FDS) {
				in->fds[in->n_fds++] = fd;
			} else {
				sys_close_best_effort(fd);
				fits = false;
			}
		}
	}
	return fits;
}

/* Checks what was received, n bytes of which are in storage. */
static int accept_record(struct wire_in *in, size_t n, const struct msghdr *msg,
			 bool fits, struct err *err)
{
	if (msg->msg_flags & MSG_TRUNC)
		return err_set(err, ERR_CORRUPT, "message longer than %u bytes",
			       WIRE_MAX);
	if (!fits)
		return err_set(err, ERR_CORRUPT, "message with more than %d descriptors",
			       WIRE_MAX_FDS);
	if (n < TYPE_SIZE)
		return err_set(err, ERR_CORRUPT, "message of %zu bytes", n);
	in->type = le_get16(in->storage);
	in->p = in->storage + TYPE_SIZE;
	in->end = in->storage + n;
	return 0;
}

int wire_recv(int sock, struct wire_in *in, struct err *err)
{
	union control control;
	struct iovec iov = { in->storage, sizeof(in->storage) };
	struct msghdr msg;
	ssize_t n;

	if (err->kind != ERR_NONE)
		return -1;
	wire_in_done(in);
	do {
		msg = (struct msghdr){ .msg_iov = &iov,
				       .msg_iovlen = 1,
				       .msg_control = &control,
				       .msg_controllen = sizeof(control) };
		n = sys_recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return socket_error("receive", err);
	bool fits = take_control(&msg, in);
	/* An empty datagram cannot be told from the end, and is none of ours. */
	if (n == 0 && in->n_fds == 0)
		return 0;
	if (accept_record(in, (size_t)n, &msg, fits, err) < 0) {
		wire_in_done(in);
		return -1;
	}
	return 1;
}
