/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/worker.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/worker/packer.h"
#include "backend/worker/protocol.h"
#include "backend/worker/reader.h"
#include "backend/worker/swapper.h"
#include "backend/worker/unpacker.h"
#include "tests/unit/support.h"
#include "tests/unit/support_worker.h"

static struct worker_env env;

/* False, with a SKIP line, where workers cannot run. */
static bool have_workers(void)
{
	env.program = getenv("SETASIDE_WORKER");
	if (!env.program) {
		support_skip("SETASIDE_WORKER names no worker");
		return false;
	}
	env.rootfd = support_dirfd();
	return true;
}

/* The one child of this process. */
static pid_t child(void)
{
	char path[64], text[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/children", (long)getpid());
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), f));
	fclose(f);
	return (pid_t)strtol(text, NULL, 10);
}

/* A file of /proc/PID; empty where it may not be read. */
static char *proc_file(pid_t pid, const char *name)
{
	char path[64];
	char *text = calloc(1, 8192);
	int fd;

	ck_assert_ptr_nonnull(text);
	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		ck_assert_int_ge(read(fd, text, 8191), 0);
		close(fd);
	}
	return text;
}

/* The value of a field of /proc/PID/status. */
static unsigned long long field(const char *status, const char *name, int base)
{
	const char *at = strstr(status, name);

	ck_assert_msg(at != NULL, "no %s in %s", name, status);
	return strtoull(at + strlen(name), NULL, base);
}

static void assert_status(pid_t pid, uid_t uid, uint64_t caps)
{
	char *status = proc_file(pid, "status");

	ck_assert_uint_eq(field(status, "\nUid:\t", 10), uid);
	ck_assert_uint_eq(field(status, "\nCapPrm:\t", 16), caps);
	ck_assert_uint_eq(field(status, "\nCapEff:\t", 16), caps);
	ck_assert_uint_eq(field(status, "\nCapInh:\t", 16), 0);
	ck_assert_uint_eq(field(status, "\nCapAmb:\t", 16), 0);
	ck_assert_uint_eq(field(status, "\nNoNewPrivs:\t", 10), 1);
	free(status);
}

/* Descriptors 0 to 2, the socket, and the root directory: nothing else came along. */
static void assert_descriptors(pid_t pid, size_t most)
{
	char path[64];
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
	d = opendir(path);
	if (!d)
		return;
	while (readdir(d))
		n++;
	closedir(d);
	ck_assert_uint_le(n - 2, most);
}

START_TEST(worker_has_no_rights_no_environment_and_no_descriptors)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(worker_freep) struct worker *w = NULL;
	const uint64_t read_all = IDENTITY_CAP(CAP_DAC_READ_SEARCH);
	const struct identity packer = { .kind = IDENTITY_NOBODY_WITH, .caps = read_all };

	const struct {
		enum worker_kind kind;
		const struct identity *id;
	} all[] = {
		{ WORKER_READER, &reader_identity },
		{ WORKER_PACKER, &packer },
		{ WORKER_UNPACKER, &unpacker_system_identity },
		{ WORKER_APPLIER, &applier_identity },
	};

	int spare;
	char *environ_text;
	pid_t pid;

	if (!support_need_root() || !have_workers())
		return;
	spare = dup(0);
	setenv("SECRET", "value", 1);
	ck_assert_ok(worker_start(&env, all[_i].kind, all[_i].id, NULL, &w, &err), &err);
	pid = child();
	assert_status(pid, IDENTITY_NOBODY, all[_i].id->caps);
	assert_descriptors(pid, 5);
	environ_text = proc_file(pid, "environ");
	ck_assert_str_eq(environ_text, "");
	free(environ_text);
	close(spare);
}

END_TEST

START_TEST(swapper_of_root_keeps_seven_capabilities)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(worker_freep) struct worker *w = NULL;

	if (!support_need_root() || !have_workers())
		return;
	ck_assert_ok(worker_start(&env, WORKER_SWAPPER, &swapper_root_identity, NULL, &w,
				  &err),
		     &err);
	assert_status(child(), 0, swapper_root_identity.caps);
	ck_assert_int_eq(__builtin_popcountll(swapper_root_identity.caps), 7);
}

END_TEST

