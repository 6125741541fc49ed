/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/swapper.h"

#include <linux/capability.h>

#include "backend/base/alloc.h"
#include "backend/worker/protocol.h"

const struct identity swapper_root_identity = {
	.kind = IDENTITY_SELF,
	.caps = IDENTITY_CAP(CAP_CHOWN) | IDENTITY_CAP(CAP_FOWNER) |
		IDENTITY_CAP(CAP_FSETID) | IDENTITY_CAP(CAP_DAC_OVERRIDE) |
		IDENTITY_CAP(CAP_DAC_READ_SEARCH) | IDENTITY_CAP(CAP_MKNOD) |
		IDENTITY_CAP(CAP_SETFCAP),
};

void swapper_place_done(struct swapper_place *p)
{
	free(p->resolved);
	free(p->parent);
	free(p->name);
	free(p->mount_below);
	strings_done(&p->missing);
	*p = (struct swapper_place){ 0 };
}

/* NAME records of missing parents. */
static int take_missing(void *ctx, struct wire_in *in, struct err *err)
{
	struct swapper_place *p = ctx;
	char *path = NULL;

	if (in->type != SWAPPER_NAME)
		return err_set(err, ERR_CORRUPT, "the swapper sent an unexpected record");
	if (wire_get_str(in, SWAPPER_TAG_PATH, SWAPPER_PATH_MAX, &path, err) < 0)
		return -1;
	if (!path || path[0] != '/' || strings_take(&p->missing, path, err) < 0) {
		free(path);
		return err->kind != ERR_NONE
			       ? -1
			       : err_set(err, ERR_CORRUPT, "the swapper sent no path");
	}
	return 0;
}

/* The OK record of RESOLVE. */
static int get_place(struct wire_in *in, struct swapper_place *p, struct err *err)
{
	bool *flags[] = { &p->exists, &p->is_dir, &p->is_file, &p->is_mount };
	uint64_t v, uid, gid;

	if (wire_get_str(in, SWAPPER_TAG_PATH, SWAPPER_PATH_MAX, &p->resolved, err) < 0 ||
	    wire_get_str(in, SWAPPER_TAG_PARENT, SWAPPER_PATH_MAX, &p->parent, err) < 0 ||
	    wire_get_str(in, SWAPPER_TAG_NAME, SWAPPER_PATH_MAX, &p->name, err) < 0 ||
	    wire_get_str(in, SWAPPER_TAG_TEXT, SWAPPER_PATH_MAX, &p->mount_below, err) <
		    0)
		return -1;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (wire_get_u64(in, SWAPPER_TAG_FLAG, &v, err) < 0)
			return -1;
		*flags[i] = v != 0;
	}
	if (wire_get_u64(in, SWAPPER_TAG_INO, &p->ino, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_INO, &p->parent_ino, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_OWNER, &uid, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_OWNER, &gid, err) < 0)
		return -1;
	p->parent_uid = (uint32_t)uid;
	p->parent_gid = (uint32_t)gid;
	if (!p->resolved || !p->parent || !p->name || p->resolved[0] != '/' ||
	    p->parent[0] != '/')
		return err_set(err, ERR_CORRUPT, "the swapper sent an incomplete place");
	return 0;
}

int swapper_resolve(struct worker *w, const char *path, bool user,
		    const struct observer *observer, struct swapper_place *ret,
		    struct err *err)
{
	_cleanup_(swapper_place_done) struct swapper_place p = { 0 };
	REQUEST(o);

	if (wire_begin(&o, SWAPPER_RESOLVE, err) < 0 ||
	    wire_put_str(&o, SWAPPER_TAG_PATH, path, err) < 0 ||
	    wire_put_u64(&o, SWAPPER_TAG_FLAG, user, err) < 0 ||
	    worker_call(w, &o, take_missing, &p, observer, err) < 0 ||
	    get_place(worker_result(w), &p, err) < 0)
		return -1;
	*ret = p;
	p = (struct swapper_place){ 0 };
	return 0;
}

int swapper_make_parent(struct worker *w, const char *path, uint32_t mode,
			const struct observer *observer, struct err *err)
{
	REQUEST(o);

	if (wire_begin(&o, SWAPPER_MAKE_PARENT, err) < 0 ||
	    wire_put_str(&o, SWAPPER_TAG_PATH, path, err) < 0 ||
	    wire_put_u64(&o, SWAPPER_TAG_MODE, mode, err) < 0)
		return -1;
	return worker_call(w, &o, NULL, NULL, observer, err);
}

int swapper_stage(struct worker *w, const char *parent, uint64_t *parent_ino,
		  const char *aside, bool is_file, const struct observer *observer,
		  int *ret_fd, uint64_t *ret_ino, struct err *err)
{
	struct wire_in *in = worker_result(w);
	uint64_t ino, above;
	REQUEST(o);

	if (wire_begin(&o, SWAPPER_STAGE, err) < 0 ||
	    wire_put_str(&o, SWAPPER_TAG_PARENT, parent, err) < 0 ||
	    wire_put_u64(&o, SWAPPER_TAG_INO, *parent_ino, err) < 0 ||
	    wire_put_str(&o, SWAPPER_TAG_ASIDE, aside, err) < 0 ||
	    wire_put_u64(&o, SWAPPER_TAG_FLAG, is_file, err) < 0 ||
	    worker_call(w, &o, NULL, NULL, observer, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_INO, &ino, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_INO, &above, err) < 0)
		return -1;
	if (ino == 0 || above == 0)
		return err_set(err, ERR_CORRUPT, "the swapper sent an impossible inode");
	*ret_ino = ino;
	*parent_ino = above;
	return wire_take_fd(in, ret_fd, err);
}

