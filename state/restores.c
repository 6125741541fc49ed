/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/restores.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "state/in_use.h"

/* What a set adds to a native app's name where a snap has it, too. */
#define NATIVE_SUFFIX ".native"

/* apply_report */
static int note_entry(void *ctx, const char *path, const char *what, bool minor,
		      struct err *err)
{
	struct restore_noting *n = ctx;

	(void)err;
	if (minor)
		observer_note(n->session->observer, path, "%s", what);
	else
		observer_warn(n->session->observer, path, "%s", what);
	n->notes += minor ? 0 : 1;
	return 0;
}

/* carry_report */
static int note_left(void *ctx, const char *path, const char *why, struct err *err)
{
	struct restore_noting *n = ctx;

	(void)err;
	observer_warn(n->session->observer, path, "left with the old data: %s", why);
	n->notes++;
	return 0;
}

struct apply_report restore_apply_report(struct restore_noting *n)
{
	return (struct apply_report){ note_entry, n };
}

struct carry_report restore_carry_report(struct restore_noting *n)
{
	return (struct carry_report){ note_left, n };
}

/* An unfinished restore on one of these paths waits for its home or file system. */
static int check_pending(struct session *s, const struct strings *paths, struct err *err)
{
	struct db_restore other;
	int r;

	r = db_restore_pending(s->db, s->root_key, (const char *const *)paths->items,
			       paths->n, 0, &other, err);
	if (r <= 0)
		return r;
	err_set(err, ERR_BUSY, "restore %llu of the same data is not settled yet",
		(unsigned long long)other.id);
	db_restore_done(&other);
	return err_hint(err, "\"doctor\" says what it waits for");
}

/* Names of apps as the locks have them: a save knows no NAME.native
 * before it has its set. */
static int add_app_names(const struct strings *apps, struct strings *ret, struct err *err)
{
	for (size_t i = 0; i < apps->n; i++) {
		const char *app = apps->items[i];
		size_t n = strlen(app), suffix = strlen(NATIVE_SUFFIX);

		if (n > suffix && strcmp(app + n - suffix, NATIVE_SUFFIX) == 0)
			n -= suffix;
		if (strings_add_n(ret, app, n, err) < 0)
			return -1;
	}
	return 0;
}

int restore_lock(struct session *s, const struct strings *apps,
		 const struct strings *paths, struct restore_locks *ret, struct err *err)
{
	struct restore_locks l = { 0 };
	struct lock_wait wait = session_wait(s);

	l.keys = alloc_zero(apps->n + paths->n + 1, sizeof(*l.keys), err);
	if (!l.keys || add_app_names(apps, &l.names, err) < 0 ||
	    strings_add_all(&l.names, paths, err) < 0)
		goto fail;
	for (size_t i = 0; i < l.names.n; i++)
		l.keys[l.n++] = i < apps->n ? LOCK_KEY_APP(l.names.items[i])
					    : LOCK_KEY_TARGET(l.names.items[i]);
	if (locks_take_all(s->locks, l.keys, l.n, LOCK_EXCLUSIVE, &wait, err) < 0)
		goto fail;
	if (paths->n > 0 && check_pending(s, paths, err) < 0) {
		locks_drop_all(s->locks, l.keys, l.n);
		goto fail;
	}
	*ret = l;
	return 0;
fail:
	free(l.keys);
	strings_done(&l.names);
	return -1;
}

int restore_try_lock_apps(struct session *s, const char *apps, enum lock_mode mode,
			  struct restore_locks *ret, struct err *err)
{
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;
	struct restore_locks l = { 0 };
	struct lock_wait now = { 0, s->observer };

	if (restore_split_apps(apps, &names, err) < 0 ||
	    add_app_names(&names, &l.names, err) < 0)
		goto fail;
	l.keys = alloc_zero(l.names.n + 1, sizeof(*l.keys), err);
	if (!l.keys)
		goto fail;
	for (size_t i = 0; i < l.names.n; i++)
		l.keys[i] = LOCK_KEY_APP(l.names.items[i]);
	if (locks_take_all(s->locks, l.keys, l.names.n, mode, &now, err) < 0)
		goto fail;
	l.n = l.names.n;
	*ret = l;
	return 0;
fail:
	free(l.keys);
	strings_done(&l.names);
	return -1;
}

void restore_unlock(struct session *s, struct restore_locks *l)
{
	if (l->n > 0)
		locks_drop_all(s->locks, l->keys, l->n);
	free(l->keys);
	strings_done(&l->names);
	*l = (struct restore_locks){ 0 };
}

int restore_check_root(struct session *s, const struct db_restore *r, struct err *err)
{
	if ((!s->root_key && !r->root) ||
	    (s->root_key && r->root && strcmp(s->root_key, r->root) == 0))
		return 0;
	err_set(err, ERR_REFUSED, "restore %llu was made in the root %s",
		(unsigned long long)r->id, q(r->root ? r->root : "/"));
	return err_hint(err, "name it with --root");
}

