/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/json_outcome.h"

#include <string.h>

#include "cli/json_inventory.h"
#include "cli/json_set.h"
#include "cli/show.h"
#include "tests/unit/support.h"

/* Literals as the structs want them; nothing here is freed. */
#define S(text) ((char[]){ text })
#define STRINGS(...)                                                                     \
 ((struct strings){ (char *[]){ __VA_ARGS__ },                                           \
		    sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *), 0 })

/* A hash of 96 digits. */
#define HASH24 "0123456789abcdef01234567"
#define HASH   HASH24 HASH24 HASH24 HASH24

static struct snapshot_tree trees[] = {
	{ .name = S("config"), .path = S("~/.config/git") },
	{ .name = S("file"),
	  .path = S("~/.gitconfig"),
	  .resolved = S("/data/git\nconfig"),
	  .is_file = true,
	  .exclude = (char *[]){ S("*.tmp"), S("cache/") },
	  .n_exclude = 2 },
};

static struct snapshot_skip skipped[] = {
	{ S("common/config/secret"), S("permission denied") },
};

static struct snapshot_skip changed[] = { { S("common/config/log"), NULL } };

static struct snapshot_archive archives[] = {
	{ .name = S("archive.tgz"), .sha3 = HASH },
	{ .name = S("user/alice.tgz"),
	  .sha3 = HASH,
	  .has_details = true,
	  .user = S("alice"),
	  .uid = 1000,
	  .gid = 1001,
	  .home = S("/home/alice"),
	  .bytes = 2048,
	  .allocated = 4096,
	  .entries = 3,
	  .trees = trees,
	  .n_trees = 2,
	  .skipped = skipped,
	  .n_skipped = 1,
	  .changed = changed,
	  .n_changed = 1 },
};

static struct snapshot metas[] = {
	{ .set = 3,
	  .time = { .sec = 1700000000, .offset = 60 },
	  .snap = S("git"),
	  .revision = S("x1"),
	  .summary = S("version control"),
	  .version = S("1:2.39.5"),
	  .size = 881923,
	  .archives = archives,
	  .n_archives = 2,
	  .has_own = true,
	  .packaging = S("native"),
	  .host = S("box"),
	  .taken = S("online") },
	{ .set = 3,
	  .snap = S(""),
	  .revision = S(""),
	  .summary = S(""),
	  .version = S("") },
};

static struct set_snapshot snapshots[] = {
	{ .file = S("3_git_1-2.39.5_x1.zip"), .meta = &metas[0] },
	{ .file = S("3_x.zip"), .meta = &metas[1], .broken = S("no metadata") },
};

static struct set set = {
	.id = 3,
	.name = S("before"),
	.origin = "saved",
	.automatic = true,
	.reason = S("upgrade"),
	.expires = 1702678400,
	.time = { .sec = 1700000000, .offset = 60 },
	.size = 881923,
	.content_hash = "00112233",
	.snapshots = snapshots,
	.n = 1,
};

#define GIT_JSON                                                                         \
 "{\"set\":3,\"time\":\"2023-11-14T23:13:20+01:00\",\"snap\":\"git\","                   \
 "\"revision\":\"x1\",\"epoch\":{\"read\":[0],\"write\":[0]},"                           \
 "\"summary\":\"version control\",\"version\":\"1:2.39.5\",\"sha3-384\":{"               \
 "\"archive.tgz\":\"" HASH "\",\"user/alice.tgz\":\"" HASH "\"},\"size\":881923,"        \
 "\"setaside\":"

/* ---- Sets ---- */

/* The answer of `saved`. */
static int write_saved(const struct set *sets, size_t n, struct buf *out, struct err *err)
{
	struct json_writer w = JSON_WRITER(out, err);

	json_set_saved_begin(&w);
	for (size_t i = 0; i < n; i++)
		json_set_write(&w, &sets[i]);
	return json_set_saved_end(&w);
}

START_TEST(a_set_has_the_keys_of_its_metadata)
{
	static const char head[] =
		"{\"version\":1,\"sets\":[{\"id\":3,\"name\":\"before\",\"note\":null,"
		"\"time\":\"2023-11-14T23:13:20+01:00\",\"size\":881923,\"auto\":true,"
		"\"content-hash\":\"00112233\",\"snapshots\":[" GIT_JSON;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	_cleanup_(json_freep) struct json *parsed = NULL;

	ck_assert_ok(write_saved(&set, 1, &out, &err), &err);
	ck_assert_int_eq(strncmp(out.data, head, strlen(head)), 0);
	ck_assert_ok(json_parse(out.data, out.len, NULL, &parsed, &err), &err);
	ck_assert_int_eq(out.data[out.len - 1], '\n');
	ck_assert_ptr_null(strstr(out.data, "broken"));
}

