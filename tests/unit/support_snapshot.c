/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support_snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/support.h"

uint64_t support_random_next(struct support_random *r)
{
	/* splitmix64: any seed will do. */
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t support_random_below(struct support_random *r, uint64_t n)
{
	return support_random_next(r) % n;
}

static bool coin(struct support_random *r)
{
	return support_random_next(r) & 1;
}

static char *copy(const char *s)
{
	char *c = strdup(s);

	ck_assert_ptr_nonnull(c);
	return c;
}

static void *zeroed(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	ck_assert_ptr_nonnull(p);
	return p;
}

/* Text of the awkward sort: what JSON escapes, what terminals obey, U+0000. */
static char *text(struct support_random *r)
{
	static const char *const pieces[] = {
		"a",
		"Z",
		"0",
		" ",
		"\"",
		"\\",
		"/",
		"<",
		">",
		"&",
		"\n",
		"\r",
		"\t",
		"\b",
		"\f",
		"\x01",
		"\x1f",
		"\x7f",
		"\xc0\x80",
		"\xc3\x9f",
		"\xc2\x85",
		"\xe2\x80\xa8",
		"\xe2\x80\xa9",
		"\xef\xbf\xbd",
		"\xef\xbb\xbf",
		"u0008",
		"\xf0\x9f\x98\x80",
	};
	char out[256] = "";
	size_t n = support_random_below(r, 12);

	for (size_t i = 0; i < n; i++) {
		const char *piece =
			pieces[support_random_below(r, sizeof(pieces) / sizeof(*pieces))];
		memcpy(out + strlen(out), piece, strlen(piece) + 1);
	}
	return copy(out);
}

/* Any bytes but NUL. */
static char *bytes(struct support_random *r)
{
	char out[16] = "";
	size_t n = support_random_below(r, sizeof(out));

	if (coin(r))
		return text(r);
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(1 + support_random_below(r, 255));
	return copy(out);
}

static char *maybe_bytes(struct support_random *r)
{
	return coin(r) ? bytes(r) : NULL;
}

/* An archive path, as odd as such can be. */
static char *path(struct support_random *r, unsigned flags)
{
	static const char *const legal[] = { "common", "common/a/\xff", "x1/...",
					     "7/a b\n" };

	return flags & SUPPORT_VALID ? copy(legal[support_random_below(r, 4)]) : bytes(r);
}

static void make_epoch(struct support_random *r, struct snapshot_epoch *e)
{
	uint32_t base = (uint32_t)support_random_below(r, UINT32_MAX - 64);

	e->n_read = 1 + support_random_below(r, SNAPSHOT_EPOCH_MAX);
	e->n_write = 1 + support_random_below(r, SNAPSHOT_EPOCH_MAX);
	/* Lists that begin with the same number meet. */
	for (uint32_t i = 0; i < SNAPSHOT_EPOCH_MAX; i++) {
		e->read[i] = i < e->n_read ? base + 2 * i : 0;
		e->write[i] = i < e->n_write ? base + 3 * i : 0;
	}
}

static struct snapshot_skip *make_skips(struct support_random *r, unsigned flags,
					bool why, size_t *ret_n)
{
	size_t n = support_random_below(r, 4);
	struct snapshot_skip *list = zeroed(n, sizeof(*list));

	for (size_t i = 0; i < n; i++) {
		list[i].path = path(r, flags);
		list[i].why = why ? bytes(r) : NULL;
	}
	*ret_n = n;
	return list;
}

static void make_tree(struct support_random *r, unsigned flags, size_t i,
		      struct snapshot_tree *tree)
{
	char name[32];

	snprintf(name, sizeof(name), "tree-%zu", i);
	tree->name = flags & SUPPORT_VALID ? copy(name) : bytes(r);
	tree->path = bytes(r);
	tree->resolved = maybe_bytes(r);
	tree->is_file = coin(r);
	tree->n_exclude = support_random_below(r, 3);
	tree->exclude = zeroed(tree->n_exclude, sizeof(*tree->exclude));
	for (size_t k = 0; k < tree->n_exclude; k++)
		tree->exclude[k] = bytes(r);
}

static void make_details(struct support_random *r, unsigned flags,
			 struct snapshot_archive *a)
{
	size_t len;
	const char *user = snapshot_archive_user(a->name, &len);

	a->has_details = true;
	if (user) {
		a->user = strndup(user, len);
		ck_assert_ptr_nonnull(a->user);
		a->uid = (uint32_t)support_random_below(r, UINT32_MAX);
		a->gid = (uint32_t)support_random_below(r, UINT32_MAX);
		a->home = maybe_bytes(r);
	}
	a->bytes = support_random_next(r);
	a->allocated = support_random_next(r) >> 40;
	a->entries = support_random_below(r, 3);
	a->n_trees = support_random_below(r, 4);
	a->trees = zeroed(a->n_trees, sizeof(*a->trees));
	for (size_t i = 0; i < a->n_trees; i++)
		make_tree(r, flags, i, &a->trees[i]);
	a->skipped = make_skips(r, flags, true, &a->n_skipped);
	a->changed = make_skips(r, flags, false, &a->n_changed);
}

static void make_hash(struct support_random *r, char sha3[DIGEST_SHA3_384_HEX + 1])
{
	for (size_t i = 0; i < DIGEST_SHA3_384_HEX; i++)
		sha3[i] = "0123456789abcdef"[support_random_below(r, 16)];
	sha3[DIGEST_SHA3_384_HEX] = '\0';
}

static void make_archives(struct support_random *r, unsigned flags, struct snapshot *s)
{
	static const char *const names[] = { "user/alice.tgz", "archive.tgz",
					     "user/\xc3\xb6.tgz", "user/a.tgz", "other" };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	size_t first = support_random_below(r, 5), n = 1 + support_random_below(r, 5);

	for (size_t i = 0; i < n; i++) {
		struct snapshot_archive *a;
		ck_assert_ok(snapshot_add_archive(s, names[(first + i) % 5], &a, &err),
			     &err);
		make_hash(r, a->sha3);
		if (s->has_own && coin(r))
			make_details(r, flags, a);
	}
}

static void make_conf(struct support_random *r, struct snapshot *s)
{
	static const char *const values[] = {
		"{\"b\":[1,-0,1e400,12345678901234567890,0.10],\"a\":{\"<\":null}}",
		"{\"\\u2028\":\"\\ud83d\\ude00\\u0000\\u0008\",\"\":true}",
		"{\"x\":{\"x\":{\"x\":[[],{},\"\"]}}}",
	};
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(json_freep) struct json *conf =
		support_json(values[support_random_below(r, 3)]);

	if (coin(r))
		ck_assert_ok(snapshot_set_conf(s, conf, &err), &err);
}

static void make_own(struct support_random *r, unsigned flags, struct snapshot *s)
{
	static const char *const packagings[] = { "native", "flatpak" };

	s->has_own = true;
	s->packaging = flags & SUPPORT_VALID
			       ? copy(packagings[support_random_below(r, 2)])
			       : maybe_bytes(r);
	s->host = maybe_bytes(r);
	s->machine_id = maybe_bytes(r);
	s->taken = maybe_bytes(r);
	s->name = maybe_bytes(r);
	s->note = maybe_bytes(r);
	s->reason = maybe_bytes(r);
	s->own_auto = coin(r);
}

/* A string that an empty one would not be told from when it is missing. */
static char *not_empty(char *s)
{
	if (*s)
		return s;
	free(s);
	return NULL;
}

void support_snapshot_random(uint64_t seed, unsigned flags, struct snapshot *ret)
{
	static const char *const apps[] = { "hello", "a-b_inst", "org.gnome.Maps",
					    "x+y" };
	static const char *const revisions[] = { "1", "x1", "42",
						 "x9223372036854775807" };
	struct support_random random = { seed }, *r = &random;

	snapshot_init(ret);
	ret->set = 1 + support_random_below(r, SNAPSHOT_SET_MAX);
	ret->time.sec = (int64_t)support_random_below(r, 253402300800);
	ret->time.nsec = (uint32_t)support_random_below(r, coin(r) ? 1 : 1000000000);
	ret->time.offset = (int16_t)(coin(r) ? support_random_below(r, 1600) - 800 : 0);
	/* Not into the year 10000. */
	ret->time.sec -= ret->time.sec > 253402000000 ? 1000000 : 0;
	ret->snap =
		flags & SUPPORT_VALID ? copy(apps[support_random_below(r, 4)]) : text(r);
	ret->revision = copy(revisions[support_random_below(r, 4)]);
	ret->snap_id = not_empty(text(r));
	make_epoch(r, &ret->epoch);
	ret->summary = text(r);
	ret->version = text(r);
	make_conf(r, ret);
	ret->size = support_random_next(r) >> (1 + support_random_below(r, 63));
	ret->n_exclude = support_random_below(r, 3);
	ret->exclude = zeroed(ret->n_exclude, sizeof(*ret->exclude));
	for (size_t i = 0; i < ret->n_exclude; i++)
		ret->exclude[i] = text(r);
	if (coin(r))
		make_own(r, flags, ret);
	make_archives(r, flags, ret);
	if (flags & SUPPORT_ANY) {
		ret->broken = not_empty(bytes(r));
		ret->automatic = coin(r);
		ret->unknown_keys = coin(r);
	}
}

void support_snapshot_small(struct snapshot *ret)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snapshot_archive *a;

	snapshot_init(ret);
	ret->set = 3;
	ret->time = (struct stamp){ 1772600767, 120000000, 60 };
	ret->snap = copy("hello");
	ret->revision = copy("7");
	ret->summary = copy("");
	ret->version = copy("2.10");
	ck_assert_ok(snapshot_add_archive(ret, "archive.tgz", &a, &err), &err);
	memset(a->sha3, 'a', DIGEST_SHA3_384_HEX);
	ret->size = 7;
}

