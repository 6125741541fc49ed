/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/choose.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/base/strings.h"
#include "backend/base/suggest.h"

/* "alice" of "user/alice.tgz" is `user`. */
static bool is_users(const char *member, const char *user)
{
	size_t n;
	const char *name = snapshot_archive_user(member, &n);

	return name && strlen(user) == n && strncmp(name, user, n) == 0;
}

bool choose_archive(const struct scope *scope, const char *member)
{
	size_t n;

	if (!snapshot_archive_user(member, &n))
		return !scope->no_system;
	if (scope->n_users == 0)
		return true;
	for (size_t i = 0; i < scope->n_users; i++)
		if (is_users(member, scope->users[i]))
			return true;
	return false;
}

/* APP or PACKAGING:APP of a set. */
static bool is_app(const struct set_snapshot *s, const char *text)
{
	const char *packaging = s->meta->packaging ? s->meta->packaging : "snap";
	size_t n = strlen(packaging);

	if (strcmp(s->meta->snap, text) == 0)
		return true;
	return strncmp(text, packaging, n) == 0 && text[n] == ':' &&
	       strcmp(s->meta->snap, text + n + 1) == 0;
}

/* Appends, unless it is there. */
static void add_once(const struct set_snapshot **list, size_t *n,
		     const struct set_snapshot *s)
{
	for (size_t i = 0; i < *n; i++)
		if (list[i] == s)
			return;
	list[(*n)++] = s;
}

bool choose_has_user(const struct set_snapshot *const *list, size_t n, const char *user)
{
	for (size_t i = 0; i < n; i++) {
		const struct snapshot *m = list[i]->meta;

		if (list[i]->broken)
			return true;
		for (size_t k = 0; k < m->n_archives; k++)
			if (is_users(m->archives[k].name, user))
				return true;
	}
	return false;
}

bool choose_has_system(const struct scope *scope, const struct set_snapshot *const *list,
		       size_t n)
{
	size_t ignored;

	for (size_t i = 0; !scope->no_system && i < n; i++) {
		const struct snapshot *m = list[i]->meta;

		for (size_t k = 0; k < m->n_archives; k++)
			if (!snapshot_archive_user(m->archives[k].name, &ignored))
				return true;
	}
	return false;
}

/* The users of one snapshot. */
static int add_users(const struct snapshot *m, struct strings *ret, struct err *err)
{
	for (size_t k = 0; k < m->n_archives; k++) {
		size_t n;
		const char *user = snapshot_archive_user(m->archives[k].name, &n);

		if (user && strings_add_n(ret, user, n, err) < 0)
			return -1;
	}
	return 0;
}

int choose_fail_user(const struct set *set, const struct set_snapshot *const *list,
		     size_t n, const char *user, struct err *err)
{
	_cleanup_(strings_done) struct strings users = STRINGS_INIT;
	struct suggest s = SUGGEST(user);

	for (size_t i = 0; i < n; i++)
		if (add_users(list[i]->meta, &users, err) < 0)
			return -1;
	for (size_t i = 0; i < users.n; i++)
		suggest_offer(&s, users.items[i]);
	(void)err_set(err, ERR_NOT_FOUND, "set %llu has no data of user %s",
		      (unsigned long long)set->id, q(user));
	return s.best ? err_hint(err, "did you mean %s?", q(s.best)) : -1;
}

/* Every named user has data in one of the chosen snapshots. */
static int check_users(const struct set *set, const struct scope *scope,
		       const struct set_snapshot *const *list, size_t n, struct err *err)
{
	for (size_t i = 0; i < scope->n_users; i++) {
		const char *user = scope->users[i];

		/* root stands for the system data as well, as in `--users root`. */
		if (strcmp(user, "root") != 0 && !choose_has_user(list, n, user))
			return choose_fail_user(set, list, n, user, err);
	}
	return 0;
}

/* -1, with the name that may have been meant. */
static int fail_unknown(const struct set *set, const char *app, struct err *err)
{
	struct suggest s = SUGGEST(app);

	for (size_t i = 0; i < set->n; i++)
		suggest_offer(&s, set->snapshots[i].meta->snap);
	(void)err_set(err, ERR_NOT_FOUND, "set %llu has no app %s",
		      (unsigned long long)set->id, q(app));
	return s.best ? err_hint(err, "did you mean %s?", q(s.best)) : -1;
}

int choose_snapshots(const struct set *set, const struct scope *scope,
		     const struct set_snapshot ***ret, size_t *ret_n, struct err *err)
{
	_cleanup_free_ const struct set_snapshot **list = NULL;
	size_t n = 0;

	list = alloc_zero(set->n + 1, sizeof(*list), err);
	if (!list)
		return -1;
	for (size_t i = 0; scope->n_apps == 0 && i < set->n; i++)
		list[n++] = &set->snapshots[i];
	for (size_t i = 0; i < scope->n_apps; i++) {
		size_t before = n;
		bool found = false;

		for (size_t k = 0; k < set->n; k++) {
			if (!is_app(&set->snapshots[k], scope->apps[i]))
				continue;
			found = true;
			add_once(list, &n, &set->snapshots[k]);
		}
		if (!found && n == before)
			return fail_unknown(set, scope->apps[i], err);
	}
	if (check_users(set, scope, list, n, err) < 0)
		return -1;
	*ret = TAKE_PTR(list);
	*ret_n = n;
	return 0;
}
