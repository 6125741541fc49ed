/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/sets.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/worker/reader.h"
#include "state/session_internal.h"

#define NAME_MAX_LENGTH 64
#define NOTE_MAX_LENGTH 1000
#define HASH_PREFIX_MIN 3

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

/* ---- What a file says ---- */

/* Replaces an optional string by a copy. */
static int put(char **to, const char *from, size_t n, struct err *err)
{
	char *copied = alloc_strndup(from, n, err);

	if (!copied)
		return -1;
	free(*to);
	*to = copied;
	return 0;
}

/* Of a file that says nothing: what its name says. */
static int guess_meta(const char *file, struct snapshot **ret, struct err *err)
{
	_cleanup_(snapshot_freep) struct snapshot *m = NULL;
	const char *app = strchr(file, '_');
	size_t n;

	if (snapshot_new(&m, err) < 0)
		return -1;
	app = app ? app + 1 : file;
	n = strcspn(app, "_");
	if (app[n] == '\0' && n > 4)
		n -= 4; /* no second part: all but ".zip" */
	if (put(&m->snap, app, n, err) < 0 || put(&m->revision, "", 0, err) < 0 ||
	    put(&m->summary, "", 0, err) < 0 || put(&m->version, "", 0, err) < 0)
		return -1;
	*ret = TAKE_PTR(m);
	return 0;
}

/* From the cache: true where it knew. */
static bool remembered(struct session *s, const struct store_file *f, struct set_snapshot *ret)
{
	_cleanup_(buf_done) struct buf meta = BUF_INIT;
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	_cleanup_(snapshot_freep) struct snapshot *m = NULL;
	char *broken = NULL;

	if (!s->db || !db_cache_get(s->db, f, &meta, &broken))
		return false;
	if (broken) {
		ret->broken = broken;
		ret->broken_kind = ERR_CORRUPT;
		return true;
	}
	/* A cache that does not fit is no cache. */
	if (snapshot_new(&m, &ignored) < 0 ||
	    snapshot_unpack(meta.data, meta.len, m, &ignored) < 0)
		return false;
	ret->meta = TAKE_PTR(m);
	return true;
}

/* For the next time. */
static void remember(struct session *s, const struct store_file *f, const struct snapshot *m,
		     const char *broken)
{
	_cleanup_(buf_done) struct buf packed = BUF_INIT;
	_cleanup_(err_clear) struct err ignored = ERR_INIT;

	if (!s->db)
		return;
	if (broken)
		db_cache_put_best_effort(s->db, f, NULL, 0, broken);
	else if (snapshot_pack(m, &packed, &ignored) == 0)
		db_cache_put_best_effort(s->db, f, packed.data, packed.len, NULL);
}

bool set_snapshot_is_damaged(const struct set_snapshot *snapshot)
{
	return snapshot->broken && (snapshot->broken_kind == ERR_CORRUPT ||
				    snapshot->broken_kind == ERR_UNSUPPORTED);
}

/* Through the reader. What is wrong with the file is what it says; -1 is our own failure. */
static int ask_reader(struct session *s, const struct store_file *f, struct set_snapshot *ret,
		      struct err *err)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	_cleanup_close_ int fd = -1;
	struct worker *reader;
	uint64_t handle = 0;

	fd = store_open_file(s->store, f->name, &problem);
	if (fd >= 0) {
		if (session_reader(s, &reader, err) < 0 ||
		    reader_open(reader, fd, s->observer, &ret->meta, &handle, &problem, err) < 0)
			return -1;
		if (handle != 0 && reader_close(reader, handle, err) < 0)
			return -1;
	}
	if (err_is(&problem, ERR_NOMEM) || err_is(&problem, ERR_INTERRUPTED))
		return err_move(err, &problem);
	if (problem.kind != ERR_NONE) {
		ret->broken = alloc_strdup(err_message(&problem), err);
		if (!ret->broken)
			return -1;
		ret->broken_kind = problem.kind;
	}
	/* A file that could not be read may be readable tomorrow, unchanged. */
	if (!ret->broken || set_snapshot_is_damaged(ret))
		remember(s, f, ret->meta, ret->broken);
	return 0;
}

/* One file of the store. */
static int read_file(struct session *s, const struct store_file *f, struct set_snapshot *ret,
		     struct err *err)
{
	struct set_snapshot r = { 0 };

