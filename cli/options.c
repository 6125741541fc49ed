/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/options.h"

#include <stdio.h>
#include <string.h>

#include "backend/base/quote.h"
#include "backend/base/strings.h"
#include "backend/base/suggest.h"

#define HELP_COLUMN 26

/* One step over the arguments. */
struct item {
	const char *arg;                /* as it stands there */
	const struct option_spec *spec; /* NULL: an operand, or unknown */
	const char *value;              /* NULL: none */
	bool is_option;
};

struct walk {
	const struct options *o;
	int at;
	bool only_operands;
};

/* ---- One argument after the other ---- */

static const struct option_spec *find_in(const struct option_table *const *tables,
					 size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < tables[i]->n; k++) {
			const struct option_spec *spec = &tables[i]->specs[k];
			if (strlen(spec->name) == len &&
			    memcmp(spec->name, name, len) == 0)
				return spec;
		}
	}
	return NULL;
}

static const struct option_spec *find_long(const struct options *o, const char *name,
					   size_t len)
{
	return find_in(o->tables, o->n_tables, name, len);
}

static const struct option_spec *find_letter(const struct options *o, const char *letters)
{
	for (size_t i = 0; i < o->n_tables; i++) {
		for (size_t k = 0; k < o->tables[i]->n; k++) {
			const struct option_spec *spec = &o->tables[i]->specs[k];
			if (spec->letter != '\0' && spec->letter == letters[0] &&
			    (letters[1] == '\0' || spec->type != OPTION_FLAG))
				return spec;
		}
	}
	return NULL;
}

/* The value of an option that stands in the next argument, if there is one. */
static void read_value(struct walk *w, struct item *item)
{
	if (item->spec && item->spec->type != OPTION_FLAG && w->at < w->o->argc)
		item->value = w->o->argv[w->at++];
}

/* What an argument that begins with "--" is; its value may be the next argument. */
static void read_long(struct walk *w, struct item *item)
{
	const char *name = item->arg + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);

	item->spec = find_long(w->o, name, len);
	if (equals)
		item->value = equals + 1;
	else
		read_value(w, item);
}

/* The same of a single letter, whose value may follow at once. */
static void read_letter(struct walk *w, struct item *item)
{
	item->spec = find_letter(w->o, item->arg + 1);
	if (item->spec && item->arg[2] != '\0')
		item->value = item->arg + 2;
	else
		read_value(w, item);
}

/* False at the end.  An operand has no spec and is no option. */
static bool next_item(struct walk *w, struct item *item)
{
	if (w->at < w->o->argc && !w->only_operands &&
	    strcmp(w->o->argv[w->at], "--") == 0) {
		w->only_operands = true;
		w->at++;
	}
	if (w->at >= w->o->argc)
		return false;
	*item = (struct item){ .arg = w->o->argv[w->at++] };
	item->is_option =
		!w->only_operands && item->arg[0] == '-' && item->arg[1] != '\0';
	if (item->is_option && item->arg[1] == '-')
		read_long(w, item);
	else if (item->is_option)
		read_letter(w, item);
	return true;
}

const char *options_first_operand(const struct options *o)
{
	struct walk w = { o, 1, false };
	struct item item;

	while (next_item(&w, &item)) {
		if (!item.is_option)
			return item.arg;
	}
	return NULL;
}

bool options_has_flag(const struct options *o, const char *name)
{
	struct walk w = { o, 1, false };
	struct item item;

	while (next_item(&w, &item)) {
		if (item.spec && strcmp(item.spec->name, name) == 0)
			return true;
	}
	return false;
}

/* ---- Values ---- */

static int add_words(struct strings *list, const struct option_spec *spec,
		     const char *value, struct err *err)
{
	for (const char *at = value;; at++) {
		size_t len = strcspn(at, ",");

		if (len == 0)
			return err_set(err, ERR_USAGE,
				       "option \"--%s\" has an empty item in its value "
				       "%s",
				       spec->name, q(value));
		if (strings_add_n(list, at, len, err) < 0)
			return -1;
		at += len;
		if (*at == '\0')
			return 0;
	}
}

static int store(const struct item *item, void *target, struct err *err)
{
	const struct option_spec *spec = item->spec;
	char *where = (char *)target + spec->offset;

	if (spec->type == OPTION_FLAG && item->value)
		return err_set(err, ERR_USAGE, "option \"--%s\" takes no value",
			       spec->name);
	if (spec->type != OPTION_FLAG && !item->value)
		return err_set(err, ERR_USAGE, "option \"--%s\" needs a value: %s",
			       spec->name, spec->value);
	if (spec->type != OPTION_FLAG && spec->type != OPTION_NOTE &&
	    item->value[0] == '\0')
		return err_set(err, ERR_USAGE, "option \"--%s\" has an empty value",
			       spec->name);
	switch (spec->type) {
	case OPTION_FLAG:
		*(bool *)(void *)where = true;
		return 0;
	case OPTION_TEXT:
	case OPTION_NOTE:
		*(const char **)(void *)where = item->value;
		return 0;
	case OPTION_LIST:
		return strings_add((struct strings *)(void *)where, item->value, err);
	case OPTION_WORDS:
		break;
	}
	return add_words((struct strings *)(void *)where, spec, item->value, err);
}

/* ---- All of them ---- */

static int unknown(const struct options *o, const char *arg, struct err *err)
{
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(arg, "="), arg);
	/* What another verb knows was not misspelt. */
	if (o->verb && arg[1] == '-' &&
	    find_in(o->others, o->n_others, name + 2, strlen(name + 2)))
		return err_set(err, ERR_USAGE, "%s does not take the option %s", o->verb,
			       q(name));
	err_set(err, ERR_USAGE, "unknown option %s", q(name));
	if (arg[1] != '-')
		return -1;

	struct suggest s = SUGGEST(name + 2);
	for (size_t i = 0; i < o->n_tables; i++) {
		for (size_t k = 0; k < o->tables[i]->n; k++)
			suggest_offer(&s, o->tables[i]->specs[k].name);
	}
	return s.best ? err_hint(err, "did you mean \"--%s\"?", s.best) : -1;
}

int options_parse(const struct options *o, void *target, const char **ret_operands,
		  size_t *ret_n, struct err *err)
{
	struct walk w = { o, 1, false };
	struct item item;
	size_t n = 0;

	while (next_item(&w, &item)) {
		if (!item.is_option)
			ret_operands[n++] = item.arg;
		else if (!item.spec)
			return unknown(o, item.arg, err);
		else if (store(&item, target, err) < 0)
			return -1;
	}
	*ret_n = n;
	return 0;
}

void options_help(const struct option_table *table, struct text *t)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct option_spec *spec = &table->specs[i];
		char head[64];
		int n;

		if (spec->letter != '\0')
			n = snprintf(head, sizeof(head), "  -%c, --%s", spec->letter,
				     spec->name);
		else
			n = snprintf(head, sizeof(head), "  --%s", spec->name);
		if (spec->value)
			n += snprintf(head + n, sizeof(head) - (size_t)n, " %s",
				      spec->value);
		text_printf(t, "%s", head);
		if (n + 2 > HELP_COLUMN)
			text_printf(t, "\n%*s", HELP_COLUMN, "");
		else
			text_printf(t, "%*s", HELP_COLUMN - n, "");
		text_wrap(t, spec->help, HELP_COLUMN, HELP_COLUMN);
		text_printf(t, "\n");
	}
}
