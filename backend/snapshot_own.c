/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/snapshot_internal.h"

/* Bytes that json_bytes() wrote; without the key *ret keeps what it had. */
static int get_bytes(const struct json *object, const char *key, char **ret,
		     struct err *err)
{
	const struct json *value = json_get(object, key);

	if (!value)
		return 0;
	char *bytes = json_to_bytes(value, NULL, err);
	if (!bytes)
		return err_wrap(err, "%s", q(key));
	free(*ret);
	*ret = bytes;
	return 0;
}

/* get_bytes() for a key that has to be there. */
static int need_bytes(const struct json *object, const char *key, char **ret,
		      struct err *err)
{
	if (get_bytes(object, key, ret, err) < 0)
		return -1;
	if (!*ret)
		return err_set(err, ERR_CORRUPT, "%s is missing", q(key));
	return 0;
}

/* A user's or group's number; the highest stands for "none" in the kernel. */
static int need_id(const struct json *object, const char *key, uint32_t *ret,
		   struct err *err)
{
	uint64_t id = UINT64_MAX;

	if (snapshot_get_u64(object, key, &id, err) < 0)
		return -1;
	if (id >= UINT32_MAX)
		return snapshot_not(key, "the number of a user or group", err);
	*ret = (uint32_t)id;
	return 0;
}

/* ---- Reading ---- */

/* Members of a list are read one by one into an array that counts what is there, so that
 * snapshot_done() releases the right part of it after a failure. */
static int read_exclude(const struct json *object, struct snapshot_tree *tree,
			struct err *err)
{
	const struct json *list = NULL;

	if (snapshot_get_array(object, "exclude", &list, err) < 0)
		return -1;
	if (!list)
		return 0;
	tree->exclude = alloc_zero(list->n, sizeof(*tree->exclude), err);
	if (!tree->exclude)
		return -1;
	for (; tree->n_exclude < list->n; tree->n_exclude++) {
		char *bytes = json_to_bytes(list->items[tree->n_exclude], NULL, err);
		if (!bytes)
			return err_wrap(err, "%s", q("exclude"));
		tree->exclude[tree->n_exclude] = bytes;
	}
	return 0;
}

static int read_tree(const struct json *object, struct snapshot_tree *tree,
		     struct err *err)
{
	_cleanup_free_ char *type = NULL;

	if (object->type != JSON_OBJECT)
		return snapshot_not("trees", "a list of objects", err);
	if (need_bytes(object, "name", &tree->name, err) < 0 ||
	    need_bytes(object, "path", &tree->path, err) < 0 ||
	    get_bytes(object, "resolved", &tree->resolved, err) < 0 ||
	    need_bytes(object, "type", &type, err) < 0)
		return -1;
	tree->is_file = strcmp(type, "file") == 0;
	if (!tree->is_file && strcmp(type, "dir") != 0)
		return snapshot_not("type", "\"dir\" or \"file\"", err);
	return read_exclude(object, tree, err);
}

static int read_trees(const struct json *object, struct snapshot_archive *a,
		      struct err *err)
{
	const struct json *list = NULL;

	if (snapshot_get_array(object, "trees", &list, err) < 0)
		return -1;
	if (!list)
		return 0;
	a->trees = alloc_zero(list->n, sizeof(*a->trees), err);
	if (!a->trees)
		return -1;
	while (a->n_trees < list->n) {
		size_t i = a->n_trees++;
		if (read_tree(list->items[i], &a->trees[i], err) < 0)
			return -1;
	}
	return 0;
}

/* One item of `skipped` (an object with a reason) or of `changed` (a path). */
static int read_skip(const struct json *item, bool has_why, struct snapshot_skip *skip,
		     struct err *err)
{
	if (has_why) {
		if (item->type != JSON_OBJECT)
			return err_set(err, ERR_CORRUPT, "an item is no object");
		if (need_bytes(item, "path", &skip->path, err) < 0)
			return -1;
		return need_bytes(item, "why", &skip->why, err);
	}
	skip->path = json_to_bytes(item, NULL, err);
	return skip->path ? 0 : -1;
}

static int read_skips(const struct json *object, const char *key, bool has_why,
		      struct snapshot_skip **ret, size_t *ret_n, struct err *err)
{
	const struct json *list = NULL;

	if (snapshot_get_array(object, key, &list, err) < 0)
		return -1;
	if (!list)
		return 0;
	*ret = alloc_zero(list->n, sizeof(**ret), err);
	if (!*ret)
		return -1;
	while (*ret_n < list->n) {
		size_t i = (*ret_n)++;
		if (read_skip(list->items[i], has_why, &(*ret)[i], err) < 0)
			return err_wrap(err, "%s", q(key));
	}
	return 0;
}

static int read_details(const struct json *object, struct snapshot_archive *a,
			struct err *err)
{
	if (object->type != JSON_OBJECT)
		return err_set(err, ERR_CORRUPT, "it is no object");
	a->has_details = true;
	if (get_bytes(object, "user", &a->user, err) < 0)
		return -1;
	/* A missing number must not turn a user's data into root's. */
	if (a->user && (need_id(object, "uid", &a->uid, err) < 0 ||
			need_id(object, "gid", &a->gid, err) < 0 ||
			get_bytes(object, "home", &a->home, err) < 0))
		return -1;
	if (snapshot_get_u64(object, "bytes", &a->bytes, err) < 0 ||
	    snapshot_get_u64(object, "allocated", &a->allocated, err) < 0 ||
	    snapshot_get_u64(object, "entries", &a->entries, err) < 0 ||
	    read_trees(object, a, err) < 0 ||
	    read_skips(object, "skipped", true, &a->skipped, &a->n_skipped, err) < 0)
		return -1;
	return read_skips(object, "changed", false, &a->changed, &a->n_changed, err);
}

