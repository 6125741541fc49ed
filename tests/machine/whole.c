/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "state/db_internal.h"
#include "tests/machine/machine.h"

/*
 * The whole of a machine as text: what an operation on it can depend on.  Left out are
 * times of directories around the trees and of the store's files, who held a lock, names
 * and times of restores that are closed for good, and the pages that a database is made
 * of, instead of which there are its rows.  Inode numbers in rows are told by the files
 * that have them; of rows that tell what a file in the store was, whether it still is.
 */

/* Closed, and not by an undo that recovery may still take back. */
#define CLOSED                                                                           \
 "state = 'closed' AND NOT EXISTS (SELECT 1 FROM restores AS u WHERE u.id ="             \
 " restores.undone_by AND u.state NOT IN ('closed', 'restored'))"

/* Tables that are read with a query of their own, or not at all.  Of the files that a row
 * of contents was made from nothing is told but whether it was: the hash is. */
static const struct {
	const char *table, *sql;
} special[] = {
	{ "holders", NULL },
	{ "sqlite_sequence", NULL },
	{ "cache",
	  "SELECT name AS file, ino, size, mtime_sec, mtime_nsec, ctime_sec, ctime_nsec, maker,"
	  " meta, broken FROM cache" },
	{ "contents", "SELECT set_id, length(files) > 0, hash, alternate FROM contents" },
	{ "restores",
	  "SELECT iif(" CLOSED ", 0, id), kind, set_id, undoes, undone_by, state, kept,"
	  " iif(" CLOSED ", 0, created), iif(" CLOSED ", 0, expires), apps, store, root,"
	  " iif(" CLOSED ", '', detail) FROM restores" },
};

#define TEXT_MAX (2u << 20)

/* A text that a child makes; shared memory. */
struct telling {
	const struct world *world;
	size_t size; /* 0: not to be had */
	char text[TEXT_MAX];
};

struct whole {
	FILE *f;
	const struct world *world;
	uint64_t *inodes; /* of all that is in the root, in the order of names */
	size_t n, cap;
	bool unreadable; /* rows are */
};

/* ---- Files ---- */

typedef void look(struct whole *w, const char *path, const struct stat *st);

/* Calls f for each entry of a directory, in the order of names. */
static void each_entry(struct whole *w, const char *dir, look *f)
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, alphasort);

	if (n < 0)
		die("scandir %s", dir);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = world_inside(dir, names[i]->d_name);
		struct stat st;

		if (strcmp(names[i]->d_name, ".") != 0 &&
		    strcmp(names[i]->d_name, "..") != 0) {
			if (lstat(path, &st) < 0)
				die("lstat %s", path);
			f(w, path, &st);
		}
		free(names[i]);
	}
	free(names);
}

/* Calls f for what is there, or tells that nothing is. */
static void look_at(struct whole *w, const char *path, look *f)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		f(w, path, &st);
	else if (errno == ENOENT)
		fprintf(w->f, "no %s\n", path);
	else
		die("lstat %s", path);
}

/* Its number, and its name, which world_list() does not tell of what rests aside. */
static void note_inode(struct whole *w, const char *path, const struct stat *st)
{
	if (w->n == w->cap) {
		w->cap = 2 * w->cap + 64;
		w->inodes = realloc(w->inodes, w->cap * sizeof(w->inodes[0]));
		if (!w->inodes)
			die("no memory");
	}
	fprintf(w->f, "%zu %s\n", w->n, path);
	w->inodes[w->n++] = st->st_ino;
	if (S_ISDIR(st->st_mode))
		each_entry(w, path, note_inode);
}

static bool is_database(const char *path)
{
	return strstr(path, "/state.db") != NULL;
}

