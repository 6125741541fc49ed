/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/definitions.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/base/strings.h"
#include "state/definitions_internal.h"

/* A definition that is there, but cannot be used. */
struct wrong {
	char *id;
	struct err why;
};

struct definitions {
	struct definition **items; /* by id */
	size_t n, cap;
	struct wrong *wrong;
	size_t n_wrong, cap_wrong;
	size_t n_unread;
};

void definitions_free(struct definitions *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n; i++)
		definition_free(d->items[i]);
	free(d->items);
	for (size_t i = 0; i < d->n_wrong; i++) {
		free(d->wrong[i].id);
		err_clear(&d->wrong[i].why);
	}
	free(d->wrong);
	free(d);
}

/* The path of a file as messages show it. */
static char *display_path(const struct definitions_dir *dir, const char *name,
			  struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	if (quote_escape(&text, dir->path, strlen(dir->path), err) < 0 ||
	    buf_add_byte(&text, '/', err) < 0 ||
	    quote_escape(&text, name, strlen(name), err) < 0)
		return NULL;
	return buf_steal(&text, err);
}

static int read_file(const struct definitions_files *l, const struct definitions_file *c,
		     const char *id, unsigned flags, struct definition **ret,
		     struct err *err)
{
	const struct definitions_options *o = l->options;
	const struct definitions_dir *dir = &l->dirs[c->dir];
	_cleanup_free_ char *file = display_path(dir, c->name, err);
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	if (!file || definitions_files_read(l, c, file, &text, err) < 0)
		return -1;
	if (dir->own)
		flags |= DEFINITION_USER;
	return definition_parse(text.data ? text.data : "", text.len, file, id, flags,
				o->observer, ret, err);
}

/* The definition with its drop-ins. */
static int read_entry(const struct definitions_files *l,
		      const struct definitions_entry *e, struct definition **ret,
		      struct err *err)
{
	_cleanup_(definition_freep) struct definition *d = NULL;

	if (read_file(l, &e->base, e->id, 0, &d, err) < 0)
		return -1;
	for (size_t i = 0; i < e->n_drop_ins; i++) {
		_cleanup_(definition_freep) struct definition *more = NULL;

		if (e->drop_ins[i].masked)
			continue;
		if (read_file(l, &e->drop_ins[i], e->id, DEFINITION_DROP_IN, &more, err) <
			    0 ||
		    definition_merge(d, more, err) < 0)
			return -1;
	}
	*ret = TAKE_PTR(d);
	return 0;
}

/* Remembers why a definition cannot be used, and says so. */
static int add_wrong(struct definitions *d, const char *id,
		     const struct observer *observer, struct err *err)
{
	_cleanup_(err_clear) struct err why = ERR_INIT;
	struct wrong w = { .id = NULL, .why = ERR_INIT };

	(void)err_move(&why, err);
	observer_warn(observer, NULL, "%s", err_message(&why));
	if (alloc_grow(&d->wrong, d->n_wrong, &d->cap_wrong, sizeof(*d->wrong), err) < 0)
		return -1;
	w.id = alloc_strdup(id, err);
	if (!w.id)
		return -1;
	(void)err_move(&w.why, &why);
	d->wrong[d->n_wrong++] = w;
	return 0;
}

static int add(struct definitions *d, const struct definitions_files *l,
	       const struct definitions_entry *e, struct err *err)
{
	_cleanup_(definition_freep) struct definition *definition = NULL;

	if (!e->base.name || e->base.masked)
		return 0;
	if (read_entry(l, e, &definition, err) < 0) {
		/* Whatever the reason, it concerns this one app; want of memory does
		 * not. */
		if (err_is(err, ERR_NOMEM))
			return -1;
		d->n_unread += err_is(err, ERR_IO) || err_is(err, ERR_NO_SPACE);
		return add_wrong(d, e->id, l->options->observer, err);
	}
	if (alloc_grow(&d->items, d->n, &d->cap, sizeof(struct definition *), err) < 0)
		return -1;
	d->items[d->n++] = TAKE_PTR(definition);
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp((*(struct definition *const *)a)->id,
		      (*(struct definition *const *)b)->id);
}

int definitions_load(const struct definitions_options *options, struct definitions **ret,
		     struct err *err)
{
	_cleanup_(definitions_freep) struct definitions *d =
		alloc_zero(1, sizeof(*d), err);
	_cleanup_(definitions_files_done) struct definitions_files l = {
		.options = options
	};

	if (!d)
		return -1;
	if (definitions_files_collect(&l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		if (add(d, &l, &l.entries[i], err) < 0)
			return -1;
	}
	if (d->n > 1)
		qsort(d->items, d->n, sizeof(struct definition *), compare);
	*ret = TAKE_PTR(d);
	return 0;
}

size_t definitions_unread(const struct definitions *d)
{
	return d->n_unread;
}

size_t definitions_count(const struct definitions *d)
{
	return d->n;
}

const struct definition *definitions_at(const struct definitions *d, size_t i)
{
	return d->items[i];
}

/* Fails as reading it did, which need not be for damage.  But the definition is there,
 * if only as a link that leads nowhere. */
static int tell_wrong(const struct wrong *w, struct err *err)
{
	enum err_kind kind = err_is(&w->why, ERR_NOT_FOUND) ? ERR_CORRUPT : w->why.kind;

	err_set(err, kind, "the definition of %s cannot be used: %s", q(w->id),
		err_message(&w->why));
	return w->why.hint ? err_hint(err, "%s", w->why.hint) : -1;
}

int definitions_find(const struct definitions *d, const char *id,
		     const struct definition **ret, struct err *err)
{
	for (size_t i = 0; i < d->n_wrong; i++) {
		if (strcmp(d->wrong[i].id, id) == 0)
			return tell_wrong(&d->wrong[i], err);
	}
	for (size_t i = 0; i < d->n; i++) {
		if (strcmp(d->items[i]->id, id) == 0) {
			*ret = d->items[i];
			return 0;
		}
	}
	return err_set(err, ERR_NOT_FOUND, "there is no definition of %s", q(id));
}

const struct definition *definitions_of_flatpak(const struct definitions *d,
						const char *id)
{
	for (size_t i = 0; i < d->n; i++) {
		if (strings_has(&d->items[i]->flatpak, id))
			return d->items[i];
	}
	return NULL;
}
