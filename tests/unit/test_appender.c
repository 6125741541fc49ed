/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/appender.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "backend/base/alloc.h"
#include "backend/base/fault.h"
#include "tests/unit/support.h"

#define MIB ((size_t)1 << 20)

/* Bytes that repeat in no length that a block may have. */
static uint8_t *make_bytes(size_t n)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	uint8_t *p = alloc_bytes(n + 1, &err);

	ck_assert_ptr_nonnull(p);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 31 + i / 251);
	return p;
}

static int make_file(void)
{
	int fd = openat(support_dirfd(), "f", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
			0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* The file holds these bytes and no others, and can be written to as before. */
static void assert_file(int fd, const uint8_t *p, size_t n)
{
	_cleanup_free_ char *got = NULL;
	size_t size;

	ck_assert_int_eq(fcntl(fd, F_GETFL) & (O_DIRECT | O_ACCMODE), O_RDWR);
	got = support_read(support_dirfd(), "f", &size);
	ck_assert_uint_eq(size, n);
	ck_assert_mem_eq(got, p, n);
}

static int write_in_steps(struct appender *a, int fd, const uint8_t *p, size_t n,
			  size_t step, struct err *err)
{
	appender_begin(a, fd);
	for (size_t at = 0; at < n; at += step)
		if (appender_write(a, p + at, n - at < step ? n - at : step, at, err) < 0)
			return -1;
	return appender_end(a, err);
}

START_TEST(pieces_of_any_size_make_the_file)
{
	static const size_t sizes[] = { 0,       1,       4096,           100000,
					MIB - 1, MIB,     MIB + 1,        3 * MIB + 4095,
					6 * MIB, 5000000, 2 * MIB + 70000 };
	static const size_t steps[] = { 777, 8192, 131072, 1000000, 7 * MIB };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ uint8_t *bytes = make_bytes(6 * MIB);
	_cleanup_(appender_freep) struct appender *a = NULL;

	ck_assert_ok(appender_new(&a, &err), &err);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
			_cleanup_close_ int fd = make_file();

			ck_assert_ok(
				write_in_steps(a, fd, bytes, sizes[i], steps[k], &err),
				&err);
			assert_file(fd, bytes, sizes[i]);
		}
	}
}

END_TEST

START_TEST(holes_stay_where_they_are)
{
	static const struct {
		uint64_t at;
		size_t n;
	} pieces[] = {
		{ 0, 100 },
		{ 200, 5000 },
		{ 65536, 65536 },
		{ 131073, 300000 },
		{ 2 * MIB, 2 * MIB },
		{ 5 * MIB + 4095, 1 },
		{ 5 * MIB + 4097, 70000 },
		{ 8 * MIB + 512, 3 * MIB },
	};
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ uint8_t *bytes = make_bytes(3 * MIB),
			       *wanted = alloc_zero(12 * MIB, 1, &err);
	_cleanup_(appender_freep) struct appender *a = NULL;
	_cleanup_close_ int fd = make_file();
	size_t end = 0;

	ck_assert_ok(appender_new(&a, &err), &err);
	appender_begin(a, fd);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		end = pieces[i].at + pieces[i].n;
		memcpy(wanted + pieces[i].at, bytes, pieces[i].n);
		ck_assert_ok(appender_write(a, bytes, pieces[i].n, pieces[i].at, &err),
			     &err);
	}
	ck_assert_ok(appender_end(a, &err), &err);
	assert_file(fd, wanted, end);
}

END_TEST

