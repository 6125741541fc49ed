/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_DOCTOR_H
#define SETASIDE_OPERATION_DOCTOR_H

/*
 * doctor: recovery with a report: what was found, what was done, what is left; trees
 * that rest aside and that no restore on record knows, and snapshots on record whose
 * file is gone, among the last.
 */

#include "state/recovery.h"
#include "state/session.h"

/* A session opened with SESSION_DOCTOR.  What has expired goes too (operation/expiry.h),
 * and a database that only a thorough look finds damaged is put aside and rebuilt.  With
 * SESSION_LOOK nothing at all changes, and the report says what would: that and no more
 * is what the next doctor does, if nobody is at work meanwhile. */
int setaside_doctor(struct session *s, struct recovery_report *ret, struct err *err);

#endif
