/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The points of every operation, in the parent and in each kind of worker.  Options and figures: README.
 */

#include <dirent.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef ENABLE_SANITIZERS
# include <sanitizer/lsan_interface.h>
#endif

#include "backend/base/fault.h"
#include "backend/worker/worker.h"
#include "tests/machine/machine.h"

#ifndef ENABLE_FAULTS
# error "configure with --enable-faults"
#endif

/* Where it strikes: the process that calls the library, or a worker of it. */
static const struct {
	const char *name;
	int kind; /* 0: the parent */
} places[] = {
	{ "parent", 0 },
	{ "reader", WORKER_READER },
	{ "packer", WORKER_PACKER },
	{ "unpacker", WORKER_UNPACKER },
	{ "applier", WORKER_APPLIER },
	{ "swapper", WORKER_SWAPPER },
};

/* What strikes. */
static const struct fault {
	const char *name;
	enum fault_class points;
	enum fault_action action;
	int errnum;
	const char *text; /* of the plan, in two halves around the number */
	const char *rest;
} faults[] = {
	{ "no memory, once", FAULT_ALLOC, FAULT_ONCE, ENOMEM, "alloc:once:", "" },
	{ "no memory, from then on", FAULT_ALLOC, FAULT_FROM, ENOMEM, "alloc:from:", "" },
	{ "EIO, once", FAULT_CALL, FAULT_ONCE, EIO, "call:once:", ":5" },
	{ "EIO, from then on", FAULT_CALL, FAULT_FROM, EIO, "call:from:", ":5" },
	{ "ENOSPC, once", FAULT_CALL, FAULT_ONCE, ENOSPC, "call:once:", ":28" },
	{ "ENOSPC, from then on", FAULT_CHANGE, FAULT_FROM, ENOSPC,
	  "change:from:", ":28" },
	{ "EDQUOT, once", FAULT_CALL, FAULT_ONCE, EDQUOT, "call:once:", ":122" },
	{ "EDQUOT, from then on", FAULT_CHANGE, FAULT_FROM, EDQUOT,
	  "change:from:", ":122" },
	{ "EINTR, once", FAULT_CALL, FAULT_ONCE, EINTR, "call:once:", ":4" },
	{ "EMFILE, once", FAULT_CALL, FAULT_ONCE, EMFILE, "call:once:", ":24" },
	{ "EMFILE, from then on", FAULT_CALL, FAULT_FROM, EMFILE, "call:from:", ":24" },
	{ "EACCES, once", FAULT_CALL, FAULT_ONCE, EACCES, "call:once:", ":13" },
	{ "EACCES, from then on", FAULT_CALL, FAULT_FROM, EACCES, "call:from:", ":13" },
	{ "short transfer", FAULT_CALL, FAULT_SHORT, 0, "call:short:", "" },
	{ "death", FAULT_CHANGE, FAULT_DIE, 0, "change:die:", "" },
};

#define N_PLACES (sizeof(places) / sizeof(places[0]))
#define N_FAULTS (sizeof(faults) / sizeof(faults[0]))
/* Lines of broken points that are shown for a place and fault. */
#define SHOWN_MAX 12

/* Sums of one operation, place and fault; shared by the processes. */
struct sums {
	atomic_ulong points, struck, broken;
};

struct sweep {
	uint64_t share, shares, seed;
	unsigned jobs, job;
	const char *operation, *place, *fault;
	uint64_t nth; /* 0: all */
	struct sums *sums;
	struct world world;
	struct report *report; /* shared */
};

/* ---- One run under a plan ---- */

struct attempt {
	const struct world *world;
	const struct operation *operation;
	const struct fault *fault;
	int kind;
	uint64_t nth;
	struct report *report;
};

/* What this process has open. */
static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	if (!d)
		die("opendir /proc/self/fd");
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Where it crashed or hung, for addr2line. */
static void tell_where(int signal_number)
{
	void *frames[40];

	backtrace_symbols_fd(frames, backtrace(frames, 40), STDERR_FILENO);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* in_child */
static void attempt(void *ctx)
{
	static const int signals[] = {
		SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGSEGV
	};

	struct attempt *a = ctx;
	struct report *r = a->report;
	struct err err = ERR_INIT;
	char text[64];

	snprintf(text, sizeof(text), "%s%llu%s", a->fault->text,
		 (unsigned long long)a->nth, a->fault->rest);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], tell_where);
	r->fds_before = count_fds();
	if (a->kind)
		fault_arm_programs(a->kind, text, a->world->page);
	else
		fault_arm(&(struct fault_plan){ a->fault->points, a->fault->action,
						a->nth, a->fault->errnum });
	r->result = a->operation->run(a->world, r, &err);
	r->struck = fault_disarm();
	for (int i = 0; i < FAULT_CLASSES; i++)
		r->count[i] = fault_count((enum fault_class)i);
	r->kind = (int)err.kind;
	snprintf(r->message, sizeof(r->message), "%s", err_message(&err));
	err_clear(&err);
	r->fds_after = count_fds();
	r->children = waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD;
