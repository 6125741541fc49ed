/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "state/db_internal.h"

/*
 * Invariants of the tables:
 *  1. numbers.last of 'set' is not below any sets.id, and never goes down.
 *  2. A set that is not complete or forgetting has planned files only; a complete one has
 *     none that are planned or going.
 *  3. Two sets never share a name.
 *  4. restores.undone_by is that undo for which `undoes` is this row, from the moment
 *     that it began to swap; such a row is closed.
 *  5. restore_items are numbered from 0; a closed row has none, but an undone one keeps
 *     them until the undo is through.
 *  6. Each complete set has a row in contents.
 *
 * Paths and file names are blobs, since they may hold any bytes.  Inode numbers are
 * stored as the signed numbers of the same bits.
 */

#define WAL_PAUSE_MS   10
#define APPLICATION_ID 0x73615364 /* "saSd" */

/* steps[n] leads from version n to n + 1. */
static const char *const steps[] = {
	"CREATE TABLE numbers ("
	" name TEXT PRIMARY KEY,"
	" last INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"INSERT INTO numbers VALUES ('set', 0);"

	"CREATE TABLE sets ("
	" id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),"
	" state TEXT NOT NULL"
	"  CHECK (state IN ('saving', 'importing', 'complete', 'forgetting')),"
	" origin TEXT NOT NULL CHECK (origin IN ('saved', 'imported', 'found')),"
	" name TEXT UNIQUE,"
	" note TEXT,"
	" reason TEXT,"
	" automatic INTEGER NOT NULL CHECK (automatic IN (0, 1)),"
	" pinned INTEGER NOT NULL CHECK (pinned IN (0, 1)),"
	" created INTEGER NOT NULL,"
	" expires INTEGER NOT NULL) STRICT;"

	"CREATE TABLE set_files ("
	" set_id INTEGER NOT NULL REFERENCES sets (id) ON DELETE CASCADE,"
	" name BLOB NOT NULL,"
	" app TEXT,"
	" state TEXT NOT NULL CHECK (state IN ('planned', 'present', 'going')),"
	" PRIMARY KEY (set_id, name)) STRICT, WITHOUT ROWID;"

	"CREATE TABLE restores ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" kind TEXT NOT NULL CHECK (kind IN ('restore', 'undo')),"
	" set_id INTEGER NOT NULL,"
	" undoes INTEGER NOT NULL,"
	" undone_by INTEGER NOT NULL DEFAULT 0,"
	" state TEXT NOT NULL DEFAULT 'preparing' CHECK (state IN"
	"  ('preparing', 'linking', 'swapping', 'restored', 'cleaning', 'closed')),"
	" kept INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0, 1)),"
	" created INTEGER NOT NULL,"
	" expires INTEGER NOT NULL,"
	" apps TEXT,"
	" store BLOB,"
	" root BLOB,"
	" detail BLOB) STRICT;"

	"CREATE TABLE restore_items ("
	" restore_id INTEGER NOT NULL REFERENCES restores (id) ON DELETE CASCADE,"
	" number INTEGER NOT NULL,"
	" kind TEXT NOT NULL CHECK (kind IN ('swap', 'parent', 'mount')),"
	" app TEXT,"
	" user TEXT,"
	" tree BLOB,"
	" parent BLOB NOT NULL,"
	" name BLOB,"
	" aside BLOB,"
	" uid INTEGER NOT NULL,"
	" gid INTEGER NOT NULL,"
	" parent_ino INTEGER NOT NULL,"
	" old_ino INTEGER NOT NULL,"
	" new_ino INTEGER NOT NULL,"
	" attrs BLOB,"
	" PRIMARY KEY (restore_id, number)) STRICT, WITHOUT ROWID;"

	"CREATE TABLE holders ("
	" lock INTEGER NOT NULL,"
	" pid INTEGER NOT NULL,"
	" start INTEGER NOT NULL,"
	" verb TEXT NOT NULL,"
	" PRIMARY KEY (lock, pid, start)) STRICT, WITHOUT ROWID;"

	"CREATE TABLE cache ("
	" name BLOB PRIMARY KEY,"
	" maker TEXT NOT NULL,"
	" ino INTEGER NOT NULL,"
	" size INTEGER NOT NULL,"
	" mtime_sec INTEGER NOT NULL,"
	" mtime_nsec INTEGER NOT NULL,"
	" ctime_sec INTEGER NOT NULL,"
	" ctime_nsec INTEGER NOT NULL,"
	" meta BLOB,"
	" broken TEXT) STRICT;",

	/* Which content a set has.  `files` tells what it was read from, and is empty
	 * where that is still to be done: so the row of a set begins, and begins anew,
	 * when the set is completed (which it also is after it has lost an app). */
	"CREATE TABLE contents ("
	" set_id INTEGER PRIMARY KEY REFERENCES sets (id) ON DELETE CASCADE,"
	" files BLOB NOT NULL,"
	" hash BLOB,"
	" alternate BLOB) STRICT;"
	"CREATE INDEX contents_hash ON contents (hash) WHERE hash IS NOT NULL;"
	"CREATE INDEX contents_alternate ON contents (alternate)"
	" WHERE alternate IS NOT NULL;"
	"CREATE INDEX contents_without_hash ON contents (set_id) WHERE hash IS NULL;"
	"INSERT INTO contents SELECT id, x'', NULL, NULL FROM sets"
	" WHERE state = 'complete';"
	"CREATE TRIGGER contents_begin AFTER INSERT ON sets WHEN NEW.state = 'complete'"
	" BEGIN INSERT OR REPLACE INTO contents VALUES (NEW.id, x'', NULL, NULL); END;"
	"CREATE TRIGGER contents_begin_anew AFTER UPDATE OF state ON sets"
	" WHEN NEW.state = 'complete'"
	" BEGIN INSERT OR REPLACE INTO contents VALUES (NEW.id, x'', NULL, NULL); END;",

	/* What the trees of an archive looked like when it was packed, and which file
	 * holds it: the row goes with that file's. */
	"CREATE TABLE fingerprints ("
	" set_id INTEGER NOT NULL,"
	" file BLOB NOT NULL,"
	" member BLOB NOT NULL,"
	" app BLOB NOT NULL,"
	" fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),"
	" packing TEXT NOT NULL,"
	" ino INTEGER NOT NULL,"
	" size INTEGER NOT NULL,"
	" mtime_sec INTEGER NOT NULL,"
	" mtime_nsec INTEGER NOT NULL,"
	" PRIMARY KEY (set_id, file, member),"
	" FOREIGN KEY (set_id, file) REFERENCES set_files (set_id, name)"
	"  ON DELETE CASCADE) STRICT, WITHOUT ROWID;"
	"CREATE INDEX fingerprints_by_value ON fingerprints (fingerprint);",

	/* Those were taken of files that a mapping may have been written through,
	 * unseen by their times. */
	"DELETE FROM fingerprints;",
};

