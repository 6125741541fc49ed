/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/xdg.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/buf.h"
#include "backend/base/cleanup.h"

static const struct variable {
	const char *prefix, *fallback;
	size_t offset; /* of the value in struct xdg */
} variables[] = {
	{ "$XDG_CONFIG_HOME/", "~/.config", offsetof(struct xdg, config_home) },
	{ "$XDG_DATA_HOME/", "~/.local/share", offsetof(struct xdg, data_home) },
	{ "$XDG_STATE_HOME/", "~/.local/state", offsetof(struct xdg, state_home) },
	{ "$XDG_CACHE_HOME/", "~/.cache", offsetof(struct xdg, cache_home) },
};

#define N_VARIABLES (sizeof(variables) / sizeof(*variables))

static const struct variable *find(const char *path)
{
	for (size_t i = 0; i < N_VARIABLES; i++) {
		if (strncmp(path, variables[i].prefix, strlen(variables[i].prefix)) == 0)
			return &variables[i];
	}
	return NULL;
}

size_t xdg_prefix(const char *path)
{
	const struct variable *v = find(path);

	if (v)
		return strlen(v->prefix);
	return strncmp(path, "~/", 2) == 0 ? 2 : 0;
}

bool xdg_is_clean(const char *relative)
{
	const char *s = relative;

	for (;;) {
		size_t n = strcspn(s, "/");

		if (n == 0 || (n == 1 && s[0] == '.') ||
		    (n == 2 && s[0] == '.' && s[1] == '.'))
			return false;
		if (s[n] == '\0')
			return true;
		s += n + 1;
	}
}

/* Appends the absolute path `value` without double slashes, "." and a slash at its end;
 * 1, or 0 where it holds "..", which only the kernel could resolve. */
static int add_clean(struct buf *out, const char *value, struct err *err)
{
	for (const char *s = value; *s;) {
		size_t n = strcspn(s, "/");

		if (n == 2 && s[0] == '.' && s[1] == '.')
			return 0;
		if (n > 0 && !(n == 1 && s[0] == '.') &&
		    (buf_add_byte(out, '/', err) < 0 || buf_add(out, s, n, err) < 0))
			return -1;
		s += n + (s[n] == '/');
	}
	return 1;
}

/* The value of a variable, 0 where it does not count. */
static int add_value(struct buf *out, const struct xdg *x, const struct variable *v,
		     struct err *err)
{
	const char *value =
		x ? *(const char *const *)((const char *)x + v->offset) : NULL;

	return value && value[0] == '/' ? add_clean(out, value, err) : 0;
}

/* What follows the home in path ("" for the home itself), or NULL. */
static const char *below_home(const struct buf *home, const char *path)
{
	if (home->len == 0 || strncmp(path, home->data, home->len) != 0 ||
	    (path[home->len] != '\0' && path[home->len] != '/'))
		return NULL;
	return path + home->len;
}

char *xdg_expand(const struct xdg *x, const char *path, struct err *err)
{
	_cleanup_(buf_done) struct buf value = BUF_INIT;
	_cleanup_(buf_done) struct buf home = BUF_INIT;
	const struct variable *v = find(path);
	const char *rest, *below;
	int found;

	if (!v)
		return alloc_strdup(path, err);
	rest = path + strlen(v->prefix);
	found = add_value(&value, x, v, err);
	if (found < 0 || (x && x->home && add_clean(&home, x->home, err) < 0))
		return NULL;
	if (found == 0)
		return alloc_printf(err, "%s/%s", v->fallback, rest);
	below = value.len ? below_home(&home, value.data) : NULL;
	if (below)
		return alloc_printf(err, "~%s/%s", below, rest);
	return alloc_printf(err, "%s/%s", value.len ? value.data : "", rest);
}
