/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/doctor.h"

#include "state/session_internal.h"

int setaside_doctor(struct session *s, struct recovery_report *ret, struct err *err)
{
	if (db_check(s->db, err) < 0)
		return -1;
	return recovery_run(s, ret, err);
}
