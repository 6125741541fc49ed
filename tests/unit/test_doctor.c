/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each kind of mess that may be met: a dry run names what doctor then does, and changes
 * nothing; doctor does it, and finds nothing the second time.
 */

#include "state/operation/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/fd.h"
#include "state/db.h"
#include "state/locks.h"
#include "state/operation/restore.h"
#include "state/operation/save.h"
#include "tests/unit/support.h"
#include "tests/unit/support_world.h"

#define ASIDE "r/home/me/.one.~abcdefghi~"
#define PAGE  4096

/* ---- What there is ---- */

static struct buf listed;

/* nftw: a line that changes with any byte of the file, and with
 * whatever is done to it. */
static int list_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	(void)type;
	(void)ftw;
	ck_assert_ok(buf_printf(&listed, &err, "%s %o %llu %lld %lld.%09ld %lld.%09ld\n",
				path, st->st_mode, (unsigned long long)st->st_ino,
				(long long)st->st_size, (long long)st->st_mtim.tv_sec,
				st->st_mtim.tv_nsec, (long long)st->st_ctim.tv_sec,
				st->st_ctim.tv_nsec),
		     &err);
	return 0;
}

/* All that lies below a directory of the test's. */
static char *list_tree(const char *name)
{
	char *text;

	listed = (struct buf)BUF_INIT;
	ck_assert_int_eq(nftw(support_path(name), list_one, 8, FTW_PHYS), 0);
	text = strdup(listed.data);
	buf_done(&listed);
	return text;
}

/* The first line that is another. */
static void check_same(const char *before, const char *after)
{
	size_t line = 0, i = 0;

	for (; before[i] == after[i] && before[i]; i++)
		line = before[i] == '\n' ? i + 1 : line;
	ck_assert_msg(before[i] == after[i], "was %.*s, is %.*s",
		      (int)strcspn(before + line, "\n"), before + line,
		      (int)strcspn(after + line, "\n"), after + line);
}

/* ---- Messes ---- */

/* Where they are made. */
static struct support_world *world;

/* The database of the store, as another process would have it. */
static struct db *open_db(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_close_ int fd =
		openat(support_dirfd(), "store", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct db *db = NULL;

	ck_assert_ok(db_open(fd, "STORE", DB_WRITE, &db, &err), &err);
	return db;
}

static void put_in_store(const char *name, const char *content)
{
	char path[128];

	snprintf(path, sizeof(path), "store/snapshots/%s", name);
	support_file(support_dirfd(), path, 0600, content);
}

/* A set that never became complete. */
static void leave_set(enum db_set_state state)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(db_closep) struct db *db = open_db();
	_cleanup_(db_set_done) struct db_set set;

	db_set_init(&set);
	set.id = 2;
	set.state = state;
	ck_assert_ok(
		db_set_add_file(&set, "2_one_1_x1.zip", "one", DB_FILE_PLANNED, &err),
		&err);
	ck_assert_ok(db_set_insert(db, &set, &err), &err);
	put_in_store("2_importing", "");
	put_in_store("2_one_1_x1.zip", "half a zip");
}

static void half_saved(void)
{
	leave_set(DB_SET_SAVING);
}

static void half_imported(void)
{
	leave_set(DB_SET_IMPORTING);
}

static void stale_marker(void)
{
	put_in_store("1_importing", "");
}

static void marker_alone(void)
{
	put_in_store("7_importing", "");
	put_in_store("7_one_1_x1.zip", "half a zip");
}

static void temp_file(void)
{
	put_in_store(".2_one_1_x1.zip.tmp.abcdefghi", "half a zip");
}

static void forgetting(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(db_closep) struct db *db = open_db();

	ck_assert_ok(db_set_forget(db, 1, NULL, 0, &err), &err);
}