START_TEST(worker_of_a_user_is_that_user)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(worker_freep) struct worker *w = NULL;
	gid_t groups[] = { 4711, 4712 };
	struct identity id = { .kind = IDENTITY_USER,
			       .uid = 54321,
			       .gid = 54322,
			       .groups = groups,
			       .n_groups = 2 };
	char *status;

	if (!support_need_root() || !have_workers())
		return;
	ck_assert_ok(worker_start(&env, WORKER_PACKER, &id, NULL, &w, &err), &err);
	assert_status(child(), 54321, 0);
	status = proc_file(child(), "status");
	ck_assert_uint_eq(field(status, "\nGid:\t", 10), 54322);
	ck_assert_ptr_nonnull(strstr(status, "\nGroups:\t4711 4712"));
	free(status);
}

END_TEST

START_TEST(plain_user_cannot_act_for_another)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct worker *w = NULL;
	struct identity id = { .kind = IDENTITY_USER, .uid = 54321, .gid = 54322 };

	if (!have_workers())
		return;
	if (geteuid() == 0 && !support_become_user())
		return;
	if (access(env.program, X_OK) < 0) {
		support_skip("a plain user cannot reach the worker");
		return;
	}
	ck_assert_fails(worker_start(&env, WORKER_PACKER, &id, NULL, &w, &err), &err,
			ERR_DENIED, "only root can act for user 54321");
	ck_assert_ptr_null(w);
}

END_TEST

START_TEST(missing_program_is_our_failure)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct identity self = { .kind = IDENTITY_SELF };
	struct worker *w = NULL;

	env = (struct worker_env){ .program = "/nowhere/worker",
				   .rootfd = support_dirfd() };
	ck_assert_fails(worker_start(&env, WORKER_PACKER, &self, NULL, &w, &err), &err,
			ERR_IO, "cannot start \"/nowhere/worker\"");
}

END_TEST

START_TEST(worker_that_is_killed_fails_its_request)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(worker_freep) struct worker *w = NULL;
	struct identity self = { .kind = IDENTITY_SELF };
	struct packer_archive a = { .user = true };

	if (!have_workers())
		return;
	ck_assert_ok(worker_start(&env, WORKER_PACKER, &self, NULL, &w, &err), &err);
	ck_assert_int_eq(kill(child(), SIGKILL), 0);
	ck_assert_int_eq(packer_begin(w, &a, NULL, &err), -1);
	ck_assert_err(&err, ERR_IO, "");
	ck_assert(!worker_is_alive(w));
	ck_assert_fails(packer_begin(w, &a, NULL, &err), &err, ERR_IO,
			"the packer failed before");
}

END_TEST

START_TEST(request_that_fails_leaves_the_worker_alive)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(worker_freep) struct worker *w = NULL;
	struct identity self = { .kind = IDENTITY_SELF };
	struct packer_archive a = { .user = true };
	struct packer_found found;

	if (!have_workers() || !support_need_openat2())
		return;
	support_symlink(support_dirfd(), "loop", "loop");
	ck_assert_ok(worker_start(&env, WORKER_PACKER, &self, NULL, &w, &err), &err);
	ck_assert_ok(packer_begin(w, &a, NULL, &err), &err);
	ck_assert_int_eq(packer_tree(w, "common/x", "/loop/x", NULL, &found, &err), -1);
	ck_assert_int_ne(err.kind, ERR_NONE);
	err_clear(&err);
	ck_assert(worker_is_alive(w));
	ck_assert_ok(packer_begin(w, &a, NULL, &err), &err);
}

END_TEST

START_TEST(unknown_requests_are_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(worker_freep) struct worker *w = NULL;
	_cleanup_(wire_out_done) struct wire_out o = { .bytes = BUF_INIT };
	struct identity self = { .kind = IDENTITY_SELF };
	enum worker_kind kind = (enum worker_kind)(WORKER_READER + _i);

	if (!have_workers())
		return;
	ck_assert_ok(worker_start(&env, kind, &self, NULL, &w, &err), &err);
	ck_assert_ok(wire_begin(&o, 60000, &err), &err);
	ck_assert_fails(worker_call(w, &o, NULL, NULL, NULL, &err), &err, ERR_CORRUPT,
			"unknown request");
}

END_TEST

START_TEST(cancelled_wait_kills_the_worker)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(worker_freep) struct worker *w = NULL;
	struct identity self = { .kind = IDENTITY_SELF };
	struct packer_archive a = { .user = true };
	struct observer o = { .cancel = NULL };
	atomic_bool yes = true;

	if (!have_workers())
		return;
	o.cancel = &yes;
	ck_assert_ok(worker_start(&env, WORKER_PACKER, &self, NULL, &w, &err), &err);
	ck_assert_fails(packer_begin(w, &a, &o, &err), &err, ERR_INTERRUPTED, "");
	ck_assert(!worker_is_alive(w));
}

