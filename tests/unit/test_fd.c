/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/fault.h"
#include "tests/unit/support.h"

static int open_file(const char *name, int flags)
{
	int fd = openat(support_dirfd(), name, flags | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(what_is_written_is_read)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int fd = open_file("f", O_RDWR | O_CREAT);
	char back[20];

	ck_assert_ok(fd_write_all(fd, "hello world", 11, &err), &err);
	ck_assert_ok(fd_pwrite_all(fd, "W", 1, 6, &err), &err);
	ck_assert_ok(fd_pwrite_all(fd, "", 0, 1000, &err), &err);
	ck_assert_int_eq(fd_pread_full(fd, back, 5, 6, &err), 5);
	ck_assert_mem_eq(back, "World", 5);
	ck_assert_int_eq(fd_pread_full(fd, back, 20, 6, &err), 5);
	ck_assert_int_eq(fd_pread_full(fd, back, 20, 100, &err), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_assert_int_eq(fd_read_full(fd, back, 4, &err), 4);
	ck_assert_int_eq(fd_read_full(fd, back, 20, &err), 7);
	ck_assert_int_eq(fd_read_full(fd, back, 20, &err), 0);
	ck_assert_ok(fd_sync(fd, &err), &err);
	ck_assert_ok(fd_close(&fd, &err), &err);
	ck_assert_int_eq(fd, -1);
}

END_TEST

START_TEST(pieces_from_a_pipe_are_put_together)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char block[5000] = { 0 }, back[5000];
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		for (int i = 0; i < 50; i++) {
			if (write(fds[1], block, 100) != 100)
				_exit(1);
			sched_yield();
		}
		_exit(0);
	}
	close(fds[1]);
	ck_assert_int_eq(fd_read_full(fds[0], back, sizeof(back), &err), 5000);
	ck_assert_int_eq(fd_read_full(fds[0], back, sizeof(back), &err), 0);
	close(fds[0]);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

END_TEST

START_TEST(descriptors_that_never_wait_are_waited_for)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	const size_t n = 1 << 20; /* more than a pipe holds */
	char *block = calloc(1, n);
	int fds[2], status;

	ck_assert_ptr_nonnull(block);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		close(fds[0]);
		_exit(fd_write_all(fds[1], block, n, &err) < 0);
	}
	close(fds[1]);
	ck_assert_int_eq(fd_read_full(fds[0], block, n, &err), (ssize_t)n);
	ck_assert_int_eq(fd_read_some(fds[0], block, n, &err), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	close(fds[0]);
	free(block);
}

END_TEST

START_TEST(failures_carry_errno)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int bad = 1000, fd = open_file("f", O_RDONLY | O_CREAT);
	char c = 'x';

	ck_assert_fails(fd_write_all(fd, &c, 1, &err), &err, ERR_IO,
			"cannot write: Bad file");
	ck_assert_fails(fd_pwrite_all(fd, &c, 1, 0, &err), &err, ERR_IO,
			"cannot write: Bad");
	ck_assert_fails(fd_read_full(bad, &c, 1, &err), &err, ERR_IO,
			"cannot read: Bad file");
	ck_assert_fails(fd_pread_full(bad, &c, 1, 0, &err), &err, ERR_IO,
			"cannot read: Bad");
	ck_assert_fails(fd_sync(bad, &err), &err, ERR_IO, "disk: Bad file");
	ck_assert_fails(fd_close(&bad, &err), &err, ERR_IO, "cannot close: Bad file");
	ck_assert_int_eq(bad, -1);
	close(fd);
}

END_TEST

START_TEST(offsets_beyond_a_file_are_refused)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int fd = open_file("f", O_RDWR | O_CREAT);
	char c = 'x';

	ck_assert_fails(fd_pwrite_all(fd, &c, 1, INT64_MAX, &err), &err, ERR_NO_SPACE,
			"large");
	ck_assert_fails(fd_pwrite_all(fd, &c, 1, UINT64_MAX, &err), &err, ERR_NO_SPACE,
			"large");
	ck_assert_fails(fd_pread_full(fd, &c, 1, UINT64_MAX, &err), &err, ERR_NO_SPACE,
			"large");
	close(fd);
}

END_TEST

START_TEST(file_up_to_the_limit_is_read)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT;

	support_file(support_dirfd(), "f", 0600, "0123456789");
	ck_assert_ok(buf_add_str(&b, ">", &err), &err);
	ck_assert_ok(fd_read_file_at(support_dirfd(), "f", 10, &b, &err), &err);
	ck_assert_str_eq(b.data, ">0123456789");
	ck_assert_fails(fd_read_file_at(support_dirfd(), "f", 9, &b, &err), &err,
			ERR_NO_SPACE, "longer than 9 bytes");
	ck_assert_str_eq(b.data, ">0123456789");
	ck_assert_ok(fd_read_file_at(support_dirfd(), "f", SIZE_MAX, &b, &err), &err);
	ck_assert_uint_eq(b.len, 21);
}

