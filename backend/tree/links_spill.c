/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/tree/links.h"

#define FIRST_CAP  UINT64_C(1024)
#define PIECE      ((size_t)1024) /* slots that are moved at once */
#define PIECE_TEXT ((size_t)64 << 10)

/* A slot of the table in the file. */
struct spilled {
	uint64_t dev, ino;
	uint64_t path; /* where it is, and one more; 0: the slot is free */
	uint64_t len;
};

struct table {
	struct spill *spill;
	uint64_t at, cap;
};

/* The slot of a file, or the free one where it belongs, and which it is.  There is a free
 * one: no more than half of them are used. */
static int find_slot(const struct table *t, uint64_t dev, uint64_t ino,
		     struct spilled *ret, uint64_t *ret_at, struct err *err)
{
	for (uint64_t i = links_home(t->cap, dev, ino);; i = (i + 1) & (t->cap - 1)) {
		uint64_t at = t->at + i * sizeof(*ret);

		if (spill_get(t->spill, at, ret, sizeof(*ret), err) < 0)
			return -1;
		if (ret->path == 0 || (ret->dev == dev && ret->ino == ino)) {
			*ret_at = at;
			return 0;
		}
	}
}

/* Puts a slot into a table that does not have it. */
static int insert(const struct table *t, const struct spilled *s, struct err *err)
{
	struct spilled was;
	uint64_t at;

	if (find_slot(t, s->dev, s->ino, &was, &at, err) < 0)
		return -1;
	return spill_put(t->spill, at, s, sizeof(*s), err);
}

/* Moves all of a table to a larger one. */
static int move(const struct table *from, const struct table *to, struct err *err)
{
	_cleanup_free_ struct spilled *piece = alloc_zero(PIECE, sizeof(*piece), err);

	if (!piece)
		return -1;
	/* Both are powers of two. */
	for (uint64_t i = 0; i < from->cap; i += PIECE) {
		if (spill_get(from->spill, from->at + i * sizeof(*piece), piece,
			      PIECE * sizeof(*piece), err) < 0)
			return -1;
		for (size_t k = 0; k < PIECE; k++) {
			if (piece[k].path != 0 && insert(to, &piece[k], err) < 0)
				return -1;
		}
	}
	return 0;
}

/* Makes sure that n fit; the room of the table before is lost. */
static int grow(struct links *l, uint64_t n, struct err *err)
{
	const struct table from = { l->spill, l->table, l->table_cap };
	struct table to = { .spill = l->spill, .cap = FIRST_CAP };

	if (n <= l->table_cap / 2)
		return 0;
	while (to.cap / 4 < n)
		to.cap *= 2;
	if (spill_take(l->spill, to.cap * sizeof(struct spilled), &to.at, err) < 0 ||
	    move(&from, &to, err) < 0)
		return -1;
	l->table = to.at;
	l->table_cap = to.cap;
	return 0;
}

int links_find_spilled(struct links *l, dev_t dev, ino_t ino, const char **ret,
		       struct err *err)
{
	const struct table t = { l->spill, l->table, l->table_cap };
	struct spilled s;
	uint64_t at;
	char *room;

	if (find_slot(&t, dev, ino, &s, &at, err) < 0)
		return -1;
	if (s.path == 0)
		return 0;
	buf_clear(&l->found);
	room = buf_reserve(&l->found, (size_t)s.len, err);
	if (!room || spill_get(l->spill, s.path - 1, room, (size_t)s.len, err) < 0)
		return -1;
	buf_advance(&l->found, (size_t)s.len);
	*ret = l->found.data;
	return 0;
}

/* Paths on their way into a region of the file. */
struct text {
	struct spill *spill;
	uint64_t at; /* where the next one goes that is not in the piece */
	struct buf piece;
};

static int flush(struct text *t, struct err *err)
{
	if (t->piece.len > 0 &&
	    spill_put(t->spill, t->at, t->piece.data, t->piece.len, err) < 0)
		return -1;
	t->at += t->piece.len;
	buf_clear(&t->piece);
	return 0;
}

static void text_done(struct text *t)
{
	buf_done(&t->piece);
}

int links_spill(struct links *l, struct err *err)
{
	_cleanup_(text_done) struct text text = { .spill = l->spill };
	struct table t;

	if (grow(l, l->n_spilled + l->n, err) < 0 ||
	    spill_take(l->spill, l->path_bytes, &text.at, err) < 0)
		return -1;
	t = (struct table){ l->spill, l->table, l->table_cap };
	for (size_t i = 0; i < l->cap; i++) {
		const struct link *link = &l->slots[i];
		struct spilled s;

		if (!link->path)
			continue;
		s = (struct spilled){ link->dev, link->ino, text.at + text.piece.len + 1,
				      strlen(link->path) };
		if (insert(&t, &s, err) < 0 ||
		    buf_add(&text.piece, link->path, (size_t)s.len, err) < 0 ||
		    (text.piece.len >= PIECE_TEXT && flush(&text, err) < 0))
			return -1;
		l->n_spilled++;
	}
	return flush(&text, err);
}
