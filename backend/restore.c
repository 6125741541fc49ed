/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/restore.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/restore_attrs.h"

char *restore_item_path(const struct journal_item *item, struct err *err)
{
	const char *parent = strcmp(item->parent, "/") == 0 ? "" : item->parent;

	if (item->kind == JOURNAL_MOUNT)
		return alloc_strdup(item->parent, err);
	return alloc_printf(err, "%s/%s%s", parent, item->name,
			    item->kind == JOURNAL_PARENT ? "/" : "");
}

char *restore_item_aside(const struct journal_item *item, struct err *err)
{
	return alloc_printf(err, "%s/%s",
			    strcmp(item->parent, "/") == 0 ? "" : item->parent,
			    item->aside);
}

int restore_item_swapper(const struct restore_workers *workers,
			 const struct journal_item *item, const struct observer *observer,
			 struct worker **ret, struct err *err)
{
	return workers->swapper(workers->ctx, item->user, item->uid, item->gid, observer,
				ret, err);
}

/* The swapper of an item; what begins here is not for a cancel to end. */
static int swapper_of(const struct journal_item *item, const struct restore_options *o,
		      struct worker **ret, struct err *err)
{
	return restore_item_swapper(o->workers, item, NULL, ret, err);
}

int restore_inner_swapper(const struct restore_workers *workers, const char *user,
			  uint32_t uid, uint32_t gid, const struct observer *observer,
			  struct worker **ret, struct err *err)
{
	if (!user)
		uid = gid = 0;
	return workers->swapper(workers->ctx, user, uid, gid, observer, ret, err);
}

/* The same for what an item has aside, and for a mount point's own attributes. */
static int inner_of(const struct journal_item *item, const struct restore_options *o,
		    struct worker **ret, struct err *err)
{
	return restore_inner_swapper(o->workers, item->user, item->uid, item->gid, NULL,
				     ret, err);
}

/* One item, forward or backward. */
static int move_item(const struct journal_item *item, bool backward,
		     const struct restore_options *o, struct err *err)
{
	struct worker *w;
	const void *attrs;
	size_t n;

	if (item->kind == JOURNAL_PARENT ||
	    (item->old_ino == 0 && item->new_ino == 0 && item->kind == JOURNAL_SWAP))
		return 0;
	if (item->kind == JOURNAL_SWAP) {
		if (swapper_of(item, o, &w, err) < 0)
			return -1;
		return o->only_look ? swapper_check(w, item, backward, err)
				    : swapper_swap(w, item, backward, err);
	}
	if (item->attrs_size == 0 || o->only_look)
		return 0;
	if (inner_of(item, o, &w, err) < 0 ||
	    restore_attrs_split(item->attrs, item->attrs_size, !backward, &attrs, &n,
				err) < 0)
		return -1;
	return swapper_apply_attrs(w, item, attrs, n, err);
}

/* All items of one sort, forward in their order or backward against it. */
static int move_items(const struct journal_item *items, size_t n, bool mounts,
		      bool backward, const struct restore_options *o, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct journal_item *item = &items[backward ? n - 1 - i : i];

		if ((item->kind == JOURNAL_MOUNT) != mounts)
			continue;
		if (move_item(item, backward, o, err) < 0)
			return err_wrap(err,
					backward ? "cannot put %s in %s back"
						 : "cannot restore %s in %s",
					q(item->name), q(item->parent));
	}
	return 0;
}

/* A mount point's own attributes come last: exchanging names in it changes its time. */
static int move_all(const struct journal_item *items, size_t n, bool backward,
		    const struct restore_options *o, struct err *err)
{
	if (move_items(items, n, false, backward, o, err) < 0)
		return -1;
	return move_items(items, n, true, backward, o, err);
}

int restore_forward(const struct journal_item *items, size_t n,
		    const struct restore_options *options, struct err *err)
{
	return move_all(items, n, false, options, err);
}

int restore_backward(const struct journal_item *items, size_t n,
		     const struct restore_options *options, struct err *err)
{
	return move_all(items, n, true, options, err);
}

int restore_refresh(struct journal_item *items, size_t n,
		    const struct restore_options *options, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct journal_item *item = &items[i];
		uint64_t live, aside;
		struct worker *w;

		if (item->kind != JOURNAL_SWAP ||
		    (item->old_ino == 0 && item->new_ino == 0))
			continue;
		if (restore_item_swapper(options->workers, item, options->observer, &w,
					 err) < 0 ||
		    swapper_look(w, item, options->observer, &live, &aside, err) < 0)
			return -1;
		if (aside != item->new_ino)
			return err_set(err, ERR_CHANGED,
				       "%s in %s is not what was moved aside",
				       q(item->aside), q(item->parent));
		item->old_ino = live;
	}
	return 0;
}

/* Removes what an item has aside; a mount point does not show
 * that something was in it. */
static int remove_aside(struct worker *w, const struct journal_item *item,
			const struct restore_options *o, struct err *err)
{
	_cleanup_free_ void *attrs = NULL;
	uint64_t live, aside;
	size_t n;

	if (o->only_look)
		return swapper_look(w, item, NULL, &live, &aside, err);
	if (item->kind != JOURNAL_MOUNT)
		return swapper_remove(w, item, o->observer, err);
	if (swapper_read_attrs(w, item, NULL, &attrs, &n, err) < 0 ||
	    swapper_remove(w, item, o->observer, err) < 0)
		return -1;
	return swapper_apply_attrs(w, item, attrs, n, err);
}