static uint64_t inode(const char *path)
{
	struct stat st;

	ck_assert_int_eq(fstatat(support_dirfd(), path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_ino;
}

/* A restore of app "one" (or its undo) that came to this state, with a tree
 * under the aside name. */
static void leave_restore_of(uint64_t set, enum db_restore_kind kind,
			     enum journal_state state, int64_t expires)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(db_closep) struct db *db = open_db();
	struct journal_item item = { .kind = JOURNAL_SWAP,
				     .app = (char[]){ "one" },
				     .user = (char[]){ "tester" },
				     .tree = (char[]){ "common/data" },
				     .parent = (char[]){ "/home/me" },
				     .name = (char[]){ ".one" },
				     .aside = (char[]){ ".one.~abcdefghi~" },
				     .uid = geteuid(),
				     .gid = getegid() };
	struct db_restore r;
	struct db_journal j;
	uint64_t id;

	support_file(support_dirfd(), ASIDE "/data", 0600, "another");
	item.parent_ino = inode("r/home/me");
	item.old_ino = inode("r/home/me/.one");
	item.new_ino = inode(ASIDE);
	db_restore_init(&r);
	r.kind = kind;
	r.set = set;
	r.apps = (char[]){ "one" };
	r.root = realpath(support_path("r"), NULL);
	r.expires = expires;
	ck_assert_ok(db_restore_insert(db, &r, &id, &err), &err);
	free(r.root);
	db_journal_init(&j, db, id);
	ck_assert_ok(j.journal.put(&j, &item, 1, state, &err), &err);
}

static void leave_restore(enum db_restore_kind kind, enum journal_state state,
			  int64_t expires)
{
	leave_restore_of(1, kind, state, expires);
}

static void preparing(void)
{
	leave_restore(DB_RESTORE, JOURNAL_PREPARING, 0);
}

static void swapping(void)
{
	leave_restore(DB_RESTORE, JOURNAL_SWAPPING, 0);
}

static void swapping_what_was_replaced(void)
{
	leave_restore(DB_RESTORE, JOURNAL_SWAPPING, 0);
	ck_assert_int_eq(renameat(support_dirfd(), "r/home/me/.one", support_dirfd(),
				  "r/home/me/elsewhere"),
			 0);
	support_world_put("one", "newer", 5);
}

static void linking(void)
{
	leave_restore(DB_UNDO, JOURNAL_LINKING, 0);
	/* Of the restore that was to be undone it is known, too. */
	leave_restore(DB_RESTORE, JOURNAL_RESTORED, 1);
}

static void cleaning(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(db_closep) struct db *db = open_db();

	leave_restore(DB_RESTORE, JOURNAL_RESTORED, 0);
	ck_assert_ok(db_restore_clean(db, 1, true, &err), &err);
}

static void expired(void)
{
	leave_restore(DB_RESTORE, JOURNAL_RESTORED, 1);
}

/* An automatic set of two apps, number 2, whose time is over. */
static void expired_set(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(db_closep) struct db *db = NULL;
	struct save_request q = { .automatic = true };
	struct save_outcome o;
	struct session *s = support_world_open(world, "store");

	ck_assert_ok(setaside_save(s, &q, &o, &err), &err);
	ck_assert_uint_eq(o.set.id, 2);
	save_outcome_done(&o);
	session_close(s);
	db = open_db();
	ck_assert_ok(db_set_expire(db, 2, 1, &err), &err);
}

/* Its restore was to be made final: then nothing holds it any more. */
static void expired_set_and_cleaning(void)
{
	expired_set();
	leave_restore_of(2, DB_RESTORE, JOURNAL_CLEANING, 0);
}

static void expired_set_of_a_restore_that_is_too_late(void)
{
	expired_set();
	leave_restore_of(2, DB_RESTORE, JOURNAL_SWAPPING, 1);
}

static void expired_set_of_which_a_restore_can_be_undone(void)
{
	expired_set();
	leave_restore_of(2, DB_RESTORE, JOURNAL_SWAPPING, 0);
}

static void expired_set_without_a_zip(void)
{
	expired_set();
	ck_assert_int_eq(unlinkat(support_dirfd(), "store/snapshots/2_two_0_x1.zip", 0),
			 0);
}

/* A file of set 1 under its path, which stays valid until the next call. */
static const char *snapshot_of_one(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(strings_done) struct strings names = STRINGS_INIT;
	_cleanup_close_ int dir = openat(support_dirfd(), "store/snapshots",
					 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	static char path[128];

	ck_assert_ok(fd_list_dir(dir, 100, &names, &err), &err);
	for (size_t i = 0; i < names.n; i++)
		if (strncmp(names.items[i], "1_one_", 6) == 0)
			snprintf(path, sizeof(path), "store/snapshots/%s",
				 names.items[i]);
	return path;
}

/* Another number for a file of set 1. */
static void unknown_zip(void)
{
	_cleanup_free_ char *bytes = NULL;
	size_t n;

	bytes = support_read(support_dirfd(), snapshot_of_one(), &n);
	support_file_n(support_dirfd(), "store/snapshots/7_one_1_x1.zip", 0600, bytes, n);
}

static void record_without_zip(void)
{
	ck_assert_int_eq(unlinkat(support_dirfd(), snapshot_of_one(), 0), 0);
}

static void lost_number(void)
{
	ck_assert_int_eq(unlinkat(support_dirfd(), "store/snapshots/.last-set", 0), 0);
}

static void damaged_number(void)
{
	put_in_store(".last-set", "many\n");
}

static void lost_database(void)
{
	ck_assert_int_eq(unlinkat(support_dirfd(), "store/state.db", 0), 0);
}

static void damaged_database(void)
{
	support_file(support_dirfd(), "store/state.db", 0600,
		     "no database, whatever it is called");
}

/* A page that opening it does not look at. */
static void database_damaged_in_the_depth(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct db *db = open_db();
	char page[PAGE];
	struct stat st;
	int fd;

	ck_assert_ok(db_begin(db, &err), &err);
	for (uint64_t id = 100; id < 600; id++) {
		struct db_set set;

		db_set_init(&set);
		set.id = id;
		set.state = DB_SET_COMPLETE;
		ck_assert_ok(db_set_insert(db, &set, &err), &err);
	}
	ck_assert_ok(db_commit(db, &err), &err);
	db_close(db);
	memset(page, 0xa5, sizeof(page));
	fd = openat(support_dirfd(), "store/state.db", O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(pwrite(fd, page, PAGE, st.st_size - PAGE), PAGE);
	close(fd);
}

/* What was to be completed has its time behind it already. */
static void swapping_too_late(void)
{
	leave_restore(DB_RESTORE, JOURNAL_SWAPPING, 1);
}

/* Of a set that is to lose an app, the other one is gone as well. */
static void forgetting_a_part_of_what_is_lost(void)
{
	static const char *const names[] = { "2_one_1_x1.zip" };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(db_closep) struct db *db = open_db();
	_cleanup_(db_set_done) struct db_set set;

	db_set_init(&set);
	set.id = 2;
	set.state = DB_SET_COMPLETE;
	ck_assert_ok(db_set_add_file(&set, names[0], "one", DB_FILE_PRESENT, &err), &err);
	ck_assert_ok(
		db_set_add_file(&set, "2_two_1_x1.zip", "two", DB_FILE_PRESENT, &err),
		&err);
	ck_assert_ok(db_set_insert(db, &set, &err), &err);
	ck_assert_ok(db_set_forget(db, 2, names, 1, &err), &err);
}

static void lost_store(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(db_closep) struct db *db = open_db();
	_cleanup_(db_set_done) struct db_set set;
	bool gone;

	db_set_init(&set);
	ck_assert_ok(db_set_get(db, 1, &set, &err), &err);
	for (size_t i = 0; i < set.n_files; i++) {
		char path[160];

		snprintf(path, sizeof(path), "store/snapshots/%s", set.files[i].name);
		ck_assert_int_eq(unlinkat(support_dirfd(), path, 0), 0);
	}
	/* One of the two is enough to be missed. */
	ck_assert_ok(
		db_set_forget(db, 1, (const char *const *)&set.files[0].name, 1, &err),
		&err);
	ck_assert_ok(db_set_forgotten(db, 1, &gone, &err), &err);
	lost_number();
	ck_assert_int_eq(unlinkat(support_dirfd(), "store/snapshots", AT_REMOVEDIR), 0);
}

static void unknown_aside(void)
{
	support_file(support_dirfd(), ASIDE "/data", 0600, "another");
}

static void nothing(void)
{
}

struct said {
	const char *object, *did, *would;
};

#define REMOVED                                                                          \
 {                                                                                       \
  "set 2", "was not complete and was removed", "is not complete and would be removed"    \
 }
#define FOUND(set)                                                                       \
 {                                                                                       \
  set, "was found in the store", "would be taken in: it was found in the store"          \
 }
#define REBUILT                                                                          \
 {                                                                                       \
  "state.db", "was damaged, and was put aside and rebuilt from the snapshots",           \
	  "is damaged, and would be put aside and rebuilt from the snapshots"            \
 }

#define SET_EXPIRED                                                                      \
 {                                                                                       \
  "set 2", "its time had come, and it was removed",                                      \
	  "its time has come, and it would be removed"                                   \
 }

static const struct mess {
	const char *name;
	void (*make)(void);
	struct said repaired[3];
	const char *left; /* the end of an object */
} messes[] = {
	{ "nothing", nothing, { { NULL, NULL, NULL } }, NULL },
	/* A set that was being made has its number from before the crash. */
	{ "half saved",
	  half_saved,
	  { REMOVED, { ".last-set", "was written again", "would be written again" } },
	  NULL },
	{ "half imported",
	  half_imported,
	  { REMOVED, { ".last-set", "was written again", "would be written again" } },
	  NULL },
	{ "marker",
	  stale_marker,
	  { { "set 1", "a stale marker was removed",
	      "a stale marker would be removed" } },
	  NULL },
	{ "marker alone",
	  marker_alone,
	  { { "set 7", "was not complete and was removed",
	      "is not complete and would be removed" } },
	  NULL },
	{ "temp file",
	  temp_file,
	  { { ".2_one_1_x1.zip.tmp.abcdefghi", "a temporary file was removed",
	      "a temporary file would be removed" } },
	  NULL },
	{ "forgetting",
	  forgetting,
	  { { "set 1", "the rest of it was removed",
	      "the rest of it would be removed" } },
	  NULL },
	{ "preparing",
	  preparing,
	  { { "restore 1", "had changed nothing yet and was dropped",
	      "has changed nothing yet and would be dropped" } },
	  NULL },
	{ "swapping",
	  swapping,
	  { { "restore 1", "was interrupted and was completed",
	      "was interrupted and would be completed" } },
	  NULL },
	{ "swapping what was replaced",
	  swapping_what_was_replaced,
	  { { "restore 1", "was interrupted and was put back",
	      "was interrupted and would be put back" } },
	  NULL },
	{ "cleaning",
	  cleaning,
	  { { "restore 1", "the rest of what it had moved aside was removed",
	      "the rest of what it moved aside would be removed" } },
	  NULL },
	{ "linking",
	  linking,
	  { { "undo 1", "had changed nothing yet and was dropped",
	      "has changed nothing yet and would be dropped" },
	    { "restore 2", "its time had come, and what it had moved aside was removed",
	      "its time has come, and what it moved aside would be removed" } },
	  NULL },
	{ "expired",
	  expired,
	  { { "restore 1", "its time had come, and what it had moved aside was removed",
	      "its time has come, and what it moved aside would be removed" } },
	  NULL },
	{ "expired set", expired_set, { SET_EXPIRED }, NULL },
	{ "expired set, and cleaning",
	  expired_set_and_cleaning,
	  { { "restore 1", "the rest of what it had moved aside was removed",
	      "the rest of what it moved aside would be removed" },
	    SET_EXPIRED },
	  NULL },
	{ "expired set, restored too late",
	  expired_set_of_a_restore_that_is_too_late,
	  { { "restore 1", "was interrupted and was completed",
	      "was interrupted and would be completed" },
	    { "restore 1", "its time had come, and what it had moved aside was removed",
	      "its time has come, and what it moved aside would be removed" },
	    SET_EXPIRED },
	  NULL },
	{ "expired set, of which a restore can be undone",
	  expired_set_of_which_a_restore_can_be_undone,
	  { { "restore 1", "was interrupted and was completed",
	      "was interrupted and would be completed" } },
	  NULL },
	{ "expired set without a zip",
	  expired_set_without_a_zip,
	  { { NULL, NULL, NULL } },
	  "set 2" },
	{ "swapping too late",
	  swapping_too_late,
	  { { "restore 1", "was interrupted and was completed",
	      "was interrupted and would be completed" },
	    { "restore 1", "its time had come, and what it had moved aside was removed",
	      "its time has come, and what it moved aside would be removed" } },
	  NULL },
	{ "forgetting a part of what is lost",
	  forgetting_a_part_of_what_is_lost,
	  { { "set 2", "the rest of it was removed", "the rest of it would be removed" },
	    { ".last-set", "was written again", "would be written again" } },
	  "set 2" },
	{ "lost store",
	  lost_store,
	  { { ".last-set", "was written again", "would be written again" } },
	  "set 1" },
	{ "unknown zip", unknown_zip, { FOUND("set 7") }, NULL },
	{ "record without zip", record_without_zip, { { NULL, NULL, NULL } }, "set 1" },
	{ "lost number",
	  lost_number,
	  { { ".last-set", "was written again", "would be written again" } },
	  NULL },
	{ "damaged number",
	  damaged_number,
	  { { ".last-set", "was written again", "would be written again" } },
	  NULL },
	{ "lost database", lost_database, { FOUND("set 1") }, NULL },
	{ "damaged database", damaged_database, { REBUILT, FOUND("set 1") }, NULL },
	{ "database damaged in the depth",
	  database_damaged_in_the_depth,
	  { REBUILT, FOUND("set 1") },
	  NULL },
	{ "unknown tree aside",
	  unknown_aside,
	  { { NULL, NULL, NULL } },
	  "/.one.~abcdefghi~" },
};

#define N_MESSES ((int)(sizeof(messes) / sizeof(messes[0])))

/* ---- Doctor ---- */

static struct recovery_report examine(struct support_world *w, enum session_access access)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(session_closep) struct session *s =
		support_world_open_as(w, "store", access);
	struct recovery_report report;

	ck_assert_ok(setaside_doctor(s, &report, &err), &err);
	return report;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), k = strlen(end);

	return n >= k && strcmp(text + n - k, end) == 0;
}

/* That the report is what the mess calls for. */
static void check_report(const struct recovery_report *r, const struct mess *m, bool dry)
{
	size_t n = 0;

	while (n < 3 && m->repaired[n].object)
		n++;
	for (size_t i = 0; i < r->n_repaired || i < n; i++) {
		const struct said *s = &m->repaired[i];

		ck_assert_msg(i < r->n_repaired, "%s: nothing is said of %s", m->name,
			      s->object);
		ck_assert_msg(i < n, "%s: %s: %s", m->name, r->repaired[i].object,
			      r->repaired[i].what);
		ck_assert_str_eq(r->repaired[i].object, s->object);
		ck_assert_str_eq(r->repaired[i].what, dry ? s->would : s->did);
	}
	ck_assert_msg(r->n_left == (m->left != NULL), "%s: %zu left, %s", m->name,
		      r->n_left, r->n_left ? r->left[0].what : "");
	if (m->left)
		ck_assert(ends_with(r->left[0].object, m->left));
	ck_assert_uint_eq(r->n_busy, 0);
}

/* The world with set 1, and the mess in it. */
static bool make_mess(struct support_world *w, const struct mess *m)
{
	struct session *s;

	if (!support_world_make(w))
		return false;
	s = support_world_open(w, "store");
	ck_assert_uint_eq(support_world_save(s, NULL), 1);
	session_close(s);
	world = w;
	m->make();
	return true;
}

/* Doctor without a change. */
static void look(struct support_world *w, const struct mess *m)
{
	_cleanup_free_ char *before = list_tree("."), *after = NULL;
	struct recovery_report report = examine(w, SESSION_LOOK);

	after = list_tree(".");
	check_report(&report, m, true);
	recovery_report_done(&report);
	check_same(before, after);
}

START_TEST(dry_run_names_what_doctor_then_does_and_changes_nothing)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	const struct mess *m = &messes[_i];
	struct mess done = { m->name, NULL, { { NULL, NULL, NULL } }, m->left };
	_cleanup_free_ char *snapshots = NULL, *root = NULL, *later = NULL,
			    *root_later = NULL;
	struct recovery_report report;

	if (!make_mess(&w, m))
		return;
	look(&w, m);
	report = examine(&w, SESSION_DOCTOR);
	check_report(&report, m, false);
	recovery_report_done(&report);
	look(&w, &done);
	snapshots = list_tree("store/snapshots");
	root = list_tree("r");
	report = examine(&w, SESSION_DOCTOR);
	check_report(&report, &done, false);
	recovery_report_done(&report);
	later = list_tree("store/snapshots");
	root_later = list_tree("r");
	check_same(snapshots, later);
	check_same(root, root_later);
}

