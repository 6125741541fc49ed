/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_POOL_H
#define SETASIDE_POOL_H

/*
 * pool: the workers of a restore, one of each kind and identity, started when first
 * asked for. Not installed.
 */

#include "backend/restore.h"
#include "state/session_internal.h"

struct pool_worker {
	enum worker_kind kind;
	char *user;        /* NULL: for system data */
	uint32_t uid, gid; /* where there is no user */
	gid_t *groups;
	struct worker *worker;
};

struct pool {
	struct session *session;
	struct session_env env;
	struct pool_worker *workers;
	size_t n;
	struct restore_workers callbacks;
};

/* Until pool_bind() its workers hold no alive byte: they only look. */
void pool_init(struct pool *p, struct session *s);
/* Ends the workers so far; those that come hold the alive byte of this restore. */
void pool_bind(struct pool *p, uint64_t restore);
void pool_done(struct pool *p);

#endif
