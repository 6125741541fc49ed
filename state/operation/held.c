/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/held.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/worker/reader.h"

/* A zip of an older set. */
struct held_zip {
	struct store_file file;
	bool locked;
	bool useless;
	int fd;                /* -1: not open */
	struct snapshot *meta; /* once the reader has found it in order */
	uint64_t handle;       /* in the reader; 0: not open there */
	struct held_zip *next; /* of all */
	struct held_zip *next_of_app;
};

void held_init(struct held *h, struct session *s)
{
	*h = (struct held){ .session = s };
}

/* Closes a zip, here and in the reader: a save may use more than
 * may be open at a time. */
static void rest(const struct held *h, struct held_zip *z)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	struct session *s = h->session;

	if (z->handle > 0 && s->reader && worker_is_alive(s->reader))
		(void)reader_close(s->reader, z->handle, s->observer, &ignored);
	z->handle = 0;
	if (z->fd >= 0)
		sys_close_best_effort(z->fd);
	z->fd = -1;
}

void held_close(struct held *h, const struct plan_app *a)
{
	for (struct held_zip *z = a->held_zips; z; z = z->next_of_app)
		rest(h, z);
}

void held_done(struct held *h)
{
	for (struct held_zip *z = h->zips, *next; z; z = next) {
		next = z->next;
		rest(h, z);
		if (z->locked)
			locks_drop(h->session->locks, LOCK_KEY_SET(z->file.set));
		snapshot_free(z->meta);
		free(z->file.name);
		free(z);
	}
	*h = (struct held){ 0 };
}

/* ---- Zips ---- */

/* Failures that end the save; all others only mean that a zip is of no use. */
static bool is_fatal(const struct err *err)
{
	return err_is(err, ERR_NOMEM) || err_is(err, ERR_INTERRUPTED);
}

/* Lets whoever forgets the set wait, or does not wait for him. */
static int lock_zip(struct held *h, struct held_zip *z, struct err *err)
{
	struct session *s = h->session;
	struct lock_wait wait = { 0, s->observer };

	/* A reader without a lock file has every shared lock. */
	if (!s->locks)
		return 0;
	if (z->locked)
		return 0;
	if (locks_take(s->locks, LOCK_KEY_SET(z->file.set), LOCK_SHARED, &wait, err) < 0)
		return -1;
	z->locked = true;
	return 0;
}

/* Whether the set still has the file: it may have been forgotten
 * before the lock was taken. */
static int check_present(const struct held *h, const struct held_zip *z, struct err *err)
{
	bool present;

	if (db_set_has_file(h->session->db, z->file.set, z->file.name, &present, err) < 0)
		return -1;
	return present ? 0
		       : err_set(err, ERR_CHANGED, "%s is being forgotten",
				 q(z->file.name));
}

/* Whether it is still the file that was written then. */
static bool is_same_file(int fd, const struct store_file *f)
{
	struct stat st;

	return sys_fstat(fd, &st) == 0 && st.st_ino == f->ino &&
	       (uint64_t)st.st_size == f->size && st.st_mtim.tv_sec == f->mtime_sec &&
	       st.st_mtim.tv_nsec == f->mtime_nsec;
}

/* The reader's word on it. */
static int look_into(struct held *h, struct held_zip *z, int fd, struct err *err)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	_cleanup_(snapshot_freep) struct snapshot *meta = NULL;
	struct session *s = h->session;
	struct worker *reader;

	if (session_reader(s, &reader, err) < 0 ||
	    reader_open(reader, fd, s->observer, &meta, &z->handle, &problem, err) < 0)
		return -1;
	if (z->handle > 0) {
		snapshot_free(z->meta);
		z->meta = TAKE_PTR(meta);
		return 0;
	}
	observer_warn(s->observer, NULL, "set %llu is damaged (%s): %s is read anew",
		      (unsigned long long)z->file.set, err_message(&problem),
		      q(z->file.name));
	return err_move(err, &problem);
}

/* What is open now is not looked into any more. */
static void give_up(const struct held *h)
{
	for (struct held_zip *z = h->zips; z; z = z->next) {
		if (z->handle > 0)
			z->useless = true;
		rest(h, z);
	}
}