END_TEST

START_TEST(dry_run_looks_at_what_is_in_the_log_alone)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	struct db *db;
	struct stat st;

	if (!make_mess(&w, &messes[0]))
		return;
	/* Whoever is killed leaves his log; as long as he lives it is there as well. */
	db = open_db();
	half_saved();
	ck_assert_int_eq(fstatat(support_dirfd(), "store/state.db-wal", &st, 0), 0);
	ck_assert_int_gt(st.st_size, 0);
	look(&w, &messes[1]);
	ck_assert_ok(db_set_delete(db, 2, &err), &err);
	db_close(db);
}

END_TEST

START_TEST(dry_run_says_what_is_busy_and_takes_nobody_for_dead)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(locks_closep) struct locks *locks = NULL;
	_cleanup_close_ int fd = -1, alive = -1;
	const struct lock_wait now = { 0, NULL };
	struct recovery_report report;

	if (!make_mess(&w, &messes[1]))
		return;
	swapping();
	temp_file();
	fd = openat(support_dirfd(), "store", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_ok(locks_open(fd, "STORE", 0, &locks, &err), &err);
	ck_assert_ok(locks_take(locks, LOCK_KEY_SET(2), LOCK_EXCLUSIVE, &now, &err),
		     &err);
	ck_assert_ok(locks_take(locks, LOCK_KEY_APP("one"), LOCK_EXCLUSIVE, &now, &err),
		     &err);
	report = examine(&w, SESSION_LOOK);
	ck_assert_uint_eq(report.n_busy, 2);
	ck_assert_str_eq(report.busy[0].object, "set 2");
	ck_assert_ptr_nonnull(strstr(report.busy[0].what, "set 2 is busy"));
	ck_assert_str_eq(report.busy[1].object, "restore 1");
	ck_assert_ptr_nonnull(strstr(report.busy[1].what, "app \"one\" is busy"));
	/* The number is right whoever lives; the temporary file may be theirs. */
	ck_assert_uint_eq(report.n_repaired, 1);
	ck_assert_uint_eq(report.n_left, 0);
	recovery_report_done(&report);
	/* Of the restore nothing but a worker lives. */
	locks_drop(locks, LOCK_KEY_APP("one"));
	alive = locks_alive_fd(locks, LOCK_KEY_ALIVE_RESTORE(1), &err);
	ck_assert_int_ge(alive, 0);
	report = examine(&w, SESSION_LOOK);
	ck_assert_uint_eq(report.n_busy, 2);
	ck_assert_str_eq(report.busy[1].object, "restore 1");
	ck_assert_str_eq(report.busy[1].what, "its workers have not ended yet");
	recovery_report_done(&report);
}

