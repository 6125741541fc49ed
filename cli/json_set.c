/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/json_set.h"

#include "cli/json_parts.h"

/* The keys of meta.json, with the reason that listing found for not trusting it. */
static void write_snapshot(struct json_writer *w, const struct set_snapshot *s)
{
	struct snapshot view = *s->meta; /* borrows everything */

	if (s->broken)
		view.broken = s->broken;
	snapshot_write_json(&view, w);
}

/* What every list of sets says of one. */
static void write_keys(struct json_writer *w, const struct set *set)
{
	json_parts_number(w, "id", set->id);
	json_parts_text(w, "name", set->name);
	json_parts_text(w, "note", set->note);
	json_parts_time(w, "time", &set->time);
	json_parts_number(w, "size", set->size);
	json_key(w, "auto");
	json_bool(w, set->automatic);
	json_parts_text(w, "content-hash",
			set->content_hash[0] != '\0' ? set->content_hash : NULL);
	json_key(w, "snapshots");
	json_begin_array(w);
	for (size_t i = 0; i < set->n; i++)
		write_snapshot(w, &set->snapshots[i]);
	json_end_array(w);
}

void json_set_write(struct json_writer *w, const struct set *set)
{
	if (!set) {
		json_null(w);
		return;
	}
	json_begin_object(w);
	write_keys(w, set);
	json_end_object(w);
}

void json_set_saved_begin(struct json_writer *w)
{
	json_parts_begin(w);
	json_key(w, "sets");
	json_begin_array(w);
}

int json_set_saved_end(struct json_writer *w)
{
	json_end_array(w);
	return json_parts_end(w);
}

int json_set_show(const struct set *set, struct buf *out, struct err *err)
{
	struct json_writer w = JSON_WRITER(out, err);
	struct stamp expires = { .sec = set->expires };
	bool goes = set->expires > 0 && !set->pinned;

	json_parts_begin(&w);
	json_key(&w, "set");
	json_begin_object(&w);
	write_keys(&w, set);
	json_parts_text(&w, "origin", set->origin);
	json_parts_text(&w, "reason", set->reason);
	json_parts_time(&w, "expires", goes ? &expires : &(struct stamp)STAMP_ZERO);
	json_key(&w, "pinned");
	json_bool(&w, set->pinned);
	json_end_object(&w);
	return json_parts_end(&w);
}

/* What could not be looked at, if there is any. */
static void write_unread(struct json_writer *w, const struct save_unread_list *list)
{
	if (list->n == 0)
		return;
	json_key(w, "unreadable");
	json_begin_array(w);
	for (size_t i = 0; i < list->n; i++) {
		json_begin_object(w);
		json_parts_text(w, "app", list->items[i].app);
		json_parts_text(w, "user", list->items[i].user);
		json_parts_text(w, "path", list->items[i].path);
		json_parts_text(w, "why", list->items[i].why);
		json_end_object(w);
	}
	json_end_array(w);
}

int json_set_save(const struct save_outcome *o, bool dry_run, struct buf *out,
		  struct err *err)
{
	struct json_writer w = JSON_WRITER(out, err);

	json_parts_begin(&w);
	json_key(&w, "set");
	json_set_write(&w, o->has_set ? &o->set : NULL);
	json_key(&w, "unchanged");
	json_begin_array(&w);
	for (size_t i = 0; i < o->n_unchanged; i++) {
		json_begin_object(&w);
		json_parts_text(&w, "app", o->unchanged[i].app);
		json_parts_number(&w, "set", o->unchanged[i].set);
		json_end_object(&w);
	}
	json_end_array(&w);
	json_parts_list(&w, "empty", &o->empty);
	write_unread(&w, &o->unread);
	json_parts_dry_run(&w, dry_run);
	if (dry_run) {
		json_parts_number(&w, "size", o->estimate);
		json_parts_list(&w, "apps", &o->apps);
	}
	return json_parts_end(&w);
}
