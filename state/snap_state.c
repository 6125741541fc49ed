/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/snap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/buf.h"
#include "backend/base/json.h"
#include "backend/base/quote.h"
#include "backend/names.h"
#include "state/rooted.h"

#define STATE_FILE "/var/lib/snapd/state.json"

/* snapd keeps its tasks in the same file; beyond this it is not worth the memory. */
#define STATE_MAX ((size_t)64 << 20)

/* One revision of a snap that snapd has. */
struct revision {
	char *text, *id;
};

struct record {
	char *name;
	char *current; /* or NULL */
	char *conf;    /* or NULL */
	struct revision *revisions;
	size_t n, cap;
};

struct snap_state {
	struct record *records;
	size_t n, cap;
	bool hidden; /* the file is there, but not for the caller's eyes */
};

static void record_done(struct record *r)
{
	free(r->name);
	free(r->current);
	free(r->conf);
	for (size_t i = 0; i < r->n; i++) {
		free(r->revisions[i].text);
		free(r->revisions[i].id);
	}
	free(r->revisions);
	*r = (struct record){ .name = NULL };
}

void snap_state_free(struct snap_state *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		record_done(&s->records[i]);
	free(s->records);
	free(s);
}

/* A revision in any form that snapd writes, as text; NULL with an empty err: none. */
static char *revision_text(const struct json *value, struct err *err)
{
	const char *text;
	int64_t n;

	if (!value)
		return NULL;
	if (value->type == JSON_NUMBER && json_to_i64(value, &n) && n != 0 &&
	    n != INT64_MIN)
		return alloc_printf(err, "%s%lld", n < 0 ? "x" : "",
				    (long long)(n < 0 ? -n : n));
	text = value->type == JSON_STRING ? json_to_str(value) : NULL;
	if (!text || !snapshot_revision_is_legal(text))
		return NULL;
	return alloc_strdup(text, err);
}

/* Notes the id of one revision; one without an id says nothing. */
static int add_id(struct record *r, const struct json *revision, const struct json *id,
		  struct err *err)
{
	const char *id_text = id && id->type == JSON_STRING ? json_to_str(id) : NULL;
	_cleanup_free_ char *text = revision_text(revision, err);
	_cleanup_free_ char *copy = NULL;

	if (!text)
		return err_is(err, ERR_NONE) ? 0 : -1;
	if (!id_text || !*id_text)
		return 0;
	copy = alloc_strdup(id_text, err);
	if (!copy ||
	    alloc_grow(&r->revisions, r->n, &r->cap, sizeof(*r->revisions), err) < 0)
		return -1;
	r->revisions[r->n++] = (struct revision){ TAKE_PTR(text), TAKE_PTR(copy) };
	return 0;
}

static bool is_object(const struct json *value)
{
	return value && value->type == JSON_OBJECT;
}

/* The sequence of data.snaps.NAME: side infos, in newer versions each below "snap". */
static int add_sequence(struct record *r, const struct json *sequence, struct err *err)
{
	for (size_t i = 0; sequence && sequence->type == JSON_ARRAY && i < sequence->n;
	     i++) {
		const struct json *item = sequence->items[i], *inner;

		if (!is_object(item))
			continue;
		inner = json_get(item, "snap");
		item = is_object(inner) ? inner : item;
		if (add_id(r, json_get(item, "revision"), json_get(item, "snap-id"),
			   err) < 0)
			return -1;
	}
	return 0;
}

static int add_record(struct snap_state *s, const char *name, const struct json *snap,
		      struct err *err)
{
	struct record *r;

	if (alloc_grow(&s->records, s->n, &s->cap, sizeof(*s->records), err) < 0)
		return -1;
	r = &s->records[s->n];
	*r = (struct record){ .name = alloc_strdup(name, err) };
	if (!r->name)
		return -1;
	s->n++; /* from here on freed with s */
	if (!is_object(snap))
		return 0;
	r->current = revision_text(json_get(snap, "current"), err);
	if (!err_is(err, ERR_NONE))
		return -1;
	return add_sequence(r, json_get(snap, "sequence"), err);
}

static struct record *find(const struct snap_state *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->records[i].name, name) == 0)
			return &s->records[i];
	}
	return NULL;
}

/* The names of an object that are names of snaps, each with its value. */
static int each_snap(struct snap_state *s, const struct json *object,
		     int (*take)(struct snap_state *s, const char *name,
				 const struct json *value, struct err *err),
		     struct err *err)
{
	for (size_t i = 0; is_object(object) && i < object->n; i++) {
		const char *name = object->keys[i];

		if (strlen(name) == object->key_lens[i] && snap_name_is_legal(name) &&
		    take(s, name, object->items[i], err) < 0)
			return -1;
	}
	return 0;
}

