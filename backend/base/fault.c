/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/fault.h"

#ifdef ENABLE_FAULTS

# include <errno.h>
# include <fcntl.h>
# include <linux/futex.h>
# include <stdlib.h>
# include <string.h>
# include <sys/mman.h>
# include <sys/syscall.h>
# include <time.h>
# include <unistd.h>

static struct fault_page own_page;

/* The library's only state of its own, and only in builds for tests. */
static struct {
	bool armed;
	struct fault_plan plan;
	struct fault_page *page;
	atomic_bool cut_next;
	/* For programs that are started. */
	int kind;
	const char *text, *path;
} fault = { .page = &own_page };

void fault_arm(const struct fault_plan *plan)
{
	fault.plan = *plan;
	for (int i = 0; i < FAULT_CLASSES; i++)
		atomic_store(&fault.page->count[i], 0);
	atomic_store(&fault.page->struck, 0);
	atomic_store(&fault.cut_next, false);
	fault.armed = true;
}

bool fault_disarm(void)
{
	fault.armed = false;
	atomic_store(&fault.cut_next, false);
	return atomic_load(&fault.page->struck) != 0;
}

void fault_use_page(struct fault_page *page)
{
	fault.page = page;
}

bool fault_wait_halted(struct fault_page *page, unsigned ms)
{
	struct timespec limit = { ms / 1000, (long)(ms % 1000) * 1000000 };

	if (atomic_load(&page->struck) == 0)
		(void)syscall(SYS_futex, &page->struck, FUTEX_WAIT, 0, &limit, NULL, 0);
	return atomic_load(&page->struck) != 0;
}

/* Stands still for good. */
static __attribute__((noreturn)) void halt(void)
{
	(void)syscall(SYS_futex, &fault.page->struck, FUTEX_WAKE, 1, NULL, NULL, 0);
	for (;;)
		pause();
}

uint64_t fault_count(enum fault_class points)
{
	return atomic_load(&fault.page->count[points]);
}

/* Finds the word before the next colon among `n` names; -1 if it is none of them. */
static int parse_word(const char **text, const char *const *names, int n)
{
	size_t len = strcspn(*text, ":");

	for (int i = 0; i < n; i++) {
		if (strlen(names[i]) == len && memcmp(*text, names[i], len) == 0) {
			*text += len;
			return i;
		}
	}
	return -1;
}

/* Reads ":NUMBER"; false if there is none. */
static bool parse_number(const char **text, uint64_t *ret)
{
	char *end;

	if ((*text)[0] != ':' || (*text)[1] < '0' || (*text)[1] > '9')
		return false;
	*ret = strtoull(*text + 1, &end, 10);
	*text = end;
	return true;
}

/* A plan's text. */
static bool parse_plan(const char *text, struct fault_plan *ret)
{
	static const char *const classes[] = { "alloc", "call", "change" };
	static const char *const actions[] = { "once", "from", "short", "die", "halt" };
	uint64_t nth, errnum = EIO;

	int class = parse_word(&text, classes, 3);
	if (class < 0 || *text++ != ':')
		return false;
	int action = parse_word(&text, actions, 5);
	if (action < 0 || !parse_number(&text, &nth) || nth == 0)
		return false;
	if (*text && (!parse_number(&text, &errnum) || errnum == 0 || errnum > 4095))
		return false;
	if (*text)
		return false;
	*ret = (struct fault_plan){ (enum fault_class) class, (enum fault_action)action,
				    nth, (int)errnum };
	return true;
}

bool fault_arm_text(const char *text)
{
	struct fault_plan plan;

	if (!parse_plan(text, &plan))
		return false;
	fault_arm(&plan);
	return true;
}

void fault_arm_programs(int kind, const char *text, const char *page)
{
	fault.kind = kind;
	fault.text = text;
	fault.path = page;
}

void fault_put_arguments(int kind, char **argv)
{
	if (!fault.text || fault.kind != kind)
		return;
	/* argv is not const for historical reasons only. */
	memcpy(&argv[0], &fault.text, sizeof(argv[0]));
	memcpy(&argv[1], &fault.path, sizeof(argv[1]));
}

bool fault_take_arguments(int argc, char **argv)
{
	struct fault_page *page;
	int fd;

	if (argc <= 1)
		return true;
	if (argc != 1 + FAULT_ARGUMENTS || !parse_plan(argv[1], &fault.plan))
		return false;
	fd = open(argv[2], O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	/* Mapped before any right is given up.  Counting goes on from
	 * where the others are. */
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (page == MAP_FAILED)
		return false;
	fault.page = page;
	fault.armed = true;
	return true;
}

/* Counts one point of a class; true if it has to fail. */
static bool pass(enum fault_class points)
{
	uint64_t n = atomic_fetch_add(&fault.page->count[points], 1) + 1;

	if (!fault.armed || fault.plan.points != points || n < fault.plan.nth)
		return false;
	if (n > fault.plan.nth && fault.plan.action != FAULT_FROM)
		return false;
	atomic_store(&fault.page->struck, 1);
	switch (fault.plan.action) {
	case FAULT_DIE:
		_exit(FAULT_EXIT_STATUS);
	case FAULT_HALT:
		halt();
	case FAULT_SHORT:
		atomic_store(&fault.cut_next, true);
		return false;
	case FAULT_ONCE:
	case FAULT_FROM:
		break;
	}
	errno = points == FAULT_ALLOC ? ENOMEM : fault.plan.errnum;
	return true;
}

bool fault_alloc(void)
{
	return pass(FAULT_ALLOC);
}

bool fault_call(void)
{
	return pass(FAULT_CALL);
}

bool fault_change(void)
{
	/* Both count it, whichever of them is armed. */
	bool as_call = pass(FAULT_CALL);
	bool as_change = pass(FAULT_CHANGE);

	return as_call || as_change;
}

size_t fault_length(size_t n)
{
	/* A single byte cannot be halved: the next longer transfer is cut instead. */
	return n > 1 && atomic_exchange(&fault.cut_next, false) ? n / 2 : n;
}

#endif
