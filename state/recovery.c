/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/recovery.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "state/recovery_internal.h"

void recovery_item_done(struct recovery_item *item)
{
	free(item->object);
	free(item->what);
	free(item->hint);
	free(item->app);
	free(item->user);
	*item = (struct recovery_item){ .size = -1 };
}

void recovery_report_done(struct recovery_report *r)
{
	struct recovery_item *lists[] = { r->repaired, r->left, r->busy };
	size_t counts[] = { r->n_repaired, r->n_left, r->n_busy };

	for (size_t l = 0; l < sizeof(lists) / sizeof(*lists); l++) {
		for (size_t i = 0; i < counts[l]; i++)
			recovery_item_done(&lists[l][i]);
		free(lists[l]);
	}
	*r = (struct recovery_report){ 0 };
}

/* Adds to one of the lists; takes `object`.  `hint` may be NULL. */
static int add(struct recovery_item **list, size_t *n, char *object, const char *what,
	       const char *hint, struct err *err)
{
	struct recovery_item item = { .object = object, .size = -1 };
	struct recovery_item *grown = NULL;

	if (object)
		item.what = alloc_strdup(what, err);
	if (item.what && hint)
		item.hint = alloc_strdup(hint, err);
	if (item.what && (!hint || item.hint))
		grown = alloc_resize(*list, *n + 1, sizeof(*grown), err);
	if (!grown) {
		recovery_item_done(&item);
		return -1;
	}
	*list = grown;
	grown[(*n)++] = item;
	return 0;
}

bool recovery_acts(const struct recovering *v)
{
	return v->session->access != SESSION_LOOK;
}

int recovery_repaired(struct recovering *v, char *object,
		      const struct recovery_words *words, struct err *err)
{
	const char *what = recovery_acts(v) ? words->did : words->would;

	if (object && recovery_acts(v))
		observer_note(v->session->observer, NULL, "%s: %s", object, what);
	return add(&v->report.repaired, &v->report.n_repaired, object, what, NULL, err);
}

int recovery_left(struct recovering *v, char *object, struct err *why, struct err *err)
{
	int r;

	if (object)
		observer_warn(v->session->observer, NULL, "%s is not settled: %s", object,
			      err_message(why));
	r = add(&v->report.left, &v->report.n_left, object, err_message(why), why->hint,
		err);
	err_clear(why);
	return r;
}

int recovery_busy(struct recovering *v, char *object, struct err *why, struct err *err)
{
	int r = add(&v->report.busy, &v->report.n_busy, object, err_message(why), NULL,
		    err);

	err_clear(why);
	return r;
}

int recovery_tell(struct recovering *v, char *object, int result,
		  const struct recovery_words *words, struct err *problem,
		  struct err *err)
{
	if (result > 0)
		return recovery_repaired(v, object, words, err);
	if (result < 0 && !err_is(problem, ERR_INTERRUPTED) &&
	    !err_is(problem, ERR_NOMEM))
		return recovery_left(v, object, problem, err);
	if (!object)
		return -1;
	free(object);
	return result < 0 ? err_move(err, problem) : 0;
}

char *recovery_set_object(uint64_t id, struct err *err)
{
	return alloc_printf(err, "set %llu", (unsigned long long)id);
}

int recovery_hold(struct recovering *v, struct lock_key key, struct err *err)
{
	_cleanup_(err_clear) struct err busy = ERR_INIT;
	struct session *s = v->session;
	struct lock_wait wait = { 0, s->observer };

	if (!s->locks)
		return 1; /* nobody has ever written here */
	if (locks_take(s->locks, key, recovery_acts(v) ? LOCK_EXCLUSIVE : LOCK_SHARED,
		       &wait, &busy) == 0)
		return 1;
	if (!err_is(&busy, ERR_BUSY))
		return err_move(err, &busy);
	return recovery_busy(v, recovery_set_object(key.number, err), &busy, err);
}

void recovery_let_go(struct recovering *v, struct lock_key key)
{
	if (v->session->locks)
		locks_drop(v->session->locks, key);
}

int recovery_clean_imports(struct session *s, size_t *ret_count,
			   struct strings *ret_errors, struct err *err)
{
	struct recovering v = { .session = s };
	size_t count = 0;
	int r = recovery_sets(&v, err);

	for (size_t i = 0; r == 0 && i < v.report.n_repaired; i++)
		count += strcmp(v.report.repaired[i].what, recovery_set_removed.did) == 0;
	for (size_t i = 0; r == 0 && i < v.report.n_left; i++)
		r = strings_add(ret_errors, v.report.left[i].what, err);
	recovery_report_done(&v.report);
	if (r == 0)
		*ret_count = count;
	return r;
}

int recovery_run(struct session *s, struct recovery_report *ret, struct err *err)
{
	struct recovering v = { .session = s };
	int r = recovery_sets(&v, err);

	if (r == 0)
		r = recovery_restores(&v, err);
	if (r == 0 && ret)
		*ret = v.report;
	else
		recovery_report_done(&v.report);
	return r;
}
