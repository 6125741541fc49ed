/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/makers.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/tree/apply.h"
#include "tests/unit/support.h"
#include "tests/unit/support_entries.h"
#include "tests/unit/support_tar.h"

#define N_SEEDS   6
#define N_ENTRIES 160
#define N_PATHS   400
#define LARGE     (MAKERS_FILE_MAX + 70000)

/* One target that entries go into. */
struct making {
	struct apply_target target;
	struct apply_notes notes;
	struct owners *owners;
	struct apply *a;
	struct unpack_sink sink;
	struct err err;
};

static void making_begin(struct making *m, const char *name, unsigned threads)
{
	unsigned flags = geteuid() == 0 ? APPLY_OWNERS | APPLY_TRUSTED : 0;

	support_mkdir(support_dirfd(), name, 0700);
	*m = (struct making){ .target = { .path = "common" }, .err = ERR_INIT };
	m->target.fd = openat(support_dirfd(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(m->target.fd, 0);
	apply_notes_init(&m->notes);
	m->owners = support_owners();
	ck_assert_ok(apply_new(&m->target, 1, flags, threads, m->owners, &m->notes.report,
			       &m->a, &m->err),
		     &m->err);
	m->sink = apply_sink(m->a);
}

static void making_end(struct making *m)
{
	apply_free(m->a);
	close(m->target.fd);
	apply_notes_done(&m->notes);
	owners_free(m->owners);
	err_clear(&m->err);
}

/* An entry of the test's user. */
static struct entry own_entry(enum entry_type type, const char *path, const char *target)
{
	struct entry e = entry_lent(type, path, target);

	e.uid = geteuid();
	e.gid = getegid();
	e.mtime = (struct timespec){ 1600000000, 123456789 };
	if (type == ENTRY_DIR)
		e.mode = 0750;
	return e;
}

static int put(struct making *m, const struct entry *e)
{
	return m->sink.entry(m->sink.ctx, e, &m->err);
}

/* A file of n bytes of its own. */
static int put_file(struct making *m, const char *path, size_t n)
{
	struct entry e = own_entry(ENTRY_FILE, path, NULL);
	char data[64];

	memset(data, path[strlen(path) - 1], sizeof(data));
	ck_assert_uint_le(n, sizeof(data));
	e.size = e.stored = n;
	if (put(m, &e) < 0)
		return -1;
	return n ? m->sink.data(m->sink.ctx, 0, data, n, &m->err) : 0;
}

static int put_dir(struct making *m, const char *path)
{
	struct entry e = own_entry(ENTRY_DIR, path, NULL);

	return put(m, &e);
}

/* --- Trees that chance has made. --- */

/* The same stream for the same seed. */
struct chance {
	uint64_t state;
	struct making *m;
	char paths[N_PATHS][120];
	enum entry_type types[N_PATHS];
	size_t n;
	char data[LARGE];
};

static unsigned chance(struct chance *c, unsigned n)
{
	c->state = c->state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(c->state >> 33) % n;
}

/* Sends an entry with what its file holds. */
static void send_entry(struct chance *c, const struct entry *e)
{
	struct making *m = c->m;

	ck_assert_ok(put(m, e), &m->err);
	for (size_t at = 0; e->type == ENTRY_FILE && at < e->stored;) {
		size_t part = 1 + chance(c, 60000);
		uint64_t from = e->sparse ? e->extents[0].offset : 0;

		if (part > e->stored - at)
			part = e->stored - at;
		ck_assert_ok(
			m->sink.data(m->sink.ctx, from + at, c->data + at, part, &m->err),
			&m->err);
		at += part;
	}
}

/* A file of any kind. */
static void send_file(struct chance *c, const char *path)
{
	static const uint32_t modes[] = { 0644, 0444, 0, 0600, 0755, 0666, 04755, 02750 };
	struct entry e = own_entry(ENTRY_FILE, path, NULL);
	struct entry_xattr xattr = { entry_lend("user.test"), entry_lend("v"), 1 };
	struct entry_extent extent = { 8192, 4096 };

	e.mode = modes[chance(c, 8)];
	if (geteuid() != 0)
		e.mode |= 0400; /* to be compared */
	e.mtime.tv_sec += chance(c, 1000);
	e.size = chance(c, 12) == 0 ? chance(c, LARGE) : chance(c, 6000);
	if (chance(c, 10) == 0)
		e.size = 0;
	e.stored = e.size;
	if (geteuid() == 0 && chance(c, 3) == 0)
		e.uid = e.gid = 1 + chance(c, 3);
	switch (chance(c, 12)) {
	case 0:
		e.xattrs = &xattr;
		e.n_xattrs = 1;
		break;
	case 1:
		e.mode = 0640;
		e.acl_access = entry_lend("user::rw-,user:1:r--:1,group::r--,"
					  "mask::r--,other::---");
		break;
	case 2:
		e.sparse = true;
		e.size = 40000;
		e.stored = extent.length;
		e.extents = &extent;
		e.n_extents = 1;
		break;
	default:
		break;
	}
	send_entry(c, &e);
}

/* A directory that its owner can look through. */
static void send_dir(struct chance *c, const char *path)
{
	static const uint32_t modes[] = { 0755, 0500, 0555, 0700, 02755, 01777 };
	struct entry e = own_entry(ENTRY_DIR, path, NULL);

	e.mode = modes[chance(c, 6)];
	e.mtime.tv_sec -= chance(c, 1000);
	if (chance(c, 10) == 0)
		e.acl_default = entry_lend("user::rwx,group::r-x,other::---");
	send_entry(c, &e);
}

/* One more name for any that is no directory, or a file if there is none. */
static void send_link(struct chance *c, const char *path)
{
	size_t i = chance(c, (unsigned)c->n - 1); /* not itself */
	struct entry e = own_entry(ENTRY_HARDLINK, path, c->paths[i]);

	if (c->types[i] == ENTRY_DIR)
		send_file(c, path);
	else
		send_entry(c, &e);
}

static void send_other(struct chance *c, const char *path)
{
	struct entry e = own_entry(chance(c, 2) ? ENTRY_FIFO : ENTRY_SYMLINK, path, NULL);

	if (e.type == ENTRY_SYMLINK)
		e.target = entry_lend("../some/where");
	send_entry(c, &e);
}

/* What comes next in `dir`: most often in the order of a walk, sometimes the stream goes
 * back to where it was long before. */
static void send_one(struct chance *c, size_t dir)
{
	unsigned kind = chance(c, 20);
	size_t i = c->n++;
	char path[sizeof(c->paths[0])];

	ck_assert_uint_lt(i, N_PATHS);
	snprintf(path, sizeof(path), "%.100s/%zu", c->paths[dir], i);
	memcpy(c->paths[i], path, sizeof(path));
	c->types[i] = kind < 3 ? ENTRY_DIR : ENTRY_FILE;
	if (kind < 3)
		send_dir(c, c->paths[i]);
	else if (kind < 5)
		send_link(c, c->paths[i]);
	else if (kind < 6)
		send_other(c, c->paths[i]);
	else
		send_file(c, c->paths[i]);
}

static void send_tree(struct making *m, uint64_t seed)
{
	struct chance *c = calloc(1, sizeof(*c));
	size_t dir = 0;

	ck_assert_ptr_nonnull(c);
	*c = (struct chance){ .state = seed, .m = m };
	for (size_t i = 0; i < LARGE; i++)
		c->data[i] = (char)chance(c, 256);
	snprintf(c->paths[0], sizeof(c->paths[0]), "common");
	c->types[0] = ENTRY_DIR;
	c->n = 1;
	send_dir(c, c->paths[0]);
	for (int i = 0; i < N_ENTRIES; i++) {
		size_t last = c->n - 1;

		send_one(c, dir);
		if (c->types[c->n - 1] == ENTRY_DIR && strlen(c->paths[last]) < 90)
			dir = c->n - 1;
		else if (chance(c, 30) == 0)
			dir = chance(c, (unsigned)c->n);
		while (c->types[dir] != ENTRY_DIR)
			dir--;
	}
	ck_assert_ok(m->sink.finish(m->sink.ctx, &m->err), &m->err);
	free(c);
}

START_TEST(makers_make_the_same_tree_with_any_number_of_threads)
{
	static const unsigned threads[] = { 2, 4 };
	uint64_t seed = (uint64_t)_i * 7919 + 1;
	struct making one, many;

	making_begin(&one, "one", 1);
	send_tree(&one, seed);
	for (size_t i = 0; i < sizeof(threads) / sizeof(*threads); i++) {
		char name[16];

		snprintf(name, sizeof(name), "many-%u", threads[i]);
		making_begin(&many, name, threads[i]);
		send_tree(&many, seed);
		ck_assert_tree_eq(one.target.fd, many.target.fd);
		ck_assert_str_eq(one.notes.text.data ? one.notes.text.data : "",
				 many.notes.text.data ? many.notes.text.data : "");
		making_end(&many);
	}
	making_end(&one);
}

END_TEST

START_TEST(makers_keep_up_with_trees_deeper_than_what_stays_open)
{
	char path[2000] = "common";
	struct making one, many;
	struct making *both[] = { &one, &many };

	making_begin(&one, "one", 1);
	making_begin(&many, "many", 4);
	for (int i = 0; i < 2; i++) {
		size_t n = strlen("common");

		ck_assert_ok(put_dir(both[i], "common"), &both[i]->err);
		for (int k = 0; k < 40; k++) {
			n += (size_t)snprintf(path + n, sizeof(path) - n, "/d%d", k);
			ck_assert_ok(put_dir(both[i], path), &both[i]->err);
			for (int f = 0; f < 5; f++) {
				snprintf(path + n, sizeof(path) - n, "/a%d", f);
				ck_assert_ok(put_file(both[i], path, 10), &both[i]->err);
			}
			path[n] = '\0';
		}
		while (n > strlen("common")) {
			snprintf(path + n, sizeof(path) - n, "/z");
			ck_assert_ok(put_file(both[i], path, 10), &both[i]->err);
			path[n] = '\0';
			n = (size_t)(strrchr(path, '/') - path);
		}
		ck_assert_ok(both[i]->sink.finish(both[i]->sink.ctx, &both[i]->err),
			     &both[i]->err);
	}
	ck_assert_tree_eq(one.target.fd, many.target.fd);
	making_end(&one);
	making_end(&many);
}

END_TEST

START_TEST(makers_do_not_run_out_of_few_descriptors)
{
	struct rlimit before, few;
	struct making m;
	char path[32];

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){ 32, before.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	making_begin(&m, "out", 4);
	ck_assert_ok(put_dir(&m, "common"), &m.err);
	for (int i = 0; i < 800; i++) {
		snprintf(path, sizeof(path), "common/%d", i);
		ck_assert_ok(put_dir(&m, path), &m.err);
		snprintf(path, sizeof(path), "common/%d/f", i);
		ck_assert_ok(put_file(&m, path, 10), &m.err);
	}
	ck_assert_ok(m.sink.finish(m.sink.ctx, &m.err), &m.err);
	making_end(&m);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}

END_TEST

START_TEST(makers_set_modes_whatever_the_umask)
{
	static const mode_t masks[] = { 0, 022, 077, 0777 };
	char path[64];

	for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++) {
		struct making m;
		struct stat st;
		mode_t old;

		snprintf(path, sizeof(path), "out-%zu", i);
		making_begin(&m, path, 2);
		old = umask(masks[i]);
		ck_assert_ok(put_dir(&m, "common"), &m.err);
		for (unsigned mode = 0; mode < 01000; mode += 7) {
			struct entry e = own_entry(ENTRY_FILE, path, NULL);

			snprintf(path, sizeof(path), "common/%03o", mode);
			e.mode = mode;
			ck_assert_ok(put(&m, &e), &m.err);
		}
		ck_assert_ok(m.sink.finish(m.sink.ctx, &m.err), &m.err);
		umask(old);
		for (unsigned mode = 0; mode < 01000; mode += 7) {
			snprintf(path, sizeof(path), "%03o", mode);
			ck_assert_int_eq(fstatat(m.target.fd, path, &st, 0), 0);
			ck_assert_uint_eq(st.st_mode & 07777, mode);
		}
		making_end(&m);
	}
}

END_TEST

/* --- What fails. --- */

/* A directory of 40 files, of which one comes twice. */
static int put_doubled(struct making *m, const char *dir, int doubled)
{
	char path[64];

	if (put_dir(m, dir) < 0)
		return -1;
	for (int i = 0; i < 40; i++) {
		snprintf(path, sizeof(path), "%s/%d", dir, i);
		if (put_file(m, path, 60) < 0 ||
		    (i == doubled && put_file(m, path, 60) < 0))
			return -1;
	}
	return 0;
}

START_TEST(makers_tell_what_fails_first_in_the_stream)
{
	struct making m;
	int r;

	making_begin(&m, "out", 2 + (unsigned)_i % 3);
	r = put_dir(&m, "common");
	/* The first one's thread gets to it when the others have failed already. */
	if (r == 0)
		r = put_doubled(&m, "common/a", 39);
	for (char dir[] = "common/b"; r == 0 && dir[7] <= 'k'; dir[7]++)
		r = put_doubled(&m, dir, 0);
	if (r == 0)
		r = m.sink.finish(m.sink.ctx, &m.err);
	ck_assert_fails(r, &m.err, ERR_CORRUPT, "\"common/a/39\" comes twice");
	making_end(&m);
}

END_TEST

START_TEST(makers_tell_of_a_file_before_what_the_stream_fails_with)
{
	struct making m;

	making_begin(&m, "out", 2);
	ck_assert_ok(put_dir(&m, "common"), &m.err);
	ck_assert_ok(put_doubled(&m, "common/a", 39), &m.err);
	ck_assert_ok(put_dir(&m, "common/b"), &m.err);
	err_set(&m.err, ERR_IO, "the stream is cut");
	apply_give_up(m.a, &m.err);
	ck_assert_err(&m.err, ERR_CORRUPT, "\"common/a/39\" comes twice");
	making_end(&m);
}

END_TEST

START_TEST(makers_tell_of_a_file_without_the_entry_that_waited_for_it)
{
	struct making m;

	making_begin(&m, "out", 4);
	ck_assert_ok(put_dir(&m, "common"), &m.err);
	ck_assert_ok(put_file(&m, "common/first", 10), &m.err);
	ck_assert_ok(put_dir(&m, "common/a"), &m.err);
	ck_assert_ok(put_file(&m, "common/f", 10), &m.err);
	ck_assert_ok(put_file(&m, "common/f", 10), &m.err);
	/* Back into the directory that was left. */
	ck_assert_int_eq(put_file(&m, "common/a/x", 10), -1);
	ck_assert_int_eq(m.err.kind, ERR_CORRUPT);
	ck_assert_str_eq(err_message(&m.err), "archive entry \"common/f\" comes twice");
	making_end(&m);
}

END_TEST

START_TEST(makers_leave_the_failure_of_a_stream_alone)
{
	struct making m;

	making_begin(&m, "out", 2);
	ck_assert_ok(put_dir(&m, "common"), &m.err);
	ck_assert_ok(put_doubled(&m, "common/a", -1), &m.err);
	err_set(&m.err, ERR_IO, "the stream is cut");
	apply_give_up(m.a, &m.err);
	ck_assert_err(&m.err, ERR_IO, "the stream is cut");
	making_end(&m);
}

END_TEST

START_TEST(makers_tell_of_a_file_before_a_directory_that_cannot_be_made)
{
	struct making m;

	making_begin(&m, "out", 2);
	ck_assert_ok(put_dir(&m, "common"), &m.err);
	ck_assert_ok(put_dir(&m, "common/z"), &m.err);
	ck_assert_ok(put_doubled(&m, "common/a", 39), &m.err);
	ck_assert_fails(put_dir(&m, "common/z"), &m.err, ERR_CORRUPT,
			"\"common/a/39\" comes twice");
	making_end(&m);
}

END_TEST

START_TEST(makers_refuse_data_that_do_not_fit)
{
	struct entry e = own_entry(ENTRY_FILE, "common/short", NULL);
	struct making m;

	e.size = e.stored = 5;
	making_begin(&m, "out", 2);
	ck_assert_ok(put_dir(&m, "common"), &m.err);
	ck_assert_ok(put_file(&m, "common/first", 1), &m.err);
	ck_assert_ok(put(&m, &e), &m.err);
	ck_assert_ok(m.sink.data(m.sink.ctx, 0, "1234", 4, &m.err), &m.err);
	ck_assert_fails(m.sink.data(m.sink.ctx, 4, "56", 2, &m.err), &m.err, ERR_CORRUPT,
			"data of \"common/short\" lie outside of it");
	ck_assert_fails(m.sink.data(m.sink.ctx, 3, "4", 1, &m.err), &m.err, ERR_CORRUPT,
			"data of \"common/short\" lie outside of it");
	ck_assert_fails(put_dir(&m, "common/dir"), &m.err, ERR_CORRUPT,
			"\"common/short\" has 4 bytes instead of 5");
	making_end(&m);
}

END_TEST

START_TEST(makers_end_in_the_middle_of_their_work)
{
	struct making m;

	making_begin(&m, "out", 4);
	ck_assert_ok(put_dir(&m, "common"), &m.err);
	for (char dir[] = "common/a"; dir[7] <= 'z'; dir[7]++)
		ck_assert_ok(put_doubled(&m, dir, -1), &m.err);
	making_end(&m);
}

END_TEST

Suite *suite_makers(void)
{
	Suite *s = suite_create("makers");
	TCase *t = support_tcase(s, "trees");

	tcase_add_loop_test(t, makers_make_the_same_tree_with_any_number_of_threads, 0,
			    N_SEEDS);
	tcase_add_test(t, makers_keep_up_with_trees_deeper_than_what_stays_open);
	tcase_add_test(t, makers_do_not_run_out_of_few_descriptors);
	tcase_add_test(t, makers_set_modes_whatever_the_umask);
	t = support_tcase(s, "failures");
	tcase_add_loop_test(t, makers_tell_what_fails_first_in_the_stream, 0, 12);
	tcase_add_test(t, makers_tell_of_a_file_before_what_the_stream_fails_with);
	tcase_add_test(t, makers_tell_of_a_file_without_the_entry_that_waited_for_it);
	tcase_add_test(t, makers_leave_the_failure_of_a_stream_alone);
	tcase_add_test(t, makers_tell_of_a_file_before_a_directory_that_cannot_be_made);
	tcase_add_test(t, makers_refuse_data_that_do_not_fit);
	tcase_add_test(t, makers_end_in_the_middle_of_their_work);
	return s;
}
