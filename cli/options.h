/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_OPTIONS_H
#define SETASIDE_CLI_OPTIONS_H

/*
 * options: tables of options, from which parsing and help are made.
 *
 * GNU long options anywhere among the operands, `--` ends them; `--opt=value` and
 * `--opt value`; no abbreviations; a value of a single letter follows at once, or
 * in the next argument.  Given twice, the last
 * one counts, but for lists, which grow.
 *
 * A value is stored where the spec's offset says, in a structure of the caller's:
 * OPTION_FLAG a bool, OPTION_TEXT and OPTION_NOTE a const char * (borrowed from argv),
 * OPTION_LIST and OPTION_WORDS a struct strings, which the caller releases.
 */

#include <stdbool.h>
#include <stddef.h>

#include "backend/base/buf.h"
#include "backend/base/error.h"
#include "cli/text.h"

enum option_type {
	OPTION_FLAG,
	OPTION_TEXT,  /* not empty */
	OPTION_NOTE,  /* may be empty */
	OPTION_LIST,  /* one item each time it is given, not empty */
	OPTION_WORDS, /* items separated by commas, none empty */
};

struct option_spec {
	const char *name;
	char letter; /* or 0 */
	enum option_type type;
	const char *value; /* what help calls the value; NULL for flags */
	const char *help;
	size_t offset;
};

struct option_table {
	const struct option_spec *specs;
	size_t n;
};

/* clang-format off */
#define OPTION_TABLE(specs_) { (specs_), sizeof(specs_) / sizeof((specs_)[0]) }

/* clang-format on */

/* The arguments (argv[0] is the program), and the tables that say which options take a
 * value. Where tables have the same name in common they must agree on that. */
struct options {
	int argc;
	char **argv;
	const struct option_table *const *tables;
	size_t n_tables;
	/* For the message about an option that is in none of them: the verb, or NULL; and
	 * the tables of all verbs. */
	const char *verb;
	const struct option_table *const *others;
	size_t n_others;
};

/*
 * Stores the options in target, and the operands, in their order, in ret_operands, which
 * has room for argc.  ERR_USAGE: an option that is in no table (the hint may name the one
 * that was meant), a value missing, empty or too many.
 */
int options_parse(const struct options *o, void *target, const char **ret_operands,
		  size_t *ret_n, struct err *err);

/* Without judging anything: the first operand (NULL: there is none), an unknown option
 * counting as one without a value; and whether a flag is given. */
const char *options_first_operand(const struct options *o);
bool options_has_flag(const struct options *o, const char *name);

/* One entry for each option: "  --users U,...     text", wrapped. */
void options_help(const struct option_table *table, struct text *t);

#endif
