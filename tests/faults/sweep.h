/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_FAULTS_SWEEP_H
#define SETASIDE_TESTS_FAULTS_SWEEP_H

/*
 * sweep: the points at which an operation is struck.
 *
 *	main		options, the processes that share the work, what is told
 *	sweep		every point of an operation, at every place
 *	nested		recovery that dies at every point, of what died at every point
 *	variants	operations that only these sweeps have (tests/machine has the
 *			others)
 */

#include <stdatomic.h>
#include <time.h>

#include "backend/base/fault.h"
#include "tests/machine/machine.h"

#ifndef ENABLE_FAULTS
# error "configure with --enable-faults"
#endif

/* ---- variants ---- */

struct variant {
	struct operation operation;
	bool no_exchange; /* on a file system that cannot exchange two names */
	bool needs_root;
};

extern const struct variant variants[];
extern const size_t n_variants;

/* Makes their templates; behind operations_prepare().  As root it
 * needs mounts of its own. */
void variants_prepare(const struct world *w);
/* From now on no file system can exchange names: for this process
 * and all that it starts. */
void forbid_exchange(void);

/* ---- sweep ---- */

/* What strikes. */
struct fault {
	const char *name;
	enum fault_class points;
	enum fault_action action;
	int errnum;
	const char *text; /* of the plan, in two halves around the number */
	const char *rest;
};

extern const struct fault faults[];
extern const size_t n_faults;
extern const struct fault *const fault_death; /* one of them */

/* Sums of a row: an operation, place and fault; or an operation and two places, nested.
 * Shared by the processes. */
struct sums {
	atomic_ulong points, struck, broken;
};

struct sweep {
	time_t end;             /* when it is to end; 0: when all is done */
	atomic_uint *cut_short; /* operations, by one process each; shared */
	uint64_t share, shares, seed;
	unsigned jobs, job;
	const char *operation, *place, *fault;
	uint64_t nth; /* 0: all */
	/* below which machines are that do not rest; NULL: the fastest */
	const char *dir;
	struct sums *sums;
	struct world machines[2];  /* of this process; the second is the resting one */
	const struct world *world; /* that of the operation */
	struct report *report;     /* shared */
	const char *laid; /* template that the machine is as good as; NULL: none */
	char *fresh;      /* whole_text() of such a machine */
};

/* All operations, the machine's first. */
size_t sweep_operations(void);
const struct operation *sweep_operation(size_t i);
struct sums *sums_of(const struct sweep *s, size_t operation, size_t place, size_t fault);
/* Is there no time for a further point? */
bool sweep_is_over(const struct sweep *s);
/* Is this point in the share of this process, and time for it?  `row` is
 * any number of its own. */
bool sweep_has(const struct sweep *s, size_t row, uint64_t nth);

struct attempt {
	const struct world *world;
	const struct operation *operation;
	const struct fault *fault;
	const struct place *place;
	uint64_t nth;
	struct report *report;
};

/* From the template; *ret_died: the process was to end and did. */
void sweep_attempt(struct sweep *s, struct attempt *a, bool *ret_died);
/* Makes one attempt, judges and counts it, and tells what was broken.  `first`: what was
 * before it, or NULL.  False where the point was not reached any more. */
bool sweep_try(struct sweep *s, struct attempt *a, const struct state states[2],
	       const char *first, struct sums *sums);
/* How many points of each class an operation passes at a place. */
void sweep_measure(struct sweep *s, const struct operation *o, const struct place *place,
		   uint64_t ret[3]);
/* Before and after, as the operation has them without faults. */
void sweep_take_states(struct sweep *s, const struct operation *o, struct state ret[2]);
/* All points of an operation; those of its recovery, after death at each point. */
void sweep_points(struct sweep *s, size_t operation);
void sweep_nested(struct sweep *s, size_t operation);

/* ---- nested ---- */

/* The places at which the first and the second death strike. */
#define NESTED_ROWS 4

struct sums *sums_nested(const struct sweep *s, size_t operation, size_t row);
const char *nested_name(size_t row);

#endif
