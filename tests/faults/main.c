/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whole operations with a fault at every point.  Options and figures: README.
 */

#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/faults/sweep.h"
#include "tests/machine/dirs.h"

/* ---- The processes that share the work ---- */

static void adopt_orphans(void)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		die("prctl");
}

static void sweep_one(struct sweep *s, size_t operation)
{
	sweep_points(s, operation);
	if (!sweep_is_over(s))
		sweep_nested(s, operation);
}

/* In a process of its own, since nothing allows it to exchange again. */
static void sweep_without_exchange(struct sweep *s, size_t operation)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("cannot fork");
	if (pid == 0) {
		adopt_orphans();
		forbid_exchange();
		sweep_one(s, operation);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		die("%s: the process ended", sweep_operation(operation)->name);
}

/* The machine for an operation, made when it is first needed;
 * NULL: there is none here. */
static const struct world *machine_for(struct sweep *s, const struct operation *o)
{
	struct world *w = &s->machines[o->rests];

	if (w->dir)
		return w;
	if (!o->rests) {
		world_init(w, s->dir ? s->dir : dirs_fastest());
		operations_prepare(w);
		variants_prepare(w);
	} else if (world_init_resting(w)) {
		again_prepare(w);
	} else {
		return NULL;
	}
	return w;
}

static void machines_done(struct sweep *s)
{
	for (size_t i = 0; i < 2; i++)
		if (s->machines[i].dir && !getenv("SETASIDE_TEST_KEEP"))
			world_done(&s->machines[i]);
}

/* Whether an operation was asked for. */
static bool is_wanted(const struct sweep *s, const struct operation *o)
{
	return !s->operation || strcmp(o->name, s->operation) == 0;
}

static const struct variant *variant_of(size_t operation)
{
	return operation < n_operations ? NULL : &variants[operation - n_operations];
}

/* Whether an operation was asked for, by somebody who may do it. */
static bool can_be_swept(const struct sweep *s, size_t operation)
{
	const struct variant *v = variant_of(operation);

	return is_wanted(s, sweep_operation(operation)) &&
	       (!v || !v->needs_root || geteuid() == 0);
}

/* An operation, if there is a machine for it. */
static void sweep_on_machine(struct sweep *s, size_t operation)
{
	const struct variant *v = variant_of(operation);

	s->world = machine_for(s, sweep_operation(operation));
	if (!s->world)
		return;
	if (v && v->no_exchange)
		sweep_without_exchange(s, operation);
	else
		sweep_one(s, operation);
}

