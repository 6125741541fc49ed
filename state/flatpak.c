/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/flatpak.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"
#include "backend/flatpak_deploy.h"
#include "backend/names.h"
#include "state/rooted.h"

#define APPS "/var/lib/flatpak/app"

bool flatpak_id_is_legal(const char *id)
{
	size_t elements = 0;

	/* The ID is the app's name in a file name of the store as well. */
	if (!snapshot_app_is_legal(id) || strchr(id, '+'))
		return false;
	for (const char *s = id;; s++) {
		size_t n = strcspn(s, ".");

		if (n == 0)
			return false;
		elements++;
		s += n;
		if (*s == '\0')
			return elements >= 2;
	}
}

void flatpak_list_done(struct flatpak_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->apps[i].id);
		free(l->apps[i].version);
		free(l->apps[i].summary);
	}
	free(l->apps);
	*l = (struct flatpak_list)FLATPAK_LIST_INIT;
}

/* What the record of the active deployment says; nothing where there is none. */
static int read_deploy(int rootfd, const char *id, struct flatpak_deploy *ret,
		       struct err *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	path = alloc_printf(err, APPS "/%s/current/active/deploy", id);
	if (!path)
		return -1;
	if (rooted_read_file(rootfd, path, FLATPAK_DEPLOY_MAX, &text, err) < 0) {
		if (!err_is(err, ERR_NOT_FOUND))
			return -1;
		err_clear(err); /* removed, or being installed */
		return 0;
	}
	if (flatpak_deploy_parse(text.data ? text.data : "", text.len, ret, err) < 0)
		return err_wrap(err, "cannot read %s", q(path));
	return 0;
}

static int add(struct flatpak_list *l, int rootfd, const char *id,
	       const struct observer *observer, struct err *err)
{
	_cleanup_(flatpak_deploy_done) struct flatpak_deploy deploy = { NULL, NULL };
	struct flatpak_app *app;

	if (read_deploy(rootfd, id, &deploy, err) < 0) {
		if (err_is(err, ERR_NOMEM))
			return -1;
		observer_warn(observer, id, "%s", err_message(err));
		err_clear(err); /* only the version is not known */
	}
	if (alloc_grow(&l->apps, l->n, &l->cap, sizeof(*l->apps), err) < 0)
		return -1;
	app = &l->apps[l->n];
	app->id = alloc_strdup(id, err);
	if (!app->id)
		return -1;
	app->version = TAKE_PTR(deploy.version);
	app->summary = TAKE_PTR(deploy.summary);
	l->n++;
	return 0;
}

int flatpak_list_read(int rootfd, const struct observer *observer,
		      struct flatpak_list *ret, struct err *err)
{
	_cleanup_(flatpak_list_done) struct flatpak_list list = FLATPAK_LIST_INIT;
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;

	if (rooted_list(rootfd, APPS, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		if (flatpak_id_is_legal(names.items[i]) &&
		    add(&list, rootfd, names.items[i], observer, err) < 0)
			return -1;
	}
	*ret = list;
	list = (struct flatpak_list)FLATPAK_LIST_INIT;
	return 0;
}
