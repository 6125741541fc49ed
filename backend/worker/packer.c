/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/packer.h"

#include <stdlib.h>
#include <string.h>

#include "backend/worker/protocol.h"

int packer_begin(struct worker *w, const struct packer_archive *a,
		 const struct observer *observer, struct err *err)
{
	REQUEST(o);

	if (wire_begin(&o, PACKER_BEGIN, err) < 0 ||
	    wire_put_u64(&o, PACKER_TAG_USER, a->user, err) < 0 ||
	    wire_put_u64(&o, PACKER_TAG_NATIVE, a->native, err) < 0 ||
	    wire_put_u64(&o, PACKER_TAG_UID, a->uid, err) < 0 ||
	    wire_put_u64(&o, PACKER_TAG_GID, a->gid, err) < 0 ||
	    wire_put_str(&o, PACKER_TAG_REVISION, a->revision, err) < 0)
		return -1;
	return worker_call(w, &o, NULL, NULL, observer, err);
}

int packer_tree(struct worker *w, const char *archive_path, const char *path,
		const struct observer *observer, struct packer_found *ret,
		struct err *err)
{
	REQUEST(o);
	struct wire_in *in = worker_result(w);
	uint64_t exists, is_file;
	char *resolved;

	if (wire_begin(&o, PACKER_TREE, err) < 0 ||
	    wire_put_str(&o, PACKER_TAG_ARCHIVE_PATH, archive_path, err) < 0 ||
	    wire_put_str(&o, PACKER_TAG_PATH, path, err) < 0 ||
	    worker_call(w, &o, NULL, NULL, observer, err) < 0)
		return -1;
	if (wire_get_u64(in, PACKER_TAG_EXISTS, &exists, err) < 0 ||
	    wire_get_u64(in, PACKER_TAG_IS_FILE, &is_file, err) < 0 ||
	    wire_get_str(in, PACKER_TAG_RESOLVED, PACKER_PATH_MAX, &resolved, err) < 0)
		return -1;
	*ret = (struct packer_found){ exists != 0, is_file != 0, resolved };
	return 0;
}

int packer_exclude(struct worker *w, const char *archive_path, const char *pattern,
		   const struct observer *observer, struct err *err)
{
	REQUEST(o);

	if (wire_begin(&o, PACKER_EXCLUDE, err) < 0 ||
	    wire_put_str(&o, PACKER_TAG_ARCHIVE_PATH, archive_path, err) < 0 ||
	    wire_put_str(&o, PACKER_TAG_PATTERN, pattern, err) < 0)
		return -1;
	return worker_call(w, &o, NULL, NULL, observer, err);
}

