/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/digest.h"
#include "backend/base/json_internal.h"
#include "backend/base/utf8.h"

static bool failed(const struct json_writer *w)
{
	return !err_is(w->err, ERR_NONE);
}

/* Appends; after a failure nothing more. */
static void put(struct json_writer *w, const char *text, size_t n)
{
	if (!failed(w))
		(void)buf_add(w->out, text, n, w->err);
}

/* What comes before a key or a value. */
static void separate(struct json_writer *w)
{
	if (w->need_comma)
		put(w, ",", 1);
	w->need_comma = true;
}

static void begin(struct json_writer *w, const char *bracket)
{
	separate(w);
	put(w, bracket, 1);
	w->need_comma = false;
	w->depth++;
}

static void end(struct json_writer *w, const char *bracket)
{
	assert(w->depth > 0);
	put(w, bracket, 1);
	w->need_comma = true;
	w->depth--;
}

void json_begin_object(struct json_writer *w)
{
	begin(w, "{");
}

void json_end_object(struct json_writer *w)
{
	end(w, "}");
}

void json_begin_array(struct json_writer *w)
{
	begin(w, "[");
}

void json_end_array(struct json_writer *w)
{
	end(w, "]");
}

/* The escape of c as Go's encoder writes it; its length, 0 if it needs none. */
static size_t escape(uint32_t c, char out[6])
{
	static const char hex[] = "0123456789abcdef";
	char letter = '\0';

	if (c == '"' || c == '\\')
		letter = (char)c;
	else if (c == '\n')
		letter = 'n';
	else if (c == '\r')
		letter = 'r';
	else if (c == '\t')
		letter = 't';
	else if (c >= 0x20 && c != '<' && c != '>' && c != '&' && c != 0x2028 &&
		 c != 0x2029)
		return 0;

	out[0] = '\\';
	out[1] = letter ? letter : 'u';
	for (int i = 0; i < 4; i++)
		out[2 + i] = hex[c >> (12 - 4 * i) & 15];
	return letter ? 2 : 6;
}

/* So many bytes from the front are ASCII that needs no escape: most of what there is. */
static size_t plain_run(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\' &&
	       s[i] != '<' && s[i] != '>' && s[i] != '&')
		i++;
	return i;
}

/* Writes a string with its quotes that needs no escape. */
static void put_plain(struct json_writer *w, const char *s, size_t n)
{
	char *room = failed(w) ? NULL : buf_reserve(w->out, n + 2, w->err);

	if (!room)
		return;
	room[0] = '"';
	if (n > 0)
		memcpy(room + 1, s, n);
	room[n + 1] = '"';
	buf_advance(w->out, n + 2);
}

/* Writes a string with its quotes, unescaped runs in one piece. */
static void put_string(struct json_writer *w, const char *s, size_t n)
{
	size_t run = 0, used;

	if (plain_run(s, n) == n) {
		put_plain(w, s, n);
		return;
	}
	put(w, "\"", 1);
	for (size_t i = 0; i < n; i += used) {
		char text[6];
		uint32_t c;
		size_t len;

		used = utf8_decode(s + i, n - i, &c);
		if (used > 0) {
			len = escape(c, text);
		} else {
			used = 1;
			len = sizeof(text);
			memcpy(text, "\\ufffd", sizeof(text));
		}
		if (len == 0)
			continue;
		put(w, s + run, i - run);
		put(w, text, len);
		run = i + used;
	}
	if (run < n)
		put(w, s + run, n - run);
	put(w, "\"", 1);
}

void json_key(struct json_writer *w, const char *key)
{
	json_key_n(w, key, strlen(key));
}

void json_key_n(struct json_writer *w, const char *key, size_t n)
{
	separate(w);
	put_string(w, key, n);
	put(w, ":", 1);
	w->need_comma = false;
}

void json_str(struct json_writer *w, const char *s)
{
	if (s)
		json_str_n(w, s, strlen(s));
	else
		json_null(w);
}

void json_str_n(struct json_writer *w, const char *s, size_t n)
{
	separate(w);
	put_string(w, s, n);
}

