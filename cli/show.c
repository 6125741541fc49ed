/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/show.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cli/text.h"

#define LABEL_WIDTH 14

/* ---- One line: a label, and what it is ---- */

static void label(struct text *t, int indent, const char *name)
{
	text_printf(t, "%*s%-*s", indent, "", LABEL_WIDTH - indent, name);
}

/* Nothing for NULL and "". */
static void field(struct text *t, int indent, const char *name, const char *value)
{
	if (!value || value[0] == '\0')
		return;
	label(t, indent, name);
	text_foreign(t, value);
	text_printf(t, "\n");
}

static void field_time(struct text *t, int indent, const char *name,
		       const struct stamp *time)
{
	char text[STAMP_TEXT_MAX];

	stamp_format(time, text);
	field(t, indent, name, stamp_is_zero(time) ? NULL : text);
}

/* "882kB (881923 bytes)" */
static void size(struct text *t, uint64_t bytes)
{
	char text[STAMP_TEXT_MAX];

	stamp_format_size(bytes, text);
	text_printf(t, "%s (%" PRIu64 " bytes)", text, bytes);
}

static void field_size(struct text *t, int indent, const char *name, uint64_t bytes)
{
	label(t, indent, name);
	size(t, bytes);
	text_printf(t, "\n");
}

static void field_list(struct text *t, int indent, const char *name, char *const *items,
		       size_t n)
{
	for (size_t i = 0; i < n; i++)
		field(t, indent, i == 0 ? name : "", items[i]);
}

/* ---- Parts of a set ---- */

static void show_set(struct text *t, const struct set *set)
{
	struct stamp expires = { .sec = set->expires };

	label(t, 0, "Set");
	text_printf(t, "%" PRIu64 "\n", set->id);
	field(t, 0, "Name", set->name);
	field(t, 0, "Note", set->note);
	field(t, 0, "Origin", set->origin);
	field_time(t, 0, "Time", &set->time);
	field(t, 0, "Automatic", set->automatic ? "yes" : NULL);
	field(t, 0, "Reason", set->reason);
	if (set->pinned)
		field(t, 0, "Expires", "never: it is pinned");
	else if (set->expires > 0)
		field_time(t, 0, "Expires", &expires);
	else
		field(t, 0, "Expires", "never");
	field_size(t, 0, "Size", set->size);
	field(t, 0, "Content hash",
	      set->content_hash[0] != '\0' ? set->content_hash
					   : "none: a part is broken");
}

static void show_tree(struct text *t, const struct snapshot_tree *tree)
{
	label(t, 4, "Tree");
	text_foreign(t, tree->name);
	text_printf(t, ": ");
	text_foreign(t, tree->path);
	if (tree->resolved) {
		text_printf(t, ", which lies at ");
		text_foreign(t, tree->resolved);
	}
	text_printf(t, "%s\n", tree->is_file ? " (a file)" : "");
	field_list(t, 6, "without", tree->exclude, tree->n_exclude);
}

static void show_skips(struct text *t, const char *name, const struct snapshot_skip *list,
		       size_t n)
{
	for (size_t i = 0; i < n; i++) {
		label(t, 4, i == 0 ? name : "");
		text_foreign(t, list[i].path);
		if (list[i].why) {
			text_printf(t, ": ");
			text_message(t, list[i].why);
		}
		text_printf(t, "\n");
	}
}

/* What only snapshots of ours say of an archive. */
static void show_details(struct text *t, const struct snapshot_archive *a)
{
	if (a->user) {
		label(t, 4, "User");
		text_foreign(t, a->user);
		text_printf(t, " (%" PRIu32 ":%" PRIu32 ")\n", a->uid, a->gid);
		field(t, 4, "Home", a->home);
	}
	label(t, 4, "Entries");
	text_printf(t, "%" PRIu64 "\n", a->entries);
	field_size(t, 4, "Data", a->bytes);
	field_size(t, 4, "Needs", a->allocated);
	for (size_t i = 0; i < a->n_trees; i++)
		show_tree(t, &a->trees[i]);
	show_skips(t, "Left out", a->skipped, a->n_skipped);
	show_skips(t, "Changed", a->changed, a->n_changed);
}

static void show_archive(struct text *t, const struct snapshot_archive *a)
{
	text_printf(t, "  ");
	text_foreign(t, a->name);
	text_printf(t, "\n");
	field(t, 4, "SHA3-384", a->sha3);
	if (a->has_details)
		show_details(t, a);
}

/* "git 1:2.39.5 (native, revision x1)" */
static void show_title(struct text *t, const struct snapshot *m)
{
	text_foreign(t, m->snap[0] != '\0' ? m->snap : "(unknown app)");
	if (m->version[0] != '\0') {
		text_printf(t, " ");
		text_foreign(t, m->version);
	}
	text_printf(t, " (");
	if (m->has_own && m->packaging) {
		text_foreign(t, m->packaging);
		text_printf(t, ", ");
	}
	text_printf(t, "revision ");
	text_foreign(t, m->revision[0] != '\0' ? m->revision : "unknown");
	text_printf(t, ")\n");
}

static void show_snapshot(struct text *t, const struct set_snapshot *s)
{
	const struct snapshot *m = s->meta;

	text_printf(t, "\n");
	show_title(t, m);
	field(t, 2, "Broken", s->broken);
	field(t, 2, "Summary", m->summary);
	field(t, 2, "File", s->file);
	field_time(t, 2, "Time", &m->time);
	field(t, 2, "Host", m->host);
	field(t, 2, "Machine", m->machine_id);
	field(t, 2, "Taken", m->taken);
	field(t, 2, "Snap id", m->snap_id);
	field(t, 2, "Settings", m->conf);
	field_list(t, 2, "Excluded", m->exclude, m->n_exclude);
	if (m->size > 0)
		field_size(t, 2, "Size", m->size);
	for (size_t i = 0; i < m->n_archives; i++)
		show_archive(t, &m->archives[i]);
}

int show_write(const struct set *set, struct buf *out, struct err *err)
{
	struct text t = TEXT(out, err);

	show_set(&t, set);
	for (size_t i = 0; i < set->n; i++)
		show_snapshot(&t, &set->snapshots[i]);
	return text_end(&t);
}
