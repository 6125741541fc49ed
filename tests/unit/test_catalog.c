/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/catalog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/fault.h"
#include "tests/unit/support.h"
#include "tests/unit/support_events.h"
#include "tests/unit/support_root.h"

/* ---- Native */

START_TEST(catalog_of_an_empty_root_is_empty)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	struct places places;
	struct catalog_options options = support_catalog_options(&places);
	const struct catalog_app *app = NULL;

	c = support_catalog(&options);
	ck_assert_uint_eq(catalog_count(c), 0);
	ck_assert_fails(catalog_lookup(c, "git", NULL, NULL, &app, &err), &err,
			ERR_NOT_FOUND, "there is no app \"git\"");
	ck_assert_ptr_null(app);
}

END_TEST

START_TEST(catalog_gives_native_apps_by_definition)
{
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct places places;
	struct catalog_options options = support_catalog_options(&places);
	const struct catalog_app *app;

	support_install_deb(
		"Package: x-common\nStatus: install ok installed\nVersion: 2:1.0-3\n\n");
	support_define(
		"x",
		"\"name\":\"The X\",\"match\":{\"deb\":[\"x\",\"x-common\"]},\"trees\":["
		"{\"name\":\"z\",\"role\":\"config\",\"scope\":\"system\",\"required\":"
		"true,"
		"\"at\":{\"native\":\"/etc/x\"},\"exclude\":[\"lock\",\"tmp/\"]},"
		"{\"name\":\"data\",\"scope\":\"user\",\"at\":{\"native\":"
		"\"$XDG_DATA_HOME/x\"}},"
		"{\"name\":\"a\",\"scope\":\"system\",\"at\":{\"native\":\"/var/lib/"
		"x\"}},"
		"{\"name\":\"b\",\"scope\":\"system\",\"at\":{\"flatpak\":\"/var/lib/"
		"y\"}},"
		"{\"name\":\"c\",\"role\":\"cache\",\"scope\":\"system\",\"at\":{"
		"\"native\":"
		"\"/var/cache/x\"}}]");
	support_define("flat-only", "\"trees\":[{\"name\":\"a\",\"scope\":\"user\","
				    "\"at\":{\"flatpak\":\"~/.var/app/org.f.F\"}}]");
	support_define("absent", "\"trees\":[{\"name\":\"a\",\"scope\":\"user\","
				 "\"at\":{\"native\":\"~/.absent\"}}]");
	c = support_catalog(&options);
	ck_assert_uint_eq(catalog_count(c), 2);
	ck_assert_str_eq(catalog_at(c, 0)->name, "absent");
	app = support_find_app(c, "x");
	ck_assert_ptr_eq(app, catalog_at(c, 1));
	ck_assert_int_eq(app->packaging, PACKAGING_NATIVE);
	ck_assert_str_eq(app->version, "2:1.0-3");
	ck_assert_str_eq(app->revision, "x1");
	ck_assert_str_eq(app->summary, "The X");
	ck_assert_str_eq(app->snap_id, "setaside-native");
	ck_assert_ptr_null(app->conf);
	ck_assert(app->installed && !app->home_only);
	ck_assert_uint_eq(app->epoch.n_read, 0);
	ck_assert_str_eq(support_app_trees(app, &text),
			 "system common/a /var/lib/x\n"
			 "system common/z /etc/x lock tmp/\n"
			 "user common/data ~/.local/share/x\n");
	ck_assert_str_eq(app->trees[1].name, "z");
	ck_assert_int_eq(app->trees[1].role, ROLE_CONFIG);
	ck_assert(app->trees[1].required && !app->trees[0].required);
	app = support_find_app(c, "native:absent");
	ck_assert_str_eq(app->version, "");
	ck_assert_str_eq(app->summary, "");
	ck_assert(!app->installed);
}

END_TEST

START_TEST(catalog_takes_versions_of_pacman_too)
{
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	struct places places;
	struct catalog_options options = support_catalog_options(&places);

	support_mkdir(support_dirfd(), "var/lib/pacman/local/xx-1.2-3", 0755);
	support_define(
		"x",
		"\"match\":{\"deb\":[\"xx\"],\"pacman\":[\"xx\"]},\"trees\":[{\"name\":"
		"\"a\","
		"\"scope\":\"user\",\"at\":{\"native\":\"~/.x\"}}]");
	c = support_catalog(&options);
	ck_assert_str_eq(support_find_app(c, "x")->version, "1.2-3");
}

END_TEST

