/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_JSON_H
#define SETASIDE_BASE_JSON_H

/*
 * json: strict reading (yajl) into a tree, and writing with Go's escapes.
 *
 * Reading: bounded size and depth, no comments, no trailing data, duplicate keys refused,
 * numbers kept as their text.  Strings are decoded as Go decodes them: each byte of
 * invalid UTF-8 and each lone surrogate becomes one U+FFFD; a string may hold NUL bytes
 * (length counts).  Errors are ERR_CORRUPT with line and column ("line 3, column 7: "),
 * columns being counted in characters.  Memory: some 80 bytes a value, plus the strings.
 *
 * The tree is read only and lives as long as its root: json_free() takes only what
 * json_parse() gave.
 *
 * Writing: no spaces, `"` `\` and control characters escaped (\n \r \t short, else
 * \u00xx), `<` `>` `&` U+2028 U+2029 as \uXXXX, invalid UTF-8 as \ufffd.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/cleanup.h"
#include "backend/base/error.h"

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

struct json {
	enum json_type type;
	bool boolean;
	char *text;  /* NUMBER: its text as read; STRING: bytes, NUL-terminated */
	size_t len;  /* length of text */
	char **keys; /* OBJECT: n keys, in order of the text */
	size_t *key_lens;
	struct json **items; /* ARRAY, OBJECT: n values */
	size_t n;
	unsigned line; /* where the value begins, from 1, for messages */
};

struct json_limits {
	size_t max_size;    /* bytes of text; 0: no limit */
	unsigned max_depth; /* 0: 100 */
};

int json_parse(const char *text, size_t len, const struct json_limits *limits,
	       struct json **ret, struct err *err);
void json_free(struct json *j); /* not recursive on the stack beyond max_depth */
CLEANUP_FUNC(struct json *, json_free);

/* NULL where the object has no such key (or the value is null). */
const struct json *json_get(const struct json *object, const char *key);

/* Exact integers: no fraction, no exponent, in range; false otherwise. */
bool json_to_u64(const struct json *number, uint64_t *ret);
bool json_to_i64(const struct json *number, int64_t *ret);
/* A string without NUL bytes, else NULL. */
const char *json_to_str(const struct json *string);

/*
 * Writer: appends to a buf, puts commas itself, latches the first error: check json_end()
 * only.  Values inside objects are preceded by json_key().
 */
struct json_writer {
	struct buf *out;
	struct err *err; /* filled once, then all calls do nothing */
	unsigned depth;
	bool need_comma;
};

/* clang-format off */
#define JSON_WRITER(out_, err_) { (out_), (err_), 0, false }
/* clang-format on */

void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_key_n(struct json_writer *w, const char *key, size_t n);
void json_str(struct json_writer *w, const char *s); /* NULL writes null */
void json_str_n(struct json_writer *w, const char *s, size_t n);
/* Valid UTF-8 as a string, anything else as {"base64":"..."}. */
void json_bytes(struct json_writer *w, const char *s, size_t n);
void json_u64(struct json_writer *w, uint64_t v);
void json_i64(struct json_writer *w, int64_t v);
void json_bool(struct json_writer *w, bool v);
void json_null(struct json_writer *w);
/* Text that is JSON already. */
void json_raw(struct json_writer *w, const char *text, size_t n);
/* A parsed value: objects with keys in byte order, numbers digit for digit. */
void json_value(struct json_writer *w, const struct json *value);
/* 0, or -1 if any call failed (err is filled).  Depth must be back at 0. */
int json_end(struct json_writer *w);

/* True if the n bytes are well-formed UTF-8 (no surrogates, no overlongs). */
bool json_is_utf8(const char *s, size_t n);

/* The bytes of a value that json_bytes() wrote (string or {"base64":...}); caller frees;
 * *ret_len may be NULL if the value may not hold NUL.  ERR_CORRUPT otherwise. */
char *json_to_bytes(const struct json *value, size_t *ret_len, struct err *err);

#endif
