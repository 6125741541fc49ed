/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_WORKER_SERVE_H
#define SETASIDE_WORKER_SERVE_H

/*
 * serve: the worker's side: one request after the other until the parent closes.
 *
 * A kind handles requests: serve_reader in serve_reader.c and so on.  Its `request`
 * reads the fields, may send records with serve_send(), and returns 0 after adding
 * fields to `reply` (the OK record, begun by the caller), or -1 with an error,
 * which is sent as FAIL; the worker then goes on with the next request.  Only what
 * breaks the protocol ends it.
 */

#include "backend/base/error.h"
#include "backend/base/observer.h"
#include "backend/base/spill.h"
#include "backend/tree/owners.h"
#include "backend/wire.h"

struct serve {
	int sock;
	int rootfd;            /* paths are resolved below it */
	struct owners *owners; /* asks the parent */
	struct spill spill;    /* for what does not fit into memory */
	struct wire_out out;   /* for records while a request is under way */
	struct wire_out reply;
	struct wire_in request, answer;
	uint64_t looked; /* progress when the clock was looked at last */
	uint64_t told;   /* progress told last, and when (ms) */
	int64_t told_at;
	int lent;    /* a descriptor that the reply borrows; -1: none */
	void *state; /* the kind's own */
};

struct serve_kind {
	int (*start)(struct serve *s, struct err *err); /* NULL: nothing to prepare */
	int (*request)(struct serve *s, struct wire_in *in, struct wire_out *reply,
		       struct err *err);
	void (*stop)(struct serve *s); /* frees `state`; NULL allowed */
};

extern const struct serve_kind serve_reader;
extern const struct serve_kind serve_packer;
extern const struct serve_kind serve_unpacker;
extern const struct serve_kind serve_applier;
extern const struct serve_kind serve_swapper;

/* Borrows both descriptors. */
int serve_init(struct serve *s, int sock, int rootfd, struct err *err);
void serve_done(struct serve *s);

/* Until the parent closes its end (0) or the protocol is broken (-1). */
int serve_loop(struct serve *s, const struct serve_kind *kind, struct err *err);

/* Sends s->out. */
int serve_send(struct serve *s, struct err *err);
/* Gives a descriptor that `reply` holds until it is sent; closed then. */
void serve_lend(struct serve *s, int fd);
/* Sends a FAIL record. */
int serve_fail(struct serve *s, const struct err *problem, struct err *err);
/* An observer for what runs in this process: tells the parent of progress
 * (`done`, a count that only grows; from the request's own thread), whenever it
 * is worth a record.  Best effort: it never waits for a parent that is busy, and
 * what cannot be sent is not told. */
struct observer serve_observer(struct serve *s);

#endif
