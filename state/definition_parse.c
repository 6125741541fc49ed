/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/definition.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/json.h"
#include "backend/base/quote.h"
#include "backend/names.h"
#include "backend/tree/exclude.h"
#include "state/definition_internal.h"
#include "state/flatpak.h"
#include "state/shape.h"
#include "state/xdg.h"

#define FORMAT         1
#define DEPTH_MAX      16
#define NAME_MAX_BYTES 200
#define TREE_PATH_MAX  4000

/* Checks the rules beyond types: what is read here has passed the tables. */
struct parser {
	struct shape_source source;
	unsigned flags;
	struct exclude *scratch; /* tries patterns */
};

/* The text of a string that may be missing. */
static const char *text_at(const struct json *object, const char *key)
{
	const struct json *value = json_get(object, key);

	return value ? value->text : NULL;
}

static bool bool_at(const struct json *object, const char *key)
{
	const struct json *value = json_get(object, key);

	return value && value->boolean;
}

/* The index in a list of words, `fallback` where the key is missing. */
static unsigned word_at(const struct json *object, const char *key,
			const char *const *words, unsigned fallback)
{
	const char *text = text_at(object, key);
	unsigned i = 0;

	if (!text)
		return fallback;
	while (strcmp(words[i], text) != 0)
		i++;
	return i;
}

static int check_format(struct parser *p, const struct json *top, struct err *err)
{
	const struct json *format = json_get(top, "format");
	uint64_t n;

	if (!format)
		return 0; /* the table says whether it may be missing */
	if (format->type != JSON_NUMBER || !json_to_u64(format, &n) || n != FORMAT)
		return shape_fault_at(&p->source, "format", format->line, err,
				      "this version knows only format %d", FORMAT);
	return 0;
}

static int check_id(struct parser *p, const struct json *top, const char *id,
		    struct err *err)
{
	const struct json *value = json_get(top, "id");

	if (value && strcmp(value->text, id) != 0)
		return shape_fault_at(&p->source, "id", value->line, err,
				      "%s is not what the file is named after, %s",
				      q(value->text), q(id));
	return 0;
}

static bool is_empty_list(const struct json *object, const char *key)
{
	const struct json *list = object ? json_get(object, key) : NULL;

	return !list || list->n == 0;
}

/* What a person's own definition may not say. */
static int check_user(struct parser *p, const struct json *top, struct err *err)
{
	static const char *const lists[] = { "units", "user_units" };
	const struct json *quiesce = json_get(top, "quiesce");
	size_t mark;

	if (!is_empty_list(top, "dump"))
		return shape_fault_at(&p->source, "dump", json_get(top, "dump")->line,
				      err,
				      "only definitions of the system may run programs");
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		if (is_empty_list(quiesce, lists[i]))
			continue;
		if (shape_enter(&p->source, "quiesce", 0, &mark, err) < 0)
			return -1;
		return shape_fault_at(&p->source, lists[i],
				      json_get(quiesce, lists[i])->line, err,
				      "only definitions of the system may name units");
	}
	return 0;
}

/* One list of `match`; `is_legal` may be NULL. */
static int parse_match_list(struct parser *p, const struct json *match, const char *key,
			    bool (*is_legal)(const char *name), struct strings *ret,
			    struct err *err)
{
	const struct json *list = json_get(match, key);
	size_t outer, mark;

	if (!list)
		return 0;
	if (shape_enter(&p->source, key, 0, &outer, err) < 0)
		return -1;
	for (size_t i = 0; i < list->n; i++) {
		const char *text = list->items[i]->text;

		if (shape_enter(&p->source, NULL, i, &mark, err) < 0)
			return -1;
		if (*text == '\0' || (is_legal && !is_legal(text)))
			return shape_fault(&p->source, list->items[i]->line, err,
					   "%s is no name", q(text));
		if (strings_add(ret, text, err) < 0)
			return -1;
		shape_leave(&p->source, mark);
	}
	shape_leave(&p->source, outer);
	return 0;
}

static int parse_match(struct parser *p, const struct json *top, struct definition *d,
		       struct err *err)
{
	const struct json *match = json_get(top, "match");
	size_t mark;

	if (!match)
		return 0;
	if (shape_enter(&p->source, "match", 0, &mark, err) < 0 ||
	    parse_match_list(p, match, "deb", NULL, &d->deb, err) < 0 ||
	    parse_match_list(p, match, "pacman", NULL, &d->pacman, err) < 0 ||
	    parse_match_list(p, match, "flatpak", flatpak_id_is_legal, &d->flatpak, err) <
		    0)
		return -1;
	shape_leave(&p->source, mark);
	return 0;
}

