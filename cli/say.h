/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_SAY_H
#define SETASIDE_CLI_SAY_H

/*
 * say: sentences that several verbs have in common.
 */

#include <stddef.h>
#include <stdint.h>

#include "backend/base/strings.h"
#include "cli/text.h"

/* begin + `set 3`, or `set 3 of apps "a", "b"` where apps were asked for, + end; the
 * word is capitalised where begin is empty. */
void say_set(struct text *t, const char *begin, uint64_t set, const char *const *apps,
	     size_t n_apps, const char *end);

/* Paths or names below a title, one on a line; nothing for none. */
void say_paths(struct text *t, const char *title, const struct strings *paths);

#endif
