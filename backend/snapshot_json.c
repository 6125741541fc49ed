/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/snapshot_internal.h"

/* ---- Values ---- */

int snapshot_not(const char *key, const char *wanted, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "%s is not %s", q(key), wanted);
}

int snapshot_get_u64(const struct json *object, const char *key, uint64_t *ret,
		     struct err *err)
{
	const struct json *value = json_get(object, key);

	/* snapd takes no "-0" where it wants an unsigned number. */
	if (value && (value->type != JSON_NUMBER || value->text[0] == '-' ||
		      !json_to_u64(value, ret)))
		return snapshot_not(key, "a whole number in range", err);
	return 0;
}

int snapshot_get_bool(const struct json *object, const char *key, bool *ret,
		      struct err *err)
{
	const struct json *value = json_get(object, key);

	if (value && value->type != JSON_BOOL)
		return snapshot_not(key, "true or false", err);
	if (value)
		*ret = value->boolean;
	return 0;
}

/* A JSON string as snapshot.h keeps it: U+0000 as C0 80. */
static char *keep_text(const struct json *string, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < string->len; i++)
		n += string->text[i] == '\0';
	char *text = alloc_bytes(string->len + n + 1, err);
	if (!text)
		return NULL;
	char *to = text;
	for (size_t i = 0; i < string->len; i++) {
		if (string->text[i] == '\0') {
			*to++ = '\xc0';
			*to++ = '\x80';
		} else {
			*to++ = string->text[i];
		}
	}
	*to = '\0';
	return text;
}

int snapshot_get_text(const struct json *object, const char *key, char **ret,
		      struct err *err)
{
	const struct json *value = json_get(object, key);

	if (!value)
		return 0;
	if (value->type != JSON_STRING)
		return snapshot_not(key, "a string", err);
	char *text = keep_text(value, err);
	if (!text)
		return -1;
	free(*ret);
	*ret = text;
	return 0;
}

int snapshot_get_object(const struct json *object, const char *key,
			const struct json **ret, struct err *err)
{
	const struct json *value = json_get(object, key);

	if (value && value->type != JSON_OBJECT)
		return snapshot_not(key, "an object", err);
	*ret = value;
	return 0;
}

int snapshot_get_array(const struct json *object, const char *key,
		       const struct json **ret, struct err *err)
{
	const struct json *value = json_get(object, key);

	if (value && value->type != JSON_ARRAY)
		return snapshot_not(key, "a list", err);
	*ret = value;
	return 0;
}

/* ---- The keys ---- */

static int read_time(const struct json *root, struct snapshot *s, struct err *err)
{
	const struct json *value = json_get(root, "time");

	if (!value)
		return 0;
	if (value->type != JSON_STRING)
		return snapshot_not("time", "a string", err);
	if (stamp_parse(value->text, value->len, &s->time, err) < 0)
		return err_wrap(err, "%s", q("time"));
	return 0;
}

/* A revision is a string, or a number whose sign stands for the `x` of a local one. */
static int read_revision(const struct json *root, struct snapshot *s, struct err *err)
{
	const struct json *value = json_get(root, "revision");
	char *text;

	if (!value)
		return 0;
	if (value->type == JSON_NUMBER && value->text[0] == '-')
		text = alloc_printf(err, "x%s", value->text + 1);
	else if (value->type == JSON_NUMBER)
		text = alloc_strdup(value->text, err);
	else if (value->type == JSON_STRING)
		text = keep_text(value, err);
	else
		return snapshot_not("revision", "a revision", err);
	if (!text)
		return -1;
	free(s->revision);
	s->revision = text;
	if (!snapshot_revision_is_legal(text))
		return err_set(err, ERR_CORRUPT, "the revision %s is not legal",
			       qn(value->text, value->len));
	return 0;
}

static int read_conf(const struct json *root, struct snapshot *s, struct err *err)
{
	const struct json *conf = NULL;

	if (snapshot_get_object(root, "conf", &conf, err) < 0)
		return -1;
	if (snapshot_set_conf(s, conf, err) == 0)
		return 0;
	/* Too long once written out: here that is a fault of the file, no want of
	 * space. */
	if (err_is(err, ERR_NO_SPACE))
		err_reclassify(err, ERR_CORRUPT);
	return -1;
}

