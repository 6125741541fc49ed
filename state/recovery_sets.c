/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/recovery_internal.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "state/new_set.h"
#include "state/sets.h"

const struct recovery_words recovery_set_removed = {
	"was not complete and was removed",
	"is not complete and would be removed",
};

static const struct recovery_words forgotten = {
	"the rest of it was removed",
	"the rest of it would be removed",
};
static const struct recovery_words unmarked = {
	"a stale marker was removed",
	"a stale marker would be removed",
};
static const struct recovery_words found = {
	"was found in the store",
	"would be taken in: it was found in the store",
};
static const struct recovery_words temp_removed = {
	"a temporary file was removed",
	"a temporary file would be removed",
};
static const struct recovery_words written_again = {
	"was written again",
	"would be written again",
};

/* A set that was being forgotten, or some of its apps: what was to go goes. */
static int finish_forgetting(struct session *s, const struct db_set *set, struct err *err)
{
	bool gone;

	for (size_t i = 0; i < set->n_files; i++)
		if (set->files[i].state == DB_FILE_GOING &&
		    store_remove(s->store, set->files[i].name, err) < 0)
			return -1;
	if (store_sync(s->store, err) < 0 || store_unmark(s->store, set->id, err) < 0)
		return -1;
	return db_set_forgotten(s->db, set->id, &gone, err);
}

/* The row as it is now that the lock is held: until then its holder may have
 * finished what looked unfinished when the rows were read.  1, or 0 where
 * nothing is left to do. */
static int reread_set(struct session *s, uint64_t id, struct db_set *ret, struct err *err)
{
	if (db_look_again(s->db, err) < 0)
		return -1;
	if (db_set_get(s->db, id, ret, err) == 0)
		return ret->state != DB_SET_COMPLETE;
	if (!err_is(err, ERR_NOT_FOUND))
		return -1;
	err_clear(err); /* its holder removed it */
	return 0;
}

/* What goes of a set that is not complete, or not any more. */
static int settle_set(struct session *s, const struct db_set *set, struct err *err)
{
	return set->state == DB_SET_FORGETTING ? finish_forgetting(s, set, err)
					       : new_set_remove(s, set, err);
}

/* One set whose row is not complete; *ret_alive where a living
 * operation is at work on it. */
static int recover_set(struct recovering *v, uint64_t id, bool *ret_alive,
		       struct err *err)
{
	struct session *s = v->session;
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	_cleanup_(db_set_done) struct db_set set;
	int r = recovery_hold(v, LOCK_KEY_SET(id), err);

	db_set_init(&set);
	*ret_alive = *ret_alive || r == 0;
	if (r <= 0)
		return r;
	r = reread_set(s, id, &set, &problem);
	if (r > 0 && recovery_acts(v) && settle_set(s, &set, &problem) < 0)
		r = -1;
	recovery_let_go(v, LOCK_KEY_SET(id));
	return recovery_tell(v, recovery_set_object(id, err), r,
			     set.state == DB_SET_FORGETTING ? &forgotten
							    : &recovery_set_removed,
			     &problem, err);
}

static int compare_row(const void *id, const void *row)
{
	uint64_t a = *(const uint64_t *)id, b = ((const struct db_set *)row)->id;

	return (a > b) - (a < b);
}

/* The row of a number, or NULL. */
static const struct db_set *find_row(const struct db_set_list *rows, uint64_t id)
{
	return rows->n == 0 ? NULL
			    : bsearch(&id, rows->sets, rows->n, sizeof(*rows->sets),
				      compare_row);
}

/* Files of a set that has a marker and no row: an import or save whose
 * database is gone, or snapd's. */
