/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/report.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/answer.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "tests/unit/support.h"

/* design.md, "Exit status". */
static const struct {
	enum err_kind kind;
	const char *json;
	int status;
} kinds[] = {
	{ ERR_USAGE, "usage", 2 },
	{ ERR_NOT_FOUND, "not-found", 4 },
	{ ERR_EXISTS, "refused", 8 },
	{ ERR_DUPLICATE, "refused", 8 },
	{ ERR_BUSY, "busy", 7 },
	{ ERR_DENIED, "failed", 1 },
	{ ERR_NO_SPACE, "no-space", 6 },
	{ ERR_CHANGED, "failed", 1 },
	{ ERR_CORRUPT, "damaged", 5 },
	{ ERR_UNSUPPORTED, "refused", 8 },
	{ ERR_INTERRUPTED, "interrupted", 130 },
	{ ERR_REFUSED, "refused", 8 },
	{ ERR_PARTIAL, "failed", 1 },
	{ ERR_IO, "failed", 1 },
	{ ERR_NOMEM, "failed", 1 },
};

START_TEST(each_kind_has_its_status_and_name)
{
	ck_assert_int_eq(report_status(kinds[_i].kind, 0), kinds[_i].status);
	ck_assert_str_eq(report_kind(kinds[_i].kind), kinds[_i].json);
}

END_TEST

START_TEST(every_kind_is_in_the_table)
{
	/* ERR_NOMEM is the last. */
	ck_assert_uint_eq(sizeof(kinds) / sizeof(kinds[0]), ERR_NOMEM);
	ck_assert_int_eq(report_status(ERR_NONE, SIGINT), 0);
}

END_TEST

START_TEST(an_interruption_says_which_signal)
{
	ck_assert_int_eq(report_status(ERR_INTERRUPTED, SIGHUP), 129);
	ck_assert_int_eq(report_status(ERR_INTERRUPTED, SIGINT), 130);
	ck_assert_int_eq(report_status(ERR_INTERRUPTED, SIGTERM), 143);
	/* What failed for another reason, did. */
	ck_assert_int_eq(report_status(ERR_BUSY, SIGTERM), 7);
}

END_TEST

static const struct {
	const char *label, *object, *text, *line;
} lines[] = {
	{ NULL, NULL, "cannot open \"x\"", "setaside: cannot open \"x\"\n" },
	{ "warning", "/a b", "was skipped", "setaside: warning: /a b: was skipped\n" },
	{ NULL, "git", "has no data here", "setaside: git: has no data here\n" },
	{ "hint", NULL, "try \"a\\nb\"", "setaside: hint: try \"a\\nb\"\n" },
	{ "warning", "a\nb\033[31m", "x", "setaside: warning: a\\nb\\x1b[31m: x\n" },
	{ NULL, NULL, "a \"b\"\r\n", "setaside: a \\\"b\\\"\\x0d\\n\n" },
};

START_TEST(lines_for_stderr_cannot_play_with_the_terminal)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	ck_assert_ok(report_format(&out, lines[_i].label, lines[_i].object,
				   lines[_i].text, &err),
		     &err);
	ck_assert_str_eq(out.data, lines[_i].line);
}

END_TEST

START_TEST(an_error_is_one_json_object)
{
	_cleanup_(err_clear) struct err err = ERR_INIT, what = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	err_set(&what, ERR_NOT_FOUND, "there is no set %s", q("a\nb"));
	err_hint(&what, "see \"setaside saved\"");
	ck_assert_ok(report_format_json(&out, &what, &err), &err);
	ck_assert_str_eq(out.data, "{\"version\":1,\"error\":{\"kind\":\"not-found\","
				   "\"message\":\"there is no set \\\"a\\\\nb\\\"\","
				   "\"hint\":\"see \\\"setaside saved\\\"\"}}\n");
}

END_TEST

START_TEST(a_message_that_is_not_utf8_is_base64)
{
	_cleanup_(err_clear) struct err err = ERR_INIT, what = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	err_set(&what, ERR_IO, "\377");
	ck_assert_ok(report_format_json(&out, &what, &err), &err);
	ck_assert_str_eq(out.data, "{\"version\":1,\"error\":{\"kind\":\"failed\","
				   "\"message\":{\"base64\":\"/w==\"}}}\n");
}

END_TEST

/* ---- Progress ---- */

