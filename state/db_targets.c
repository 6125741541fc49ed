/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/strings.h"
#include "state/db_internal.h"

/* Is `below` the path `above`, or something under it? */
static bool is_at_or_below(const char *below, const char *above)
{
	size_t n = strlen(above);

	if (strncmp(below, above, n) != 0)
		return false;
	return below[n] == '\0' || below[n] == '/' || (n > 0 && above[n - 1] == '/');
}

/* Do two absolute paths name the same, or does one hold the other? */
static bool paths_meet(const char *a, const char *b)
{
	return is_at_or_below(a, b) || is_at_or_below(b, a);
}

/* The absolute path of what an item exchanges, which the caller frees; NULL with
 * *ret_none for one that exchanges nothing. */
static char *item_target(const struct journal_item *item, bool *ret_none, struct err *err)
{
	*ret_none = item->kind == JOURNAL_PARENT || !item->parent ||
		    (item->kind == JOURNAL_SWAP && !item->name);
	if (*ret_none)
		return NULL;
	if (item->kind == JOURNAL_MOUNT)
		return alloc_strdup(item->parent, err);
	return alloc_printf(err, "%s/%s",
			    strcmp(item->parent, "/") == 0 ? "" : item->parent,
			    item->name);
}

/* Appends the targets of a restore. */
static int add_targets(struct db *db, uint64_t id, struct strings *targets,
		       struct err *err)
{
	_cleanup_(db_item_list_done) struct db_item_list items = { NULL, 0 };

	if (db_restore_items(db, id, &items, err) < 0)
		return -1;
	for (size_t i = 0; i < items.n; i++) {
		bool none;
		char *target = item_target(&items.items[i], &none, err);

		if (none)
			continue;
		if (!target)
			return -1;
		if (strings_take(targets, target, err) < 0) {
			free(target);
			return -1;
		}
	}
	return 0;
}

/* 1 if a restore has a target that meets one of the paths, 0 if not. */
static int stands_on(struct db *db, uint64_t id, const char *const *paths, size_t n,
		     struct err *err)
{
	_cleanup_(strings_done) struct strings targets = STRINGS_INIT;

	if (add_targets(db, id, &targets, err) < 0)
		return -1;
	for (size_t i = 0; i < targets.n; i++) {
		for (size_t k = 0; k < n; k++) {
			if (paths_meet(targets.items[i], paths[k]))
				return 1;
		}
	}
	return 0;
}

/* Are two roots (NULL: the database's own) the same? */
static bool same_root(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The restore with this id, or NULL. */
static const struct db_restore *by_id(const struct db_restore_list *list, uint64_t id)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->restores[i].id == id)
			return &list->restores[i];
	}
	return NULL;
}

/*
 * An undo of a restore that is itself later than `id` leaves what was there before that
 * one, so neither of the two is in the way of undoing `id`; an undo of such an undo is.
 */
static bool cancels_out(const struct db_restore_list *all, const struct db_restore *r,
			uint64_t id)
{
	bool undone = false;

	/* Each step leads to a smaller id, so this ends. */
	while (r->kind == DB_UNDO && r->undoes < r->id) {
		const struct db_restore *before = by_id(all, r->undoes);

		if (!before)
			return false;
		undone = !undone;
		r = before;
	}
	return undone && r->id > id;
}

/* Does this restore stand where it would be in the way of undoing `of`? */
static bool may_stand(const struct db_restore_list *all, const struct db_restore *r,
		      const struct db_restore *of)
{
	return r->id > of->id && same_root(r->root, of->root) &&
	       (r->state == JOURNAL_RESTORED || r->state == JOURNAL_SWAPPING) &&
	       r->undone_by == 0 && !cancels_out(all, r, of->id);
}

/* Hands a restore of the list over. */
static int give(struct db_restore_list *list, size_t i, struct db_restore *ret)
{
	*ret = list->restores[i];
	db_restore_init(&list->restores[i]);
	return 1;
}

int db_restore_obstacle(struct db *db, uint64_t id, struct db_restore *ret,
			struct err *err)
{
	_cleanup_(db_restore_list_done) struct db_restore_list all = { NULL, 0 };
	_cleanup_(strings_done) struct strings targets = STRINGS_INIT;
	const struct db_restore *of;

	if (db_restores(db, &all, err) < 0)
		return -1;
	of = by_id(&all, id);
	if (!of)
		return db_no_such_restore(id, err);
	if (add_targets(db, id, &targets, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		int r;

		if (!may_stand(&all, &all.restores[i], of))
			continue;
		r = stands_on(db, all.restores[i].id, (const char *const *)targets.items,
			      targets.n, err);
		if (r != 0)
			return r < 0 ? -1 : give(&all, i, ret);
	}
	return 0;
}

int db_restore_pending(struct db *db, const char *root, const char *const *paths,
		       size_t n, uint64_t except, struct db_restore *ret, struct err *err)
{
	_cleanup_(db_restore_list_done) struct db_restore_list all = { NULL, 0 };

	if (db_restores_unfinished(db, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct db_restore *r = &all.restores[i];
		int stands;

		if (r->id == except || !same_root(r->root, root))
			continue;
		stands = stands_on(db, r->id, paths, n, err);
		if (stands != 0)
			return stands < 0 ? -1 : give(&all, i, ret);
	}
	return 0;
}
