/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/faults/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef ENABLE_SANITIZERS
# include <sanitizer/lsan_interface.h>
#endif

const struct fault faults[] = {
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

const size_t n_faults = sizeof(faults) / sizeof(faults[0]);
const struct fault *const fault_death = &faults[sizeof(faults) / sizeof(faults[0]) - 1];

/* Lines of broken points that are shown for a row. */
#define SHOWN_MAX 12

/* ---- One run under a plan ---- */

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
	if (a->place->kind)
		fault_arm_programs(a->place->kind, text, a->world->page);
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

void sweep_attempt(struct sweep *s, struct attempt *a, bool *ret_died)
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
	if (s->laid != a->operation->from)
		world_reset(a->world, a->operation->from);
	s->laid = NULL;
	status = in_child(attempt, a, 60);
	if (s->report->cannot)
		die("%s cannot be tested", a->operation->name);
	*ret_died = !s->report->ended && status == FAULT_EXIT_STATUS;
	if (*ret_died)
		s->report->struck = true;
	if (a->place->kind) {
		s->report->struck = page->struck;
		for (int i = 0; i < FAULT_CLASSES; i++)
			s->report->count[i] = page->count[i];
	}
	munmap(page, sizeof(*page));
}

/* ---- Points ---- */

size_t sweep_operations(void)
{
	return n_operations + n_variants;
}

const struct operation *sweep_operation(size_t i)
{
	return i < n_operations ? &operations[i] : &variants[i - n_operations].operation;
}

struct sums *sums_of(const struct sweep *s, size_t operation, size_t place, size_t fault)
{
	return &s->sums[operation * (n_places * n_faults + NESTED_ROWS) +
			place * n_faults + fault];
}

bool sweep_is_over(const struct sweep *s)
{
	return s->end && time(NULL) >= s->end;
}

/* Evenly, whatever the numbers of points are. */
bool sweep_has(const struct sweep *s, size_t row, uint64_t nth)
{
	uint64_t x = (nth << 24) + row;

	if (s->nth)
		return nth == s->nth;
	x = x * 0x9e3779b97f4a7c15u + s->seed;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	x ^= x >> 31;
	return x % s->shares == s->share && x / s->shares % s->jobs == s->job &&
	       !sweep_is_over(s);
}

/* Prints what was broken. */
static void complain(const struct sweep *s, const struct attempt *a, const char *first,
		     const struct verdict *v)
{
	char text[sizeof(v->text)];

	memcpy(text, v->text, sizeof(text));
	flockfile(stdout);
	for (char *rest, *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		printf("# %s%s, %s, %s%llu%s: %s\n", first ? first : "",
		       a->operation->name, a->place->name, a->fault->text,
		       (unsigned long long)a->nth, a->fault->rest, line);
	printf("#   result %d %s: %s; %u warnings: %s\n", s->report->result,
	       err_kind_name((enum err_kind)s->report->kind), s->report->message,
	       s->report->warnings, s->report->warning);
	fflush(stdout);
	funlockfile(stdout);
}

bool sweep_try(struct sweep *s, struct attempt *a, const struct state states[2],
	       const char *first, struct sums *sums)
{
	struct trial t = { .world = s->world,
			   .operation = a->operation,
			   .before = &states[0],
			   .after = &states[1],
			   .report = s->report,
			   .fresh = s->fresh,
			   .dirty = a->fault->action == FAULT_FROM,
			   .short_of_memory = a->fault->points == FAULT_ALLOC,
			   .damage = a->fault->errnum == EIO };
	struct verdict v;

	sweep_attempt(s, a, &t.died);
	judge(&t, &v);
	if (v.untouched)
		s->laid = a->operation->from;
	sums->points++;
	sums->struck += s->report->struck;
	if (v.broken && sums->broken++ < SHOWN_MAX)
		complain(s, a, first, &v);
	return s->report->struck;
}

void sweep_measure(struct sweep *s, const struct operation *o, const struct place *place,
		   uint64_t ret[3])
{
	struct attempt a = { s->world, o, &faults[0], place, 1000000000, NULL };
	bool died;

	sweep_attempt(s, &a, &died);
	if (!s->report->ended || s->report->result < 0 || s->report->partial)
		die("%s failed without a fault: %s; %s", o->name, s->report->message,
		    s->report->warning);
	if (o->rests && !s->report->taken_over)
		die("%s does not take over what older sets hold", o->name);
	memcpy(ret, s->report->count, sizeof(s->report->count));
}

void sweep_take_states(struct sweep *s, const struct operation *o, struct state ret[2])
{
	uint64_t ignored[3];
	struct state again;

	s->laid = NULL;
	world_reset(s->world, o->from);
	free(s->fresh);
	s->fresh = whole_text(s->world);
	state_take(s->world, o, &ret[0]);
	sweep_measure(s, o, &places[0], ignored);
	state_take(s->world, o, &ret[1]);
	sweep_measure(s, o, &places[0], ignored);
	state_take(s->world, o, &again);
	for (int i = 0; i < STATE_PARTS; i++)
		if (strcmp(again.text[i], ret[1].text[i]) != 0)
			die("%s does not do the same twice:\n%s\n%s", o->name,
			    ret[1].text[i], again.text[i]);
	state_done(&again);
}

/* All points of an operation at a place. */
static void sweep_place(struct sweep *s, size_t operation, size_t place,
			const struct state states[2])
{
	struct attempt a = { s->world, sweep_operation(operation),
			     NULL,     &places[place],
			     0,        NULL };
	uint64_t counts[3];

	sweep_measure(s, a.operation, a.place, counts);
	for (size_t i = 0; i < n_faults; i++) {
		a.fault = &faults[i];
		if (s->fault && !strstr(a.fault->text, s->fault) &&
		    !strstr(a.fault->name, s->fault))
			continue;
		for (a.nth = 1; a.nth <= counts[a.fault->points]; a.nth++)
			if (sweep_has(s, (operation << 16) + (place << 8) + i, a.nth) &&
			    !sweep_try(s, &a, states, NULL,
				       sums_of(s, operation, place, i)))
				break;
	}
}

void sweep_points(struct sweep *s, size_t operation)
{
	struct state states[2];

	known_forget();
	if (s->place && strchr(s->place, ','))
		return;
	sweep_take_states(s, sweep_operation(operation), states);
	for (size_t place = 0; place < n_places && !sweep_is_over(s); place++)
		if (!s->place || strcmp(places[place].name, s->place) == 0)
			sweep_place(s, operation, place, states);
	state_done(&states[0]);
	state_done(&states[1]);
}
