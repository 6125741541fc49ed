/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/serve_ahead.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/sys.h"

/* Between two words on how far it is. */
#define TELL_NS 50000000

enum state {
	STATE_NAMED,
	STATE_UNDER_WAY,
	STATE_DONE,
};

struct archive {
	struct archive *next;
	struct snapshot_file *file;
	char *member;
	enum state state;
	atomic_bool dropped; /* nobody wants to know any more */
	atomic_uint_least64_t bytes;
	struct err result;
};

struct serve_ahead {
	unsigned n_threads, max_threads;
	pthread_t threads[SERVE_AHEAD_MAX];

	/* Under the lock from here on. */
	pthread_mutex_t lock;
	pthread_cond_t work;          /* threads wait: for an archive, or the end */
	pthread_cond_t done;          /* the caller waits: for one that is under way */
	struct archive *first, *last; /* as they were named */
	bool closing;
};

int serve_ahead_new(unsigned threads, struct serve_ahead **ret, struct err *err)
{
	struct serve_ahead *a = alloc_zero(1, sizeof(*a), err);
	pthread_condattr_t attr;

	if (!a)
		return -1;
	if (threads == 0)
		threads = sys_cpu_count();
	a->max_threads = threads < SERVE_AHEAD_MAX ? threads : SERVE_AHEAD_MAX;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->work, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&a->done, &attr);
	pthread_condattr_destroy(&attr);
	*ret = a;
	return 0;
}

/* snapshot_file_sink */
static int count_bytes(void *ctx, const void *p, size_t n, struct err *err)
{
	struct archive *x = ctx;

	(void)p;
	if (atomic_load(&x->dropped))
		return err_set(err, ERR_INTERRUPTED, "nobody wants to know");
	atomic_fetch_add(&x->bytes, n);
	return 0;
}

/* The next that nobody has begun with, or NULL.  With the lock. */
static struct archive *next_named(const struct serve_ahead *a)
{
	struct archive *x = a->first;

	while (x && x->state != STATE_NAMED)
		x = x->next;
	return x;
}

static void *run(void *arg)
{
	struct serve_ahead *a = arg;

	pthread_mutex_lock(&a->lock);
	while (!a->closing) {
		struct archive *x = next_named(a);

		if (!x) {
			pthread_cond_wait(&a->work, &a->lock);
			continue;
		}
		x->state = STATE_UNDER_WAY;
		pthread_mutex_unlock(&a->lock);
		(void)snapshot_file_stream(x->file, x->member, count_bytes, x, NULL,
					   &x->result);
		pthread_mutex_lock(&a->lock);
		x->state = STATE_DONE;
		pthread_cond_broadcast(&a->done);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

int serve_ahead_add(struct serve_ahead *a, struct snapshot_file *file, const char *member,
		    struct err *err)
{
	struct archive *x = alloc_zero(1, sizeof(*x), err);

	if (!x)
		return -1;
	x->file = file;
	x->member = alloc_strdup(member, err);
	if (!x->member) {
		free(x);
		return -1;
	}
	pthread_mutex_lock(&a->lock);
	if (a->last)
		a->last->next = x;
	else
		a->first = x;
	a->last = x;
	pthread_cond_signal(&a->work);
	pthread_mutex_unlock(&a->lock);
	/* Without a thread it is never begun with, and the caller does it himself. */
	if (a->n_threads < a->max_threads) {
		if (sys_thread_start(&a->threads[a->n_threads], run, a) == 0)
			a->n_threads++;
		else
			a->max_threads = a->n_threads;
	}
	return 0;
}

/* Takes an archive out of the list.  With the lock. */
static void take_out(struct serve_ahead *a, struct archive *x)
{
	struct archive **at = &a->first, *before = NULL;

	while (*at != x) {
		before = *at;
		at = &before->next;
	}
	*at = x->next;
	if (a->last == x)
		a->last = before;
}

static void archive_free(struct archive *x)
{
	err_clear(&x->result);
	free(x->member);
	free(x);
}

/* Waits for one that is under way, for some time at most.  With the lock. */
static void wait_some(struct serve_ahead *a)
{
	struct timespec until = { 0 };

	(void)sys_clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TELL_NS;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	(void)pthread_cond_timedwait(&a->done, &a->lock, &until);
}

/* The archive of that name, or NULL.  With the lock. */
static struct archive *find(const struct serve_ahead *a, const struct snapshot_file *file,
			    const char *member)
{
	struct archive *x = a->first;

	while (x && (x->file != file || (member && strcmp(x->member, member) != 0)))
		x = x->next;
	return x;
}

int serve_ahead_take(struct serve_ahead *a, const struct snapshot_file *file,
		     const char *member, void (*told)(void *ctx, uint64_t bytes),
		     void *ctx, bool *ret_known, struct err *err)
{
	struct archive *x;
	int r = 0;

	pthread_mutex_lock(&a->lock);
	x = find(a, file, member);
	while (x && x->state == STATE_UNDER_WAY) {
		wait_some(a);
		pthread_mutex_unlock(&a->lock);
		told(ctx, atomic_load(&x->bytes));
		pthread_mutex_lock(&a->lock);
	}
	*ret_known = x && x->state == STATE_DONE;
	if (x)
		take_out(a, x);
	pthread_mutex_unlock(&a->lock);
	if (!x)
		return 0;
	if (x->result.kind != ERR_NONE)
		r = err_move(err, &x->result);
	archive_free(x);
	return r;
}

void serve_ahead_forget(struct serve_ahead *a, const struct snapshot_file *file)
{
	struct archive *x;

	pthread_mutex_lock(&a->lock);
	while ((x = find(a, file, NULL))) {
		atomic_store(&x->dropped, true);
		while (x->state == STATE_UNDER_WAY)
			pthread_cond_wait(&a->done, &a->lock);
		take_out(a, x);
		archive_free(x);
	}
	pthread_mutex_unlock(&a->lock);
}

void serve_ahead_free(struct serve_ahead *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->closing = true;
	for (struct archive *x = a->first; x; x = x->next)
		atomic_store(&x->dropped, true);
	pthread_cond_broadcast(&a->work);
	pthread_mutex_unlock(&a->lock);
	for (unsigned i = 0; i < a->n_threads; i++)
		pthread_join(a->threads[i], NULL);
	while (a->first) {
		struct archive *x = a->first;

		a->first = x->next;
		archive_free(x);
	}
	pthread_cond_destroy(&a->done);
	pthread_cond_destroy(&a->work);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
