/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/gzip.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/gzip_internal.h"
#include "backend/inflate.h"

/*
 * The output is a ring of slots in the order of the stream.  One worker at a time is the
 * fetcher: it claims the next slot and reads the source.  A member of ours it takes
 * whole, lets the next worker fetch, and inflates; anything else it inflates itself,
 * piece by piece, while it remains the fetcher.  The caller takes the slots in order.
 *
 * The first slot is filled by the caller, so that a short stream has no thread; so are
 * all where there are no threads.  An error stands in the slot where it happened, so the
 * slots before it are still delivered.
 */

#define INPUT_SIZE ((size_t)64 << 10)

/* The compressed stream, with a buffer in which the next member's header can be seen. */
struct input {
	gzip_source source;
	void *ctx;
	uint8_t *buffer; /* INPUT_SIZE */
	size_t pos, len;
	bool ended;
	uint64_t offset; /* of buffer[pos] in the stream */
};

struct slot {
	uint8_t *data; /* GZIP_BLOCK */
	size_t n;
	bool ready;
	bool last; /* n is 0 and the stream has ended well */
	struct err err;
};

struct worker {
	struct gzip_reader *reader;
	void *decompressor;
	uint8_t *member; /* GZIP_MEMBER_MAX */
	pthread_t thread;
};

struct gzip_reader {
	const struct deflate_codec *codec;
	uint8_t *memory; /* all slots, members and the input's buffer */

	/* The fetcher's. */
	struct input input;
	struct inflater *inflater; /* for members that are not ours; made when needed */
	bool inside;               /* one of those has begun */
	uint64_t member_offset;    /* where the current or last member began */

	struct worker workers[GZIP_THREADS_MAX]; /* the first may be the caller's */
	unsigned n_decompressors, n_threads, max_threads;

	/* The caller's. */
	bool holding; /* the oldest slot, read up to pos */
	size_t pos;
	bool done;
	enum err_kind failed;

	/* Under the lock from here on. */
	pthread_mutex_t lock;
	pthread_cond_t work;  /* workers wait: for a free slot, or to fetch */
	pthread_cond_t ready; /* the caller waits for the oldest slot */
	struct slot slots[GZIP_THREADS_MAX + 2]; /* slot i at i % n_slots */
	unsigned n_slots;
	uint64_t oldest, next;
	bool fetching, ended;
	atomic_bool closing; /* looked at without the lock, too */
};

/* Makes at least `want` bytes of input visible, if the stream has them; returns how many
 * there are. */
static ssize_t input_see(struct input *in, size_t want, struct err *err)
{
	while (in->len - in->pos < want && !in->ended) {
		memmove(in->buffer, in->buffer + in->pos, in->len - in->pos);
		in->len -= in->pos;
		in->pos = 0;
		ssize_t n = in->source(in->ctx, in->buffer + in->len,
				       INPUT_SIZE - in->len, err);
		if (n < 0)
			return -1;
		assert((size_t)n <= INPUT_SIZE - in->len);
		in->len += (size_t)n;
		in->ended = n == 0;
	}
	return (ssize_t)(in->len - in->pos);
}

static void input_skip(struct input *in, size_t n)
{
	in->pos += n;
	in->offset += n;
}

/* Reads n bytes, what is in the buffer first; returns how many there were. */
static ssize_t input_take(struct input *in, uint8_t *p, size_t n, struct err *err)
{
	size_t part = in->len - in->pos < n ? in->len - in->pos : n;

	memcpy(p, in->buffer + in->pos, part);
	input_skip(in, part);
	while (part < n && !in->ended) {
		ssize_t k = in->source(in->ctx, p + part, n - part, err);
		if (k < 0)
			return -1;
		assert((size_t)k <= n - part);
		part += (size_t)k;
		in->offset += (size_t)k;
		in->ended = k == 0;
	}
	return (ssize_t)part;
}

/* Puts the member's place in front of what is wrong with it. */
static int damaged(uint64_t offset, struct err *err)
{
	return err_wrap(err, "gzip member at byte %llu", (unsigned long long)offset);
}

static int cut_short(uint64_t offset, struct err *err)
{
	err_set(err, ERR_CORRUPT, "cut short");
	return damaged(offset, err);
}

