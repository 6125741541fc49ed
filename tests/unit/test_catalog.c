/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/catalog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "backend/base/fd.h"
#include "tests/unit/support.h"
#include "tests/unit/support_deploy.h"
#include "tests/unit/support_events.h"
#include "tests/unit/support_snapd.h"

#define APPS "etc/setaside/apps.d/"

/* ---- A root with something of everything */

static void install_deb(const char *text)
{
	support_file(support_dirfd(), "var/lib/dpkg/status", 0644, text);
}

static void install_flatpak(const char *id, const char *version)
{
	_cleanup_(buf_done) struct buf blob = BUF_INIT;
	const struct support_deploy_entry entries[] = { { "appdata-version", version,
							  's' } };
	char path[300];

	support_deploy(&blob, "abc", entries, 1);
	snprintf(path, sizeof(path), "var/lib/flatpak/app/%s/current/active/deploy", id);
	support_file_n(support_dirfd(), path, 0644, blob.data, blob.len);
}

/* A snap with data; yaml may be NULL: then it is not mounted. */
static void install_snap(const char *name, const char *revision, const char *yaml,
			 const char *snapshots_yaml)
{
	char path[300];

	snprintf(path, sizeof(path), "var/snap/%s/%s", name, revision);
	support_mkdir(support_dirfd(), path, 0755);
	snprintf(path, sizeof(path), "var/snap/%s/current", name);
	support_symlink(support_dirfd(), path, revision);
	if (!yaml)
		return;
	snprintf(path, sizeof(path), "snap/%s/%s/meta/snap.yaml", name, revision);
	support_file(support_dirfd(), path, 0644, yaml);
	if (!snapshots_yaml)
		return;
	snprintf(path, sizeof(path), "snap/%s/%s/meta/snapshots.yaml", name, revision);
	support_file(support_dirfd(), path, 0644, snapshots_yaml);
}

static void define(const char *id, const char *rest)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	char path[300];

	ck_assert_ok(buf_printf(&text, &err, "{\"format\":1,\"id\":\"%s\",%s}", id, rest),
		     &err);
	snprintf(path, sizeof(path), APPS "%s.json", id);
	support_file(support_dirfd(), path, 0644, text.data);
}

/* Parses here what in real life a process without rights parses. */
static int read_meta(void *ctx, int snap_yaml_fd, int snapshots_yaml_fd,
		     struct snap_meta *ret, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	unsigned *calls = ctx;

	if (calls)
		++*calls;
	if (snap_yaml_fd >= 0 &&
	    (fd_read_file(snap_yaml_fd, SNAP_YAML_MAX, &text, err) < 0 ||
	     snap_yaml_parse(text.data, text.len, ret, err) < 0))
		return -1;
	buf_clear(&text);
	if (snapshots_yaml_fd >= 0 &&
	    (fd_read_file(snapshots_yaml_fd, SNAP_YAML_MAX, &text, err) < 0 ||
	     snap_yaml_parse_exclude(text.data, text.len, ret, err) < 0))
		return -1;
	return 0;
}

/* The options of system mode below the test's directory. */
static struct catalog_options options_for(struct places *places)
{
	*places = (struct places){ .system = true,
				   .other_root = true,
				   .root_fd = support_dirfd() };
	return (struct catalog_options){ .places = places, .read_snap_meta = read_meta };
}

static struct catalog *make(const struct catalog_options *options)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct catalog *c = NULL;

	ck_assert_ok(catalog_new(options, &c, &err), &err);
	return c;
}

static const struct catalog_app *find(const struct catalog *c, const char *name)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct catalog_app *app = NULL;

	ck_assert_ok(catalog_lookup(c, name, NULL, NULL, &app, &err), &err);
	return app;
}

