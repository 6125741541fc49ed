/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/snap_yaml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"
#include "backend/tree/exclude.h"

/*
 * The file is taken as a stream of events; only what is asked for is kept, so that
 * neither aliases (never expanded) nor large parts of no interest cost memory.
 */
#define DEPTH_MAX  64u
#define EVENTS_MAX 200000u

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one; none before the first */
	bool has_event;
	unsigned depth;
	unsigned n_events;
};

void snap_meta_done(struct snap_meta *m)
{
	free(m->name);
	free(m->version);
	free(m->summary);
	strings_done(&m->exclude);
	*m = (struct snap_meta)SNAP_META_INIT;
}

static int reader_init(struct reader *r, const char *text, size_t len, struct err *err)
{
	if (len > SNAP_YAML_MAX)
		return err_set(err, ERR_CORRUPT, "more than %zu bytes", SNAP_YAML_MAX);
	*r = (struct reader){ .depth = 0 };
	if (!yaml_parser_initialize(&r->parser))
		return err_nomem(err);
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, len);
	/* Else a byte order mark could choose UTF-16. */
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	return 0;
}

static void reader_done(struct reader *r)
{
	if (r->has_event)
		yaml_event_delete(&r->event);
	yaml_parser_delete(&r->parser);
}

/* The line of the current event, from 1. */
static size_t line_of(const struct reader *r)
{
	return r->event.start_mark.line + 1;
}

/* What libyaml says of its failure. */
static int err_yaml(const struct reader *r, struct err *err)
{
	const yaml_parser_t *p = &r->parser;

	if (p->error == YAML_MEMORY_ERROR)
		return err_nomem(err);
	if (p->error == YAML_READER_ERROR)
		return err_set(err, ERR_CORRUPT, "byte %zu: %s", p->problem_offset,
			       p->problem);
	return err_set(err, ERR_CORRUPT, "line %zu: %s", p->problem_mark.line + 1,
		       p->problem ? p->problem : "no YAML");
}

/* Keeps count of how deep the current event is. */
static int count_depth(struct reader *r, struct err *err)
{
	switch ((int)r->event.type) {
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (++r->depth > DEPTH_MAX)
			return err_set(err, ERR_CORRUPT, "line %zu: nested too deeply",
				       line_of(r));
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		break;
	default:
		break;
	}
	return 0;
}

/* Goes to the next event. */
static int next(struct reader *r, struct err *err)
{
	if (r->has_event)
		yaml_event_delete(&r->event);
	r->has_event = false;
	if (!yaml_parser_parse(&r->parser, &r->event))
		return err_yaml(r, err);
	r->has_event = true;
	if (++r->n_events > EVENTS_MAX)
		return err_set(err, ERR_CORRUPT, "line %zu: too many values", line_of(r));
	return count_depth(r, err);
}

/* Goes to the next event, which has to be `type`. */
static int expect(struct reader *r, yaml_event_type_t type, const char *what,
		  struct err *err)
{
	if (next(r, err) < 0)
		return -1;
	if (r->event.type != type)
		return err_set(err, ERR_CORRUPT, "line %zu: %s", line_of(r), what);
	return 0;
}

/* From the first event of a value to its last. */
static int skip_value(struct reader *r, struct err *err)
{
	unsigned outside;

	if (r->event.type != YAML_SEQUENCE_START_EVENT &&
	    r->event.type != YAML_MAPPING_START_EVENT)
		return 0;
	outside = r->depth - 1;
	while (r->depth > outside) {
		if (next(r, err) < 0)
			return -1;
	}
	return 0;
}

/* Whether the current event is a null. */
static bool is_null(const struct reader *r)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };
	const char *value = (const char *)r->event.data.scalar.value;

	if (r->event.type != YAML_SCALAR_EVENT ||
	    r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(value, words[i]) == 0)
			return true;
	}
	return false;
}

/* Whether text holds NUL or what terminals obey; an end of a line is harmless in a
 * summary. */
static bool has_control(const yaml_char_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((s[i] < ' ' && s[i] != '\n' && s[i] != '\t') || s[i] == '\177')
			return true;
	}
	return false;
}

/* Insists that the current event is text that says nothing but itself. */
static int check_scalar(const struct reader *r, const char *key, struct err *err)
{
	const char *fault = NULL;

	if (r->event.type == YAML_ALIAS_EVENT)
		fault = "is an alias";
	else if (r->event.type != YAML_SCALAR_EVENT)
		fault = "is no string";
	else if (r->event.data.scalar.anchor)
		fault = "has an anchor";
	else if (r->event.data.scalar.tag)
		fault = "has a tag";
	else if (has_control(r->event.data.scalar.value, r->event.data.scalar.length))
		fault = "holds control characters";
	if (fault)
		return err_set(err, ERR_CORRUPT, "line %zu: %s %s", line_of(r), key,
			       fault);
	return 0;
}

