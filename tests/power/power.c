/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/power/power.h"

#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/machine/dirs.h"

/* Ways to find out what a power cut leaves.  Options and figures: README. */
static const struct {
	const char *name;
	void (*sweep)(struct power *p, const struct operation *o, const struct layout *l,
		      uint64_t row, struct sums *sums);
} methods[] = {
	{ "cut", cuts_sweep },
	{ "replay", replay_sweep },
};

#define N_METHODS (sizeof(methods) / sizeof(methods[0]))

/* From a row to the one that is tried next: layouts and methods take turns. */
#define ROW_STRIDE 37

/* ---- The processes that share the work ---- */

/* Mount points and devices of both kinds of disks. */
static void prepare_disks(struct power *p, char *const paths[DISKS_MAX],
			  const int stores[DISKS_MAX])
{
	static const char *const names[DISKS_MAX] = { "cur", "cur/store" };

	for (int i = 0; i < DISKS_MAX; i++) {
		char *at = world_path(&p->world, names[i]);
		int file = disk_new_file(), fd = open(paths[i], O_RDWR | O_CLOEXEC);

		if (fd < 0)
			die("open %s", paths[i]);
		disk_init(&p->plain.disks[i], file, file, at);
		disk_init(&p->logged.disks[i], stores[i], fd, at);
		close(fd);
		free(at);
	}
	p->templates = malloc(n_layouts * n_operations * sizeof(*p->templates));
	if (!p->templates)
		die("no memory");
	for (size_t i = 0; i < n_layouts * n_operations; i++)
		p->templates[i][0] = -1;
}

/* What was done of it, in one line. */
static void tell_row(const struct power *p, size_t row)
{
	const struct sums *s = &p->sums[row];
	const char *operation = operations[row % n_operations].name;
	const char *layout = layouts[row / n_operations % n_layouts].name;

	if (s->points)
		printf("%sok %u - %s, %s, cut: %lu points, %lu cuts, %lu broken\n",
		       s->broken ? "not " : "",
		       atomic_fetch_add(&p->progress->tests, 1) + 1, operation, layout,
		       s->points, s->cuts, s->broken);
	else if (s->images)
		printf("%sok %u - %s, %s, replay: %lu images, %lu different ones judged, %lu broken\n",
		       s->broken ? "not " : "",
		       atomic_fetch_add(&p->progress->tests, 1) + 1, operation, layout,
		       s->images, s->judged, s->broken);
	fflush(stdout);
}

/* All points or images of one method, layout and operation, if they are wanted. */
static void work_row(struct power *p, size_t row)
{
	const struct operation *o = &operations[row % n_operations];
	const struct layout *l = &layouts[row / n_operations % n_layouts];
	size_t method = row / n_operations / n_layouts;

	if ((!p->operation || strcmp(p->operation, o->name) == 0) &&
	    (!p->layout || strcmp(p->layout, l->name) == 0) &&
	    (!p->method || strcmp(p->method, methods[method].name) == 0) &&
	    !layout_lacks(l)) {
		methods[method].sweep(p, o, l, row, &p->sums[row]);
		tell_row(p, row);
	}
}

