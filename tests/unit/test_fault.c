/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "backend/base/atomic_file.h"
#include "backend/base/digest.h"
#include "backend/base/fd.h"
#include "backend/base/json.h"
#include "backend/base/observer.h"
#include "backend/base/sys.h"
#include "tests/unit/support.h"

/* The fault points, and that the modules of base stand every fault. */

#ifdef ENABLE_FAULTS

START_TEST(nth_allocation_fails_once)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	void *p[4];

	fault_arm(&(struct fault_plan){ FAULT_ALLOC, FAULT_ONCE, 3, 0 });
	for (int i = 0; i < 4; i++) {
		p[i] = alloc_bytes(1, &err);
		err_clear(&err);
	}
	ck_assert_uint_eq(fault_count(FAULT_ALLOC), 4);
	ck_assert(fault_disarm());
	ck_assert(p[0] && p[1] && !p[2] && p[3]);
	for (int i = 0; i < 4; i++)
		free(p[i]);
}

END_TEST

START_TEST(all_calls_from_the_nth_fail)
{
	int dir = support_dirfd();
	struct stat st;

	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_FROM, 2, EDQUOT });
	ck_assert_int_eq(sys_fstat(dir, &st), 0);
	for (int i = 0; i < 3; i++) {
		errno = 0;
		ck_assert_int_eq(sys_fstat(dir, &st), -1);
		ck_assert_int_eq(errno, EDQUOT);
	}
	ck_assert(fault_disarm());
	ck_assert_int_eq(sys_fstat(dir, &st), 0);
}

END_TEST

START_TEST(changes_are_counted_apart)
{
	int dir = support_dirfd();
	struct stat st;

	fault_arm(&(struct fault_plan){ FAULT_CHANGE, FAULT_ONCE, 2, EIO });
	ck_assert_int_eq(sys_mkdirat(dir, "a", 0700), 0);
	ck_assert_int_eq(sys_fstat(dir, &st), 0);
	ck_assert_int_eq(sys_mkdirat(dir, "b", 0700), -1);
	ck_assert_int_eq(errno, EIO);
	ck_assert_int_eq(sys_mkdirat(dir, "c", 0700), 0);
	ck_assert_uint_eq(fault_count(FAULT_CHANGE), 3);
	ck_assert_uint_eq(fault_count(FAULT_CALL), 4);
	ck_assert(fault_disarm());
	ck_assert_uint_eq(support_count(dir, "."), 2);
}

END_TEST

START_TEST(plan_that_is_not_reached_does_not_strike)
{
	struct stat st;

	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, 2, EIO });
	ck_assert_int_eq(sys_fstat(support_dirfd(), &st), 0);
	ck_assert(!fault_disarm());
}

END_TEST

START_TEST(transfers_are_cut_short)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int fd = openat(support_dirfd(), "f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char back[10];

	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_SHORT, 1, 0 });
	ck_assert_int_eq(sys_write(fd, "0123456789", 10), 5);
	ck_assert_int_eq(sys_write(fd, "56789", 5), 5);
	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_SHORT, 1, 0 });
	ck_assert_int_eq(sys_pread(fd, back, 10, 0), 5);
	/* fd.h makes up for it. */
	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_SHORT, 1, 0 });
	ck_assert_int_eq(fd_pread_full(fd, back, 10, 0, &err), 10);
	ck_assert_mem_eq(back, "0123456789", 10);
	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_SHORT, 1, 0 });
	ck_assert_ok(fd_pwrite_all(fd, "abcdefghij", 10, 0, &err), &err);
	ck_assert(fault_disarm());
	ck_assert_int_eq(pread(fd, back, 10, 0), 10);
	ck_assert_mem_eq(back, "abcdefghij", 10);
	close(fd);
}

END_TEST

START_TEST(interrupted_transfers_are_repeated)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int fd = openat(support_dirfd(), "f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char back[4], name[10];

	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, 1, EINTR });
	ck_assert_ok(fd_write_all(fd, "data", 4, &err), &err);
	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, 1, EINTR });
	ck_assert_ok(fd_pwrite_all(fd, "D", 1, 0, &err), &err);
	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, 1, EINTR });
	ck_assert_int_eq(fd_pread_full(fd, back, 4, 0, &err), 4);
	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, 1, EINTR });
	ck_assert_int_eq(fd_read_full(fd, back, 4, &err), 0);
	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, 1, EINTR });
	ck_assert_ok(fd_random_name(name, 9, &err), &err);
	/* Not these two: what they did is unknown. */
	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, 1, EINTR });
	ck_assert_fails(fd_sync(fd, &err), &err, ERR_IO, "Interrupted");
	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, 1, EINTR });
	ck_assert_fails(fd_close(&fd, &err), &err, ERR_IO, "cannot close: Interrupted");
	fault_disarm();
}