int swapper_sync(struct worker *w, const char *parent, const struct observer *observer,
		 struct err *err)
{
	REQUEST(o);

	if (wire_begin(&o, SWAPPER_SYNC, err) < 0 ||
	    wire_put_str(&o, SWAPPER_TAG_PARENT, parent, err) < 0)
		return -1;
	return worker_call(w, &o, NULL, NULL, observer, err);
}

int swapper_space(struct worker *w, const char *path, const struct observer *observer,
		  struct swapper_space *ret, struct err *err)
{
	struct wire_in *in = worker_result(w);
	struct swapper_space s;
	REQUEST(o);

	if (wire_begin(&o, SWAPPER_SPACE, err) < 0 ||
	    wire_put_str(&o, SWAPPER_TAG_PARENT, path, err) < 0 ||
	    worker_call(w, &o, NULL, NULL, observer, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_NUMBER, &s.device, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_NUMBER, &s.bytes, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_NUMBER, &s.total_bytes, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_NUMBER, &s.inodes, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_NUMBER, &s.total_inodes, err) < 0)
		return -1;
	*ret = s;
	return 0;
}

/* A request about one item: its names and inodes. */
static int put_item(struct wire_out *o, enum swapper_type type,
		    const struct journal_item *item, struct err *err)
{
	if (wire_begin(o, type, err) < 0 ||
	    wire_put_str(o, SWAPPER_TAG_PARENT, item->parent, err) < 0 ||
	    wire_put_u64(o, SWAPPER_TAG_INO, item->parent_ino, err) < 0 ||
	    wire_put_str(o, SWAPPER_TAG_NAME, item->name, err) < 0 ||
	    wire_put_str(o, SWAPPER_TAG_ASIDE, item->aside, err) < 0 ||
	    wire_put_u64(o, SWAPPER_TAG_OLD, item->old_ino, err) < 0)
		return -1;
	return wire_put_u64(o, SWAPPER_TAG_NEW, item->new_ino, err);
}

/* All rules of one sort. */
static int send_rules(struct worker *w, const struct strings *texts,
		      enum swapper_rule rule, const struct swapper_rules *rules,
		      const struct journal_item *item, const struct observer *observer,
		      struct err *err)
{
	for (size_t i = 0; texts && i < texts->n; i++) {
		REQUEST(o);

		if (wire_begin(&o, SWAPPER_RULE, err) < 0 ||
		    wire_put_u64(&o, SWAPPER_TAG_RULE, rule, err) < 0 ||
		    wire_put_str(&o, SWAPPER_TAG_TREE, item->tree, err) < 0 ||
		    wire_put_str(&o, SWAPPER_TAG_TEXT, texts->items[i], err) < 0 ||
		    wire_put_str(&o, SWAPPER_TAG_NAME, rules->revision, err) < 0 ||
		    wire_put_u64(&o, SWAPPER_TAG_FLAG, rules->user, err) < 0 ||
		    worker_call(w, &o, NULL, NULL, observer, err) < 0)
			return -1;
	}
	return 0;
}

/* LEFT records of a carry. */
static int take_left(void *ctx, struct wire_in *in, struct err *err)
{
	const struct carry_report *report = ctx;
	_cleanup_free_ char *path = NULL, *why = NULL;

	if (in->type != SWAPPER_LEFT)
		return err_set(err, ERR_CORRUPT, "the swapper sent an unexpected record");
	if (wire_get_str(in, SWAPPER_TAG_PATH, WIRE_MAX, &path, err) < 0 ||
	    wire_get_str(in, SWAPPER_TAG_TEXT, WIRE_MAX, &why, err) < 0)
		return -1;
	if (!path || !why)
		return err_set(err, ERR_CORRUPT, "the swapper sent an empty record");
	return report->left(report->ctx, path, why, err);
}

int swapper_carry(struct worker *w, const struct journal_item *item,
		  const struct swapper_rules *rules, unsigned flags,
		  const struct carry_report *report, const struct observer *observer,
		  struct err *err)
{
	union {
		const struct carry_report *in;
		void *out;
	} ctx = { .in = report };

	REQUEST(o);

	if (send_rules(w, rules->patterns, SWAPPER_RULE_PATTERN, rules, item, observer,
		       err) < 0 ||
	    send_rules(w, rules->snapd, SWAPPER_RULE_SNAPD, rules, item, observer, err) <
		    0 ||
	    send_rules(w, rules->paths, SWAPPER_RULE_PATH, rules, item, observer, err) <
		    0 ||
	    put_item(&o, SWAPPER_CARRY, item, err) < 0 ||
	    wire_put_str(&o, SWAPPER_TAG_TREE, item->tree, err) < 0 ||
	    wire_put_u64(&o, SWAPPER_TAG_FLAG, flags, err) < 0)
		return -1;
	return worker_call(w, &o, take_left, ctx.out, observer, err);
}

