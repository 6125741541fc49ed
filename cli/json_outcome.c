/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/json_outcome.h"

#include "cli/json_parts.h"
#include "cli/report.h"

int json_outcome_restore(const struct restore_outcome *o, bool dry_run, struct buf *out,
			 struct err *err)
{
	struct json_writer w = JSON_WRITER(out, err);

	json_parts_begin(&w);
	json_key(&w, "restore");
	json_begin_object(&w);
	json_parts_dry_run(&w, dry_run);
	if (o->id > 0)
		json_parts_number(&w, "id", o->id);
	else
		json_parts_text(&w, "id", NULL);
	json_parts_number(&w, "set", o->set);
	json_parts_list(&w, "apps", &o->apps);
	json_parts_list(&w, "created", &o->created);
	json_parts_list(&w, "moved", &o->moved);
	json_key(&w, "skipped");
	json_begin_array(&w);
	for (size_t i = 0; i < o->n_skipped; i++) {
		json_begin_object(&w);
		json_parts_text(&w, "app", o->skipped[i].app);
		json_parts_text(&w, "user", o->skipped[i].user);
		json_parts_text(&w, "why", o->skipped[i].why);
		json_end_object(&w);
	}
	json_end_array(&w);
	if (o->undid > 0) {
		json_parts_number(&w, "undid", o->undid);
		json_key(&w, "redone");
		json_bool(&w, o->redone);
	}
	json_end_object(&w);
	return json_parts_end(&w);
}

int json_outcome_keep(const struct keep_outcome *o, struct buf *out, struct err *err)
{
	struct json_writer w = JSON_WRITER(out, err);

	json_parts_begin(&w);
	json_key(&w, "keep");
	json_begin_object(&w);
	json_parts_number(&w, "id", o->id);
	json_parts_list(&w, "removed", &o->removed);
	json_end_object(&w);
	return json_parts_end(&w);
}

int json_outcome_forget(const struct forget_outcome *o, bool dry_run, struct buf *out,
			struct err *err)
{
	struct json_writer w = JSON_WRITER(out, err);

	json_parts_begin(&w);
	json_key(&w, "forget");
	json_begin_object(&w);
	json_parts_dry_run(&w, dry_run);
	json_parts_number(&w, "set", o->set);
	json_parts_list(&w, "apps", &o->apps);
	json_end_object(&w);
	return json_parts_end(&w);
}

int json_outcome_export(const uint64_t *sets, size_t n, const char *file, uint64_t size,
			struct buf *out, struct err *err)
{
	struct json_writer w = JSON_WRITER(out, err);

	json_parts_begin(&w);
	json_key(&w, "export");
	json_begin_object(&w);
	json_key(&w, "sets");
	json_begin_array(&w);
	for (size_t i = 0; i < n; i++)
		json_u64(&w, sets[i]);
	json_end_array(&w);
	json_parts_text(&w, "file", file);
	json_parts_number(&w, "size", size);
	json_end_object(&w);
	return json_parts_end(&w);
}

/* One set of an import. */
static void write_imported(struct json_writer *w, const struct import_outcome *o)
{
	json_begin_object(w);
	json_parts_number(w, "set", o->set);
	json_key(w, "duplicate");
	json_bool(w, o->duplicate);
	json_parts_list(w, "apps", &o->apps);
	json_end_object(w);
}

int json_outcome_import(const struct import_outcome *sets, size_t n,
			const struct err *failure, struct buf *out, struct err *err)
{
	struct json_writer w = JSON_WRITER(out, err);

	json_parts_begin(&w);
	if (n == 1 && !failure) {
		json_key(&w, "import");
		write_imported(&w, &sets[0]);
		return json_parts_end(&w);
	}
	json_key(&w, "imports");
	json_begin_array(&w);
	for (size_t i = 0; i < n; i++)
		write_imported(&w, &sets[i]);
	json_end_array(&w);
	if (failure) {
		json_key(&w, "failed");
		report_write_json(&w, failure);
	}
	return json_parts_end(&w);
}

int json_outcome_check(const struct check_outcome *o, struct buf *out, struct err *err)
{
	struct json_writer w = JSON_WRITER(out, err);

	json_parts_begin(&w);
	json_key(&w, "check");
	json_begin_object(&w);
	json_parts_number(&w, "set", o->set);
	json_key(&w, "apps");
	json_begin_array(&w);
	for (size_t i = 0; i < o->n; i++) {
		json_begin_object(&w);
		json_parts_text(&w, "name", o->apps[i].name);
		json_key(&w, "ok");
		json_bool(&w, o->apps[i].ok);
		json_parts_list(&w, "problems", &o->apps[i].problems);
		json_end_object(&w);
	}
	json_end_array(&w);
	json_end_object(&w);
	return json_parts_end(&w);
}

/* Whose it is, and how much. */
static void write_tree(struct json_writer *w, const struct recovery_item *item)
{
	json_parts_text(w, "app", item->app);
	json_parts_text(w, "user", item->user);
	if (item->size >= 0)
		json_parts_number(w, "size", (uint64_t)item->size);
	else
		json_parts_text(w, "size", NULL);
}

static void write_items(struct json_writer *w, const char *key,
			const struct recovery_item *items, size_t n)
{
	json_key(w, key);
	json_begin_array(w);
	for (size_t i = 0; i < n; i++) {
		json_begin_object(w);
		json_parts_text(w, "object", items[i].object);
		json_parts_text(w, "what", items[i].what);
		if (items[i].hint)
			json_parts_text(w, "hint", items[i].hint);
		if (items[i].app)
			write_tree(w, &items[i]);
		json_end_object(w);
	}
	json_end_array(w);
}

int json_outcome_doctor(const struct recovery_report *r, bool dry_run, struct buf *out,
			struct err *err)
{
	struct json_writer w = JSON_WRITER(out, err);

	json_parts_begin(&w);
	json_key(&w, "doctor");
	json_begin_object(&w);
	json_parts_dry_run(&w, dry_run);
	write_items(&w, "repaired", r->repaired, r->n_repaired);
	write_items(&w, "left", r->left, r->n_left);
	if (r->n_busy > 0)
		write_items(&w, "busy", r->busy, r->n_busy);
	json_end_object(&w);
	return json_parts_end(&w);
}
