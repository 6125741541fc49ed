/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/sets.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "state/session_internal.h"
#include "state/sets_internal.h"

void set_snapshot_done(struct set_snapshot *s)
{
	free(s->file);
	snapshot_free(s->meta);
	free(s->broken);
	*s = (struct set_snapshot){ 0 };
}

void set_done(struct set *set)
{
	for (size_t i = 0; i < set->n; i++)
		set_snapshot_done(&set->snapshots[i]);
	free(set->snapshots);
	free(set->name);
	free(set->note);
	free(set->reason);
	*set = (struct set){ 0 };
}

void sets_list_done(struct set_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		set_done(&list->sets[i]);
	free(list->sets);
	*list = (struct set_list){ 0 };
}

const struct set_snapshot *set_find(const struct set *set, const char *app)
{
	for (size_t i = 0; i < set->n; i++)
		if (strcmp(set->snapshots[i].meta->snap, app) == 0)
			return &set->snapshots[i];
	return NULL;
}

/* ---- Sets of files ---- */

static int add_snapshot(struct set *set, struct set_snapshot *from, struct err *err)
{
	struct set_snapshot *grown =
		alloc_resize(set->snapshots, set->n + 1, sizeof(*grown), err);

	if (!grown) {
		set_snapshot_done(from);
		return -1;
	}
	set->snapshots = grown;
	grown[set->n++] = *from;
	return 0;
}

/* qsort: by app, then file name. */
static int by_app(const void *a, const void *b)
{
	const struct set_snapshot *x = a, *y = b;
	int r = strcmp(x->meta->snap, y->meta->snap);

	return r ? r : strcmp(x->file, y->file);
}

/* A file that the database knows and the store has no more. */
static int add_missing(struct set *set, const struct db_file *f, struct err *err)
{
	struct set_snapshot r = { .missing = true };

	for (size_t i = 0; i < set->n; i++)
		if (strcmp(set->snapshots[i].file, f->name) == 0)
			return 0;
	if (sets_put_string(&r.file, f->name, strlen(f->name), err) < 0 ||
	    sets_guess_meta(f->name, &r.meta, err) < 0 ||
	    (f->app && sets_put_string(&r.meta->snap, f->app, strlen(f->app), err) < 0)) {
		set_snapshot_done(&r);
		return -1;
	}
	r.meta->set = set->id;
	r.broken_kind = ERR_CORRUPT;
	r.broken = alloc_strdup("the file is gone", err);
	if (!r.broken) {
		set_snapshot_done(&r);
		return -1;
	}
	return add_snapshot(set, &r, err);
}

/* What the database says; without a row, what the zips say. */
static int describe(const struct session *s, struct set *set, const struct db_set *row,
		    struct err *err)
{
	const struct snapshot *first = set->n ? set->snapshots[0].meta : NULL;
	const char *name = row ? row->name : first ? first->name : NULL;
	const char *note = row ? row->note : first ? first->note : NULL;
	const char *reason = row ? row->reason : first ? first->reason : NULL;

	if ((name && sets_put_string(&set->name, name, strlen(name), err) < 0) ||
	    (note && sets_put_string(&set->note, note, strlen(note), err) < 0) ||
	    (reason && sets_put_string(&set->reason, reason, strlen(reason), err) < 0))
		return -1;
	set->origin = db_set_origin_name(row ? row->origin : DB_SET_FOUND);
	set->automatic =
		row ? row->automatic : first && (first->own_auto || first->automatic);
	set->pinned = row && row->pinned;
	set->expires = row && s->config.automatic_retention >= 0 ? row->expires : 0;
	if (row && row->created > 0)
		set->time = (struct stamp){ .sec = row->created };
	for (size_t i = 0; row && i < row->n_files; i++)
		if (row->files[i].state == DB_FILE_PRESENT &&
		    add_missing(set, &row->files[i], err) < 0)
			return -1;
	return 0;
}

static bool is_before(const struct stamp *a, const struct stamp *b)
{
	return a->sec < b->sec || (a->sec == b->sec && a->nsec < b->nsec);
}

/* Order, sums and the content hash. */
static int complete(struct sets_reading *reading, struct set *set, struct err *err)
{
	bool broken = set->n == 0;
	bool timed = false;

	qsort(set->snapshots, set->n, sizeof(*set->snapshots), by_app);
	for (size_t i = 0; i < set->n; i++) {
		const struct snapshot *m = set->snapshots[i].meta;

		broken = broken || set->snapshots[i].broken;
		set->size += m->size;
		if (set->snapshots[i].missing ||
		    (m->time.sec == 0 && set->snapshots[i].broken))
			continue;
		if (!timed || is_before(&m->time, &set->time))
			set->time = m->time;
		timed = true;
	}
	return broken ? 0 : sets_hash(reading, set, err);
}

