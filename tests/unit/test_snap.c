/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/snap.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/support.h"
#include "tests/unit/support_events.h"
#include "tests/unit/support_snapd.h"

#define STATE "var/lib/snapd/state.json"

START_TEST(snap_names_keep_the_grammar)
{
	static const char *const good[] = { "hello",
					    "a1",
					    "0ad",
					    "a-b-c",
					    "hello_x",
					    "hello_0123456789",
					    "abcdefghijabcdefghijabcdefghijabcdefghij" };
	static const char *const bad[] = {
		"",
		"a",
		"12",
		"-ab",
		"ab-",
		"a--b",
		"Hello",
		"a.b",
		"a b",
		"hello_",
		"hello_01234567890",
		"hello_X",
		"hello_a-b",
		"hello_a_b",
		"_x",
		"a\n",
		"abcdefghijabcdefghijabcdefghijabcdefghijk",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		ck_assert_msg(snap_name_is_legal(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(!snap_name_is_legal(bad[i]), "%s", bad[i]);
}

END_TEST

START_TEST(snap_revisions_have_an_order)
{
	ck_assert_int_lt(snap_revision_compare("9", "10"), 0);
	ck_assert_int_gt(snap_revision_compare("21", "12"), 0);
	ck_assert_int_eq(snap_revision_compare("7", "7"), 0);
	ck_assert_int_lt(snap_revision_compare("x9", "x10"), 0);
	ck_assert_int_gt(snap_revision_compare("7", "x7"), 0);
	ck_assert_int_lt(snap_revision_compare("6", "x7"), 0);
}

END_TEST

/* ---- snapd's record */

static struct snap_state *load_state(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snap_state *s = NULL;

	ck_assert_ok(snap_state_load(support_dirfd(), &s, &err), &err);
	return s;
}

START_TEST(snap_state_gives_ids_revisions_and_configuration)
{
	_cleanup_(snap_state_freep) struct snap_state *s = NULL;

	support_file(
		support_dirfd(), STATE, 0600,
		"{\"data\":{\"snaps\":{"
		"\"hello\":{\"type\":\"app\",\"sequence\":["
		"{\"name\":\"hello\",\"snap-id\":\"idA\",\"revision\":\"38\"},"
		"{\"name\":\"hello\",\"snap-id\":\"idA\",\"revision\":\"42\"},"
		"{\"name\":\"hello\",\"revision\":\"x1\"}],\"active\":true,\"current\":"
		"\"42\"},"
		"\"newer\":{\"sequence\":[{\"snap\":{\"snap-id\":\"idB\",\"revision\":"
		"\"7\"},"
		"\"components\":[]}],\"current\":\"7\"},"
		"\"older\":{\"sequence\":[{\"snap-id\":\"idC\",\"revision\":-3}],"
		"\"current\":-3},"
		"\"bad name\":{\"current\":\"1\"}},"
		"\"config\":{\"hello\":{\"z\":1.50,\"a\":{\"b\":[true,null,\"<\"]},"
		"\"big\":12345678901234567890},"
		"\"empty\":{},\"system\":{\"x\":\"y\"}}},"
		"\"changes\":{\"1\":{}},\"tasks\":{}}");
	s = load_state();
	ck_assert_str_eq(snap_state_revision(s, "hello"), "42");
	ck_assert_str_eq(snap_state_id(s, "hello", "38"), "idA");
	ck_assert_str_eq(snap_state_id(s, "hello", "42"), "idA");
	ck_assert_ptr_null(snap_state_id(s, "hello", "x1"));
	ck_assert_ptr_null(snap_state_id(s, "hello", "43"));
	ck_assert_str_eq(
		snap_state_conf(s, "hello"),
		"{\"a\":{\"b\":[true,null,\"\\u003c\"]},\"big\":12345678901234567890,"
		"\"z\":1.50}");
	ck_assert_str_eq(snap_state_revision(s, "newer"), "7");
	ck_assert_str_eq(snap_state_id(s, "newer", "7"), "idB");
	ck_assert_str_eq(snap_state_revision(s, "older"), "x3");
	ck_assert_str_eq(snap_state_id(s, "older", "x3"), "idC");
	ck_assert_ptr_null(snap_state_conf(s, "newer"));
	ck_assert_ptr_null(snap_state_conf(s, "empty"));
	/* A configuration without a record of the snap. */
	ck_assert_str_eq(snap_state_conf(s, "system"), "{\"x\":\"y\"}");
	ck_assert_ptr_null(snap_state_revision(s, "system"));
	ck_assert_ptr_null(snap_state_revision(s, "none"));
	ck_assert_ptr_null(snap_state_id(s, "none", "1"));
	ck_assert_ptr_null(snap_state_conf(s, "none"));
	ck_assert_ptr_null(snap_state_revision(s, "bad name"));
}

END_TEST

START_TEST(snap_state_takes_odd_types_for_nothing)
{
	_cleanup_(snap_state_freep) struct snap_state *s = NULL;

	support_file(
		support_dirfd(), STATE, 0600,
		"{\"data\":{\"snaps\":{\"aa\":7,\"bb\":{\"current\":0,\"sequence\":3},"
		"\"cc\":{\"current\":\"unset\",\"sequence\":[1,null,{\"snap-id\":4,"
		"\"revision\":\"1\"},{\"snap-id\":\"i\",\"revision\":{}},{\"snap-id\":"
		"\"\","
		"\"revision\":\"2\"}]}},\"config\":{\"aa\":[1],\"bb\":\"x\"}}}");
	s = load_state();
	ck_assert_ptr_null(snap_state_revision(s, "aa"));
	ck_assert_ptr_null(snap_state_revision(s, "bb"));
	ck_assert_ptr_null(snap_state_revision(s, "cc"));
	ck_assert_ptr_null(snap_state_id(s, "cc", "1"));
	ck_assert_ptr_null(snap_state_id(s, "cc", "2"));
	ck_assert_ptr_null(snap_state_conf(s, "aa"));
	ck_assert_ptr_null(snap_state_conf(s, "bb"));
}

END_TEST

START_TEST(snap_state_may_be_missing_or_empty)
{
	static const char *const texts[] = { "{}", "[]", "{\"data\":null}",
					     "{\"data\":{}}",
					     "{\"data\":{\"snaps\":[],\"config\":1}}" };
	_cleanup_(snap_state_freep) struct snap_state *none = load_state();

	ck_assert_ptr_null(snap_state_revision(none, "hello"));
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		_cleanup_(snap_state_freep) struct snap_state *s = NULL;

		support_file(support_dirfd(), STATE, 0600, texts[i]);
		s = load_state();
		ck_assert_ptr_null(snap_state_revision(s, "hello"));
		support_remove_tree(support_dirfd(), STATE);
	}
}

END_TEST

START_TEST(snap_state_refuses_what_is_no_json)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct snap_state *s = NULL;

	support_file(support_dirfd(), STATE, 0600, "{\"data\":\n{]}");
	ck_assert_fails(snap_state_load(support_dirfd(), &s, &err), &err, ERR_CORRUPT,
			"\"/var/lib/snapd/state.json\": line 2");
	ck_assert_ptr_null(s);
}

END_TEST

START_TEST(snap_state_that_may_not_be_read_is_unknown)
{
	_cleanup_(snap_state_freep) struct snap_state *s = NULL;

	if (!support_become_user())
		return;
	support_file(support_dirfd(), STATE, 0,
		     "{\"data\":{\"snaps\":{\"hello\":{\"current\":\"7\"}}}}");
	s = load_state();
	ck_assert(snap_state_is_hidden(s));
	ck_assert_ptr_null(snap_state_revision(s, "hello"));
}

END_TEST

/* ---- snapd itself */

/* Asks a snapd that answers so; false if it was late. */
static bool ask_one(const char *answer, struct snap_state *s, int *ret_result,
		    struct err *err)
{
	pid_t pid = support_snapd_start(answer, strlen(answer));
	int status;
	bool late;

	*ret_result = snap_state_ask(s, support_snapd_path(), NULL, err);
	late = *ret_result < 0 && support_snapd_was_late(err_message(err));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(late || status == 0);
	ck_assert_int_eq(unlinkat(support_dirfd(), "snapd", 0), 0);
	return !late;
}

/* The same, in time. */
static int ask(const char *answer, struct snap_state **ret, struct err *err)
{
	int result;

	ck_assert_ok(snap_state_new(ret, err), err);
	for (int i = 1; !ask_one(answer, *ret, &result, err) && i < SUPPORT_SNAPD_TRIES;
	     i++)
		err_clear(err);
	return result;
}

#define OK_HEAD "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"

START_TEST(snapd_tells_revisions_and_ids)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snap_state_freep) struct snap_state *s = NULL;

	ck_assert_ok(ask(OK_HEAD
			 "{\"type\":\"sync\",\"status-code\":200,\"result\":["
			 "{\"id\":\"idA\",\"name\":\"hello\",\"revision\":\"42\"},"
			 "{\"name\":\"local_x\",\"revision\":\"x1\"},"
			 "{\"name\":\"../x\",\"revision\":\"1\"},7,{\"name\":7}]}",
			 &s, &err),
		     &err);
	ck_assert_str_eq(snap_state_revision(s, "hello"), "42");
	ck_assert_str_eq(snap_state_id(s, "hello", "42"), "idA");
	ck_assert_str_eq(snap_state_revision(s, "local_x"), "x1");
	ck_assert_ptr_null(snap_state_id(s, "local_x", "x1"));
	ck_assert_ptr_null(snap_state_revision(s, "../x"));
}

