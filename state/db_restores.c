/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "state/db_internal.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const char *const kind_names[] = { [DB_RESTORE] = "restore", [DB_UNDO] = "undo" };

static const char *const item_names[] = {
	[JOURNAL_SWAP] = "swap",
	[JOURNAL_PARENT] = "parent",
	[JOURNAL_MOUNT] = "mount",
};

void db_restore_init(struct db_restore *r)
{
	*r = (struct db_restore){ .kind = DB_RESTORE };
}

void db_restore_done(struct db_restore *r)
{
	free(r->apps);
	free(r->store);
	free(r->root);
	free(r->detail);
	db_restore_init(r);
}

void db_restore_list_done(struct db_restore_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		db_restore_done(&list->restores[i]);
	free(list->restores);
	*list = (struct db_restore_list){ NULL, 0 };
}

void db_item_list_done(struct db_item_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		journal_item_done(&list->items[i]);
	free(list->items);
	*list = (struct db_item_list){ NULL, 0 };
}

/* ---- Reading ---- */

#define SELECT_RESTORES                                                                  \
 "SELECT id, kind, set_id, undoes, undone_by, state, kept, created, expires,"            \
 " apps, store, root, detail FROM restores"
#define ORDER_RESTORES " ORDER BY id"

/* A blob column of the caller's own bytes; NULL stays NULL. */
static int column_blob(sqlite3_stmt *stmt, int column, void **ret, size_t *ret_size,
		       struct err *err)
{
	size_t size = (size_t)sqlite3_column_bytes(stmt, column);
	const void *p = sqlite3_column_blob(stmt, column);

	if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
		return 0;
	*ret = size ? alloc_memdup(p, size, err) : alloc_zero(1, 1, err);
	if (!*ret)
		return -1;
	*ret_size = size;
	return 0;
}

/* A row of SELECT_RESTORES, into an initialised object. */
static int read_restore(struct db *db, sqlite3_stmt *stmt, struct db_restore *r,
			struct err *err)
{
	unsigned kind;

	if (db_column_enum(db, stmt, 1, kind_names, COUNT(kind_names), &kind, err) < 0)
		return -1;
	r->kind = (enum db_restore_kind)kind;
	if (!journal_state_parse((const char *)sqlite3_column_text(stmt, 5), &r->state))
		return err_set(err, ERR_CORRUPT,
			       "database %s: unknown state of a restore", q(db->name));
	r->id = (uint64_t)sqlite3_column_int64(stmt, 0);
	r->set = (uint64_t)sqlite3_column_int64(stmt, 2);
	r->undoes = (uint64_t)sqlite3_column_int64(stmt, 3);
	r->undone_by = (uint64_t)sqlite3_column_int64(stmt, 4);
	r->kept = sqlite3_column_int(stmt, 6);
	r->created = sqlite3_column_int64(stmt, 7);
	r->expires = sqlite3_column_int64(stmt, 8);
	if (db_column_str(stmt, 9, &r->apps, err) < 0 ||
	    db_column_str(stmt, 10, &r->store, err) < 0 ||
	    db_column_str(stmt, 11, &r->root, err) < 0)
		return -1;
	return column_blob(stmt, 12, &r->detail, &r->detail_size, err);
}

/* All restores of a query. */
static int list_restores(struct db *db, const char *sql, const struct db_arg *args,
			 size_t n, struct db_restore_list *ret, struct err *err)
{
	_cleanup_(db_restore_list_done) struct db_restore_list list = { NULL, 0 };
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	size_t cap = 0;
	int r;

	if (db_query(db, &stmt, sql, args, n, err) < 0)
		return -1;
	while ((r = db_row(db, stmt, err)) > 0) {
		if (alloc_grow(&list.restores, list.n, &cap, sizeof(*list.restores),
			       err) < 0)
			return -1;
		db_restore_init(&list.restores[list.n++]);
		if (read_restore(db, stmt, &list.restores[list.n - 1], err) < 0)
			return -1;
	}
	if (r < 0)
		return -1;
	*ret = list;
	list = (struct db_restore_list){ NULL, 0 };
	return 0;
}