END_TEST

START_TEST(process_dies_before_the_call)
{
	int status;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		fault_arm(&(struct fault_plan){ FAULT_CHANGE, FAULT_DIE, 2, 0 });
		(void)sys_mkdirat(support_dirfd(), "a", 0700);
		(void)sys_mkdirat(support_dirfd(), "b", 0700);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(WIFEXITED(status) ? WEXITSTATUS(status) : -1, FAULT_EXIT_STATUS);
	ck_assert(support_exists(support_dirfd(), "a"));
	ck_assert(!support_exists(support_dirfd(), "b"));
}

END_TEST

START_TEST(process_halts_before_the_call)
{
	struct fault_page *page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t child;

	ck_assert(page != MAP_FAILED);
	ck_assert(!fault_wait_halted(page, 1));
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		fault_use_page(page);
		fault_arm_text("change:halt:2");
		(void)sys_mkdirat(support_dirfd(), "a", 0700);
		(void)sys_mkdirat(support_dirfd(), "b", 0700);
		_exit(0);
	}
	ck_assert(fault_wait_halted(page, 60000));
	ck_assert_uint_eq(page->count[FAULT_CHANGE], 2);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	ck_assert(support_exists(support_dirfd(), "a"));
	ck_assert(!support_exists(support_dirfd(), "b"));
	munmap(page, sizeof(*page));
}

END_TEST

START_TEST(plans_are_read_from_text)
{
	static const char *const bad[] = { "",
					   "call",
					   "call:once",
					   "call:once:",
					   "call:once:0",
					   "call:once:x",
					   "call:once:1:",
					   "call:once:1:0",
					   "call:once:1:5:6",
					   "calls:once:1",
					   "call:twice:1",
					   ":once:1",
					   "call:once:-1" };
	struct stat st;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!fault_arm_text(bad[i]), "%s", bad[i]);
	ck_assert(fault_arm_text("call:from:1:28"));
	ck_assert_int_eq(sys_fstat(support_dirfd(), &st), -1);
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert(fault_arm_text("call:once:1"));
	ck_assert_int_eq(sys_fstat(support_dirfd(), &st), -1);
	ck_assert_int_eq(errno, EIO);
	ck_assert(fault_arm_text("change:die:12"));
	ck_assert(!fault_disarm());
}

END_TEST

START_TEST(error_survives_without_memory_for_its_text)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	fault_arm(&(struct fault_plan){ FAULT_ALLOC, FAULT_FROM, 1, 0 });
	err_errnum(&err, ENOSPC, "cannot write %s", q("f"));
	err_wrap(&err, "saving");
	err_hint(&err, "make room");
	fault_disarm();
	ck_assert_int_eq(err.sys_errno, ENOSPC);
	ck_assert_ptr_null(err.msg);
	ck_assert_ptr_null(err.hint);
	ck_assert_err(&err, ERR_NO_SPACE, "no space left");
	err_set(&err, ERR_CORRUPT, "inner");
	fault_arm(&(struct fault_plan){ FAULT_ALLOC, FAULT_ONCE, 1, 0 });
	err_wrap(&err, "outer");
	fault_disarm();
	ck_assert_str_eq(err_message(&err), "inner");
}

END_TEST

static void count_event(void *ctx, const struct event *event)
{
	int *n = ctx;

	ck_assert_str_eq(event->text, "still 1 said");
	(*n)++;
}

START_TEST(warning_is_given_without_memory)
{
	int n = 0;
	struct observer o = { .event = count_event, .ctx = &n };

	fault_arm(&(struct fault_plan){ FAULT_ALLOC, FAULT_FROM, 1, 0 });
	observer_warn(&o, NULL, "still %d said", 1);
	ck_assert(fault_disarm());
	ck_assert_int_eq(n, 1);
}

END_TEST

/* Each returns 0, or -1 with err filled, and leaks nothing either way. */
static int use_json(struct err *err)
{
	static const char text[] =
		"{\"b\":[1,\"x\\n\",{\"k\":null,\"l\":true}],\"a\":\"\\ud800\"}";
	_cleanup_(json_freep) struct json *j = NULL;
	_cleanup_(buf_done) struct buf b = BUF_INIT;
	struct json_writer w = JSON_WRITER(&b, err);

	if (json_parse(text, sizeof(text) - 1, NULL, &j, err) < 0)
		return -1;
	json_begin_array(&w);
	json_value(&w, j);
	json_bytes(&w, "\377", 1);
	json_end_array(&w);
	if (json_end(&w) < 0)
		return -1;
	_cleanup_free_ char *bytes = json_to_bytes(json_get(j, "a"), NULL, err);
	return bytes ? 0 : -1;
}