/* A user's tree of a definition. */
#define TREE(name, path)                                                                 \
 "{\"name\":\"" name "\",\"scope\":\"user\",\"at\":{\"native\":\"" path "\"}}"
#define TWO_TREES                                                                        \
 "\"trees\":[" TREE("a", "$XDG_CONFIG_HOME/x") "," TREE("b", "$XDG_DATA_HOME/x") "]"

START_TEST(catalog_follows_the_variables_of_a_person_only)
{
	_cleanup_(catalog_freep) struct catalog *system = NULL;
	_cleanup_(catalog_freep) struct catalog *user = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct places places;
	struct catalog_options options = support_catalog_options(&places);

	support_define("x", TWO_TREES);
	options.home = "/home/u";
	options.xdg_config_home = "/home/u/conf";
	options.xdg_data_home = "/data/u";
	system = support_catalog(&options);
	ck_assert_str_eq(support_app_trees(support_find_app(system, "x"), &text),
			 "user common/a ~/.config/x\n"
			 "user common/b ~/.local/share/x\n");
	places.system = false;
	user = support_catalog(&options);
	ck_assert_str_eq(support_app_trees(support_find_app(user, "x"), &text),
			 "user common/a ~/conf/x\n"
			 "user common/b /data/u/x\n");
}

END_TEST

START_TEST(catalog_takes_no_place_twice)
{
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	struct observer observer = support_events_observer(&events);
	struct places places;
	struct catalog_options options = support_catalog_options(&places);

	support_define("x", TWO_TREES);
	places.system = false;
	options.home = "/home/u";
	options.xdg_config_home = "/home/u/both";
	options.xdg_data_home = "/home/u/both";
	options.observer = &observer;
	c = support_catalog(&options);
	ck_assert_str_eq(support_app_trees(support_find_app(c, "x"), &text),
			 "user common/a ~/both/x\n");
	ck_assert_str_eq(support_events_text(&events),
			 "x: tree b is left out: \"~/both/x\" is also in tree a\n");
}

END_TEST

START_TEST(catalog_reads_a_persons_definitions)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	struct places places;
	struct catalog_options options = support_catalog_options(&places);
	const struct catalog_app *app;
	char dir[] = "/home/u/.config/setaside/apps.d";

	support_file(support_dirfd(), "home/u/.config/setaside/apps.d/mine.json", 0600,
		     "{\"format\":1,\"id\":\"mine\",\"trees\":[{\"name\":\"a\",\"scope\":"
		     "\"user\","
		     "\"at\":{\"native\":\"~/.mine\"}}]}");
	support_file(support_dirfd(), "home/u/.config/setaside/apps.d/sys.json", 0600,
		     "{\"format\":1,\"id\":\"sys\",\"trees\":[{\"name\":\"a\",\"scope\":"
		     "\"system\","
		     "\"at\":{\"native\":\"/etc/sys\"}}]}");
	places.system = false;
	places.user_definitions = dir;
	c = support_catalog(&options);
	ck_assert_str_eq(support_find_app(c, "mine")->trees[0].path, "~/.mine");
	ck_assert_fails(catalog_lookup(c, "sys", NULL, NULL, &app, &err), &err,
			ERR_CORRUPT,
			"sys.json:1: trees[0].scope: only definitions of the system");
}

END_TEST

/* ---- Flatpak */

START_TEST(catalog_gives_flatpaks_without_definition)
{
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct places places;
	struct catalog_options options = support_catalog_options(&places);
	const struct catalog_app *app;

	support_install_flatpak("org.a.A", "1.5");
	c = support_catalog(&options);
	app = support_find_app(c, "org.a.A");
	ck_assert_int_eq(app->packaging, PACKAGING_FLATPAK);
	ck_assert_str_eq(app->version, "1.5");
	ck_assert_str_eq(app->revision, "x1");
	ck_assert_str_eq(app->snap_id, "setaside-flatpak");
	ck_assert(app->installed && !app->home_only);
	ck_assert_str_eq(support_app_trees(app, &text),
			 "user common/data ~/.var/app/org.a.A cache/ .ld.so/\n");
	ck_assert_str_eq(app->trees[0].name, "data");
}

END_TEST