/* ---- Comparing ---- */

#define SAME(condition, what)                                                            \
 do {                                                                                    \
  if (!(condition)) {                                                                    \
   *ret_what = (what);                                                                   \
   return false;                                                                         \
  }                                                                                      \
 } while (0)

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_list(char *const *a, size_t n_a, char *const *b, size_t n_b)
{
	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++) {
		if (!same(a[i], b[i]))
			return false;
	}
	return true;
}

static bool same_skips(const struct snapshot_skip *a, size_t n_a,
		       const struct snapshot_skip *b, size_t n_b)
{
	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++) {
		if (!same(a[i].path, b[i].path) || !same(a[i].why, b[i].why))
			return false;
	}
	return true;
}

static bool same_tree(const struct snapshot_tree *a, const struct snapshot_tree *b,
		      const char **ret_what)
{
	SAME(same(a->name, b->name), "tree name");
	SAME(same(a->path, b->path), "tree path");
	SAME(same(a->resolved, b->resolved), "tree resolved");
	SAME(a->is_file == b->is_file, "tree type");
	SAME(same_list(a->exclude, a->n_exclude, b->exclude, b->n_exclude),
	     "tree exclude");
	return true;
}

static bool same_archive(const struct snapshot_archive *a,
			 const struct snapshot_archive *b, const char **ret_what)
{
	SAME(same(a->name, b->name), "archive name");
	SAME(same(a->sha3, b->sha3), "archive hash");
	SAME(a->has_details == b->has_details, "has_details");
	SAME(same(a->user, b->user), "user");
	SAME(a->uid == b->uid && a->gid == b->gid, "uid or gid");
	SAME(same(a->home, b->home), "home");
	SAME(a->bytes == b->bytes, "bytes");
	SAME(a->allocated == b->allocated, "allocated");
	SAME(a->entries == b->entries, "entries");
	SAME(same_skips(a->skipped, a->n_skipped, b->skipped, b->n_skipped), "skipped");
	SAME(same_skips(a->changed, a->n_changed, b->changed, b->n_changed), "changed");
	SAME(a->n_trees == b->n_trees, "number of trees");
	for (size_t i = 0; i < a->n_trees; i++) {
		if (!same_tree(&a->trees[i], &b->trees[i], ret_what))
			return false;
	}
	return true;
}

