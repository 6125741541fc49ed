/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_LOCKS_H
#define SETASIDE_LOCKS_H

/*
 * locks: who may do what at the same time.
 *
 * One file, `lock` beside state.db (0600, never unlinked), of which byte ranges are
 * locked (OFD locks: they belong to the open description and go with it, however the
 * process ends, so that there is no stale lock):
 *
 *	commit		set numbers and commits; held for milliseconds, but by recovery
 *			for as long as reading zips takes that it did not know
 *	set N		exclusive: made, forgotten; shared: checked, restored, exported
 *	app NAME	saving and restoring it (exclusive)
 *	target PATH	a tree that is exchanged (exclusive)
 *	alive ...	of an operation: each of its workers has it shared, by its own
 *			description; recovery takes it exclusively: it waits for them
 *
 * One struct locks for each operation.  The same lock may be taken several times by one
 * struct; it is free when it was dropped as often.  Several at once are taken in the
 * order of their place in the file, so that two operations cannot wait for each other.
 *
 * Order of taking: the set that is read; the apps; their targets; commit.  Recovery,
 * which begins with commit, only tries the others.  Nothing is to be recovered here: the
 * kernel drops what the dead held.  Whoever recovers takes the lock of what he finds,
 * which tells that nobody is at work on it, and of a restore the alive byte, which tells
 * the same of its workers.
 *
 * Where it has to wait it looks again after growing pauses of at most 50 ms.  The
 * holder that ERR_BUSY names (pid and verb) comes from the database, and is believed
 * only while the lock is held and the process with this pid is the one that started
 * then.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/cleanup.h"
#include "backend/base/error.h"
#include "backend/base/observer.h"

#define LOCKS_FILE "lock"

struct db;
struct locks;

enum lock_kind {
	LOCK_COMMIT,
	LOCK_SET,           /* number */
	LOCK_APP,           /* name */
	LOCK_TARGET,        /* name: absolute path */
	LOCK_ALIVE_SET,     /* number: the set that is saved or imported */
	LOCK_ALIVE_RESTORE, /* number: id of the restore or undo */
};

struct lock_key {
	enum lock_kind kind;
	uint64_t number;
	const char *name;
};

#define LOCK_KEY_COMMIT           ((struct lock_key){ LOCK_COMMIT, 0, NULL })
#define LOCK_KEY_SET(n)           ((struct lock_key){ LOCK_SET, (n), NULL })
#define LOCK_KEY_APP(s)           ((struct lock_key){ LOCK_APP, 0, (s) })
#define LOCK_KEY_TARGET(s)        ((struct lock_key){ LOCK_TARGET, 0, (s) })
#define LOCK_KEY_ALIVE_SET(n)     ((struct lock_key){ LOCK_ALIVE_SET, (n), NULL })
#define LOCK_KEY_ALIVE_RESTORE(n) ((struct lock_key){ LOCK_ALIVE_RESTORE, (n), NULL })

enum lock_mode {
	LOCK_SHARED,
	LOCK_EXCLUSIVE
};

struct lock_wait {
	int64_t ms; /* 0: not at all */
	/* Cancels the waiting, and is told of it when it takes a second; NULL: nobody. */
	const struct observer *observer;
};

enum locks_flags {
	/* A reader's: where the file can neither be opened nor made (a read-only store,
	 * a foreign one, a full disk), every shared lock is granted, and every
	 * exclusive one is ERR_DENIED. */
	LOCKS_OPTIONAL = 1 << 0,
	/* The same, and it is not made where it is missing. */
	LOCKS_LOOK = 1 << 1,
};

/* Opens (or makes) `lock` in the directory dirfd (borrowed during the call, a duplicate
 * is kept).  `dir` is its path, for messages.  ERR_DENIED; ERR_CORRUPT where `lock` is
 * no regular file. */
int locks_open(int dirfd, const char *dir, unsigned flags, struct locks **ret,
	       struct err *err);
/* Releases all. */
void locks_close(struct locks *l);
CLEANUP_FUNC(struct locks *, locks_close);

/* From now on locks are noted in db (borrowed until locks_close() or NULL here) as held
 * by `verb` (copied), and holders are looked up there. */
int locks_use_db(struct locks *l, struct db *db, const char *verb, struct err *err);

/* ERR_BUSY with the object and, where known, the holder; ERR_INTERRUPTED. */
int locks_take(struct locks *l, struct lock_key key, enum lock_mode mode,
	       const struct lock_wait *wait, struct err *err);
/* All or none; keys that are given twice count once for each. */
int locks_take_all(struct locks *l, const struct lock_key *keys, size_t n,
		   enum lock_mode mode, const struct lock_wait *wait, struct err *err);
/* Dropping what is not held is a programming error. */
void locks_drop(struct locks *l, struct lock_key key);
void locks_drop_all(struct locks *l, const struct lock_key *keys, size_t n);

/* Whether nobody else has it, shared or exclusive, at this moment. */
int locks_is_free(struct locks *l, struct lock_key key, bool *ret, struct err *err);

/* A descriptor of its own (read-only, O_CLOEXEC) that holds the alive byte shared, for
 * one worker; the caller closes its copy once the worker has one.  ERR_BUSY: recovery
 * has it. */
int locks_alive_fd(struct locks *l, struct lock_key key, struct err *err);
/* Waits until no worker of the operation lives, and keeps new ones from starting until
 * locks_drop(). */
int locks_wait_alive(struct locks *l, struct lock_key key, const struct lock_wait *wait,
		     struct err *err);

#endif
