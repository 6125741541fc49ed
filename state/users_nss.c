/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"
#include "state/users_internal.h"

#define BUFFER_MIN   1024
#define BUFFER_MAX   ((size_t)4 << 20)
#define GROUPS_MIN   32
#define GROUPS_LIMIT 65536

/* Room for the strings of an entry, made larger until it suffices. */
struct room {
	char *p;
	size_t n;
};

static void room_done(struct room *room)
{
	free(room->p);
}

/* Doubles the room. */
static int more_room(struct room *room, struct err *err)
{
	size_t n = room->n ? room->n * 2 : BUFFER_MIN;
	char *p;

	if (n > BUFFER_MAX)
		return err_set(err, ERR_NO_SPACE,
			       "an entry of the user database is too large");
	p = alloc_resize(room->p, n, 1, err);
	if (!p)
		return -1;
	*room = (struct room){ p, n };
	return 0;
}

/* What a look-up that found nothing returns, besides 0: see getpwnam(3). */
static bool is_nothing(int errnum)
{
	return errnum == 0 || errnum == ENOENT || errnum == ESRCH || errnum == EBADF ||
	       errnum == EPERM;
}

/* The user of an entry; one without a home has "". */
static int take_user(const struct passwd *pw, struct user *ret, struct err *err)
{
	_cleanup_(user_done) struct user user = { NULL, pw->pw_uid, pw->pw_gid, NULL };

	user.name = alloc_strdup(pw->pw_name, err);
	user.home = alloc_strdup(pw->pw_dir ? pw->pw_dir : "", err);
	if (!user.name || !user.home)
		return -1;
	*ret = user;
	user_init(&user);
	return 1;
}

/* By name, or (NULL) by number. */
static int find_user(const char *name, uint32_t uid, struct user *ret, struct err *err)
{
	_cleanup_(room_done) struct room room = { NULL, 0 };
	struct passwd pw, *found = NULL;
	int e;

	do {
		if (more_room(&room, err) < 0)
			return -1;
		e = name ? getpwnam_r(name, &pw, room.p, room.n, &found)
			 : getpwuid_r(uid, &pw, room.p, room.n, &found);
	} while (e == ERANGE);
	if (found)
		return take_user(&pw, ret, err);
	if (is_nothing(e))
		return 0;
	return name ? err_errnum(err, e, "cannot look up user %s", q(name))
		    : err_errnum(err, e, "cannot look up user %u", uid);
}

int users_nss_by_name(const char *name, struct user *ret, struct err *err)
{
	return find_user(name, 0, ret, err);
}

int users_nss_by_uid(uint32_t uid, struct user *ret, struct err *err)
{
	return find_user(NULL, uid, ret, err);
}

/* By name, or (NULL) by number; either result may be NULL. */
static int find_group(const char *name, uint32_t gid, char **ret_name, uint32_t *ret_gid,
		      struct err *err)
{
	_cleanup_(room_done) struct room room = { NULL, 0 };
	struct group gr, *found = NULL;
	int e;

	do {
		if (more_room(&room, err) < 0)
			return -1;
		e = name ? getgrnam_r(name, &gr, room.p, room.n, &found)
			 : getgrgid_r(gid, &gr, room.p, room.n, &found);
	} while (e == ERANGE);
	if (!found && is_nothing(e))
		return 0;
	if (!found)
		return name ? err_errnum(err, e, "cannot look up group %s", q(name))
			    : err_errnum(err, e, "cannot look up group %u", gid);
	if (ret_gid)
		*ret_gid = gr.gr_gid;
	if (ret_name) {
		char *copy = alloc_strdup(gr.gr_name, err);

		if (!copy)
			return -1;
		*ret_name = copy;
	}
	return 1;
}

int users_nss_group_name(uint32_t gid, char **ret, struct err *err)
{
	return find_group(NULL, gid, ret, NULL, err);
}

int users_nss_group_id(const char *name, uint32_t *ret, struct err *err)
{
	return find_group(name, 0, NULL, ret, err);
}

int users_nss_groups(const struct user *user, gid_t **ret, size_t *ret_n, struct err *err)
{
	_cleanup_free_ gid_t *groups = NULL;

	for (int room = GROUPS_MIN; room <= GROUPS_LIMIT; room *= 2) {
		int n = room;
		gid_t *more = alloc_resize(groups, (size_t)n, sizeof(*groups), err);

		if (!more)
			return -1;
		groups = more;
		if (getgrouplist(user->name, user->gid, groups, &n) < 0)
			continue;
		*ret = TAKE_PTR(groups);
		*ret_n = (size_t)n;
		return 0;
	}
	return err_set(err, ERR_NO_SPACE, "user %s is in too many groups", q(user->name));
}

/* The next entry: 1, 0 at the end, -1. */
static int next_user(struct room *room, struct user *ret, struct err *err)
{
	struct passwd pw, *found = NULL;
	int e;

	for (;;) {
		if (!room->p && more_room(room, err) < 0)
			return -1;
		e = getpwent_r(&pw, room->p, room->n, &found);
		if (e != ERANGE)
			break;
		if (more_room(room, err) < 0)
			return -1;
	}
	if (found)
		return take_user(&pw, ret, err);
	return is_nothing(e) ? 0 : err_errnum(err, e, "cannot list the users");
}

/* users_nss_each() between setpwent() and endpwent(). */
static int visit_all(int (*visit)(void *ctx, const struct user *user, struct err *err),
		     void *ctx, struct err *err)
{
	_cleanup_(room_done) struct room room = { NULL, 0 };

	for (;;) {
		_cleanup_(user_done) struct user user = { NULL, 0, 0, NULL };
		int r = next_user(&room, &user, err);

		if (r <= 0)
			return r;
		if (visit(ctx, &user, err) < 0)
			return -1;
	}
}

int users_nss_each(int (*visit)(void *ctx, const struct user *user, struct err *err),
		   void *ctx, struct err *err)
{
	int r;

	setpwent();
	r = visit_all(visit, ctx, err);
	endpwent();
	return r;
}