/* The first restore of a query: 1, or 0 where there is none. */
static int first_restore(struct db *db, const char *sql, const struct db_arg *args,
			 size_t n, struct db_restore *ret, struct err *err)
{
	_cleanup_(db_restore_list_done) struct db_restore_list list = { NULL, 0 };

	if (list_restores(db, sql, args, n, &list, err) < 0)
		return -1;
	if (list.n == 0)
		return 0;
	*ret = list.restores[0];
	db_restore_init(&list.restores[0]);
	return 1;
}

int db_no_such_restore(uint64_t id, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "there is no restore %llu",
		       (unsigned long long)id);
}

int db_restore_get(struct db *db, uint64_t id, struct db_restore *ret, struct err *err)
{
	int r = first_restore(db, SELECT_RESTORES " WHERE id = ?", DB_ARGS(DB_INT(id)),
			      ret, err);

	if (r == 0)
		return db_no_such_restore(id, err);
	return r < 0 ? -1 : 0;
}

int db_restores(struct db *db, struct db_restore_list *ret, struct err *err)
{
	return list_restores(db, SELECT_RESTORES ORDER_RESTORES, DB_NO_ARGS, ret, err);
}

int db_restores_unfinished(struct db *db, struct db_restore_list *ret, struct err *err)
{
	return list_restores(db,
			     SELECT_RESTORES
			     " WHERE state NOT IN ('restored', 'closed')" ORDER_RESTORES,
			     DB_NO_ARGS, ret, err);
}

int db_restores_expired(struct db *db, int64_t now, struct db_restore_list *ret,
			struct err *err)
{
	return list_restores(db,
			     SELECT_RESTORES
			     " WHERE state = 'restored' AND undone_by = 0"
			     " AND expires <> 0 AND expires <= ?" ORDER_RESTORES,
			     DB_ARGS(DB_INT(now)), ret, err);
}

int db_restore_last_undoable(struct db *db, struct db_restore *ret, struct err *err)
{
	int r = first_restore(db,
			      SELECT_RESTORES
			      " WHERE state = 'restored' AND undone_by = 0"
			      " AND kept = 0 ORDER BY id DESC LIMIT 1",
			      DB_NO_ARGS, ret, err);

	if (r == 0)
		return err_set(err, ERR_NOT_FOUND,
			       "no restore is left that could be undone");
	return r < 0 ? -1 : 0;
}

/* ---- Items ---- */

#define SELECT_ITEMS                                                                     \
 "SELECT i.kind, i.app, i.user, i.tree, i.parent, i.name, i.aside, i.uid, i.gid,"        \
 " i.parent_ino, i.old_ino, i.new_ino, i.attrs FROM restore_items i"
#define ORDER_ITEMS " ORDER BY i.restore_id, i.number"

/* A row of SELECT_ITEMS, into an initialised object. */
static int read_item(struct db *db, sqlite3_stmt *stmt, struct journal_item *item,
		     struct err *err)
{
	char **const strings[] = { &item->app,    &item->user, &item->tree,
				   &item->parent, &item->name, &item->aside };
	unsigned kind;

	if (db_column_enum(db, stmt, 0, item_names, COUNT(item_names), &kind, err) < 0)
		return -1;
	item->kind = (enum journal_item_kind)kind;
	for (size_t i = 0; i < COUNT(strings); i++) {
		if (db_column_str(stmt, (int)i + 1, strings[i], err) < 0)
			return -1;
	}
	item->uid = (uint32_t)sqlite3_column_int64(stmt, 7);
	item->gid = (uint32_t)sqlite3_column_int64(stmt, 8);
	item->parent_ino = (uint64_t)sqlite3_column_int64(stmt, 9);
	item->old_ino = (uint64_t)sqlite3_column_int64(stmt, 10);
	item->new_ino = (uint64_t)sqlite3_column_int64(stmt, 11);
	return column_blob(stmt, 12, &item->attrs, &item->attrs_size, err);
}

