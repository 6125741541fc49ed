/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/strings.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"

void strings_done(struct strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->items[i]);
	free(s->items);
	*s = (struct strings)STRINGS_INIT;
}

int strings_take(struct strings *s, char *text, struct err *err)
{
	if (alloc_grow(&s->items, s->n, &s->cap, sizeof(*s->items), err) < 0)
		return -1;
	s->items[s->n++] = text;
	return 0;
}

int strings_add_n(struct strings *s, const char *text, size_t n, struct err *err)
{
	_cleanup_free_ char *copy = alloc_strndup(text, n, err);

	if (!copy || strings_take(s, copy, err) < 0)
		return -1;
	copy = NULL;
	return 0;
}

int strings_add(struct strings *s, const char *text, struct err *err)
{
	return strings_add_n(s, text, strlen(text), err);
}

int strings_add_all(struct strings *s, const struct strings *from, struct err *err)
{
	for (size_t i = 0; i < from->n; i++) {
		if (strings_add(s, from->items[i], err) < 0)
			return -1;
	}
	return 0;
}

bool strings_has(const struct strings *s, const char *text)
{
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->items[i], text) == 0)
			return true;
	}
	return false;
}

/* Order of two list items for qsort(). */
static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strings_sort(struct strings *s)
{
	if (s->n > 1)
		qsort(s->items, s->n, sizeof(*s->items), compare);
}
