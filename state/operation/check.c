/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/check.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/meter.h"
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

/* A snapshot while it is checked. */
struct opened {
	struct snapshot *meta;
	uint64_t handle; /* 0: it could not be opened, and the outcome says why */
	uint64_t *sizes; /* one for each archive; 0: not wanted */
};

/* The snapshots of a set that are looked at. */
struct checking {
	struct session *session;
	const struct scope *scope;
	bool deep;
	struct worker *reader;
	struct opened *snapshots;
	size_t n, n_archives;
	uint64_t total; /* bytes to read */
	struct meter meter;
};

/* The reader lets go of the files. */
static void checking_done(struct checking *c)
{
	for (size_t i = 0; c->snapshots && i < c->n; i++) {
		_cleanup_(err_clear) struct err ignored = ERR_INIT;
		struct opened *o = &c->snapshots[i];

		if (o->handle > 0 && worker_is_alive(c->reader))
			(void)reader_close(c->reader, o->handle, c->session->observer,
					   &ignored);
		snapshot_free(o->meta);
		free(o->sizes);
	}
	free(c->snapshots);
}

/* How much there is to read of each archive that the scope wants. */
static int find_sizes(struct checking *c, struct opened *o, struct err *err)
{
	const struct snapshot *m = o->meta;

	o->sizes = alloc_zero(m->n_archives + 1, sizeof(*o->sizes), err);
	if (!o->sizes)
		return -1;
	for (size_t i = 0; i < m->n_archives; i++) {
		uint64_t *size = &o->sizes[i];

		if (!choose_archive(c->scope, m->archives[i].name))
			continue;
		if (reader_size(c->reader, o->handle, m->archives[i].name,
				c->session->observer, size, err) < 0)
			return -1;
		if (c->deep)
			*size = meter_add(*size, *size);
		c->total = meter_add(c->total, *size);
		c->n_archives++;
	}
	return 0;
}

/* One snapshot, opened anew: what the cache says is not asked. */
static int open_snapshot(struct checking *c, const struct set_snapshot *from,
			 struct opened *o, struct check_app *a, struct err *err)
{
	_cleanup_(err_clear) struct err problem = ERR_INIT;
	_cleanup_close_ int fd = -1;

	a->ok = true;
	a->name = alloc_strdup(from->meta->snap, err);
	if (!a->name)
		return -1;
	fd = session_open_snapshot(c->session, from->file, &problem);
	if (fd >= 0 && reader_open(c->reader, fd, c->session->observer, &o->meta,
				   &o->handle, &problem, err) < 0)
		return -1;
	if (problem.kind != ERR_NONE)
		return add_problem(a, &problem, err);
	return find_sizes(c, o, err);
}

/* Names all that will be checked, since the hash of one archive
 * takes but one processor. */
static int name_archives(struct checking *c, const struct opened *o, struct err *err)
{
	const struct snapshot *m = o->meta;

	for (size_t i = 0; o->handle > 0 && i < m->n_archives; i++)
		if (choose_archive(c->scope, m->archives[i].name) &&
		    reader_check_ahead(c->reader, o->handle, m->archives[i].name,
				       c->session->observer, err) < 0)
			return -1;
	return 0;
}

/* Every archive of an opened snapshot that the scope wants. */
static int check_archives(struct checking *c, const struct opened *o, struct check_app *a,
			  struct err *err)
{
	const struct snapshot *m = o->meta;

	for (size_t i = 0; o->handle > 0 && i < m->n_archives; i++) {
		_cleanup_(err_clear) struct err problem = ERR_INIT;
		const char *name = m->archives[i].name;
		_cleanup_free_ char *user = NULL;
		const char *of;
		size_t n;

		if (!choose_archive(c->scope, name))
			continue;
		of = snapshot_archive_user(name, &n);
		user = of ? alloc_strndup(of, n, err) : NULL;
		if (of && !user)
			return -1;
		meter_part(&c->meter, a->name, user, o->sizes[i]);
		if (reader_check(c->reader, o->handle, name, c->deep, &c->meter,
				 c->session->observer, &problem) == 0)
			continue;
		/* Damage is found; anything else is a failure to look. */
		if (!err_is(&problem, ERR_CORRUPT) && !err_is(&problem, ERR_UNSUPPORTED))
			return err_move(err, &problem);
		if (add_problem(a, &problem, err) < 0)
			return -1;
	}
	return 0;
}

/* The chosen snapshots of a set: all are opened first, so that it is
 * known how much there is. */
static int check_set(struct session *s, const struct set *set, const struct scope *scope,
		     bool deep, struct check_outcome *o, struct err *err)
{
	_cleanup_free_ const struct set_snapshot **chosen = NULL;
	_cleanup_(checking_done) struct checking c = { .session = s,
						       .scope = scope,
						       .deep = deep };

	if (choose_snapshots(set, scope, &chosen, &c.n, err) < 0 ||
	    session_reader(s, &c.reader, err) < 0)
		return -1;
	o->apps = alloc_zero(c.n + 1, sizeof(*o->apps), err);
	c.snapshots = alloc_zero(c.n + 1, sizeof(*c.snapshots), err);
	if (!o->apps || !c.snapshots)
		return -1;
	o->n = c.n;
	o->ok = true;
	for (size_t i = 0; i < c.n; i++)
		if (open_snapshot(&c, chosen[i], &c.snapshots[i], &o->apps[i], err) < 0)
			return err_wrap(err, "cannot check %s", q(chosen[i]->meta->snap));
	for (size_t i = 0; c.n_archives > 1 && i < c.n; i++)
		if (name_archives(&c, &c.snapshots[i], err) < 0)
			return -1;
	meter_init(&c.meter, s->observer, c.total);
	for (size_t i = 0; i < c.n; i++) {
		if (check_archives(&c, &c.snapshots[i], &o->apps[i], err) < 0)
			return err_wrap(err, "cannot check %s", q(chosen[i]->meta->snap));
		o->ok = o->ok && o->apps[i].ok;
		if (!o->apps[i].ok && s->db)
			db_fingerprint_drop_best_effort(s->db, set->id, chosen[i]->file);
	}
	meter_end(&c.meter);
	return 0;
}

int setaside_check(struct session *s, uint64_t id, const struct scope *scope, bool deep,
		   struct check_outcome *ret, struct err *err)
{
	_cleanup_(check_outcome_done) struct check_outcome o = { .set = id };
	struct set set;
	int r;

	session_unshield(s);
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
