/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/power/power.h"

#include <stdio.h>
#include <string.h>

/*
 * The file system under an operation is shut down before each thing that the operation
 * changes, and after it has told its success; then all its processes are killed, and what
 * was on the disk is judged.
 */

static const struct {
	const char *name;
	enum cut cut;
} cuts[] = {
	{ "nothing flushed", CUT_NOTHING_MORE },
	{ "log flushed", CUT_LOG_FLUSHED },
};

#define N_CUTS (sizeof(cuts) / sizeof(cuts[0]))

/* The disks as the cut left them. */
static void judge_disk(struct attempt *a, const struct state states[2],
		       struct verdict *ret)
{
	const struct report *r = a->power->report;

	*ret = (struct verdict){ 0 };
	if (!disks_mount(a->disks)) {
		ret->broken = 1;
		snprintf(ret->text, sizeof(ret->text), "the file system is damaged\n");
		return;
	}
	attempt_judge(a->power, a->operation, states, r->ended && r->result == 0, ret);
	disks_unmount(a->disks);
}

/* One point; false where the operation had come to its end before. */
static bool try_point(struct power *p, const struct operation *o, struct disks *d,
		      size_t place, uint64_t nth, size_t cut,
		      const struct state states[2], struct sums *sums)
{
	struct attempt a = { .power = p,
			     .operation = o,
			     .disks = d,
			     .kind = places[place].kind,
			     .nth = nth,
			     .cut = cuts[cut].cut };
	struct verdict v;
	bool is_cut;

	attempt_prepare(p, d, o);
	if (!disks_mount(d))
		die("%s: what it begins with cannot be mounted", o->name);
	is_cut = attempt_run(&a);
	disks_unmount(d);
	sums->points++;
	sums->cuts += is_cut;
	judge_disk(&a, states, &v);
	if (v.broken)
		attempt_complain(sums, &v, p->report, "%s, %s, %s %llu, %s", o->name,
				 d->layout->name, places[place].name,
				 (unsigned long long)nth, cuts[cut].name);
	return is_cut;
}

/* How many points there are at a place. */
static uint64_t count_points(struct power *p, const struct operation *o, struct disks *d,
			     size_t place)
{
	struct attempt a = { .power = p,
			     .operation = o,
			     .disks = d,
			     .kind = places[place].kind,
			     .whole = true };

	attempt_prepare(p, d, o);
	if (!disks_mount(d))
		die("%s: what it begins with cannot be mounted", o->name);
	attempt_run(&a);
	disks_unmount(d);
	return atomic_load(&p->page->count[FAULT_CHANGE]);
}

void cuts_sweep(struct power *p, const struct operation *o, const struct layout *l,
		uint64_t row, struct sums *sums)
{
	struct disks *d = &p->plain;
	struct state states[2];

	known_forget();
	d->layout = l;
	attempt_states(p, d, o, states);
	for (size_t place = 0; place < n_places && !attempt_is_over(p); place++) {
		uint64_t n;

		if (p->place && strcmp(p->place, places[place].name) != 0)
			continue;
		n = count_points(p, o, d, place);
		for (size_t cut = 0; cut < N_CUTS; cut++) {
			uint64_t part = (row * n_places + place) * N_CUTS + cut;

			/* The 0th is the one after the success. */
			for (uint64_t i = place == 0 ? 0 : 1; i <= n; i++)
				if (attempt_is_mine(p, part, i))
					try_point(p, o, d, place, i, cut, states, sums);
		}
	}
	state_done(&states[0]);
	state_done(&states[1]);
}
