/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/support.h"

static void assert_cloexec(int fd)
{
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(sys_close(fd), 0);
}

START_TEST(all_descriptors_close_on_exec)
{
	int dir = support_dirfd(), fds[2];

	assert_cloexec(sys_openat(dir, "f", O_RDWR | O_CREAT, 0600));
	assert_cloexec(sys_dup(dir));
	ck_assert_int_eq(sys_pipe2(fds, 0), 0);
	assert_cloexec(fds[0]);
	assert_cloexec(fds[1]);
	ck_assert_int_eq(sys_socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	assert_cloexec(fds[0]);
	assert_cloexec(fds[1]);
}

END_TEST

START_TEST(resolved_descriptors_close_on_exec)
{
	if (!support_need_openat2())
		return;
	assert_cloexec(sys_openat2(support_dirfd(), ".", O_RDONLY, 0, RESOLVE_BENEATH));
}

END_TEST

START_TEST(passed_descriptors_close_on_exec)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .bytes = { 0 } };

	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	int fds[2], sent = support_dirfd(), got;

	ck_assert_int_eq(sys_socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	ck_assert_ptr_nonnull(c);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &sent, sizeof(int));
	ck_assert_int_eq(sys_sendmsg(fds[0], &msg, 0), 1);
	msg.msg_controllen = sizeof(control.bytes);
	ck_assert_int_eq(sys_recvmsg(fds[1], &msg, 0), 1);
	c = CMSG_FIRSTHDR(&msg);
	ck_assert_ptr_nonnull(c);
	memcpy(&got, CMSG_DATA(c), sizeof(int));
	assert_cloexec(got);
	sys_close_best_effort(fds[0]);
	sys_close_best_effort(fds[1]);
}

END_TEST

/* sys_openat2() for reading; once more while something is renamed on this machine. */
static int open_again(const char *name, uint64_t resolve)
{
	int fd;

	do {
		fd = sys_openat2(support_dirfd(), name, O_RDONLY, 0, resolve);
	} while (fd < 0 && errno == EAGAIN);
	return fd;
}

START_TEST(resolving_stays_beneath)
{
	int dir = support_dirfd();

	if (!support_need_openat2())
		return;
	support_symlink(dir, "out", "/etc");
	support_mkdir(dir, "d", 0755);
	ck_assert_int_eq(open_again("out/passwd", RESOLVE_BENEATH), -1);
	ck_assert_int_eq(errno, EXDEV);
	ck_assert_int_eq(open_again("d/../../x", RESOLVE_BENEATH), -1);
	ck_assert_int_eq(errno, EXDEV);
	ck_assert_int_eq(open_again("out", RESOLVE_NO_SYMLINKS), -1);
	ck_assert_int_eq(errno, ELOOP);
}

END_TEST

START_TEST(closing_with_best_effort_keeps_errno)
{
	errno = ENOTDIR;
	sys_close_best_effort(1000);
	ck_assert_int_eq(errno, ENOTDIR);
	ck_assert_int_eq(sys_close(1000), -1);
	ck_assert_int_eq(errno, EBADF);
}

END_TEST

START_TEST(duplicates_avoid_the_standard_descriptors)
{
	int fd = sys_dup(support_dirfd());

	ck_assert_int_ge(fd, 3);
	ck_assert_int_eq(sys_close(fd), 0);
}

END_TEST

START_TEST(fadvise_reports_by_errno)
{
	int fds[2];

	ck_assert_int_eq(sys_pipe2(fds, 0), 0);
	errno = 0;
	ck_assert_int_eq(sys_posix_fadvise(fds[0], 0, 0, POSIX_FADV_SEQUENTIAL), -1);
	ck_assert_int_eq(errno, ESPIPE);
	sys_close_best_effort(fds[0]);
	sys_close_best_effort(fds[1]);
}

END_TEST