END_TEST

START_TEST(a_broken_snapshot_says_why)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct set broken = set;

	broken.content_hash[0] = '\0';
	broken.time = (struct stamp){ .sec = INT64_C(-62135596800) };
	broken.snapshots = &snapshots[1];
	ck_assert_ok(json_set_show(&broken, &out, &err), &err);
	ck_assert_ptr_nonnull(strstr(out.data, "{\"version\":1,\"set\":{\"id\":3,"));
	ck_assert_ptr_nonnull(strstr(out.data, "\"time\":null,"));
	ck_assert_ptr_nonnull(strstr(out.data, "\"content-hash\":null,"));
	ck_assert_ptr_nonnull(
		strstr(out.data, ",\"broken\":\"no metadata\"}],\"origin\":"));
	ck_assert_ptr_null(metas[1].broken);
}

END_TEST

START_TEST(no_sets_are_an_empty_list)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	ck_assert_ok(write_saved(NULL, 0, &out, &err), &err);
	ck_assert_str_eq(out.data, "{\"version\":1,\"sets\":[]}\n");
}

END_TEST

START_TEST(a_save_names_its_set_and_the_empty_apps)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct save_outcome o = { .has_set = true, .set = set };

	ck_assert_ok(json_set_save(&o, false, &out, &err), &err);
	ck_assert_ptr_nonnull(strstr(out.data, "{\"version\":1,\"set\":{\"id\":3,"));
	ck_assert_ptr_nonnull(strstr(out.data, "]},\"unchanged\":[],\"empty\":[]}\n"));
	buf_clear(&out);
	o = (struct save_outcome){ .empty = STRINGS(S("git"), S("a\377")) };
	ck_assert_ok(json_set_save(&o, false, &out, &err), &err);
	ck_assert_str_eq(out.data,
			 "{\"version\":1,\"set\":null,\"unchanged\":[],\"empty\":"
			 "[\"git\",{\"base64\":\"Yf8=\"}]}\n");
}

END_TEST

START_TEST(show_says_everything)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct set both = set;

	both.n = 2;
	ck_assert_ok(show_write(&both, &out, &err), &err);
	ck_assert_str_eq(out.data,
			 "Set           3\n"
			 "Name          before\n"
			 "Origin        saved\n"
			 "Time          2023-11-14T23:13:20+01:00\n"
			 "Automatic     yes\n"
			 "Reason        upgrade\n"
			 "Expires       2023-12-15T22:13:20Z\n"
			 "Size          882kB (881923 bytes)\n"
			 "Content hash  00112233\n"
			 "\n"
			 "git 1:2.39.5 (native, revision x1)\n"
			 "  Summary     version control\n"
			 "  File        3_git_1-2.39.5_x1.zip\n"
			 "  Time        2023-11-14T23:13:20+01:00\n"
			 "  Host        box\n"
			 "  Taken       online\n"
			 "  Size        882kB (881923 bytes)\n"
			 "  archive.tgz\n"
			 "    SHA3-384  " HASH "\n"
			 "  user/alice.tgz\n"
			 "    SHA3-384  " HASH "\n"
			 "    User      alice (1000:1001)\n"
			 "    Home      /home/alice\n"
			 "    Entries   3\n"
			 "    Data      2.05kB (2048 bytes)\n"
			 "    Needs     4.10kB (4096 bytes)\n"
			 "    Tree      config: ~/.config/git\n"
			 "    Tree      file: ~/.gitconfig, which lies at "
			 "/data/git\\nconfig (a file)\n"
			 "      without *.tmp\n"
			 "              cache/\n"
			 "    Left out  common/config/secret: permission denied\n"
			 "    Changed   common/config/log\n"
			 "\n"
			 "(unknown app) (revision unknown)\n"
			 "  Broken      no metadata\n"
			 "  File        3_x.zip\n"
			 "  Time        1970-01-01T00:00:00Z\n");
}

END_TEST

/* ---- What operations did ---- */