/* A line for each tree: "scope archive_path path [exclude...]". */
static const char *trees_of(const struct catalog_app *app, struct buf *out)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	buf_clear(out);
	for (size_t i = 0; i < app->n_trees; i++) {
		const struct catalog_tree *t = &app->trees[i];

		ck_assert_ok(buf_printf(out, &err, "%s %s %s",
					t->user_scope ? "user" : "system",
					t->archive_path, t->path),
			     &err);
		for (size_t k = 0; k < t->exclude.n; k++)
			ck_assert_ok(buf_printf(out, &err, " %s", t->exclude.items[k]),
				     &err);
		ck_assert_ok(buf_add_byte(out, '\n', &err), &err);
	}
	return out->data ? out->data : "";
}

/* ---- Native */

START_TEST(catalog_of_an_empty_root_is_empty)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	struct places places;
	struct catalog_options options = options_for(&places);
	const struct catalog_app *app = NULL;

	c = make(&options);
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
	struct catalog_options options = options_for(&places);
	const struct catalog_app *app;

	install_deb(
		"Package: x-common\nStatus: install ok installed\nVersion: 2:1.0-3\n\n");
	define("x",
	       "\"name\":\"The X\",\"match\":{\"deb\":[\"x\",\"x-common\"]},\"trees\":["
	       "{\"name\":\"z\",\"role\":\"config\",\"scope\":\"system\",\"required\":true,"
	       "\"at\":{\"native\":\"/etc/x\"},\"exclude\":[\"lock\",\"tmp/\"]},"
	       "{\"name\":\"data\",\"scope\":\"user\",\"at\":{\"native\":\"$XDG_DATA_HOME/x\"}},"
	       "{\"name\":\"a\",\"scope\":\"system\",\"at\":{\"native\":\"/var/lib/x\"}},"
	       "{\"name\":\"b\",\"scope\":\"system\",\"at\":{\"flatpak\":\"/var/lib/y\"}},"
	       "{\"name\":\"c\",\"role\":\"cache\",\"scope\":\"system\",\"at\":{\"native\":"
	       "\"/var/cache/x\"}}]");
	define("flat-only", "\"trees\":[{\"name\":\"a\",\"scope\":\"user\","
			    "\"at\":{\"flatpak\":\"~/.var/app/org.f.F\"}}]");
	define("absent", "\"trees\":[{\"name\":\"a\",\"scope\":\"user\","
			 "\"at\":{\"native\":\"~/.absent\"}}]");
	c = make(&options);
	ck_assert_uint_eq(catalog_count(c), 2);
	ck_assert_str_eq(catalog_at(c, 0)->name, "absent");
	app = find(c, "x");
	ck_assert_ptr_eq(app, catalog_at(c, 1));
	ck_assert_int_eq(app->packaging, PACKAGING_NATIVE);
	ck_assert_str_eq(app->version, "2:1.0-3");
	ck_assert_str_eq(app->revision, "x1");
	ck_assert_str_eq(app->summary, "The X");
	ck_assert_str_eq(app->snap_id, "setaside-native");
	ck_assert_ptr_null(app->conf);
	ck_assert(app->installed && !app->home_only);
	ck_assert_uint_eq(app->epoch.n_read, 0);
	ck_assert_str_eq(trees_of(app, &text), "system common/a /var/lib/x\n"
					       "system common/z /etc/x lock tmp/\n"
					       "user common/data ~/.local/share/x\n");
	ck_assert_str_eq(app->trees[1].name, "z");
	ck_assert_int_eq(app->trees[1].role, ROLE_CONFIG);
	ck_assert(app->trees[1].required && !app->trees[0].required);
	app = find(c, "native:absent");
	ck_assert_str_eq(app->version, "");
	ck_assert_str_eq(app->summary, "");
	ck_assert(!app->installed);
}
END_TEST

START_TEST(catalog_takes_versions_of_pacman_too)
{
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	struct places places;
	struct catalog_options options = options_for(&places);

	support_mkdir(support_dirfd(), "var/lib/pacman/local/xx-1.2-3", 0755);
	define("x",
	       "\"match\":{\"deb\":[\"xx\"],\"pacman\":[\"xx\"]},\"trees\":[{\"name\":\"a\","
	       "\"scope\":\"user\",\"at\":{\"native\":\"~/.x\"}}]");
	c = make(&options);
	ck_assert_str_eq(find(c, "x")->version, "1.2-3");
}
END_TEST

