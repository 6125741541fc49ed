/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/duplicate.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
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

/* Has the set this hash, in one of its forms?  1, 0, -1. */
static int has_hash(const struct set *set, const uint8_t *hash, struct err *err)
{
	_cleanup_free_ const struct snapshot **metas = alloc_zero(set->n + 1, sizeof(*metas), err);
	uint8_t is[DIGEST_SHA256_SIZE];

	if (!metas)
		return -1;
	if (why_broken(set))
		return 0;
	for (size_t i = 0; i < set->n; i++)
		metas[i] = set->snapshots[i].meta;
	for (int form = 0; form < 2 && set->n > 0; form++) {
		if (snapshot_set_hash(metas, set->n, form == 1, is, err) < 0)
			return -1;
		if (memcmp(is, hash, sizeof(is)) == 0)
			return 1;
	}
	return 0;
}

/* The first thing that is wrong with a set. */
static const char *first_problem(const struct check_outcome *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (!o->apps[i].ok && o->apps[i].problems.n > 0)
			return o->apps[i].problems.items[0];
	return "it is damaged";
}

/* Reads all of the set's archives: 1, or 0 and a warning.  Nobody hears of its progress: it is a
 * step of another operation. */
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
	observer_warn(outer, NULL, "set %llu has the same content, but is damaged (%s): it is imported anew",
		      (unsigned long long)id, r < 0 ? err_message(err) : first_problem(&o));
	err_clear(err);
	return 0;
}

/* The answer: it is a person's now. */
static int take_over(struct session *s, const struct set *set, uint64_t *ret_set,
		     struct strings *ret_apps, struct err *err)
{
	if ((set->automatic || set->expires != 0) && db_set_adopt(s->db, set->id, err) < 0)
		return -1;
	for (size_t i = 0; i < set->n; i++)
		if (strings_add(ret_apps, set->snapshots[i].meta->snap, err) < 0)
			return -1;
	*ret_set = set->id;
	return 1;
}

/* A set with the right hash: if it is intact, it is the answer. */
static int try_set(struct session *s, const struct set *set, uint64_t *ret_set,
		   struct strings *ret_apps, struct err *err)
{
	int r;

	if (session_lock_set(s, set->id, LOCK_SHARED, err) < 0)
		return -1;
	r = is_intact(s, set->id, err);
	if (r > 0)
		r = take_over(s, set, ret_set, ret_apps, err);
	session_unlock_set(s, set->id);
	return r;
}

int duplicate_find(struct session *s, const uint8_t hash[DIGEST_SHA256_SIZE], uint64_t *ret_set,
		   struct strings *ret_apps, bool *ret_broken, struct err *err)
{
	struct set_list list;
	int r = 0;

	if (sets_list(s, &list, err) < 0)
		return -1;
	*ret_broken = false;
	for (size_t i = 0; r == 0 && i < list.n; i++) {
		*ret_broken = *ret_broken || why_broken(&list.sets[i]);
		r = has_hash(&list.sets[i], hash, err);
		if (r > 0)
			r = try_set(s, &list.sets[i], ret_set, ret_apps, err);
	}
	sets_list_done(&list);
	return r;
}

int duplicate_find_late(struct session *s, const uint8_t hash[DIGEST_SHA256_SIZE], uint64_t above,
			uint64_t *ret_set, struct strings *ret_apps, struct err *err)
{
	struct set_list list;
	int r = 0;

	if (sets_list(s, &list, err) < 0)
		return -1;
	for (size_t i = 0; r == 0 && i < list.n; i++) {
		if (list.sets[i].id <= above)
			continue;
		r = has_hash(&list.sets[i], hash, err);
		if (r > 0)
			r = take_over(s, &list.sets[i], ret_set, ret_apps, err);
	}
	sets_list_done(&list);
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

int duplicate_mention_broken(struct session *s, const struct db_set *made, struct err *err)
{
	struct set_list list;

	if (sets_list(s, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		const char *why = why_broken(&list.sets[i]);

		if (why && is_named_alike(&list.sets[i], made))
			observer_warn(s->observer, NULL,
				      "set %llu may be the same, but is damaged (%s): it is imported anew",
				      (unsigned long long)list.sets[i].id, why);
	}
	sets_list_done(&list);
	return 0;
}