END_TEST

START_TEST(dry_run_works_on_a_read_only_file_system)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	struct recovery_report report;
	const char *store;

	if (!support_need_root())
		return;
	if (!make_mess(&w, &messes[1]))
		return;
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0) {
		support_skip("nothing can be mounted here");
		return;
	}
	store = support_path("store");
	ck_assert_int_eq(mount(store, store, NULL, MS_BIND, NULL), 0);
	ck_assert_int_eq(mount(NULL, store, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL),
			 0);
	report = examine(&w, SESSION_LOOK);
	check_report(&report, &messes[1], true);
	recovery_report_done(&report);
	ck_assert_int_eq(umount(support_path("store")), 0);
}

END_TEST

/* The database was put aside while a set was being made: its maker goes on,
 * and has temporary files. */
START_TEST(what_is_made_without_a_row_is_left_alone)
{
	static const enum session_access both[] = { SESSION_LOOK, SESSION_DOCTOR };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_(locks_closep) struct locks *locks = NULL;
	_cleanup_close_ int fd = -1;
	const struct lock_wait now = { 0, NULL };

	if (!make_mess(&w, &messes[0]))
		return;
	marker_alone();
	temp_file();
	fd = openat(support_dirfd(), "store", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_ok(locks_open(fd, "STORE", 0, &locks, &err), &err);
	ck_assert_ok(locks_take(locks, LOCK_KEY_SET(7), LOCK_EXCLUSIVE, &now, &err),
		     &err);
	for (size_t i = 0; i < 2; i++) {
		struct recovery_report report = examine(&w, both[i]);

		ck_assert_uint_eq(report.n_busy, 1);
		ck_assert_str_eq(report.busy[0].object, "set 7");
		ck_assert_uint_eq(report.n_repaired, 0);
		ck_assert_uint_eq(report.n_left, 0);
		recovery_report_done(&report);
	}
	ck_assert(support_exists(support_dirfd(),
				 "store/snapshots/.2_one_1_x1.zip.tmp.abcdefghi"));
}

END_TEST

START_TEST(dry_run_fails_where_doctor_does)
{
	static const enum session_access both[] = { SESSION_LOOK, SESSION_DOCTOR };
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	struct session *s = NULL;

	if (!make_mess(&w, &messes[0]))
		return;
	ck_assert_int_eq(unlinkat(support_dirfd(), "store/lock", 0), 0);
	ck_assert_int_eq(mkdirat(support_dirfd(), "store/lock", 0700), 0);
	for (size_t i = 0; i < 2; i++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;

		ck_assert_fails(support_world_try_open_as(&w, "store", both[i], &s, &err),
				&err, ERR_CORRUPT, "lock");
	}
}

END_TEST

/* The log of a crash, of which the last page did not come to the disk, as each of both
 * ways to read it has it. */
START_TEST(log_cut_short_is_looked_at_as_a_writer_reads_it)
{
	static const enum db_mode modes[] = { DB_LOOK, DB_WRITE };
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;
	_cleanup_free_ char *main_file = NULL, *log = NULL;
	size_t n_main, n_log, n_sets[64][2];
	struct db *db;

	if (!make_mess(&w, &messes[0]))
		return;
	db = open_db();
	half_saved();
	forgetting();
	main_file = support_read(support_dirfd(), "store/state.db", &n_main);
	log = support_read(support_dirfd(), "store/state.db-wal", &n_log);
	db_close(db);
	ck_assert_uint_gt(n_log, 4 * PAGE);
	for (size_t i = 0; i < 64; i++)
		for (size_t k = 0; k < 2; k++) {
			_cleanup_(err_clear) struct err err = ERR_INIT;
			_cleanup_close_ int fd = -1;
			_cleanup_(db_set_list_done) struct db_set_list sets = { NULL, 0 };
			char name[32], path[64];

			snprintf(name, sizeof(name), "cut%zu-%zu", i, k);
			ck_assert_int_eq(mkdirat(support_dirfd(), name, 0700), 0);
			snprintf(path, sizeof(path), "%s/state.db", name);
			support_file_n(support_dirfd(), path, 0600, main_file, n_main);
			snprintf(path, sizeof(path), "%s/state.db-wal", name);
			/* Cut, and at each second place changed before that. */
			if (i % 2)
				log[n_log * i / 64 / 2] ^= 1;
			support_file_n(support_dirfd(), path, 0600, log, n_log * i / 64);
			if (i % 2)
				log[n_log * i / 64 / 2] ^= 1;
			fd = openat(support_dirfd(), name,
				    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			ck_assert_ok(db_open(fd, "CUT", modes[k], &db, &err), &err);
			ck_assert_ok(db_check(db, &err), &err);
			ck_assert_ok(db_sets(db, &sets, &err), &err);
			db_close(db);
			n_sets[i][k] = sets.n * 10;
			for (size_t s = 0; s < sets.n; s++)
				n_sets[i][k] += sets.sets[s].state;
			ck_assert_uint_eq(n_sets[i][k], n_sets[i][0]);
		}
	/* There were some to read, and more in a longer log. */
	ck_assert_uint_ne(n_sets[0][0], n_sets[62][0]);
}

END_TEST

START_TEST(dry_run_makes_no_store)
{
	_cleanup_(support_world_done) struct support_world w = SUPPORT_WORLD;

	if (!support_world_make(&w))
		return;
	look(&w, &messes[0]);
	ck_assert(!support_exists(support_dirfd(), "store"));
}

END_TEST

Suite *suite_doctor(void)
{
	Suite *s = suite_create("doctor");
	TCase *tc = support_tcase(s, "doctor");

	tcase_add_loop_test(tc, dry_run_names_what_doctor_then_does_and_changes_nothing,
			    0, N_MESSES);
	tcase_add_test(tc, dry_run_looks_at_what_is_in_the_log_alone);
	tcase_add_test(tc, dry_run_says_what_is_busy_and_takes_nobody_for_dead);
	tcase_add_test(tc, dry_run_works_on_a_read_only_file_system);
	tcase_add_test(tc, what_is_made_without_a_row_is_left_alone);
	tcase_add_test(tc, dry_run_fails_where_doctor_does);
	tcase_add_test(tc, log_cut_short_is_looked_at_as_a_writer_reads_it);
	tcase_add_test(tc, dry_run_makes_no_store);
	return s;
}