/* Inflates a part of a member that is not ours into the slot. */
static int inflate_part(struct gzip_reader *r, struct slot *slot, struct err *err)
{
	ssize_t n = input_see(&r->input, 1, err);

	if (n < 0)
		return -1;
	if (n == 0)
		return cut_short(r->member_offset, err);

	const void *in = r->input.buffer + r->input.pos;
	size_t n_in = (size_t)n, room = GZIP_BLOCK - slot->n;
	void *out = slot->data + slot->n;
	int more = inflater_run(r->inflater, &in, &n_in, &out, &room, err);
	if (more < 0)
		return err_is(err, ERR_CORRUPT) ? damaged(r->member_offset, err) : -1;
	input_skip(&r->input, (size_t)n - n_in);
	slot->n = GZIP_BLOCK - room;
	r->inside = more == 1;
	return 0;
}

/* Begins a member that is not ours, of which n bytes can be seen. */
static int begin_foreign(struct gzip_reader *r, size_t n, struct err *err)
{
	if (gzip_member_is_broken(r->input.buffer + r->input.pos, n)) {
		err_set(err, ERR_CORRUPT, "malformed extra field");
		return damaged(r->member_offset, err);
	}
	if (r->inflater)
		inflater_reset(r->inflater);
	else if (inflater_new(INFLATE_GZIP, &r->inflater, err) < 0)
		return -1;
	r->inside = true;
	return 0;
}

/*
 * Fills the slot, or reads a whole member of ours to be decoded into it.  Returns that
 * member's length, 0 if the slot is complete, -1.  However many members are empty, the
 * loop ends with the input, or when the reader is freed.
 */
static ssize_t fetch(struct gzip_reader *r, struct worker *worker, struct slot *slot,
		     struct err *err)
{
	struct input *in = &r->input;

	while (slot->n < GZIP_BLOCK && !atomic_load(&r->closing)) {
		if (r->inside) {
			if (inflate_part(r, slot, err) < 0)
				return -1;
			continue;
		}
		ssize_t n = input_see(in, GZIP_MEMBER_HEADER, err);
		if (n < 0)
			return -1;
		if (n == 0 && in->offset == 0)
			return err_set(err, ERR_CORRUPT, "the gzip stream is empty");
		size_t length = gzip_member_length(in->buffer + in->pos, (size_t)n);
		if ((n == 0 || length > 0) && slot->n > 0)
			break; /* it has to wait for a slot of its own */
		slot->last = n == 0;
		if (slot->last)
			break;
		r->member_offset = in->offset;
		if (length > 0) {
			n = input_take(in, worker->member, length, err);
			if (n >= 0 && (size_t)n < length)
				return cut_short(r->member_offset, err);
			return n;
		}
		if (begin_foreign(r, (size_t)n, err) < 0)
			return -1;
	}
	return 0;
}

/* Claims and fills the next slot, if that can be done now; false if not.  Called with the
 * lock, which it lets go meanwhile. */
static bool work(struct gzip_reader *r, struct worker *worker)
{
	if (r->fetching || r->ended || r->next - r->oldest == r->n_slots ||
	    atomic_load(&r->closing))
		return false;

	struct slot *slot = &r->slots[r->next++ % r->n_slots];
	r->fetching = true;
	pthread_mutex_unlock(&r->lock);
	slot->n = 0;
	ssize_t length = fetch(r, worker, slot, &slot->err);
	uint64_t offset = r->member_offset;

	pthread_mutex_lock(&r->lock);
	r->fetching = false;
	if (length < 0 || slot->last)
		r->ended = true;
	if (length > 0) {
		pthread_cond_signal(&r->work);
		pthread_mutex_unlock(&r->lock);
		if (gzip_member_decode(r->codec, worker->decompressor, worker->member,
				       (size_t)length, slot->data, &slot->n,
				       &slot->err) < 0)
			damaged(offset, &slot->err);
		pthread_mutex_lock(&r->lock);
		if (slot->err.kind != ERR_NONE)
			r->ended = true;
	}
	slot->ready = true;
	pthread_cond_signal(&r->ready);
	return true;
}