END_TEST

START_TEST(limit_of_the_buffer_counts_too)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf enough = BUF_INIT_MAX(10), small = BUF_INIT_MAX(9);

	support_file(support_dirfd(), "f", 0600, "0123456789");
	ck_assert_ok(fd_read_file_at(support_dirfd(), "f", 100, &enough, &err), &err);
	ck_assert_str_eq(enough.data, "0123456789");
	ck_assert_fails(fd_read_file_at(support_dirfd(), "f", 100, &small, &err), &err,
			ERR_NO_SPACE, "longer than 9 bytes");
	ck_assert_uint_eq(small.len, 0);
}

END_TEST

START_TEST(large_file_is_read_whole)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT;
	const size_t n = 300001;
	_cleanup_free_ char *text = malloc(n);

	for (size_t i = 0; i < n; i++)
		text[i] = (char)(i * 7 + i / 1000);
	support_file_n(support_dirfd(), "f", 0600, text, n);
	ck_assert_ok(fd_read_file_at(support_dirfd(), "f", n, &b, &err), &err);
	ck_assert_uint_eq(b.len, n);
	ck_assert_int_eq(memcmp(b.data, text, n), 0);
	buf_clear(&b);
	ck_assert_fails(fd_read_file_at(support_dirfd(), "f", n - 1, &b, &err), &err,
			ERR_NO_SPACE, "longer than 300000");
}

END_TEST

START_TEST(only_regular_files_are_read)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT;
	int dir = support_dirfd();

	support_file(dir, "f", 0600, "x");
	support_symlink(dir, "link", "f");
	support_node(dir, "fifo", S_IFIFO | 0600, 0);
	support_mkdir(dir, "dir", 0700);
	ck_assert_fails(fd_read_file_at(dir, "none", 9, &b, &err), &err, ERR_NOT_FOUND,
			"No such");
	ck_assert_fails(fd_read_file_at(dir, "link", 9, &b, &err), &err, ERR_CORRUPT,
			"link");
	ck_assert_fails(fd_read_file_at(dir, "fifo", 9, &b, &err), &err, ERR_CORRUPT,
			"regular");
	ck_assert_fails(fd_read_file_at(dir, "dir", 9, &b, &err), &err, ERR_CORRUPT,
			"regular");
	ck_assert_ptr_null(b.data);
}

END_TEST

START_TEST(unreadable_file_is_denied)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	_cleanup_(buf_done) struct buf b = BUF_INIT;

	support_file(support_dirfd(), "f", 0, "x");
	if (!support_become_user())
		return;
	ck_assert_fails(fd_read_file_at(support_dirfd(), "f", 9, &b, &err), &err,
			ERR_DENIED, "cannot open: Permission denied");
}

END_TEST

START_TEST(directories_are_opened_without_following)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	int dir = support_dirfd();

	support_mkdir(dir, "dir", 0700);
	support_symlink(dir, "link", "dir");
	support_file(dir, "file", 0600, "");
	int fd = fd_open_dir_at(dir, "dir", &err);
	ck_assert_ok(fd, &err);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	fd = fd_open_dir_at(dir, ".", &err);
	ck_assert_ok(fd, &err);
	close(fd);
	ck_assert_fails(fd_open_dir_at(dir, "link", &err), &err, ERR_IO, "directory");
	ck_assert_fails(fd_open_dir_at(dir, "file", &err), &err, ERR_IO,
			"Not a directory");
	ck_assert_fails(fd_open_dir_at(dir, "none", &err), &err, ERR_NOT_FOUND,
			"No such file");
}

END_TEST

START_TEST(links_lead_nowhere_out_of_a_root)
{
	int root = support_dirfd(), fd;

	if (!support_need_openat2())
		return;
	support_mkdir(root, "d", 0755);
	support_symlink(root, "up", "/../../../d/../d");
	fd = fd_open_in_root(root, "/up", O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(fd, 0);
	close(fd);
	support_symlink(root, "out", "/proc");
	ck_assert_int_eq(fd_open_in_root(root, "/out/self", O_RDONLY), -1);
	ck_assert_int_eq(errno, ENOENT);
}

END_TEST

#ifdef ENABLE_FAULTS

START_TEST(what_is_renamed_meanwhile_is_resolved_again)
{
	static const int passing[] = { EAGAIN, EINTR };
	int fd;

	if (!support_need_openat2())
		return;
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, 1, passing[i] });
		fd = fd_open_in_root(support_dirfd(), "/", O_RDONLY | O_DIRECTORY);
		ck_assert(fault_disarm());
		ck_assert_int_ge(fd, 0);
		close(fd);
		/* But not for ever. */
		fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_FROM, 1, passing[i] });
		fd = fd_open_in_root(support_dirfd(), "/", O_RDONLY | O_DIRECTORY);
		ck_assert_int_eq(errno, passing[i]);
		ck_assert(fault_disarm());
		ck_assert_int_eq(fd, -1);
	}
	fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, 1, EIO });
	fd = fd_open_in_root(support_dirfd(), "/", O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(errno, EIO);
	ck_assert(fault_disarm());
	ck_assert_int_eq(fd, -1);
}