START_TEST(catalog_gives_flatpaks_by_definition)
{
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct places places;
	struct catalog_options options = support_catalog_options(&places);

	support_install_flatpak("org.a.A", "1");
	support_install_flatpak("org.a.AB", "1");
	support_install_flatpak("org.b.B", "1");
	support_install_flatpak("org.c.C", "1");
	support_define(
		"x",
		"\"name\":\"X\",\"match\":{\"flatpak\":[\"org.a.A\",\"org.b.B\","
		"\"org.a.AB\"]},"
		"\"trees\":[{\"name\":\"a\",\"scope\":\"user\",\"at\":{\"native\":\"~/"
		".x\","
		"\"flatpak\":\"~/.var/app/org.a.A/.x\"},\"exclude\":[\"lock\"]},"
		"{\"name\":\"c\",\"role\":\"cache\",\"scope\":\"user\",\"at\":{"
		"\"flatpak\":"
		"\"~/.var/app/org.a.A/cache\"}},"
		"{\"name\":\"b\",\"scope\":\"user\",\"at\":{\"flatpak\":"
		"\"~/.var/app/org.b.B\"}},"
		"{\"name\":\"all\",\"scope\":\"system\",\"at\":{\"flatpak\":\"/var/lib/"
		"x\"}}]");
	support_define("y",
		       "\"match\":{\"flatpak\":[\"org.c.C\"]},\"trees\":[{\"name\":\"n\","
		       "\"scope\":\"user\",\"at\":{\"native\":\"~/.y\"}}]");
	c = support_catalog(&options);
	ck_assert_str_eq(support_find_app(c, "org.a.A")->summary, "X");
	ck_assert_str_eq(support_app_trees(support_find_app(c, "org.a.A"), &text),
			 "system common/all /var/lib/x\n"
			 "user common/a ~/.var/app/org.a.A/.x lock\n");
	ck_assert_str_eq(support_app_trees(support_find_app(c, "org.b.B"), &text),
			 "system common/all /var/lib/x\n"
			 "user common/b ~/.var/app/org.b.B\n");
	ck_assert_str_eq(support_app_trees(support_find_app(c, "org.a.AB"), &text),
			 "system common/all /var/lib/x\n");
	/* Its definition says nothing of a place. */
	ck_assert_str_eq(support_app_trees(support_find_app(c, "org.c.C"), &text),
			 "user common/data ~/.var/app/org.c.C cache/ .ld.so/\n");
	ck_assert_str_eq(support_app_trees(support_find_app(c, "x"), &text),
			 "user common/a ~/.x lock\n");
}

END_TEST

START_TEST(catalog_adds_flatpaks_of_homes)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	struct places places;
	struct catalog_options options = support_catalog_options(&places);

	support_install_flatpak("org.a.A", "1.5");
	c = support_catalog(&options);
	ck_assert_int_eq(catalog_add_home_flatpak(c, "org.a.A", "9", NULL, &err), 0);
	ck_assert_str_eq(support_find_app(c, "org.a.A")->version, "1.5");
	ck_assert_int_eq(catalog_add_home_flatpak(c, "com.z.Z", NULL, NULL, &err), 1);
	ck_assert_int_eq(catalog_add_home_flatpak(c, "com.z.Z", NULL, NULL, &err), 0);
	ck_assert_str_eq(support_find_app(c, "com.z.Z")->version, "");
	ck_assert(!support_find_app(c, "com.z.Z")->installed &&
		  support_find_app(c, "com.z.Z")->home_only);
	ck_assert_int_eq(catalog_add_home_flatpak(c, "com.z.Z", "2", "Zed", &err), 1);
	ck_assert_int_eq(catalog_add_home_flatpak(c, "com.z.Z", "3", NULL, &err), 0);
	ck_assert_str_eq(support_find_app(c, "com.z.Z")->version, "2");
	ck_assert_str_eq(support_find_app(c, "com.z.Z")->summary, "Zed");
	ck_assert(support_find_app(c, "com.z.Z")->installed);
	ck_assert_int_eq(catalog_add_home_flatpak(c, "../evil", NULL, NULL, &err), 0);
	ck_assert_int_eq(catalog_add_home_flatpak(c, "o\n.x", NULL, NULL, &err), 0);
	ck_assert_int_eq(catalog_add_home_flatpak(c, "", NULL, NULL, &err), 0);
	ck_assert_int_eq(err.kind, ERR_NONE);
	ck_assert_uint_eq(catalog_count(c), 2);
	ck_assert_str_eq(catalog_at(c, 0)->name, "com.z.Z");
}

END_TEST

/* ---- Names */

/* Says that apps of the packaging *ctx are here. */
static bool is_of(void *ctx, const struct catalog_app *app)
{
	return app->packaging == *(enum packaging *)ctx;
}

static bool is_nowhere(void *ctx, const struct catalog_app *app)
{
	(void)ctx;
	(void)app;
	return false;
}