#ifdef ENABLE_SANITIZERS
	r->leaks = __lsan_do_recoverable_leak_check() != 0;
#endif
	r->ended = true;
}

/* From the template; *ret_died: the process was to end and did. */
static void run_attempt(struct sweep *s, struct attempt *a, bool *ret_died)
{
	int fd = open(a->world->page, O_RDWR | O_CLOEXEC), status;
	struct fault_page *page =
		mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		die("mmap %s", a->world->page);
	close(fd);
	memset(page, 0, sizeof(*page));
	*s->report = (struct report){ 0 };
	a->report = s->report;
	world_reset(a->world, a->operation->from);
	status = in_child(attempt, a, 60);
	*ret_died = !s->report->ended && status == FAULT_EXIT_STATUS;
	if (*ret_died)
		s->report->struck = true;
	if (a->kind) {
		s->report->struck = page->struck;
		for (int i = 0; i < FAULT_CLASSES; i++)
			s->report->count[i] = page->count[i];
	}
	munmap(page, sizeof(*page));
}

/* ---- Points ---- */

/* Is this one in the share?  Evenly, whatever the numbers of points are. */
static bool is_mine(const struct sweep *s, size_t operation, size_t place, size_t fault,
		    uint64_t nth)
{
	uint64_t x = (nth << 24) + (operation << 16) + (place << 8) + fault;

	if (s->nth)
		return nth == s->nth;
	x = x * 0x9e3779b97f4a7c15u + s->seed;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	x ^= x >> 31;
	return x % s->shares == s->share && x / s->shares % s->jobs == s->job;
}