END_TEST

START_TEST(cancelled_start_leaves_no_worker)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct identity self = { .kind = IDENTITY_SELF };
	struct observer o = { .cancel = NULL };
	struct worker *w = NULL;
	atomic_bool yes = true;

	if (!have_workers())
		return;
	o.cancel = &yes;
	ck_assert_fails(worker_start(&env, WORKER_PACKER, &self, &o, &w, &err), &err,
			ERR_INTERRUPTED, "cannot start a packer: interrupted");
	ck_assert_ptr_null(w);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

END_TEST

static int take_no_name(void *ctx, const char *name, uint64_t ino, struct err *err)
{
	(void)ctx;
	(void)name;
	(void)ino;
	return err_set(err, ERR_CORRUPT, "a stopped worker spoke");
}

#define N_CANCELLED 8

/* What is asked of a swapper before anything is final, by number. */
static int ask_swapper(struct worker *w, int which, const struct observer *o,
		       struct err *err)
{
	struct journal_item item = { .parent = (char[]){ "/" },
				     .name = (char[]){ "x" },
				     .aside = (char[]){ "y" } };
	struct swapper_place place;
	struct swapper_space space;
	uint64_t one = 0, other;
	size_t size;
	void *attrs;
	int fd;

	switch (which) {
	case 0:
		return swapper_resolve(w, "/x", true, o, &place, err);
	case 1:
		return swapper_make_parent(w, "/x", 0700, o, err);
	case 2:
		return swapper_stage(w, "/", &one, "y", false, o, &fd, &other, err);
	case 3:
		return swapper_sync(w, "/", o, err);
	case 4:
		return swapper_space(w, "/", o, &space, err);
	case 5:
		return swapper_look(w, &item, o, &one, &other, err);
	case 6:
		return swapper_read_attrs(w, &item, o, &attrs, &size, err);
	default:
		return swapper_list(w, &item, false, take_no_name, NULL, o, err);
	}
}

START_TEST(cancel_needs_no_answer_of_the_swapper)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(worker_freep) struct worker *w = NULL;
	struct identity self = { .kind = IDENTITY_SELF };
	struct observer o = { .cancel = NULL };
	atomic_bool yes = true;

	if (!have_workers())
		return;
	o.cancel = &yes;
	ck_assert_ok(worker_start(&env, WORKER_SWAPPER, &self, NULL, &w, &err), &err);
	ck_assert_int_eq(kill(child(), SIGSTOP), 0);
	ck_assert_fails(ask_swapper(w, _i, &o, &err), &err, ERR_INTERRUPTED,
			"interrupted");
	ck_assert(!worker_is_alive(w));
}

END_TEST

START_TEST(swapper_tells_how_much_there_is_and_how_much_is_free)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(worker_freep) struct worker *w = NULL;
	struct identity self = { .kind = IDENTITY_SELF };
	struct swapper_space space;
	struct statvfs vfs;
	struct stat st;

	if (!have_workers() || !support_need_openat2())
		return;
	ck_assert_ok(worker_start(&env, WORKER_SWAPPER, &self, NULL, &w, &err), &err);
	ck_assert_ok(swapper_space(w, "/", NULL, &space, &err), &err);
	ck_assert_int_eq(fstat(support_dirfd(), &st), 0);
	ck_assert_int_eq(fstatvfs(support_dirfd(), &vfs), 0);
	ck_assert_uint_eq(space.device, st.st_dev);
	ck_assert_uint_eq(space.total_bytes, (uint64_t)vfs.f_blocks * vfs.f_frsize);
	ck_assert_uint_le(space.bytes, space.total_bytes);
	ck_assert_uint_eq(space.total_inodes, vfs.f_files);
	ck_assert_uint_le(space.inodes, space.total_inodes);
}

END_TEST

START_TEST(idle_worker_that_does_not_end_is_killed)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct identity self = { .kind = IDENTITY_SELF };
	struct worker *w = NULL;

	if (!have_workers())
		return;
	ck_assert_ok(worker_start(&env, WORKER_SWAPPER, &self, NULL, &w, &err), &err);
	ck_assert_int_eq(kill(child(), SIGSTOP), 0);
	worker_free(w);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

END_TEST

