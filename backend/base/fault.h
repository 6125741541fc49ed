/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_BASE_FAULT_H
#define SETASIDE_BASE_FAULT_H

/*
 * fault: points where a test makes memory, a system call or the process itself fail.
 *
 * Only builds with --enable-faults (ENABLE_FAULTS) have them; in all others the points
 * are constants and cost nothing.  There is one plan and one set of counters for each
 * process: a forked child goes on with a copy of both, an executed program starts anew.
 *
 *	for (n = 1;; n++) {
 *		fault_arm(&(struct fault_plan){ FAULT_CALL, FAULT_ONCE, n, EIO });
 *		operation();
 *		if (!fault_disarm())
 *			break;	// fewer than n points were passed: all have been tried
 *		...		// right kind?  nothing leaked?  state old or new?
 *	}
 *
 * Points may be passed by several threads; arming and disarming needs quiet.
 *
 * Programs that are started can be armed as well: they get the plan as a text among
 * their arguments, and the name of a file in which all of them count together, so
 * that "the nth" is the nth of them all and the starter sees whether it struck
 * (struct fault_page).  A process that is to be watched by another can count in such
 * a page, too (fault_use_page()).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_class {
	FAULT_ALLOC,  /* every allocation of alloc.h */
	FAULT_CALL,   /* every call of sys.h */
	FAULT_CHANGE, /* those calls of sys.h that change what others can see */
};

enum fault_action {
	FAULT_ONCE,  /* the nth fails */
	FAULT_FROM,  /* the nth and all after it fail */
	FAULT_SHORT, /* the first transfer from the nth on moves only half of its bytes */
	FAULT_DIE,   /* the process ends before the nth is done, without any clean-up */
	FAULT_HALT,  /* it stands still before the nth until it is
		     * killed: fault_wait_halted() */
};

/* What the process ends with under FAULT_DIE. */
#define FAULT_EXIT_STATUS 99

struct fault_plan {
	enum fault_class points;
	enum fault_action action;
	uint64_t nth; /* from 1 */
	int errnum;   /* for FAULT_ONCE and FAULT_FROM; allocations just fail */
};

#define FAULT_CLASSES 3
/* What a program may get as arguments: a plan's text and a page's path. */
#define FAULT_ARGUMENTS 2

#ifdef ENABLE_FAULTS

# include <stdatomic.h>

/* The counters; a file of this size may hold them for several processes. */
struct fault_page {
	atomic_uint_fast64_t count[FAULT_CLASSES];
	atomic_uint struck; /* 0 or 1; what waits for it is a futex */
};

/* Counts there from now on; borrowed, for good. */
void fault_use_page(struct fault_page *page);

/* Waits until a process that counts there has halted, but for so long at
 * most; true if one has. */
bool fault_wait_halted(struct fault_page *page, unsigned ms);

/* Sets the plan and puts all counters to 0. */
void fault_arm(const struct fault_plan *plan);

/* Ends the plan; true if it struck.  Counters stay as they are until the next plan. */
bool fault_disarm(void);

/* How many points of a class were passed since the start or the last fault_arm(). */
uint64_t fault_count(enum fault_class points);

/* Arms by text, for a program under test: CLASS:ACTION:NTH[:ERRNUM], as in
 * "change:die:12" or "call:once:3:28".  False if it is not of that form. */
bool fault_arm_text(const char *text);

/* Programs of a kind (a number of the starter's own) get these arguments from now on;
 * both are borrowed.  `text` NULL: none.  One kind at a time. */
void fault_arm_programs(int kind, const char *text, const char *page);
/* The starter's part: puts them into argv, which has room for FAULT_ARGUMENTS more. */
void fault_put_arguments(int kind, char **argv);
/* The program's part, first of all: false if they are not what they should be. */
bool fault_take_arguments(int argc, char **argv);

/* The points: true if this one has to fail (fault_call and fault_change set errno). */
bool fault_alloc(void);
bool fault_call(void);
bool fault_change(void);

/* How much of n bytes a transfer may move. */
size_t fault_length(size_t n);

#else

static inline void fault_put_arguments(int kind, char **argv)
{
	(void)kind;
	(void)argv;
}

static inline bool fault_take_arguments(int argc, char **argv)
{
	(void)argv;
	return argc <= 1;
}

static inline bool fault_alloc(void)
{
	return false;
}

static inline bool fault_call(void)
{
	return false;
}

static inline bool fault_change(void)
{
	return false;
}

static inline size_t fault_length(size_t n)
{
	return n;
}

#endif

#endif
