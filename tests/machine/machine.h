/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_TESTS_MACHINE_H
#define SETASIDE_TESTS_MACHINE_H

/*
 * machine: whole operations with real workers on a machine of their own, and what must be
 * true after whatever befell them.  For the programs that let something befall them:
 * tests/faults, tests/power.
 *
 *	world		a machine in a directory: a root with homes, a store, a place for
 *			exports; kept under a name and put back at will
 *	operations	what is swept, each from opening a session to closing it
 *	again		of these, the saves of what older sets hold already
 *	places		the processes of an operation
 *	whole		all of a machine as text
 *	known		machines that came through what follows, by that text
 *	judge		what must be true afterwards, in any case
 *
 * What cannot be done here, other than what is tested, ends the process with status 99.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "state/operation/save.h"
#include "state/session.h"

#define MESSAGE_MAX 400

void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Zeroed, and the same to all children; stays. */
void *shared_memory(size_t size);
/* Runs f in a child with a time limit, and waits for all that it leaves behind: its exit
 * status, or -1 where it was killed. */
int in_child(void (*f)(void *ctx), void *ctx, unsigned seconds);
/* A program of the system, whose first argument is its path; it has to succeed. */
void run_program(const char *const argv[]);

/* ---- world ---- */

struct world {
	char *dir;                       /* of this process */
	char *root, *store, *apps, *out; /* below dir/cur */
	char *page;                      /* counters of workers (backend/base/fault.h) */
	char *worker;                    /* program */
	bool system; /* two users and the system; else the caller alone */
	bool resting;
};

/*
 * A machine may have a directory cur/disk: it is mounted on home/alice/.two then, once
 * the process has mounts of its own (unshare(CLONE_NEWNS)).
 */

/*
 * A machine may be resting: it lies on a disk, saves believe data that has rested for two
 * seconds, and only its store is kept and put back.  The data stays where it is, with its
 * inodes and times, as do snapshots in the store: what a save finds unchanged, it need
 * not read.  Operations on it may change nothing else.
 */

/* Makes a directory below that one, and in it the data that is saved. */
void world_init(struct world *w, const char *base);
/* False where no disk is (dirs_on_disk()). */
bool world_init_resting(struct world *w);
/* What such a machine has beside: something to take over, and its configuration. */
void world_put_resting(const struct world *w);
void world_done(struct world *w);
/* Waits until all that was written until now is believed on a resting machine. */
void world_rest(void);
/* What there is now, under a name, which it may have had already; and back. */
void world_keep(const struct world *w, const char *name);
void world_reset(const struct world *w, const char *name);
/* The data that is saved, and that which is live later. */
void world_put_old(const struct world *w);
void world_put_new(const struct world *w);
/* In app two a file that is long enough to be written past the page cache, where the file
 * system can do that (base/appender); its bytes are by `seed`, which is not 0. */
void world_put_long(const struct world *w, uint32_t seed);
/* The configuration of whoever saves. */
void world_configure(const struct world *w, const char *text);
/* Some of the data, in place: of app two an archive, if it has several; app three. */
void world_change(const struct world *w);
/* After a copy of cur: its journal gets the inode numbers of the copy. */
void inodes_fix(const char *from, const char *to);
/* A number that files of other content or attributes hardly have; 0:
 * neither file nor link. */
uint64_t world_sum(const char *path, const struct stat *st);
/* Path of a name in a directory; caller frees. */
char *world_inside(const char *dir, const char *name);
/* Likewise below the machine's dir. */
char *world_path(const struct world *w, const char *name);
/* All below home and var as text: names, types, modes, owners, times,
 * contents, attributes.  What rests aside has its random part taken out.
 * Caller frees, as with all below. */
char *world_list(const struct world *w);
/* Of such a text the lines of one tree: of what is live, or of what rests aside. */
extern const unsigned world_trees; /* how many there are */
char *world_list_tree(const char *list, unsigned tree);
char *world_list_aside(const char *list, unsigned tree);
/* The lines of what is in no tree, but for directories. */
char *world_list_others(const char *list);
/* The highest set number that was ever given out, as far as files tell. */
uint64_t world_last_set(const struct world *w);
/* Names in the store's directory, without set numbers. */
char *world_list_store(const struct world *w);
/* Names and sizes of what was exported. */
char *world_list_out(const struct world *w);

/* ---- operations ---- */

/* What a child tells of an operation; shared memory. */
struct report {
	bool ended;  /* neither died nor killed */
	bool cannot; /* ended by die(): it cannot be done here */
	int result, kind;
	char message[MESSAGE_MAX];
	bool partial; /* done in part, and said so */
	unsigned warnings;
	char warning[MESSAGE_MAX]; /* the last */
	int fds_before, fds_after;
	bool children;   /* were left */
	bool leaks;      /* memory was; only builds with sanitizers look */
	bool taken_over; /* what older sets hold was not read, all else was */
	bool struck;
	uint64_t count[3]; /* points passed, by class */
};