START_TEST(progress_waits_a_second_and_does_not_flicker)
{
	struct progress p = { .doing = "saving" };

	ck_assert(!progress_is_due(&p, 5000));
	ck_assert(!progress_is_due(&p, 5999));
	ck_assert(progress_is_due(&p, 6000));
	ck_assert(!progress_is_due(&p, 6199));
	ck_assert(progress_is_due(&p, 6200));
}

END_TEST

START_TEST(progress_says_how_far_it_is)
{
	char line[PROGRESS_MAX];

	progress_format("saving", &(struct event){ .done = 0 }, 80, line);
	ck_assert_str_eq(line, "saving ...");
	progress_format("saving", &(struct event){ .done = 1500 }, 80, line);
	ck_assert_str_eq(line, "saving: 1.50kB");
	progress_format("saving", &(struct event){ .done = 250, .total = 1000 }, 80,
			line);
	ck_assert_str_eq(line, "saving: 25 %, 250B of 1.00kB");
	progress_format("saving", &(struct event){ .done = 2000, .total = 1000 }, 80,
			line);
	ck_assert_str_eq(line, "saving: 100 %, 1.00kB of 1.00kB");
	progress_format("restoring",
			&(struct event){ .done = UINT64_MAX, .total = UINT64_MAX }, 80,
			line);
	ck_assert_str_eq(line, "restoring: 100 %, 18.4EB of 18.4EB");
}

END_TEST

START_TEST(progress_names_the_app_and_the_user)
{
	struct event e = { .object = "git", .done = 1, .total = 2 };
	char line[PROGRESS_MAX];

	progress_format("saving", &e, 80, line);
	ck_assert_str_eq(line, "saving: 50 %, 1B of 2B: git");
	e.user = "alice";
	progress_format("saving", &e, 80, line);
	ck_assert_str_eq(line, "saving: 50 %, 1B of 2B: git of alice");
	e.user = "a\033[2J\n";
	progress_format("saving", &e, 80, line);
	ck_assert_str_eq(line, "saving: 50 %, 1B of 2B: git of a\\x1b[2J\\n");
}

END_TEST

START_TEST(progress_takes_one_line)
{
	struct event e = { .object = "gr\303\274n", .done = 1, .total = 2 };
	char line[PROGRESS_MAX], name[4000];

	progress_format("saving", &e, 27, line);
	ck_assert_str_eq(line, "saving: 50 %, 1B of 2B: gr\303\274");
	progress_format("saving", &e, 26, line);
	ck_assert_str_eq(line, "saving: 50 %, 1B of 2B: gr");
	progress_format("saving", &e, 0, line);
	ck_assert_str_eq(line, "");
	/* An odd place for the end: no half character comes of it. */
	memset(name, 'x', sizeof(name));
	for (size_t i = 0; i + 1 < sizeof(name); i += 2)
		memcpy(name + i, "\303\274", 2);
	name[sizeof(name) - 2] = '\0';
	e.object = name;
	progress_format("savin", &e, 10000, line);
	size_t odd = strlen(line);
	progress_format("saving", &e, 10000, line);
	ck_assert_uint_ge(odd, PROGRESS_MAX - 2);
	ck_assert_uint_ge(strlen(line), PROGRESS_MAX - 2);
	ck_assert_uint_ne(odd, strlen(line));
}

END_TEST

START_TEST(progress_draws_at_once_what_there_is_to_do)
{
	struct progress p = { .doing = "saving", .started = true };
	int saved = dup(2), out = open(support_path("out"), O_RDWR | O_CREAT, 0600);
	size_t n;

	dup2(out, 2);
	progress_update(&p, &(struct event){ .done = 0 });
	progress_update(&p, &(struct event){ .done = 1, .total = 4, .object = "git" });
	progress_clear(&p);
	progress_clear(&p);
	dup2(saved, 2);
	close(saved);
	close(out);
	_cleanup_free_ char *text = support_read(support_dirfd(), "out", &n);
	ck_assert_str_eq(text, "\r\033[Ksaving ..."
			       "\r\033[Ksaving: 25 %, 1B of 4B: git"
			       "\r\033[K");
}

END_TEST

START_TEST(progress_is_not_shown_without_a_terminal)
{
	struct progress p;

	setenv("TERM", "xterm", 1);
	/* Tests speak to a pipe or a file. */
	int saved = dup(2), null = open("/dev/null", O_RDWR);
	dup2(null, 2);
	progress_init(&p, "saving");
	dup2(saved, 2);
	close(saved);
	close(null);
	ck_assert_ptr_null(p.doing);
}

END_TEST

/* ---- Paragraphs ---- */