static const char *const tables[] = {
	"numbers", "sets",  "set_files", "restores",     "restore_items",
	"holders", "cache", "contents",  "fingerprints",
};

#define SCHEMA_VERSION (sizeof(steps) / sizeof(*steps))
#define N_TABLES       (sizeof(tables) / sizeof(*tables))

/* Runs a text of several statements, or a setting whose answer does not matter. */
static int run_text(struct db *db, const char *sql, struct err *err)
{
	int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : db_fail(db, rc, err);
}

/* Sets a number in the header of the file. */
static int put_header(struct db *db, const char *pragma, int64_t value, struct err *err)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA %s=%lld", pragma, (long long)value);
	return run_text(db, sql, err);
}

/* The version of our schema that the file has; 0: it is empty.  Foreign files are
 * refused. */
static int read_version(struct db *db, int64_t *ret, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int64_t application, version, objects;

	/* One statement, so that another process cannot create it in between. */
	if (db_query(db, &stmt,
		     "SELECT (SELECT application_id FROM pragma_application_id),"
		     " (SELECT user_version FROM pragma_user_version),"
		     " (SELECT count(*) FROM sqlite_schema)",
		     DB_NO_ARGS, err) < 0 ||
	    db_row(db, stmt, err) < 0)
		return -1;
	application = sqlite3_column_int64(stmt, 0);
	version = sqlite3_column_int64(stmt, 1);
	objects = sqlite3_column_int64(stmt, 2);
	if (application == 0 && version == 0 && objects == 0) {
		*ret = 0;
		return 0;
	}
	if (application != APPLICATION_ID || version < 1)
		return err_set(err, ERR_CORRUPT, "%s is not a database of setaside",
			       q(db->name));
	if (version > (int64_t)SCHEMA_VERSION) {
		err_set(err, ERR_UNSUPPORTED,
			"database %s was written by a newer setaside (its version is"
			" %lld, this program knows %zu)",
			q(db->name), (long long)version, SCHEMA_VERSION);
		return err_hint(err, "use the newer setaside");
	}
	*ret = version;
	return 0;
}

