/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/json_parts.h"

#include <stddef.h>
#include <string.h>

void json_parts_begin(struct json_writer *w)
{
	json_begin_object(w);
	json_parts_number(w, "version", 1);
}

int json_parts_end(struct json_writer *w)
{
	json_end_object(w);
	if (json_end(w) < 0)
		return -1;
	return buf_add_byte(w->out, '\n', w->err);
}

void json_parts_text(struct json_writer *w, const char *key, const char *text)
{
	json_key(w, key);
	if (text)
		json_bytes(w, text, strlen(text));
	else
		json_null(w);
}

void json_parts_number(struct json_writer *w, const char *key, uint64_t number)
{
	json_key(w, key);
	json_u64(w, number);
}

void json_parts_time(struct json_writer *w, const char *key, const struct stamp *time)
{
	char text[STAMP_TEXT_MAX];

	stamp_format(time, text);
	json_parts_text(w, key, stamp_is_zero(time) ? NULL : text);
}

void json_parts_list(struct json_writer *w, const char *key, const struct strings *list)
{
	json_key(w, key);
	json_begin_array(w);
	for (size_t i = 0; i < list->n; i++)
		json_bytes(w, list->items[i], strlen(list->items[i]));
	json_end_array(w);
}

void json_parts_dry_run(struct json_writer *w, bool dry_run)
{
	if (!dry_run)
		return;
	json_key(w, "dry-run");
	json_bool(w, true);
}
