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
struct path_set {
	uint64_t key[2];
	uint64_t *slots;
	size_t n_slots; /* a power of two */
	size_t n;
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

int path_set_new(struct path_set **ret, struct err *err)
{
	_cleanup_(path_set_freep) struct path_set *s = alloc_zero(1, sizeof(*s), err);

	if (!s || random_key(s->key, err) < 0)
		return -1;
	s->slots = alloc_zero(SLOTS_FIRST, sizeof(*s->slots), err);
	if (!s->slots)
		return -1;
	s->n_slots = SLOTS_FIRST;
	*ret = TAKE_PTR(s);
	return 0;
}

void path_set_free(struct path_set *s)
{
	if (!s)
		return;
	free(s->slots);
	free(s);
}

/* The slot that holds the hash, or the free one where it belongs. */
static uint64_t *find_slot(uint64_t *slots, size_t n_slots, uint64_t hash)
{
	size_t i = (size_t)(hash >> 2) & (n_slots - 1);

	while (slots[i] && ((slots[i] ^ hash) & ~(uint64_t)KIND_MASK))
		i = (i + 1) & (n_slots - 1);
	return &slots[i];
}

static int grow(struct path_set *s, struct err *err)
{
	uint64_t *slots = alloc_zero(2 * s->n_slots, sizeof(*slots), err);

	if (!slots)
		return -1;
	for (size_t i = 0; i < s->n_slots; i++) {
		if (s->slots[i])
			*find_slot(slots, 2 * s->n_slots, s->slots[i]) = s->slots[i];
	}
	free(s->slots);
	s->slots = slots;
	s->n_slots *= 2;
	return 0;
}

int path_set_add(struct path_set *s, const char *path, size_t n, enum path_kind kind,
		 struct err *err)
{
	uint64_t hash = sip_hash(s->key, path, n);
	uint64_t *slot;

	if (s->n >= s->n_slots / 3 * 2 && grow(s, err) < 0)
		return -1;
	slot = find_slot(s->slots, s->n_slots, hash);
	if (*slot)
		return 0;
	*slot = (hash & ~(uint64_t)KIND_MASK) | kind;
	s->n++;
	return 1;
}

enum path_kind path_set_find(const struct path_set *s, const char *path, size_t n)
{
	return (enum path_kind)(
		*find_slot(s->slots, s->n_slots, sip_hash(s->key, path, n)) & KIND_MASK);
}
