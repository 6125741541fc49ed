/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/power/power.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

/*
 * An operation runs on block logs.  What was flushed is on its disk; of what was written
 * since, any part may be, block by block.  For each flush: the disks with each number of
 * blocks in the order in which they were written, and with blocks taken by chance (all
 * sets of them where they are few).
 *
 * They could be found so for as long as the flush had not come: where the success was
 * told before that, it must be there.
 */

/* Up to so many blocks all their sets are tried. */
#define EXHAUSTIVE_MAX 6

/* One block of a write. */
struct unit {
	unsigned disk;
	uint32_t size;
	uint64_t offset;
	const uint8_t *data;
};

/* The time up to a flush. */
struct interval {
	struct unit *units; /* that were not flushed when it ended, in their order */
	size_t n;
	size_t n_old; /* of them, those that an interval before had, too */
	bool told;    /* the success had been told before it ended */
};

struct replay {
	struct power *power;
	const struct operation *operation;
	const struct state *states;
	struct sums *sums;
	uint64_t row, image, random;
	unsigned recording;
	int flushed[DISKS_MAX]; /* disks with all that was flushed */
	/* Of what was judged before: files as they were found, and whether the
	 * success had been told. */
	uint64_t *known;
	size_t n_known, cap_known;
};

/* ---- Recording ---- */

/* Somebody else's syncs, at times of chance, so that the journal
 * is written in between. */
static pid_t start_syncing(const struct disks *d, uint64_t seed)
{
	int fds[DISKS_MAX];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	disks_open(d, fds);
	for (;;) {
		struct timespec pause = { 0, 0 };

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		pause.tv_nsec = (long)((seed >> 33) % 6000000);
		nanosleep(&pause, NULL);
		(void)syncfs(fds[(seed >> 32) % layout_disks(d->layout)]);
	}
}

/* Runs the operation on the block log; how many events had been
 * when it told its success. */
static size_t record(struct replay *r)
{
	struct power *p = r->power;
	struct disks *d = &p->logged;
	struct attempt a = { .power = p,
			     .operation = r->operation,
			     .disks = d,
			     .whole = true,
			     .log = p->log };
	pid_t syncing = 0;

	attempt_prepare(p, d, r->operation);
	for (size_t i = 0; i < layout_disks(d->layout); i++)
		disk_copy(d->disks[i].file, r->flushed[i]);
	atomic_store(&p->log->n, 0);
	p->log->used = 0;
	atomic_store(&p->log->noting, true);
	if (!disks_mount(d))
		die("%s: what it begins with cannot be mounted", r->operation->name);
	if (r->recording)
		syncing = start_syncing(d, p->seed + r->recording);
	attempt_run(&a);
	if (syncing > 0 && (kill(syncing, SIGKILL) < 0 || waitpid(syncing, NULL, 0) < 0))
		die("cannot stop syncing");
	disks_unmount(d);
	atomic_store(&p->log->noting, false);
	if (!p->report->ended || p->report->result < 0 || p->report->warnings)
		die("%s failed without a cut: %s", r->operation->name,
		    p->report->message);
	return a.ret_mark;
}

/* ---- What is on a disk ---- */

static uint64_t sum(uint64_t h, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const uint8_t *)p)[i]) * 1099511628211u;
	return h;
}

static uint64_t sum_file(uint64_t h, const char *path, const struct stat *st)
{
	uint8_t b[65536];
	ssize_t n = 0;
	int fd;

	if (S_ISLNK(st->st_mode)) {
		n = readlink(path, (char *)b, sizeof(b));
		return sum(h, b, n < 0 ? 0 : (size_t)n);
	}
	n = listxattr(path, (char *)b, sizeof(b));
	h = sum(h, b, n < 0 ? 0 : (size_t)n);
	n = getxattr(path, "user.note", b, sizeof(b));
	h = sum(h, b, n < 0 ? 0 : (size_t)n);
	fd = S_ISREG(st->st_mode) ? open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	while (fd >= 0 && (n = read(fd, b, sizeof(b))) > 0)
		h = sum(h, b, (size_t)n);
	if (fd >= 0 && n < 0)
		h = sum(h, "unreadable", 10);
	if (fd >= 0)
		close(fd);
	return h;
}