/* The set of n files. */
static int read_set(struct sets_reading *reading, const struct store_file *files,
		    size_t n, const struct db_set *row, struct set *ret, struct err *err)
{
	struct set set = { .id = row ? row->id : files[0].set, .time = STAMP_ZERO };

	set.snapshots = alloc_zero(n, sizeof(*set.snapshots), err);
	if (!set.snapshots)
		return -1;
	for (; set.n < n; set.n++)
		if (sets_read_file(reading, &files[set.n], &set.snapshots[set.n], err) <
		    0)
			goto fail;
	if (describe(reading->session, &set, row, err) < 0 ||
	    complete(reading, &set, err) < 0)
		goto fail;
	*ret = set;
	return 0;
fail:
	set_done(&set);
	return -1;
}

/* Receives a finished set, which stays the caller's; 1 stops. */
typedef int (*set_receiver)(void *ctx, struct set *set, struct err *err);

struct listing {
	struct sets_reading reading;
	struct store_list files;
	struct db_set_list rows;
	set_receiver receive;
	void *ctx;
};

/* A set that is being made or forgotten is not shown. */
static bool is_shown(const struct db_set *row)
{
	return !row || row->state == DB_SET_COMPLETE || row->state == DB_SET_FORGETTING;
}

/* Files that are on their way out are hidden. */
static size_t drop_going(struct store_file *files, size_t n, const struct db_set *row)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		bool going = false;

		for (size_t k = 0; row && k < row->n_files; k++)
			going = going || (row->files[k].state == DB_FILE_GOING &&
					  strcmp(row->files[k].name, files[i].name) == 0);
		if (!going) {
			struct store_file f = files[kept];

			files[kept++] = files[i];
			files[i] = f;
		}
	}
	return kept;
}

/* Is anything on record that is to stay? */
static bool has_present(const struct db_set *row)
{
	for (size_t i = 0; i < row->n_files; i++)
		if (row->files[i].state == DB_FILE_PRESENT)
			return true;
	return false;
}

/* Hands on the set of `n` files and a row, of which one may be missing. */
static int add_set(struct listing *l, struct store_file *files, size_t n,
		   const struct db_set *row, struct err *err)
{
	struct set set;
	int r;

	if (!is_shown(row))
		return 0;
	n = drop_going(files, n, row);
	if (n == 0 && (!row || (row->state == DB_SET_FORGETTING && !has_present(row))))
		return 0;
	if (read_set(&l->reading, files, n, row, &set, err) < 0)
		return -1;
	r = l->receive(l->ctx, &set, err);
	set_done(&set);
	return r;
}

/* True where the number has a marker: its set is not complete. */
static bool is_incomplete(const struct store_list *files, uint64_t id)
{
	for (size_t i = 0; i < files->n_incomplete; i++)
		if (files->incomplete[i] == id)
			return true;
	return false;
}

/* Merges files and rows, both in order of their numbers. */
static int merge(struct listing *l, struct err *err)
{
	size_t f = 0, r = 0;

	while (f < l->files.n || r < l->rows.n) {
		const struct db_set *row = r < l->rows.n ? &l->rows.sets[r] : NULL;
		uint64_t id = f < l->files.n ? l->files.files[f].set : UINT64_MAX;
		size_t n = 0;

		if (row && row->id < id)
			id = row->id;
		while (f + n < l->files.n && l->files.files[f + n].set == id)
			n++;
		if (row && row->id == id)
			r++;
		else
			row = NULL;
		if (observer_check(l->reading.session->observer, err) < 0)
			return -1;
		/* Complete in the database, though the marker is not removed yet: shown
		 * when its files are; the store leaves them out of its list. */
		if (!(n == 0 && is_incomplete(&l->files, id))) {
			int result = add_set(l, l->files.files + f, n, row, err);

			if (result != 0)
				return result < 0 ? -1 : 0;
		}
		f += n;
	}
	return 0;
}

void sets_mention_system_store(struct session *s)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	struct places_dir dir = { 0 };
	_cleanup_close_ int fd = -1;

	if (s->places.system || s->is_root || s->places.store_given || s->places.foreign)
		return;
	if (places_system_store(&s->places, &dir, &ignored) < 0)
		return;
	fd = places_open(&s->places, &dir, &ignored);
	if (fd < 0 && err_is(&ignored, ERR_DENIED))
		observer_note(s->observer, NULL,
			      "the system's snapshots in %s are readable by root only%s",
			      q(dir.path),
			      s->places.other_root ? "" : ": sudo setaside saved");
	places_dir_done(&dir);
}

/* What there is: of all sets, or of one. */
static int look(struct listing *l, uint64_t only, struct err *err)
{
	struct session *s = l->reading.session;
	bool with_db = s->db && !s->places.foreign;

	/* Without a store there are no files. */
	if (s->store && (only == 0 ? store_list(s->store, &l->files, err)
				   : store_list_set(s->store, only, &l->files, err)) < 0)
		return -1;
	if (only == 0)
		return with_db ? db_sets(s->db, &l->rows, err) : 0;
	return with_db ? db_set_list_one(s->db, only, &l->rows, err) : 0;
}

