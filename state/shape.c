/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/shape.h"

#include <stdarg.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"

void shape_source_done(struct shape_source *s)
{
	buf_done(&s->path);
}

static const char *path_of(const struct shape_source *s)
{
	return s->path.data ? s->path.data : "";
}

int shape_enter(struct shape_source *s, const char *key, size_t index, size_t *ret_mark,
		struct err *err)
{
	size_t mark = s->path.len;

	if (!key) {
		if (buf_printf(&s->path, err, "[%zu]", index) < 0)
			return -1;
	} else if ((mark && buf_add_byte(&s->path, '.', err) < 0) ||
		   quote_escape(&s->path, key, strlen(key), err) < 0) {
		return -1;
	}
	*ret_mark = mark;
	return 0;
}

void shape_leave(struct shape_source *s, size_t mark)
{
	buf_cut(&s->path, mark);
}

/* shape_fault() with its reason made up already. */
static int fault(const struct shape_source *s, unsigned line, const char *reason,
		 struct err *err)
{
	if (!reason)
		return err_nomem(err);
	if (s->path.len == 0)
		return err_set(err, ERR_CORRUPT, "%s:%u: %s", s->file, line, reason);
	return err_set(err, ERR_CORRUPT, "%s:%u: %s: %s", s->file, line, path_of(s),
		       reason);
}

int shape_fault(const struct shape_source *s, unsigned line, struct err *err,
		const char *fmt, ...)
{
	_cleanup_free_ char *reason = NULL;
	va_list ap;

	va_start(ap, fmt);
	reason = alloc_vprintf_quiet(fmt, ap);
	va_end(ap);
	return fault(s, line, reason, err);
}

int shape_fault_at(struct shape_source *s, const char *key, unsigned line,
		   struct err *err, const char *fmt, ...)
{
	_cleanup_free_ char *reason = NULL;
	size_t mark;
	va_list ap;

	va_start(ap, fmt);
	reason = alloc_vprintf_quiet(fmt, ap);
	va_end(ap);
	if (shape_enter(s, key, 0, &mark, err) < 0)
		return -1;
	return fault(s, line, reason, err);
}

static const char *type_name(enum shape_type type)
{
	static const char *const names[] = {
		[SHAPE_BOOL] = "true or false", [SHAPE_NUMBER] = "a number",
		[SHAPE_STRING] = "a string",    [SHAPE_STRINGS] = "an array of strings",
		[SHAPE_OBJECT] = "an object",   [SHAPE_OBJECTS] = "an array of objects",
	};

	return names[type];
}

static bool has_type(const struct json *value, enum shape_type type)
{
	switch (type) {
	case SHAPE_BOOL:
		return value->type == JSON_BOOL;
	case SHAPE_NUMBER:
		return value->type == JSON_NUMBER;
	case SHAPE_STRING:
		return value->type == JSON_STRING;
	case SHAPE_OBJECT:
		return value->type == JSON_OBJECT;
	case SHAPE_STRINGS:
	case SHAPE_OBJECTS:
		return value->type == JSON_ARRAY;
	}
	return false;
}

/* Whether text is one of the words; all are good where there are none. */
static bool is_word(const char *text, const char *const *words)
{
	if (!words)
		return true;
	for (; *words; words++) {
		if (strcmp(text, *words) == 0)
			return true;
	}
	return false;
}

/* A fault that lists the words. */
static int wrong_word(const struct shape_source *s, const struct json *value,
		      const char *const *words, struct err *err)
{
	_cleanup_(buf_done) struct buf list = BUF_INIT;

	for (; *words; words++) {
		if (buf_printf(&list, err, "%s%s", list.len ? ", " : "", *words) < 0)
			return -1;
	}
	return shape_fault(s, value->line, err, "%s is not one of %s", q(value->text),
			   list.data);
}

static int check_string(const struct shape_source *s, const struct json *value,
			const char *const *words, struct err *err)
{
	for (size_t i = 0; i < value->len; i++) {
		if ((unsigned char)value->text[i] < ' ' || value->text[i] == '\177')
			return shape_fault(s, value->line, err,
					   "holds control characters");
	}
	return is_word(value->text, words) ? 0 : wrong_word(s, value, words, err);
}

static int check_value(struct shape_source *s, const struct json *value,
		       const struct shape *shape, struct err *err);

/* Each element of an array, as `shape` without the plural. */
static int check_elements(struct shape_source *s, const struct json *array,
			  const struct shape *shape, struct err *err)
{
	struct shape element = *shape;

	element.type = shape->type == SHAPE_STRINGS ? SHAPE_STRING : SHAPE_OBJECT;
	element.or_null = false;
	for (size_t i = 0; i < array->n; i++) {
		size_t mark;

		if (shape_enter(s, NULL, i, &mark, err) < 0 ||
		    check_value(s, array->items[i], &element, err) < 0)
			return -1;
		shape_leave(s, mark);
	}
	return 0;
}

/* Tables are no deeper than the format: so is this recursion. */
static int check_value(struct shape_source *s, const struct json *value,
		       const struct shape *shape, struct err *err)
{
	if (value->type == JSON_NULL && shape->or_null)
		return 0;
	if (!has_type(value, shape->type))
		return shape_fault(s, value->line, err, "must be %s",
				   type_name(shape->type));
	switch (shape->type) {
	case SHAPE_STRING:
		return check_string(s, value, shape->words, err);
	case SHAPE_OBJECT:
		return shape_check(s, value, shape->shape, err);
	case SHAPE_STRINGS:
	case SHAPE_OBJECTS:
		return check_elements(s, value, shape, err);
	case SHAPE_BOOL:
	case SHAPE_NUMBER:
		break;
	}
	return 0;
}

static const struct shape *find(const struct shape *table, const char *key, size_t len)
{
	for (; table->key; table++) {
		if (strlen(table->key) == len && memcmp(table->key, key, len) == 0)
			return table;
	}
	return NULL;
}

static bool has_key(const struct json *object, const char *key)
{
	for (size_t i = 0; i < object->n; i++) {
		if (object->key_lens[i] == strlen(key) &&
		    strcmp(object->keys[i], key) == 0)
			return true;
	}
	return false;
}

int shape_check(struct shape_source *s, const struct json *object,
		const struct shape *table, struct err *err)
{
	for (size_t i = 0; i < object->n; i++) {
		const struct shape *shape =
			find(table, object->keys[i], object->key_lens[i]);
		size_t mark;

		if (shape_enter(s, object->keys[i], 0, &mark, err) < 0)
			return -1;
		if (!shape)
			observer_warn(s->observer, NULL, "%s:%u: %s: unknown key",
				      s->file, object->items[i]->line, path_of(s));
		else if (check_value(s, object->items[i], shape, err) < 0)
			return -1;
		shape_leave(s, mark);
	}
	for (; !s->in_part && table->key; table++) {
		if (table->required && !has_key(object, table->key))
			return shape_fault(s, object->line, err, "%s is missing",
					   q(table->key));
	}
	return 0;
}