static int read_archives(const struct json *own, struct snapshot *s, struct err *err)
{
	const struct json *archives = NULL;

	if (snapshot_get_object(own, "archives", &archives, err) < 0)
		return -1;
	for (size_t i = 0; archives && i < archives->n; i++) {
		const char *name = archives->keys[i];
		const struct snapshot_archive *a = snapshot_archive(s, name);
		if (!a || strlen(name) != archives->key_lens[i] ||
		    archives->items[i]->type == JSON_NULL)
			continue;
		if (read_details(archives->items[i], &s->archives[a - s->archives], err) <
		    0)
			return err_wrap(err, "archive %s", q(name));
	}
	return 0;
}

int snapshot_own_parse(const struct json *own, struct snapshot *s, struct err *err)
{
	uint64_t format = 0;

	if (snapshot_get_u64(own, "format", &format, err) < 0)
		return -1;
	if (format == 0)
		return snapshot_not("format", "a number from 1", err);
	if (format != SNAPSHOT_OWN_FORMAT) {
		s->unknown_keys = true;
		return 0;
	}
	s->has_own = true;
	if (get_bytes(own, "packaging", &s->packaging, err) < 0 ||
	    get_bytes(own, "host", &s->host, err) < 0 ||
	    get_bytes(own, "machine-id", &s->machine_id, err) < 0 ||
	    get_bytes(own, "taken", &s->taken, err) < 0 ||
	    get_bytes(own, "name", &s->name, err) < 0 ||
	    get_bytes(own, "note", &s->note, err) < 0 ||
	    snapshot_get_bool(own, "auto", &s->own_auto, err) < 0 ||
	    get_bytes(own, "reason", &s->reason, err) < 0)
		return -1;
	return read_archives(own, s, err);
}

/* ---- Writing ---- */

static void put_bytes(struct json_writer *w, const char *bytes)
{
	json_bytes(w, bytes, strlen(bytes));
}

/* A key with its bytes; nothing where there are none. */
static void put_key(struct json_writer *w, const char *key, const char *bytes)
{
	if (!bytes)
		return;
	json_key(w, key);
	put_bytes(w, bytes);
}

static void write_tree(const struct snapshot_tree *tree, struct json_writer *w)
{
	json_begin_object(w);
	put_key(w, "name", tree->name);
	put_key(w, "path", tree->path);
	put_key(w, "resolved", tree->resolved);
	put_key(w, "type", tree->is_file ? "file" : "dir");
	json_key(w, "exclude");
	json_begin_array(w);
	for (size_t i = 0; i < tree->n_exclude; i++)
		put_bytes(w, tree->exclude[i]);
	json_end_array(w);
	json_end_object(w);
}

static void write_details(const struct snapshot_archive *a, struct json_writer *w)
{
	json_begin_object(w);
	if (a->user) {
		put_key(w, "user", a->user);
		json_key(w, "uid");
		json_u64(w, a->uid);
		json_key(w, "gid");
		json_u64(w, a->gid);
		put_key(w, "home", a->home);
	}
	json_key(w, "bytes");
	json_u64(w, a->bytes);
	json_key(w, "allocated");
	json_u64(w, a->allocated);
	json_key(w, "entries");
	json_u64(w, a->entries);
	json_key(w, "trees");
	json_begin_array(w);
	for (size_t i = 0; i < a->n_trees; i++)
		write_tree(&a->trees[i], w);
	json_end_array(w);
	json_key(w, "skipped");
	json_begin_array(w);
	for (size_t i = 0; i < a->n_skipped; i++) {
		json_begin_object(w);
		put_key(w, "path", a->skipped[i].path);
		put_key(w, "why", a->skipped[i].why ? a->skipped[i].why : "");
		json_end_object(w);
	}
	json_end_array(w);
	json_key(w, "changed");
	json_begin_array(w);
	for (size_t i = 0; i < a->n_changed; i++)
		put_bytes(w, a->changed[i].path);
	json_end_array(w);
	json_end_object(w);
}

void snapshot_own_write(const struct snapshot *s, struct json_writer *w)
{
	json_begin_object(w);
	json_key(w, "format");
	json_u64(w, SNAPSHOT_OWN_FORMAT);
	put_key(w, "packaging", s->packaging);
	put_key(w, "host", s->host);
	put_key(w, "machine-id", s->machine_id);
	put_key(w, "taken", s->taken);
	put_key(w, "name", s->name);
	put_key(w, "note", s->note);
	if (s->own_auto) {
		json_key(w, "auto");
		json_bool(w, true);
	}
	put_key(w, "reason", s->reason);
	json_key(w, "archives");
	json_begin_object(w);
	for (size_t i = 0; i < s->n_archives; i++) {
		if (!s->archives[i].has_details)
			continue;
		json_key(w, s->archives[i].name);
		write_details(&s->archives[i], w);
	}
	json_end_object(w);
	json_end_object(w);
}
