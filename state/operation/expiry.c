/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/expiry.h"

#include "backend/base/stamp.h"
#include "state/operation/expiry_internal.h"
#include "state/operation/forget_internal.h"
#include "state/operation/keep_internal.h"
#include "state/restores.h"

/* What cannot go now has its turn the next time; but who is interrupted, or has no
 * memory, is to stop. */
static int stay(struct session *s, const char *what, uint64_t id, struct err *err)
{
	if (err_is(err, ERR_INTERRUPTED) || err_is(err, ERR_NOMEM))
		return -1;
	observer_note(s->observer, NULL, "%s %llu stays for the next time: %s", what,
		      (unsigned long long)id, err_message(err));
	err_clear(err);
	return 0;
}

/* ---- Trees aside ---- */

static int expire_aside(struct session *s, const struct db_restore *row,
			expiry_teller tell, void *ctx, struct err *err)
{
	/* The one before was shielded from its commit on. */
	session_unshield(s);
	if (restore_check_root(s, row, err) < 0) {
		if (!err_is(err, ERR_REFUSED))
			return -1;
		err_clear(err); /* another root's is not ours to remove */
		return 0;
	}
	if (session_writes(s) && keep_make_final(s, row, false, NULL, err) < 0)
		return stay(s, "restore", row->id, err);
	return tell ? tell(ctx, row->id, err) : 0;
}

static int find_asides(struct session *s, struct db_restore_list *ret, struct err *err)
{
	struct stamp now;

	if (!s->db)
		return 0;
	if (stamp_now(&now, err) < 0)
		return -1;
	return db_restores_expired(s->db, now.sec, ret, err);
}

static int expire_asides(struct session *s, const struct db_restore_list *list,
			 expiry_teller tell, void *ctx, struct err *err)
{
	for (size_t i = 0; i < list->n; i++)
		if (expire_aside(s, &list->restores[i], tell, ctx, err) < 0)
			return -1;
	return 0;
}

int expiry_asides(struct session *s, expiry_teller tell, void *ctx, struct err *err)
{
	_cleanup_(db_restore_list_done) struct db_restore_list list = { NULL, 0 };

	if (find_asides(s, &list, err) < 0)
		return -1;
	return expire_asides(s, &list, tell, ctx, err);
}

/* ---- Sets ---- */

static int expire_set(struct session *s, uint64_t id, int64_t now, expiry_teller tell,
		      void *ctx, struct err *err)
{
	int r = forget_expired(s, id, now, err);

	if (r < 0)
		return stay(s, "set", id, err);
	return r > 0 && tell ? tell(ctx, id, err) : 0;
}

/* Those that are expired now, which is told, too. */
static int find_sets(struct session *s, struct db_set_list *ret, int64_t *ret_now,
		     struct err *err)
{
	struct stamp now;

	/* With another's store the database is that of our own. */
	if (!s->db || s->places.foreign || s->config.automatic_retention < 0)
		return 0;
	if (stamp_now(&now, err) < 0)
		return -1;
	*ret_now = now.sec;
	return db_sets_expired(s->db, now.sec, ret, err);
}

static int expire_sets(struct session *s, uint64_t spare, const struct db_set_list *list,
		       int64_t now, expiry_teller tell, void *ctx, struct err *err)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->sets[i].id != spare &&
		    expire_set(s, list->sets[i].id, now, tell, ctx, err) < 0)
			return -1;
	return 0;
}

int expiry_sets(struct session *s, expiry_teller tell, void *ctx, struct err *err)
{
	_cleanup_(db_set_list_done) struct db_set_list list = { NULL, 0 };
	int64_t now = 0;

	if (find_sets(s, &list, &now, err) < 0)
		return -1;
	return expire_sets(s, 0, &list, now, tell, ctx, err);
}

/* ---- Both ---- */

/* expiry_teller: a person should not have to wonder. */
static int note_set(void *ctx, uint64_t id, struct err *err)
{
	const struct session *s = ctx;

	(void)err;
	observer_note(s->observer, NULL,
		      "set %llu: its time had come, and it was removed",
		      (unsigned long long)id);
	return 0;
}

int setaside_expire(struct session *s, uint64_t spare, struct err *err)
{
	_cleanup_(db_restore_list_done) struct db_restore_list asides = { NULL, 0 };
	_cleanup_(db_set_list_done) struct db_set_list sets = { NULL, 0 };
	int64_t now = 0;

	if (!session_writes(s))
		return 0;
	/* Both are found before anything goes: who cannot look has changed nothing. */
	if (find_asides(s, &asides, err) < 0 || find_sets(s, &sets, &now, err) < 0 ||
	    expire_asides(s, &asides, NULL, NULL, err) < 0)
		return -1;
	return expire_sets(s, spare, &sets, now, note_set, s, err);
}