/* Prints what was broken; false where enough was said already. */
static void complain(const struct sweep *s, const struct attempt *a, const char *place,
		     const struct verdict *v)
{
	char text[sizeof(v->text)];

	memcpy(text, v->text, sizeof(text));
	flockfile(stdout);
	for (char *rest, *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		printf("# %s, %s, %s%llu%s: %s\n", a->operation->name, place,
		       a->fault->text, (unsigned long long)a->nth, a->fault->rest, line);
	printf("#   result %d %s: %s; %u warnings: %s\n", s->report->result,
	       err_kind_name((enum err_kind)s->report->kind), s->report->message,
	       s->report->warnings, s->report->warning);
	fflush(stdout);
	funlockfile(stdout);
}

/* One point: false where it was not reached any more. */
static bool try_point(struct sweep *s, const struct operation *o, const struct fault *f,
		      size_t place, uint64_t nth, const struct state states[2],
		      struct sums *sums)
{
	struct attempt a = { &s->world, o, f, places[place].kind, nth, NULL };
	struct trial t = { .world = &s->world,
			   .operation = o,
			   .before = &states[0],
			   .after = &states[1],
			   .report = s->report,
			   .dirty = f->action == FAULT_FROM,
			   .short_of_memory = f->points == FAULT_ALLOC,
			   .damage = f->errnum == EIO };
	struct verdict v;

	run_attempt(s, &a, &t.died);
	judge(&t, &v);
	sums->points++;
	sums->struck += s->report->struck;
	if (v.broken && sums->broken++ < SHOWN_MAX)
		complain(s, &a, places[place].name, &v);
	return s->report->struck;
}

/* How many points of each class an operation passes at a place. */
static void measure(struct sweep *s, const struct operation *o, size_t place,
		    uint64_t ret[3])
{
	struct attempt a = { &s->world,          o,          &faults[0],
			     places[place].kind, 1000000000, NULL };
	bool died;

	run_attempt(s, &a, &died);
	if (!s->report->ended || s->report->result < 0 || s->report->partial)
		die("%s failed without a fault: %s; %s", o->name, s->report->message,
		    s->report->warning);
	memcpy(ret, s->report->count, sizeof(s->report->count));
}

/* Before and after, as the operation has them without faults. */
static void take_states(struct sweep *s, const struct operation *o, struct state ret[2])
{
	uint64_t ignored[3];
	struct state again;

	world_reset(&s->world, o->from);
	state_take(&s->world, o, &ret[0]);
	measure(s, o, 0, ignored);
	state_take(&s->world, o, &ret[1]);
	measure(s, o, 0, ignored);
	state_take(&s->world, o, &again);
	for (int i = 0; i < STATE_PARTS; i++)
		if (strcmp(again.text[i], ret[1].text[i]) != 0)
			die("%s does not do the same twice:\n%s\n%s", o->name,
			    ret[1].text[i], again.text[i]);
	state_done(&again);
}

static struct sums *sums_of(struct sweep *s, size_t operation, size_t place, size_t fault)
{
	return &s->sums[(operation * N_PLACES + place) * N_FAULTS + fault];
}

/* All points of an operation at a place. */
static void sweep_place(struct sweep *s, size_t operation, size_t place,
			const struct state states[2])
{
	const struct operation *o = &operations[operation];
	uint64_t counts[3];

	measure(s, o, place, counts);
	for (size_t i = 0; i < N_FAULTS; i++) {
		const struct fault *f = &faults[i];

		if (s->fault && !strstr(f->text, s->fault) && !strstr(f->name, s->fault))
			continue;
		for (uint64_t n = 1; n <= counts[f->points]; n++)
			if (is_mine(s, operation, place, i, n) &&
			    !try_point(s, o, f, place, n, states,
				       sums_of(s, operation, place, i)))
				break;
	}
}

static void sweep_operation(struct sweep *s, size_t operation)
{
	struct state states[2];

	if (s->operation && strcmp(operations[operation].name, s->operation) != 0)
		return;
	take_states(s, &operations[operation], states);
	for (size_t place = 0; place < N_PLACES; place++)
		if (!s->place || strcmp(places[place].name, s->place) == 0)
			sweep_place(s, operation, place, states);
	state_done(&states[0]);
	state_done(&states[1]);
}

/* One of the processes that share the work. */
static int sweep_job(struct sweep *s)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		die("prctl");
	s->report = shared_memory(sizeof(*s->report));
	world_init(&s->world);
	operations_prepare(&s->world);
	for (size_t i = 0; i < n_operations; i++)
		sweep_operation(s, i);
	if (!getenv("SETASIDE_TEST_KEEP"))
		world_done(&s->world);
	return 0;
}

/* ---- Telling ---- */

static int tell(const struct sweep *s, time_t begun, bool ended)
{
	unsigned long tests = 0, points = 0, struck = 0, broken = 0;

	for (size_t i = 0; i < n_operations * N_PLACES * N_FAULTS; i++) {
		const struct sums *sums = &s->sums[i];

		if (!sums->points)
			continue;
		points += sums->points;
		struck += sums->struck;
		broken += sums->broken;
		printf("%sok %lu - %s, %s, %s: %lu points, %lu faults injected, %lu broken\n",
		       sums->broken ? "not " : "", ++tests,
		       operations[i / N_FAULTS / N_PLACES].name,
		       places[i / N_FAULTS % N_PLACES].name, faults[i % N_FAULTS].name,
		       sums->points, sums->struck, sums->broken);
	}
	if (!ended)
		printf("not ok %lu - all processes came to their end\n", ++tests);
	printf("1..%lu\n", tests);
	printf("# share %llu of %llu, seed %llu: %lu points tried, %lu faults injected, %lu invariants broken; %ld s\n",
	       (unsigned long long)s->share + 1, (unsigned long long)s->shares,
	       (unsigned long long)s->seed, points, struck, broken,
	       (long)(time(NULL) - begun));
	return broken || !ended || !tests;
}

static void usage(void)
{
	fputs("usage: fault_sweep [--share N/M] [--seed S] [--jobs J]\n"
	      "         [--operation NAME] [--place NAME] [--fault TEXT] [--nth N]\n",
	      stderr);
	exit(2);
}

static void parse(struct sweep *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "share", 1, NULL, 's' }, { "seed", 1, NULL, 'r' },
		{ "jobs", 1, NULL, 'j' },  { "operation", 1, NULL, 'o' },
		{ "place", 1, NULL, 'p' }, { "fault", 1, NULL, 'f' },
		{ "nth", 1, NULL, 'n' },   { NULL, 0, NULL, 0 }
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
	s.sums = shared_memory(n_operations * N_PLACES * N_FAULTS * sizeof(*s.sums));
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
