/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/worker/importer.h"

#include <string.h>

#include "backend/worker/protocol.h"

void importer_part_done(struct importer_part *part)
{
	free(part->name);
	*part = (struct importer_part){ 0 };
}

int importer_begin(struct worker *w, int fd, const struct observer *observer,
		   struct err *err)
{
	REQUEST(o);

	if (wire_begin(&o, IMPORTER_BEGIN, err) < 0 || wire_put_fd(&o, fd, err) < 0)
		return -1;
	return worker_call(w, &o, NULL, NULL, observer, err);
}

/* The fields of a part. */
static int get_part(struct wire_in *in, struct importer_part *ret, struct err *err)
{
	const uint8_t *hash;
	uint64_t kind;
	size_t n;

	if (wire_get_u64(in, IMPORTER_TAG_KIND, &kind, err) < 0 ||
	    wire_get_str(in, IMPORTER_TAG_NAME, ENTRY_PATH_MAX, &ret->name, err) < 0 ||
	    wire_get_u64(in, IMPORTER_TAG_SIZE, &ret->size, err) < 0 ||
	    wire_get_bytes(in, IMPORTER_TAG_HASH, sizeof(ret->hash), &hash, &n, err) < 0)
		return -1;
	if (kind > IMPORT_END || n != sizeof(ret->hash) ||
	    (kind == IMPORT_ZIP && !ret->name))
		return err_set(err, ERR_CORRUPT, "the reader sent an impossible part");
	ret->kind = (enum import_kind)kind;
	memcpy(ret->hash, hash, n);
	return 0;
}

int importer_next(struct worker *w, const struct observer *observer,
		  struct importer_part *ret, struct err *err)
{
	struct wire_in *in = worker_result(w);
	uint64_t has;
	REQUEST(o);

	importer_part_done(ret);
	if (wire_begin(&o, IMPORTER_NEXT, err) < 0 ||
	    worker_call(w, &o, NULL, NULL, observer, err) < 0 ||
	    wire_get_u64(in, IMPORTER_TAG_HAS, &has, err) < 0)
		return -1;
	if (!has)
		return 0;
	return get_part(in, ret, err) < 0 ? -1 : 1;
}

int importer_copy(struct worker *w, int out, uint64_t max,
		  const struct observer *observer, uint64_t *ret, struct err *err)
{
	struct wire_in *in = worker_result(w);
	REQUEST(o);

	if (wire_begin(&o, IMPORTER_COPY, err) < 0 ||
	    wire_put_u64(&o, IMPORTER_TAG_MAX, max, err) < 0 ||
	    wire_put_fd(&o, out, err) < 0 ||
	    worker_call(w, &o, NULL, NULL, observer, err) < 0)
		return -1;
	return wire_get_u64(in, IMPORTER_TAG_SIZE, ret, err);
}

int importer_end(struct worker *w, const struct observer *observer, struct err *err)
{
	REQUEST(o);

	if (wire_begin(&o, IMPORTER_END, err) < 0)
		return -1;
	return worker_call(w, &o, NULL, NULL, observer, err);
}