void json_bytes(struct json_writer *w, const char *s, size_t n)
{
	if (json_is_utf8(s, n)) {
		json_str_n(w, s, n);
		return;
	}
	json_begin_object(w);
	json_key(w, "base64");
	put(w, "\"", 1);
	if (!failed(w))
		(void)digest_base64(w->out, s, n, w->err);
	put(w, "\"", 1);
	json_end_object(w);
}

void json_u64(struct json_writer *w, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	separate(w);
	put(w, digits + at, sizeof(digits) - at);
}

void json_i64(struct json_writer *w, int64_t v)
{
	separate(w);
	if (!failed(w))
		(void)buf_printf(w->out, w->err, "%" PRId64, v);
}

void json_bool(struct json_writer *w, bool v)
{
	json_raw(w, v ? "true" : "false", v ? 4 : 5);
}

void json_null(struct json_writer *w)
{
	json_raw(w, "null", 4);
}

void json_raw(struct json_writer *w, const char *text, size_t n)
{
	separate(w);
	put(w, text, n);
}

/* An array or object that is being written. */
struct level {
	const struct json *node;
	size_t next;
	size_t *order; /* of an object's keys */
};

struct levels {
	struct level *at;
	size_t n, cap;
};

static void levels_done(struct levels *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->at[i].order);
	free(l->at);
}

static int compare_order(const void *a, const void *b, void *ctx)
{
	const size_t *x = a, *y = b;
	const struct json *object = ctx;

	return json_text_compare(object->keys[*x], object->key_lens[*x], object->keys[*y],
				 object->key_lens[*y]);
}

/* Begins an array or object. */
static int push_level(struct json_writer *w, struct levels *l, const struct json *node)
{
	size_t *order = NULL;

	if (alloc_grow(&l->at, l->n, &l->cap, sizeof(*l->at), w->err) < 0)
		return -1;
	if (node->type == JSON_OBJECT) {
		order = alloc_zero(node->n, sizeof(*order), w->err);
		if (!order)
			return -1;
		for (size_t i = 0; i < node->n; i++)
			order[i] = i;
		/* Copied: the sorting function takes no const context. */
		struct json object = *node;
		qsort_r(order, node->n, sizeof(*order), compare_order, &object);
	}
	l->at[l->n++] = (struct level){ node, 0, order };
	begin(w, node->type == JSON_OBJECT ? "{" : "[");
	return 0;
}

/* Ends the innermost array or object. */
static void pop_level(struct json_writer *w, struct levels *l)
{
	struct level *level = &l->at[--l->n];

	end(w, level->node->type == JSON_OBJECT ? "}" : "]");
	free(level->order);
}

static int put_value(struct json_writer *w, struct levels *l, const struct json *value)
{
	switch (value->type) {
	case JSON_NULL:
		json_null(w);
		break;
	case JSON_BOOL:
		json_bool(w, value->boolean);
		break;
	case JSON_NUMBER:
		json_raw(w, value->text, value->len);
		break;
	case JSON_STRING:
		json_str_n(w, value->text, value->len);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		return push_level(w, l, value);
	}
	return 0;
}

void json_value(struct json_writer *w, const struct json *value)
{
	_cleanup_(levels_done) struct levels l = { NULL, 0, 0 };
	unsigned depth = w->depth;
	int r;

	if (failed(w))
		return;
	/* A stack of our own: the depth is the author's choice, not ours. */
	r = put_value(w, &l, value);
	while (r == 0 && l.n > 0) {
		struct level *level = &l.at[l.n - 1];
		const struct json *node = level->node;
		if (level->next == node->n) {
			pop_level(w, &l);
			continue;
		}
		size_t i = level->order ? level->order[level->next] : level->next;
		level->next++;
		if (level->order)
			json_key_n(w, node->keys[i], node->key_lens[i]);
		r = put_value(w, &l, node->items[i]);
	}
	w->depth = depth;
}

int json_end(struct json_writer *w)
{
	if (failed(w))
		return -1;
	assert(w->depth == 0);
	return 0;
}
