/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_EXPIRY_H
#define SETASIDE_OPERATION_EXPIRY_H

/*
 * expiry: what goes by itself when its time has come: old trees that restores and undos
 * moved aside, and automatic sets.
 *
 * Who calls it: doctor, and whoever has just answered a person's command; never a hook,
 * and nobody before a restore.
 *
 * A set goes if the database says that it was saved here, is automatic and not pinned,
 * and its time is over.  So none goes that was imported, or found by recovery, as all
 * are after the database was lost: it is not known whether a person has taken them over.
 * Nor does one of which a restore can still be undone and has not expired itself, one
 * with a lost or broken file, any where `automatic-retention` is now `no`, and any of
 * another's store.
 *
 * Each goes by itself, in the order of keep (operation/restore.h) or forget
 * (operation/forget.h), with their recovery.  Times are those that were noted when they
 * began; a clock that jumps ahead lets go what would have gone by then.
 */

#include <stdint.h>

#include "backend/base/error.h"
#include "state/session.h"

/* In a session that may write; in others nothing happens.  What cannot go now stays
 * for the next time and is said to the observer, as is each set that goes.  `spare`: a
 * set that stays, since the caller has just used it; 0: none.  ERR_INTERRUPTED,
 * ERR_NOMEM: the rest stays, and that at which it stopped is as it was. */
int setaside_expire(struct session *s, uint64_t spare, struct err *err);

#endif