static int use_bad_json(struct err *err)
{
	struct json *j;

	return json_parse("{\"a\":1,\"a\":2}", 13, NULL, &j, err);
}

static int use_digest(struct err *err)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT;
	uint8_t out[DIGEST_MAX_SIZE];

	if (digest_of(DIGEST_SHA3_384, "x", 1, out, err) < 0)
		return -1;
	return digest_base64(&b, out, sizeof(out), err);
}

static int use_buf(struct err *err)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT;

	for (int i = 0; i < 300; i++) {
		if (buf_printf(&b, err, "%d", i) < 0)
			return -1;
	}
	_cleanup_free_ char *text = buf_steal(&b, err);
	_cleanup_free_ char *copy = text ? alloc_printf(err, "%s", text) : NULL;
	return copy ? 0 : -1;
}

static const struct {
	int (*use)(struct err *err);
	enum err_kind kind; /* what it gives without a fault */
} uses[] = {
	{ use_json, ERR_NONE },
	{ use_bad_json, ERR_CORRUPT },
	{ use_digest, ERR_NONE },
	{ use_buf, ERR_NONE },
};

START_TEST(every_failing_allocation_is_reported)
{
	for (int action = FAULT_ONCE; action <= FAULT_FROM; action++) {
		for (uint64_t n = 1;; n++) {
			_cleanup_(err_clear) struct err err = ERR_INIT;
			fault_arm(&(struct fault_plan){
				FAULT_ALLOC, (enum fault_action)action, n, 0 });
			int r = uses[_i].use(&err);
			bool struck = fault_disarm();
			ck_assert_int_eq(r < 0, !err_is(&err, ERR_NONE));
			/* A text may be missing: then the kind is as without a fault. */
			ck_assert(err_is(&err, ERR_NOMEM) || err_is(&err, uses[_i].kind));
			if (!struck) {
				ck_assert(err_is(&err, uses[_i].kind));
				ck_assert_uint_gt(n, 1);
				break;
			}
		}
	}
}

END_TEST

static int publish(int dir, unsigned flags, struct err *err)
{
	struct atomic_file *f;

	if (atomic_file_open(dir, "file", 0600, flags, &f, err) < 0)
		return -1;
	if (fd_write_all(atomic_file_fd(f), "new", 3, err) < 0) {
		atomic_file_abort(f);
		return -1;
	}
	return atomic_file_commit(f, err);
}

/* After a failure there is what was there before. */
static void assert_published(int dir, unsigned flags, bool done)
{
	bool replaced = flags & ATOMIC_FILE_REPLACE;

	if (done || replaced) {
		_cleanup_free_ char *text = support_read(dir, "file", NULL);
		if (done)
			ck_assert_str_eq(text, "new");
		else
			ck_assert(strcmp(text, "old") == 0 || strcmp(text, "new") == 0);
		ck_assert_uint_eq(support_count(dir, "."), 1);
	} else {
		ck_assert_uint_eq(support_count(dir, "."), 0);
	}
}

static const struct {
	unsigned flags;
	unsigned lacks; /* of the file system */
} publishings[] = {
	{ 0, 0 },
	{ ATOMIC_FILE_REPLACE, 0 },
	{ ATOMIC_FILE_NO_DIR_SYNC, 0 },
	{ 0, SUPPORT_TMPFILE },
	{ ATOMIC_FILE_REPLACE, SUPPORT_TMPFILE },
	{ 0, SUPPORT_TMPFILE | SUPPORT_NOREPLACE },
	{ ATOMIC_FILE_TIDY | ATOMIC_FILE_REPLACE, 0 },
	{ ATOMIC_FILE_TIDY, SUPPORT_TMPFILE },
};

# define N_PUBLISHINGS ((int)(sizeof(publishings) / sizeof(publishings[0])))

/* Removes all files of a directory. */
static void empty(int dir)
{
	DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	ck_assert_ptr_nonnull(d);
	for (const struct dirent *e; (e = readdir(d));) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			ck_assert_int_eq(unlinkat(dir, e->d_name, 0), 0);
	}
	closedir(d);
}

START_TEST(every_failing_call_leaves_old_or_new)
{
	static const int errnums[] = { EIO, ENOSPC, EOPNOTSUPP, ENOENT, EINVAL };
	const unsigned flags = publishings[_i].flags;
	int dir = support_dirfd();

	if (publishings[_i].lacks && !support_lack(publishings[_i].lacks))
		return;
	for (size_t k = 0; k < sizeof(errnums) / sizeof(errnums[0]); k++) {
		for (uint64_t n = 1;; n++) {
			_cleanup_(err_clear) struct err err = ERR_INIT;
			if (flags & ATOMIC_FILE_REPLACE)
				support_file(dir, "file", 0600, "old");
			fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, n,
							errnums[k] });
			int r = publish(dir, flags, &err);
			bool struck = fault_disarm();
			ck_assert_int_eq(r < 0, !err_is(&err, ERR_NONE));
			if (r < 0)
				ck_assert_int_eq(err.kind, err_kind_of_errno(errnums[k]));
			assert_published(dir, flags, r == 0);
			empty(dir);
			if (!struck) {
				ck_assert_int_eq(r, 0);
				break;
			}
		}
	}
}

