/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/unread.h"

#include <string.h>

#include "backend/base/alloc.h"

static void unread_done(struct save_unread *u)
{
	free(u->app);
	free(u->user);
	free(u->path);
	free(u->why);
	*u = (struct save_unread){ 0 };
}

void unread_list_done(struct save_unread_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		unread_done(&list->items[i]);
	free(list->items);
	*list = (struct save_unread_list){ 0 };
}

bool unread_has(const struct save_unread_list *list, const char *app)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->items[i].app, app) == 0)
			return true;
	return false;
}

/* Two owners; NULL is the system. */
static bool is_same_user(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_listed(const struct save_unread_list *list, const char *app,
		      const char *user, const char *path)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct save_unread *u = &list->items[i];

		if (strcmp(u->app, app) == 0 && strcmp(u->path, path) == 0 &&
		    is_same_user(u->user, user))
			return true;
	}
	return false;
}

/* All texts of a zeroed object. */
static int copy_texts(struct save_unread *u, const char *app, const char *user,
		      const char *path, const struct err *why, struct err *err)
{
	u->app = alloc_strdup(app, err);
	u->path = u->app ? alloc_strdup(path, err) : NULL;
	u->why = u->path ? alloc_strdup(err_message(why), err) : NULL;
	if (!u->why || !user)
		return u->why ? 0 : -1;
	u->user = alloc_strdup(user, err);
	return u->user ? 0 : -1;
}

int unread_add(struct save_unread_list *list, const char *app, const char *user,
	       const char *path, const struct err *why, struct err *err)
{
	struct save_unread u = { .kind = why->kind }, *grown;

	if (is_listed(list, app, user, path))
		return 0;
	grown = alloc_resize(list->items, list->n + 1, sizeof(*grown), err);
	if (!grown)
		return -1;
	list->items = grown;
	if (copy_texts(&u, app, user, path, why, err) < 0) {
		unread_done(&u);
		return -1;
	}
	grown[list->n++] = u;
	return 1;
}
