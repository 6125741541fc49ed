/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/tree/exclude.h"

#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "backend/tree/entry.h"

enum part_kind {
	PART_LITERAL,
	PART_GLOB,
	PART_ANY
};

/* One component of a pattern; the text is the pattern's. */
struct part {
	enum part_kind kind;
	const char *text;
	size_t n;
};

struct pattern {
	char *text;
	struct part *parts;
	size_t n_parts, cap_parts;
	bool dir_only;
	bool has_any; /* one of its parts is `**` */
};

struct exclude {
	struct pattern *patterns;
	size_t n, cap;
};

int exclude_new(struct exclude **ret, struct err *err)
{
	struct exclude *x = alloc_zero(1, sizeof(*x), err);

	if (!x)
		return -1;
	*ret = x;
	return 0;
}

static void pattern_done(struct pattern *p)
{
	free(p->text);
	free(p->parts);
}

void exclude_free(struct exclude *x)
{
	if (!x)
		return;
	for (size_t i = 0; i < x->n; i++)
		pattern_done(&x->patterns[i]);
	free(x->patterns);
	free(x);
}

size_t exclude_count(const struct exclude *x)
{
	return x->n;
}

/* Cuts p->text into parts; those that begin before `literal` are literal whatever they
 * hold. */
static int cut(struct pattern *p, const char *literal, struct err *err)
{
	const char *s = p->text;

	while (*s) {
		size_t n = strcspn(s, "/");
		struct part part = { .kind = PART_LITERAL, .text = s, .n = n };

		if (s >= literal && n == 2 && memcmp(s, "**", 2) == 0)
			part.kind = PART_ANY;
		else if (s >= literal && memchr(s, '*', n))
			part.kind = PART_GLOB;
		if (alloc_grow(&p->parts, p->n_parts, &p->cap_parts, sizeof(part), err) <
		    0)
			return -1;
		p->parts[p->n_parts++] = part;
		p->has_any |= part.kind == PART_ANY;
		s += n;
		if (*s == '/' && *++s == '\0')
			p->dir_only = true;
	}
	return 0;
}

/* Adds a pattern of `n_literal` literal bytes, then a slash and wildcards, where both
 * are there. */
static int add(struct exclude *x, const char *literal, size_t n_literal, const char *rest,
	       struct err *err)
{
	_cleanup_(pattern_done) struct pattern p = { 0 };
	size_t n_rest = rest ? strlen(rest) : 0;
	char *end;

	p.text = alloc_bytes(n_literal + n_rest + 2, err);
	if (!p.text)
		return -1;
	memcpy(p.text, literal, n_literal);
	end = p.text + n_literal;
	if (n_literal && rest)
		*end++ = '/';
	memcpy(end, rest ? rest : "", n_rest + 1);
	if (cut(&p, end, err) < 0 ||
	    alloc_grow(&x->patterns, x->n, &x->cap, sizeof(p), err) < 0)
		return -1;
	x->patterns[x->n++] = p;
	p = (struct pattern){ 0 };
	return 0;
}

