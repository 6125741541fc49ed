/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/catalog.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/support.h"
#include "tests/unit/support_events.h"
#include "tests/unit/support_root.h"
#include "tests/unit/support_snapd.h"

START_TEST(catalog_gives_snaps)
{
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct places places;
	struct catalog_options options = support_catalog_options(&places);
	const struct catalog_app *app;

	support_install_snap(
		"hello_x", "42",
		"name: hello\nversion: 2.10\nsummary: Says hello\nepoch: 1*\n",
		"exclude:\n- $SNAP_DATA/cache\n- $SNAP_COMMON/t*p/x\n"
		"- $SNAP_USER_COMMON/cache\n- $SNAP_USER_DATA/.cache\n");
	support_install_snap("plain", "x3", NULL, NULL);
	support_file(
		support_dirfd(), "var/lib/snapd/state.json", 0600,
		"{\"data\":{\"snaps\":{\"hello_x\":{\"sequence\":[{\"snap-id\":\"theid\","
		"\"revision\":\"42\"}],\"current\":\"42\"}},"
		"\"config\":{\"hello_x\":{\"b\":2,\"a\":1}}}}");
	c = support_catalog(&options);
	ck_assert_uint_eq(catalog_count(c), 2);
	app = support_find_app(c, "hello_x");
	ck_assert_int_eq(app->packaging, PACKAGING_SNAP);
	ck_assert_str_eq(app->version, "2.10");
	ck_assert_str_eq(app->summary, "Says hello");
	ck_assert_str_eq(app->revision, "42");
	ck_assert_str_eq(app->snap_id, "theid");
	ck_assert_str_eq(app->conf, "{\"a\":1,\"b\":2}");
	ck_assert(app->installed);
	ck_assert_uint_eq(app->epoch.n_read, 2);
	ck_assert_uint_eq(app->epoch.write[0], 1);
	ck_assert_str_eq(support_app_trees(app, &text),
			 "system 42 /var/snap/hello_x/42 cache\n"
			 "system common /var/snap/hello_x/common t*p/x\n"
			 "user 42 ~/snap/hello_x/42 .cache\n"
			 "user common ~/snap/hello_x/common cache\n");
	app = support_find_app(c, "snap:plain");
	ck_assert_str_eq(app->version, "");
	ck_assert_ptr_null(app->snap_id);
	ck_assert_ptr_null(app->conf);
	ck_assert(!app->installed);
	ck_assert_uint_eq(app->epoch.n_read, 0);
	/* "common" comes before "x3" in an archive. */
	ck_assert_str_eq(support_app_trees(app, &text),
			 "system common /var/snap/plain/common\n"
			 "system x3 /var/snap/plain/x3\n"
			 "user common ~/snap/plain/common\n"
			 "user x3 ~/snap/plain/x3\n");
}

END_TEST

/* A catalog that asks a snapd which answers so. */
static struct catalog *catalog_with_snapd(const struct catalog_options *options,
					  const char *answer,
					  struct support_events *events)
{
	for (int i = 1;; i++) {
		pid_t pid = support_snapd_start(answer, strlen(answer));
		struct catalog *c;
		int status;
		bool late;

		buf_clear(&events->text);
		c = support_catalog(options);
		late = support_snapd_was_late(support_events_text(events));
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(late || status == 0);
		ck_assert_int_eq(unlinkat(support_dirfd(), "snapd", 0), 0);
		if (!late || i == SUPPORT_SNAPD_TRIES)
			return c;
		catalog_free(c);
	}
}

START_TEST(catalog_asks_snapd_for_what_its_record_hides)
{
	static const char answer[] =
		"HTTP/1.0 200 OK\r\n\r\n{\"result\":[{\"id\":\"theid\",\"name\":"
		"\"hello\","
		"\"revision\":\"7\"}]}";
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	struct observer observer = support_events_observer(&events);
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	_cleanup_(catalog_freep) struct catalog *d = NULL;
	struct places places;
	struct catalog_options options = support_catalog_options(&places);

	if (!support_become_user())
		return;
	support_install_snap("hello", "7", NULL, NULL);
	support_file(support_dirfd(), "var/lib/snapd/state.json", 0, "{}");
	options.snapd_socket = support_snapd_path();
	options.observer = &observer;
	c = catalog_with_snapd(&options, answer, &events);
	ck_assert_str_eq(support_find_app(c, "hello")->snap_id, "theid");
	d = catalog_with_snapd(&options, "rubbish", &events);
	ck_assert_ptr_null(support_find_app(d, "hello")->snap_id);
	ck_assert_ptr_nonnull(
		strstr(support_events_text(&events), "ids of snaps are not known: "));
}

END_TEST

