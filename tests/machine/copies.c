/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/machine/machine.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/cleanup.h"

/*
 * Machines that are kept under a name, and put back.
 */

/* Mounts what is a disk, or takes it off, where it is mounted. */
static void mount_disk(const struct world *w, bool on)
{
	char *disk = world_path(w, "cur/disk"),
	     *at = world_path(w, "cur/r/home/alice/.two");

	if (access(disk, F_OK) == 0 &&
	    (on ? mount(disk, at, NULL, MS_BIND, NULL) : umount2(at, MNT_DETACH)) < 0 &&
	    (on || errno != EINVAL))
		die("mount %s on %s", disk, at);
	free(disk);
	free(at);
}

void world_done(struct world *w)
{
	mount_disk(w, false);
	run_program((const char *const[]){ "/bin/rm", "-rf", w->dir, NULL });
	free(w->dir);
	free(w->root);
	free(w->store);
	free(w->apps);
	free(w->out);
	free(w->page);
	free(w->worker);
}

/* What is there already goes. */
static void copy_tree(const char *from, const char *to)
{
	run_program((const char *const[]){ "/bin/rm", "-rf", to, NULL });
	run_program((const char *const[]){ "/bin/cp", "-a", from, to, NULL });
}

/* scandir */
static int is_snapshot(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 4 && strcmp(entry->d_name + n - 4, ".zip") == 0;
}

/* Of two equal directories the second gets the very files of the first,
 * which nobody writes to. */
static void link_snapshots(const char *from, const char *to)
{
	struct dirent **names;
	int n = scandir(from, &names, is_snapshot, NULL);

	if (n < 0)
		die("scandir %s", from);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *a = world_inside(from, names[i]->d_name),
				    *b = world_inside(to, names[i]->d_name);

		if (unlink(b) < 0 || link(a, b) < 0)
			die("link %s", b);
		free(names[i]);
	}
	free(names);
}

/* Copies the store of a resting machine. */
static void copy_store(const char *from, const char *to)
{
	_cleanup_free_ char *a = world_inside(from, "store"),
			    *b = world_inside(to, "store"),
			    *snapshots = world_inside(a, "snapshots"),
			    *linked = world_inside(b, "snapshots");

	if (mkdir(to, 0755) < 0 && errno != EEXIST)
		die("mkdir %s", to);
	copy_tree(a, b);
	link_snapshots(snapshots, linked);
}

/* Copies a machine, or what of it is kept. */
static void copy(const struct world *w, const char *from, const char *to)
{
	if (w->resting) {
		copy_store(from, to);
	} else {
		copy_tree(from, to);
		inodes_fix(from, to);
	}
}

void world_keep(const struct world *w, const char *name)
{
	_cleanup_free_ char *cur = world_path(w, "cur"), *tmpl = world_path(w, "tmpl"),
			    *to = world_inside(tmpl, name);

	mount_disk(w, false);
	copy(w, cur, to);
	mount_disk(w, true);
}

void world_reset(const struct world *w, const char *name)
{
	_cleanup_free_ char *cur = world_path(w, "cur"), *tmpl = world_path(w, "tmpl"),
			    *from = world_inside(tmpl, name);

	mount_disk(w, false);
	copy(w, from, cur);
	mount_disk(w, true);
}
