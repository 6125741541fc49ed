/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_USERS_H
#define SETASIDE_USERS_H

/*
 * users: users and groups of this machine, or of another root.
 *
 * This machine is asked through NSS.  Another root's etc/passwd, etc/group and
 * etc/login.defs are read once, when users_open() is called, by a strict parser: a line
 * that is not exactly of its form is passed over; the first of two entries with one
 * name or number counts.
 *
 * A struct users is used by one thread at a time; users_persons() on this machine goes
 * through getpwent(), of which a process has one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/tree/owners.h"

struct user {
	char *name;
	uint32_t uid, gid;
	char *home; /* absolute, as the root sees it */
};

struct user_list {
	struct user *users;
	size_t n;
};

struct users;

/* rootfd: "/" or --root, borrowed until users_free().  `other_root`: the files of this
 * root are read instead of asking NSS.  ERR_NOT_FOUND: it has no etc/passwd;
 * ERR_NO_SPACE: a file is too large to be true. */
int users_open(int rootfd, bool other_root, struct users **ret, struct err *err);
void users_free(struct users *u);
CLEANUP_FUNC(struct users *, users_free);

void user_init(struct user *user);
void user_done(struct user *user);
int user_copy(const struct user *from, struct user *ret, struct err *err);
void user_list_done(struct user_list *list);

/* *ret is initialised by the call.  ERR_NOT_FOUND: there is no such user. */
int users_by_name(struct users *u, const char *name, struct user *ret, struct err *err);
int users_by_uid(struct users *u, uint32_t uid, struct user *ret, struct err *err);
/* What a person types: a name, else (digits) a number. */
int users_find(struct users *u, const char *text, struct user *ret, struct err *err);

/* The groups that a process of this user has, its primary group first; caller frees. */
int users_groups(struct users *u, const struct user *user, gid_t **ret, size_t *ret_n,
		 struct err *err);

/* 1: *ret (caller frees), 0: it has no name. */
int users_group_name(struct users *u, uint32_t gid, char **ret, struct err *err);
/* 1, or 0: there is no such group. */
int users_group_id(struct users *u, const char *name, uint32_t *ret, struct err *err);

/*
 * Whose data root saves: root, then in order of their numbers every user from UID_MIN
 * to UID_MAX and every owner of a directory in /home.  Only those whose home is a
 * directory; of several users with one number the first.  (Whether they may log in says
 * nothing.)
 */
int users_persons(struct users *u, struct user_list *ret, struct err *err);
/* Is there a directory at this user's home?  Links on the way are followed. */
int users_has_home(struct users *u, const struct user *user, bool *ret, struct err *err);

/*
 * Owners of what archives hold.  An owner gets, in this order: what a mapping says; the
 * number of its name here; its number, if numeric_ok (a set saved here) or it is 0 and
 * has no name; else ERR_REFUSED, naming it and --map-user.
 *
 * A mapping OLD=NEW (names or numbers) also gives the group that has the name OLD to
 * NEW's primary group.  OLD as a number stands for owners without a name here.
 */
struct users_mapping {
	char *from;
	struct user to;
	bool used; /* something turned out to be OLD's */
};

struct users_policy {
	bool numeric_ok;
	struct users_mapping *map; /* marked as it is used */
	size_t n_map;
};

/* "OLD=NEW".  ERR_USAGE: not of that form; ERR_NOT_FOUND: no user NEW here. */
int users_mapping_parse(struct users *u, const char *text, struct users_mapping *ret,
			struct err *err);
void users_mapping_done(struct users_mapping *m);

/* A source for owners_new(): its context is the caller's users_owners, which borrows
 * both. */
struct users_owners {
	struct users *users;
	const struct users_policy *policy;
};

void users_owner_source(struct users_owners *ctx, struct owner_source *ret);

#endif
