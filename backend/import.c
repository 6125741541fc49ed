/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/import.h"

#include <limits.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/json.h"
#include "backend/base/quote.h"
#include "backend/base/stamp.h"
#include "backend/base/strings.h"

struct import {
	struct tar_reader *tar;
	struct strings names;      /* zips of the current set */
	struct strings written;    /* the same as export.json can hold them */
	struct strings listed;     /* what export.json names */
	const struct entry *ahead; /* content.json of the next set */
	bool has_content, has_manifest;
	bool ended; /* with the stream */
};

int import_new(tar_source source, void *ctx, struct import **ret, struct err *err)
{
	_cleanup_(import_freep) struct import *im = alloc_zero(1, sizeof(*im), err);

	if (!im || tar_reader_new(source, ctx, &im->tar, err) < 0)
		return -1;
	tar_reader_allow_more(im->tar);
	*ret = TAKE_PTR(im);
	return 0;
}

void import_use_skip(struct import *im, tar_skipper skip)
{
	tar_reader_use_skip(im->tar, skip);
}

void import_free(struct import *im)
{
	if (!im)
		return;
	tar_reader_free(im->tar);
	strings_done(&im->names);
	strings_done(&im->written);
	strings_done(&im->listed);
	free(im);
}

/* A small member, parsed. */
static int read_json(struct import *im, const struct entry *e, size_t max,
		     struct json **ret, struct err *err)
{
	_cleanup_(json_freep) struct json *object = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT_MAX(max);
	uint64_t offset;
	const void *p;
	ssize_t n;

	if (e->size > max)
		return err_set(err, ERR_CORRUPT, "it is larger than %zu bytes", max);
	while ((n = tar_read_data(im->tar, &offset, &p, err)) > 0)
		if (buf_add(&text, p, (size_t)n, err) < 0)
			return -1;
	if (n < 0 ||
	    json_parse(text.data ? text.data : "", text.len, NULL, &object, err) < 0)
		return -1;
	if (object->type != JSON_OBJECT)
		return err_set(err, ERR_CORRUPT, "it is no object");
	*ret = TAKE_PTR(object);
	return 0;
}

/* content.json */
static int read_content(struct import *im, const struct entry *e,
			struct import_part *part, struct err *err)
{
	_cleanup_(json_freep) struct json *object = NULL;
	_cleanup_(buf_done) struct buf hash = BUF_INIT;
	const struct json *value;

	if (read_json(im, e, EXPORT_CONTENT_MAX, &object, err) < 0)
		return -1;
	value = json_get(object, "content-hash");
	if (!value || value->type != JSON_STRING)
		return err_set(err, ERR_CORRUPT, "it holds no content-hash");
	if (digest_unbase64(value->text, value->len, &hash, err) < 0)
		return err_wrap(err, "content-hash");
	if (hash.len != sizeof(part->hash))
		return err_set(err, ERR_CORRUPT, "content-hash is no SHA-256");
	memcpy(part->hash, hash.data, sizeof(part->hash));
	part->kind = IMPORT_CONTENT;
	im->has_content = true;
	return 0;
}

/* The format comes first: what a later one has else is not known. */
static int check_format(const struct json *object, struct err *err)
{
	const struct json *format = json_get(object, "format");
	uint64_t number;

	if (!format || format->type != JSON_NUMBER || !json_to_u64(format, &number))
		return err_set(err, ERR_CORRUPT, "it says no format");
	if (number != EXPORT_FORMAT)
		return err_set(err, ERR_UNSUPPORTED,
			       "this version does not know exports of format %llu",
			       (unsigned long long)number);
	return 0;
}

/* export.json */
static int read_manifest(struct import *im, const struct entry *e, struct err *err)
{
	_cleanup_(json_freep) struct json *object = NULL;
	const struct json *files, *date;
	struct stamp when;

	if (read_json(im, e, EXPORT_MANIFEST_MAX, &object, err) < 0 ||
	    check_format(object, err) < 0)
		return -1;
	date = json_get(object, "date");
	if (date && date->type != JSON_STRING)
		return err_set(err, ERR_CORRUPT, "its date is none");
	if (date && stamp_parse(date->text, date->len, &when, err) < 0)
		return err_wrap(err, "date");
	files = json_get(object, "files");
	if (!files || files->type != JSON_ARRAY)
		return err_set(err, ERR_CORRUPT, "it lists no files");
	for (size_t i = 0; i < files->n; i++) {
		const char *name = json_to_str(files->items[i]);

		if (!name)
			return err_set(err, ERR_CORRUPT, "it lists what is no name");
		if (strings_add(&im->listed, name, err) < 0)
			return -1;
	}
	im->has_manifest = true;
	return 0;
}

/* A name may be anything that can be a snapshot's: N_something.zip, whatever N is. */
static int check_name(const struct entry *e, struct err *err)
{
	size_t n = strlen(e->path), suffix = strlen(".zip");
	const char *low = strchr(e->path, '_');

	if (strchr(e->path, '/'))
		return err_set(err, ERR_CORRUPT, "it lies in a directory");
	/* So that the names of a set take memory that can be foreseen. */
	if (n > NAME_MAX)
		return err_set(err, ERR_CORRUPT, "its name is longer than any file's");
	if (!low)
		return err_set(
			err, ERR_CORRUPT,
			"it is not named as a snapshot is (SET_APP_VERSION_REVISION.zip)");
	if (n <= suffix || strcmp(e->path + n - suffix, ".zip") != 0)
		return err_set(err, ERR_CORRUPT, "its name does not end in .zip");
	return 0;
}

