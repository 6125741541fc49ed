/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/check.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/worker/reader.h"
#include "state/operation/choose.h"
#include "state/session_internal.h"

void check_outcome_done(struct check_outcome *o)
{
	for (size_t i = 0; i < o->n; i++) {
		free(o->apps[i].name);
		strings_done(&o->apps[i].problems);
	}
	free(o->apps);
	*o = (struct check_outcome){ 0 };
}

/* A problem with a member or the file. */
static int add_problem(struct check_app *a, const struct err *problem, struct err *err)
{
	a->ok = false;
	return strings_add(&a->problems, err_message(problem), err);
}

/* Every archive of an opened snapshot that the scope wants. */
static int check_archives(struct session *s, struct worker *reader, uint64_t handle,
			  const struct snapshot *m, const struct scope *scope, bool deep,
			  struct check_app *a, struct err *err)
{
	for (size_t i = 0; i < m->n_archives; i++) {
		_cleanup_(err_clear) struct err problem = ERR_INIT;

		if (!choose_archive(scope, m->archives[i].name))
			continue;
		if (reader_check(reader, handle, m->archives[i].name, deep, s->observer,
				 &problem) == 0)
			continue;
		/* Damage is found; anything else is a failure to look. */
		if (!err_is(&problem, ERR_CORRUPT) && !err_is(&problem, ERR_UNSUPPORTED))
			return err_move(err, &problem);
		if (add_problem(a, &problem, err) < 0)
			return -1;
	}
	return 0;
}

/* One snapshot, opened anew: what the cache says is not asked. */
static int check_snapshot(struct session *s, const struct set_snapshot *from,
			  const struct scope *scope, bool deep, struct check_app *a,
			  struct err *err)
{
	_cleanup_(snapshot_freep) struct snapshot *m = NULL;
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	_cleanup_close_ int fd = -1;
	struct worker *reader;
	uint64_t handle = 0;
	int r;

	a->ok = true;
	a->name = alloc_strdup(from->meta->snap, err);
	if (!a->name || session_reader(s, &reader, err) < 0)
		return -1;
	fd = store_open_file(s->store, from->file, &problem);
	if (fd >= 0 &&
	    reader_open(reader, fd, s->observer, &m, &handle, &problem, err) < 0)
		return -1;
	if (problem.kind != ERR_NONE)
		return add_problem(a, &problem, err);
	r = check_archives(s, reader, handle, m, scope, deep, a, err);
	if (r < 0)
		return -1;
	return reader_close(reader, handle, err);
}

/* The chosen snapshots of a set. */
static int check_set(struct session *s, const struct set *set, const struct scope *scope,
		     bool deep, struct check_outcome *o, struct err *err)
{
	_cleanup_free_ const struct set_snapshot **chosen = NULL;
	size_t n;

	if (choose_snapshots(set, scope, &chosen, &n, err) < 0)
		return -1;
	o->apps = alloc_zero(n + 1, sizeof(*o->apps), err);
	if (!o->apps)
		return -1;
	o->ok = true;
	for (size_t i = 0; i < n; i++) {
		o->n++;
		if (check_snapshot(s, chosen[i], scope, deep, &o->apps[i], err) < 0)
			return err_wrap(err, "cannot check %s", q(chosen[i]->meta->snap));
		o->ok = o->ok && o->apps[i].ok;
	}
	return 0;
}

int setaside_check(struct session *s, uint64_t id, const struct scope *scope, bool deep,
		   struct check_outcome *ret, struct err *err)
{
	_cleanup_(check_outcome_done) struct check_outcome o = { .set = id };
	struct set set;
	int r;

	if (session_lock_set(s, id, LOCK_SHARED, err) < 0)
		return -1;
	r = sets_get(s, id, &set, err);
	if (r == 0) {
		r = check_set(s, &set, scope, deep, &o, err);
		set_done(&set);
	}
	session_unlock_set(s, id);
	if (r < 0)
		return -1;
	*ret = o;
	o = (struct check_outcome){ 0 };
	return 0;
}