/* Keeps a configuration as canonical text; an empty one is none. */
static int take_conf(struct snap_state *s, const char *name, const struct json *value,
		     struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER(&text, err);
	struct record *r;

	if (!is_object(value) || value->n == 0)
		return 0;
	json_value(&w, value);
	if (json_end(&w) < 0)
		return -1;
	r = find(s, name);
	if (!r) {
		if (add_record(s, name, NULL, err) < 0)
			return -1;
		r = &s->records[s->n - 1];
	}
	r->conf = buf_steal(&text, err);
	return r->conf ? 0 : -1;
}

static int parse(struct snap_state *s, const struct buf *text, struct err *err)
{
	static const struct json_limits limits = { STATE_MAX, 0 };
	_cleanup_(json_freep) struct json *top = NULL;
	const struct json *data;

	if (json_parse(text->data ? text->data : "", text->len, &limits, &top, err) < 0)
		return err_wrap(err, "%s", q(STATE_FILE));
	data = is_object(top) ? json_get(top, "data") : NULL;
	if (!is_object(data))
		return 0;
	if (each_snap(s, json_get(data, "snaps"), add_record, err) < 0)
		return -1;
	return each_snap(s, json_get(data, "config"), take_conf, err);
}

int snap_state_new(struct snap_state **ret, struct err *err)
{
	struct snap_state *s = alloc_zero(1, sizeof(*s), err);

	if (!s)
		return -1;
	*ret = s;
	return 0;
}

int snap_state_load(int rootfd, struct snap_state **ret, struct err *err)
{
	_cleanup_(snap_state_freep) struct snap_state *s = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	if (snap_state_new(&s, err) < 0)
		return -1;
	if (rooted_read_file(rootfd, STATE_FILE, STATE_MAX, &text, err) < 0) {
		if (!err_is(err, ERR_NOT_FOUND) && !err_is(err, ERR_DENIED))
			return -1;
		s->hidden = err_is(err, ERR_DENIED);
		err_clear(err); /* no snapd, or not for the caller's eyes */
	} else if (parse(s, &text, err) < 0) {
		return -1;
	}
	*ret = TAKE_PTR(s);
	return 0;
}

bool snap_state_is_hidden(const struct snap_state *s)
{
	return s->hidden;
}

/* What the answer says of one snap. */
static int add_answer(struct snap_state *s, const struct json *snap, struct err *err)
{
	const struct json *name = is_object(snap) ? json_get(snap, "name") : NULL;
	const char *text = name && name->type == JSON_STRING ? json_to_str(name) : NULL;
	struct record *r;

	if (!text || !snap_name_is_legal(text) || find(s, text))
		return 0;
	if (add_record(s, text, NULL, err) < 0)
		return -1;
	r = &s->records[s->n - 1];
	r->current = revision_text(json_get(snap, "revision"), err);
	if (!err_is(err, ERR_NONE))
		return -1;
	return add_id(r, json_get(snap, "revision"), json_get(snap, "id"), err);
}

int snap_state_add_answer(struct snap_state *s, const char *text, size_t len,
			  struct err *err)
{
	static const struct json_limits limits = { STATE_MAX, 0 };
	_cleanup_(json_freep) struct json *top = NULL;
	const struct json *result;

	if (json_parse(text, len, &limits, &top, err) < 0)
		return -1;
	result = is_object(top) ? json_get(top, "result") : NULL;
	if (!result || result->type != JSON_ARRAY)
		return err_set(err, ERR_CORRUPT, "not a list of snaps");
	for (size_t i = 0; i < result->n; i++) {
		if (add_answer(s, result->items[i], err) < 0)
			return -1;
	}
	return 0;
}

const char *snap_state_revision(const struct snap_state *s, const char *name)
{
	const struct record *r = find(s, name);

	return r ? r->current : NULL;
}

const char *snap_state_id(const struct snap_state *s, const char *name,
			  const char *revision)
{
	const struct record *r = find(s, name);

	for (size_t i = 0; r && i < r->n; i++) {
		if (strcmp(r->revisions[i].text, revision) == 0)
			return r->revisions[i].id;
	}
	return NULL;
}

const char *snap_state_conf(const struct snap_state *s, const char *name)
{
	const struct record *r = find(s, name);

	return r ? r->conf : NULL;
}
