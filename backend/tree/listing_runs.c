/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/tree/listing.h"

#define PIECE ((size_t)16 << 10) /* what is read of a run at once; longer than a name */

/* Sorted names in the file, each a byte of its type and the name with its NUL. */
struct run {
	uint64_t at, end; /* what of it is not in the piece */
	char *piece;
	size_t pos, len;
};

struct listing_runs {
	struct spill *spill;
	struct run *runs;
	size_t n, cap;
	uint64_t begin, end; /* where all of them lie */
	char last[NAME_MAX +
		  2]; /* the name given last, with its type; "" before the first */
};

void listing_runs_free(struct listing_runs *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		free(r->runs[i].piece);
	spill_give_back(r->spill, r->begin, r->end);
	free(r->runs);
	free(r);
}

/* Of a directory that has none yet. */
static int begin(struct listing *l, struct listing_mark *mark, struct err *err)
{
	struct listing_runs *r = mark->runs;

	if (r)
		return 0;
	r = alloc_zero(1, sizeof(*r), err);
	if (!r)
		return -1;
	r->spill = l->spill;
	r->begin = r->end = l->spill->end;
	mark->runs = r;
	return 0;
}

int listing_runs_add(struct listing *l, struct listing_mark *mark, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct listing_runs *r;
	struct run run = { 0 };

	if (begin(l, mark, err) < 0)
		return -1;
	r = mark->runs;
	for (size_t i = mark->n; i < l->n; i++) {
		const char *name = listing_text(l, i);

		if (strlen(name) > NAME_MAX)
			continue; /* no file system has such, and none could open it */
		if (buf_add_byte(&text, (char)l->names[i].type, err) < 0 ||
		    buf_add(&text, name, strlen(name) + 1, err) < 0)
			return -1;
	}
	if (alloc_grow(&r->runs, r->n, &r->cap, sizeof(*r->runs), err) < 0 ||
	    spill_take(r->spill, text.len, &run.at, err) < 0)
		return -1;
	run.end = run.at + text.len;
	r->end = run.end;
	if (text.len > 0 && spill_put(r->spill, run.at, text.data, text.len, err) < 0)
		return -1;
	run.piece = alloc_bytes(PIECE, err);
	if (!run.piece)
		return -1;
	r->runs[r->n++] = run;
	return 0;
}

/* Makes sure that a whole name is in the piece: 1; 0: the run has ended. */
static int fill(const struct listing_runs *r, struct run *run, struct err *err)
{
	uint64_t more = run->end - run->at;

	if (run->pos < run->len &&
	    memchr(run->piece + run->pos + 1, '\0', run->len - run->pos - 1))
		return 1;
	if (more == 0)
		return 0;
	run->len -= run->pos;
	memmove(run->piece, run->piece + run->pos, run->len);
	run->pos = 0;
	if (more > PIECE - run->len)
		more = PIECE - run->len;
	if (spill_get(r->spill, run->at, run->piece + run->len, (size_t)more, err) < 0)
		return -1;
	run->at += more;
	run->len += (size_t)more;
	return 1;
}

/* The run whose next name comes first, or NULL; -1. */
static int find_first(struct listing_runs *r, struct run **ret, struct err *err)
{
	struct run *first = NULL;

	for (size_t i = 0; i < r->n; i++) {
		struct run *run = &r->runs[i];
		int filled = fill(r, run, err);

		if (filled < 0)
			return -1;
		if (filled > 0 && (!first || strcmp(run->piece + run->pos + 1,
						    first->piece + first->pos + 1) < 0))
			first = run;
	}
	*ret = first;
	return 0;
}

int listing_runs_next(struct listing_runs *r, const char **ret, unsigned char *ret_type,
		      struct err *err)
{
	struct run *run;

	for (;;) {
		const char *item;
		size_t size;
		bool again;

		if (find_first(r, &run, err) < 0)
			return -1;
		if (!run)
			return 0;
		item = run->piece + run->pos;
		/* A name that the kernel gave twice comes once. */
		again = strcmp(item + 1, r->last + 1) == 0;
		/* No name in a run is longer than NAME_MAX. */
		size = strlen(item + 1) + 2;
		memcpy(r->last, item, size);
		run->pos += size;
		if (!again)
			break;
	}
	*ret_type = (unsigned char)r->last[0];
	*ret = r->last + 1;
	return 1;
}