/* All items of a query. */
static int list_items(struct db *db, const char *sql, const struct db_arg *args, size_t n,
		      struct db_item_list *ret, struct err *err)
{
	_cleanup_(db_item_list_done) struct db_item_list list = { NULL, 0 };
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	size_t cap = 0;
	int r;

	if (db_query(db, &stmt, sql, args, n, err) < 0)
		return -1;
	while ((r = db_row(db, stmt, err)) > 0) {
		if (alloc_grow(&list.items, list.n, &cap, sizeof(*list.items), err) < 0)
			return -1;
		journal_item_init(&list.items[list.n++]);
		if (read_item(db, stmt, &list.items[list.n - 1], err) < 0)
			return -1;
	}
	if (r < 0)
		return -1;
	*ret = list;
	list = (struct db_item_list){ NULL, 0 };
	return 0;
}

int db_restore_items(struct db *db, uint64_t id, struct db_item_list *ret,
		     struct err *err)
{
	return list_items(db, SELECT_ITEMS " WHERE i.restore_id = ?" ORDER_ITEMS,
			  DB_ARGS(DB_INT(id)), ret, err);
}

int db_aside_items(struct db *db, const char *root, struct db_item_list *ret,
		   struct err *err)
{
	return list_items(db,
			  SELECT_ITEMS " JOIN restores r ON r.id = i.restore_id"
				       " WHERE r.state <> 'closed' AND r.root IS ?"
				       " AND i.aside IS NOT NULL" ORDER_ITEMS,
			  DB_ARGS(DB_BYTES(root)), ret, err);
}

/* ---- Inserting ---- */

/* db_restore_insert() within a transaction. */
static int insert_restore(struct db *db, const struct db_restore *r, uint64_t *ret_id,
			  struct err *err)
{
	if (db_run(db,
		   "INSERT INTO restores (kind, set_id, undoes, created, expires, apps,"
		   " store, root, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		   DB_ARGS(DB_TEXT(kind_names[r->kind]), DB_INT(r->set),
			   DB_INT(r->undoes), DB_INT(r->created), DB_INT(r->expires),
			   DB_TEXT(r->apps), DB_BYTES(r->store), DB_BYTES(r->root),
			   DB_BLOB(r->detail, r->detail_size)),
		   NULL, err) < 0)
		return -1;
	*ret_id = (uint64_t)sqlite3_last_insert_rowid(db->handle);
	return 0;
}

int db_restore_insert(struct db *db, const struct db_restore *r, uint64_t *ret_id,
		      struct err *err)
{
	uint64_t id = 0;
	bool own;

	if (db_enter(db, &own, err) < 0 ||
	    db_leave(db, own, insert_restore(db, r, &id, err), err) < 0)
		return -1;
	*ret_id = id;
	return 0;
}

/* One item. */
static int insert_item(struct db *db, uint64_t id, size_t number,
		       const struct journal_item *item, struct err *err)
{
	return db_run(
		db,
		"INSERT INTO restore_items VALUES"
		" (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		DB_ARGS(DB_INT(id), DB_INT(number), DB_TEXT(item_names[item->kind]),
			DB_TEXT(item->app), DB_TEXT(item->user), DB_BYTES(item->tree),
			DB_BYTES(item->parent), DB_BYTES(item->name),
			DB_BYTES(item->aside), DB_INT(item->uid), DB_INT(item->gid),
			DB_INT(item->parent_ino), DB_INT(item->old_ino),
			DB_INT(item->new_ino), DB_BLOB(item->attrs, item->attrs_size)),
		NULL, err);
}

int db_items_replace(struct db *db, uint64_t id, const struct journal_item *items,
		     size_t n, struct err *err)
{
	if (db_run(db, "DELETE FROM restore_items WHERE restore_id = ?",
		   DB_ARGS(DB_INT(id)), NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (insert_item(db, id, i, &items[i], err) < 0)
			return -1;
	}
	return 0;
}
