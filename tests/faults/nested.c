/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "backend/worker/worker.h"
#include "tests/faults/sweep.h"

/* Who dies first, and who dies in recovery. */
static const struct {
	const char *name;
	struct place first, second;
} rows[NESTED_ROWS] = {
	{ "parent, parent", { "parent", 0 }, { "parent", 0 } },
	{ "parent, swapper", { "parent", 0 }, { "swapper", WORKER_SWAPPER } },
	{ "swapper, parent", { "swapper", WORKER_SWAPPER }, { "parent", 0 } },
	{ "swapper, swapper",
	  { "swapper", WORKER_SWAPPER },
	  { "swapper", WORKER_SWAPPER } },
};

struct sums *sums_nested(const struct sweep *s, size_t operation, size_t row)
{
	return sums_of(s, operation, n_places, 0) + row;
}

const char *nested_name(size_t row)
{
	return rows[row].name;
}

/* Of so many first deaths one is tried, with all second ones: there would be too many. */
#define STRIDE 16

/* Whether a first death is tried here. */
static bool is_tried(const struct sweep *s, size_t operation, size_t row, uint64_t nth)
{
	if (s->nth)
		return nth == s->nth;
	return (nth + operation + row + s->seed) % STRIDE == 0 &&
	       sweep_has(s, (operation << 16) + 0xff00 + row, nth);
}

/* The deaths of recovery after one first death, whose mess is there
 * as template "nested". */
static void sweep_second(struct sweep *s, size_t operation, size_t row, uint64_t nth)
{
	const struct operation *o = sweep_operation(operation);
	struct operation recovery = *operation_named("recovery-preparing");
	struct attempt a = {
		s->world, &recovery, fault_death, &rows[row].second, 0, NULL
	};
	struct state states[2];
	uint64_t counts[3];
	char first[100];

	recovery.from = "nested";
	recovery.sets = o->sets;
	recovery.loose = o->loose;
	recovery.name = "recovery";
	snprintf(first, sizeof(first), "%s, %s, %s%llu, then ", o->name,
		 rows[row].first.name, fault_death->text, (unsigned long long)nth);
	sweep_take_states(s, &recovery, states);
	sweep_measure(s, &recovery, a.place, counts);
	for (a.nth = 1; a.nth <= counts[FAULT_CHANGE] && !sweep_is_over(s); a.nth++)
		(void)sweep_try(s, &a, states, first, sums_nested(s, operation, row));
	state_done(&states[0]);
	state_done(&states[1]);
}

void sweep_nested(struct sweep *s, size_t operation)
{
	const struct operation *o = sweep_operation(operation);
	uint64_t counts[3];

	/* What begins with a mess, or leaves none, has nothing to be recovered. */
	if (o->repairs || (s->nth && !s->place) ||
	    (s->fault && !strstr(fault_death->name, s->fault)))
		return;
	known_forget();
	for (size_t row = 0; row < NESTED_ROWS && !sweep_is_over(s); row++) {
		struct attempt a = {
			s->world, o, fault_death, &rows[row].first, 0, NULL
		};
		bool died;

		if (s->place && strcmp(rows[row].name, s->place) != 0)
			continue;
		sweep_measure(s, o, a.place, counts);
		for (a.nth = 1; a.nth <= counts[FAULT_CHANGE]; a.nth++) {
			if (!is_tried(s, operation, row, a.nth))
				continue;
			sweep_attempt(s, &a, &died);
			world_keep(s->world, "nested");
			sweep_second(s, operation, row, a.nth);
		}
	}
}