/* Opens the file that a row told of; z->fd. */
static int open_file(const struct held *h, struct held_zip *z, struct err *err)
{
	_cleanup_close_ int fd = store_open_file(h->session->store, z->file.name, err);

	if (fd < 0)
		return -1;
	if (!is_same_file(fd, &z->file))
		return err_set(err, ERR_CHANGED, "%s was replaced", q(z->file.name));
	z->fd = TAKE_FD(fd);
	return 0;
}

/* Opens it here and in the reader. */
static int open_zip(struct held *h, struct held_zip *z, struct err *err)
{
	if (lock_zip(h, z, err) < 0 || check_present(h, z, err) < 0 ||
	    open_file(h, z, err) < 0)
		return -1;
	return look_into(h, z, z->fd, err);
}

/* A zip that was not met before. */
static int add_zip(struct held *h, struct plan_app *a, const struct store_file *f,
		   struct held_zip **ret, struct err *err)
{
	_cleanup_free_ struct held_zip *z = alloc_zero(1, sizeof(*z), err);

	if (!z)
		return -1;
	z->file = *f;
	z->fd = -1;
	z->file.name = alloc_strdup(f->name, err);
	if (!z->file.name)
		return -1;
	z->next = h->zips;
	z->next_of_app = a->held_zips;
	*ret = h->zips = a->held_zips = TAKE_PTR(z);
	return 0;
}

/* The zip that a row tells of, open; NULL in *ret: it is of no use.  It holds one app:
 * another's are not looked through. */
static int get_zip(struct held *h, struct plan_app *a, const struct store_file *f,
		   struct held_zip **ret, struct err *err)
{
	struct held_zip *z = a->held_zips;

	while (z && (z->file.set != f->set || strcmp(z->file.name, f->name) != 0))
		z = z->next_of_app;
	if (!z && add_zip(h, a, f, &z, err) < 0)
		return -1;
	if (!z->useless && z->handle == 0 && open_zip(h, z, err) < 0) {
		if (is_fatal(err))
			return -1;
		err_clear(err);
		z->useless = true;
		rest(h, z);
		/* A reader that died took its handles along, and
		 * another gives them anew. */
		if (h->session->reader && !worker_is_alive(h->session->reader))
			give_up(h);
	}
	*ret = z->useless ? NULL : z;
	return 0;
}

/* ---- Which files ---- */

/* For each archive of an app the files that hold the like. */
struct candidates {
	struct db_held_list *lists;
	size_t n;
};

static void candidates_done(struct candidates *c)
{
	for (size_t i = 0; c->lists && i < c->n; i++)
		db_held_list_done(&c->lists[i]);
	free(c->lists);
}

/* Asks the database; an archive whose print says nothing has none. */
static int find_candidates(struct held *h, const struct plan_app *a, const char *snap,
			   const char *packing, struct candidates *ret, struct err *err)
{
	ret->lists = alloc_zero(a->n_archives, sizeof(*ret->lists), err);
	if (!ret->lists)
		return -1;
	ret->n = a->n_archives;
	for (size_t i = 0; i < a->n_archives; i++) {
		const struct plan_archive *p = &a->archives[i];
		const struct db_fingerprint f = { .app = snap,
						  .member = p->member,
						  .digest = p->print.digest,
						  .packing = packing };

		if (p->print.valid &&
		    db_fingerprint_find(h->session->db, &f, &ret->lists[i], err) < 0)
			return -1;
	}
	return 0;
}

static bool lists_file(const struct db_held_list *list, const struct store_file *f)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->files[i].set == f->set &&
		    strcmp(list->files[i].name, f->name) == 0)
			return true;
	return false;
}

/* Whether the file holds the like of all archives. */
static bool holds_all(const struct candidates *c, const struct store_file *f)
{
	for (size_t i = 0; i < c->n; i++)
		if (!lists_file(&c->lists[i], f))
			return false;
	return true;
}

/* ---- Taking archives over ---- */