#define TWO_TREES                                                                             \
 "\"trees\":[{\"name\":\"a\",\"scope\":\"user\",\"at\":{\"native\":\"$XDG_CONFIG_HOME/x\"}}," \
 "{\"name\":\"b\",\"scope\":\"user\",\"at\":{\"native\":\"$XDG_DATA_HOME/x\"}}]"

START_TEST(catalog_follows_the_variables_of_a_person_only)
{
	_cleanup_(catalog_freep) struct catalog *system = NULL;
	_cleanup_(catalog_freep) struct catalog *user = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct places places;
	struct catalog_options options = options_for(&places);

	define("x", TWO_TREES);
	options.home = "/home/u";
	options.xdg_config_home = "/home/u/conf";
	options.xdg_data_home = "/data/u";
	system = make(&options);
	ck_assert_str_eq(trees_of(find(system, "x"), &text),
			 "user common/a ~/.config/x\n"
			 "user common/b ~/.local/share/x\n");
	places.system = false;
	user = make(&options);
	ck_assert_str_eq(trees_of(find(user, "x"), &text), "user common/a ~/conf/x\n"
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
	struct catalog_options options = options_for(&places);

	define("x", TWO_TREES);
	places.system = false;
	options.home = "/home/u";
	options.xdg_config_home = "/home/u/both";
	options.xdg_data_home = "/home/u/both";
	options.observer = &observer;
	c = make(&options);
	ck_assert_str_eq(trees_of(find(c, "x"), &text), "user common/a ~/both/x\n");
	ck_assert_str_eq(support_events_text(&events),
			 "x: tree b is left out: \"~/both/x\" is also in tree a\n");
}
END_TEST

START_TEST(catalog_reads_a_persons_definitions)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	struct places places;
	struct catalog_options options = options_for(&places);
	const struct catalog_app *app;
	char dir[] = "/home/u/.config/setaside/apps.d";

	support_file(
		support_dirfd(), "home/u/.config/setaside/apps.d/mine.json", 0600,
		"{\"format\":1,\"id\":\"mine\",\"trees\":[{\"name\":\"a\",\"scope\":\"user\","
		"\"at\":{\"native\":\"~/.mine\"}}]}");
	support_file(
		support_dirfd(), "home/u/.config/setaside/apps.d/sys.json", 0600,
		"{\"format\":1,\"id\":\"sys\",\"trees\":[{\"name\":\"a\",\"scope\":\"system\","
		"\"at\":{\"native\":\"/etc/sys\"}}]}");
	places.system = false;
	places.user_definitions = dir;
	c = make(&options);
	ck_assert_str_eq(find(c, "mine")->trees[0].path, "~/.mine");
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
	struct catalog_options options = options_for(&places);
	const struct catalog_app *app;

	install_flatpak("org.a.A", "1.5");
	c = make(&options);
	app = find(c, "org.a.A");
	ck_assert_int_eq(app->packaging, PACKAGING_FLATPAK);
	ck_assert_str_eq(app->version, "1.5");
	ck_assert_str_eq(app->revision, "x1");
	ck_assert_str_eq(app->snap_id, "setaside-flatpak");
	ck_assert(app->installed && !app->home_only);
	ck_assert_str_eq(trees_of(app, &text),
			 "user common/data ~/.var/app/org.a.A cache/ .ld.so/\n");
	ck_assert_str_eq(app->trees[0].name, "data");
}
END_TEST

