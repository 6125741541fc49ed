/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/power/power.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECONDS_MAX 60
/* Verdicts that are shown for a method. */
#define SHOWN_MAX 8

/* ---- What they begin with ---- */

/* Copies a machine onto empty disks. */
static void copy_onto(struct power *p, const struct disks *d, const char *name)
{
	char *from;

	if (asprintf(&from, "%s/tmpl/%s/.", p->world.dir, name) < 0)
		die("no memory");
	run_program((const char *const[]){ "/bin/cp", "-a", from, d->disks[0].mountpoint,
					   NULL });
	inodes_fix(from, d->disks[0].mountpoint);
	free(from);
}

/* Disks of that layout with the machine on them that an operation begins with. */
static void make_template(struct power *p, const struct layout *l,
			  const struct operation *o, int ret[DISKS_MAX])
{
	struct disks *d = &p->plain;

	disks_make(d, l);
	if (o->rests) {
		/* Inodes and times count: what it holds was saved where it lies. */
		copy_onto(p, d, POWER_BARE);
		world_put_resting(&p->world);
		again_lay(&p->world, o->from);
	} else {
		copy_onto(p, d, o->from);
	}
	disks_unmount(d);
	for (size_t i = 0; i < layout_disks(l); i++) {
		ret[i] = disk_new_file();
		disk_copy(d->disks[i].file, ret[i]);
	}
}

void attempt_prepare(struct power *p, struct disks *d, const struct operation *o)
{
	size_t first = 0;
	int *files;

	/* Several begin with the same. */
	while (strcmp(operations[first].from, o->from) != 0)
		first++;
	files = p->templates[(size_t)(d->layout - layouts) * n_operations + first];
	if (files[0] < 0)
		make_template(p, d->layout, &operations[first], files);
	for (size_t i = 0; i < layout_disks(d->layout); i++)
		disk_copy(files[i], d->disks[i].file);
}

/* ---- The run ---- */

/* In a process namespace of its own. */
static __attribute__((noreturn)) void run(struct attempt *a, size_t *mark)
{
	struct power *p = a->power;
	struct report *r = p->report;
	struct err err = ERR_INIT;
	int fds[DISKS_MAX];
	char plan[64];

	disks_open(a->disks, fds);
	snprintf(plan, sizeof(plan), "change:halt:%llu",
		 a->nth ? (unsigned long long)a->nth : 1000000000ull);
	if (a->kind) {
		fault_arm_programs(a->kind, plan, p->world.page);
	} else {
		fault_use_page(p->page);
		if (!fault_arm_text(plan))
			die("%s", plan);
	}
	r->result = a->operation->run(&p->world, r, &err);
	if (a->log)
		*mark = atomic_load(&a->log->n);
	r->kind = (int)err.kind;
	snprintf(r->message, sizeof(r->message), "%s", err_message(&err));
	r->ended = true;
	if (!a->nth && !a->whole)
		disks_cut(fds, a->cut);
	_exit(0);
}

/* Waits for the cut or the end; true if it is the first. */
static bool wait_for(struct power *p, pid_t pid)
{
	time_t begun = time(NULL);

	while (!fault_wait_halted(p->page, 2)) {
		siginfo_t info = { 0 };

		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
			die("waitid");
		if (info.si_pid == pid || time(NULL) - begun > SECONDS_MAX)
			return false;
	}
	return true;
}

bool attempt_run(struct attempt *a)
{
	struct power *p = a->power;
	static size_t *mark;
	int fds[DISKS_MAX];
	bool halted;
	pid_t pid;

	if (!mark)
		mark = shared_memory(sizeof(*mark));
	for (int i = 0; i < FAULT_CLASSES; i++)
		atomic_store(&p->page->count[i], 0);
	atomic_store(&p->page->struck, 0);
	*p->report = (struct report){ 0 };
	fflush(stdout);
	disks_open(a->disks, fds);
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, 0);
	if (pid < 0)
		die("cannot begin an attempt");
	if (pid == 0)
		run(a, mark);
	halted = wait_for(p, pid);
	if (halted)
		disks_cut(fds, a->cut);
	/* With it all that it started. */
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid)
		die("waitpid");
	if (p->report->cannot)
		die("%s cannot be tested", a->operation->name);
	disks_close(fds);
	a->ret_mark = *mark;
	return halted || (!a->nth && !a->whole && p->report->ended);
}

/* ---- Judging ---- */

void attempt_judge(struct power *p, const struct operation *o,
		   const struct state states[2], bool succeeded, struct verdict *ret)
{
	struct trial t = { .world = &p->world,
			   .operation = o,
			   .before = &states[0],
			   .after = &states[1],
			   .report = p->report,
			   .died = !succeeded };

	judge(&t, ret);
}

/* What is there after an undisturbed run. */
static void state_after(struct power *p, struct disks *d, const struct operation *o,
			struct state *ret)
{
	struct attempt a = { .power = p, .operation = o, .disks = d, .whole = true };
	const struct report *r = p->report;

	attempt_prepare(p, d, o);
	if (!disks_mount(d))
		die("%s: what it begins with cannot be mounted", o->name);
	attempt_run(&a);
	if (!r->ended || r->result < 0 || r->partial || r->warnings)
		die("%s failed without a cut: %s; %s", o->name, r->message, r->warning);
	if (o->rests && !r->taken_over)
		die("%s does not take over what older sets hold", o->name);
	state_take(&p->world, o, ret);
	disks_unmount(d);
}

void attempt_states(struct power *p, struct disks *d, const struct operation *o,
		    struct state ret[2])
{
	attempt_prepare(p, d, o);
	if (!disks_mount(d))
		die("%s: what it begins with cannot be mounted", o->name);
	state_take(&p->world, o, &ret[0]);
	disks_unmount(d);
	state_after(p, d, o, &ret[1]);
}

bool attempt_is_over(const struct power *p)
{
	return p->end && time(NULL) >= p->end;
}

bool attempt_is_mine(const struct power *p, uint64_t row, uint64_t nth)
{
	uint64_t x = (nth << 16) + row;

	if (p->nth != UINT64_MAX)
		return nth == p->nth;
	x = x * 0x9e3779b97f4a7c15u + p->seed;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	x ^= x >> 31;
	return x % p->shares == p->share && !attempt_is_over(p);
}

void attempt_complain(struct sums *sums, const struct verdict *v, const struct report *r,
		      const char *fmt, ...)
{
	char text[sizeof(v->text)], where[200];
	va_list ap;

	if (atomic_fetch_add(&sums->broken, 1) >= SHOWN_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(where, sizeof(where), fmt, ap);
	va_end(ap);
	memcpy(text, v->text, sizeof(text));
	flockfile(stdout);
	for (char *rest, *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		printf("# %s: %s\n", where, line);
	printf("#   ended %d, result %d %s: %s; %u warnings: %s\n", r->ended, r->result,
	       err_kind_name((enum err_kind)r->kind), r->message, r->warnings,
	       r->warning);
	fflush(stdout);
	funlockfile(stdout);
}