END_TEST

START_TEST(snapd_adds_nothing_to_what_is_known)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snap_state_freep) struct snap_state *s = NULL;
	static const char answer[] =
		"{\"result\":[{\"id\":\"other\",\"name\":\"hello\",\"revision\":"
		"\"43\"}]}";

	support_file(support_dirfd(), STATE, 0600,
		     "{\"data\":{\"snaps\":{\"hello\":{\"current\":\"42\"}}}}");
	s = load_state();
	ck_assert(!snap_state_is_hidden(s));
	ck_assert_ok(snap_state_add_answer(s, answer, sizeof(answer) - 1, &err), &err);
	ck_assert_str_eq(snap_state_revision(s, "hello"), "42");
	ck_assert_ptr_null(snap_state_id(s, "hello", "43"));
}

END_TEST

static const struct {
	const char *answer, *message;
} bad_answers[] = {
	{ "HTTP/1.0 401 Unauthorized\r\n\r\n{}", "the answer is no list of snaps" },
	{ "HTTP/1.0 200 OK\r\nX: y\r\n", "the answer is no list of snaps" },
	{ "220 smtp ready\r\n\r\n", "the answer is no list of snaps" },
	{ "x", "the answer is no list of snaps" },
	{ OK_HEAD "{\"result\":{}}", "not a list of snaps" },
	{ OK_HEAD "[]", "not a list of snaps" },
	{ OK_HEAD "{\"result\":[", "line 1" },
	{ OK_HEAD, "line 1" },
};

