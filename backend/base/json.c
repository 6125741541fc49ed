/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/json.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "backend/base/alloc.h"
#include "backend/base/json_internal.h"
#include "backend/base/quote.h"

#define DEPTH_DEFAULT 100

/*
 * yajl checks none of its allocations, so they must not fail: all come from one pool of
 * known size.  yajl needs a handle, a lexer, two buffer heads, a byte for each level in a
 * stack that grows by realloc (in place once it is the last in the pool), and the text of
 * an error.  Its two buffers stay empty: they are for strings with escapes and for tokens
 * cut by the end of a chunk, and there are neither (json_internal.h, feed()).
 */
#define POOL_FIXED     4096
#define POOL_PER_LEVEL 2
#define POOL_ALIGN     16

struct key {
	char *text;
	size_t len;
	size_t at; /* offset of its first quote, for messages */
};

/* An array or object whose end was not seen yet. */
struct frame {
	enum json_type type;
	unsigned line;
	size_t first_value, first_key; /* where its own begin in the stacks */
};

struct parser {
	struct err *err;
	const char *text;
	char *masked;
	size_t len;
	struct json_arena *arena;
	yajl_handle yajl;

	size_t line_at; /* lines were counted up to this offset */
	unsigned line;

	struct frame *frames;
	size_t depth, frames_cap, max_depth;
	struct json **values;
	size_t n_values, values_cap;
	struct key *keys;
	size_t n_keys, keys_cap;

	char *pool;
	size_t pool_used, pool_size;
};

static void parser_done(struct parser *p)
{
	free(p->frames);
	free(p->values);
	free(p->keys);
	free(p->pool);
	free(p->masked);
	json_arena_free(p->arena);
}

