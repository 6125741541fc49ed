/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/belt.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "backend/base/alloc.h"
#include "backend/base/sys.h"

/* Where a block begins: what direct I/O asks for, and a page. */
#define ALIGNMENT ((uintptr_t)4096)

/*
 * `full` blocks, from `oldest` on, are the thread's; the one behind those is the
 * caller's, so at most n - 1 are full when the caller goes on.
 */
struct belt {
	belt_work *work;
	void *ctx;
	size_t size;
	unsigned n;
	uint8_t *memory, *blocks; /* the latter within the former */
	unsigned current;
	pthread_t thread;
	bool has_thread, no_thread;

	/* Under the lock from here on. */
	pthread_mutex_t lock;
	pthread_cond_t filled; /* the thread waits: for a full block, or the end */
	pthread_cond_t worked; /* the caller waits: for a block */
	unsigned oldest, full;
	bool closing;
	struct err failure; /* the first, until the caller has it */
	bool has_failed;
};

int belt_new(size_t size, unsigned n, belt_work *work, void *ctx, struct belt **ret,
	     struct err *err)
{
	struct belt *b = alloc_zero(1, sizeof(*b), err);

	if (!b)
		return -1;
	*b = (struct belt){ .work = work, .ctx = ctx, .size = size, .n = n };
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->filled, NULL);
	pthread_cond_init(&b->worked, NULL);
	b->memory = alloc_bytes(n * size + ALIGNMENT, err);
	if (!b->memory) {
		belt_free(b);
		return -1;
	}
	b->blocks =
		b->memory + (ALIGNMENT - (uintptr_t)b->memory % ALIGNMENT) % ALIGNMENT;
	*ret = b;
	return 0;
}

uint8_t *belt_block(const struct belt *b, unsigned *ret_i)
{
	*ret_i = b->current;
	return b->blocks + b->current * b->size;
}

static int work_off(struct belt *b, unsigned i, struct err *err)
{
	return b->work(b->ctx, i, b->blocks + i * b->size, err);
}

/* Works off full blocks until there will be no more. */
static void *run(void *arg)
{
	struct belt *b = arg;

	pthread_mutex_lock(&b->lock);
	while (!b->closing) {
		struct err err = ERR_INIT;
		unsigned i = b->oldest;
		int r = 0;

		if (b->full == 0) {
			pthread_cond_wait(&b->filled, &b->lock);
			continue;
		}
		if (!b->has_failed) {
			pthread_mutex_unlock(&b->lock);
			r = work_off(b, i, &err);
			pthread_mutex_lock(&b->lock);
		}
		b->oldest = (i + 1) % b->n;
		b->full--;
		if (r < 0) {
			b->has_failed = true;
			err_move(&b->failure, &err);
		}
		pthread_cond_signal(&b->worked);
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

/* Waits until at most `full` blocks are, and tells what has failed until now. */
static int wait_until(struct belt *b, unsigned full, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&b->lock);
	while (b->full > full)
		pthread_cond_wait(&b->worked, &b->lock);
	if (b->failure.kind != ERR_NONE)
		r = err_move(err, &b->failure);
	else if (b->has_failed)
		r = err_set(err, ERR_IO, "what was to be done before has failed");
	pthread_mutex_unlock(&b->lock);
	return r;
}

int belt_submit(struct belt *b, struct err *err)
{
	unsigned i = b->current;

	if (!b->has_thread && !b->no_thread)
		b->has_thread = sys_thread_start(&b->thread, run, b) == 0;
	if (!b->has_thread) {
		b->no_thread = true;
		if (b->has_failed)
			return wait_until(b, 0, err);
		b->has_failed = work_off(b, i, err) < 0;
		return b->has_failed ? -1 : 0;
	}
	b->current = (i + 1) % b->n;
	pthread_mutex_lock(&b->lock);
	b->full++;
	pthread_cond_signal(&b->filled);
	pthread_mutex_unlock(&b->lock);
	return wait_until(b, b->n - 1, err);
}

int belt_drain(struct belt *b, struct err *err)
{
	return wait_until(b, 0, err);
}

void belt_free(struct belt *b)
{
	if (!b)
		return;
	if (b->has_thread) {
		pthread_mutex_lock(&b->lock);
		b->closing = true;
		pthread_cond_signal(&b->filled);
		pthread_mutex_unlock(&b->lock);
		pthread_join(b->thread, NULL);
	}
	pthread_cond_destroy(&b->worked);
	pthread_cond_destroy(&b->filled);
	pthread_mutex_destroy(&b->lock);
	err_clear(&b->failure);
	free(b->memory);
	free(b);
}