static void tell_file(struct whole *w, const char *path, const struct stat *st)
{
	fprintf(w->f, "%s %o %u:%u", path, st->st_mode, st->st_uid, st->st_gid);
	if (S_ISDIR(st->st_mode)) {
		putc('\n', w->f);
		each_entry(w, path, tell_file);
		return;
	}
	if (!is_database(path))
		fprintf(w->f, " %lu %lld %llx", (unsigned long)st->st_nlink,
			(long long)st->st_size, (unsigned long long)world_sum(path, st));
	putc('\n', w->f);
}

/* ---- Rows ---- */

/* The file that has this number, if it is one. */
static void tell_inode(const struct whole *w, uint64_t ino)
{
	size_t i = 0;

	while (i < w->n && w->inodes[i] != ino)
		i++;
	if (i < w->n)
		fprintf(w->f, " file %zu", i);
	else
		fprintf(w->f, " %s", ino ? "a file that is gone" : "0");
}

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), k = strlen(end);

	return n >= k && strcmp(name + n - k, end) == 0;
}

/* Of a row the column of that name, or -1. */
static int column(sqlite3_stmt *stmt, const char *name)
{
	for (int i = 0; i < sqlite3_column_count(stmt); i++)
		if (strcmp(sqlite3_column_name(stmt, i), name) == 0)
			return i;
	return -1;
}

/* Whether a row has this time; or has none. */
static bool has_time(sqlite3_stmt *stmt, const char *seconds, const char *rest,
		     const struct timespec *time)
{
	int s = column(stmt, seconds), ns = column(stmt, rest);

	return s < 0 || (sqlite3_column_int64(stmt, s) == time->tv_sec &&
			 sqlite3_column_int64(stmt, ns) == time->tv_nsec);
}

/* Whether the file in the store is still what a row says: its number, size and times. */
static bool fits(const struct whole *w, sqlite3_stmt *stmt, int ino)
{
	_cleanup_free_ char *name = NULL, *path = NULL;
	struct stat st;
	int file = column(stmt, "file");

	name = strndup(sqlite3_column_blob(stmt, file),
		       (size_t)sqlite3_column_bytes(stmt, file));
	if (!name || asprintf(&path, "%s/snapshots/%s", w->world->store, name) < 0)
		die("no memory");
	return lstat(path, &st) == 0 &&
	       st.st_ino == (uint64_t)sqlite3_column_int64(stmt, ino) &&
	       st.st_size == sqlite3_column_int64(stmt, column(stmt, "size")) &&
	       has_time(stmt, "mtime_sec", "mtime_nsec", &st.st_mtim) &&
	       has_time(stmt, "ctime_sec", "ctime_nsec", &st.st_ctim);
}

static void tell_value(const struct whole *w, sqlite3_stmt *stmt, int i)
{
	const uint8_t *p = sqlite3_column_blob(stmt, i);

	fprintf(w->f, " %d:", sqlite3_column_type(stmt, i));
	for (int k = 0; k < sqlite3_column_bytes(stmt, i); k++)
		fprintf(w->f, p[k] > ' ' && p[k] < 0x7f ? "%c" : "\\%02x", p[k]);
}

static void tell_row(const struct whole *w, sqlite3_stmt *stmt)
{
	int ino = column(stmt, "ino");

	if (ino >= 0)
		fprintf(w->f, fits(w, stmt, ino) ? "of this file:" : "of another file:");
	for (int i = 0; i < sqlite3_column_count(stmt); i++) {
		const char *name = sqlite3_column_name(stmt, i);

		if (ends_in(name, "_ino"))
			tell_inode(w, (uint64_t)sqlite3_column_int64(stmt, i));
		else if (ino < 0 || (i != ino && !strstr(name, "time_")))
			tell_value(w, stmt, i);
	}
	putc('\n', w->f);
}

static void tell_rows(struct whole *w, sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			tell_row(w, stmt);
	}
	w->unreadable = w->unreadable || rc != SQLITE_DONE;
	sqlite3_finalize(stmt);
}