START_TEST(bytes_are_changed_wherever_they_are)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ uint8_t *bytes = make_bytes(4 * MIB),
			       *wanted = make_bytes(4 * MIB);
	_cleanup_(appender_freep) struct appender *a = NULL;
	_cleanup_close_ int fd = make_file();
	size_t end = 0;

	/* On the disk, across what is still held, within that, and across the end. */
	static const struct {
		size_t after, at, n;
	} changes[] = {
		{ 3 * MIB, 10, 100 },
		{ 3 * MIB, 4090, 5000 },
		{ 3 * MIB, MIB - 7, 20 },
		{ 3 * MIB + 9000, 3 * MIB - 50, 100 },
		{ 3 * MIB + 9000, 2 * MIB, MIB + 100 },
		{ 3 * MIB + 9000, 3 * MIB + 5, 50 },
		{ 3 * MIB + 9000, 3 * MIB + 8000, 3000 },
	};

	ck_assert_ok(appender_new(&a, &err), &err);
	appender_begin(a, fd);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		size_t at = changes[i].at, n = changes[i].n;

		if (end < changes[i].after)
			ck_assert_ok(appender_write(a, bytes + end,
						    changes[i].after - end, end, &err),
				     &err);
		end = changes[i].after > end ? changes[i].after : end;
		memset(wanted + at, 'A' + (int)i, n);
		ck_assert_ok(appender_write(a, wanted + at, n, at, &err), &err);
		end = at + n > end ? at + n : end;
	}
	ck_assert_ok(appender_write(a, bytes + end, 4 * MIB - end, end, &err), &err);
	ck_assert_ok(appender_end(a, &err), &err);
	assert_file(fd, wanted, 4 * MIB);
}

END_TEST

START_TEST(what_is_abandoned_is_let_go)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ uint8_t *bytes = make_bytes(3 * MIB);
	_cleanup_(appender_freep) struct appender *a = NULL;

	ck_assert_ok(appender_new(&a, &err), &err);
	for (int i = 0; i < 10; i++) {
		_cleanup_close_ int fd = make_file();

		appender_begin(a, fd);
		ck_assert_ok(appender_write(a, bytes, 3 * MIB - 1, 0, &err), &err);
		if (i < 9)
			appender_abandon(a);
		else
			appender_free(TAKE_PTR(a));
	}
}

END_TEST

START_TEST(offsets_beyond_a_file_are_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(appender_freep) struct appender *a = NULL;
	_cleanup_close_ int fd = make_file();

	ck_assert_ok(appender_new(&a, &err), &err);
	appender_begin(a, fd);
	ck_assert_fails(appender_write(a, "x", 1, INT64_MAX, &err), &err, ERR_NO_SPACE,
			"File too large");
	ck_assert_fails(appender_write(a, "xy", 2, UINT64_MAX, &err), &err, ERR_NO_SPACE,
			"File too large");
}

END_TEST

/* Whichever call it is that tells of it: the next one that can does. */
START_TEST(what_does_not_fit_is_told)
{
	struct rlimit limit = { 2 * MIB + 100, RLIM_INFINITY };
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ uint8_t *bytes = make_bytes(6 * MIB);
	_cleanup_(appender_freep) struct appender *a = NULL;
	_cleanup_close_ int fd = make_file();

	if (!support_forks())
		return;
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_ok(appender_new(&a, &err), &err);
	ck_assert_fails(write_in_steps(a, fd, bytes, 6 * MIB, 65536, &err), &err,
			ERR_NO_SPACE, "cannot write: File too large");
	ck_assert_int_eq(appender_end(a, &err), -1);
}

END_TEST

/* Whether what is written directly is not kept in memory here: some file systems
 * are not asked for that, refuse it, or write it like all else, ext4 with
 * data=journal for one. */
static bool writes_past_memory(void)
{
	_cleanup_free_ void *bytes = aligned_alloc(65536, MIB);
	_cleanup_close_ int fd = openat(support_dirfd(), "direct",
					O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);

	struct statfs fs;

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 'd', MIB);
	return fd >= 0 && fstatfs(fd, &fs) == 0 &&
	       (fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC) &&
	       write(fd, bytes, MIB) == (ssize_t)MIB &&
	       support_held_in_memory(fd, 0, MIB) <= 0;
}