START_TEST(names_are_exchanged_and_not_replaced)
{
	int dir = support_dirfd();

	support_file(dir, "a", 0600, "A");
	support_file(dir, "b", 0600, "B");
	ck_assert_int_eq(sys_renameat2(dir, "a", dir, "b", RENAME_NOREPLACE), -1);
	ck_assert_int_eq(errno, EEXIST);
	if (sys_renameat2(dir, "a", dir, "b", RENAME_EXCHANGE) < 0) {
		support_skip("no RENAME_EXCHANGE on this file system");
		return;
	}
	_cleanup_free_ char *a = support_read(dir, "a", NULL);
	ck_assert_str_eq(a, "B");
}

END_TEST

START_TEST(raw_directory_records_are_read)
{
	_Alignas(8) char records[4096];
	bool found = false;

	support_file(support_dirfd(), "entry", 0600, "");
	ssize_t n = sys_getdents(support_dirfd(), records, sizeof(records));
	ck_assert_int_gt(n, 0);
	for (ssize_t at = 0; at < n;) {
		const struct dirent64 *d = (const struct dirent64 *)(records + at);
		found = found || strcmp(d->d_name, "entry") == 0;
		at += d->d_reclen;
	}
	ck_assert(found);
	ck_assert_int_eq(sys_getdents(support_dirfd(), records, sizeof(records)), 0);
}

END_TEST

/* Runs in a child, whose exit status says what went wrong. */
static int drop_privileges(void)
{
	uint64_t caps = 0;

	if (sys_prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return 1;
	if (sys_setgroups(0, NULL) < 0 || sys_setresgid(65534, 65534, 65534) < 0 ||
	    sys_setresuid(65534, 65534, 65534) < 0)
		return 2;
	if (geteuid() != 65534 || getegid() != 65534 || getuid() != 65534)
		return 3;
	/* CAP_DAC_READ_SEARCH and one of the upper half, if the kernel knows it. */
	if (sys_capset(UINT64_C(1) << 2) < 0)
		return 4;
	if (sys_capget(&caps) < 0 || caps != UINT64_C(1) << 2)
		return 5;
	if (sys_capset(0) < 0 || sys_capget(&caps) < 0 || caps != 0)
		return 6;
	return sys_capset(UINT64_C(1) << 2) < 0 && errno == EPERM ? 0 : 7;
}

START_TEST(identity_and_capabilities_are_dropped)
{
	int status;

	if (!support_need_root())
		return;
	pid_t child = sys_fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(drop_privileges());
	ck_assert_int_eq(sys_waitpid(child, &status, 0), child);
	ck_assert_int_eq(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
	ck_assert_int_eq(geteuid(), 0);
}

END_TEST

START_TEST(ranges_of_descriptors_are_closed)
{
	int status;
	pid_t child = sys_fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		int fd = sys_dup(support_dirfd());
		if (fd < 0 || sys_close_range((unsigned)fd, ~0u, 0) < 0)
			_exit(1);
		_exit(fcntl(fd, F_GETFD) < 0 && errno == EBADF ? 0 : 2);
	}
	ck_assert_int_eq(sys_waitpid(child, &status, 0), child);
	ck_assert_int_eq(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}

END_TEST

Suite *suite_sys(void)
{
	Suite *s = suite_create("sys");
	TCase *tc = support_tcase(s, "sys");

	tcase_add_test(tc, all_descriptors_close_on_exec);
	tcase_add_test(tc, resolved_descriptors_close_on_exec);
	tcase_add_test(tc, passed_descriptors_close_on_exec);
	tcase_add_test(tc, resolving_stays_beneath);
	tcase_add_test(tc, closing_with_best_effort_keeps_errno);
	tcase_add_test(tc, duplicates_avoid_the_standard_descriptors);
	tcase_add_test(tc, fadvise_reports_by_errno);
	tcase_add_test(tc, names_are_exchanged_and_not_replaced);
	tcase_add_test(tc, raw_directory_records_are_read);
	tcase_add_test(tc, identity_and_capabilities_are_dropped);
	tcase_add_test(tc, ranges_of_descriptors_are_closed);
	return s;
}
