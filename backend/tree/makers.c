/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/makers.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"
#include "backend/tree/apply_internal.h"

/* Files of a batch. */
#define BATCH_FILES 128
/* From here on a batch ends with its directory: each is big enough to be worth a thread,
 * and the next directory can go to another. */
#define ENOUGH_BYTES (MAKERS_ROOM / 8)
#define ENOUGH_FILES 16

#define N_BATCHES (2 * MAKERS_THREADS_MAX + 2)

/* No batch begins another directory beyond ENOUGH_FILES. */
_Static_assert(N_BATCHES *ENOUGH_FILES + MAKERS_THREADS_MAX + 1 <= MAKERS_FDS,
	       "more descriptors than are said to be needed");

#define NEVER UINT64_MAX

/*
 * A directory is shared by the stream and by the files that are on their way into it.
 * Whoever is the last gives it what it is to get: so its time is set after all that
 * changes it.
 */
struct maker_dir {
	struct makers *makers;
	atomic_uint users; /* the stream, until it has left, and files */
	int fd;
	bool owned;
	/* Set before the stream leaves. */
	char *path; /* NULL: it gets nothing */
	struct attr_plan plan;
	uint64_t at; /* when that was, in the stream's count */
};

struct file {
	struct maker_dir *dir;
	const char *path, *name;
	const uint8_t *data;
	size_t size;
	struct attr_plan plan;
	uint64_t at;
};

struct batch {
	struct batch *next;
	uint8_t *room; /* MAKERS_ROOM: paths and data */
	size_t used;
	size_t n;
	struct file files[BATCH_FILES];
};

/* Batches in the order in which they were handed over. */
struct queue {
	struct batch *first, *last;
	unsigned n; /* the one that is being made included */
};

struct thread {
	struct makers *makers;
	pthread_t id;
	pthread_cond_t work;
	struct queue queue;
};

struct makers {
	/* The stream's. */
	struct batch *memory;
	uint8_t *rooms;
	struct batch *filling;
	size_t reserved; /* of its room, by the file that was begun */
	uint64_t at;     /* files and left directories so far */
	unsigned n_threads, max_threads;
	struct thread *before;            /* got the last batch */
	const struct maker_dir *last_dir; /* that was in it: compared only */

	/* What stands at or behind this is not made any more; under the lock, but looked
	 * at without it. */
	atomic_uint_fast64_t failed_at;

	/* Under the lock from here on. */
	pthread_mutex_t lock;
	pthread_cond_t room; /* the stream waits: for a batch, or for the end */
	struct batch *free;
	unsigned n_free, n_batches;
	bool closing;
	struct err failure;
	struct thread threads[MAKERS_THREADS_MAX];
};

/* ---- What is made ---- */

/* Remembers a failure that stands before all others. */
static void failed(struct makers *m, uint64_t at, struct err *err)
{
	pthread_mutex_lock(&m->lock);
	if (at < atomic_load(&m->failed_at)) {
		atomic_store(&m->failed_at, at);
		err_clear(&m->failure);
		err_move(&m->failure, err);
	}
	pthread_mutex_unlock(&m->lock);
	err_clear(err);
}

/* Gives a directory up; the last to do so gives it what it is to get. */
static void release(struct maker_dir *d)
{
	struct err err = ERR_INIT;

	if (atomic_fetch_sub(&d->users, 1) > 1)
		return;
	if (d->path && d->at < atomic_load(&d->makers->failed_at) &&
	    attr_plan_apply(d->fd, &d->plan, d->path, &err) < 0)
		failed(d->makers, d->at, &err);
	if (d->owned)
		sys_close_best_effort(d->fd);
	free(d->path);
	free(d);
}

/* With the data that came with it. */
static int fill_file(int fd, const struct file *f, struct err *err)
{
	if (f->size > 0 && fd_pwrite_all(fd, f->data, f->size, 0, err) < 0)
		return err_wrap(err, "%s", q(f->path));
	return attr_plan_apply(fd, &f->plan, f->path, err);
}

static int make_file(struct file *f, struct err *err)
{
	_cleanup_close_ int fd =
		sys_openat(f->dir->fd, f->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
			   attr_plan_mode(&f->plan));

	if (fd < 0)
		return apply_creation_failed(f->path, err);
	if (attr_plan_made(&f->plan, fd, f->path, err) < 0 || fill_file(fd, f, err) < 0)
		return -1;
	return fd_close(&fd, err) < 0 ? err_wrap(err, "%s", q(f->path)) : 0;
}

