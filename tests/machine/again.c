/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "state/operation/save.h"
#include "tests/machine/machine.h"

/*
 * Saves that take over what older sets hold, on a resting machine.  Set 1 holds all apps;
 * then some of their data was changed ("held").  Set 2, which is automatic, holds them as
 * they are now ("unchanged").
 */

/* What set 1 holds: all of an app, and one of the archives of another. */
static const char *const held[] = { "home/alice/.one/noise", "var/lib/two/s" };
/* What has been changed since, for the system and for a person. */
static const char *const changed[] = { "home/bob/.config/three/x",
				       "home/alice/.config/three/x" };

/* What a machine lacks is no fault of what is tested. */
static __attribute__((noreturn)) void lack(struct report *r, const char *what)
{
	r->cannot = true;
	die("%s", what);
}

/* Hears of it when one of these files is opened, as far as they are there. */
static int watch(const struct world *w, const char *const paths[2], struct report *r)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	bool watched = false;

	if (fd < 0)
		lack(r, "inotify cannot be had");
	for (int i = 0; i < 2; i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", w->root, paths[i]) < 0)
			die("no memory");
		if (access(path, F_OK) < 0)
			continue;
		if (inotify_add_watch(fd, path, IN_OPEN) < 0)
			lack(r, path);
		watched = true;
	}
	if (!watched)
		lack(r, paths[0]);
	return fd;
}

/* Whether any was. */
static bool was_opened(int fd)
{
	char events[4096];

	return read(fd, events, sizeof(events)) > 0;
}

/* How many apps a save of what has changed leaves to older sets. */
static size_t count_unchanged(const struct world *w, bool all)
{
	return all ? 3 : w->system ? 1 : 2;
}

/* From opening to closing; `all`: nothing was changed. */
static int save(const struct world *w, const struct save_request *q, bool all,
		struct report *r, struct err *err)
{
	struct observer observer = { report_warning, r, NULL };
	_cleanup_close_ int of_held = watch(w, held, r),
			    of_changed = watch(w, changed, r);
	_cleanup_(session_closep) struct session *s =
		operation_session(w, SESSION_WRITE, &observer, err);
	struct save_outcome o;

	if (!s || setaside_save(s, q, &o, err) < 0)
		return -1;
	/* An app of which it cannot be told whether it has changed is saved. */
	r->partial = o.skipped + o.changed + o.problems > 0 ||
		     (q->if_changed && o.n_unchanged < count_unchanged(w, all));
	r->taken_over = !was_opened(of_held) && was_opened(of_changed) != all;
	save_outcome_done(&o);
	return 0;
}

int again_run_save(const struct world *w, struct report *r, struct err *err)
{
	struct save_request q = { .note = "a note" };

	return save(w, &q, false, r, err);
}

int again_run_if_changed(const struct world *w, struct report *r, struct err *err)
{
	struct save_request q = { .note = "a note", .if_changed = true };

	return save(w, &q, false, r, err);
}

int again_run_unchanged(const struct world *w, struct report *r, struct err *err)
{
	struct save_request q = { .if_changed = true };

	return save(w, &q, true, r, err);
}

static int run_automatic(const struct world *w, struct report *r, struct err *err)
{
	struct save_request q = { .automatic = true };

	return save(w, &q, false, r, err);
}

/* All is held as it is. */
static void hold_all(const struct world *w)
{
	world_rest();
	operation_must(w, run_automatic);
}

void again_lay(const struct world *w, const char *name)
{
	world_rest();
	operation_must(w, again_run_save);
	world_change(w);
	if (strcmp(name, "unchanged") == 0)
		hold_all(w);
}

void again_prepare(const struct world *w)
{
	again_lay(w, "held");
	world_keep(w, "held");
	hold_all(w);
	world_keep(w, "unchanged");
}