START_TEST(snapd_that_makes_no_sense_is_an_error)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snap_state_freep) struct snap_state *s = NULL;

	ck_assert_fails(ask(bad_answers[_i].answer, &s, &err), &err, ERR_CORRUPT,
			bad_answers[_i].message);
}

END_TEST

START_TEST(snapd_need_not_run)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snap_state_freep) struct snap_state *s = NULL;
	pid_t pid;

	ck_assert_ok(snap_state_new(&s, &err), &err);
	ck_assert_ok(snap_state_ask(s, support_snapd_path(), NULL, &err), &err);
	/* A socket that nobody listens at any more. */
	pid = support_snapd_start("", 0);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_ok(snap_state_ask(s, support_snapd_path(), NULL, &err), &err);
	ck_assert_ptr_null(snap_state_revision(s, "hello"));
}

END_TEST

START_TEST(snapd_that_hangs_can_be_left)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snap_state_freep) struct snap_state *s = NULL;
	atomic_bool cancel = true;
	const struct observer observer = { .cancel = &cancel };
	pid_t pid = support_snapd_start("", 0);

	ck_assert_ok(snap_state_new(&s, &err), &err);
	ck_assert_fails(snap_state_ask(s, support_snapd_path(), &observer, &err), &err,
			ERR_INTERRUPTED, "");
	ck_assert_fails(snap_state_ask(s, support_snapd_path(), NULL, &err), &err, ERR_IO,
			"no answer in 2 s");
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

END_TEST

/* ---- Candidates */