/* A name as it is read back from JSON, where what is not UTF-8 was lost. */
static int add_written(struct import *im, const char *name, struct err *err)
{
	_cleanup_(json_freep) struct json *value = NULL;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER(&text, err);

	json_str(&w, name);
	if (json_end(&w) < 0 || json_parse(text.data, text.len, NULL, &value, err) < 0)
		return -1;
	return strings_add(&im->written, value->text, err);
}

/* A snapshot. */
static int take_zip(struct import *im, const struct entry *e, struct import_part *part,
		    struct err *err)
{
	if (check_name(e, err) < 0)
		return -1;
	if (im->names.n == EXPORT_ZIPS_MAX)
		return err_set(err, ERR_CORRUPT,
			       "it is one more than the %u that are read",
			       EXPORT_ZIPS_MAX);
	if (strings_add(&im->names, e->path, err) < 0 ||
	    add_written(im, e->path, err) < 0)
		return -1;
	part->kind = IMPORT_ZIP;
	part->name = im->names.items[im->names.n - 1];
	part->size = e->size;
	return 0;
}

/* One member: 1 where the caller is to know of it, 0 where not. */
static int take_member(struct import *im, const struct entry *e, struct import_part *part,
		       struct err *err)
{
	if (e->type != ENTRY_FILE || e->sparse)
		return err_set(err, ERR_CORRUPT, "it is no regular file");
	if (im->has_manifest)
		return err_set(err, ERR_CORRUPT, "it comes after %s", EXPORT_MANIFEST);
	if (strcmp(e->path, EXPORT_MANIFEST) == 0)
		return read_manifest(im, e, err);
	if (strcmp(e->path, EXPORT_CONTENT) != 0)
		return take_zip(im, e, part, err) < 0 ? -1 : 1;
	if (im->has_content)
		return err_set(err, ERR_CORRUPT, "it comes twice");
	return read_content(im, e, part, err) < 0 ? -1 : 1;
}

/* ERR_CORRUPT if a name is twice in the sorted list. */
static int check_unique(const struct strings *came, struct err *err)
{
	for (size_t i = 1; i < came->n; i++)
		if (strcmp(came->items[i - 1], came->items[i]) == 0)
			return err_set(err, ERR_CORRUPT, "%s comes twice",
				       q(came->items[i]));
	return 0;
}

/* ERR_CORRUPT unless the two sorted lists are the same. */
static int compare_names(const struct strings *came, const struct strings *listed,
			 struct err *err)
{
	for (size_t i = 0; i < came->n || i < listed->n; i++) {
		int order = i >= came->n     ? 1
			    : i >= listed->n ? -1
					     : strcmp(came->items[i], listed->items[i]);

		if (order > 0)
			return err_set(err, ERR_CORRUPT,
				       "%s lists %s, which did not come", EXPORT_MANIFEST,
				       q(listed->items[i]));
		if (order < 0)
			return err_set(err, ERR_CORRUPT, "%s does not list %s",
				       EXPORT_MANIFEST, q(came->items[i]));
	}
	return 0;
}

/* What follows a set's archive must be another export. */
static int read_ahead(struct import *im, struct err *err)
{
	int r = tar_read_next(im->tar, &im->ahead, err);

	if (r > 0 && im->ahead->type == ENTRY_FILE &&
	    strcmp(im->ahead->path, EXPORT_CONTENT) == 0)
		return 0;
	if (r < 0 && !err_is(err, ERR_CORRUPT) && !err_is(err, ERR_UNSUPPORTED))
		return -1;
	err_clear(err); /* that is how it is no export */
	return err_set(err, ERR_CORRUPT, "it goes on after its end");
}

/* The end of a set's archive: all of it was there. */
static int end_set(struct import *im, struct err *err)
{
	if (!im->has_manifest)
		return err_set(err, ERR_CORRUPT, "it is cut short: %s is missing",
			       EXPORT_MANIFEST);
	if (im->names.n == 0)
		return err_set(err, ERR_CORRUPT, "it holds no snapshots");
	strings_sort(&im->names);
	strings_sort(&im->written);
	strings_sort(&im->listed);
	if (check_unique(&im->names, err) < 0 ||
	    compare_names(&im->written, &im->listed, err) < 0)
		return -1;
	im->ended = !tar_reader_has_more(im->tar);
	if (im->ended)
		return 0;
	return read_ahead(im, err);
}

/* Before the first member of a set. */
static void begin_set(struct import *im)
{
	strings_done(&im->names);
	strings_done(&im->written);
	strings_done(&im->listed);
	im->has_content = im->has_manifest = false;
}

/* What tar alone calls unsupported or too large is no export of anyone's.  What a read
 * failed with is not the stream's fault. */
static int fail(struct err *err)
{
	if (err->sys_errno == 0 &&
	    (err_is(err, ERR_UNSUPPORTED) || err_is(err, ERR_NO_SPACE)))
		err_reclassify(err, ERR_CORRUPT);
	return -1;
}

int import_next(struct import *im, struct import_part *ret, struct err *err)
{
	struct import_part part = { IMPORT_END, NULL, 0, { 0 } };
	int told = 0;

	if (im->ended)
		return 0;
	while (told == 0) {
		const struct entry *e = TAKE_PTR(im->ahead);
		int r = e ? 1 : tar_read_next(im->tar, &e, err);

		if (r < 0)
			return fail(err);
		if (r == 0 && end_set(im, err) < 0)
			return -1;
		if (r == 0)
			break;
		told = take_member(im, e, &part, err);
		if (told < 0)
			return err_wrap(err, "member %s", q(e->path));
	}
	if (part.kind == IMPORT_END)
		begin_set(im);
	*ret = part;
	return 1;
}

ssize_t import_read(struct import *im, const void **ret, struct err *err)
{
	uint64_t offset;

	return tar_read_data(im->tar, &offset, ret, err);
}
