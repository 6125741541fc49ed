/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_JSON_SET_H
#define SETASIDE_CLI_JSON_SET_H

/*
 * json_set: sets and what was saved, as JSON.
 */

#include <stdbool.h>

#include "backend/base/json.h"
#include "state/operation/save.h"
#include "state/sets.h"

/* The object of one set, or null for NULL. */
void json_set_write(struct json_writer *w, const struct set *set);

/* The answer of `saved`: json_set_write() for each set in between. */
void json_set_saved_begin(struct json_writer *w);
int json_set_saved_end(struct json_writer *w);
/* Whole answers: of `show`, of `save`. */
int json_set_show(const struct set *set, struct buf *out, struct err *err);
int json_set_save(const struct save_outcome *o, bool dry_run, struct buf *out,
		  struct err *err);

#endif
