/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/le.h"

/*
 * The fields of struct snapshot in a fixed order, little endian:
 *
 *	string	u32 length, bytes without NUL; ABSENT for NULL
 *	list	u32 count, items
 *	bool	u8, 0 or 1
 *	hash	96 bytes, filled up with NUL
 *
 * MAGIC changes with the order: both ends are of one build, and prove it so.
 */
#define MAGIC  0x31504e53u /* "SNP1" */
#define ABSENT UINT32_MAX

/* Years 0000 to 9999, a day at most from UTC: what stamp_format() can print. */
#define TIME_MIN   INT64_C(-62167305600)
#define TIME_MAX   INT64_C(253402387199)
#define OFFSET_MAX (24 * 60)

/* ---- Packing: the first error stays in err, and nothing is appended after it ---- */

struct packer {
	struct buf *out;
	struct err *err;
};

static void put_raw(struct packer *p, const void *bytes, size_t n)
{
	if (err_is(p->err, ERR_NONE))
		(void)buf_add(p->out, bytes, n, p->err);
}

static void put_u32(struct packer *p, uint32_t v)
{
	uint8_t bytes[4];

	le_put32(bytes, v);
	put_raw(p, bytes, sizeof(bytes));
}

static void put_u64(struct packer *p, uint64_t v)
{
	uint8_t bytes[8];

	le_put64(bytes, v);
	put_raw(p, bytes, sizeof(bytes));
}

static void put_bool(struct packer *p, bool v)
{
	uint8_t byte = v;

	put_raw(p, &byte, 1);
}

/* A count or length; what is too large for 32 bits cannot be within the limit either. */
static void put_count(struct packer *p, size_t n)
{
	if (n < ABSENT)
		put_u32(p, (uint32_t)n);
	else if (err_is(p->err, ERR_NONE))
		err_set(p->err, ERR_NO_SPACE, "longer than %zu bytes",
			SNAPSHOT_RECORD_MAX);
}

static void put_string(struct packer *p, const char *s)
{
	if (!s) {
		put_u32(p, ABSENT);
		return;
	}
	put_count(p, strlen(s));
	put_raw(p, s, strlen(s));
}

/* Always of one size, so that a count of archives cannot ask for much more memory than
 * the record itself takes. */
static void put_hash(struct packer *p, const char *sha3)
{
	char bytes[DIGEST_SHA3_384_HEX] = { 0 };

	memcpy(bytes, sha3, strnlen(sha3, sizeof(bytes)));
	put_raw(p, bytes, sizeof(bytes));
}

static void put_strings(struct packer *p, char *const *list, size_t n)
{
	put_count(p, n);
	for (size_t i = 0; i < n; i++)
		put_string(p, list[i]);
}

static void put_numbers(struct packer *p, const uint32_t *list, size_t n)
{
	put_count(p, n);
	for (size_t i = 0; i < n; i++)
		put_u32(p, list[i]);
}

static void put_skips(struct packer *p, const struct snapshot_skip *list, size_t n)
{
	put_count(p, n);
	for (size_t i = 0; i < n; i++) {
		put_string(p, list[i].path);
		put_string(p, list[i].why);
	}
}

static void put_details(struct packer *p, const struct snapshot_archive *a)
{
	put_string(p, a->user);
	put_u32(p, a->uid);
	put_u32(p, a->gid);
	put_string(p, a->home);
	put_u64(p, a->bytes);
	put_u64(p, a->allocated);
	put_u64(p, a->entries);
	put_count(p, a->n_trees);
	for (size_t i = 0; i < a->n_trees; i++) {
		put_string(p, a->trees[i].name);
		put_string(p, a->trees[i].path);
		put_string(p, a->trees[i].resolved);
		put_bool(p, a->trees[i].is_file);
		put_strings(p, a->trees[i].exclude, a->trees[i].n_exclude);
	}
	put_skips(p, a->skipped, a->n_skipped);
	put_skips(p, a->changed, a->n_changed);
}