int restore_aside_names(struct session *s, struct strings *ret, struct err *err)
{
	struct db_item_list items = { 0 };
	int r = 0;

	if (s->db && db_aside_items(s->db, s->root_key, &items, err) < 0)
		return -1;
	for (size_t i = 0; r == 0 && i < items.n; i++) {
		const char *aside = items.items[i].aside;
		size_t n = aside ? strcspn(aside, "/") : 0;

		if (n > 0)
			r = strings_add_n(ret, aside, n, err);
	}
	db_item_list_done(&items);
	return r;
}

int restore_check_use(struct session *s, const struct strings *paths, const char *verb,
		      struct err *err)
{
	_cleanup_(strings_done) struct strings shown = STRINGS_INIT;
	struct in_use_list list = { 0 };
	int r = 0;

	for (size_t i = 0; i < paths->n; i++) {
		char *path = session_shown_path(s, paths->items[i], err);

		if (!path)
			return -1;
		if (strings_take(&shown, path, err) < 0) {
			free(path);
			return -1;
		}
	}
	if (shown.n == 0)
		return 0;
	if (in_use_find((const char *const *)shown.items, shown.n, s->observer, &list,
			err) < 0)
		return -1;
	if (list.n > 0) {
		const struct in_use_process *p = &list.processes[0];

		err_set(err, ERR_REFUSED, "%s is in use by %s (pid %ld)", q(p->path),
			q(p->program), (long)p->pid);
		r = err_hint(err, "close it, or %s all the same with --force", verb);
	}
	in_use_list_done(&list);
	return r;
}

char *restore_join_apps(const struct strings *apps, struct err *err)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT;

	for (size_t i = 0; i < apps->n; i++)
		if (buf_printf(&b, err, "%s%s", i ? " " : "", apps->items[i]) < 0)
			return NULL;
	return buf_steal(&b, err);
}

int restore_split_apps(const char *joined, struct strings *ret, struct err *err)
{
	const char *p = joined ? joined : "";

	while (*p) {
		size_t n = strcspn(p, " ");

		if (strings_add_n(ret, p, n, err) < 0)
			return -1;
		p += n + (p[n] == ' ');
	}
	return 0;
}

/* Appends a path of this root as on this machine; takes it. */
static int add_shown(struct session *s, struct strings *list, char *path, struct err *err)
{
	_cleanup_free_ char *mine = path;
	char *shown = mine ? session_shown_path(s, mine, err) : NULL;

	if (!shown)
		return -1;
	if (strings_take(list, shown, err) < 0) {
		free(shown);
		return -1;
	}
	return 0;
}

/* Is the tree `item` in the directory that `parent` tells of, and was
 * that made for its app? */
static bool was_made_for(const struct journal_item *parent,
			 const struct journal_item *item)
{
	size_t n = strcmp(parent->parent, "/") == 0 ? 0 : strlen(parent->parent);

	return item->kind == JOURNAL_SWAP && strcmp(item->app, parent->app) == 0 &&
	       strncmp(item->parent, parent->parent, n) == 0 && item->parent[n] == '/' &&
	       strcmp(item->parent + n + 1, parent->name) == 0;
}

/* An entry of a mount point. */
static bool is_inside(const struct journal_item *item)
{
	return item->kind == JOURNAL_SWAP && strchr(item->aside, '/');
}

bool restore_lists_created(const struct journal_item *items, size_t n, size_t i)
{
	const struct journal_item *item = &items[i];

	if (item->kind != JOURNAL_PARENT)
		return item->kind == JOURNAL_MOUNT ||
		       (!is_inside(item) && item->new_ino != 0);
	for (size_t k = 0; k < n; k++)
		if (was_made_for(item, &items[k]))
			return true;
	return false;
}

bool restore_lists_moved(const struct journal_item *item)
{
	return item->kind == JOURNAL_MOUNT ||
	       (item->kind == JOURNAL_SWAP && !is_inside(item) && item->old_ino != 0);
}

int restore_report_items(struct session *s, const struct journal_item *items, size_t n,
			 bool undo, struct strings *ret_created,
			 struct strings *ret_moved, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct journal_item *item = &items[i];

		if (restore_lists_created(items, n, i) &&
		    !(undo && item->kind == JOURNAL_PARENT) &&
		    add_shown(s, ret_created, restore_item_path(item, err), err) < 0)
			return -1;
		if (restore_lists_moved(item) &&
		    add_shown(s, ret_moved, restore_item_aside(item, err), err) < 0)
			return -1;
	}
	return 0;
}

int restore_report_replaced(struct session *s, const struct journal_item *items, size_t n,
			    struct strings *ret, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (restore_lists_created(items, n, i) &&
		    restore_lists_moved(&items[i]) &&
		    add_shown(s, ret, restore_item_path(&items[i], err), err) < 0)
			return -1;
	return 0;
}
