/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_DOCTOR_H
#define SETASIDE_OPERATION_DOCTOR_H

/*
 * doctor: recovery with a report: what was found, what was done, what is left; trees that rest aside and that
 * no restore on record knows among the last.
 */

#include "state/recovery.h"
#include "state/session.h"

/* A session opened with SESSION_DOCTOR.  Expired aside trees go too. */
int setaside_doctor(struct session *s, struct recovery_report *ret, struct err *err);

#endif