START_TEST(catalog_gives_flatpaks_by_definition)
{
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct places places;
	struct catalog_options options = options_for(&places);

	install_flatpak("org.a.A", "1");
	install_flatpak("org.a.AB", "1");
	install_flatpak("org.b.B", "1");
	install_flatpak("org.c.C", "1");
	define("x",
	       "\"name\":\"X\",\"match\":{\"flatpak\":[\"org.a.A\",\"org.b.B\",\"org.a.AB\"]},"
	       "\"trees\":[{\"name\":\"a\",\"scope\":\"user\",\"at\":{\"native\":\"~/.x\","
	       "\"flatpak\":\"~/.var/app/org.a.A/.x\"},\"exclude\":[\"lock\"]},"
	       "{\"name\":\"c\",\"role\":\"cache\",\"scope\":\"user\",\"at\":{\"flatpak\":"
	       "\"~/.var/app/org.a.A/cache\"}},"
	       "{\"name\":\"b\",\"scope\":\"user\",\"at\":{\"flatpak\":"
	       "\"~/.var/app/org.b.B\"}},"
	       "{\"name\":\"all\",\"scope\":\"system\",\"at\":{\"flatpak\":\"/var/lib/x\"}}]");
	define("y", "\"match\":{\"flatpak\":[\"org.c.C\"]},\"trees\":[{\"name\":\"n\","
		    "\"scope\":\"user\",\"at\":{\"native\":\"~/.y\"}}]");
	c = make(&options);
	ck_assert_str_eq(find(c, "org.a.A")->summary, "X");
	ck_assert_str_eq(trees_of(find(c, "org.a.A"), &text),
			 "system common/all /var/lib/x\n"
			 "user common/a ~/.var/app/org.a.A/.x lock\n");
	ck_assert_str_eq(trees_of(find(c, "org.b.B"), &text),
			 "system common/all /var/lib/x\n"
			 "user common/b ~/.var/app/org.b.B\n");
	ck_assert_str_eq(trees_of(find(c, "org.a.AB"), &text),
			 "system common/all /var/lib/x\n");
	/* Its definition says nothing of a place. */
	ck_assert_str_eq(trees_of(find(c, "org.c.C"), &text),
			 "user common/data ~/.var/app/org.c.C cache/ .ld.so/\n");
	ck_assert_str_eq(trees_of(find(c, "x"), &text), "user common/a ~/.x lock\n");
}
END_TEST

START_TEST(catalog_adds_flatpaks_of_homes)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	struct places places;
	struct catalog_options options = options_for(&places);

	install_flatpak("org.a.A", "1.5");
	c = make(&options);
	ck_assert_int_eq(catalog_add_home_flatpak(c, "org.a.A", "9", NULL, &err), 0);
	ck_assert_str_eq(find(c, "org.a.A")->version, "1.5");
	ck_assert_int_eq(catalog_add_home_flatpak(c, "com.z.Z", NULL, NULL, &err), 1);
	ck_assert_int_eq(catalog_add_home_flatpak(c, "com.z.Z", NULL, NULL, &err), 0);
	ck_assert_str_eq(find(c, "com.z.Z")->version, "");
	ck_assert(!find(c, "com.z.Z")->installed && find(c, "com.z.Z")->home_only);
	ck_assert_int_eq(catalog_add_home_flatpak(c, "com.z.Z", "2", "Zed", &err), 1);
	ck_assert_int_eq(catalog_add_home_flatpak(c, "com.z.Z", "3", NULL, &err), 0);
	ck_assert_str_eq(find(c, "com.z.Z")->version, "2");
	ck_assert_str_eq(find(c, "com.z.Z")->summary, "Zed");
	ck_assert(find(c, "com.z.Z")->installed);
	ck_assert_int_eq(catalog_add_home_flatpak(c, "../evil", NULL, NULL, &err), 0);
	ck_assert_int_eq(catalog_add_home_flatpak(c, "o\n.x", NULL, NULL, &err), 0);
	ck_assert_int_eq(catalog_add_home_flatpak(c, "", NULL, NULL, &err), 0);
	ck_assert_int_eq(err.kind, ERR_NONE);
	ck_assert_uint_eq(catalog_count(c), 2);
	ck_assert_str_eq(catalog_at(c, 0)->name, "com.z.Z");
}
END_TEST

/* ---- Snap */

