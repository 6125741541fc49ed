/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/contents.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/le.h"
#include "state/sets.h"

/* Hashes of another version of this program may leave out other keys. */
#define MAKER PACKAGE_STRING

/* What tells that n files are still those that were read.  Devices are left out: their
 * numbers may change with a reboot. */
static int identify(struct digest *sha256, const struct store_file *files, size_t n,
		    uint8_t ret[DIGEST_SHA256_SIZE], struct err *err)
{
	if (digest_reset(sha256, err) < 0 ||
	    digest_update(sha256, MAKER, sizeof(MAKER), err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct store_file *f = &files[i];
		uint8_t numbers[6][8];

		le_put64(numbers[0], f->ino);
		le_put64(numbers[1], f->size);
		le_put64(numbers[2], (uint64_t)f->mtime_sec);
		le_put64(numbers[3], f->mtime_nsec);
		le_put64(numbers[4], (uint64_t)f->ctime_sec);
		le_put64(numbers[5], f->ctime_nsec);
		if (digest_update(sha256, f->name, strlen(f->name) + 1, err) < 0 ||
		    digest_update(sha256, numbers, sizeof(numbers), err) < 0)
			return -1;
	}
	return digest_final(sha256, ret, err);
}

/* Files of one set in a list that is in order, from *at on, which
 * is moved behind them. */
static size_t files_of(const struct store_list *list, uint64_t set, size_t *at)
{
	size_t first;

	while (*at < list->n && list->files[*at].set < set)
		++*at;
	first = *at;
	while (*at < list->n && list->files[*at].set == set)
		++*at;
	return *at - first;
}

/* Drops what the index says of sets whose files are others now, within a transaction. */
static int drop_changed(struct session *s, const struct store_list *list,
			const struct db_contents *rows, size_t n, struct err *err)
{
	_cleanup_(digest_freep) struct digest *sha256 = NULL;
	uint8_t files[DIGEST_SHA256_SIZE];
	size_t at = 0;

	if (digest_new(DIGEST_SHA256, &sha256, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		size_t count = files_of(list, rows[i].set, &at);

		if (identify(sha256, list->files + (at - count), count, files, err) < 0)
			return -1;
		if (memcmp(files, rows[i].files, sizeof(files)) != 0 &&
		    contents_forget(s, rows[i].set, err) < 0)
			return -1;
	}
	return 0;
}

int contents_refresh(struct session *s, struct err *err)
{
	_cleanup_(store_list_done) struct store_list list = { 0 };
	_cleanup_free_ struct db_contents *rows = NULL;
	size_t n = 0;

	/* Rows first: what appears in between is compared the next time. */
	if (db_contents_files(s->db, &rows, &n, err) < 0)
		return -1;
	if (n == 0)
		return 0;
	if (store_list(s->store, &list, err) < 0 || db_begin(s->db, err) < 0)
		return -1;
	if (drop_changed(s, &list, rows, n, err) < 0 || db_commit(s->db, err) < 0) {
		db_rollback(s->db);
		return -1;
	}
	return 0;
}

/* contents_note_best_effort(), which may fail. */
static int note(struct session *s, const struct db_set *set, const uint8_t *hash,
		const uint8_t *alternate, struct err *err)
{
	_cleanup_free_ const char **names = alloc_zero(set->n_files, sizeof(*names), err);
	_cleanup_(store_list_done) struct store_list list = { 0 };
	_cleanup_(digest_freep) struct digest *sha256 = NULL;
	uint8_t files[DIGEST_SHA256_SIZE];

	if (!names)
		return -1;
	for (size_t i = 0; i < set->n_files; i++)
		names[i] = set->files[i].name;
	if (store_look_at(s->store, set->id, names, set->n_files, &list, err) < 0 ||
	    digest_new(DIGEST_SHA256, &sha256, err) < 0 ||
	    identify(sha256, list.files, list.n, files, err) < 0)
		return -1;
	return db_contents_put(s->db, set->id, files, hash, alternate, err);
}

void contents_note_best_effort(struct session *s, const struct db_set *set,
			       const uint8_t hash[DIGEST_SHA256_SIZE],
			       const uint8_t alternate[DIGEST_SHA256_SIZE])
{
	_cleanup_(err_clear) struct err ignored = ERR_INIT;

	(void)note(s, set, hash, alternate, &ignored);
}

int contents_forget(struct session *s, uint64_t set, struct err *err)
{
	return db_contents_put(s->db, set, NULL, NULL, NULL, err);
}

/* Is all that is wrong with the set in its files, or can they perhaps not
 * be read at this moment? */
static bool is_for_good(const struct set *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->snapshots[i].broken &&
		    !set_snapshot_is_damaged(&set->snapshots[i]))
			return false;
	return true;
}

/* Reads a set into the index. */
static int take_in(struct session *s, struct digest *sha256, uint64_t id, struct err *err)
{
	_cleanup_(store_list_done) struct store_list list = { 0 };
	uint8_t files[DIGEST_SHA256_SIZE];
	bool known;
	struct set set;
	int r;

	/* Before it is read: what changes meanwhile is another set the next time. */
	if (store_list_set(s->store, id, &list, err) < 0 ||
	    identify(sha256, list.files, list.n, files, err) < 0)
		return -1;
	if (sets_get(s, id, &set, err) < 0) {
		if (!err_is(err, ERR_NOT_FOUND))
			return -1;
		err_clear(err); /* somebody forgot it just now */
		return 0;
	}
	known = set.content_hash[0] != '\0';
	r = is_for_good(&set)
		    ? db_contents_put(s->db, id, files, known ? set.hashes[0] : NULL,
				      set.hashes[1], err)
		    : 0;
	set_done(&set);
	return r;
}

/* Reads the sets that are not in the index. */
static int complete(struct session *s, struct err *err)
{
	_cleanup_(digest_freep) struct digest *sha256 = NULL;
	_cleanup_(db_ids_done) struct db_ids ids = { NULL, 0 };

	if (db_contents_without_hash(s->db, false, &ids, err) < 0)
		return -1;
	if (ids.n > 0 && digest_new(DIGEST_SHA256, &sha256, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++)
		if (take_in(s, sha256, ids.ids[i], err) < 0)
			return -1;
	return 0;
}

int contents_find(struct session *s, const uint8_t hash[DIGEST_SHA256_SIZE],
		  struct db_ids *ret, struct err *err)
{
	if (complete(s, err) < 0)
		return -1;
	return db_contents_find(s->db, hash, ret, err);
}

int contents_broken(struct session *s, struct db_ids *ret, struct err *err)
{
	return db_contents_without_hash(s->db, true, ret, err);
}
