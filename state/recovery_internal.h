/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_RECOVERY_INTERNAL_H
#define SETASIDE_RECOVERY_INTERNAL_H

/*
 * recovery_internal: what the files of recovery share: the report as
 * it grows.  Not installed.
 *
 * For each object: recovery_hold() its lock, find out what is wrong with it, where
 * recovery_acts() do something about it, let go of the lock, and tell.
 */

#include "state/db.h"
#include "state/recovery.h"
#include "state/session_internal.h"

struct recovering {
	struct session *session;
	struct recovery_report report;
	/* Of a look, newest first: what would be completed and would then go,
	 * since its time has come. */
	struct db_ids due;
};

/* What is said of a thing that was put right, and of one that would be. */
struct recovery_words {
	const char *did, *would;
};

/* False where nothing may change: what is found is told, and that is all. */
bool recovery_acts(const struct recovering *v);

/* Takes a lock without waiting: 1, or 0 where a living operation holds it,
 * which is noted as busy. */
int recovery_hold(struct recovering *v, struct lock_key key, struct err *err);
void recovery_let_go(struct recovering *v, struct lock_key key);

/* In all of these `object` is taken, also where they fail; NULL: it could not be
 * made, and err says why. */

/* Something was put right, or would be. */
int recovery_repaired(struct recovering *v, char *object,
		      const struct recovery_words *words, struct err *err);
/* Something could not be put right now: named, and the next run tries again.
 * `why` is empty afterwards. */
int recovery_left(struct recovering *v, char *object, struct err *why, struct err *err);
/* A living operation is at work on it, as `why` says, which is empty afterwards. */
int recovery_busy(struct recovering *v, char *object, struct err *why, struct err *err);
/* By `result`: 0 there was nothing to do, 1 repaired, -1 left because of `problem`, or
 * failed where that says that this run cannot go on. */
int recovery_tell(struct recovering *v, char *object, int result,
		  const struct recovery_words *words, struct err *problem,
		  struct err *err);

/* "set 5"; caller frees. */
char *recovery_set_object(uint64_t id, struct err *err);

extern const struct recovery_words recovery_set_removed;

/* Everything about sets, under the commit lock; of another's store nothing. */
int recovery_sets(struct recovering *v, struct err *err);
/* All restores and undos of this root. */
int recovery_restores(struct recovering *v, struct err *err);

#endif
