/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/path_set.h"

#include <errno.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/le.h"
#include "backend/base/sys.h"

#define SLOTS_FIRST 1024
#define KIND_MASK   3u

/* A slot is a hash with the kind in its lowest bits, or 0: free.  At most two thirds
 * of the slots are used; collisions go to the next free one. */
struct table {
	uint64_t *slots; /* NULL: they are in the file, from `at` on */
	struct spill *spill;
	uint64_t at;
	uint64_t n_slots; /* a power of two */
};

struct path_set {
	uint64_t key[2];
	struct spill *spill;
	struct table table;
	uint64_t n;
};

static uint64_t rotate(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3. */
static uint64_t sip_hash(const uint64_t key[2], const char *p, size_t n)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
			  key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u };
	uint8_t last[8] = { 0 };
	size_t i = 0;

	for (; n - i >= 8; i += 8) {
		uint64_t word = le_get64(p + i);

		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	memcpy(last, p + i, n - i);
	last[7] = (uint8_t)n;
	v[3] ^= le_get64(last);
	sip_round(v);
	v[0] ^= le_get64(last);
	v[2] ^= 0xff;
	for (int round = 0; round < 3; round++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static int random_key(uint64_t key[2], struct err *err)
{
	ssize_t n;

	do {
		n = sys_getrandom(key, 2 * sizeof(*key), 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(err, "cannot get random numbers");
	/* So few bytes come at once or not at all. */
	if (n != 2 * (ssize_t)sizeof(*key))
		return err_set(err, ERR_IO, "cannot get random numbers");
	return 0;
}

/* Slots that are all free: in memory unless they are too many. */
static int make_table(struct spill *spill, uint64_t n_slots, struct table *ret,
		      struct err *err)
{
	struct table t = { .spill = spill, .n_slots = n_slots };

	if (n_slots > SIZE_MAX / sizeof(*t.slots))
		return err_nomem(err);
	if (spill_wants(spill, (size_t)n_slots * sizeof(*t.slots))) {
		if (spill_take(spill, n_slots * sizeof(*t.slots), &t.at, err) < 0)
			return -1;
	} else {
		t.slots = alloc_zero((size_t)n_slots, sizeof(*t.slots), err);
		if (!t.slots)
			return -1;
	}
	*ret = t;
	return 0;
}

int path_set_new(struct spill *spill, struct path_set **ret, struct err *err)
{
	_cleanup_(path_set_freep) struct path_set *s = alloc_zero(1, sizeof(*s), err);

	if (!s || random_key(s->key, err) < 0)
		return -1;
	s->spill = spill;
	if (make_table(spill, SLOTS_FIRST, &s->table, err) < 0)
		return -1;
	*ret = TAKE_PTR(s);
	return 0;
}

void path_set_free(struct path_set *s)
{
	if (!s)
		return;
	free(s->table.slots);
	free(s);
}

/* What slot i holds. */
static int get_slot(const struct table *t, uint64_t i, uint64_t *ret, struct err *err)
{
	if (t->slots) {
		*ret = t->slots[i];
		return 0;
	}
	return spill_get(t->spill, t->at + i * sizeof(*ret), ret, sizeof(*ret), err);
}

static int put_slot(const struct table *t, uint64_t i, uint64_t value, struct err *err)
{
	if (t->slots) {
		t->slots[i] = value;
		return 0;
	}
	return spill_put(t->spill, t->at + i * sizeof(value), &value, sizeof(value), err);
}

/* The slot that holds the hash, or the free one where it belongs, and what is in it. */
static int find_slot(const struct table *t, uint64_t hash, uint64_t *ret_i, uint64_t *ret,
		     struct err *err)
{
	uint64_t i = (hash >> 2) & (t->n_slots - 1), value;

	for (;; i = (i + 1) & (t->n_slots - 1)) {
		if (get_slot(t, i, &value, err) < 0)
			return -1;
		if (value == 0 || ((value ^ hash) & ~(uint64_t)KIND_MASK) == 0)
			break;
	}
	*ret_i = i;
	*ret = value;
	return 0;
}

/* Puts all that `from` holds into `to`. */
static int move_all(const struct table *from, const struct table *to, struct err *err)
{
	for (uint64_t i = 0; i < from->n_slots; i++) {
		uint64_t value, at, was;

		if (get_slot(from, i, &value, err) < 0)
			return -1;
		if (value != 0 && (find_slot(to, value, &at, &was, err) < 0 ||
				   put_slot(to, at, value, err) < 0))
			return -1;
	}
	return 0;
}

static int grow(struct path_set *s, struct err *err)
{
	struct table larger;

	if (make_table(s->spill, 2 * s->table.n_slots, &larger, err) < 0)
		return -1;
	if (move_all(&s->table, &larger, err) < 0) {
		free(larger.slots);
		return -1;
	}
	free(s->table.slots);
	s->table = larger;
	return 0;
}

int path_set_add(struct path_set *s, const char *path, size_t n, enum path_kind kind,
		 struct err *err)
{
	uint64_t hash = sip_hash(s->key, path, n), i, value;

	if (s->n >= s->table.n_slots / 3 * 2 && grow(s, err) < 0)
		return -1;
	if (find_slot(&s->table, hash, &i, &value, err) < 0)
		return -1;
	if (value != 0)
		return 0;
	if (put_slot(&s->table, i, (hash & ~(uint64_t)KIND_MASK) | kind, err) < 0)
		return -1;
	s->n++;
	return 1;
}

int path_set_find(const struct path_set *s, const char *path, size_t n,
		  enum path_kind *ret, struct err *err)
{
	uint64_t i, value;

	if (find_slot(&s->table, sip_hash(s->key, path, n), &i, &value, err) < 0)
		return -1;
	*ret = (enum path_kind)(value & KIND_MASK);
	return 0;
}
