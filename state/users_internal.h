/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_USERS_INTERNAL_H
#define SETASIDE_USERS_INTERNAL_H

/*
 * users_internal: the two sources of users.
 *
 * Look-ups give 1 with *ret filled (the caller's), 0 where there is nothing of the kind,
 * -1.  A name or number that is asked for may be anything.
 */

#include "backend/base/strings.h"
#include "state/users.h"

struct users_group {
	char *name;
	uint32_t gid;
	struct strings members;
};

/* What etc/passwd and etc/group of another root say. */
struct users_files {
	struct user *users;
	size_t n_users, cap_users;
	struct users_group *groups;
	size_t n_groups, cap_groups;
};

struct users {
	int rootfd;
	bool other_root;
	uint32_t uid_min, uid_max;
	struct users_files files;
};

/* A decimal number without sign or leading zero, that can be a user's. */
bool users_parse_id(const char *text, size_t len, uint32_t *ret);

/* users_files.c */
int users_files_load(int rootfd, struct users_files *ret, struct err *err);
void users_files_done(struct users_files *f);
/* UID_MIN and UID_MAX of etc/login.defs; what it does not say stays as it is. */
int users_files_limits(int rootfd, uint32_t *min, uint32_t *max, struct err *err);
int users_files_groups(const struct users_files *f, const struct user *user, gid_t **ret,
		       size_t *ret_n, struct err *err);

/* users_nss.c */
int users_nss_by_name(const char *name, struct user *ret, struct err *err);
int users_nss_by_uid(uint32_t uid, struct user *ret, struct err *err);
int users_nss_group_name(uint32_t gid, char **ret, struct err *err);
int users_nss_group_id(const char *name, uint32_t *ret, struct err *err);
int users_nss_groups(const struct user *user, gid_t **ret, size_t *ret_n,
		     struct err *err);
/* Calls visit for each user; it returns 0 or -1. */
int users_nss_each(int (*visit)(void *ctx, const struct user *user, struct err *err),
		   void *ctx, struct err *err);

#endif
