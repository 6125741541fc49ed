/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_OPERATION_PLAN_H
#define SETASIDE_OPERATION_PLAN_H

/*
 * plan: which archives of which apps there are here, and how much they hold.
 *
 * What save, estimate and apps have in common: the catalog says where data would lie;
 * packers, each with the identity of an owner, say what is there.  Packers stay for the
 * save that follows.  Not installed.
 */

#include "backend/save.h"
#include "state/operation/save.h"
#include "state/operation/scope.h"
#include "state/session_internal.h"

/* One whose data may be saved: a user, or the system (user.name NULL). */
struct plan_owner {
	struct user user;
	gid_t *groups;
	struct worker *packer;
};

struct plan_archive {
	/* refers to the fields below, the catalog and the owner */
	struct save_archive save;
	char *member;
	struct save_tree *trees;
	char **paths; /* one for each tree */
	size_t n_trees;
	struct pack_counts counts;
	struct save_print print;
	struct save_held held; /* valid where save.held points to it */
};

struct plan_app {
	const struct catalog_app *app;
	struct strings exclude;        /* run-time excludes as the metadata has them */
	struct plan_archive *archives; /* system data first, then users by name;
			   * only those that exist */
	size_t n_archives;
	struct held_zip *
		held_zips; /* operation/held's: those of older sets that were looked at */
};

struct plan {
	struct session *session;
	struct session_env *env;
	struct plan_owner *owners; /* the system first, where it is wanted */
	size_t n_owners;
	struct plan_app *apps; /* with data here */
	size_t n_apps;
	struct strings empty;           /* named, without data here */
	struct save_unread_list unread; /* trees that could not be resolved: warned of */
	/* names of staging and aside trees; all packers have them */
	struct strings leave_out;
	int64_t settle; /* save_options.settle: as configured, or as the kernel is set */
	uint64_t problems; /* those trees, and what else was warned of */
};

/* `env` must outlive the plan.  ERR_NOT_FOUND: no such app or user;
 * ERR_USAGE: a bad exclude. */
int plan_build(struct session *s, const struct scope *scope, struct session_env *env,
	       struct plan *ret, struct err *err);
/* The first half of it alone, for who looks at trees in another way: owners, and the
 * catalog with what lies in their homes. */
int plan_begin(struct session *s, const struct scope *scope, struct session_env *env,
	       struct plan *ret, struct catalog **ret_catalog, struct err *err);
/* The packer of an owner, alive: o->packer. */
int plan_packer(struct plan *p, struct plan_owner *o, struct err *err);
void plan_done(struct plan *p);
/* Learns anew which names are staging and aside trees: what was restored since the plan
 * was made.  *ret_changed (may be NULL): others than before. */
int plan_find_asides(struct plan *p, bool *ret_changed, struct err *err);

/* save_options.problem: the tree goes into plan.unread, and is warned of once. */
struct plan_looking {
	struct plan *plan;
	const struct catalog_app *app;
};

int plan_note_problem(void *looking, const struct save_archive *a,
		      const struct save_tree *t, const struct err *why, struct err *err);
/* Takes the i-th app out. */
void plan_remove_app(struct plan *p, size_t i);

/* Sums over all archives. */
uint64_t plan_data(const struct plan *p);
/* Bytes of the tar streams: what progress is measured in. */
uint64_t plan_bytes(const struct plan *p);
/* An upper bound of what the store will need: data, or what an older zip holds instead,
 * headers, and a little for each zip. */
uint64_t plan_room(const struct plan *p);

#endif
