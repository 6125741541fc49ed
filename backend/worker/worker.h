/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_WORKER_WORKER_H
#define SETASIDE_WORKER_WORKER_H

/*
 * worker: the parent's side of a worker process.
 *
 *	worker_start(env, WORKER_PACKER, &identity, observer, &w, err)
 *	worker_begin(w, &request, handler, ctx, err)	   // sends it; w is busy
 *	worker_wait(&w, 1, observer, err)		   // until none is busy
 *	worker_result(w) -> the OK record's fields		(packer.h, ...)
 *	worker_free(w)
 *
 * Several workers may be busy at once; worker_wait() serves all of them.  A worker that
 * dies or breaks the protocol fails its request (ERR_IO, ERR_CORRUPT).  Cancelling kills
 * the workers, which does no harm (nothing they do is final).  Texts that come from a
 * worker are bounded and escaped where they are not clean.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/meter.h"
#include "backend/base/observer.h"
#include "backend/tree/owners.h"
#include "backend/wire.h"
#include "backend/worker/identity.h"

enum worker_kind {
	WORKER_READER = 1, /* parses zips and JSON; no rights */
	WORKER_PACKER,     /* looks at and packs trees; their owner */
	WORKER_UNPACKER,   /* parses an archive; its owner, or no rights
			  * (then an applier acts) */
	WORKER_APPLIER,    /* makes a system archive's files in staging trees */
	WORKER_SWAPPER,    /* names: stages, exchanges, removes; owner
			 * of the parent directory */
};

/* What all workers of an operation share.  Borrowed by them until they are freed. */
struct worker_env {
	const char *program; /* path of setaside-worker; NULL: where it is installed */
	int rootfd;          /* "/" or the --root directory, O_PATH|O_DIRECTORY */
	/* A fresh descriptor that holds the alive byte (taken by the call), or NULL. */
	int (*alive_fd)(void *ctx, struct err *err);
	void *alive_ctx;
	/* A fresh descriptor of a file without a name (taken by the call) for what
	 * does not fit into a packer's or unpacker's memory; -1: there is none.
	 * NULL: there is never one. */
	int (*spill_fd)(void *ctx);
	void *spill_ctx;
	const struct owner_source *owners; /* answers QUERY_NAME and QUERY_ID */
};

struct worker;

/* The observer (NULL: nobody) may cancel the wait for it to be ready. */
int worker_start(const struct worker_env *env, enum worker_kind kind,
		 const struct identity *id, const struct observer *observer,
		 struct worker **ret, struct err *err);
void worker_free(
	struct worker *w); /* closes the socket, waits for its end, kills it if slow */
CLEANUP_FUNC(struct worker *, worker_free);

/* A record of the request under way (type >= PROTOCOL_KIND_FIRST). A failure of the
 * handler fails the request. */
typedef int (*worker_handler)(void *ctx, struct wire_in *in, struct err *err);

int worker_begin(struct worker *w, const struct wire_out *request, worker_handler handler,
		 void *ctx, struct err *err);
/* `meter` (borrowed; NULL: nobody) hears how far the request under way is, until it ends.
 * What a worker tells is believed no further than the meter lets it; one that tells far
 * too often is given up (ERR_CORRUPT). */
void worker_measure(struct worker *w, struct meter *meter);
bool worker_is_busy(const struct worker *w);
/* False once it died or broke the protocol; a request that merely
 * failed leaves it alive. */
bool worker_is_alive(const struct worker *w);

/* Serves the workers until none is busy; fails with the first failure that is not the
 * echo of another's at the end of a pipe.  Whoever is busy some time after it is killed.
 * NULL entries are allowed. */
int worker_wait(struct worker *const *workers, size_t n, const struct observer *observer,
		struct err *err);

/* Serves w until `fd` is readable or at its end (0), or w has failed (-1). For parents
 * that take the worker's bytes themselves. */
int worker_wait_readable(struct worker *w, int fd, const struct observer *observer,
			 struct err *err);

/* The fields of the OK record of the last request. */
struct wire_in *worker_result(struct worker *w);

/* An error that the worker sent as a field of its OK record: into *ret
 * (perhaps none), cleaned. */
int worker_take_problem(struct worker *w, struct err *ret, struct err *err);

/* worker_begin and worker_wait in one. */
int worker_call(struct worker *w, const struct wire_out *request, worker_handler handler,
		void *ctx, const struct observer *observer, struct err *err);

enum worker_kind worker_get_kind(const struct worker *w);
const char *worker_kind_name(enum worker_kind kind);

#endif
