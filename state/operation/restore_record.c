/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "backend/base/alloc.h"
#include "backend/base/quote.h"
#include "state/operation/restore.h"
#include "state/operation/restore_detail.h"
#include "state/restores.h"

/* Appends a path; takes it. */
static int take_path(struct strings *list, char *path, struct err *err)
{
	if (!path)
		return -1;
	if (strings_take(list, path, err) < 0) {
		free(path);
		return -1;
	}
	return 0;
}

/* The items of one app, in snapd's two lists. */
static int add_items(const struct db_item_list *items, const char *app,
		     struct restore_state *state, struct err *err)
{
	for (size_t i = 0; i < items->n; i++) {
		const struct journal_item *item = &items->items[i];

		if (strcmp(item->app, app) != 0)
			continue;
		if (restore_lists_created(items->items, items->n, i) &&
		    take_path(&state->created, restore_item_path(item, err), err) < 0)
			return -1;
		if (restore_lists_moved(item) &&
		    take_path(&state->moved, restore_item_aside(item, err), err) < 0)
			return -1;
	}
	return 0;
}

/* The app's configuration from before. */
static int add_config(const struct db_restore *row, const char *app,
		      struct restore_state *state, struct err *err)
{
	struct restore_detail detail = { 0 };
	int r = restore_detail_parse(row->detail, row->detail_size, &detail, err);

	for (size_t i = 0; r == 0 && i < detail.n_configs; i++) {
		if (strcmp(detail.configs[i].app, app) != 0)
			continue;
		state->config = alloc_strdup(detail.configs[i].config, err);
		r = state->config ? 0 : -1;
	}
	restore_detail_done(&detail);
	return r;
}

int setaside_restore_state(struct session *s, uint64_t restore, const char *app,
			   struct restore_state *ret, struct err *err)
{
	_cleanup_(restore_state_done) struct restore_state state = RESTORE_STATE_INIT;
	struct db_item_list items = { 0 };
	struct db_restore row;
	int r;

	if (!s->db)
		return err_set(err, ERR_NOT_FOUND, "no restore is known here");
	if (restore_find(s, restore, &row, err) < 0)
		return -1;
	r = db_restore_items(s->db, row.id, &items, err);
	if (r == 0)
		r = add_items(&items, app, &state, err);
	if (r == 0 && state.created.n + state.moved.n == 0)
		r = err_set(err, ERR_NOT_FOUND, "restore %llu did nothing to %s",
			    (unsigned long long)row.id, q(app));
	if (r == 0)
		r = add_config(&row, app, &state, err);
	db_item_list_done(&items);
	db_restore_done(&row);
	if (r < 0)
		return -1;
	*ret = state;
	state = (struct restore_state)RESTORE_STATE_INIT;
	return 0;
}
