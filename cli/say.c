/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/say.h"

#include <inttypes.h>

void say_set(struct text *t, const char *begin, uint64_t set, const char *const *apps,
	     size_t n_apps, const char *end)
{
	text_printf(t, "%s%s %" PRIu64, begin, begin[0] == '\0' ? "Set" : "set", set);
	if (n_apps > 0)
		text_printf(t, " of %s", n_apps == 1 ? "app" : "apps");
	for (size_t i = 0; i < n_apps; i++) {
		text_printf(t, i > 0 ? ", " : " ");
		text_quoted(t, apps[i]);
	}
	text_printf(t, "%s", end);
}

void say_paths(struct text *t, const char *title, const struct strings *paths)
{
	if (paths->n > 0)
		text_printf(t, "%s:\n", title);
	for (size_t i = 0; i < paths->n; i++) {
		text_printf(t, "  ");
		text_foreign(t, paths->items[i]);
		text_printf(t, "\n");
	}
}