START_TEST(catalog_gives_snaps)
{
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct places places;
	struct catalog_options options = options_for(&places);
	const struct catalog_app *app;

	install_snap("hello_x", "42",
		     "name: hello\nversion: 2.10\nsummary: Says hello\nepoch: 1*\n",
		     "exclude:\n- $SNAP_DATA/cache\n- $SNAP_COMMON/t*p/x\n"
		     "- $SNAP_USER_COMMON/cache\n- $SNAP_USER_DATA/.cache\n");
	install_snap("plain", "x3", NULL, NULL);
	support_file(
		support_dirfd(), "var/lib/snapd/state.json", 0600,
		"{\"data\":{\"snaps\":{\"hello_x\":{\"sequence\":[{\"snap-id\":\"theid\","
		"\"revision\":\"42\"}],\"current\":\"42\"}},"
		"\"config\":{\"hello_x\":{\"b\":2,\"a\":1}}}}");
	c = make(&options);
	ck_assert_uint_eq(catalog_count(c), 2);
	app = find(c, "hello_x");
	ck_assert_int_eq(app->packaging, PACKAGING_SNAP);
	ck_assert_str_eq(app->version, "2.10");
	ck_assert_str_eq(app->summary, "Says hello");
	ck_assert_str_eq(app->revision, "42");
	ck_assert_str_eq(app->snap_id, "theid");
	ck_assert_str_eq(app->conf, "{\"a\":1,\"b\":2}");
	ck_assert(app->installed);
	ck_assert_uint_eq(app->epoch.n_read, 2);
	ck_assert_uint_eq(app->epoch.write[0], 1);
	ck_assert_str_eq(trees_of(app, &text),
			 "system 42 /var/snap/hello_x/42 cache\n"
			 "system common /var/snap/hello_x/common t*p/x\n"
			 "user 42 ~/snap/hello_x/42 .cache\n"
			 "user common ~/snap/hello_x/common cache\n");
	app = find(c, "snap:plain");
	ck_assert_str_eq(app->version, "");
	ck_assert_ptr_null(app->snap_id);
	ck_assert_ptr_null(app->conf);
	ck_assert(!app->installed);
	ck_assert_uint_eq(app->epoch.n_read, 0);
	/* "common" comes before "x3" in an archive. */
	ck_assert_str_eq(trees_of(app, &text), "system common /var/snap/plain/common\n"
					       "system x3 /var/snap/plain/x3\n"
					       "user common ~/snap/plain/common\n"
					       "user x3 ~/snap/plain/x3\n");
}
END_TEST

START_TEST(catalog_asks_snapd_for_what_its_record_hides)
{
	static const char answer[] =
		"HTTP/1.0 200 OK\r\n\r\n{\"result\":[{\"id\":\"theid\",\"name\":\"hello\","
		"\"revision\":\"7\"}]}";
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	struct observer observer = support_events_observer(&events);
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	_cleanup_(catalog_freep) struct catalog *d = NULL;
	struct places places;
	struct catalog_options options = options_for(&places);
	int status = -1;
	pid_t pid;

	if (!support_become_user())
		return;
	install_snap("hello", "7", NULL, NULL);
	support_file(support_dirfd(), "var/lib/snapd/state.json", 0, "{}");
	options.snapd_socket = support_snapd_path();
	options.observer = &observer;
	pid = support_snapd_start(answer, sizeof(answer) - 1);
	c = make(&options);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_str_eq(find(c, "hello")->snap_id, "theid");
	ck_assert_int_eq(unlinkat(support_dirfd(), "snapd", 0), 0);
	pid = support_snapd_start("rubbish", 7);
	d = make(&options);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_ptr_null(find(d, "hello")->snap_id);
	ck_assert_ptr_nonnull(
		strstr(support_events_text(&events), "ids of snaps are not known: "));
}
END_TEST

START_TEST(catalog_leaves_out_what_a_snap_leaves_out)
{
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct places places;
	struct catalog_options options = options_for(&places);

	install_snap("part", "1", "name: part\n",
		     "exclude: [$SNAP_DATA, $SNAP_USER_COMMON, $SNAP_COMMON/a]\n");
	install_snap(
		"nothing", "1", "name: nothing\n",
		"exclude: [$SNAP_DATA, $SNAP_COMMON, $SNAP_USER_DATA, $SNAP_USER_COMMON]\n");
	c = make(&options);
	ck_assert_uint_eq(catalog_count(c), 1);
	ck_assert_str_eq(trees_of(find(c, "part"), &text),
			 "system common /var/snap/part/common a\n"
			 "user 1 ~/snap/part/1\n");
}
END_TEST

