/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/users.h"

#include <errno.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"
#include "backend/base/sys.h"
#include "backend/names.h"
#include "state/rooted.h"
#include "state/users_internal.h"

/* What holds where etc/login.defs says nothing. */
#define UID_MIN_DEFAULT 1000
#define UID_MAX_DEFAULT 60000

#define HOMES "/home"

void user_init(struct user *user)
{
	*user = (struct user){ NULL, 0, 0, NULL };
}

void user_done(struct user *user)
{
	free(user->name);
	free(user->home);
	user_init(user);
}

int user_copy(const struct user *from, struct user *ret, struct err *err)
{
	_cleanup_(user_done) struct user copy = { NULL, from->uid, from->gid, NULL };

	copy.name = alloc_strdup(from->name, err);
	if (!copy.name)
		return -1;
	copy.home = alloc_strdup(from->home, err);
	if (!copy.home)
		return -1;
	*ret = copy;
	user_init(&copy);
	return 0;
}

void user_list_done(struct user_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		user_done(&list->users[i]);
	free(list->users);
	*list = (struct user_list){ NULL, 0 };
}

int users_open(int rootfd, bool other_root, struct users **ret, struct err *err)
{
	_cleanup_(users_freep) struct users *u = alloc_zero(1, sizeof(*u), err);

	if (!u)
		return -1;
	u->rootfd = rootfd;
	u->other_root = other_root;
	u->uid_min = UID_MIN_DEFAULT;
	u->uid_max = UID_MAX_DEFAULT;
	if (users_files_limits(rootfd, &u->uid_min, &u->uid_max, err) < 0 ||
	    (other_root && users_files_load(rootfd, &u->files, err) < 0))
		return -1;
	*ret = TAKE_PTR(u);
	return 0;
}

void users_free(struct users *u)
{
	if (!u)
		return;
	users_files_done(&u->files);
	free(u);
}

/* ---- Looking up ---- */

/* By name, or (NULL) by number: 1, 0, -1. */
static int look_up(struct users *u, const char *name, uint32_t uid, struct user *ret,
		   struct err *err)
{
	if (!u->other_root)
		return name ? users_nss_by_name(name, ret, err)
			    : users_nss_by_uid(uid, ret, err);
	for (size_t i = 0; i < u->files.n_users; i++) {
		const struct user *user = &u->files.users[i];

		if (name ? strcmp(user->name, name) == 0 : user->uid == uid)
			return user_copy(user, ret, err) < 0 ? -1 : 1;
	}
	return 0;
}

