/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/restore.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/restore_attrs.h"
#include "backend/worker/reader.h"
#include "backend/worker/unpacker.h"

#define PIPE_SIZE (1 << 20)
/* Parents that a restore has to make: a person's are private, the system's are not. */
#define USER_PARENT_MODE   0700
#define SYSTEM_PARENT_MODE 0755

/* ---- Staging ---- */

static int swapper_of(const struct restore_target *t, const struct restore_options *o,
		      struct worker **ret, struct err *err)
{
	return o->workers->swapper(o->workers->ctx, t->archive->user, t->place.parent_uid,
				   t->place.parent_gid, o->observer, ret, err);
}

/* The one for what lies within the tree. */
static int inner_of(const struct restore_target *t, const struct restore_options *o,
		    struct worker **ret, struct err *err)
{
	return restore_inner_swapper(o->workers, t->archive->user, t->place.parent_uid,
				     t->place.parent_gid, o->observer, ret, err);
}

/* The plan's own item of a target: they come after the parents, in the same order. */
static struct journal_item *item_of(struct restore_plan *p, size_t target)
{
	return &p->items[p->parents.n + target];
}

/* Parents, outermost first. */
static int make_parents(struct restore_plan *p, const struct restore_options *o,
			struct err *err)
{
	for (size_t i = 0; i < p->parents.n; i++) {
		const struct journal_item *item = &p->items[i];
		struct worker *w;

		if (restore_item_swapper(o->workers, item, o->observer, &w, err) < 0 ||
		    swapper_make_parent(w, p->parents.items[i],
					item->user ? USER_PARENT_MODE
						   : SYSTEM_PARENT_MODE,
					o->observer, err) < 0)
			return err_wrap(err, "cannot make the directory %s",
					q(p->parents.items[i]));
	}
	return 0;
}

/* The empty tree beside (or inside) each target. */
static int stage(struct restore_plan *p, const struct restore_options *o, struct err *err)
{
	for (size_t i = 0; i < p->n_targets; i++) {
		struct restore_target *t = &p->targets[i];
		struct journal_item *item = item_of(p, i);
		struct worker *w;

		if (observer_check(o->observer, err) < 0 || swapper_of(t, o, &w, err) < 0)
			return -1;
		/* What is made inside it changes its time. */
		if (item->kind == JOURNAL_MOUNT &&
		    swapper_read_attrs(w, item, o->observer, &item->attrs,
				       &item->attrs_size, err) < 0)
			return -1;
		if (swapper_stage(w, item->parent, &item->parent_ino, item->aside,
				  t->tree->is_file, o->observer, &t->fd, &t->ino,
				  err) < 0)
			return err_wrap(err, "cannot prepare %s", q(t->place.resolved));
		if (item->kind == JOURNAL_SWAP)
			item->new_ino = t->ino;
	}
	return 0;
}

/* ---- Unpacking ---- */

struct unpacking {
	const struct restore_archive *archive;
	struct apply_target *targets;
	size_t *index; /* of each in the plan */
	bool *found;
	size_t n;
};

static void unpacking_done(struct unpacking *u)
{
	free(u->targets);
	free(u->index);
	free(u->found);
}

/* The staging trees of one archive. */
static int gather(const struct restore_plan *p, struct unpacking *u, struct err *err)
{
	u->targets = alloc_zero(p->n_targets + 1, sizeof(*u->targets), err);
	u->index =
		u->targets ? alloc_zero(p->n_targets + 1, sizeof(*u->index), err) : NULL;
	u->found = u->index ? alloc_zero(p->n_targets + 1, sizeof(*u->found), err) : NULL;
	if (!u->found)
		return -1;
	for (size_t i = 0; i < p->n_targets; i++) {
		if (p->targets[i].archive != u->archive)
			continue;
		u->targets[u->n] =
			(struct apply_target){ .path = p->targets[i].tree->tree,
					       .fd = p->targets[i].fd,
					       .is_file = p->targets[i].tree->is_file };
		u->index[u->n++] = i;
	}
	return 0;
}