START_TEST(long_files_are_not_kept_in_memory)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_free_ uint8_t *bytes = make_bytes(12 * MIB);
	_cleanup_(appender_freep) struct appender *a = NULL;
	_cleanup_close_ int fd = make_file();

	if (!support_need_disk())
		return;
	if (!writes_past_memory()) {
		support_skip("nothing is written directly on this file system");
		return;
	}
	ck_assert_ok(appender_new(&a, &err), &err);
	ck_assert_ok(write_in_steps(a, fd, bytes, 12 * MIB, 8192, &err), &err);
	ck_assert_double_lt(support_held_in_memory(fd, 0, 12 * MIB), 0.1);
}

END_TEST

#ifdef ENABLE_FAULTS

/* The file as a whole with the nth call failing; false: there were fewer. */
static bool try_fault(enum fault_action action, int errnum, uint64_t nth,
		      const uint8_t *bytes)
{
	size_t n = 2 * MIB + 70000;
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(appender_freep) struct appender *a = NULL;
	_cleanup_close_ int fd = make_file();
	bool struck;
	int r;

	ck_assert_ok(appender_new(&a, &err), &err);
	fault_arm(&(struct fault_plan){ FAULT_CALL, action, nth, errnum });
	r = write_in_steps(a, fd, bytes, n, 131072, &err);
	struck = fault_disarm();
	ck_assert_int_eq(r < 0, err.kind != ERR_NONE);
	if (r == 0)
		assert_file(fd, bytes, n);
	else
		ck_assert_msg(struck && err.sys_errno == errnum, "%s", err_message(&err));
	return struck;
}

START_TEST(no_call_that_fails_spoils_the_file)
{
	static const struct {
		enum fault_action action;
		int errnum;
	} faults[] = {
		{ FAULT_ONCE, EINVAL }, { FAULT_ONCE, EIO },    { FAULT_ONCE, ENOSPC },
		{ FAULT_ONCE, EINTR },  { FAULT_FROM, ENOSPC }, { FAULT_SHORT, 0 },
	};

	_cleanup_free_ uint8_t *bytes = make_bytes(3 * MIB);

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		uint64_t nth = 1;

		while (try_fault(faults[i].action, faults[i].errnum, nth, bytes))
			nth++;
		ck_assert_uint_ge(nth, 4);
	}
}

END_TEST

START_TEST(without_memory_there_is_no_appender)
{
	uint64_t nth;

	for (nth = 1;; nth++) {
		_cleanup_(err_clear) struct err err = ERR_INIT;
		_cleanup_(appender_freep) struct appender *a = NULL;
		int r;

		fault_arm(&(struct fault_plan){ FAULT_ALLOC, FAULT_ONCE, nth, 0 });
		r = appender_new(&a, &err);
		if (!fault_disarm()) {
			ck_assert_ok(r, &err);
			break;
		}
		ck_assert_int_eq(r, -1);
		ck_assert_int_eq(err.kind, ERR_NOMEM);
		ck_assert_ptr_null(a);
	}
	ck_assert_uint_ge(nth, 3);
}

END_TEST

#endif

Suite *suite_appender(void)
{
	Suite *s = suite_create("appender");
	TCase *disk = support_tcase_on_disk(s, "disk"),
	      *memory = support_tcase_in_memory(s, "memory");
	TCase *both[] = { disk, memory };

	tcase_add_test(disk, long_files_are_not_kept_in_memory);
	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
		tcase_add_test(both[i], pieces_of_any_size_make_the_file);
		tcase_add_test(both[i], holes_stay_where_they_are);
		tcase_add_test(both[i], bytes_are_changed_wherever_they_are);
		tcase_add_test(both[i], what_is_abandoned_is_let_go);
		tcase_add_test(both[i], what_does_not_fit_is_told);
#ifdef ENABLE_FAULTS
		tcase_add_test(both[i], no_call_that_fails_spoils_the_file);
#endif
	}
	tcase_add_test(memory, offsets_beyond_a_file_are_refused);
#ifdef ENABLE_FAULTS
	tcase_add_test(memory, without_memory_there_is_no_appender);
#endif
	return s;
}
