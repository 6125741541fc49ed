/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"
#include "state/users_internal.h"

int users_mapping_parse(struct users *u, const char *text, struct users_mapping *ret,
			struct err *err)
{
	_cleanup_free_ char *from = NULL;
	const char *equals = strchr(text, '=');
	struct user to;

	if (!equals || equals == text || !equals[1])
		return err_set(err, ERR_USAGE, "%s is not of the form OLD=NEW", q(text));
	from = alloc_strndup(text, (size_t)(equals - text), err);
	if (!from || users_find(u, equals + 1, &to, err) < 0)
		return -1;
	*ret = (struct users_mapping){ .from = TAKE_PTR(from), .to = to };
	return 0;
}

void users_mapping_done(struct users_mapping *m)
{
	free(m->from);
	m->from = NULL;
	user_done(&m->to);
}

/* owner_source.name_of */
static int name_of(void *ctx, enum owner_kind kind, uint32_t id, char **ret,
		   struct err *err)
{
	struct users_owners *o = ctx;
	struct user user;
	int r;

	*ret = NULL;
	if (kind == OWNER_GROUP)
		return users_group_name(o->users, id, ret, err) < 0 ? -1 : 0;
	user_init(&user);
	r = users_by_uid(o->users, id, &user, err);
	if (r < 0) {
		if (!err_is(err, ERR_NOT_FOUND))
			return -1;
		err_clear(err); /* a number without a name */
		return 0;
	}
	*ret = TAKE_PTR(user.name);
	user_done(&user);
	return 0;
}

/* The number that a mapping's OLD is, if it is one. */
static bool is_number(const char *from, uint32_t number)
{
	uint32_t n;

	return users_parse_id(from, strlen(from), &n) && n == number;
}

/* The first mapping for a name, or (NULL) for a number without one. */
static const struct users_mapping *find_mapping(const struct users_policy *policy,
						const char *name, uint32_t number)
{
	for (size_t i = 0; i < policy->n_map; i++) {
		struct users_mapping *m = &policy->map[i];

		if (name ? strcmp(m->from, name) == 0 : is_number(m->from, number)) {
			m->used = true;
			return m;
		}
	}
	return NULL;
}

/* What a mapping gives to an owner of that kind. */
static int map_to(const struct users_mapping *m, enum owner_kind kind, uint32_t *ret)
{
	*ret = kind == OWNER_USER ? m->to.uid : m->to.gid;
	return 0;
}

/* The number of a name here: 1, 0, -1. */
static int id_of_name(struct users *u, enum owner_kind kind, const char *name,
		      uint32_t *ret, struct err *err)
{
	_cleanup_(user_done) struct user user = { NULL, 0, 0, NULL };

	if (kind == OWNER_GROUP)
		return users_group_id(u, name, ret, err);
	if (users_by_name(u, name, &user, err) == 0) {
		*ret = user.uid;
		return 1;
	}
	if (!err_is(err, ERR_NOT_FOUND))
		return -1;
	err_clear(err); /* the name is another machine's */
	return 0;
}

/* ERR_REFUSED, with the way out. */
static int refuse(enum owner_kind kind, const char *name, uint32_t number,
		  struct err *err)
{
	const char *what = kind == OWNER_USER ? "user" : "group";

	if (!name) {
		err_set(err, ERR_REFUSED,
			"%s %u has no name that could be looked up here", what, number);
		return err_hint(err, "--map-user %u=NAME gives it to somebody", number);
	}
	if (number == OWNER_NO_NUMBER)
		err_set(err, ERR_REFUSED, "%s %s does not exist here", what, q(name));
	else
		err_set(err, ERR_REFUSED, "%s %s (%u) does not exist here", what, q(name),
			number);
	return err_hint(err, "--map-user %s=NAME gives it to somebody who does", name);
}

/* What is left where the name says nothing. */
static int id_of_number(const struct users_policy *policy, enum owner_kind kind,
			const char *name, uint32_t number, uint32_t *ret, struct err *err)
{
	const struct users_mapping *m;

	if (number == OWNER_NO_NUMBER)
		return refuse(kind, name, number, err);
	m = find_mapping(policy, NULL, number);
	if (m)
		return map_to(m, kind, ret);
	if (!policy->numeric_ok && (name || number != 0))
		return refuse(kind, name, number, err);
	*ret = number;
	return 0;
}

/* owner_source.id_of */
static int id_of(void *ctx, enum owner_kind kind, const char *name, uint32_t number,
		 uint32_t *ret, struct err *err)
{
	const struct users_owners *o = ctx;
	const struct users_mapping *m = NULL;
	int r = 0;

	if (name && !*name)
		name = NULL;
	if (!name && number == OWNER_NO_NUMBER)
		return err_set(err, ERR_CORRUPT, "an owner without name and number");
	if (name)
		m = find_mapping(o->policy, name, number);
	if (m)
		return map_to(m, kind, ret);
	if (name)
		r = id_of_name(o->users, kind, name, ret, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	return id_of_number(o->policy, kind, name, number, ret, err);
}

void users_owner_source(struct users_owners *ctx, struct owner_source *ret)
{
	*ret = (struct owner_source){ name_of, id_of, ctx };
}
