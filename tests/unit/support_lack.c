/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/unit/support.h"

/*
 * Kernels and file systems that cannot do something are rare at hand; a seccomp filter
 * makes one of any.
 */

/* The bits of O_TMPFILE that are not O_DIRECTORY's. */
#define TMPFILE_BIT ((unsigned)(O_TMPFILE & ~O_DIRECTORY))

#define LOW_HALF    (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)
#define LOAD_NUMBER BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define LOAD_ARGUMENT(i)                                                                 \
 BPF_STMT(BPF_LD | BPF_W | BPF_ABS,                                                      \
	  offsetof(struct seccomp_data, args) + 8 * (i) + LOW_HALF)
#define ANSWER(errnum) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (errnum))

/* Each: unless it is this call with that argument, four further on. */
static const struct {
	unsigned ability;
	struct sock_filter code[5];
} lacks[] = {
	{ SUPPORT_TMPFILE,
	  { LOAD_NUMBER, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
	    LOAD_ARGUMENT(2), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TMPFILE_BIT, 0, 1),
	    ANSWER(EOPNOTSUPP) } },
	{ SUPPORT_NOREPLACE,
	  { LOAD_NUMBER, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 3),
	    LOAD_ARGUMENT(4), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RENAME_NOREPLACE, 0, 1),
	    ANSWER(EINVAL) } },
	{ SUPPORT_EXCHANGE,
	  { LOAD_NUMBER, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 3),
	    LOAD_ARGUMENT(4), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RENAME_EXCHANGE, 0, 1),
	    ANSWER(EINVAL) } },
	{ SUPPORT_OPENAT2,
	  { LOAD_NUMBER, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 3),
	    LOAD_ARGUMENT(0), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0, 0, 1),
	    ANSWER(ENOSYS) } },
	{ SUPPORT_CLOSE,
	  { LOAD_NUMBER, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 0, 3),
	    LOAD_ARGUMENT(0), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0, 0, 1),
	    ANSWER(EDQUOT) } },
};

#define N_LACKS (sizeof(lacks) / sizeof(lacks[0]))

bool support_lack_for(const char *test, unsigned abilities)
{
	struct sock_filter code[5 * N_LACKS + 1];
	struct sock_fprog program = { 0, code };

	if (!support_forks()) {
		support_skip_for(test, "needs a process of its own");
		return false;
	}
	for (size_t i = 0; i < N_LACKS; i++) {
		for (size_t k = 0; (abilities & lacks[i].ability) && k < 5; k++)
			code[program.len++] = lacks[i].code[k];
	}
	code[program.len++] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0)
		return true;
	support_skip_for(test, "no seccomp filters here");
	return false;
}