	if (put(&r.file, f->name, strlen(f->name), err) < 0)
		goto fail;
	if (!remembered(s, f, &r) && ask_reader(s, f, &r, err) < 0)
		goto fail;
	if (!r.meta && guess_meta(f->name, &r.meta, err) < 0)
		goto fail;
	/* The number of the name outranks the one inside. */
	r.meta->set = f->set;
	*ret = r;
	return 0;
fail:
	set_snapshot_done(&r);
	return -1;
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
	if (put(&r.file, f->name, strlen(f->name), err) < 0 ||
	    guess_meta(f->name, &r.meta, err) < 0 ||
	    (f->app && put(&r.meta->snap, f->app, strlen(f->app), err) < 0)) {
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
static int describe(struct set *set, const struct db_set *row, struct err *err)
{
	const struct snapshot *first = set->n ? set->snapshots[0].meta : NULL;
	const char *name = row ? row->name : first ? first->name : NULL;
	const char *note = row ? row->note : first ? first->note : NULL;
	const char *reason = row ? row->reason : first ? first->reason : NULL;

	if ((name && put(&set->name, name, strlen(name), err) < 0) ||
	    (note && put(&set->note, note, strlen(note), err) < 0) ||
	    (reason && put(&set->reason, reason, strlen(reason), err) < 0))
		return -1;
	set->origin = db_set_origin_name(row ? row->origin : DB_SET_FOUND);
	set->automatic = row ? row->automatic : first && (first->own_auto || first->automatic);
	set->pinned = row && row->pinned;
	set->expires = row ? row->expires : 0;
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
static int complete(struct set *set, struct err *err)
{
	_cleanup_free_ const struct snapshot **metas = alloc_zero(set->n + 1, sizeof(*metas), err);
	uint8_t hash[DIGEST_SHA256_SIZE];
	bool broken = set->n == 0;
	bool timed = false;

	if (!metas)
		return -1;
	qsort(set->snapshots, set->n, sizeof(*set->snapshots), by_app);
	for (size_t i = 0; i < set->n; i++) {
		const struct snapshot *m = set->snapshots[i].meta;

		metas[i] = m;
		broken = broken || set->snapshots[i].broken;
		set->size += m->size;
		if (set->snapshots[i].missing || (m->time.sec == 0 && set->snapshots[i].broken))
			continue;
		if (!timed || is_before(&m->time, &set->time))
			set->time = m->time;
		timed = true;
	}
	if (broken)
		return 0;
	if (snapshot_set_hash(metas, set->n, false, hash, err) < 0)
		return -1;
	digest_hex(hash, sizeof(hash), set->content_hash);
	return 0;
}

/* Files first..last-1 are those of one set. */
static int read_set(struct session *s, const struct store_file *files, size_t n,
		    const struct db_set *row, struct set *ret, struct err *err)
{
	struct set set = { .id = row ? row->id : files[0].set };

	for (size_t i = 0; i < n; i++) {
		struct set_snapshot one;

		if (read_file(s, &files[i], &one, err) < 0 || add_snapshot(&set, &one, err) < 0)
			goto fail;
	}
	if (describe(&set, row, err) < 0 || complete(&set, err) < 0)
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
	struct session *session;
	struct store_list files;
	struct db_set_list rows;
	uint64_t only; /* 0: all */
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

/* Hands on the set of `n` files and a row, of which one may be missing. */
static int add_set(struct listing *l, struct store_file *files, size_t n,
		   const struct db_set *row, struct err *err)
{
	uint64_t id = row ? row->id : files[0].set;
	struct set set;
	int r;

	if ((l->only != 0 && id != l->only) || !is_shown(row))
		return 0;
	n = drop_going(files, n, row);
	if (n == 0 && (!row || row->state == DB_SET_FORGETTING))
		return 0;
	if (read_set(l->session, files, n, row, &set, err) < 0)
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
		if (observer_check(l->session->observer, err) < 0)
			return -1;
		/* Complete in the database, though the marker is not removed yet: shown when
		 * its files are; the store leaves them out of its list. */
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
			      "the system's snapshots in %s are readable by root only:"
			      " sudo setaside saved",
			      q(dir.path));
	places_dir_done(&dir);
}

/* All of them, or one. */
static int list(struct session *s, uint64_t only, set_receiver receive, void *ctx,
		struct err *err)
{
	struct listing l = { .session = s, .only = only, .receive = receive, .ctx = ctx };
	int r;

	if (!s->store)
		return 0; /* no snapshots were ever made here */
	if (store_list(s->store, &l.files, err) < 0)
		return -1;
	r = s->db && !s->places.foreign ? db_sets(s->db, &l.rows, err) : 0;
	if (r == 0)
		r = merge(&l, err);
	if (r == 0 && only == 0 && s->db && !s->places.foreign)
		db_cache_prune_best_effort(s->db, &l.files);
	store_list_done(&l.files);
	db_set_list_done(&l.rows);
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

	if (list(s, 0, collect, &c, err) < 0) {
		sets_list_done(&c.out);
		return -1;
	}
	*ret = c.out;
	return 0;
}

int sets_get(struct session *s, uint64_t id, struct set *ret, struct err *err)
{
	struct collecting c = { 0 };

	if (list(s, id, collect, &c, err) < 0) {
		sets_list_done(&c.out);
		return -1;
	}
	if (c.out.n == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no set %llu", (unsigned long long)id);
	*ret = c.out.sets[0];
	free(c.out.sets);
	return 0;
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
	      int (*each)(void *ctx, const struct set *set, const struct set_snapshot *snapshot,
			  struct err *err),
	      void *ctx, struct err *err)
{
	struct each_snapshot e = { each, ctx };

	return list(s, 0, tell_snapshots, &e, err);
}

int sets_open_file(struct session *s, const char *file, uint64_t set, struct set_snapshot *ret,
		   struct err *err)
{
	struct store_list files = { 0 };
	const struct store_file *found = NULL;
	int r = -1;

	if (!s->store || store_name_set(file) == 0)
		return err_set(err, ERR_NOT_FOUND, "%s is no snapshot of the store", q(file));
	if (store_list(s->store, &files, err) < 0)
		return -1;
	for (size_t i = 0; i < files.n; i++)
		if (strcmp(files.files[i].name, file) == 0)
			found = &files.files[i];
	if (!found)
		err_set(err, ERR_NOT_FOUND, "there is no snapshot %s", q(file));
	else
		r = read_file(s, found, ret, err);
	store_list_done(&files);
	if (r == 0 && set != 0)
		ret->meta->set = set;
	return r;
}

int sets_last_number(struct session *s, uint64_t *ret, struct err *err)
{
	struct store_list files = { 0 };
	uint64_t given = 0;

	if (s->store && store_list(s->store, &files, err) < 0)
		return -1;
	if (s->db && !s->places.foreign && db_number_last(s->db, &given, err) < 0) {
		store_list_done(&files);
		return -1;
	}
	*ret = files.highest > given ? files.highest : given;
	store_list_done(&files);
	return 0;
}

/* ---- Names ---- */

/* Digits alone: a number. */
static const struct set *by_number(const struct set_list *list, const char *text)
{
	unsigned long long id;
	char *end;

	errno = 0;
	id = strtoull(text, &end, 10);
	if (errno != 0 || *end)
		return NULL;
	for (size_t i = 0; i < list->n; i++)
		if (list->sets[i].id == id)
			return &list->sets[i];
	return NULL;
}

/* The candidates of an ambiguous prefix, as a hint. */
static int ambiguous(const struct set_list *list, const char *text, struct err *err)
{
	_cleanup_(buf_done) struct buf candidates = BUF_INIT;
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	size_t n = strlen(text);

	for (size_t i = 0; i < list->n; i++)
		if (strncmp(list->sets[i].content_hash, text, n) == 0)
			(void)buf_printf(&candidates, &ignored, "%s%llu (%.12s)",
					 candidates.len ? ", " : "",
					 (unsigned long long)list->sets[i].id,
					 list->sets[i].content_hash);
	err_set(err, ERR_USAGE, "%s is the beginning of several sets' content hashes", q(text));
	return err_hint(err, "it may be %s", candidates.data ? candidates.data : "any of them");
}

int sets_resolve(const struct set_list *list, const char *text, const struct set **ret,
		 struct err *err)
{
	size_t n = strlen(text), matches = 0;
	const struct set *found = NULL;

	if (n > 0 && strspn(text, "0123456789") == n)
		found = by_number(list, text);
	for (size_t i = 0; !found && i < list->n; i++)
		if (list->sets[i].name && strcmp(list->sets[i].name, text) == 0)
			found = &list->sets[i];
	if (!found && n >= HASH_PREFIX_MIN && strspn(text, "0123456789abcdef") == n &&
	    strspn(text, "0123456789") != n) {
		for (size_t i = 0; i < list->n; i++) {
			if (strncmp(list->sets[i].content_hash, text, n) != 0)
				continue;
			found = &list->sets[i];
			matches++;
		}
		if (matches > 1)
			return ambiguous(list, text, err);
	}
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "there is no set %s", q(text));
	*ret = found;
	return 0;
}

int sets_check_name(const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (n == 0 || n > NAME_MAX_LENGTH || !isalnum((unsigned char)name[0]) ||
	    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-") != n ||
	    strspn(name, "0123456789") == n) {
		err_set(err, ERR_USAGE, "%s cannot be the name of a set", q(name));
		return err_hint(err, "a name is 1 to %d letters, digits and . _ + -, begins with"
				     " a letter or digit, and is not digits alone",
				NAME_MAX_LENGTH);
	}
	return 0;
}

int sets_check_note(const char *note, struct err *err)
{
	size_t n = strlen(note);

	if (n > NOTE_MAX_LENGTH)
		return err_set(err, ERR_USAGE, "a note has at most %d bytes", NOTE_MAX_LENGTH);
	if (!quote_is_clean(note, n))
		return err_set(err, ERR_USAGE, "the note %s has control characters", q(note));
	return 0;
}