START_TEST(catalog_names_may_need_a_packaging)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	struct places places;
	struct catalog_options options = support_catalog_options(&places);
	const struct catalog_app *app = NULL;
	enum packaging here = PACKAGING_SNAP;

	support_install_snap("firefox", "5", NULL, NULL);
	support_define("firefox", "\"trees\":[{\"name\":\"a\",\"scope\":\"user\","
				  "\"at\":{\"native\":\"~/.mozilla\"}}]");
	c = support_catalog(&options);
	ck_assert_fails(catalog_lookup(c, "firefox", NULL, NULL, &app, &err), &err,
			ERR_USAGE, "\"firefox\" is the name of more than one app");
	ck_assert_fails(catalog_lookup(c, "firefox", NULL, NULL, &app, &err), &err,
			ERR_USAGE, "say native:firefox or snap:firefox");
	ck_assert_ptr_null(app);
	ck_assert_int_eq(support_find_app(c, "native:firefox")->packaging,
			 PACKAGING_NATIVE);
	ck_assert_int_eq(support_find_app(c, "snap:firefox")->packaging, PACKAGING_SNAP);
	ck_assert_fails(catalog_lookup(c, "flatpak:firefox", NULL, NULL, &app, &err),
			&err, ERR_NOT_FOUND, "there is no app \"flatpak:firefox\"");
	ck_assert_fails(catalog_lookup(c, "deb:firefox", NULL, NULL, &app, &err), &err,
			ERR_NOT_FOUND, "there is no app \"deb:firefox\"");
	ck_assert_fails(catalog_lookup(c, "native:firefix", NULL, NULL, &app, &err), &err,
			ERR_NOT_FOUND, "did you mean \"firefox\"?");
	ck_assert_fails(catalog_lookup(c, "emacs", NULL, NULL, &app, &err), &err,
			ERR_NOT_FOUND, "\"apps\" lists those that are here");
	ck_assert_fails(catalog_lookup(c, "", NULL, NULL, &app, &err), &err,
			ERR_NOT_FOUND, "there is no app \"\"");
	/* What is not here does not make a name ambiguous. */
	ck_assert_ok(catalog_lookup(c, "firefox", is_of, &here, &app, &err), &err);
	ck_assert_int_eq(app->packaging, PACKAGING_SNAP);
	here = PACKAGING_NATIVE;
	ck_assert_ok(catalog_lookup(c, "firefox", is_of, &here, &app, &err), &err);
	ck_assert_int_eq(app->packaging, PACKAGING_NATIVE);
	ck_assert_ok(catalog_lookup(c, "firefox", is_nowhere, NULL, &app, &err), &err);
	ck_assert_int_eq(app->packaging, PACKAGING_NATIVE);
}

END_TEST

START_TEST(catalog_refuses_apps_whose_definition_is_wrong)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	struct places places;
	struct catalog_options options = support_catalog_options(&places);
	const struct catalog_app *app = NULL;

	support_install_snap("bad", "5", NULL, NULL);
	support_define("bad", "\"trees\":[]");
	c = support_catalog(&options);
	ck_assert_uint_eq(catalog_count(c), 1);
	ck_assert_fails(catalog_lookup(c, "bad", NULL, NULL, &app, &err), &err,
			ERR_CORRUPT,
			"the definition of \"bad\" cannot be used: "
			"/etc/setaside/apps.d/bad.json:1: trees: names no tree");
	ck_assert_fails(catalog_lookup(c, "native:bad", NULL, NULL, &app, &err), &err,
			ERR_CORRUPT, "the definition of \"bad\" cannot be used");
	ck_assert_int_eq(support_find_app(c, "snap:bad")->packaging, PACKAGING_SNAP);
}

END_TEST

START_TEST(catalog_takes_the_definitions_that_are_shipped)
{
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct observer observer = support_events_observer(&events);
	struct places places;
	struct catalog_options options = support_catalog_options(&places);
	const char *top = getenv("abs_top_srcdir");
	char dir[4200];

	snprintf(dir, sizeof(dir), "%s/data/apps.d", top ? top : ".");
	/* The source need not be root's. */
	places.system = false;
	options.data_dir = dir;
	options.observer = &observer;
	support_install_flatpak("org.mozilla.Thunderbird", "128.5");
	c = support_catalog(&options);
	ck_assert_uint_ge(catalog_count(c), 13);
	ck_assert_str_eq(support_events_text(&events), "");
	ck_assert_str_eq(support_app_trees(support_find_app(c, "ssh"), &text),
			 "user common/ssh ~/.ssh agent/\n");
	ck_assert_str_eq(support_app_trees(support_find_app(c, "git"), &text),
			 "user common/config ~/.config/git\n"
			 "user common/credentials ~/.git-credentials\n"
			 "user common/gitconfig ~/.gitconfig\n");
	ck_assert_str_eq(support_app_trees(support_find_app(c, "nginx"), &text),
			 "system common/config /etc/nginx\n");
	ck_assert_str_eq(support_find_app(c, "org.mozilla.Thunderbird")->trees[0].path,
			 "~/.var/app/org.mozilla.Thunderbird/.thunderbird");
}

