/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/identity.h"

#include <assert.h>
#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "backend/base/sys.h"

/* Drops user, groups and uids; with `keep` the permitted
 * capabilities outlive the change. */
static int change_user(uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups,
		       bool keep, struct err *err)
{
	if (keep && sys_prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_errno(err, "cannot keep capabilities");
	if (sys_setgroups(n_groups, groups) < 0)
		return err_errno(err, "cannot set the groups of user %lu",
				 (unsigned long)uid);
	if (sys_setresgid(gid, gid, gid) < 0)
		return err_errno(err, "cannot become group %lu", (unsigned long)gid);
	if (sys_setresuid(uid, uid, uid) < 0)
		return err_errno(err, "cannot become user %lu", (unsigned long)uid);
	return 0;
}

/* Leaves exactly `caps`; verifies it, since a worker with more than it should is worse
 * than one that does not start. */
static int limit_caps(uint64_t caps, struct err *err)
{
	uint64_t have;

	if (sys_capset(caps) < 0)
		return err_errno(err, "cannot limit capabilities");
	if (sys_capget(&have) < 0)
		return err_errno(err, "cannot read capabilities");
	if (have != caps)
		return err_set(err, ERR_DENIED, "capabilities could not be limited");
	return 0;
}

int identity_take(const struct identity *id, struct err *err)
{
	uid_t uid = id->kind == IDENTITY_NOBODY_WITH ? IDENTITY_NOBODY : id->uid;
	gid_t gid = id->kind == IDENTITY_NOBODY_WITH ? IDENTITY_NOBODY : id->gid;

	if (geteuid() != 0) {
		if (id->kind == IDENTITY_USER && id->uid != geteuid())
			return err_set(err, ERR_DENIED, "only root can act for user %lu",
				       (unsigned long)id->uid);
		return 0;
	}
	if (id->kind == IDENTITY_SELF)
		return limit_caps(id->caps, err);
	assert(id->kind == IDENTITY_NOBODY_WITH || id->caps == 0);
	if (change_user(uid, gid, id->groups,
			id->kind == IDENTITY_USER ? id->n_groups : 0, id->caps != 0,
			err) < 0)
		return -1;
	/* A user with uid 0 (a second name of root) would keep everything: root's own
	 * data is root's, so that is right, but for the capabilities nobody asked for. */
	if (uid == 0)
		return 0;
	if (limit_caps(id->caps, err) < 0)
		return -1;
	if (sys_setuid(0) == 0)
		return err_set(err, ERR_DENIED, "identity of user %lu is not final",
			       (unsigned long)uid);
	return 0;
}