/* All steps that are missing, in the caller's transaction. */
static int run_steps(struct db *db, struct err *err)
{
	int64_t version;

	/* Again, now that nobody else can write: another process may have been faster. */
	if (read_version(db, &version, err) < 0)
		return -1;
	for (size_t i = (size_t)version; i < SCHEMA_VERSION; i++) {
		if (run_text(db, steps[i], err) < 0)
			return -1;
	}
	if (put_header(db, "application_id", APPLICATION_ID, err) < 0)
		return -1;
	return put_header(db, "user_version", (int64_t)SCHEMA_VERSION, err);
}

/* Creates or migrates, all or nothing. */
static int migrate(struct db *db, struct err *err)
{
	bool own;

	if (db_enter(db, &own, err) < 0)
		return -1;
	return db_leave(db, own, run_steps(db, err), err);
}

/* Switches to WAL, which stays in the file. */
static int switch_to_wal(struct db *db, struct err *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	const char *mode;

	if (db_query(db, &stmt, "PRAGMA journal_mode=WAL", DB_NO_ARGS, err) < 0 ||
	    db_row(db, stmt, err) < 0)
		return -1;
	mode = (const char *)sqlite3_column_text(stmt, 0);
	if (!mode || strcmp(mode, "wal") != 0)
		return err_set(
			err, ERR_UNSUPPORTED,
			"database %s: its file system cannot hold a database in WAL mode",
			q(db->name));
	return 0;
}

/* Waits for others who open it for the first time, too: for this switch SQLite itself
 * does not always wait. */
static int use_wal(struct db *db, struct err *err)
{
	for (int waited = 0;; waited += WAL_PAUSE_MS) {
		if (switch_to_wal(db, err) == 0)
			return 0;
		if (!err_is(err, ERR_BUSY) || waited >= DB_BUSY_MS)
			return -1;
		err_clear(err);
		(void)sys_poll(NULL, 0, WAL_PAUSE_MS);
	}
}

/* Are all tables there, and the first page of each readable? */
static int check_tables(struct db *db, struct err *err)
{
	for (size_t i = 0; i < N_TABLES; i++) {
		int64_t unused;
		char sql[64];

		snprintf(sql, sizeof(sql), "SELECT 1 FROM %s LIMIT 1", tables[i]);
		if (db_scalar(db, sql, DB_NO_ARGS, &unused, err) < 0)
			return -1;
	}
	return 0;
}

/* What every connection needs, whatever is in the file. */
static int configure(struct db *db, struct err *err)
{
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return run_text(db,
			"PRAGMA foreign_keys=ON; PRAGMA cell_size_check=ON;"
			"PRAGMA temp_store=MEMORY; PRAGMA synchronous=FULL",
			err);
}

int db_schema_prepare(struct db *db, enum db_mode mode, struct err *err)
{
	int64_t version;

	if (configure(db, err) < 0 || read_version(db, &version, err) < 0)
		return -1;
	if (mode != DB_WRITE && version == 0)
		return err_set(err, ERR_NOT_FOUND, "database %s is empty", q(db->name));
	if (mode != DB_WRITE && version < (int64_t)SCHEMA_VERSION) {
		err_set(err, ERR_UNSUPPORTED,
			"database %s was written by an older setaside", q(db->name));
		return err_hint(err,
				"the next command that changes something brings it up "
				"to date");
	}
	if (mode == DB_WRITE &&
	    (use_wal(db, err) < 0 ||
	     (version < (int64_t)SCHEMA_VERSION && migrate(db, err) < 0)))
		return -1;
	return check_tables(db, err);
}
