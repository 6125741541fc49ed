/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/support_store.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/unit/support.h"

struct store *support_store_open(unsigned flags)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct store *s = NULL;

	ck_assert_ok(store_open(support_path("s"), flags, &s, &err), &err);
	return s;
}

void support_store_put(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "s/%s", name);
	support_file(support_dirfd(), path, 0600, name);
}

void support_store_list(struct store *s, struct store_list *ret)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	ck_assert_ok(store_list(s, ret, &err), &err);
}

const char *support_store_names(const struct store_list *l)
{
	static char text[4096];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < l->n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\n",
				      l->files[i].name);
	for (size_t i = 0; i < l->n_incomplete; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "-%" PRIu64 "\n",
				      l->incomplete[i]);
	ck_assert_uint_lt(n, sizeof(text));
	return text;
}