static int sweep_job(struct sweep *s)
{
	adopt_orphans();
	/* What is mounted here is seen here alone. */
	if (geteuid() == 0 && (unshare(CLONE_NEWNS) < 0 ||
			       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
		die("no mounts of its own");
	s->report = shared_memory(sizeof(*s->report));
	for (size_t n = 0; n < sweep_operations(); n++) {
		/* Where time is short, another seed begins with another one. */
		size_t i = (n + s->seed) % sweep_operations();

		if (!can_be_swept(s, i))
			continue;
		if (!sweep_is_over(s))
			sweep_on_machine(s, i);
		if (sweep_is_over(s))
			++*s->cut_short;
	}
	machines_done(s);
	return 0;
}

/* ---- Telling ---- */

/* Sums of all rows. */
struct telling {
	unsigned long tests, points, struck, broken;
};

static void tell_row(struct telling *t, const struct sums *sums, const char *operation,
		     const char *place, const char *fault)
{
	if (!sums->points)
		return;
	t->points += sums->points;
	t->struck += sums->struck;
	t->broken += sums->broken;
	printf("%sok %lu - %s, %s, %s: %lu points, %lu faults injected, %lu broken\n",
	       sums->broken ? "not " : "", ++t->tests, operation, place, fault,
	       sums->points, sums->struck, sums->broken);
}

static void tell_operation(struct telling *t, const struct sweep *s, size_t operation)
{
	const struct operation *o = sweep_operation(operation);
	const char *name = o->name;

	if (o->rests && is_wanted(s, o) && !dirs_on_disk())
		printf("ok %lu - %s # SKIP %s\n", ++t->tests, name, DIRS_NO_DISK);
	for (size_t i = 0; i < n_places; i++)
		for (size_t k = 0; k < n_faults; k++)
			tell_row(t, sums_of(s, operation, i, k), name, places[i].name,
				 faults[k].name);
	for (size_t i = 0; i < NESTED_ROWS; i++)
		tell_row(t, sums_nested(s, operation, i), name, nested_name(i),
			 "death of it and of recovery");
}

static int tell(const struct sweep *s, time_t begun, bool ended)
{
	struct telling t = { 0 };

	for (size_t i = 0; i < sweep_operations(); i++)
		tell_operation(&t, s, i);
	if (!ended)
		printf("not ok %lu - all processes came to their end\n", ++t.tests);
	printf("1..%lu\n", t.tests);
	if (*s->cut_short)
		printf("# time was over before %u of the processes' operations were done\n",
		       *s->cut_short);
	printf("# share %llu of %llu, seed %llu: %lu points tried, %lu faults injected, %lu invariants broken; %ld s\n",
	       (unsigned long long)s->share + 1, (unsigned long long)s->shares,
	       (unsigned long long)s->seed, t.points, t.struck, t.broken,
	       (long)(time(NULL) - begun));
	return t.broken || !ended || !t.tests;
}

static void usage(void)
{
	fputs("usage: fault_sweep [--share N/M] [--seed S] [--jobs J] [--seconds T]\n"
	      "         [--operation NAME] [--place NAME] [--fault TEXT] [--nth N]\n"
	      "         [--dir DIR]\n",
	      stderr);
	exit(2);
}

static void parse(struct sweep *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "share", 1, NULL, 's' }, { "seed", 1, NULL, 'r' },
		{ "jobs", 1, NULL, 'j' },  { "operation", 1, NULL, 'o' },
		{ "place", 1, NULL, 'p' }, { "fault", 1, NULL, 'f' },
		{ "nth", 1, NULL, 'n' },   { "seconds", 1, NULL, 't' },
		{ "dir", 1, NULL, 'd' },   { NULL, 0, NULL, 0 }
	};
	unsigned long long a, b;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's' && sscanf(optarg, "%llu/%llu", &a, &b) == 2 && a >= 1 &&
		    a <= b) {
			s->share = a - 1;
			s->shares = b;
		} else if (c == 'r') {
			s->seed = strtoull(optarg, NULL, 10);
		} else if (c == 'j' && strtoul(optarg, NULL, 10) > 0) {
			s->jobs = (unsigned)strtoul(optarg, NULL, 10);
		} else if (c == 'o') {
			s->operation = optarg;
		} else if (c == 'p') {
			s->place = optarg;
		} else if (c == 'f') {
			s->fault = optarg;
		} else if (c == 'n') {
			s->nth = strtoull(optarg, NULL, 10);
		} else if (c == 'd') {
			s->dir = optarg;
		} else if (c == 't' && strtoul(optarg, NULL, 10) > 0) {
			s->end = time(NULL) + (time_t)strtoul(optarg, NULL, 10);
		} else {
			usage();
		}
	}
	if (optind < argc)
		usage();
}

int main(int argc, char **argv)
{
	struct sweep s = { .shares = 1, .jobs = 1 };
	time_t begun = time(NULL);
	bool ended = true;
	int status;

	umask(022);
	parse(&s, argc, argv);
	s.sums = shared_memory(sweep_operations() * (n_places * n_faults + NESTED_ROWS) *
			       sizeof(*s.sums));
	s.cut_short = shared_memory(sizeof(*s.cut_short));
	if (s.nth)
		s.jobs = 1;
	for (s.job = 0; s.job < s.jobs; s.job++) {
		pid_t pid = fork();

		if (pid < 0)
			die("cannot fork");
		if (pid == 0)
			return sweep_job(&s);
	}
	while (wait(&status) > 0)
		ended = ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return tell(&s, begun, ended);
}
