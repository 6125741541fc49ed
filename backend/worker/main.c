/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * setaside-worker: the program that touches other people's trees and files.
 *
 * Started by libsetaside with a socket as descriptor 3 and an empty environment; it is
 * told what to be, becomes that, and serves requests (worker/protocol.h).
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/fault.h"
#include "backend/worker/fence.h"
#include "backend/worker/identity.h"
#include "backend/worker/protocol.h"
#include "backend/worker/serve.h"
#include "backend/worker/worker.h"

struct hello {
	enum worker_kind kind;
	struct identity id;
	gid_t groups[IDENTITY_GROUPS_MAX];
	int rootfd, spillfd; /* spillfd -1: there is none */
};

/* The identity's fields. */
static int read_identity(struct wire_in *in, struct hello *h, struct err *err)
{
	const uint8_t *groups;
	uint64_t kind, uid, gid, caps;
	size_t n;

	if (wire_get_u64(in, PROTOCOL_TAG_IDENTITY, &kind, err) < 0 ||
	    wire_get_u64(in, PROTOCOL_TAG_UID, &uid, err) < 0 ||
	    wire_get_u64(in, PROTOCOL_TAG_GID, &gid, err) < 0 ||
	    wire_get_bytes(in, PROTOCOL_TAG_GROUPS, sizeof(h->groups), &groups, &n, err) <
		    0 ||
	    wire_get_u64(in, PROTOCOL_TAG_CAPS, &caps, err) < 0)
		return -1;
	if (kind > IDENTITY_NOBODY_WITH || uid >= UINT32_MAX || gid >= UINT32_MAX ||
	    n % sizeof(gid_t) != 0)
		return err_set(err, ERR_CORRUPT, "impossible identity");
	memcpy(h->groups, groups, n);
	h->id = (struct identity){ .kind = (enum identity_kind)kind,
				   .uid = (uid_t)uid,
				   .gid = (gid_t)gid,
				   .groups = h->groups,
				   .n_groups = n / sizeof(gid_t),
				   .caps = caps };
	return 0;
}

/* The first record.  A parent of another version is refused:
 * records have no other guard. */
static int read_hello(struct wire_in *in, struct hello *h, struct err *err)
{
	_cleanup_free_ char *build = NULL;
	uint64_t version, kind, spill;

	if (in->type != PROTOCOL_HELLO)
		return err_set(err, ERR_CORRUPT, "expected a greeting");
	if (wire_get_u64(in, PROTOCOL_TAG_VERSION, &version, err) < 0 ||
	    wire_get_str(in, PROTOCOL_TAG_BUILD, 256, &build, err) < 0)
		return -1;
	if (version != PROTOCOL_VERSION || !build || strcmp(build, PACKAGE_VERSION) != 0)
		return err_set(err, ERR_UNSUPPORTED,
			       "this is the worker of version " PACKAGE_VERSION
			       ", not of the program that started it");
	if (wire_get_u64(in, PROTOCOL_TAG_KIND, &kind, err) < 0)
		return -1;
	if (kind < WORKER_READER || kind > WORKER_SWAPPER)
		return err_set(err, ERR_CORRUPT, "unknown kind of worker");
	h->kind = (enum worker_kind)kind;
	h->spillfd = -1;
	if (read_identity(in, h, err) < 0 ||
	    wire_get_u64(in, PROTOCOL_TAG_SPILL, &spill, err) < 0 ||
	    wire_take_fd(in, &h->rootfd, err) < 0 ||
	    (spill != 0 && wire_take_fd(in, &h->spillfd, err) < 0))
		return -1;
	return 0;
}

/* The handler of a kind. */
static const struct serve_kind *kind_of(enum worker_kind kind)
{
	switch (kind) {
	case WORKER_READER:
		return &serve_reader;
	case WORKER_PACKER:
		return &serve_packer;
	case WORKER_UNPACKER:
		return &serve_unpacker;
	case WORKER_APPLIER:
		return &serve_applier;
	case WORKER_SWAPPER:
		return &serve_swapper;
	}
	return NULL;
}

/* From the bare process to the greeted, fenced and dropped one.  The fence comes first:
 * it closes every descriptor but the protocol's, and the greeting brings one. */
static int settle(struct serve *s, struct hello *h, struct err *err)
{
	int r;

	if (fence_before_identity(err) < 0)
		return -1;
	r = wire_recv(PROTOCOL_SOCKET_FD, &s->request, err);
	if (r == 0)
		return err_set(err, ERR_INTERRUPTED, "the parent is gone");
	if (r < 0 || read_hello(&s->request, h, err) < 0 ||
	    identity_take(&h->id, err) < 0)
		return -1;
	return fence_after_identity(err);
}

/* What the parent is told by where no record could tell it. */
static int exit_status(const struct err *err)
{
	return err_is(err, ERR_NOMEM) ? PROTOCOL_EXIT_NOMEM : 1;
}

/* Everything after main's bare minimum; what goes wrong is told to the parent. */
static int run(struct serve *s, struct hello *h, struct err *err)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;

	if (settle(s, h, &problem) < 0)
		return serve_fail(s, &problem, err);
	s->rootfd = h->rootfd;
	s->spill.fd = h->spillfd;
	if (wire_begin(&s->out, PROTOCOL_OK, err) < 0 || serve_send(s, err) < 0)
		return -1;
	return serve_loop(s, kind_of(h->kind), err);
}

int main(int argc, char **argv)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct hello *hello;
	struct serve *s;
	int type = 0, status;
	socklen_t len = sizeof(type);

	/* Started by hand it has nobody to speak to. */
	if (getsockopt(PROTOCOL_SOCKET_FD, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    type != SOCK_SEQPACKET || !fault_take_arguments(argc, argv)) {
		fputs("setaside-worker: started by setaside only, never by hand\n",
		      stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	s = alloc_zero(1, sizeof(*s), &err);
	hello = s ? alloc_zero(1, sizeof(*hello), &err) : NULL;
	if (!hello || serve_init(s, PROTOCOL_SOCKET_FD, -1, &err) < 0)
		return exit_status(&err);
	status = run(s, hello, &err) < 0 ? exit_status(&err) : 0;
	serve_done(s);
	free(s);
	free(hello);
	return status;
}