END_TEST

/* Files beside the whole one are temporary ones, known by their name. */
static void assert_only_temps(int dir, bool published)
{
	size_t n = support_count(dir, ".");

	ck_assert_uint_le(n, published ? 2 : 1);
	if (n == (published ? 2u : 1u)) {
		_Alignas(8) char records[4096];
		int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ssize_t len = sys_getdents(fd, records, sizeof(records));
		bool found = false;
		for (ssize_t at = 0; at < len;) {
			const struct dirent64 *d =
				(const struct dirent64 *)(records + at);
			found = found || (strncmp(d->d_name, ".file.tmp.", 10) == 0 &&
					  strlen(d->d_name) == 19);
			at += d->d_reclen;
		}
		close(fd);
		ck_assert(found);
	}
}

/* Publishes in a child that dies at the nth change; its exit status. */
static int publish_and_die(int dir, unsigned flags, uint64_t n)
{
	int status;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		struct err err = ERR_INIT;
		fault_arm(&(struct fault_plan){ FAULT_CHANGE, FAULT_DIE, n, 0 });
		_exit(publish(dir, flags, &err) == 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(death_at_every_change_leaves_old_or_new)
{
	const unsigned flags = publishings[_i].flags;
	int dir = support_dirfd(), status = -1;

	if (publishings[_i].lacks && !support_lack(publishings[_i].lacks))
		return;
	for (uint64_t n = 1; status != 0; n++) {
		if (flags & ATOMIC_FILE_REPLACE)
			support_file(dir, "file", 0600, "old");
		status = publish_and_die(dir, flags, n);
		ck_assert(status == FAULT_EXIT_STATUS || (status == 0 && n > 3));
		bool exists = support_exists(dir, "file");
		ck_assert(exists || (status != 0 && !(flags & ATOMIC_FILE_REPLACE)));
		if (exists) {
			_cleanup_free_ char *text = support_read(dir, "file", NULL);
			bool old = strcmp(text, "old") == 0;
			ck_assert(old || strcmp(text, "new") == 0);
			ck_assert(!old || (status != 0 && (flags & ATOMIC_FILE_REPLACE)));
		}
		assert_only_temps(dir, exists);
		if (flags & ATOMIC_FILE_TIDY) {
			ck_assert_int_eq(
				publish_and_die(dir, flags | ATOMIC_FILE_REPLACE, 1000),
				0);
			ck_assert_uint_eq(support_count(dir, "."), 1);
		}
		empty(dir);
	}
}

END_TEST

static void add_tests(Suite *s)
{
	TCase *tc = support_tcase(s, "points");

	tcase_add_test(tc, nth_allocation_fails_once);
	tcase_add_test(tc, all_calls_from_the_nth_fail);
	tcase_add_test(tc, changes_are_counted_apart);
	tcase_add_test(tc, plan_that_is_not_reached_does_not_strike);
	tcase_add_test(tc, transfers_are_cut_short);
	tcase_add_test(tc, interrupted_transfers_are_repeated);
	tcase_add_test(tc, process_dies_before_the_call);
	tcase_add_test(tc, process_halts_before_the_call);
	tcase_add_test(tc, plans_are_read_from_text);

	tc = support_tcase(s, "base");
	tcase_add_test(tc, error_survives_without_memory_for_its_text);
	tcase_add_test(tc, warning_is_given_without_memory);
	tcase_add_loop_test(tc, every_failing_allocation_is_reported, 0,
			    (int)(sizeof(uses) / sizeof(uses[0])));
	tcase_add_loop_test(tc, every_failing_call_leaves_old_or_new, 0, N_PUBLISHINGS);
	tcase_add_loop_test(tc, death_at_every_change_leaves_old_or_new, 0,
			    N_PUBLISHINGS);
}

#else

START_TEST(points_are_compiled_out)
{
	ck_assert(!fault_alloc());
	ck_assert(!fault_call());
	ck_assert(!fault_change());
	ck_assert_uint_eq(fault_length(7), 7);
	support_skip("the rest of this suite needs --enable-faults");
}

END_TEST

static void add_tests(Suite *s)
{
	tcase_add_test(support_tcase(s, "points"), points_are_compiled_out);
}

#endif

Suite *suite_fault(void)
{
	Suite *s = suite_create("fault");

	add_tests(s);
	return s;
}