/* The text of the current event, which is a scalar that was checked. */
static const char *text_of(const struct reader *r)
{
	return (const char *)r->event.data.scalar.value;
}

/* A string or null into *ret. */
static int read_string(struct reader *r, const char *key, char **ret, struct err *err)
{
	if (is_null(r))
		return 0;
	if (check_scalar(r, key, err) < 0)
		return -1;
	*ret = alloc_strdup(text_of(r), err);
	return *ret ? 0 : -1;
}

/* Begins a list: 1 where there is one, 0 for null. */
static int begin_list(const struct reader *r, const char *key, struct err *err)
{
	if (is_null(r))
		return 0;
	if (r->event.type == YAML_SEQUENCE_START_EVENT &&
	    !r->event.data.sequence_start.tag)
		return 1;
	return err_set(err, ERR_CORRUPT, "line %zu: %s is no list", line_of(r), key);
}

/* A list of epoch numbers; null leaves it empty. */
static int read_epoch_list(struct reader *r, uint32_t *ret, size_t *ret_n,
			   struct err *err)
{
	size_t n = 0;
	int is_list = begin_list(r, "epoch", err);

	if (is_list <= 0)
		return is_list;
	for (;;) {
		if (next(r, err) < 0)
			return -1;
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			break;
		if (check_scalar(r, "epoch", err) < 0)
			return -1;
		if (n == SNAPSHOT_EPOCH_MAX)
			return err_set(err, ERR_CORRUPT,
				       "line %zu: epoch has too many numbers",
				       line_of(r));
		if (snapshot_epoch_parse_number(text_of(r), &ret[n], err) < 0)
			return err_wrap(err, "line %zu", line_of(r));
		n++;
	}
	if (n == 0)
		return err_set(err, ERR_CORRUPT, "line %zu: epoch has an empty list",
			       line_of(r));
	*ret_n = n;
	return 0;
}

/* {read: [...], write: [...]}; other keys are skipped. */
static int read_epoch_lists(struct reader *r, struct snapshot_epoch *e, struct err *err)
{
	for (;;) {
		uint32_t *list = NULL;
		size_t *n = NULL;

		if (next(r, err) < 0)
			return -1;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return 0;
		if (check_scalar(r, "a key of epoch", err) < 0)
			return -1;
		if (strcmp(text_of(r), "read") == 0) {
			list = e->read;
			n = &e->n_read;
		} else if (strcmp(text_of(r), "write") == 0) {
			list = e->write;
			n = &e->n_write;
		}
		if (n && *n)
			return err_set(err, ERR_CORRUPT, "line %zu: %s is given twice",
				       line_of(r), q(text_of(r)));
		if (next(r, err) < 0 ||
		    (n ? read_epoch_list(r, list, n, err) : skip_value(r, err)) < 0)
			return -1;
	}
}

/* Any form of an epoch. */
static int read_epoch(struct reader *r, struct snap_meta *m, struct err *err)
{
	size_t line = line_of(r);
	struct snapshot_epoch e = { .n_read = 0 };

	if (is_null(r))
		return 0;
	if (r->event.type == YAML_MAPPING_START_EVENT) {
		if (read_epoch_lists(r, &e, err) < 0)
			return -1;
		if (snapshot_epoch_complete(&e, err) < 0)
			return err_wrap(err, "line %zu", line);
	} else {
		if (check_scalar(r, "epoch", err) < 0)
			return -1;
		if (snapshot_epoch_parse(text_of(r), &e, err) < 0)
			return err_wrap(err, "line %zu", line);
	}
	m->epoch = e;
	m->has_epoch = true;
	return 0;
}

/* The patterns of meta/snapshots.yaml, each as snapd would take it. */
static int read_exclude(struct reader *r, struct snap_meta *m, struct err *err)
{
	_cleanup_(exclude_freep) struct exclude *scratch = NULL;
	int is_list = begin_list(r, "exclude", err);

	if (is_list <= 0)
		return is_list;
	if (exclude_new(&scratch, err) < 0)
		return -1;
	for (;;) {
		if (next(r, err) < 0)
			return -1;
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			return 0;
		if (check_scalar(r, "exclude", err) < 0)
			return -1;
		if (m->exclude.n == SNAP_YAML_EXCLUDE_MAX)
			return err_set(err, ERR_CORRUPT, "line %zu: too many patterns",
				       line_of(r));
		if (exclude_add_snapd(scratch, text_of(r), false, "1", err) < 0) {
			/* What is a usage error on a command line is a wrong file
			 * here. */
			if (err_is(err, ERR_USAGE))
				(void)err_reclassify(err, ERR_CORRUPT);
			return err_wrap(err, "line %zu", line_of(r));
		}
		if (strings_add(&m->exclude, text_of(r), err) < 0)
			return -1;
	}
}

