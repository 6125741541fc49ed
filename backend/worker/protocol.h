/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_WORKER_PROTOCOL_H
#define SETASIDE_WORKER_PROTOCOL_H

/*
 * protocol: what parent and worker say to each other, whatever the worker's kind.
 *
 * One SEQPACKET socket a worker, records as in backend/wire.h.  The first record is the
 * parent's HELLO (version, kind, identity, the root directory's descriptor, perhaps that
 * of a file for what does not fit into memory); the worker takes on the identity, fences
 * itself in, and answers OK or FAIL.  From then on the parent sends a request, the worker
 * answers with any number of records of that request (and may ask QUERY_*, which the
 * parent answers with ANSWER before anything else), and ends it with OK or FAIL.  One
 * request is under way at a time.  End of file on the socket ends the worker.
 *
 * Record types and field tags of each kind stand in the header of that kind
 * (packer.h, reader.h, ...); types below 64 are common to all.
 */

#define PROTOCOL_VERSION 3u

/* The worker's end of the socket, and the operation's alive byte (may be closed). */
#define PROTOCOL_SOCKET_FD 3
#define PROTOCOL_ALIVE_FD  4

/* The status of a worker that had no memory even to say so. */
#define PROTOCOL_EXIT_NOMEM 125

/* At least so many milliseconds lie between two PROGRESS records,
 * and before the first. */
#define PROTOCOL_PROGRESS_MIN_MS 2

/* The parent's: a request object for the length of a call. */
#define REQUEST(name)                                                                    \
 _cleanup_(wire_out_done) struct wire_out name = { .bytes = BUF_INIT }

enum protocol_type {
	PROTOCOL_HELLO = 1, /* parent: who the worker is to be (worker.c) */
	PROTOCOL_OK,   /* worker: the request is done; further fields are the request's */
	PROTOCOL_FAIL, /* worker: it failed; an error follows */
	PROTOCOL_PROGRESS,   /* worker: bytes done of the request; may be lost */
	PROTOCOL_QUERY_NAME, /* worker: owner kind, number -> ANSWER */
	PROTOCOL_QUERY_ID,   /* worker: owner kind, name or absent, number -> ANSWER */
	PROTOCOL_ANSWER,     /* parent: an error (perhaps none), then name
			  * or absent, then number */

	PROTOCOL_KIND_FIRST = 64,
};

enum protocol_tag {
	PROTOCOL_TAG_VERSION = 1,
	PROTOCOL_TAG_BUILD,
	PROTOCOL_TAG_KIND,
	PROTOCOL_TAG_IDENTITY,
	PROTOCOL_TAG_UID,
	PROTOCOL_TAG_GID,
	PROTOCOL_TAG_GROUPS,
	PROTOCOL_TAG_CAPS,
	PROTOCOL_TAG_BYTES,
	PROTOCOL_TAG_OWNER,
	PROTOCOL_TAG_NAME,
	PROTOCOL_TAG_NUMBER,
	PROTOCOL_TAG_SPILL,

	PROTOCOL_TAG_KIND_FIRST = 64,
};

#endif