static int err_json(struct parser *p, size_t at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Fills err with where the offset is and what is wrong there. */
static int err_json(struct parser *p, size_t at, const char *fmt, ...)
{
	char what[QUOTE_MAX + 64];
	unsigned line = 1;
	size_t column = 1;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);

	for (size_t i = 0; i < at; i++) {
		if (p->text[i] == '\n') {
			line++;
			column = 1;
		} else if ((p->text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	return err_set(p->err, ERR_CORRUPT, "line %u, column %zu: %s", line, column,
		       what);
}

/* The pool's three functions.  A block is preceded by its size. */
static void *pool_malloc(void *ctx, size_t size)
{
	struct parser *p = ctx;
	size_t need = POOL_ALIGN + (size + POOL_ALIGN - 1) / POOL_ALIGN * POOL_ALIGN;

	assert(need > size && need <= p->pool_size - p->pool_used);
	char *block = p->pool + p->pool_used + POOL_ALIGN;
	memcpy(block - POOL_ALIGN, &size, sizeof(size));
	p->pool_used += need;
	return block;
}

static void *pool_realloc(void *ctx, void *old, size_t size)
{
	struct parser *p = ctx;
	size_t old_size, old_end;

	if (!old)
		return pool_malloc(ctx, size);
	memcpy(&old_size, (char *)old - POOL_ALIGN, sizeof(old_size));
	old_end = (size_t)((char *)old - p->pool) +
		  (old_size + POOL_ALIGN - 1) / POOL_ALIGN * POOL_ALIGN;
	/* The last block grows where it is. */
	if (old_end == p->pool_used) {
		p->pool_used = (size_t)((char *)old - p->pool) - POOL_ALIGN;
		return pool_malloc(ctx, size);
	}
	void *block = pool_malloc(ctx, size);
	return memcpy(block, old, old_size < size ? old_size : size);
}

static void pool_free(void *ctx, void *block)
{
	(void)ctx;
	(void)block;
}

/* The line of the token just read; tokens never span lines. */
static unsigned current_line(struct parser *p)
{
	size_t at = yajl_get_bytes_consumed(p->yajl);

	for (; p->line_at < at && p->line_at < p->len; p->line_at++)
		p->line += p->text[p->line_at] == '\n';
	return p->line;
}

/* Makes a value and puts it on the stack; NULL on failure. */
static struct json *push_value(struct parser *p, enum json_type type)
{
	if (alloc_grow(&p->values, p->n_values, &p->values_cap, sizeof(*p->values),
		       p->err) < 0)
		return NULL;
	struct json *j = json_arena_alloc(p->arena, sizeof(*j), p->err);
	if (!j)
		return NULL;
	*j = (struct json){ .type = type, .line = current_line(p) };
	p->values[p->n_values++] = j;
	return j;
}

/* Decodes the string that yajl found in the masked text. */
static char *take_string(struct parser *p, const unsigned char *masked, size_t n,
			 size_t *ret)
{
	const char *raw = p->text + ((const char *)masked - p->masked);
	size_t len = json_text_decode(raw, n, NULL);
	char *text = json_arena_alloc(p->arena, len + 1, p->err);

	if (!text)
		return NULL;
	json_text_decode(raw, n, text);
	text[len] = '\0';
	*ret = len;
	return text;
}

/* yajl's callbacks: 1 to go on, 0 to stop with p->err filled. */
static int on_null(void *ctx)
{
	return push_value(ctx, JSON_NULL) != NULL;
}

static int on_boolean(void *ctx, int value)
{
	struct json *j = push_value(ctx, JSON_BOOL);

	if (j)
		j->boolean = value != 0;
	return j != NULL;
}

static int on_number(void *ctx, const char *digits, size_t n)
{
	struct parser *p = ctx;
	struct json *j = push_value(p, JSON_NUMBER);
	char *text = j ? json_arena_alloc(p->arena, n + 1, p->err) : NULL;

	if (!text)
		return 0;
	memcpy(text, digits, n);
	text[n] = '\0';
	j->text = text;
	j->len = n;
	return 1;
}

static int on_string(void *ctx, const unsigned char *masked, size_t n)
{
	struct json *j = push_value(ctx, JSON_STRING);

	if (j)
		j->text = take_string(ctx, masked, n, &j->len);
	return j && j->text;
}

static int on_key(void *ctx, const unsigned char *masked, size_t n)
{
	struct parser *p = ctx;

	if (alloc_grow(&p->keys, p->n_keys, &p->keys_cap, sizeof(*p->keys), p->err) < 0)
		return 0;
	struct key *key = &p->keys[p->n_keys];
	key->at = (size_t)((const char *)masked - p->masked) - 1;
	key->text = take_string(p, masked, n, &key->len);
	if (!key->text)
		return 0;
	p->n_keys++;
	return 1;
}

static int open_frame(struct parser *p, enum json_type type)
{
	if (p->depth == p->max_depth) {
		err_json(p, yajl_get_bytes_consumed(p->yajl) - 1, "nested too deeply");
		return 0;
	}
	if (alloc_grow(&p->frames, p->depth, &p->frames_cap, sizeof(*p->frames), p->err) <
	    0)
		return 0;
	p->frames[p->depth++] =
		(struct frame){ type, current_line(p), p->n_values, p->n_keys };
	return 1;
}

static int on_start_map(void *ctx)
{
	return open_frame(ctx, JSON_OBJECT);
}

static int on_start_array(void *ctx)
{
	return open_frame(ctx, JSON_ARRAY);
}

/* Orders equal keys by their place, so that the later one is named. */
static int compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int r = json_text_compare(x->text, x->len, y->text, y->len);

	return r ? r : (x->at > y->at) - (x->at < y->at);
}

/* Moves the keys of the innermost object into it, and refuses those given twice. */
static int close_keys(struct parser *p, const struct frame *f, struct json *j)
{
	size_t n = p->n_keys - f->first_key;
	struct key *keys = n > 0 ? p->keys + f->first_key : NULL;

	j->keys = json_arena_alloc(p->arena, n * sizeof(*j->keys), p->err);
	if (!j->keys)
		return -1;
	j->key_lens = json_arena_alloc(p->arena, n * sizeof(*j->key_lens), p->err);
	if (!j->key_lens)
		return -1;
	for (size_t i = 0; i < n; i++) {
		j->keys[i] = keys[i].text;
		j->key_lens[i] = keys[i].len;
	}
	if (n > 1)
		qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < n; i++) {
		const struct key *a = &keys[i - 1], *b = &keys[i];
		if (json_text_compare(a->text, a->len, b->text, b->len) == 0) {
			return err_json(p, b->at, "key %s is given twice",
					qn(b->text, b->len));
		}
	}
	p->n_keys = f->first_key;
	return 0;
}

/* Replaces what stands on the stack since the innermost frame by one value. */
static int on_end(void *ctx)
{
	struct parser *p = ctx;
	struct frame f = p->frames[--p->depth];
	size_t n = p->n_values - f.first_value;
	struct json *j = json_arena_alloc(p->arena, sizeof(*j), p->err);

	if (!j)
		return 0;
	*j = (struct json){ .type = f.type, .line = f.line, .n = n };
	j->items = json_arena_alloc(p->arena, n * sizeof(*j->items), p->err);
	if (!j->items)
		return 0;
	if (n > 0)
		memcpy(j->items, p->values + f.first_value, n * sizeof(*j->items));
	if (f.type == JSON_OBJECT && close_keys(p, &f, j) < 0)
		return 0;
	p->n_values = f.first_value;
	if (alloc_grow(&p->values, p->n_values, &p->values_cap, sizeof(*p->values),
		       p->err) < 0)
		return 0;
	p->values[p->n_values++] = j;
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_key,
	.yajl_end_map = on_end,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end,
};

/* Copies the text without the contents of its strings, ended by a newline. */
static int mask(struct parser *p, struct json_fault *ret, struct err *err)
{
	size_t size;

	if (__builtin_add_overflow(p->len, 1, &size))
		return err_nomem(err);
	p->masked = alloc_bytes(size, err);
	if (!p->masked)
		return -1;
	if (p->len > 0)
		memcpy(p->masked, p->text, p->len);
	p->masked[p->len] = '\n';
	json_text_mask(p->masked, p->len, ret);
	return 0;
}

/* Says what yajl found wrong, in our form. */
static int err_yajl(struct parser *p)
{
	static const char *const prefixes[] = { "parse error: ", "lexical error: " };
	char text[128] = "invalid JSON";
	size_t at = yajl_get_bytes_consumed(p->yajl);
	unsigned char *said = yajl_get_error(p->yajl, 0, NULL, 0);

	for (size_t i = 0; said && i < 2; i++) {
		const char *found = strstr((const char *)said, prefixes[i]);
		if (!found)
			continue;
		found += strlen(prefixes[i]);
		size_t n = strcspn(found, ".\n");
		if (n > 0 && n < sizeof(text)) {
			memcpy(text, found, n);
			text[n] = '\0';
		}
	}
	/* What was consumed includes the offending byte, but for one error where yajl
	 * steps back to the beginning of the token. */
	if (at > 0 &&
	    strncmp(text, "after key and value", strlen("after key and value")) != 0)
		at--;
	return err_json(p, at, "%s", text);
}

/*
 * Hands the text to yajl, as far as its strings are right.  The newline at the end keeps
 * a number there from being a token cut by the end of the chunk.
 */
static int feed(struct parser *p, const struct json_fault *fault)
{
	const unsigned char *text = (const unsigned char *)p->masked;
	size_t n = fault->what ? fault->begin : p->len + 1;
	yajl_status status = yajl_parse(p->yajl, text, n);

	if (status == yajl_status_client_canceled)
		return -1;
	if (status != yajl_status_ok)
		return err_yajl(p);
	if (fault->what)
		return err_json(p, fault->at, "%s", fault->what);
	/* After this yajl no longer knows how far it was. */
	if (yajl_complete_parse(p->yajl) != yajl_status_ok)
		return err_json(p, p->len, "the text ends too early");
	return 0;
}

/* Parses into p->arena. */
static int parse(struct parser *p, struct err *err)
{
	yajl_alloc_funcs funcs = { pool_malloc, pool_realloc, pool_free, p };
	struct json_fault fault;

	p->pool_size = POOL_FIXED + POOL_PER_LEVEL * p->max_depth;
	p->pool = alloc_bytes(p->pool_size, err);
	if (!p->pool || json_arena_new(&p->arena, err) < 0 || mask(p, &fault, err) < 0)
		return -1;
	p->yajl = yajl_alloc(&callbacks, &funcs, p);
	yajl_config(p->yajl, yajl_dont_validate_strings, 1);
	int r = feed(p, &fault);
	yajl_free(p->yajl);
	return r;
}

int json_parse(const char *text, size_t len, const struct json_limits *limits,
	       struct json **ret, struct err *err)
{
	_cleanup_(parser_done) struct parser p = { .err = err, .text = text, .len = len };

	p.line = 1;
	p.max_depth = limits && limits->max_depth ? limits->max_depth : DEPTH_DEFAULT;
	if (limits && limits->max_size && len > limits->max_size)
		return err_set(err, ERR_CORRUPT, "longer than %zu bytes",
			       limits->max_size);
	if (parse(&p, err) < 0)
		return -1;
	assert(p.n_values == 1 && p.depth == 0);
	struct json *root = json_arena_root(p.arena);
	*root = *p.values[0];
	p.arena = NULL;
	*ret = root;
	return 0;
}
