/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/epoch.h"

#include <string.h>

#include "backend/base/quote.h"

static const uint32_t zero[] = { 0 };

/* The lists of e, where an empty one means epoch 0. */
static const uint32_t *list_of(const uint32_t *list, size_t *n)
{
	if (*n > 0)
		return list;
	*n = 1;
	return zero;
}

static bool lists_meet(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b)
{
	a = list_of(a, &n_a);
	b = list_of(b, &n_b);
	for (size_t i = 0; i < n_a; i++) {
		for (size_t k = 0; k < n_b; k++) {
			if (a[i] == b[k])
				return true;
		}
	}
	return false;
}

bool snapshot_epoch_can_read(const struct snapshot_epoch *current,
			     const struct snapshot_epoch *data)
{
	return lists_meet(current->read, current->n_read, data->write, data->n_write);
}

/* A number of `len` digits; false if it is anything else, or over 32 bits. */
static bool parse_number(const char *text, size_t len, uint32_t *ret)
{
	uint64_t v = 0;

	if (len == 0 || len > 10 || (len > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	if (v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

int snapshot_epoch_parse_number(const char *text, uint32_t *ret, struct err *err)
{
	if (!parse_number(text, strlen(text), ret))
		return err_set(err, ERR_CORRUPT, "%s is no epoch number", q(text));
	return 0;
}

int snapshot_epoch_parse(const char *text, struct snapshot_epoch *ret, struct err *err)
{
	struct snapshot_epoch e = { { 0 }, { 0 }, 1, 1 };
	size_t len = strlen(text);
	bool star = len > 0 && text[len - 1] == '*';
	uint32_t n = 0;

	if (len > 0 && !parse_number(text, len - star, &n))
		return err_set(err, ERR_CORRUPT, "%s is no epoch", q(text));
	if (star && n == 0)
		return err_set(err, ERR_CORRUPT, "epoch %s would read what came before 0",
			       q(text));
	e.read[0] = e.write[0] = n;
	if (star) {
		e.read[0] = n - 1;
		e.read[1] = n;
		e.n_read = 2;
	}
	*ret = e;
	return 0;
}

static bool is_increasing(const uint32_t *list, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (list[i - 1] >= list[i])
			return false;
	}
	return true;
}

int snapshot_epoch_complete(struct snapshot_epoch *e, struct err *err)
{
	struct snapshot_epoch c = *e;

	if (c.n_read > SNAPSHOT_EPOCH_MAX || c.n_write > SNAPSHOT_EPOCH_MAX)
		return err_set(err, ERR_CORRUPT, "an epoch list has more than %d numbers",
			       SNAPSHOT_EPOCH_MAX);
	if (c.n_read == 0 && c.n_write == 0) {
		c.read[0] = c.write[0] = 0;
		c.n_read = c.n_write = 1;
	} else if (c.n_write == 0) {
		c.write[0] = c.read[c.n_read - 1];
		c.n_write = 1;
	} else if (c.n_read == 0) {
		memcpy(c.read, c.write, sizeof(c.read));
		c.n_read = c.n_write;
	}
	if (!is_increasing(c.read, c.n_read) || !is_increasing(c.write, c.n_write))
		return err_set(err, ERR_CORRUPT,
			       "the numbers of an epoch list do not increase");
	if (!lists_meet(c.read, c.n_read, c.write, c.n_write))
		return err_set(err, ERR_CORRUPT,
			       "an epoch cannot read what it writes itself");
	*e = c;
	return 0;
}

/* Reads the list under `key`, if there is one.  A null is refused, as snapd does. */
static int list_from_json(const struct json *object, const char *key, uint32_t *list,
			  size_t *n, struct err *err)
{
	const struct json *value = NULL;

	for (size_t i = 0; i < object->n; i++) {
		if (object->key_lens[i] == strlen(key) &&
		    memcmp(object->keys[i], key, strlen(key)) == 0)
			value = object->items[i];
	}
	if (!value)
		return 0;
	if (value->type != JSON_ARRAY || value->n == 0)
		return err_set(err, ERR_CORRUPT, "epoch list %s is no list of numbers",
			       q(key));
	if (value->n > SNAPSHOT_EPOCH_MAX)
		return err_set(err, ERR_CORRUPT, "an epoch list has more than %d numbers",
			       SNAPSHOT_EPOCH_MAX);
	for (size_t i = 0; i < value->n; i++) {
		const struct json *item = value->items[i];
		if (item->type != JSON_NUMBER ||
		    !parse_number(item->text, item->len, &list[i]))
			return err_set(err, ERR_CORRUPT,
				       "epoch list %s is no list of numbers", q(key));
	}
	*n = value->n;
	return 0;
}

int snapshot_epoch_from_json(const struct json *value, struct snapshot_epoch *ret,
			     struct err *err)
{
	struct snapshot_epoch e = { { 0 }, { 0 }, 0, 0 };

	if (value && value->type == JSON_STRING) {
		const char *text = json_to_str(value);
		if (!text)
			return err_set(err, ERR_CORRUPT, "an epoch holds a NUL");
		return snapshot_epoch_parse(text, ret, err);
	}
	if (value && value->type != JSON_OBJECT && value->type != JSON_NULL)
		return err_set(err, ERR_CORRUPT,
			       "an epoch is neither a string nor an object");
	if (value && value->type == JSON_OBJECT &&
	    (list_from_json(value, "read", e.read, &e.n_read, err) < 0 ||
	     list_from_json(value, "write", e.write, &e.n_write, err) < 0))
		return -1;
	if (snapshot_epoch_complete(&e, err) < 0)
		return -1;
	*ret = e;
	return 0;
}

static void write_list(const uint32_t *list, size_t n, struct json_writer *w)
{
	list = list_of(list, &n);
	json_begin_array(w);
	for (size_t i = 0; i < n; i++)
		json_u64(w, list[i]);
	json_end_array(w);
}

void snapshot_epoch_write(const struct snapshot_epoch *e, struct json_writer *w)
{
	json_begin_object(w);
	json_key(w, "read");
	write_list(e->read, e->n_read, w);
	json_key(w, "write");
	write_list(e->write, e->n_write, w);
	json_end_object(w);
}