/* "name revision" of each, in order. */
static const char *list_text(const struct snap_state *state,
			     struct support_events *events, struct buf *out)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(snap_list_done) struct snap_list l = SNAP_LIST_INIT;
	struct observer observer = support_events_observer(events);

	buf_clear(out);
	ck_assert_ok(snap_list_read(support_dirfd(), state, &observer, &l, &err), &err);
	for (size_t i = 0; i < l.n; i++)
		ck_assert_ok(buf_printf(out, &err, "%s %s\n", l.snaps[i].name,
					l.snaps[i].revision),
			     &err);
	return l.n ? out->data : "";
}

START_TEST(snap_list_of_no_snapd_is_empty)
{
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	_cleanup_(snap_state_freep) struct snap_state *s = load_state();
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	ck_assert_str_eq(list_text(s, &events, &text), "");
}

END_TEST

START_TEST(snap_list_finds_the_current_revision)
{
	_cleanup_(support_events_done) struct support_events events = SUPPORT_EVENTS_INIT;
	_cleanup_(snap_state_freep) struct snap_state *s = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	int fd = support_dirfd();

	/* What is mounted counts before what the data says. */
	support_mkdir(fd, "snap/mounted/9/meta", 0755);
	support_symlink(fd, "snap/mounted/current", "9");
	support_mkdir(fd, "var/snap/mounted/8", 0755);
	support_symlink(fd, "var/snap/mounted/current", "8");
	/* Never started: no data yet. */
	support_mkdir(fd, "var/lib/snapd/snap/fresh_x/x2", 0755);
	support_symlink(fd, "var/lib/snapd/snap/fresh_x/current", "x2");
	/* The data's own link. */
	support_mkdir(fd, "var/snap/data/41", 0755);
	support_mkdir(fd, "var/snap/data/42", 0755);
	support_symlink(fd, "var/snap/data/current", "41");
	/* Disabled: snapd knows. */
	support_mkdir(fd, "var/snap/disabled/3", 0755);
	support_mkdir(fd, "var/snap/disabled/4", 0755);
	support_file(fd, STATE, 0600,
		     "{\"data\":{\"snaps\":{\"disabled\":{\"current\":\"3\"},"
		     "\"elsewhere\":{\"current\":\"1\"}}}}");
	/* Nobody knows. */
	support_mkdir(fd, "var/snap/left-over/9", 0755);
	support_mkdir(fd, "var/snap/left-over/10", 0755);
	support_mkdir(fd, "var/snap/left-over/x3", 0755);
	support_mkdir(fd, "var/snap/left-over/common", 0755);
	support_symlink(fd, "var/snap/left-over/current", "../../../etc");
	/* None at all. */
	support_mkdir(fd, "var/snap/nothing/common", 0755);
	/* No snaps. */
	support_mkdir(fd, "snap/bin", 0755);
	support_file(fd, "snap/README", 0644, "");
	support_file(fd, "var/snap/file", 0644, "");
	support_mkdir(fd, "var/snap/Bad.Name/1", 0755);

	s = load_state();
	ck_assert_str_eq(list_text(s, &events, &text), "data 41\n"
						       "disabled 3\n"
						       "fresh_x x2\n"
						       "left-over 10\n"
						       "mounted 9\n");
	ck_assert_str_eq(support_events_text(&events),
			 "nothing: left out: no revision of this snap is known\n");
}

END_TEST

/* ---- A snap's own description */

/* Opens and reads both; NULL where there is none. */
static int open_meta(const char *name, const char *revision, char *texts[2],
		     struct err *err)
{
	int fds[2] = { -1, -1 };
	int mounted =
		snap_open_meta(support_dirfd(), name, revision, &fds[0], &fds[1], err);

	for (size_t i = 0; i < 2; i++) {
		char bytes[100] = "";

		texts[i] = NULL;
		if (fds[i] < 0)
			continue;
		ck_assert_int_ge(read(fds[i], bytes, sizeof(bytes) - 1), 0);
		texts[i] = strdup(bytes);
		close(fds[i]);
	}
	return mounted;
}