/* So many of the names, from one on, as one record holds. */
static int leave_out_some(struct worker *w, const struct strings *names, size_t from,
			  size_t n, const struct observer *observer, struct err *err)
{
	REQUEST(o);

	if (wire_begin(&o, PACKER_LEAVE_OUT, err) < 0 ||
	    wire_put_u64(&o, PACKER_TAG_FIRST, from == 0, err) < 0 ||
	    wire_put_u64(&o, PACKER_TAG_COUNT, n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (wire_put_str(&o, PACKER_TAG_PATH, names->items[from + i], err) < 0)
			return -1;
	return worker_call(w, &o, NULL, NULL, observer, err);
}

int packer_leave_out(struct worker *w, const struct strings *names,
		     const struct observer *observer, struct err *err)
{
	size_t at = 0;

	do {
		size_t left = names->n - at,
		       n = left < PACKER_NAMES_MAX ? left : PACKER_NAMES_MAX;

		if (leave_out_some(w, names, at, n, observer, err) < 0)
			return -1;
		at += n;
	} while (at < names->n);
	return 0;
}

/* The counts of an OK record. */
static int get_counts(struct wire_in *in, struct pack_counts *ret, struct err *err)
{
	struct pack_counts c;
	uint64_t *fields[] = { &c.bytes,   &c.allocated, &c.entries, &c.data,
			       &c.sockets, &c.mounts,    &c.skipped, &c.changed };
	const uint8_t *digest;
	size_t n;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (wire_get_u64(in, PACKER_TAG_COUNT, fields[i], err) < 0)
			return -1;
	if (wire_get_bytes(in, PACKER_TAG_FINGERPRINT, FINGERPRINT_SIZE, &digest, &n,
			   err) < 0 ||
	    wire_get_u64(in, PACKER_TAG_AGE, &c.fingerprint.age, err) < 0)
		return -1;
	if (n != FINGERPRINT_SIZE)
		return err_set(err, ERR_CORRUPT,
			       "the packer sent an impossible fingerprint");
	memcpy(c.fingerprint.digest, digest, n);
	*ret = c;
	return 0;
}

int packer_estimate(struct worker *w, const struct observer *observer,
		    struct pack_counts *ret, struct err *err)
{
	REQUEST(o);

	if (wire_begin(&o, PACKER_ESTIMATE, err) < 0 ||
	    worker_call(w, &o, NULL, NULL, observer, err) < 0)
		return -1;
	return get_counts(worker_result(w), ret, err);
}

/* SKIPPED and CHANGED records go to the caller's report. */
static int take_report(void *ctx, struct wire_in *in, struct err *err)
{
	const struct pack_report *report = ctx;
	_cleanup_free_ char *path = NULL, *why = NULL;
	bool skipped = in->type == PACKER_SKIPPED;

	if (!skipped && in->type != PACKER_CHANGED)
		return err_set(err, ERR_CORRUPT, "the packer sent an unexpected record");
	if (wire_get_str(in, PACKER_TAG_PATH, WIRE_MAX, &path, err) < 0 ||
	    wire_get_str(in, PACKER_TAG_WHY, PACKER_WHY_MAX, &why, err) < 0)
		return -1;
	if (!path || (skipped && !why))
		return err_set(err, ERR_CORRUPT, "the packer sent an empty record");
	if (skipped)
		return report->skipped(report->ctx, path, why, err);
	return report->changed(report->ctx, path, err);
}

int packer_pack_begin(struct worker *w, int pipe, enum gzip_level level,
		      const struct pack_report *report, struct meter *meter,
		      struct err *err)
{
	REQUEST(o);

	union {
		const struct pack_report *in;
		void *out;
	} ctx = { .in = report };

	if (wire_begin(&o, PACKER_PACK, err) < 0 ||
	    wire_put_u64(&o, PACKER_TAG_LEVEL, level, err) < 0 ||
	    wire_put_fd(&o, pipe, err) < 0 ||
	    worker_begin(w, &o, take_report, ctx.out, err) < 0)
		return -1;
	worker_measure(w, meter);
	return 0;
}

int packer_pack_end(struct worker *w, const struct observer *observer,
		    struct pack_counts *ret, struct err *err)
{
	if (worker_wait(&w, 1, observer, err) < 0)
		return -1;
	return get_counts(worker_result(w), ret, err);
}

struct name_listener {
	int (*entry)(void *ctx, const char *name, struct err *err);
	void *ctx;
	size_t max; /* bytes of a name */
};

/* NAME records of a list. */
static int take_name(void *ctx, struct wire_in *in, struct err *err)
{
	const struct name_listener *l = ctx;
	_cleanup_free_ char *name = NULL;

	if (in->type != PACKER_NAME)
		return err_set(err, ERR_CORRUPT, "the packer sent an unexpected record");
	if (wire_get_str(in, PACKER_TAG_PATH, l->max, &name, err) < 0)
		return -1;
	return name ? l->entry(l->ctx, name, err) : 0;
}

int packer_list(struct worker *w, const char *path,
		int (*entry)(void *ctx, const char *name, struct err *err), void *ctx,
		const struct observer *observer, struct err *err)
{
	struct name_listener l = { entry, ctx, 256 };
	REQUEST(o);

	if (wire_begin(&o, PACKER_LIST, err) < 0 ||
	    wire_put_str(&o, PACKER_TAG_PATH, path, err) < 0)
		return -1;
	return worker_call(w, &o, take_name, &l, observer, err);
}

int packer_flatpak(struct worker *w, const char *path, const struct observer *observer,
		   struct flatpak_deploy *ret, struct err *err)
{
	_cleanup_(flatpak_deploy_done) struct flatpak_deploy d = { NULL, NULL };
	struct wire_in *in = worker_result(w);
	REQUEST(o);

	if (wire_begin(&o, PACKER_FLATPAK, err) < 0 ||
	    wire_put_str(&o, PACKER_TAG_PATH, path, err) < 0 ||
	    worker_call(w, &o, NULL, NULL, observer, err) < 0 ||
	    wire_get_str(in, PACKER_TAG_TEXT, PACKER_TEXT_MAX, &d.version, err) < 0 ||
	    wire_get_str(in, PACKER_TAG_TEXT, PACKER_TEXT_MAX, &d.summary, err) < 0)
		return -1;
	*ret = d;
	d = (struct flatpak_deploy){ NULL, NULL };
	return 0;
}

int packer_asides(struct worker *w, const char *path, bool user, bool any,
		  int (*entry)(void *ctx, const char *path, struct err *err), void *ctx,
		  const struct observer *observer, struct err *err)
{
	struct name_listener l = { entry, ctx, PACKER_PATH_MAX };
	REQUEST(o);

	if (wire_begin(&o, PACKER_ASIDES, err) < 0 ||
	    wire_put_str(&o, PACKER_TAG_PATH, path, err) < 0 ||
	    wire_put_u64(&o, PACKER_TAG_USER, user, err) < 0 ||
	    wire_put_u64(&o, PACKER_TAG_ANY, any, err) < 0)
		return -1;
	return worker_call(w, &o, take_name, &l, observer, err);
}

int packer_link(struct worker *w, const char *path, const struct observer *observer,
		char **ret, struct err *err)
{
	REQUEST(o);

	if (wire_begin(&o, PACKER_LINK, err) < 0 ||
	    wire_put_str(&o, PACKER_TAG_PATH, path, err) < 0 ||
	    worker_call(w, &o, NULL, NULL, observer, err) < 0)
		return -1;
	return wire_get_str(worker_result(w), PACKER_TAG_RESOLVED, PACKER_PATH_MAX, ret,
			    err);
}
