/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/names.h"

#include <stdint.h>
#include <string.h>

#include "backend/base/utf8.h"

#define USER_MAX 255
#define TREE_MAX 32

/* Independent of the locale, as names in files have to be. */
static bool is_alnum(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

bool snapshot_app_is_legal(const char *app)
{
	if (!is_alnum(app[0]) || strlen(app) > NAMES_APP_MAX)
		return false;
	for (const char *p = app; *p; p++) {
		if (!is_alnum(*p) && !is_one_of(*p, "._+-"))
			return false;
	}
	return true;
}

bool snapshot_revision_is_legal(const char *revision)
{
	uint64_t n = 0;

	if (*revision == 'x')
		revision++;
	if (*revision < '1' || *revision > '9')
		return false;
	for (; *revision >= '0' && *revision <= '9'; revision++) {
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*revision - '0'), &n))
			return false;
	}
	return *revision == '\0' && n <= INT64_MAX;
}

/* True for UTF-8 without control characters, C1 among them. */
static bool is_plain_text(const char *s)
{
	size_t n = strlen(s);
	uint32_t c = 0;

	for (size_t i = 0, used; i < n; i += used) {
		used = utf8_decode(s + i, n - i, &c);
		if (used == 0 || c < 0x20 || (c >= 0x7f && c <= 0x9f))
			return false;
	}
	return true;
}

bool snapshot_user_is_legal(const char *user)
{
	size_t n = strlen(user);

	return n > 0 && n <= USER_MAX && user[0] != '-' && strcmp(user, ".") != 0 &&
	       strcmp(user, "..") != 0 && !strchr(user, '/') && is_plain_text(user);
}

bool snapshot_tree_is_legal(const char *tree)
{
	size_t n = strspn(tree, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && n <= TREE_MAX && tree[n] == '\0';
}

bool snapshot_member_is_legal(const char *member)
{
	char user[USER_MAX + 1];
	static const char prefix[] = "user/", suffix[] = ".tgz";
	size_t n = strlen(member), head = sizeof(prefix) - 1, tail = sizeof(suffix) - 1;

	if (n == 0 || !is_plain_text(member))
		return false;
	/* What is no archive of a user is never looked up nor unpacked. */
	if (n < head + tail || strncmp(member, prefix, head) != 0 ||
	    strcmp(member + n - tail, suffix) != 0)
		return true;
	if (n - head - tail > USER_MAX)
		return false;
	memcpy(user, member + head, n - head - tail);
	user[n - head - tail] = '\0';
	return snapshot_user_is_legal(user);
}

bool snapshot_path_is_legal(const char *path)
{
	for (const char *p = path;; p++) {
		size_t n = strcspn(p, "/");
		if (n == 0 || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += n;
		if (*p == '\0')
			return true;
	}
}

int snapshot_version_for_name(struct buf *out, const char *version, size_t max,
			      struct err *err)
{
	size_t n = strnlen(version, max);

	if (n == 0)
		return buf_add_byte(out, '0', err);
	for (size_t i = 0; i < n; i++) {
		char c = version[i];
		if (!is_alnum(c) && !is_one_of(c, ".+~:-"))
			c = '-';
		if (buf_add_byte(out, c, err) < 0)
			return -1;
	}
	return 0;
}
