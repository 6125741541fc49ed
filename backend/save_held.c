/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/save_internal.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/gzip.h"

ssize_t save_held_read(struct save_held_reader *r, void *p, size_t n, struct err *err)
{
	const struct zip_member *m = &r->held->place;
	uint64_t left = m->size - r->done;
	ssize_t k;

	if (left == 0)
		return 0;
	k = fd_pread_full(r->held->fd, p, n < left ? n : (size_t)left,
			  m->offset + r->done, err);
	if (k < 0) {
		/* Whatever it is, the data themselves can still be read. */
		_cleanup_(err_clear) struct err why = ERR_INIT;

		err_move(&why, err);
		return err_set(err, ERR_CORRUPT, "%s cannot be read: %s", q(m->name),
			       err_message(&why));
	}
	if (k == 0)
		return err_set(err, ERR_CORRUPT, "%s is cut short", q(m->name));
	r->crc = gzip_crc32(r->crc, p, (size_t)k);
	r->done += (uint64_t)k;
	if (r->done == m->size && r->crc != m->crc)
		return err_set(err, ERR_CORRUPT, "the checksum of %s is wrong",
			       q(m->name));
	return k;
}

/* A copy of a tree. */
static int copy_tree(const struct snapshot_tree *from, struct snapshot_archive *to,
		     struct err *err)
{
	struct snapshot_tree *t;

	if (snapshot_add_tree(to, &t, err) < 0)
		return -1;
	t->is_file = from->is_file;
	t->name = alloc_strdup(from->name, err);
	t->path = t->name ? alloc_strdup(from->path, err) : NULL;
	if (!t->path)
		return -1;
	if (from->resolved) {
		t->resolved = alloc_strdup(from->resolved, err);
		if (!t->resolved)
			return -1;
	}
	for (size_t i = 0; i < from->n_exclude; i++)
		if (snapshot_add_string(&t->exclude, &t->n_exclude, from->exclude[i],
					err) < 0)
			return -1;
	return 0;
}

int save_held_describe(const struct save_held *h, struct snapshot_archive *to,
		       struct err *err)
{
	const struct snapshot_archive *from = h->meta;

	memcpy(to->sha3, from->sha3, sizeof(to->sha3));
	to->bytes = from->bytes;
	to->allocated = from->allocated;
	to->entries = from->entries;
	for (size_t i = 0; i < from->n_trees; i++)
		if (copy_tree(&from->trees[i], to, err) < 0)
			return -1;
	return 0;
}

/* Archives that are all held by one file. */
static bool have_one_file(const struct save_archive *archives, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!archives[i].held || archives[i].held->fd != archives[0].held->fd)
			return false;
	return n > 0;
}

int save_held_beginning(const struct save_archive *archives, size_t n,
			struct zip_member **ret, struct err *err)
{
	_cleanup_free_ struct zip_member *members = NULL;

	*ret = NULL;
	if (!have_one_file(archives, n))
		return 0;
	members = alloc_zero(n, sizeof(*members), err);
	if (!members)
		return -1;
	for (size_t i = 0; i < n; i++)
		members[i] = archives[i].held->place;
	if (zip_is_beginning(members, n))
		*ret = TAKE_PTR(members);
	return 0;
}
