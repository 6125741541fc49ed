/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_POWER_H
#define SETASIDE_TESTS_POWER_H

/*
 * power: whole operations on file systems of their own, and the power
 * cut under them (README).
 *
 *	disk		a file system in a file: made, copied, mounted, cut
 *	blocklog	a device that notes what is written to it, and when it is flushed
 *	attempt		one run of an operation, to its end or to the cut
 *	cuts		the file system is shut down at each point of an operation
 *	replay		disks as they may be found, made from the notes of such a device
 *	power		options, processes, figures
 *
 * All of it lies in a mount and a process namespace of its own: whatever ends the
 * program takes mounts, devices and files along.  What cannot be done here ends
 * it with status 99 (die()).
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "backend/base/fault.h"
#include "tests/machine/machine.h"

#ifndef ENABLE_FAULTS
# error "configure with --enable-faults"
#endif

/* ---- disk ---- */

#define DISK_SIZE  (320u << 20)
#define BLOCK_SIZE 4096u
#define DISKS_MAX  2

struct filesystem {
	const char *name, *program; /* that makes one */
	const char *const *make;    /* its arguments, but for the file */
	const char *options;        /* of the mount */
};

/* All on one disk, or the store on a second: what syncs the one
 * does not sync the other. */
struct layout {
	const char *name;
	const struct filesystem *fs[DISKS_MAX];
};

extern const struct layout layouts[];
extern const size_t n_layouts;

struct disk {
	char *mountpoint;
	int file, device;
	char device_path[32];
};

struct disks {
	const struct layout *layout; /* on them at the moment */
	struct disk disks[DISKS_MAX];
};

/* What the cut lets through of what was not synced yet: the ioctl's flag. */
enum cut {
	CUT_LOG_FLUSHED = 1,  /* the journal is written first */
	CUT_NOTHING_MORE = 2, /* what is in memory is lost */
};

/* NULL, or the program that is not there. */
const char *layout_lacks(const struct layout *l);
/* How many disks it is. */
size_t layout_disks(const struct layout *l);
/* Its bytes are in `file`, and the device is on `under`: the same, or
 * a block log before it. */
void disk_init(struct disk *d, int file, int under, const char *mountpoint);
/* An unnamed file, filled up with holes. */
int disk_new_file(void);
/* All of one into another; what is zero there may be a hole. */
void disk_copy(int from, int to);

/* Empty ones, mounted. */
void disks_make(struct disks *d, const struct layout *l);
/* False where a file system cannot be mounted: it is damaged. */
bool disks_mount(struct disks *d);
void disks_unmount(struct disks *d);
/* What disks_cut() takes; it must be given back before they can be unmounted. */
void disks_open(const struct disks *d, int ret[DISKS_MAX]);
void disks_close(int fds[DISKS_MAX]);
void disks_cut(const int fds[DISKS_MAX], enum cut cut);

/* ---- blocklog ---- */

#define BLOCKLOG_EVENTS 65536u
#define BLOCKLOG_BYTES  ((size_t)1 << 30)

struct blocklog_event {
	unsigned disk;
	uint32_t size; /* 0: a flush */
	uint64_t offset;
	size_t data;
};

/* Shared by the process that serves the devices and the one that uses them. */
struct blocklog {
	atomic_bool noting;
	atomic_size_t n; /* events so far */
	size_t used;
	struct blocklog_event events[BLOCKLOG_EVENTS];
	uint8_t data[BLOCKLOG_BYTES];
};

/* Files at `paths`, whose bytes are those of `stores`; served by a
 * child of this process. */
struct blocklog *blocklog_start(char *const paths[DISKS_MAX],
				const int stores[DISKS_MAX]);

/* ---- attempt ---- */

#define POWER_BARE "bare" /* template of which nothing was saved yet */

/* Shared by the processes. */
struct progress {
	atomic_uint cut_short; /* rows that time was too short for */
	atomic_size_t next;    /* row that nobody has taken yet */
	atomic_uint tests;     /* lines that were printed */
};

struct power {
	time_t end; /* when it is to end; 0: when all is done */
	uint64_t share, shares, seed;
	unsigned jobs, job, subsets, recordings;
	const char *operation, *place, *layout, *method;
	uint64_t nth; /* UINT64_MAX: all */
	struct sums *sums;
	struct progress *progress;
	struct world world;
	struct report *report;   /* shared */
	struct fault_page *page; /* world.page */
	struct disks plain;      /* in memory */
	struct disks logged;     /* on block logs */
	struct blocklog *log;
	int (*templates)[DISKS_MAX]; /* files by layout and operation; -1: not made yet */
};

/* Figures of one operation, layout and method; shared by the processes. */
struct sums {
	atomic_ulong points, cuts, images, judged, broken;
};

struct attempt {
	struct power *power;
	const struct operation *operation;
	struct disks *disks;
	int kind;     /* of worker; 0: the parent */
	uint64_t nth; /* change before which the cut comes; 0: after the success */
	enum cut cut;
	bool whole; /* no cut at all */
	struct blocklog *log;
	size_t ret_mark; /* events in the log when the success was reported */
};

/* Puts there what the operation begins with. */
void attempt_prepare(struct power *p, struct disks *d, const struct operation *o);
/* Runs it on the mounted disks; the report is in power.report.  True if the cut came. */
bool attempt_run(struct attempt *a);
/* On disks that are mounted. */
void attempt_judge(struct power *p, const struct operation *o,
		   const struct state states[2], bool succeeded, struct verdict *ret);
/* Before and after, as they are without a cut. */
void attempt_states(struct power *p, struct disks *d, const struct operation *o,
		    struct state ret[2]);
/* Is there no time for anything further? */
bool attempt_is_over(const struct power *p);
/* Is this one in the share, whatever the numbers are, and time for it? */
bool attempt_is_mine(const struct power *p, uint64_t row, uint64_t nth);
/* Says what was broken, the first times. */
void attempt_complain(struct sums *sums, const struct verdict *v, const struct report *r,
		      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* ---- cuts, replay ---- */

void cuts_sweep(struct power *p, const struct operation *o, const struct layout *l,
		uint64_t row, struct sums *sums);
void replay_sweep(struct power *p, const struct operation *o, const struct layout *l,
		  uint64_t row, struct sums *sums);

#endif
