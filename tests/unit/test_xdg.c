/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/xdg.h"

#include "tests/unit/support.h"

static const struct expansion {
	const char *home, *value; /* of XDG_CONFIG_HOME */
	const char *path, *expected;
} expansions[] = {
	/* Defaults */
	{ NULL, NULL, "$XDG_CONFIG_HOME/git", "~/.config/git" },
	{ NULL, NULL, "$XDG_DATA_HOME/a/b", "~/.local/share/a/b" },
	{ NULL, NULL, "$XDG_STATE_HOME/nvim", "~/.local/state/nvim" },
	{ NULL, NULL, "$XDG_CACHE_HOME/x", "~/.cache/x" },
	{ NULL, NULL, "~/.vim", "~/.vim" },
	{ NULL, NULL, "/etc/nginx", "/etc/nginx" },
	{ NULL, NULL, "$XDG_CONFIG_HOMER/x", "$XDG_CONFIG_HOMER/x" },
	/* Values that do not count */
	{ "/home/u", "", "$XDG_CONFIG_HOME/git", "~/.config/git" },
	{ "/home/u", "conf", "$XDG_CONFIG_HOME/git", "~/.config/git" },
	{ "/home/u", "~/conf", "$XDG_CONFIG_HOME/git", "~/.config/git" },
	{ "/home/u", "/home/u/../v", "$XDG_CONFIG_HOME/git", "~/.config/git" },
	/* Below the home, and elsewhere */
	{ "/home/u", "/home/u/conf", "$XDG_CONFIG_HOME/git", "~/conf/git" },
	{ "/home/u/", "/home/u//conf/./x/", "$XDG_CONFIG_HOME/git", "~/conf/x/git" },
	{ "/home/u", "/home/u", "$XDG_CONFIG_HOME/git", "~/git" },
	{ "/home/u", "/home/uv", "$XDG_CONFIG_HOME/git", "/home/uv/git" },
	{ "/home/u", "/data//conf/", "$XDG_CONFIG_HOME/git", "/data/conf/git" },
	{ "/home/u", "/", "$XDG_CONFIG_HOME/git", "/git" },
	{ NULL, "/home/u/conf", "$XDG_CONFIG_HOME/git", "/home/u/conf/git" },
	{ "/", "/conf", "$XDG_CONFIG_HOME/git", "/conf/git" },
	/* Others' variables */
	{ "/home/u", "/home/u/conf", "$XDG_DATA_HOME/git", "~/.local/share/git" },
};

START_TEST(xdg_variables_expand)
{
	const struct expansion *e = &expansions[_i];
	const struct xdg x = { .home = e->home, .config_home = e->value };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *path = xdg_expand(&x, e->path, &err);

	ck_assert_ok_ptr(path, &err);
	ck_assert_str_eq(path, e->expected);
}

END_TEST

START_TEST(xdg_defaults_need_no_values)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ char *path = xdg_expand(NULL, "$XDG_CONFIG_HOME/git", &err);

	ck_assert_ok_ptr(path, &err);
	ck_assert_str_eq(path, "~/.config/git");
}

END_TEST

START_TEST(xdg_prefixes_are_told)
{
	ck_assert_uint_eq(xdg_prefix("~/x"), 2);
	ck_assert_uint_eq(xdg_prefix("$XDG_STATE_HOME/x"), 16);
	ck_assert_uint_eq(xdg_prefix("~x"), 0);
	ck_assert_uint_eq(xdg_prefix("$HOME/x"), 0);
	ck_assert_uint_eq(xdg_prefix("$XDG_STATE_HOME"), 0);
	ck_assert_uint_eq(xdg_prefix("/x"), 0);
}

END_TEST

START_TEST(xdg_clean_paths_are_told)
{
	static const char *const dirty[] = { "",   "/",    "/a",  "a/",  "a//b",
					     "..", "a/..", "a/.", "./a", "a/../b" };

	ck_assert(xdg_is_clean("a"));
	ck_assert(xdg_is_clean("a/.b/..c/..."));
	for (size_t i = 0; i < sizeof(dirty) / sizeof(*dirty); i++)
		ck_assert_msg(!xdg_is_clean(dirty[i]), "%s", dirty[i]);
}

END_TEST

Suite *suite_xdg(void)
{
	Suite *s = suite_create("xdg");
	TCase *tc = support_tcase(s, "paths");

	tcase_add_loop_test(tc, xdg_variables_expand, 0,
			    sizeof(expansions) / sizeof(*expansions));
	tcase_add_test(tc, xdg_defaults_need_no_values);
	tcase_add_test(tc, xdg_prefixes_are_told);
	tcase_add_test(tc, xdg_clean_paths_are_told);
	return s;
}
