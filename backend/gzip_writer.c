/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/gzip.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/gzip_internal.h"

/*
 * The caller fills a block; workers turn full blocks into members and hand those to the
 * sink.  With n workers there are n + SPARE blocks and as many places for members: one
 * for each worker, one with the caller, one with the sink, and some in which work waits,
 * so that who is slow now and then does not make the others wait each time.  What a
 * worker does next is decided under the lock alone: deliver the oldest member if it is
 * ready and nobody is delivering, else compress the oldest full block if there is a place
 * for its member.  The oldest job always has its place, so something always moves.
 *
 * Threads are started when a full block finds none waiting: a stream of one block has no
 * thread at all, and the caller does the work of those that cannot be started.
 */

#define SPARE  4u
#define N_JOBS (2 * (GZIP_THREADS_MAX + SPARE))

enum job_state {
	JOB_FULL,
	JOB_RUNNING,
	JOB_READY
};

struct job {
	enum job_state state;
	uint8_t *block;  /* until it is compressed */
	uint8_t *member; /* from then on */
	size_t n_block, n_member;
};

struct worker {
	struct gzip_writer *writer;
	void *compressor;
	pthread_t thread;
};

/* Free buffers of one kind. */
struct pool {
	uint8_t *free[GZIP_THREADS_MAX + SPARE];
	unsigned n;
};

struct gzip_writer {
	gzip_sink sink;
	void *ctx;
	const struct deflate_codec *codec;
	uint8_t *memory; /* all blocks and members */

	/* The caller's. */
	uint8_t *block; /* being filled, or NULL */
	size_t filled;
	uint64_t total;

	struct worker workers[GZIP_THREADS_MAX]; /* the first may be the caller's */
	unsigned n_compressors, n_threads, max_threads;

	/* Under the lock from here on. */
	pthread_mutex_t lock;
	pthread_cond_t work; /* workers wait: for a job, a place, or the end */
	pthread_cond_t room; /* the caller waits: for a block, or the end */
	struct pool blocks, members;
	struct job jobs[N_JOBS];    /* job i at i % N_JOBS */
	uint64_t oldest, next, end; /* not delivered, to be compressed, to come */
	unsigned n_waiting;
	bool delivering, closing;
	enum err_kind failed; /* ERR_NONE while all is well */
	struct err failure;   /* until it is reported */
};

static uint8_t *pool_take(struct pool *p)
{
	return p->free[--p->n];
}

static void pool_put(struct pool *p, uint8_t *buffer)
{
	p->free[p->n++] = buffer;
}

/* Makes the compressors and buffers for n threads. */
static int make_parts(struct gzip_writer *w, enum gzip_level level, unsigned n,
		      struct err *err)
{
	/* A lone thread needs only its own. */
	unsigned n_each = n > 1 ? n + SPARE : 1;

	w->memory = alloc_bytes(n_each * (GZIP_BLOCK + GZIP_MEMBER_MAX), err);
	if (!w->memory)
		return -1;
	for (unsigned i = 0; i < n_each; i++)
		pool_put(&w->blocks, w->memory + i * GZIP_BLOCK);
	for (unsigned i = 0; i < n_each; i++)
		pool_put(&w->members,
			 w->memory + n_each * GZIP_BLOCK + i * GZIP_MEMBER_MAX);
	for (; w->n_compressors < n; w->n_compressors++) {
		struct worker *worker = &w->workers[w->n_compressors];

		worker->writer = w;
		worker->compressor = w->codec->compressor_new(level, err);
		if (!worker->compressor)
			return -1;
	}
	return 0;
}

int gzip_writer_new(enum gzip_level level, unsigned threads, gzip_sink sink, void *ctx,
		    struct gzip_writer **ret, struct err *err)
{
	struct gzip_writer *w = alloc_zero(1, sizeof(*w), err);

	if (!w)
		return -1;
	threads = gzip_threads(threads);
	w->sink = sink;
	w->ctx = ctx;
	w->codec = deflate_compressor(level);
	w->max_threads = threads > 1 ? threads : 0;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	pthread_cond_init(&w->room, NULL);
	if (make_parts(w, level, threads, err) < 0) {
		gzip_writer_free(w);
		return -1;
	}
	*ret = w;
	return 0;
}

/* Compresses the next full block.  Called with the lock, which it lets go meanwhile. */
static void compress_next(struct gzip_writer *w, struct worker *worker)
{
	struct job *job = &w->jobs[w->next++ % N_JOBS];

	job->state = JOB_RUNNING;
	job->member = pool_take(&w->members);
	pthread_mutex_unlock(&w->lock);
	job->n_member = gzip_member_encode(w->codec, worker->compressor, job->block,
					   job->n_block, job->member);
	pthread_mutex_lock(&w->lock);
	job->state = JOB_READY;
	pool_put(&w->blocks, job->block);
	pthread_cond_signal(&w->room);
}

/* Hands the oldest member to the sink.  Called with the lock, which it lets go
 * meanwhile. */
static void deliver_oldest(struct gzip_writer *w)
{
	struct job *job = &w->jobs[w->oldest % N_JOBS];
	struct err err = ERR_INIT;

	w->delivering = true;
	pthread_mutex_unlock(&w->lock);
	(void)w->sink(w->ctx, job->member, job->n_member, &err);
	pthread_mutex_lock(&w->lock);
	w->delivering = false;
	w->oldest++;
	pool_put(&w->members, job->member);
	if (err.kind != ERR_NONE && w->failed == ERR_NONE) {
		w->failed = err.kind;
		err_move(&w->failure, &err);
	}
	err_clear(&err);
	pthread_cond_broadcast(&w->work);
	pthread_cond_signal(&w->room);
}