/* All that can be seen of a directory and what is below; equal sums are
 * taken for equal files. */
static uint64_t sum_below(uint64_t h, const char *path)
{
	struct dirent **names;
	struct stat st;
	char *inner;
	int n;

	if (lstat(path, &st) < 0)
		return sum(h, "gone", 4);
	h = sum(h, path, strlen(path));
	h = sum(h, &st.st_ino, sizeof(st.st_ino));
	h = sum(h, &st.st_mode, sizeof(st.st_mode));
	h = sum(h, &st.st_nlink, sizeof(st.st_nlink));
	h = sum(h, &st.st_uid, sizeof(st.st_uid));
	h = sum(h, &st.st_gid, sizeof(st.st_gid));
	h = sum(h, &st.st_size, sizeof(st.st_size));
	h = sum(h, &st.st_mtim, sizeof(st.st_mtim));
	h = sum_file(h, path, &st);
	n = S_ISDIR(st.st_mode) ? scandir(path, &names, NULL, alphasort) : -1;
	for (int i = 0; i < n; i++) {
		if (strcmp(names[i]->d_name, ".") != 0 &&
		    strcmp(names[i]->d_name, "..") != 0) {
			if (asprintf(&inner, "%s/%s", path, names[i]->d_name) < 0)
				die("no memory");
			h = sum_below(h, inner);
			free(inner);
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return h;
}

/* Is this the first time that it is seen? */
static bool is_new(struct replay *r, uint64_t h)
{
	for (size_t i = 0; i < r->n_known; i++)
		if (r->known[i] == h)
			return false;
	if (r->n_known == r->cap_known) {
		r->cap_known = 2 * r->cap_known + 64;
		r->known = realloc(r->known, r->cap_known * sizeof(r->known[0]));
		if (!r->known)
			die("no memory");
	}
	r->known[r->n_known++] = h;
	return true;
}

/* ---- Images ---- */

/* Onto the disk that is judged. */
static void put(const struct replay *r, const struct unit *u)
{
	if (pwrite(r->power->plain.disks[u->disk].file, u->data, u->size,
		   (off_t)u->offset) != (ssize_t)u->size)
		die("cannot write a disk");
}

/* The disks are made: mounts and judges them. */
static void judge_image(struct replay *r, const struct interval *in, const char *what,
			uint64_t number)
{
	struct power *p = r->power;
	struct disks *d = &p->plain;
	struct verdict v = { 0 };
	uint64_t h;

	r->sums->images++;
	if (!disks_mount(d)) {
		v.broken = 1;
		snprintf(v.text, sizeof(v.text), "the file system is damaged\n");
	} else {
		h = sum_below(in->told ? 1 : 2, d->disks[0].mountpoint);
		if (is_new(r, h)) {
			*p->report = (struct report){ .ended = in->told };
			r->sums->judged++;
			attempt_judge(p, r->operation, r->states, in->told, &v);
		}
		disks_unmount(d);
	}
	if (v.broken)
		attempt_complain(r->sums, &v, p->report,
				 "%s, %s, recording %u, image %llu (%s %llu of %zu, %s)",
				 r->operation->name, d->layout->name, r->recording,
				 (unsigned long long)r->image, what,
				 (unsigned long long)number, in->n,
				 in->told ? "success told" : "not told yet");
}

/* Counts an image; true if it is wanted, and then the flushed part of it is there. */
static bool begin_image(struct replay *r)
{
	if (!attempt_is_mine(r->power, r->row, ++r->image))
		return false;
	for (size_t i = 0; i < layout_disks(r->power->plain.layout); i++)
		disk_copy(r->flushed[i], r->power->plain.disks[i].file);
	return true;
}

static uint64_t draw(struct replay *r)
{
	r->random = r->random * 6364136223846793005u + 1442695040888963407u;
	return r->random >> 33;
}

/* The blocks of a set by number. */
static void try_set(struct replay *r, const struct interval *in, uint64_t set)
{
	if (!begin_image(r))
		return;
	for (size_t i = 0; i < in->n; i++)
		if (set >> i & 1)
			put(r, &in->units[i]);
	judge_image(r, in, "set", set);
}

/* Blocks by chance, each with a probability that is itself one. */
static void try_random(struct replay *r, const struct interval *in, unsigned number)
{
	uint64_t likely;

	/* Drawn in any case: it is the same set, whatever the share is. */
	r->random = (r->power->seed + r->image) * 0x9e3779b97f4a7c15u + number;
	if (!begin_image(r))
		return;
	likely = 1 + draw(r) % 1023;
	for (size_t i = 0; i < in->n; i++)
		if (draw(r) % 1024 < likely)
			put(r, &in->units[i]);
	judge_image(r, in, "by chance", number);
}

static void try_interval(struct replay *r, const struct interval *in)
{
	if (in->n <= EXHAUSTIVE_MAX) {
		for (uint64_t set = 0; set < 1u << in->n; set++)
			try_set(r, in, set);
	} else {
		for (size_t k = in->n_old; k <= in->n; k++) {
			if (!begin_image(r))
				continue;
			for (size_t i = 0; i < k; i++)
				put(r, &in->units[i]);
			judge_image(r, in, "first", k);
		}
		for (unsigned i = 0; i < r->power->subsets; i++)
			try_random(r, in, i);
	}
}

/* One disk has got all. */
static void flush(struct replay *r, struct interval *in, unsigned disk)
{
	size_t n = 0;

	for (size_t i = 0; i < in->n; i++) {
		const struct unit *u = &in->units[i];

		if (u->disk != disk)
			in->units[n++] = *u;
		else if (pwrite(r->flushed[disk], u->data, u->size, (off_t)u->offset) !=
			 (ssize_t)u->size)
			die("cannot write a disk");
	}
	in->n = in->n_old = n;
}

/* Adds the blocks of a write. */
static size_t split(const struct blocklog *log, const struct blocklog_event *e,
		    struct unit *units)
{
	size_t n = 0;

	for (uint32_t done = 0; done < e->size;) {
		uint32_t size = BLOCK_SIZE - (uint32_t)((e->offset + done) % BLOCK_SIZE);

		if (size > e->size - done)
			size = e->size - done;
		units[n++] = (struct unit){ e->disk, size, e->offset + done,
					    log->data + e->data + done };
		done += size;
	}
	return n;
}

/* All intervals of a recording. */
static void replay(struct replay *r, size_t mark)
{
	const struct blocklog *log = r->power->log;
	size_t n_events = atomic_load(&log->n);
	struct unit *units =
		malloc((log->used / BLOCK_SIZE + 2 * n_events + 1) * sizeof(*units));
	struct interval in = { .units = units };

	if (!units)
		die("no memory");
	for (size_t i = 0; i <= n_events; i++) {
		if (i < n_events && log->events[i].size) {
			in.n += split(log, &log->events[i], units + in.n);
			continue;
		}
		in.told = mark <= i;
		try_interval(r, &in);
		if (i < n_events)
			flush(r, &in, log->events[i].disk);
	}
	free(units);
}

void replay_sweep(struct power *p, const struct operation *o, const struct layout *l,
		  uint64_t row, struct sums *sums)
{
	struct state states[2];
	struct replay r = { .power = p,
			    .operation = o,
			    .states = states,
			    .sums = sums,
			    .row = row,
			    .flushed = { disk_new_file(), disk_new_file() } };

	p->plain.layout = p->logged.layout = l;
	known_forget();
	attempt_states(p, &p->plain, o, states);
	for (r.recording = 0; r.recording < p->recordings && !attempt_is_over(p);
	     r.recording++) {
		size_t mark = record(&r);

		r.n_known = 0;
		replay(&r, mark);
	}
	free(r.known);
	for (int i = 0; i < DISKS_MAX; i++)
		close(r.flushed[i]);
	state_done(&states[0]);
	state_done(&states[1]);
}
