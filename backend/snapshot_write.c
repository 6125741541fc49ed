/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/snapshot.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/base/utf8.h"
#include "backend/snapshot_internal.h"

/* ---- Text ---- */

/* Appends s as a JSON string has it: C0 80 is U+0000.  `as_read` puts U+FFFD for each
 * byte that is not UTF-8, as a reader would, where the writer would put its escape. */
static int decode(struct buf *out, const char *s, bool as_read, struct err *err)
{
	size_t n = strlen(s);
	uint32_t c;

	for (size_t i = 0, used; i < n; i += used) {
		int done;
		used = utf8_decode(s + i, n - i, &c);
		if (used > 0) {
			done = buf_add(out, s + i, used, err);
		} else if (s[i] == '\xc0' && s[i + 1] == '\x80') {
			used = 2;
			done = buf_add_byte(out, '\0', err);
		} else {
			used = 1;
			done = as_read ? buf_add_str(out, "\xef\xbf\xbd", err)
				       : buf_add_byte(out, s[i], err);
		}
		if (done < 0)
			return -1;
	}
	return 0;
}

/* Writes s with json_str_n() or json_key_n(). */
static void put(struct json_writer *w, const char *s, enum snapshot_audience audience,
		void (*emit)(struct json_writer *w, const char *s, size_t n))
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	if (json_is_utf8(s, strlen(s)))
		emit(w, s, strlen(s));
	else if (err_is(w->err, ERR_NONE) &&
		 decode(&text, s, audience != SNAPSHOT_FOR_FILE, w->err) == 0)
		emit(w, text.data, text.len);
}

static void put_text(struct json_writer *w, const char *key, const char *s,
		     enum snapshot_audience audience)
{
	json_key(w, key);
	put(w, s ? s : "", audience, json_str_n);
}

/* put_text() where there is any. */
static void put_optional(struct json_writer *w, const char *key, const char *s,
			 enum snapshot_audience audience)
{
	if (s && *s)
		put_text(w, key, s, audience);
}

/* ---- The keys ---- */

static void write_identity(const struct snapshot *s, enum snapshot_audience audience,
			   struct json_writer *w)
{
	bool hash = audience == SNAPSHOT_FOR_HASH;
	char time[STAMP_TEXT_MAX] = "0001-01-01T00:00:00Z";

	if (!hash)
		stamp_format(&s->time, time);
	json_key(w, "set");
	json_u64(w, hash ? 0 : s->set);
	json_key(w, "time");
	json_str(w, time);
	put_text(w, "snap", s->snap, audience);
	/* What snapd calls a missing one. */
	put_text(w, "revision", s->revision && *s->revision ? s->revision : "unset",
		 audience);
	put_optional(w, "snap-id", s->snap_id, audience);
	json_key(w, "epoch");
	snapshot_epoch_write(&s->epoch, w);
	put_text(w, "summary", s->summary, audience);
	put_text(w, "version", s->version, audience);
}

static void write_contents(const struct snapshot *s, enum snapshot_audience audience,
			   struct json_writer *w)
{
	if (s->conf) {
		json_key(w, "conf");
		json_raw(w, s->conf, strlen(s->conf));
	}
	json_key(w, "sha3-384");
	json_begin_object(w);
	for (size_t i = 0; i < s->n_archives; i++) {
		put(w, s->archives[i].name, audience, json_key_n);
		json_str(w, s->archives[i].sha3);
	}
	json_end_object(w);
	if (s->size > 0) {
		json_key(w, "size");
		json_u64(w, s->size);
	}
}

static void write_options(const struct snapshot *s, enum snapshot_audience audience,
			  struct json_writer *w)
{
	json_key(w, "options");
	json_begin_object(w);
	json_key(w, "exclude");
	json_begin_array(w);
	for (size_t i = 0; i < s->n_exclude; i++)
		put(w, s->exclude[i], audience, json_str_n);
	json_end_array(w);
	json_end_object(w);
}

