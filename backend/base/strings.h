/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_STRINGS_H
#define SETASIDE_BASE_STRINGS_H

/*
 * strings: a growing list of strings that it owns.
 *
 * A zeroed object (STRINGS_INIT) is an empty list.  items[0..n-1] are valid until the
 * next change; the list is not NULL-terminated.
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/error.h"

struct strings {
	char **items;
	size_t n, cap;
};

#define STRINGS_INIT                                                                     \
 {                                                                                       \
  NULL, 0, 0                                                                             \
 }

void strings_done(struct strings *s); /* empty and usable afterwards */
/* Appends a copy. */
int strings_add(struct strings *s, const char *text, struct err *err);
int strings_add_n(struct strings *s, const char *text, size_t n, struct err *err);
/* Appends `text` itself, which the list owns on success. */
int strings_take(struct strings *s, char *text, struct err *err);
/* Appends copies of all of `from`; on failure some may have been appended. */
int strings_add_all(struct strings *s, const struct strings *from, struct err *err);
bool strings_has(const struct strings *s, const char *text);
/* Byte order. */
void strings_sort(struct strings *s);

#endif