static int remove_marked_files(struct session *s, uint64_t id, struct err *err)
{
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;
	_cleanup_close_ int dir = fd_open_dir_at(store_fd(s->store), ".", err);

	if (dir < 0 || fd_list_dir(dir, SIZE_MAX, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (store_name_set(names.items[i]) == id &&
		    store_remove(s->store, names.items[i], err) < 0)
			return -1;
	return store_sync(s->store, err);
}

/* Removes the marker, after the files of a set that has no row. */
static int settle_marker(struct session *s, uint64_t id, bool stale, struct err *err)
{
	if (!stale && remove_marked_files(s, id, err) < 0)
		return -1;
	return store_unmark(s->store, id, err);
}

/* A marker: of a set that is complete it is stale, of one without a row the set
 * goes; *ret_alive as in recover_set(): whoever makes a set goes on when its row was
 * lost with the database. */
static int recover_marker(struct recovering *v, uint64_t id,
			  const struct db_set_list *rows, bool *ret_alive,
			  struct err *err)
{
	const struct db_set *row = find_row(rows, id);
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	int r;

	if (row && row->state != DB_SET_COMPLETE)
		return 0; /* its row was dealt with */
	r = recovery_hold(v, LOCK_KEY_SET(id), err);
	*ret_alive = *ret_alive || r == 0;
	if (r <= 0)
		return r;
	if (recovery_acts(v) && settle_marker(v->session, id, row != NULL, &problem) < 0)
		r = -1;
	recovery_let_go(v, LOCK_KEY_SET(id));
	return recovery_tell(v, recovery_set_object(id, err), r,
			     row ? &unmarked : &recovery_set_removed, &problem, err);
}

/* What was given when the set was saved, as its files tell; a name that is no name,
 * or that another set has by now, is dropped.  An automatic one does not go by
 * itself: whoever copied it here wants to have it, and if the database was lost it
 * may have been a person's. */
static int describe_found(struct session *s, const struct set *set, struct db_set *row,
			  struct err *err)
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;
	struct db_set other;

	if (set->name && sets_check_name(set->name, &ignored) == 0) {
		if (db_set_by_name(s->db, set->name, &other, &ignored) == 0)
			db_set_done(&other);
		else if (!(row->name = alloc_strdup(set->name, err)))
			return -1;
	}
	if ((set->note && !(row->note = alloc_strdup(set->note, err))) ||
	    (set->reason && !(row->reason = alloc_strdup(set->reason, err))))
		return -1;
	row->automatic = set->automatic;
	return 0;
}

/* A set of which a file cannot be read now may say more of itself the next time. */
static const struct set_snapshot *unreadable(const struct set *set)
{
	for (size_t i = 0; set && i < set->n; i++)
		if (set->snapshots[i].broken &&
		    !set_snapshot_is_damaged(&set->snapshots[i]))
			return &set->snapshots[i];
	return NULL;
}

/* Its row: 1, or 0 where somebody else was faster. */
static int record_found(struct session *s, const struct store_file *files, size_t n,
			const struct set *set, struct err *err)
{
	_cleanup_(db_set_done) struct db_set row;
	int r;

	db_set_init(&row);
	row.id = files[0].set;
	row.state = DB_SET_COMPLETE;
	row.origin = DB_SET_FOUND;
	row.created = files[0].mtime_sec;
	r = set ? describe_found(s, set, &row, err) : 0;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = db_set_add_file(&row, files[i].name, NULL, DB_FILE_PRESENT, err);
	if (r == 0)
		r = db_set_insert(s->db, &row, err);
	if (r == 0)
		return 1;
	if (!err_is(err, ERR_EXISTS))
		return -1;
	err_clear(err);
	return 0;
}

/* A complete set on disk that the database does not know: copied here, snapd's, or of a
 * database that was lost. */
static int adopt_set(struct recovering *v, const struct store_file *files, size_t n,
		     const struct set *set, struct err *err)
{
	_cleanup_(err_clear) struct err why = ERR_INIT;
	const struct set_snapshot *not_now = unreadable(set);
	int r;

	if (not_now) {
		err_set(&why, not_now->broken_kind, "%s", not_now->broken);
		return recovery_left(v, recovery_set_object(files[0].set, err), &why,
				     err);
	}
	r = recovery_acts(v) ? record_found(v->session, files, n, set, err) : 1;
	if (r <= 0)
		return r;
	return recovery_repaired(v, recovery_set_object(files[0].set, err), &found, err);
}

static int compare_set(const void *id, const void *set)
{
	uint64_t a = *(const uint64_t *)id, b = ((const struct set *)set)->id;

	return (a > b) - (a < b);
}

/* The set of a number, or NULL. */
static const struct set *find_set(const struct set_list *sets, uint64_t id)
{
	return sets->n == 0 ? NULL
			    : bsearch(&id, sets->sets, sets->n, sizeof(*sets->sets),
				      compare_set);
}

/* Files of sets without a row; all are read once, when the first is met. */
static int adopt_sets(struct recovering *v, const struct store_list *list,
		      const struct db_set_list *rows, struct err *err)
{
	struct set_list sets = { 0 };
	bool known = false;
	int r = 0;

	for (size_t i = 0, n; r == 0 && i < list->n; i += n) {
		n = 1;
		while (i + n < list->n && list->files[i + n].set == list->files[i].set)
			n++;
		if (find_row(rows, list->files[i].set))
			continue;
		if (!known)
			r = sets_list(v->session, &sets, err);
		known = true;
		if (r == 0)
			r = adopt_set(v, &list->files[i], n,
				      find_set(&sets, list->files[i].set), err);
	}
	sets_list_done(&sets);
	return r;
}

/* Temp files `.NAME.tmp.xxxxxxxxx` of this store, whose writers are gone:
 * under the commit lock no save is between opening and naming one, but for
 * those whose set is locked. */
static bool is_temp(const char *name)
{
	const char *tmp = strstr(name, ".tmp.");

	return name[0] == '.' && tmp && strlen(tmp) == strlen(".tmp.") + 9;
}

/* Removes temp files, if nobody at all saves at this moment. */
static int recover_temps(struct recovering *v, bool any_alive, struct err *err)
{
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;
	struct session *s = v->session;
	_cleanup_close_ int dir = -1;

	if (any_alive)
		return 0;
	dir = fd_open_dir_at(store_fd(s->store), ".", err);
	if (dir < 0 || fd_list_dir(dir, SIZE_MAX, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_(err_clear) struct err problem = ERR_INIT;
		int r = 1;

		if (!is_temp(names.items[i]))
			continue;
		if (recovery_acts(v) &&
		    store_remove(s->store, names.items[i], &problem) < 0)
			r = -1;
		if (recovery_tell(v, alloc_strdup(names.items[i], err), r, &temp_removed,
				  &problem, err) < 0)
			return -1;
	}
	return 0;
}

/* The number in .last-set: that of the database, so that a lost one says nothing new; and
 * what files are there, since those may vanish here and what they used stays used. */
static int recover_last_set(struct recovering *v, const struct store_list *list,
			    struct err *err)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	struct session *s = v->session;
	uint64_t given = 0, highest;
	int r;

	if (s->db && db_number_last(s->db, &given, err) < 0)
		return -1;
	highest = given > list->highest ? given : list->highest;
	if (highest <= list->last_set)
		return 0;
	/* Where nothing is wrong it only follows what was found. */
	r = list->last_set < given || list->last_set_damaged;
	if (recovery_acts(v) && store_put_last_set(s->store, highest, &problem) < 0)
		r = -1;
	return recovery_tell(v, alloc_strdup(STORE_LAST_SET, err), r, &written_again,
			     &problem, err);
}

/* What is in the way of a set: found under the commit lock, so that no number
 * is given out meanwhile. */
static int recover_unfinished(struct recovering *v, const struct db_set_list *rows,
			      struct store_list *ret, struct err *err)
{
	struct store *store = v->session->store;
	bool alive = false;

	for (size_t i = 0; i < rows->n; i++)
		if (rows->sets[i].state != DB_SET_COMPLETE &&
		    recover_set(v, rows->sets[i].id, &alive, err) < 0)
			return -1;
	/* A look may find none: whoever acts makes it, empty. */
	if ((store && store_list(store, ret, err) < 0) ||
	    recover_last_set(v, ret, err) < 0)
		return -1;
	for (size_t i = 0; i < ret->n_incomplete; i++)
		if (recover_marker(v, ret->incomplete[i], rows, &alive, err) < 0)
			return -1;
	return store ? recover_temps(v, alive, err) : 0;
}

int recovery_sets(struct recovering *v, struct err *err)
{
	struct session *s = v->session;
	struct lock_wait wait = session_wait(s);
	struct db_set_list rows = { 0 };
	struct store_list list = { 0 };
	bool acts = recovery_acts(v);
	int r = 0;

	if (s->places.foreign)
		return 0;
	if (s->locks && locks_take(s->locks, LOCK_KEY_COMMIT,
				   acts ? LOCK_EXCLUSIVE : LOCK_SHARED, &wait, err) < 0)
		return -1;
	if (s->db && (db_look_again(s->db, err) < 0 || db_sets(s->db, &rows, err) < 0))
		r = -1;
	if (r == 0)
		r = recover_unfinished(v, &rows, &list, err);
	/* Who only looks reads the zips when others may work again. */
	if (s->locks && !acts)
		locks_drop(s->locks, LOCK_KEY_COMMIT);
	if (r == 0)
		r = adopt_sets(v, &list, &rows, err);
	if (s->locks && acts)
		locks_drop(s->locks, LOCK_KEY_COMMIT);
	store_list_done(&list);
	db_set_list_done(&rows);
	return r;
}