START_TEST(catalog_saves_snaps_whose_description_is_wrong)
{
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	struct observer observer = support_events_observer(&events);
	struct places places;
	struct catalog_options options = options_for(&places);

	install_snap("aa", "1", "name: [\n", NULL);
	install_snap("bb", "1", "version: 3\n", "exclude: 7\n");
	support_mkdir(support_dirfd(), "var/snap/cc/1", 0755);
	support_symlink(support_dirfd(), "var/snap/cc/current", "1");
	support_mkdir(support_dirfd(), "snap/cc/1/meta", 0755);
	support_symlink(support_dirfd(), "snap/cc/1/meta/snap.yaml", "/etc/shadow");
	support_file(support_dirfd(), "var/lib/snapd/state.json", 0600, "{");
	options.observer = &observer;
	c = make(&options);
	ck_assert_uint_eq(catalog_count(c), 3);
	ck_assert_str_eq(find(c, "aa")->version, "");
	/* The excludes are wrong, the rest is not. */
	ck_assert_str_eq(find(c, "bb")->version, "3");
	ck_assert_uint_eq(find(c, "bb")->n_trees, 4);
	ck_assert_ptr_nonnull(strstr(support_events_text(&events),
				     "ids and configuration of snaps are not known: "
				     "\"/var/lib/snapd/state.json\": "));
	ck_assert_ptr_nonnull(strstr(support_events_text(&events),
				     "\naa: version and epoch of the snap are not known: "
				     "line "));
	ck_assert_ptr_nonnull(strstr(
		support_events_text(&events),
		"\nbb: excludes of the snap are not known: line 1: exclude is no list\n"));
	ck_assert_ptr_nonnull(strstr(support_events_text(&events),
				     "\ncc: what the snap says of itself is not known: "
				     "\"meta/snap.yaml\" of the snap is a link\n"));
}
END_TEST

/* What a reader that was taken over could say. */
static int lie(void *ctx, int snap_yaml_fd, int snapshots_yaml_fd, struct snap_meta *ret,
	       struct err *err)
{
	(void)ctx;
	(void)snapshots_yaml_fd;
	ret->has_epoch = true;
	ret->epoch = (struct snapshot_epoch){ { 3 }, { 4 }, 1, 1 };
	if (snap_yaml_fd >= 0)
		return 0;
	ret->has_epoch = false;
	if (strings_add(&ret->exclude, "$SNAP_DATA/../../etc", err) < 0 ||
	    strings_add(&ret->exclude, "/etc", err) < 0 ||
	    strings_add(&ret->exclude, "$SNAP_DATA/a\nb", err) < 0 ||
	    strings_add(&ret->exclude, "$SNAP_DATA/good", err) < 0)
		return -1;
	return 0;
}

START_TEST(catalog_does_not_believe_the_reader)
{
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	struct observer observer = support_events_observer(&events);
	struct places places;
	struct catalog_options options = options_for(&places);

	install_snap("aa", "1", "name: aa\n", "exclude: []\n");
	options.observer = &observer;
	options.read_snap_meta = lie;
	c = make(&options);
	ck_assert_uint_eq(find(c, "aa")->epoch.n_read, 0);
	ck_assert_ptr_nonnull(
		strstr(support_events_text(&events),
		       "aa: version and epoch of the snap are not known: "));
	ck_assert_uint_eq(find(c, "aa")->trees[0].exclude.n, 1);
	ck_assert_str_eq(find(c, "aa")->trees[0].exclude.items[0], "good");
	ck_assert_ptr_nonnull(strstr(support_events_text(&events),
				     "aa: exclude pattern \"$SNAP_DATA/../../etc\""));
	ck_assert_ptr_nonnull(
		strstr(support_events_text(&events), "exclude pattern \"/etc\""));
	ck_assert_ptr_nonnull(strstr(support_events_text(&events), "control characters"));
}
END_TEST

