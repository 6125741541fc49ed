/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_JSON_INTERNAL_H
#define SETASIDE_BASE_JSON_INTERNAL_H

/*
 * json_internal: the strings of a JSON text, and the memory of a tree.
 *
 * yajl decodes lone surrogates and ill-formed UTF-8 in its own way, and into memory whose
 * allocation it does not check.  So it never sees what is in a string: it gets a copy of
 * the text, byte for byte as long, in which each string holds `x` only, and the contents
 * are decoded here from the original.
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/error.h"
#include "backend/base/json.h"

/* Where a string is wrong. */
struct json_fault {
	size_t at;        /* offset of the offending byte; end of text if it has no end */
	size_t begin;     /* offset of the string's first quote */
	const char *what; /* what is wrong with it; NULL: nothing */
};

/* Overwrites the contents of all strings of the text with `x`, up to the first faulty
 * one, which stays. */
void json_text_mask(char *text, size_t len, struct json_fault *ret);

/* Decodes the raw contents of a string that json_text_mask() passed; returns the number
 * of bytes.  `out` NULL: only counts. */
size_t json_text_decode(const char *raw, size_t n, char *out);

/* Compares two keys by their bytes, as Go sorts them. */
int json_text_compare(const char *a, size_t a_len, const char *b, size_t b_len);

/* Memory that is freed all at once; aligned for pointers. */
struct json_arena;
int json_arena_new(struct json_arena **ret, struct err *err);
void *json_arena_alloc(struct json_arena *a, size_t size, struct err *err);
void json_arena_free(struct json_arena *a);
CLEANUP_FUNC(struct json_arena *, json_arena_free);

/* Where the root has to stand, so that json_free() finds the arena from it. */
struct json *json_arena_root(struct json_arena *a);

#endif
