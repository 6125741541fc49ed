/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support_worker.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/wire.h"
#include "backend/worker/packer.h"
#include "backend/worker/protocol.h"
#include "tests/unit/support.h"

const char *support_worker_program(void)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	ck_assert_int_gt(n, 0);
	path[n] = '\0';
	return path;
}

bool support_worker_wanted(const char *argv0)
{
	return strcmp(argv0, "setaside-worker") == 0;
}

/* A record of that type without fields. */
static int say(struct wire_out *o, unsigned type, struct err *err)
{
	return wire_begin(o, type, err) < 0 ? -1 : wire_send(PROTOCOL_SOCKET_FD, o, err);
}

static int tell(struct wire_out *o, uint64_t bytes, struct err *err)
{
	if (wire_begin(o, PROTOCOL_PROGRESS, err) < 0 ||
	    wire_put_u64(o, PROTOCOL_TAG_BYTES, bytes, err) < 0)
		return -1;
	return wire_send(PROTOCOL_SOCKET_FD, o, err);
}

static int ask(struct wire_out *o, struct err *err)
{
	if (wire_begin(o, PROTOCOL_QUERY_NAME, err) < 0 ||
	    wire_put_u64(o, PROTOCOL_TAG_OWNER, OWNER_USER, err) < 0 ||
	    wire_put_str(o, PROTOCOL_TAG_NAME, NULL, err) < 0 ||
	    wire_put_u64(o, PROTOCOL_TAG_NUMBER, 4711, err) < 0)
		return -1;
	return wire_send(PROTOCOL_SOCKET_FD, o, err);
}

static int talk(struct wire_out *o, struct wire_in *in, struct err *err)
{
	int fd;

	if (wire_take_fd(in, &fd, err) < 0)
		return -1;
	if (write(fd, "x", 1) != 1)
		return -1;
	while (say(o, SUPPORT_WORKER_TALK, err) == 0)
		;
	close(fd);
	return -1;
}

/* A tree that is there. */
static int find_tree(struct wire_out *o, struct err *err)
{
	if (wire_begin(o, PROTOCOL_OK, err) < 0 ||
	    wire_put_u64(o, PACKER_TAG_EXISTS, 1, err) < 0 ||
	    wire_put_u64(o, PACKER_TAG_IS_FILE, 0, err) < 0 ||
	    wire_put_str(o, PACKER_TAG_RESOLVED, "/tree", err) < 0)
		return -1;
	return wire_send(PROTOCOL_SOCKET_FD, o, err);
}

/* Leaves out without end. */
static int leave_out(struct wire_out *o, struct err *err)
{
	char path[1000] = "common/data/";

	memset(path + strlen(path), 'p', sizeof(path) - 1 - strlen(path));
	while (wire_begin(o, PACKER_SKIPPED, err) == 0 &&
	       wire_put_str(o, PACKER_TAG_PATH, path, err) == 0 &&
	       wire_put_str(o, PACKER_TAG_WHY, "why not", err) == 0 &&
	       wire_send(PROTOCOL_SOCKET_FD, o, err) == 0)
		;
	return -1;
}

static int act(struct wire_out *o, struct wire_in *in, struct err *err)
{
	switch (in->type) {
	case SUPPORT_WORKER_LIE:
		if (tell(o, 50, err) < 0 || tell(o, 20, err) < 0 ||
		    tell(o, 60, err) < 0 || tell(o, UINT64_MAX, err) < 0 ||
		    tell(o, 0, err) < 0)
			return -1;
		break;
	case SUPPORT_WORKER_FLOOD:
		for (uint64_t i = 0; tell(o, i, err) == 0; i++)
			;
		return -1;
	case SUPPORT_WORKER_ASK:
		while (ask(o, err) == 0)
			;
		return -1;
	case SUPPORT_WORKER_AGREE:
		while (say(o, PROTOCOL_OK, err) == 0)
			;
		return -1;
	case SUPPORT_WORKER_TALK:
		return talk(o, in, err);
	case PACKER_TREE:
		return find_tree(o, err);
	case PACKER_PACK:
		return leave_out(o, err);
	default: /* the greeting */
		break;
	}
	return say(o, PROTOCOL_OK, err);
}

int support_worker_main(void)
{
	_cleanup_(wire_out_done) struct wire_out o;
	_cleanup_(wire_in_done) struct wire_in in;
	_cleanup_(err_clear) struct err err = ERR_INIT;

	wire_out_init(&o);
	wire_in_init(&in);
	while (wire_recv(PROTOCOL_SOCKET_FD, &in, &err) > 0 && act(&o, &in, &err) == 0)
		;
	return 0;
}
