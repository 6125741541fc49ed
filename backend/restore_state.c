/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/restore_state.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/cleanup.h"
#include "backend/base/fd.h"
#include "backend/base/quote.h"

/* ".~xxxxxxxxx~" */
#define ASIDE_RANDOM 9
#define ASIDE_LENGTH (2 + ASIDE_RANDOM + 1)

void restore_state_done(struct restore_state *s)
{
	strings_done(&s->created);
	strings_done(&s->moved);
	free(s->config);
	s->config = NULL;
	s->done = false;
}

/* ---- Reading ---- */

static int read_paths(const struct json *root, const char *key, struct strings *ret,
		      struct err *err)
{
	const struct json *list = json_get(root, key);

	if (!list)
		return 0;
	if (list->type != JSON_ARRAY)
		return err_set(err, ERR_CORRUPT, "%s is not a list", q(key));
	for (size_t i = 0; i < list->n; i++) {
		_cleanup_free_ char *path = json_to_bytes(list->items[i], NULL, err);
		if (!path)
			return err_wrap(err, "%s", q(key));
		if (strings_take(ret, path, err) < 0)
			return -1;
		path = NULL;
	}
	return 0;
}

static int read_config(const struct json *root, char **ret, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER(&text, err);
	const struct json *config = json_get(root, "config");

	if (!config)
		return 0;
	if (config->type != JSON_OBJECT)
		return err_set(err, ERR_CORRUPT, "%s is not an object", q("config"));
	if (config->n == 0)
		return 0;
	json_value(&w, config);
	if (json_end(&w) < 0)
		return -1;
	*ret = buf_steal(&text, err);
	return *ret ? 0 : -1;
}

int restore_state_parse(const char *text, size_t len, struct restore_state *ret,
			struct err *err)
{
	static const struct json_limits limits = { .max_size = RESTORE_STATE_MAX };
	_cleanup_(restore_state_done) struct restore_state s = RESTORE_STATE_INIT;
	_cleanup_(json_freep) struct json *root = NULL;

	if (json_parse(text, len, &limits, &root, err) < 0)
		return -1;
	if (root->type != JSON_OBJECT)
		return err_set(err, ERR_CORRUPT, "it is no JSON object");
	const struct json *done = json_get(root, "done");
	if (done && done->type != JSON_BOOL)
		return err_set(err, ERR_CORRUPT, "%s is not true or false", q("done"));
	s.done = done && done->boolean;
	if (read_paths(root, "created", &s.created, err) < 0 ||
	    read_paths(root, "moved", &s.moved, err) < 0 ||
	    read_config(root, &s.config, err) < 0)
		return -1;
	*ret = s;
	s = (struct restore_state)RESTORE_STATE_INIT;
	return 0;
}

/* ---- Writing ---- */

static void write_paths(struct json_writer *w, const char *key,
			const struct strings *list)
{
	if (list->n == 0)
		return;
	json_key(w, key);
	json_begin_array(w);
	for (size_t i = 0; i < list->n; i++)
		json_bytes(w, list->items[i], strlen(list->items[i]));
	json_end_array(w);
}

int restore_state_write(const struct restore_state *s, struct buf *out, struct err *err)
{
	struct json_writer w = JSON_WRITER(out, err);

	json_begin_object(&w);
	if (s->done) {
		json_key(&w, "done");
		json_bool(&w, true);
	}
	write_paths(&w, "created", &s->created);
	write_paths(&w, "moved", &s->moved);
	if (s->config) {
		json_key(&w, "config");
		json_raw(&w, s->config, strlen(s->config));
	}
	json_end_object(&w);
	return json_end(&w);
}

/* ---- Names ---- */

/* ".~xxxxxxxxx~" and no more. */
static bool is_mark(const char *s)
{
	static const char random[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789";

	return s[0] == '.' && s[1] == '~' && strspn(s + 2, random) == ASIDE_RANDOM &&
	       strcmp(s + 2 + ASIDE_RANDOM, "~") == 0;
}

size_t restore_state_live_length(const char *aside)
{
	size_t n = strlen(aside);

	if (n <= ASIDE_LENGTH || !is_mark(aside + n - ASIDE_LENGTH))
		return 0;
	/* A name of nothing but the mark belongs to a mount point's staging directory. */
	return aside[n - ASIDE_LENGTH - 1] == '/' ? 0 : n - ASIDE_LENGTH;
}

bool restore_state_is_staging(const char *name)
{
	return is_mark(name);
}

char *restore_state_aside_name(const char *name, struct err *err)
{
	char random[ASIDE_RANDOM + 1];

	if (fd_random_name(random, ASIDE_RANDOM, err) < 0)
		return NULL;
	return alloc_printf(err, "%s.~%s~", name, random);
}
