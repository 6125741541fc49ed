/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/doctor.h"

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/quote.h"
#include "state/operation/asides.h"
#include "state/operation/expiry_internal.h"
#include "state/recovery_internal.h"
#include "state/sets.h"

static const struct recovery_words rebuilt = {
	"was damaged, and was put aside and rebuilt from the snapshots",
	"is damaged, and would be put aside and rebuilt from the snapshots",
};
static const struct recovery_words expired = {
	"its time had come, and what it had moved aside was removed",
	"its time has come, and what it moved aside would be removed",
};
static const struct recovery_words set_expired = {
	"its time had come, and it was removed",
	"its time has come, and it would be removed",
};

/* All of the database, as opening it has not looked at it. */
static int examine_db(struct session *s, struct err *err)
{
	if (!s->db || db_check(s->db, err) == 0)
		return 0;
	if (!err_is(err, ERR_CORRUPT))
		return -1;
	if (session_writes(s))
		return session_replace_db(s, true, err);
	observer_warn(s->observer, DB_FILE, "%s", err_message(err));
	err_clear(err);
	s->db_damaged = true;
	return session_drop_db(s, err);
}

/* The trees of one restore that are removed because of their age. */
static int tell_expired(void *ctx, uint64_t id, struct err *err)
{
	char *object = alloc_printf(err, "restore %llu", (unsigned long long)id);

	return recovery_repaired(ctx, object, &expired, err);
}

/* An automatic set. */
static int tell_set_expired(void *ctx, uint64_t id, struct err *err)
{
	return recovery_repaired(ctx, recovery_set_object(id, err), &set_expired, err);
}

/* All of them; who only looks is told of those restores, too, that recovery
 * would complete before. */
static int find_expired(struct recovering *v, struct err *err)
{
	int r = expiry_asides(v->session, tell_expired, v, err);

	for (size_t i = v->due.n; r == 0 && i > 0; i--)
		r = tell_expired(v, v->due.ids[i - 1], err);
	return r < 0 ? -1 : expiry_sets(v->session, tell_set_expired, v, err);
}

/* One that cannot be restored as it is, for whatever reason a listing gives. */
static int tell_broken(struct recovering *v, uint64_t set,
		       const struct set_snapshot *snapshot, struct err *err)
{
	_cleanup_(err_clear) struct err why = ERR_INIT;

	if (snapshot->missing) {
		err_set(&why, ERR_NOT_FOUND, "its file %s is gone", q(snapshot->file));
		err_hint(&why, "put it back into the store, or forget the set");
	} else {
		err_set(&why, snapshot->broken_kind, "its file %s is broken: %s",
			q(snapshot->file), snapshot->broken);
		err_hint(&why,
			 "put a whole copy of it into its place, or forget it: \"check\""
			 " says what is whole of the set");
	}
	return recovery_left(v, recovery_set_object(set, err), &why, err);
}

/* What is gone stays on record, and what is broken in the store,
 * until it is forgotten. */
static int find_broken(struct recovering *v, struct err *err)
{
	struct set_list sets = { 0 };
	int r = sets_list(v->session, &sets, err);

	for (size_t i = 0; r == 0 && i < sets.n; i++)
		for (size_t k = 0; r == 0 && k < sets.sets[i].n; k++) {
			const struct set_snapshot *snapshot = &sets.sets[i].snapshots[k];

			if (snapshot->missing || snapshot->broken)
				r = tell_broken(v, sets.sets[i].id, snapshot, err);
		}
	sets_list_done(&sets);
	return r;
}

/* All of it, into the report. */
static int examine(struct recovering *v, struct err *err)
{
	struct session *s = v->session;

	if (examine_db(s, err) < 0 ||
	    (s->db_damaged &&
	     recovery_repaired(v, alloc_strdup(DB_FILE, err), &rebuilt, err) < 0) ||
	    recovery_sets(v, err) < 0 || find_broken(v, err) < 0 ||
	    recovery_restores(v, err) < 0 || find_expired(v, err) < 0)
		return -1;
	if (asides_find(s, &v->report, err) < 0)
		return err_wrap(err, "cannot look for trees that rest aside");
	return 0;
}

int setaside_doctor(struct session *s, struct recovery_report *ret, struct err *err)
{
	struct recovering v = { .session = s };
	int r = examine(&v, err);

	db_ids_done(&v.due);
	if (r < 0) {
		recovery_report_done(&v.report);
		return -1;
	}
	*ret = v.report;
	return 0;
}
