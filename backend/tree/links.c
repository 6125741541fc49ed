/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/links.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"

#define FIRST_CAP 64

/* Forgets what is in memory. */
static void clear(struct links *l)
{
	for (size_t i = 0; i < l->cap; i++)
		free(l->slots[i].path);
	free(l->slots);
	l->slots = NULL;
	l->n = l->cap = l->path_bytes = 0;
}

void links_done(struct links *l)
{
	clear(l);
	buf_done(&l->found);
	*l = (struct links)LINKS_INIT;
}

/* The slot that holds the file, or the free one where it would be put. */
static size_t slot_of(const struct links *l, dev_t dev, ino_t ino)
{
	size_t i = (size_t)links_home(l->cap, dev, ino);

	while (l->slots[i].path && (l->slots[i].ino != ino || l->slots[i].dev != dev))
		i = (i + 1) & (l->cap - 1);
	return i;
}

int links_find(struct links *l, const struct stat *st, const char **ret, struct err *err)
{
	const char *path = NULL;

	if (l->cap)
		path = l->slots[slot_of(l, st->st_dev, st->st_ino)].path;
	if (!path && l->n_spilled > 0 &&
	    links_find_spilled(l, st->st_dev, st->st_ino, &path, err) < 0)
		return -1;
	*ret = path;
	return 0;
}

/* Doubles the table once it is half full, so that a free slot ends every search. */
static int grow(struct links *l, struct err *err)
{
	struct links larger = { .cap = l->cap ? l->cap * 2 : FIRST_CAP };

	if (l->n < l->cap / 2)
		return 0;
	larger.slots = alloc_zero(larger.cap, sizeof(*larger.slots), err);
	if (!larger.slots)
		return -1;
	for (size_t i = 0; i < l->cap; i++) {
		const struct link *s = &l->slots[i];

		if (s->path)
			larger.slots[slot_of(&larger, s->dev, s->ino)] = *s;
	}
	free(l->slots);
	l->slots = larger.slots;
	l->cap = larger.cap;
	return 0;
}

int links_add(struct links *l, const struct stat *st, const char *path, struct err *err)
{
	_cleanup_free_ char *copy = NULL;

	if (spill_wants(l->spill, l->path_bytes + l->cap * sizeof(*l->slots))) {
		if (links_spill(l, err) < 0)
			return -1;
		clear(l);
	}
	copy = alloc_strdup(path, err);
	if (!copy || grow(l, err) < 0)
		return -1;
	l->path_bytes += strlen(copy) + 1;
	l->slots[slot_of(l, st->st_dev, st->st_ino)] = (struct link){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.left = st->st_nlink - 1,
		.path = TAKE_PTR(copy),
	};
	l->n++;
	return 0;
}

/* Frees slot i and moves up what is behind it and would no longer be found. */
static void take_out(struct links *l, size_t i)
{
	l->path_bytes -= strlen(l->slots[i].path) + 1;
	free(l->slots[i].path);
	l->n--;
	for (size_t k = (i + 1) & (l->cap - 1); l->slots[k].path;
	     k = (k + 1) & (l->cap - 1)) {
		size_t want =
			(size_t)links_home(l->cap, l->slots[k].dev, l->slots[k].ino);

		/* Only if its home is not between the gap and itself. */
		if (((k - want) & (l->cap - 1)) >= ((k - i) & (l->cap - 1))) {
			l->slots[i] = l->slots[k];
			i = k;
		}
	}
	l->slots[i].path = NULL;
}

void links_met(struct links *l, const struct stat *st)
{
	size_t i;

	if (!l->cap)
		return;
	i = slot_of(l, st->st_dev, st->st_ino);
	if (l->slots[i].path && --l->slots[i].left == 0)
		take_out(l, i);
}
