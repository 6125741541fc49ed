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
	struct recovery_item *lists[] = { r->repaired, r->left };
	size_t counts[] = { r->n_repaired, r->n_left };

	for (size_t l = 0; l < 2; l++) {
		for (size_t i = 0; i < counts[l]; i++)
			recovery_item_done(&lists[l][i]);
		free(lists[l]);
	}
	*r = (struct recovery_report){ 0 };
}

/* Adds to one of the two lists; takes `object`. */
static int add(struct recovery_item **list, size_t *n, char *object, const char *what,
	       struct err *err)
{
	struct recovery_item *grown = NULL;
	char *copied = object ? alloc_strdup(what, err) : NULL;

	if (copied)
		grown = alloc_resize(*list, *n + 1, sizeof(*grown), err);
	if (!grown) {
		free(object);
		free(copied);
		return -1;
	}
	*list = grown;
	grown[(*n)++] = (struct recovery_item){ .object = object, .what = copied, .size = -1 };
	return 0;
}

int recovery_repaired(struct recovering *v, char *object, const char *what, struct err *err)
{
	if (object)
		observer_note(v->session->observer, NULL, "%s: %s", object, what);
	return add(&v->report.repaired, &v->report.n_repaired, object, what, err);
}

int recovery_left(struct recovering *v, char *object, struct err *why, struct err *err)
{
	int r;

	if (object)
		observer_warn(v->session->observer, NULL, "%s is not settled: %s", object,
			      err_message(why));
	r = add(&v->report.left, &v->report.n_left, object, err_message(why), err);
	err_clear(why);
	return r;
}

bool recovery_is_final(const struct err *e)
{
	return err_is(e, ERR_INTERRUPTED) || err_is(e, ERR_NOMEM);
}

char *recovery_set_object(uint64_t id, struct err *err)
{
	return alloc_printf(err, "set %llu", (unsigned long long)id);
}

int recovery_try_lock(struct session *s, struct lock_key key, struct err *err)
{
	struct lock_wait wait = { 0, s->observer };

	if (locks_take(s->locks, key, LOCK_EXCLUSIVE, &wait, err) == 0)
		return 1;
	if (!err_is(err, ERR_BUSY))
		return -1;
	err_clear(err);
	return 0;
}

int recovery_clean_imports(struct session *s, size_t *ret_count, struct strings *ret_errors,
			   struct err *err)
{
	struct recovering v = { .session = s };
	size_t count = 0;
	int r = recovery_sets(&v, err);

	for (size_t i = 0; r == 0 && i < v.report.n_repaired; i++)
		count += strcmp(v.report.repaired[i].what, RECOVERY_SET_REMOVED) == 0;
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
