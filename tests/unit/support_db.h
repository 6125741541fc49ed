/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_SUPPORT_DB_H
#define SETASIDE_TESTS_SUPPORT_DB_H

/*
 * support_db: the database of the test's directory, and sets in it.
 */

#include "state/db.h"

/* The connection, which must be had. */
struct db *support_db_open(enum db_mode mode);
/* A set in this state with the files "a" and "b", each of the app of its name. */
void support_db_insert(struct db *db, uint64_t id, enum db_set_state state);

#endif
