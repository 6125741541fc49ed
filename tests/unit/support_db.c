/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support_db.h"

#include "tests/unit/support.h"

struct db *support_db_open(enum db_mode mode)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db *db = NULL;

	ck_assert_ok(db_open(support_dirfd(), "DIR", mode, &db, &err), &err);
	return db;
}

void support_db_insert(struct db *db, uint64_t id, enum db_set_state state)
{
	enum db_file_state f =
		state == DB_SET_COMPLETE ? DB_FILE_PRESENT : DB_FILE_PLANNED;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(db_set_done) struct db_set set;

	db_set_init(&set);
	set.id = id;
	set.state = state;
	ck_assert_ok(db_set_add_file(&set, "a", "a", f, &err), &err);
	ck_assert_ok(db_set_add_file(&set, "b", "b", f, &err), &err);
	ck_assert_ok(db_set_insert(db, &set, &err), &err);
}