int users_by_name(struct users *u, const char *name, struct user *ret, struct err *err)
{
	int r = look_up(u, name, 0, ret, err);

	if (r == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no user %s", q(name));
	return r < 0 ? -1 : 0;
}

int users_by_uid(struct users *u, uint32_t uid, struct user *ret, struct err *err)
{
	int r = look_up(u, NULL, uid, ret, err);

	if (r == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no user with the number %u",
			       uid);
	return r < 0 ? -1 : 0;
}

int users_find(struct users *u, const char *text, struct user *ret, struct err *err)
{
	int r = look_up(u, text, 0, ret, err);
	uint32_t uid;

	if (r == 0 && users_parse_id(text, strlen(text), &uid))
		r = look_up(u, NULL, uid, ret, err);
	if (r == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no user %s", q(text));
	return r < 0 ? -1 : 0;
}

int users_groups(struct users *u, const struct user *user, gid_t **ret, size_t *ret_n,
		 struct err *err)
{
	return u->other_root ? users_files_groups(&u->files, user, ret, ret_n, err)
			     : users_nss_groups(user, ret, ret_n, err);
}

int users_group_name(struct users *u, uint32_t gid, char **ret, struct err *err)
{
	if (!u->other_root)
		return users_nss_group_name(gid, ret, err);
	for (size_t i = 0; i < u->files.n_groups; i++) {
		char *copy;

		if (u->files.groups[i].gid != gid)
			continue;
		copy = alloc_strdup(u->files.groups[i].name, err);
		if (!copy)
			return -1;
		*ret = copy;
		return 1;
	}
	return 0;
}

int users_group_id(struct users *u, const char *name, uint32_t *ret, struct err *err)
{
	if (!u->other_root)
		return users_nss_group_id(name, ret, err);
	for (size_t i = 0; i < u->files.n_groups; i++) {
		if (strcmp(u->files.groups[i].name, name) == 0) {
			*ret = u->files.groups[i].gid;
			return 1;
		}
	}
	return 0;
}

/* ---- Persons ---- */

/* What users_persons() collects. */
struct persons {
	struct users *users;
	struct user_list list;
	size_t cap;
};

int users_has_home(struct users *u, const struct user *user, bool *ret, struct err *err)
{
	_cleanup_close_ int fd = -1;

	*ret = false;
	if (user->home[0] != '/')
		return 0;
	/* Nothing is read there: O_PATH asks for no right to the directory itself. */
	fd = fd_open_in_root(u->rootfd, user->home, O_PATH | O_DIRECTORY);
	*ret = fd >= 0;
	if (fd >= 0 || errno == ENOENT || errno == ENOTDIR || errno == EACCES ||
	    errno == ELOOP || errno == ENAMETOOLONG)
		return 0;
	return err_errno(err, "cannot examine the home %s of user %s", q(user->home),
			 q(user->name));
}

/* Adds a user who has a home and whose number is not there yet. */
static int add_person(struct persons *p, const struct user *user, struct err *err)
{
	bool has_home;

	for (size_t i = 0; i < p->list.n; i++) {
		if (p->list.users[i].uid == user->uid)
			return 0;
	}
	if (!snapshot_user_is_legal(user->name))
		return 0;
	if (users_has_home(p->users, user, &has_home, err) < 0)
		return -1;
	if (!has_home)
		return 0;
	if (alloc_grow(&p->list.users, p->list.n, &p->cap, sizeof(*p->list.users), err) <
		    0 ||
	    user_copy(user, &p->list.users[p->list.n], err) < 0)
		return -1;
	p->list.n++;
	return 0;
}

/* One user of all: root, or one in the range of persons. */
static int visit(void *ctx, const struct user *user, struct err *err)
{
	struct persons *p = ctx;

	if (user->uid != 0 &&
	    (user->uid < p->users->uid_min || user->uid > p->users->uid_max))
		return 0;
	return add_person(p, user, err);
}

/* All users there are. */
static int visit_users(struct persons *p, struct err *err)
{
	const struct users_files *f = &p->users->files;

	if (!p->users->other_root)
		return users_nss_each(visit, p, err);
	for (size_t i = 0; i < f->n_users; i++) {
		if (visit(p, &f->users[i], err) < 0)
			return -1;
	}
	return 0;
}

/* The owner of one directory in /home, if it is somebody. */
static int add_owner(struct persons *p, int homes, const char *name, struct err *err)
{
	_cleanup_(user_done) struct user user = { NULL, 0, 0, NULL };
	struct stat st;
	int r;

	if (sys_fstatat(homes, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0 ||
	    !S_ISDIR(st.st_mode))
		return 0;
	r = look_up(p->users, NULL, st.st_uid, &user, err);
	return r <= 0 ? r : add_person(p, &user, err);
}

/* Owners of directories in /home. */
static int visit_homes(struct persons *p, struct err *err)
{
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;
	_cleanup_close_ int homes = rooted_open_dir(p->users->rootfd, HOMES, err);

	if (homes < 0) {
		if (!err_is(err, ERR_NOT_FOUND) && !err_is(err, ERR_DENIED))
			return -1;
		err_clear(err); /* nobody is seen there */
		return 0;
	}
	if (rooted_list(p->users->rootfd, HOMES, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		if (add_owner(p, homes, names.items[i], err) < 0)
			return -1;
	}
	return 0;
}

/* Order of two users for qsort(): no number is there twice. */
static int compare(const void *a, const void *b)
{
	uint32_t x = ((const struct user *)a)->uid, y = ((const struct user *)b)->uid;

	return x < y ? -1 : x > y;
}

int users_persons(struct users *u, struct user_list *ret, struct err *err)
{
	struct persons p = { .users = u };

	if (visit_users(&p, err) < 0 || visit_homes(&p, err) < 0) {
		user_list_done(&p.list);
		return -1;
	}
	if (p.list.n > 1)
		qsort(p.list.users, p.list.n, sizeof(*p.list.users), compare);
	*ret = p.list;
	return 0;
}