static bool same_own(const struct snapshot *a, const struct snapshot *b,
		     const char **ret_what)
{
	SAME(a->has_own == b->has_own, "has_own");
	SAME(same(a->packaging, b->packaging), "packaging");
	SAME(same(a->host, b->host), "host");
	SAME(same(a->machine_id, b->machine_id), "machine-id");
	SAME(same(a->taken, b->taken), "taken");
	SAME(same(a->name, b->name), "name");
	SAME(same(a->note, b->note), "note");
	SAME(same(a->reason, b->reason), "reason");
	SAME(a->own_auto == b->own_auto, "own auto");
	SAME(a->unknown_keys == b->unknown_keys, "unknown_keys");
	return true;
}

bool support_snapshot_equal(const struct snapshot *a, const struct snapshot *b,
			    const char **ret_what)
{
	SAME(a->set == b->set, "set");
	SAME(a->time.sec == b->time.sec && a->time.nsec == b->time.nsec &&
		     a->time.offset == b->time.offset,
	     "time");
	SAME(same(a->snap, b->snap), "snap");
	SAME(same(a->revision, b->revision), "revision");
	SAME(same(a->snap_id, b->snap_id), "snap-id");
	SAME(a->epoch.n_read == b->epoch.n_read && a->epoch.n_write == b->epoch.n_write &&
		     memcmp(a->epoch.read, b->epoch.read, sizeof(a->epoch.read)) == 0 &&
		     memcmp(a->epoch.write, b->epoch.write, sizeof(a->epoch.write)) == 0,
	     "epoch");
	SAME(same(a->summary, b->summary), "summary");
	SAME(same(a->version, b->version), "version");
	SAME(same(a->conf, b->conf), "conf");
	SAME(a->size == b->size, "size");
	SAME(same_list(a->exclude, a->n_exclude, b->exclude, b->n_exclude), "exclude");
	SAME(same(a->broken, b->broken), "broken");
	SAME(a->automatic == b->automatic, "auto");
	SAME(a->n_archives == b->n_archives, "number of archives");
	for (size_t i = 0; i < a->n_archives; i++) {
		if (!same_archive(&a->archives[i], &b->archives[i], ret_what))
			return false;
	}
	return same_own(a, b, ret_what);
}

struct json *support_json(const char *value)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct json *j = NULL;

	ck_assert_ok(json_parse(value, strlen(value), NULL, &j, &err), &err);
	return j;
}
