/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/export.h"

#include <assert.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/buf.h"
#include "backend/base/json.h"
#include "backend/base/strings.h"
#include "backend/tree/entry.h"
#include "backend/tree/tar_write.h"

struct export
{
	struct stamp date;
	struct strings names;
	struct buf bytes; /* all parts, one behind the other */
	size_t *ends;     /* where part i ends in them */
	size_t n_ends, cap;
	uint64_t zips; /* bytes of all zips */
	bool finished;
};

void export_free(struct export *x)
{
	if (!x)
		return;
	strings_done(&x->names);
	buf_done(&x->bytes);
	free(x->ends);
	free(x);
}

/* At most TAR_END_SIZE zero bytes. */
static int add_zeros(struct export *x, size_t n, struct err *err)
{
	static const uint8_t zeros[TAR_END_SIZE];

	return buf_add(&x->bytes, zeros, n, err);
}

/* The tar header of a file. */
static int add_header(struct export *x, const char *name, uint64_t size, struct err *err)
{
	struct entry e;

	entry_init(&e);
	e.type = ENTRY_FILE;
	e.path = (char *)(uintptr_t)name; /* only read */
	e.mode = 0600;
	e.size = e.stored = size;
	e.mtime.tv_sec = (time_t)x->date.sec;
	return tar_write_header(&x->bytes, &e, err);
}

/* A file whose bytes are at hand. */
static int add_text(struct export *x, const char *name, const struct buf *text,
		    struct err *err)
{
	if (add_header(x, name, text->len, err) < 0 ||
	    buf_add(&x->bytes, text->data, text->len, err) < 0)
		return -1;
	return add_zeros(x, tar_padding(text->len), err);
}

/* content.json */
static int add_content(struct export *x, const uint8_t *hash, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT, base64 = BUF_INIT;
	struct json_writer w = JSON_WRITER(&text, err);

	if (digest_base64(&base64, hash, DIGEST_SHA256_SIZE, err) < 0)
		return -1;
	json_begin_object(&w);
	json_key(&w, "content-hash");
	json_str_n(&w, base64.data, base64.len);
	json_end_object(&w);
	return json_end(&w) < 0 ? -1 : add_text(x, EXPORT_CONTENT, &text, err);
}

int export_new(const uint8_t content_hash[DIGEST_SHA256_SIZE], const struct stamp *date,
	       struct export **ret, struct err *err)
{
	_cleanup_(export_freep) struct export *x = alloc_zero(1, sizeof(*x), err);

	if (!x)
		return -1;
	x->date = *date;
	if (add_content(x, content_hash, err) < 0)
		return -1;
	*ret = TAKE_PTR(x);
	return 0;
}

/* What was added since the last call is a part. */
static int end_part(struct export *x, struct err *err)
{
	if (alloc_grow(&x->ends, x->n_ends, &x->cap, sizeof(*x->ends), err) < 0)
		return -1;
	x->ends[x->n_ends++] = x->bytes.len;
	return 0;
}

int export_add(struct export *x, const char *name, uint64_t size, struct err *err)
{
	uint64_t total;

	assert(!x->finished);
	if (x->names.n == EXPORT_ZIPS_MAX)
		return err_set(err, ERR_NO_SPACE, "an export holds at most %u snapshots",
			       EXPORT_ZIPS_MAX);
	if (__builtin_add_overflow(x->zips, size, &total) || total > ENTRY_SIZE_MAX)
		return err_set(err, ERR_NO_SPACE, "the set is too large for an export");
	if (add_header(x, name, size, err) < 0 || end_part(x, err) < 0 ||
	    strings_add(&x->names, name, err) < 0)
		return -1;
	x->zips = total;
	/* It belongs to the next part. */
	return add_zeros(x, tar_padding(size), err);
}

int export_count_metadata(const struct snapshot *s, size_t *total, struct err *err)
{
	_cleanup_(buf_done) struct buf record = BUF_INIT_MAX(SNAPSHOT_RECORD_MAX);

	if (snapshot_pack(s, &record, err) < 0)
		return -1;
	if (record.len > EXPORT_METADATA_MAX - *total)
		return err_set(err, ERR_NO_SPACE,
			       "the snapshots have more than %zu MiB of metadata",
			       EXPORT_METADATA_MAX >> 20);
	*total += record.len;
	return 0;
}

/* export.json */
static int add_manifest(struct export *x, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT_MAX(EXPORT_MANIFEST_MAX);
	struct json_writer w = JSON_WRITER(&text, err);
	char date[STAMP_TEXT_MAX];

	stamp_format(&x->date, date);
	json_begin_object(&w);
	json_key(&w, "format");
	json_u64(&w, EXPORT_FORMAT);
	json_key(&w, "date");
	json_str(&w, date);
	json_key(&w, "files");
	json_begin_array(&w);
	for (size_t i = 0; i < x->names.n; i++)
		json_str(&w, x->names.items[i]);
	json_end_array(&w);
	json_end_object(&w);
	return json_end(&w) < 0 ? -1 : add_text(x, EXPORT_MANIFEST, &text, err);
}

int export_finish(struct export *x, struct err *err)
{
	assert(!x->finished);
	if (add_manifest(x, err) < 0 || add_zeros(x, TAR_END_SIZE, err) < 0 ||
	    end_part(x, err) < 0)
		return -1;
	x->finished = true;
	return 0;
}

uint64_t export_size(const struct export *x)
{
	assert(x->finished);
	return x->zips + x->bytes.len;
}

const void *export_part(const struct export *x, size_t i, size_t *ret_size)
{
	size_t begin = i == 0 ? 0 : x->ends[i - 1];

	assert(x->finished && i < x->n_ends);
	*ret_size = x->ends[i] - begin;
	return x->bytes.data + begin;
}