/* What is wrong with one component of a pattern, or NULL. */
static const char *component_fault(const char *s, size_t n)
{
	if (n == 0)
		return "holds an empty component";
	if ((n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
		return "holds the component \".\" or \"..\"";
	if (n > 2 && memmem(s, n, "**", 2))
		return "has \"**\" beside other text";
	return NULL;
}

/* What is wrong with a pattern, or NULL. */
static const char *fault_of(const char *pattern)
{
	size_t len = strlen(pattern);
	const char *s = pattern;

	if (len == 0)
		return "is empty";
	if (len > ENTRY_PATH_MAX)
		return "is too long";
	if (*s == '/')
		return "is absolute";
	for (const char *p = s; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == '\177')
			return "holds control characters";
	}
	while (*s) {
		size_t n = strcspn(s, "/");
		const char *fault = component_fault(s, n);

		if (fault)
			return fault;
		s += n;
		if (*s == '/')
			s++;
	}
	return NULL;
}

int exclude_add(struct exclude *x, const char *pattern, struct err *err)
{
	return exclude_add_below(x, "", pattern, err);
}

int exclude_add_below(struct exclude *x, const char *tree, const char *pattern,
		      struct err *err)
{
	const char *fault = fault_of(pattern);

	if (fault)
		return err_set(err, ERR_USAGE, "exclude pattern %s %s", q(pattern),
			       fault);
	return add(x, tree, strlen(tree), pattern, err);
}

int exclude_add_path(struct exclude *x, const char *path, struct err *err)
{
	if (!entry_path_is_legal(path))
		return err_set(err, ERR_USAGE, "%s is no path of an archive", q(path));
	return add(x, path, strlen(path), NULL, err);
}

/* What snapd would find wrong with the part behind the variable, or NULL. */
static const char *snapd_fault_of(const char *rest)
{
	if (strstr(rest, "**"))
		return "holds \"**\", which only the excludes of a definition may";
	if (strpbrk(rest, "[]{}?"))
		return "holds one of []{}?, which are special to snapd";
	if (*rest && !entry_path_is_legal(rest))
		return "is no clean path: no empty component, \".\" or \"..\"";
	return NULL;
}

int exclude_add_snapd(struct exclude *x, const char *pattern, bool user,
		      const char *revision, struct err *err)
{
	static const struct {
		const char *name;
		bool user, common;
	} variables[] = {
		{ "$SNAP_DATA", false, false },
		{ "$SNAP_COMMON", false, true },
		{ "$SNAP_USER_DATA", true, false },
		{ "$SNAP_USER_COMMON", true, true },
	};

	size_t n = strcspn(pattern, "/");
	const char *rest = pattern[n] ? pattern + n + 1 : NULL;
	const char *fault = NULL, *top;
	size_t i;

	for (i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		if (strlen(variables[i].name) == n &&
		    strncmp(pattern, variables[i].name, n) == 0)
			break;
	}
	if (i == sizeof(variables) / sizeof(*variables))
		fault = "does not begin with a directory variable of snapd";
	else if (rest)
		fault = *rest ? snapd_fault_of(rest) : "is no clean path";
	if (fault)
		return err_set(err, ERR_USAGE, "exclude pattern %s %s", q(pattern),
			       fault);
	if (variables[i].user != user)
		return 0;
	top = variables[i].common ? "common" : revision;
	return add(x, top, strlen(top), rest, err);
}

/* Whether one component matches; `*` takes as little as it must, and more when what
 * follows does not fit: going back to the last `*` alone suffices. */
static bool part_matches(const struct part *part, const char *s, size_t n)
{
	const char *p = part->text, *p_end = p + part->n;
	const char *s_end = s + n, *back_p = NULL, *back_s = NULL;

	if (part->kind == PART_LITERAL)
		return part->n == n && memcmp(part->text, s, n) == 0;
	while (s < s_end) {
		if (p < p_end && *p == '*') {
			back_p = ++p;
			back_s = s;
		} else if (p < p_end && *p == *s) {
			p++;
			s++;
		} else if (back_p) {
			p = back_p;
			s = ++back_s;
		} else {
			return false;
		}
	}
	while (p < p_end && *p == '*')
		p++;
	return p == p_end;
}

/* The component behind one of n bytes at s, or NULL where that was the last. */
static const char *next_component(const char *s, size_t n)
{
	return s[n] ? s + n + 1 : NULL;
}

/* Whether the parts match the whole path: as part_matches() does with characters. */
static bool pattern_matches(const struct pattern *p, const char *path)
{
	const char *s = path, *back_s = NULL;
	size_t i = 0, back_i = 0;

	while (s) {
		size_t n = strcspn(s, "/");

		if (i < p->n_parts && p->parts[i].kind == PART_ANY) {
			if (i + 1 == p->n_parts)
				return true; /* at least this component is left */
			back_i = ++i;
			back_s = s;
		} else if (i < p->n_parts && part_matches(&p->parts[i], s, n)) {
			i++;
			s = next_component(s, n);
		} else if (back_s) {
			back_s = next_component(back_s, strcspn(back_s, "/"));
			i = back_i;
			s = back_s;
		} else {
			return false;
		}
	}
	return i == p->n_parts;
}

bool exclude_matches(const struct exclude *x, const char *path, bool is_dir)
{
	size_t depth = 1;

	if (x->n == 0)
		return false;
	for (const char *s = strchr(path, '/'); s; s = strchr(s + 1, '/'))
		depth++;
	for (size_t i = 0; i < x->n; i++) {
		const struct pattern *p = &x->patterns[i];

		if (p->dir_only && !is_dir)
			continue;
		if (p->has_any ? pattern_matches(p, path)
			       : p->n_parts == depth && pattern_matches(p, path))
			return true;
	}
	return false;
}

/* Whether a pattern could match something below dir: its parts up to dir's depth, or up
 * to the first `**`, match dir's, and one is left. */
static bool reaches_below(const struct pattern *p, const char *dir)
{
	const char *s = *dir ? dir : NULL;
	size_t i = 0;

	for (; s; i++) {
		size_t n = strcspn(s, "/");

		if (i == p->n_parts)
			return false;
		if (p->parts[i].kind == PART_ANY)
			return true;
		if (!part_matches(&p->parts[i], s, n))
			return false;
		s = next_component(s, n);
	}
	return i < p->n_parts;
}

bool exclude_may_match_below(const struct exclude *x, const char *dir)
{
	for (size_t i = 0; i < x->n; i++) {
		if (reaches_below(&x->patterns[i], dir))
			return true;
	}
	return false;
}
