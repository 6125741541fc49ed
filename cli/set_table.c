/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/set_table.h"

#include <stdint.h>

#include "backend/base/cleanup.h"

#define BILLION INT64_C(1000000000)

/* Nanoseconds from `then` to now; of a time too long ago the longest that can be said. */
static int64_t age_of(const struct stamp *then, const struct stamp *now)
{
	int64_t age;

	if (__builtin_sub_overflow(now->sec, then->sec, &age) ||
	    __builtin_mul_overflow(age, BILLION, &age) ||
	    __builtin_add_overflow(age, (int64_t)now->nsec - (int64_t)then->nsec, &age))
		return now->sec > then->sec ? INT64_MAX : 0;
	return age;
}

static void add_time(struct table *t, const struct stamp *time, const struct stamp *now)
{
	char text[STAMP_TEXT_MAX] = "";

	if (!stamp_is_zero(time) && now)
		stamp_format_age(age_of(time, now), text);
	else if (!stamp_is_zero(time))
		stamp_format(time, text);
	table_cell(t, text);
}

/* Whether some of the data could not be read when it was saved. */
static bool is_incomplete(const struct snapshot *s)
{
	for (size_t i = 0; i < s->n_archives; i++)
		if (s->archives[i].n_skipped > 0)
			return true;
	return false;
}

/* "auto, incomplete, broken: why, name", as far as they apply. */
static void add_notes(struct table *t, const struct set *set,
		      const struct set_snapshot *s)
{
	const char *notes[] = { set->automatic ? "auto" : NULL,
				is_incomplete(s->meta) ? "incomplete" : NULL, s->broken,
				set->name };
	_cleanup_(buf_done) struct buf cell = BUF_INIT;

	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		if (notes[i] && err_is(t->err, ERR_NONE))
			(void)buf_printf(
				&cell, t->err, "%s%s%s", cell.len > 0 ? ", " : "",
				notes[i] == s->broken ? "broken: " : "", notes[i]);
	}
	table_cell(t, cell.data);
}

void set_table_init(struct table *t, const struct stamp *now, struct err *err)
{
	const char *const titles[] = { "Set",     "App", now ? "Age" : "Time",
				       "Version", "Rev", "Size",
				       "Notes" };

	table_init(t, titles, sizeof(titles) / sizeof(titles[0]), err);
}

void set_table_add(struct table *t, const struct set *set, const struct stamp *now)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct set_snapshot *s = &set->snapshots[i];

		table_number(t, set->id);
		table_cell(t, s->meta->snap);
		add_time(t, &s->meta->time, now);
		table_cell(t, s->meta->version);
		table_cell(t, s->meta->revision);
		if (s->meta->size > 0)
			table_size(t, s->meta->size);
		else
			table_cell(t, NULL);
		add_notes(t, set, s);
	}
}

int set_table_write(const struct set *sets, size_t n, const struct stamp *now,
		    struct buf *out, struct err *err)
{
	_cleanup_(table_done) struct table t = TABLE_INIT;

	set_table_init(&t, now, err);
	for (size_t i = 0; i < n; i++)
		set_table_add(&t, &sets[i], now);
	return table_write(&t, out);
}
