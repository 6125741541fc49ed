/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/duplicate.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "state/contents.h"
#include "state/operation/check.h"
#include "state/sets.h"

/* Why a set is broken; NULL if it is not. */
static const char *why_broken(const struct set *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->snapshots[i].broken)
			return set->snapshots[i].broken;
	return NULL;
}

/* Has the set this hash, in one of its forms? */
static bool has_hash(const struct set *set, const uint8_t *hash)
{
	return set->content_hash[0] != '\0' &&
	       (memcmp(set->hashes[0], hash, DIGEST_SHA256_SIZE) == 0 ||
		memcmp(set->hashes[1], hash, DIGEST_SHA256_SIZE) == 0);
}

/* The first thing that is wrong with a set. */
static const char *first_problem(const struct check_outcome *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (!o->apps[i].ok && o->apps[i].problems.n > 0)
			return o->apps[i].problems.items[0];
	return "it is damaged";
}

/* Reads all of the set's archives: 1, or 0 and a warning.  Nobody hears of its progress:
 * it is a step of another operation. */
static int is_intact(struct session *s, uint64_t id, struct err *err)
{
	_cleanup_(check_outcome_done) struct check_outcome o = { 0 };
	const struct observer *outer = s->observer;
	struct observer silent = { .cancel = outer ? outer->cancel : NULL };
	struct scope all = { 0 };
	int r;

	s->observer = &silent;
	r = setaside_check(s, id, &all, false, &o, err);
	s->observer = outer;
	if (r < 0 && err_is(err, ERR_NOT_FOUND)) {
		err_clear(err); /* somebody forgot it just now */
		return 0;
	}
	if (r == 0 && o.ok)
		return 1;
	/* A medium that fails is damage too, for whoever has the same set at hand. */
	if (r < 0 && (!err_is(err, ERR_IO) || !worker_is_alive(s->reader)))
		return -1;
	observer_warn(
		outer, NULL,
		"set %llu has the same content, but is damaged (%s): it is imported anew",
		(unsigned long long)id, r < 0 ? err_message(err) : first_problem(&o));
	err_clear(err);
	return 0;
}

/* The answer: it is a person's now. */
static int take_over(struct session *s, const struct set *set, uint64_t *ret_set,
		     struct strings *ret_apps, struct err *err)
{
	if ((set->automatic || set->expires != 0) &&
	    db_set_adopt(s->db, set->id, err) < 0)
		return -1;
	for (size_t i = 0; i < set->n; i++)
		if (strings_add(ret_apps, set->snapshots[i].meta->snap, err) < 0)
			return -1;
	*ret_set = set->id;
	return 1;
}

/* Reads a set that should have the hash: if it has, it is the answer. */
static int try_set(struct session *s, uint64_t id, const uint8_t *hash, bool verify,
		   uint64_t *ret_set, struct strings *ret_apps, struct err *err)
{
	struct set set;
	int r;

	if (sets_get(s, id, &set, err) < 0) {
		if (!err_is(err, ERR_NOT_FOUND))
			return -1;
		err_clear(err); /* somebody forgot it just now */
		return 0;
	}
	if (!has_hash(&set, hash))
		r = contents_forget(s, id, err);
	else if (!verify && strcmp(set.origin, db_set_origin_name(DB_SET_FOUND)) == 0)
		r = 0; /* it was only just found: nobody has read it */
	else
		r = verify ? is_intact(s, id, err) : 1;
	if (r > 0)
		r = take_over(s, &set, ret_set, ret_apps, err);
	set_done(&set);
	return r;
}

/* The same of a set that nobody may forget meanwhile. */
static int try_locked(struct session *s, uint64_t id, const uint8_t *hash,
		      uint64_t *ret_set, struct strings *ret_apps, struct err *err)
{
	int r;

	if (session_lock_set(s, id, LOCK_SHARED, err) < 0)
		return -1;
	r = try_set(s, id, hash, true, ret_set, ret_apps, err);
	session_unlock_set(s, id);
	return r;
}

void duplicates_done(struct duplicates *d)
{
	free(d->rejected);
	d->rejected = NULL;
	d->n = d->cap = 0;
}

static bool is_rejected(const struct duplicates *d, uint64_t id)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->rejected[i] == id)
			return true;
	return false;
}

int duplicates_find(struct duplicates *d, const uint8_t hash[DIGEST_SHA256_SIZE],
		    bool verify, uint64_t *ret_set, struct strings *ret_apps,
		    struct err *err)
{
	_cleanup_(db_ids_done) struct db_ids ids = { NULL, 0 };
	struct session *s = d->session;
	int r = 0;

	if (!d->refreshed && contents_refresh(s, err) < 0)
		return -1;
	d->refreshed = true;
	if (contents_find(s, hash, &ids, err) < 0)
		return -1;
	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		uint64_t id = ids.ids[i];

		if (is_rejected(d, id))
			continue;
		r = verify ? try_locked(s, id, hash, ret_set, ret_apps, err)
			   : try_set(s, id, hash, false, ret_set, ret_apps, err);
		if (r == 0) {
			if (alloc_grow(&d->rejected, d->n, &d->cap, sizeof(*d->rejected),
				       err) < 0)
				return -1;
			d->rejected[d->n++] = id;
		}
	}
	return r;
}

/* What follows the number in a file's name. */
static const char *behind_number(const char *file)
{
	return file + strspn(file, "0123456789");
}

/* Are the files named alike?  Only asked of sets that are broken. */
static bool is_named_alike(const struct set *set, const struct db_set *made)
{
	for (size_t i = 0; i < set->n; i++) {
		bool found = false;

		for (size_t k = 0; k < made->n_files && !found; k++)
			found = strcmp(behind_number(set->snapshots[i].file),
				       behind_number(made->files[k].name)) == 0;
		if (!found)
			return false;
	}
	return set->n == made->n_files;
}

/* Warns of a set if it is broken and looks like what was made. */
static int mention(struct session *s, uint64_t id, const struct db_set *made,
		   struct err *err)
{
	const char *why;
	struct set set;

	if (sets_get(s, id, &set, err) < 0) {
		if (!err_is(err, ERR_NOT_FOUND))
			return -1;
		err_clear(err);
		return 0;
	}
	why = why_broken(&set);
	if (why && is_named_alike(&set, made))
		observer_warn(
			s->observer, NULL,
			"set %llu may be the same, but is damaged (%s): it is imported anew",
			(unsigned long long)id, why);
	set_done(&set);
	return 0;
}

int duplicates_mention_broken(struct session *s, const struct db_set *made,
			      struct err *err)
{
	_cleanup_(db_ids_done) struct db_ids ids = { NULL, 0 };

	if (contents_broken(s, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++)
		if (mention(s, ids.ids[i], made, err) < 0)
			return -1;
	return 0;
}