/* A pipe whose ends the caller closes. */
static int make_pipe(int *ret_read, int *ret_write, struct err *err)
{
	int fds[2];

	if (sys_pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(err, "cannot make a pipe");
	(void)sys_fcntl_setpipe(fds[0], PIPE_SIZE); /* a smaller one will do */
	*ret_read = fds[0];
	*ret_write = fds[1];
	return 0;
}

/* Starts all processes of one archive; their ends of the pipes are
 * theirs alone afterwards. */
static int start(const struct restore_archive *a, struct worker *unpacker,
		 struct worker *applier, const struct unpacker_request *r,
		 const struct restore_options *o, struct meter *meter, struct err *err)
{
	_cleanup_close_ int zip_out = -1, zip_in = -1, entries_out = -1, entries_in = -1;

	if (make_pipe(&zip_out, &zip_in, err) < 0)
		return -1;
	if (applier && (make_pipe(&entries_out, &entries_in, err) < 0 ||
			applier_begin(applier, entries_out, r, o->observer, err) < 0))
		return -1;
	if (unpacker_begin(unpacker, zip_out, entries_in, r, o->observer, err) < 0)
		return -1;
	return reader_stream_begin(a->reader, a->handle, a->member, zip_in, meter, err);
}

/* One archive: reader -> unpacker (-> applier). All three must end well. */
static int unpack_archive(struct restore_plan *p, const struct restore_archive *a,
			  const struct restore_options *o, struct meter *meter,
			  struct err *err)
{
	_cleanup_(unpacking_done) struct unpacking u = { .archive = a };
	struct worker *workers[3] = { a->reader, NULL, NULL };
	struct unpacker_request r = { .revision = a->revision,
				      .flags = a->flags,
				      .report = o->report };
	struct unpack_counts counts;
	struct worker *maker;

	if (gather(p, &u, err) < 0)
		return -1;
	r.targets = u.targets;
	r.n_targets = u.n;
	if (o->workers->unpacker(o->workers->ctx, a->user, o->observer, &workers[1],
				 &workers[2], err) < 0 ||
	    start(a, workers[1], workers[2], &r, o, meter, err) < 0 ||
	    worker_wait(workers, 3, o->observer, err) < 0)
		return -1;
	maker = workers[2] ? workers[2] : workers[1];
	if (unpacker_result(maker, &counts, err) < 0 ||
	    unpacker_found(maker, u.found, u.n, err) < 0)
		return -1;
	for (size_t i = 0; i < u.n; i++)
		p->targets[u.index[i]].found = u.found[i];
	return 0;
}

/* Where the trees of an archive go, each directory once. */
static int list_parents(const struct restore_plan *p, const struct restore_archive *a,
			struct buf *ret, struct err *err)
{
	_cleanup_(strings_done) struct strings parents = STRINGS_INIT;

	for (size_t i = 0; i < p->n_targets; i++) {
		const struct swapper_place *place = &p->targets[i].place;
		const char *dir = place->is_mount ? place->resolved : place->parent;

		if (p->targets[i].archive != a || strings_has(&parents, dir))
			continue;
		if (buf_printf(ret, err, "%s%s", parents.n ? ", " : "", q(dir)) < 0 ||
		    strings_add(&parents, dir, err) < 0)
			return -1;
	}
	return 0;
}

/* A full disk is told by where it lies; what else is wrong, by the archive alone. */
static int cannot_unpack(const struct restore_plan *p, const struct restore_archive *a,
			 struct err *err)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	_cleanup_(buf_done) struct buf where = BUF_INIT;

	if (err_is(err, ERR_NO_SPACE) && list_parents(p, a, &where, &ignored) == 0 &&
	    where.data)
		return err_wrap(err, "cannot unpack %s of %s in %s", q(a->member),
				q(a->app), where.data);
	return err_wrap(err, "cannot unpack %s of %s", q(a->member), q(a->app));
}

/* All archives of all apps. */
static int unpack(struct restore_plan *p, const struct restore_options *o,
		  struct err *err)
{
	struct meter meter;
	uint64_t total = 0;

	for (size_t i = 0; i < p->n_archives; i++)
		total = meter_add(total, p->archives[i].size);
	meter_init(&meter, o->observer, total);
	for (size_t i = 0; i < p->n_archives; i++) {
		const struct restore_archive *a = &p->archives[i];

		/* The reader is ahead of those who unpack by no more
		 * than what pipes hold. */
		meter_part(&meter, a->app, a->user, a->size);
		if (unpack_archive(p, a, o, &meter, err) < 0)
			return cannot_unpack(p, a, err);
	}
	meter_end(&meter);
	for (size_t i = 0; i < p->n_targets; i++) {
		struct restore_target *t = &p->targets[i];

		/* The staging's descriptor keeps its file system
		 * busy; its work is done. */
		sys_close_best_effort(TAKE_FD(t->fd));
		if (!t->found && !t->tree->optional)
			return err_set(err, ERR_CORRUPT, "%s of %s does not hold %s",
				       q(t->archive->member), q(t->archive->app),
				       q(t->tree->tree));
	}
	return 0;
}

