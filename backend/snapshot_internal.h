/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_SNAPSHOT_INTERNAL_H
#define SETASIDE_SNAPSHOT_INTERNAL_H

/*
 * snapshot_internal: what the sources of snapshot share.
 */

#include <stdbool.h>

#include "backend/base/error.h"
#include "backend/base/json.h"
#include "backend/snapshot.h"

/* The value of "format" below the `setaside` key. */
#define SNAPSHOT_OWN_FORMAT 1

/* Who the text is for. */
enum snapshot_audience {
	SNAPSHOT_FOR_FILE,   /* meta.json */
	SNAPSHOT_FOR_HASH,   /* what a content hash is taken over, without the newline */
	SNAPSHOT_FOR_PEOPLE, /* snapshot_write_json() */
};

/* ERR_CORRUPT: `"key" is not WANTED`. */
int snapshot_not(const char *key, const char *wanted, struct err *err);

/* Values of an object.  Without the key, or with null, *ret keeps what it had and the
 * call succeeds. */
int snapshot_get_u64(const struct json *object, const char *key, uint64_t *ret,
		     struct err *err);
int snapshot_get_bool(const struct json *object, const char *key, bool *ret,
		      struct err *err);
/* *ret is released when it is replaced. */
int snapshot_get_text(const struct json *object, const char *key, char **ret,
		      struct err *err);
/* *ret is NULL where there is none. */
int snapshot_get_object(const struct json *object, const char *key,
			const struct json **ret, struct err *err);
int snapshot_get_array(const struct json *object, const char *key,
		       const struct json **ret, struct err *err);

/* Reads the `setaside` key, after the archives are known. */
int snapshot_own_parse(const struct json *own, struct snapshot *s, struct err *err);
void snapshot_own_write(const struct snapshot *s, struct json_writer *w);

/* The keys of meta.json as an object. */
void snapshot_write_keys(const struct snapshot *s, enum snapshot_audience audience,
			 struct json_writer *w);

#endif