START_TEST(paragraphs_are_wrapped)
{
	static const char eighty[] = "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee "
				     "fffffffff ggggggggg hhhhhhhhhh";
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct text t = TEXT(&out, &err);

	text_wrap(&t, eighty, 0, 2);
	text_printf(&t, "|");
	text_wrap(&t, eighty, 1, 2);
	text_printf(&t, "|");
	text_wrap(&t, "one\ntwo\n\nthree", 0, 2);
	ck_assert_ok(text_end(&t), &err);
	ck_assert_str_eq(out.data, "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee "
				   "fffffffff ggggggggg hhhhhhhhhh|"
				   "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee "
				   "fffffffff ggggggggg\n  hhhhhhhhhh|"
				   "one\n  two\n\n  three");
}

END_TEST

/* ---- Standard output ---- */

#define NO_FILTER 77

/* Where a close fails as on a file server that is full: the kind of error that comes of
 * an answer. */
static int answer_without_room(const char *answer)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	if (buf_add_str(&out, answer, &err) < 0)
		return ERR_NONE;
	if (!support_lack(SUPPORT_CLOSE))
		return NO_FILTER;
	return answer_write(&out, &err) < 0 ? (int)err.kind : ERR_NONE;
}

START_TEST(failing_close_is_an_error_whatever_was_written)
{
	static const char *const answers[] = { "text\n", "" };
	int status;
	pid_t pid;

	if (!support_forks()) {
		support_skip("needs a process of its own");
		return;
	}
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
			_exit(ERR_NONE);
		_exit(answer_without_room(answers[_i]));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_FILTER)
		support_skip("no seccomp filters here");
	else
		ck_assert_int_eq(WEXITSTATUS(status), ERR_NO_SPACE);
}

END_TEST

/* ---- Words for a shell ---- */

static const struct {
	const char *word, *expected;
} words[] = {
	{ "/mnt/disk-2/a_b.c:d,e+f@g%", "/mnt/disk-2/a_b.c:d,e+f@g%" },
	{ "", "''" },
	{ "a b", "'a b'" },
	{ "$(reboot);`x`\"\\", "'$(reboot);`x`\"\\'" },
	{ "it's", "'it'\\''s'" },
	{ "~/x=y", "'~/x=y'" },
	{ "caf\xc3\xa9", "'caf\xc3\xa9'" },
	{ "a\x1b[2J'\\\n7", "$'a\\033[2J\\047\\134\\0127'" },
	{ "a\xff", "$'a\\377'" },
	{ "\xe2\x80\xae/x", "$'\\342\\200\\256/x'" },
};

START_TEST(words_are_quoted_for_a_shell)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct text t = TEXT(&out, &err);

	text_shell(&t, words[_i].word);
	ck_assert_ok(text_end(&t), &err);
	ck_assert_str_eq(out.data, words[_i].expected);
}

END_TEST

Suite *suite_cli_report(void)
{
	Suite *s = suite_create("cli_report");
	TCase *tc = support_tcase(s, "errors");

	tcase_add_loop_test(tc, each_kind_has_its_status_and_name, 0,
			    sizeof(kinds) / sizeof(kinds[0]));
	tcase_add_test(tc, every_kind_is_in_the_table);
	tcase_add_test(tc, an_interruption_says_which_signal);
	tcase_add_loop_test(tc, lines_for_stderr_cannot_play_with_the_terminal, 0,
			    sizeof(lines) / sizeof(lines[0]));
	tcase_add_test(tc, an_error_is_one_json_object);
	tcase_add_test(tc, a_message_that_is_not_utf8_is_base64);
	tc = support_tcase(s, "progress");
	tcase_add_test(tc, progress_waits_a_second_and_does_not_flicker);
	tcase_add_test(tc, progress_says_how_far_it_is);
	tcase_add_test(tc, progress_names_the_app_and_the_user);
	tcase_add_test(tc, progress_takes_one_line);
	tcase_add_test(tc, progress_draws_at_once_what_there_is_to_do);
	tcase_add_test(tc, progress_is_not_shown_without_a_terminal);
	tc = support_tcase(s, "text");
	tcase_add_test(tc, paragraphs_are_wrapped);
	tc = support_tcase(s, "output");
	tcase_add_loop_test(tc, failing_close_is_an_error_whatever_was_written, 0, 2);
	tc = support_tcase(s, "words");
	tcase_add_loop_test(tc, words_are_quoted_for_a_shell, 0,
			    sizeof(words) / sizeof(words[0]));
	return s;
}
