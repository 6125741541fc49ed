/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/restore.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/restore_state.h"
#include "backend/snapshot.h"
#include "backend/tree/entry.h"

#define ASIDE_RANDOM 9

void restore_plan_done(struct restore_plan *p)
{
	for (size_t i = 0; i < p->n_targets; i++) {
		swapper_place_done(&p->targets[i].place);
		free(p->targets[i].aside);
		if (p->targets[i].fd >= 0)
			sys_close_best_effort(p->targets[i].fd);
	}
	free(p->targets);
	free(p->rooms);
	strings_done(&p->parents);
	for (size_t i = 0; i < p->n_items; i++)
		journal_item_done(&p->items[i]);
	free(p->items);
	*p = (struct restore_plan){ 0 };
}

/* The name that staging and later the old tree have. */
static char *aside_name(const struct swapper_place *place, struct err *err)
{
	char random[ASIDE_RANDOM + 1];

	if (!place->is_mount)
		return restore_state_aside_name(place->name, err);
	if (fd_random_name(random, ASIDE_RANDOM, err) < 0)
		return NULL;
	return alloc_printf(err, ".~%s~", random);
}

/* Two archives of different users, which a mapping leads to one. */
static int fail_same(const struct restore_archive *a, const struct restore_archive *b,
		     const char *path, struct err *err)
{
	_cleanup_free_ char *first = NULL, *second = NULL;
	const char *x, *y;
	size_t n, m;

	x = snapshot_archive_user(a->member, &n);
	y = snapshot_archive_user(b->member, &m);
	if (!x || !y || (n == m && memcmp(x, y, n) == 0))
		return err_set(err, ERR_REFUSED,
			       "data of %s and of %s would both go to %s", q(a->app),
			       q(b->app), q(path));
	first = alloc_strndup(x, n, err);
	second = first ? alloc_strndup(y, m, err) : NULL;
	if (!second)
		return -1;
	err_set(err, ERR_REFUSED, "data of user %s and of user %s would both go to %s",
		q(first), q(second), q(path));
	return err_hint(err, "--users takes the data of one of them");
}

/* Two trees of one restore must not lie in each other on this machine. */
static int check_apart(const struct restore_plan *p, const struct restore_target *t,
		       struct err *err)
{
	for (size_t i = 0; i < p->n_targets; i++) {
		const char *other = p->targets[i].place.resolved;
		const char *mine = t->place.resolved;

		if (strcmp(mine, other) == 0)
			return fail_same(p->targets[i].archive, t->archive, mine, err);
		if (entry_path_is_below(mine + 1, other + 1) ||
		    entry_path_is_below(other + 1, mine + 1))
			return err_set(err, ERR_REFUSED, "%s and %s lie in each other",
				       q(mine), q(other));
	}
	return 0;
}

/* Resolves one target.  A system tree below a directory that is not root's is acted on by
 * that directory's owner. */
static int resolve(struct restore_target *t, const struct restore_options *o,
		   struct err *err)
{
	const struct restore_workers *ws = o->workers;
	struct worker *w;

	if (ws->swapper(ws->ctx, t->archive->user, 0, 0, o->observer, &w, err) < 0 ||
	    swapper_resolve(w, t->tree->path, t->archive->user != NULL, o->observer,
			    &t->place, err) < 0)
		return -1;
	if (t->place.mount_below)
		return err_set(err, ERR_BUSY, "%s is mounted below %s",
			       q(t->place.mount_below), q(t->place.resolved));
	if (t->place.is_mount && t->tree->is_file)
		return err_set(err, ERR_BUSY, "%s is a mount point",
			       q(t->place.resolved));
	t->aside = aside_name(&t->place, err);
	return t->aside ? 0 : -1;
}

/* Adds one target with the parents it lacks. */
static int add_target(struct restore_plan *p, const struct restore_archive *a,
		      const struct restore_tree *tree, const struct restore_options *o,
		      struct err *err)
{
	struct restore_target t = { .archive = a, .tree = tree, .fd = -1 };
	struct restore_target *grown;
	int r;

	r = resolve(&t, o, err);
	if (r < 0)
		err_wrap(err, "cannot restore %s of %s", q(tree->path), q(a->app));
	else
		r = check_apart(p, &t, err);
	for (size_t i = 0; r == 0 && i < t.place.missing.n; i++)
		if (!strings_has(&p->parents, t.place.missing.items[i]))
			r = strings_add(&p->parents, t.place.missing.items[i], err);
	grown = r == 0 ? alloc_resize(p->targets, p->n_targets + 1, sizeof(*grown), err)
		       : NULL;
	if (!grown) {
		swapper_place_done(&t.place);
		free(t.aside);
		return -1;
	}
	p->targets = grown;
	grown[p->n_targets++] = t;
	return 0;
}

/* The deepest directory that exists for a target. */
static char *existing_parent(const struct restore_target *t, struct err *err)
{
	const char *missing = t->place.missing.n ? t->place.missing.items[0] : NULL;
	size_t n;

	if (t->place.is_mount)
		return alloc_strdup(t->place.resolved, err);
	if (!missing)
		return alloc_strdup(t->place.parent, err);
	n = (size_t)(strrchr(missing, '/') - missing);
	return alloc_strndup(missing, n ? n : 1, err);
}