/* Does one thing of what there is to do; false if there is nothing.  With the lock. */
static bool work(struct gzip_writer *w, struct worker *worker)
{
	if (w->failed != ERR_NONE)
		return false;
	if (!w->delivering && w->oldest < w->next &&
	    w->jobs[w->oldest % N_JOBS].state == JOB_READY) {
		deliver_oldest(w);
		return true;
	}
	if (w->next < w->end && w->members.n > 0) {
		compress_next(w, worker);
		return true;
	}
	return false;
}

static void *run_worker(void *arg)
{
	struct worker *worker = arg;
	struct gzip_writer *w = worker->writer;

	pthread_mutex_lock(&w->lock);
	while (!w->closing) {
		if (work(w, worker))
			continue;
		w->n_waiting++;
		pthread_cond_wait(&w->work, &w->lock);
		w->n_waiting--;
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Starts one thread more.  If that cannot be, those that are there, or the caller, do. */
static void start_thread(struct gzip_writer *w)
{
	struct worker *worker = &w->workers[w->n_threads];

	if (sys_thread_start(&worker->thread, run_worker, worker) < 0)
		w->max_threads = w->n_threads;
	else
		w->n_threads++;
}

static int report_failure(struct gzip_writer *w, struct err *err)
{
	if (w->failure.kind != ERR_NONE)
		return err_move(err, &w->failure);
	return err_set(err, w->failed, "the compressed stream has failed before");
}

/* Gives the caller's block to the workers. */
static int submit(struct gzip_writer *w, struct err *err)
{
	int result = 0;

	pthread_mutex_lock(&w->lock);
	w->jobs[w->end++ % N_JOBS] = (struct job){ .state = JOB_FULL,
						   .block = w->block,
						   .n_block = w->filled };
	w->block = NULL;
	w->filled = 0;
	if (w->n_waiting == 0 && w->n_threads < w->max_threads)
		start_thread(w);
	if (w->n_threads > 0) {
		pthread_cond_signal(&w->work);
	} else {
		while (work(w, &w->workers[0]))
			;
	}
	if (w->failed != ERR_NONE)
		result = report_failure(w, err);
	pthread_mutex_unlock(&w->lock);
	return result;
}

/* Waits for a free block to fill. */
static int take_block(struct gzip_writer *w, struct err *err)
{
	int result = 0;

	pthread_mutex_lock(&w->lock);
	while (w->failed == ERR_NONE && w->blocks.n == 0)
		pthread_cond_wait(&w->room, &w->lock);
	if (w->failed != ERR_NONE)
		result = report_failure(w, err);
	else
		w->block = pool_take(&w->blocks);
	pthread_mutex_unlock(&w->lock);
	return result;
}

int gzip_writer_room(struct gzip_writer *w, void **ret, size_t *ret_n, struct err *err)
{
	if (!w->block && take_block(w, err) < 0)
		return -1;
	*ret = w->block + w->filled;
	*ret_n = GZIP_BLOCK - w->filled;
	return 0;
}

int gzip_writer_advance(struct gzip_writer *w, size_t n, struct err *err)
{
	assert(n <= GZIP_BLOCK - w->filled && (w->block || n == 0));
	w->filled += n;
	w->total += n;
	return w->filled == GZIP_BLOCK ? submit(w, err) : 0;
}

int gzip_writer_write(struct gzip_writer *w, const void *p, size_t n, struct err *err)
{
	const uint8_t *at = p;
	size_t room;
	void *to;

	while (n > 0) {
		if (gzip_writer_room(w, &to, &room, err) < 0)
			return -1;
		if (room > n)
			room = n;
		memcpy(to, at, room);
		if (gzip_writer_advance(w, room, err) < 0)
			return -1;
		at += room;
		n -= room;
	}
	return 0;
}

/* Ends the threads; what they have not done stays undone. */
static void join_threads(struct gzip_writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->closing = true;
	pthread_cond_broadcast(&w->work);
	pthread_mutex_unlock(&w->lock);
	for (; w->n_threads > 0; w->n_threads--)
		pthread_join(w->workers[w->n_threads - 1].thread, NULL);
}

/* Waits until all is delivered. */
static int drain(struct gzip_writer *w, struct err *err)
{
	int result = 0;

	pthread_mutex_lock(&w->lock);
	while (w->failed == ERR_NONE && w->oldest < w->end)
		pthread_cond_wait(&w->room, &w->lock);
	if (w->failed != ERR_NONE)
		result = report_failure(w, err);
	pthread_mutex_unlock(&w->lock);
	return result;
}

int gzip_writer_finish(struct gzip_writer *w, struct err *err)
{
	int result = 0;

	if (w->n_threads == 0)
		w->max_threads = 0; /* not worth one for what is left */
	if (w->total == 0 && !w->block)
		result = take_block(w, err);
	if (result == 0 && (w->filled > 0 || w->total == 0))
		result = submit(w, err);
	if (result == 0)
		result = drain(w, err);
	join_threads(w);
	return result;
}

uint64_t gzip_writer_total(const struct gzip_writer *w)
{
	return w->total;
}

void gzip_writer_free(struct gzip_writer *w)
{
	if (!w)
		return;
	join_threads(w);
	for (unsigned i = 0; i < w->n_compressors; i++)
		w->codec->compressor_free(w->workers[i].compressor);
	pthread_cond_destroy(&w->room);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->lock);
	err_clear(&w->failure);
	free(w->memory);
	free(w);
}