START_TEST(started_by_hand_it_says_so)
{
	char text[256] = "";
	int out[2], status;
	pid_t pid;

	if (!have_workers())
		return;
	ck_assert_int_eq(pipe(out), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(out[1], 2);
		close_range(3, ~0u, 0);
		execl(env.program, env.program, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	ck_assert_int_gt(read(out[0], text, sizeof(text) - 1), 0);
	close(out[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 2);
	ck_assert_ptr_nonnull(strstr(text, "started by setaside only"));
}

END_TEST

/* ---- Progress ---- */

struct heard {
	unsigned n, between; /* events; those that are neither nothing nor all */
	uint64_t done;
};

static void hear(void *ctx, const struct event *event)
{
	struct heard *h = ctx;

	if (event->kind != EVENT_PROGRESS)
		return;
	ck_assert_uint_ge(event->done, h->done);
	ck_assert_uint_le(event->done, event->total);
	h->done = event->done;
	h->between += event->done > 0 && event->done < event->total;
	h->n++;
}

#define DATA_SIZE ((size_t)24 << 20)

/* Bytes that do not compress, so that a worker takes its time. */
static void make_data(const char *path)
{
	uint64_t *words = malloc(DATA_SIZE), x = 88172645463325252u;

	ck_assert_ptr_nonnull(words);
	for (size_t i = 0; i < DATA_SIZE / sizeof(*words); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		words[i] = x;
	}
	support_file_n(support_dirfd(), path, 0600, words, DATA_SIZE);
	free(words);
}

/* Reads what the packer writes, to its end. */
static void drain(struct worker *w, int fd, struct err *err)
{
	static char buf[1 << 16];
	ssize_t n;

	do {
		ck_assert_ok(worker_wait_readable(w, fd, NULL, err), err);
		n = read(fd, buf, sizeof(buf));
		ck_assert_int_ge(n, 0);
	} while (n > 0);
}

static int name_of(void *ctx, enum owner_kind kind, uint32_t id, char **ret,
		   struct err *err)
{
	(void)ctx;
	(void)kind;
	(void)id;
	(void)err;
	*ret = NULL;
	return 0;
}

static int no_report(void *ctx, const char *path, const char *why, struct err *err)
{
	(void)ctx;
	return err_set(err, ERR_IO, "%s: %s", path, why);
}

START_TEST(packer_tells_how_far_it_is)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(worker_freep) struct worker *w = NULL;
	struct identity self = { .kind = IDENTITY_SELF };
	struct packer_archive a = { .user = true };
	const struct pack_report report = { .skipped = no_report };
	const struct owner_source owners = { .name_of = name_of };
	struct packer_found found;
	struct pack_counts planned, packed;
	struct heard h = { 0 };
	struct observer o = { .event = hear, .ctx = &h };
	struct meter meter;
	int pipe[2];

	if (!have_workers() || !support_need_openat2())
		return;
	make_data("t/data");
	env.owners = &owners;
	ck_assert_ok(worker_start(&env, WORKER_PACKER, &self, NULL, &w, &err), &err);
	ck_assert_ok(packer_begin(w, &a, NULL, &err), &err);
	ck_assert_ok(packer_tree(w, "common/t", "/t", NULL, &found, &err), &err);
	ck_assert(found.exists);
	free(found.resolved);
	ck_assert_ok(packer_estimate(w, NULL, &planned, &err), &err);
	ck_assert_uint_gt(planned.bytes, DATA_SIZE);
	meter_init(&meter, &o, planned.bytes);
	meter_part(&meter, "t", NULL, planned.bytes);
	ck_assert_int_eq(pipe2(pipe, O_CLOEXEC), 0);
	ck_assert_ok(packer_pack_begin(w, pipe[1], GZIP_FAST, &report, &meter, &err),
		     &err);
	close(pipe[1]);
	drain(w, pipe[0], &err);
	close(pipe[0]);
	ck_assert_ok(packer_pack_end(w, NULL, &packed, &err), &err);
	meter_end(&meter);
	ck_assert_uint_eq(packed.bytes, planned.bytes);
	ck_assert_uint_ge(h.between, 2);
	ck_assert_uint_eq(h.done, planned.bytes);
}

END_TEST

/* How many entries the archive of the one tree has. */
static uint64_t count_entries(struct worker *w)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const struct packer_archive a = { .user = true };
	struct packer_found found;
	struct pack_counts counts;

	ck_assert_ok(packer_begin(w, &a, NULL, &err), &err);
	ck_assert_ok(packer_tree(w, "common/t", "/t", NULL, &found, &err), &err);
	free(found.resolved);
	ck_assert_ok(packer_estimate(w, NULL, &counts, &err), &err);
	return counts.entries;
}

START_TEST(packer_leaves_out_what_is_ours_in_all_archives)
{
	_cleanup_(strings_done) struct strings names = STRINGS_INIT, none = STRINGS_INIT;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(worker_freep) struct worker *w = NULL;
	struct identity self = { .kind = IDENTITY_SELF };
	const struct owner_source owners = { .name_of = name_of };
	uint64_t all;

	if (!have_workers() || !support_need_openat2())
		return;
	support_file(support_dirfd(), "t/zz.~abcdefghi~/file", 0600, "1");
	support_file(support_dirfd(), "t/dir/aa.~abcdefghi~", 0600, "2");
	/* More than one record holds, and in no order. */
	ck_assert_ok(strings_add(&names, "zz.~abcdefghi~", &err), &err);
	for (int i = 0; i < 3 * PACKER_NAMES_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%d", i * 7919 % 1009);
		ck_assert_ok(strings_add(&names, name, &err), &err);
	}
	ck_assert_ok(strings_add(&names, "aa.~abcdefghi~", &err), &err);
	env.owners = &owners;
	ck_assert_ok(worker_start(&env, WORKER_PACKER, &self, NULL, &w, &err), &err);
	all = count_entries(w);
	ck_assert_ok(packer_leave_out(w, &names, NULL, &err), &err);
	ck_assert_uint_eq(count_entries(w), all - 3);
	ck_assert_uint_eq(count_entries(w), all - 3);
	ck_assert_ok(packer_leave_out(w, &none, NULL, &err), &err);
	ck_assert_uint_eq(count_entries(w), all);
}

END_TEST

START_TEST(worker_that_lies_of_its_progress_is_cut_short)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(worker_freep) struct worker *w = NULL;
	_cleanup_(wire_out_done) struct wire_out out = { .bytes = BUF_INIT };
	struct identity self = { .kind = IDENTITY_SELF };
	struct heard h = { 0 };
	struct observer o = { .event = hear, .ctx = &h };
	struct meter meter;

	env = (struct worker_env){ .program = support_worker_program(),
				   .rootfd = support_dirfd() };
	ck_assert_ok(worker_start(&env, WORKER_PACKER, &self, NULL, &w, &err), &err);
	meter_init(&meter, &o, 100);
	meter_part(&meter, "t", NULL, 70);
	ck_assert_ok(wire_begin(&out, SUPPORT_WORKER_LIE, &err), &err);
	ck_assert_ok(worker_begin(w, &out, NULL, NULL, &err), &err);
	worker_measure(w, &meter);
	ck_assert_ok(worker_wait(&w, 1, NULL, &err), &err);
	/* Nothing, 50, 60, 70. */
	ck_assert_uint_eq(h.n, 4);
	ck_assert_uint_eq(h.done, 70);
	/* The next request is not the meter's. */
	ck_assert_ok(worker_call(w, &out, NULL, NULL, NULL, &err), &err);
	ck_assert_uint_eq(h.n, 4);
}