/* A reader that died. */
static int die(void *ctx, int snap_yaml_fd, int snapshots_yaml_fd, struct snap_meta *ret,
	       struct err *err)
{
	(void)ctx;
	(void)snap_yaml_fd;
	(void)snapshots_yaml_fd;
	(void)ret;
	return err_set(err, ERR_IO, "the reader is gone");
}

START_TEST(catalog_fails_with_its_reader)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct places places;
	struct catalog_options options = options_for(&places);
	struct catalog *c = NULL;

	install_snap("aa", "1", "name: aa\n", NULL);
	options.read_snap_meta = die;
	ck_assert_fails(catalog_new(&options, &c, &err), &err, ERR_IO,
			"the reader is gone");
	ck_assert_ptr_null(c);
}
END_TEST

START_TEST(catalog_adds_snaps_of_homes)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct places places;
	struct catalog_options options = options_for(&places);
	unsigned calls = 0;

	install_snap("known", "5", NULL, NULL);
	support_file(support_dirfd(), "snap/home/9/meta/snap.yaml", 0644,
		     "version: nine\n");
	options.read_ctx = &calls;
	c = make(&options);
	ck_assert_uint_eq(calls, 0);
	ck_assert_int_eq(catalog_add_home_snap(c, "known", "6", &err), 0);
	ck_assert_str_eq(find(c, "known")->revision, "5");
	ck_assert_int_eq(catalog_add_home_snap(c, "home", "8", &err), 1);
	ck_assert_str_eq(find(c, "home")->version, "");
	ck_assert_int_eq(catalog_add_home_snap(c, "home", "9", &err), 1);
	ck_assert_int_eq(catalog_add_home_snap(c, "home", "7", &err), 0);
	ck_assert_int_eq(catalog_add_home_snap(c, "home", "9", &err), 0);
	ck_assert_uint_eq(calls, 1);
	ck_assert_str_eq(find(c, "home")->version, "nine");
	ck_assert(find(c, "home")->home_only && find(c, "home")->installed);
	ck_assert_str_eq(trees_of(find(c, "home"), &text),
			 "system 9 /var/snap/home/9\n"
			 "system common /var/snap/home/common\n"
			 "user 9 ~/snap/home/9\n"
			 "user common ~/snap/home/common\n");
	ck_assert_int_eq(catalog_add_home_snap(c, "..", "1", &err), 0);
	ck_assert_int_eq(catalog_add_home_snap(c, "good", "current", &err), 0);
	ck_assert_int_eq(catalog_add_home_snap(c, "good", "../1", &err), 0);
	ck_assert_int_eq(err.kind, ERR_NONE);
	ck_assert_uint_eq(catalog_count(c), 2);
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
	struct catalog_options options = options_for(&places);
	const struct catalog_app *app = NULL;
	enum packaging here = PACKAGING_SNAP;

	install_snap("firefox", "5", NULL, NULL);
	define("firefox", "\"trees\":[{\"name\":\"a\",\"scope\":\"user\","
			  "\"at\":{\"native\":\"~/.mozilla\"}}]");
	c = make(&options);
	ck_assert_fails(catalog_lookup(c, "firefox", NULL, NULL, &app, &err), &err,
			ERR_USAGE, "\"firefox\" is the name of more than one app");
	ck_assert_fails(catalog_lookup(c, "firefox", NULL, NULL, &app, &err), &err,
			ERR_USAGE, "say native:firefox or snap:firefox");
	ck_assert_ptr_null(app);
	ck_assert_int_eq(find(c, "native:firefox")->packaging, PACKAGING_NATIVE);
	ck_assert_int_eq(find(c, "snap:firefox")->packaging, PACKAGING_SNAP);
	ck_assert_fails(catalog_lookup(c, "flatpak:firefox", NULL, NULL, &app, &err),
			&err, ERR_NOT_FOUND, "there is no app \"flatpak:firefox\"");
	ck_assert_fails(catalog_lookup(c, "deb:firefox", NULL, NULL, &app, &err), &err,
			ERR_NOT_FOUND, "there is no app \"deb:firefox\"");
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
	struct catalog_options options = options_for(&places);
	const struct catalog_app *app = NULL;

	install_snap("bad", "5", NULL, NULL);
	define("bad", "\"trees\":[]");
	c = make(&options);
	ck_assert_uint_eq(catalog_count(c), 1);
	ck_assert_fails(catalog_lookup(c, "bad", NULL, NULL, &app, &err), &err,
			ERR_CORRUPT,
			"the definition of \"bad\" cannot be used: "
			"/etc/setaside/apps.d/bad.json:1: trees: names no tree");
	ck_assert_fails(catalog_lookup(c, "native:bad", NULL, NULL, &app, &err), &err,
			ERR_CORRUPT, "the definition of \"bad\" cannot be used");
	ck_assert_int_eq(find(c, "snap:bad")->packaging, PACKAGING_SNAP);
}
END_TEST

