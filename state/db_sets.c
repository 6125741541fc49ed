/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "state/db_internal.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const char *const state_names[] = {
	[DB_SET_SAVING] = "saving",
	[DB_SET_IMPORTING] = "importing",
	[DB_SET_COMPLETE] = "complete",
	[DB_SET_FORGETTING] = "forgetting",
};

static const char *const origin_names[] = {
	[DB_SET_SAVED] = "saved",
	[DB_SET_IMPORTED] = "imported",
	[DB_SET_FOUND] = "found",
};

static const char *const file_names[] = {
	[DB_FILE_PLANNED] = "planned",
	[DB_FILE_PRESENT] = "present",
	[DB_FILE_GOING] = "going",
};

const char *db_set_state_name(enum db_set_state state)
{
	return state_names[state];
}

const char *db_set_origin_name(enum db_set_origin origin)
{
	return origin_names[origin];
}

const char *db_file_state_name(enum db_file_state state)
{
	return file_names[state];
}

void db_set_init(struct db_set *set)
{
	*set = (struct db_set){ .state = DB_SET_SAVING };
}

void db_set_done(struct db_set *set)
{
	free(set->name);
	free(set->note);
	free(set->reason);
	for (size_t i = 0; i < set->n_files; i++) {
		free(set->files[i].name);
		free(set->files[i].app);
	}
	free(set->files);
	db_set_init(set);
}

void db_set_list_done(struct db_set_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		db_set_done(&list->sets[i]);
	free(list->sets);
	*list = (struct db_set_list){ NULL, 0 };
}

/* Appends a file whose strings are the set's on success. */
static int take_file(struct db_set *set, const struct db_file *file, struct err *err)
{
	struct db_file *files =
		alloc_resize(set->files, set->n_files + 1, sizeof(*files), err);

	if (!files)
		return -1;
	set->files = files;
	files[set->n_files++] = *file;
	return 0;
}

int db_set_add_file(struct db_set *set, const char *name, const char *app,
		    enum db_file_state state, struct err *err)
{
	_cleanup_free_ char *name_copy = alloc_strdup(name, err);
	_cleanup_free_ char *app_copy = NULL;

	if (!name_copy)
		return -1;
	if (app) {
		app_copy = alloc_strdup(app, err);
		if (!app_copy)
			return -1;
	}
	if (take_file(set, &(struct db_file){ name_copy, app_copy, state }, err) < 0)
		return -1;
	name_copy = app_copy = NULL;
	return 0;
}

/* ---- Reading ---- */

/* The columns of a set, then those of one of its files (NULL where it has none). */
#define SELECT_SETS                                                                      \
 "SELECT s.id, s.state, s.origin, s.name, s.note, s.reason, s.automatic,"                \
 " s.pinned, s.created, s.expires, f.name, f.app, f.state"                               \
 " FROM sets s LEFT JOIN set_files f ON f.set_id = s.id"
#define ORDER_SETS    " ORDER BY s.id, f.name"
#define FIRST_OF_FILE 10

/* The set of a row, without files, into an initialised object. */
static int read_set(struct db *db, sqlite3_stmt *stmt, struct db_set *set,
		    struct err *err)
{
	unsigned state, origin;

	if (db_column_enum(db, stmt, 1, state_names, COUNT(state_names), &state, err) <
		    0 ||
	    db_column_enum(db, stmt, 2, origin_names, COUNT(origin_names), &origin, err) <
		    0)
		return -1;
	set->id = (uint64_t)sqlite3_column_int64(stmt, 0);
	set->state = (enum db_set_state)state;
	set->origin = (enum db_set_origin)origin;
	set->automatic = sqlite3_column_int(stmt, 6);
	set->pinned = sqlite3_column_int(stmt, 7);
	set->created = sqlite3_column_int64(stmt, 8);
	set->expires = sqlite3_column_int64(stmt, 9);
	if (db_column_str(stmt, 3, &set->name, err) < 0 ||
	    db_column_str(stmt, 4, &set->note, err) < 0)
		return -1;
	return db_column_str(stmt, 5, &set->reason, err);
}

/* The file of a row, if it has one. */
static int read_file(struct db *db, sqlite3_stmt *stmt, struct db_set *set,
		     struct err *err)
{
	_cleanup_free_ char *name = NULL, *app = NULL;
	unsigned state;

	if (sqlite3_column_type(stmt, FIRST_OF_FILE) == SQLITE_NULL)
		return 0;
	if (db_column_enum(db, stmt, FIRST_OF_FILE + 2, file_names, COUNT(file_names),
			   &state, err) < 0 ||
	    db_column_str(stmt, FIRST_OF_FILE, &name, err) < 0 ||
	    db_column_str(stmt, FIRST_OF_FILE + 1, &app, err) < 0)
		return -1;
	if (take_file(set, &(struct db_file){ name, app, (enum db_file_state)state },
		      err) < 0)
		return -1;
	name = app = NULL;
	return 0;
}

