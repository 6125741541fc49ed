/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/json_internal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/digest.h"

#define BLOCK_MIN 1024
#define BLOCK_MAX (256 * 1024)

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(8) char bytes[];
};

/*
 * A tree is one arena: a text of a million brackets is freed without recursion, and a
 * value costs no allocation of its own.
 */
struct json_arena {
	struct json root; /* first: json_free() gets a pointer to it */
	struct block *blocks;
	size_t next_size;
};

int json_arena_new(struct json_arena **ret, struct err *err)
{
	struct json_arena *a = alloc_zero(1, sizeof(*a), err);

	if (!a)
		return -1;
	a->next_size = BLOCK_MIN;
	*ret = a;
	return 0;
}

/* Puts a block with room for `size` bytes in front. */
static int add_block(struct json_arena *a, size_t size, struct err *err)
{
	size_t room = size > a->next_size ? size : a->next_size, bytes;

	if (__builtin_add_overflow(sizeof(struct block), room, &bytes))
		return err_nomem(err);
	struct block *b = alloc_bytes(bytes, err);
	if (!b)
		return -1;
	b->next = a->blocks;
	b->used = 0;
	b->size = room;
	a->blocks = b;
	if (a->next_size < BLOCK_MAX)
		a->next_size *= 2;
	return 0;
}

void *json_arena_alloc(struct json_arena *a, size_t size, struct err *err)
{
	size_t rounded;

	if (__builtin_add_overflow(size, 7, &rounded)) {
		err_nomem(err);
		return NULL;
	}
	rounded &= ~(size_t)7;
	if (!a->blocks || a->blocks->size - a->blocks->used < rounded) {
		if (add_block(a, rounded, err) < 0)
			return NULL;
	}
	void *p = a->blocks->bytes + a->blocks->used;
	a->blocks->used += rounded;
	return p;
}

void json_arena_free(struct json_arena *a)
{
	if (!a)
		return;
	for (struct block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

struct json *json_arena_root(struct json_arena *a)
{
	return &a->root;
}

void json_free(struct json *j)
{
	/* The root is the arena's first member. */
	json_arena_free((struct json_arena *)j);
}

const struct json *json_get(const struct json *object, const char *key)
{
	size_t len = strlen(key);

	if (object->type != JSON_OBJECT)
		return NULL;
	for (size_t i = 0; i < object->n; i++) {
		if (object->key_lens[i] == len && memcmp(object->keys[i], key, len) == 0)
			return object->items[i]->type == JSON_NULL ? NULL
								   : object->items[i];
	}
	return NULL;
}

/* Reads digits only; false if there are others or the value is above max. */
static bool read_digits(const char *s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (*s == '\0')
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return false;
	}
	*ret = v;
	return v <= max;
}

bool json_to_u64(const struct json *number, uint64_t *ret)
{
	uint64_t v;

	if (number->type != JSON_NUMBER || !read_digits(number->text, UINT64_MAX, &v))
		return false;
	*ret = v;
	return true;
}

bool json_to_i64(const struct json *number, int64_t *ret)
{
	const uint64_t max = INT64_MAX;
	uint64_t v;

	if (number->type != JSON_NUMBER)
		return false;
	bool negative = number->text[0] == '-';
	if (!read_digits(number->text + negative, max + negative, &v))
		return false;
	/* The least value has no positive counterpart. */
	*ret = negative ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

const char *json_to_str(const struct json *string)
{
	if (string->type != JSON_STRING || strlen(string->text) != string->len)
		return NULL;
	return string->text;
}

char *json_to_bytes(const struct json *value, size_t *ret_len, struct err *err)
{
	_cleanup_(buf_done) struct buf bytes = BUF_INIT;
	const struct json *base64 = NULL;
	size_t len;
	int r;

	if (value->type == JSON_STRING) {
		r = buf_add(&bytes, value->text, value->len, err);
	} else {
		if (value->type == JSON_OBJECT && value->n == 1)
			base64 = json_get(value, "base64");
		if (!base64 || base64->type != JSON_STRING) {
			err_set(err, ERR_CORRUPT, "neither a string nor base64");
			return NULL;
		}
		r = digest_unbase64(base64->text, base64->len, &bytes, err);
	}
	if (r < 0)
		return NULL;
	if (!ret_len && memchr(bytes.data, '\0', bytes.len)) {
		err_set(err, ERR_CORRUPT, "a NUL byte in it");
		return NULL;
	}
	len = bytes.len;
	char *stolen = buf_steal(&bytes, err);
	if (stolen && ret_len)
		*ret_len = len;
	return stolen;
}