END_TEST

#endif

START_TEST(random_names_differ)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;
	char a[101], b[101];

	ck_assert_ok(fd_random_name(a, 100, &err), &err);
	ck_assert_ok(fd_random_name(b, 100, &err), &err);
	ck_assert_uint_eq(strlen(a), 100);
	ck_assert_uint_eq(strspn(a, "abcdefghijklmnopqrstuvwxyz0123456789"), 100);
	ck_assert_str_ne(a, b);
	ck_assert_ok(fd_random_name(a, 0, &err), &err);
	ck_assert_str_eq(a, "");
}

END_TEST

/* Writes a long file, and each MiB to the disk; `hint` is told of each. */
static void write_long(int fd, uint64_t mib,
		       void (*hint)(int fd, uint64_t *begun, uint64_t at))
{
	static const char block[1 << 20];
	_cleanup_(err_clear) struct err err = ERR_INIT;
	uint64_t begun = 0;

	for (uint64_t i = 0; i < mib; i++) {
		ck_assert_ok(fd_write_all(fd, block, sizeof(block), &err), &err);
		ck_assert_int_eq(fsync(fd), 0);
		hint(fd, &begun, (i + 1) << 20);
	}
}

/* fd_write_behind() */
static void write_behind(int fd, uint64_t *begun, uint64_t at)
{
	bool is_whole_piece = at - *begun == 8 << 20;

	ck_assert_int_eq(fd_write_behind(fd, begun, at), is_whole_piece);
	ck_assert_int_eq(*begun == at, is_whole_piece);
}

START_TEST(what_is_written_past_leaves_the_memory)
{
	_cleanup_close_ int fd = -1;

	if (!support_need_disk())
		return;
	fd = open_file("past", O_RDWR | O_CREAT);
	write_long(fd, 72, fd_write_past);
	ck_assert_double_lt(support_held_in_memory(fd, 0, 32 << 20), 0.5);
}

END_TEST

START_TEST(writing_behind_begins_with_each_piece)
{
	_cleanup_close_ int fd = open_file("behind", O_RDWR | O_CREAT);

	write_long(fd, 20, write_behind);
}

END_TEST

START_TEST(components_stay_in_their_directory)
{
	static const char *const good[] = { "a", "...", ".a", "..a", "a ", "\xff", "\n" };
	static const char *const bad[] = { "", ".", "..", "/", "a/b", "a/", "../a" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(fd_is_component(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!fd_is_component(bad[i]), "%s", bad[i]);
}

END_TEST

Suite *suite_fd(void)
{
	Suite *s = suite_create("fd");
	TCase *tc = support_tcase_on_disk(s, "disk");

	tcase_add_test(tc, what_is_written_past_leaves_the_memory);

	tc = support_tcase(s, "fd");

	tcase_add_test(tc, writing_behind_begins_with_each_piece);
	tcase_add_test(tc, what_is_written_is_read);
	tcase_add_test(tc, pieces_from_a_pipe_are_put_together);
	tcase_add_test(tc, descriptors_that_never_wait_are_waited_for);
	tcase_add_test(tc, failures_carry_errno);
	tcase_add_test(tc, offsets_beyond_a_file_are_refused);
	tcase_add_test(tc, file_up_to_the_limit_is_read);
	tcase_add_test(tc, limit_of_the_buffer_counts_too);
	tcase_add_test(tc, large_file_is_read_whole);
	tcase_add_test(tc, only_regular_files_are_read);
	tcase_add_test(tc, unreadable_file_is_denied);
	tcase_add_test(tc, directories_are_opened_without_following);
	tcase_add_test(tc, links_lead_nowhere_out_of_a_root);
#ifdef ENABLE_FAULTS
	tcase_add_test(tc, what_is_renamed_meanwhile_is_resolved_again);
#endif
	tcase_add_test(tc, components_stay_in_their_directory);
	tcase_add_test(tc, random_names_differ);
	return s;
}
