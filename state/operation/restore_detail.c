/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/operation/restore_detail.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/json.h"

#define DETAIL_MAX ((size_t)16 << 20)

void restore_detail_done(struct restore_detail *d)
{
	for (size_t i = 0; i < d->n; i++) {
		struct restore_detail_tree *t = &d->trees[i];

		free(t->user);
		free(t->tree);
		free(t->revision);
		strings_done(&t->patterns);
		strings_done(&t->snapd);
		strings_done(&t->paths);
	}
	for (size_t i = 0; i < d->n_configs; i++) {
		free(d->configs[i].app);
		free(d->configs[i].config);
	}
	free(d->configs);
	free(d->trees);
	*d = (struct restore_detail){ 0 };
}

/* A list of byte strings under a key. */
static void write_list(struct json_writer *w, const char *key, const struct strings *list)
{
	json_key(w, key);
	json_begin_array(w);
	for (size_t i = 0; list && i < list->n; i++)
		json_bytes(w, list->items[i], strlen(list->items[i]));
	json_end_array(w);
}

int restore_detail_write(const struct restore_plan *plan,
			 const struct restore_detail_config *configs, size_t n_configs,
			 struct buf *out, struct err *err)
{
	struct json_writer w = JSON_WRITER(out, err);

	json_begin_object(&w);
	json_key(&w, "configs");
	json_begin_object(&w);
	for (size_t i = 0; i < n_configs; i++) {
		json_key(&w, configs[i].app);
		json_raw(&w, configs[i].config, strlen(configs[i].config));
	}
	json_end_object(&w);
	json_key(&w, "trees");
	json_begin_array(&w);
	for (size_t i = 0; i < plan->n_targets; i++) {
		const struct restore_target *t = &plan->targets[i];

		json_begin_object(&w);
		json_key(&w, "user");
		json_str(&w, t->archive->user);
		json_key(&w, "tree");
		json_str(&w, t->tree->tree);
		json_key(&w, "revision");
		json_str(&w, t->archive->revision);
		write_list(&w, "patterns", t->tree->patterns);
		write_list(&w, "snapd", t->archive->snapd);
		write_list(&w, "paths", t->archive->paths);
		json_end_object(&w);
	}
	json_end_array(&w);
	json_end_object(&w);
	return json_end(&w);
}

/* A list of byte strings. */
static int parse_list(const struct json *from, struct strings *to, struct err *err)
{
	if (!from || from->type != JSON_ARRAY)
		return err_set(err, ERR_CORRUPT, "what a restore remembers is damaged");
	for (size_t i = 0; i < from->n; i++) {
		char *item = json_to_bytes(from->items[i], NULL, err);

		if (!item)
			return -1;
		if (strings_take(to, item, err) < 0) {
			free(item);
			return -1;
		}
	}
	return 0;
}

/* A string, or NULL for null. */
static int parse_str(const struct json *from, char **to, struct err *err)
{
	const char *s = from ? json_to_str(from) : NULL;

	if (!s)
		return 0;
	*to = alloc_strdup(s, err);
	return *to ? 0 : -1;
}

/* One tree. */
static int parse_tree(const struct json *from, struct restore_detail_tree *t,
		      struct err *err)
{
	if (from->type != JSON_OBJECT)
		return err_set(err, ERR_CORRUPT, "what a restore remembers is damaged");
	if (parse_str(json_get(from, "user"), &t->user, err) < 0 ||
	    parse_str(json_get(from, "tree"), &t->tree, err) < 0 ||
	    parse_str(json_get(from, "revision"), &t->revision, err) < 0 ||
	    parse_list(json_get(from, "patterns"), &t->patterns, err) < 0 ||
	    parse_list(json_get(from, "snapd"), &t->snapd, err) < 0)
		return -1;
	return parse_list(json_get(from, "paths"), &t->paths, err);
}

/* Configurations, as canonical text again. */
static int parse_configs(const struct json *from, struct restore_detail *d,
			 struct err *err)
{
	if (!from || from->type != JSON_OBJECT)
		return err_set(err, ERR_CORRUPT, "what a restore remembers is damaged");
	d->configs = alloc_zero(from->n + 1, sizeof(*d->configs), err);
	if (!d->configs)
		return -1;
	for (size_t i = 0; i < from->n; i++) {
		_cleanup_(buf_done) struct buf text = BUF_INIT;
		struct json_writer w = JSON_WRITER(&text, err);

		json_value(&w, from->items[i]);
		if (json_end(&w) < 0)
			return -1;
		d->n_configs++;
		d->configs[i].app = alloc_strdup(from->keys[i], err);
		if (!d->configs[i].app)
			return -1;
		d->configs[i].config = buf_steal(&text, err);
		if (!d->configs[i].config)
			return -1;
	}
	return 0;
}

int restore_detail_parse(const char *text, size_t len, struct restore_detail *ret,
			 struct err *err)
{
	_cleanup_(restore_detail_done) struct restore_detail d = { 0 };
	_cleanup_(json_freep) struct json *j = NULL;
	struct json_limits limits = { .max_size = DETAIL_MAX };
	const struct json *trees;

	if (len == 0) {
		*ret = d;
		return 0;
	}
	if (json_parse(text, len, &limits, &j, err) < 0)
		return -1;
	trees = j->type == JSON_OBJECT ? json_get(j, "trees") : NULL;
	if (!trees || trees->type != JSON_ARRAY)
		return err_set(err, ERR_CORRUPT, "what a restore remembers is damaged");
	if (parse_configs(json_get(j, "configs"), &d, err) < 0)
		return -1;
	d.trees = alloc_zero(trees->n + 1, sizeof(*d.trees), err);
	if (!d.trees)
		return -1;
	for (size_t i = 0; i < trees->n; i++) {
		d.n++;
		if (parse_tree(trees->items[i], &d.trees[i], err) < 0)
			return -1;
	}
	*ret = d;
	d = (struct restore_detail){ 0 };
	return 0;
}

/* Equal, or both absent. */
static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

const struct restore_detail_tree *restore_detail_find(const struct restore_detail *d,
						      const struct journal_item *item)
{
	for (size_t i = 0; i < d->n; i++)
		if (same(d->trees[i].user, item->user) &&
		    same(d->trees[i].tree, item->tree))
			return &d->trees[i];
	return NULL;
}
