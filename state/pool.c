/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/pool.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/worker/unpacker.h"

/* Ends all workers. */
static void clear(struct pool *p)
{
	for (size_t i = 0; i < p->n; i++) {
		worker_free(p->workers[i].worker);
		free(p->workers[i].user);
		free(p->workers[i].groups);
	}
	free(p->workers);
	p->workers = NULL;
	p->n = 0;
}

void pool_done(struct pool *p)
{
	clear(p);
}

void pool_bind(struct pool *p, uint64_t restore)
{
	clear(p);
	session_env_init(p->session, LOCK_KEY_ALIVE_RESTORE(restore), true, &p->env);
}

/* A living worker of that kind and identity, or NULL: by the name of a
 * user, else by numbers. */
static struct worker *find(struct pool *p, enum worker_kind kind, const char *user,
			   uint32_t uid, uint32_t gid)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct pool_worker *w = &p->workers[i];
		bool same = user ? w->user && strcmp(w->user, user) == 0
				 : !w->user && w->uid == uid && w->gid == gid;

		if (w->kind == kind && same && worker_is_alive(w->worker))
			return w->worker;
	}
	return NULL;
}

/* Starts one and remembers it; takes groups. */
static int add(struct pool *p, enum worker_kind kind, const char *user,
	       const struct identity *id, gid_t *groups, const struct observer *observer,
	       struct worker **ret, struct err *err)
{
	struct pool_worker w = { .kind = kind, .groups = groups };
	struct pool_worker *grown =
		alloc_resize(p->workers, p->n + 1, sizeof(*grown), err);

	if (!grown)
		goto fail;
	p->workers = grown;
	if (user) {
		w.user = alloc_strdup(user, err);
		if (!w.user)
			goto fail;
	} else if (id->kind == IDENTITY_USER) {
		w.uid = id->uid;
		w.gid = id->gid;
	}
	if (worker_start(&p->env.env, kind, id, observer, &w.worker, err) < 0)
		goto fail;
	p->workers[p->n++] = w;
	*ret = w.worker;
	return 0;
fail:
	free(w.user);
	free(groups);
	return -1;
}

/* One that is this user. */
static int user_worker(struct pool *p, enum worker_kind kind, const char *name,
		       const struct observer *observer, struct worker **ret,
		       struct err *err)
{
	_cleanup_(user_done) struct user u;
	struct identity id;
	gid_t *groups;

	user_init(&u);
	*ret = find(p, kind, name, 0, 0);
	if (*ret)
		return 0;
	if (session_user(p->session, name, false, &u, err) < 0)
		return -1;
	if (!p->session->is_root && u.uid != p->session->self.uid)
		return err_set(err, ERR_DENIED, "only root can act for user %s", q(name));
	if (session_identity(p->session, &u, &id, &groups, err) < 0)
		return -1;
	return add(p, kind, name, &id, groups, observer, ret, err);
}

/* restore_workers.swapper */
static int get_swapper(void *ctx, const char *user, uint32_t uid, uint32_t gid,
		       const struct observer *observer, struct worker **ret,
		       struct err *err)
{
	struct identity id = swapper_root_identity;
	struct pool *p = ctx;

	if (user)
		return user_worker(p, WORKER_SWAPPER, user, observer, ret, err);
	/* Root's is one, whatever group its directories have. */
	if (uid == 0)
		gid = 0;
	else
		id = (struct identity){ .kind = IDENTITY_USER, .uid = uid, .gid = gid };
	*ret = find(p, WORKER_SWAPPER, NULL, uid, gid);
	if (*ret)
		return 0;
	return add(p, WORKER_SWAPPER, NULL, &id, NULL, observer, ret, err);
}

/* restore_workers.unpacker */
static int get_unpacker(void *ctx, const char *user, const struct observer *observer,
			struct worker **ret_unpacker, struct worker **ret_applier,
			struct err *err)
{
	struct pool *p = ctx;

	*ret_applier = NULL;
	if (user)
		return user_worker(p, WORKER_UNPACKER, user, observer, ret_unpacker, err);
	*ret_unpacker = find(p, WORKER_UNPACKER, NULL, 0, 0);
	if (!*ret_unpacker && add(p, WORKER_UNPACKER, NULL, &unpacker_system_identity,
				  NULL, observer, ret_unpacker, err) < 0)
		return -1;
	*ret_applier = find(p, WORKER_APPLIER, NULL, 0, 0);
	if (*ret_applier)
		return 0;
	return add(p, WORKER_APPLIER, NULL, &applier_identity, NULL, observer,
		   ret_applier, err);
}

void pool_init(struct pool *p, struct session *s)
{
	*p = (struct pool){ .session = s };
	session_env_init(s, LOCK_KEY_COMMIT, false, &p->env);
	p->callbacks = (struct restore_workers){ get_swapper, get_unpacker, p };
}
