/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/snapshot_file_internal.h"

#include <errno.h>

#include "backend/base/alloc.h"
#include "backend/base/hasher.h"

/* An archive that lies in the file as its hash has it. */
struct stretch {
	const struct snapshot_archive *archive;
	uint64_t begin, end;
};

struct copying {
	struct snapshot_file *file;
	snapshot_file_sink sink;
	void *ctx;
	const struct observer *observer;
	struct stretch *stretches; /* in their order in the file */
	size_t n;
	uint8_t *piece;
	uint64_t at; /* bytes handed on */
};

/* qsort */
static int by_begin(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;

	return (x->begin > y->begin) - (x->begin < y->begin);
}

/* Where the stored archives lie; a deflated one is compared at once,
 * by a pass of its own. */
static int find_stretches(struct copying *c, struct err *err)
{
	struct snapshot_file *f = c->file;

	c->stretches = alloc_zero(f->meta->n_archives, sizeof(*c->stretches), err);
	if (!c->stretches)
		return -1;
	for (size_t i = 0; i < f->meta->n_archives; i++) {
		const struct snapshot_archive *a = &f->meta->archives[i];
		/* It is there: opening the file checked that. */
		const struct zip_member *m = zip_reader_member(
			f->zip, (size_t)zip_reader_find(f->zip, a->name));

		if (m->method == ZIP_STORED)
			c->stretches[c->n++] =
				(struct stretch){ a, m->offset, m->offset + m->size };
		else if (snapshot_file_stream(f, a->name, NULL, NULL, NULL, err) < 0)
			return -1;
	}
	qsort(c->stretches, c->n, sizeof(*c->stretches), by_begin);
	return 0;
}

/* Hands on what lies before `end`, through `h` if there is one. */
static int copy_until(struct copying *c, uint64_t end, struct hasher *h, struct err *err)
{
	while (c->at < end) {
		size_t want = SNAPSHOT_FILE_PIECE;
		ssize_t n;

		if (want > end - c->at)
			want = (size_t)(end - c->at);
		if (observer_check(c->observer, err) < 0)
			return -1;
		n = sys_pread(c->file->fd, c->piece, want, (off_t)c->at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, "cannot read the snapshot");
		if (n == 0)
			return err_set(err, ERR_CHANGED,
				       "the snapshot was cut while it was read");
		if ((h && hasher_update(h, c->piece, (size_t)n, err) < 0) ||
		    c->sink(c->ctx, c->piece, (size_t)n, err) < 0)
			return -1;
		c->at += (uint64_t)n;
		observer_progress(c->observer, c->at, 0);
	}
	return 0;
}

/* What lies before an archive, and the archive. */
static int copy_stretch(struct copying *c, const struct stretch *s, struct err *err)
{
	_cleanup_(hasher_freep) struct hasher *h = NULL;
	uint8_t hash[DIGEST_MAX_SIZE];

	if (copy_until(c, s->begin, NULL, err) < 0 ||
	    hasher_new(DIGEST_SHA3_384, &h, err) < 0 ||
	    copy_until(c, s->end, h, err) < 0 || hasher_final(h, hash, err) < 0)
		return -1;
	return snapshot_file_compare(s->archive, hash, err);
}

int snapshot_file_copy(struct snapshot_file *f, snapshot_file_sink sink, void *ctx,
		       const struct observer *observer, struct err *err)
{
	_cleanup_free_ uint8_t *piece = alloc_bytes(SNAPSHOT_FILE_PIECE, err);
	struct copying c = { f, sink, ctx, observer, NULL, 0, piece, 0 };
	int r;

	if (!piece)
		return -1;
	r = find_stretches(&c, err);
	for (size_t i = 0; r == 0 && i < c.n; i++)
		r = copy_stretch(&c, &c.stretches[i], err);
	if (r == 0)
		r = copy_until(&c, f->bytes, NULL, err);
	free(c.stretches);
	return r;
}