enum key {
	KEY_NAME,
	KEY_VERSION,
	KEY_SUMMARY,
	KEY_EPOCH,
	KEY_EXCLUDE,
	KEY_N
};

static const char *const snap_keys[KEY_N] = {
	[KEY_NAME] = "name",
	[KEY_VERSION] = "version",
	[KEY_SUMMARY] = "summary",
	[KEY_EPOCH] = "epoch",
};

static const char *const snapshots_keys[KEY_N] = { [KEY_EXCLUDE] = "exclude" };

/* The value of a key that is wanted, from its first event. */
static int read_value(struct reader *r, enum key key, struct snap_meta *m,
		      struct err *err)
{
	switch (key) {
	case KEY_NAME:
		return read_string(r, "name", &m->name, err);
	case KEY_VERSION:
		return read_string(r, "version", &m->version, err);
	case KEY_SUMMARY:
		return read_string(r, "summary", &m->summary, err);
	case KEY_EPOCH:
		return read_epoch(r, m, err);
	case KEY_EXCLUDE:
		return read_exclude(r, m, err);
	case KEY_N:
		break;
	}
	return skip_value(r, err);
}

/* Which of `wanted` the current event is; KEY_N: none. */
static enum key key_of(const struct reader *r, const char *const wanted[KEY_N])
{
	if (r->event.type != YAML_SCALAR_EVENT)
		return KEY_N;
	for (unsigned i = 0; i < KEY_N; i++) {
		if (wanted[i] && strcmp(text_of(r), wanted[i]) == 0)
			return (enum key)i;
	}
	return KEY_N;
}

/* The keys of the document's mapping. */
static int read_mapping(struct reader *r, const char *const wanted[KEY_N],
			struct snap_meta *m, struct err *err)
{
	bool seen[KEY_N] = { false };

	for (;;) {
		enum key key;

		if (next(r, err) < 0)
			return -1;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return 0;
		key = key_of(r, wanted);
		if (key != KEY_N && seen[key])
			return err_set(err, ERR_CORRUPT, "line %zu: %s is given twice",
				       line_of(r), wanted[key]);
		if (key != KEY_N)
			seen[key] = true;
		/* A key may be more than text: then it is skipped like what it maps
		 * to. */
		if (skip_value(r, err) < 0 || next(r, err) < 0 ||
		    read_value(r, key, m, err) < 0)
			return -1;
	}
}

/* One document, which is a mapping, or nothing at all. */
static int read_document(struct reader *r, const char *const wanted[KEY_N],
			 struct snap_meta *m, struct err *err)
{
	if (expect(r, YAML_STREAM_START_EVENT, "no YAML", err) < 0 || next(r, err) < 0)
		return -1;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return err_set(err, ERR_CORRUPT, "is empty");
	if (expect(r, YAML_MAPPING_START_EVENT, "not a mapping", err) < 0 ||
	    read_mapping(r, wanted, m, err) < 0 ||
	    expect(r, YAML_DOCUMENT_END_EVENT, "no end of the document", err) < 0)
		return -1;
	return expect(r, YAML_STREAM_END_EVENT, "a second document", err);
}

static int parse(const char *text, size_t len, const char *const wanted[KEY_N],
		 struct snap_meta *ret, struct err *err)
{
	struct reader r;
	int result;

	if (reader_init(&r, text, len, err) < 0)
		return -1;
	result = read_document(&r, wanted, ret, err);
	reader_done(&r);
	return result;
}

int snap_yaml_parse(const char *text, size_t len, struct snap_meta *ret, struct err *err)
{
	_cleanup_(snap_meta_done) struct snap_meta m = SNAP_META_INIT;

	if (parse(text, len, snap_keys, &m, err) < 0)
		return -1;
	m.exclude = ret->exclude;
	*ret = m;
	m = (struct snap_meta)SNAP_META_INIT;
	return 0;
}

int snap_yaml_parse_exclude(const char *text, size_t len, struct snap_meta *ret,
			    struct err *err)
{
	_cleanup_(snap_meta_done) struct snap_meta m = SNAP_META_INIT;

	if (parse(text, len, snapshots_keys, &m, err) < 0)
		return -1;
	strings_done(&ret->exclude);
	ret->exclude = m.exclude;
	m.exclude = (struct strings)STRINGS_INIT;
	return 0;
}