static void tell_table(struct whole *w, sqlite3 *db, const char *table)
{
	_cleanup_free_ char *sql = NULL;

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		if (strcmp(special[i].table, table) != 0)
			continue;
		if (!special[i].sql)
			return;
		sql = strdup(special[i].sql);
	}
	if (!sql && asprintf(&sql, "SELECT * FROM \"%s\" ORDER BY 1, 2", table) < 0)
		sql = NULL;
	if (!sql)
		die("no memory");
	fprintf(w->f, "%s:\n", table);
	tell_rows(w, db, sql);
}

static void tell_tables(struct whole *w, sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(
		db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1", -1,
		&stmt, NULL);

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			tell_table(w, db, (const char *)sqlite3_column_text(stmt, 0));
	}
	w->unreadable = w->unreadable || rc != SQLITE_DONE;
	sqlite3_finalize(stmt);
	tell_rows(w, db, "SELECT user_version FROM pragma_user_version");
	tell_rows(w, db, "SELECT application_id FROM pragma_application_id");
	tell_rows(w, db, "PRAGMA integrity_check");
}

/* All of a file, if there is one. */
static bool copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "re"), *out;
	char b[65536];
	size_t n;

	if (!in && errno == ENOENT)
		return false;
	out = fopen(to, "we");
	if (!in || !out)
		die("copy %s", from);
	while ((n = fread(b, 1, sizeof(b), in)) > 0)
		if (fwrite(b, 1, n, out) != n)
			die("write %s", to);
	if (ferror(in) || fclose(in) != 0 || fclose(out) != 0)
		die("copy %s", from);
	return true;
}

/* Of a copy, since to open a database can change it; where it cannot be
 * read, every byte counts. */
static void tell_database(struct whole *w)
{
	static const char *const parts[] = { "state.db", "state.db-wal",
					     "state.db-journal" };

	_cleanup_free_ char *dir = world_path(w->world, "look"),
			    *path = world_inside(dir, parts[0]);
	sqlite3 *db = NULL;
	bool is_there[3];
	struct stat st;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		die("mkdir %s", dir);
	for (int i = 0; i < 3; i++) {
		_cleanup_free_ char *from = world_inside(w->world->store, parts[i]),
				    *to = world_inside(dir, parts[i]);

		unlink(to);
		is_there[i] = copy_file(from, to);
	}
	if (!is_there[0])
		return;
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
		tell_tables(w, db);
	else
		w->unreadable = true;
	sqlite3_close(db);
	for (int i = 0; i < 3 && w->unreadable; i++) {
		_cleanup_free_ char *part = world_inside(w->world->store, parts[i]);

		if (is_there[i] && lstat(part, &st) == 0)
			fprintf(w->f, "unreadable: %lld bytes, %llx\n",
				(long long)st.st_size,
				(unsigned long long)world_sum(part, &st));
	}
}

/* ---- All of it ---- */

/* in_child, which may fail to read what is there. */
static void tell(void *ctx)
{
	struct telling *t = ctx;
	const struct world *world = t->world;
	_cleanup_free_ char *live = world_list(world);
	struct whole w = { .f = fmemopen(t->text, TEXT_MAX, "w"), .world = world };
	long size;

	if (!w.f)
		die("no memory");
	fputs(live, w.f);
	look_at(&w, world->root, note_inode);
	look_at(&w, world->store, tell_file);
	look_at(&w, world->out, tell_file);
	tell_database(&w);
	size = ftell(w.f);
	if (fclose(w.f) == 0 && size > 0 && size < (long)TEXT_MAX - 1)
		t->size = (size_t)size;
	free(w.inodes);
}

char *whole_text(const struct world *world)
{
	static struct telling *t;
	char *text;

	if (!t)
		t = shared_memory(sizeof(*t));
	t->world = world;
	t->size = 0;
	if (in_child(tell, t, 60) != 0 || t->size == 0)
		return NULL;
	text = strndup(t->text, t->size);
	if (!text)
		die("no memory");
	return text;
}