int swapper_look(struct worker *w, const struct journal_item *item,
		 const struct observer *observer, uint64_t *ret_live, uint64_t *ret_aside,
		 struct err *err)
{
	struct wire_in *in = worker_result(w);
	uint64_t live, aside;
	REQUEST(o);

	if (put_item(&o, SWAPPER_LOOK, item, err) < 0 ||
	    worker_call(w, &o, NULL, NULL, observer, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_INO, &live, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_INO, &aside, err) < 0)
		return -1;
	*ret_live = live;
	*ret_aside = aside;
	return 0;
}

/* A step, or the look whether it can be made. */
static int call_swap(struct worker *w, enum swapper_type type,
		     const struct journal_item *item, bool backward, struct err *err)
{
	REQUEST(o);

	if (put_item(&o, type, item, err) < 0 ||
	    wire_put_u64(&o, SWAPPER_TAG_FLAG, backward, err) < 0)
		return -1;
	return worker_call(w, &o, NULL, NULL, NULL, err);
}

int swapper_swap(struct worker *w, const struct journal_item *item, bool backward,
		 struct err *err)
{
	return call_swap(w, SWAPPER_SWAP, item, backward, err);
}

int swapper_check(struct worker *w, const struct journal_item *item, bool backward,
		  struct err *err)
{
	return call_swap(w, SWAPPER_CHECK, item, backward, err);
}

int swapper_read_attrs(struct worker *w, const struct journal_item *item,
		       const struct observer *observer, void **ret, size_t *ret_size,
		       struct err *err)
{
	const uint8_t *p;
	void *copy;
	size_t n;
	REQUEST(o);

	if (put_item(&o, SWAPPER_READ_ATTRS, item, err) < 0 ||
	    worker_call(w, &o, NULL, NULL, observer, err) < 0 ||
	    wire_get_bytes(worker_result(w), SWAPPER_TAG_ATTRS, SWAPPER_ATTRS_MAX, &p, &n,
			   err) < 0)
		return -1;
	copy = alloc_memdup(p, n, err);
	if (!copy)
		return -1;
	*ret = copy;
	*ret_size = n;
	return 0;
}

int swapper_apply_attrs(struct worker *w, const struct journal_item *item,
			const void *attrs, size_t size, struct err *err)
{
	REQUEST(o);

	if (put_item(&o, SWAPPER_APPLY_ATTRS, item, err) < 0 ||
	    wire_put_bytes(&o, SWAPPER_TAG_ATTRS, attrs, size, err) < 0)
		return -1;
	return worker_call(w, &o, NULL, NULL, NULL, err);
}

struct listing {
	int (*entry)(void *ctx, const char *name, uint64_t ino, struct err *err);
	void *ctx;
};

/* NAME records of a list. */
static int take_name(void *ctx, struct wire_in *in, struct err *err)
{
	const struct listing *l = ctx;
	_cleanup_free_ char *name = NULL;
	uint64_t ino;

	if (in->type != SWAPPER_NAME)
		return err_set(err, ERR_CORRUPT, "the swapper sent an unexpected record");
	if (wire_get_str(in, SWAPPER_TAG_PATH, 256, &name, err) < 0 ||
	    wire_get_u64(in, SWAPPER_TAG_INO, &ino, err) < 0)
		return -1;
	if (!name || ino == 0)
		return err_set(err, ERR_CORRUPT, "the swapper sent an empty record");
	return l->entry(l->ctx, name, ino, err);
}

int swapper_list(struct worker *w, const struct journal_item *item, bool aside,
		 int (*entry)(void *ctx, const char *name, uint64_t ino, struct err *err),
		 void *ctx, const struct observer *observer, struct err *err)
{
	struct listing l = { entry, ctx };
	REQUEST(o);

	if (put_item(&o, SWAPPER_LIST, item, err) < 0 ||
	    wire_put_u64(&o, SWAPPER_TAG_FLAG, aside, err) < 0)
		return -1;
	return worker_call(w, &o, take_name, &l, observer, err);
}

int swapper_remove(struct worker *w, const struct journal_item *item,
		   const struct observer *observer, struct err *err)
{
	REQUEST(o);

	if (put_item(&o, SWAPPER_REMOVE, item, err) < 0)
		return -1;
	return worker_call(w, &o, NULL, NULL, observer, err);
}

int swapper_remove_parent(struct worker *w, const struct journal_item *item,
			  bool *ret_removed, struct err *err)
{
	uint64_t removed;
	REQUEST(o);

	if (put_item(&o, SWAPPER_REMOVE_PARENT, item, err) < 0 ||
	    worker_call(w, &o, NULL, NULL, NULL, err) < 0 ||
	    wire_get_u64(worker_result(w), SWAPPER_TAG_FLAG, &removed, err) < 0)
		return -1;
	*ret_removed = removed != 0;
	return 0;
}