/* What is wrong with the path of a tree, or NULL. */
static const char *path_fault(const char *path, bool user_scope)
{
	size_t prefix = xdg_prefix(path);

	if (strlen(path) > TREE_PATH_MAX)
		return "is too long";
	if (strchr(path, '*'))
		return "holds a wildcard";
	if (user_scope && prefix == 0)
		return "does not begin with ~/ or $XDG_CONFIG_HOME/, $XDG_DATA_HOME/, "
		       "$XDG_STATE_HOME/, $XDG_CACHE_HOME/";
	if (!user_scope && path[0] != '/')
		return "is not absolute";
	if (!xdg_is_clean(path + (user_scope ? prefix : 1)))
		return "is no clean path: no empty component, \".\" or \"..\"";
	if (!user_scope &&
	    (strcmp(path, "/home") == 0 || strcmp(path, "/root") == 0 ||
	     strncmp(path, "/home/", 6) == 0 || strncmp(path, "/root/", 6) == 0))
		return "lies in a home, and needs the scope \"user\"";
	return NULL;
}

/* The places of a tree. */
static int parse_at(struct parser *p, const struct json *at, struct definition_tree *tree,
		    struct err *err)
{
	size_t mark;

	if (shape_enter(&p->source, "at", 0, &mark, err) < 0)
		return -1;
	for (size_t i = 0; i < PACKAGING_N; i++) {
		const char *key = packaging_name((enum packaging)i);
		const struct json *path = json_get(at, key);
		const char *fault;

		if (!path)
			continue;
		fault = path_fault(path->text, tree->user_scope);
		if (fault)
			return shape_fault_at(&p->source, key, path->line, err, "%s %s",
					      q(path->text), fault);
		tree->at[i] = alloc_strdup(path->text, err);
		if (!tree->at[i])
			return -1;
	}
	if (at->n == 0)
		return shape_fault(&p->source, at->line, err, "names no path");
	shape_leave(&p->source, mark);
	return 0;
}

static int parse_exclude(struct parser *p, const struct json *list,
			 struct definition_tree *tree, struct err *err)
{
	size_t outer, mark;

	if (shape_enter(&p->source, "exclude", 0, &outer, err) < 0)
		return -1;
	for (size_t i = 0; i < list->n; i++) {
		_cleanup_(err_clear) struct err reason = ERR_INIT;
		const struct json *pattern = list->items[i];

		if (shape_enter(&p->source, NULL, i, &mark, err) < 0)
			return -1;
		if (exclude_add(p->scratch, pattern->text, &reason) < 0) {
			if (!err_is(&reason, ERR_USAGE))
				return err_move(err, &reason);
			return shape_fault(&p->source, pattern->line, err, "%s",
					   err_message(&reason));
		}
		if (strings_add(&tree->exclude, pattern->text, err) < 0)
			return -1;
		shape_leave(&p->source, mark);
	}
	shape_leave(&p->source, outer);
	return 0;
}

/* Name and scope: what a tree is known by. */
static int parse_tree_head(struct parser *p, const struct json *object,
			   struct definition_tree *tree, struct err *err)
{
	const struct json *name = json_get(object, "name");
	const struct json *scope = json_get(object, "scope");

	if (!name)
		return shape_fault(&p->source, object->line, err, "\"name\" is missing");
	if (!snapshot_tree_is_legal(name->text))
		return shape_fault_at(&p->source, "name", name->line, err,
				      "%s is not 1 to 32 of a-z, 0-9 and \"-\"",
				      q(name->text));
	/* A tree of a drop-in without a path of its own adds to one that is there. */
	tree->addition = !json_get(object, "at");
	if (!tree->addition && !scope)
		return shape_fault(&p->source, object->line, err, "\"scope\" is missing");
	tree->user_scope = scope && strcmp(scope->text, "user") == 0;
	if (scope && !tree->user_scope && (p->flags & DEFINITION_USER))
		return shape_fault_at(
			&p->source, "scope", scope->line, err,
			"only definitions of the system may name system data");
	tree->name = alloc_strdup(name->text, err);
	tree->file = tree->name ? alloc_strdup(p->source.file, err) : NULL;
	tree->line = object->line;
	return tree->file ? 0 : -1;
}

