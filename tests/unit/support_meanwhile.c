/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/support.h"

/*
 * The moment between a look and the deed that follows it: the kernel asks a thread before
 * it makes the call, and the thread does what another program might do just then.
 */

#define LOW_HALF (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)

static struct {
	pthread_t thread;
	int listener, end[2];
	void (*act)(int nth);
} watch;

/* The thread: acts and lets the call go on, until the test ends it. */
static void *attend(void *unused)
{
	for (int n = 1;; n++) {
		struct pollfd fds[] = { { watch.listener, POLLIN, 0 },
					{ watch.end[0], POLLIN, 0 } };
		struct seccomp_notif asked = { 0 };
		struct seccomp_notif_resp answer = {
			.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE
		};

		if (poll(fds, 2, -1) < 0 || fds[1].revents != 0 ||
		    ioctl(watch.listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
			return unused;
		watch.act(n);
		answer.id = asked.id;
		if (ioctl(watch.listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0)
			return unused;
	}
}

/* The calls, and the bits of an argument that tell them from others of their kind. */
static const struct {
	unsigned call, argument, bits;
} deeds[] = {
	[SUPPORT_EXCHANGING] = { SYS_renameat2, 4, RENAME_EXCHANGE },
	[SUPPORT_NOREPLACING] = { SYS_renameat2, 4, RENAME_NOREPLACE },
	[SUPPORT_OPENING_DIR] = { SYS_openat, 2, O_DIRECTORY | O_NOFOLLOW },
};

/* Has the kernel ask about such calls; -1 where it cannot. */
static int listen_to(enum support_deed deed)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, deeds[deed].call, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) +
							   8 * deeds[deed].argument +
							   LOW_HALF),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, deeds[deed].bits),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, deeds[deed].bits, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

bool support_meanwhile_for(const char *test, enum support_deed deed, void (*act)(int nth))
{
	if (!support_forks()) {
		support_skip_for(test, "needs a process of its own");
		return false;
	}
	watch.act = act;
	watch.listener = listen_to(deed);
	if (watch.listener < 0) {
		support_skip_for(test, "no seccomp listeners here");
		return false;
	}
	ck_assert_int_eq(pipe2(watch.end, O_CLOEXEC), 0);
	ck_assert_int_eq(pthread_create(&watch.thread, NULL, attend, NULL), 0);
	return true;
}

void support_meanwhile_end(void)
{
	close(watch.end[1]);
	pthread_join(watch.thread, NULL);
	close(watch.end[0]);
	close(watch.listener);
}