START_TEST(a_restore_lists_paths_and_who_was_left_out)
{
	struct restore_skip skips[] = {
		{ .app = S("git"),
		  .user = S("bob"),
		  .why = S("no such user here"),
		  .unknown = true },
		{ .app = S("ssh"), .why = S("x") },
	};
	struct restore_outcome o = {
		.id = 7,
		.set = 3,
		.apps = STRINGS(S("git")),
		.created = STRINGS(S("/home/a/.config/"), S("/home/a/.config/git")),
		.moved = STRINGS(S("/home/a/.gitconfig.~abcdefghi~")),
		.skipped = skips,
		.n_skipped = 2,
	};
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	ck_assert_ok(json_outcome_restore(&o, false, &out, &err), &err);
	ck_assert_str_eq(
		out.data,
		"{\"version\":1,\"restore\":{\"id\":7,\"set\":3,\"apps\":[\"git\"],"
		"\"created\":[\"/home/a/.config/\",\"/home/a/.config/git\"],"
		"\"moved\":[\"/home/a/.gitconfig.~abcdefghi~\"],"
		"\"skipped\":[{\"app\":\"git\",\"user\":\"bob\","
		"\"why\":\"no such user here\"},"
		"{\"app\":\"ssh\",\"user\":null,\"why\":\"x\"}]}}\n");
}

END_TEST