/* All files of a batch, which is empty then. */
static void make_batch(struct makers *m, struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct file *f = &b->files[i];
		struct err err = ERR_INIT;

		if (f->at < atomic_load(&m->failed_at) && make_file(f, &err) < 0)
			failed(m, f->at, &err);
		release(f->dir);
	}
	b->n = 0;
	b->used = 0;
}

/* ---- Threads ---- */

/* Adds a free batch.  With the lock. */
static void put_free(struct makers *m, struct batch *b)
{
	b->next = m->free;
	m->free = b;
	m->n_free++;
	pthread_cond_signal(&m->room);
}

static void *run(void *arg)
{
	struct thread *t = arg;
	struct makers *m = t->makers;

	pthread_mutex_lock(&m->lock);
	for (;;) {
		struct batch *b = t->queue.first;

		if (!b && m->closing)
			break;
		if (!b) {
			pthread_cond_wait(&t->work, &m->lock);
			continue;
		}
		pthread_mutex_unlock(&m->lock);
		make_batch(m, b);
		pthread_mutex_lock(&m->lock);
		t->queue.first = b->next;
		if (!t->queue.first)
			t->queue.last = NULL;
		t->queue.n--;
		put_free(m, b);
	}
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

/* Starts all, or as many as can be. */
static void start_threads(struct makers *m)
{
	while (m->n_threads < m->max_threads) {
		struct thread *t = &m->threads[m->n_threads];

		if (sys_thread_start(&t->id, run, t) < 0)
			break;
		m->n_threads++;
	}
	m->max_threads = m->n_threads;
}

/* Who gets the batch: whoever has its first directory already, else the one that has
 * least to do.  With the lock. */
static struct thread *choose_thread(struct makers *m, const struct batch *b)
{
	struct thread *best = &m->threads[0];

	if (m->before && b->files[0].dir == m->last_dir)
		return m->before;
	for (unsigned i = 1; i < m->n_threads; i++) {
		if (m->threads[i].queue.n < best->queue.n)
			best = &m->threads[i];
	}
	return best;
}

/* Hands a batch over.  With the lock. */
static void enqueue(struct makers *m, struct batch *b)
{
	struct thread *t = choose_thread(m, b);

	b->next = NULL;
	if (t->queue.last)
		t->queue.last->next = b;
	else
		t->queue.first = b;
	t->queue.last = b;
	t->queue.n++;
	m->before = t;
	m->last_dir = b->files[b->n - 1].dir;
	pthread_cond_signal(&t->work);
}

/* Until everything is made or has failed; then no thread touches anything. */
static void finish(struct makers *m)
{
	make_batch(m, m->filling);
	pthread_mutex_lock(&m->lock);
	while (m->n_free + 1 < m->n_batches)
		pthread_cond_wait(&m->room, &m->lock);
	pthread_mutex_unlock(&m->lock);
}

/* The batch that was filled is made: by a thread, or here. */
static int submit(struct makers *m, struct err *err)
{
	if (m->n_threads < m->max_threads)
		start_threads(m);
	if (m->n_threads == 0) {
		make_batch(m, m->filling);
	} else {
		pthread_mutex_lock(&m->lock);
		enqueue(m, m->filling);
		while (!m->free)
			pthread_cond_wait(&m->room, &m->lock);
		m->filling = m->free;
		m->free = m->filling->next;
		m->n_free--;
		pthread_mutex_unlock(&m->lock);
	}
	return atomic_load(&m->failed_at) == NEVER ? 0 : makers_wait(m, err);
}

/* ---- The stream's side ---- */

int makers_new(unsigned threads, struct makers **ret, struct err *err)
{
	struct makers *m = alloc_zero(1, sizeof(*m), err);

	if (!m)
		return -1;
	m->max_threads = threads < MAKERS_THREADS_MAX ? threads : MAKERS_THREADS_MAX;
	m->n_batches = 2 * m->max_threads + 2;
	atomic_init(&m->failed_at, NEVER);
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->room, NULL);
	for (unsigned i = 0; i < MAKERS_THREADS_MAX; i++) {
		m->threads[i].makers = m;
		pthread_cond_init(&m->threads[i].work, NULL);
	}
	m->memory = alloc_zero(m->n_batches, sizeof(*m->memory), err);
	m->rooms = m->memory ? alloc_bytes(m->n_batches * MAKERS_ROOM, err) : NULL;
	if (!m->rooms) {
		makers_free(m);
		return -1;
	}
	for (unsigned i = 0; i < m->n_batches; i++) {
		m->memory[i].room = m->rooms + i * MAKERS_ROOM;
		if (i > 0)
			put_free(m, &m->memory[i]);
	}
	m->filling = &m->memory[0];
	*ret = m;
	return 0;
}