END_TEST

/* The tests' own worker program, as the caller. */
static struct worker *start_packer(void)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	struct identity self = { .kind = IDENTITY_SELF };
	struct worker *w = NULL;

	env = (struct worker_env){ .program = support_worker_program(),
				   .rootfd = support_dirfd() };
	ck_assert_ok(worker_start(&env, WORKER_PACKER, &self, NULL, &w, &err), &err);
	return w;
}

START_TEST(worker_that_tells_without_end_is_given_up)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(worker_freep) struct worker *w = NULL;
	_cleanup_(wire_out_done) struct wire_out out = { .bytes = BUF_INIT };

	w = start_packer();
	ck_assert_ok(wire_begin(&out, SUPPORT_WORKER_FLOOD, &err), &err);
	ck_assert_fails(worker_call(w, &out, NULL, NULL, NULL, &err), &err, ERR_CORRUPT,
			"the packer sent too many progress records");
	ck_assert(!worker_is_alive(w));
}

END_TEST

static int take_talk(void *ctx, struct wire_in *in, struct err *err)
{
	(void)ctx;
	(void)err;
	ck_assert_uint_eq(in->type, SUPPORT_WORKER_TALK);
	return 0;
}

START_TEST(worker_that_talks_without_end_does_not_hold_up_its_bytes)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(worker_freep) struct worker *w = NULL;
	_cleanup_(wire_out_done) struct wire_out out = { .bytes = BUF_INIT };
	struct observer o = { .cancel = NULL };
	atomic_bool yes = true;
	int pipe[2];
	char c = 0;

	ck_assert_int_eq(pipe2(pipe, O_CLOEXEC), 0);
	w = start_packer();
	ck_assert_ok(wire_begin(&out, SUPPORT_WORKER_TALK, &err), &err);
	ck_assert_ok(wire_put_fd(&out, pipe[1], &err), &err);
	ck_assert_ok(worker_begin(w, &out, take_talk, NULL, &err), &err);
	ck_assert_ok(worker_wait_readable(w, pipe[0], NULL, &err), &err);
	ck_assert_int_eq(read(pipe[0], &c, 1), 1);
	ck_assert_int_eq(c, 'x');
	/* Nor from being cancelled. */
	o.cancel = &yes;
	ck_assert_fails(worker_wait(&w, 1, &o, &err), &err, ERR_INTERRUPTED, "");
	close(pipe[0]);
	close(pipe[1]);
}

