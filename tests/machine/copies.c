/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/machine/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

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

/* Copies a machine; what is there already goes. */
static void copy(const char *from, const char *to)
{
	run_program((const char *const[]){ "/bin/rm", "-rf", to, NULL });
	run_program((const char *const[]){ "/bin/cp", "-a", from, to, NULL });
	inodes_fix(from, to);
}

void world_keep(const struct world *w, const char *name)
{
	char *cur = world_path(w, "cur"), *tmpl = world_path(w, "tmpl"), *to;

	if (asprintf(&to, "%s/%s", tmpl, name) < 0)
		die("no memory");
	mount_disk(w, false);
	copy(cur, to);
	mount_disk(w, true);
	free(cur);
	free(tmpl);
	free(to);
}

void world_reset(const struct world *w, const char *name)
{
	char *cur = world_path(w, "cur"), *tmpl = world_path(w, "tmpl"), *from;

	if (asprintf(&from, "%s/%s", tmpl, name) < 0)
		die("no memory");
	mount_disk(w, false);
	copy(from, cur);
	mount_disk(w, true);
	free(cur);
	free(tmpl);
	free(from);
}
