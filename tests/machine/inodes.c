/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/machine/machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/db.h"

/*
 * A copied machine has other inode numbers than those that its journal knows: the journal
 * of the copy gets those of the copy.
 */

struct pairs {
	uint64_t (*pairs)[2];
	size_t n, cap;
};

/* Those of two equal directories and of all below them. */
static void pair_below(struct pairs *p, const char *from, const char *to)
{
	char *inner_from, *inner_to;
	struct dirent **names;
	struct stat a, b;
	int n;

	if (lstat(from, &a) < 0 || lstat(to, &b) < 0)
		die("%s and %s differ", from, to);
	if (p->n == p->cap) {
		p->cap = 2 * p->cap + 64;
		p->pairs = realloc(p->pairs, p->cap * sizeof(p->pairs[0]));
		if (!p->pairs)
			die("no memory");
	}
	p->pairs[p->n][0] = a.st_ino;
	p->pairs[p->n++][1] = b.st_ino;
	n = S_ISDIR(a.st_mode) ? scandir(from, &names, NULL, NULL) : 0;
	if (n < 0)
		die("scandir %s", from);
	for (int i = 0; i < n; i++) {
		if (strcmp(names[i]->d_name, ".") != 0 &&
		    strcmp(names[i]->d_name, "..") != 0) {
			if (asprintf(&inner_from, "%s/%s", from, names[i]->d_name) < 0 ||
			    asprintf(&inner_to, "%s/%s", to, names[i]->d_name) < 0)
				die("no memory");
			pair_below(p, inner_from, inner_to);
			free(inner_from);
			free(inner_to);
		}
		free(names[i]);
	}
	if (S_ISDIR(a.st_mode))
		free(names);
}

static void renumber(const struct pairs *p, uint64_t *ino)
{
	for (size_t i = 0; *ino && i < p->n; i++) {
		if (p->pairs[i][0] == *ino) {
			*ino = p->pairs[i][1];
			return;
		}
	}
}

/* One restore's items. */
static void fix_restore(struct db *db, const struct db_restore *row,
			const struct pairs *p)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db_item_list list = { 0 };
	struct db_journal j;

	if (row->state == JOURNAL_CLOSED)
		return;
	if (db_restore_items(db, row->id, &list, &err) < 0)
		die("journal: %s", err_message(&err));
	for (size_t i = 0; i < list.n; i++) {
		renumber(p, &list.items[i].parent_ino);
		renumber(p, &list.items[i].old_ino);
		renumber(p, &list.items[i].new_ino);
	}
	db_journal_init(&j, db, row->id);
	if (list.n > 0 && j.journal.put(&j, list.items, list.n, row->state, &err) < 0)
		die("journal: %s", err_message(&err));
	db_item_list_done(&list);
}

void inodes_fix(const char *from, const char *to)
{
	_cleanup_free_ char *store = world_inside(to, "store"),
			    *from_root = world_inside(from, "r"),
			    *to_root = world_inside(to, "r"),
			    *from_disk = world_inside(from, "disk"),
			    *to_disk = world_inside(to, "disk");
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db_restore_list list = { 0 };
	struct pairs pairs = { 0 };
	struct db *db = NULL;
	int fd = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (faccessat(fd, "state.db", F_OK, 0) == 0) {
		if (db_open(fd, store, DB_WRITE, &db, &err) < 0 ||
		    db_restores(db, &list, &err) < 0)
			die("database: %s", err_message(&err));
		if (list.n > 0)
			pair_below(&pairs, from_root, to_root);
		if (list.n > 0 && access(from_disk, F_OK) == 0)
			pair_below(&pairs, from_disk, to_disk);
		for (size_t i = 0; i < list.n; i++)
			fix_restore(db, &list.restores[i], &pairs);
		db_restore_list_done(&list);
		db_close(db);
	}
	free(pairs.pairs);
	close(fd);
}