/* One of the processes; it has its block log already: at `paths`, of `stores`. */
static int work(struct power *p, char *const paths[DISKS_MAX],
		const int stores[DISKS_MAX])
{
	const size_t n_rows = N_METHODS * n_layouts * n_operations;
	size_t row;
	int fd;

	if (n_rows % ROW_STRIDE == 0)
		die("not all rows would be tried");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		die("prctl");
	p->report = shared_memory(sizeof(*p->report));
	world_init(&p->world, dirs_fastest());
	world_keep(&p->world, POWER_BARE);
	operations_prepare(&p->world);
	fd = open(p->world.page, O_RDWR | O_CLOEXEC);
	p->page = mmap(NULL, sizeof(*p->page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p->page == MAP_FAILED)
		die("mmap %s", p->world.page);
	close(fd);
	prepare_disks(p, paths, stores);
	while ((row = atomic_fetch_add(&p->progress->next, 1)) < n_rows) {
		/* Where time is short, another seed begins with another one. */
		if (!attempt_is_over(p))
			work_row(p, (p->seed + row * ROW_STRIDE) % n_rows);
		if (attempt_is_over(p))
			p->progress->cut_short++;
	}
	return 0;
}

/* Starts them and waits; false where one of them did not come to its end. */
static bool share_work(struct power *p)
{
	unsigned running = 0;
	bool ended = true;
	int status, stores[DISKS_MAX];
	pid_t *jobs = calloc(p->jobs, sizeof(*jobs)), pid;
	char *paths[DISKS_MAX];

	for (p->job = 0; jobs && p->job < p->jobs; p->job++) {
		for (int i = 0; i < DISKS_MAX; i++) {
			stores[i] = disk_new_file();
			if (asprintf(&paths[i], "%s/blocklog-%u-%d", dirs_fastest(),
				     p->job, i) < 0)
				die("no memory");
		}
		p->log = blocklog_start(paths, stores);
		jobs[p->job] = fork();
		if (jobs[p->job] == 0)
			exit(work(p, paths, stores));
		if (jobs[p->job] < 0)
			die("cannot fork");
		for (int i = 0; i < DISKS_MAX; i++) {
			close(stores[i]);
			free(paths[i]);
		}
		running++;
	}
	/* Others are served block logs, and what the ended have left. */
	while (running > 0 && (pid = wait(&status)) > 0) {
		for (unsigned i = 0; i < p->jobs; i++) {
			if (jobs[i] != pid)
				continue;
			running--;
			ended = ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
		}
	}
	free(jobs);
	return ended && running == 0;
}

/* ---- Telling ---- */

/* All that was done. */
static int tell(const struct power *p, time_t begun, bool ended)
{
	unsigned long points = 0, cuts = 0, images = 0, judged = 0, broken = 0;
	unsigned tests = atomic_load(&p->progress->tests);

	for (size_t i = 0; i < N_METHODS * n_layouts * n_operations; i++) {
		const struct sums *s = &p->sums[i];

		points += s->points;
		cuts += s->cuts;
		images += s->images;
		judged += s->judged;
		broken += s->broken;
	}
	if (!ended)
		printf("not ok %u - all processes came to their end\n", ++tests);
	printf("1..%u\n", tests);
	if (p->progress->cut_short)
		printf("# time was over before %u rows were done\n",
		       p->progress->cut_short);
	printf("# share %llu of %llu, seed %llu: %lu points tried, %lu cuts, %lu images (%lu judged), %lu invariants broken; %ld s\n",
	       (unsigned long long)p->share + 1, (unsigned long long)p->shares,
	       (unsigned long long)p->seed, points, cuts, images, judged, broken,
	       (long)(time(NULL) - begun));
	return broken || !ended || !tests;
}

static void usage(void)
{
	fputs("usage: power_cuts [--share N/M] [--seed S] [--jobs J] [--seconds T]\n"
	      "         [--subsets N] [--recordings N] [--method cut|replay] [--operation NAME] [--layout NAME]\n"
	      "         [--place NAME] [--nth N]\n",
	      stderr);
	exit(2);
}

static void parse(struct power *p, int argc, char **argv)
{
	static const struct option options[] = {
		{ "share", 1, NULL, 's' },      { "seed", 1, NULL, 'r' },
		{ "jobs", 1, NULL, 'j' },       { "subsets", 1, NULL, 'u' },
		{ "recordings", 1, NULL, 'c' }, { "method", 1, NULL, 'm' },
		{ "operation", 1, NULL, 'o' },  { "layout", 1, NULL, 'f' },
		{ "place", 1, NULL, 'p' },      { "nth", 1, NULL, 'n' },
		{ "seconds", 1, NULL, 't' },    { NULL, 0, NULL, 0 }
	};
	unsigned long long a, b;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's' && sscanf(optarg, "%llu/%llu", &a, &b) == 2 && a >= 1 &&
		    a <= b) {
			p->share = a - 1;
			p->shares = b;
		} else if (c == 'r') {
			p->seed = strtoull(optarg, NULL, 10);
		} else if (c == 'j' && strtoul(optarg, NULL, 10) > 0) {
			p->jobs = (unsigned)strtoul(optarg, NULL, 10);
		} else if (c == 'u') {
			p->subsets = (unsigned)strtoul(optarg, NULL, 10);
		} else if (c == 'c') {
			p->recordings = (unsigned)strtoul(optarg, NULL, 10);
		} else if (c == 'm') {
			p->method = optarg;
		} else if (c == 'o') {
			p->operation = optarg;
		} else if (c == 'f') {
			p->layout = optarg;
		} else if (c == 'p') {
			p->place = optarg;
		} else if (c == 'n') {
			p->nth = strtoull(optarg, NULL, 10);
		} else if (c == 't' && strtoul(optarg, NULL, 10) > 0) {
			p->end = time(NULL) + (time_t)strtoul(optarg, NULL, 10);
		} else {
			usage();
		}
	}
	if (optind < argc)
		usage();
}

/* ---- The namespaces ---- */

/* Why it cannot be done here, or NULL. */
static const char *obstacle(void)
{
	if (geteuid() != 0)
		return "needs root";
	if (access("/dev/loop-control", R_OK | W_OK) < 0)
		return "no loop devices";
	if (access("/dev/fuse", R_OK | W_OK) < 0)
		return "no /dev/fuse";
	for (size_t i = 0; i < n_layouts; i++)
		if (!layout_lacks(&layouts[i]))
			return NULL;
	return "no mkfs.ext4 and no mkfs.xfs";
}

/* The first process of its namespace: with it everything ends. */
static int run_all(struct power *p)
{
	time_t begun = time(NULL);

	/* Ends with who started it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ||
	    mount("setaside-power", dirs_fastest(), "tmpfs", MS_NOSUID | MS_NODEV,
		  "mode=1777") < 0)
		die("cannot mount");
	umask(022);
	p->sums = shared_memory(N_METHODS * n_layouts * n_operations * sizeof(*p->sums));
	p->progress = shared_memory(sizeof(*p->progress));
	return tell(p, begun, share_work(p));
}

int main(int argc, char **argv)
{
	struct power p = {
		.shares = 1, .jobs = 1, .subsets = 100, .recordings = 2, .nth = UINT64_MAX
	};
	const char *why = obstacle();
	int status;
	pid_t pid;

	parse(&p, argc, argv);
	if (!why && unshare(CLONE_NEWNS | CLONE_NEWPID) < 0)
		why = "may have no namespaces of its own";
	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	for (size_t i = 0; i < n_layouts; i++)
		if (layout_lacks(&layouts[i]))
			printf("# no %s: %s is left out\n", layout_lacks(&layouts[i]),
			       layouts[i].name);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		exit(run_all(&p));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("cannot wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