static void put_snapshot(struct packer *p, const struct snapshot *s)
{
	put_u32(p, MAGIC);
	put_u64(p, s->set);
	put_u64(p, (uint64_t)s->time.sec);
	put_u32(p, s->time.nsec);
	put_u32(p, (uint32_t)(s->time.offset + OFFSET_MAX));
	put_string(p, s->snap ? s->snap : "");
	put_string(p, s->revision ? s->revision : "");
	put_string(p, s->snap_id);
	put_numbers(p, s->epoch.read, s->epoch.n_read);
	put_numbers(p, s->epoch.write, s->epoch.n_write);
	put_string(p, s->summary ? s->summary : "");
	put_string(p, s->version ? s->version : "");
	put_string(p, s->conf);
	put_u64(p, s->size);
	put_strings(p, s->exclude, s->n_exclude);
	put_string(p, s->broken);
	put_bool(p, s->automatic);
	put_count(p, s->n_archives);
	for (size_t i = 0; i < s->n_archives; i++) {
		put_string(p, s->archives[i].name);
		put_hash(p, s->archives[i].sha3);
		put_bool(p, s->archives[i].has_details);
		if (s->archives[i].has_details)
			put_details(p, &s->archives[i]);
	}
	put_bool(p, s->has_own);
	put_string(p, s->packaging);
	put_string(p, s->host);
	put_string(p, s->machine_id);
	put_string(p, s->taken);
	put_string(p, s->name);
	put_string(p, s->note);
	put_string(p, s->reason);
	put_bool(p, s->own_auto);
	put_bool(p, s->unknown_keys);
}

int snapshot_pack(const struct snapshot *s, struct buf *out, struct err *err)
{
	_cleanup_(buf_done) struct buf record = BUF_INIT_MAX(SNAPSHOT_RECORD_MAX);
	struct packer p = { &record, err };

	put_snapshot(&p, s);
	if (!err_is(err, ERR_NONE))
		return err_wrap(err, "record of a snapshot");
	return buf_add(out, record.data, record.len, err);
}

/* ---- Unpacking: likewise, and what is not there reads as 0, false or NULL ---- */

struct unpacker {
	const uint8_t *p, *end;
	struct err *err;
};

static void spoiled(struct unpacker *u, const char *what)
{
	if (err_is(u->err, ERR_NONE))
		err_set(u->err, ERR_CORRUPT, "record of a snapshot: %s", what);
}

/* Steps over n bytes; NULL if there are fewer, or after an error. */
static const uint8_t *get_raw(struct unpacker *u, size_t n)
{
	const uint8_t *p = u->p;

	if (!err_is(u->err, ERR_NONE))
		return NULL;
	if (n > (size_t)(u->end - u->p)) {
		spoiled(u, "cut short");
		return NULL;
	}
	u->p += n;
	return p;
}

static uint32_t get_u32(struct unpacker *u)
{
	const uint8_t *p = get_raw(u, 4);

	return p ? le_get32(p) : 0;
}

static uint64_t get_u64(struct unpacker *u)
{
	const uint8_t *p = get_raw(u, 8);

	return p ? le_get64(p) : 0;
}

static bool get_bool(struct unpacker *u)
{
	const uint8_t *p = get_raw(u, 1);

	if (p && *p > 1)
		spoiled(u, "a flag is neither set nor unset");
	return p && *p == 1;
}

/* A string of its own, or NULL where it is absent. */
static char *get_optional(struct unpacker *u)
{
	uint32_t n = get_u32(u);

	if (n == ABSENT)
		return NULL;
	const char *p = (const char *)get_raw(u, n);
	if (p && memchr(p, '\0', n)) {
		spoiled(u, "a string holds a NUL");
		p = NULL;
	}
	return p ? alloc_strndup(p, n, u->err) : NULL;
}

static char *get_string(struct unpacker *u)
{
	char *s = get_optional(u);

	if (!s)
		spoiled(u, "a string is missing");
	return s;
}

/*
 * A count and an array for it.  An item takes `least` bytes or more, so a count that the
 * rest of the record cannot hold is refused before memory is asked for.
 */
static void *get_array(struct unpacker *u, size_t least, size_t size, size_t *ret_n)
{
	size_t n = get_u32(u);

	*ret_n = 0;
	if (err_is(u->err, ERR_NONE) && n > (size_t)(u->end - u->p) / least)
		spoiled(u, "a list is longer than the record");
	if (!err_is(u->err, ERR_NONE) || n == 0)
		return NULL;
	void *array = alloc_zero(n, size, u->err);
	if (array)
		*ret_n = n;
	return array;
}

static char **get_strings(struct unpacker *u, size_t *ret_n)
{
	char **list = get_array(u, 4, sizeof(*list), ret_n);

	for (size_t i = 0; i < *ret_n; i++)
		list[i] = get_string(u);
	return list;
}

static size_t get_numbers(struct unpacker *u, uint32_t list[SNAPSHOT_EPOCH_MAX])
{
	uint32_t n = get_u32(u);

	if (n > SNAPSHOT_EPOCH_MAX) {
		spoiled(u, "an epoch has too many numbers");
		return 0;
	}
	for (uint32_t i = 0; i < n; i++)
		list[i] = get_u32(u);
	return n;
}

static struct snapshot_skip *get_skips(struct unpacker *u, size_t *ret_n)
{
	struct snapshot_skip *list = get_array(u, 8, sizeof(*list), ret_n);