static int by_name(const void *a, const void *b)
{
	const struct snapshot_archive *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int read_archives(const struct json *root, struct snapshot *s, struct err *err)
{
	const struct json *hashes = NULL;

	if (snapshot_get_object(root, "sha3-384", &hashes, err) < 0)
		return -1;
	if (!hashes)
		return 0;
	s->archives = alloc_zero(hashes->n, sizeof(*s->archives), err);
	if (!s->archives)
		return -1;
	for (size_t i = 0; i < hashes->n; i++) {
		const struct json *hash = hashes->items[i];
		struct snapshot_archive *a = &s->archives[s->n_archives];
		if (hash->type == JSON_NULL)
			continue;
		if (memchr(hashes->keys[i], '\0', hashes->key_lens[i]))
			return err_set(err, ERR_CORRUPT,
				       "an archive name in \"sha3-384\" holds a NUL");
		if (hash->type != JSON_STRING || hash->len != DIGEST_SHA3_384_HEX ||
		    strspn(hash->text, "0123456789abcdef") != DIGEST_SHA3_384_HEX)
			return err_set(err, ERR_CORRUPT, "the hash of %s is no SHA3-384",
				       q(hashes->keys[i]));
		memcpy(a->sha3, hash->text, DIGEST_SHA3_384_HEX);
		a->name = alloc_strdup(hashes->keys[i], err);
		if (!a->name)
			return -1;
		s->n_archives++;
	}
	qsort(s->archives, s->n_archives, sizeof(*s->archives), by_name);
	return 0;
}

static int read_size(const struct json *root, struct snapshot *s, struct err *err)
{
	if (snapshot_get_u64(root, "size", &s->size, err) < 0)
		return -1;
	/* snapd keeps it as a signed number. */
	if (s->size > INT64_MAX)
		return snapshot_not("size", "a whole number in range", err);
	return 0;
}

static int read_options(const struct json *root, struct snapshot *s, struct err *err)
{
	const struct json *options = NULL, *exclude = NULL;

	if (snapshot_get_object(root, "options", &options, err) < 0)
		return -1;
	if (!options)
		return 0;
	if (snapshot_get_array(options, "exclude", &exclude, err) < 0)
		return -1;
	if (!exclude)
		return 0;
	s->exclude = alloc_zero(exclude->n, sizeof(*s->exclude), err);
	if (!s->exclude)
		return -1;
	for (size_t i = 0; i < exclude->n; i++) {
		if (exclude->items[i]->type != JSON_STRING)
			return snapshot_not("exclude", "a list of strings", err);
		s->exclude[i] = keep_text(exclude->items[i], err);
		if (!s->exclude[i])
			return -1;
		s->n_exclude++;
	}
	return 0;
}

/* An empty string is what Go leaves out when it writes. */
static void drop_if_empty(char **text)
{
	if (*text && !**text) {
		free(*text);
		*text = NULL;
	}
}

/* A string that is never NULL once read. */
static int read_text(const struct json *root, const char *key, char **ret,
		     struct err *err)
{
	*ret = alloc_strdup("", err);
	return *ret ? snapshot_get_text(root, key, ret, err) : -1;
}

static int read_identity(const struct json *root, struct snapshot *s, struct err *err)
{
	s->revision = alloc_strdup("", err);
	if (!s->revision || snapshot_get_u64(root, "set", &s->set, err) < 0 ||
	    read_time(root, s, err) < 0 || read_text(root, "snap", &s->snap, err) < 0 ||
	    read_revision(root, s, err) < 0 ||
	    snapshot_get_text(root, "snap-id", &s->snap_id, err) < 0)
		return -1;
	drop_if_empty(&s->snap_id);
	if (snapshot_epoch_from_json(json_get(root, "epoch"), &s->epoch, err) < 0)
		return err_wrap(err, "%s", q("epoch"));
	if (read_text(root, "summary", &s->summary, err) < 0)
		return -1;
	return read_text(root, "version", &s->version, err);
}

static int read_contents(const struct json *root, struct snapshot *s, struct err *err)
{
	if (read_conf(root, s, err) < 0 || read_archives(root, s, err) < 0 ||
	    read_size(root, s, err) < 0 || read_options(root, s, err) < 0 ||
	    snapshot_get_text(root, "broken", &s->broken, err) < 0 ||
	    snapshot_get_bool(root, "auto", &s->automatic, err) < 0)
		return -1;
	drop_if_empty(&s->broken);
	return 0;
}

static int read_own(const struct json *root, struct snapshot *s, struct err *err)
{
	const struct json *own = NULL;

	if (snapshot_get_object(root, "setaside", &own, err) < 0)
		return -1;
	if (own && snapshot_own_parse(own, s, err) < 0)
		return err_wrap(err, "%s", q("setaside"));
	return 0;
}

static bool has_unknown_keys(const struct json *root)
{
	static const char *const known[] = { "set",     "time",     "snap",    "revision",
					     "snap-id", "epoch",    "summary", "version",
					     "conf",    "sha3-384", "size",    "options",
					     "broken",  "auto",     "setaside" };

	for (size_t i = 0; i < root->n; i++) {
		size_t k = 0, n = sizeof(known) / sizeof(known[0]);
		while (k < n && (root->key_lens[i] != strlen(known[k]) ||
				 memcmp(root->keys[i], known[k], strlen(known[k])) != 0))
			k++;
		if (k == n)
			return true;
	}
	return false;
}

int snapshot_parse(const char *text, size_t len, struct snapshot *ret, struct err *err)
{
	static const struct json_limits limits = { .max_size = SNAPSHOT_META_MAX };
	_cleanup_(json_freep) struct json *root = NULL;
	_cleanup_(snapshot_done) struct snapshot s;

	snapshot_init(&s);
	if (json_parse(text, len, &limits, &root, err) < 0)
		return -1;
	if (root->type != JSON_OBJECT)
		return err_set(err, ERR_CORRUPT, "it is no JSON object");
	s.unknown_keys = has_unknown_keys(root);
	if (read_identity(root, &s, err) < 0 || read_contents(root, &s, err) < 0 ||
	    read_own(root, &s, err) < 0)
		return -1;
	*ret = s;
	snapshot_init(&s);
	return 0;
}