START_TEST(a_planned_restore_has_no_id)
{
	struct restore_outcome o = { .set = 3 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	ck_assert_ok(json_outcome_restore(&o, false, &out, &err), &err);
	ck_assert_str_eq(out.data,
			 "{\"version\":1,\"restore\":{\"id\":null,\"set\":3,\"apps\":[],"
			 "\"created\":[],\"moved\":[],\"skipped\":[]}}\n");
}

END_TEST

START_TEST(an_undo_names_what_it_undid_and_which_way_it_went)
{
	struct restore_outcome o = {
		.id = 9, .set = 3, .undid = 8, .redone = true, .apps = STRINGS(S("git"))
	};
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	ck_assert_ok(json_outcome_restore(&o, false, &out, &err), &err);
	ck_assert_str_eq(out.data, "{\"version\":1,\"restore\":{\"id\":9,\"set\":3,"
				   "\"apps\":[\"git\"],\"created\":[],\"moved\":[],"
				   "\"skipped\":[],\"undid\":8,\"redone\":true}}\n");
}

END_TEST

START_TEST(keep_and_forget_name_what_is_gone)
{
	struct keep_outcome keep = { .id = 7, .removed = STRINGS(S("/a"), S("/b")) };
	struct forget_outcome forget = { .set = 3, .apps = STRINGS(S("git")) };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	ck_assert_ok(json_outcome_keep(&keep, &out, &err), &err);
	ck_assert_ok(json_outcome_forget(&forget, false, &out, &err), &err);
	ck_assert_str_eq(
		out.data,
		"{\"version\":1,\"keep\":{\"id\":7,\"removed\":[\"/a\",\"/b\"]}}\n"
		"{\"version\":1,\"forget\":{\"set\":3,\"apps\":[\"git\"]}}\n");
}

END_TEST

START_TEST(a_check_judges_each_app)
{
	struct check_app apps[] = {
		{ .name = S("git"), .ok = true },
		{ .name = S("ssh"), .problems = STRINGS(S("archive.tgz: wrong hash")) },
	};
	struct check_outcome o = { .set = 3, .apps = apps, .n = 2 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	ck_assert_ok(json_outcome_check(&o, &out, &err), &err);
	ck_assert_str_eq(out.data, "{\"version\":1,\"check\":{\"set\":3,\"apps\":["
				   "{\"name\":\"git\",\"ok\":true,\"problems\":[]},"
				   "{\"name\":\"ssh\",\"ok\":false,\"problems\":"
				   "[\"archive.tgz: wrong hash\"]}]}}\n");
}

END_TEST

START_TEST(a_doctor_tells_repaired_from_left)
{
	struct recovery_item repaired[] = { { .object = S("set 3"),
					      .what = S("half saved, removed") } };
	struct recovery_item left[] = {
		{ .object = S("restore 7"), .what = S("pending") },
		{ .object = S("/x\xff"),
		  .what = S("unknown"),
		  .hint = S("look at it"),
		  .app = S("git"),
		  .user = S("alice"),
		  .size = 42 },
		{ .object = S("/y"), .what = S("unknown"), .app = S("svc"), .size = -1 },
	};
	struct recovery_report r = { repaired, left, 1, 3, NULL, 0 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	ck_assert_ok(json_outcome_doctor(&r, false, &out, &err), &err);
	ck_assert_str_eq(
		out.data,
		"{\"version\":1,\"doctor\":{\"repaired\":[{\"object\":\"set 3\","
		"\"what\":\"half saved, removed\"}],\"left\":[{\"object\":\"restore 7\","
		"\"what\":\"pending\"},{\"object\":{\"base64\":\"L3j/\"},"
		"\"what\":\"unknown\",\"hint\":\"look at it\",\"app\":\"git\","
		"\"user\":\"alice\",\"size\":42},{\"object\":\"/y\","
		"\"what\":\"unknown\",\"app\":\"svc\",\"user\":null,\"size\":null}]}}\n");
}

END_TEST

START_TEST(a_dry_run_of_doctor_says_so_and_what_is_busy)
{
	struct recovery_item busy[] = { { .object = S("set 4"),
					  .what = S("save is at it") } };
	struct recovery_report r = { NULL, NULL, 0, 0, busy, 1 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	ck_assert_ok(json_outcome_doctor(&r, true, &out, &err), &err);
	ck_assert_str_eq(out.data,
			 "{\"version\":1,\"doctor\":{\"dry-run\":true,\"repaired\":[],"
			 "\"left\":[],\"busy\":[{\"object\":\"set 4\","
			 "\"what\":\"save is at it\"}]}}\n");
}

END_TEST

/* ---- What is here ---- */

START_TEST(apps_and_estimates_say_how_much)
{
	struct inventory_archive parts[] = { { S("archive.tgz"), 1000 },
					     { S("user/alice.tgz"), 24 } };
	struct inventory_app app = {
		.name = S("git"),
		.version = S("1:2.39.5"),
		.revision = S("x1"),
		.summary = S("version control"),
		.packaging = "native",
		.users = STRINGS(S("alice")),
		.archives = parts,
		.n_archives = 2,
		.size = 1024,
	};
	struct inventory i = { .apps = &app, .n = 1, .size = 1024 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	ck_assert_ok(json_inventory_apps(&i, &out, &err), &err);
	ck_assert_str_eq(
		out.data,
		"{\"version\":1,\"apps\":[{\"name\":\"git\",\"packaging\":\"native\","
		"\"version\":\"1:2.39.5\",\"revision\":\"x1\",\"users\":[\"alice\"],"
		"\"size\":1024,\"summary\":\"version control\"}]}\n");
	buf_clear(&out);
	ck_assert_ok(json_inventory_estimate(&i, &out, &err), &err);
	ck_assert_str_eq(out.data,
			 "{\"version\":1,\"size\":1024,\"apps\":[{\"name\":\"git\","
			 "\"packaging\":\"native\",\"size\":1024,\"archives\":"
			 "{\"archive.tgz\":1000,\"user/alice.tgz\":24}}]}\n");
}

END_TEST

START_TEST(users_have_numbers_and_homes)
{
	struct user alice = { S("alice"), 1000, 1001, S("/home/alice") };
	struct user_list list = { &alice, 1 };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	ck_assert_ok(json_inventory_users(&list, &out, &err), &err);
	ck_assert_str_eq(out.data,
			 "{\"version\":1,\"users\":[{\"name\":\"alice\",\"uid\":1000,"
			 "\"gid\":1001,\"home\":\"/home/alice\"}]}\n");
}

END_TEST

START_TEST(an_answer_too_long_for_its_buffer_fails)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT_MAX(20);

	ck_assert_fails(write_saved(&set, 1, &out, &err), &err, ERR_NO_SPACE, "");
	ck_assert_fails(show_write(&set, &out, &err), &err, ERR_NO_SPACE, "");
}

END_TEST

Suite *suite_cli_json(void)
{
	Suite *s = suite_create("cli_json");
	TCase *tc = support_tcase(s, "sets");

	tcase_add_test(tc, a_set_has_the_keys_of_its_metadata);
	tcase_add_test(tc, a_broken_snapshot_says_why);
	tcase_add_test(tc, no_sets_are_an_empty_list);
	tcase_add_test(tc, a_save_names_its_set_and_the_empty_apps);
	tcase_add_test(tc, show_says_everything);
	tc = support_tcase(s, "operations");
	tcase_add_test(tc, a_restore_lists_paths_and_who_was_left_out);
	tcase_add_test(tc, a_planned_restore_has_no_id);
	tcase_add_test(tc, an_undo_names_what_it_undid_and_which_way_it_went);
	tcase_add_test(tc, keep_and_forget_name_what_is_gone);
	tcase_add_test(tc, a_check_judges_each_app);
	tcase_add_test(tc, a_doctor_tells_repaired_from_left);
	tcase_add_test(tc, a_dry_run_of_doctor_says_so_and_what_is_busy);
	tc = support_tcase(s, "inventory");
	tcase_add_test(tc, apps_and_estimates_say_how_much);
	tcase_add_test(tc, users_have_numbers_and_homes);
	tcase_add_test(tc, an_answer_too_long_for_its_buffer_fails);
	return s;
}