	for (size_t i = 0; i < *ret_n; i++) {
		list[i].path = get_string(u);
		list[i].why = get_optional(u);
	}
	return list;
}

static void get_details(struct unpacker *u, struct snapshot_archive *a)
{
	a->user = get_optional(u);
	a->uid = get_u32(u);
	a->gid = get_u32(u);
	a->home = get_optional(u);
	a->bytes = get_u64(u);
	a->allocated = get_u64(u);
	a->entries = get_u64(u);
	a->trees = get_array(u, 17, sizeof(*a->trees), &a->n_trees);
	for (size_t i = 0; i < a->n_trees; i++) {
		struct snapshot_tree *tree = &a->trees[i];
		tree->name = get_string(u);
		tree->path = get_string(u);
		tree->resolved = get_optional(u);
		tree->is_file = get_bool(u);
		tree->exclude = get_strings(u, &tree->n_exclude);
	}
	a->skipped = get_skips(u, &a->n_skipped);
	a->changed = get_skips(u, &a->n_changed);
}

static void get_archives(struct unpacker *u, struct snapshot *s)
{
	s->archives = get_array(u, 4 + DIGEST_SHA3_384_HEX + 1, sizeof(*s->archives),
				&s->n_archives);
	for (size_t i = 0; i < s->n_archives; i++) {
		struct snapshot_archive *a = &s->archives[i];
		a->name = get_string(u);
		const uint8_t *sha3 = get_raw(u, DIGEST_SHA3_384_HEX);
		if (sha3)
			memcpy(a->sha3, sha3, DIGEST_SHA3_384_HEX);
		a->has_details = get_bool(u);
		if (a->has_details)
			get_details(u, a);
		if (!err_is(u->err, ERR_NONE))
			return;
		/* Look-ups rely on it. */
		if (i > 0 && strcmp(s->archives[i - 1].name, a->name) >= 0)
			spoiled(u, "the archives are not in order");
	}
}

static void get_time(struct unpacker *u, struct stamp *time)
{
	int64_t sec = (int64_t)get_u64(u);
	uint32_t nsec = get_u32(u), offset = get_u32(u);

	if (sec < TIME_MIN || sec > TIME_MAX || nsec >= 1000000000 ||
	    offset > 2 * OFFSET_MAX) {
		spoiled(u, "the time is out of range");
		return;
	}
	time->sec = sec;
	time->nsec = nsec;
	time->offset = (int16_t)((int)offset - OFFSET_MAX);
}

/* It is printed as it is, so it must at least be text on one line. */
static void check_conf(struct unpacker *u, const char *conf)
{
	size_t n = conf ? strlen(conf) : 0;

	for (size_t i = 0; i < n; i++) {
		if ((uint8_t)conf[i] < 0x20) {
			spoiled(u, "the configuration holds control characters");
			return;
		}
	}
	if (conf && !json_is_utf8(conf, n))
		spoiled(u, "the configuration is no text");
}

static void get_snapshot(struct unpacker *u, struct snapshot *s)
{
	if (get_u32(u) != MAGIC)
		spoiled(u, "it is none");
	s->set = get_u64(u);
	get_time(u, &s->time);
	s->snap = get_string(u);
	s->revision = get_string(u);
	s->snap_id = get_optional(u);
	s->epoch.n_read = get_numbers(u, s->epoch.read);
	s->epoch.n_write = get_numbers(u, s->epoch.write);
	s->summary = get_string(u);
	s->version = get_string(u);
	s->conf = get_optional(u);
	check_conf(u, s->conf);
	s->size = get_u64(u);
	s->exclude = get_strings(u, &s->n_exclude);
	s->broken = get_optional(u);
	s->automatic = get_bool(u);
	get_archives(u, s);
	s->has_own = get_bool(u);
	s->packaging = get_optional(u);
	s->host = get_optional(u);
	s->machine_id = get_optional(u);
	s->taken = get_optional(u);
	s->name = get_optional(u);
	s->note = get_optional(u);
	s->reason = get_optional(u);
	s->own_auto = get_bool(u);
	s->unknown_keys = get_bool(u);
	if (u->p != u->end)
		spoiled(u, "it goes on behind its end");
}

int snapshot_unpack(const void *p, size_t n, struct snapshot *ret, struct err *err)
{
	_cleanup_(snapshot_done) struct snapshot s;
	struct unpacker u = { p, (const uint8_t *)p + n, err };

	snapshot_init(&s);
	if (n > SNAPSHOT_RECORD_MAX)
		spoiled(&u, "too long");
	get_snapshot(&u, &s);
	if (!err_is(err, ERR_NONE))
		return -1;
	*ret = s;
	snapshot_init(&s);
	return 0;
}