/* Appends the rows of a statement made from SELECT_SETS to *list. */
static int read_sets(struct db *db, sqlite3_stmt *stmt, struct db_set_list *list,
		     struct err *err)
{
	size_t cap = list->n;
	int r;

	while ((r = db_row(db, stmt, err)) > 0) {
		uint64_t id = (uint64_t)sqlite3_column_int64(stmt, 0);

		if (list->n == 0 || list->sets[list->n - 1].id != id) {
			if (alloc_grow(&list->sets, list->n, &cap, sizeof(*list->sets),
				       err) < 0)
				return -1;
			db_set_init(&list->sets[list->n++]);
			if (read_set(db, stmt, &list->sets[list->n - 1], err) < 0)
				return -1;
		}
		if (read_file(db, stmt, &list->sets[list->n - 1], err) < 0)
			return -1;
	}
	return r;
}

/* All sets of a query. */
static int list_sets(struct db *db, const char *sql, const struct db_arg *args, size_t n,
		     struct db_set_list *ret, struct err *err)
{
	_cleanup_(db_set_list_done) struct db_set_list list = { NULL, 0 };
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;

	if (db_query(db, &stmt, sql, args, n, err) < 0 ||
	    read_sets(db, stmt, &list, err) < 0)
		return -1;
	*ret = list;
	list = (struct db_set_list){ NULL, 0 };
	return 0;
}

/* The first set of a query: 1, or 0 where there is none. */
static int first_set(struct db *db, const char *sql, const struct db_arg *args, size_t n,
		     struct db_set *ret, struct err *err)
{
	_cleanup_(db_set_list_done) struct db_set_list list = { NULL, 0 };

	if (list_sets(db, sql, args, n, &list, err) < 0)
		return -1;
	if (list.n == 0)
		return 0;
	*ret = list.sets[0];
	db_set_init(&list.sets[0]);
	return 1;
}

int db_no_such_set(uint64_t id, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "there is no snapshot set %llu",
		       (unsigned long long)id);
}

int db_set_get(struct db *db, uint64_t id, struct db_set *ret, struct err *err)
{
	int r = first_set(db, SELECT_SETS " WHERE s.id = ?" ORDER_SETS,
			  DB_ARGS(DB_INT(id)), ret, err);

	if (r == 0)
		return db_no_such_set(id, err);
	return r < 0 ? -1 : 0;
}

int db_set_has_file(struct db *db, uint64_t id, const char *name, bool *ret,
		    struct err *err)
{
	_cleanup_(db_set_list_done) struct db_set_list list = { NULL, 0 };

	if (list_sets(db, SELECT_SETS " WHERE s.id = ? AND f.name = ?",
		      DB_ARGS(DB_INT(id), DB_BYTES(name)), &list, err) < 0)
		return -1;
	*ret = list.n == 1 && list.sets[0].state == DB_SET_COMPLETE &&
	       list.sets[0].files[0].state == DB_FILE_PRESENT;
	return 0;
}

int db_set_by_name(struct db *db, const char *name, struct db_set *ret, struct err *err)
{
	int r = first_set(db, SELECT_SETS " WHERE s.name = ?" ORDER_SETS,
			  DB_ARGS(DB_TEXT(name)), ret, err);

	if (r == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no snapshot set named %s",
			       q(name));
	return r < 0 ? -1 : 0;
}

int db_sets(struct db *db, struct db_set_list *ret, struct err *err)
{
	return list_sets(db, SELECT_SETS ORDER_SETS, DB_NO_ARGS, ret, err);
}

int db_set_list_one(struct db *db, uint64_t id, struct db_set_list *ret, struct err *err)
{
	return list_sets(db, SELECT_SETS " WHERE s.id = ?" ORDER_SETS,
			 DB_ARGS(DB_INT(id)), ret, err);
}

/* ?1 is now. */
#define IS_EXPIRED                                                                       \
 " s.state = 'complete' AND s.origin = 'saved' AND s.automatic <> 0 AND s.pinned = 0"    \
 " AND s.expires <> 0 AND s.expires <= ?1 AND NOT EXISTS (SELECT 1 FROM restores r"      \
 "  WHERE r.set_id = s.id AND r.store IS NULL AND r.state IN ('swapping', 'restored')"   \
 "  AND (r.expires = 0 OR r.expires > ?1))"

int db_sets_expired(struct db *db, int64_t now, struct db_set_list *ret, struct err *err)
{
	return list_sets(db, SELECT_SETS " WHERE" IS_EXPIRED ORDER_SETS,
			 DB_ARGS(DB_INT(now)), ret, err);
}

int db_set_is_expired(struct db *db, uint64_t id, int64_t now, bool *ret, struct err *err)
{
	int64_t n;

	if (db_scalar(db, "SELECT count(*) FROM sets s WHERE" IS_EXPIRED " AND s.id = ?2",
		      DB_ARGS(DB_INT(now), DB_INT(id)), &n, err) < 0)
		return -1;
	*ret = n > 0;
	return 0;
}