/* ---- What is carried over, and mount points ---- */

/* Excluded and skipped files of one target. */
static int carry(const struct restore_target *t, const struct journal_item *item,
		 const struct restore_options *o, struct err *err)
{
	struct swapper_rules rules = { .patterns = t->tree->patterns,
				       .snapd = t->archive->snapd,
				       .paths = t->archive->paths,
				       .revision = t->archive->revision,
				       .user = t->archive->user != NULL };
	struct worker *w;

	if (!t->place.exists || t->tree->is_file)
		return 0;
	if (inner_of(t, o, &w, err) < 0 ||
	    swapper_carry(w, item, &rules, o->force ? CARRY_FORCE : 0, o->carried,
			  o->observer, err) < 0)
		return err_wrap(err, "cannot carry over what is excluded in %s",
				q(t->place.resolved));
	return 0;
}

/* Entries of a mount point become items of their own. */
struct expanding {
	struct restore_plan *plan;
	const struct journal_item *mount;
	const char *tree;
	const struct strings *leave_out;
	bool aside;
};

/* The item of that name in the mount point, made if it is new. */
static struct journal_item *entry_item(struct expanding *x, const char *name,
				       struct err *err)
{
	struct restore_plan *p = x->plan;
	struct journal_item *item;

	for (size_t i = 0; i < p->n_items; i++)
		if (p->items[i].kind == JOURNAL_SWAP &&
		    strcmp(p->items[i].parent, x->mount->parent) == 0 &&
		    strcmp(p->items[i].name, name) == 0)
			return &p->items[i];
	if (alloc_grow(&p->items, p->n_items, &p->cap_items, sizeof(*p->items), err) < 0)
		return NULL;
	item = &p->items[p->n_items];
	if (journal_item_copy(x->mount, item, err) < 0)
		return NULL;
	item->kind = JOURNAL_SWAP;
	free(item->name);
	free(item->aside);
	free(item->tree);
	free(item->attrs);
	item->attrs = NULL;
	item->attrs_size = 0;
	item->name = alloc_strdup(name, err);
	item->aside = alloc_printf(err, "%s/%s", x->mount->aside, name);
	item->tree = alloc_printf(err, "%s/%s", x->tree, name);
	/* One without its names would be in the way of going back. */
	if (!item->name || !item->aside || !item->tree) {
		journal_item_done(item);
		return NULL;
	}
	p->n_items++;
	return item;
}

/* swapper_list's receiver */
static int take_entry(void *ctx, const char *name, uint64_t ino, struct err *err)
{
	struct expanding *x = ctx;
	struct journal_item *item;

	/* What rests here of other restores stays where they will look for it. */
	if (!x->aside && x->leave_out && strings_has(x->leave_out, name))
		return 0;
	item = entry_item(x, name, err);
	if (!item)
		return -1;
	if (x->aside)
		item->new_ino = ino;
	else
		item->old_ino = ino;
	return 0;
}

/* Attributes of the mount point before, as stage() found them, and
 * after: for the journal. */
static int read_attrs(struct worker *w, struct journal_item *mount,
		      const struct restore_options *o, struct err *err)
{
	_cleanup_free_ void *before = TAKE_PTR(mount->attrs), *after = NULL;
	_cleanup_free_ char *staging = restore_item_aside(mount, err);
	struct journal_item inside = *mount;
	size_t n_before = mount->attrs_size, n_after;

	mount->attrs_size = 0;
	if (!staging)
		return -1;
	inside.parent = staging;
	inside.parent_ino = 0;
	if (swapper_read_attrs(w, &inside, o->observer, &after, &n_after, err) < 0)
		return -1;
	return restore_attrs_join(before, n_before, after, n_after, &mount->attrs,
				  &mount->attrs_size, err);
}

/* A mount point's top-level entries, live and new. */
static int expand_mount(struct restore_plan *p, size_t target,
			const struct restore_options *o, struct err *err)
{
	struct journal_item mount;
	struct expanding x = { .plan = p,
			       .mount = &mount,
			       .tree = p->targets[target].tree->tree,
			       .leave_out = o->leave_out };
	struct worker *w;
	int r;

	if (swapper_of(&p->targets[target], o, &w, err) < 0 ||
	    read_attrs(w, item_of(p, target), o, err) < 0 ||
	    journal_item_copy(item_of(p, target), &mount, err) < 0)
		return -1;
	r = swapper_list(w, &mount, false, take_entry, &x, o->observer, err);
	x.aside = true;
	if (r == 0)
		r = swapper_list(w, &mount, true, take_entry, &x, o->observer, err);
	journal_item_done(&mount);
	return r;
}