/* Only what is not live may be removed: before a swap the aside name holds the staging
 * tree, and it must not hold what was live. */
static int remove_staging(struct worker *w, const struct journal_item *item,
			  const struct restore_options *o, struct err *err)
{
	struct restore_options unheard = *o;
	uint64_t live, aside;

	if (item->kind == JOURNAL_SWAP) {
		if (swapper_look(w, item, NULL, &live, &aside, err) < 0)
			return -1;
		if (aside == 0)
			return 0;
		if (item->old_ino != 0 && aside == item->old_ino)
			return err_set(err, ERR_CHANGED, "%s holds what was live",
				       q(item->aside));
	}
	/* What never became live goes in spite of a cancel. */
	unheard.observer = NULL;
	return remove_aside(w, item, &unheard, err);
}

/* Who removes a staging tree: as long as its inode is not in the journal nothing was
 * unpacked into it, and whoever made it can remove it. */
static int abandoner_of(const struct journal_item *item, const struct restore_options *o,
			struct worker **ret, struct err *err)
{
	bool empty = item->kind == JOURNAL_SWAP && item->new_ino == 0;

	if (item->kind == JOURNAL_PARENT || empty)
		return swapper_of(item, o, ret, err);
	return inner_of(item, o, ret, err);
}

/* A made parent, if it is empty. */
static int remove_parent(struct worker *w, const struct journal_item *item,
			 const struct restore_options *o, bool *ret_removed,
			 struct err *err)
{
	uint64_t live, aside;

	if (!o->only_look)
		return swapper_remove_parent(w, item, ret_removed, err);
	*ret_removed = false;
	return swapper_look(w, item, NULL, &live, &aside, err);
}

/* One item of a restore that never began to swap. A parent that is gone
 * took its staging along. */
static int abandon_item(const struct journal_item *item, const struct restore_options *o,
			struct err *err)
{
	struct worker *w;
	bool removed;
	int r;

	/* A user who is not known now says nothing of what lies in his home. */
	if (abandoner_of(item, o, &w, err) < 0)
		return -1;
	if (item->kind == JOURNAL_PARENT)
		r = remove_parent(w, item, o, &removed, err);
	else
		r = remove_staging(w, item, o, err);
	if (r < 0 && err_is(err, ERR_NOT_FOUND)) {
		err_clear(err);
		return 0;
	}
	return r;
}

int restore_abandon(const struct journal_item *items, size_t n,
		    const struct restore_options *options, struct err *err)
{
	/* Backwards: staging trees before the parents that were made for them. */
	for (size_t i = n; i > 0; i--)
		if (abandon_item(&items[i - 1], options, err) < 0)
			return err_wrap(err, "cannot remove what was prepared in %s",
					q(items[i - 1].parent));
	return 0;
}

/* Removes what one item has aside. */
static int clean_item(const struct journal_item *item, const struct restore_options *o,
		      struct strings *ret_removed, struct err *err)
{
	_cleanup_free_ char *path = restore_item_aside(item, err);
	struct worker *w;

	if (!path || inner_of(item, o, &w, err) < 0)
		return -1;
	if (remove_aside(w, item, o, err) < 0) {
		if (!err_is(err, ERR_NOT_FOUND))
			return err_wrap(err, "cannot remove %s", q(path));
		err_clear(err); /* its directory is gone, and it with it */
	}
	/* Entries aside in a mount point go with its staging directory. */
	return ret_removed && !strchr(item->aside, '/')
		       ? strings_add(ret_removed, path, err)
		       : 0;
}

int restore_clean(const struct journal_item *items, size_t n, bool undo,
		  const struct restore_options *options, struct strings *ret_removed,
		  struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (items[i].kind == JOURNAL_MOUNT ||
		    (items[i].kind == JOURNAL_SWAP && items[i].old_ino != 0))
			if (clean_item(&items[i], options, ret_removed, err) < 0)
				return -1;
	return undo ? restore_remove_parents(items, n, options, err) : 0;
}

/* One round over the made parents; *ret_removed tells whether one could go. */
static int remove_parents(const struct journal_item *items, size_t n,
			  const struct restore_options *options, bool *ret_removed,
			  struct err *err)
{
	*ret_removed = false;
	for (size_t i = n; i > 0; i--) {
		const struct journal_item *item = &items[i - 1];
		struct worker *w;
		bool removed = false;

		if (item->kind != JOURNAL_PARENT)
			continue;
		if (swapper_of(item, options, &w, err) < 0)
			return -1;
		if (remove_parent(w, item, options, &removed, err) < 0) {
			if (!err_is(err, ERR_NOT_FOUND))
				return -1;
			err_clear(err); /* gone with its own parent */
		}
		*ret_removed = *ret_removed || removed;
	}
	return 0;
}

int restore_remove_parents(const struct journal_item *items, size_t n,
			   const struct restore_options *options, struct err *err)
{
	bool removed;

	/* An undo has them in the other order: the outer ones go in a later round. */
	do {
		if (remove_parents(items, n, options, &removed, err) < 0)
			return -1;
	} while (removed);
	return 0;
}
