/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/journal.h"

#include <string.h>

#include "backend/base/alloc.h"

static const char *const state_names[] = {
	[JOURNAL_PREPARING] = "preparing", [JOURNAL_LINKING] = "linking",
	[JOURNAL_SWAPPING] = "swapping",   [JOURNAL_RESTORED] = "restored",
	[JOURNAL_CLEANING] = "cleaning",   [JOURNAL_CLOSED] = "closed",
};

void journal_item_init(struct journal_item *item)
{
	*item = (struct journal_item){ .kind = JOURNAL_SWAP };
}

void journal_item_done(struct journal_item *item)
{
	free(item->app);
	free(item->user);
	free(item->tree);
	free(item->parent);
	free(item->name);
	free(item->aside);
	free(item->attrs);
	journal_item_init(item);
}

/* A copy of a string that may be NULL. */
static int copy_str(const char *from, char **ret, struct err *err)
{
	if (!from)
		return 0;
	*ret = alloc_strdup(from, err);
	return *ret ? 0 : -1;
}

/* The parts of an item that are its own memory; `to` may be left half filled. */
static int copy_owned(const struct journal_item *from, struct journal_item *to,
		      struct err *err)
{
	if (copy_str(from->app, &to->app, err) < 0 ||
	    copy_str(from->user, &to->user, err) < 0 ||
	    copy_str(from->tree, &to->tree, err) < 0 ||
	    copy_str(from->parent, &to->parent, err) < 0 ||
	    copy_str(from->name, &to->name, err) < 0 ||
	    copy_str(from->aside, &to->aside, err) < 0)
		return -1;
	if (!from->attrs)
		return 0;
	to->attrs = alloc_memdup(from->attrs, from->attrs_size, err);
	return to->attrs ? 0 : -1;
}

int journal_item_copy(const struct journal_item *from, struct journal_item *ret,
		      struct err *err)
{
	struct journal_item copy = *from;

	copy.app = copy.user = copy.tree = copy.parent = copy.name = copy.aside = NULL;
	copy.attrs = NULL;
	if (copy_owned(from, &copy, err) < 0) {
		journal_item_done(&copy);
		return -1;
	}
	*ret = copy;
	return 0;
}

const char *journal_state_name(enum journal_state state)
{
	return state_names[state];
}

bool journal_state_parse(const char *name, enum journal_state *ret)
{
	for (size_t i = 0; i < sizeof(state_names) / sizeof(*state_names); i++) {
		if (strcmp(name, state_names[i]) == 0) {
			*ret = (enum journal_state)i;
			return true;
		}
	}
	return false;
}
