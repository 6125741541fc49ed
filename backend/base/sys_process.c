/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/sys.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/fault.h"

/* The second half of sys.h: pipes, sockets, processes, threads, identity. */

#define THREAD_STACK ((size_t)1 << 20)

int sys_pipe2(int fds[2], int flags)
{
	return fault_call() ? -1 : pipe2(fds, flags | O_CLOEXEC);
}

int sys_socketpair(int domain, int type, int protocol, int fds[2])
{
	return fault_call() ? -1 : socketpair(domain, type | SOCK_CLOEXEC, protocol, fds);
}

int sys_socket(int domain, int type, int protocol)
{
	return fault_call() ? -1 : socket(domain, type | SOCK_CLOEXEC, protocol);
}

int sys_connect(int fd, const struct sockaddr *address, socklen_t n)
{
	return fault_call() ? -1 : connect(fd, address, n);
}

ssize_t sys_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return fault_change() ? -1 : sendmsg(fd, msg, flags);
}

ssize_t sys_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return fault_call() ? -1 : recvmsg(fd, msg, flags | MSG_CMSG_CLOEXEC);
}

int sys_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	return fault_call() ? -1 : poll(fds, n, timeout_ms);
}

pid_t sys_fork(void)
{
	return fault_call() ? -1 : fork();
}

pid_t sys_waitpid(pid_t pid, int *status, int options)
{
	/* As in life: of one's own child only a signal keeps it. */
	return fault_call() && errno == EINTR ? -1 : waitpid(pid, status, options);
}

int sys_kill(pid_t pid, int sig)
{
	bool fails = fault_call();
	int errnum = errno;
	int r = kill(pid, sig);

	/* One's own child gets the signal in any case: nothing would end it otherwise. */
	if (!fails)
		return r;
	errno = errnum;
	return -1;
}

ssize_t sys_getrandom(void *p, size_t n, unsigned flags)
{
	return fault_call() ? -1 : getrandom(p, n, flags);
}

int sys_clock_gettime(clockid_t clock, struct timespec *ts)
{
	return fault_call() ? -1 : clock_gettime(clock, ts);
}

int64_t sys_monotonic_ms(void)
{
	struct timespec ts;

	if (sys_clock_gettime(CLOCK_MONOTONIC, &ts) < 0)
		return -1;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return fault_call() ? -1 : (int)syscall(SYS_close_range, first, last, flags);
}

unsigned sys_cpu_count(void)
{
	cpu_set_t set[8]; /* a single one is too small from 1,025 processors on */

	CPU_ZERO_S(sizeof(set), set);
	if (fault_call() || sched_getaffinity(0, sizeof(set), set) < 0)
		return 1;

	int n = CPU_COUNT_S(sizeof(set), set);
	return n > 0 ? (unsigned)n : 1;
}

int sys_thread_start(pthread_t *ret, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int errnum;

	if (fault_call())
		return -1;
	errnum = pthread_attr_init(&attr);
	if (errnum == 0) {
		/* Address space is limited in workers; our threads call nothing deep. */
		(void)pthread_attr_setstacksize(&attr, THREAD_STACK);
		/* A new thread inherits the mask: at no moment does it take signals. */
		sigfillset(&all);
		(void)pthread_sigmask(SIG_SETMASK, &all, &old);
		errnum = pthread_create(ret, &attr, run, arg);
		(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
		pthread_attr_destroy(&attr);
	}
	if (errnum == 0)
		return 0;
	errno = errnum;
	return -1;
}

/*
 * The C library would change the identity of all threads by signalling them, and the
 * calls that take 32-bit ids have names of their own on some architectures.
 */
#ifdef SYS_setresuid32
# define SYS_SETGROUPS SYS_setgroups32
# define SYS_SETRESGID SYS_setresgid32
# define SYS_SETRESUID SYS_setresuid32
#else
# define SYS_SETGROUPS SYS_setgroups
# define SYS_SETRESGID SYS_setresgid
# define SYS_SETRESUID SYS_setresuid
#endif

int sys_setgroups(size_t n, const gid_t *groups)
{
	return fault_call() ? -1 : (int)syscall(SYS_SETGROUPS, n, groups);
}

int sys_setresgid(gid_t r, gid_t e, gid_t s)
{
	return fault_call() ? -1 : (int)syscall(SYS_SETRESGID, r, e, s);
}

int sys_setresuid(uid_t r, uid_t e, uid_t s)
{
	return fault_call() ? -1 : (int)syscall(SYS_SETRESUID, r, e, s);
}

int sys_setuid(uid_t uid)
{
	return fault_call() ? -1 : (int)syscall(SYS_setuid, uid);
}

int sys_getrlimit(int resource, struct rlimit *limit)
{
	return fault_call() ? -1 : getrlimit((__rlimit_resource_t)resource, limit);
}

int sys_setrlimit(int resource, const struct rlimit *limit)
{
	return fault_call() ? -1 : setrlimit((__rlimit_resource_t)resource, limit);
}

int sys_chdir(const char *path)
{
	return fault_call() ? -1 : chdir(path);
}

mode_t sys_umask(mode_t mask)
{
	return umask(mask); /* cannot fail */
}

int sys_prctl(int option, unsigned long a, unsigned long b, unsigned long c,
	      unsigned long d)
{
	return fault_call() ? -1 : prctl(option, a, b, c, d);
}

int sys_capset(uint64_t mask)
{
	struct __user_cap_header_struct header = { .version =
							   _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	if (fault_call())
		return -1;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].permitted = data[i].effective = (uint32_t)(mask >> (32 * i));
	return (int)syscall(SYS_capset, &header, data);
}

int sys_capget(uint64_t *ret_effective)
{
	struct __user_cap_header_struct header = { .version =
							   _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	if (fault_call() || syscall(SYS_capget, &header, data) < 0)
		return -1;
	*ret_effective = data[0].effective | (uint64_t)data[1].effective << 32;
	return 0;
}
