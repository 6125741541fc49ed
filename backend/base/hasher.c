/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/hasher.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/sys.h"

#define BLOCK	 ((size_t)256 << 10)
#define N_BLOCKS 12u

/*
 * Blocks are filled and hashed in turn.  `full` of them, from `oldest` on, are the
 * thread's; the one behind those is the caller's, so at most N_BLOCKS - 1 are full when
 * the caller goes on.
 */
struct hasher {
	struct digest *digest; /* the thread's, once there is one */
	uint8_t *blocks;
	size_t filled;	  /* of the caller's block */
	unsigned current; /* which that is */
	pthread_t thread;
	bool has_thread, no_thread;

	/* Under the lock from here on. */
	pthread_mutex_t lock;
	pthread_cond_t work; /* the thread waits: for a full block, or the end */
	pthread_cond_t room; /* the caller waits: for a block */
	unsigned oldest, full;
	bool closing; /* what is full is still hashed */
	bool abandoned;
	struct err failure;
};

int hasher_new(enum digest_kind kind, struct hasher **ret, struct err *err)
{
	struct hasher *h = alloc_zero(1, sizeof(*h), err);

	if (!h)
		return -1;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->work, NULL);
	pthread_cond_init(&h->room, NULL);
	h->blocks = alloc_bytes(N_BLOCKS * BLOCK, err);
	if (!h->blocks || digest_new(kind, &h->digest, err) < 0) {
		hasher_free(h);
		return -1;
	}
	*ret = h;
	return 0;
}

/* Hashes full blocks until there will be no more. */
static void *run(void *arg)
{
	struct hasher *h = arg;

	pthread_mutex_lock(&h->lock);
	while (!h->abandoned && (h->full > 0 || !h->closing)) {
		struct err err = ERR_INIT;

		if (h->full == 0) {
			pthread_cond_wait(&h->work, &h->lock);
			continue;
		}
		const uint8_t *block = h->blocks + h->oldest * BLOCK;
		pthread_mutex_unlock(&h->lock);
		(void)digest_update(h->digest, block, BLOCK, &err);
		pthread_mutex_lock(&h->lock);
		h->oldest = (h->oldest + 1) % N_BLOCKS;
		h->full--;
		if (err.kind != ERR_NONE && h->failure.kind == ERR_NONE)
			err_move(&h->failure, &err);
		err_clear(&err);
		pthread_cond_signal(&h->room);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

/* The caller's block is full: it is the thread's now, if there is one. */
static int submit(struct hasher *h, struct err *err)
{
	int r = 0;

	h->filled = 0;
	if (!h->has_thread && !h->no_thread)
		h->has_thread = sys_thread_start(&h->thread, run, h) == 0;
	if (!h->has_thread) {
		h->no_thread = true;
		return digest_update(h->digest, h->blocks, BLOCK, err);
	}
	h->current = (h->current + 1) % N_BLOCKS;
	pthread_mutex_lock(&h->lock);
	h->full++;
	pthread_cond_signal(&h->work);
	while (h->full == N_BLOCKS)
		pthread_cond_wait(&h->room, &h->lock);
	if (h->failure.kind != ERR_NONE)
		r = err_move(err, &h->failure);
	pthread_mutex_unlock(&h->lock);
	return r;
}

int hasher_update(struct hasher *h, const void *p, size_t n, struct err *err)
{
	const uint8_t *at = p;

	while (n > 0) {
		size_t part = n < BLOCK - h->filled ? n : BLOCK - h->filled;

		memcpy(h->blocks + h->current * BLOCK + h->filled, at, part);
		h->filled += part;
		at += part;
		n -= part;
		if (h->filled == BLOCK && submit(h, err) < 0)
			return -1;
	}
	return 0;
}

/* Ends the thread, with what is full hashed or not. */
static void join(struct hasher *h, bool abandon)
{
	if (!h->has_thread)
		return;
	pthread_mutex_lock(&h->lock);
	h->closing = true;
	h->abandoned = abandon;
	pthread_cond_signal(&h->work);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	h->has_thread = false;
}

int hasher_final(struct hasher *h, uint8_t *ret, struct err *err)
{
	join(h, false);
	if (h->failure.kind != ERR_NONE)
		return err_move(err, &h->failure);
	if (digest_update(h->digest, h->blocks + h->current * BLOCK, h->filled, err) < 0)
		return -1;
	return digest_final(h->digest, ret, err);
}

void hasher_free(struct hasher *h)
{
	if (!h)
		return;
	join(h, true);
	pthread_cond_destroy(&h->room);
	pthread_cond_destroy(&h->work);
	pthread_mutex_destroy(&h->lock);
	digest_free(h->digest);
	err_clear(&h->failure);
	free(h->blocks);
	free(h);
}
