/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_RECOVERY_INTERNAL_H
#define SETASIDE_RECOVERY_INTERNAL_H

/*
 * recovery_internal: what the files of recovery share: the report as it grows.  Not installed.
 */

#include "state/recovery.h"
#include "state/session_internal.h"

struct recovering {
	struct session *session;
	struct recovery_report report;
};

#define RECOVERY_SET_REMOVED "was not complete and was removed"

/* Something was put right.  Takes `object`, also where it fails; NULL: it could not be made, and err
 * says why. */
int recovery_repaired(struct recovering *v, char *object, const char *what, struct err *err);
/* Something could not be put right now: named, and the next run tries again.  Takes `object` in the
 * same way; `why` is empty afterwards. */
int recovery_left(struct recovering *v, char *object, struct err *why, struct err *err);
/* What says that this run itself cannot go on. */
bool recovery_is_final(const struct err *e);
/* "set 5"; caller frees. */
char *recovery_set_object(uint64_t id, struct err *err);
/* Takes a lock without waiting: 1, or 0 where a living operation holds it. */
int recovery_try_lock(struct session *s, struct lock_key key, struct err *err);

/* Everything about sets, under the commit lock; of another's store nothing. */
int recovery_sets(struct recovering *v, struct err *err);
/* All restores and undos of this root. */
int recovery_restores(struct recovering *v, struct err *err);

#endif
