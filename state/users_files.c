/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/names.h"
#include "state/rooted.h"
#include "state/users_internal.h"

#define FILE_MAX      ((size_t)16 << 20)
#define FIELDS_PASSWD 7
#define FIELDS_GROUP  4
#define MEMBERS_MAX   65536

/* A part of a line. */
struct part {
	const char *p;
	size_t n;
};

bool users_parse_id(const char *text, size_t len, uint32_t *ret)
{
	uint64_t n = 0;

	if (len < 1 || len > 10 || (len > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(text[i] - '0');
	}
	/* The highest means "no change" to the kernel. */
	if (n >= UINT32_MAX)
		return false;
	*ret = (uint32_t)n;
	return true;
}

/* Takes the next line off a text; false at its end. */
static bool next_line(struct part *text, struct part *ret)
{
	const char *end;

	if (text->n == 0)
		return false;
	end = memchr(text->p, '\n', text->n);
	ret->p = text->p;
	ret->n = end ? (size_t)(end - text->p) : text->n;
	text->p += ret->n + (end != NULL);
	text->n -= ret->n + (end != NULL);
	return true;
}

/* Splits a line into exactly n fields, none of which holds a control character. */
static bool split(struct part line, char by, struct part *fields, size_t n)
{
	for (size_t i = 0; i < line.n; i++) {
		if ((unsigned char)line.p[i] < 0x20 || line.p[i] == 0x7f)
			return false;
	}
	for (size_t i = 0; i < n; i++) {
		const char *end = memchr(line.p, by, line.n);

		if ((end == NULL) != (i == n - 1))
			return false;
		fields[i].p = line.p;
		fields[i].n = end ? (size_t)(end - line.p) : line.n;
		line.p += fields[i].n + (end != NULL);
		line.n -= fields[i].n + (end != NULL);
	}
	return true;
}

/* Takes over what a field says. */
static char *copy(struct part field, struct err *err)
{
	return alloc_strndup(field.p, field.n, err);
}

/* ---- etc/passwd ---- */

/* NAME:PASSWORD:UID:GID:COMMENT:HOME:SHELL */
static int add_user(struct users_files *f, struct part line, struct err *err)
{
	_cleanup_(user_done) struct user user = { NULL, 0, 0, NULL };
	struct part field[FIELDS_PASSWD];

	if (!split(line, ':', field, FIELDS_PASSWD) ||
	    !users_parse_id(field[2].p, field[2].n, &user.uid) ||
	    !users_parse_id(field[3].p, field[3].n, &user.gid) || field[5].n == 0 ||
	    field[5].p[0] != '/')
		return 0;
	user.name = copy(field[0], err);
	user.home = copy(field[5], err);
	if (!user.name || !user.home)
		return -1;
	if (!snapshot_user_is_legal(user.name))
		return 0;
	if (alloc_grow(&f->users, f->n_users, &f->cap_users, sizeof(*f->users), err) < 0)
		return -1;
	f->users[f->n_users++] = user;
	user_init(&user);
	return 0;
}

/* ---- etc/group ---- */

static void group_done(struct users_group *g)
{
	free(g->name);
	strings_done(&g->members);
}

/* NAME,NAME,... */
static int add_members(struct strings *members, struct part list, struct err *err)
{
	while (list.n > 0 && members->n < MEMBERS_MAX) {
		const char *end = memchr(list.p, ',', list.n);
		size_t n = end ? (size_t)(end - list.p) : list.n;

		if (n > 0 && strings_add_n(members, list.p, n, err) < 0)
			return -1;
		list.p += n + (end != NULL);
		list.n -= n + (end != NULL);
	}
	return 0;
}

/* NAME:PASSWORD:GID:MEMBERS */
static int add_group(struct users_files *f, struct part line, struct err *err)
{
	_cleanup_(group_done) struct users_group group = { NULL, 0, STRINGS_INIT };
	struct part field[FIELDS_GROUP];

	if (!split(line, ':', field, FIELDS_GROUP) ||
	    !users_parse_id(field[2].p, field[2].n, &group.gid))
		return 0;
	group.name = copy(field[0], err);
	if (!group.name)
		return -1;
	if (!snapshot_user_is_legal(group.name))
		return 0;
	if (add_members(&group.members, field[3], err) < 0 ||
	    alloc_grow(&f->groups, f->n_groups, &f->cap_groups, sizeof(*f->groups), err) <
		    0)
		return -1;
	f->groups[f->n_groups++] = group;
	group = (struct users_group){ NULL, 0, STRINGS_INIT };
	return 0;
}

/* ---- Files ---- */

/* Hands every line of a file to `add`. */
static int read_lines(int rootfd, const char *path, struct users_files *f,
		      int (*add)(struct users_files *f, struct part line,
				 struct err *err),
		      struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct part rest, line;

	if (rooted_read_file(rootfd, path, FILE_MAX, &text, err) < 0)
		return -1;
	rest = (struct part){ text.data, text.len };
	while (next_line(&rest, &line)) {
		if (add(f, line, err) < 0)
			return -1;
	}
	return 0;
}

int users_files_load(int rootfd, struct users_files *ret, struct err *err)
{
	struct users_files f = { NULL, 0, 0, NULL, 0, 0 };

	if (read_lines(rootfd, "/etc/passwd", &f, add_user, err) < 0)
		goto fail;
	if (read_lines(rootfd, "/etc/group", &f, add_group, err) < 0) {
		if (!err_is(err, ERR_NOT_FOUND))
			goto fail;
		err_clear(err); /* groups are numbers then */
	}
	*ret = f;
	return 0;

fail:
	users_files_done(&f);
	return -1;
}

void users_files_done(struct users_files *f)
{
	for (size_t i = 0; i < f->n_users; i++)
		user_done(&f->users[i]);
	for (size_t i = 0; i < f->n_groups; i++)
		group_done(&f->groups[i]);
	free(f->users);
	free(f->groups);
	*f = (struct users_files){ NULL, 0, 0, NULL, 0, 0 };
}

/* The number behind `key` and blanks, if the line is of that form. */
static bool read_limit(struct part line, const char *key, uint32_t *ret)
{
	size_t n = strlen(key), end = line.n;

	if (line.n <= n || memcmp(line.p, key, n) != 0 ||
	    (line.p[n] != ' ' && line.p[n] != '\t'))
		return false;
	while (n < end && (line.p[n] == ' ' || line.p[n] == '\t'))
		n++;
	while (end > n && (line.p[end - 1] == ' ' || line.p[end - 1] == '\t'))
		end--;
	return users_parse_id(line.p + n, end - n, ret);
}

int users_files_limits(int rootfd, uint32_t *min, uint32_t *max, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct part rest, line;

	if (rooted_read_file(rootfd, "/etc/login.defs", FILE_MAX, &text, err) < 0) {
		if (!err_is(err, ERR_NOT_FOUND) && !err_is(err, ERR_DENIED))
			return -1;
		err_clear(err); /* then the usual ones hold */
		return 0;
	}
	rest = (struct part){ text.data, text.len };
	while (next_line(&rest, &line)) {
		(void)read_limit(line, "UID_MIN", min);
		(void)read_limit(line, "UID_MAX", max);
	}
	return 0;
}

int users_files_groups(const struct users_files *f, const struct user *user, gid_t **ret,
		       size_t *ret_n, struct err *err)
{
	_cleanup_free_ gid_t *groups = alloc_zero(f->n_groups + 1, sizeof(*groups), err);
	size_t n = 0;

	if (!groups)
		return -1;
	groups[n++] = user->gid;
	for (size_t i = 0; i < f->n_groups; i++) {
		const struct users_group *g = &f->groups[i];

		if (g->gid != user->gid && strings_has(&g->members, user->name))
			groups[n++] = g->gid;
	}
	*ret = TAKE_PTR(groups);
	*ret_n = n;
	return 0;
}