END_TEST

/* ---- Failures */

#ifdef ENABLE_FAULTS
/* One try with the nth point failing; false where there are fewer. */
static bool try_with_fault(const struct catalog_options *options, enum fault_class points,
			   uint64_t nth)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	bool struck, failed;

	fault_arm(&(struct fault_plan){ points, FAULT_ONCE, nth, EIO });
	failed = catalog_new(options, &c, &err) < 0 ||
		 catalog_add_home_flatpak(c, "org.b.B", NULL, NULL, &err) < 0 ||
		 catalog_add_home_snap(c, "home", "3", &err) < 0;
	struck = fault_disarm();
	/* What concerns one app alone is a warning: success is allowed, silence about an
	 * error is not. */
	ck_assert_int_eq(failed, err.kind != ERR_NONE);
	if (failed)
		ck_assert_int_eq(err.kind, points == FAULT_ALLOC ? ERR_NOMEM : ERR_IO);
	ck_assert(struck || !failed);
	return struck;
}
#endif

START_TEST(catalog_survives_every_failure)
{
#ifdef ENABLE_FAULTS
	struct places places;
	struct catalog_options options = support_catalog_options(&places);
	uint64_t nth;

	support_install_deb("Package: x\nStatus: install ok installed\nVersion: 1\n");
	support_install_flatpak("org.a.A", "1");
	support_install_snap("aa", "1", "name: aa\nversion: 1\n",
			     "exclude: [$SNAP_DATA/x]\n");
	support_file(support_dirfd(), "var/lib/snapd/state.json", 0600,
		     "{\"data\":{\"snaps\":{\"aa\":{\"sequence\":[{\"snap-id\":\"i\","
		     "\"revision\":\"1\"}]}},\"config\":{\"aa\":{\"b\":2}}}}");
	support_define(
		"x", "\"match\":{\"deb\":[\"x\"],\"flatpak\":[\"org.b.B\"]}," TWO_TREES);
	support_define("y", "\"trees\":[]");
	support_file(support_dirfd(), SUPPORT_APPS "x.json.d/z.json", 0644,
		     "{\"trees\":[{\"name\":\"a\",\"exclude\":[\"q\"]}]}");
	for (nth = 1; try_with_fault(&options, FAULT_ALLOC, nth); nth++)
		;
	ck_assert_uint_gt(nth, 100);
	for (nth = 1; try_with_fault(&options, FAULT_CALL, nth); nth++)
		;
	ck_assert_uint_gt(nth, 50);
#else
	support_skip("built without faults");
#endif
}

END_TEST

Suite *suite_catalog(void)
{
	Suite *s = suite_create("catalog");
	TCase *tc = support_tcase(s, "native");

	if (!support_need_openat2())
		return s;
	tcase_add_test(tc, catalog_of_an_empty_root_is_empty);
	tcase_add_test(tc, catalog_gives_native_apps_by_definition);
	tcase_add_test(tc, catalog_takes_versions_of_pacman_too);
	tcase_add_test(tc, catalog_follows_the_variables_of_a_person_only);
	tcase_add_test(tc, catalog_takes_no_place_twice);
	tcase_add_test(tc, catalog_reads_a_persons_definitions);
	tcase_add_test(tc, catalog_takes_the_definitions_that_are_shipped);
	tc = support_tcase(s, "flatpak");
	tcase_add_test(tc, catalog_gives_flatpaks_without_definition);
	tcase_add_test(tc, catalog_gives_flatpaks_by_definition);
	tcase_add_test(tc, catalog_adds_flatpaks_of_homes);
	tc = support_tcase(s, "names");
	tcase_add_test(tc, catalog_names_may_need_a_packaging);
	tcase_add_test(tc, catalog_refuses_apps_whose_definition_is_wrong);
	tc = support_tcase(s, "failures");
	tcase_add_test(tc, catalog_survives_every_failure);
	return s;
}