void snapshot_write_keys(const struct snapshot *s, enum snapshot_audience audience,
			 struct json_writer *w)
{
	json_begin_object(w);
	write_identity(s, audience, w);
	write_contents(s, audience, w);
	if (audience == SNAPSHOT_FOR_HASH) {
		put_optional(w, "broken", s->broken, audience);
		json_end_object(w);
		return;
	}
	if (s->n_exclude > 0)
		write_options(s, audience, w);
	if (audience == SNAPSHOT_FOR_PEOPLE && s->automatic) {
		json_key(w, "auto");
		json_bool(w, true);
	}
	if (s->has_own) {
		json_key(w, "setaside");
		snapshot_own_write(s, w);
	}
	if (audience == SNAPSHOT_FOR_PEOPLE)
		put_optional(w, "broken", s->broken, audience);
	json_end_object(w);
}

void snapshot_write_json(const struct snapshot *s, struct json_writer *w)
{
	snapshot_write_keys(s, SNAPSHOT_FOR_PEOPLE, w);
}

/* ---- meta.json, and what to say when it is too long ---- */

/* True if an archive path lies in the tree: the tree's folder stands below common/ but
 * for snaps, whose trees are themselves at the top. */
static bool is_in_tree(const struct snapshot *s, const char *path,
		       const struct snapshot_tree *tree)
{
	static const char top[] = "common/";
	size_t n = strlen(tree->name);

	if (s->packaging && strcmp(s->packaging, SNAPSHOT_SNAP) != 0) {
		if (strncmp(path, top, sizeof(top) - 1) != 0)
			return false;
		path += sizeof(top) - 1;
	}
	return strncmp(path, tree->name, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static size_t skips_length(const struct snapshot *s, const struct snapshot_tree *tree,
			   const struct snapshot_skip *list, size_t n)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++) {
		if (is_in_tree(s, list[i].path, tree))
			total += strlen(list[i].path) +
				 (list[i].why ? strlen(list[i].why) : 0);
	}
	return total;
}

static size_t lists_length(const struct snapshot *s, const struct snapshot_archive *a,
			   const struct snapshot_tree *tree)
{
	size_t total = skips_length(s, tree, a->skipped, a->n_skipped) +
		       skips_length(s, tree, a->changed, a->n_changed);

	for (size_t i = 0; i < tree->n_exclude; i++)
		total += strlen(tree->exclude[i]);
	return total;
}

static int too_long(const struct snapshot *s, struct err *err)
{
	const char *archive = NULL, *tree = NULL;
	size_t most = 0;

	for (size_t i = 0; i < s->n_archives; i++) {
		const struct snapshot_archive *a = &s->archives[i];
		for (size_t k = 0; k < a->n_trees; k++) {
			size_t length = lists_length(s, a, &a->trees[k]);
			if (length > most) {
				most = length;
				archive = a->name;
				tree = a->trees[k].name;
			}
		}
	}
	err_clear(err);
	if (!tree)
		return err_set(err, ERR_NO_SPACE, "the metadata of %s would pass %zu MiB",
			       q(s->snap), SNAPSHOT_META_MAX >> 20);
	err_set(err, ERR_NO_SPACE,
		"the metadata of %s would pass %zu MiB: lists of tree %s in %s fill it",
		q(s->snap), SNAPSHOT_META_MAX >> 20, q(tree), q(archive));
	return err_hint(err, "exclude what cannot be read there or changes all the time");
}

int snapshot_write(const struct snapshot *s, struct buf *out, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT_MAX(SNAPSHOT_META_MAX);
	struct json_writer w = JSON_WRITER(&text, err);

	snapshot_write_keys(s, SNAPSHOT_FOR_FILE, &w);
	if (json_end(&w) < 0 || buf_add_byte(&text, '\n', err) < 0)
		return err_is(err, ERR_NO_SPACE) ? too_long(s, err) : -1;
	return buf_add(out, text.data, text.len, err);
}
