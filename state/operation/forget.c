/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/forget.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "state/operation/choose.h"
#include "state/operation/forget_internal.h"
#include "state/session_internal.h"

void forget_outcome_done(struct forget_outcome *o)
{
	strings_done(&o->apps);
	*o = (struct forget_outcome){ 0 };
}

struct forgetting {
	struct session *session;
	uint64_t id;
	struct set set;
	const struct set_snapshot **chosen;
	size_t n;
	bool whole; /* nothing of the set stays */
};

/* Files that the database does not know become known first, so that
 * their going is recorded. */
static int adopt_unknown(struct forgetting *f, struct err *err)
{
	struct db_set row;
	int r = 0;

	if (db_set_get(f->session->db, f->id, &row, err) == 0) {
		db_set_done(&row);
		return 0;
	}
	if (!err_is(err, ERR_NOT_FOUND))
		return -1;
	err_clear(err);
	db_set_init(&row);
	row.id = f->id;
	row.state = DB_SET_COMPLETE;
	row.origin = DB_SET_FOUND;
	row.created = f->set.time.sec;
	for (size_t i = 0; r == 0 && i < f->set.n; i++)
		r = db_set_add_file(&row, f->set.snapshots[i].file,
				    f->set.snapshots[i].meta->snap, DB_FILE_PRESENT, err);
	if (r == 0)
		r = db_set_insert(f->session->db, &row, err);
	db_set_done(&row);
	return r;
}

/* The commit: from here on the names are hidden, and recovery goes forward. */
static int record(struct forgetting *f, struct err *err)
{
	_cleanup_free_ const char **names = alloc_zero(f->n + 1, sizeof(*names), err);

	if (!names || adopt_unknown(f, err) < 0)
		return -1;
	for (size_t i = 0; i < f->n; i++)
		names[i] = f->chosen[i]->file;
	return db_set_forget(f->session->db, f->id, names, f->whole ? 0 : f->n, err);
}

/* Files, then marker, then row. */
static int remove_files(struct forgetting *f, struct err *err)
{
	struct store *store = f->session->store;
	bool gone;

	for (size_t i = 0; i < f->n; i++)
		if (store_remove(store, f->chosen[i]->file, err) < 0)
			return -1;
	if (store_sync(store, err) < 0 ||
	    (f->whole && store_unmark(store, f->id, err) < 0))
		return -1;
	return db_set_forgotten(f->session->db, f->id, &gone, err);
}

/* Chosen and locked: the deed. */
static int forget_chosen(struct forgetting *f, struct err *err)
{
	struct session *s = f->session;

	/* Whoever reads the store without the database must not see a part of a set that
	 * goes whole; when some apps stay, a marker would hide them too. */
	if (f->whole && f->n > 1 && store_mark(s->store, f->id, err) < 0)
		return -1;
	if (record(f, err) < 0) {
		_cleanup_(err_clear) struct err ignored = ERR_INIT;

		if (f->whole && f->n > 1)
			(void)store_unmark(s->store, f->id, &ignored);
		return -1;
	}
	session_shield(s);
	if (remove_files(f, err) < 0) {
		/* It is forgotten; the next run removes what is left. */
		observer_warn(s->observer, NULL,
			      "the next run removes what is left of set %llu: %s",
			      (unsigned long long)f->id, err_message(err));
		err_clear(err);
	}
	return 0;
}

/* Under the set's lock. */
static int run(struct forgetting *f, const struct scope *scope, bool dry_run,
	       struct forget_outcome *o, struct err *err)
{
	if (sets_get(f->session, f->id, &f->set, err) < 0 ||
	    choose_snapshots(&f->set, scope, &f->chosen, &f->n, err) < 0)
		return -1;
	f->whole = f->n == f->set.n;
	for (size_t i = 0; i < f->n; i++)
		if (strings_add(&o->apps, f->chosen[i]->meta->snap, err) < 0)
			return -1;
	return dry_run ? 0 : forget_chosen(f, err);
}

