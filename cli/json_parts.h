/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SETASIDE_CLI_JSON_PARTS_H
#define SETASIDE_CLI_JSON_PARTS_H

/*
 * json_parts: what all answers in JSON have in common.
 *
 *	struct json_writer w = JSON_WRITER(&cli->out, err);
 *	json_parts_begin(&w);			{"version":1
 *	json_key(&w, "set"); ...
 *	return json_parts_end(&w);		}, and a newline
 */

#include <stdbool.h>

#include "backend/base/json.h"
#include "backend/base/stamp.h"
#include "backend/base/strings.h"

void json_parts_begin(struct json_writer *w);
int json_parts_end(struct json_writer *w);

/* "dry-run":true where it is one, else nothing. */
void json_parts_dry_run(struct json_writer *w, bool dry_run);

/* A key with: any bytes (null for NULL), a time (null for none), a list of strings. */
void json_parts_text(struct json_writer *w, const char *key, const char *text);
void json_parts_number(struct json_writer *w, const char *key, uint64_t number);
void json_parts_time(struct json_writer *w, const char *key, const struct stamp *time);
void json_parts_list(struct json_writer *w, const char *key, const struct strings *list);

#endif