/* A tree that the archive turned out not to hold: what is live stays, and is named. */
static int drop_target(struct restore_plan *p, size_t target,
		       const struct restore_options *o, struct err *err)
{
	const struct restore_target *t = &p->targets[target];
	struct journal_item *item = item_of(p, target);
	struct worker *w;

	if (t->place.exists)
		observer_note(o->observer, t->archive->app,
			      "%s stays as it is: the snapshot does not hold it",
			      q(t->place.resolved));

	if (inner_of(&p->targets[target], o, &w, err) < 0 ||
	    swapper_remove(w, item, o->observer, err) < 0)
		return -1;
	/* An item without inodes is nothing to do. */
	item->kind = JOURNAL_SWAP;
	item->old_ino = item->new_ino = 0;
	return 0;
}

/* Everything after unpacking and before the commit point. */
static int complete(struct restore_plan *p, const struct restore_options *o,
		    struct err *err)
{
	struct worker *w;

	for (size_t i = 0; i < p->n_targets; i++) {
		struct restore_target *t = &p->targets[i];

		if (observer_check(o->observer, err) < 0)
			return -1;
		if (!t->found) {
			if (drop_target(p, i, o, err) < 0)
				return -1;
			continue;
		}
		if (carry(t, item_of(p, i), o, err) < 0 ||
		    (t->place.is_mount && expand_mount(p, i, o, err) < 0))
			return -1;
	}
	/* One syncfs a file system would do; a target more than that costs nothing. */
	for (size_t i = 0; i < p->n_targets; i++)
		if (swapper_of(&p->targets[i], o, &w, err) < 0 ||
		    swapper_sync(w, item_of(p, i)->parent, o->observer, err) < 0)
			return -1;
	return 0;
}

int restore_prepare(struct restore_plan *p, const struct journal *journal,
		    const struct restore_options *options, struct err *err)
{
	if (journal->put(journal->ctx, p->items, p->n_items, JOURNAL_PREPARING, err) <
		    0 ||
	    make_parents(p, options, err) < 0 || stage(p, options, err) < 0 ||
	    journal->put(journal->ctx, p->items, p->n_items, JOURNAL_PREPARING, err) <
		    0 ||
	    unpack(p, options, err) < 0)
		return -1;
	return complete(p, options, err);
}

/* All that will be exchanged is what the plan found: programs replace their files, and a
 * swap that is known to fail need not begin. */
static int check_targets(const struct restore_plan *p, const struct restore_options *o,
			 struct err *err)
{
	for (size_t i = 0; i < p->n_items; i++) {
		const struct journal_item *item = &p->items[i];
		uint64_t live, aside;
		struct worker *w;

		if (item->kind != JOURNAL_SWAP ||
		    (item->old_ino == 0 && item->new_ino == 0))
			continue;
		if (restore_item_swapper(o->workers, item, o->observer, &w, err) < 0 ||
		    swapper_look(w, item, o->observer, &live, &aside, err) < 0)
			return -1;
		if (live != item->old_ino || aside != item->new_ino)
			return err_set(err, ERR_CHANGED,
				       "%s in %s was replaced meanwhile", q(item->name),
				       q(item->parent));
	}
	return 0;
}

int restore_commit(struct restore_plan *p, const struct journal *journal,
		   const struct restore_options *options, bool *ret_committed,
		   struct err *err)
{
	_cleanup_(err_clear) struct err why = ERR_INIT;

	*ret_committed = false;
	if (check_targets(p, options, err) < 0 ||
	    observer_check(options->observer, err) < 0 ||
	    journal->put(journal->ctx, p->items, p->n_items, JOURNAL_SWAPPING, err) < 0)
		return -1;
	*ret_committed = true;
	if (restore_forward(p->items, p->n_items, options, &why) == 0) {
		if (journal->advance(journal->ctx, JOURNAL_RESTORED, &why) < 0)
			observer_warn(options->observer, NULL,
				      "the next run closes the restore: %s",
				      err_message(&why));
		return 0;
	}
	/* One could not: all go back, and then nothing of it has happened. */
	if (restore_backward(p->items, p->n_items, options, err) < 0 ||
	    journal->advance(journal->ctx, JOURNAL_PREPARING, err) < 0)
		return err_wrap(err, "%s", err_message(&why));
	*ret_committed = false;
	return err_move(err, &why);
}