void makers_free(struct makers *m)
{
	if (!m)
		return;
	pthread_mutex_lock(&m->lock);
	atomic_store(&m->failed_at, 0);
	m->closing = true;
	for (unsigned i = 0; i < m->n_threads; i++)
		pthread_cond_signal(&m->threads[i].work);
	pthread_mutex_unlock(&m->lock);
	for (unsigned i = 0; i < m->n_threads; i++)
		pthread_join(m->threads[i].id, NULL);
	if (m->filling)
		make_batch(m, m->filling); /* of which nothing is made any more */
	for (unsigned i = 0; i < MAKERS_THREADS_MAX; i++)
		pthread_cond_destroy(&m->threads[i].work);
	pthread_cond_destroy(&m->room);
	pthread_mutex_destroy(&m->lock);
	err_clear(&m->failure);
	free(m->rooms);
	free(m->memory);
	free(m);
}

/* Whether a file of that size and path has to go into another batch. */
static bool is_full(const struct batch *b, const struct maker_dir *dir, size_t need)
{
	if (b->n == 0)
		return false;
	if (b->n == BATCH_FILES || need > MAKERS_ROOM - b->used)
		return true;
	return b->files[b->n - 1].dir != dir &&
	       (b->n >= ENOUGH_FILES || b->used >= ENOUGH_BYTES);
}

int makers_begin(struct makers *m, struct maker_dir *dir, const char *path,
		 const struct attr_plan *plan, size_t size, uint8_t **ret_room,
		 const char **ret_path, struct err *err)
{
	size_t n = strlen(path) + 1;
	struct batch *b;
	struct file *f;
	char *copy;

	assert(size <= MAKERS_FILE_MAX && n <= MAKERS_PATH_MAX);
	if (is_full(m->filling, dir, n + size) && submit(m, err) < 0)
		return -1;
	b = m->filling;
	copy = (char *)b->room + b->used;
	memcpy(copy, path, n);
	f = &b->files[b->n];
	*f = (struct file){ .dir = dir,
			    .path = copy,
			    .name = strrchr(copy, '/') + 1,
			    .data = b->room + b->used + n,
			    .size = size,
			    .plan = *plan,
			    .at = m->at };
	m->reserved = n + size;
	*ret_room = b->room + b->used + n;
	*ret_path = copy;
	return 0;
}

void makers_end(struct makers *m)
{
	struct batch *b = m->filling;

	atomic_fetch_add(&b->files[b->n].dir->users, 1);
	b->n++;
	b->used += m->reserved;
	m->at++;
}

int makers_wait(struct makers *m, struct err *err)
{
	finish(m);
	if (atomic_load(&m->failed_at) == NEVER)
		return 0;
	if (m->failure.kind == ERR_NONE)
		return err_set(err, ERR_IO, "making files has failed before");
	/* It stays, too: who asked may put what he was about to do in front of this. */
	err_set(err, m->failure.kind, "%s", err_message(&m->failure));
	err->sys_errno = m->failure.sys_errno;
	return m->failure.hint ? err_hint(err, "%s", m->failure.hint) : -1;
}

void makers_give_up(struct makers *m, struct err *err)
{
	finish(m);
	if (m->failure.kind == ERR_NONE)
		return;
	err_clear(err);
	err_move(err, &m->failure);
}

/* ---- Directories ---- */

int maker_dir_new(struct makers *m, int fd, bool owned, struct maker_dir **ret,
		  struct err *err)
{
	struct maker_dir *d = alloc_zero(1, sizeof(*d), err);

	if (!d)
		return -1;
	d->makers = m;
	atomic_init(&d->users, 1);
	d->fd = fd;
	d->owned = owned;
	*ret = d;
	return 0;
}

bool maker_dir_is_busy(const struct maker_dir *d)
{
	return atomic_load(&d->users) > 1;
}

int maker_dir_leave(struct maker_dir *d, const char *path, const struct attr_plan *plan,
		    struct err *err)
{
	char *copy = alloc_strdup(path, err);

	d->path = copy;
	d->plan = *plan;
	d->at = d->makers->at++;
	release(d);
	return copy ? 0 : -1;
}

void maker_dir_drop(struct maker_dir *d)
{
	if (d)
		release(d);
}