START_TEST(catalog_takes_the_definitions_that_are_shipped)
{
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct observer observer = support_events_observer(&events);
	struct places places;
	struct catalog_options options = options_for(&places);
	const char *top = getenv("abs_top_srcdir");
	char dir[4200];

	snprintf(dir, sizeof(dir), "%s/data/apps.d", top ? top : ".");
	/* The source need not be root's. */
	places.system = false;
	options.data_dir = dir;
	options.observer = &observer;
	install_flatpak("org.mozilla.Thunderbird", "128.5");
	c = make(&options);
	ck_assert_uint_ge(catalog_count(c), 13);
	ck_assert_str_eq(support_events_text(&events), "");
	ck_assert_str_eq(trees_of(find(c, "ssh"), &text),
			 "user common/ssh ~/.ssh agent/\n");
	ck_assert_str_eq(trees_of(find(c, "git"), &text),
			 "user common/config ~/.config/git\n"
			 "user common/credentials ~/.git-credentials\n"
			 "user common/gitconfig ~/.gitconfig\n");
	ck_assert_str_eq(trees_of(find(c, "nginx"), &text),
			 "system common/config /etc/nginx\n");
	ck_assert_str_eq(find(c, "org.mozilla.Thunderbird")->trees[0].path,
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
	/* What concerns one app alone is a warning: success is allowed, silence about an error
	 * is not. */
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
	struct catalog_options options = options_for(&places);
	uint64_t nth;

	install_deb("Package: x\nStatus: install ok installed\nVersion: 1\n");
	install_flatpak("org.a.A", "1");
	install_snap("aa", "1", "name: aa\nversion: 1\n", "exclude: [$SNAP_DATA/x]\n");
	support_file(support_dirfd(), "var/lib/snapd/state.json", 0600,
		     "{\"data\":{\"snaps\":{\"aa\":{\"sequence\":[{\"snap-id\":\"i\","
		     "\"revision\":\"1\"}]}},\"config\":{\"aa\":{\"b\":2}}}}");
	define("x", "\"match\":{\"deb\":[\"x\"],\"flatpak\":[\"org.b.B\"]}," TWO_TREES);
	define("y", "\"trees\":[]");
	support_file(support_dirfd(), APPS "x.json.d/z.json", 0644,
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
	tc = support_tcase(s, "snap");
	tcase_add_test(tc, catalog_gives_snaps);
	tcase_add_test(tc, catalog_asks_snapd_for_what_its_record_hides);
	tcase_add_test(tc, catalog_leaves_out_what_a_snap_leaves_out);
	tcase_add_test(tc, catalog_saves_snaps_whose_description_is_wrong);
	tcase_add_test(tc, catalog_does_not_believe_the_reader);
	tcase_add_test(tc, catalog_fails_with_its_reader);
	tcase_add_test(tc, catalog_adds_snaps_of_homes);
	tc = support_tcase(s, "names");
	tcase_add_test(tc, catalog_names_may_need_a_packaging);
	tcase_add_test(tc, catalog_refuses_apps_whose_definition_is_wrong);
	tc = support_tcase(s, "failures");
	tcase_add_test(tc, catalog_survives_every_failure);
	return s;
}