START_TEST(catalog_leaves_out_what_a_snap_leaves_out)
{
	_cleanup_(catalog_freep) struct catalog *c = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct places places;
	struct catalog_options options = support_catalog_options(&places);

	support_install_snap(
		"part", "1", "name: part\n",
		"exclude: [$SNAP_DATA, $SNAP_USER_COMMON, $SNAP_COMMON/a]\n");
	support_install_snap("nothing", "1", "name: nothing\n",
			     "exclude: [$SNAP_DATA, $SNAP_COMMON, $SNAP_USER_DATA, "
			     "$SNAP_USER_COMMON]\n");
	c = support_catalog(&options);
	ck_assert_uint_eq(catalog_count(c), 1);
	ck_assert_str_eq(support_app_trees(support_find_app(c, "part"), &text),
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
	struct catalog_options options = support_catalog_options(&places);

	support_install_snap("aa", "1", "name: [\n", NULL);
	support_install_snap("bb", "1", "version: 3\n", "exclude: 7\n");
	support_mkdir(support_dirfd(), "var/snap/cc/1", 0755);
	support_symlink(support_dirfd(), "var/snap/cc/current", "1");
	support_mkdir(support_dirfd(), "snap/cc/1/meta", 0755);
	support_symlink(support_dirfd(), "snap/cc/1/meta/snap.yaml", "/etc/shadow");
	support_file(support_dirfd(), "var/lib/snapd/state.json", 0600, "{");
	options.observer = &observer;
	c = support_catalog(&options);
	ck_assert_uint_eq(catalog_count(c), 3);
	ck_assert_str_eq(support_find_app(c, "aa")->version, "");
	/* The excludes are wrong, the rest is not. */
	ck_assert_str_eq(support_find_app(c, "bb")->version, "3");
	ck_assert_uint_eq(support_find_app(c, "bb")->n_trees, 4);
	ck_assert_ptr_nonnull(strstr(support_events_text(&events),
				     "ids and configuration of snaps are not known: "
				     "\"/var/lib/snapd/state.json\": "));
	ck_assert_ptr_nonnull(strstr(support_events_text(&events),
				     "\naa: version and epoch of the snap are not known: "
				     "line "));
	ck_assert_ptr_nonnull(
		strstr(support_events_text(&events),
		       "\nbb: excludes of the snap are not known: line 1: exclude is no "
		       "list\n"));
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
	struct catalog_options options = support_catalog_options(&places);

	support_install_snap("aa", "1", "name: aa\n", "exclude: []\n");
	options.observer = &observer;
	options.read_snap_meta = lie;
	c = support_catalog(&options);
	ck_assert_uint_eq(support_find_app(c, "aa")->epoch.n_read, 0);
	ck_assert_ptr_nonnull(
		strstr(support_events_text(&events),
		       "aa: version and epoch of the snap are not known: "));
	ck_assert_uint_eq(support_find_app(c, "aa")->trees[0].exclude.n, 1);
	ck_assert_str_eq(support_find_app(c, "aa")->trees[0].exclude.items[0], "good");
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
	struct catalog_options options = support_catalog_options(&places);
	struct catalog *c = NULL;

	support_install_snap("aa", "1", "name: aa\n", NULL);
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
	struct catalog_options options = support_catalog_options(&places);
	unsigned calls = 0;

	support_install_snap("known", "5", NULL, NULL);
	support_file(support_dirfd(), "snap/home/9/meta/snap.yaml", 0644,
		     "version: nine\n");
	options.read_ctx = &calls;
	c = support_catalog(&options);
	ck_assert_uint_eq(calls, 0);
	ck_assert_int_eq(catalog_add_home_snap(c, "known", "6", &err), 0);
	ck_assert_str_eq(support_find_app(c, "known")->revision, "5");
	ck_assert_int_eq(catalog_add_home_snap(c, "home", "8", &err), 1);
	ck_assert_str_eq(support_find_app(c, "home")->version, "");
	ck_assert_int_eq(catalog_add_home_snap(c, "home", "9", &err), 1);
	ck_assert_int_eq(catalog_add_home_snap(c, "home", "7", &err), 0);
	ck_assert_int_eq(catalog_add_home_snap(c, "home", "9", &err), 0);
	ck_assert_uint_eq(calls, 1);
	ck_assert_str_eq(support_find_app(c, "home")->version, "nine");
	ck_assert(support_find_app(c, "home")->home_only &&
		  support_find_app(c, "home")->installed);
	ck_assert_str_eq(support_app_trees(support_find_app(c, "home"), &text),
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

Suite *suite_catalog_snap(void)
{
	Suite *s = suite_create("catalog_snap");
	TCase *tc = support_tcase(s, "snap");

	if (!support_need_openat2())
		return s;
	tcase_add_test(tc, catalog_gives_snaps);
	tcase_add_test(tc, catalog_asks_snapd_for_what_its_record_hides);
	tcase_add_test(tc, catalog_leaves_out_what_a_snap_leaves_out);
	tcase_add_test(tc, catalog_saves_snaps_whose_description_is_wrong);
	tcase_add_test(tc, catalog_does_not_believe_the_reader);
	tcase_add_test(tc, catalog_fails_with_its_reader);
	tcase_add_test(tc, catalog_adds_snaps_of_homes);
	return s;
}
