/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/doctor.h"

#include "backend/base/cleanup.h"
#include "state/operation/asides.h"
#include "state/operation/restore.h"
#include "state/session_internal.h"

/* What cannot go now has its turn after the next command. */
static void expire_best_effort(struct session *s)
{
	_cleanup_(err_clear) struct err err = ERR_INIT;

	if (setaside_expire_asides(s, &err) < 0)
		observer_warn(s->observer, NULL, "%s", err_message(&err));
}

int setaside_doctor(struct session *s, struct recovery_report *ret, struct err *err)
{
	_cleanup_(recovery_report_done) struct recovery_report report = { .n_left = 0 };

	if (db_check(s->db, err) < 0)
		return -1;
	if (recovery_run(s, &report, err) < 0)
		return -1;
	expire_best_effort(s);
	if (asides_find(s, &report, err) < 0)
		return err_wrap(err, "cannot look for trees that rest aside");
	*ret = report;
	report = (struct recovery_report){ .n_left = 0 };
	return 0;
}