static int parse_tree(struct parser *p, const struct json *object, struct definition *d,
		      struct err *err)
{
	_cleanup_(definition_tree_done) struct definition_tree tree = { .name = NULL };
	const struct json *at = json_get(object, "at");
	const struct json *exclude = json_get(object, "exclude");

	if (parse_tree_head(p, object, &tree, err) < 0)
		return -1;
	tree.role = (enum tree_role)word_at(object, "role", definition_roles, ROLE_DATA);
	tree.required = bool_at(object, "required");
	tree.saved =
		word_at(object, "save", definition_saves, tree.role == ROLE_CACHE) == 0;
	if ((at && parse_at(p, at, &tree, err) < 0) ||
	    (exclude && parse_exclude(p, exclude, &tree, err) < 0))
		return -1;
	return definition_take_tree(d, &tree, err);
}

static int parse_trees(struct parser *p, const struct json *top, struct definition *d,
		       struct err *err)
{
	const struct json *trees = json_get(top, "trees");
	size_t outer, mark;

	if (!trees)
		return 0;
	if (shape_enter(&p->source, "trees", 0, &outer, err) < 0)
		return -1;
	if (trees->n > DEFINITION_TREES_MAX)
		return shape_fault(&p->source, trees->line, err, "more than %d",
				   DEFINITION_TREES_MAX);
	if (trees->n == 0 && !(p->flags & DEFINITION_DROP_IN))
		return shape_fault(&p->source, trees->line, err, "names no tree");
	for (size_t i = 0; i < trees->n; i++) {
		if (shape_enter(&p->source, NULL, i, &mark, err) < 0 ||
		    parse_tree(p, trees->items[i], d, err) < 0)
			return -1;
		shape_leave(&p->source, mark);
	}
	shape_leave(&p->source, outer);
	return 0;
}

static int parse_name(struct parser *p, const struct json *top, struct definition *d,
		      struct err *err)
{
	const struct json *name = json_get(top, "name");

	if (!name)
		return 0;
	if (name->len == 0 || name->len > NAME_MAX_BYTES)
		return shape_fault_at(&p->source, "name", name->line, err,
				      "must have 1 to %d bytes", NAME_MAX_BYTES);
	d->name = alloc_strdup(name->text, err);
	return d->name ? 0 : -1;
}

/* All rules over a parsed text. */
static int parse_top(struct parser *p, const struct json *top, const char *id,
		     struct definition *d, struct err *err)
{
	if (top->type != JSON_OBJECT)
		return shape_fault(&p->source, top->line, err, "must be an object");
	if (check_format(p, top, err) < 0 ||
	    shape_check(&p->source, top, definition_format, err) < 0 ||
	    check_id(p, top, id, err) < 0)
		return -1;
	if ((p->flags & DEFINITION_USER) && check_user(p, top, err) < 0)
		return -1;
	if (parse_name(p, top, d, err) < 0 || parse_match(p, top, d, err) < 0 ||
	    parse_trees(p, top, d, err) < 0)
		return -1;
	/* Those of a drop-in can be told only with the ones it is added to. */
	return (p->flags & DEFINITION_DROP_IN) ? 0 : definition_check(d, err);
}

static void parser_done(struct parser *p)
{
	shape_source_done(&p->source);
	exclude_free(p->scratch);
}

int definition_parse(const char *text, size_t len, const char *file, const char *id,
		     unsigned flags, const struct observer *observer,
		     struct definition **ret, struct err *err)
{
	static const struct json_limits limits = { DEFINITION_MAX, DEPTH_MAX };
	_cleanup_(parser_done) struct parser p = {
		.source = SHAPE_SOURCE(file, observer, (flags & DEFINITION_DROP_IN) != 0),
		.flags = flags,
	};
	_cleanup_(definition_freep) struct definition *d = NULL;
	_cleanup_(json_freep) struct json *top = NULL;

	if (!definition_id_is_legal(id))
		return err_set(err, ERR_CORRUPT, "%s: %s cannot name an app", file,
			       q(id));
	if (!json_is_utf8(text, len))
		return err_set(err, ERR_CORRUPT, "%s: not UTF-8", file);
	if (json_parse(text, len, &limits, &top, err) < 0)
		return err_wrap(err, "%s", file);
	if (definition_new(id, &d, err) < 0 || exclude_new(&p.scratch, err) < 0 ||
	    parse_top(&p, top, id, d, err) < 0)
		return -1;
	*ret = TAKE_PTR(d);
	return 0;
}