int setaside_forget(struct session *s, uint64_t set, const char *const *apps,
		    size_t n_apps, bool dry_run, struct forget_outcome *ret,
		    struct err *err)
{
	struct scope scope = { .apps = apps, .n_apps = n_apps };
	struct forgetting f = { .session = s, .id = set };
	struct forget_outcome o = { .set = set };
	int r;

	session_unshield(s);
	if (session_check_own_store(s, "forgetting", err) < 0)
		return -1;
	/* Who only says what would go changes nothing, and may have no more
	 * than a reader's lock. */
	if (session_lock_set(s, set, dry_run ? LOCK_SHARED : LOCK_EXCLUSIVE, err) < 0)
		return -1;
	r = run(&f, &scope, dry_run, &o, err);
	session_unlock_set(s, set);
	set_done(&f.set);
	free(f.chosen);
	if (r < 0) {
		forget_outcome_done(&o);
		return -1;
	}
	*ret = o;
	return 0;
}

/* ---- A set whose time has come ---- */

/* Without waiting.  Who only looks learns whether he could have it. */
static int lock_at_once(struct session *s, uint64_t set, struct err *err)
{
	const struct lock_wait at_once = { 0, s->observer };
	bool is_free;

	if (session_writes(s))
		return locks_take(s->locks, LOCK_KEY_SET(set), LOCK_EXCLUSIVE, &at_once,
				  err);
	if (!s->locks)
		return 0;
	if (locks_is_free(s->locks, LOCK_KEY_SET(set), &is_free, err) < 0)
		return -1;
	if (is_free)
		return 0;
	return err_set(err, ERR_BUSY,
		       "snapshot set %llu is busy: another process is working on it",
		       (unsigned long long)set);
}

/* The files that the row has: of others nobody knows that they may go.  1, or 0 where the
 * set is not whole, which is told until a person forgets it; -1 also where that cannot be
 * seen now. */
static int choose_recorded(struct forgetting *f, struct err *err)
{
	f->chosen = alloc_zero(f->set.n + 1, sizeof(*f->chosen), err);
	if (!f->chosen)
		return -1;
	for (size_t i = 0; i < f->set.n; i++) {
		const struct set_snapshot *snapshot = &f->set.snapshots[i];
		bool recorded;

		if (snapshot->broken)
			return set_snapshot_is_damaged(snapshot)
				       ? 0
				       : err_set(err, snapshot->broken_kind,
						 "its file %s: %s", q(snapshot->file),
						 snapshot->broken);
		if (db_set_has_file(f->session->db, f->id, snapshot->file, &recorded,
				    err) < 0)
			return -1;
		if (recorded)
			f->chosen[f->n++] = snapshot;
	}
	f->whole = f->n == f->set.n;
	return 1;
}

/* Under the set's lock; what was true when the sets were listed may not be any more. */
static int expire(struct forgetting *f, int64_t now, struct err *err)
{
	struct session *s = f->session;
	bool expired;
	int r;

	if (observer_check(s->observer, err) < 0 ||
	    db_set_is_expired(s->db, f->id, now, &expired, err) < 0)
		return -1;
	if (!expired)
		return 0;
	if (sets_get(s, f->id, &f->set, err) < 0)
		return -1;
	r = choose_recorded(f, err);
	if (r <= 0 || !session_writes(s))
		return r;
	return forget_chosen(f, err) < 0 ? -1 : 1;
}

int forget_expired(struct session *s, uint64_t set, int64_t now, struct err *err)
{
	struct forgetting f = { .session = s, .id = set };
	int r;

	session_unshield(s);
	if (lock_at_once(s, set, err) < 0)
		return -1;
	r = expire(&f, now, err);
	if (session_writes(s))
		session_unlock_set(s, set);
	set_done(&f.set);
	free(f.chosen);
	return r;
}