END_TEST

/* Such a worker must not keep its parent, which could not even be interrupted. */
START_TEST(worker_that_reads_no_answers_is_given_up)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(worker_freep) struct worker *w = NULL;
	_cleanup_(wire_out_done) struct wire_out out = { .bytes = BUF_INIT };

	w = start_packer();
	ck_assert_ok(wire_begin(&out, SUPPORT_WORKER_ASK, &err), &err);
	ck_assert_fails(worker_call(w, &out, NULL, NULL, NULL, &err), &err, ERR_CORRUPT,
			"the packer does not read what it is sent");
	ck_assert(!worker_is_alive(w));
}

END_TEST

START_TEST(worker_that_reads_no_requests_is_given_up)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(worker_freep) struct worker *w = NULL;
	_cleanup_(wire_out_done) struct wire_out out = { .bytes = BUF_INIT };
	unsigned n = 0;

	w = start_packer();
	ck_assert_ok(wire_begin(&out, SUPPORT_WORKER_AGREE, &err), &err);
	while (worker_call(w, &out, NULL, NULL, NULL, &err) == 0)
		n++;
	ck_assert_uint_gt(n, 0);
	ck_assert_err(
		&err, ERR_CORRUPT,
		"cannot reach the packer: the packer does not read what it is sent");
	ck_assert(!worker_is_alive(w));
}

END_TEST

Suite *suite_worker(void)
{
	Suite *s = suite_create("worker");
	TCase *t = support_tcase(s, "worker");

	tcase_add_loop_test(t, worker_has_no_rights_no_environment_and_no_descriptors, 0,
			    4);
	tcase_add_test(t, swapper_of_root_keeps_seven_capabilities);
	tcase_add_test(t, worker_of_a_user_is_that_user);
	tcase_add_test(t, plain_user_cannot_act_for_another);
	tcase_add_test(t, missing_program_is_our_failure);
	tcase_add_test(t, worker_that_is_killed_fails_its_request);
	tcase_add_test(t, request_that_fails_leaves_the_worker_alive);
	tcase_add_loop_test(t, unknown_requests_are_refused, 0, 5);
	tcase_add_test(t, cancelled_wait_kills_the_worker);
	tcase_add_test(t, cancelled_start_leaves_no_worker);
	tcase_add_loop_test(t, cancel_needs_no_answer_of_the_swapper, 0, N_CANCELLED);
	tcase_add_test(t, swapper_tells_how_much_there_is_and_how_much_is_free);
	tcase_add_test(t, idle_worker_that_does_not_end_is_killed);
	tcase_add_test(t, started_by_hand_it_says_so);
	tcase_add_test(t, worker_that_reads_no_answers_is_given_up);
	tcase_add_test(t, worker_that_reads_no_requests_is_given_up);
	t = support_tcase(s, "progress");
	tcase_add_test(t, packer_tells_how_far_it_is);
	tcase_add_test(t, packer_leaves_out_what_is_ours_in_all_archives);
	tcase_add_test(t, worker_that_lies_of_its_progress_is_cut_short);
	tcase_add_test(t, worker_that_tells_without_end_is_given_up);
	tcase_add_test(t, worker_that_talks_without_end_does_not_hold_up_its_bytes);
	return s;
}
