/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/unpacker.h"

#include <linux/capability.h>

#include "backend/worker/protocol.h"

const struct identity unpacker_system_identity = { .kind = IDENTITY_NOBODY_WITH };

const struct identity applier_identity = {
	.kind = IDENTITY_NOBODY_WITH,
	.caps = IDENTITY_CAP(CAP_CHOWN) | IDENTITY_CAP(CAP_FOWNER) |
		IDENTITY_CAP(CAP_FSETID) | IDENTITY_CAP(CAP_DAC_OVERRIDE) |
		IDENTITY_CAP(CAP_MKNOD) | IDENTITY_CAP(CAP_SETFCAP),
};

/* NOTE records. */
static int take_note(void *ctx, struct wire_in *in, struct err *err)
{
	const struct apply_report *report = ctx;
	_cleanup_free_ char *path = NULL, *text = NULL;
	uint64_t minor;

	if (in->type != UNPACKER_NOTE)
		return err_set(err, ERR_CORRUPT,
			       "the unpacker sent an unexpected record");
	if (wire_get_str(in, UNPACKER_TAG_PATH, WIRE_MAX, &path, err) < 0 ||
	    wire_get_str(in, UNPACKER_TAG_TEXT, WIRE_MAX, &text, err) < 0 ||
	    wire_get_u64(in, UNPACKER_TAG_MINOR, &minor, err) < 0)
		return -1;
	if (!path || !text)
		return err_set(err, ERR_CORRUPT, "the unpacker sent an empty record");
	return report->note(report->ctx, path, text, minor != 0, err);
}

/* The staging trees, one call each: a set of definitions may have many. */
static int send_targets(struct worker *w, const struct unpacker_request *r,
			const struct observer *observer, struct err *err)
{
	for (size_t i = 0; i < r->n_targets; i++) {
		REQUEST(o);

		if (wire_begin(&o, UNPACKER_TARGET, err) < 0 ||
		    wire_put_str(&o, UNPACKER_TAG_PATH, r->targets[i].path, err) < 0 ||
		    wire_put_u64(&o, UNPACKER_TAG_IS_FILE, r->targets[i].is_file, err) <
			    0 ||
		    wire_put_fd(&o, r->targets[i].fd, err) < 0 ||
		    worker_call(w, &o, NULL, NULL, observer, err) < 0)
			return -1;
	}
	return 0;
}

/* The RUN request of either kind. */
static int begin(struct worker *w, int in, int out, const struct unpacker_request *r,
		 const struct observer *observer, struct err *err)
{
	union {
		const struct apply_report *in;
		void *out;
	} ctx = { .in = r->report };

	REQUEST(o);

	if (out < 0 && send_targets(w, r, observer, err) < 0)
		return -1;
	if (wire_begin(&o, UNPACKER_RUN, err) < 0 ||
	    wire_put_str(&o, UNPACKER_TAG_REVISION, r->revision, err) < 0 ||
	    wire_put_u64(&o, UNPACKER_TAG_LIMIT, r->limits.max_bytes, err) < 0 ||
	    wire_put_u64(&o, UNPACKER_TAG_LIMIT, r->limits.max_entries, err) < 0 ||
	    wire_put_u64(&o, UNPACKER_TAG_FLAGS, r->flags, err) < 0 ||
	    wire_put_u64(&o, UNPACKER_TAG_FORWARD, out >= 0, err) < 0 ||
	    wire_put_fd(&o, in, err) < 0 || (out >= 0 && wire_put_fd(&o, out, err) < 0))
		return -1;
	return worker_begin(w, &o, take_note, ctx.out, err);
}

int unpacker_begin(struct worker *w, int in, int out,
		   const struct unpacker_request *request,
		   const struct observer *observer, struct err *err)
{
	return begin(w, in, out, request, observer, err);
}

int applier_begin(struct worker *w, int in, const struct unpacker_request *request,
		  const struct observer *observer, struct err *err)
{
	return begin(w, in, -1, request, observer, err);
}

int unpacker_result(struct worker *w, struct unpack_counts *ret, struct err *err)
{
	struct wire_in *in = worker_result(w);
	struct unpack_counts c;

	if (wire_get_u64(in, UNPACKER_TAG_COUNT, &c.bytes, err) < 0 ||
	    wire_get_u64(in, UNPACKER_TAG_COUNT, &c.allocated, err) < 0 ||
	    wire_get_u64(in, UNPACKER_TAG_COUNT, &c.entries, err) < 0)
		return -1;
	*ret = c;
	return 0;
}

int unpacker_found(struct worker *w, bool *ret_found, size_t n_targets, struct err *err)
{
	for (size_t i = 0; i < n_targets; i++) {
		uint64_t found;

		if (wire_get_u64(worker_result(w), UNPACKER_TAG_FOUND, &found, err) < 0)
			return -1;
		ret_found[i] = found != 0;
	}
	return 0;
}