static void *run_worker(void *arg)
{
	struct worker *worker = arg;
	struct gzip_reader *r = worker->reader;

	pthread_mutex_lock(&r->lock);
	while (!r->ended && !atomic_load(&r->closing)) {
		if (!work(r, worker))
			pthread_cond_wait(&r->work, &r->lock);
	}
	/* The others have to see the end as well. */
	pthread_cond_broadcast(&r->work);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* Makes the decompressors and buffers for n threads. */
static int make_parts(struct gzip_reader *r, unsigned n, struct err *err)
{
	/* One slot is with the caller, one ready for it; a lone thread needs just one. */
	r->n_slots = n > 1 ? n + 2 : 1;
	r->memory = alloc_bytes(
		r->n_slots * GZIP_BLOCK + n * GZIP_MEMBER_MAX + INPUT_SIZE, err);
	if (!r->memory)
		return -1;
	uint8_t *at = r->memory;
	for (unsigned i = 0; i < r->n_slots; i++, at += GZIP_BLOCK)
		r->slots[i].data = at;
	r->input.buffer = at;
	at += INPUT_SIZE;
	for (; r->n_decompressors < n; r->n_decompressors++, at += GZIP_MEMBER_MAX) {
		struct worker *worker = &r->workers[r->n_decompressors];

		worker->reader = r;
		worker->member = at;
		worker->decompressor = r->codec->decompressor_new(err);
		if (!worker->decompressor)
			return -1;
	}
	return 0;
}

int gzip_reader_new(unsigned threads, gzip_source source, void *ctx,
		    struct gzip_reader **ret, struct err *err)
{
	struct gzip_reader *r = alloc_zero(1, sizeof(*r), err);

	if (!r)
		return -1;
	threads = gzip_threads(threads);
	r->codec = deflate_decompressor();
	r->input.source = source;
	r->input.ctx = ctx;
	r->max_threads = threads > 1 ? threads : 0;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->work, NULL);
	pthread_cond_init(&r->ready, NULL);
	if (make_parts(r, threads, err) < 0) {
		gzip_reader_free(r);
		return -1;
	}
	*ret = r;
	return 0;
}

/* Starts the threads, or as many as can be.  With the lock. */
static void start_threads(struct gzip_reader *r)
{
	while (r->n_threads < r->max_threads) {
		struct worker *worker = &r->workers[r->n_threads];

		if (sys_thread_start(&worker->thread, run_worker, worker) < 0)
			break;
		r->n_threads++;
	}
	r->max_threads = r->n_threads;
}

/* Gives back the oldest slot, if it is held, and waits for the next. */
static struct slot *next_slot(struct gzip_reader *r)
{
	pthread_mutex_lock(&r->lock);
	if (r->holding) {
		r->slots[r->oldest++ % r->n_slots].ready = false;
		pthread_cond_signal(&r->work);
	}
	struct slot *slot = &r->slots[r->oldest % r->n_slots];
	if (r->next > 0 && !r->ended && r->n_threads < r->max_threads)
		start_threads(r);
	while (!slot->ready) {
		if (r->n_threads > 0 || !work(r, &r->workers[0]))
			pthread_cond_wait(&r->ready, &r->lock);
	}
	pthread_mutex_unlock(&r->lock);
	r->holding = true;
	r->pos = 0;
	return slot;
}

ssize_t gzip_reader_next(struct gzip_reader *r, const void **ret, size_t max,
			 struct err *err)
{
	struct slot *slot = &r->slots[r->oldest % r->n_slots];

	assert(max > 0);
	if (r->failed != ERR_NONE)
		return err_set(err, r->failed, "the gzip stream has failed before");
	while (!r->done && (!r->holding || r->pos == slot->n)) {
		slot = next_slot(r);
		if (slot->err.kind != ERR_NONE) {
			r->failed = slot->err.kind;
			return err_move(err, &slot->err);
		}
		r->done = slot->last;
	}
	if (r->done)
		return 0;

	size_t n = slot->n - r->pos < max ? slot->n - r->pos : max;
	*ret = slot->data + r->pos;
	r->pos += n;
	return (ssize_t)n;
}

ssize_t gzip_reader_read(struct gzip_reader *r, void *p, size_t n, struct err *err)
{
	const void *data;
	ssize_t k = gzip_reader_next(r, &data, n, err);

	if (k > 0)
		memcpy(p, data, (size_t)k);
	return k;
}

void gzip_reader_free(struct gzip_reader *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	atomic_store(&r->closing, true);
	pthread_cond_broadcast(&r->work);
	pthread_mutex_unlock(&r->lock);
	for (; r->n_threads > 0; r->n_threads--)
		pthread_join(r->workers[r->n_threads - 1].thread, NULL);
	for (unsigned i = 0; i < r->n_decompressors; i++)
		r->codec->decompressor_free(r->workers[i].decompressor);
	for (unsigned i = 0; i < r->n_slots; i++)
		err_clear(&r->slots[i].err);
	inflater_free(r->inflater);
	pthread_cond_destroy(&r->ready);
	pthread_cond_destroy(&r->work);
	pthread_mutex_destroy(&r->lock);
	free(r->memory);
	free(r);
}