struct operation {
	const char *name, *from; /* template */
	/* 0, or -1 with the error. */
	int (*run)(const struct world *w, struct report *r, struct err *err);
	/* Applied where it came to its end; takes it back: to where it began, or NULL. */
	int (*inverse)(const struct world *w, struct report *r, struct err *err);
	bool sets;    /* touches such: each is checked again and again */
	bool repairs; /* begins with a mess: a run that failed leaves one to the next */
	bool loose;   /* until recovery has run, a live tree may be missing or mixed */
	bool rests;   /* on data that rests; if nothing befalls it, it
		     * takes over what it can */
};

extern const struct operation operations[];
extern const size_t n_operations;

/* Makes the templates, but for those of operations that rest; once for a world. */
void operations_prepare(const struct world *w);
/* Prepares: has to succeed, without a warning. */
void operation_must(const struct world *w,
		    int (*run)(const struct world *w, struct report *r, struct err *err));
/* A save, from opening a session to closing it. */
int operation_save(const struct world *w, const struct save_request *q, struct report *r,
		   struct err *err);
/* One of them. */
const struct operation *operation_named(const char *name);
/* Leaves what a run of it leaves that dies at `percent` of its
 * way, as template `name`. */
void operation_mess(const struct world *w, const struct operation *o, const char *name,
		    int percent);
/* observer.event, whose ctx is a struct report. */
void report_warning(void *ctx, const struct event *event);
struct session *operation_session(const struct world *w, enum session_access access,
				  const struct observer *observer, struct err *err);

/* ---- again ---- */

/* A new set of all apps; of those that have changed; none, since nothing has. */
int again_run_save(const struct world *w, struct report *r, struct err *err);
int again_run_if_changed(const struct world *w, struct report *r, struct err *err);
int again_run_unchanged(const struct world *w, struct report *r, struct err *err);

/* Takes a machine, on which everything is old and of which nothing was saved, to where
 * the first two begin ("held") or the last ("unchanged"). */
void again_lay(const struct world *w, const char *name);
/* Makes these templates of a resting machine; once for a world. */
void again_prepare(const struct world *w);

/* ---- places ---- */

/* Where in an operation something befalls it: in its own process,
 * or in a kind of worker. */
struct place {
	const char *name;
	int kind; /* 0: the parent */
};

extern const struct place places[];
extern const size_t n_places;

/* ---- whole ---- */

/* What an operation on the machine, as it is now, can depend on: on two machines with one
 * text it does the same.  NULL where not all of it can be read.  Caller frees. */
char *whole_text(const struct world *w);

/* ---- judge ---- */

enum state_part {
	STATE_LIVE,  /* trees, and whatever rests aside or was left */
	STATE_FILES, /* of the store */
	STATE_SETS,  /* as listed, each checked */
	STATE_ROWS,  /* restores that are not closed */
	STATE_OUT,   /* what was exported */
	STATE_PARTS,
};

struct state {
	char *text[STATE_PARTS];
	uint64_t last_set;
};

/* What there is now; in a process of its own, since it runs what is tested. */
void state_take(const struct world *w, const struct operation *o, struct state *ret);
void state_done(struct state *s);

struct verdict {
	bool untouched; /* the machine is as it was, as far as any operation can tell */
	unsigned broken;
	char text[8 * MESSAGE_MAX]; /* a line each */
};

/* What an operation that met a fault must have left.  `died`: the process
 * itself was ended; `dirty`: the fault stayed, so that what was begun may
 * rest until the next run. */
struct trial {
	const struct world *world;
	const struct operation *operation;
	const struct state *before, *after;
	const struct report *report;
	const char *fresh; /* whole_text() from before it, or NULL */
	bool died, dirty, short_of_memory;
	bool damage; /* it may be told as damage: a disk that cannot be read */
};

/* Recovery, and the same again, are not run once more from where a machine of which all
 * is as it is here has come through them: what follows was seen then. */
void judge(const struct trial *t, struct verdict *ret);

/* ---- known ---- */

/* A machine that came through all that follows an attempt. */
struct known {
	char *text; /* whole_text() */
	struct state found, recovered;
	bool continued; /* the same again, or what takes it back, was right too */
};

/* NULL where none has that text; belongs to this module. */
struct known *known_find(const char *text);
/* Takes what it holds. */
void known_add(struct known *k);
void known_clear(struct known *k);
/* Before another operation, and before it is done in other
 * surroundings: on other disks, say. */
void known_forget(void);

#endif
