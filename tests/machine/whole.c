/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
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
 * The whole of a machine as text: what an operation on it can depend on.  Two machines with one
 * text are one to whatever is tested.  Left out is what cannot matter: times of directories around
 * the trees and of the store's files, who held a lock, what a database remembers of files that it
 * would read again, the names and times of restores that are closed, and the pages that a database
 * is made of, instead of which there are its rows.  Inode numbers in rows are told by the files that have them.
 */

/* Read with a query of its own, or not at all. */
static const struct {
	const char *table, *sql;
} special[] = {
	{ "cache", NULL },
	{ "holders", NULL },
	{ "sqlite_sequence", NULL },
	{ "contents", "SELECT set_id, length(files) > 0, hash, alternate FROM contents" },
	{ "restores",
	  "SELECT iif(state = 'closed', 0, id), kind, set_id, undoes, undone_by, state, kept,"
	  " iif(state = 'closed', 0, created), iif(state = 'closed', 0, expires), apps, store, root,"
	  " iif(state = 'closed', '', detail) FROM restores" },
};

struct whole {
	FILE *f;
	uint64_t *inodes; /* of all that is in the root, in the order of names */
	size_t n, cap;
	bool unreadable; /* rows are */
};

/* ---- Files ---- */

static char *inside(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		die("no memory");
	return path;
}

/* Calls f for each entry of a directory, in the order of names; where there is none, for none. */
static void each_entry(struct whole *w, const char *dir,
		       void (*f)(struct whole *w, const char *path, const struct stat *st))
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = inside(dir, names[i]->d_name);
		struct stat st;

		if (strcmp(names[i]->d_name, ".") != 0 && strcmp(names[i]->d_name, "..") != 0) {
			if (lstat(path, &st) < 0)
				die("lstat %s", path);
			f(w, path, &st);
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static void note_inode(struct whole *w, const char *path, const struct stat *st)
{
	if (w->n == w->cap) {
		w->cap = 2 * w->cap + 64;
		w->inodes = realloc(w->inodes, w->cap * sizeof(w->inodes[0]));
		if (!w->inodes)
			die("no memory");
	}
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

static void tell_value(const struct whole *w, sqlite3_stmt *stmt, int i)
{
	const char *name = sqlite3_column_name(stmt, i);
	size_t n = strlen(name);
	const uint8_t *p;

	if (n > 4 && strcmp(name + n - 4, "_ino") == 0) {
		tell_inode(w, (uint64_t)sqlite3_column_int64(stmt, i));
		return;
	}
	p = sqlite3_column_blob(stmt, i);
	fprintf(w->f, " %d:", sqlite3_column_type(stmt, i));
	for (int k = 0; k < sqlite3_column_bytes(stmt, i); k++)
		fprintf(w->f, p[k] > ' ' && p[k] < 0x7f ? "%c" : "\\%02x", p[k]);
}

static void tell_rows(struct whole *w, sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(stmt);
		if (rc != SQLITE_ROW)
			break;
		for (int i = 0; i < sqlite3_column_count(stmt); i++)
			tell_value(w, stmt, i);
		putc('\n', w->f);
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
	int rc = sqlite3_prepare_v2(db,
				    "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1",
				    -1, &stmt, NULL);

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			tell_table(w, db, (const char *)sqlite3_column_text(stmt, 0));
	}
	w->unreadable = w->unreadable || rc != SQLITE_DONE;
	sqlite3_finalize(stmt);
	tell_rows(w, db, "SELECT user_version FROM pragma_user_version");
}

/* All of a file, if there is one. */
static bool copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "re"), *out;
	char b[65536];
	size_t n;

	if (!in)
		return false;
	out = fopen(to, "we");
	while (out && (n = fread(b, 1, sizeof(b), in)) > 0)
		if (fwrite(b, 1, n, out) != n)
			die("write %s", to);
	fclose(in);
	if (!out || fclose(out) != 0)
		die("write %s", to);
	return true;
}

/* Then every byte of it counts. */
static void tell_unreadable(const struct whole *w, const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		fprintf(w->f, "%s cannot be read, %lld bytes, %llx\n", path, (long long)st.st_size,
			(unsigned long long)world_sum(path, &st));
}

/* Of a copy, since to open a database can change it. */
static void tell_database(struct whole *w, const struct world *world)
{
	static const char *const parts[] = { "state.db", "state.db-wal" };

	_cleanup_free_ char *dir = world_path(world, "look"), *db_path = inside(dir, parts[0]),
			    *original = inside(world->store, parts[0]);
	sqlite3 *db = NULL;
	bool is_there = false;

	if (mkdir(dir, 0700) < 0 && access(dir, W_OK) < 0)
		die("mkdir %s", dir);
	for (int i = 1; i >= 0; i--) {
		_cleanup_free_ char *from = inside(world->store, parts[i]),
				    *to = inside(dir, parts[i]);

		unlink(to);
		is_there = copy_file(from, to);
	}
	if (!is_there)
		return;
	if (sqlite3_open_v2(db_path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
		tell_tables(w, db);
	else
		w->unreadable = true;
	sqlite3_close(db);
	if (w->unreadable)
		tell_unreadable(w, original);
}

char *whole_text(const struct world *world)
{
	_cleanup_free_ char *live = world_list(world);
	char *text = NULL;
	size_t n;
	struct whole w = { .f = open_memstream(&text, &n) };

	if (!w.f)
		die("no memory");
	fputs(live, w.f);
	each_entry(&w, world->root, note_inode);
	each_entry(&w, world->store, tell_file);
	each_entry(&w, world->out, tell_file);
	tell_database(&w, world);
	fclose(w.f);
	free(w.inodes);
	return text;
}