/* Where the archive lies in the zip, if it lies there as it is needed. */
static int take_archive(struct held *h, struct held_zip *z, struct plan_archive *p,
			const char *snap, struct err *err)
{
	const struct snapshot_archive *meta = snapshot_archive(z->meta, p->member);
	struct save_held held = {
		.set = z->file.set, .fd = -1, .meta = meta, .print = p->print
	};

	if (!meta || !meta->has_details || strcmp(z->meta->snap, snap) != 0)
		return 0;
	if (reader_place(h->session->reader, z->handle, p->member, h->session->observer,
			 &held.place, err) < 0)
		return -1;
	if (!held.place.plain)
		return 0;
	p->held = held;
	p->save.held = &p->held;
	return 0;
}

/* One archive from the first file of a list that is of use; `c` not NULL: only
 * from one that holds all. */
static int find_archive(struct held *h, struct plan_app *a, struct plan_archive *p,
			const char *snap, const struct db_held_list *list,
			const struct candidates *c, struct err *err)
{
	for (size_t i = 0; i < list->n && !p->save.held; i++) {
		struct held_zip *z;

		if (c && !holds_all(c, &list->files[i]))
			continue;
		if (get_zip(h, a, &list->files[i], &z, err) < 0 ||
		    (z && take_archive(h, z, p, snap, err) < 0))
			return -1;
	}
	return 0;
}

int held_find(struct held *h, struct plan_app *a, const char *snap, const char *packing,
	      struct err *err)
{
	_cleanup_(candidates_done) struct candidates c = { NULL, 0 };

	if (find_candidates(h, a, snap, packing, &c, err) < 0)
		return -1;
	for (size_t i = 0; i < a->n_archives; i++)
		if (find_archive(h, a, &a->archives[i], snap, &c.lists[i], &c, err) < 0 ||
		    find_archive(h, a, &a->archives[i], snap, &c.lists[i], NULL, err) < 0)
			return -1;
	held_close(h, a);
	return 0;
}

/* The zip that an archive is taken from. */
static struct held_zip *zip_of(const struct plan_app *a, const struct plan_archive *p)
{
	struct held_zip *z = a->held_zips;

	while (z && !(z->meta && snapshot_archive(z->meta, p->member) == p->held.meta))
		z = z->next_of_app;
	return z;
}

int held_open(struct held *h, struct plan_app *a, struct err *err)
{
	for (size_t i = 0; i < a->n_archives; i++) {
		struct plan_archive *p = &a->archives[i];
		struct held_zip *z = p->save.held ? zip_of(a, p) : NULL;

		if (z && z->fd < 0 && open_file(h, z, err) < 0) {
			if (is_fatal(err))
				return -1;
			err_clear(err);
		}
		if (z && z->fd >= 0)
			p->held.fd = z->fd;
		else
			p->save.held = NULL;
	}
	return 0;
}

/* ---- Whole apps ---- */

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Whether the snapshot of a zip says what a new one would. */
static bool says_same(const struct snapshot *m, const struct plan_app *a,
		      const char *snap, const char *conf, bool only)
{
	if (strcmp(m->snap, snap) != 0 || !is_same_text(m->conf, conf) ||
	    (only && m->n_archives != a->n_archives))
		return false;
	for (size_t i = 0; i < a->n_archives; i++)
		if (!snapshot_archive(m, a->archives[i].member))
			return false;
	return true;
}

int held_whole(struct held *h, struct plan_app *a, const char *snap, const char *conf,
	       bool only, uint64_t *ret, struct err *err)
{
	_cleanup_(candidates_done) struct candidates c = { NULL, 0 };
	uint64_t set = 0;

	if (find_candidates(h, a, snap, NULL, &c, err) < 0)
		return -1;
	for (size_t i = 0; i < c.lists[0].n && set == 0; i++) {
		const struct store_file *f = &c.lists[0].files[i];
		struct held_zip *z;

		if (!holds_all(&c, f))
			continue;
		if (get_zip(h, a, f, &z, err) < 0)
			return -1;
		if (z && says_same(z->meta, a, snap, conf, only))
			set = f->set;
	}
	held_close(h, a);
	*ret = set;
	return 0;
}