/* Adds an archive's needs to the file system of a target. */
static int add_room(struct restore_plan *p, const struct restore_target *t,
		    const struct restore_options *o, struct err *err)
{
	_cleanup_free_ char *path = existing_parent(t, err);
	struct restore_room *room = NULL, *grown;
	struct swapper_space space;
	struct worker *w;

	if (!path ||
	    o->workers->swapper(o->workers->ctx, t->archive->user, t->place.parent_uid,
				t->place.parent_gid, o->observer, &w, err) < 0 ||
	    swapper_space(w, path, o->observer, &space, err) < 0)
		return -1;
	for (size_t i = 0; i < p->n_rooms; i++)
		if (p->rooms[i].device == space.device)
			room = &p->rooms[i];
	if (!room) {
		grown = alloc_resize(p->rooms, p->n_rooms + 1, sizeof(*grown), err);
		if (!grown)
			return -1;
		p->rooms = grown;
		room = &grown[p->n_rooms++];
		*room = (struct restore_room){ .device = space.device,
					       .path = t->place.resolved,
					       .space = space };
	}
	room->bytes += t->archive->allocated;
	room->inodes += t->archive->entries;
	return 0;
}

/* Each archive counts where its first target lies: how its bytes are shared out
 * among trees is not known before it is unpacked, and trees of one owner nearly
 * always share a file system. */
static int plan_rooms(struct restore_plan *p, const struct restore_options *o,
		      struct err *err)
{
	for (size_t i = 0; i < p->n_targets; i++) {
		const struct restore_target *t = &p->targets[i];
		bool counted = false;

		for (size_t k = 0; k < i; k++)
			counted = counted || p->targets[k].archive == t->archive;
		if (!counted && add_room(p, t, o, err) < 0)
			return -1;
	}
	return 0;
}

/* A new item at the end; all strings are copied. */
static int add_item(struct restore_plan *p, const struct journal_item *from,
		    struct err *err)
{
	if (alloc_grow(&p->items, p->n_items, &p->cap_items, sizeof(*p->items), err) <
		    0 ||
	    journal_item_copy(from, &p->items[p->n_items], err) < 0)
		return -1;
	p->n_items++;
	return 0;
}

/* A char that is not const for a struct that owns elsewhere, and borrows here. */
static char *lend(const char *s)
{
	union {
		const char *in;
		char *out;
	} u = { .in = s };

	return u.out;
}

/* The target for whose sake a parent is made: the first that misses it. */
static const struct restore_target *wants(const struct restore_plan *p,
					  const char *parent)
{
	for (size_t i = 0; i < p->n_targets; i++)
		if (strings_has(&p->targets[i].place.missing, parent))
			return &p->targets[i];
	return NULL;
}

/* Items of the parents that will be made. */
static int add_parents(struct restore_plan *p, struct err *err)
{
	for (size_t i = 0; i < p->parents.n; i++) {
		const char *path = p->parents.items[i], *slash = strrchr(path, '/');
		const struct restore_target *t = wants(p, path);
		_cleanup_free_ char *parent = NULL;
		struct journal_item item;

		parent = alloc_strndup(path, slash > path ? (size_t)(slash - path) : 1,
				       err);
		if (!parent)
			return -1;
		journal_item_init(&item);
		item.kind = JOURNAL_PARENT;
		item.app = lend(t->archive->app);
		item.user = lend(t->archive->user);
		item.parent = parent;
		item.name = lend(slash + 1);
		item.uid = t->place.parent_uid;
		item.gid = t->place.parent_gid;
		if (add_item(p, &item, err) < 0)
			return -1;
	}
	return 0;
}

/* The item of a target: an exchange, or a staging directory inside a mount point. */
static int add_target_item(struct restore_plan *p, const struct restore_target *t,
			   struct err *err)
{
	struct journal_item item;

	journal_item_init(&item);
	item.kind = t->place.is_mount ? JOURNAL_MOUNT : JOURNAL_SWAP;
	item.app = lend(t->archive->app);
	item.user = lend(t->archive->user);
	item.tree = lend(t->tree->tree);
	item.parent = t->place.is_mount ? t->place.resolved : t->place.parent;
	item.name = t->place.is_mount ? lend("") : t->place.name;
	item.aside = t->aside;
	item.uid = t->place.parent_uid;
	item.gid = t->place.parent_gid;
	item.parent_ino = t->place.is_mount ? t->place.ino : t->place.parent_ino;
	item.old_ino = t->place.is_mount ? 0 : t->place.ino;
	return add_item(p, &item, err);
}

int restore_plan_init(const struct restore_archive *archives, size_t n,
		      const struct restore_options *options, struct restore_plan *ret,
		      struct err *err)
{
	_cleanup_(restore_plan_done) struct restore_plan p = { .archives = archives,
							       .n_archives = n };

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < archives[i].n_trees; k++)
			if (observer_check(options->observer, err) < 0 ||
			    add_target(&p, &archives[i], &archives[i].trees[k], options,
				       err) < 0)
				return -1;
	if (plan_rooms(&p, options, err) < 0 || add_parents(&p, err) < 0)
		return -1;
	for (size_t i = 0; i < p.n_targets; i++)
		if (add_target_item(&p, &p.targets[i], err) < 0)
			return -1;
	*ret = p;
	p = (struct restore_plan){ 0 };
	return 0;
}