static void listing_done(struct listing *l)
{
	sets_reading_done(&l->reading);
	store_list_done(&l->files);
	db_set_list_done(&l->rows);
}

/* Hands on all sets, or one.  `at_once`: the receiver leaves the database alone, so that
 * all is read in one transaction, which is much faster. */
static int list(struct session *s, uint64_t only, bool at_once, set_receiver receive,
		void *ctx, struct err *err)
{
	_cleanup_(listing_done) struct listing l = { .reading = { .session = s },
						     .receive = receive,
						     .ctx = ctx };
	int r;

	if (!s->store && !s->db)
		return 0; /* no snapshots were ever made here */
	if (s->db && at_once)
		db_read_begin_best_effort(s->db);
	r = look(&l, only, err);
	if (r == 0)
		r = merge(&l, err);
	if (s->db && at_once)
		db_read_end(s->db);
	sets_reading_flush(&l.reading);
	if (r == 0 && only == 0 && s->db && !s->places.foreign)
		db_cache_prune_best_effort(s->db, &l.files);
	return r;
}

struct collecting {
	struct set_list out;
	size_t cap;
};

/* set_receiver: keeps the set. */
static int collect(void *ctx, struct set *set, struct err *err)
{
	struct collecting *c = ctx;

	if (alloc_grow(&c->out.sets, c->out.n, &c->cap, sizeof(*c->out.sets), err) < 0)
		return -1;
	c->out.sets[c->out.n++] = *set;
	*set = (struct set){ 0 };
	return 0;
}

int sets_list(struct session *s, struct set_list *ret, struct err *err)
{
	struct collecting c = { 0 };

	if (list(s, 0, true, collect, &c, err) < 0) {
		sets_list_done(&c.out);
		return -1;
	}
	*ret = c.out;
	return 0;
}

int sets_get(struct session *s, uint64_t id, struct set *ret, struct err *err)
{
	struct collecting c = { 0 };

	if (list(s, id, true, collect, &c, err) < 0) {
		sets_list_done(&c.out);
		return -1;
	}
	if (c.out.n == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no set %llu",
			       (unsigned long long)id);
	*ret = c.out.sets[0];
	free(c.out.sets);
	return 0;
}

struct each_set {
	int (*each)(void *ctx, const struct set *set, struct err *err);
	void *ctx;
};

/* set_receiver: one call. */
static int tell_set(void *ctx, struct set *set, struct err *err)
{
	const struct each_set *e = ctx;

	return e->each(e->ctx, set, err);
}

int sets_pass(struct session *s,
	      int (*each)(void *ctx, const struct set *set, struct err *err), void *ctx,
	      struct err *err)
{
	struct each_set e = { each, ctx };

	return list(s, 0, true, tell_set, &e, err);
}

struct each_snapshot {
	int (*each)(void *ctx, const struct set *set, const struct set_snapshot *snapshot,
		    struct err *err);
	void *ctx;
};

/* set_receiver: one call for each snapshot. */
static int tell_snapshots(void *ctx, struct set *set, struct err *err)
{
	const struct each_snapshot *e = ctx;
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->n; i++)
		r = e->each(e->ctx, set, &set->snapshots[i], err);
	return r;
}

int sets_each(struct session *s,
	      int (*each)(void *ctx, const struct set *set,
			  const struct set_snapshot *snapshot, struct err *err),
	      void *ctx, struct err *err)
{
	struct each_snapshot e = { each, ctx };

	return list(s, 0, false, tell_snapshots, &e, err);
}

int sets_open_file(struct session *s, const char *file, uint64_t set,
		   struct set_snapshot *ret, struct err *err)
{
	_cleanup_(sets_reading_done) struct sets_reading reading = { .session = s };
	const struct store_file *found = NULL;
	struct store_list files;
	int r = -1;

	if (!s->store || store_name_set(file) == 0)
		return err_set(err, ERR_NOT_FOUND, "%s is not a snapshot of this store",
			       q(file));
	if (store_list_set(s->store, store_name_set(file), &files, err) < 0)
		return -1;
	for (size_t i = 0; i < files.n; i++)
		if (strcmp(files.files[i].name, file) == 0)
			found = &files.files[i];
	if (!found)
		err_set(err, ERR_NOT_FOUND, "there is no snapshot %s", q(file));
	else
		r = sets_read_file(&reading, found, ret, err);
	sets_reading_flush(&reading);
	store_list_done(&files);
	if (r == 0 && set != 0)
		ret->meta->set = set;
	return r;
}

int sets_last_number(struct session *s, uint64_t *ret, struct err *err)
{
	uint64_t found = 0, given = 0;

	if (s->store && store_highest(s->store, &found, err) < 0)
		return -1;
	if (s->db && !s->places.foreign && db_number_last(s->db, &given, err) < 0)
		return -1;
	*ret = found > given ? found : given;
	return 0;
}