START_TEST(snap_meta_of_a_mounted_snap_is_opened)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int fd = support_dirfd();
	char *texts[2];

	support_file(fd, "snap/one/1/meta/snap.yaml", 0644, "name: one");
	support_file(fd, "snap/one/1/meta/snapshots.yaml", 0644, "exclude: []");
	support_file(fd, "var/lib/snapd/snap/two/x1/meta/snap.yaml", 0644, "name: two");
	support_mkdir(fd, "snap/three/1", 0755);
	support_mkdir(fd, "snap/four/1/meta", 0755);

	ck_assert_int_eq(open_meta("one", "1", texts, &err), 1);
	ck_assert_str_eq(texts[0], "name: one");
	ck_assert_str_eq(texts[1], "exclude: []");
	free(texts[0]);
	free(texts[1]);
	ck_assert_int_eq(open_meta("two", "x1", texts, &err), 1);
	ck_assert_str_eq(texts[0], "name: two");
	ck_assert_ptr_null(texts[1]);
	free(texts[0]);
	ck_assert_int_eq(open_meta("one", "2", texts, &err), 0);
	ck_assert_int_eq(open_meta("three", "1", texts, &err), 0);
	ck_assert_int_eq(open_meta("four", "1", texts, &err), 1);
	ck_assert_ptr_null(texts[0]);
	ck_assert_int_eq(err.kind, ERR_NONE);
}

END_TEST

START_TEST(snap_meta_leads_nowhere_else)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int fd = support_dirfd();
	char *texts[2];

	support_file(fd, "etc/secret", 0600, "secret");
	support_mkdir(fd, "snap/file/1/meta", 0755);
	support_symlink(fd, "snap/file/1/meta/snap.yaml", "/etc/secret");
	support_mkdir(fd, "snap/inner/1/meta", 0755);
	support_symlink(fd, "snap/inner/1/meta/snap.yaml", "other.yaml");
	support_symlink(fd, "snap/whole/1/meta", "/etc");
	support_symlink(fd, "etc/snap.yaml", "secret");
	support_mkdir(fd, "snap/fifo/1/meta", 0755);
	support_node(fd, "snap/fifo/1/meta/snapshots.yaml", S_IFIFO | 0644, 0);
	support_mkdir(fd, "snap/dir/1/meta/snap.yaml", 0755);

	ck_assert_fails(open_meta("file", "1", texts, &err), &err, ERR_CORRUPT,
			"\"meta/snap.yaml\" of the snap is a link");
	ck_assert_fails(open_meta("inner", "1", texts, &err), &err, ERR_CORRUPT,
			"is a link");
	ck_assert_fails(open_meta("whole", "1", texts, &err), &err, ERR_CORRUPT,
			"is a link");
	ck_assert_fails(open_meta("fifo", "1", texts, &err), &err, ERR_CORRUPT,
			"\"meta/snapshots.yaml\" of the snap is not a regular file");
	ck_assert_fails(open_meta("dir", "1", texts, &err), &err, ERR_CORRUPT,
			"is not a regular file");
}

END_TEST

Suite *suite_snap(void)
{
	Suite *s = suite_create("snap");
	TCase *tc = support_tcase(s, "names");

	if (!support_need_openat2())
		return s;
	tcase_add_test(tc, snap_names_keep_the_grammar);
	tcase_add_test(tc, snap_revisions_have_an_order);
	tc = support_tcase(s, "state");
	tcase_add_test(tc, snap_state_gives_ids_revisions_and_configuration);
	tcase_add_test(tc, snap_state_takes_odd_types_for_nothing);
	tcase_add_test(tc, snap_state_may_be_missing_or_empty);
	tcase_add_test(tc, snap_state_refuses_what_is_no_json);
	tcase_add_test(tc, snap_state_that_may_not_be_read_is_unknown);
	tc = support_tcase(s, "snapd");
	tcase_add_test(tc, snapd_tells_revisions_and_ids);
	tcase_add_test(tc, snapd_adds_nothing_to_what_is_known);
	tcase_add_loop_test(tc, snapd_that_makes_no_sense_is_an_error, 0,
			    sizeof(bad_answers) / sizeof(*bad_answers));
	tcase_add_test(tc, snapd_need_not_run);
	tcase_add_test(tc, snapd_that_hangs_can_be_left);
	tc = support_tcase(s, "list");
	tcase_add_test(tc, snap_list_of_no_snapd_is_empty);
	tcase_add_test(tc, snap_list_finds_the_current_revision);
	tc = support_tcase(s, "meta");
	tcase_add_test(tc, snap_meta_of_a_mounted_snap_is_opened);
	tcase_add_test(tc, snap_meta_leads_nowhere_else);
	return s;
}
